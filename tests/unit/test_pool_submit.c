/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Submitting where there is no room, for later, and taking all of it back. */
#include "pool_support.h"

#include <pthread.h>

enum { SECOND = 1000000000, CAPACITY = 3 };

static struct tally tally; /* each test runs in a process of its own */

static struct stm_pool_stats stats_of(struct stm_pool *pool)
{
    struct stm_pool_stats stats = {0};

    EXPECT_STATUS(STM_OK, stm_pool_stats_read(pool, &stats));
    return stats;
}

/* Notes what is given up. */
static AO_t given_up[MOST_TASKS];
static struct stm_tvar *lost; /* how many were, in a variable */

static enum stm_status note_given_up(struct stm_tx *tx, stm_value task,
                                     enum stm_status why, void *context)
{
    stm_value count;

    (void)context;
    EXPECT(why == STM_ECANCELLED, "task %zu was given up for %d", (size_t)task,
           (int)why);
    AO_store(&given_up[task], 1);
    STM_TRY(stm_tvar_get(tx, lost, &count));
    return stm_tvar_set(tx, lost, count + 1);
}

static void run_behind_gate(stm_value task, void *context)
{
    struct tally *counts = context;

    if (task < 2 + CAPACITY)
        await_var(counts->gate, 1);
    AO_fetch_and_add1_full(&counts->ran[task]);
}

/* A pool of two workers, both of which wait for the gate, with no more room
 * than for CAPACITY tasks, which are there. */
static struct stm_pool *full_pool(enum stm_pool_rejection rejection)
{
    struct stm_pool_config config = tally_config(&tally, 2, STM_FOREVER);
    struct stm_pool *pool;

    config.run = run_behind_gate;
    config.capacity = CAPACITY;
    config.rejection = rejection;
    config.give_up = note_given_up;
    tally.gate = word_var(0);
    lost = word_var(0);
    pool = pool_new(&config);
    for (stm_value i = 0; i < 2 + CAPACITY; i++)
        EXPECT_STATUS(STM_OK, stm_pool_submit(pool, i));
    EXPECT(stats_of(pool).queued == CAPACITY, "%zu queued, expected %d",
           stats_of(pool).queued, CAPACITY);
    return pool;
}

static void empty(struct stm_pool *pool)
{
    poke(tally.gate, 1);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    stm_tvar_release(tally.gate);
    stm_tvar_release(lost);
}

START_TEST(a_full_pool_may_reject)
{
    struct stm_pool *pool = full_pool(STM_POOL_REJECT);

    EXPECT_STATUS(STM_EFULL, stm_pool_submit(pool, 5));
    append_tasks(stm_pool_tasks(pool), 5, 1); /* which knows of no room */
    EXPECT_STATUS(STM_EFULL, stm_pool_submit(pool, 6));
    EXPECT_STATUS(STM_OK, stm_pool_resize(pool, 0, 4));
    EXPECT_STATUS(STM_OK, stm_pool_submit(pool, 6));
    EXPECT_STATUS(STM_EFULL, stm_pool_submit(pool, 7));
    empty(pool);
    expect_each_once(&tally, 7);
}
END_TEST

static enum stm_status submit_five(struct stm_tx *tx, void *argument)
{
    (void)tx;
    for (stm_value i = 0; i < 5; i++)
        STM_TRY(stm_pool_submit(argument, i));
    return STM_OK;
}

static enum stm_status submit_six(struct stm_tx *tx, void *argument)
{
    STM_TRY(submit_five(tx, argument));
    return stm_pool_submit(argument, 5);
}

START_TEST(room_counts_the_workers_that_the_commit_will_find)
{
    struct stm_pool_config config = tally_config(&tally, 2, STM_FOREVER);
    struct stm_pool *pool;

    config.capacity = CAPACITY;
    config.rejection = STM_POOL_REJECT;
    pool = pool_new(&config);
    EXPECT_STATUS(STM_EFULL, stm_atomically(submit_six, pool));
    EXPECT(stats_of(pool).scheduled == 0, "expected nothing to be left of it");
    EXPECT_STATUS(STM_OK, stm_atomically(submit_five, pool));
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 5);
}
END_TEST

