/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise G: user code never runs under a lock of the library, so that it may
 * itself run transactions, also on the variable it was called for. */
#include "support.h"

#include <stdlib.h>

enum { VARIABLES = 8 };

/* An object whose release function runs a whole transaction on the variable
 * that held it. */
struct reentrant {
    AO_t references;
    struct stm_tvar *var;   /* borrowed; not written, NULL: none */
    struct stm_tvar *tally; /* counts releases */
    struct stm_tlist *list; /* gets an item, NULL: none */
};

static AO_t released;

static void reentrant_retain(stm_value value)
{
    AO_fetch_and_add1_full(&((struct reentrant *)value)->references);
}

static enum stm_status tally_body(struct stm_tx *tx, void *argument)
{
    struct reentrant *object = argument;
    stm_value value, count;

    if (object->var != NULL)
        STM_TRY(stm_tvar_get(tx, object->var, &value));
    if (object->list != NULL)
        STM_TRY(stm_tlist_append(tx, object->list, 0));
    STM_TRY(stm_tvar_get(tx, object->tally, &count));
    return stm_tvar_set(tx, object->tally, count + 1);
}

static void reentrant_release(stm_value value)
{
    struct reentrant *object = (struct reentrant *)value;

    if (AO_fetch_and_sub1_full(&object->references) != 1)
        return;
    EXPECT(stm_current() == NULL,
           "a last reference was released inside a transaction");
    EXPECT_STATUS(STM_OK, stm_atomically(tally_body, object));
    free(object);
    AO_fetch_and_add1_full(&released);
}

static const struct stm_type reentrant_type = {.name = "reentrant",
                                               .retain = reentrant_retain,
                                               .release = reentrant_release};

struct stage {
    struct stm_tvar *var, *tally;
    struct stm_tlist *list;
    struct stm_eventloop *loop;
    size_t rounds;
};

static stm_value reentrant_new(struct stage *stage)
{
    struct reentrant *object = malloc(sizeof *object);

    if (object == NULL)
        abort();
    *object = (struct reentrant){1, stage->var, stage->tally, NULL};
    return (stm_value)object;
}

static enum stm_status replace_body(struct stm_tx *tx, void *argument)
{
    struct stage *stage = argument;
    stm_value value = reentrant_new(stage);
    enum stm_status status = stm_tvar_set(tx, stage->var, value);

    give_back(tx, &reentrant_type, value);
    return status;
}

static void stage_init(struct stage *stage)
{
    stm_value first;

    *stage = (struct stage){.tally = word_var(0)};
    released = 0;
    first = reentrant_new(stage);
    stage->var = stm_tvar_new(&reentrant_type, first);
    ((struct reentrant *)first)->var = stage->var;
    reentrant_release(first);
}

/* The last object is released with its variable, which it must not read. */
static void stage_fini(struct stage *stage)
{
    stm_value last = peek(stage->var);

    ((struct reentrant *)last)->var = NULL;
    stm_tvar_release(stage->var);
    stm_tvar_release(stage->tally);
}

START_TEST(G_a_release_function_runs_a_transaction_on_the_same_variable)
{
    struct stage stage;
    size_t rounds = 100;

    stage_init(&stage);
    for (size_t i = 0; i < rounds; i++)
        EXPECT_STATUS(STM_OK, stm_atomically(replace_body, &stage));
    EXPECT(released == rounds || (shaken() && released > rounds),
           "expected %zu objects released, got %zu", rounds, (size_t)released);
    EXPECT(peek(stage.tally) == released,
           "expected every release counted by its transaction, got %zu of %zu",
           (size_t)peek(stage.tally), (size_t)released);
    stage_fini(&stage);
}
END_TEST

static void replace_thread(size_t index, void *context)
{
    struct stage *stage = context;

    (void)index;
    for (size_t i = 0; i < stage->rounds; i++)
        EXPECT_STATUS(STM_OK, stm_atomically(replace_body, stage));
}

START_TEST(G_release_functions_run_transactions_beside_each_other)
{
    struct stage stage;

    stage_init(&stage);
    stage.rounds = workload(20000);
    crew_run(3, replace_thread, &stage);
    EXPECT_STATUS(STM_OK, stm_atomically(replace_body, &stage));
    EXPECT(released >= 3 * stage.rounds + 1,
           "expected at least %zu objects released, got %zu",
           3 * stage.rounds + 1, (size_t)released);
    EXPECT(peek(stage.tally) == released, "expected every release counted");
    stage_fini(&stage);
}
END_TEST

