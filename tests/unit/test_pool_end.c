/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* How work, workers and pools end: a join waits, idle ones leave, a closed pool
 * drains, and nothing is left. */
#include <pthread.h>

#include "pool_support.h"

enum { SECOND = 1000000000 };

static struct tally tally; /* each test runs in a process of its own */

START_TEST(idle_workers_leave_after_keep_alive)
{
    const struct stm_pool_config config = tally_config(&tally, 5, 1000000);
    struct stm_pool *pool = pool_new(&config);
    size_t before = live_threads();

    append_tasks(stm_pool_tasks(pool), 0, 20);
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    await_pool(pool, stm_pool_live, 0);
    EXPECT(count_of(pool, stm_pool_free_workers) == 0,
           "%zu free workers of none live",
           count_of(pool, stm_pool_free_workers));
    append_tasks(stm_pool_tasks(pool), 20, 20);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 40);
    await_threads(before);
}
END_TEST

/* Each task meets workers that are about to leave, or that have just left:
 * keep_alive is of the order of the time between two tasks. */
static void race(uint64_t keep_alive, size_t max, bool joining)
{
    const struct stm_pool_config config = tally_config(&tally, max, keep_alive);
    struct stm_pool *pool = pool_new(&config);
    size_t count = workload(10000);
    struct generator generator;

    generator_init(&generator, keep_alive);
    for (size_t i = 0; i < count; i++) {
        uint64_t until = monotonic_now() + generator_below(&generator, 20000);

        append_tasks(stm_pool_tasks(pool), i, 1);
        if (joining)
            EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
        while (monotonic_now() < until)
            continue;
    }
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    EXPECT(count_of(pool, stm_pool_finished) == count,
           "%zu finished, expected %zu", count_of(pool, stm_pool_finished),
           count);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, count);
    EXPECT(tally.entered == tally.left,
           "%zu threads entered and %zu left, expected the same",
           (size_t)tally.entered, (size_t)tally.left);
}

START_TEST(keep_alive_racing_a_hand_over_loses_no_task)
{
    race(10000, 2, true);
}
END_TEST

START_TEST(keep_alive_racing_a_stream_of_tasks_loses_no_task)
{
    race(5000, 3, false);
}
END_TEST

START_TEST(keep_alive_of_zero_loses_no_task) { race(0, 2, true); }
END_TEST

START_TEST(shutdown_drains_and_then_takes_nothing)
{
    const struct stm_pool_config config = tally_config(&tally, 2, STM_FOREVER);
    struct stm_pool *pool = pool_new(&config);

    tally.gate = word_var(0);
    append_tasks(stm_pool_tasks(pool), 0, 30);
    EXPECT_STATUS(STM_OK, stm_pool_shutdown(pool));
    EXPECT_STATUS(STM_OK, stm_pool_shutdown(pool));
    EXPECT_STATUS(STM_ECLOSED, stm_pool_submit(pool, 30));
    poke(tally.gate, 1);
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    await_pool(pool, stm_pool_live, 0);
    EXPECT_STATUS(STM_ECLOSED, stm_pool_submit(pool, 30));
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 30);
    EXPECT(tally.ran[30] == 0, "a refused task ran");
    stm_tvar_release(tally.gate);
}
END_TEST

static enum stm_status shutdown_then_abort(struct stm_tx *tx, void *argument)
{
    (void)tx;
    STM_TRY(stm_pool_shutdown(argument));
    return STM_EABORT;
}

START_TEST(B_a_shutdown_that_is_rolled_back_leaves_the_pool_open)
{
    const struct stm_pool_config config = tally_config(&tally, 2, SECOND);
    struct stm_pool *pool = pool_new(&config);

    EXPECT_STATUS(STM_EABORT, stm_atomically(shutdown_then_abort, pool));
    EXPECT_STATUS(STM_OK, stm_pool_submit(pool, 0));
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 1);
}
END_TEST

START_TEST(all_threads_are_gone_after_free)
{
    const struct stm_pool_config config = tally_config(&tally, 50, STM_FOREVER);
    size_t before = live_threads();

    for (size_t i = 0; i < 5; i++) {
        struct stm_pool *pool = pool_new(&config);

        append_tasks(stm_pool_tasks(pool), 200 * i, 200);
        EXPECT_STATUS(STM_OK, stm_pool_free(pool));
        await_threads(before);
    }
    expect_each_once(&tally, 1000);
    EXPECT(tally.entered == tally.left,
           "%zu threads entered and %zu left, expected the same",
           (size_t)tally.entered, (size_t)tally.left);
}
END_TEST

