/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <pthread.h>

#include <stm/error-internal.h>
#include <stm/limbo-internal.h>
#include <stm/park-internal.h>
#include <stm/service-internal.h>
#include <stm/tx-internal.h>

/* Now and then, as long as any thread puts the release of values off, the
 * service thread releases those of threads that have put nothing off since it
 * looked last, and what is stranded. */

#define PERIOD_NS 20000000

AO_t stm__sweeping; /* 1: the timer is set, or its function runs */
static AO_t generation;

static void look(struct stm__timer *timer, uint64_t unused);
static struct stm__timer timer = {.due = look};

static void set_timer(void)
{
    const uint64_t times[STM__CLOCKS] = {
        [STM__MONOTONIC] = stm__clock_monotonic() + PERIOD_NS,
        [STM__WALL] = STM_FOREVER,
    };

    (void)stm__service_set(&timer, AO_fetch_and_add1(&generation) + 1, times);
}

bool stm__sweep_start(void)
{
    if (!AO_compare_and_swap_full(&stm__sweeping, 0, 1))
        return true;
    set_timer();
    if (stm__service_has_thread())
        return true;
    AO_store(&stm__sweeping, 0); /* so that it is tried again */
    return false;
}

/* Whoever puts something into its list looks at stm__sweeping after that, and
 * this looks at the lists after that has been taken back, with a fence for
 * both.  What is released may end the thread, and so comes last; the rest is
 * then released when the thread's object goes. */
static void look(struct stm__timer *unused_timer, uint64_t unused)
{
    struct stm__batch *chain = NULL;

    (void)unused_timer;
    (void)unused;
    if (stm__later_sweep(&chain)) {
        set_timer();
    } else {
        AO_store(&stm__sweeping, 0);
        stm__membarrier();
        if (stm__later_sweep(&chain))
            (void)stm__sweep_start();
    }
    (void)stm__thread();
    stm__limbo_release(chain);
}

/* In the child the timer is not set. */
static void forget(void) { AO_store(&stm__sweeping, 0); }

__attribute__((constructor)) static void heed_forks(void)
{
    STM__MUST(pthread_atfork(NULL, NULL, forget) == 0);
}