/* An object whose release function sets a counted value, and fails. */
static AO_t failed;

static enum stm_status set_and_fail_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(set_counted(tx, argument, 7));
    return STM_EABORT;
}

static void failing_release(stm_value value)
{
    struct reentrant *object = (struct reentrant *)value;

    if (AO_fetch_and_sub1_full(&object->references) != 1)
        return;
    EXPECT_STATUS(STM_EABORT, stm_atomically(set_and_fail_body, object->tally));
    AO_fetch_and_add1_full(&failed);
    free(object);
}

static const struct stm_type failing_type = {
    .name = "failing", .retain = reentrant_retain, .release = failing_release};

static enum stm_status replace_failing_body(struct stm_tx *tx, void *argument)
{
    struct stage *stage = argument;
    stm_value value = reentrant_new(stage);
    enum stm_status status = stm_tvar_set(tx, stage->var, value);

    give_back(tx, &failing_type, value);
    return status;
}

START_TEST(B_a_release_function_runs_a_transaction_that_fails)
{
    struct stage stage = {.tally = counted_var(1)};
    size_t rounds = 100;

    failed = 0;
    stage.var = stm_tvar_new(&failing_type, 0);
    for (size_t i = 0; i < rounds; i++)
        EXPECT_STATUS(STM_OK, stm_atomically(replace_failing_body, &stage));
    EXPECT(failed == rounds - 1 || (shaken() && failed >= rounds - 1),
           "expected %zu objects released, got %zu", rounds - 1,
           (size_t)failed);
    stm_tvar_release(stage.var);
    EXPECT(counted_number(peek(stage.tally)) == 1,
           "expected nothing of what failed");
    EXPECT(counted_live() == 1, "expected 1 value, got %zu", counted_live());
    stm_tvar_release(stage.tally);
}
END_TEST

/* Objects released from inside containers. */
static enum stm_status fill_body(struct stm_tx *tx, void *argument)
{
    struct stage *stage = argument;

    for (size_t i = 0; i < 100; i++) {
        stm_value value = reentrant_new(stage);
        enum stm_status status;

        ((struct reentrant *)value)->list = stage->list;
        status = stm_tlist_append(tx, stage->list, value);
        give_back(tx, &reentrant_type, value);
        STM_TRY(status);
    }
    return STM_OK;
}

static enum stm_status clear_body(struct stm_tx *tx, void *argument)
{
    return stm_tlist_clear(tx, ((struct stage *)argument)->list);
}

static enum stm_status length_body(struct stm_tx *tx, void *argument)
{
    struct stage *stage = argument;

    return stm_tlist_length(tx, stage->list, &stage->rounds);
}

/* Makes no reference of the 0 that release appends. */
static void item_retain(stm_value value)
{
    if (value != 0)
        reentrant_retain(value);
}

static void item_release(stm_value value)
{
    if (value != 0)
        reentrant_release(value);
}

static const struct stm_type item_type = {
    .name = "item", .retain = item_retain, .release = item_release};

START_TEST(G_items_of_a_list_change_it_when_released)
{
    struct stage stage;

    stage_init(&stage);
    stage.list = stm_tlist_new(&item_type);
    EXPECT_STATUS(STM_OK, stm_atomically(fill_body, &stage));
    released = 0;
    EXPECT_STATUS(STM_OK, stm_atomically(clear_body, &stage));
    EXPECT(released == 100, "expected 100 items released, got %zu",
           (size_t)released);
    EXPECT_STATUS(STM_OK, stm_atomically(length_body, &stage));
    EXPECT(stage.rounds == 100,
           "expected each release to have appended an "
           "item, found %zu",
           stage.rounds);
    stm_tlist_release(stage.list);
    stage_fini(&stage);
}
END_TEST

/* An equal function is pure and cheap, and runs no transaction of its own; but
 * while it runs, other threads' commits to the same variable get through. */
static struct stm_tvar *compared;
static AO_t comparisons;

static bool equal_beside_commit(stm_value left, stm_value right)
{
    if (AO_fetch_and_add1_full(&comparisons) == 0)
        poke_elsewhere(compared, 12);
    return left / 10 == right / 10;
}

static const struct stm_type tens_type = {.name = "tens",
                                          .equal = equal_beside_commit};

