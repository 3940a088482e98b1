/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_SYSTEM_MUTEX_H
#define TESTS_BENCH_SYSTEM_MUTEX_H

/* One pthread mutex over everything. */
#include <pthread.h>

extern pthread_mutex_t bench_mutex;

static inline void tm_lock(void) { pthread_mutex_lock(&bench_mutex); }

static inline void tm_unlock(void) { pthread_mutex_unlock(&bench_mutex); }

#include "system-lock.h"

#endif
