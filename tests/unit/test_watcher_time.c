/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Watchers that wait for a time: they run again when it has come, on the
 * library's service thread, which is there only while one of them waits. */
#include "sleeper.h"

#include <time.h>

START_TEST(it_runs_again_when_its_time_has_come)
{
    struct sleeper sleeper;

    sleeper_init(&sleeper, MILLISECOND);
    sleeper_create(&sleeper);
    await_value(sleeper.over, 1);
    EXPECT(peek(sleeper.runs) == 2, "expected 2 runs, got %zu",
           (size_t)peek(sleeper.runs));
    await_no_thread();
    sleeper_fini(&sleeper);
}
END_TEST

START_TEST(it_runs_again_when_the_wall_clock_has_come_there)
{
    struct sleeper sleeper;

    sleeper_init(&sleeper, 0);
    clock_gettime(CLOCK_REALTIME, &sleeper.moment);
    sleeper.moment.tv_sec += 1;
    sleeper_create(&sleeper);
    await_value(sleeper.over, 1);
    await_no_thread();
    sleeper_fini(&sleeper);
}
END_TEST

START_TEST(a_time_that_is_over_already_needs_no_thread)
{
    struct sleeper sleeper;

    sleeper_init(&sleeper, 0);
    sleeper_create(&sleeper);
    EXPECT(live_threads() == 1, "expected no thread");
    EXPECT(peek(sleeper.over) == 1 && peek(sleeper.runs) == 1,
           "expected one run, after the time");
    sleeper_fini(&sleeper);
}
END_TEST

START_TEST(it_does_not_run_before_its_time)
{
    struct sleeper early, late;

    sleeper_init(&late, HOUR);
    sleeper_init(&early, MILLISECOND);
    sleeper_create(&late);
    sleeper_create(&early);
    await_value(early.over, 1);
    EXPECT(peek(late.over) == 0 && peek(late.runs) == 1,
           "expected the one that waits for an hour not to run");
    EXPECT(live_threads() == 2, "expected a thread that waits for it");
    sleeper_cancel(&late);
    await_no_thread();
    sleeper_fini(&late);
    sleeper_fini(&early);
}
END_TEST

/* ---- several ---- */

enum { SEVERAL = 20 };

struct row {
    struct sleeper sleepers[SEVERAL];
    struct stm_tlist *order; /* of going off: indices */
};

static struct row row;

static enum stm_status row_function(struct stm_tx *tx, stm_value index,
                                    stm_value *result)
{
    bool over;

    STM_TRY(
        stm_elapsed(tx, (index * 7 % SEVERAL + 1) * MILLISECOND / 2, &over));
    *result = over;
    return STM_OK;
}

static enum stm_status row_callback(struct stm_tx *tx, stm_value index,
                                    stm_value over)
{
    return over ? stm_tlist_append(tx, row.order, index) : STM_OK;
}

/* The time stands still in all of the attempt once it has been asked for, so
 * that all times begin together. */
static enum stm_status create_row_body(struct stm_tx *tx, void *argument)
{
    bool over;

    (void)argument;
    STM_TRY(stm_elapsed(tx, STM_FOREVER, &over));
    for (stm_value i = 0; i < SEVERAL; i++) {
        struct stm_watch watch = {
            .function = row_function, .callback = row_callback, .argument = i};

        STM_TRY(stm_watch(tx, &watch, NULL));
    }
    return STM_OK;
}

static enum stm_status await_row_body(struct stm_tx *tx, void *argument)
{
    size_t length;

    (void)argument;
    STM_TRY(stm_tlist_length(tx, row.order, &length));
    if (length < SEVERAL)
        return stm_retry(tx);
    for (size_t i = 0; i < SEVERAL; i++) {
        stm_value index;

        STM_TRY(stm_tlist_get(tx, row.order, i, &index));
        EXPECT(index * 7 % SEVERAL == i,
               "expected the watchers in order of their times, but number %zu "
               "is the one that waits %zu half milliseconds",
               i + 1, (size_t)(index * 7 % SEVERAL + 1));
    }
    return STM_OK;
}

START_TEST(several_run_in_order_of_their_times)
{
    struct sleeper first;

    /* Whose turn it is when all the others are set. */
    gate_close();
    sleeper_init(&first, 1);
    sleeper_create(&first);
    row.order = stm_tlist_new(NULL);
    EXPECT_STATUS(STM_OK, stm_atomically(create_row_body, NULL));
    gate_open();
    EXPECT_STATUS(STM_OK, stm_atomically(await_row_body, NULL));
    EXPECT(peek(first.over) == 1, "expected the first to have run");
    await_no_thread();
    sleeper_fini(&first);
    stm_tlist_release(row.order);
}
END_TEST

enum { MANY = 1000 };

static struct sleeper many[MANY];

static enum stm_status create_many_body(struct stm_tx *tx, void *argument)
{
    (void)argument;
    for (size_t i = 0; i < MANY; i++)
        STM_TRY(sleeper_create_body(tx, &many[i]));
    return STM_OK;
}

