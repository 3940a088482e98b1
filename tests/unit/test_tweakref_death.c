/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* What a weakly referenced object's death sets off on the service thread:
 * watchers, a callback that runs once, and nothing where nobody is interested
 * any more. */
#include "mortal.h"
#include "sleeper.h"

/* ---- watchers ---- */

struct guard {
    struct weakling *weak;
    struct stm_tvar *alive;  /* what the watcher saw last */
    enum stm_status failure; /* when it finds it dead */
};

static enum stm_status guard_function(struct stm_tx *tx, stm_value argument,
                                      stm_value *result)
{
    struct guard *guard = (struct guard *)argument;
    bool alive;

    STM_TRY(weakling_alive(tx, guard->weak, &alive));
    if (!alive && guard->failure != STM_OK)
        return guard->failure;
    *result = alive;
    return stm_tvar_set(tx, guard->alive, alive);
}

static enum stm_status guard_body(struct stm_tx *tx, void *argument)
{
    struct stm_watch watch = {.function = guard_function,
                              .argument = (stm_value)argument};

    return stm_watch(tx, &watch, NULL);
}

static enum stm_status await_zero_body(struct stm_tx *tx, void *argument)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, argument, &value));
    return value == 0 ? STM_OK : stm_retry(tx);
}

START_TEST(a_watcher_runs_again_when_it_dies)
{
    struct weakling weak = {.mortal = mortal_new()};
    struct guard guard = {&weak, word_var(2), STM_OK};

    weakling_make(&weak);
    EXPECT_STATUS(STM_OK, stm_atomically(guard_body, &guard));
    EXPECT(peek(guard.alive) == 1, "expected the watcher to see it alive");
    EXPECT(live_threads() == 1, "expected no thread while it lives");
    mortal_drop(weak.mortal);
    EXPECT_STATUS(STM_OK, stm_atomically(await_zero_body, guard.alive));
    weakling_forget(&weak);
    await_no_mortals();
    stm_tvar_release(guard.alive);
}
END_TEST

static AO_t failures;
static enum stm_status expected; /* that they are told of with */

static void count_failure(void *context, enum stm_status status,
                          const char *message)
{
    (void)context;
    (void)message;
    EXPECT(status == expected, "expected status %d, got %d", expected, status);
    AO_fetch_and_add1_full(&failures);
}

static void expect_failure(enum stm_status status)
{
    static const struct stm_service service = {.unhandled = count_failure};

    expected = status;
    AO_store(&failures, 0);
    stm_set_service(&service);
}

static enum stm_status await_death_body(struct stm_tx *tx, void *argument)
{
    bool alive;

    STM_TRY(weakling_alive(tx, argument, &alive));
    return alive ? stm_retry(tx) : STM_OK;
}

static void await_death(size_t index, void *weak)
{
    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(await_death_body, weak));
}

START_TEST(a_watcher_that_fails_keeps_no_one_waiting)
{
    struct weakling weak = {.mortal = mortal_new()};
    struct guard guard = {&weak, word_var(2), STM_EUSER - 1};
    struct crew *crew;

    expect_failure(STM_EUSER - 1);
    weakling_make(&weak);
    EXPECT_STATUS(STM_OK, stm_atomically(guard_body, &guard));
    crew = crew_start(1, await_death, &weak);
    crew_await_sleep(crew);
    mortal_drop(weak.mortal);
    crew_join(crew);
    await_count(&failures, 1);
    weakling_forget(&weak);
    await_no_mortals();
    EXPECT(AO_load(&failures) == 1, "expected one failure");
    stm_set_service(NULL);
    stm_tvar_release(guard.alive);
}
END_TEST

/* ---- callbacks ---- */

static struct stm_tvar *calls; /* how many callbacks have committed */

static enum stm_status count_call(struct stm_tx *tx, void *argument)
{
    stm_value value;

    EXPECT(argument == NULL || counted_number((stm_value)argument) == 7,
           "expected the argument");
    STM_TRY(stm_tvar_get(tx, calls, &value));
    return stm_tvar_set(tx, calls, value + 1);
}

