/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Threads that cannot be started: no task is lost, the failure is reported,
 * and it is tried again.  The seam is this program's own pthread_create, which
 * comes before the system's. */
#include "pool_support.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

enum { SECOND = 1000000000 };

static struct tally tally; /* each test runs in a process of its own */

/* Of the calls from now on, those from the first-th to the last-th fail. */
static struct {
    AO_t calls, first, last;
} failing;

static void fail_starts(size_t first, size_t last)
{
    AO_store_release(&failing.calls, 0);
    AO_store_release(&failing.first, first);
    AO_store_release(&failing.last, last);
}

typedef int create_thread(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument);

/* Where a sanitizer watches threads, it must see this one. */
create_thread __interceptor_pthread_create __attribute__((weak));

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                   void *(*start)(void *), void *argument)
{
    create_thread *real = __interceptor_pthread_create;
    AO_t call = AO_fetch_and_add1_full(&failing.calls) + 1;

    if (call >= AO_load_acquire(&failing.first) &&
        call <= AO_load_acquire(&failing.last))
        return EAGAIN;
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return real(thread, attributes, start, argument);
}

static void expect_reported(size_t least)
{
    EXPECT(tally.failed >= least,
           "%zu failures were reported, expected at least %zu",
           (size_t)tally.failed, least);
}

START_TEST(any_one_start_may_fail)
{
    for (size_t nth = 1; nth <= 8; nth++) {
        const struct stm_pool_config config = tally_config(&tally, 4, 0);
        struct stm_pool *pool = pool_new(&config);

        fail_starts(nth, nth);
        for (size_t i = 0; i < 5; i++)
            append_tasks(stm_pool_tasks(pool), (nth - 1) * 40 + i * 8, 8);
        EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
        EXPECT(count_of(pool, stm_pool_scheduled) == 40,
               "%zu scheduled, expected 40",
               count_of(pool, stm_pool_scheduled));
        EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    }
    fail_starts(0, 0);
    expect_each_once(&tally, 320);
    expect_reported(1);
}
END_TEST

START_TEST(with_one_worker_left_all_tasks_run)
{
    const struct stm_pool_config config = tally_config(&tally, 8, STM_FOREVER);
    struct stm_pool *pool = pool_new(&config);

    fail_starts(2, (AO_t)-1);
    append_tasks(stm_pool_tasks(pool), 0, 500);
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    expect_each_once(&tally, 500);
    EXPECT(count_of(pool, stm_pool_live) == 1, "%zu live, expected 1",
           count_of(pool, stm_pool_live));
    expect_reported(7);
    EXPECT(tally.failed < 100,
           "%zu starts failed for 500 tasks, expected fewer and fewer",
           (size_t)tally.failed);
    fail_starts(0, 0);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
}
END_TEST

START_TEST(once_threads_can_be_started_again_the_pool_grows_to_its_size)
{
    const struct stm_pool_config config = tally_config(&tally, 4, STM_FOREVER);
    struct stm_pool *pool = pool_new(&config);

    tally.gate = word_var(0);
    fail_starts(2, 4);
    append_tasks(stm_pool_tasks(pool), 0, 4);
    EXPECT(count_of(pool, stm_pool_live) == 1, "%zu live, expected 1",
           count_of(pool, stm_pool_live));
    EXPECT(count_of(pool, stm_pool_queued) == 3,
           "%zu queued, expected the 3 tasks to be back in the list",
           count_of(pool, stm_pool_queued));
    append_tasks(stm_pool_tasks(pool), 4, 4);
    await_pool(pool, stm_pool_live, 4);
    poke(tally.gate, 1);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 8);
    stm_tvar_release(tally.gate);
}
END_TEST

