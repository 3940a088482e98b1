/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* A thread that runs solo (stm/solo.c), and another that comes: all is as it
 * would be beside others. */
#include "solo_scene.h"

#include <sched.h>

#include <stm/slot-internal.h>

/* ---- a second thread ---- */

static enum stm_status disturbed_body(struct stm_tx *tx, void *argument)
{
    struct scene *scene = argument;

    STM_TRY(stm_tvar_get(tx, scene->x, &scene->got));
    if (scene->runs++ == 0) {
        scene->was_solo = is_solo();
        atomically_elsewhere(raise_both, scene);
    }
    return raise_both(tx, scene);
}

START_TEST(A_what_was_read_solo_does_not_go_with_what_comes_later)
{
    struct scene scene;
    struct stm_stats before, after;

    scene_init(&scene);
    stm_stats_read(&before);
    EXPECT_STATUS(STM_OK, stm_atomically(disturbed_body, &scene));
    after = stats_since(&before);
    EXPECT(shaken() || after.conflicts == 1, "expected 1 conflict, got %zu",
           (size_t)after.conflicts);
    expect_both(&scene, 2);
    scene_fini(&scene);
}
END_TEST

/* Writes solo, and reads when that has ended. */
static enum stm_status undisturbed_body(struct stm_tx *tx, void *argument)
{
    struct scene *scene = argument;

    STM_TRY(stm_tvar_set(tx, scene->own, 7));
    if (scene->runs++ == 0) {
        scene->was_solo = is_solo();
        atomically_elsewhere(raise_both, scene);
    }
    STM_TRY(read_both(tx, scene, &scene->got));
    return stm_tvar_get(tx, scene->own, &scene->got);
}

START_TEST(one_who_has_read_nothing_goes_on_beside_others)
{
    struct scene scene;
    struct stm_stats before, after;

    scene_init(&scene);
    stm_stats_read(&before);
    EXPECT_STATUS(STM_OK, stm_atomically(undisturbed_body, &scene));
    after = stats_since(&before);
    EXPECT(shaken() || after.conflicts == 0, "expected no conflict, got %zu",
           (size_t)after.conflicts);
    EXPECT(shaken() || !scene.was_solo || !is_solo(),
           "expected not to run solo any more");
    EXPECT(scene.got == 7 && peek(scene.own) == 7,
           "expected the write made solo to be kept");
    expect_both(&scene, 1);
    scene_fini(&scene);
}
END_TEST

/* Only writes; the end finds that it is not solo. */
static enum stm_status writing_body(struct stm_tx *tx, void *argument)
{
    struct scene *scene = argument;

    STM_TRY(stm_tvar_set(tx, scene->x, 10));
    STM_TRY(stm_tvar_set(tx, scene->y, 10));
    if (scene->runs++ == 0)
        atomically_elsewhere(raise_both, scene);
    return STM_OK;
}

START_TEST(one_who_has_only_written_commits_beside_others)
{
    struct scene scene;
    struct stm_stats before, after;

    scene_init(&scene);
    stm_stats_read(&before);
    EXPECT_STATUS(STM_OK, stm_atomically(writing_body, &scene));
    after = stats_since(&before);
    EXPECT(shaken() || after.conflicts == 0, "expected no conflict, got %zu",
           (size_t)after.conflicts);
    expect_both(&scene, 10);
    scene_fini(&scene);
}
END_TEST

/* Reads solo, and writes when that has ended. */
static enum stm_status overtaken_body(struct stm_tx *tx, void *argument)
{
    struct scene *scene = argument;
    stm_value value;

    STM_TRY(read_both(tx, scene, &value));
    if (scene->runs++ == 0)
        atomically_elsewhere(raise_both, scene);
    STM_TRY(stm_tvar_set(tx, scene->x, value + 1));
    return stm_tvar_set(tx, scene->y, value + 1);
}

START_TEST(A_one_who_was_solo_does_not_publish_over_others)
{
    struct scene scene;

    scene_init(&scene);
    EXPECT_STATUS(STM_OK, stm_atomically(overtaken_body, &scene));
    expect_both(&scene, 2);
    scene_fini(&scene);
}
END_TEST

/* ---- one who is late ---- */

static void ending_solo_thread(size_t index, void *context)
{
    (void)index;
    (void)context;
    stm__solo_end(NULL);
}

