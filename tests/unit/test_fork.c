/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The child of a fork can use what it inherits at once, and has nothing of its
 * parent's other threads. */
#include "bank.h"
#include "child.h"

#include <stdlib.h>
#include <unistd.h>

enum { THREADS = 3 };

/* ---- beside commits of other threads ---- */

struct banking {
    struct bank bank;
    AO_t stop;
};

static void transferring_thread(size_t index, void *context)
{
    struct banking *banking = context;
    struct bank own = bank_copy(&banking->bank, index);

    while (!AO_load(&banking->stop))
        EXPECT_STATUS(STM_OK, stm_atomically(bank_transfer, &own));
}

static bool transfers_100(void *bank) { return bank_works(bank, 100); }

START_TEST(A_the_child_sees_a_whole_state_and_commits)
{
    struct banking banking = {.stop = 0};
    struct crew *crew;

    bank_init(&banking.bank, THREADS);
    /* Some sanitizers' allocators do not survive a fork beside allocations: let
     * this thread have all that it needs. */
    EXPECT(bank_works(&banking.bank, 100), "expected the bank to work");
    crew = crew_start(THREADS, transferring_thread, &banking);
    for (size_t i = 0; i < workload(100); i++)
        expect_in_child(transfers_100, &banking.bank);
    AO_store(&banking.stop, 1);
    crew_join(crew);
    EXPECT(bank_works(&banking.bank, 1), "expected a right sum at the end");
    bank_fini(&banking.bank);
}
END_TEST

/* ---- in a transaction ---- */

struct forking {
    struct stm_tvar *var;
    pid_t child;
    AO_t runs;
};

static enum stm_status fork_body(struct stm_tx *tx, void *argument)
{
    struct forking *forking = argument;
    stm_value value;

    STM_TRY(stm_tvar_set(tx, forking->var, 1));
    if (AO_fetch_and_add1(&forking->runs) == 0)
        forking->child = fork();
    if (forking->child != 0)
        return STM_OK;
    if (stm_tvar_get(tx, forking->var, &value) != STM_EFORKED ||
        stm_retry(tx) != STM_EFORKED)
        _exit(2);
    return STM_OK; /* what the body says does not count */
}

static void expect_goes_on_in_parent(struct forking *forking,
                                     enum stm_status status)
{
    if (forking->child == 0)
        end_child(status == STM_EFORKED && peek(forking->var) == 0);
    EXPECT_STATUS(STM_OK, status);
    EXPECT(peek(forking->var) == 1, "expected the parent's commit");
    expect_child_ended(forking->child);
}

START_TEST(B_a_transaction_that_forks_goes_on_in_the_parent_alone)
{
    struct forking forking = {word_var(0), 0, 0};

    expect_goes_on_in_parent(&forking, stm_atomically(fork_body, &forking));
    stm_tvar_release(forking.var);
}
END_TEST

/* The same where the transaction runs alone. */
static enum stm_status fork_alone_body(struct stm_tx *tx, void *argument)
{
    struct forking *forking = argument;
    struct stm_stats stats;

    stm_stats_read(&stats);
    if (!stats.escalations)
        return STM_CONFLICT;
    return fork_body(tx, forking);
}

START_TEST(E_one_that_runs_alone_can_fork)
{
    struct forking forking = {word_var(0), 0, 0};
    enum stm_status status = stm_atomically(fork_alone_body, &forking);

    expect_goes_on_in_parent(&forking, status);
    stm_tvar_release(forking.var);
}
END_TEST

/* ---- waiters ---- */

static enum stm_status await_one(struct stm_tx *tx, void *argument)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, argument, &value));
    return value ? STM_OK : stm_retry(tx);
}

static void waiting_thread(size_t index, void *context)
{
    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(await_one, context));
}

static enum stm_status set_two(struct stm_tx *tx, void *argument)
{
    return stm_tvar_set(tx, argument, 2);
}

static bool wakes_nobody(void *context)
{
    struct stm_stats before;

    stm_stats_read(&before);
    return stm_atomically(set_two, context) == STM_OK &&
           stm_atomically(await_one, context) == STM_OK &&
           stats_since(&before).wakeups == 0;
}