/* Those that are sent away while they start count no more. */
START_TEST(all_threads_are_gone_after_join_threads)
{
    struct stm_pool_config config = tally_config(&tally, 8, STM_FOREVER);

    config.min_threads = 8;
    for (size_t i = 0; i < workload(20); i++) {
        struct stm_pool *pool = pool_new(&config);

        EXPECT_STATUS(STM_EMISUSE, stm_pool_join_threads(pool));
        EXPECT_STATUS(STM_OK, stm_pool_resize(pool, 0, 1));
        EXPECT_STATUS(STM_OK, stm_pool_submit(pool, i));
        EXPECT_STATUS(STM_OK, stm_pool_shutdown(pool));
        EXPECT_STATUS(STM_OK, stm_pool_join_threads(pool));
        EXPECT(tally.entered == 8 * (i + 1) && tally.left == tally.entered,
               "%zu threads entered and %zu left, expected %zu each",
               (size_t)tally.entered, (size_t)tally.left, 8 * (i + 1));
        EXPECT_STATUS(STM_OK, stm_pool_join_threads(pool));
        EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    }
    expect_each_once(&tally, workload(20));
}
END_TEST

static pthread_key_t ending;
static AO_t ended;

static void end_slowly(void *unused)
{
    const struct timespec pause = {.tv_nsec = 20000000};

    (void)unused;
    nanosleep(&pause, NULL);
    AO_store_release(&ended, 1);
}

static void set_ending(stm_value task, void *context)
{
    (void)task, (void)context;
    EXPECT(pthread_setspecific(ending, &ended) == 0, "cannot set the key");
}

static void *join_threads(void *pool)
{
    EXPECT_STATUS(STM_OK, stm_pool_join_threads(pool));
    EXPECT(AO_load_acquire(&ended) == 1, "the thread has not ended yet");
    return NULL;
}

START_TEST(two_may_wait_for_the_same_threads)
{
    const struct stm_pool_config config = {.max_threads = 1, .run = set_ending};
    struct stm_pool *pool = pool_new(&config);
    pthread_t thread;

    pthread_key_create(&ending, end_slowly);
    EXPECT_STATUS(STM_OK, stm_pool_submit(pool, 0));
    EXPECT_STATUS(STM_OK, stm_pool_shutdown(pool));
    pthread_create(&thread, NULL, join_threads, pool);
    join_threads(pool);
    pthread_join(thread, NULL);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    pthread_key_delete(ending);
}
END_TEST

/* An action of the commit that makes workers, which is before their start. */
struct delay {
    struct stm_pool *pool;
    struct stm_tvar *begun, *go;
};

static void delay(stm_value argument)
{
    const struct delay *delay = (const struct delay *)argument;

    poke(delay->begun, 1);
    await_var(delay->go, 1);
}

static enum stm_status ask_for_workers(struct stm_tx *tx, void *argument)
{
    const struct delay *at = argument;

    STM_TRY(stm_on_commit(tx, delay, (stm_value)at, NULL));
    return stm_pool_resize(at->pool, 2, 2);
}

static void *resize_late(void *argument)
{
    EXPECT_STATUS(STM_OK, stm_atomically(ask_for_workers, argument));
    return NULL;
}

START_TEST(no_thread_comes_after_free_though_its_start_was_late)
{
    const struct stm_pool_config config = tally_config(&tally, 1, STM_FOREVER);
    size_t before = live_threads();
    struct delay at = {
        .pool = pool_new(&config), .begun = word_var(0), .go = word_var(0)};
    pthread_t thread;

    EXPECT_STATUS(STM_OK, stm_pool_submit(at.pool, 0));
    EXPECT_STATUS(STM_OK, stm_pool_join(at.pool, STM_FOREVER));
    tally.gate = word_var(0);
    EXPECT_STATUS(STM_OK, stm_pool_submit(at.pool, 1)); /* nobody is free */
    pthread_create(&thread, NULL, resize_late, &at);
    await_var(at.begun, 1);
    EXPECT_STATUS(STM_OK, stm_pool_resize(at.pool, 0, 1));
    poke(tally.gate, 1);
    EXPECT_STATUS(STM_OK, stm_pool_free(at.pool));
    poke(at.go, 1);
    pthread_join(thread, NULL);
    await_threads(before);
    EXPECT(tally.entered == 1 && tally.left == 1,
           "%zu threads entered and %zu left, expected 1 each",
           (size_t)tally.entered, (size_t)tally.left);
    stm_tvar_release(tally.gate);
    stm_tvar_release(at.begun);
    stm_tvar_release(at.go);
}
END_TEST

