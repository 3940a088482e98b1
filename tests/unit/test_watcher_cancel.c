/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise F, cancelling watchers: those that are over already, in one way or
 * another, and those whose turn is still to come. */
#include "support.h"

/* An argument that is never freed, so that a reference taken of it after the
 * last one was given back shows. */
static AO_t holders;

static void argument_retain(stm_value value)
{
    (void)value;
    EXPECT(AO_fetch_and_add1_full(&holders) > 0,
           "a reference was taken of an argument that nobody holds any more");
}

static void argument_release(stm_value value)
{
    (void)value;
    EXPECT(AO_fetch_and_sub1_full(&holders) > 0,
           "an argument was released more often than it was retained");
}

static const struct stm_type argument_type = {
    .name = "argument", .retain = argument_retain, .release = argument_release};

static void forget_handle(struct stm_watcher **handle)
{
    if (*handle != NULL)
        stm_watcher_release(*handle);
    *handle = NULL;
}

struct registration {
    struct stm_tvar *var;
    struct stm_watcher *handle;
    enum stm_status end; /* of the body that creates or cancels */
};

static enum stm_status watch_argument(struct stm_tx *tx, stm_value argument,
                                      stm_value *result)
{
    struct registration *registration = (struct registration *)argument;

    return stm_tvar_get(tx, registration->var, result);
}

static enum stm_status create_body(struct stm_tx *tx, void *argument)
{
    struct registration *registration = argument;
    const struct stm_watch watch = {.function = watch_argument,
                                    .argument = (stm_value)registration,
                                    .argument_type = &argument_type};
    enum stm_status status;

    forget_handle(&registration->handle);
    AO_fetch_and_add1_full(&holders);
    status = stm_watch(tx, &watch, &registration->handle);
    argument_release(watch.argument);
    return status == STM_OK ? registration->end : status;
}

static enum stm_status cancel_body(struct stm_tx *tx, void *argument)
{
    struct registration *registration = argument;

    STM_TRY(stm_watcher_cancel(tx, registration->handle));
    return registration->end;
}

static enum stm_status cancel_twice_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(cancel_body(tx, argument));
    return cancel_body(tx, argument);
}

/* Cancels, in every way, a watcher whose argument has been released. */
static void expect_cancel_is_harmless(struct registration *registration)
{
    EXPECT(holders == 0, "expected the argument released, %zu hold it",
           (size_t)holders);
    registration->end = STM_EABORT;
    EXPECT_STATUS(STM_EABORT, stm_atomically(cancel_body, registration));
    registration->end = STM_OK;
    EXPECT_STATUS(STM_OK, stm_atomically(cancel_body, registration));
    EXPECT_STATUS(STM_OK, stm_atomically(cancel_twice_body, registration));
    forget_handle(&registration->handle);
    EXPECT(holders == 0, "expected nobody to hold the argument, %zu do",
           (size_t)holders);
}

START_TEST(F_cancelling_again_leaves_the_released_argument_alone)
{
    struct registration registration = {.var = word_var(0)};

    EXPECT_STATUS(STM_OK, stm_atomically(create_body, &registration));
    EXPECT(holders > 0, "expected the watcher to hold its argument");
    EXPECT_STATUS(STM_OK, stm_atomically(cancel_body, &registration));
    expect_cancel_is_harmless(&registration);
    stm_tvar_release(registration.var);
}
END_TEST

START_TEST(F_cancelling_twice_in_one_transaction_releases_once)
{
    struct registration registration = {.var = word_var(0)};

    EXPECT_STATUS(STM_OK, stm_atomically(create_body, &registration));
    EXPECT_STATUS(STM_OK, stm_atomically(cancel_twice_body, &registration));
    expect_cancel_is_harmless(&registration);
    stm_tvar_release(registration.var);
}
END_TEST

START_TEST(F_one_whose_creation_aborted_may_be_cancelled)
{
    struct registration registration = {.var = word_var(0), .end = STM_EABORT};

    EXPECT_STATUS(STM_EABORT, stm_atomically(create_body, &registration));
    expect_cancel_is_harmless(&registration);
    poke(registration.var, 1);
    stm_tvar_release(registration.var);
}
END_TEST

