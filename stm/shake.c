/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stm/step-internal.h>

#ifdef STM_SHAKE

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <stm/atomic-internal.h>

static pthread_once_t seeded = PTHREAD_ONCE_INIT;
static uint64_t seed;
static AO_t threads;
static _Thread_local uint64_t state;

static void choose_seed(void)
{
    const char *given = getenv("STM_SHAKE_SEED");
    struct timespec now;

    if (given) {
        seed = strtoull(given, NULL, 0);
        return;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    seed = (uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec;
    fprintf(stderr, "stm: STM_SHAKE_SEED=%" PRIu64 "\n", seed);
}

/* Marsaglia's xorshift64*; each thread has a sequence of its own. */
static uint64_t draw(void)
{
    if (!state) {
        pthread_once(&seeded, choose_seed);
        state = seed + (AO_fetch_and_add_full(&threads, 1) + 1) *
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
