/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Sorting a transactional list by a compare function that changes the list, or
 * runs transactions. */
#include "sort_scene.h"

#include <string.h>

/* ---- a compare that changes the list ---- */

static enum stm_status empty_list(struct stm_tx *tx, struct scene *scene)
{
    return stm_tlist_clear(tx, scene->list);
}

static enum stm_status set_last(struct stm_tx *tx, struct scene *scene)
{
    stm_value item = counted_new(99);
    enum stm_status status = stm_tlist_set(tx, scene->list, ITEMS - 1, item);

    counted_drop(item);
    return status;
}

/* The items that are being sorted have no other owner then. */
START_TEST(a_compare_that_changes_the_list_is_misuse)
{
    static acting *const acts[] = {empty_list, set_last};

    for (size_t i = 0; i < 2; i++) {
        struct scene scene;

        scene_init(&scene, acts[i], 100);
        expect_sort(STM_EMISUSE, &scene);
        EXPECT(strstr(stm_error_message(), "stm_tlist_sort") != NULL,
               "expected a message that names the function, got \"%s\"",
               stm_error_message());
        scene_fini(&scene);
    }
}
END_TEST

static enum stm_status undone_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(empty_list(tx, argument));
    return STM_EABORT;
}

static enum stm_status change_and_undo(struct stm_tx *tx, struct scene *scene)
{
    enum stm_status status = stm_atomically(undone_body, scene);

    (void)tx;
    return status == STM_EABORT ? STM_OK : status;
}

START_TEST(a_compare_may_change_the_list_in_what_is_undone)
{
    struct scene scene;

    scene_init(&scene, change_and_undo, 0);
    expect_sort(STM_OK, &scene);
    sort_numbers(&scene);
    scene_fini(&scene);
}
END_TEST

/* The list was written in this attempt, so that its nodes could be changed in
 * place. */
static enum stm_status written_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(scene_fill(tx, argument));
    STM_TRY(set_last(tx, argument));
    return scene_sort(tx, argument);
}

START_TEST(a_compare_that_changes_an_attempts_own_list_is_misuse)
{
    struct scene scene;

    scene_init(&scene, set_last, 50);
    EXPECT_STATUS(STM_EMISUSE, stm_atomically(written_body, &scene));
    scene_fini(&scene);
}
END_TEST

/* ---- a compare that runs transactions ---- */

static enum stm_status count_body(struct stm_tx *tx, void *argument)
{
    struct scene *scene = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, scene->var, &value));
    return stm_tvar_set(tx, scene->var, value + 1);
}

static enum stm_status count_nested(struct stm_tx *tx, struct scene *scene)
{
    (void)tx;
    return stm_atomically(count_body, scene);
}

START_TEST(what_nested_transactions_of_compare_write_commits_with_the_order)
{
    struct scene scene;

    scene_init(&scene, count_nested, 0);
    expect_sort(STM_OK, &scene);
    EXPECT(peek(scene.var) == scene.calls, "expected %zu, got %zu", scene.calls,
           (size_t)peek(scene.var));
    sort_numbers(&scene);
    scene_fini(&scene);
}
END_TEST

static void refilling_thread(size_t index, void *context)
{
    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(scene_fill, context));
}

/* In the first attempt alone. */
static enum stm_status refill_elsewhere(struct stm_tx *tx, struct scene *scene)
{
    if (scene->acts++ == 0)
        crew_run(1, refilling_thread, scene);
    return stm_tx_status(tx);
}

START_TEST(a_list_that_others_change_while_it_is_sorted_is_sorted_anew)
{
    struct stm_stats before;
    struct scene scene;

    stm_stats_read(&before);
    scene_init(&scene, refill_elsewhere, 600);
    expect_sort(STM_OK, &scene);
    EXPECT(stats_since(&before).conflicts >= 1, "expected a conflict");
    sort_numbers(&scene);
    scene_fini(&scene);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("tlist_sort_acts");

    tcase_add_test(tests, a_compare_that_changes_the_list_is_misuse);
    tcase_add_test(tests, a_compare_may_change_the_list_in_what_is_undone);
    tcase_add_test(tests,
                   a_compare_that_changes_an_attempts_own_list_is_misuse);
    tcase_add_test(
        tests,
        what_nested_transactions_of_compare_write_commits_with_the_order);
    tcase_add_test(tests,
                   a_list_that_others_change_while_it_is_sorted_is_sorted_anew);
    return run_suite("tlist_sort_acts", tests);
}
