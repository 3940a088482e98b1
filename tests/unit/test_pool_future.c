/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Tasks with a result: they end in the commit that counts them, and can be
 * taken back. */
#include "pool_support.h"

enum { SECOND = 1000000000 };

static struct stm_pool *futures_pool(size_t max_threads)
{
    const struct stm_pool_config config = {
        .max_threads = max_threads, .keep_alive = SECOND, .futures = true};

    return pool_new(&config);
}

static struct stm_pool_future *future_new(const struct stm_pool_work *work)
{
    struct stm_pool_future *future = stm_pool_future_new(work);

    EXPECT(future != NULL, "expected a future, got no memory");
    return future;
}

static struct stm_pool_future *submit_work(struct stm_pool *pool,
                                           const struct stm_pool_work *work)
{
    struct stm_pool_future *future = future_new(work);

    EXPECT_STATUS(STM_OK, stm_pool_submit(pool, (stm_value)future));
    return future;
}

struct reading {
    struct stm_tfuture *outcome;
    stm_value value; /* a word */
};

static enum stm_status read_value(struct stm_tx *tx, void *argument)
{
    struct reading *reading = argument;

    return stm_tfuture_get(tx, reading->outcome, &reading->value);
}

/* Waits for the value, and releases the future. */
static stm_value take_value(struct stm_pool_future *future)
{
    struct reading reading = {stm_pool_future_outcome(future), 0};

    EXPECT_STATUS(STM_OK, stm_pool_await(future, STM_FOREVER));
    EXPECT_STATUS(STM_OK, stm_atomically(read_value, &reading));
    stm_pool_future_release(future);
    return reading.value;
}

static void expect_failed(struct stm_pool_future *future, enum stm_status error)
{
    struct reading reading = {stm_pool_future_outcome(future), 0};

    EXPECT_STATUS(STM_OK, stm_pool_await(future, STM_FOREVER));
    EXPECT_STATUS(error, stm_atomically(read_value, &reading));
}

static enum stm_pool_future_state state_of(struct stm_pool_future *future)
{
    enum stm_pool_future_state state = STM_POOL_WAITS;

    EXPECT_STATUS(STM_OK, stm_pool_future_state(future, &state));
    return state;
}

static enum stm_status square(stm_value argument, stm_value *result)
{
    *result = argument * argument;
    return STM_OK;
}

START_TEST(a_future_has_the_value_of_its_function)
{
    struct stm_pool *pool = futures_pool(3);
    struct stm_pool_future *futures[100];

    for (stm_value i = 0; i < 100; i++) {
        const struct stm_pool_work work = {.function = square, .argument = i};

        futures[i] = submit_work(pool, &work);
    }
    for (stm_value i = 0; i < 100; i++) {
        stm_value value = take_value(futures[i]);

        EXPECT(value == i * i, "%zu squared is %zu", (size_t)i, (size_t)value);
    }
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
}
END_TEST

static enum stm_status next_counted(stm_value argument, stm_value *result)
{
    *result = counted_new(counted_number(argument) + 1);
    return counted_number(argument) % 2 == 0 ? STM_OK : STM_EUSER - 3;
}

static enum stm_status read_cause(struct stm_tx *tx, void *argument)
{
    struct reading *reading = argument;
    enum stm_status error;
    stm_value cause;

    STM_TRY(stm_tfuture_error(tx, reading->outcome, &error, &cause));
    EXPECT(error == STM_EUSER - 3, "the error is %d", (int)error);
    reading->value = counted_number(cause);
    return STM_OK;
}

START_TEST(H_values_causes_and_arguments_are_counted)
{
    struct stm_pool *pool = futures_pool(2);

    for (stm_value i = 0; i < 10; i++) {
        stm_value argument = counted_new(i);
        const struct stm_pool_work work = {.function = next_counted,
                                           .argument = argument,
                                           .argument_type = &counted_type,
                                           .result_type = &counted_type,
                                           .cause_type = &counted_type};
        struct stm_pool_future *future = submit_work(pool, &work);
        struct reading reading = {stm_pool_future_outcome(future), 0};

        counted_drop(argument);
        EXPECT_STATUS(STM_OK, stm_pool_await(future, STM_FOREVER));
        EXPECT(state_of(future) == STM_POOL_ENDED, "expected it to have ended");
        if (i % 2 == 1)
            EXPECT_STATUS(STM_OK, stm_atomically(read_cause, &reading));
        EXPECT(i % 2 == 0 || reading.value == i + 1, "the cause is %zu",
               (size_t)reading.value);
        stm_pool_future_release(future);
    }
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    EXPECT(counted_live() == 0, "%zu objects are left, expected none",
           counted_live());
}
END_TEST

