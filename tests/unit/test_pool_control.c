/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The pool under control: its size, its pauses and its order are changed by
 * transactions, which roll back, compose and span pools. */
#include "pool_support.h"

enum { SECOND = 1000000000 };

static struct tally tally, other; /* each test runs in a process of its own */

static struct stm_pool_stats stats_of(struct stm_pool *pool)
{
    struct stm_pool_stats stats = {0};

    EXPECT_STATUS(STM_OK, stm_pool_stats_read(pool, &stats));
    return stats;
}

/* ---- size ---- */

START_TEST(a_pool_grows_and_shrinks_while_it_works)
{
    const struct stm_pool_config config = tally_config(&tally, 2, STM_FOREVER);
    struct stm_pool *pool = pool_new(&config);

    tally.gate = word_var(0);
    append_tasks(stm_pool_tasks(pool), 0, 10);
    EXPECT_STATUS(STM_OK, stm_pool_resize(pool, 0, 5));
    EXPECT(count_of(pool, stm_pool_live) == 5, "%zu live, expected 5",
           count_of(pool, stm_pool_live));
    EXPECT(count_of(pool, stm_pool_queued) == 5, "%zu queued, expected 5",
           count_of(pool, stm_pool_queued));
    EXPECT_STATUS(STM_OK, stm_pool_resize(pool, 0, 3));
    EXPECT(count_of(pool, stm_pool_live) == 5,
           "%zu live, expected the busy ones to stay until their tasks end",
           count_of(pool, stm_pool_live));
    poke(tally.gate, 1);
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    EXPECT(count_of(pool, stm_pool_live) == 3, "%zu live, expected 3",
           count_of(pool, stm_pool_live));
    EXPECT_STATUS(STM_OK, stm_pool_resize(pool, 0, 1));
    EXPECT(count_of(pool, stm_pool_live) == 1,
           "%zu live, expected free ones to leave with the commit",
           count_of(pool, stm_pool_live));
    append_tasks(stm_pool_tasks(pool), 10, 10);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 20);
    EXPECT(tally.entered == tally.left,
           "%zu threads entered and %zu left, expected the same",
           (size_t)tally.entered, (size_t)tally.left);
    stm_tvar_release(tally.gate);
}
END_TEST

START_TEST(min_threads_are_there_from_the_beginning_and_stay)
{
    struct stm_pool_config config = tally_config(&tally, 4, 0);
    struct stm_pool *pool;

    config.min_threads = 2;
    pool = pool_new(&config);
    EXPECT(count_of(pool, stm_pool_live) == 2, "%zu live, expected 2",
           count_of(pool, stm_pool_live));
    tally.gate = word_var(0);
    append_tasks(stm_pool_tasks(pool), 0, 10);
    EXPECT(count_of(pool, stm_pool_live) == 4, "%zu live, expected 4",
           count_of(pool, stm_pool_live));
    poke(tally.gate, 1);
    await_pool(pool, stm_pool_live, 2);
    append_tasks(stm_pool_tasks(pool), 10, 1);
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    EXPECT_STATUS(STM_OK, stm_pool_resize(pool, 3, 3));
    EXPECT(count_of(pool, stm_pool_live) == 3, "%zu live, expected 3",
           count_of(pool, stm_pool_live));
    EXPECT_STATUS(STM_OK, stm_pool_resize(pool, 0, 3));
    await_pool(pool, stm_pool_live, 0);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 11);
    stm_tvar_release(tally.gate);
}
END_TEST

START_TEST(a_size_that_makes_no_sense_is_refused)
{
    struct stm_pool_config config = tally_config(&tally, 2, 0);
    struct stm_pool *pool = pool_new(&config), *none = NULL;

    EXPECT_STATUS(STM_EMISUSE, stm_pool_resize(pool, 0, 0));
    EXPECT_STATUS(STM_EMISUSE, stm_pool_resize(pool, 3, 2));
    EXPECT(stats_of(pool).max == 2, "max is %zu, expected 2",
           stats_of(pool).max);
    EXPECT_STATUS(STM_OK, stm_pool_resize(pool, 0, SIZE_MAX));
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    config.min_threads = 3;
    EXPECT_STATUS(STM_EMISUSE, stm_pool_new(&config, &none));
    EXPECT(none == NULL, "a refused pool was written out");
}
END_TEST