START_TEST(an_unused_pool_is_freed_and_finalized_once)
{
    const struct stm_pool_config config = tally_config(&tally, 3, SECOND);

    EXPECT_STATUS(STM_OK, stm_pool_free(pool_new(&config)));
    EXPECT(tally.finalized == 1, "finalize ran %zu times, expected once",
           (size_t)tally.finalized);
    EXPECT_STATUS(STM_OK, stm_pool_abandon(pool_new(&config)));
    EXPECT(tally.finalized == 2, "finalize ran %zu times, expected twice",
           (size_t)tally.finalized);
}
END_TEST

START_TEST(an_abandoned_pool_finishes_its_queue)
{
    const struct stm_pool_config config = tally_config(&tally, 2, STM_FOREVER);
    struct stm_pool *pool = pool_new(&config);

    tally.gate = word_var(0);
    append_tasks(stm_pool_tasks(pool), 0, 20);
    EXPECT_STATUS(STM_OK, stm_pool_abandon(pool));
    EXPECT(tally.finalized == 0, "finalized with 20 tasks still to run");
    poke(tally.gate, 1);
    await_count(&tally.finalized, 1);
    expect_each_once(&tally, 20);
    EXPECT(tally.entered == tally.left,
           "finalized with %zu threads entered and %zu left",
           (size_t)tally.entered, (size_t)tally.left);
    stm_tvar_release(tally.gate);
}
END_TEST

/* A task that ends its own pool. */
struct suicide {
    struct stm_pool *pool;
    enum stm_status freeing;
    AO_t finalized;
};

static void run_suicide(stm_value task, void *context)
{
    struct suicide *suicide = context;

    (void)task;
    suicide->freeing = stm_pool_free(suicide->pool);
    EXPECT_STATUS(STM_OK, stm_pool_abandon(suicide->pool));
}

static void note_end(void *context)
{
    struct suicide *suicide = context;

    AO_store_release(&suicide->finalized, 1);
}

START_TEST(a_worker_may_abandon_its_own_pool_but_not_free_it)
{
    struct suicide suicide = {0};
    const struct stm_pool_config config = {.max_threads = 1,
                                           .run = run_suicide,
                                           .finalize = note_end,
                                           .context = &suicide};

    suicide.pool = pool_new(&config);
    EXPECT_STATUS(STM_OK, stm_pool_submit(suicide.pool, 0));
    await_count(&suicide.finalized, 1);
    EXPECT(suicide.freeing == STM_EMISUSE, "freeing gave %d, expected %d",
           suicide.freeing, STM_EMISUSE);
}
END_TEST

static enum stm_status misuse(struct stm_tx *tx, void *argument)
{
    const struct stm_pool_config config = tally_config(&tally, 1, 0);
    struct stm_pool *other;

    (void)tx;
    EXPECT_STATUS(STM_EMISUSE, stm_pool_new(&config, &other));
    EXPECT_STATUS(STM_EMISUSE, stm_pool_join_threads(argument));
    EXPECT_STATUS(STM_EMISUSE, stm_pool_free(argument));
    EXPECT_STATUS(STM_EMISUSE, stm_pool_abandon(argument));
    return STM_OK;
}

START_TEST(pools_neither_begin_nor_end_inside_a_transaction)
{
    const struct stm_pool_config config = tally_config(&tally, 1, 0);
    struct stm_pool *pool = pool_new(&config);

    EXPECT_STATUS(STM_OK, stm_atomically(misuse, pool));
    EXPECT_STATUS(STM_OK, stm_pool_submit(pool, 0));
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 1);
    EXPECT(tally.finalized == 1, "finalize ran %zu times, expected once",
           (size_t)tally.finalized);
}
END_TEST

START_TEST(a_configuration_that_lacks_something_is_refused)
{
    struct stm_pool_config config = tally_config(&tally, 0, 0);
    struct stm_pool *pool = NULL;

    EXPECT_STATUS(STM_EMISUSE, stm_pool_new(&config, &pool));
    config.max_threads = 1;
    config.run = NULL;
    EXPECT_STATUS(STM_EMISUSE, stm_pool_new(&config, &pool));
    EXPECT(pool == NULL, "a refused pool was written out");
    EXPECT(tally.finalized == 0, "a refused pool was finalized");
}
END_TEST

