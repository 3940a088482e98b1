/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Sorting a transactional list by a compare function with results of all
 * kinds. */
#include "sort_scene.h"

#include <stdlib.h>
#include <string.h>

START_TEST(a_list_is_sorted_in_n_log_n_comparisons)
{
    struct scene scene;

    scene_init(&scene, NULL, 0);
    expect_sort(STM_OK, &scene);
    EXPECT(scene.calls <= ITEMS * 11,
           "expected at most %d comparisons, got "
           "%zu",
           ITEMS * 11, scene.calls);
    sort_numbers(&scene);
    scene_fini(&scene);
}
END_TEST

static enum stm_status count_watcher(struct stm_tx *tx, stm_value argument,
                                     stm_value *result)
{
    struct scene *scene = (struct scene *)argument;

    scene->acts++;
    *result = 0;
    return stm_tlist_length(tx, scene->list, result);
}

static enum stm_status watch_body(struct stm_tx *tx, void *argument)
{
    const struct stm_watch watch = {.function = count_watcher,
                                    .argument = (stm_value)argument};

    return stm_watch(tx, &watch, NULL);
}

START_TEST(what_is_in_order_is_not_written)
{
    struct scene scene;

    scene_init(&scene, NULL, 0);
    expect_sort(STM_OK, &scene);
    sort_numbers(&scene);
    EXPECT_STATUS(STM_OK, stm_atomically(watch_body, &scene));
    scene.acts = 0;
    expect_sort(STM_OK, &scene);
    EXPECT(scene.acts == 0, "expected no watcher to run");
    EXPECT(scene.calls == ITEMS - 1, "expected %d comparisons, got %zu",
           ITEMS - 1, scene.calls);
    scene_fini(&scene);
}
END_TEST

/* ---- a compare that ends the sorting ---- */

static enum stm_status refuse(struct stm_tx *tx, struct scene *scene)
{
    (void)tx, (void)scene;
    return STM_EUSER - 5;
}

START_TEST(an_error_of_compare_ends_the_sorting_and_changes_nothing)
{
    for (size_t when = 1; when < 2000; when = when * 3 + 1) {
        struct scene scene;

        scene_init(&scene, refuse, when);
        expect_sort(STM_EUSER - 5, &scene);
        scene_fini(&scene);
    }
}
END_TEST

/* The sort fails as it is to, and the attempt goes on. */
static enum stm_status surviving_body(struct stm_tx *tx, void *argument)
{
    struct scene *scene = argument;
    enum stm_status status = scene_sort(tx, argument);

    EXPECT(status == scene->wanted || status == STM_CONFLICT,
           "expected %d (%s), got %d", scene->wanted,
           stm_strstatus(scene->wanted), status);
    STM_TRY(stm_tx_status(tx));
    return stm_tvar_set(tx, scene->var, 1);
}

START_TEST(a_transaction_goes_on_after_an_error_of_compare)
{
    struct scene scene;

    scene_init(&scene, refuse, 700);
    scene.wanted = STM_EUSER - 5;
    EXPECT_STATUS(STM_OK, stm_atomically(surviving_body, &scene));
    EXPECT(peek(scene.var) == 1, "expected the transaction to commit");
    scene_fini(&scene);
}
END_TEST

static enum stm_status retry(struct stm_tx *tx, struct scene *scene)
{
    (void)scene;
    return stm_retry(tx);
}

/* Calls retry and says nothing of it. */
static enum stm_status hidden_retry(struct stm_tx *tx, struct scene *scene)
{
    (void)scene;
    EXPECT(stm_retry(tx) != STM_OK, "expected retry to say so");
    return STM_OK;
}

static enum stm_status other_branch(struct stm_tx *tx, void *argument)
{
    struct scene *scene = argument;

    return stm_tvar_set(tx, scene->var, 2);
}

static enum stm_status either_body(struct stm_tx *tx, void *argument)
{
    const struct stm_branch branches[] = {{scene_sort, argument},
                                          {other_branch, argument}};

    return stm_or_else(tx, branches, 2);
}

