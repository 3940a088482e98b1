/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* How many workers there are while tasks wait for others. */
#include "pool_support.h"

static struct tally tally; /* each test runs in a process of its own */

/* The tasks below this wait as for others, all until the gate opens. */
static size_t waiters;

static void wait_some(stm_value task, void *context)
{
    struct tally *counts = context;

    if (task < waiters)
        stm_pool_wait_begin();
    await_var(counts->gate, 1);
    if (task < waiters)
        stm_pool_wait_end();
    AO_fetch_and_add1_full(&counts->ran[task]);
}

static struct stm_pool *make(size_t max_threads, size_t waiting)
{
    struct stm_pool_config config =
        tally_config(&tally, max_threads, STM_FOREVER);

    config.run = wait_some;
    tally.gate = word_var(0);
    waiters = waiting;
    return pool_new(&config);
}

struct sight {
    struct stm_pool *pool;
    size_t waiting, busy;
};

static enum stm_status see(struct stm_tx *tx, void *argument)
{
    const struct sight *sight = argument;
    struct stm_pool_stats stats;

    STM_TRY(stm_pool_stats_read(sight->pool, &stats));
    return stats.waiting == sight->waiting && stats.running == sight->busy
               ? STM_OK
               : stm_retry(tx);
}

/* Waits until so many tasks wait, of so many that run, on as many workers. */
static void await_sight(struct stm_pool *pool, size_t waiting, size_t busy)
{
    struct sight sight = {pool, waiting, busy};

    EXPECT_STATUS(STM_OK, stm_atomically(see, &sight));
    EXPECT(count_of(pool, stm_pool_live) == busy, "%zu live, expected %zu",
           count_of(pool, stm_pool_live), busy);
}

static void finish(struct stm_pool *pool, size_t tasks)
{
    poke(tally.gate, 1);
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, tasks);
    stm_tvar_release(tally.gate);
}

START_TEST(without_a_cap_one_more_is_let_in_for_each)
{
    struct stm_pool *pool = make(4, 3);

    append_tasks(stm_pool_tasks(pool), 0, 20);
    await_sight(pool, 3, 7);
    finish(pool, 20);
}
END_TEST

START_TEST(a_cap_bounds_all_workers)
{
    struct stm_pool *pool = make(4, 3);

    EXPECT_STATUS(STM_OK, stm_pool_cap(pool, 5));
    append_tasks(stm_pool_tasks(pool), 0, 20);
    await_sight(pool, 3, 5);
    finish(pool, 20);
}
END_TEST

START_TEST(where_all_wait_there_is_one_more)
{
    struct stm_pool *pool = make(4, 6);

    EXPECT_STATUS(STM_OK, stm_pool_cap(pool, 4));
    append_tasks(stm_pool_tasks(pool), 0, 20);
    await_sight(pool, 6, 7);
    finish(pool, 20);
}
END_TEST

START_TEST(a_cap_can_be_changed)
{
    struct stm_pool_stats stats;
    struct stm_pool *pool = make(4, 2);

    EXPECT_STATUS(STM_OK, stm_pool_cap(pool, 4));
    append_tasks(stm_pool_tasks(pool), 0, 20);
    await_sight(pool, 2, 4);
    EXPECT_STATUS(STM_OK, stm_pool_cap(pool, 5));
    await_sight(pool, 2, 5);
    EXPECT_STATUS(STM_OK, stm_pool_resize(pool, 0, 6));
    EXPECT_STATUS(STM_OK, stm_pool_cap(pool, 0));
    await_sight(pool, 2, 8);
    EXPECT_STATUS(STM_OK, stm_pool_cap(pool, 3));
    EXPECT_STATUS(STM_OK, stm_pool_stats_read(pool, &stats));
    EXPECT(stats.max == 6, "max is %zu, expected 6 whatever the cap",
           stats.max);
    finish(pool, 20);
}
END_TEST

START_TEST(a_cap_gives_way_to_the_least_number)
{
    struct stm_pool *pool = make(6, 0);

    EXPECT_STATUS(STM_OK, stm_pool_cap(pool, 2));
    EXPECT_STATUS(STM_OK, stm_pool_resize(pool, 4, 6));
    await_pool(pool, stm_pool_live, 4);
    append_tasks(stm_pool_tasks(pool), 0, 20);
    await_sight(pool, 0, 4);
    finish(pool, 20);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pool: cap");

    tcase_add_test(tests, without_a_cap_one_more_is_let_in_for_each);
    tcase_add_test(tests, a_cap_bounds_all_workers);
    tcase_add_test(tests, where_all_wait_there_is_one_more);
    tcase_add_test(tests, a_cap_can_be_changed);
    tcase_add_test(tests, a_cap_gives_way_to_the_least_number);
    return run_suite("test_pool_cap", tests);
}