START_TEST(tasks_that_no_thread_can_be_started_for_stay_in_the_list)
{
    const struct stm_pool_config config = tally_config(&tally, 4, SECOND);
    struct stm_pool *pool = pool_new(&config);

    fail_starts(1, (AO_t)-1);
    append_tasks(stm_pool_tasks(pool), 0, 10);
    EXPECT(count_of(pool, stm_pool_queued) == 10, "%zu queued, expected 10",
           count_of(pool, stm_pool_queued));
    EXPECT(count_of(pool, stm_pool_live) == 0, "%zu live, expected 0",
           count_of(pool, stm_pool_live));
    EXPECT(count_of(pool, stm_pool_free_workers) == 0, "%zu free, expected 0",
           count_of(pool, stm_pool_free_workers));
    EXPECT_STATUS(STM_ETIMEOUT, stm_pool_join(pool, 5000000));
    expect_reported(4);
    EXPECT(tally.entered == 0, "a thread was started, expected none");

    fail_starts(0, 0);
    append_tasks(stm_pool_tasks(pool), 10, 1);
    await_pool(pool, stm_pool_finished, 11); /* nobody joins */
    expect_each_once(&tally, 11);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
}
END_TEST

START_TEST(a_short_want_of_threads_needs_nobody_to_come_by)
{
    const struct stm_pool_config config = tally_config(&tally, 2, SECOND);
    struct stm_pool *pool = pool_new(&config);

    fail_starts(1, 4);
    append_tasks(stm_pool_tasks(pool), 0, 3);
    await_pool(pool, stm_pool_finished, 3);
    expect_each_once(&tally, 3);
    expect_reported(4);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
}
END_TEST

START_TEST(a_joiner_tries_again)
{
    const struct stm_pool_config config = tally_config(&tally, 1, SECOND);
    struct stm_pool *pool = pool_new(&config);

    fail_starts(1, 9); /* more than the submitter tries */
    EXPECT_STATUS(STM_OK, stm_pool_submit(pool, 0));
    EXPECT(count_of(pool, stm_pool_queued) == 1, "%zu queued, expected 1",
           count_of(pool, stm_pool_queued));
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    expect_each_once(&tally, 1);
    expect_reported(9);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
}
END_TEST

START_TEST(freeing_tries_again_until_the_queue_is_empty)
{
    const struct stm_pool_config config = tally_config(&tally, 3, SECOND);
    struct stm_pool *pool = pool_new(&config);

    fail_starts(1, 12);
    append_tasks(stm_pool_tasks(pool), 0, 10);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 10);
    EXPECT(tally.finalized == 1, "finalize ran %zu times, expected once",
           (size_t)tally.finalized);
}
END_TEST

/* A hook that refuses the first threads. */
enum { REFUSED = 5 };
static AO_t calls;

static enum stm_status refuse(void *context)
{
    struct tally *counts = context;

    if (AO_fetch_and_add1_full(&calls) < REFUSED)
        return STM_ENOMEM;
    AO_fetch_and_add1_full(&counts->entered);
    return STM_OK;
}

START_TEST(a_thread_that_cannot_be_set_up_counts_as_not_started)
{
    struct stm_pool_config config = tally_config(&tally, 3, 0);
    struct stm_pool *pool;

    config.thread_enter = refuse;
    pool = pool_new(&config);
    append_tasks(stm_pool_tasks(pool), 0, 20);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 20);
    EXPECT(tally.failed == REFUSED, "%zu failures were reported, expected %d",
           (size_t)tally.failed, REFUSED);
    EXPECT(tally.entered == tally.left,
           "%zu threads were set up and %zu left, expected the same",
           (size_t)tally.entered, (size_t)tally.left);
}
END_TEST

/* ---- what needs a thread beside the one there is ---- */

static struct stm_pool *own;

static enum stm_status descend(stm_value depth, stm_value *result)
{
    const struct stm_pool_work work = {.function = descend,
                                       .argument = depth - 1};
    struct stm_pool_future *future;

    (void)result;
    if (depth == 0)
        return STM_OK;
    future = stm_pool_future_new(&work);
    EXPECT_STATUS(STM_OK, stm_pool_submit(own, (stm_value)future));
    EXPECT_STATUS(STM_OK, stm_pool_await(future, STM_FOREVER));
    stm_pool_future_release(future);
    return STM_OK;
}

static void ignore_failure(int error, void *context)
{
    (void)error, (void)context;
}

