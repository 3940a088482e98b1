/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_PARK_INTERNAL_H
#define STM_PARK_INTERNAL_H

#include <semaphore.h>
#include <stdint.h>

#include <stm/atomic-internal.h>

/* A waiter is what a blocked transaction leaves with the variables it read: a
 * word and a function.  It is a small state machine:
 *
 *     IDLE --park--> PARKED        by the sleeper
 *     IDLE, PARKED --wake--> WOKEN by whoever wakes; once, by compare-and-swap
 *     WOKEN --arm--> IDLE          by the sleeper, before it registers again
 *
 * The one who moved it from PARKED to WOKEN then calls `notify`, once and with
 * no lock held.  The waiter's memory lasts until notify has been called: a
 * sleeper that finds itself WOKEN, or is cancelled and then does, waits for
 * that. */
enum stm__waiter_state { STM__IDLE, STM__PARKED, STM__WOKEN };

struct stm__waiter {
    AO_t state;
    struct stm__waiter *next; /* used by the waker between the two steps */
    void (*notify)(struct stm__waiter *waiter);
};

/* Step one of waking.  Returns what the waiter was; if PARKED, notify is owed.
 */
static inline AO_t stm__waiter_claim(struct stm__waiter *waiter)
{
    return stm__swap(&waiter->state, STM__WOKEN);
}

/* A thread's own waiter: sleeps on a POSIX semaphore, which unlike a condition
 * variable lets a signal handler end the sleep. */
struct stm__parker {
    struct stm__waiter waiter;
    sem_t wakeup;
};

enum stm__park_result { STM__PARK_WOKEN, STM__PARK_TIMEOUT, STM__PARK_SIGNAL };

void stm__parker_init(struct stm__parker *parker);
void stm__parker_fini(struct stm__parker *parker);

/* Before registering: forgets wake-ups of the past. */
static inline void stm__parker_arm(struct stm__parker *parker)
{
    AO_store(&parker->waiter.state, STM__IDLE);
}

static inline bool stm__parker_woken(const struct stm__parker *parker)
{
    return AO_load_acquire(&parker->waiter.state) == STM__WOKEN;
}

/* Sleeps until woken or until `deadline`, in nanoseconds of the monotonic
 * clock (STM_FOREVER: none).  After a time-out or a signal the parker is armed
 * as before and may be parked again. */
enum stm__park_result stm__park(struct stm__parker *parker, uint64_t deadline);

/* The monotonic clock, and the wall clock, in nanoseconds. */
uint64_t stm__clock_monotonic(void);
uint64_t stm__clock_wall(void);

#endif
