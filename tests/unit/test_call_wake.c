/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* A call that waits without a thread is told, once, when it can go on. */
#include "child.h"
#include "faults.h"
#include "sleeper.h"
#include "taker.h"

#include <sched.h>
#include <stdlib.h>

/* ---- one ---- */

START_TEST(C_a_change_is_told_once)
{
    struct stm_tvar *var = word_var(0);
    struct taker taker = taker_of(var);

    taker_block(&taker);
    expect_told(&taker, 0);
    poke(var, 1);
    expect_told(&taker, 1);
    EXPECT(deadline_of(&taker) == 0, "expected that it can go on at once");
    poke(var, 2);
    expect_told(&taker, 1);
    EXPECT_STATUS(STM_OK, stm_call_step(taker.call));
    EXPECT(taker.got == 2, "expected 2, got %zu", (size_t)taker.got);
    poke(var, 3);
    stm_call_free(taker.call);
    expect_told(&taker, 1);
    stm_tvar_release(var);
}
END_TEST

START_TEST(C_each_step_that_blocks_is_told_of_a_change)
{
    struct stm_tvar *var = word_var(0);
    struct taker taker = taker_of(var);

    taker.least = 10;
    taker_start(&taker);
    for (stm_value i = 1; i <= 10; i++) {
        EXPECT_STATUS(STM_BLOCKED, stm_call_step(taker.call));
        expect_told(&taker, i - 1);
        poke(var, i);
        expect_told(&taker, i);
    }
    EXPECT_STATUS(STM_OK, stm_call_step(taker.call));
    stm_call_free(taker.call);
    stm_tvar_release(var);
}
END_TEST

START_TEST(a_step_without_cause_blocks_again)
{
    struct stm_tvar *var = word_var(0);
    struct taker taker = taker_of(var);
    struct stm_stats before;

    taker_block(&taker);
    stm_stats_read(&before);
    for (size_t i = 0; i < 10; i++)
        EXPECT_STATUS(STM_BLOCKED, stm_call_step(taker.call));
    EXPECT(stats_since(&before).wakeups == 0 || shaken(),
           "expected no wake-up to be counted");
    expect_told(&taker, 0);
    poke(var, 1);
    expect_told(&taker, 1);
    EXPECT_STATUS(STM_OK, stm_call_step(taker.call));
    stm_call_free(taker.call);
    stm_tvar_release(var);
}
END_TEST

START_TEST(D_one_that_was_freed_is_not_told)
{
    struct stm_tvar *var = word_var(0);
    struct taker taker = taker_of(var);

    for (size_t i = 0; i < 100; i++) {
        taker_block(&taker);
        stm_call_free(taker.call);
    }
    poke(var, 1);
    expect_told(&taker, 0);
    stm_tvar_release(var);
}
END_TEST

START_TEST(a_call_may_do_without_its_wake_function)
{
    struct stm_tvar *var = word_var(0);
    struct taker taker = taker_of(var);

    taker_start(&taker);
    EXPECT_STATUS(STM_OK, stm_call_on_wake(taker.call, NULL, NULL));
    EXPECT_STATUS(STM_BLOCKED, stm_call_step(taker.call));
    poke(var, 1);
    EXPECT_STATUS(STM_OK, stm_call_wait(taker.call));
    EXPECT_STATUS(STM_OK, stm_call_step(taker.call));
    stm_call_free(taker.call);
    expect_told(&taker, 0);
    stm_tvar_release(var);
}
END_TEST

START_TEST(what_is_called_at_the_wrong_time_is_misuse)
{
    struct stm_tvar *var = word_var(0);
    struct taker taker = taker_of(var);
    uint64_t left;

    taker_start(&taker);
    EXPECT_STATUS(STM_EMISUSE, stm_call_deadline(taker.call, &left));
    EXPECT_STATUS(STM_BLOCKED, stm_call_step(taker.call));
    EXPECT_STATUS(STM_EMISUSE,
                  stm_call_on_wake(taker.call, taker_note, &taker));
    EXPECT_STATUS(STM_EMISUSE, stm_call_wait(taker.call));
    stm_call_free(taker.call);
    stm_tvar_release(var);
}
END_TEST