/* The other thread is held up by what looks like publishing. */
START_TEST(A_nobody_becomes_solo_beside_one_who_is_late_in_ending_that)
{
    struct stm__slot *slot = stm__slot_acquire();
    struct crew *late;
    bool became_solo;

    if (!stm__solo_try(slot)) /* never here */
        return;
    AO_store(&slot->publishing, 1);
    late = crew_start(1, ending_solo_thread, NULL);
    while (AO_load_acquire(&slot->solo))
        sched_yield();
    stm__solo_withdraw(slot);
    became_solo = stm__solo_try(slot);
    AO_store_release(&slot->publishing, 0);
    crew_join(late);
    EXPECT(!became_solo && !AO_load(&slot->solo) && !AO_load(&stm__solo),
           "expected not to run solo while one was late in ending that");
    EXPECT(stm__solo_try(slot), "expected to run solo after that");
    stm__solo_withdraw(slot);
}
END_TEST

START_TEST(A_whoever_withdraws_takes_its_flag_down_in_any_case)
{
    struct stm__slot *slot = stm__slot_acquire();

    AO_store(&slot->solo, 1); /* and one who was late has cleared stm__solo */
    stm__solo_withdraw(slot);
    EXPECT(!AO_load(&slot->solo), "expected the flag to be down");
}
END_TEST

START_TEST(H_nobody_becomes_solo_with_something_left_in_the_slot)
{
    struct stm__slot *slot = stm__slot_acquire();

    AO_store(&slot->asked, 1);
    EXPECT(!stm__solo_try(slot), "expected not to run solo when asked");
    AO_store(&slot->asked, 0);
}
END_TEST

/* ---- many threads that come and go ---- */

static void coming_thread(size_t index, void *context)
{
    struct scene own = *(struct scene *)context;

    for (size_t i = 0; i < 8; i++)
        EXPECT_STATUS(
            STM_OK,
            stm_atomically((index + i) % 2 ? raise_both : watch_both, &own));
}

static void counting_thread(size_t index, void *context)
{
    struct scene own = *(struct scene *)context;

    (void)index;
    for (size_t i = 0; i < workload(200000); i++)
        EXPECT_STATUS(STM_OK,
                      stm_atomically(i % 4 ? raise_both : watch_both, &own));
}

/* How many of them raise. */
static size_t raises(size_t attempts) { return attempts - (attempts + 3) / 4; }

START_TEST(A_one_counts_while_others_come_and_go)
{
    enum { TIMES = 100 };
    struct scene scene;
    struct stm_stats before, after;
    struct crew *counting;

    scene_init(&scene);
    stm_stats_read(&before);
    counting = crew_start(1, counting_thread, &scene);
    for (size_t i = 0; i < TIMES; i++)
        crew_run(2, coming_thread, &scene);
    crew_join(counting);
    after = stats_since(&before);
    EXPECT(after.attempts ==
               after.commits + after.conflicts + after.retries + after.aborts,
           "expected the attempts to be the sum of how they ended");
    EXPECT(after.commits == workload(200000) + TIMES * 16,
           "expected %zu commits, got %zu", workload(200000) + TIMES * 16,
           (size_t)after.commits);
    expect_both(&scene, raises(workload(200000)) + TIMES * 8);
    scene_fini(&scene);
}
END_TEST

/* ---- nesting ---- */

static enum stm_status raise_and_retry(struct stm_tx *tx, void *argument)
{
    STM_TRY(raise_both(tx, argument));
    return stm_retry(tx);
}

static enum stm_status raise_and_fail(struct stm_tx *tx, void *argument)
{
    STM_TRY(raise_both(tx, argument));
    return STM_EABORT;
}

static enum stm_status nesting_body(struct stm_tx *tx, void *argument)
{
    struct scene *scene = argument;
    const struct stm_branch branches[] = {{raise_and_retry, scene},
                                          {raise_both, scene}};
    stm_value value;

    STM_TRY(raise_both(tx, scene));
    STM_TRY(expect_result(STM_EABORT, stm_atomically(raise_and_fail, scene),
                          "nested", __FILE__, __LINE__));
    STM_TRY(stm_tx_status(tx));
    STM_TRY(stm_or_else(tx, branches, 2));
    STM_TRY(read_both(tx, scene, &value));
    EXPECT(value % 2 == 0, "expected what was undone to be gone, got %zu",
           (size_t)value);
    return STM_OK;
}

START_TEST(B_what_a_branch_or_a_nested_one_did_solo_is_undone)
{
    struct scene scene;

    scene_init(&scene);
    for (size_t i = 0; i < workload(1000); i++)
        EXPECT_STATUS(STM_OK, stm_atomically(nesting_body, &scene));
    expect_both(&scene, 2 * workload(1000));
    EXPECT_STATUS(STM_EABORT, stm_atomically(raise_and_fail, &scene));
    expect_both(&scene, 2 * workload(1000));
    scene_fini(&scene);
}
END_TEST

/* ---- memory ---- */

