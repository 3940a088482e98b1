/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Arguments that make no sense: a status and a message, or nothing where
 * nothing is to be done. */
#include "support.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Does the message name the function? */
static void expect_message(const char *function)
{
    EXPECT(strstr(stm_error_message(), function) != NULL,
           "expected a message that names %s, got \"%s\"", function,
           stm_error_message());
}

static enum stm_status misuse_body(struct stm_tx *tx, void *argument)
{
    const struct stm_watch watch = {.name = "no function"};

    (void)argument;
    EXPECT_STATUS(STM_EMISUSE, stm_tx_set_name(tx, NULL));
    expect_message("stm_tx_set_name");
    EXPECT_STATUS(STM_EMISUSE, stm_watch(tx, &watch, NULL));
    expect_message("stm_watch");
    EXPECT_STATUS(STM_EMISUSE, stm_watch(tx, NULL, NULL));
    EXPECT_STATUS(STM_EMISUSE, stm_watcher_cancel(tx, NULL));
    expect_message("stm_watcher_cancel");
    return STM_OK;
}

START_TEST(null_arguments_are_misuse)
{
    struct stm_tvar *var = word_var(0);

    EXPECT_STATUS(STM_OK, stm_atomically(misuse_body, NULL));
    EXPECT_STATUS(STM_EMISUSE, stm_tvar_set_name(var, NULL));
    expect_message("stm_tvar_set_name");
    EXPECT_STATUS(STM_EMISUSE, stm_release_later(NULL, &counted_type, 0));
    expect_message("stm_release_later");
    stm_tvar_release(var);
}
END_TEST

struct stray {
    struct stm_tx *tx;
    enum stm_status status;
};

static void ask_of_another(size_t index, void *context)
{
    struct stray *stray = context;

    (void)index;
    stray->status = stm_tx_status(stray->tx);
    expect_message("stm_tx_status");
}

static enum stm_status stray_body(struct stm_tx *tx, void *argument)
{
    struct stray *stray = argument;

    stray->tx = tx;
    crew_run(1, ask_of_another, stray);
    return STM_OK;
}

START_TEST(only_the_own_running_transaction_has_a_status)
{
    struct stray stray = {NULL, STM_OK};

    EXPECT_STATUS(STM_EMISUSE, stm_tx_status(NULL));
    expect_message("stm_tx_status");
    EXPECT_STATUS(STM_OK, stm_atomically(stray_body, &stray));
    EXPECT_STATUS(STM_EMISUSE, stray.status);
    EXPECT_STATUS(STM_EMISUSE, stm_tx_status(stray.tx));
    expect_message("the transaction has ended");
}
END_TEST

static enum stm_status returning_body(struct stm_tx *tx, void *argument)
{
    (void)tx;
    return *(enum stm_status *)argument;
}

START_TEST(a_call_that_is_not_blocked_cannot_wait)
{
    enum stm_status end = STM_OK;
    struct stm_call *call = stm_call_new(returning_body, &end);

    EXPECT_STATUS(STM_EMISUSE, stm_call_wait(call));
    expect_message("stm_call_wait");
    EXPECT_STATUS(STM_OK, stm_call_step(call));
    EXPECT_STATUS(STM_EMISUSE, stm_call_wait(call));
    stm_call_free(call);
}
END_TEST

START_TEST(a_variable_is_named_once)
{
    struct stm_tvar *var = word_var(0);

    EXPECT(stm_tvar_name(var) == NULL, "expected no name");
    EXPECT_STATUS(STM_OK, stm_tvar_set_name(var, "first"));
    EXPECT_STATUS(STM_EMISUSE, stm_tvar_set_name(var, "second"));
    expect_message("\"first\"");
    EXPECT(strcmp(stm_tvar_name(var), "first") == 0, "expected the first name");
    stm_tvar_release(var);
}
END_TEST

START_TEST(nothing_is_released_of_null)
{
    stm_tvar_release(NULL);
    stm_tlist_release(NULL);
    stm_broadcast_release(NULL);
    stm_endpoint_release(NULL);
    stm_eventloop_free(NULL);
    stm_call_free(NULL);
}
END_TEST