/* ---- time ---- */

START_TEST(C_a_call_knows_when_its_time_is_over)
{
    const uint64_t wait = 200 * MILLISECOND;
    struct stm_tvar *var = word_var(0);
    struct taker taker = taker_of(var);
    uint64_t left;

    taker_block(&taker);
    EXPECT(deadline_of(&taker) == STM_FOREVER, "expected no deadline");
    stm_call_free(taker.call);
    taker.wait = &wait;
    taker_block(&taker);
    EXPECT(deadline_of(&taker) <= wait, "expected at most what it asked for");
    while ((left = deadline_of(&taker)) > 0) {
        EXPECT(left <= wait, "expected the time to pass");
        sched_yield();
    }
    EXPECT_STATUS(STM_OK, stm_call_step(taker.call));
    EXPECT(taker.late, "expected the time to be over");
    expect_told(&taker, 0);
    stm_call_free(taker.call);
    stm_tvar_release(var);
}
END_TEST

struct two_times {
    struct stm_tvar *var;
    size_t winner; /* 0: none */
};

static enum stm_status two_times_body(struct stm_tx *tx, void *argument)
{
    struct two_times *times = argument;
    bool over;

    times->winner = 0;
    for (size_t i = 2; i > 0; i--) { /* the later one asks first */
        STM_TRY(stm_elapsed(tx, i * MILLISECOND, &over));
        if (over)
            times->winner = i;
    }
    return times->winner ? STM_OK : stm_retry(tx);
}

START_TEST(of_two_times_the_earlier_wins_however_late_the_step)
{
    struct two_times times = {.var = word_var(0)};
    struct stm_call *call = stm_call_new(two_times_body, &times);
    uint64_t begin = monotonic_now();
    struct taker unused = {.told = 0};
    enum stm_status status;

    EXPECT_STATUS(STM_OK, stm_call_on_wake(call, taker_note, &unused));
    status = stm_call_step(call);
    if (status == STM_BLOCKED) { /* else the machine was slow */
        while (monotonic_now() < begin + 20 * MILLISECOND)
            sched_yield();
        EXPECT_STATUS(STM_OK, stm_call_step(call));
        EXPECT(times.winner == 1, "expected the time of 1 ms, got %zu ms",
               times.winner);
    }
    stm_call_free(call);
    stm_tvar_release(times.var);
}
END_TEST

static enum stm_status wall_body(struct stm_tx *tx, void *moment)
{
    bool over;

    STM_TRY(stm_elapsed_at(tx, moment, &over));
    return over ? STM_OK : stm_retry(tx);
}

START_TEST(the_wall_clock_is_looked_at_now_and_then)
{
    struct timespec moment;
    struct taker taker = {.told = 0};

    clock_gettime(CLOCK_REALTIME, &moment);
    moment.tv_sec += 3600;
    taker.call = stm_call_new(wall_body, &moment);
    EXPECT_STATUS(STM_OK, stm_call_on_wake(taker.call, taker_note, &taker));
    EXPECT_STATUS(STM_BLOCKED, stm_call_step(taker.call));
    EXPECT(deadline_of(&taker) > 0 && deadline_of(&taker) <= 1000000000,
           "expected to be asked again within a second");
    moment.tv_sec -= 3601;
    EXPECT_STATUS(STM_OK, stm_call_step(taker.call));
    stm_call_free(taker.call);
}
END_TEST

/* ---- withdrawing beside one who wakes ---- */

struct meeting {
    struct stm_tvar *var;
    AO_t arrived, left;
};

/* Gives the one who withdraws time to go wrong. */
static void linger(void *context)
{
    struct meeting *meeting = context;

    AO_store_release(&meeting->arrived, 1);
    for (size_t i = 0; i < 1000; i++)
        sched_yield();
    AO_store_release(&meeting->left, 1);
}

static void meeting_thread(size_t index, void *context)
{
    (void)index;
    poke(((struct meeting *)context)->var, 1);
}

