/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Ten thousand pools, one after the other and of every kind, leave no thread,
 * no descriptor and no byte. */
#include "pool_support.h"

#include <malloc.h>
#include <pthread.h>

enum { POOLS = 10000, KINDS = 8, WARM_UP = 40 * KINDS };

/* What is left of ten thousand pools must be less than this; of each it would
 * be a word or two.  A sanitizer counts by itself. */
enum { BYTES = 4 * POOLS };

static struct tally tally; /* each test runs in a process of its own */

static void run_or_exit(stm_value task, void *context)
{
    struct tally *counts = context;

    AO_fetch_and_add1_full(&counts->ran[task]);
    if (task % (3 * KINDS) == 2)
        pthread_exit(NULL);
}

static enum stm_status note_run(stm_value task, stm_value *result)
{
    *result = 0;
    run_or_exit(task, &tally);
    return STM_OK;
}

static void submit_future(struct stm_pool *pool, size_t index)
{
    const struct stm_pool_work work = {.function = note_run, .argument = index};
    struct stm_pool_future *future = stm_pool_future_new(&work);

    EXPECT_STATUS(STM_OK, stm_pool_submit(pool, (stm_value)future));
    stm_pool_future_release(future);
}

static void submit(struct stm_pool *pool, size_t index)
{
    const struct stm_pool_order order = {
        .task = index, .delay = index / KINDS % 2 == 0 ? 0 : 1000};

    EXPECT_STATUS(STM_OK, stm_pool_submit_order(pool, &order));
}

/* The pool runs the task of its index. */
static void one_pool(size_t index)
{
    size_t kind = index % KINDS;
    struct stm_pool_config config =
        tally_config(&tally, 2, kind % 3 == 0 ? 0 : STM_FOREVER);
    struct stm_pool *pool;

    config.min_threads = index / KINDS % 2;
    config.handover = index % 3;
    config.futures = kind >= 6;
    config.run = config.futures ? NULL : run_or_exit;
    if (kind >= 4)
        config.queue = stm_tpriorityqueue_new(
            config.futures ? &stm_pool_future_type : NULL);
    pool = pool_new(&config);
    if (kind >= 4)
        stm_tpriorityqueue_release(config.queue);
    (config.futures ? submit_future : submit)(pool, index);
    if (kind % 2 == 0)
        EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    else
        EXPECT_STATUS(STM_OK, stm_pool_abandon(pool));
}

static size_t bytes_in_use(void) { return mallinfo2().uordblks; }

START_TEST(many_pools_leave_nothing)
{
    size_t count = WARM_UP + workload(POOLS), descriptors = 0;
    size_t before = live_threads(), bytes = 0;

    for (size_t i = 0; i < count; i++) {
        if (i == WARM_UP) { /* the library has now what it keeps */
            await_count(&tally.finalized, i);
            await_threads(before + 1); /* which serves delayed tasks */
            descriptors = open_descriptors();
            bytes = bytes_in_use();
        }
        one_pool(i);
    }
    await_count(&tally.finalized, count);
    expect_each_once(&tally, count);
    await_threads(before + 1);
    EXPECT(open_descriptors() == descriptors, "%zu descriptors, expected %zu",
           open_descriptors(), descriptors);
    EXPECT(bytes_in_use() < bytes + BYTES,
           "%zu bytes are in use after %zu pools, and were %zu before",
           bytes_in_use(), count - WARM_UP, bytes);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pool: many");

    tcase_add_test(tests, many_pools_leave_nothing);
    return run_suite("test_pool_many", tests);
}
