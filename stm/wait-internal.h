/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_WAIT_INTERNAL_H
#define STM_WAIT_INTERNAL_H

#include <stm/park-internal.h>
#include <stm/value.h>

/* Who waits for a variable, and who of them is woken.
 *
 * A *caller* has been told to wait and may come back much later: it is woken by
 * every change.  A *sleeper* is a thread that sleeps in stm_atomically, and so
 * runs as soon as it is woken, or a call with a wake function, which runs when
 * its event loop comes round.  Of those a change wakes one, since of many who
 * wait for one item only one can have it, and that one looks after the others:
 *
 *   - A sleeper remembers the value that it saw.  One *differs* while that is
 *     not the variable's present value, by identity.
 *   - A commit that changes the variable claims one sleeper that differs.  If
 *     more remain, the claimed one carries a *baton* for the variable.
 *   - When its next attempt ends, however it ends, or its thread does, or it is
 *     withdrawn, the one who carries a baton looks again, and claims two of
 *     those that differ by then: if more remain, they carry batons in their
 *     turn.  So a change that concerns 1,000 sleepers reaches them all in ten
 *     rounds.
 *   - An attempt may take long, or wait by other means for one who was left
 *     asleep.  While there are variables with batons, the service thread looks
 *     at those every STM__LOOK_NS, and claims whoever differs at STM__LOOKS
 *     looks in a row (overdue.c).
 *
 * Hence: whenever a sleeper differs and nobody holds the variable, somebody is
 * awake who will look after it, and what differs for a tenth of a second is
 * woken whatever the others do, unless something of the user's keeps the
 * service thread.  (tests/model/wake.pml)
 *
 * A value that is counted lives while a sleeper remembers it, so that no other
 * can come to have its address. */

#define STM__LOOK_NS UINT64_C(20000000)
#define STM__LOOKS 5

struct stm__side;

/* A waiter's place at one variable.  Owned by the blocked call, which holds a
 * reference to the side and, of a sleeper, to the value seen.  What stands
 * below `under the lock` belongs to the side's lock. */
struct stm__wait {
    struct stm__side *side;
    struct stm__waiter *waiter;
    stm_value seen; /* by a sleeper */
    bool sleeper;

    /* under the lock */
    bool linked;
    bool baton;
    unsigned looks; /* of the service thread, in a row, at which it differed */
    AO_t generation;
    struct stm__wait *next, *previous; /* a ring: callers, or a group */
    struct stm__wait *next_group;      /* a ring of groups, made of the first */
    struct stm__wait *previous_group;  /* of each; NULL: not the first */
};

/* A side's part, under its lock but for reads of `count`. */
struct stm__waits {
    AO_t count; /* of those linked */
    AO_t generation;
    struct stm__wait *callers;

    /* The sleepers, a group for each value seen, and in a group the one who
     * has slept longest first.  The group from which one was claimed goes to
     * the end. */
    struct stm__wait *groups;

    AO_t watched;            /* the generation in which the service thread was
                                asked to look, if it is still to */
    struct stm__side *after; /* in its list */
};

/* Puts a wait at its side, and takes it away, if nobody has yet; returns
 * whether the wait carries a baton. */
void stm__wait_link(struct stm__wait *wait);
bool stm__wait_unlink(struct stm__wait *wait);

/* These claim waiters and add those that must be notified in front of `chain`,
 * which they return.
 *
 * After a change: every caller, and one sleeper that differs.  *claimed: was
 * there one? */
struct stm__waiter *stm__wait_change(struct stm__side *side, bool *claimed,
                                     struct stm__waiter *chain);

/* Who carries a baton: two that differ. */
struct stm__waiter *stm__wait_pass_on(struct stm__side *side,
                                      struct stm__waiter *chain);

/* Everyone, whether or not anything has changed. */
struct stm__waiter *stm__wait_all(struct stm__side *side,
                                  struct stm__waiter *chain);

/* The service thread: who has differed for too long.  *over: need it not look
 * again? */
struct stm__waiter *stm__wait_overdue(struct stm__side *side, bool *over,
                                      struct stm__waiter *chain);

/* Notifies each of such a chain; no lock held. */
void stm__wait_notify(struct stm__waiter *chain);

/* ---- overdue.c: in a layer above, where there are timers ---- */

/* Has the service thread look at the side, to which it takes over a reference;
 * under the side's lock. */
void stm__overdue_add(struct stm__side *side);

/* Sees to it that it does; no lock held. */
void stm__overdue_start(void);

/* Is there something to start? */
extern AO_t stm__overdue_idle;

#endif
