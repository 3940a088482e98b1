/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_ATOMIC_INTERNAL_H
#define STM_ATOMIC_INTERNAL_H

#include <assert.h>
#include <atomic_ops.h>
#include <sched.h>
#include <stdbool.h>

#include <stm/fast.h>

/* libatomic_ops under the names that the protocol is written in.  Ordering
 * sits in the loads and stores themselves, as ThreadSanitizer asks; the full
 * fence is for the store-then-load pairs only. */

static_assert(sizeof(AO_t) == 8, "versions are 64 bits wide");

/* Orders everything before it against everything after it.  On the x86 any
 * locked instruction does, at a tenth of mfence's price; and ThreadSanitizer
 * does not know fences. */
static inline void stm__fence(void)
{
#if defined(__x86_64__) || defined(__SANITIZE_THREAD__)
    AO_t own = 0;

    (void)AO_fetch_and_add_full(&own, 0);
#else
    AO_nop_full();
#endif
}

/* A full fence right after a full read-modify-write, which already is one on
 * the x86; elsewhere loads may still move up into it. */
static inline void stm__fence_after_rmw(void)
{
#if !defined(__x86_64__)
    stm__fence();
#endif
}

/* One turn of a spinning loop. */
static inline void stm__relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    AO_compiler_barrier();
#endif
}

/* A clock that costs next to nothing to read: of no certain rate, between one
 * and some tens of nanoseconds a tick, and 0 where there is none. */
static inline uint64_t stm__ticks(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;

    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return 0;
#endif
}

/* Stores a value and returns what was there. */
static inline AO_t stm__swap(volatile AO_t *place, AO_t value)
{
    AO_t old;

    do
        old = AO_load(place);
    while (!AO_compare_and_swap_full(place, old, value));
    return old;
}

/* One turn of a loop that waits for a thread which may have lost its core. */
static inline void stm__spin(unsigned turn)
{
    if (turn % 128 == 127)
        sched_yield();
    else
        stm__relax();
}

#endif
