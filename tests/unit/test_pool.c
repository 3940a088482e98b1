/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The pool at work: what is appended runs once, and counts in each commit. */
#include "pool_support.h"

enum { SECOND = 1000000000 };

static struct tally tally; /* each test runs in a process of its own */

enum { FEEDERS = 3, BATCHES = 20, PER_BATCH = 10 };

static void feed(size_t index, void *context)
{
    for (size_t i = 0; i < BATCHES; i++)
        append_tasks(context, (index * BATCHES + i) * PER_BATCH, PER_BATCH);
}

START_TEST(appending_to_a_list_is_all_it_takes)
{
    struct stm_tlist *list = stm_tlist_new(NULL);
    struct stm_pool_config config = tally_config(&tally, 4, SECOND);
    struct stm_pool *pool;

    config.tasks = list;
    pool = pool_new(&config);
    EXPECT(stm_pool_tasks(pool) == list, "expected the list that was given");
    crew_run(FEEDERS, feed, list);
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    expect_each_once(&tally, FEEDERS * BATCHES * PER_BATCH);
    EXPECT(count_of(pool, stm_pool_scheduled) == FEEDERS * BATCHES * PER_BATCH,
           "scheduled is %zu, expected %d", count_of(pool, stm_pool_scheduled),
           FEEDERS * BATCHES * PER_BATCH);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    stm_tlist_release(list);
}
END_TEST

START_TEST(tasks_that_are_in_the_list_already_run)
{
    struct stm_tlist *list = stm_tlist_new(NULL);
    struct stm_pool_config config = tally_config(&tally, 2, SECOND);
    struct stm_pool *pool;

    append_tasks(list, 0, 50);
    config.tasks = list;
    pool = pool_new(&config);
    stm_tlist_release(list);
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    expect_each_once(&tally, 50);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
}
END_TEST

/* The original's pools shared a memory of what they had seen last, so that a
 * transaction that fed two left one without a worker. */
struct two {
    struct stm_pool *pool[2];
};

static enum stm_status feed_both(struct stm_tx *tx, void *argument)
{
    const struct two *two = argument;

    (void)tx;
    STM_TRY(stm_pool_submit(two->pool[0], 0));
    return stm_pool_submit(two->pool[1], 0);
}

START_TEST(two_pools_fed_in_one_transaction_both_run)
{
    static struct tally other;
    const struct stm_pool_config config[] = {tally_config(&tally, 1, SECOND),
                                             tally_config(&other, 1, SECOND)};
    struct two two = {{pool_new(&config[0]), pool_new(&config[1])}};

    EXPECT_STATUS(STM_OK, stm_atomically(feed_both, &two));
    for (int i = 0; i < 2; i++)
        EXPECT_STATUS(STM_OK, stm_pool_join(two.pool[i], STM_FOREVER));
    expect_each_once(&tally, 1);
    expect_each_once(&other, 1);
    for (int i = 0; i < 2; i++)
        EXPECT_STATUS(STM_OK, stm_pool_free(two.pool[i]));
}
END_TEST

/* Checks in every transaction that changes the pool what holds at each end. */
struct law {
    struct stm_pool *pool;
    size_t max;
    AO_t checked;
};

static enum stm_status check_law(struct stm_tx *tx, stm_value argument,
                                 stm_value *result)
{
    struct law *law = (struct law *)argument;
    size_t scheduled, finished, remaining, live, free, queued;

    (void)tx;
    STM_TRY(stm_pool_scheduled(law->pool, &scheduled));
    STM_TRY(stm_pool_finished(law->pool, &finished));
    STM_TRY(stm_pool_remaining(law->pool, &remaining));
    STM_TRY(stm_pool_live(law->pool, &live));
    STM_TRY(stm_pool_free_workers(law->pool, &free));
    STM_TRY(stm_pool_queued(law->pool, &queued));
    EXPECT(live <= law->max, "%zu live, expected at most %zu", live, law->max);
    EXPECT(free <= live, "%zu free of %zu live", free, live);
    EXPECT(queued == 0 || free == 0,
           "%zu queued beside %zu free, expected one of them to be 0", queued,
           free);
    EXPECT(remaining == scheduled - finished,
           "remaining is %zu, expected %zu - %zu", remaining, scheduled,
           finished);
    EXPECT(remaining == queued + live - free,
           "remaining is %zu, expected %zu queued + %zu live - %zu free",
           remaining, queued, live, free);
    AO_fetch_and_add1_full(&law->checked);
    *result = 0;
    return STM_OK;
}

