/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The pool at work: on as many workers as it takes and no more. */
#include "pool_support.h"

#include <sched.h>
#include <unistd.h>

enum { SECOND = 1000000000 };

static struct tally tally; /* each test runs in a process of its own */

struct crowd {
    AO_t now, most;
};

static void run_in_crowd(stm_value task, void *context)
{
    struct crowd *crowd = context;
    AO_t now = AO_fetch_and_add1_full(&crowd->now) + 1;
    AO_t most = AO_load(&crowd->most);

    (void)task;
    while (now > most && !AO_compare_and_swap_full(&crowd->most, most, now))
        most = AO_load(&crowd->most);
    sched_yield();
    AO_fetch_and_sub1_full(&crowd->now);
}

START_TEST(never_more_than_max_threads_run)
{
    struct crowd crowd = {0, 0};
    const struct stm_pool_config config = {.max_threads = 3,
                                           .keep_alive = 1000,
                                           .run = run_in_crowd,
                                           .context = &crowd};
    struct stm_pool *pool = pool_new(&config);

    for (size_t i = 0; i < workload(500); i++)
        append_tasks(stm_pool_tasks(pool), 0, 5);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    EXPECT(crowd.most <= 3, "%zu tasks ran at once, expected at most 3",
           (size_t)crowd.most);
}
END_TEST

START_TEST(a_batch_starts_as_many_workers_as_it_needs)
{
    const struct stm_pool_config config = tally_config(&tally, 8, SECOND);
    struct stm_pool *pool = pool_new(&config);

    tally.gate = word_var(0);
    append_tasks(stm_pool_tasks(pool), 0, 5);
    EXPECT(count_of(pool, stm_pool_live) == 5, "%zu live, expected 5 for 5",
           count_of(pool, stm_pool_live));
    EXPECT(count_of(pool, stm_pool_queued) == 0, "%zu queued, expected 0",
           count_of(pool, stm_pool_queued));
    append_tasks(stm_pool_tasks(pool), 5, 5);
    EXPECT(count_of(pool, stm_pool_live) == 8, "%zu live, expected max, 8",
           count_of(pool, stm_pool_live));
    EXPECT(count_of(pool, stm_pool_queued) == 2, "%zu queued, expected 2",
           count_of(pool, stm_pool_queued));
    EXPECT(count_of(pool, stm_pool_remaining) == 10,
           "%zu remaining, expected 10", count_of(pool, stm_pool_remaining));
    poke(tally.gate, 1);
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    EXPECT(count_of(pool, stm_pool_free_workers) ==
               count_of(pool, stm_pool_live),
           "expected all live workers to be free");
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 10);
    stm_tvar_release(tally.gate);
}
END_TEST

/* Each task notes its thread and waits for a gate of its own. */
struct turns {
    struct stm_tvar *gate[4];
    pid_t thread[4];
};

static void run_turn(stm_value task, void *context)
{
    struct turns *turns = context;

    turns->thread[task] = gettid();
    await_var(turns->gate[task], 1);
}

START_TEST(the_most_recently_used_worker_goes_first)
{
    struct turns turns;
    const struct stm_pool_config config = {.max_threads = 3,
                                           .keep_alive = STM_FOREVER,
                                           .run = run_turn,
                                           .context = &turns};
    struct stm_pool *pool = pool_new(&config);

    for (int i = 0; i < 4; i++)
        turns.gate[i] = word_var(i == 3);
    append_tasks(stm_pool_tasks(pool), 0, 3);
    for (size_t i = 0; i < 3; i++) {
        poke(turns.gate[2 - i], 1); /* the last to become free is task 0's */
        await_pool(pool, stm_pool_finished, i + 1);
    }
    append_tasks(stm_pool_tasks(pool), 3, 1);
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    EXPECT(turns.thread[3] == turns.thread[0],
           "expected the worker that became free last to get the task");
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    for (int i = 0; i < 4; i++)
        stm_tvar_release(turns.gate[i]);
}
END_TEST

START_TEST(D_idle_workers_cost_no_descriptor_and_no_wakeup)
{
    size_t count = workload(1000);
    const struct stm_pool_config config =
        tally_config(&tally, count, STM_FOREVER);
    struct stm_pool *pool = pool_new(&config);
    size_t descriptors = open_descriptors();
    struct stm_stats before, spent;

    append_tasks(stm_pool_tasks(pool), 0, count);
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    EXPECT(open_descriptors() == descriptors,
           "%zu descriptors beside idle workers, expected %zu",
           open_descriptors(), descriptors);
    stm_stats_read(&before);
    append_tasks(stm_pool_tasks(pool), count, 10);
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    spent = stats_since(&before);
    if (!shaken())
        EXPECT(spent.wakeups <= 20,
               "%zu wake-ups for 10 tasks, expected about 10",
               (size_t)spent.wakeups);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, count + 10);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pool_workers");

    tcase_add_test(tests, never_more_than_max_threads_run);
    tcase_add_test(tests, a_batch_starts_as_many_workers_as_it_needs);
    tcase_add_test(tests, the_most_recently_used_worker_goes_first);
    tcase_add_test(tests, D_idle_workers_cost_no_descriptor_and_no_wakeup);
    return run_suite("pool_workers", tests);
}