static void meet(bool steps)
{
    struct meeting meeting = {.var = word_var(0)};
    struct taker taker = taker_of(meeting.var);
    struct crew *crew;

    taker.call = stm_call_new(take_body, &taker);
    EXPECT_STATUS(STM_OK, stm_call_on_wake(taker.call, linger, &meeting));
    EXPECT_STATUS(STM_BLOCKED, stm_call_step(taker.call));
    crew = crew_start(1, meeting_thread, &meeting);
    await_count(&meeting.arrived, 1);
    if (steps)
        EXPECT_STATUS(STM_OK, stm_call_step(taker.call));
    else
        stm_call_free(taker.call);
    EXPECT(AO_load_acquire(&meeting.left) == 1,
           "expected to wait until the wake function has returned");
    if (steps)
        stm_call_free(taker.call);
    crew_join(crew);
    stm_tvar_release(meeting.var);
}

START_TEST(freeing_waits_for_a_wake_function_that_runs) { meet(false); }
END_TEST

START_TEST(a_step_waits_for_a_wake_function_that_runs) { meet(true); }
END_TEST

/* Calls block and are freed while another thread wakes them: what the wake
 * function uses is freed right after. */
struct brief {
    struct stm_tvar *var;
    size_t rounds;
    AO_t over;
};

static void brief_thread(size_t index, void *context)
{
    struct brief *brief = context;

    if (index > 0) {
        for (stm_value i = 0; AO_load_acquire(&brief->over) == 0; i++)
            poke(brief->var, i % 2);
        return;
    }
    for (size_t i = 0; i < brief->rounds; i++) {
        struct taker *taker = malloc(sizeof *taker);

        *taker = taker_of(brief->var);
        taker_start(taker);
        while (stm_call_step(taker->call) == STM_BLOCKED && i % 2 == 0)
            await_count(&taker->told, 1);
        stm_call_free(taker->call);
        EXPECT(AO_load(&taker->told) <= 1 || i % 2 == 0,
               "expected one wake-up at most");
        free(taker);
    }
    AO_store_release(&brief->over, 1);
}

START_TEST(calls_are_freed_beside_commits_that_wake_them)
{
    struct brief brief = {.var = word_var(0), .rounds = workload(20000)};

    crew_run(2, brief_thread, &brief);
    stm_tvar_release(brief.var);
}
END_TEST

/* ---- values ---- */

static enum stm_status wait_counted(struct stm_tx *tx, void *var)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, var, &value));
    return counted_number(value) == 0 ? stm_retry(tx) : STM_OK;
}

static enum stm_status replace_and_free(struct stm_tx *tx, void *argument)
{
    struct taker *taker = argument;

    STM_TRY(set_counted(tx, taker->var, 1));
    stm_call_free(taker->call);
    taker->call = NULL;
    return STM_OK;
}

START_TEST(H_a_value_seen_lives_until_the_call_is_withdrawn)
{
    struct taker taker = {.var = counted_var(0)};
    size_t visits = 0;

    taker.call = stm_call_new(wait_counted, taker.var);
    EXPECT_STATUS(STM_OK, stm_call_on_wake(taker.call, taker_note, &taker));
    EXPECT(stm_call_traverse(taker.call, visit_count, &visits) == 0 &&
               visits == 0,
           "expected no visits before it is blocked");
    EXPECT_STATUS(STM_BLOCKED, stm_call_step(taker.call));
    EXPECT(stm_call_traverse(taker.call, visit_count, &visits) == 0 &&
               visits == 1,
           "expected one visit, counted %zu", visits);
    EXPECT(stm_call_traverse(taker.call, visit_one, &visits) != 0,
           "expected the visit's answer");
    poke_counted(taker.var, 0);
    EXPECT(counted_live() == 2, "expected the old value to live");
    EXPECT_STATUS(STM_BLOCKED, stm_call_step(taker.call));
    EXPECT(counted_live() == 1, "expected the old value to be released");
    EXPECT_STATUS(STM_OK, stm_atomically(replace_and_free, &taker));
    EXPECT(counted_live() == 1, "expected the old value to be released");
    stm_tvar_release(taker.var);
}
END_TEST

