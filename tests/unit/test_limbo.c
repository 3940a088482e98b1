/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* What is released, and when, beside attempts that begin and end at the same
 * moment: the hand-shakes of stm/limbo.c, which tests/model/limbo.pml lays
 * out. */
#include "support.h"

enum {
    ROUNDS = 50000,
    ATTEMPTS = 3,
    COMMITS = 50000,
    OBJECTS = 64,
    CROWD = 140
};

/* ---- a variable that an attempt has read ---- */

struct outlived {
    struct stm_tvar *var;
    size_t live; /* after the last reference was gone, in the attempt */
    bool gone;
};

static void letting_go_thread(size_t index, void *context)
{
    struct outlived *state = context;

    (void)index;
    stm_tvar_release(state->var);
}

static enum stm_status outlived_body(struct stm_tx *tx, void *argument)
{
    struct outlived *state = argument;
    stm_value value;

    if (state->gone)
        return STM_OK;
    STM_TRY(stm_tvar_get(tx, state->var, &value));
    state->gone = true;
    crew_run(1, letting_go_thread, state);
    state->live = counted_live();
    EXPECT(counted_number(value) == 7, "expected to read 7 still");
    return STM_OK;
}

START_TEST(A_a_variable_stays_for_the_attempt_that_has_read_it)
{
    struct outlived state = {.var = counted_var(7)};

    EXPECT_STATUS(STM_OK, stm_atomically(outlived_body, &state));
    EXPECT(state.live == 1,
           "expected the variable and its value to stay until the attempt has "
           "ended");
    EXPECT(counted_live() == 0, "expected them to go when it had ended");
}
END_TEST

/* ---- nothing stays behind ---- */

/* Two threads that make a few attempts at the same time, and then look whether
 * all that these held back is released. */
struct burst {
    struct stm_tvar *var;
    AO_t arrived;
    bool buries; /* are there dead variables, or replaced values? */
};

static void meet(struct burst *burst, AO_t times)
{
    AO_fetch_and_add1_full(&burst->arrived);
    await_count(&burst->arrived, 2 * times);
}

static void change_something(struct burst *burst)
{
    if (burst->buries)
        stm_tvar_release(counted_var(1));
    else
        poke_counted(burst->var, 1);
}

static void burst_thread(size_t index, void *context)
{
    struct burst *burst = context;
    size_t rounds = workload(ROUNDS);

    for (size_t i = 0; i < rounds; i++) {
        meet(burst, 2 * i + 1);
        for (size_t j = 0; j < ATTEMPTS; j++)
            if (index == 0)
                change_something(burst);
            else
                (void)peek(burst->var);
        meet(burst, 2 * i + 2);
        if (index == 0)
            EXPECT(counted_live() == 1,
                   "expected 1 value when all attempts had ended, got %zu in "
                   "round %zu",
                   counted_live(), i);
    }
}

static void run_burst(bool buries)
{
    struct burst burst = {.var = counted_var(0), .buries = buries};

    crew_run(2, burst_thread, &burst);
    stm_tvar_release(burst.var);
}

START_TEST(H_no_value_is_left_with_an_attempt_that_ends) { run_burst(false); }
END_TEST

START_TEST(H_no_variable_is_left_with_an_attempt_that_ends) { run_burst(true); }
END_TEST

/* ---- values that a commit compares ---- */

/* The objects are never freed, so that one which is released can be told. */
static AO_t references[OBJECTS];

static void object_retain(stm_value value)
{
    AO_fetch_and_add1_full(&references[value]);
}

static void object_release(stm_value value)
{
    AO_fetch_and_sub1_full(&references[value]);
}

/* All are the same but the last, so that whoever waits for that sleeps on. */
static bool object_equal(stm_value a, stm_value b)
{
    EXPECT(AO_load(&references[a]) > 0 && AO_load(&references[b]) > 0,
           "expected to compare values that are not released");
    return a != OBJECTS - 1 && b != OBJECTS - 1;
}

static const struct stm_type object_type = {.name = "an object",
                                            .retain = object_retain,
                                            .release = object_release,
                                            .equal = object_equal};

/* An object that nobody refers to; from then on the caller does. */
static stm_value fresh_object(void)
{
    for (stm_value i = 1;; i = i % (OBJECTS - 2) + 1)
        if (AO_load(&references[i]) == 0 &&
            AO_compare_and_swap_full(&references[i], 0, 1))
            return i;
}

/* Nothing but the attempt, and then the variable, refers to the new value. */
static enum stm_status change_body(struct stm_tx *tx, void *argument)
{
    stm_value value = fresh_object();
    enum stm_status status = stm_tvar_set(tx, argument, value);

    object_release(value);
    return status;
}

static enum stm_status last_body(struct stm_tx *tx, void *argument)
{
    return stm_tvar_set(tx, argument, OBJECTS - 1);
}