START_TEST(F_one_whose_variables_are_gone_may_be_cancelled)
{
    struct registration registration = {.var = word_var(0)};

    EXPECT_STATUS(STM_OK, stm_atomically(create_body, &registration));
    stm_tvar_release(registration.var);
    expect_cancel_is_harmless(&registration);
}
END_TEST

/* Three watchers of one variable, of which the first, once armed, cancels
 * another while it runs. */
enum { WATCHERS = 3 };

struct line {
    struct stm_tvar *var;
    struct stm_watcher *handles[WATCHERS];
    size_t runs[WATCHERS];      /* of functions */
    size_t callbacks[WATCHERS]; /* runs of callbacks */
    bool armed, in_callback;    /* the first cancels, and where */
    size_t victim;
};

struct place {
    struct line *line;
    size_t index;
};

static enum stm_status
cancel_victim(struct stm_tx *tx, const struct place *place, bool in_callback)
{
    struct line *line = place->line;

    if (place->index > 0 || !line->armed || line->in_callback != in_callback)
        return STM_OK;
    return stm_watcher_cancel(tx, line->handles[line->victim]);
}

static enum stm_status line_function(struct stm_tx *tx, stm_value argument,
                                     stm_value *result)
{
    const struct place *place = (const struct place *)argument;

    place->line->runs[place->index]++;
    STM_TRY(stm_tvar_get(tx, place->line->var, result));
    return cancel_victim(tx, place, false);
}

static enum stm_status line_callback(struct stm_tx *tx, stm_value argument,
                                     stm_value result)
{
    const struct place *place = (const struct place *)argument;

    (void)result;
    place->line->callbacks[place->index]++;
    return cancel_victim(tx, place, true);
}

static enum stm_status line_body(struct stm_tx *tx, void *argument)
{
    struct place *places = argument;

    for (size_t i = 0; i < WATCHERS; i++) {
        const struct stm_watch watch = {.function = line_function,
                                        .callback = line_callback,
                                        .argument = (stm_value)&places[i]};

        forget_handle(&places->line->handles[i]);
        STM_TRY(stm_watch(tx, &watch, &places->line->handles[i]));
    }
    return STM_OK;
}

static void expect_victim_does_not_run(size_t victim, bool in_callback)
{
    struct line line = {
        .var = word_var(0), .in_callback = in_callback, .victim = victim};
    struct place places[WATCHERS];

    for (size_t i = 0; i < WATCHERS; i++)
        places[i] = (struct place){&line, i};
    EXPECT_STATUS(STM_OK, stm_atomically(line_body, places));
    for (size_t i = 0; i < WATCHERS; i++)
        EXPECT_RUNS(1, &line.runs[i], "creation");
    for (size_t i = 0; i < WATCHERS; i++)
        line.callbacks[i] = 0;
    line.armed = true;
    for (stm_value value = 1; value <= 2; value++) {
        poke(line.var, value);
        for (size_t i = 0; i < WATCHERS; i++) {
            EXPECT_RUNS(i == victim ? 0 : 1, &line.runs[i],
                        "functions, the first of which cancels one");
            EXPECT_RUNS(i == victim ? 0 : 1, &line.callbacks[i],
                        "callbacks, of which one is cancelled");
        }
    }
    for (size_t i = 0; i < WATCHERS; i++)
        forget_handle(&line.handles[i]);
    stm_tvar_release(line.var);
}

START_TEST(F_one_that_an_earlier_callback_cancels_does_not_run_any_more)
{
    expect_victim_does_not_run(1, true);
}
END_TEST

START_TEST(F_one_that_an_earlier_function_cancels_does_not_run_any_more)
{
    expect_victim_does_not_run(2, false);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("F cancel");

    tcase_add_test(tests,
                   F_cancelling_again_leaves_the_released_argument_alone);
    tcase_add_test(tests, F_cancelling_twice_in_one_transaction_releases_once);
    tcase_add_test(tests, F_one_whose_creation_aborted_may_be_cancelled);
    tcase_add_test(tests, F_one_whose_variables_are_gone_may_be_cancelled);
    tcase_add_test(
        tests, F_one_that_an_earlier_callback_cancels_does_not_run_any_more);
    tcase_add_test(
        tests, F_one_that_an_earlier_function_cancels_does_not_run_any_more);
    return run_suite("watcher cancel", tests);
}