START_TEST(a_worker_that_no_other_can_help_runs_what_it_waits_for)
{
    const struct stm_pool_config config = {
        .max_threads = 1, .futures = true, .thread_failed = ignore_failure};
    const struct stm_pool_work work = {.function = descend, .argument = 3};
    struct stm_pool_future *future = stm_pool_future_new(&work);

    own = pool_new(&config);
    fail_starts(2, (AO_t)-1);
    EXPECT_STATUS(STM_OK, stm_pool_submit(own, (stm_value)future));
    EXPECT_STATUS(STM_OK, stm_pool_await(future, STM_FOREVER));
    EXPECT(count_of(own, stm_pool_scheduled) == 4, "%zu scheduled, expected 4",
           count_of(own, stm_pool_scheduled));
    EXPECT_STATUS(STM_OK, stm_pool_free(own));
    fail_starts(0, 0);
    stm_pool_future_release(future);
}
END_TEST

struct front {
    struct stm_tpriorityqueue *queue;
    int64_t priority;
};

static enum stm_status look_at_front(struct stm_tx *tx, void *argument)
{
    struct front *front = argument;
    stm_value task;

    return stm_tpriorityqueue_get(tx, front->queue, 0, &task, &front->priority);
}

static int64_t front_priority(struct stm_tpriorityqueue *queue)
{
    struct front front = {queue, 0};

    EXPECT_STATUS(STM_OK, stm_atomically(look_at_front, &front));
    return front.priority;
}

START_TEST(over_a_priority_queue_a_task_taken_back_keeps_its_priority)
{
    struct stm_pool_config config = tally_config(&tally, 2, SECOND);
    const struct stm_pool_order last = {.task = 1, .priority = 7};
    int64_t priority = 0;
    struct stm_pool *pool;

    config.queue = stm_tpriorityqueue_new(NULL);
    pool = pool_new(&config);
    tally.gate = word_var(0);
    fail_starts(2, (AO_t)-1);
    EXPECT_STATUS(STM_OK, stm_pool_submit(pool, 0));
    EXPECT_STATUS(STM_OK, stm_pool_submit_order(pool, &last));
    priority = front_priority(config.queue);
    EXPECT(priority == 7, "its priority is %d, expected 7", (int)priority);
    fail_starts(0, 0);
    poke(tally.gate, 1);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 2);
    stm_tpriorityqueue_release(config.queue);
    stm_tvar_release(tally.gate);
}
END_TEST

START_TEST(workers_short_of_the_least_number_are_tried_again)
{
    struct stm_pool_config config = tally_config(&tally, 3, 0);
    struct stm_pool *pool;

    config.min_threads = 3;
    fail_starts(2, 2);
    pool = pool_new(&config);
    append_tasks(stm_pool_tasks(pool), 0, 20);
    await_pool(pool, stm_pool_live, 3);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 20);
    fail_starts(0, 0);
}
END_TEST

/* Its only worker runs task 0 until the gate opens, after task 3; the start of
 * another one has failed. */
static struct stm_pool *busy_pool_without_a_second(void)
{
    const struct stm_pool_config config = tally_config(&tally, 1, STM_FOREVER);
    struct stm_pool *pool = pool_new(&config);

    EXPECT_STATUS(STM_OK, stm_pool_submit(pool, 3));
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    tally.gate = word_var(0);
    EXPECT_STATUS(STM_OK, stm_pool_submit(pool, 0));
    fail_starts(1, 1);
    EXPECT_STATUS(STM_OK, stm_pool_resize(pool, 2, 2));
    return pool;
}

static void send_away(stm_value pool)
{
    EXPECT_STATUS(STM_OK, stm_pool_resize((struct stm_pool *)pool, 0, 1));
}

/* Its start follows the actions that are there before. */
static enum stm_status ask_for_one(struct stm_pool *pool)
{
    STM_TRY(stm_pool_pause(pool)); /* so that it gets no task */
    STM_TRY(stm_pool_submit(pool, 1));
    return stm_pool_submit(pool, 2);
}

static enum stm_status ask_for_one_that_is_sent_away(struct stm_tx *tx,
                                                     void *pool)
{
    STM_TRY(stm_on_commit(tx, send_away, (stm_value)pool, NULL));
    return ask_for_one(pool);
}