static enum stm_status return_control(stm_value argument, stm_value *result)
{
    (void)argument, (void)result;
    return STM_RETRY;
}

START_TEST(a_function_that_returns_what_is_no_error_fails)
{
    const struct stm_pool_work work = {.function = return_control};
    struct stm_pool *pool = futures_pool(1);
    struct stm_pool_future *future = submit_work(pool, &work);

    expect_failed(future, STM_EMISUSE);
    stm_pool_future_release(future);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
}
END_TEST

/* ---- one commit ---- */

enum { SCENE = 60 };

struct scene {
    struct stm_pool *pool;
    struct stm_pool_future *futures[SCENE];
    AO_t compared;
};

/* A watcher that would see a future that has ended and is not counted, or the
 * reverse. */
static enum stm_status compare(struct stm_tx *tx, stm_value argument,
                               stm_value *result)
{
    struct scene *scene = (struct scene *)argument;
    size_t finished, ended = 0;

    STM_TRY(stm_pool_finished(scene->pool, &finished));
    for (int i = 0; i < SCENE; i++) {
        enum stm_future_state state;

        STM_TRY(stm_tfuture_state(
            tx, stm_pool_future_outcome(scene->futures[i]), &state));
        ended += state != STM_FUTURE_PENDING;
    }
    EXPECT(ended == finished, "%zu futures ended beside %zu finished tasks",
           ended, finished);
    AO_fetch_and_add1_full(&scene->compared);
    *result = 0;
    return STM_OK;
}

static enum stm_status watch_scene(struct stm_tx *tx, void *argument)
{
    const struct stm_watch watch = {.function = compare,
                                    .argument = (stm_value)argument,
                                    .name = "futures"};

    return stm_watch(tx, &watch, NULL);
}

static enum stm_status square_or_fail(stm_value argument, stm_value *result)
{
    *result = argument;
    return argument % 3 == 0 ? STM_EUSER : STM_OK;
}

static enum stm_status submit_scene(struct stm_tx *tx, void *argument)
{
    struct scene *scene = argument;

    (void)tx;
    for (int i = 0; i < SCENE; i++)
        STM_TRY(stm_pool_submit(scene->pool, (stm_value)scene->futures[i]));
    return STM_OK;
}

START_TEST(F_a_future_and_the_counts_change_in_one_commit)
{
    struct scene scene = {.pool = futures_pool(3)};

    for (stm_value i = 0; i < SCENE; i++) {
        const struct stm_pool_work work = {.function = square_or_fail,
                                           .argument = i};

        scene.futures[i] = future_new(&work);
    }
    EXPECT_STATUS(STM_OK, stm_atomically(watch_scene, &scene));
    EXPECT_STATUS(STM_OK, stm_atomically(submit_scene, &scene));
    EXPECT_STATUS(STM_OK, stm_pool_join(scene.pool, STM_FOREVER));
    EXPECT(scene.compared > SCENE, "compared %zu times, expected more than %d",
           (size_t)scene.compared, SCENE);
    EXPECT_STATUS(STM_OK, stm_pool_free(scene.pool));
    for (int i = 0; i < SCENE; i++)
        stm_pool_future_release(scene.futures[i]);
}
END_TEST

/* ---- cancelling ---- */

static enum stm_status wait_for_gate(stm_value gate, stm_value *result)
{
    (void)result;
    await_var((struct stm_tvar *)gate, 1);
    return STM_OK;
}

/* A pool whose only worker waits for the gate, and a future behind it. */
struct jam {
    struct stm_tvar *gate;
    struct stm_pool *pool;
    struct stm_pool_future *first, *second;
};

static struct jam jam_new(void)
{
    struct jam jam = {word_var(0), futures_pool(1), NULL, NULL};
    const struct stm_pool_work wait = {.function = wait_for_gate,
                                       .argument = (stm_value)jam.gate};
    const struct stm_pool_work work = {.function = square, .argument = 3};

    jam.first = submit_work(jam.pool, &wait);
    jam.second = submit_work(jam.pool, &work);
    return jam;
}

static void jam_free(struct jam *jam)
{
    poke(jam->gate, 1);
    EXPECT_STATUS(STM_OK, stm_pool_free(jam->pool));
    stm_pool_future_release(jam->first);
    stm_pool_future_release(jam->second);
    stm_tvar_release(jam->gate);
}

