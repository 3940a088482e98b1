/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Transactions run step by step, and the hooks around a thread's sleeps. */
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

struct wait {
    struct stm_tvar *var;
    size_t runs;
    stm_value seen;
};

static enum stm_status wait_body(struct stm_tx *tx, void *argument)
{
    struct wait *wait = argument;

    wait->runs++;
    STM_TRY(stm_tvar_get(tx, wait->var, &wait->seen));
    return wait->seen == 0 ? stm_retry(tx) : STM_OK;
}

static enum stm_status set_body(struct stm_tx *tx, void *argument)
{
    return stm_tvar_set(tx, ((struct wait *)argument)->var, 3);
}

static enum stm_status abort_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(set_body(tx, argument));
    return STM_EUSER - 1;
}

START_TEST(a_call_that_need_not_wait_ends_in_one_step)
{
    struct wait wait = {.var = word_var(0)};
    struct stm_call *call = stm_call_new(set_body, &wait);

    EXPECT_STATUS(STM_OK, stm_call_step(call));
    EXPECT(peek(wait.var) == 3, "expected the write committed");
    stm_call_free(call);
    call = stm_call_new(abort_body, &wait);
    EXPECT(stm_call_step(call) == (enum stm_status)(STM_EUSER - 1),
           "expected the body's error");
    stm_call_free(call);
    stm_tvar_release(wait.var);
}
END_TEST

START_TEST(a_blocked_call_goes_on_after_a_change)
{
    struct wait wait = {.var = word_var(0)};
    struct stm_call *call = stm_call_new(wait_body, &wait);

    EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
    EXPECT(stm_current() == NULL, "a blocked call must not be running");
    poke(wait.var, 8);
    EXPECT_STATUS(STM_OK, stm_call_wait(call));
    EXPECT_STATUS(STM_OK, stm_call_step(call));
    EXPECT(wait.seen == 8, "expected 8, got %zu", (size_t)wait.seen);
    EXPECT_RUNS(2, &wait.runs, "one retry and one commit");
    stm_call_free(call);
    stm_tvar_release(wait.var);
}
END_TEST

START_TEST(a_step_without_a_wait_blocks_again)
{
    struct wait wait = {.var = word_var(0)};
    struct stm_call *call = stm_call_new(wait_body, &wait);

    for (size_t i = 0; i < 10; i++)
        EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
    poke(wait.var, 1);
    EXPECT_STATUS(STM_OK, stm_call_step(call));
    stm_call_free(call);
    stm_tvar_release(wait.var);
}
END_TEST

START_TEST(freeing_a_blocked_call_withdraws_its_waiter)
{
    struct wait wait = {.var = word_var(0)};
    struct stm_stats before;

    for (size_t i = 0; i < 100; i++) {
        struct stm_call *call = stm_call_new(wait_body, &wait);

        EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
        stm_call_free(call);
    }
    stm_stats_read(&before);
    poke(wait.var, 1);
    EXPECT(stats_since(&before).wakeups == 0,
           "expected nobody to be woken, counted %zu",
           (size_t)stats_since(&before).wakeups);
    stm_tvar_release(wait.var);
}
END_TEST

/* Calls block and are freed while another thread wakes them. */
struct brief {
    struct wait wait;
    size_t rounds;
    AO_t over;
};

static void brief_thread(size_t index, void *context)
{
    struct brief *brief = context;

    if (index > 0) {
        for (stm_value i = 0; AO_load_acquire(&brief->over) == 0; i++)
            poke(brief->wait.var, i % 2);
        return;
    }
    for (size_t i = 0; i < brief->rounds; i++) {
        struct stm_call *call = stm_call_new(wait_body, &brief->wait);
        enum stm_status status = stm_call_step(call);

        EXPECT(status == STM_OK || status == STM_BLOCKED,
               "expected OK or BLOCKED, got %d", status);
        if (status == STM_BLOCKED && i % 2 == 0)
            EXPECT_STATUS(STM_OK, stm_call_wait(call));
        stm_call_free(call);
    }
    AO_store_release(&brief->over, 1);
}

