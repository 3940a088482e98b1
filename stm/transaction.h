/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_TRANSACTION_H
#define STM_TRANSACTION_H

#include <stddef.h>
#include <time.h>

#include <stm/status.h>
#include <stm/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A transaction is a function, its body, that is run until one of its
 * attempts commits, as if no other thread existed meanwhile.
 *
 * An attempt ends in one of four ways: commit (its writes become visible),
 * conflict (what it read had changed: it re-runs at once), retry (it called
 * stm_retry: it blocks until something it read changes), or abort (its body
 * returned an error: its effects are gone).
 *
 * Sticky statuses.  Once an attempt is in conflict or out of memory, every
 * further operation repeats that status up to the outermost end; a retry is
 * repeated up to the nearest running stm_or_else or stm_would_block.  The
 * commit trusts this, not what the body returns, so that a body which
 * swallows a status cannot commit what must not be.  CONFLICT beats ENOMEM
 * beats RETRY beats the body's own error. */
struct stm_tx;

/* A body.  It may run several times and should do nothing but operations on
 * `tx`, which is valid on this thread until the body returns.  STM_OK
 * commits; any error aborts. */
typedef enum stm_status stm_body(struct stm_tx *tx, void *argument);

/* Runs body in a transaction of the calling thread: in a new one, or nested
 * in the one that is running.  A nested body that returns an error is undone
 * alone; its reads stay.  Not in a signal handler: what is to happen then is
 * for stm_set_blocking's hooks.  Returns STM_OK after the commit (of a nested
 * one: after its effects became the outer one's), or the body's error;
 * STM_ENOMEM; STM_EDIVERGED; what a blocking hook ended the wait with;
 * STM_EMISUSE for a retry that nothing could wake.
 */
STM_API STM_NODISCARD enum stm_status stm_atomically(stm_body *body,
                                                     void *argument);

/* Returns the calling thread's running attempt, or NULL. */
STM_API struct stm_tx *stm_current(void);

/* Returns STM_OK, or the sticky status by which the attempt is doomed;
 * STM_EMISUSE if this is not the calling thread's running attempt. */
STM_API enum stm_status stm_tx_status(const struct stm_tx *tx);

/* Names the running transaction in statistics and errors.  The name is
 * copied.  STM_OK, STM_ENOMEM or STM_EMISUSE. */
STM_API STM_NODISCARD enum stm_status stm_tx_set_name(struct stm_tx *tx,
                                                      const char *name);

/* Gives up for now: the attempt runs again when a variable it read has
 * changed, or a time-out that it asked for is over.  Always returns STM_RETRY,
 * or the stronger status by which the attempt is doomed already.
 *
 * Of several threads that sleep for one variable a change wakes the one that
 * has slept longest; when its next attempt has ended, it wakes the others, if
 * the variable is still not what they saw.  An attempt that waits for one of
 * them by other means keeps them asleep for about a tenth of a second. */
STM_API STM_NODISCARD enum stm_status stm_retry(struct stm_tx *tx);

/* One alternative of stm_or_else. */
struct stm_branch {
    stm_body *body;
    void *argument;
};

/* Runs the branches in turn, each nested, until one does not retry, and
 * returns what that one returned; a branch that retried is undone, but what
 * it read stays among what the transaction waits for.  If all retry, so does
 * this.  No branches: retries. */
STM_API STM_NODISCARD enum stm_status
stm_or_else(struct stm_tx *tx, const struct stm_branch *branches, size_t count);

/* Runs body nested and undoes it whatever comes; *out says whether it would
 * have retried.  An error of the body counts as "no". */
STM_API STM_NODISCARD enum stm_status
stm_would_block(struct stm_tx *tx, stm_body *body, void *argument, bool *out);

/* Which state stm_previously returns to. */
enum stm_point {
    STM_INNERMOST, /* before the innermost nested transaction or branch */
    STM_OUTERMOST  /* before the whole transaction */
};

/* Runs body as it would have run at an earlier point of this transaction: what
 * was written since is not seen.  What the body itself writes is seen by it and
 * undone when it returns, whatever it returns; what it reads counts as read by
 * the transaction.  Returns what the body returned, or the sticky status. */
STM_API STM_NODISCARD enum stm_status stm_previously(struct stm_tx *tx,
                                                     stm_body *body,
                                                     void *argument,
                                                     enum stm_point point);

/* "For ever" wherever a length of time in nanoseconds is asked for. */
#define STM_FOREVER UINT64_MAX

/* Has the time passed?  *out tells; where it is false, a retry of this attempt
 * wakes when it will have.  `nanoseconds` counts on the monotonic clock from
 * when the transaction, whose attempts all count as one, first asked for the
 * time or first ended an attempt; STM_FOREVER never passes.  Within an attempt
 * time stands still.  STM_EMISUSE inside a watcher's function. */
STM_API STM_NODISCARD enum stm_status
stm_elapsed(struct stm_tx *tx, uint64_t nanoseconds, bool *out);

/* The same for a moment of the wall clock. */
STM_API STM_NODISCARD enum stm_status
stm_elapsed_at(struct stm_tx *tx, const struct timespec *moment, bool *out);