/* The list outlives its pool and keeps nothing of it alive. */
START_TEST(a_list_survives_its_pool_and_serves_another)
{
    struct stm_tlist *list = stm_tlist_new(NULL);
    struct stm_pool_config config = tally_config(&tally, 2, SECOND);

    config.tasks = list;
    EXPECT_STATUS(STM_OK, stm_pool_free(pool_new(&config)));
    EXPECT(tally.finalized == 1, "finalize ran %zu times, expected once",
           (size_t)tally.finalized);
    append_tasks(list, 0, 10);
    EXPECT(tally.ran[0] == 0, "a task ran without a pool");
    EXPECT_STATUS(STM_OK, stm_pool_free(pool_new(&config)));
    expect_each_once(&tally, 10);
    stm_tlist_release(list);
}
END_TEST

static enum stm_status join_body(struct stm_tx *tx, void *argument)
{
    (void)tx;
    return stm_pool_join(argument, STM_FOREVER);
}

static enum stm_status give_up(struct stm_tx *tx, void *argument)
{
    (void)tx;
    (void)argument;
    return STM_EUSER;
}

static enum stm_status join_or_give_up(struct stm_tx *tx, void *argument)
{
    const struct stm_branch branches[] = {{join_body, argument},
                                          {give_up, NULL}};

    return stm_or_else(tx, branches, 2);
}

START_TEST(join_times_out_and_composes)
{
    const struct stm_pool_config config = tally_config(&tally, 1, SECOND);
    struct stm_pool *pool = pool_new(&config);

    EXPECT_STATUS(STM_OK, stm_pool_join(pool, 0));
    tally.gate = word_var(0);
    append_tasks(stm_pool_tasks(pool), 0, 2);
    EXPECT_STATUS(STM_ETIMEOUT, stm_pool_join(pool, 0));
    EXPECT_STATUS(STM_ETIMEOUT, stm_pool_join(pool, 1000000));
    EXPECT_STATUS(STM_EUSER, stm_atomically(join_or_give_up, pool));
    poke(tally.gate, 1);
    EXPECT_STATUS(STM_OK, stm_atomically(join_body, pool));
    EXPECT_STATUS(STM_OK, stm_atomically(join_or_give_up, pool));
    expect_each_once(&tally, 2);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    stm_tvar_release(tally.gate);
}
END_TEST

static enum stm_status clear_body(struct stm_tx *tx, void *argument)
{
    return stm_tlist_clear(tx, argument);
}

START_TEST(taking_tasks_out_of_the_list_ends_a_join)
{
    const struct stm_pool_config config = tally_config(&tally, 1, SECOND);
    struct stm_pool *pool = pool_new(&config);

    tally.gate = word_var(0);
    append_tasks(stm_pool_tasks(pool), 0, 10);
    EXPECT_STATUS(STM_OK, stm_atomically(clear_body, stm_pool_tasks(pool)));
    EXPECT(count_of(pool, stm_pool_remaining) == 1,
           "%zu remaining, expected the one that runs",
           count_of(pool, stm_pool_remaining));
    poke(tally.gate, 1);
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    stm_tvar_release(tally.gate);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pool end");

    tcase_add_test(tests, idle_workers_leave_after_keep_alive);
    tcase_add_test(tests, keep_alive_racing_a_hand_over_loses_no_task);
    tcase_add_test(tests, keep_alive_racing_a_stream_of_tasks_loses_no_task);
    tcase_add_test(tests, keep_alive_of_zero_loses_no_task);
    tcase_add_test(tests, shutdown_drains_and_then_takes_nothing);
    tcase_add_test(tests,
                   B_a_shutdown_that_is_rolled_back_leaves_the_pool_open);
    tcase_add_test(tests, all_threads_are_gone_after_free);
    tcase_add_test(tests, all_threads_are_gone_after_join_threads);
    tcase_add_test(tests, two_may_wait_for_the_same_threads);
    tcase_add_test(tests, no_thread_comes_after_free_though_its_start_was_late);
    tcase_add_test(tests, an_unused_pool_is_freed_and_finalized_once);
    tcase_add_test(tests, an_abandoned_pool_finishes_its_queue);
    tcase_add_test(tests, a_worker_may_abandon_its_own_pool_but_not_free_it);
    tcase_add_test(tests, pools_neither_begin_nor_end_inside_a_transaction);
    tcase_add_test(tests, a_configuration_that_lacks_something_is_refused);
    tcase_add_test(tests, a_list_survives_its_pool_and_serves_another);
    tcase_add_test(tests, join_times_out_and_composes);
    tcase_add_test(tests, taking_tasks_out_of_the_list_ends_a_join);
    return run_suite("pool end", tests);
}
