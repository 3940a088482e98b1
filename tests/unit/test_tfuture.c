/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Transactional futures: pending, then done or failed, once. */
#include "support.h"

/* One operation in a transaction of its own. */
struct operation {
    struct stm_tfuture *future;
    stm_value value; /* or the cause */
    enum stm_status error;
    enum stm_future_state state;
};

static enum stm_status set_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;

    return stm_tfuture_set(tx, operation->future, operation->value);
}

static enum stm_status fail_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;

    return stm_tfuture_fail(tx, operation->future, operation->error,
                            operation->value);
}

static enum stm_status get_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;

    return stm_tfuture_get(tx, operation->future, &operation->value);
}

static enum stm_status error_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;

    STM_TRY(stm_tfuture_error(tx, operation->future, &operation->error, NULL));
    return stm_tfuture_error(tx, operation->future, &operation->error,
                             &operation->value);
}

static enum stm_status state_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;

    return stm_tfuture_state(tx, operation->future, &operation->state);
}

static void end_well(struct stm_tfuture *future, stm_value value)
{
    struct operation operation = {.future = future, .value = value};

    EXPECT_STATUS(STM_OK, stm_atomically(set_body, &operation));
}

static void end_badly(struct stm_tfuture *future, enum stm_status error,
                      stm_value cause)
{
    struct operation operation = {future, cause, error, STM_FUTURE_PENDING};

    EXPECT_STATUS(STM_OK, stm_atomically(fail_body, &operation));
}

static void expect_state(struct stm_tfuture *future,
                         enum stm_future_state wanted)
{
    struct operation operation = {.future = future};

    EXPECT_STATUS(STM_OK, stm_atomically(state_body, &operation));
    EXPECT(operation.state == wanted, "expected state %d, got %d", (int)wanted,
           (int)operation.state);
}

/* What stm_tfuture_error says of a future that has ended. */
static void expect_error(struct stm_tfuture *future, enum stm_status error,
                         stm_value cause)
{
    struct operation operation = {.future = future};

    EXPECT_STATUS(STM_OK, stm_atomically(error_body, &operation));
    EXPECT_STATUS(error, operation.error);
    EXPECT(operation.value == cause, "expected the cause %zu, got %zu",
           (size_t)cause, (size_t)operation.value);
}

/* Nothing ends it a second time. */
static void expect_ended(struct stm_tfuture *future)
{
    struct operation operation = {
        .future = future, .value = 99, .error = STM_EABORT};

    EXPECT_STATUS(STM_EDONE, stm_atomically(set_body, &operation));
    EXPECT_STATUS(STM_EDONE, stm_atomically(fail_body, &operation));
}

START_TEST(a_future_is_done_with_a_value_once)
{
    struct operation operation = {.future = stm_tfuture_new(NULL, NULL)};

    stm_tfuture_retain(operation.future);
    stm_tfuture_release(operation.future);
    expect_state(operation.future, STM_FUTURE_PENDING);
    end_well(operation.future, 0);
    expect_state(operation.future, STM_FUTURE_DONE);
    expect_ended(operation.future);
    operation.value = 5;
    EXPECT_STATUS(STM_OK, stm_atomically(get_body, &operation));
    EXPECT(operation.value == 0, "expected the first value, got %zu",
           (size_t)operation.value);
    expect_error(operation.future, STM_OK, 0);
    stm_tfuture_release(operation.future);
}
END_TEST

START_TEST(a_future_fails_with_an_error_and_a_cause_once)
{
    struct operation operation = {.future = stm_tfuture_new(NULL, NULL),
                                  .value = 5};

    end_badly(operation.future, STM_EUSER - 3, 17);
    expect_state(operation.future, STM_FUTURE_FAILED);
    expect_ended(operation.future);
    EXPECT_STATUS((enum stm_status)(STM_EUSER - 3),
                  stm_atomically(get_body, &operation));
    EXPECT(operation.value == 5, "expected the out-parameter untouched");
    expect_error(operation.future, STM_EUSER - 3, 17);
    stm_tfuture_release(operation.future);
}
END_TEST

