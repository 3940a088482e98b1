/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* What tasks may do, and how they are handed over, without one being lost. */
#include "pool_support.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum { SECOND = 1000000000 };

static struct tally tally;   /* each test runs in a process of its own */
static struct stm_pool *own; /* of the tasks that know their pool */

/* ---- ending its thread ---- */

static void exit_some(stm_value task, void *context)
{
    struct tally *counts = context;

    AO_fetch_and_add1_full(&counts->ran[task]);
    if (task % 3 == 0) {
        stm_pool_wait_begin();
        pthread_exit(NULL);
    }
}

static enum stm_status count_exit(struct stm_tx *tx, stm_value task,
                                  enum stm_status why, void *context)
{
    struct stm_tvar *exits = ((struct tally *)context)->gate;
    stm_value count;

    EXPECT(why == STM_ETHREAD && task % 3 == 0,
           "task %zu was given up for %d, expected only those that exit",
           (size_t)task, (int)why);
    STM_TRY(stm_tvar_get(tx, exits, &count));
    return stm_tvar_set(tx, exits, count + 1);
}

START_TEST(a_task_may_end_its_thread)
{
    struct stm_pool_config config = tally_config(&tally, 3, STM_FOREVER);
    size_t before = live_threads();
    struct stm_pool_stats stats;

    config.run = exit_some;
    config.give_up = count_exit;
    tally.gate = word_var(0); /* how many were given up */
    own = pool_new(&config);
    append_tasks(stm_pool_tasks(own), 0, 60);
    EXPECT_STATUS(STM_OK, stm_pool_join(own, STM_FOREVER));
    EXPECT_STATUS(STM_OK, stm_pool_stats_read(own, &stats));
    EXPECT(stats.finished == 60 && stats.given_up == 20 &&
               peek(tally.gate) == 20,
           "%zu finished, %zu given up, %zu noted; expected 60, 20 and 20",
           stats.finished, stats.given_up, (size_t)peek(tally.gate));
    EXPECT(stats.live <= 3 && stats.waiting == 0,
           "%zu live and %zu waiting, expected at most 3 and none", stats.live,
           stats.waiting);
    EXPECT_STATUS(STM_OK, stm_pool_free(own));
    expect_each_once(&tally, 60);
    await_threads(before);
    stm_tvar_release(tally.gate);
}
END_TEST

static enum stm_status exit_thread(stm_value argument, stm_value *result)
{
    (void)argument, (void)result;
    pthread_exit(NULL);
}

START_TEST(a_future_whose_function_ends_its_thread_fails)
{
    const struct stm_pool_config config = {.max_threads = 1, .futures = true};
    const struct stm_pool_work work = {.function = exit_thread};
    struct stm_pool_future *future = stm_pool_future_new(&work);
    enum stm_pool_future_state state = STM_POOL_WAITS;

    own = pool_new(&config);
    EXPECT_STATUS(STM_OK, stm_pool_submit(own, (stm_value)future));
    EXPECT_STATUS(STM_OK, stm_pool_await(future, STM_FOREVER));
    EXPECT_STATUS(STM_OK, stm_pool_future_state(future, &state));
    EXPECT(state == STM_POOL_ENDED, "the state is %d", (int)state);
    EXPECT_STATUS(STM_OK, stm_pool_free(own));
    stm_pool_future_release(future);
}
END_TEST

enum { TOLD = 100 };

/* `gate` holds how many were told before. */
static enum stm_status look_at_counts(struct stm_tx *tx, stm_value task,
                                      void *context)
{
    struct stm_tvar *told = ((struct tally *)context)->gate;
    struct stm_pool_stats stats;
    size_t remaining;
    stm_value before;

    (void)task;
    STM_TRY(stm_tvar_get(tx, told, &before));
    STM_TRY(stm_pool_stats_read(own, &stats));
    STM_TRY(stm_pool_remaining(own, &remaining));
    EXPECT(stats.finished == before + 1 && stats.scheduled == TOLD &&
               remaining == TOLD - stats.finished &&
               stats.running + stats.queued == remaining,
           "%zu finished, %zu scheduled, %zu remaining, %zu running, %zu "
           "queued; expected %zu and %d, and those to add up",
           stats.finished, stats.scheduled, remaining, stats.running,
           stats.queued, (size_t)before + 1, TOLD);
    return stm_tvar_set(tx, told, before + 1);
}