static void submit_next(size_t index, void *context)
{
    EXPECT_STATUS(STM_OK, stm_pool_submit(context, 5 + index));
}

START_TEST(a_full_pool_blocks_until_there_is_room)
{
    struct stm_pool *pool = full_pool(STM_POOL_BLOCK);
    struct crew *crew = crew_start(3, submit_next, pool);

    EXPECT(stats_of(pool).scheduled == 5, "%zu scheduled, expected 5",
           stats_of(pool).scheduled);
    poke(tally.gate, 1);
    crew_join(crew);
    empty(pool);
    expect_each_once(&tally, 8);
}
END_TEST

static enum stm_status submit_one(struct stm_tx *tx, void *argument)
{
    (void)tx;
    return stm_pool_submit(argument, 5);
}

static enum stm_status do_without(struct stm_tx *tx, void *argument)
{
    (void)tx, (void)argument;
    return STM_EUSER;
}

static enum stm_status submit_if_room(struct stm_tx *tx, void *argument)
{
    const struct stm_branch branches[] = {{submit_one, argument},
                                          {do_without, argument}};

    return stm_or_else(tx, branches, 2);
}

START_TEST(blocking_is_a_retry_that_or_else_takes_up)
{
    struct stm_pool *pool = full_pool(STM_POOL_BLOCK);

    EXPECT_STATUS(STM_EUSER, stm_atomically(submit_if_room, pool));
    empty(pool);
    expect_each_once(&tally, 5);
}
END_TEST

START_TEST(a_full_pool_may_have_the_caller_run_the_task)
{
    struct stm_pool *pool = full_pool(STM_POOL_CALLER_RUNS);

    EXPECT_STATUS(STM_OK, stm_pool_submit(pool, 5));
    EXPECT(tally.ran[5] == 1,
           "expected it to have run here, before the return");
    empty(pool);
    expect_each_once(&tally, 6);
}
END_TEST

START_TEST(a_full_pool_may_drop_the_oldest)
{
    struct stm_pool *pool = full_pool(STM_POOL_DROP_OLDEST);

    EXPECT_STATUS(STM_OK, stm_pool_submit(pool, 5));
    EXPECT_STATUS(STM_OK, stm_pool_submit(pool, 6));
    EXPECT(peek(lost) == 2 && given_up[2] && given_up[3],
           "expected the tasks 2 and 3 to be dropped, got %zu",
           (size_t)peek(lost));
    EXPECT(stats_of(pool).given_up == 2, "%zu given up, expected 2",
           stats_of(pool).given_up);
    empty(pool);
    EXPECT(tally.ran[2] == 0 && tally.ran[3] == 0, "a dropped task ran");
    EXPECT(tally.ran[4] == 1 && tally.ran[5] == 1 && tally.ran[6] == 1,
           "expected the others to run");
}
END_TEST

START_TEST(over_a_priority_queue_the_oldest_of_the_least_urgent_is_dropped)
{
    struct stm_pool_config config = tally_config(&tally, 1, STM_FOREVER);
    const int64_t priorities[] = {0, 1, 5, 5, 2, 3};
    struct stm_pool *pool;

    config.capacity = 4;
    config.rejection = STM_POOL_DROP_OLDEST;
    config.give_up = note_given_up;
    config.queue = stm_tpriorityqueue_new(NULL);
    tally.gate = word_var(0);
    lost = word_var(0);
    pool = pool_new(&config);
    for (stm_value i = 0; i < 6; i++) {
        const struct stm_pool_order order = {.task = i,
                                             .priority = priorities[i]};

        EXPECT_STATUS(STM_OK, stm_pool_submit_order(pool, &order));
    }
    EXPECT(peek(lost) == 1 && given_up[2], "expected task 2 to be dropped");
    stm_tpriorityqueue_release(config.queue);
    empty(pool);
    EXPECT(tally.ran[2] == 0 && tally.ran[3] == 1,
           "expected task 3 to run and task 2 not to");
}
END_TEST