START_TEST(its_callback_runs_once_after_the_death)
{
    struct weakling weak = {.mortal = mortal_new(),
                            .callback = count_call,
                            .argument = counted_new(7),
                            .argument_type = &counted_type};

    calls = word_var(0);
    weakling_make(&weak);
    counted_drop(weak.argument);
    EXPECT(peek(calls) == 0, "expected no call while it lives");
    mortal_drop(weak.mortal);
    weakling_forget(&weak);
    await_no_mortals();
    EXPECT(peek(calls) == 1, "expected one call, got %zu", (size_t)peek(calls));
    EXPECT(counted_live() == 0, "expected its argument to be let go");
    stm_tvar_release(calls);
}
END_TEST

START_TEST(one_that_is_let_go_before_the_death_calls_nothing)
{
    struct weakling weak = {.mortal = mortal_new(),
                            .callback = count_call,
                            .argument = counted_new(7),
                            .argument_type = &counted_type};

    calls = word_var(0);
    weakling_make(&weak);
    counted_drop(weak.argument);
    weakling_forget(&weak);
    EXPECT(counted_live() == 0, "expected its argument to be let go");
    mortal_drop(weak.mortal);
    EXPECT(mortal_blocks() == 0 && live_threads() == 1,
           "expected nothing to be left");
    EXPECT(peek(calls) == 0, "expected no call");
    stm_tvar_release(calls);
}
END_TEST

static enum stm_status fail_call(struct stm_tx *tx, void *argument)
{
    STM_TRY(count_call(tx, argument));
    return STM_EUSER - 2;
}

START_TEST(a_callback_that_fails_is_told_of_and_undone)
{
    struct weakling weak = {.mortal = mortal_new(), .callback = fail_call};

    expect_failure(STM_EUSER - 2);
    calls = word_var(0);
    weakling_make(&weak);
    mortal_drop(weak.mortal);
    weakling_forget(&weak);
    await_no_mortals();
    EXPECT(AO_load(&failures) == 1 && peek(calls) == 0,
           "expected one failure and nothing committed");
    stm_set_service(NULL);
    stm_tvar_release(calls);
}
END_TEST

/* ---- many ---- */

enum { MANY = 100000 };

START_TEST(many_deaths_at_once_need_one_thread)
{
    static struct weakling weak[MANY];
    size_t count = workload(MANY);

    gate_close(); /* until all are dead */
    calls = word_var(0);
    for (size_t i = 0; i < count; i++) {
        weak[i] =
            (struct weakling){.mortal = mortal_new(), .callback = count_call};
        weakling_make(&weak[i]);
    }
    for (size_t i = 0; i < count; i++)
        mortal_drop(weak[i].mortal);
    EXPECT(live_threads() == 2, "expected one thread for all, got %zu",
           live_threads() - 1);
    gate_open();
    for (size_t i = 0; i < count; i++)
        weakling_forget(&weak[i]);
    await_no_mortals();
    EXPECT(peek(calls) == count, "expected %zu calls, got %zu", count,
           (size_t)peek(calls));
    stm_tvar_release(calls);
}
END_TEST

/* ---- beside each other ---- */

/* One lets the referent go, the other the weak reference. */
struct race {
    struct weakling weak;
    AO_t ready;
};

static void race(size_t index, void *context)
{
    struct race *races = context;

    for (size_t i = 0; i < workload(5000); i++) {
        AO_fetch_and_add1_full(&races[i].ready);
        await_count(&races[i].ready, 2);
        if (index == 0)
            mortal_drop(races[i].weak.mortal);
        else
            weakling_forget(&races[i].weak);
    }
}

START_TEST(a_death_beside_the_last_release_is_safe)
{
    static struct race races[5000];

    calls = word_var(0);
    for (size_t i = 0; i < workload(5000); i++) {
        races[i].weak =
            (struct weakling){.mortal = mortal_new(), .callback = count_call};
        weakling_make(&races[i].weak);
    }
    crew_run(2, race, races);
    await_no_mortals();
    EXPECT(peek(calls) <= workload(5000), "expected no callback to run twice");
    stm_tvar_release(calls);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("deaths");

    tcase_add_test(tests, a_watcher_runs_again_when_it_dies);
    tcase_add_test(tests, a_watcher_that_fails_keeps_no_one_waiting);
    tcase_add_test(tests, its_callback_runs_once_after_the_death);
    tcase_add_test(tests, one_that_is_let_go_before_the_death_calls_nothing);
    tcase_add_test(tests, a_callback_that_fails_is_told_of_and_undone);
    tcase_add_test(tests, many_deaths_at_once_need_one_thread);
    tcase_add_test(tests, a_death_beside_the_last_release_is_safe);
    return run_suite("tweakref_death", tests);
}