static enum stm_status look_at_counts_too(struct stm_tx *tx, stm_value task,
                                          enum stm_status why, void *context)
{
    (void)why;
    return look_at_counts(tx, task, context);
}

START_TEST(who_is_told_of_a_task_s_end_sees_it_counted_as_finished)
{
    struct stm_pool_config config = tally_config(&tally, 2, STM_FOREVER);

    config.run = exit_some;
    config.finish = look_at_counts;
    config.give_up = look_at_counts_too;
    tally.gate = word_var(0);
    own = pool_new(&config);
    append_tasks(stm_pool_tasks(own), 0, TOLD);
    EXPECT_STATUS(STM_OK, stm_pool_join(own, STM_FOREVER));
    EXPECT_STATUS(STM_OK, stm_pool_free(own));
    expect_each_once(&tally, TOLD);
    EXPECT(peek(tally.gate) == TOLD, "%zu were told, expected %d",
           (size_t)peek(tally.gate), TOLD);
    stm_tvar_release(tally.gate);
}
END_TEST

/* The pool is lost there, and the thread of it that ended last. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#else
static bool refuse(void *context)
{
    (void)context;
    return false;
}

START_TEST(a_thread_that_may_not_go_on_leaves_its_task_running)
{
    struct stm_pool_config config = tally_config(&tally, 2, STM_FOREVER);
    struct stm_pool_stats stats = {.live = 0};

    config.run = exit_some;
    config.thread_ended = refuse;
    own = pool_new(&config);
    append_tasks(stm_pool_tasks(own), 0, 3);
    await_pool(own, stm_pool_finished, 2);
    await_count(&tally.ran[0], 1);
    EXPECT_STATUS(STM_OK, stm_pool_stats_read(own, &stats));
    EXPECT(stats.running == 1 && stats.live > 0 && stats.given_up == 0,
           "%zu running, %zu live, %zu given up; expected 1, some and none",
           stats.running, stats.live, stats.given_up);
    expect_each_once(&tally, 3);
    EXPECT_STATUS(STM_OK, stm_pool_abandon(own));
    await_threads(1);
}
END_TEST
#endif

static void exit_again(stm_value task, void *context)
{
    (void)context;
    if (task % 3 == 0)
        pthread_exit(NULL);
}

/* What is to be called at the end of a task is user code like the task. */
START_TEST(what_is_told_of_a_task_s_end_may_end_the_thread_too)
{
    struct stm_pool_config config = tally_config(&tally, 2, STM_FOREVER);
    size_t before = live_threads();

    config.run = _i == 0 ? exit_some : config.run;
    config.ended = exit_again;
    own = pool_new(&config);
    append_tasks(stm_pool_tasks(own), 0, 30);
    EXPECT_STATUS(STM_OK, stm_pool_join(own, STM_FOREVER));
    EXPECT(count_of(own, stm_pool_finished) == 30, "%zu finished, expected 30",
           count_of(own, stm_pool_finished));
    EXPECT_STATUS(STM_OK, stm_pool_free(own));
    expect_each_once(&tally, 30);
    await_threads(before);
}
END_TEST

/* Tasks as counted values, some of which end the thread that gives them back
 * once it was told that they have ended. */
static AO_t references[MOST_TASKS];
static _Thread_local stm_value ending; /* plus 1 */

static void retain_task(stm_value task)
{
    AO_fetch_and_add1_full(&references[task]);
}

static void release_or_exit(stm_value task)
{
    EXPECT(AO_fetch_and_sub1_full(&references[task]) > 0,
           "task %zu was given back too often", (size_t)task);
    if (ending != task + 1)
        return;
    ending = 0;
    pthread_exit(NULL);
}

static void end_at_this(stm_value task, void *context)
{
    (void)context;
    ending = task % 3 == 0 ? task + 1 : 0;
}

START_TEST(giving_a_task_back_may_end_the_thread_too)
{
    const struct stm_type type = {
        .name = "task", .retain = retain_task, .release = release_or_exit};
    struct stm_pool_config config = tally_config(&tally, 1, STM_FOREVER);
    size_t before = live_threads();

    config.tasks = stm_tlist_new(&type);
    config.ended = end_at_this;
    own = pool_new(&config);
    append_tasks(config.tasks, 1, 30); /* 0 is no object */
    EXPECT_STATUS(STM_OK, stm_pool_join(own, STM_FOREVER));
    EXPECT_STATUS(STM_OK, stm_pool_free(own));
    AO_store(&tally.ran[0], 1);
    expect_each_once(&tally, 31);
    await_threads(before);
    stm_tlist_release(config.tasks);
}
END_TEST

