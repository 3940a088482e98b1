/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include <stm/error-internal.h>
#include <stm/park-internal.h>

static void notify_thread(struct stm__waiter *waiter)
{
    struct stm__parker *parker = (struct stm__parker *)waiter;

    /* Says again what it says already, for the sleeper to read: from here on
     * the waiter's memory is the sleeper's. */
    AO_store_release(&waiter->state, STM__WOKEN);
    STM__MUST(sem_post(&parker->wakeup) == 0);
}

void stm__parker_init(struct stm__parker *parker)
{
    parker->waiter.state = STM__IDLE;
    parker->waiter.next = NULL;
    parker->waiter.notify = notify_thread;
    STM__MUST(sem_init(&parker->wakeup, 0, 0) == 0);
}

void stm__parker_fini(struct stm__parker *parker)
{
    sem_destroy(&parker->wakeup);
}

/* Reads what the waker wrote last. */
static enum stm__park_result woken(const struct stm__parker *parker)
{
    STM__MUST(stm__parker_woken(parker));
    return STM__PARK_WOKEN;
}

/* One sleep: 0, or the errno value that ended it. */
static int sleep_once(sem_t *wakeup, uint64_t deadline)
{
    struct timespec moment;

    if (deadline == UINT64_MAX)
        return sem_wait(wakeup) == 0 ? 0 : errno;
    moment.tv_sec = (time_t)(deadline / 1000000000u);
    moment.tv_nsec = (long)(deadline % 1000000000u);
    return sem_clockwait(wakeup, CLOCK_MONOTONIC, &moment) == 0 ? 0 : errno;
}

/* Ends a sleep from which nobody has woken the thread yet.  False: it is
 * claimed; the post was coming, and is taken. */
static bool withdraw(struct stm__parker *parker)
{
    if (AO_compare_and_swap_full(&parker->waiter.state, STM__PARKED, STM__IDLE))
        return true;
    while (sem_wait(&parker->wakeup) != 0)
        STM__MUST(errno == EINTR); /* rarely, just before the post */
    return false;
}

static void end_cancelled(void *parker) { (void)withdraw(parker); }

static int sleep_or_be_cancelled(struct stm__parker *parker, uint64_t deadline)
{
    int error;

    pthread_cleanup_push(end_cancelled, parker);
    error = sleep_once(&parker->wakeup, deadline);
    pthread_cleanup_pop(0);
    return error;
}

enum stm__park_result stm__park(struct stm__parker *parker, uint64_t deadline)
{
    AO_t *state = &parker->waiter.state;
    int error;

    if (!AO_compare_and_swap_full(state, STM__IDLE, STM__PARKED))
        return STM__PARK_WOKEN;
    error = sleep_or_be_cancelled(parker, deadline);
    if (error == 0)
        return woken(parker);
    STM__MUST(error == EINTR || error == ETIMEDOUT);
    if (withdraw(parker))
        return error == EINTR ? STM__PARK_SIGNAL : STM__PARK_TIMEOUT;
    return woken(parker);
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;

    STM__MUST(clock_gettime(clock, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t stm__clock_monotonic(void) { return read_clock(CLOCK_MONOTONIC); }

uint64_t stm__clock_wall(void) { return read_clock(CLOCK_REALTIME); }
