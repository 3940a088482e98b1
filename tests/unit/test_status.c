/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* What statuses mean, how they stick to an attempt, and what is misuse. */
#include "support.h"

#include <string.h>

/* What a body that swallows statuses does. */
struct careless {
    struct stm_tvar *var, *other;
    size_t runs;
    enum stm_status end;      /* what it returns whatever comes */
    enum stm_status repeated; /* what an operation said after the first */
    enum stm_status nested;   /* what a nested transaction said */
};

static enum stm_status swallow_retry_body(struct stm_tx *tx, void *argument)
{
    struct careless *careless = argument;
    stm_value value;

    careless->runs++;
    STM_TRY(stm_tvar_get(tx, careless->var, &value));
    if (value == 0) {
        EXPECT_STATUS(STM_RETRY, stm_retry(tx));
        careless->repeated = stm_tvar_set(tx, careless->other, 66);
        EXPECT_STATUS(STM_RETRY, stm_tx_status(tx));
    }
    return careless->end;
}

static void careless_init(struct careless *careless)
{
    *careless = (struct careless){.var = word_var(0), .other = word_var(1)};
}

static void careless_fini(struct careless *careless)
{
    stm_tvar_release(careless->var);
    stm_tvar_release(careless->other);
}

static void expect_retry_sticks(enum stm_status end)
{
    struct careless careless;
    struct stm_call *call;

    careless_init(&careless);
    careless.end = end;
    call = stm_call_new(swallow_retry_body, &careless);
    EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
    EXPECT(careless.repeated == STM_RETRY,
           "an operation after a retry: expected RETRY, got %d",
           careless.repeated);
    EXPECT(peek(careless.other) == 1, "expected nothing committed");
    poke(careless.var, 1);
    EXPECT_STATUS(STM_OK, stm_call_wait(call));
    EXPECT(stm_call_step(call) == end, "expected the body's own status");
    stm_call_free(call);
    careless_fini(&careless);
}

START_TEST(a_body_that_swallows_retry_cannot_commit)
{
    expect_retry_sticks(STM_OK);
}
END_TEST

START_TEST(retry_beats_the_bodys_error) { expect_retry_sticks(STM_EUSER - 1); }
END_TEST

static enum stm_status write_body(struct stm_tx *tx, void *argument)
{
    return stm_tvar_set(tx, argument, 66);
}

/* The first attempt is in conflict from its second read on. */
static enum stm_status swallow_conflict_body(struct stm_tx *tx, void *argument)
{
    struct careless *careless = argument;
    stm_value value;

    if (stm_tvar_get(tx, careless->var, &value) != STM_OK ||
        careless->runs++ > 0)
        return stm_tx_status(tx);
    poke_elsewhere(careless->var, 5);
    poke_elsewhere(careless->other, 5);
    EXPECT_STATUS(STM_CONFLICT, stm_tvar_get(tx, careless->other, &value));
    EXPECT_STATUS(STM_CONFLICT, stm_tx_status(tx));
    EXPECT_STATUS(STM_CONFLICT, stm_retry(tx));
    careless->repeated = stm_tvar_set(tx, careless->other, 66);
    careless->nested = stm_atomically(write_body, careless->other);
    return careless->end;
}

static void expect_conflict_sticks(enum stm_status end)
{
    struct careless careless;

    careless_init(&careless);
    careless.end = end;
    EXPECT_STATUS(STM_OK, stm_atomically(swallow_conflict_body, &careless));
    EXPECT(careless.runs >= 2, "expected a second attempt, got %zu",
           careless.runs);
    EXPECT(careless.repeated == STM_CONFLICT,
           "an operation after a conflict: expected CONFLICT, got %d",
           careless.repeated);
    EXPECT(careless.nested == STM_CONFLICT,
           "a nested transaction after a conflict: expected CONFLICT, got %d",
           careless.nested);
    EXPECT(peek(careless.other) == 5, "expected the doomed writes undone");
    careless_fini(&careless);
}

START_TEST(a_body_that_swallows_conflict_cannot_commit)
{
    expect_conflict_sticks(STM_OK);
}
END_TEST

START_TEST(conflict_beats_the_bodys_error)
{
    expect_conflict_sticks(STM_EUSER - 1);
}
END_TEST