/* ---- later ---- */

START_TEST(a_delayed_task_runs_once_its_time_has_come)
{
    const struct stm_pool_config config = tally_config(&tally, 2, 0);
    struct stm_pool *pool = pool_new(&config);
    uint64_t begin = monotonic_now();

    for (stm_value i = 0; i < 10; i++) {
        const struct stm_pool_order order = {.task = i,
                                             .delay = 20000000 - i * 1000000};

        EXPECT_STATUS(STM_OK, stm_pool_submit_order(pool, &order));
    }
    EXPECT(count_of(pool, stm_pool_scheduled) == 10, "%zu scheduled",
           count_of(pool, stm_pool_scheduled));
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    EXPECT(monotonic_now() - begin >= 20000000, "it ran too early");
    expect_each_once(&tally, 10);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
}
END_TEST

START_TEST(a_pool_that_is_freed_waits_for_delayed_tasks)
{
    const struct stm_pool_config config = tally_config(&tally, 1, 0);
    const struct stm_pool_order order = {.task = 0, .delay = 5000000};
    struct stm_pool *pool = pool_new(&config);

    EXPECT_STATUS(STM_OK, stm_pool_submit_order(pool, &order));
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 1);
}
END_TEST

/* ---- taking back ---- */

static enum stm_status cancel_and_close(struct stm_tx *tx, void *argument)
{
    (void)tx;
    STM_TRY(stm_pool_cancel_all(argument, NULL));
    return stm_pool_shutdown(argument);
}

START_TEST(a_pool_shut_down_may_give_up_what_is_queued)
{
    struct stm_pool *pool = full_pool(STM_POOL_BLOCK);
    const struct stm_pool_order order = {.task = 5,
                                         .delay = (uint64_t)3600 * SECOND};
    size_t count = 0;

    EXPECT_STATUS(STM_OK, stm_pool_submit_order(pool, &order));
    EXPECT_STATUS(STM_OK, stm_pool_cancel_all(pool, &count));
    EXPECT(count == 4 && peek(lost) == 4, "%zu given up, %zu noted, expected 4",
           count, (size_t)peek(lost));
    EXPECT_STATUS(STM_OK, stm_pool_submit_order(pool, &order));
    EXPECT_STATUS(STM_OK, stm_atomically(cancel_and_close, pool));
    EXPECT(stats_of(pool).given_up == 5, "%zu given up, expected 5",
           stats_of(pool).given_up);
    EXPECT(stats_of(pool).running == 2, "%zu running, expected 2",
           stats_of(pool).running);
    empty(pool);
    expect_each_once(&tally, 2);
    EXPECT(tally.ran[2] == 0 && tally.ran[5] == 0, "a task given up ran");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pool: submit");

    tcase_add_test(tests, a_full_pool_may_reject);
    tcase_add_test(tests, room_counts_the_workers_that_the_commit_will_find);
    tcase_add_test(tests, a_full_pool_blocks_until_there_is_room);
    tcase_add_test(tests, blocking_is_a_retry_that_or_else_takes_up);
    tcase_add_test(tests, a_full_pool_may_have_the_caller_run_the_task);
    tcase_add_test(tests, a_full_pool_may_drop_the_oldest);
    tcase_add_test(
        tests, over_a_priority_queue_the_oldest_of_the_least_urgent_is_dropped);
    tcase_add_test(tests, a_delayed_task_runs_once_its_time_has_come);
    tcase_add_test(tests, a_pool_that_is_freed_waits_for_delayed_tasks);
    tcase_add_test(tests, a_pool_shut_down_may_give_up_what_is_queued);
    return run_suite("test_pool_submit", tests);
}
