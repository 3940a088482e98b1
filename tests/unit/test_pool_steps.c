/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* What a pool says about itself after each step that its tasks make: nothing is
 * waited for that a mistake would keep from coming. */
#include "pool_support.h"

static struct tally tally; /* each test runs in a process of its own */

static struct stm_pool_stats stats_of(struct stm_pool *pool)
{
    struct stm_pool_stats stats = {.live = 0};

    EXPECT_STATUS(STM_OK, stm_pool_stats_read(pool, &stats));
    return stats;
}

static void expect_stats(struct stm_pool *pool, size_t queued, size_t running,
                         size_t finished, size_t free)
{
    struct stm_pool_stats stats = stats_of(pool);

    EXPECT(stats.queued == queued && stats.running == running &&
               stats.finished == finished && stats.free == free,
           "%zu queued, %zu running, %zu finished, %zu free; expected %zu, "
           "%zu, %zu, %zu",
           stats.queued, stats.running, stats.finished, stats.free, queued,
           running, finished, free);
}

static void end(struct stm_pool *pool)
{
    poke(tally.gate, 1);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    stm_tvar_release(tally.gate);
}

START_TEST(each_task_goes_to_a_worker_of_its_own)
{
    struct stm_pool_config config = tally_config(&tally, 4, STM_FOREVER);
    struct stm_pool *pool;

    tally.gate = word_var(0);
    config.min_threads = 2;
    pool = pool_new(&config);
    append_tasks(stm_pool_tasks(pool), 0, 1);
    expect_stats(pool, 0, 1, 0, 1);
    append_tasks(stm_pool_tasks(pool), 1, 2);
    expect_stats(pool, 0, 3, 0, 0);
    append_tasks(stm_pool_tasks(pool), 3, 3);
    expect_stats(pool, 2, 4, 0, 0);
    end(pool);
    expect_each_once(&tally, 6);
}
END_TEST

START_TEST(a_paused_pool_takes_no_next_task)
{
    const struct stm_pool_config config = tally_config(&tally, 1, STM_FOREVER);
    struct stm_pool *pool = pool_new(&config);

    tally.gate = word_var(0);
    append_tasks(stm_pool_tasks(pool), 0, 3);
    EXPECT_STATUS(STM_OK, stm_pool_pause(pool));
    poke(tally.gate, 1);
    await_pool(pool, stm_pool_finished, 1);
    expect_stats(pool, 2, 0, 1, 1);
    end(pool);
    expect_each_once(&tally, 3);
}
END_TEST

/* Until there is a 1 in the gate, no thread can be set up. */
static enum stm_status enter_by_the_gate(void *context)
{
    struct tally *counts = context;

    return peek(counts->gate) == 1 ? STM_OK : STM_ENOMEM;
}

START_TEST(the_task_of_a_thread_that_cannot_be_set_up_is_queued_again)
{
    struct stm_pool_config config = tally_config(&tally, 1, STM_FOREVER);
    struct stm_pool *pool;

    tally.gate = word_var(0);
    config.thread_enter = enter_by_the_gate;
    pool = pool_new(&config);
    append_tasks(stm_pool_tasks(pool), 0, 2);
    await_count(&tally.failed, 1);
    EXPECT(count_of(pool, stm_pool_scheduled) == 2, "%zu scheduled, expected 2",
           count_of(pool, stm_pool_scheduled));
    end(pool);
    expect_each_once(&tally, 2);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pool: steps");

    tcase_add_test(tests, each_task_goes_to_a_worker_of_its_own);
    tcase_add_test(tests, a_paused_pool_takes_no_next_task);
    tcase_add_test(tests,
                   the_task_of_a_thread_that_cannot_be_set_up_is_queued_again);
    return run_suite("test_pool_steps", tests);
}