/* ---- fork ---- */

static bool goes_on_in_child(void *context)
{
    struct taker *taker = context;
    struct taker own = taker_of(taker->var);
    uint64_t left = 1;

    own.least = 2;
    taker_block(&own);
    poke(taker->var, 2);
    return AO_load(&taker->told) == 0 && AO_load(&own.told) == 1 &&
           stm_call_deadline(taker->call, &left) == STM_OK && left == 0 &&
           stm_call_step(taker->call) == STM_OK &&
           stm_call_step(own.call) == STM_OK;
}

START_TEST(C_the_child_of_a_fork_is_not_told_and_can_go_on)
{
    struct stm_tvar *var = word_var(0);
    struct taker taker = taker_of(var);

    taker_block(&taker);
    expect_in_child(goes_on_in_child, &taker);
    poke(var, 1);
    expect_told(&taker, 1);
    EXPECT_STATUS(STM_OK, stm_call_step(taker.call));
    stm_call_free(taker.call);
    stm_tvar_release(var);
}
END_TEST

/* ---- out of memory ---- */

/* Each allocation of a step fails once; and where one who is to pass it on
 * finds no memory to remember that, others are woken nevertheless. */
struct shortage {
    struct stm_tvar *var;
    size_t allocations; /* that succeed */
    bool failed;
};

static void failing_thread(size_t index, void *context)
{
    struct shortage *shortage = context;
    struct taker taker = taker_of(shortage->var);
    enum stm_status status;

    (void)index;
    taker_start(&taker);
    faults_arm(shortage->allocations, false);
    status = stm_call_step(taker.call);
    faults.armed = false;
    shortage->failed = faults.failed;
    EXPECT(status == STM_BLOCKED || (status == STM_ENOMEM && faults.failed),
           "expected BLOCKED or ENOMEM, got %d", status);
    if (status == STM_ENOMEM)
        EXPECT_STATUS(STM_BLOCKED, stm_call_step(taker.call));
    poke_elsewhere(taker.var, 1);
    expect_told(&taker, 1);
    EXPECT_STATUS(STM_OK, stm_call_step(taker.call));
    stm_call_free(taker.call);
}

START_TEST(I_a_step_without_memory_leaves_nothing_behind)
{
    struct shortage shortage = {.allocations = 0};

    do {
        shortage.var = word_var(0);
        crew_run(1, failing_thread, &shortage);
        stm_tvar_release(shortage.var);
        shortage.allocations++;
    } while (shortage.failed);
    EXPECT(shortage.allocations > 3, "expected some allocations to fail");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("call wake");

    tcase_add_test(tests, C_a_change_is_told_once);
    tcase_add_test(tests, C_each_step_that_blocks_is_told_of_a_change);
    tcase_add_test(tests, a_step_without_cause_blocks_again);
    tcase_add_test(tests, D_one_that_was_freed_is_not_told);
    tcase_add_test(tests, a_call_may_do_without_its_wake_function);
    tcase_add_test(tests, what_is_called_at_the_wrong_time_is_misuse);
    tcase_add_test(tests, C_a_call_knows_when_its_time_is_over);
    tcase_add_test(tests, of_two_times_the_earlier_wins_however_late_the_step);
    tcase_add_test(tests, the_wall_clock_is_looked_at_now_and_then);
    tcase_add_test(tests, freeing_waits_for_a_wake_function_that_runs);
    tcase_add_test(tests, a_step_waits_for_a_wake_function_that_runs);
    tcase_add_test(tests, calls_are_freed_beside_commits_that_wake_them);
    tcase_add_test(tests, H_a_value_seen_lives_until_the_call_is_withdrawn);
    tcase_add_test(tests, C_the_child_of_a_fork_is_not_told_and_can_go_on);
    tcase_add_test(tests, I_a_step_without_memory_leaves_nothing_behind);
    return run_suite("call wake", tests);
}