START_TEST(blocked_calls_are_freed_beside_commits_that_wake_them)
{
    struct brief brief = {.wait = {.var = word_var(0)},
                          .rounds = workload(20000)};

    crew_run(2, brief_thread, &brief);
    stm_tvar_release(brief.wait.var);
}
END_TEST

/* The variable's last reference may go while a call waits on it. */
static enum stm_status wait_own_body(struct stm_tx *tx, void *argument)
{
    struct stm_tvar **var = argument;
    stm_value value;

    if (*var == NULL)
        return STM_OK;
    STM_TRY(stm_tvar_get(tx, *var, &value));
    return stm_retry(tx);
}

START_TEST(H_a_blocked_call_keeps_no_variable)
{
    struct stm_tvar *var = counted_var(0);
    struct stm_call *call = stm_call_new(wait_own_body, &var);

    EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
    stm_tvar_release(var);
    EXPECT(counted_live() == 0,
           "expected the value released while the call waits, %zu live",
           counted_live());
    var = NULL;
    stm_call_free(call);
}
END_TEST

static enum stm_status step_inside_body(struct stm_tx *tx, void *argument)
{
    EXPECT_STATUS(STM_EMISUSE, stm_call_step(argument));
    EXPECT_STATUS(STM_EMISUSE, stm_call_wait(argument));
    return stm_tx_status(tx);
}

START_TEST(a_step_inside_a_transaction_is_misuse)
{
    struct wait wait = {.var = word_var(1)};
    struct stm_call *call = stm_call_new(wait_body, &wait);

    EXPECT_STATUS(STM_OK, stm_atomically(step_inside_body, call));
    EXPECT(wait.runs == 0, "expected the body not to run");
    stm_call_free(call);
    stm_tvar_release(wait.var);
}
END_TEST

/* A call may be stepped by one thread and then by another. */
struct relay {
    struct stm_call *call;
    struct wait wait;
};

static void relay_thread(size_t index, void *context)
{
    struct relay *relay = context;

    (void)index;
    EXPECT_STATUS(STM_OK, stm_call_wait(relay->call));
    EXPECT_STATUS(STM_OK, stm_call_step(relay->call));
}

START_TEST(a_call_may_move_to_another_thread)
{
    struct relay relay = {.wait = {.var = word_var(0)}};
    struct crew *crew;

    relay.call = stm_call_new(wait_body, &relay.wait);
    EXPECT_STATUS(STM_BLOCKED, stm_call_step(relay.call));
    crew = crew_start(1, relay_thread, &relay);
    crew_await_sleep(crew);
    poke(relay.wait.var, 1);
    crew_join(crew);
    stm_call_free(relay.call);
    stm_tvar_release(relay.wait.var);
}
END_TEST

/* Hooks around the sleeps of a thread. */
struct hooked {
    struct wait wait;
    AO_t entered, left, checked;
    enum stm_status answer; /* what the first so many checks return */
    size_t answers;
    enum stm_status result; /* of the transaction */
    pthread_t thread;       /* set before the first enter */
};

static void hook_enter(void *context)
{
    AO_fetch_and_add1_full(&((struct hooked *)context)->entered);
}

static void hook_leave(void *context)
{
    struct hooked *hooked = context;

    EXPECT(hooked->entered == hooked->left + 1, "a leave without an enter");
    AO_fetch_and_add1_full(&hooked->left);
}

/* May run transactions. */
static enum stm_status hook_check(void *context)
{
    struct hooked *hooked = context;

    EXPECT(stm_current() == NULL, "the check ran inside an attempt");
    EXPECT(hooked->entered == hooked->left, "a check without a leave");
    AO_fetch_and_add1_full(&hooked->checked);
    (void)peek(hooked->wait.var);
    return hooked->checked <= hooked->answers ? hooked->answer : STM_OK;
}