START_TEST(a_queued_future_can_be_cancelled_and_never_runs)
{
    struct jam jam = jam_new();

    EXPECT(state_of(jam.first) == STM_POOL_RUNS, "expected the first to run");
    EXPECT(state_of(jam.second) == STM_POOL_WAITS, "expected it to wait");
    EXPECT_STATUS(STM_EDONE, stm_pool_future_cancel(jam.first));
    EXPECT_STATUS(STM_OK, stm_pool_future_cancel(jam.second));
    EXPECT_STATUS(STM_OK, stm_pool_future_cancel(jam.second));
    EXPECT(state_of(jam.second) == STM_POOL_CANCELLED,
           "expected it to be cancelled");
    EXPECT(count_of(jam.pool, stm_pool_remaining) == 1,
           "%zu remaining, expected the one that runs",
           count_of(jam.pool, stm_pool_remaining));
    expect_failed(jam.second, STM_ECANCELLED);
    EXPECT_STATUS(STM_EMISUSE,
                  stm_pool_submit(jam.pool, (stm_value)jam.second));
    jam_free(&jam);
}
END_TEST

static enum stm_status cancel_then_abort(struct stm_tx *tx, void *argument)
{
    (void)tx;
    STM_TRY(stm_pool_future_cancel(argument));
    return STM_EABORT;
}

START_TEST(B_a_cancel_that_is_rolled_back_leaves_the_future_queued)
{
    struct jam jam = jam_new();

    EXPECT_STATUS(STM_EABORT, stm_atomically(cancel_then_abort, jam.second));
    EXPECT(state_of(jam.second) == STM_POOL_WAITS, "expected it to wait");
    poke(jam.gate, 1);
    stm_pool_future_retain(jam.second);
    EXPECT(take_value(jam.second) == 9, "expected the value 9");
    EXPECT_STATUS(STM_EDONE, stm_pool_future_cancel(jam.second));
    jam_free(&jam);
}
END_TEST

static enum stm_status append_future(struct stm_tx *tx, void *argument)
{
    struct jam *jam = argument;

    return stm_tlist_append(tx, stm_pool_tasks(jam->pool),
                            (stm_value)jam->second);
}

START_TEST(a_future_appended_by_whoever_runs_once_and_can_be_cancelled)
{
    struct jam jam = jam_new();
    const struct stm_pool_work work = {.function = square, .argument = 5};

    stm_pool_future_release(jam.second); /* the queue has it */
    jam.second = future_new(&work);
    for (int i = 0; i < 2; i++) /* it stands there twice */
        EXPECT_STATUS(STM_OK, stm_atomically(append_future, &jam));
    poke(jam.gate, 1);
    stm_pool_future_retain(jam.second);
    EXPECT(take_value(jam.second) == 25, "expected the value 25");
    EXPECT_STATUS(STM_OK, stm_pool_join(jam.pool, STM_FOREVER));
    EXPECT(count_of(jam.pool, stm_pool_finished) == 4,
           "%zu finished, expected 4", count_of(jam.pool, stm_pool_finished));
    stm_pool_future_release(jam.second);
    jam.second = future_new(&work);
    EXPECT_STATUS(STM_OK, stm_pool_future_cancel(jam.second));
    EXPECT_STATUS(STM_OK, stm_atomically(append_future, &jam));
    EXPECT_STATUS(STM_OK, stm_pool_join(jam.pool, STM_FOREVER));
    expect_failed(jam.second, STM_ECANCELLED);
    jam_free(&jam);
}
END_TEST

START_TEST(a_future_that_runs_is_not_cancelled_by_its_second_place)
{
    struct jam jam = jam_new();
    struct stm_pool_future *second = jam.second;
    size_t count = 0;

    jam.second = jam.first;
    EXPECT_STATUS(STM_OK, stm_atomically(append_future, &jam));
    jam.second = second;
    EXPECT_STATUS(STM_OK, stm_pool_cancel_all(jam.pool, &count));
    EXPECT(count == 2, "%zu taken out, expected 2", count);
    EXPECT(state_of(jam.first) == STM_POOL_RUNS, "expected it to run on");
    EXPECT(state_of(jam.second) == STM_POOL_CANCELLED,
           "expected it to be cancelled");
    poke(jam.gate, 1);
    EXPECT_STATUS(STM_OK, stm_pool_await(jam.first, STM_FOREVER));
    EXPECT(state_of(jam.first) == STM_POOL_ENDED, "expected it to have ended");
    jam_free(&jam);
}
END_TEST

