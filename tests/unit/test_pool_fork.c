/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* A pool belongs to the process that made it. */
#include "child.h"
#include "pool_support.h"

#include <stdlib.h>
#include <unistd.h>

static struct tally tally; /* each test runs in a process of its own */

/* In the child: the pool takes nothing, its list is a list like any other, and
 * it can be let go. */
static bool refuses(void *context)
{
    struct stm_pool *pool = context;
    size_t queued, threads = live_threads();

    if (stm_pool_submit(pool, 0) != STM_ECLOSED ||
        stm_pool_join(pool, STM_FOREVER) != STM_ECLOSED ||
        stm_pool_resize(pool, 1, 9) != STM_ECLOSED ||
        stm_pool_pause(pool) != STM_ECLOSED ||
        stm_pool_cancel_all(pool, NULL) != STM_ECLOSED)
        return false;
    append_tasks(stm_pool_tasks(pool), 100, 2);
    if (stm_pool_queued(pool, &queued) != STM_OK || queued != 2)
        return false;
    return live_threads() == threads && stm_pool_join_threads(pool) == STM_OK &&
           stm_pool_free(pool) == STM_OK;
}

START_TEST(an_idle_pool_does_nothing_in_the_child)
{
    const struct stm_pool_config config = tally_config(&tally, 3, STM_FOREVER);
    struct stm_pool *pool = pool_new(&config);

    append_tasks(stm_pool_tasks(pool), 0, 10);
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    expect_in_child(refuses, pool);
    append_tasks(stm_pool_tasks(pool), 10, 10);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 20);
}
END_TEST

START_TEST(a_busy_pool_does_nothing_in_the_child)
{
    const struct stm_pool_config config = tally_config(&tally, 3, STM_FOREVER);
    struct stm_pool *pool;

    tally.gate = word_var(0);
    pool = pool_new(&config);
    append_tasks(stm_pool_tasks(pool), 0, 3);
    await_pool(pool, stm_pool_queued, 0);
    await_count(&tally.entered, 3); /* an allocator may not be forked in use */
    expect_in_child(refuses, pool);
    poke(tally.gate, 1);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 3);
    stm_tvar_release(tally.gate);
}
END_TEST

static enum stm_status do_nothing(stm_value argument, stm_value *result)
{
    (void)argument, (void)result;
    return STM_OK;
}

static bool awaits_in_vain(void *future)
{
    return stm_pool_await(future, STM_FOREVER) == STM_ECLOSED;
}

START_TEST(a_future_that_waits_in_the_parent_is_not_awaited_in_the_child)
{
    const struct stm_pool_config config = {.max_threads = 1, .futures = true};
    const struct stm_pool_work work = {.function = do_nothing};
    struct stm_pool_future *future = stm_pool_future_new(&work);
    struct stm_pool *pool = pool_new(&config);

    EXPECT_STATUS(STM_OK, stm_pool_pause(pool));
    EXPECT_STATUS(STM_OK, stm_pool_submit(pool, (stm_value)future));
    expect_in_child(awaits_in_vain, future);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    EXPECT_STATUS(STM_OK, stm_pool_await(future, STM_FOREVER));
    stm_pool_future_release(future);
}
END_TEST

/* ---- what a worker calls forks ---- */

static pid_t child_of_task = -1;

/* The child has ended by itself.  What a leak checker would say of a process
 * whose main thread has vanished means nothing. */
static void end_at_once(void) { end_child(true); }

static void fork_once(void)
{
    if (child_of_task != -1)
        return;
    child_of_task = fork();
    if (child_of_task == 0) {
        alarm(30);
        atexit(end_at_once);
    }
}

static _Thread_local bool on_worker;

/* A task of the parent's must not run in the child, too. */
static void run_in_parent(stm_value task, void *context)
{
    (void)task, (void)context;
    on_worker = true;
    if (child_of_task == 0)
        _exit(1);
}

/* Appends four tasks to a pool of one worker, which is to fork once. */
static void expect_counted_in_parent(const struct stm_pool_config *config)
{
    struct stm_pool *pool = pool_new(config);

    append_tasks(stm_pool_tasks(pool), 0, 4);
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    EXPECT(count_of(pool, stm_pool_finished) == 4,
           "expected 4 tasks to be finished");
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_child_ended(child_of_task);
}

static void fork_task(stm_value task, void *context)
{
    run_in_parent(task, context);
    if (task == 1)
        fork_once();
}

START_TEST(a_task_that_forks_is_counted_in_the_parent_alone)
{
    struct stm_pool_config config = tally_config(&tally, 1, STM_FOREVER);

    config.run = fork_task;
    expect_counted_in_parent(&config);
}
END_TEST

static enum stm_status fork_finish(struct stm_tx *tx, stm_value task,
                                   void *context)
{
    (void)tx, (void)context;
    if (task == 1)
        fork_once();
    return STM_OK;
}

START_TEST(the_child_of_a_finish_that_forks_runs_no_task)
{
    struct stm_pool_config config = tally_config(&tally, 1, STM_FOREVER);

    config.run = run_in_parent;
    config.finish = fork_finish;
    expect_counted_in_parent(&config);
}
END_TEST

static enum stm_status fork_enter(void *context)
{
    (void)context;
    fork_once();
    return STM_OK;
}