static void hooked_thread(size_t index, void *context)
{
    struct hooked *hooked = context;
    const struct stm_blocking hooks = {.enter = hook_enter,
                                       .leave = hook_leave,
                                       .check = hook_check,
                                       .context = hooked};

    (void)index;
    EXPECT(stm_set_blocking(&hooks) == NULL, "expected no hooks before");
    hooked->thread = pthread_self();
    hooked->result = stm_atomically(wait_body, &hooked->wait);
    EXPECT(stm_set_blocking(NULL) == &hooks, "expected the hooks back");
}

static void run_hooked(struct hooked *hooked)
{
    struct crew *crew;

    hooked->wait.var = word_var(0);
    crew = crew_start(1, hooked_thread, hooked);
    await_count(&hooked->entered, 1);
    poke(hooked->wait.var, 1);
    crew_join(crew);
    EXPECT(hooked->entered == hooked->left,
           "expected as many leaves as "
           "enters, got %zu and %zu",
           (size_t)hooked->left, (size_t)hooked->entered);
    EXPECT(hooked->checked >= 1, "expected the check to run");
    stm_tvar_release(hooked->wait.var);
}

START_TEST(hooks_surround_a_sleep)
{
    struct hooked hooked = {.answers = 0};

    run_hooked(&hooked);
    EXPECT_STATUS(STM_OK, hooked.result);
}
END_TEST

START_TEST(a_checks_error_ends_the_transaction)
{
    struct hooked hooked = {.answer = STM_EUSER - 4, .answers = 1};

    run_hooked(&hooked);
    EXPECT(hooked.result == hooked.answer, "expected the check's error, got %d",
           hooked.result);
}
END_TEST

static void ignore_signal(int number) { (void)number; }

/* Without SA_RESTART, so that the sleep ends. */
static void handle_signal(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = ignore_signal;
    sigaction(SIGUSR1, &action, NULL);
}

/* A signal may come just before the thread sleeps, so it is sent again and
 * again.  A check whose answer goes unheard does not hang the test. */
struct nagging {
    struct hooked *hooked;
    AO_t over;
};

static void nagging_thread(size_t index, void *context)
{
    struct nagging *nagging = context;

    if (index == 0) {
        hooked_thread(index, nagging->hooked);
        AO_store_release(&nagging->over, 1);
        return;
    }
    await_count(&nagging->hooked->entered, 1);
    while (AO_load_acquire(&nagging->over) == 0) {
        pthread_kill(nagging->hooked->thread, SIGUSR1);
        if (AO_load_acquire(&nagging->hooked->checked) > 5)
            poke(nagging->hooked->wait.var, 1);
        sched_yield();
    }
}

START_TEST(a_signal_ends_the_sleep_and_asks_the_hook)
{
    struct hooked hooked = {.answer = STM_EINTERRUPTED, .answers = 5};
    struct nagging nagging = {.hooked = &hooked};

    handle_signal();
    hooked.wait.var = word_var(0);
    crew_run(2, nagging_thread, &nagging);
    EXPECT_STATUS(STM_EINTERRUPTED, hooked.result);
    stm_tvar_release(hooked.wait.var);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("step");

    tcase_add_test(tests, a_call_that_need_not_wait_ends_in_one_step);
    tcase_add_test(tests, a_blocked_call_goes_on_after_a_change);
    tcase_add_test(tests, a_step_without_a_wait_blocks_again);
    tcase_add_test(tests, freeing_a_blocked_call_withdraws_its_waiter);
    tcase_add_test(tests,
                   blocked_calls_are_freed_beside_commits_that_wake_them);
    tcase_add_test(tests, H_a_blocked_call_keeps_no_variable);
    tcase_add_test(tests, a_step_inside_a_transaction_is_misuse);
    tcase_add_test(tests, a_call_may_move_to_another_thread);
    tcase_add_test(tests, hooks_surround_a_sleep);
    tcase_add_test(tests, a_checks_error_ends_the_transaction);
    tcase_add_test(tests, a_signal_ends_the_sleep_and_asks_the_hook);
    return run_suite("step", tests);
}