/* A body that ends as it is told. */
static enum stm_status invent_body(struct stm_tx *tx, void *argument)
{
    struct careless *careless = argument;

    careless->runs++;
    STM_TRY(stm_tvar_set(tx, careless->var, 66));
    return careless->end;
}

START_TEST(an_error_of_the_users_is_returned_as_it_is)
{
    static const enum stm_status ends[] = {STM_EUSER,  STM_EUSER - 12345,
                                           STM_EABORT, STM_ERANGE,
                                           STM_EEMPTY, STM_ETIMEOUT};
    struct careless careless;

    careless_init(&careless);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        enum stm_status status;

        careless.end = ends[i];
        status = stm_atomically(invent_body, &careless);
        EXPECT(status == ends[i], "expected %d as the body returned, got %d",
               ends[i], status);
        EXPECT(peek(careless.var) == 0, "expected the write undone");
    }
    careless_fini(&careless);
}
END_TEST

START_TEST(results_are_written_only_with_ok)
{
    struct stm_tvar *var = word_var(4);
    stm_value value = 123;

    EXPECT_STATUS(STM_EMISUSE, stm_tvar_get(NULL, var, &value));
    EXPECT(value == 123, "expected the out-parameter untouched, got %zu",
           (size_t)value);
    stm_tvar_release(var);
}
END_TEST

START_TEST(no_transaction_is_misuse)
{
    struct stm_tvar *var = word_var(4);
    struct stm_tlist *list = stm_tlist_new(NULL);
    const struct stm_watch watch = {0};
    stm_value value;
    size_t length;
    bool flag;

    EXPECT(stm_current() == NULL, "expected no running attempt");
    EXPECT_STATUS(STM_EMISUSE, stm_tvar_get(NULL, var, &value));
    EXPECT_STATUS(STM_EMISUSE, stm_tvar_set(NULL, var, 1));
    EXPECT_STATUS(STM_EMISUSE, stm_retry(NULL));
    EXPECT_STATUS(STM_EMISUSE, stm_or_else(NULL, NULL, 0));
    EXPECT_STATUS(STM_EMISUSE, stm_would_block(NULL, write_body, var, &flag));
    EXPECT_STATUS(STM_EMISUSE, stm_elapsed(NULL, 0, &flag));
    EXPECT_STATUS(STM_EMISUSE, stm_on_commit(NULL, action_count, 0, NULL));
    EXPECT_STATUS(STM_EMISUSE, stm_export(NULL, NULL, 0, &value));
    EXPECT_STATUS(STM_EMISUSE, stm_watch(NULL, &watch, NULL));
    EXPECT_STATUS(STM_EMISUSE, stm_tx_set_name(NULL, "name"));
    EXPECT_STATUS(STM_EMISUSE, stm_tlist_append(NULL, list, 1));
    EXPECT_STATUS(STM_EMISUSE, stm_tlist_length(NULL, list, &length));
    EXPECT(stm_error_message() != NULL && stm_error_message()[0] != '\0',
           "expected a message that says what was wrong");
    EXPECT(peek(var) == 4, "expected the variable unchanged");
    stm_tlist_release(list);
    stm_tvar_release(var);
}
END_TEST

/* An attempt's handle that is used where it must not be. */
struct escape {
    struct stm_tvar *var;
    struct stm_tx *tx;
};

static void foreign_thread(size_t index, void *context)
{
    struct escape *escape = context;
    stm_value value;

    (void)index;
    EXPECT_STATUS(STM_EMISUSE, stm_tvar_get(escape->tx, escape->var, &value));
    EXPECT_STATUS(STM_EMISUSE, stm_tvar_set(escape->tx, escape->var, 9));
    EXPECT_STATUS(STM_EMISUSE, stm_retry(escape->tx));
}

static enum stm_status escape_body(struct stm_tx *tx, void *argument)
{
    struct escape *escape = argument;

    EXPECT(stm_current() == tx, "expected stm_current() to be the attempt");
    escape->tx = tx;
    crew_run(1, foreign_thread, escape);
    return stm_tvar_set(tx, escape->var, 2);
}

START_TEST(another_threads_transaction_is_misuse)
{
    struct escape escape = {.var = word_var(0)};

    EXPECT_STATUS(STM_OK, stm_atomically(escape_body, &escape));
    EXPECT(peek(escape.var) == 2, "expected only the owner's write");
    stm_tvar_release(escape.var);
}
END_TEST

