/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* What ends a sleep, and what does not, besides a change and a time-out. */
#include "support.h"

#include <time.h>

struct sleeper {
    struct stm_tvar *var;  /* 1 ends the wait */
    struct stm_tvar *lost; /* read, and let go by the body; NULL: it was */
    size_t checks;         /* calls of the hook until it ends the wait */
    size_t enters, leaves;
};

static enum stm_status wait_body(struct stm_tx *tx, void *argument)
{
    struct sleeper *sleeper = argument;
    stm_value value;

    if (sleeper->lost != NULL)
        STM_TRY(stm_tvar_get(tx, sleeper->lost, &value));
    stm_tvar_release(sleeper->lost);
    sleeper->lost = NULL;
    STM_TRY(stm_tvar_get(tx, sleeper->var, &value));
    return value == 1 ? STM_OK : stm_retry(tx);
}

static void enter(void *context) { ((struct sleeper *)context)->enters++; }
static void leave(void *context) { ((struct sleeper *)context)->leaves++; }

static enum stm_status count_down(void *context)
{
    struct sleeper *sleeper = context;

    return --sleeper->checks == 0 ? STM_EUSER - 3 : STM_OK;
}

START_TEST(a_hook_that_looks_around_now_and_then_ends_the_wait)
{
    struct sleeper sleeper = {.var = word_var(0), .checks = 5};
    const struct stm_blocking hooks = {.enter = enter,
                                       .leave = leave,
                                       .check = count_down,
                                       .check_interval = 1000000,
                                       .context = &sleeper};

    EXPECT(stm_set_blocking(&hooks) == NULL, "expected no hooks before");
    EXPECT_STATUS(STM_EUSER - 3, stm_atomically(wait_body, &sleeper));
    EXPECT(stm_set_blocking(NULL) == &hooks, "expected the hooks set before");
    EXPECT(sleeper.checks == 0, "expected 5 looks, %zu are left",
           sleeper.checks);
    EXPECT(sleeper.enters >= 5 && sleeper.enters == sleeper.leaves,
           "expected as many enters as leaves, got %zu and %zu", sleeper.enters,
           sleeper.leaves);
    stm_tvar_release(sleeper.var);
}
END_TEST

/* Nobody can change it any more; the others still can be. */
START_TEST(C_a_variable_that_is_gone_is_not_waited_for)
{
    struct sleeper sleeper = {.var = word_var(0), .lost = word_var(5)};
    struct stm_call *call = stm_call_new(wait_body, &sleeper);

    EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
    poke(sleeper.var, 1);
    EXPECT_STATUS(STM_OK, stm_call_wait(call));
    EXPECT_STATUS(STM_OK, stm_call_step(call));
    stm_call_free(call);
    stm_tvar_release(sleeper.var);
}
END_TEST

/* Waits for a time on each clock, of which the wall's is far. */
static enum stm_status two_clocks_body(struct stm_tx *tx, void *argument)
{
    const struct timespec *moment = argument;
    bool late = false, over = false;

    STM_TRY(stm_elapsed_at(tx, moment, &late));
    STM_TRY(stm_elapsed(tx, 20000000, &over));
    EXPECT(!late, "expected an hour not to have passed");
    return over ? STM_OK : stm_retry(tx);
}

START_TEST(C_the_earlier_of_two_clocks_wakes)
{
    struct timespec moment;

    clock_gettime(CLOCK_REALTIME, &moment);
    moment.tv_sec += 3600;
    EXPECT_STATUS(STM_OK, stm_atomically(two_clocks_body, &moment));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("sleep");

    tcase_add_test(tests, a_hook_that_looks_around_now_and_then_ends_the_wait);
    tcase_add_test(tests, C_a_variable_that_is_gone_is_not_waited_for);
    tcase_add_test(tests, C_the_earlier_of_two_clocks_wakes);
    return run_suite("sleep", tests);
}
