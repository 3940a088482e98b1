/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* A pool belongs to the process that made it. */
#include "pool_support.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct tally tally; /* each test runs in a process of its own */

static void expect_child_ended(pid_t child)
{
    int status;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0,
           "expected the child to end with 0, got the wait status %d", status);
}

/* In the child: the pool takes nothing, its list is a list like any other, and
 * it can be let go. */
static bool refuses(struct stm_pool *pool)
{
    size_t queued, threads = live_threads();

    if (stm_pool_submit(pool, 0) != STM_ECLOSED ||
        stm_pool_join(pool, STM_FOREVER) != STM_ECLOSED)
        return false;
    append_tasks(stm_pool_tasks(pool), 100, 2);
    if (stm_pool_queued(pool, &queued) != STM_OK || queued != 2)
        return false;
    return live_threads() == threads && stm_pool_free(pool) == STM_OK;
}

static void expect_refused(struct stm_pool *pool)
{
    pid_t child = fork();

    ck_assert_int_ne(child, -1);
    if (child == 0) {
        alarm(30);
        _exit(refuses(pool) ? 0 : 1);
    }
    expect_child_ended(child);
}

START_TEST(an_idle_pool_does_nothing_in_the_child)
{
    const struct stm_pool_config config = tally_config(&tally, 3, STM_FOREVER);
    struct stm_pool *pool = pool_new(&config);

    append_tasks(stm_pool_tasks(pool), 0, 10);
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    expect_refused(pool);
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
    expect_refused(pool);
    poke(tally.gate, 1);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 3);
    stm_tvar_release(tally.gate);
}
END_TEST

static pid_t child_of_task;

/* The child has ended by itself.  What a leak checker would say of a process
 * whose main thread has vanished means nothing. */
static void end_at_once(void) { _exit(0); }

static void fork_task(stm_value task, void *context)
{
    (void)context;
    if (task == 1)
        child_of_task = fork();
    if (child_of_task == 0 && task == 1) {
        alarm(30);
        atexit(end_at_once);
    }
}

START_TEST(a_task_that_forks_is_counted_in_the_parent_alone)
{
    struct stm_pool_config config = tally_config(&tally, 2, STM_FOREVER);
    struct stm_pool *pool;

    config.run = fork_task;
    pool = pool_new(&config);
    append_tasks(stm_pool_tasks(pool), 0, 4);
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    EXPECT(count_of(pool, stm_pool_finished) == 4,
           "expected 4 tasks to be finished");
    expect_child_ended(child_of_task);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pool: fork");

    tcase_add_test(tests, an_idle_pool_does_nothing_in_the_child);
    tcase_add_test(tests, a_busy_pool_does_nothing_in_the_child);
    tcase_add_test(tests, a_task_that_forks_is_counted_in_the_parent_alone);
    return run_suite("test_pool_fork", tests);
}
