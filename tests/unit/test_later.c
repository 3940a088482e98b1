/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Values of types that may be released late: beside other threads' attempts
 * their release is put off, and yet comes, whatever becomes of the thread. */
#include <sched.h>
#include <unistd.h>

#include "child.h"
#include "presence.h"

enum { COMMITS = 1000, KEPT = 100, ROUNDS = 20000 };

static struct stm_type late_type;

static void set_up(void)
{
    late_type = counted_type;
    late_type.late = true;
}

/* Also what each member of a crew does. */
static void poke_five(size_t index, void *context)
{
    (void)index;
    for (stm_value i = 0; i < 5; i++)
        poke_counted(context, i);
}

/* ---- the tests ---- */

START_TEST(H_alone_a_late_value_goes_before_the_call_returns)
{
    struct stm_tvar *var = var_of(&late_type);

    for (stm_value i = 0; i < COMMITS; i++) {
        poke_counted(var, i);
        EXPECT(counted_live() == 1, "expected the replaced value to be gone");
    }
    stm_tvar_release(var);
}
END_TEST

START_TEST(H_what_is_put_off_goes_without_another_attempt_of_the_thread)
{
    struct presence presence = {0};
    struct stm_tvar *var = var_of(&late_type);
    struct crew *crew = presence_enter(&presence);

    poke_five(0, var);
    presence_leave(&presence, crew);
    await_live(1);
    stm_tvar_release(var);
}
END_TEST

START_TEST(H_what_is_put_off_goes_while_the_others_stay)
{
    struct presence presence = {0};
    struct stm_tvar *var = var_of(&late_type);
    struct crew *crew = presence_enter(&presence);

    poke_five(0, var);
    await_live(2); /* the first may have been seen */
    presence_leave(&presence, crew);
    await_live(1);
    stm_tvar_release(var);
}
END_TEST

START_TEST(H_what_is_put_off_is_bounded)
{
    struct presence presence = {.var = var_of(&late_type)};
    struct stm_tvar *var = var_of(&late_type);
    struct crew *crew = presence_enter(&presence);

    for (stm_value i = 0; i < workload(COMMITS); i++) {
        poke_counted(var, i);
        EXPECT(counted_live() <= KEPT, "expected at most %d, found %zu", KEPT,
               counted_live());
    }
    poke_counted(presence.var, 1);
    presence_leave(&presence, crew);
    await_live(2);
    stm_tvar_release(var);
    stm_tvar_release(presence.var);
}
END_TEST

START_TEST(H_alone_again_a_thread_releases_what_it_had_put_off)
{
    struct presence presence = {0};
    struct stm_tvar *var = var_of(&late_type);
    struct crew *crew = presence_enter(&presence);

    poke_five(0, var);
    presence_leave(&presence, crew);
    /* Until it runs solo, and then until the service thread, which may have
     * taken the list before, has released it. */
    for (stm_value i = 0; i < COMMITS; i++)
        poke_counted(var, i);
    await_live(1);
    stm_tvar_release(var);
}
END_TEST

START_TEST(H_a_thread_that_ends_leaves_nothing_behind)
{
    struct presence presence = {0};
    struct stm_tvar *var = var_of(&late_type);
    struct crew *crew = presence_enter(&presence);

    crew_run(3, poke_five, var);
    presence_leave(&presence, crew);
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
    struct presence presence = {0};
    struct stm_tvar *var = var_of(&late_type);
    struct crew *crew = presence_enter(&presence);

    poke_five(0, var);
    expect_in_child(goes_in_child, var);
    presence_leave(&presence, crew);
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
    struct stm_tvar *var = var_of(&late_type);

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
