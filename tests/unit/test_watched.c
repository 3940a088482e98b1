/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise F: what a watcher's function may read and make. */
#include "support.h"

static enum stm_status create_body(struct stm_tx *tx, void *argument)
{
    return stm_watch(tx, argument, NULL);
}

static void create(struct stm_watch watch)
{
    EXPECT_STATUS(STM_OK, stm_atomically(create_body, &watch));
}

static enum stm_status count_length(struct stm_tx *tx, stm_value argument,
                                    stm_value *result)
{
    struct stm_tlist *list = (struct stm_tlist *)argument;
    size_t length;

    STM_TRY(stm_tlist_length(tx, list, &length));
    *result = length;
    return STM_OK;
}

static AO_t last_length;

static enum stm_status note_length(struct stm_tx *tx, stm_value argument,
                                   stm_value result)
{
    (void)argument;
    AO_store_release(&last_length, result);
    return stm_tx_status(tx);
}

static enum stm_status append_twice_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(stm_tlist_append(tx, argument, 1));
    return stm_tlist_append(tx, argument, 2);
}

START_TEST(F_a_container_can_be_watched)
{
    struct stm_tlist *list = stm_tlist_new(NULL);

    create((struct stm_watch){.function = count_length,
                              .callback = note_length,
                              .argument = (stm_value)list});
    EXPECT_STATUS(STM_OK, stm_atomically(append_twice_body, list));
    EXPECT(last_length == 2, "expected the watcher to see 2 items, got %zu",
           (size_t)last_length);
    stm_tlist_release(list);
}
END_TEST

/* The result is a counted object made anew by each run. */
static enum stm_status make_result(struct stm_tx *tx, stm_value argument,
                                   stm_value *result)
{
    stm_value number;

    STM_TRY(stm_tvar_get(tx, (struct stm_tvar *)argument, &number));
    *result = counted_new(number);
    return STM_OK;
}

START_TEST(F_each_result_is_released_once)
{
    struct stm_tvar *var = word_var(0);

    create((struct stm_watch){.function = make_result,
                              .result_type = &counted_type,
                              .argument = (stm_value)var});
    for (stm_value i = 1; i <= 10; i++)
        poke(var, i);
    EXPECT(counted_live() <= 1,
           "expected no more than the last result to "
           "live, got %zu",
           counted_live());
    stm_tvar_release(var);
    EXPECT(counted_live() == 0, "expected every result released, %zu live",
           counted_live());
}
END_TEST

/* A variable holds a variable, which holds a number; the watcher copies that
 * number into `copy`.  Threads put new variables in and change the present
 * one. */
struct chase {
    struct stm_tvar *holder, *copy;
    size_t rounds;
    AO_t running, wrong;
};

static void var_retain(stm_value value)
{
    stm_tvar_retain((struct stm_tvar *)value);
}

static void var_release(stm_value value)
{
    stm_tvar_release((struct stm_tvar *)value);
}

static const struct stm_type var_type = {
    .name = "variable", .retain = var_retain, .release = var_release};

static enum stm_status read_through(struct stm_tx *tx, struct chase *chase,
                                    stm_value *out)
{
    stm_value inner;

    STM_TRY(stm_tvar_get(tx, chase->holder, &inner));
    return stm_tvar_get(tx, (struct stm_tvar *)inner, out);
}

static enum stm_status chase_watcher(struct stm_tx *tx, stm_value argument,
                                     stm_value *result)
{
    struct chase *chase = (struct chase *)argument;

    STM_TRY(read_through(tx, chase, result));
    return stm_tvar_set(tx, chase->copy, *result);
}

static enum stm_status change_inner_body(struct stm_tx *tx, void *argument)
{
    struct chase *chase = argument;
    stm_value inner, number;

    STM_TRY(stm_tvar_get(tx, chase->holder, &inner));
    STM_TRY(stm_tvar_get(tx, (struct stm_tvar *)inner, &number));
    return stm_tvar_set(tx, (struct stm_tvar *)inner, number + 1);
}

static enum stm_status change_holder_body(struct stm_tx *tx, void *argument)
{
    struct chase *chase = argument;
    stm_value number;
    struct stm_tvar *fresh;
    enum stm_status status;

    STM_TRY(read_through(tx, chase, &number));
    fresh = word_var(number + 1000000);
    status = stm_tvar_set(tx, chase->holder, (stm_value)fresh);
    stm_tvar_release(fresh);
    return status;
}