static enum stm_status enact(struct stm_tx *tx, void *argument)
{
    const struct stm_watch watch = {
        .function = check_law, .argument = (stm_value)argument, .name = "law"};

    return stm_watch(tx, &watch, NULL);
}

START_TEST(F_the_counts_agree_in_every_transaction)
{
    const struct stm_pool_config config = tally_config(&tally, 3, 1000);
    struct law law = {.max = 3};

    law.pool = pool_new(&config);
    EXPECT_STATUS(STM_OK, stm_atomically(enact, &law));
    crew_run(FEEDERS, feed, stm_pool_tasks(law.pool));
    EXPECT_STATUS(STM_OK, stm_pool_join(law.pool, STM_FOREVER));
    await_pool(law.pool, stm_pool_live, 0);
    EXPECT(law.checked > FEEDERS * BATCHES * PER_BATCH,
           "the law was checked %zu times, expected more than once for each "
           "task",
           (size_t)law.checked);
    EXPECT_STATUS(STM_OK, stm_pool_free(law.pool));
}
END_TEST

/* A task's result is one more in `results`. */
struct record {
    struct stm_pool *pool;
    struct stm_tvar *results;
    AO_t compared;
};

static void do_nothing(stm_value task, void *context)
{
    (void)task, (void)context;
}

static enum stm_status add_result(struct stm_tx *tx, stm_value task,
                                  void *context)
{
    const struct record *record = context;
    stm_value count;

    (void)task;
    STM_TRY(stm_tvar_get(tx, record->results, &count));
    return stm_tvar_set(tx, record->results, count + 1);
}

static enum stm_status compare(struct stm_tx *tx, stm_value argument,
                               stm_value *result)
{
    struct record *record = (struct record *)argument;
    stm_value results;
    size_t finished;

    STM_TRY(stm_tvar_get(tx, record->results, &results));
    STM_TRY(stm_pool_finished(record->pool, &finished));
    EXPECT(results == finished, "%zu results beside %zu finished tasks",
           (size_t)results, finished);
    AO_fetch_and_add1_full(&record->compared);
    *result = 0;
    return STM_OK;
}

static enum stm_status watch_results(struct stm_tx *tx, void *argument)
{
    const struct stm_watch watch = {.function = compare,
                                    .argument = (stm_value)argument,
                                    .name = "results"};

    return stm_watch(tx, &watch, NULL);
}

START_TEST(F_a_result_and_the_counts_change_in_one_commit)
{
    struct record record = {.results = word_var(0)};
    const struct stm_pool_config config = {.max_threads = 3,
                                           .keep_alive = 1000,
                                           .run = do_nothing,
                                           .finish = add_result,
                                           .context = &record};

    record.pool = pool_new(&config);
    EXPECT_STATUS(STM_OK, stm_atomically(watch_results, &record));
    crew_run(FEEDERS, feed, stm_pool_tasks(record.pool));
    EXPECT_STATUS(STM_OK, stm_pool_join(record.pool, STM_FOREVER));
    EXPECT(record.compared > FEEDERS * BATCHES * PER_BATCH,
           "compared %zu times, expected more than once for each task",
           (size_t)record.compared);
    EXPECT_STATUS(STM_OK, stm_pool_free(record.pool));
    stm_tvar_release(record.results);
}
END_TEST

/* In the very transaction in which a worker becomes free, and before it is
 * known to be idle, a watcher adds the next task. */
struct chain {
    struct stm_pool *pool;
    size_t length;
};

static enum stm_status finished_so_far(struct stm_tx *tx, stm_value argument,
                                       stm_value *result)
{
    const struct chain *chain = (const struct chain *)argument;

    (void)tx;
    return stm_pool_finished(chain->pool, result);
}

static enum stm_status add_link(struct stm_tx *tx, stm_value argument,
                                stm_value finished)
{
    const struct chain *chain = (const struct chain *)argument;
    size_t scheduled;

    STM_TRY(stm_pool_scheduled(chain->pool, &scheduled));
    if (scheduled > finished || finished >= chain->length)
        return STM_OK;
    return stm_tlist_append(tx, stm_pool_tasks(chain->pool), finished);
}

static enum stm_status forge(struct stm_tx *tx, void *argument)
{
    const struct stm_watch watch = {.function = finished_so_far,
                                    .callback = add_link,
                                    .argument = (stm_value)argument,
                                    .name = "chain"};

    return stm_watch(tx, &watch, NULL);
}

