/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Thousands of one kind: watchers of one variable and results to be let out, in
 * one transaction, and finalizers each of which commits what runs the next. */
#include "support.h"

#include <stdlib.h>

/* Watchers that are numbered in order of creation. */
struct crowd {
    struct stm_tvar *var;
    struct stm_tvar *sum; /* of the numbers, that their callbacks add up */
    size_t count;
    size_t next;  /* the number whose function must run next */
    size_t wrong; /* functions that ran out of order */
};

static struct crowd crowd;

static enum stm_status crowd_function(struct stm_tx *tx, stm_value argument,
                                      stm_value *result)
{
    stm_value number = counted_number(argument);

    if (number == 0) /* also the first of another attempt */
        crowd.next = 0;
    if (number != crowd.next++)
        crowd.wrong++;
    return stm_tvar_get(tx, crowd.var, result);
}

static enum stm_status crowd_callback(struct stm_tx *tx, stm_value argument,
                                      stm_value result)
{
    stm_value sum;

    STM_TRY(stm_tvar_get(tx, crowd.sum, &sum));
    return stm_tvar_set(tx, crowd.sum, sum + counted_number(argument) * result);
}

static enum stm_status crowd_body(struct stm_tx *tx, void *argument)
{
    (void)argument;
    for (size_t i = 0; i < crowd.count; i++) {
        struct stm_watch watch = {.function = crowd_function,
                                  .callback = crowd_callback,
                                  .argument = counted_new(i),
                                  .argument_type = &counted_type};
        enum stm_status status = stm_watch(tx, &watch, NULL);

        counted_drop(watch.argument);
        STM_TRY(status);
    }
    return STM_OK;
}

/* All have run in order, for the value `times` in all. */
static void expect_crowd(size_t times)
{
    size_t sum = crowd.count * (crowd.count - 1) / 2 * times;

    EXPECT(crowd.next == crowd.count, "expected %zu runs, got %zu", crowd.count,
           crowd.next);
    EXPECT(crowd.wrong == 0,
           "expected the order of creation, %zu runs were out of it",
           crowd.wrong);
    EXPECT(peek(crowd.sum) == sum, "expected the sum %zu, got %zu", sum,
           (size_t)peek(crowd.sum));
}

START_TEST(F_thousands_of_watchers_are_created_in_one_transaction)
{
    crowd = (struct crowd){
        .var = word_var(1), .sum = word_var(0), .count = workload(8000)};
    EXPECT_STATUS(STM_OK, stm_atomically(crowd_body, NULL));
    expect_crowd(1);
    poke(crowd.var, 2);
    expect_crowd(3);
    EXPECT(counted_live() == crowd.count, "expected %zu arguments, got %zu",
           crowd.count, counted_live());
    stm_tvar_release(crowd.var);
    EXPECT(counted_live() == 0,
           "expected every argument released with the variable, %zu live",
           counted_live());
    stm_tvar_release(crowd.sum);
}
END_TEST

/* Results, each place of which is written several times. */
struct results {
    stm_value *places;
    size_t count;
};

/* Lets the number place * 10 + round out to every place. */
static enum stm_status export_round(struct stm_tx *tx, struct results *results,
                                    stm_value round)
{
    for (size_t i = 0; i < results->count; i++) {
        stm_value value = counted_new(i * 10 + round);
        enum stm_status status =
            stm_export(tx, &counted_type, value, &results->places[i]);

        give_back(tx, &counted_type, value);
        STM_TRY(status);
    }
    return STM_OK;
}

static enum stm_status undone_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(export_round(tx, argument, 3));
    return STM_EABORT;
}

static enum stm_status export_body(struct stm_tx *tx, void *argument)
{
    enum stm_status status;

    STM_TRY(export_round(tx, argument, 1));
    STM_TRY(export_round(tx, argument, 2));
    status = stm_atomically(undone_body, argument);
    return status == STM_EABORT ? STM_OK : status;
}

START_TEST(of_thousands_of_exports_the_last_to_each_place_counts)
{
    struct results results = {.count = workload(50000)};
    size_t wrong = 0;

    results.places = calloc(results.count, sizeof results.places[0]);
    ck_assert_ptr_nonnull(results.places);
    EXPECT_STATUS(STM_OK, stm_atomically(export_body, &results));
    EXPECT(counted_live() == results.count,
           "expected only the last results to live, %zu objects, got %zu",
           results.count, counted_live());
    for (size_t i = 0; i < results.count; i++) {
        wrong += counted_number(results.places[i]) != i * 10 + 2;
        counted_drop(results.places[i]);
    }
    EXPECT(wrong == 0, "expected each place's last result, %zu are others",
           wrong);
    EXPECT(counted_live() == 0, "expected everything released, %zu live",
           counted_live());
    free(results.places);
}
END_TEST

/* A chain whose links' finalizers let go of the next link by a transaction. */
struct chained {
    size_t refs;
    struct stm_tvar *next; /* the next link, or 0 */
};

static size_t finalized;

static void chained_retain(stm_value value)
{
    ((struct chained *)value)->refs++;
}

static enum stm_status cut(struct stm_tx *tx, void *next)
{
    return stm_tvar_set(tx, next, 0);
}

static void chained_release(stm_value value)
{
    struct chained *link = (struct chained *)value;

    if (--link->refs > 0)
        return;
    EXPECT_STATUS(STM_OK, stm_atomically(cut, link->next));
    stm_tvar_release(link->next);
    free(link);
    finalized++;
}

static const struct stm_type chained_type = {
    .name = "chained", .retain = chained_retain, .release = chained_release};

/* A variable before another link; takes the rest of the chain over. */
static struct stm_tvar *lengthen(struct stm_tvar *rest)
{
    struct chained *link = malloc(sizeof *link);
    struct stm_tvar *var;

    EXPECT(link != NULL, "out of memory");
    *link = (struct chained){.refs = 0, .next = rest};
    var = stm_tvar_new(&chained_type, (stm_value)link);
    EXPECT(var != NULL, "out of memory");
    return var;
}

START_TEST(H_a_long_chain_of_finalizers_that_commit_needs_no_deep_stack)
{
    struct stm_tvar *chain = stm_tvar_new(&chained_type, 0);
    size_t count = workload(200000);

    for (size_t i = 0; i < count; i++)
        chain = lengthen(chain);
    EXPECT_STATUS(STM_OK, stm_atomically(cut, chain));
    EXPECT(finalized == count, "%zu of %zu links were finalized", finalized,
           count);
    stm_tvar_release(chain);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("many");

    tcase_add_test(
        tests, H_a_long_chain_of_finalizers_that_commit_needs_no_deep_stack);
    tcase_add_test(tests,
                   F_thousands_of_watchers_are_created_in_one_transaction);
    tcase_add_test(tests,
                   of_thousands_of_exports_the_last_to_each_place_counts);
    return run_suite("many", tests);
}