/* Two pools share so many threads. */
enum { SHARED = 5 };

struct pair {
    struct stm_pool *pool[2];
    AO_t checked;
    struct stm_watcher *watcher;
};

static enum stm_status total_holds(struct stm_tx *tx, stm_value argument,
                                   bool *out)
{
    struct pair *pair = (struct pair *)argument;
    struct stm_pool_stats stats[2];

    (void)tx;
    for (int i = 0; i < 2; i++)
        STM_TRY(stm_pool_stats_read(pair->pool[i], &stats[i]));
    AO_fetch_and_add1_full(&pair->checked);
    *out = stats[0].max + stats[1].max == SHARED &&
           stats[0].live + stats[1].live <= SHARED;
    return STM_OK;
}

static enum stm_status claim_total(struct stm_tx *tx, void *argument)
{
    const struct stm_invariant invariant = {.holds = total_holds,
                                            .argument = (stm_value)argument,
                                            .name = "total of threads"};
    struct pair *pair = argument;

    if (pair->watcher != NULL) { /* of an attempt that did not commit */
        stm_watcher_release(pair->watcher);
        pair->watcher = NULL;
    }
    return stm_invariant(tx, &invariant, &pair->watcher);
}

static enum stm_status drop_total(struct stm_tx *tx, void *argument)
{
    const struct pair *pair = argument;

    return stm_watcher_cancel(tx, pair->watcher);
}

/* Moves a thread from one pool to the other once one can be spared, which is
 * one that is not there or is free. */
struct move {
    struct stm_pool *from, *to;
    bool moved;
};

static enum stm_status move_thread(struct stm_tx *tx, void *argument)
{
    struct move *move = argument;
    struct stm_pool_stats from, to;

    move->moved = false;
    STM_TRY(stm_pool_stats_read(move->from, &from));
    STM_TRY(stm_pool_stats_read(move->to, &to));
    if (from.max == 1)
        return STM_OK;
    if (from.live == from.max && from.free == 0)
        return stm_retry(tx);
    STM_TRY(stm_pool_resize(move->from, 0, from.max - 1));
    move->moved = true;
    return stm_pool_resize(move->to, 0, to.max + 1);
}

static void feed_pool(size_t index, void *context)
{
    struct pair *pair = context;

    for (size_t i = 0; i < 20; i++)
        append_tasks(stm_pool_tasks(pair->pool[index]), i * 10, 10);
}

START_TEST(F_a_total_over_two_pools_holds_at_every_commit)
{
    const struct stm_pool_config config[] = {
        tally_config(&tally, 2, 100000),
        tally_config(&other, SHARED - 2, 100000)};
    struct pair pair = {{pool_new(&config[0]), pool_new(&config[1])}, 0, NULL};
    struct generator generator;
    struct crew *crew;
    size_t moves = 0;

    generator_init(&generator, 1);
    EXPECT_STATUS(STM_OK, stm_atomically(claim_total, &pair));
    crew = crew_start(2, feed_pool, &pair);
    for (size_t i = 0; i < workload(300); i++) {
        size_t from = generator_below(&generator, 2);
        struct move move = {pair.pool[from], pair.pool[1 - from], false};

        EXPECT_STATUS(STM_OK, stm_atomically(move_thread, &move));
        moves += move.moved;
    }
    crew_join(crew);
    for (int i = 0; i < 2; i++)
        EXPECT_STATUS(STM_OK, stm_pool_join(pair.pool[i], STM_FOREVER));
    EXPECT_STATUS(STM_OK, stm_atomically(drop_total, &pair));
    stm_watcher_release(pair.watcher);
    EXPECT(moves > 0, "expected threads to be moved");
    EXPECT(pair.checked > 400, "the invariant was checked %zu times",
           (size_t)pair.checked);
    for (int i = 0; i < 2; i++)
        EXPECT_STATUS(STM_OK, stm_pool_free(pair.pool[i]));
    expect_each_once(&tally, 200);
    expect_each_once(&other, 200);
}
END_TEST