START_TEST(a_task_added_while_a_worker_becomes_free_is_run)
{
    const struct stm_pool_config config = tally_config(&tally, 1, 0);
    struct chain chain = {.length = workload(2000)};

    chain.pool = pool_new(&config);
    EXPECT_STATUS(STM_OK, stm_atomically(forge, &chain));
    EXPECT_STATUS(STM_OK, stm_pool_join(chain.pool, STM_FOREVER));
    expect_each_once(&tally, chain.length);
    EXPECT(tally.entered == 1,
           "%zu threads were started, expected the first to run all",
           (size_t)tally.entered);
    EXPECT_STATUS(STM_OK, stm_pool_free(chain.pool));
}
END_TEST

static enum stm_status submit_then_abort(struct stm_tx *tx, void *argument)
{
    (void)tx;
    STM_TRY(stm_pool_submit(argument, 0));
    return STM_EABORT;
}

START_TEST(B_a_submit_that_is_rolled_back_leaves_nothing)
{
    const struct stm_pool_config config = tally_config(&tally, 2, SECOND);
    struct stm_pool *pool = pool_new(&config);
    size_t before = live_threads();

    EXPECT_STATUS(STM_EABORT, stm_atomically(submit_then_abort, pool));
    EXPECT(count_of(pool, stm_pool_scheduled) == 0, "expected 0 scheduled");
    EXPECT(count_of(pool, stm_pool_queued) == 0, "expected 0 queued");
    EXPECT(count_of(pool, stm_pool_live) == 0, "expected 0 live");
    EXPECT(live_threads() == before, "expected no new thread");
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, 0));
    EXPECT(tally.ran[0] == 0, "the task ran, expected it to be gone");
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
}
END_TEST

static enum stm_status submit_then_retry(struct stm_tx *tx, void *argument)
{
    STM_TRY(stm_pool_submit(argument, 0));
    return stm_retry(tx);
}

static enum stm_status submit_another(struct stm_tx *tx, void *argument)
{
    (void)tx;
    return stm_pool_submit(argument, 1);
}

static enum stm_status submit_either(struct stm_tx *tx, void *argument)
{
    const struct stm_branch branches[] = {{submit_then_retry, argument},
                                          {submit_another, argument}};

    return stm_or_else(tx, branches, 2);
}

START_TEST(B_a_submit_in_a_branch_that_retries_leaves_nothing)
{
    const struct stm_pool_config config = tally_config(&tally, 2, SECOND);
    struct stm_pool *pool = pool_new(&config);

    EXPECT_STATUS(STM_OK, stm_atomically(submit_either, pool));
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    EXPECT(tally.ran[0] == 0 && tally.ran[1] == 1,
           "expected only the second branch's task to run");
    EXPECT(count_of(pool, stm_pool_scheduled) == 1, "expected 1 scheduled");
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
}
END_TEST

static void run_counted(stm_value task, void *context)
{
    AO_fetch_and_add_full(context, counted_number(task));
}

START_TEST(H_a_task_is_held_until_it_has_run)
{
    AO_t sum = 0;
    struct stm_tlist *list = stm_tlist_new(&counted_type);
    const struct stm_pool_config config = {.max_threads = 2,
                                           .keep_alive = SECOND,
                                           .tasks = list,
                                           .run = run_counted,
                                           .context = &sum};
    struct stm_pool *pool = pool_new(&config);

    for (stm_value i = 1; i <= 100; i++) {
        stm_value task = counted_new(i);

        EXPECT_STATUS(STM_OK, stm_pool_submit(pool, task));
        counted_drop(task);
    }
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    stm_tlist_release(list);
    EXPECT(sum == 5050, "the tasks add up to %zu, expected 5050", (size_t)sum);
    EXPECT(counted_live() == 0, "%zu tasks are left, expected none",
           counted_live());
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pool");

    tcase_add_test(tests, appending_to_a_list_is_all_it_takes);
    tcase_add_test(tests, tasks_that_are_in_the_list_already_run);
    tcase_add_test(tests, two_pools_fed_in_one_transaction_both_run);
    tcase_add_test(tests, F_the_counts_agree_in_every_transaction);
    tcase_add_test(tests, F_a_result_and_the_counts_change_in_one_commit);
    tcase_add_test(tests, a_task_added_while_a_worker_becomes_free_is_run);
    tcase_add_test(tests, B_a_submit_that_is_rolled_back_leaves_nothing);
    tcase_add_test(tests, B_a_submit_in_a_branch_that_retries_leaves_nothing);
    tcase_add_test(tests, H_a_task_is_held_until_it_has_run);
    return run_suite("pool", tests);
}
