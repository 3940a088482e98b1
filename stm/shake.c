/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stm/step-internal.h>

#ifdef STM_SHAKE

#include <inttypes.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <stm/atomic-internal.h>

static AO_t seed; /* 0: not chosen yet */
static AO_t threads;
static STM__THREAD_LOCAL uint64_t state;

/* By whoever comes first.  No pthread_once: a fork beside it would leave the
 * child waiting, under ThreadSanitizer, for a thread that is not there. */
static void choose_seed(void)
{
    const char *given = getenv("STM_SHAKE_SEED");
    struct timespec now;
    AO_t chosen;

    clock_gettime(CLOCK_REALTIME, &now);
    chosen = given ? strtoull(given, NULL, 0)
                   : (AO_t)now.tv_sec * 1000000007u + (AO_t)now.tv_nsec;
    if (!chosen)
        chosen = 1;
    if (AO_compare_and_swap_full(&seed, 0, chosen) && !given)
        fprintf(stderr, "stm: STM_SHAKE_SEED=%" PRIu64 "\n", (uint64_t)chosen);
}

/* Marsaglia's xorshift64*; each thread has a sequence of its own. */
static uint64_t draw(void)
{
    if (!state) {
        if (!AO_load(&seed))
            choose_seed();
        state = AO_load(&seed) + (AO_fetch_and_add_full(&threads, 1) + 1) *
                                     UINT64_C(0x9E3779B97F4A7C15);
        state |= 1;
    }
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(0x2545F4914F6CDD1D) >> 32;
}

bool stm__shake(enum stm__step step)
{
    uint64_t drawn = draw();

    (void)step;
    if (drawn % 16 == 0)
        sched_yield();
    return drawn / 16 % 64 == 0;
}

#else
typedef int stm__shake_is_off;
#endif