static void expect_retry(acting *act)
{
    struct scene scene;

    scene_init(&scene, act, 500);
    EXPECT_STATUS(STM_OK, stm_atomically(either_body, &scene));
    EXPECT(peek(scene.var) == 2, "expected the other branch to commit");
    EXPECT(scene.calls == 500,
           "expected no comparison after the retry, got %zu",
           scene.calls - 500);
    scene_fini(&scene);
}

START_TEST(a_compare_may_retry)
{
    expect_retry(retry);
    expect_retry(hidden_retry);
}
END_TEST

/* ---- a compare that makes no sense ---- */

static enum stm_status at_random(stm_value left, stm_value right, void *context,
                                 int *out)
{
    struct scene *scene = context;

    (void)left, (void)right;
    scene->calls++;
    *out = (int)generator_below(&scene->generator, 3) - 1;
    return STM_OK;
}

static enum stm_status always(stm_value left, stm_value right, void *context,
                              int *out)
{
    struct scene *scene = context;

    (void)left, (void)right;
    scene->calls++;
    *out = 1;
    return STM_OK;
}

/* Disorders the list, looks what is in it, and has it all undone. */
static enum stm_status disorder_body(struct stm_tx *tx, void *argument)
{
    struct scene *scene = argument;
    stm_compare *compare = scene->when == 0 ? always : at_random;
    struct stm_seq *seq;

    scene->calls = 0;
    STM_TRY(stm_tlist_sort(tx, scene->list, compare, scene));
    EXPECT(scene->calls <= ITEMS * 16, "expected an end, %zu comparisons",
           scene->calls);
    scene->calls = 0;
    STM_TRY(stm_tlist_sort(tx, scene->list, scene_compare, scene));
    STM_TRY(stm_tlist_snapshot(tx, scene->list, &seq));
    for (size_t i = 0; i < ITEMS; i++)
        scene->numbers[i] = counted_number(stm_seq_get(seq, i));
    stm_seq_release(seq);
    return STM_EABORT;
}

START_TEST(a_compare_without_sense_loses_no_item)
{
    for (size_t i = 0; i < 20; i++) {
        stm_value numbers[ITEMS];
        struct scene scene;

        scene_init(&scene, NULL, i);
        memcpy(numbers, scene.numbers, sizeof numbers);
        EXPECT_STATUS(STM_EABORT, stm_atomically(disorder_body, &scene));
        qsort(numbers, ITEMS, sizeof numbers[0], compare_words);
        EXPECT(memcmp(numbers, scene.numbers, sizeof numbers) == 0,
               "expected the same items in another order");
        generator_init(&scene.generator, 0);
        for (size_t j = 0; j < ITEMS; j++)
            scene.numbers[j] = generator_below(&scene.generator, 1000000);
        scene_fini(&scene);
    }
}
END_TEST

START_TEST(outside_a_transaction_it_is_misuse)
{
    struct stm_tlist *list = stm_tlist_new(NULL);
    struct stm_seq *seq = stm_seq_new(NULL, NULL, 0), *out = NULL;

    EXPECT_STATUS(STM_EMISUSE, stm_tlist_sort(NULL, list, scene_compare, NULL));
    EXPECT_STATUS(STM_EMISUSE, stm_tlist_reverse(NULL, list));
    EXPECT_STATUS(STM_EMISUSE, stm_tlist_assign(NULL, list, seq));
    EXPECT_STATUS(STM_EMISUSE, stm_tlist_slice(NULL, list, 0, 0, &out));
    EXPECT_STATUS(STM_EMISUSE, stm_tlist_split(NULL, list, 0, &out));
    EXPECT(out == NULL, "expected the out-parameter untouched");
    stm_seq_release(seq);
    stm_tlist_release(list);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("tlist_sort");

    tcase_add_test(tests, a_list_is_sorted_in_n_log_n_comparisons);
    tcase_add_test(tests, what_is_in_order_is_not_written);
    tcase_add_test(tests,
                   an_error_of_compare_ends_the_sorting_and_changes_nothing);
    tcase_add_test(tests, a_transaction_goes_on_after_an_error_of_compare);
    tcase_add_test(tests, a_compare_may_retry);
    tcase_add_test(tests, a_compare_without_sense_loses_no_item);
    tcase_add_test(tests, outside_a_transaction_it_is_misuse);
    return run_suite("tlist_sort", tests);
}