START_TEST(H_a_value_replaced_solo_goes_at_once)
{
    struct scene scene;
    struct stm_tvar *var = counted_var(0);

    scene_init(&scene);
    for (size_t i = 1; i <= 1000; i++) {
        poke_counted(var, i);
        EXPECT(counted_live() == 1, "expected 1 value, got %zu",
               counted_live());
    }
    stm_tvar_release(var);
    EXPECT(counted_live() == 0, "expected the last one to go, too");
    scene_fini(&scene);
}
END_TEST

static enum stm_status release_body(struct stm_tx *tx, void *argument)
{
    struct stm_tvar **var = argument;
    stm_value value;

    if (!*var)
        return STM_OK;
    STM_TRY(stm_tvar_get(tx, *var, &value));
    stm_tvar_release(*var);
    *var = NULL;
    EXPECT(counted_number(value) == 5, "expected to read 5 still");
    return STM_OK;
}

START_TEST(H_a_variable_released_in_an_attempt_solo_goes_with_it)
{
    struct scene scene;

    scene_init(&scene);
    for (size_t i = 0; i < 200; i++) {
        struct stm_tvar *var = counted_var(5);

        EXPECT_STATUS(STM_OK, stm_atomically(release_body, &var));
        EXPECT(counted_live() == 0, "expected no value in round %zu, got %zu",
               i, counted_live());
    }
    scene_fini(&scene);
}
END_TEST

static void releasing_thread(size_t index, void *context)
{
    (void)index;
    (void)context;
    stm_tvar_release(word_var(0));
}

/* Writes a variable solo, whose last reference goes, and reads when it is not
 * solo any more. */
static enum stm_status outlasting_body(struct stm_tx *tx, void *argument)
{
    struct scene *scene = argument;

    if (!scene->lasting)
        return STM_OK;
    STM_TRY(set_counted(tx, scene->lasting, 6));
    stm_tvar_release(scene->lasting);
    scene->lasting = NULL;
    crew_run(1, releasing_thread, NULL); /* a grace period begins */
    STM_TRY(read_both(tx, scene, &scene->got));
    crew_run(1, releasing_thread, NULL); /* and is looked at */
    EXPECT(counted_live() == 2,
           "expected the variable to stay with its value, and the one set, got "
           "%zu",
           counted_live());
    return STM_OK;
}

START_TEST(
    A_a_variable_written_solo_stays_when_the_attempt_goes_on_beside_others)
{
    struct scene scene;

    scene_init(&scene);
    for (size_t i = 0; i < 20; i++) {
        run_solo(scene.own);
        scene.lasting = counted_var(5);
        EXPECT_STATUS(STM_OK, stm_atomically(outlasting_body, &scene));
        EXPECT(counted_live() == 0,
               "expected both values to go with the attempt, got %zu",
               counted_live());
    }
    scene_fini(&scene);
}
END_TEST

static bool may;

static bool may_release(stm_value value)
{
    (void)value;
    return may;
}

START_TEST(H_what_could_not_be_released_solo_goes_when_it_can_be)
{
    struct stm_type type = counted_type;
    struct scene scene;
    struct stm_tvar *var;
    stm_value value = counted_new(1);

    scene_init(&scene);
    type.may_release = may_release;
    may = true;
    var = stm_tvar_new(&type, value);
    counted_drop(value);
    run_solo(scene.own);
    may = false;
    poke(var, 0);
    EXPECT(counted_live() == 1, "expected the value to stay");
    run_solo(scene.own);
    may = true;
    (void)peek(scene.own);
    EXPECT(counted_live() == 0,
           "expected the next transaction to release the value");
    stm_tvar_release(var);
    scene_fini(&scene);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("solo");

    tcase_add_test(tests,
                   A_what_was_read_solo_does_not_go_with_what_comes_later);
    tcase_add_test(tests, one_who_has_read_nothing_goes_on_beside_others);
    tcase_add_test(tests, one_who_has_only_written_commits_beside_others);
    tcase_add_test(tests, A_one_who_was_solo_does_not_publish_over_others);
    tcase_add_test(tests,
                   A_nobody_becomes_solo_beside_one_who_is_late_in_ending_that);
    tcase_add_test(tests, A_whoever_withdraws_takes_its_flag_down_in_any_case);
    tcase_add_test(tests,
                   H_nobody_becomes_solo_with_something_left_in_the_slot);
    tcase_add_test(tests, A_one_counts_while_others_come_and_go);
    tcase_add_test(tests, B_what_a_branch_or_a_nested_one_did_solo_is_undone);
    tcase_add_test(tests, H_a_value_replaced_solo_goes_at_once);
    tcase_add_test(tests,
                   H_a_variable_released_in_an_attempt_solo_goes_with_it);
    tcase_add_test(
        tests,
        A_a_variable_written_solo_stays_when_the_attempt_goes_on_beside_others);
    tcase_add_test(tests,
                   H_what_could_not_be_released_solo_goes_when_it_can_be);
    return run_suite("solo", tests);
}