/* ---- bodies ---- */

static enum stm_status nested_return_body(struct stm_tx *tx, void *argument)
{
    enum stm_status status = stm_atomically(returning_body, argument);

    EXPECT(status == STM_EMISUSE || status == STM_CONFLICT,
           "expected MISUSE of the nested one, got %d", status);
    return stm_tx_status(tx);
}

START_TEST(a_body_that_returns_what_is_no_status_of_its_own_is_misuse)
{
    const enum stm_status nonsense[] = {STM_BLOCKED, (enum stm_status)77};

    for (size_t i = 0; i < 2; i++) {
        enum stm_status status = nonsense[i];

        EXPECT_STATUS(STM_EMISUSE, stm_atomically(returning_body, &status));
        expect_message("body returned");
        EXPECT_STATUS(STM_OK, stm_atomically(nested_return_body, &status));
    }
}
END_TEST

/* Returns conflict once, though there was none. */
static enum stm_status claiming_body(struct stm_tx *tx, void *argument)
{
    size_t *runs = argument;

    (void)tx;
    return ++*runs == 1 ? STM_CONFLICT : STM_OK;
}

START_TEST(a_body_that_claims_a_conflict_runs_again)
{
    size_t runs = 0;

    EXPECT_STATUS(STM_OK, stm_atomically(claiming_body, &runs));
    EXPECT_RUNS(2, &runs, "a conflict, then a commit");
}
END_TEST

enum { DEEPER = 20000, STACK = 256 * 1024 * 1024 };

static enum stm_status deep_body(struct stm_tx *tx, void *argument)
{
    size_t *depth = argument;

    (void)tx;
    if (++*depth == DEEPER)
        return STM_OK;
    return stm_atomically(deep_body, depth);
}

static void *deep_thread(void *argument)
{
    (void)argument;
    for (int i = 0; i < 2; i++) {
        size_t depth = 0;

        EXPECT_STATUS(STM_EMISUSE, stm_atomically(deep_body, &depth));
        expect_message("nested");
        EXPECT(depth < DEEPER, "expected an end before level %d", DEEPER);
    }
    return NULL;
}

START_TEST(nesting_without_end_is_misuse)
{
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, STACK), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, deep_thread, NULL),
                     0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}
END_TEST

/* ---- statuses ---- */

START_TEST(every_status_has_a_text_of_its_own)
{
    const char *texts[64] = {NULL};
    size_t count = 0;

    for (int status = STM_BLOCKED; status >= STM_ECANCELLED; status--) {
        const char *text = stm_strstatus((enum stm_status)status);

        EXPECT(strncmp(text, "STM_", 4) == 0,
               "expected the name of status %d, got \"%s\"", status, text);
        for (size_t i = 0; i < count; i++)
            EXPECT(strcmp(text, texts[i]) != 0, "expected another text for %d",
                   status);
        texts[count++] = text;
    }
    EXPECT(strcmp(stm_strstatus(STM_EUSER), stm_strstatus(STM_EUSER - 7)) == 0,
           "expected one text for all errors of bodies");
    EXPECT(strcmp(stm_strstatus((enum stm_status)(STM_ECANCELLED - 100)),
                  stm_strstatus((enum stm_status)500)) == 0,
           "expected one text for what is no status");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("arguments");

    tcase_add_test(tests, null_arguments_are_misuse);
    tcase_add_test(tests, only_the_own_running_transaction_has_a_status);
    tcase_add_test(tests, a_call_that_is_not_blocked_cannot_wait);
    tcase_add_test(tests, a_variable_is_named_once);
    tcase_add_test(tests, nothing_is_released_of_null);
    tcase_add_test(tests,
                   a_body_that_returns_what_is_no_status_of_its_own_is_misuse);
    tcase_add_test(tests, a_body_that_claims_a_conflict_runs_again);
    tcase_add_test(tests, nesting_without_end_is_misuse);
    tcase_add_test(tests, every_status_has_a_text_of_its_own);
    return run_suite("arguments", tests);
}
