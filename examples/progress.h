/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_PROGRESS_H
#define EXAMPLES_PROGRESS_H

#include <stm-pool.h>

/* A line on standard error that says how far a pool has come. */
struct progress;

STM_NODISCARD enum stm_status progress_begin(struct stm_pool *pool,
                                             struct progress **out);

/* Wipes the line; the pool must still be there. */
void progress_end(struct progress *progress);

#endif
