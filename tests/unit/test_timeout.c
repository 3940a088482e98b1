/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise C, time-outs: a blocked transaction runs again when its time is
 * over, and is not told so before. */
#include "support.h"

static const uint64_t a_moment = UINT64_C(30000000); /* nanoseconds */

struct wait {
    struct stm_tvar *var;   /* NULL: none; 1 ends the wait */
    AO_t over;              /* the wait has ended */
    uint64_t time;          /* that the body waits for */
    struct timespec moment; /* the same on the wall clock */
    size_t runs;
    bool timed_out;
};

static enum stm_status wait_body(struct stm_tx *tx, void *argument)
{
    struct wait *wait = argument;
    stm_value value = 0;

    wait->runs++;
    if (wait->var != NULL)
        STM_TRY(stm_tvar_get(tx, wait->var, &value));
    if (value == 1)
        return STM_OK;
    STM_TRY(stm_elapsed(tx, wait->time, &wait->timed_out));
    return wait->timed_out ? STM_OK : stm_retry(tx);
}

START_TEST(C_a_timeout_wakes_and_not_before_its_time)
{
    struct wait wait = {.time = a_moment};
    uint64_t begin = monotonic_now();

    EXPECT_STATUS(STM_OK, stm_atomically(wait_body, &wait));
    EXPECT(monotonic_now() - begin >= a_moment,
           "expected at least 30 ms, the time was over sooner");
    EXPECT(wait.timed_out, "expected the time to be over");
    EXPECT(wait.runs >= 2, "expected a wait in between");
}
END_TEST

static enum stm_status both_ends_body(struct stm_tx *tx, void *argument)
{
    bool none = false, all = true;

    (void)argument;
    STM_TRY(stm_elapsed(tx, 0, &none));
    STM_TRY(stm_elapsed(tx, STM_FOREVER, &all));
    EXPECT(none, "no time at all must have passed at once");
    EXPECT(!all, "for ever must not pass");
    return STM_OK;
}

START_TEST(C_nothing_passes_at_once_and_for_ever_never)
{
    EXPECT_STATUS(STM_OK, stm_atomically(both_ends_body, NULL));
}
END_TEST

START_TEST(C_a_change_wakes_before_the_timeout)
{
    struct wait wait = {.var = word_var(0), .time = STM_FOREVER};
    struct stm_call *call = stm_call_new(wait_body, &wait);

    EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
    poke(wait.var, 1);
    EXPECT_STATUS(STM_OK, stm_call_wait(call));
    EXPECT_STATUS(STM_OK, stm_call_step(call));
    EXPECT(!wait.timed_out, "the time was not over");
    stm_call_free(call);
    stm_tvar_release(wait.var);
}
END_TEST

START_TEST(C_a_timeout_wakes_beside_a_variable)
{
    struct wait wait = {.var = word_var(0), .time = a_moment};

    EXPECT_STATUS(STM_OK, stm_atomically(wait_body, &wait));
    EXPECT(wait.timed_out, "expected the time to be over");
    stm_tvar_release(wait.var);
}
END_TEST

/* Time goes on over attempts, of which a variable starts new ones. */
static void waking_thread(size_t index, void *context)
{
    struct wait *wait = context;

    if (index == 0) {
        EXPECT_STATUS(STM_OK, stm_atomically(wait_body, wait));
        AO_store_release(&wait->over, 1);
        return;
    }
    for (stm_value i = 2; AO_load_acquire(&wait->over) == 0; i++)
        poke(wait->var, i);
}

START_TEST(C_all_attempts_share_one_beginning)
{
    struct wait wait = {.var = word_var(0), .time = a_moment};

    crew_run(2, waking_thread, &wait);
    EXPECT(wait.timed_out, "expected the time to pass over many attempts");
    stm_tvar_release(wait.var);
}
END_TEST

/* Short times end in the instant of a wake-up. */
struct racing {
    struct stm_tvar *var;
    size_t rounds;
    AO_t over;
};

static void racing_thread(size_t index, void *context)
{
    struct racing *racing = context;
    struct generator generator;

    generator_init(&generator, index);
    if (index == 0) {
        for (stm_value i = 2; AO_load_acquire(&racing->over) < 2; i++)
            poke(racing->var, i);
        return;
    }
    for (size_t i = 0; i < racing->rounds; i++) {
        struct wait wait = {.var = racing->var,
                            .time = generator_below(&generator, 100000)};

        EXPECT_STATUS(STM_OK, stm_atomically(wait_body, &wait));
        EXPECT(wait.timed_out, "expected the time to be over");
    }
    AO_fetch_and_add1_full(&racing->over);
}