static void create_many(uint64_t wait)
{
    for (size_t i = 0; i < MANY; i++)
        sleeper_init(&many[i], wait);
    EXPECT_STATUS(STM_OK, stm_atomically(create_many_body, NULL));
}

static void fini_many(void)
{
    await_no_thread();
    for (size_t i = 0; i < MANY; i++)
        sleeper_fini(&many[i]);
}

START_TEST(a_thousand_need_one_thread)
{
    create_many(HOUR);
    EXPECT(live_threads() == 2, "expected one thread, got %zu",
           live_threads() - 1);
    for (size_t i = 0; i < MANY; i++)
        sleeper_cancel(&many[i]);
    fini_many();
}
END_TEST

START_TEST(a_thousand_run_when_their_time_has_come)
{
    create_many(MILLISECOND);
    for (size_t i = 0; i < MANY; i++)
        await_value(many[i].over, 1);
    fini_many();
}
END_TEST

/* ---- being set anew ---- */

START_TEST(a_new_time_replaces_the_old_one)
{
    struct sleeper sleeper;

    sleeper_init(&sleeper, 0);
    sleeper.waits = word_var(HOUR);
    sleeper_create(&sleeper);
    poke(sleeper.waits, MILLISECOND);
    await_value(sleeper.over, 1);
    await_no_thread();
    sleeper_fini(&sleeper);
}
END_TEST

START_TEST(an_old_time_that_was_replaced_does_nothing)
{
    struct sleeper sleeper, after;
    stm_value runs;

    sleeper_init(&sleeper, 0);
    sleeper.waits = word_var(2 * MILLISECOND);
    sleeper_create(&sleeper);
    poke(sleeper.waits, HOUR);
    runs = peek(sleeper.runs);
    sleeper_init(&after, 4 * MILLISECOND);
    sleeper_create(&after);
    await_value(after.over, 1);
    EXPECT(peek(sleeper.runs) == runs && peek(sleeper.over) == 0,
           "expected no run at the time that it waits for no more");
    poke(sleeper.waits, STM_FOREVER);
    await_no_thread(); /* and none for a time that never comes */
    sleeper_cancel(&sleeper);
    sleeper_fini(&sleeper);
    sleeper_fini(&after);
}
END_TEST

START_TEST(a_new_moment_replaces_the_old_one)
{
    struct sleeper sleeper;

    sleeper_init(&sleeper, 0);
    clock_gettime(CLOCK_REALTIME, &sleeper.moment);
    sleeper.waits = word_var(3600);
    sleeper_create(&sleeper);
    poke(sleeper.waits, 1);
    await_value(sleeper.over, 1);
    await_no_thread();
    sleeper_fini(&sleeper);
}
END_TEST

START_TEST(a_time_that_is_replaced_as_it_comes_does_nothing)
{
    struct sleeper sleeper;
    stm_value runs;

    gate_close();
    sleeper_init(&sleeper, 0);
    sleeper.waits = word_var(1);
    sleeper_create(&sleeper);
    gate_await();
    poke(sleeper.waits, STM_FOREVER);
    runs = peek(sleeper.runs);
    gate_open();
    await_no_thread();
    EXPECT(peek(sleeper.runs) == runs, "expected no run");
    sleeper_fini(&sleeper);
}
END_TEST

START_TEST(one_that_is_cancelled_as_its_time_comes_does_not_run)
{
    struct sleeper sleeper;

    gate_close();
    sleeper_init(&sleeper, 1);
    sleeper_give_argument(&sleeper);
    sleeper_create(&sleeper);
    counted_drop(sleeper.argument);
    gate_await();
    sleeper_cancel(&sleeper);
    gate_open();
    await_no_thread();
    EXPECT(counted_live() == 0, "expected it to be freed");
    EXPECT(peek(sleeper.runs) == 1 && peek(sleeper.over) == 0,
           "expected no run");
    sleeper_fini(&sleeper);
}
END_TEST

START_TEST(a_variable_and_a_time_are_watched_together)
{
    struct sleeper sleeper;

    sleeper_init(&sleeper, 0);
    sleeper.waits = word_var(HOUR);
    sleeper_create(&sleeper);
    poke(sleeper.waits, HOUR); /* the same again: one run */
    EXPECT(peek(sleeper.runs) == 2, "expected a run for the write");
    EXPECT(live_threads() == 2, "expected the time to be waited for still");
    poke(sleeper.waits, 0);
    EXPECT(peek(sleeper.over) == 1, "expected the time to be over");
    await_no_thread();
    poke(sleeper.waits, HOUR);
    EXPECT(peek(sleeper.over) == 0, "expected it to be waited for again");
    EXPECT(live_threads() == 2, "expected a thread again");
    poke(sleeper.waits, 2 * MILLISECOND);
    await_value(sleeper.over, 1);
    await_no_thread();
    sleeper_fini(&sleeper);
}
END_TEST

/* ---- its life ---- */