START_TEST(a_future_fails_only_with_an_error)
{
    struct operation operation = {.future = stm_tfuture_new(NULL, NULL)};

    for (int error = STM_OK; error <= STM_BLOCKED; error++) {
        operation.error = error;
        EXPECT_STATUS(STM_EMISUSE, stm_atomically(fail_body, &operation));
    }
    EXPECT_STATUS(STM_EMISUSE, fail_body(NULL, &operation));
    EXPECT_STATUS(STM_EMISUSE, set_body(NULL, &operation));
    expect_state(operation.future, STM_FUTURE_PENDING);
    stm_tfuture_release(operation.future);
}
END_TEST

/* ---- waiting ---- */

START_TEST(C_whoever_waits_for_a_future_is_woken_by_its_end)
{
    struct stm_tfuture *future = stm_tfuture_new(NULL, NULL);
    struct operation getter = {.future = future};
    struct operation other = {.future = future};
    struct stm_call *get = stm_call_new(get_body, &getter);
    struct stm_call *error = stm_call_new(error_body, &other);

    EXPECT_STATUS(STM_BLOCKED, stm_call_step(get));
    EXPECT_STATUS(STM_BLOCKED, stm_call_step(error));
    if (_i == 0)
        end_well(future, 8);
    else
        end_badly(future, STM_ECLOSED, 8);
    EXPECT_STATUS(STM_OK, stm_call_wait(get));
    EXPECT_STATUS(STM_OK, stm_call_wait(error));
    EXPECT_STATUS(_i == 0 ? STM_OK : STM_ECLOSED, stm_call_step(get));
    EXPECT_STATUS(STM_OK, stm_call_step(error));
    EXPECT(getter.value == (_i == 0 ? 8 : 0), "expected the value set");
    EXPECT(other.value == (_i == 0 ? 0 : 8), "expected the cause");
    stm_call_free(get);
    stm_call_free(error);
    stm_tfuture_release(future);
}
END_TEST

static enum stm_status first_of_two_body(struct stm_tx *tx, void *argument)
{
    struct operation *operations = argument;
    const struct stm_branch branches[] = {{get_body, &operations[0]},
                                          {get_body, &operations[1]}};

    return stm_or_else(tx, branches, 2);
}

START_TEST(whichever_of_two_futures_ends_first_is_taken)
{
    struct operation operations[2] = {{.future = stm_tfuture_new(NULL, NULL)},
                                      {.future = stm_tfuture_new(NULL, NULL)}};
    struct stm_call *call = stm_call_new(first_of_two_body, operations);

    EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
    end_well(operations[1].future, 6);
    EXPECT_STATUS(STM_OK, stm_call_wait(call));
    EXPECT_STATUS(STM_OK, stm_call_step(call));
    EXPECT(operations[1].value == 6, "expected the second future's value");
    stm_call_free(call);
    stm_tfuture_release(operations[0].future);
    stm_tfuture_release(operations[1].future);
}
END_TEST

/* Threads of which each tries to be the one that ends the futures; others wait
 * for each. */
enum { ENDERS = 2, WAITERS = 2, FUTURES = 5000 };

struct race {
    struct stm_tfuture *futures[FUTURES];
    size_t count;
    AO_t winner[FUTURES]; /* thread + 1 */
    AO_t won;
};

static void race_thread(size_t index, void *context)
{
    struct race *race = context;

    for (size_t i = 0; i < race->count; i++) {
        struct operation operation = {.future = race->futures[i],
                                      .value = index + 1};
        enum stm_status status;

        if (index >= ENDERS) {
            EXPECT_STATUS(STM_OK, stm_atomically(get_body, &operation));
            continue;
        }
        status = stm_atomically(set_body, &operation);
        EXPECT(status == STM_OK || status == STM_EDONE,
               "expected OK or EDONE, got %d", status);
        if (status == STM_OK) {
            AO_store(&race->winner[i], index + 1);
            AO_fetch_and_add1(&race->won);
        }
    }
}