START_TEST(C_times_that_end_in_the_instant_of_a_wakeup_are_told)
{
    struct racing racing = {.var = word_var(0), .rounds = workload(5000)};

    crew_run(3, racing_thread, &racing);
    stm_tvar_release(racing.var);
}
END_TEST

/* Two branches with times of their own; the shorter is the second. */
static enum stm_status either_time_body(struct stm_tx *tx, void *argument)
{
    struct wait *waits = argument;
    const struct stm_branch branches[] = {{wait_body, &waits[0]},
                                          {wait_body, &waits[1]}};

    return stm_or_else(tx, branches, 2);
}

START_TEST(C_the_earliest_time_of_all_branches_wakes)
{
    struct wait waits[] = {{.time = STM_FOREVER}, {.time = a_moment}};
    uint64_t begin = monotonic_now();

    EXPECT_STATUS(STM_OK, stm_atomically(either_time_body, waits));
    EXPECT(!waits[0].timed_out && waits[1].timed_out,
           "expected the second branch to go through");
    EXPECT(monotonic_now() - begin >= a_moment, "it went through too soon");
}
END_TEST

START_TEST(C_the_first_branch_whose_time_is_over_goes_through)
{
    struct wait waits[] = {{.time = a_moment}, {.time = 2 * a_moment}};

    EXPECT_STATUS(STM_OK, stm_atomically(either_time_body, waits));
    EXPECT(waits[0].timed_out && !waits[1].timed_out,
           "expected the first branch to go through");
}
END_TEST

/* The waker comes so late that both times are over. */
START_TEST(C_of_two_times_the_earlier_wins_however_late_the_wakeup)
{
    struct wait waits[] = {{.time = 2 * a_moment}, {.time = a_moment}};
    struct stm_call *call = stm_call_new(either_time_body, waits);
    uint64_t begin;

    EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
    begin = monotonic_now();
    while (monotonic_now() - begin < 3 * a_moment)
        continue;
    EXPECT_STATUS(STM_OK, stm_call_wait(call));
    EXPECT_STATUS(STM_OK, stm_call_step(call));
    EXPECT(!waits[0].timed_out && waits[1].timed_out,
           "expected the second branch, whose time was over first");
    stm_call_free(call);
}
END_TEST

static enum stm_status standing_body(struct stm_tx *tx, void *argument)
{
    uint64_t begin = monotonic_now();
    bool before, after;

    (void)argument;
    STM_TRY(stm_elapsed(tx, a_moment, &before));
    while (monotonic_now() - begin < 2 * a_moment)
        continue;
    STM_TRY(stm_elapsed(tx, a_moment, &after));
    EXPECT(before == after, "within an attempt time must stand still");
    return STM_OK;
}

START_TEST(C_time_stands_still_within_an_attempt)
{
    EXPECT_STATUS(STM_OK, stm_atomically(standing_body, NULL));
}
END_TEST

static struct timespec wall_clock_in(int64_t nanoseconds)
{
    struct timespec moment;

    clock_gettime(CLOCK_REALTIME, &moment);
    nanoseconds += moment.tv_nsec;
    moment.tv_sec += (time_t)(nanoseconds / 1000000000);
    moment.tv_nsec = (long)(nanoseconds % 1000000000);
    return moment;
}

static bool wall_clock_reached(const struct timespec *moment)
{
    struct timespec now = wall_clock_in(0);

    return now.tv_sec > moment->tv_sec ||
           (now.tv_sec == moment->tv_sec && now.tv_nsec >= moment->tv_nsec);
}

static enum stm_status moment_body(struct stm_tx *tx, void *argument)
{
    struct wait *wait = argument;

    wait->runs++;
    STM_TRY(stm_elapsed_at(tx, &wait->moment, &wait->timed_out));
    return wait->timed_out ? STM_OK : stm_retry(tx);
}

START_TEST(C_a_moment_of_the_wall_clock_wakes_and_not_before)
{
    struct wait wait = {.moment = wall_clock_in((int64_t)a_moment)};

    EXPECT_STATUS(STM_OK, stm_atomically(moment_body, &wait));
    EXPECT(wall_clock_reached(&wait.moment), "it was told too soon");
}
END_TEST

START_TEST(C_a_moment_that_is_past_has_passed_at_once)
{
    struct wait wait = {.moment = {.tv_sec = 1}};

    EXPECT_STATUS(STM_OK, stm_atomically(moment_body, &wait));
    EXPECT(wait.runs == 1 || shaken(), "expected no wait, got %zu attempts",
           wait.runs);
}
END_TEST

/* Moments that nanoseconds in a word cannot tell. */
static enum stm_status far_future_body(struct stm_tx *tx, void *argument)
{
    const struct timespec moments[] = {
        {.tv_sec = (time_t)1 << 62},
        {.tv_sec = INT64_MAX, .tv_nsec = 999999999},
        {.tv_sec = 18446744074}, /* 2^64 nanoseconds, and some more */
        {.tv_sec = 18446744073, .tv_nsec = 709551617}};

