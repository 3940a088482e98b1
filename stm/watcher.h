/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_WATCHER_H
#define STM_WATCHER_H

#include <stm/status.h>
#include <stm/value.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stm_tx;

/* A watcher is a pair of functions that runs inside every transaction which
 * writes what the first one read: after that transaction's body, before its
 * commit.  What they write commits with it; what they fail with aborts it; a
 * retry in them makes the whole transaction retry. */
struct stm_watcher;

/* What to watch.  All zero but `function` is a valid default. */
struct stm_watch {
    /* Reads what is to be watched and computes *result, of which the library
     * then owns one reference.  Its writes are kept, too. */
    enum stm_status (*function)(struct stm_tx *tx, stm_value argument,
                                stm_value *result);

    /* Called after each run of function; what it reads is not watched. */
    enum stm_status (*callback)(struct stm_tx *tx, stm_value argument,
                                stm_value result);

    const struct stm_type *result_type;
    stm_value argument; /* the watcher holds a reference for each variable */
    const struct stm_type *argument_type; /* that it watches, and for a time */
    const char *name;                     /* copied; shown in errors */
};

/* Creates a watcher; it runs for the first time before this transaction
 * commits, and exists only if it commits.  *out, if out is not NULL, receives
 * a handle that the caller owns, from each attempt anew: a body that runs again
 * first releases what it got before.  Without a handle the watcher lives as
 * long as a variable that it watches, or a time that it asked for is to come.
 *
 * Watchers run in order of creation: each once for every transaction that
 * writes a variable it read (also with the same value), and again within that
 * transaction when something it read is given another value after its function
 * has returned, by the callback or by another watcher.  One whose function
 * asked for a time by stm_elapsed in its last run runs again when that has
 * come.  A cascade that has not settled after 1,000 rounds ends the transaction
 * with STM_EDIVERGED; the message names the watchers. STM_OK, STM_ENOMEM,
 * STM_EMISUSE or the sticky status. */
STM_API STM_NODISCARD enum stm_status stm_watch(struct stm_tx *tx,
                                                const struct stm_watch *watch,
                                                struct stm_watcher **out);

/* What must hold. */
struct stm_invariant {
    enum stm_status (*holds)(struct stm_tx *tx, stm_value argument, bool *out);
    stm_value argument;
    const struct stm_type *argument_type;
    const char *name; /* copied; shown in errors */
};

/* Checks the invariant now and, from the commit of this transaction on, at the
 * end of every transaction that writes what it read.  Where it does not hold,
 * STM_EINVARIANT with a message that names it, here as from the transaction
 * that broke it.  Otherwise as stm_watch; *out can be cancelled. */
STM_API STM_NODISCARD enum stm_status
stm_invariant(struct stm_tx *tx, const struct stm_invariant *invariant,
              struct stm_watcher **out);

/* Ends the watcher when the transaction commits; within it, it does not run
 * any more.  An attempt of another thread, which then does not commit, may
 * still be running the watcher's functions; it has the argument kept alive.
 * Cancelling twice is no error. */
STM_API STM_NODISCARD enum stm_status
stm_watcher_cancel(struct stm_tx *tx, struct stm_watcher *watcher);

/* Counts references to the handle.  Any thread. */
STM_API void stm_watcher_retain(struct stm_watcher *watcher);
STM_API void stm_watcher_release(struct stm_watcher *watcher);

#ifdef __cplusplus
}
#endif
#endif
