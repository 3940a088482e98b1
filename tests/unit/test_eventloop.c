/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The event loop: actions run outside transactions, one after the other, in
 * the order in which the transactions that scheduled them committed. */
#include "support.h"

#include <sched.h>

static const enum stm_status failed = STM_EUSER - 2;

struct diary {
    struct stm_eventloop *loop;
    struct stm_tvar *ticket; /* the number of the next commit */
    size_t rounds;
    AO_t next;  /* the number whose action must run next */
    AO_t wrong; /* actions that ran out of order */
};

static struct diary diary;

static void numbered_action(stm_value number)
{
    EXPECT(stm_current() == NULL, "an action ran inside a transaction");
    if (number != AO_load_acquire(&diary.next))
        AO_fetch_and_add1_full(&diary.wrong);
    AO_fetch_and_add1_full(&diary.next);
}

/* The number it takes tells its place among all commits. */
static enum stm_status schedule_body(struct stm_tx *tx, void *argument)
{
    stm_value number;

    (void)argument;
    STM_TRY(stm_tvar_get(tx, diary.ticket, &number));
    STM_TRY(stm_tvar_set(tx, diary.ticket, number + 1));
    return stm_eventloop_schedule(tx, diary.loop, numbered_action, number,
                                  NULL);
}

static enum stm_status schedule_and_fail_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(schedule_body(tx, argument));
    return failed;
}

static enum stm_status stop_body(struct stm_tx *tx, void *argument)
{
    (void)argument;
    return stm_eventloop_stop(tx, diary.loop);
}

static enum stm_status stop_and_fail_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(stop_body(tx, argument));
    return failed;
}

static void diary_init(size_t rounds)
{
    diary = (struct diary){
        .loop = stm_eventloop_new(), .ticket = word_var(0), .rounds = rounds};
    ck_assert_ptr_nonnull(diary.loop);
}

static void diary_fini(void)
{
    stm_eventloop_free(diary.loop);
    stm_tvar_release(diary.ticket);
}

static void diary_thread(size_t index, void *context)
{
    (void)context;
    for (size_t i = 0; i < diary.rounds; i++) {
        EXPECT_STATUS(STM_OK, stm_atomically(schedule_body, NULL));
        if (i % 4 == index)
            EXPECT(stm_atomically(schedule_and_fail_body, NULL) == failed,
                   "expected the body's own error");
    }
}

START_TEST(actions_run_in_the_order_of_commits)
{
    diary_init(workload(5000));
    EXPECT_STATUS(STM_OK, stm_eventloop_start(diary.loop));
    EXPECT_STATUS(STM_OK, stm_eventloop_start(diary.loop));
    crew_run(4, diary_thread, NULL);
    await_count(&diary.next, 4 * diary.rounds);
    EXPECT(diary.wrong == 0,
           "expected the order of commits, %zu actions were "
           "out of it",
           (size_t)diary.wrong);
    diary_fini();
    EXPECT(diary.next == 4 * diary.rounds, "expected %zu actions, got %zu",
           4 * diary.rounds, (size_t)diary.next);
}
END_TEST

START_TEST(a_loop_runs_on_the_callers_thread_until_stopped)
{
    diary_init(0);
    for (size_t i = 0; i < 5; i++)
        EXPECT_STATUS(STM_OK, stm_atomically(schedule_body, NULL));
    EXPECT_STATUS(STM_OK, stm_atomically(stop_body, NULL));
    EXPECT(diary.next == 0, "expected no action before the loop runs");
    EXPECT_STATUS(STM_OK, stm_eventloop_run(diary.loop));
    EXPECT(diary.next == 5,
           "expected what was scheduled before the stop to "
           "run, 5 actions, got %zu",
           (size_t)diary.next);
    EXPECT_STATUS(STM_ECLOSED, stm_atomically(schedule_body, NULL));
    diary_fini();
}
END_TEST

START_TEST(B_a_stop_that_aborts_is_undone)
{
    diary_init(0);
    EXPECT(stm_atomically(stop_and_fail_body, NULL) == failed,
           "expected the body's own error");
    EXPECT_STATUS(STM_OK, stm_atomically(schedule_body, NULL));
    EXPECT_STATUS(STM_OK, stm_atomically(stop_body, NULL));
    EXPECT_STATUS(STM_OK, stm_eventloop_run(diary.loop));
    EXPECT(diary.next == 1, "expected the action to run");
    diary_fini();
}
END_TEST

