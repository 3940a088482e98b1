/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Values of types that may be released late: beside other threads' attempts
 * their release is put off, and yet comes, whatever becomes of the thread. */
#include <sched.h>
#include <unistd.h>

#include "child.h"
#include "support.h"

enum { COMMITS = 1000, KEPT = 100, ROUNDS = 20000 };

static struct stm_type late_type;

static void set_up(void)
{
    late_type = counted_type;
    late_type.late = true;
}

static struct stm_tvar *late_var(void)
{
    stm_value value = counted_new(0);
    struct stm_tvar *var = stm_tvar_new(&late_type, value);

    counted_drop(value);
    ck_assert_ptr_nonnull(var);
    return var;
}

static void await_live(size_t count)
{
    while (counted_live() > count)
        sched_yield();
}

/* ---- a thread that is in an attempt for as long as it is wanted ---- */

struct presence {
    AO_t inside;
    AO_t over;
    struct stm_tvar *var; /* that it reads, or NULL */
};

static enum stm_status stay_body(struct stm_tx *tx, void *argument)
{
    struct presence *presence = argument;
    stm_value value;

    if (presence->var)
        STM_TRY(stm_tvar_get(tx, presence->var, &value));
    AO_store_release(&presence->inside, 1);
    await_count(&presence->over, 1);
    if (presence->var)
        (void)counted_number(value);
    return STM_OK;
}

static void stay(size_t index, void *context)
{
    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(stay_body, context));
}

static struct crew *enter(struct presence *presence)
{
    struct crew *crew = crew_start(1, stay, presence);

    await_count(&presence->inside, 1);
    return crew;
}

static void leave(struct presence *presence, struct crew *crew)
{
    AO_store_release(&presence->over, 1);
    crew_join(crew);
}

/* ---- the tests ---- */

START_TEST(H_alone_a_late_value_goes_before_the_call_returns)
{
    struct stm_tvar *var = late_var();

    for (stm_value i = 0; i < COMMITS; i++) {
        poke_counted(var, i);
        EXPECT(counted_live() == 1, "expected the replaced value to be gone");
    }
    stm_tvar_release(var);
}
END_TEST

START_TEST(H_what_is_put_off_goes_without_another_attempt_of_the_thread)
{
    struct presence presence = {.var = NULL};
    struct stm_tvar *var = late_var();
    struct crew *crew = enter(&presence);

    for (stm_value i = 0; i < 5; i++)
        poke_counted(var, i);
    leave(&presence, crew);
    await_live(1);
    stm_tvar_release(var);
}
END_TEST

START_TEST(H_what_is_put_off_goes_while_the_others_stay)
{
    struct presence presence = {.var = NULL};
    struct stm_tvar *var = late_var();
    struct crew *crew = enter(&presence);

    for (stm_value i = 0; i < 5; i++)
        poke_counted(var, i);
    await_live(2); /* the first may have been seen */
    leave(&presence, crew);
    await_live(1);
    stm_tvar_release(var);
}
END_TEST

START_TEST(H_what_is_put_off_is_bounded)
{
    struct presence presence = {.var = late_var()};
    struct stm_tvar *var = late_var();
    struct crew *crew = enter(&presence);

    for (stm_value i = 0; i < workload(COMMITS); i++) {
        poke_counted(var, i);
        EXPECT(counted_live() <= KEPT, "expected at most %d, found %zu", KEPT,
               counted_live());
    }
    poke_counted(presence.var, 1);
    leave(&presence, crew);
    await_live(2);
    stm_tvar_release(var);
    stm_tvar_release(presence.var);
}
END_TEST

START_TEST(H_alone_again_a_thread_releases_what_it_had_put_off)
{
    struct presence presence = {.var = NULL};
    struct stm_tvar *var = late_var();
    struct crew *crew = enter(&presence);

    for (stm_value i = 0; i < 5; i++)
        poke_counted(var, i);
    leave(&presence, crew);
    /* Until it runs solo, and then until the service thread, which may have
     * taken the list before, has released it. */
    for (stm_value i = 0; i < COMMITS; i++)
        poke_counted(var, i);
    await_live(1);
    stm_tvar_release(var);
}
END_TEST

static void poke_five(size_t index, void *context)
{
    (void)index;
    for (stm_value i = 0; i < 5; i++)
        poke_counted(context, i);
}

START_TEST(H_a_thread_that_ends_leaves_nothing_behind)
{
    struct presence presence = {.var = NULL};
    struct stm_tvar *var = late_var();
    struct crew *crew = enter(&presence);

    crew_run(3, poke_five, var);
    leave(&presence, crew);
    await_live(1);
    stm_tvar_release(var);
}
END_TEST

static bool goes_in_child(void *context)
{
    poke_counted(context, 7);
    await_live(1);
    return true;
}

START_TEST(H_a_forked_child_releases_what_was_put_off)
{
    struct presence presence = {.var = NULL};
    struct stm_tvar *var = late_var();
    struct crew *crew = enter(&presence);

    for (stm_value i = 0; i < 5; i++)
        poke_counted(var, i);
    expect_in_child(goes_in_child, var);
    leave(&presence, crew);
    await_live(1);
    stm_tvar_release(var);
}
END_TEST

/* Some threads commit, with pauses now and then that are long enough for the
 * service thread to take what they have put off. */
static void come_and_go(size_t index, void *context)
{
    struct generator generator;

    generator_init(&generator, index);
    for (size_t i = 0; i < workload(ROUNDS); i++) {
        poke_counted(context, i);
        if (generator_below(&generator, 2000) == 0)
            usleep(30000 + (unsigned)generator_below(&generator, 20000));
    }
}

START_TEST(A_H_threads_that_come_and_go_release_all_once)
{
    struct stm_tvar *var = late_var();

    crew_run(3, come_and_go, var);
    await_live(1);
    stm_tvar_release(var);
    EXPECT(counted_live() == 0, "expected nothing to stay");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("later");

    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, H_alone_a_late_value_goes_before_the_call_returns);
    tcase_add_test(
        tests, H_what_is_put_off_goes_without_another_attempt_of_the_thread);
    tcase_add_test(tests, H_what_is_put_off_goes_while_the_others_stay);
    tcase_add_test(tests, H_what_is_put_off_is_bounded);
    tcase_add_test(tests, H_alone_again_a_thread_releases_what_it_had_put_off);
    tcase_add_test(tests, H_a_thread_that_ends_leaves_nothing_behind);
    tcase_add_test(tests, H_a_forked_child_releases_what_was_put_off);
    tcase_add_test(tests, A_H_threads_that_come_and_go_release_all_once);
    return run_suite("later", tests);
}