static enum stm_status wait_for_twenty_body(struct stm_tx *tx, void *argument)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, argument, &value));
    return value < 20 ? stm_retry(tx) : STM_OK;
}

START_TEST(G_an_equal_function_runs_with_nothing_locked)
{
    struct stm_call *call;

    compared = stm_tvar_new(&tens_type, 10);
    call = stm_call_new(wait_for_twenty_body, compared);
    EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
    poke(compared, 11);
    EXPECT(comparisons >= 1, "expected the equal function to be asked");
    EXPECT(peek(compared) == 12, "expected the commit beside it to be last");
    poke(compared, 20);
    EXPECT_STATUS(STM_OK, stm_call_wait(call));
    EXPECT_STATUS(STM_OK, stm_call_step(call));
    stm_call_free(call);
    stm_tvar_release(compared);
}
END_TEST

/* Actions after a commit that run transactions with actions of their own. */
struct countdown {
    struct stm_tvar *var;
    size_t runs;
};

static enum stm_status countdown_body(struct stm_tx *tx, void *argument);

static void countdown_action(stm_value argument)
{
    struct countdown *countdown = (struct countdown *)argument;

    EXPECT(stm_current() == NULL, "an action ran inside a transaction");
    countdown->runs++;
    EXPECT_STATUS(STM_OK, stm_atomically(countdown_body, countdown));
}

static enum stm_status countdown_body(struct stm_tx *tx, void *argument)
{
    struct countdown *countdown = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, countdown->var, &value));
    if (value == 0)
        return STM_OK;
    STM_TRY(stm_tvar_set(tx, countdown->var, value - 1));
    return stm_on_commit(tx, countdown_action, (stm_value)countdown, NULL);
}

START_TEST(G_an_action_runs_transactions_with_actions)
{
    struct countdown countdown = {.var = word_var(20)};

    EXPECT_STATUS(STM_OK, stm_atomically(countdown_body, &countdown));
    EXPECT(countdown.runs == 20, "expected 20 actions, got %zu",
           countdown.runs);
    EXPECT(peek(countdown.var) == 0, "expected the count down to 0");
    stm_tvar_release(countdown.var);
}
END_TEST

/* The argument of an action and that of a watcher are released like values. */
static void no_action(stm_value argument) { (void)argument; }

static enum stm_status read_var(struct stm_tx *tx, stm_value argument,
                                stm_value *result)
{
    return stm_tvar_get(tx, ((struct reentrant *)argument)->tally, result);
}

static enum stm_status give_arguments_body(struct stm_tx *tx, void *argument)
{
    struct stage *stage = argument;
    struct stm_watch watch = {.function = read_var,
                              .argument_type = &reentrant_type};
    struct stm_watcher *handle = NULL;
    enum stm_status status;

    watch.argument = reentrant_new(stage);
    status = stm_on_commit(tx, no_action, watch.argument, &reentrant_type);
    if (status == STM_OK)
        status = stm_watch(tx, &watch, &handle);
    give_back(tx, &reentrant_type, watch.argument);
    if (status == STM_OK)
        status = stm_watcher_cancel(tx, handle);
    if (handle != NULL)
        stm_watcher_release(handle);
    return status;
}

START_TEST(G_arguments_are_released_outside_any_transaction)
{
    struct stage stage;

    stage_init(&stage);
    EXPECT_STATUS(STM_OK, stm_atomically(give_arguments_body, &stage));
    EXPECT(released >= 1, "expected the argument released");
    stage_fini(&stage);
}
END_TEST

/* An object whose release function runs a transaction while an outer attempt's
 * other remains still wait for theirs. */
static stm_body *nested_in_release; /* run at the last release */
static enum stm_status nested_end;  /* what it returns */
static size_t nested_releases;
static AO_t outer_actions, inner_actions;

static void running_release(stm_value value)
{
    (void)value;
    EXPECT(stm_current() == NULL, "released inside a transaction");
    nested_releases++;
    EXPECT_STATUS(nested_end, stm_atomically(nested_in_release, &nested_end));
}

static const struct stm_type running_type = {.name = "running",
                                             .release = running_release};

/* Counted variables, enough to make what waits for release grow. */
static struct stm_tvar *counted_vars[VARIABLES + 1];