/* An action may schedule the next one, and stop the loop. */
static void chain_action(stm_value left);

static enum stm_status chain_body(struct stm_tx *tx, void *argument)
{
    stm_value left = *(stm_value *)argument;

    if (left == 0)
        return stm_eventloop_stop(tx, diary.loop);
    return stm_eventloop_schedule(tx, diary.loop, chain_action, left - 1, NULL);
}

static void chain_action(stm_value left)
{
    AO_fetch_and_add1_full(&diary.next);
    EXPECT_STATUS(STM_OK, stm_atomically(chain_body, &left));
}

START_TEST(G_an_action_schedules_the_next_and_stops_the_loop)
{
    stm_value left = 100;

    diary_init(0);
    EXPECT_STATUS(STM_OK, stm_atomically(chain_body, &left));
    EXPECT_STATUS(STM_OK, stm_eventloop_run(diary.loop));
    EXPECT(diary.next == 100, "expected 100 actions, got %zu",
           (size_t)diary.next);
    diary_fini();
}
END_TEST

/* One action holds the loop while its user frees or runs it. */
struct gate {
    AO_t reached, open;
};

static void gate_action(stm_value argument)
{
    struct gate *gate = (struct gate *)argument;

    AO_store_release(&gate->reached, 1);
    await_count(&gate->open, 1);
    AO_fetch_and_add1_full(&diary.next);
}

static enum stm_status gate_body(struct stm_tx *tx, void *argument)
{
    return stm_eventloop_schedule(tx, diary.loop, gate_action,
                                  (stm_value)argument, NULL);
}

START_TEST(a_loop_that_runs_cannot_be_run_again)
{
    struct gate gate = {0};

    diary_init(0);
    EXPECT_STATUS(STM_OK, stm_eventloop_start(diary.loop));
    EXPECT_STATUS(STM_OK, stm_atomically(gate_body, &gate));
    await_count(&gate.reached, 1);
    EXPECT_STATUS(STM_EMISUSE, stm_eventloop_run(diary.loop));
    AO_store_release(&gate.open, 1);
    diary_fini();
    EXPECT(diary.next == 1, "expected the action to have run");
}
END_TEST

START_TEST(freeing_a_loop_runs_what_was_scheduled_and_ends_its_thread)
{
    size_t threads = live_threads();

    diary_init(0);
    EXPECT_STATUS(STM_OK, stm_eventloop_start(diary.loop));
    for (size_t i = 0; i < 100; i++)
        EXPECT_STATUS(STM_OK, stm_atomically(schedule_body, NULL));
    diary_fini();
    EXPECT(diary.next == 100, "expected 100 actions, got %zu",
           (size_t)diary.next);
    while (live_threads() > threads) /* /proc may show it a moment longer */
        sched_yield();
}
END_TEST

static void no_action(stm_value argument)
{
    (void)argument;
    AO_fetch_and_add1_full(&diary.next);
}

static enum stm_status counted_body(struct stm_tx *tx, void *argument)
{
    stm_value value = counted_new(1);
    enum stm_status status =
        stm_eventloop_schedule(tx, diary.loop, no_action, value, &counted_type);

    (void)argument;
    counted_drop(value);
    return status;
}

START_TEST(arguments_are_released_run_or_not)
{
    diary_init(0);
    EXPECT_STATUS(STM_OK, stm_atomically(counted_body, NULL));
    EXPECT(counted_live() == 1, "expected the argument held");
    diary_fini();
    EXPECT(diary.next == 0, "expected nothing to run on a loop nobody ran");
    EXPECT(counted_live() == 0, "expected the argument released unrun");
    diary_init(0);
    EXPECT_STATUS(STM_OK, stm_atomically(counted_body, NULL));
    EXPECT_STATUS(STM_OK, stm_atomically(stop_body, NULL));
    EXPECT_STATUS(STM_OK, stm_eventloop_run(diary.loop));
    EXPECT(diary.next == 1 && counted_live() == 0,
           "expected the action run and its argument released");
    diary_fini();
}
END_TEST

