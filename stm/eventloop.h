/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_EVENTLOOP_H
#define STM_EVENTLOOP_H

#include <stm/status.h>
#include <stm/transaction.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Runs actions outside transactions, one after the other on one thread, in
 * the order in which the transactions that scheduled them committed. */
struct stm_eventloop;

/* Makes a loop; the caller owns it.  No thread runs yet.  NULL: no memory. */
STM_API struct stm_eventloop *stm_eventloop_new(void);

/* The process's own loop, made and started when first scheduled on; at exit
 * what was scheduled still runs.  NULL: out of memory. */
STM_API struct stm_eventloop *stm_eventloop_default(void);

/* Schedules action(argument) for after the commit.  The argument is held as
 * stm_on_commit holds its.  STM_OK, STM_ENOMEM, STM_EMISUSE, the sticky
 * status, or STM_ECLOSED after stm_eventloop_stop. */
STM_API STM_NODISCARD enum stm_status
stm_eventloop_schedule(struct stm_tx *tx, struct stm_eventloop *loop,
                       stm_action *action, stm_value argument,
                       const struct stm_type *type);

/* Runs the loop on the calling thread until it is stopped and all that was
 * scheduled before has run.  Not inside a transaction (STM_EMISUSE), not
 * while another thread runs it (STM_EMISUSE).  STM_OK, STM_ENOMEM, what a
 * blocking hook returned, or STM_EFORKED: an event has forked, and this is the
 * child, where nobody runs the loop and nothing is scheduled on it. */
STM_API STM_NODISCARD enum stm_status
stm_eventloop_run(struct stm_eventloop *loop);

/* Starts a thread that runs the loop.  An event that forks on it has a child
 * that ends when the event returns there.  STM_OK (also when it runs already),
 * STM_ETHREAD, STM_EMISUSE inside a transaction. */
STM_API STM_NODISCARD enum stm_status
stm_eventloop_start(struct stm_eventloop *loop);

/* Ends the loop after what has been scheduled: transactional, and takes effect
 * with the commit.  Statuses as stm_tvar_set. */
STM_API STM_NODISCARD enum stm_status
stm_eventloop_stop(struct stm_tx *tx, struct stm_eventloop *loop);

/* Stops the loop, waits until nobody runs it any more, and frees it; what is
 * still queued on a loop that nobody ran is released unrun.  Not inside a
 * transaction, not on the loop's own thread. */
STM_API void stm_eventloop_free(struct stm_eventloop *loop);

/* For a tracing collector: see stm_tvar_traverse and stm_tvar_clear.  A loop
 * that somebody runs is never garbage. */
STM_API int stm_eventloop_traverse(struct stm_eventloop *loop, stm_visit *visit,
                                   void *context);
STM_API void stm_eventloop_discard(struct stm_eventloop *loop);

#ifdef __cplusplus
}
#endif
#endif