START_TEST(C_the_child_has_no_waiters_of_its_parent)
{
    struct stm_tvar *var = word_var(0);
    struct crew *crew = crew_start(THREADS, waiting_thread, var);

    crew_await_sleep(crew);
    expect_in_child(wakes_nobody, var);
    poke(var, 1);
    crew_join(crew);
    stm_tvar_release(var);
}
END_TEST

/* A hook that forks while its thread is blocked. */
struct hook {
    struct stm_tvar *var;
    pid_t child;
    bool forked;
};

static void no_change(void *context) { (void)context; }

/* In the child nobody else is left to set the variable. */
static enum stm_status fork_and_set(void *context)
{
    struct hook *hook = context;

    if (hook->forked)
        return STM_OK;
    hook->forked = true;
    hook->child = fork();
    if (hook->child == 0)
        alarm(30);
    return stm_atomically(set_two, hook->var);
}

START_TEST(C_a_transaction_blocked_while_its_thread_forks_goes_on)
{
    struct hook hook = {word_var(0), 0, false};
    const struct stm_blocking hooks = {.enter = no_change,
                                       .leave = no_change,
                                       .check = fork_and_set,
                                       .check_interval = 1000000,
                                       .context = &hook};
    enum stm_status status;

    stm_set_blocking(&hooks);
    status = stm_atomically(await_one, hook.var);
    stm_set_blocking(NULL);
    if (hook.child == 0)
        end_child(status == STM_OK);
    EXPECT_STATUS(STM_OK, status);
    expect_child_ended(hook.child);
    stm_tvar_release(hook.var);
}
END_TEST

/* ---- values ---- */

struct reader {
    struct stm_tvar *var;
    AO_t reading;
    AO_t leave;
};

static enum stm_status linger_body(struct stm_tx *tx, void *argument)
{
    struct reader *reader = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, reader->var, &value));
    AO_store_release(&reader->reading, 1);
    await_count(&reader->leave, 1);
    return STM_OK;
}

static void lingering_thread(size_t index, void *context)
{
    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(linger_body, context));
}

static enum stm_status set_nothing(struct stm_tx *tx, void *argument)
{
    return stm_tvar_set(tx, argument, 0);
}

static bool releases_all(void *context)
{
    struct reader *reader = context;

    return stm_atomically(set_nothing, reader->var) == STM_OK &&
           counted_live() == 0;
}

START_TEST(H_what_the_parents_attempts_held_back_goes_in_the_child)
{
    struct reader reader = {.var = counted_var(1)};
    struct stm_tvar *dropped = counted_var(2);
    struct crew *crew = crew_start(1, lingering_thread, &reader);

    await_count(&reader.reading, 1);
    poke_counted(reader.var, 3);
    stm_tvar_release(dropped);
    EXPECT(counted_live() == 3, "expected 3 objects, got %zu", counted_live());
    expect_in_child(releases_all, &reader);
    AO_store_release(&reader.leave, 1);
    crew_join(crew);
    stm_tvar_release(reader.var);
    EXPECT(counted_live() == 0, "expected no object, got %zu", counted_live());
}
END_TEST

/* ---- the event loop ---- */

struct events {
    struct stm_eventloop *loop;
    AO_t run;
};

static enum stm_status schedule_body(struct stm_tx *tx, void *argument)
{
    struct events *events = argument;

    return stm_eventloop_schedule(tx, events->loop, action_count,
                                  (stm_value)&events->run, NULL);
}

static enum stm_status stop_body(struct stm_tx *tx, void *argument)
{
    return stm_eventloop_stop(tx, ((struct events *)argument)->loop);
}

static bool runs_own_events(void *context)
{
    struct events *events = context;

    for (size_t i = 0; i < 2; i++)
        if (stm_atomically(schedule_body, events) != STM_OK)
            return false;
    return stm_atomically(stop_body, events) == STM_OK &&
           stm_eventloop_run(events->loop) == STM_OK &&
           AO_load(&events->run) == 2;
}

START_TEST(the_child_runs_what_it_schedules_itself)
{
    struct events events = {stm_eventloop_new(), 0};

    for (size_t i = 0; i < 5; i++)
        EXPECT_STATUS(STM_OK, stm_atomically(schedule_body, &events));
    expect_in_child(runs_own_events, &events);
    EXPECT_STATUS(STM_OK, stm_atomically(stop_body, &events));
    EXPECT_STATUS(STM_OK, stm_eventloop_run(events.loop));
    EXPECT(AO_load(&events.run) == 5,
           "expected 5 events in the parent, got "
           "%zu",
           (size_t)AO_load(&events.run));
    stm_eventloop_free(events.loop);
}
END_TEST

