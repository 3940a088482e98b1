/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_SLOT_INTERNAL_H
#define STM_SLOT_INTERNAL_H

#include <stddef.h>

#include <stm/atomic-internal.h>
#include <stm/step-internal.h>

/* The version clock and the announcements of running attempts.
 *
 * Versions are even; the odd bit is a lock bit in a variable and a "here I am"
 * bit in a slot.  A thread announces the snapshot of its attempt in a slot of
 * its own before it reads anything, so that a commit can tell which replaced
 * values somebody may still look at (Fraser's epochs, with the version clock
 * as the epoch).  Slots belong to running threads only: one that blocks or
 * exits gives its slot back, so a scan meets no idle workers. */

#define STM__VERSION_STEP 2
#define STM__ODD ((AO_t)1)

/* Advances at every commit that writes.  On a cache line of its own. */
extern struct stm__clock {
    AO_t version;
    char padding[STM__CACHE_LINE - sizeof(AO_t)];
} stm__clock;

/* The newest version. */
static inline AO_t stm__clock_now(void)
{
    return AO_load_acquire(&stm__clock.version);
}

/* A version newer than all before. */
static inline AO_t stm__clock_tick(void)
{
    return AO_fetch_and_add_full(&stm__clock.version, STM__VERSION_STEP) +
           STM__VERSION_STEP;
}

/* ---- running solo: solo.c ---- */

/* The slot of the thread that runs solo or tries to, or 0. */
extern AO_t stm__solo;

/* Once, when the library is loaded, and again in the child of a fork. */
void stm__solo_heed(void);

/* A full fence on every thread of the process that runs, paid for by the caller
 * alone: some microseconds.  Where there is none, what is built on it is not
 * done. */
bool stm__has_membarrier(void);
void stm__membarrier(void);

/* Where no other thread is in an attempt, the owner of this idle slot runs
 * solo from now on; false if some is.  The caller then looks whether anything
 * else forbids it, and withdraws if so. */
bool stm__solo_try(struct stm__slot *slot);

/* Ends it where another slot's owner runs solo; returns once nothing of it is
 * still on its way.  `own` may be NULL. */
void stm__solo_end(const struct stm__slot *own);

/* The owner itself runs solo no longer. */
void stm__solo_withdraw(struct stm__slot *slot);

/* The owner, in an attempt solo, is about to publish: from here on nobody else
 * begins until stm__solo_published.  False: it is not solo any more. */
static inline bool stm__solo_publish(struct stm__slot *slot)
{
    AO_store(&slot->publishing, 1);
    AO_compiler_barrier(); /* the fence is stm__solo_end's */
    if (STM__LIKELY(!STM__STEP(STM__AT_SOLO) && AO_load_acquire(&slot->solo)))
        return true;
    AO_store_release(&slot->publishing, 0);
    return false;
}

static inline void stm__solo_published(struct stm__slot *slot)
{
    AO_store_release(&slot->publishing, 0);
}

/* ---- slots ---- */

/* The calling thread's slot, or NULL while it has none. */
extern STM__THREAD_LOCAL struct stm__slot *stm__slot_own;

/* Stands for the slot of a thread that has none. */
extern struct stm__slot stm__slot_none;

/* Sees to it that the thread has a slot; NULL when out of memory.  Gives it
 * back, idle. */
struct stm__slot *stm__slot_acquire(void);
void stm__slot_release(void);

/* Is an attempt of the calling thread running? */
static inline bool stm__slot_busy(void)
{
    return stm__slot_own && AO_load(&stm__slot_own->begin);
}

/* Announces an attempt that began at `begin` and reads at `snapshot`; complete
 * before any read, and so is the look at stm__solo: where another one has just
 * ended that, its fence was for this thread, too. */
static inline void stm__slot_enter(struct stm__slot *slot, AO_t begin,
                                   AO_t snapshot)
{
    AO_store_release(&slot->low, snapshot | STM__ODD);
    AO_store_release(&slot->high, snapshot | STM__ODD);
    AO_store_release(&slot->begin, begin | STM__ODD);
    stm__fence();
    if (STM__UNLIKELY(AO_load_acquire(&stm__solo) != 0))
        stm__solo_end(slot);
}

/* Ends the announcement.  Returns whether something waits for that: either this
 * sees it, or the one who leaves it sees that the slot is idle. */
static inline bool stm__slot_leave(struct stm__slot *slot)
{
    AO_store_release(&slot->begin, 0);
    stm__fence();
    return STM__UNLIKELY(AO_load(&slot->asked) || AO_load(&slot->stuck));
}

/* In the child of a fork: ends the attempts of the threads that are not in it
 * and gives their slots back.  Calls visit for each. */
void stm__slot_forget_others(void (*visit)(struct stm__slot *slot));

/* Is any attempt running? */
bool stm__slot_any_running(void);

/* Has no other thread a slot?  One that sleeps in a transaction has none. */
bool stm__slot_only_own(void);

/* Calls visit for each slot in which an attempt is running. */
void stm__slot_each_running(void (*visit)(struct stm__slot *slot,
                                          void *context),
                            void *context);

#endif
