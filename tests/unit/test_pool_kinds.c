/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Pools whose tasks are the user's own objects, some with a future and some
 * without; being told of their end; and futures that no pool carries out. */
#include <stdlib.h>

#include "pool_support.h"

enum { SECOND = 1000000000 };

/* ---- the user's own objects ---- */

struct job {
    AO_t references;
    struct stm_pool_future *future; /* or NULL */
    AO_t ran, ended;
};

static AO_t jobs_alive;

static void job_retain(stm_value value)
{
    AO_fetch_and_add1_full(&((struct job *)value)->references);
}

static void job_release(stm_value value)
{
    struct job *job = (struct job *)value;

    if (AO_fetch_and_sub1_full(&job->references) > 1)
        return;
    if (job->future != NULL)
        stm_pool_future_release(job->future);
    AO_fetch_and_sub1_full(&jobs_alive);
    free(job);
}

static const struct stm_type job_type = {
    .name = "job", .retain = job_retain, .release = job_release};

static enum stm_status run_future(stm_value argument, stm_value *result)
{
    AO_fetch_and_add1_full(&((struct job *)argument)->ran);
    *result = 7;
    return STM_OK;
}

static struct job *job_new(bool has_future)
{
    struct job *job = calloc(1, sizeof *job);
    const struct stm_pool_work work = {.function = run_future,
                                       .argument = (stm_value)job};

    ck_assert_ptr_nonnull(job);
    job->references = 1;
    AO_fetch_and_add1_full(&jobs_alive);
    if (has_future) {
        job->future = stm_pool_future_new(&work);
        ck_assert_ptr_nonnull(job->future);
    }
    return job;
}

/* ---- pools of them ---- */

static struct stm_pool_future *future_of(stm_value task, void *context)
{
    (void)context;
    return ((struct job *)task)->future;
}

static void run(stm_value task, void *context)
{
    (void)context;
    EXPECT(((struct job *)task)->future == NULL, "expected one without future");
    AO_fetch_and_add1_full(&((struct job *)task)->ran);
}

static void ended(stm_value task, void *context)
{
    (void)context;
    EXPECT(stm_current() == NULL, "expected no transaction");
    AO_fetch_and_add1_full(&((struct job *)task)->ended);
}

/* A paused pool of one worker. */
static struct stm_pool *jobs_pool(size_t capacity)
{
    struct stm_tlist *tasks = stm_tlist_new(&job_type);
    const struct stm_pool_config config = {.max_threads = 1,
                                           .keep_alive = SECOND,
                                           .tasks = tasks,
                                           .run = run,
                                           .future_of = future_of,
                                           .ended = ended,
                                           .capacity = capacity,
                                           .rejection = STM_POOL_DROP_OLDEST};
    struct stm_pool *pool = pool_new(&config);

    stm_tlist_release(tasks);
    EXPECT_STATUS(STM_OK, stm_pool_pause(pool));
    return pool;
}

static struct job *submit_job(struct stm_pool *pool, bool has_future)
{
    struct job *job = job_new(has_future);

    EXPECT_STATUS(STM_OK, stm_pool_submit(pool, (stm_value)job));
    return job;
}

/* Runs what is left, and frees the pool. */
static void finish_pool(struct stm_pool *pool)
{
    EXPECT_STATUS(STM_OK, stm_pool_resume(pool));
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
}

static void expect_end(struct job *job, size_t times_run, const char *which)
{
    EXPECT(job->ran == times_run && job->ended == 1,
           "%s: ran %zu times, expected %zu; told of its end %zu times, "
           "expected once",
           which, (size_t)job->ran, times_run, (size_t)job->ended);
    job_release((stm_value)job);
}

static enum stm_pool_future_state state_of(const struct job *job)
{
    enum stm_pool_future_state state = STM_POOL_WAITS;

    EXPECT_STATUS(STM_OK, stm_pool_future_state(job->future, &state));
    return state;
}

static void expect_none_alive(void)
{
    EXPECT(jobs_alive == 0, "%zu jobs are left, expected none",
           (size_t)jobs_alive);
}

START_TEST(tasks_with_and_without_a_future_run_side_by_side)
{
    struct stm_pool *pool = jobs_pool(0);
    struct job *with = submit_job(pool, true);
    struct job *without = submit_job(pool, false);

    finish_pool(pool);
    EXPECT(state_of(with) == STM_POOL_ENDED, "expected it to have ended");
    expect_end(with, 1, "with a future");
    expect_end(without, 1, "without");
    expect_none_alive();
}
END_TEST

START_TEST(a_task_with_a_future_can_be_cancelled)
{
    struct stm_pool *pool = jobs_pool(0);
    struct job *before = submit_job(pool, false);
    struct job *job = submit_job(pool, true);

    EXPECT_STATUS(STM_OK, stm_pool_future_cancel(job->future));
    EXPECT(job->ended == 1, "told %zu times, expected once",
           (size_t)job->ended);
    finish_pool(pool);
    expect_end(job, 0, "cancelled");
    expect_end(before, 1, "before it");
    expect_none_alive();
}
END_TEST

static enum stm_status cancel_and_abort(struct stm_tx *tx, void *argument)
{
    (void)tx;
    STM_TRY(stm_pool_cancel_all(argument, NULL));
    return STM_EABORT;
}

START_TEST(B_nobody_is_told_of_an_end_that_is_undone)
{
    struct stm_pool *pool = jobs_pool(0);
    struct job *job = submit_job(pool, true);

    EXPECT_STATUS(STM_EABORT, stm_atomically(cancel_and_abort, pool));
    EXPECT(job->ended == 0, "expected nobody told, got %zu",
           (size_t)job->ended);
    finish_pool(pool);
    expect_end(job, 1, "the job");
    expect_none_alive();
}
END_TEST

