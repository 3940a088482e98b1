/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_LIMBO_INTERNAL_H
#define STM_LIMBO_INTERNAL_H

#include <stm/slot-internal.h>
#include <stm/value-internal.h>

/* Where things wait that no one can reach any more, until the last attempt
 * that may still look at them has ended.  Then, and outside any transaction and
 * any lock, they are released, by whichever thread ended that attempt.
 *
 * Two kinds.  A value that was current for the versions [birth, death) is held
 * back by an attempt with an announced snapshot in that range, and by no
 * other, so one stalled attempt holds little.  An object (a variable) whose
 * last reference is gone is held back by every attempt that began before that,
 * since it may stand in the attempt's log. */

struct stm__retired {
    struct stm__ref ref;
    AO_t birth;
    AO_t death;
};

/* The values that one commit replaced; allocated before the commit locks. */
struct stm__batch {
    struct stm__batch *next;
    size_t count;
    size_t capacity;
    struct stm__retired items[];
};

/* NULL: out of memory. */
struct stm__batch *stm__batch_new(size_t capacity);

/* The head of an object that can be buried. */
struct stm__dead {
    struct stm__dead *next;
    const struct stm_type *type; /* its release frees the object */
};

/* Takes the object over and releases it through its type: before this returns,
 * if nothing holds it back and the caller is not in an attempt.  Any thread,
 * no lock held. */
void stm__limbo_bury(struct stm__dead *dead);

/* The same for an object that was never referred to but by values: whoever has
 * it in its log has such a value in view, so that it needs no waiting. */
void stm__limbo_bury_inner(struct stm__dead *dead);

/* Releases a reference at once, however much that leads to, without deep
 * recursion: where this file runs the caller in a release, after that one; in
 * an attempt, when that has ended. */
void stm__limbo_drop(const struct stm_type *type, stm_value value);

/* Releases what is in the batch, which it takes over; in an attempt, when that
 * has ended. */
void stm__limbo_drop_batch(struct stm__batch *batch);

/* Before the calling thread, which can still run transactions, ends: releases
 * all that it has put off, and what that leads to. */
void stm__limbo_thread_fini(void);

/* 1: something waits for a thread that may release it, and any that ends an
 * attempt tries. */
extern AO_t stm__limbo_stranded;

/* Around a fork: see stm/fork.c. */
void stm__limbo_fork_prepare(void);
void stm__limbo_fork_parent(void);
void stm__limbo_fork_child(void);

/* On the calling thread, or stranded if that may not release it: the object is
 * released by stm__limbo_work, which releases all that is ready. */
void stm__limbo_make_ready(struct stm__dead *dead);
void stm__limbo_work(void);

/* ---- view.c: who holds back a value ---- */

/* Moves the items that nobody holds back behind those that must stay, and
 * counts the latter.  *holder is one who holds the first back; *others says
 * whether any attempt was running. */
size_t stm__view_partition(struct stm__batch *batch, struct stm__slot **holder,
                           bool *others);

/* ---- bury.c: objects ---- */

/* Releases those that no attempt holds back any more. */
void stm__bury_look(void);

/* Around a fork; are there any in the child? */
void stm__bury_fork_prepare(void);
void stm__bury_fork_parent(void);
bool stm__bury_fork_child(void);

/* ---- later.c: values of types that are released late ---- */

#define STM__LATER_MAX 64

/* Puts what is in the batch, which all may wait, off, all or nothing.  False:
 * it is still there, since there is no room. */
bool stm__later_put(struct stm__batch *batch);

/* What the calling thread has put off, or NULL. */
struct stm__batch *stm__later_take(void);

/* The same, before the thread ends; it puts nothing off any more. */
struct stm__batch *stm__later_thread_fini(void);

/* Takes what threads have put off that have put off nothing more since the last
 * call.  Returns whether any thread had something. */
bool stm__later_sweep(struct stm__batch **chain);

/* Around a fork; what any thread had put off. */
void stm__later_fork_prepare(void);
void stm__later_fork_parent(void);
struct stm__batch *stm__later_fork_child(void);

/* Releases what can be released of these batches, in no attempt, and leaves the
 * rest with those who hold it back. */
void stm__limbo_release(struct stm__batch *chain);

/* ---- sweep.c: in a layer above, where there are timers ---- */

/* 1: what is put off is looked at now and then. */
extern AO_t stm__sweeping;

/* Sees to it.  False: nobody is there to look. */
bool stm__sweep_start(void);

/* Called when an attempt has ended, with what stm__slot_leave returned:
 * releases what can be released of the batch (NULL: none) and of what the
 * attempt held back, and takes over the rest.  Returns the batch, empty, or
 * NULL if it was taken over. */
struct stm__batch *stm__limbo_settle(struct stm__batch *batch, bool asked);

#endif
