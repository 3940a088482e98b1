/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Tasks that are handed out before a thread has come for them: whoever comes
 * takes them, nobody waits beside an idle worker, and no worker is kept that is
 * to go. */
#include "pool_support.h"

enum { SECOND = 1000000000, WORKERS = 12, MOST_QUICK = 2000 };

static struct tally tally; /* each test runs in a process of its own */

/* ---- tasks that need each other ---- */

/* Tasks that wait until so many of them run: one that waited for an idle worker
 * would wait for ever.  Others are quick. */
static struct {
    struct stm_tvar *met;
    size_t all;
} meeting;

enum { QUICK = WORKERS };

static enum stm_status come(struct stm_tx *tx, void *argument)
{
    stm_value met;

    (void)argument;
    STM_TRY(stm_tvar_get(tx, meeting.met, &met));
    return stm_tvar_set(tx, meeting.met, met + 1);
}

static void meet(stm_value task, void *context)
{
    if (task < QUICK) {
        EXPECT_STATUS(STM_OK, stm_atomically(come, NULL));
        await_var(meeting.met, meeting.all);
    }
    AO_fetch_and_add1_full(&((struct tally *)context)->ran[task]);
}

static struct stm_pool *make_pool(size_t workers, size_t min,
                                  uint64_t keep_alive)
{
    struct stm_pool_config config = tally_config(&tally, workers, keep_alive);

    config.run = meet;
    config.min_threads = min;
    meeting.met = word_var(0);
    meeting.all = workers;
    return pool_new(&config);
}

static void end_pool(struct stm_pool *pool, size_t tasks)
{
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, tasks);
    EXPECT(tally.entered == tally.left,
           "%zu threads entered and %zu left, expected the same",
           (size_t)tally.entered, (size_t)tally.left);
    stm_tvar_release(meeting.met);
}

static void submit_from(struct stm_pool *pool, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        EXPECT_STATUS(STM_OK, stm_pool_submit(pool, first + i));
}

START_TEST(as_many_run_at_once_as_there_are_idle_workers)
{
    struct stm_pool *pool = make_pool(WORKERS, WORKERS, SECOND);

    await_pool(pool, stm_pool_free_workers, WORKERS);
    submit_from(pool, 0, WORKERS);
    end_pool(pool, WORKERS);
}
END_TEST

START_TEST(as_many_run_at_once_when_added_at_once)
{
    struct stm_pool *pool = make_pool(WORKERS, WORKERS, SECOND);

    append_tasks(stm_pool_tasks(pool), 0, WORKERS);
    end_pool(pool, WORKERS);
}
END_TEST

/* Quick tasks before, between which one worker may do them all. */
START_TEST(as_many_run_at_once_after_many_quick_ones)
{
    size_t quick = workload(MOST_QUICK);
    struct stm_pool *pool = make_pool(WORKERS, WORKERS, SECOND);

    submit_from(pool, QUICK, quick);
    submit_from(pool, 0, WORKERS);
    end_pool(pool, QUICK + quick);
}
END_TEST

START_TEST(as_many_run_at_once_among_quick_ones)
{
    size_t quick = workload(MOST_QUICK) / WORKERS;
    struct stm_pool *pool = make_pool(WORKERS, WORKERS, SECOND);

    for (size_t i = 0; i < WORKERS; i++) {
        submit_from(pool, QUICK + i * quick, quick);
        submit_from(pool, i, 1);
    }
    end_pool(pool, QUICK + WORKERS * quick);
}
END_TEST

/* Workers leave at any moment, and are started anew. */
START_TEST(as_many_run_at_once_though_workers_leave)
{
    size_t quick = workload(MOST_QUICK);
    struct stm_pool *pool = make_pool(WORKERS, 1, 1000 * (uint64_t)_i);

    submit_from(pool, QUICK, quick);
    append_tasks(stm_pool_tasks(pool), 0, WORKERS);
    end_pool(pool, QUICK + quick);
}
END_TEST

/* The lone worker may be on standby. */
START_TEST(a_task_that_comes_after_a_while_is_run)
{
    size_t quick = workload(MOST_QUICK);
    struct stm_pool *pool = make_pool(2, 2, SECOND);

    for (size_t i = 0; i < quick; i++) {
        submit_from(pool, QUICK + i, 1);
        if (i % 50 == 0)
            EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    }
    submit_from(pool, 0, 2);
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    for (size_t i = 2; i < QUICK; i++)
        AO_store(&tally.ran[i], 1); /* there are not so many workers */
    end_pool(pool, QUICK + quick);
}
END_TEST

/* ---- control ---- */

enum { SIZES = 6 };

static void resize(struct stm_pool *pool)
{
    for (size_t i = 0; i < workload(300); i++) {
        size_t most = i % SIZES + 1;

        EXPECT_STATUS(STM_OK, stm_pool_resize(pool, i % most, most));
    }
}

static void feed_or_resize(size_t index, void *pool)
{
    size_t half = workload(MOST_QUICK) / 2;

    if (index < 2)
        submit_from(pool, QUICK + index * half, half);
    else
        resize(pool);
}

START_TEST(resizing_amid_tasks_leaves_no_worker_and_no_task_behind)
{
    struct stm_pool *pool = make_pool(SIZES, 0, 100000 * (uint64_t)_i);

    crew_run(3, feed_or_resize, pool);
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    EXPECT_STATUS(STM_OK, stm_pool_resize(pool, 0, 1));
    EXPECT(count_of(pool, stm_pool_live) <= 1, "%zu live, expected at most 1",
           count_of(pool, stm_pool_live));
    for (size_t i = 0; i < QUICK; i++)
        AO_store(&tally.ran[i], 1); /* these were not submitted */
    end_pool(pool, QUICK + workload(MOST_QUICK) / 2 * 2);
}
END_TEST

/* What was handed out before runs, though nothing else is. */
START_TEST(a_pause_holds_back_no_task_that_is_handed_out)
{
    struct stm_pool *pool = make_pool(WORKERS, WORKERS, SECOND);

    append_tasks(stm_pool_tasks(pool), 0, WORKERS);
    EXPECT_STATUS(STM_OK, stm_pool_pause(pool));
    await_pool(pool, stm_pool_finished, WORKERS);
    EXPECT_STATUS(STM_OK, stm_pool_resume(pool));
    end_pool(pool, WORKERS);
}
END_TEST

START_TEST(a_shutdown_runs_what_is_handed_out)
{
    struct stm_pool *pool = make_pool(WORKERS, WORKERS, SECOND);

    submit_from(pool, 0, WORKERS);
    EXPECT_STATUS(STM_OK, stm_pool_shutdown(pool));
    end_pool(pool, WORKERS);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pool: ready tasks");

    tcase_add_test(tests, as_many_run_at_once_as_there_are_idle_workers);
    tcase_add_test(tests, as_many_run_at_once_when_added_at_once);
    tcase_add_test(tests, as_many_run_at_once_after_many_quick_ones);
    tcase_add_test(tests, as_many_run_at_once_among_quick_ones);
    tcase_add_loop_test(tests, as_many_run_at_once_though_workers_leave, 0, 4);
    tcase_add_test(tests, a_task_that_comes_after_a_while_is_run);
    tcase_add_loop_test(
        tests, resizing_amid_tasks_leaves_no_worker_and_no_task_behind, 0, 3);
    tcase_add_test(tests, a_pause_holds_back_no_task_that_is_handed_out);
    tcase_add_test(tests, a_shutdown_runs_what_is_handed_out);
    return run_suite("test_pool_ready", tests);
}
