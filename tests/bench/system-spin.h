/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_SYSTEM_SPIN_H
#define TESTS_BENCH_SYSTEM_SPIN_H

/* One lock over everything, for which a thread spins: the fastest that short
 * transactions can be where each thread has a processor of its own. */
#include "bench.h"

struct spin_lock {
    volatile AO_t taken;
} __attribute__((aligned(2 * CACHE_LINE)));

extern struct spin_lock bench_spin;

static inline void spin_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    AO_compiler_barrier();
#endif
}

static inline void tm_lock(void)
{
    while (__sync_lock_test_and_set(&bench_spin.taken, 1))
        while (AO_load(&bench_spin.taken))
            spin_relax();
}

static inline void tm_unlock(void) { AO_store_release(&bench_spin.taken, 0); }

#include "system-lock.h"

#endif