static enum stm_status check_chase_body(struct stm_tx *tx, void *argument)
{
    struct chase *chase = argument;
    stm_value number, copy;

    STM_TRY(stm_tvar_get(tx, chase->copy, &copy));
    STM_TRY(read_through(tx, chase, &number));
    if (number != copy)
        AO_fetch_and_add1_full(&chase->wrong);
    return STM_OK;
}

static void chase_thread(size_t index, void *context)
{
    struct chase *chase = context;

    if (index == 0) {
        while (AO_load_acquire(&chase->running) > 0)
            EXPECT_STATUS(STM_OK, stm_atomically(check_chase_body, chase));
        return;
    }
    for (size_t i = 0; i < chase->rounds; i++)
        EXPECT_STATUS(STM_OK,
                      stm_atomically(i % 2 == index % 2 ? change_inner_body
                                                        : change_holder_body,
                                     chase));
    AO_fetch_and_sub1_full(&chase->running);
}

static void run_chase(size_t writers)
{
    struct stm_tvar *first = word_var(0);
    struct chase chase = {.holder = stm_tvar_new(&var_type, (stm_value)first),
                          .copy = word_var(0),
                          .rounds = workload(10000),
                          .running = writers};
    size_t half = chase.rounds / 2;

    stm_tvar_release(first);
    create((struct stm_watch){.function = chase_watcher,
                              .argument = (stm_value)&chase});
    crew_run(writers + 1, chase_thread, &chase);
    EXPECT(chase.wrong == 0,
           "expected the copy right in every commit, %zu times it was not",
           (size_t)chase.wrong);
    EXPECT(peek(chase.copy) == writers * half * 1000001,
           "expected every change counted, %zu, got %zu",
           writers * half * 1000001, (size_t)peek(chase.copy));
    stm_tvar_release(chase.holder);
    stm_tvar_release(chase.copy);
}

START_TEST(F_what_is_watched_may_change_and_go_in_every_commit)
{
    run_chase(1);
    run_chase(2);
    run_chase(3);
}
END_TEST

/* Reads `first`; if that is 0, `second`; and if that is not 0, `third`.  In an
 * attempt that has written `first`, another transaction makes it read all three
 * meanwhile, once. */
struct narrowing {
    struct stm_tvar *first, *second, *third;
    bool interrupts;
    AO_t runs;
};

static enum stm_status read_narrowing(struct stm_tx *tx, stm_value argument,
                                      stm_value *result)
{
    struct narrowing *narrowing = (struct narrowing *)argument;

    AO_fetch_and_add1_full(&narrowing->runs);
    STM_TRY(stm_tvar_get(tx, narrowing->first, result));
    if (*result != 0) {
        if (narrowing->interrupts) {
            narrowing->interrupts = false;
            poke_elsewhere(narrowing->second, 1);
        }
        return STM_OK;
    }
    STM_TRY(stm_tvar_get(tx, narrowing->second, result));
    return *result != 0 ? stm_tvar_get(tx, narrowing->third, result) : STM_OK;
}

START_TEST(F_what_is_watched_is_that_of_the_last_commit)
{
    for (size_t i = 0; i < 20; i++) {
        struct narrowing narrowing = {.first = word_var(0),
                                      .second = word_var(0),
                                      .third = word_var(0)};

        create((struct stm_watch){.function = read_narrowing,
                                  .argument = (stm_value)&narrowing});
        narrowing.interrupts = true;
        poke(narrowing.first, 1);
        EXPECT(!narrowing.interrupts, "expected the watcher to have run");
        narrowing.runs = 0;
        poke(narrowing.second, 2);
        poke(narrowing.third, 2);
        EXPECT(narrowing.runs == 0,
               "expected no run for what the last commit did not read, got %zu",
               (size_t)narrowing.runs);
        stm_tvar_release(narrowing.first);
        stm_tvar_release(narrowing.second);
        stm_tvar_release(narrowing.third);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("F watched");

    tcase_add_test(tests, F_a_container_can_be_watched);
    tcase_add_test(tests, F_each_result_is_released_once);
    tcase_add_test(tests, F_what_is_watched_may_change_and_go_in_every_commit);
    tcase_add_test(tests, F_what_is_watched_is_that_of_the_last_commit);
    return run_suite("watched", tests);
}
