/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Sorting a transactional list by a compare function that does as it likes. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

enum { ITEMS = 300 };

struct scene;
typedef enum stm_status acting(struct stm_tx *tx, struct scene *scene);

/* A list of counted objects, and what is done to it. */
struct scene {
    struct stm_tlist *list;
    struct stm_tvar *var;   /* a word */
    acting *act;            /* what compare does besides comparing, or NULL */
    size_t when;            /* in its n-th call of an attempt; 0: in each */
    size_t calls;           /* of compare, in this attempt */
    enum stm_status wanted; /* from stm_tlist_sort */
    size_t acts;            /* by threads of their own, in all attempts */
    stm_value numbers[ITEMS];
    struct generator generator;
};

static void check_items(const struct stm_seq *seq, const stm_value *numbers,
                        size_t count)
{
    EXPECT(stm_seq_length(seq) == count, "expected %zu items, got %zu", count,
           stm_seq_length(seq));
    for (size_t i = 0; i < count && i < stm_seq_length(seq); i++)
        EXPECT(counted_number(stm_seq_get(seq, i)) == numbers[i],
               "expected %zu at %zu, got %zu", (size_t)numbers[i], i,
               (size_t)counted_number(stm_seq_get(seq, i)));
}

static enum stm_status fill_body(struct stm_tx *tx, void *argument)
{
    struct scene *scene = argument;
    stm_value items[ITEMS];
    struct stm_seq *seq;
    enum stm_status status;

    for (size_t i = 0; i < ITEMS; i++)
        items[i] = counted_new(scene->numbers[i]);
    seq = stm_seq_new(&counted_type, items, ITEMS);
    for (size_t i = 0; i < ITEMS; i++)
        counted_drop(items[i]);
    status = stm_tlist_assign(tx, scene->list, seq);
    stm_seq_release(seq);
    return status;
}

static void scene_init(struct scene *scene, acting *act, size_t when)
{
    memset(scene, 0, sizeof *scene);
    scene->list = stm_tlist_new(&counted_type);
    scene->var = word_var(0);
    scene->act = act;
    scene->when = when;
    generator_init(&scene->generator, 0);
    for (size_t i = 0; i < ITEMS; i++)
        scene->numbers[i] = generator_below(&scene->generator, 1000000);
    EXPECT_STATUS(STM_OK, stm_atomically(fill_body, scene));
}

static enum stm_status same_body(struct stm_tx *tx, void *argument)
{
    struct scene *scene = argument;
    struct stm_seq *seq;

    STM_TRY(stm_tlist_snapshot(tx, scene->list, &seq));
    check_items(seq, scene->numbers, ITEMS);
    stm_seq_release(seq);
    return STM_OK;
}

/* The list must hold the numbers, and nothing else may hold its items. */
static void scene_fini(struct scene *scene)
{
    EXPECT_STATUS(STM_OK, stm_atomically(same_body, scene));
    stm_tlist_release(scene->list);
    stm_tvar_release(scene->var);
    EXPECT(counted_live() == 0, "expected every item released, %zu live",
           counted_live());
}

static int by_size(const void *left, const void *right)
{
    stm_value a = *(const stm_value *)left, b = *(const stm_value *)right;

    return (a > b) - (a < b);
}

static void sort_numbers(struct scene *scene)
{
    qsort(scene->numbers, ITEMS, sizeof scene->numbers[0], by_size);
}

static enum stm_status by_number(stm_value left, stm_value right, void *context,
                                 int *out)
{
    struct scene *scene = context;
    stm_value a = counted_number(left), b = counted_number(right);

    scene->calls++;
    if (scene->act && (scene->when == 0 || scene->calls == scene->when))
        STM_TRY(scene->act(stm_current(), scene));
    *out = (a > b) - (a < b);
    return STM_OK;
}

static enum stm_status sort_body(struct stm_tx *tx, void *argument)
{
    struct scene *scene = argument;

    scene->calls = 0;
    return stm_tlist_sort(tx, scene->list, by_number, scene);
}

static void expect_sort(enum stm_status wanted, struct scene *scene)
{
    EXPECT_STATUS(wanted, stm_atomically(sort_body, scene));
}

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
    enum stm_status status = sort_body(tx, argument);

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
    const struct stm_branch branches[] = {{sort_body, argument},
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
    STM_TRY(fill_body(tx, argument));
    STM_TRY(set_last(tx, argument));
    return sort_body(tx, argument);
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
    EXPECT_STATUS(STM_OK, stm_atomically(fill_body, context));
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
    STM_TRY(stm_tlist_sort(tx, scene->list, by_number, scene));
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
        qsort(numbers, ITEMS, sizeof numbers[0], by_size);
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

    EXPECT_STATUS(STM_EMISUSE, stm_tlist_sort(NULL, list, by_number, NULL));
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
    tcase_add_test(tests, a_compare_that_changes_the_list_is_misuse);
    tcase_add_test(tests, a_compare_may_change_the_list_in_what_is_undone);
    tcase_add_test(tests,
                   a_compare_that_changes_an_attempts_own_list_is_misuse);
    tcase_add_test(
        tests,
        what_nested_transactions_of_compare_write_commits_with_the_order);
    tcase_add_test(tests,
                   a_list_that_others_change_while_it_is_sorted_is_sorted_anew);
    tcase_add_test(tests, a_compare_without_sense_loses_no_item);
    tcase_add_test(tests, outside_a_transaction_it_is_misuse);
    return run_suite("tlist_sort", tests);
}