START_TEST(one_of_those_who_race_ends_a_future)
{
    static struct race race;

    race.count = workload(FUTURES);
    for (size_t i = 0; i < race.count; i++)
        race.futures[i] = stm_tfuture_new(NULL, NULL);
    crew_run(ENDERS + WAITERS, race_thread, &race);
    EXPECT(race.won == race.count, "expected %zu winners, got %zu", race.count,
           (size_t)race.won);
    for (size_t i = 0; i < race.count; i++) {
        struct operation operation = {.future = race.futures[i]};

        EXPECT_STATUS(STM_OK, stm_atomically(get_body, &operation));
        EXPECT(operation.value == race.winner[i],
               "expected the value of thread %zu, got %zu",
               (size_t)race.winner[i], (size_t)operation.value);
        stm_tfuture_release(race.futures[i]);
    }
}
END_TEST

/* ---- undoing and references ---- */

static enum stm_status set_and_abort_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(set_body(tx, argument));
    STM_TRY(get_body(tx, argument));
    STM_TRY(EXPECT_RESULT(STM_EDONE, set_body(tx, argument)));
    return STM_EABORT;
}

static enum stm_status undone_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;

    (void)tx;
    STM_TRY(EXPECT_RESULT(STM_EABORT,
                          stm_atomically(set_and_abort_body, operation)));
    STM_TRY(state_body(tx, operation));
    EXPECT(operation->state == STM_FUTURE_PENDING,
           "expected it to be pending again");
    return fail_body(tx, operation);
}

START_TEST(B_an_undone_end_leaves_a_future_pending)
{
    struct operation operation = {.error = STM_ECLOSED};

    operation.future = stm_tfuture_new(&counted_type, &counted_type);
    operation.value = counted_new(5);
    EXPECT_STATUS(STM_EABORT, stm_atomically(set_and_abort_body, &operation));
    expect_state(operation.future, STM_FUTURE_PENDING);
    EXPECT_STATUS(STM_OK, stm_atomically(undone_body, &operation));
    expect_error(operation.future, STM_ECLOSED, operation.value);
    counted_drop(operation.value);
    EXPECT(counted_live() == 1, "expected the cause, %zu live", counted_live());
    stm_tfuture_release(operation.future);
    EXPECT(counted_live() == 0, "expected the cause released, %zu live",
           counted_live());
}
END_TEST

START_TEST(a_collector_sees_the_outcome_and_can_let_it_go)
{
    struct stm_tfuture *future = stm_tfuture_new(
        _i == 0 ? &counted_type : NULL, _i == 0 ? NULL : &counted_type);
    stm_value value = counted_new(5);
    size_t visits = 0;

    EXPECT(stm_tfuture_traverse(future, visit_count, &visits) == 0 &&
               visits == 0,
           "expected no visit while it is pending");
    if (_i == 0)
        end_well(future, value);
    else
        end_badly(future, STM_ECLOSED, value);
    counted_drop(value);
    EXPECT(stm_tfuture_traverse(future, visit_count, &visits) == 0 &&
               visits == 1,
           "expected one visit, got %zu", visits);
    stm_tfuture_discard(future);
    EXPECT(counted_live() == 0, "expected it released, %zu live",
           counted_live());
    expect_state(future, STM_FUTURE_PENDING);
    stm_tfuture_release(future);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("future");

    tcase_add_test(tests, a_future_is_done_with_a_value_once);
    tcase_add_test(tests, a_future_fails_with_an_error_and_a_cause_once);
    tcase_add_test(tests, a_future_fails_only_with_an_error);
    tcase_add_loop_test(tests, C_whoever_waits_for_a_future_is_woken_by_its_end,
                        0, 2);
    tcase_add_test(tests, whichever_of_two_futures_ends_first_is_taken);
    tcase_add_test(tests, one_of_those_who_race_ends_a_future);
    tcase_add_test(tests, B_an_undone_end_leaves_a_future_pending);
    tcase_add_loop_test(tests, a_collector_sees_the_outcome_and_can_let_it_go,
                        0, 2);
    return run_suite("tfuture", tests);
}
