/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The one lock of a system that has one. */
#include "system.h"

#ifdef BENCH_SPIN
struct spin_lock bench_spin;
#else
pthread_mutex_t bench_mutex = PTHREAD_MUTEX_INITIALIZER;
#endif