static void fork_leave(void *context)
{
    (void)context;
    fork_once();
}

START_TEST(the_child_of_a_thread_hook_that_forks_runs_no_task)
{
    struct stm_pool_config config = tally_config(&tally, 1, STM_FOREVER);

    config.run = run_in_parent;
    config.thread_enter = fork_enter;
    expect_counted_in_parent(&config);
    child_of_task = -1;
    config.thread_enter = NULL;
    config.thread_leave = fork_leave;
    expect_counted_in_parent(&config);
}
END_TEST

static void task_retain(stm_value task) { (void)task; }

static void task_release(stm_value task)
{
    if (task == 1 && on_worker)
        fork_once();
}

static const struct stm_type forking_type = {
    .name = "forking", .retain = task_retain, .release = task_release};

START_TEST(the_child_of_a_release_that_forks_runs_no_task)
{
    struct stm_pool_config config = tally_config(&tally, 1, STM_FOREVER);

    config.run = run_in_parent;
    config.tasks = stm_tlist_new(&forking_type);
    expect_counted_in_parent(&config);
    stm_tlist_release(config.tasks);
}
END_TEST

static size_t threads_after_fork;

static void fork_action(stm_value unused)
{
    (void)unused;
    fork_once();
    threads_after_fork = live_threads();
}

static enum stm_status fork_and_append(struct stm_tx *tx, void *argument)
{
    STM_TRY(stm_on_commit(tx, fork_action, 0, NULL));
    return stm_tlist_append(tx, stm_pool_tasks(argument), 0);
}

START_TEST(the_child_of_an_action_that_forks_starts_no_worker)
{
    struct stm_pool_config config = tally_config(&tally, 1, STM_FOREVER);
    struct stm_pool *pool;

    config.run = run_in_parent;
    pool = pool_new(&config);
    EXPECT_STATUS(STM_OK, stm_atomically(fork_and_append, pool));
    if (child_of_task == 0)
        _exit(live_threads() == threads_after_fork ? 0 : 2);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_child_ended(child_of_task);
}
END_TEST

/* ---- a wait during which the thread forks ---- */

static enum stm_status fork_check(void *context)
{
    (void)context;
    fork_once();
    return STM_OK;
}

static void no_change(void *context) { (void)context; }

START_TEST(a_wait_for_the_pool_that_forks_ends_in_the_child)
{
    const struct stm_pool_config config = tally_config(&tally, 1, STM_FOREVER);
    const struct stm_blocking hooks = {.enter = no_change,
                                       .leave = no_change,
                                       .check = fork_check,
                                       .check_interval = 1000000};
    struct stm_pool *pool;
    enum stm_status status;

    tally.gate = word_var(0);
    pool = pool_new(&config);
    append_tasks(stm_pool_tasks(pool), 0, 1);
    stm_set_blocking(&hooks);
    status = stm_pool_join(pool, 100000000);
    stm_set_blocking(NULL);
    if (child_of_task == 0)
        end_child(status == STM_ECLOSED);
    EXPECT_STATUS(STM_ETIMEOUT, status);
    expect_child_ended(child_of_task);
    poke(tally.gate, 1);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    stm_tvar_release(tally.gate);
}
END_TEST

static AO_t waits;

static void note_wait(void *context)
{
    (void)context;
    AO_store_release(&waits, 1);
}

static void fork_after_wait(void *context)
{
    (void)context;
    fork_once();
}

static void run_until_waited_for(stm_value task, void *context)
{
    (void)task, (void)context;
    await_count(&waits, 1);
}

START_TEST(a_wait_for_the_threads_that_forks_ends_in_the_child)
{
    const struct stm_pool_config config = {.max_threads = 1,
                                           .run = run_until_waited_for};
    const struct stm_blocking hooks = {.enter = note_wait,
                                       .leave = fork_after_wait};
    struct stm_pool *pool = pool_new(&config);
    enum stm_status status;

    append_tasks(stm_pool_tasks(pool), 0, 1);
    EXPECT_STATUS(STM_OK, stm_pool_shutdown(pool));
    stm_set_blocking(&hooks);
    status = stm_pool_join_threads(pool);
    stm_set_blocking(NULL);
    if (child_of_task == 0)
        end_child(status == STM_OK);
    EXPECT_STATUS(STM_OK, status);
    expect_child_ended(child_of_task);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pool: fork");

    tcase_add_test(tests, an_idle_pool_does_nothing_in_the_child);
    tcase_add_test(tests, a_busy_pool_does_nothing_in_the_child);
    tcase_add_test(
        tests, a_future_that_waits_in_the_parent_is_not_awaited_in_the_child);
    tcase_add_test(tests, a_task_that_forks_is_counted_in_the_parent_alone);
    tcase_add_test(tests, the_child_of_a_finish_that_forks_runs_no_task);
    tcase_add_test(tests, the_child_of_a_thread_hook_that_forks_runs_no_task);
    tcase_add_test(tests, the_child_of_a_release_that_forks_runs_no_task);
    tcase_add_test(tests, the_child_of_an_action_that_forks_starts_no_worker);
    tcase_add_test(tests, a_wait_for_the_pool_that_forks_ends_in_the_child);
    tcase_add_test(tests, a_wait_for_the_threads_that_forks_ends_in_the_child);
    return run_suite("test_pool_fork", tests);
}
