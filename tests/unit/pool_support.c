/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "pool_support.h"

#include <sched.h>

static void tally_run(stm_value task, void *context)
{
    struct tally *tally = context;

    if (tally->gate != NULL)
        await_var(tally->gate, 1);
    AO_fetch_and_add1_full(&tally->ran[task]);
}

static void tally_failed(int error, void *context)
{
    struct tally *tally = context;

    EXPECT(error != 0, "a failed start reported 0, expected an errno value");
    AO_fetch_and_add1_full(&tally->failed);
}

static enum stm_status tally_enter(void *context)
{
    struct tally *tally = context;

    AO_fetch_and_add1_full(&tally->entered);
    return STM_OK;
}

static void tally_leave(void *context)
{
    struct tally *tally = context;

    AO_fetch_and_add1_full(&tally->left);
}

static void tally_finalize(void *context)
{
    struct tally *tally = context;

    AO_fetch_and_add1_full(&tally->finalized);
}

struct stm_pool_config tally_config(struct tally *tally, size_t max_threads,
                                    uint64_t keep_alive)
{
    return (struct stm_pool_config){.max_threads = max_threads,
                                    .keep_alive = keep_alive,
                                    .run = tally_run,
                                    .thread_enter = tally_enter,
                                    .thread_leave = tally_leave,
                                    .thread_failed = tally_failed,
                                    .finalize = tally_finalize,
                                    .context = tally};
}

void expect_each_once(const struct tally *tally, size_t count)
{
    for (size_t i = 0; i < count; i++)
        EXPECT(AO_load_acquire(&tally->ran[i]) == 1,
               "task %zu of %zu ran %zu times, expected once", i, count,
               (size_t)AO_load_acquire(&tally->ran[i]));
}

struct stm_pool *pool_new(const struct stm_pool_config *config)
{
    struct stm_pool *pool;

    EXPECT_STATUS(STM_OK, stm_pool_new(config, &pool));
    return pool;
}

struct appending {
    struct stm_tlist *list;
    size_t first, count;
};

static enum stm_status append_body(struct stm_tx *tx, void *argument)
{
    const struct appending *appending = argument;

    for (size_t i = 0; i < appending->count; i++)
        STM_TRY(stm_tlist_append(tx, appending->list, appending->first + i));
    return STM_OK;
}

void append_tasks(struct stm_tlist *list, size_t first, size_t count)
{
    struct appending appending = {list, first, count};

    EXPECT_STATUS(STM_OK, stm_atomically(append_body, &appending));
}

size_t count_of(struct stm_pool *pool, pool_count *count)
{
    size_t value = 0;

    EXPECT_STATUS(STM_OK, count(pool, &value));
    return value;
}

struct awaiting {
    struct stm_pool *pool;
    pool_count *count;
    struct stm_tvar *var;
    size_t wanted;
};

static enum stm_status await_pool_body(struct stm_tx *tx, void *argument)
{
    const struct awaiting *awaiting = argument;
    size_t value;

    STM_TRY(awaiting->count(awaiting->pool, &value));
    return value == awaiting->wanted ? STM_OK : stm_retry(tx);
}

void await_pool(struct stm_pool *pool, pool_count *count, size_t wanted)
{
    struct awaiting awaiting = {.pool = pool, .count = count, .wanted = wanted};

    EXPECT_STATUS(STM_OK, stm_atomically(await_pool_body, &awaiting));
}

static enum stm_status await_var_body(struct stm_tx *tx, void *argument)
{
    const struct awaiting *awaiting = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, awaiting->var, &value));
    return value == awaiting->wanted ? STM_OK : stm_retry(tx);
}

void await_var(struct stm_tvar *var, stm_value wanted)
{
    struct awaiting awaiting = {.var = var, .wanted = wanted};

    EXPECT_STATUS(STM_OK, stm_atomically(await_var_body, &awaiting));
}

void await_threads(size_t count)
{
    while (live_threads() > count)
        sched_yield();
}
