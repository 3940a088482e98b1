/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "sort_scene.h"

#include <stdlib.h>
#include <string.h>

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

enum stm_status scene_fill(struct stm_tx *tx, void *argument)
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

void scene_init(struct scene *scene, acting *act, size_t when)
{
    memset(scene, 0, sizeof *scene);
    scene->list = stm_tlist_new(&counted_type);
    scene->var = word_var(0);
    scene->act = act;
    scene->when = when;
    generator_init(&scene->generator, 0);
    for (size_t i = 0; i < ITEMS; i++)
        scene->numbers[i] = generator_below(&scene->generator, 1000000);
    EXPECT_STATUS(STM_OK, stm_atomically(scene_fill, scene));
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
void scene_fini(struct scene *scene)
{
    EXPECT_STATUS(STM_OK, stm_atomically(same_body, scene));
    stm_tlist_release(scene->list);
    stm_tvar_release(scene->var);
    EXPECT(counted_live() == 0, "expected every item released, %zu live",
           counted_live());
}

int compare_words(const void *left, const void *right)
{
    stm_value a = *(const stm_value *)left, b = *(const stm_value *)right;

    return (a > b) - (a < b);
}

void sort_numbers(struct scene *scene)
{
    qsort(scene->numbers, ITEMS, sizeof scene->numbers[0], compare_words);
}

enum stm_status scene_compare(stm_value left, stm_value right, void *context,
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

enum stm_status scene_sort(struct stm_tx *tx, void *argument)
{
    struct scene *scene = argument;

    scene->calls = 0;
    return stm_tlist_sort(tx, scene->list, scene_compare, scene);
}

void expect_sort(enum stm_status wanted, struct scene *scene)
{
    EXPECT_STATUS(wanted, stm_atomically(scene_sort, scene));
}
