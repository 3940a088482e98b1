/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_SERVICE_INTERNAL_H
#define STM_SERVICE_INTERNAL_H

#include <stm/service.h>
#include <stm/timer-internal.h>
#include <stm/transaction.h>

/* The service thread: what has to run when nobody has called.  It starts when
 * there is something to wait for and ends when there is nothing.  If it cannot
 * be started, what is to be done stays, and the next call here that leaves
 * something to be done tries again.
 *
 * Posting and setting need no memory of the library's and wait for no user
 * code: the service's lock is held for a few instructions at a time, and by
 * the thread never while it runs something. */

/* Something to be done once, in order of posting. */
struct stm__task {
    struct stm__task *next;
    void (*run)(struct stm__task *task); /* the task is its own again */
};

/* The memory stays until the task runs.  Any thread, also in a transaction. */
void stm__service_post(struct stm__task *task);

/* Sets the timer for the earlier of two moments, one on each clock, in place of
 * what it was set for; STM_FOREVER twice withdraws it.  A generation that is
 * not newer than the last one changes nothing: of two who set it for successive
 * states, the one who comes late does no harm.
 *
 * A timer that is set owns something of its user's, which comes with a call
 * that sets and goes back when the timer is due or withdrawn.  Returns whether
 * the caller has it now: true where it came and was not needed, since the timer
 * stays unset or has it already, and where the timer is withdrawn.
 *
 * When the time has come, the thread unsets the timer and calls
 * timer->due(timer, generation). */
bool stm__service_set(struct stm__timer *timer, uint64_t generation,
                      const uint64_t times[STM__CLOCKS]);

/* Is the thread there, or about to be? */
bool stm__service_has_thread(void);

/* On the service thread, in a task or a timer's function: runs a transaction.
 * What it fails with has been reported when this returns; a retry, which would
 * keep everyone waiting, is a failure here. */
enum stm_status stm__service_run(stm_body *body, void *argument);

#endif