    (void)argument;
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        bool over = true;

        STM_TRY(stm_elapsed_at(tx, &moments[i], &over));
        EXPECT(!over, "moment %zu is far ahead and must not have passed", i);
    }
    return STM_OK;
}

START_TEST(C_a_moment_in_the_far_future_has_not_passed)
{
    EXPECT_STATUS(STM_OK, stm_atomically(far_future_body, NULL));
}
END_TEST

START_TEST(C_a_moment_before_all_time_has_passed_at_once)
{
    struct wait wait = {.moment = {.tv_sec = INT64_MIN}};

    EXPECT_STATUS(STM_OK, stm_atomically(moment_body, &wait));
    EXPECT(wait.timed_out, "expected it to be past");
}
END_TEST

/* A wait that ends with its time, told by the step interface. */
START_TEST(C_a_stepped_call_wakes_when_its_time_is_over)
{
    struct wait wait = {.time = a_moment};
    struct stm_call *call = stm_call_new(wait_body, &wait);
    uint64_t begin = monotonic_now();
    enum stm_status status;

    while ((status = stm_call_step(call)) == STM_BLOCKED)
        EXPECT_STATUS(STM_OK, stm_call_wait(call));
    EXPECT_STATUS(STM_OK, status);
    EXPECT(monotonic_now() - begin >= a_moment, "it was told too soon");
    stm_call_free(call);
}
END_TEST

/* Two times one after the other, of a caller who sleeps for the first at most:
 * time goes on for one who only asks. */
static enum stm_status two_times_body(struct stm_tx *tx, void *argument)
{
    struct wait *wait = argument;

    wait->runs++;
    STM_TRY(stm_elapsed(tx, wait->time, &wait->timed_out));
    if (wait->timed_out)
        STM_TRY(stm_elapsed(tx, 2 * wait->time, &wait->timed_out));
    return wait->timed_out ? STM_OK : stm_retry(tx);
}

static void expect_time_goes_on(bool sleeps_first)
{
    struct wait wait = {.time = a_moment};
    struct stm_call *call = stm_call_new(two_times_body, &wait);
    uint64_t begin = monotonic_now();
    enum stm_status status = stm_call_step(call);

    EXPECT_STATUS(STM_BLOCKED, status);
    if (sleeps_first)
        EXPECT_STATUS(STM_OK, stm_call_wait(call));
    while (status == STM_BLOCKED && monotonic_now() - begin < 100 * a_moment)
        status = stm_call_step(call);
    EXPECT_STATUS(STM_OK, status);
    EXPECT(monotonic_now() - begin >= 2 * a_moment, "it was told too soon");
    stm_call_free(call);
}

START_TEST(C_a_call_that_is_only_stepped_sees_time_go_on)
{
    expect_time_goes_on(false);
}
END_TEST

START_TEST(C_a_call_that_is_stepped_after_a_wait_sees_time_go_on)
{
    expect_time_goes_on(true);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("C time");

    tcase_add_test(tests, C_a_timeout_wakes_and_not_before_its_time);
    tcase_add_test(tests, C_nothing_passes_at_once_and_for_ever_never);
    tcase_add_test(tests, C_a_change_wakes_before_the_timeout);
    tcase_add_test(tests, C_a_timeout_wakes_beside_a_variable);
    tcase_add_test(tests, C_all_attempts_share_one_beginning);
    tcase_add_test(tests, C_times_that_end_in_the_instant_of_a_wakeup_are_told);
    tcase_add_test(tests, C_the_earliest_time_of_all_branches_wakes);
    tcase_add_test(tests, C_the_first_branch_whose_time_is_over_goes_through);
    tcase_add_test(tests,
                   C_of_two_times_the_earlier_wins_however_late_the_wakeup);
    tcase_add_test(tests, C_time_stands_still_within_an_attempt);
    tcase_add_test(tests, C_a_moment_of_the_wall_clock_wakes_and_not_before);
    tcase_add_test(tests, C_a_moment_that_is_past_has_passed_at_once);
    tcase_add_test(tests, C_a_moment_in_the_far_future_has_not_passed);
    tcase_add_test(tests, C_a_moment_before_all_time_has_passed_at_once);
    tcase_add_test(tests, C_a_stepped_call_wakes_when_its_time_is_over);
    tcase_add_test(tests, C_a_call_that_is_only_stepped_sees_time_go_on);
    tcase_add_test(tests,
                   C_a_call_that_is_stepped_after_a_wait_sees_time_go_on);
    return run_suite("timeout", tests);
}
