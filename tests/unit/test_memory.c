/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise H: old values are released after the last attempt that could have
 * seen them has ended; with one thread that is before stm_atomically
 * returns. */
#include "support.h"

#include <stm/tx-internal.h>

START_TEST(H_with_one_thread_the_old_value_goes_at_once)
{
    struct stm_tvar *var = counted_var(0);

    for (stm_value i = 1; i <= 1000; i++) {
        poke_counted(var, i);
        EXPECT(counted_live() == 1,
               "after commit %zu: expected 1 live "
               "object, got %zu",
               (size_t)i, counted_live());
    }
    stm_tvar_release(var);
    EXPECT(counted_live() == 0,
           "expected the last value released with its "
           "variable, %zu live",
           counted_live());
}
END_TEST

static enum stm_status write_often_body(struct stm_tx *tx, void *argument)
{
    for (stm_value i = 0; i < 100; i++)
        STM_TRY(set_counted(tx, argument, i));
    return STM_OK;
}

static enum stm_status write_and_abort_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(write_often_body(tx, argument));
    return STM_EABORT;
}

START_TEST(H_values_that_never_commit_go_with_their_attempt)
{
    struct stm_tvar *var = counted_var(0);

    EXPECT_STATUS(STM_OK, stm_atomically(write_often_body, var));
    EXPECT(counted_live() == 1,
           "100 writes in one transaction: expected the "
           "last to live, got %zu",
           counted_live());
    EXPECT_STATUS(STM_EABORT, stm_atomically(write_and_abort_body, var));
    EXPECT(counted_live() == 1,
           "100 writes in an aborted transaction: "
           "expected only the old value to live, got %zu",
           counted_live());
    stm_tvar_release(var);
}
END_TEST

/* A reader that stands still between two reads, with what it has read. */
struct stall {
    struct stm_tvar *old, *churned;
    struct stm_tvar *more;
    AO_t reading, go_on;
    size_t runs;
};

static enum stm_status stalled_body(struct stm_tx *tx, void *argument)
{
    struct stall *stall = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, stall->old, &value));
    if (stall->runs++ == 0) {
        AO_store_release(&stall->reading, 1);
        await_count(&stall->go_on, 1);
        EXPECT(counted_number(value) == 77,
               "a borrowed value must last as long as the attempt");
    }
    return STM_OK;
}

static void stalled_thread(size_t index, void *context)
{
    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(stalled_body, context));
}

START_TEST(H_a_stalled_reader_keeps_only_what_it_could_have_seen)
{
    struct stall stall = {.old = counted_var(77), .churned = counted_var(0)};
    struct crew *crew = crew_start(1, stalled_thread, &stall);
    size_t commits = 10000;

    await_count(&stall.reading, 1);
    poke_counted(stall.old, 78);
    for (stm_value i = 0; i < commits; i++)
        poke_counted(stall.churned, i);
    EXPECT(counted_live() <= commits / 10,
           "of %zu values born and replaced beside a stalled reader expected "
           "nearly all released, %zu live",
           commits, counted_live());
    EXPECT(counted_live() >= 3,
           "expected the value that the reader borrows "
           "to live, got %zu objects",
           counted_live());
    AO_store_release(&stall.go_on, 1);
    crew_join(crew);
    poke_counted(stall.churned, 0);
    EXPECT(counted_live() == 2,
           "after the reader's end expected the values "
           "of 2 variables, got %zu",
           counted_live());
    stm_tvar_release(stall.old);
    stm_tvar_release(stall.churned);
    EXPECT(counted_live() == 0, "expected everything released, %zu live",
           counted_live());
}
END_TEST

/* A blocked transaction is not pinned. */
static enum stm_status wait_for_go_body(struct stm_tx *tx, void *argument)
{
    struct stall *stall = argument;
    stm_value value, go;

    STM_TRY(stm_tvar_get(tx, stall->old, &value));
    STM_TRY(stm_tvar_get(tx, stall->more, &go));
    return go == 0 ? stm_retry(tx) : STM_OK;
}

START_TEST(H_a_blocked_transaction_keeps_at_most_what_it_read)
{
    struct stall stall = {
        .old = counted_var(77), .churned = counted_var(0), .more = word_var(0)};
    struct stm_call *call = stm_call_new(wait_for_go_body, &stall);

    EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
    for (stm_value i = 0; i < 100; i++) {
        poke_counted(stall.churned, i);
        EXPECT(counted_live() == 2,
               "beside a blocked transaction expected 2 "
               "live objects, got %zu",
               counted_live());
    }
    poke_counted(stall.old, 1);
    EXPECT(counted_live() <= 3,
           "expected at most the value it read to "
           "outlive its replacement, got %zu objects",
           counted_live());
    stm_call_free(call);
    EXPECT(counted_live() == 2,
           "expected nothing kept after the call's end, "
           "got %zu objects",
           counted_live());
    stm_tvar_release(stall.old);
    stm_tvar_release(stall.churned);
    stm_tvar_release(stall.more);
}
END_TEST

