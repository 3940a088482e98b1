/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_POOL_SUPPORT_H
#define TESTS_UNIT_POOL_SUPPORT_H

#include <stm-pool.h>

#include "support.h"

/* What the tests of the pool share. */

/* Tasks are indices; each run is counted. */
enum { MOST_TASKS = 20000 };
struct tally {
    AO_t ran[MOST_TASKS];
    AO_t failed;        /* calls of thread_failed */
    AO_t entered, left; /* calls of the thread hooks */
    AO_t finalized;
    struct stm_tvar *gate; /* if not NULL, a task waits until this is 1 */
};

/* A pool's configuration whose context is the tally, with every hook. */
struct stm_pool_config tally_config(struct tally *tally, size_t max_threads,
                                    uint64_t keep_alive);

/* The tasks 0 to count - 1 ran exactly once. */
void expect_each_once(const struct tally *tally, size_t count);

/* A pool; never NULL. */
struct stm_pool *pool_new(const struct stm_pool_config *config);

/* Appends the tasks first to first + count - 1 to a list, in one transaction.
 * Knows nothing of any pool. */
void append_tasks(struct stm_tlist *list, size_t first, size_t count);

/* One of the pool's counts, read outside a transaction. */
typedef enum stm_status pool_count(struct stm_pool *pool, size_t *out);
size_t count_of(struct stm_pool *pool, pool_count *count);

/* Waits, by a transaction, until the count is so. */
void await_pool(struct stm_pool *pool, pool_count *count, size_t wanted);

/* Waits, by a transaction, until a variable holds this word. */
void await_var(struct stm_tvar *var, stm_value wanted);

/* Waits until the process has no more threads than this.  The system takes
 * note of a thread's end a moment after it can be joined. */
void await_threads(size_t count);

#endif