START_TEST(a_transaction_that_has_ended_is_misuse)
{
    struct escape escape = {.var = word_var(0)};
    stm_value value;

    EXPECT_STATUS(STM_OK, stm_atomically(escape_body, &escape));
    EXPECT_STATUS(STM_EMISUSE, stm_tvar_get(escape.tx, escape.var, &value));
    EXPECT_STATUS(STM_EMISUSE, stm_tvar_set(escape.tx, escape.var, 9));
    EXPECT(peek(escape.var) == 2, "expected the variable unchanged");
    stm_tvar_release(escape.var);
}
END_TEST

static enum stm_status hopeless_body(struct stm_tx *tx, void *argument)
{
    (void)argument;
    return stm_retry(tx);
}

static enum stm_status for_ever_body(struct stm_tx *tx, void *argument)
{
    bool passed;

    (void)argument;
    STM_TRY(stm_elapsed(tx, STM_FOREVER, &passed));
    return stm_retry(tx);
}

START_TEST(a_retry_that_nothing_could_wake_is_misuse)
{
    EXPECT_STATUS(STM_EMISUSE, stm_atomically(hopeless_body, NULL));
    EXPECT_STATUS(STM_EMISUSE, stm_atomically(for_ever_body, NULL));
    EXPECT(strlen(stm_error_message()) > 0, "expected a message");
}
END_TEST

static enum stm_status run_loop_body(struct stm_tx *tx, void *argument)
{
    EXPECT_STATUS(STM_EMISUSE, stm_eventloop_run(argument));
    EXPECT_STATUS(STM_EMISUSE, stm_eventloop_start(argument));
    return stm_tx_status(tx);
}

START_TEST(running_a_loop_inside_a_transaction_is_misuse)
{
    struct stm_eventloop *loop = stm_eventloop_new();

    EXPECT_STATUS(STM_OK, stm_atomically(run_loop_body, loop));
    stm_eventloop_free(loop);
}
END_TEST

START_TEST(a_variable_is_named_once)
{
    struct stm_tvar *var = word_var(0);
    char name[] = "balance";

    EXPECT(stm_tvar_name(var) == NULL, "expected no name at first");
    EXPECT_STATUS(STM_OK, stm_tvar_set_name(var, name));
    name[0] = 'X';
    EXPECT(strcmp(stm_tvar_name(var), "balance") == 0,
           "expected a copy of the name, got %s", stm_tvar_name(var));
    EXPECT_STATUS(STM_EMISUSE, stm_tvar_set_name(var, "other"));
    stm_tvar_release(var);
}
END_TEST

START_TEST(every_status_has_words)
{
    for (int status = STM_ECLOSED; status <= STM_BLOCKED; status++)
        EXPECT(strlen(stm_strstatus(status)) > 0, "status %d has no words",
               status);
    EXPECT(strlen(stm_strstatus(STM_EUSER - 5)) > 0,
           "a user's status has no words");
    EXPECT(strcmp(stm_strstatus(STM_RETRY), stm_strstatus(STM_CONFLICT)) != 0,
           "expected different words for different statuses");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("status");

    tcase_add_test(tests, a_body_that_swallows_retry_cannot_commit);
    tcase_add_test(tests, retry_beats_the_bodys_error);
    tcase_add_test(tests, a_body_that_swallows_conflict_cannot_commit);
    tcase_add_test(tests, conflict_beats_the_bodys_error);
    tcase_add_test(tests, an_error_of_the_users_is_returned_as_it_is);
    tcase_add_test(tests, results_are_written_only_with_ok);
    tcase_add_test(tests, no_transaction_is_misuse);
    tcase_add_test(tests, another_threads_transaction_is_misuse);
    tcase_add_test(tests, a_transaction_that_has_ended_is_misuse);
    tcase_add_test(tests, a_retry_that_nothing_could_wake_is_misuse);
    tcase_add_test(tests, running_a_loop_inside_a_transaction_is_misuse);
    tcase_add_test(tests, a_variable_is_named_once);
    tcase_add_test(tests, every_status_has_words);
    return run_suite("status", tests);
}