/* Threads that replace each other's values, and end. */
struct churn {
    struct stm_tvar *vars[8];
    size_t rounds;
};

static enum stm_status read_all_body(struct stm_tx *tx, void *argument)
{
    struct churn *churn = argument;
    stm_value value;

    for (size_t i = 0; i < 8; i++) {
        STM_TRY(stm_tvar_get(tx, churn->vars[i], &value));
        EXPECT(counted_number(value) < churn->rounds,
               "a value was overwritten while it was borrowed");
    }
    return STM_OK;
}

static void churn_thread(size_t index, void *context)
{
    struct churn *churn = context;
    struct generator generator;

    generator_init(&generator, index);
    for (size_t i = 0; i < churn->rounds; i++) {
        poke_counted(churn->vars[generator_below(&generator, 8)], i);
        if (i % 4 == 0)
            EXPECT_STATUS(STM_OK, stm_atomically(read_all_body, churn));
    }
}

START_TEST(H_threads_that_end_leave_no_value_behind)
{
    struct churn churn = {.rounds = workload(50000)};

    for (size_t i = 0; i < 8; i++)
        churn.vars[i] = counted_var(0);
    crew_run(4, churn_thread, &churn);
    poke_counted(churn.vars[0], 0);
    EXPECT(counted_live() == 8, "expected the values of 8 variables, got %zu",
           counted_live());
    for (size_t i = 0; i < 8; i++)
        stm_tvar_release(churn.vars[i]);
    EXPECT(counted_live() == 0, "expected everything released, %zu live",
           counted_live());
}
END_TEST

/* A variable that one transaction writes again and again, each time nested. */
static enum stm_status set_one(struct stm_tx *tx, void *argument)
{
    return stm_tvar_set(tx, argument, 1);
}

static enum stm_status set_often(struct stm_tx *tx, void *argument)
{
    for (size_t i = 0; i < 1000; i++)
        STM_TRY(stm_atomically(set_one, argument));
    EXPECT(tx->log.undos.count <= 1,
           "expected no more than one value to be kept for undoing, got %zu",
           tx->log.undos.count);
    return STM_OK;
}

static enum stm_status set_often_nested(struct stm_tx *tx, void *argument)
{
    STM_TRY(stm_tvar_set(tx, argument, 2));
    STM_TRY(stm_atomically(set_often, argument));
    return set_often(tx, argument);
}

/* A conflict while a nested transaction's value stands over another. */
struct overwrite {
    struct stm_tvar *var;
    bool again;
};

static enum stm_status overwrite_nested(struct stm_tx *tx, void *argument)
{
    struct overwrite *overwrite = argument;
    bool again = overwrite->again;

    overwrite->again = true;
    STM_TRY(set_counted(tx, overwrite->var, 3));
    return again ? STM_OK : STM_CONFLICT;
}

static enum stm_status overwrite_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(set_counted(tx, ((struct overwrite *)argument)->var, 2));
    return stm_atomically(overwrite_nested, argument);
}

START_TEST(H_a_conflict_releases_values_of_all_levels)
{
    struct overwrite overwrite = {counted_var(1), false};

    EXPECT_STATUS(STM_OK, stm_atomically(overwrite_body, &overwrite));
    EXPECT(counted_live() == 1, "expected 1 object, got %zu", counted_live());
    stm_tvar_release(overwrite.var);
}
END_TEST

START_TEST(H_values_overwritten_in_nested_transactions_are_not_kept)
{
    struct stm_tvar *var = word_var(0);

    EXPECT_STATUS(STM_OK, stm_atomically(set_often_nested, var));
    EXPECT(peek(var) == 1, "expected 1, got %zu", (size_t)peek(var));
    stm_tvar_release(var);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("H");

    tcase_add_test(tests, H_with_one_thread_the_old_value_goes_at_once);
    tcase_add_test(tests, H_values_that_never_commit_go_with_their_attempt);
    tcase_add_test(tests,
                   H_a_stalled_reader_keeps_only_what_it_could_have_seen);
    tcase_add_test(tests, H_a_blocked_transaction_keeps_at_most_what_it_read);
    tcase_add_test(tests, H_threads_that_end_leave_no_value_behind);
    tcase_add_test(tests, H_a_conflict_releases_values_of_all_levels);
    tcase_add_test(tests,
                   H_values_overwritten_in_nested_transactions_are_not_kept);
    return run_suite("memory", tests);
}