/* ---- pause ---- */

START_TEST(a_paused_pool_finishes_what_runs_and_begins_nothing)
{
    const struct stm_pool_config config = tally_config(&tally, 2, STM_FOREVER);
    struct stm_pool *pool = pool_new(&config);

    tally.gate = word_var(0);
    append_tasks(stm_pool_tasks(pool), 0, 3);
    EXPECT_STATUS(STM_OK, stm_pool_pause(pool));
    EXPECT_STATUS(STM_OK, stm_pool_pause(pool));
    append_tasks(stm_pool_tasks(pool), 3, 3);
    poke(tally.gate, 1);
    await_pool(pool, stm_pool_finished, 2);
    EXPECT(count_of(pool, stm_pool_free_workers) == 2,
           "%zu free, expected both workers",
           count_of(pool, stm_pool_free_workers));
    EXPECT(count_of(pool, stm_pool_queued) == 4, "%zu queued, expected 4",
           count_of(pool, stm_pool_queued));
    EXPECT(stats_of(pool).paused, "expected the statistics to say it");
    EXPECT_STATUS(STM_ETIMEOUT, stm_pool_join(pool, 1000000));
    EXPECT_STATUS(STM_OK, stm_pool_resume(pool));
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 6);
    stm_tvar_release(tally.gate);
}
END_TEST

START_TEST(a_pool_paused_before_it_has_workers_starts_them_when_resumed)
{
    const struct stm_pool_config config = tally_config(&tally, 2, 0);
    struct stm_pool *pool = pool_new(&config);

    EXPECT_STATUS(STM_OK, stm_pool_pause(pool));
    append_tasks(stm_pool_tasks(pool), 0, 5);
    EXPECT(count_of(pool, stm_pool_live) == 0, "%zu live, expected none",
           count_of(pool, stm_pool_live));
    EXPECT_STATUS(STM_OK, stm_pool_resume(pool));
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 5);
}
END_TEST

START_TEST(shutdown_resumes_a_paused_pool_and_it_pauses_no_more)
{
    const struct stm_pool_config config = tally_config(&tally, 2, STM_FOREVER);
    struct stm_pool *pool = pool_new(&config);

    EXPECT_STATUS(STM_OK, stm_pool_pause(pool));
    append_tasks(stm_pool_tasks(pool), 0, 5);
    EXPECT_STATUS(STM_OK, stm_pool_shutdown(pool));
    EXPECT_STATUS(STM_ECLOSED, stm_pool_pause(pool));
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    expect_each_once(&tally, 5);
}
END_TEST

/* ---- roll-back ---- */

static enum stm_status change_all(struct stm_pool *pool)
{
    STM_TRY(stm_pool_submit(pool, 0));
    STM_TRY(stm_pool_resize(pool, 2, 7));
    STM_TRY(stm_pool_pause(pool));
    STM_TRY(stm_pool_cancel_all(pool, NULL));
    return stm_pool_shutdown(pool);
}

static enum stm_status change_then_abort(struct stm_tx *tx, void *argument)
{
    (void)tx;
    STM_TRY(change_all(argument));
    return STM_EABORT;
}

static enum stm_status change_then_retry(struct stm_tx *tx, void *argument)
{
    STM_TRY(change_all(argument));
    return stm_retry(tx);
}

static enum stm_status pause_it(struct stm_tx *tx, void *argument)
{
    (void)tx;
    return stm_pool_pause(argument);
}

static enum stm_status change_or_pause(struct stm_tx *tx, void *argument)
{
    const struct stm_branch branches[] = {{change_then_retry, argument},
                                          {pause_it, argument}};

    return stm_or_else(tx, branches, 2);
}

