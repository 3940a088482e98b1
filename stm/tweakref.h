/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_TWEAKREF_H
#define STM_TWEAKREF_H

#include <stm/status.h>
#include <stm/transaction.h>
#include <stm/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A transactional weak reference: to one attempt its referent is alive, and
 * then stays so until the attempt ends, or it is dead, for good.  A death is a
 * change like any other: it wakes transactions that wait and runs watchers
 * again.  Statuses and ownership as in stm/tlist.h. */
struct stm_tweakref;

/* How to refer weakly to values of one kind.  Constant; outlives every
 * reference that uses it. */
struct stm_weak_type {
    /* What leads to the referent without keeping it alive: owned by the weak
     * reference and valid whether or not the referent lives, such as the
     * control block of a counted object.  It is released before the weak
     * reference's memory goes, with nothing locked and in no transaction. */
    const struct stm_type *link;

    /* Takes a reference to the referent, unless it is dead: then false, now and
     * ever after.  It must only count.  Any thread, in a transaction, with
     * nothing locked. */
    bool (*upgrade)(stm_value link, stm_value *referent);

    /* How to own what upgrade yields.  In a transaction release is called only
     * while another reference is there. */
    const struct stm_type *referent;
};

/* What to make. */
struct stm_weak {
    const struct stm_weak_type *type;
    stm_value link;

    /* Run once in a transaction of its own after the referent's death, on the
     * library's service thread (see stm/service.h), unless nothing refers to
     * the weak reference any more when it is told of the death.  NULL:
     * nothing. */
    stm_body *callback;
    stm_value argument; /* the weak reference holds a reference of its own */
    const struct stm_type *argument_type;
};

/* Makes a weak reference to what the link leads to, which must be alive; the
 * transaction keeps it alive until it ends.  The caller owns a reference to
 * *out, from each attempt anew: a body that runs again first releases what it
 * got before.  STM_EMISUSE if the referent is dead. */
STM_API STM_NODISCARD enum stm_status
stm_tweakref_new(struct stm_tx *tx, const struct stm_weak *weak,
                 struct stm_tweakref **out);
STM_API void stm_tweakref_retain(struct stm_tweakref *ref);
STM_API void stm_tweakref_release(struct stm_tweakref *ref);

/* The referent, or 0 when it is dead.  The attempt keeps it alive to its end;
 * a blocked transaction does not. */
STM_API STM_NODISCARD enum stm_status
stm_tweakref_get(struct stm_tx *tx, struct stm_tweakref *ref, stm_value *out);

/* Tells that the referent is dead: to be called once by whoever ended it, after
 * upgrade has begun to fail.  Any thread, in or outside a transaction and under
 * any lock; needs no memory, runs no code of the user's, and does not wait.
 * The death is committed soon after, by the library's service thread.  Should
 * that fail, for instance with a watcher's error, then waiting transactions are
 * woken all the same, and the callback runs.
 *
 * The referent's owner, who calls this, seldom holds a reference to ref, which
 * would be kept as long as the referent then.  It is enough that the memory is
 * there: that the owner keeps ref where releasing its link takes it out again,
 * and excludes, by a lock, that from happening during this call.  A weak
 * reference that nothing refers to any more ignores the call. */
STM_API void stm_tweakref_died(struct stm_tweakref *ref);

#ifdef __cplusplus
}
#endif
#endif