static enum stm_status write_last_body(struct stm_tx *tx, void *argument)
{
    (void)argument;
    return set_counted(tx, counted_vars[VARIABLES], nested_releases);
}

static enum stm_status write_others_body(struct stm_tx *tx, void *argument)
{
    (void)argument;
    for (size_t i = 0; i < VARIABLES; i++)
        STM_TRY(set_counted(tx, counted_vars[i], i));
    return stm_release_later(tx, &running_type, 1);
}

START_TEST(G_a_release_function_writes_while_replaced_values_wait)
{
    nested_in_release = write_last_body;
    nested_end = STM_OK;
    nested_releases = 0;
    for (size_t i = 0; i <= VARIABLES; i++)
        counted_vars[i] = counted_var(0);
    for (size_t i = 1; i <= 20; i++) {
        EXPECT_STATUS(STM_OK, stm_atomically(write_others_body, NULL));
        EXPECT(nested_releases == i || (shaken() && nested_releases > i),
               "expected %zu releases, got %zu", i, nested_releases);
        EXPECT(counted_live() == VARIABLES + 1,
               "expected only the values of %d variables to live, got %zu",
               VARIABLES + 1, counted_live());
    }
    for (size_t i = 0; i <= VARIABLES; i++)
        stm_tvar_release(counted_vars[i]);
    EXPECT(counted_live() == 0, "expected everything released, %zu live",
           counted_live());
}
END_TEST

/* Both transactions register actions. */
static enum stm_status outer_body(struct stm_tx *tx, void *argument)
{
    (void)argument;
    STM_TRY(stm_on_commit(tx, action_count, (stm_value)&outer_actions, NULL));
    STM_TRY(stm_release_later(tx, &running_type, 1));
    return stm_on_commit(tx, action_count, (stm_value)&outer_actions, NULL);
}

static enum stm_status inner_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(stm_on_commit(tx, action_count, (stm_value)&inner_actions, NULL));
    return *(enum stm_status *)argument;
}

static enum stm_status inner_timeout_body(struct stm_tx *tx, void *argument)
{
    bool over;

    STM_TRY(inner_body(tx, argument));
    STM_TRY(stm_elapsed(tx, 1000000, &over));
    return over ? STM_OK : stm_retry(tx);
}

static void expect_actions_once(stm_body *inner, enum stm_status end)
{
    nested_in_release = inner;
    nested_end = end;
    nested_releases = 0;
    outer_actions = inner_actions = 0;
    EXPECT_STATUS(STM_OK, stm_atomically(outer_body, NULL));
    EXPECT(outer_actions == 2,
           "expected each action of the outer transaction once, 2 runs, got "
           "%zu",
           (size_t)outer_actions);
    EXPECT(inner_actions == (end == STM_OK ? nested_releases : 0),
           "expected an action of the inner transaction for each of its "
           "commits, got %zu",
           (size_t)inner_actions);
    EXPECT(nested_releases >= 1, "expected the inner transaction to have run");
}

START_TEST(G_actions_run_once_beside_a_release_functions_transaction)
{
    expect_actions_once(inner_body, STM_OK);
}
END_TEST

START_TEST(G_actions_run_once_beside_a_release_functions_abort)
{
    expect_actions_once(inner_body, STM_EABORT);
}
END_TEST

START_TEST(G_actions_run_once_beside_a_release_functions_retry)
{
    expect_actions_once(inner_timeout_body, STM_OK);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("G");

    tcase_add_test(
        tests, G_a_release_function_runs_a_transaction_on_the_same_variable);
    tcase_add_test(tests,
                   G_release_functions_run_transactions_beside_each_other);
    tcase_add_test(tests, B_a_release_function_runs_a_transaction_that_fails);
    tcase_add_test(tests, G_items_of_a_list_change_it_when_released);
    tcase_add_test(tests, G_an_equal_function_runs_with_nothing_locked);
    tcase_add_test(tests, G_an_action_runs_transactions_with_actions);
    tcase_add_test(tests, G_arguments_are_released_outside_any_transaction);
    tcase_add_test(tests,
                   G_a_release_function_writes_while_replaced_values_wait);
    tcase_add_test(tests,
                   G_actions_run_once_beside_a_release_functions_transaction);
    tcase_add_test(tests, G_actions_run_once_beside_a_release_functions_abort);
    tcase_add_test(tests, G_actions_run_once_beside_a_release_functions_retry);
    return run_suite("reentry", tests);
}