/* An action for later, as several calls take it: a function and a counted
 * argument.  The library takes a reference of its own to the argument (type
 * NULL: a plain word) and gives it back when the action has run or cannot run
 * any more. */
typedef void stm_action(stm_value argument);

/* Runs action(argument) on the committing thread, outside any transaction and
 * with nothing locked, if and when the outermost transaction commits, in order
 * of registration.  STM_OK, STM_ENOMEM, STM_EMISUSE or the sticky status. */
STM_API STM_NODISCARD enum stm_status
stm_on_commit(struct stm_tx *tx, stm_action *action, stm_value argument,
              const struct stm_type *type);

/* Lets a result out of the transaction: when it commits, *out receives value
 * with a reference that the caller then owns; else *out stays as it is.  A
 * later export to the same place replaces an earlier one.  STM_OK, STM_ENOMEM,
 * STM_EMISUSE or the sticky status. */
STM_API STM_NODISCARD enum stm_status stm_export(struct stm_tx *tx,
                                                 const struct stm_type *type,
                                                 stm_value value,
                                                 stm_value *out);

/* Takes over a reference that the caller owned and releases it when the attempt
 * has ended: for what must not run a finalizer inside the transaction.
 * STM_OK; STM_ENOMEM, and the reference is still the caller's; STM_EMISUSE. */
STM_API STM_NODISCARD enum stm_status
stm_release_later(struct stm_tx *tx, const struct stm_type *type,
                  stm_value value);

/* What to do around every sleep of this thread inside the library, with
 * nothing locked: for instance, let an interpreter's lock go. */
struct stm_blocking {
    /* Before and after each sleep.  An attempt that waits at the commit gate
     * is only paused meanwhile, so neither may run a transaction. */
    void (*enter)(void *context);
    void (*leave)(void *context);

    /* After leave, where no attempt is running, also when a signal handler
     * ended the sleep; may run transactions.  STM_OK goes on; an error ends
     * the waiting transaction and is what it returns.  May be NULL: then a
     * signal does not end the wait. */
    enum stm_status (*check)(void *context);

    /* Nanoseconds after which the sleep is interrupted for check, again and
     * again: a signal that comes just before the thread sleeps does not end the
     * sleep.  0: never. */
    uint64_t check_interval;

    void *context;
};

/* Sets the calling thread's hooks, which the caller keeps (NULL: none), and
 * returns those set before. */
STM_API const struct stm_blocking *
stm_set_blocking(const struct stm_blocking *hooks);

/* The same transaction step by step, for callers that cannot sleep.
 * stm_call_step runs attempts until one commits or fails, or returns
 * STM_BLOCKED with the call's waiter armed; then stm_call_wait sleeps until it
 * is woken (STM_OK), or its time is over (STM_OK), or a signal handler ran
 * (STM_EINTERRUPTED), after which it may be called again.  A step after that
 * goes on.  One thread at a time; not inside a transaction (STM_EMISUSE), and
 * stm_call_wait not for a call with a wake function (STM_EMISUSE). */
struct stm_call;

/* Makes a call; the caller owns it.  NULL: out of memory. */
STM_API struct stm_call *stm_call_new(stm_body *body, void *argument);
STM_API STM_NODISCARD enum stm_status stm_call_step(struct stm_call *call);
STM_API STM_NODISCARD enum stm_status stm_call_wait(struct stm_call *call);

/* The same without a thread that sleeps, for an event loop: what to call when
 * a blocked call can go on.  It is called once, by whichever thread has woken
 * the call, perhaps in the midst of the step that blocks it, with nothing
 * locked and with cancellation disabled.  It must only note that, for a thread
 * that then steps the call, and must not call the library: the waking thread
 * has others to wake. */
typedef void stm_wake(void *context);

/* From now on each step of this call that returns STM_BLOCKED is followed by
 * one wake(context), unless the next step or stm_call_free comes first; before
 * those go on they wait for one that is running, and it does not come later.  A
 * time-out wakes nobody: see stm_call_deadline.  NULL: no such function.
 *
 * Such a call is one of those of which a change wakes one (stm_retry): whoever
 * is told that it can go on should step it soon.  STM_OK; STM_EMISUSE while
 * the call is blocked. */
STM_API STM_NODISCARD enum stm_status
stm_call_on_wake(struct stm_call *call, stm_wake *wake, void *context);

/* After how many nanoseconds should one who waits for a blocked call look after
 * it, if it is not woken before?  0: now it can be stepped, since its time is
 * over, or it has been woken, or the process was forked, of which nobody is
 * told.  STM_FOREVER: it asked for no time.  After that many, ask again: it is
 * a second at most where the time is one of the wall clock, which may be set.
 * STM_OK; STM_EMISUSE if the call is not blocked. */
STM_API STM_NODISCARD enum stm_status
stm_call_deadline(const struct stm_call *call, uint64_t *nanoseconds);

/* For a tracing collector: visits the values that a call which has a wake
 * function and is blocked keeps, so as to know when they change. */
STM_API int stm_call_traverse(const struct stm_call *call, stm_visit *visit,
                              void *context);

/* Frees the call; if it was blocked, its waiter is withdrawn.  Any thread, also
 * inside a transaction. */
STM_API void stm_call_free(struct stm_call *call);

#ifdef __cplusplus
}
#endif
#endif