/* ---- submitting, and shutting down ---- */

static void submit_more(stm_value task, void *context)
{
    struct tally *counts = context;

    AO_fetch_and_add1_full(&counts->ran[task]);
    for (stm_value child = 2 * task + 1; child <= 2 * task + 2; child++)
        if (child < 500)
            EXPECT_STATUS(STM_OK, stm_pool_submit(own, child));
}

START_TEST(tasks_may_submit_tasks)
{
    struct stm_pool_config config = tally_config(&tally, 3, SECOND);

    config.run = submit_more;
    own = pool_new(&config);
    EXPECT_STATUS(STM_OK, stm_pool_submit(own, 0));
    EXPECT_STATUS(STM_OK, stm_pool_join(own, STM_FOREVER));
    expect_each_once(&tally, 500);
    EXPECT_STATUS(STM_OK, stm_pool_free(own));
}
END_TEST

START_TEST(tasks_that_submit_to_their_own_full_pool_do_not_stop_it)
{
    struct stm_pool_config config = tally_config(&tally, 2, SECOND);

    config.run = submit_more;
    config.capacity = 1;
    own = pool_new(&config);
    EXPECT_STATUS(STM_OK, stm_pool_submit(own, 0));
    EXPECT_STATUS(STM_OK, stm_pool_join(own, STM_FOREVER));
    expect_each_once(&tally, 500);
    EXPECT_STATUS(STM_OK, stm_pool_free(own));
}
END_TEST

static void shut_down(stm_value task, void *context)
{
    struct tally *counts = context;

    AO_fetch_and_add1_full(&counts->ran[task]);
    if (task == 5)
        EXPECT_STATUS(STM_OK, stm_pool_shutdown(own));
}

START_TEST(a_task_may_shut_its_pool_down)
{
    struct stm_pool_config config = tally_config(&tally, 2, SECOND);

    config.run = shut_down;
    own = pool_new(&config);
    EXPECT_STATUS(STM_OK, stm_pool_pause(own));
    append_tasks(stm_pool_tasks(own), 0, 20);
    EXPECT_STATUS(STM_OK, stm_pool_resume(own));
    await_pool(own, stm_pool_live, 0);
    EXPECT_STATUS(STM_ECLOSED, stm_pool_submit(own, 20));
    expect_each_once(&tally, 20);
    EXPECT_STATUS(STM_OK, stm_pool_free(own));
}
END_TEST

/* Each waits for the one below it. */
static enum stm_status descend(stm_value depth, stm_value *result)
{
    const struct stm_pool_work work = {.function = descend,
                                       .argument = depth - 1};
    struct stm_pool_future *future;

    *result = depth;
    if (depth == 0)
        return STM_OK;
    future = stm_pool_future_new(&work);
    EXPECT_STATUS(STM_OK, stm_pool_submit(own, (stm_value)future));
    EXPECT_STATUS(STM_OK, stm_pool_await(future, STM_FOREVER));
    stm_pool_future_release(future);
    return STM_OK;
}

START_TEST(tasks_that_wait_for_tasks_of_their_own_pool_do_not_stop_it)
{
    const struct stm_pool_config config = {
        .max_threads = 1, .keep_alive = SECOND, .futures = true};
    const struct stm_pool_work work = {.function = descend, .argument = 20};
    struct stm_pool_future *future = stm_pool_future_new(&work);
    struct stm_pool_stats stats;

    own = pool_new(&config);
    EXPECT_STATUS(STM_OK, stm_pool_submit(own, (stm_value)future));
    EXPECT_STATUS(STM_OK, stm_pool_await(future, STM_FOREVER));
    EXPECT_STATUS(STM_OK, stm_pool_join(own, STM_FOREVER));
    EXPECT_STATUS(STM_OK, stm_pool_stats_read(own, &stats));
    EXPECT(stats.finished == 21, "%zu finished, expected 21", stats.finished);
    EXPECT(stats.waiting == 0 && stats.max == 1 && stats.live <= 1,
           "%zu waiting, max %zu, %zu live; expected those let in to be gone",
           stats.waiting, stats.max, stats.live);
    EXPECT_STATUS(STM_OK, stm_pool_free(own));
    stm_pool_future_release(future);
}
END_TEST