START_TEST(what_is_cancelled_or_dropped_is_told_of_too)
{
    struct stm_pool *pool = jobs_pool(2);
    struct job *jobs[4];

    for (int i = 0; i < 3; i++)
        jobs[i] = submit_job(pool, i % 2 == 0);
    EXPECT(jobs[0]->ended == 1, "expected the oldest dropped");
    EXPECT_STATUS(STM_OK, stm_pool_cancel_all(pool, NULL));
    jobs[3] = submit_job(pool, false);
    finish_pool(pool);
    for (int i = 0; i < 3; i++)
        expect_end(jobs[i], 0, "given up");
    expect_end(jobs[3], 1, "the last");
    expect_none_alive();
}
END_TEST

static enum stm_status take_first(struct stm_tx *tx, void *argument)
{
    return stm_tlist_remove(tx, stm_pool_tasks(argument), 0, NULL);
}

START_TEST(a_task_that_someone_has_taken_out_of_the_list_can_be_cancelled)
{
    struct stm_pool *pool = jobs_pool(0);
    struct job *job = submit_job(pool, true);

    EXPECT_STATUS(STM_OK, stm_atomically(take_first, pool));
    EXPECT_STATUS(STM_OK, stm_pool_future_cancel(job->future));
    EXPECT(state_of(job) == STM_POOL_CANCELLED, "expected it cancelled");
    EXPECT(job->ended == 0, "expected nobody told");
    finish_pool(pool);
    job_release((stm_value)job);
    expect_none_alive();
}
END_TEST

START_TEST(future_of_needs_a_list_or_a_queue)
{
    const struct stm_pool_config config = {
        .max_threads = 1, .run = run, .future_of = future_of};
    struct stm_pool *pool;

    EXPECT_STATUS(STM_EMISUSE, stm_pool_new(&config, &pool));
}
END_TEST

/* ---- futures that no pool carries out ---- */

static enum stm_status read_outcome(struct stm_tx *tx, void *argument)
{
    struct stm_pool_future *future = argument;
    stm_value value;

    STM_TRY(stm_tfuture_get(tx, stm_pool_future_outcome(future), &value));
    EXPECT(value == 5, "the value is %zu, expected 5", (size_t)value);
    return STM_OK;
}

START_TEST(a_future_can_be_begun_and_ended_by_hand)
{
    struct job *job = job_new(true);

    EXPECT_STATUS(STM_OK, stm_pool_future_begin(job->future));
    EXPECT(state_of(job) == STM_POOL_RUNS, "expected it to run");
    EXPECT_STATUS(STM_EMISUSE, stm_pool_future_begin(job->future));
    EXPECT_STATUS(STM_EDONE, stm_pool_future_cancel(job->future));
    EXPECT_STATUS(STM_OK, stm_pool_future_end(job->future, STM_OK, 5));
    EXPECT(state_of(job) == STM_POOL_ENDED, "expected it to have ended");
    EXPECT_STATUS(STM_OK, stm_atomically(read_outcome, job->future));
    EXPECT_STATUS(STM_EDONE, stm_pool_future_end(job->future, STM_OK, 6));
    job_release((stm_value)job);
}
END_TEST

START_TEST(a_cancelled_future_is_not_begun)
{
    struct job *job = job_new(true);

    EXPECT_STATUS(STM_OK, stm_pool_future_cancel(job->future));
    EXPECT_STATUS(STM_ECANCELLED, stm_pool_future_begin(job->future));
    EXPECT_STATUS(STM_EDONE, stm_pool_future_end(job->future, STM_OK, 5));
    job_release((stm_value)job);
}
END_TEST

START_TEST(a_future_can_fail_by_hand)
{
    struct job *job = job_new(true);

    EXPECT_STATUS(STM_EMISUSE, stm_pool_future_end(job->future, STM_RETRY, 0));
    EXPECT_STATUS(STM_OK, stm_pool_future_end(job->future, STM_EUSER, 0));
    EXPECT_STATUS(STM_EUSER, stm_atomically(read_outcome, job->future));
    job_release((stm_value)job);
}
END_TEST

START_TEST(one_that_is_ended_by_hand_while_it_is_queued_does_not_run)
{
    struct stm_pool *pool = jobs_pool(0);
    struct job *job = submit_job(pool, true);

    EXPECT_STATUS(STM_OK, stm_pool_future_end(job->future, STM_OK, 5));
    finish_pool(pool);
    EXPECT(job->ran == 0, "expected it not to run");
    EXPECT_STATUS(STM_OK, stm_atomically(read_outcome, job->future));
    job_release((stm_value)job);
    expect_none_alive();
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("kinds");

    tcase_add_test(tests, tasks_with_and_without_a_future_run_side_by_side);
    tcase_add_test(tests, a_task_with_a_future_can_be_cancelled);
    tcase_add_test(tests, B_nobody_is_told_of_an_end_that_is_undone);
    tcase_add_test(tests, what_is_cancelled_or_dropped_is_told_of_too);
    tcase_add_test(
        tests, a_task_that_someone_has_taken_out_of_the_list_can_be_cancelled);
    tcase_add_test(tests, future_of_needs_a_list_or_a_queue);
    tcase_add_test(tests, a_future_can_be_begun_and_ended_by_hand);
    tcase_add_test(tests, a_cancelled_future_is_not_begun);
    tcase_add_test(tests, a_future_can_fail_by_hand);
    tcase_add_test(tests,
                   one_that_is_ended_by_hand_while_it_is_queued_does_not_run);
    return run_suite("kinds", tests);
}