static enum stm_status await_last_body(struct stm_tx *tx, void *argument)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, argument, &value));
    return value == OBJECTS - 1 ? STM_OK : stm_retry(tx);
}

static void waiting_thread(size_t index, void *context)
{
    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(await_last_body, context));
}

static void changing_thread(size_t index, void *context)
{
    size_t commits = workload(COMMITS);

    (void)index;
    for (size_t i = 0; i < commits; i++)
        EXPECT_STATUS(STM_OK, stm_atomically(change_body, context));
}

START_TEST(A_values_that_a_commit_compares_are_not_released)
{
    struct stm_tvar *var;
    struct crew *waiting;

    references[0] = references[OBJECTS - 1] = 1;
    var = stm_tvar_new(&object_type, 0);
    waiting = crew_start(1, waiting_thread, var);
    crew_await_sleep(waiting);
    crew_run(3, changing_thread, var);
    EXPECT_STATUS(STM_OK, stm_atomically(last_body, var));
    crew_join(waiting);
    stm_tvar_release(var);
    for (size_t i = 0; i < OBJECTS; i++)
        EXPECT(references[i] == (i == 0 || i == OBJECTS - 1),
               "expected object %zu to be released", i);
}
END_TEST

/* ---- many attempts ---- */

struct crowd {
    struct stm_tvar *var;
    AO_t inside, over;
};

static enum stm_status stay_body(struct stm_tx *tx, void *argument)
{
    struct crowd *crowd = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, crowd->var, &value));
    AO_fetch_and_add1_full(&crowd->inside);
    await_count(&crowd->over, 1);
    return STM_OK;
}

static void staying_thread(size_t index, void *context)
{
    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(stay_body, context));
}

/* What they have seen stays, and nothing else. */
START_TEST(H_a_crowd_of_attempts_holds_back_what_it_can_see)
{
    struct crowd crowd = {.var = counted_var(0)};
    struct crew *crew = crew_start(CROWD, staying_thread, &crowd);

    await_count(&crowd.inside, CROWD);
    for (stm_value i = 1; i <= 100; i++)
        poke_counted(crowd.var, i);
    EXPECT(counted_live() == 2,
           "expected the value that was seen and the last one, found %zu",
           counted_live());
    AO_store_release(&crowd.over, 1);
    crew_join(crew);
    EXPECT(counted_live() == 1, "expected the last one, found %zu",
           counted_live());
    stm_tvar_release(crowd.var);
}
END_TEST

/* ---- a release function that sleeps ---- */

static struct stm_type sleepy_type;
static struct stm_tvar *never;

static void nothing(void *context) { (void)context; }

static enum stm_status give_up(void *context)
{
    (void)context;
    return STM_EABORT;
}

static enum stm_status sleep_body(struct stm_tx *tx, void *argument)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, argument, &value));
    return stm_retry(tx);
}

static void sleepy_release(stm_value value)
{
    counted_type.release(value);
    EXPECT_STATUS(STM_EABORT, stm_atomically(sleep_body, never));
}

static void replacing_thread(size_t index, void *context)
{
    (void)index;
    poke_counted(context, 1);
}

struct pair {
    struct stm_tvar *other, *own;
};

/* It could have read the other thread's variable. */
static enum stm_status replace_body(struct stm_tx *tx, void *argument)
{
    struct pair *pair = argument;

    crew_run(1, replacing_thread, pair->other);
    return stm_tvar_set(tx, pair->own, 0);
}

/* Its thread has no slot any more when what the attempt held back is taken. */
START_TEST(H_a_release_function_may_give_up_sleeping)
{
    static const struct stm_blocking hooks = {.enter = nothing,
                                              .leave = nothing,
                                              .check = give_up,
                                              .check_interval = 1000000};
    struct pair pair = {.other = counted_var(0)};
    stm_value value = counted_new(0);

    sleepy_type = counted_type;
    sleepy_type.release = sleepy_release;
    never = word_var(0);
    pair.own = stm_tvar_new(&sleepy_type, value);
    counted_type.release(value);
    stm_set_blocking(&hooks);
    EXPECT_STATUS(STM_OK, stm_atomically(replace_body, &pair));
    stm_set_blocking(NULL);
    EXPECT(counted_live() == 1, "expected one value, found %zu",
           counted_live());
    stm_tvar_release(pair.other);
    stm_tvar_release(pair.own);
    stm_tvar_release(never);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("limbo");

    tcase_add_test(tests, A_a_variable_stays_for_the_attempt_that_has_read_it);
    tcase_add_test(tests, H_no_value_is_left_with_an_attempt_that_ends);
    tcase_add_test(tests, H_no_variable_is_left_with_an_attempt_that_ends);
    tcase_add_test(tests, A_values_that_a_commit_compares_are_not_released);
    tcase_add_test(tests, H_a_crowd_of_attempts_holds_back_what_it_can_see);
    tcase_add_test(tests, H_a_release_function_may_give_up_sleeping);
    return run_suite("limbo", tests);
}