static bool frees_a_running_loop(void *context)
{
    struct events *events = context;

    stm_eventloop_free(events->loop);
    return true;
}

START_TEST(a_loop_that_a_thread_runs_in_the_parent_runs_nowhere_in_the_child)
{
    struct events events = {stm_eventloop_new(), 0};

    EXPECT_STATUS(STM_OK, stm_eventloop_start(events.loop));
    expect_in_child(frees_a_running_loop, &events);
    EXPECT_STATUS(STM_OK, stm_atomically(schedule_body, &events));
    stm_eventloop_free(events.loop);
    EXPECT(AO_load(&events.run) == 1, "expected the event to run");
}
END_TEST

static void action_fork(stm_value forking)
{
    struct forking *own = (struct forking *)forking;

    own->child = fork();
    if (own->child == 0)
        alarm(30);
}

struct forked_events {
    struct events events;
    struct forking forking;
};

static enum stm_status schedule_fork(struct stm_tx *tx, void *argument)
{
    struct forked_events *own = argument;

    STM_TRY(stm_eventloop_schedule(tx, own->events.loop, action_fork,
                                   (stm_value)&own->forking, NULL));
    STM_TRY(schedule_body(tx, &own->events));
    return stop_body(tx, &own->events);
}

START_TEST(the_child_of_an_event_that_forks_runs_no_other)
{
    struct forked_events own = {.events = {stm_eventloop_new(), 0}};
    enum stm_status status;

    EXPECT_STATUS(STM_OK, stm_atomically(schedule_fork, &own));
    status = stm_eventloop_run(own.events.loop);
    if (own.forking.child == 0)
        end_child(status == STM_EFORKED && AO_load(&own.events.run) == 0);
    EXPECT_STATUS(STM_OK, status);
    EXPECT(AO_load(&own.events.run) == 1, "expected the other event to run");
    expect_child_ended(own.forking.child);
    stm_eventloop_free(own.events.loop);
}
END_TEST

/* On the loop's own thread, which is then the child's only one. */
static void end_at_once(void) { end_child(true); }

static void action_fork_and_end(stm_value forking)
{
    action_fork(forking);
    if (((struct forking *)forking)->child == 0)
        atexit(end_at_once);
    else
        AO_store_release(&((struct forking *)forking)->runs, 1);
}

static enum stm_status schedule_fork_and_end(struct stm_tx *tx, void *argument)
{
    struct forked_events *own = argument;

    return stm_eventloop_schedule(tx, own->events.loop, action_fork_and_end,
                                  (stm_value)&own->forking, NULL);
}

START_TEST(the_child_of_an_event_that_forks_ends_with_its_thread)
{
    struct forked_events own = {.events = {stm_eventloop_new(), 0}};

    EXPECT_STATUS(STM_OK, stm_eventloop_start(own.events.loop));
    EXPECT_STATUS(STM_OK, stm_atomically(schedule_fork_and_end, &own));
    await_count(&own.forking.runs, 1);
    stm_eventloop_free(own.events.loop);
    expect_child_ended(own.forking.child);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("fork");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, A_the_child_sees_a_whole_state_and_commits);
    tcase_add_test(tests,
                   B_a_transaction_that_forks_goes_on_in_the_parent_alone);
    tcase_add_test(tests, E_one_that_runs_alone_can_fork);
    tcase_add_test(tests, C_the_child_has_no_waiters_of_its_parent);
    tcase_add_test(tests,
                   C_a_transaction_blocked_while_its_thread_forks_goes_on);
    tcase_add_test(tests,
                   H_what_the_parents_attempts_held_back_goes_in_the_child);
    tcase_add_test(tests, the_child_runs_what_it_schedules_itself);
    tcase_add_test(
        tests,
        a_loop_that_a_thread_runs_in_the_parent_runs_nowhere_in_the_child);
    tcase_add_test(tests, the_child_of_an_event_that_forks_runs_no_other);
    tcase_add_test(tests,
                   the_child_of_an_event_that_forks_ends_with_its_thread);
    return run_suite("test_fork", tests);
}