START_TEST(outside_workers_a_wait_means_nothing)
{
    stm_pool_wait_begin();
    stm_pool_wait_end();
    stm_pool_wait_end();
}
END_TEST

/* ---- hand-over ---- */

enum { FEEDERS = 2, BATCHES = 30, PER_BATCH = 10 };

static void feed(size_t index, void *context)
{
    for (size_t i = 0; i < BATCHES; i++)
        append_tasks(context, (index * BATCHES + i) * PER_BATCH, PER_BATCH);
}

static void hand_over(enum stm_pool_handover handover, uint64_t keep_alive)
{
    struct stm_pool_config config = tally_config(&tally, 4, keep_alive);
    struct stm_pool *pool;

    config.handover = handover;
    config.min_threads = 1;
    config.name = "a pool of the test";
    pool = pool_new(&config);
    crew_run(FEEDERS, feed, stm_pool_tasks(pool));
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    EXPECT_STATUS(STM_OK, stm_pool_resize(pool, 0, 2));
    EXPECT(count_of(pool, stm_pool_live) <= 2, "%zu live, expected at most 2",
           count_of(pool, stm_pool_live));
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, FEEDERS * BATCHES * PER_BATCH);
    EXPECT(tally.entered == tally.left,
           "%zu threads entered and %zu left, expected the same",
           (size_t)tally.entered, (size_t)tally.left);
}

START_TEST(handing_over_loses_no_task) { hand_over(_i % 3, _i / 3 * 10000); }
END_TEST

START_TEST(a_pool_s_transactions_have_its_name)
{
    struct stm_stats stats;

    hand_over(STM_POOL_HAND_OFF, SECOND);
    stm_stats_read_name("a pool of the test", &stats);
    EXPECT(stats.commits >= FEEDERS * BATCHES * PER_BATCH,
           "%zu commits, expected one for each task", (size_t)stats.commits);
    EXPECT(stats.attempts ==
               stats.commits + stats.conflicts + stats.retries + stats.aborts,
           "%zu attempts, which is not what they came to",
           (size_t)stats.attempts);
}
END_TEST

/* Nobody but the worker that gets a task is disturbed by it. */
START_TEST(D_a_hand_off_costs_a_retry_for_each_task_at_most)
{
    enum { WORKERS = 30, TASKS = 300 };
    struct stm_pool_config config = tally_config(&tally, WORKERS, STM_FOREVER);
    struct stm_stats stats;
    struct stm_pool *pool;

    config.min_threads = WORKERS;
    config.name = "hand-off";
    pool = pool_new(&config);
    for (size_t i = 0; i < TASKS; i++) {
        append_tasks(stm_pool_tasks(pool), i, 1);
        EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    }
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, TASKS);
    stm_stats_read_name("hand-off", &stats);
    if (!shaken())
        EXPECT(stats.retries < TASKS + WORKERS + 50,
               "%zu retries for %d tasks, expected fewer than %d",
               (size_t)stats.retries, TASKS, TASKS + WORKERS + 50);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pool: tasks");

    tcase_add_test(tests, a_task_may_end_its_thread);
    tcase_add_test(tests, a_future_whose_function_ends_its_thread_fails);
    tcase_add_test(tests,
                   who_is_told_of_a_task_s_end_sees_it_counted_as_finished);
#ifndef SANITIZED
    tcase_add_test(tests, a_thread_that_may_not_go_on_leaves_its_task_running);
#endif
    tcase_add_loop_test(
        tests, what_is_told_of_a_task_s_end_may_end_the_thread_too, 0, 2);
    tcase_add_test(tests, giving_a_task_back_may_end_the_thread_too);
    tcase_add_test(tests, tasks_may_submit_tasks);
    tcase_add_test(tests,
                   tasks_that_submit_to_their_own_full_pool_do_not_stop_it);
    tcase_add_test(tests, a_task_may_shut_its_pool_down);
    tcase_add_test(tests,
                   tasks_that_wait_for_tasks_of_their_own_pool_do_not_stop_it);
    tcase_add_test(tests, outside_workers_a_wait_means_nothing);
    tcase_add_loop_test(tests, handing_over_loses_no_task, 0, 6);
    tcase_add_test(tests, a_pool_s_transactions_have_its_name);
    tcase_add_test(tests, D_a_hand_off_costs_a_retry_for_each_task_at_most);
    return run_suite("test_pool_tasks", tests);
}