START_TEST(cancelling_races_running_and_one_of_them_wins)
{
    struct stm_pool *pool = futures_pool(2);
    size_t cancelled = 0, count = workload(2000);

    for (stm_value i = 0; i < count; i++) {
        const struct stm_pool_work work = {.function = square, .argument = i};
        struct stm_pool_future *futures[4];

        for (int j = 0; j < 4; j++)
            futures[j] = submit_work(pool, &work);
        for (int j = 3; j >= 0; j--) {
            enum stm_status status = stm_pool_future_cancel(futures[j]);

            if (status == STM_OK)
                expect_failed(futures[j], STM_ECANCELLED);
            else
                EXPECT_STATUS(STM_EDONE, status);
            cancelled += status == STM_OK;
            EXPECT_STATUS(STM_OK, stm_pool_await(futures[j], STM_FOREVER));
            stm_pool_future_release(futures[j]);
        }
    }
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    EXPECT(count_of(pool, stm_pool_finished) + cancelled == 4 * count,
           "%zu finished and %zu cancelled, expected %zu in all",
           count_of(pool, stm_pool_finished), cancelled, 4 * count);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
}
END_TEST

struct whim {
    struct stm_pool *pool;
    struct stm_pool_future *future;
};

static enum stm_status submit_and_cancel(struct stm_tx *tx, void *argument)
{
    const struct whim *whim = argument;

    (void)tx;
    STM_TRY(stm_pool_submit(whim->pool, (stm_value)whim->future));
    return stm_pool_future_cancel(whim->future);
}

START_TEST(what_submits_a_future_can_cancel_it_before_it_commits)
{
    const struct stm_pool_work work = {.function = square};
    struct whim whim = {futures_pool(2), future_new(&work)};

    EXPECT(take_value(submit_work(whim.pool, &work)) == 0, "expected 0");
    EXPECT_STATUS(STM_OK, stm_atomically(submit_and_cancel, &whim));
    EXPECT(state_of(whim.future) == STM_POOL_CANCELLED,
           "expected it to be cancelled");
    EXPECT_STATUS(STM_OK, stm_pool_free(whim.pool));
    stm_pool_future_release(whim.future);
}
END_TEST

/* ---- priority ---- */

START_TEST(a_queued_future_can_be_given_another_priority)
{
    struct stm_tpriorityqueue *queue =
        stm_tpriorityqueue_new(&stm_pool_future_type);
    const struct stm_pool_config config = {
        .max_threads = 1, .futures = true, .queue = queue};
    struct stm_tvar *gate = word_var(0), *last = word_var(0);
    const struct stm_pool_work wait = {.function = wait_for_gate,
                                       .argument = (stm_value)gate};
    const struct stm_pool_work until = {.function = wait_for_gate,
                                        .argument = (stm_value)last};
    struct stm_pool *pool = pool_new(&config);
    struct stm_pool_future *first = submit_work(pool, &wait);
    struct stm_pool_future *second = submit_work(pool, &until);
    struct stm_pool_future *third = submit_work(pool, &wait);

    EXPECT_STATUS(STM_OK, stm_pool_future_prioritize(third, -1));
    EXPECT_STATUS(STM_ENOTFOUND, stm_pool_future_prioritize(first, -1));
    poke(gate, 1);
    EXPECT_STATUS(STM_OK, stm_pool_await(third, STM_FOREVER));
    EXPECT(state_of(second) != STM_POOL_ENDED, "expected it to come last");
    poke(last, 1);
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    stm_pool_future_release(first);
    stm_pool_future_release(second);
    stm_pool_future_release(third);
    stm_tpriorityqueue_release(queue);
    stm_tvar_release(gate);
    stm_tvar_release(last);
}
END_TEST

START_TEST(awaiting_times_out)
{
    struct jam jam = jam_new();

    EXPECT_STATUS(STM_ETIMEOUT, stm_pool_await(jam.second, 1000000));
    jam_free(&jam);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pool: futures");

    tcase_add_test(tests, a_future_has_the_value_of_its_function);
    tcase_add_test(tests, H_values_causes_and_arguments_are_counted);
    tcase_add_test(tests, a_function_that_returns_what_is_no_error_fails);
    tcase_add_test(tests, F_a_future_and_the_counts_change_in_one_commit);
    tcase_add_test(tests, a_queued_future_can_be_cancelled_and_never_runs);
    tcase_add_test(tests,
                   B_a_cancel_that_is_rolled_back_leaves_the_future_queued);
    tcase_add_test(tests,
                   a_future_appended_by_whoever_runs_once_and_can_be_cancelled);
    tcase_add_test(tests,
                   a_future_that_runs_is_not_cancelled_by_its_second_place);
    tcase_add_test(tests, cancelling_races_running_and_one_of_them_wins);
    tcase_add_test(tests,
                   what_submits_a_future_can_cancel_it_before_it_commits);
    tcase_add_test(tests, a_queued_future_can_be_given_another_priority);
    tcase_add_test(tests, awaiting_times_out);
    return run_suite("test_pool_future", tests);
}