START_TEST(B_control_rolls_back_and_composes)
{
    const struct stm_pool_config config = tally_config(&tally, 3, STM_FOREVER);
    struct stm_pool *pool = pool_new(&config);
    struct stm_pool_stats stats;

    EXPECT_STATUS(STM_EABORT, stm_atomically(change_then_abort, pool));
    EXPECT_STATUS(STM_OK, stm_atomically(change_or_pause, pool));
    stats = stats_of(pool);
    EXPECT(stats.max == 3 && stats.min == 0 && !stats.closed,
           "max is %zu, min %zu, closed %d; expected 3, 0 and 0", stats.max,
           stats.min, stats.closed);
    EXPECT(stats.paused, "expected what the second branch did");
    EXPECT(stats.scheduled == 0 && stats.live == 0 && stats.given_up == 0,
           "%zu scheduled, %zu live, %zu given up; expected nothing",
           stats.scheduled, stats.live, stats.given_up);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
}
END_TEST

/* ---- order ---- */

struct order {
    AO_t next;
    stm_value ran[8];
    struct stm_tvar *gate;
};

static void run_in_order(stm_value task, void *context)
{
    struct order *order = context;

    if (task == 0)
        await_var(order->gate, 1);
    order->ran[AO_fetch_and_add1_full(&order->next)] = task;
}

static enum stm_status push_unaware(struct stm_tx *tx, void *argument)
{
    return stm_tpriorityqueue_push(tx, argument, -5, 9, NULL);
}

START_TEST(over_a_priority_queue_the_lowest_number_runs_first)
{
    struct order order = {.gate = word_var(0)};
    struct stm_tpriorityqueue *queue = stm_tpriorityqueue_new(NULL);
    const struct stm_pool_config config = {.max_threads = 1,
                                           .run = run_in_order,
                                           .queue = queue,
                                           .context = &order};
    const struct stm_pool_order orders[] = {{.task = 1, .priority = 3},
                                            {.task = 2, .priority = -3},
                                            {.task = 3, .priority = 3},
                                            {.task = 4}};
    const stm_value expected[] = {0, 9, 2, 4, 1, 3};
    struct stm_pool *pool = pool_new(&config);

    EXPECT(stm_pool_queue(pool) == queue && stm_pool_tasks(pool) == NULL,
           "expected the queue that was given, and no list");
    EXPECT_STATUS(STM_OK, stm_pool_submit(pool, 0));
    for (int i = 0; i < 4; i++)
        EXPECT_STATUS(STM_OK, stm_pool_submit_order(pool, &orders[i]));
    EXPECT_STATUS(STM_OK, stm_atomically(push_unaware, queue));
    poke(order.gate, 1);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    for (int i = 0; i < 6; i++)
        EXPECT(order.ran[i] == expected[i],
               "task %zu ran as number %d, "
               "expected %zu",
               (size_t)order.ran[i], i, (size_t)expected[i]);
    stm_tpriorityqueue_release(queue);
    stm_tvar_release(order.gate);
}
END_TEST

START_TEST(over_a_list_there_is_no_priority)
{
    const struct stm_pool_config config = tally_config(&tally, 1, 0);
    const struct stm_pool_order order = {.task = 0, .priority = 1};
    struct stm_pool *pool = pool_new(&config);

    EXPECT_STATUS(STM_EMISUSE, stm_pool_submit_order(pool, &order));
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pool: control");

    tcase_add_test(tests, a_pool_grows_and_shrinks_while_it_works);
    tcase_add_test(tests, min_threads_are_there_from_the_beginning_and_stay);
    tcase_add_test(tests, a_size_that_makes_no_sense_is_refused);
    tcase_add_test(tests, F_a_total_over_two_pools_holds_at_every_commit);
    tcase_add_test(tests, a_paused_pool_finishes_what_runs_and_begins_nothing);
    tcase_add_test(
        tests, a_pool_paused_before_it_has_workers_starts_them_when_resumed);
    tcase_add_test(tests, shutdown_resumes_a_paused_pool_and_it_pauses_no_more);
    tcase_add_test(tests, B_control_rolls_back_and_composes);
    tcase_add_test(tests, over_a_priority_queue_the_lowest_number_runs_first);
    tcase_add_test(tests, over_a_list_there_is_no_priority);
    return run_suite("test_pool_control", tests);
}