START_TEST(a_probe_that_is_sent_away_before_it_starts_bars_no_other)
{
    struct stm_pool *pool = busy_pool_without_a_second();

    expect_reported(1);
    EXPECT_STATUS(STM_OK, stm_atomically(ask_for_one_that_is_sent_away, pool));
    EXPECT(failing.calls == 1, "%zu starts, expected only the one that failed",
           (size_t)failing.calls);
    EXPECT_STATUS(STM_OK, stm_pool_resize(pool, 0, 2));
    EXPECT_STATUS(STM_OK, stm_pool_resume(pool));
    EXPECT(count_of(pool, stm_pool_live) == 2, "%zu live, expected 2",
           count_of(pool, stm_pool_live));
    poke(tally.gate, 1);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 4);
    stm_tvar_release(tally.gate);
}
END_TEST

static AO_t armed;

static void send_away_and_ask(stm_value pool)
{
    send_away(pool);
    EXPECT_STATUS(STM_OK, stm_pool_resize((struct stm_pool *)pool, 2, 2));
    AO_store_release(&armed, 1);
}

static enum stm_status ask_for_two_in_turn(struct stm_tx *tx, void *pool)
{
    STM_TRY(stm_on_commit(tx, send_away_and_ask, (stm_value)pool, NULL));
    return ask_for_one(pool);
}

static void *ask_for_workers(void *pool)
{
    EXPECT_STATUS(STM_OK, stm_atomically(ask_for_two_in_turn, pool));
    return NULL;
}

static enum stm_status read_live(struct stm_tx *tx, stm_value pool,
                                 stm_value *out)
{
    size_t live;

    (void)tx;
    STM_TRY(stm_pool_live((struct stm_pool *)pool, &live));
    *out = live;
    return STM_OK;
}

static void end_thread(stm_value unused)
{
    (void)unused;
    if (!AO_load_acquire(&armed))
        return;
    AO_store_release(&armed, 0);
    pthread_exit(NULL);
}

static enum stm_status then_end_thread(struct stm_tx *tx, stm_value unused,
                                       stm_value live)
{
    (void)unused, (void)live;
    return stm_on_commit(tx, end_thread, 0, NULL);
}

static enum stm_status watch_live(struct stm_tx *tx, void *pool)
{
    const struct stm_watch watch = {.function = read_live,
                                    .callback = then_end_thread,
                                    .argument = (stm_value)pool};
    struct stm_watcher *watcher;

    STM_TRY(stm_watch(tx, &watch, &watcher));
    stm_watcher_release(watcher);
    return STM_OK;
}

START_TEST(a_thread_that_ends_as_it_excuses_a_probe_keeps_nobody_waiting)
{
    struct stm_pool *pool = busy_pool_without_a_second();
    pthread_t thread;

    EXPECT_STATUS(STM_OK, stm_atomically(watch_live, pool));
    pthread_create(&thread, NULL, ask_for_workers, pool);
    pthread_join(thread, NULL);
    EXPECT(armed == 0, "expected the thread to be ended by the watcher");
    EXPECT_STATUS(STM_OK, stm_pool_resize(pool, 0, 1));
    poke(tally.gate, 1);
    EXPECT_STATUS(STM_OK, stm_pool_resume(pool));
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 4);
    stm_tvar_release(tally.gate);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pool start");

    tcase_add_test(tests, any_one_start_may_fail);
    tcase_add_test(tests, with_one_worker_left_all_tasks_run);
    tcase_add_test(
        tests, once_threads_can_be_started_again_the_pool_grows_to_its_size);
    tcase_add_test(tests,
                   tasks_that_no_thread_can_be_started_for_stay_in_the_list);
    tcase_add_test(tests, a_short_want_of_threads_needs_nobody_to_come_by);
    tcase_add_test(tests, a_joiner_tries_again);
    tcase_add_test(tests, freeing_tries_again_until_the_queue_is_empty);
    tcase_add_test(tests, a_thread_that_cannot_be_set_up_counts_as_not_started);
    tcase_add_test(tests,
                   a_worker_that_no_other_can_help_runs_what_it_waits_for);
    tcase_add_test(tests,
                   over_a_priority_queue_a_task_taken_back_keeps_its_priority);
    tcase_add_test(tests, workers_short_of_the_least_number_are_tried_again);
    tcase_add_test(tests,
                   a_probe_that_is_sent_away_before_it_starts_bars_no_other);
    tcase_add_test(
        tests, a_thread_that_ends_as_it_excuses_a_probe_keeps_nobody_waiting);
    return run_suite("pool start", tests);
}