START_TEST(a_collector_sees_the_arguments_and_can_let_them_go)
{
    size_t visits = 0;

    diary_init(0);
    for (size_t i = 0; i < 100; i++)
        EXPECT_STATUS(STM_OK, stm_atomically(counted_body, NULL));
    EXPECT(stm_eventloop_traverse(diary.loop, visit_count, &visits) == 0,
           "expected the traversal to end by itself");
    EXPECT(visits == 100, "expected 100 visits, got %zu", visits);
    stm_eventloop_discard(diary.loop);
    EXPECT(counted_live() == 0, "expected the arguments released, %zu live",
           counted_live());
    EXPECT_STATUS(STM_OK, stm_atomically(counted_body, NULL));
    EXPECT_STATUS(STM_OK, stm_atomically(stop_body, NULL));
    EXPECT_STATUS(STM_OK, stm_eventloop_run(diary.loop));
    EXPECT(diary.next == 1, "expected only the action scheduled since, got %zu",
           (size_t)diary.next);
    diary_fini();
}
END_TEST

/* The process's own loop starts by itself. */
static enum stm_status default_body(struct stm_tx *tx, void *argument)
{
    return stm_eventloop_schedule(tx, stm_eventloop_default(), action_count,
                                  (stm_value)argument, NULL);
}

START_TEST(the_default_loop_starts_by_itself)
{
    static AO_t runs;

    for (size_t i = 0; i < 100; i++)
        EXPECT_STATUS(STM_OK, stm_atomically(default_body, &runs));
    await_count(&runs, 100);
}
END_TEST

/* An idle loop sleeps, and an action wakes it. */
static void running_thread(size_t index, void *context)
{
    (void)index;
    (void)context;
    EXPECT_STATUS(STM_OK, stm_eventloop_run(diary.loop));
}

START_TEST(C_an_idle_loop_wakes_for_an_action)
{
    struct crew *crew;

    diary_init(0);
    crew = crew_start(1, running_thread, NULL);
    for (size_t i = 1; i <= 20; i++) {
        crew_await_sleep(crew);
        EXPECT_STATUS(STM_OK, stm_atomically(schedule_body, NULL));
        await_count(&diary.next, i);
    }
    crew_await_sleep(crew);
    EXPECT_STATUS(STM_OK, stm_atomically(stop_body, NULL));
    crew_join(crew);
    diary_fini();
}
END_TEST

/* A user's thread runs the loop that another frees.  One more opens the gate
 * when the loop is stopped, after giving a hasty end the time to show. */
static void user_thread(size_t index, void *context)
{
    if (index == 0) {
        EXPECT_STATUS(STM_OK, stm_eventloop_run(diary.loop));
        return;
    }
    while (stm_atomically(schedule_and_fail_body, NULL) == failed)
        sched_yield();
    for (size_t i = 0; i < 1000; i++)
        sched_yield();
    AO_store_release(&((struct gate *)context)->open, 1);
}

START_TEST(freeing_a_loop_waits_for_the_users_thread_that_runs_it)
{
    struct gate gate = {0};
    struct crew *crew;

    diary_init(0);
    EXPECT_STATUS(STM_OK, stm_atomically(gate_body, &gate));
    crew = crew_start(2, user_thread, &gate);
    await_count(&gate.reached, 1);
    stm_eventloop_free(diary.loop);
    EXPECT(AO_load_acquire(&diary.next) == 1,
           "expected the action that runs to end before the loop is freed");
    crew_join(crew);
    stm_tvar_release(diary.ticket);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("eventloop");

    tcase_add_test(tests, actions_run_in_the_order_of_commits);
    tcase_add_test(tests, a_loop_runs_on_the_callers_thread_until_stopped);
    tcase_add_test(tests, B_a_stop_that_aborts_is_undone);
    tcase_add_test(tests, G_an_action_schedules_the_next_and_stops_the_loop);
    tcase_add_test(tests, a_loop_that_runs_cannot_be_run_again);
    tcase_add_test(tests,
                   freeing_a_loop_runs_what_was_scheduled_and_ends_its_thread);
    tcase_add_test(tests, arguments_are_released_run_or_not);
    tcase_add_test(tests, a_collector_sees_the_arguments_and_can_let_them_go);
    tcase_add_test(tests, the_default_loop_starts_by_itself);
    tcase_add_test(tests, C_an_idle_loop_wakes_for_an_action);
    tcase_add_test(tests,
                   freeing_a_loop_waits_for_the_users_thread_that_runs_it);
    return run_suite("eventloop", tests);
}