START_TEST(one_that_is_cancelled_is_freed_and_leaves_no_thread)
{
    struct sleeper sleeper;

    sleeper_init(&sleeper, HOUR);
    sleeper_give_argument(&sleeper);
    sleeper_create(&sleeper);
    counted_drop(sleeper.argument);
    EXPECT(counted_live() == 1, "expected the waiting to keep the argument");
    sleeper_cancel(&sleeper);
    EXPECT(counted_live() == 0, "expected the cancelling to free it");
    await_no_thread();
    sleeper_cancel(&sleeper);
    EXPECT(peek(sleeper.runs) == 1, "expected one run");
    sleeper_fini(&sleeper);
}
END_TEST

START_TEST(one_that_waits_for_time_alone_lives_until_it_has_come)
{
    struct sleeper sleeper;

    sleeper_init(&sleeper, 2 * MILLISECOND);
    sleeper_give_argument(&sleeper);
    sleeper_create(&sleeper);
    counted_drop(sleeper.argument);
    stm_watcher_release(sleeper.handle);
    sleeper.handle = NULL;
    await_value(sleeper.over, 1);
    await_no_counted();
    await_no_thread();
    sleeper_fini(&sleeper);
}
END_TEST

START_TEST(one_whose_variables_are_gone_lives_until_its_time)
{
    struct sleeper sleeper;

    gate_close();
    sleeper_init(&sleeper, 0);
    sleeper.waits = word_var(MILLISECOND);
    sleeper_give_argument(&sleeper);
    sleeper_create(&sleeper);
    counted_drop(sleeper.argument);
    stm_watcher_release(sleeper.handle);
    sleeper.handle = NULL;
    stm_tvar_release(sleeper.waits);
    sleeper.waits = NULL;
    EXPECT(counted_live() == 1, "expected the waiting to keep the argument");
    gate_open();
    await_value(sleeper.over, 1);
    await_no_counted();
    await_no_thread();
    sleeper_fini(&sleeper);
}
END_TEST

static enum stm_status abort_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(sleeper_create_body(tx, argument));
    return STM_EABORT;
}

START_TEST(one_of_a_transaction_that_aborts_waits_for_nothing)
{
    struct sleeper sleeper;

    sleeper_init(&sleeper, HOUR);
    sleeper_give_argument(&sleeper);
    EXPECT_STATUS(STM_EABORT, stm_atomically(abort_body, &sleeper));
    counted_drop(sleeper.argument);
    EXPECT(counted_live() == 0 && live_threads() == 1,
           "expected nothing to be left");
    sleeper_fini(&sleeper);
}
END_TEST

static enum stm_status create_and_cancel_body(struct stm_tx *tx, void *argument)
{
    struct sleeper *sleeper = argument;

    STM_TRY(sleeper_create_body(tx, sleeper));
    return stm_watcher_cancel(tx, sleeper->handle);
}

START_TEST(one_that_is_cancelled_where_it_is_created_waits_for_nothing)
{
    struct sleeper sleeper;

    sleeper_init(&sleeper, HOUR);
    sleeper_give_argument(&sleeper);
    EXPECT_STATUS(STM_OK, stm_atomically(create_and_cancel_body, &sleeper));
    counted_drop(sleeper.argument);
    EXPECT(counted_live() == 0 && live_threads() == 1,
           "expected nothing to be left");
    sleeper_fini(&sleeper);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("watchers and time");

    tcase_add_test(tests, it_runs_again_when_its_time_has_come);
    tcase_add_test(tests, it_runs_again_when_the_wall_clock_has_come_there);
    tcase_add_test(tests, a_time_that_is_over_already_needs_no_thread);
    tcase_add_test(tests, it_does_not_run_before_its_time);
    tcase_add_test(tests, several_run_in_order_of_their_times);
    tcase_add_test(tests, a_thousand_need_one_thread);
    tcase_add_test(tests, a_thousand_run_when_their_time_has_come);
    tcase_add_test(tests, a_new_time_replaces_the_old_one);
    tcase_add_test(tests, an_old_time_that_was_replaced_does_nothing);
    tcase_add_test(tests, a_new_moment_replaces_the_old_one);
    tcase_add_test(tests, a_time_that_is_replaced_as_it_comes_does_nothing);
    tcase_add_test(tests, one_that_is_cancelled_as_its_time_comes_does_not_run);
    tcase_add_test(tests, a_variable_and_a_time_are_watched_together);
    tcase_add_test(tests, one_that_is_cancelled_is_freed_and_leaves_no_thread);
    tcase_add_test(tests,
                   one_that_waits_for_time_alone_lives_until_it_has_come);
    tcase_add_test(tests, one_whose_variables_are_gone_lives_until_its_time);
    tcase_add_test(tests, one_of_a_transaction_that_aborts_waits_for_nothing);
    tcase_add_test(tests,
                   one_that_is_cancelled_where_it_is_created_waits_for_nothing);
    return run_suite("watcher_time", tests);
}
