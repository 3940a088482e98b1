/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Sequences made in one go, from an array or from others. */

#include "seq_model.h"

#include <stdlib.h>
#include <string.h>

#include <stm/seq-struct-internal.h>

static void check_full(const struct stm__node *node)
{
    if (node->height == 0)
        EXPECT_EQ(node->fill, STM__FAN);
    for (unsigned i = 0; node->height > 0 && i < node->fill; i++)
        check_full(stm__inner(node)->child[i]);
}

static void check_built(const struct stm_seq *seq, const stm_value *items,
                        size_t length)
{
    stm_value *copy = malloc((length + 1) * sizeof *copy);
    EXPECT_EQ(stm_seq_length(seq), length);
    check_shape(seq);
    if (seq->tree)
        check_full(seq->tree);
    copy[length] = 12345;
    stm__seq_copy_out(seq, copy);
    EXPECT(memcmp(copy, items, length * sizeof *copy) == 0);
    EXPECT_MSG(copy[length] == 12345, "written behind the array's end");
    free(copy);
}

enum { ARRAY_MAX = 2 * 32 * 32 * 32 };

/* Every length that needs up to three levels, and around where a fourth begins
 * and the last nodes have to share. */
START_TEST(an_array_becomes_a_sequence_of_full_leaves)
{
    stm_value *items = malloc(ARRAY_MAX * sizeof *items);
    AO_t before = AO_load(&blocks);
    start_random(300);
    for (size_t i = 0; i < ARRAY_MAX; i++)
        items[i] = i * 7919;
    for (size_t length = 0; length < ARRAY_MAX;) {
        struct stm_seq *seq = stm_seq_new(NULL, items, length);
        EXPECT(seq != NULL);
        EXPECT_MSG(!stm__seq_owned(seq, 0), "belongs to no one");
        check_built(seq, items, length);
        stm_seq_release(seq);
        length += length < scaled(1200) ? 1 : 1 + (size_t)draw(3000);
    }
    EXPECT_EQ(AO_load(&blocks), before);
    free(items);
}
END_TEST

START_TEST(building_fails_where_malloc_fails_and_counts_exactly)
{
    enum { LENGTH = 3000 };
    static stm_value items[LENGTH];
    long nth = 0;
    struct stm_seq *seq = NULL;
    for (size_t i = 0; i < LENGTH; i++)
        items[i] = new_item(&audited_type);
    AO_t before = AO_load(&blocks);
    while (!seq) {
        for (size_t i = 0; i < LENGTH; i++)
            EXPECT_EQ(((struct audited *)items[i])->refs, 1);
        EXPECT_EQ(AO_load(&blocks), before);
        fail_at = ++nth;
        seq = stm_seq_new(&audited_type, items, LENGTH);
        EXPECT((fail_at == 0) == !seq);
        fail_at = 0;
    }
    EXPECT(nth > LENGTH / (long)STM__FAN);
    check_built(seq, items, LENGTH);
    for (size_t i = 0; i < LENGTH; i++) {
        EXPECT_EQ(((struct audited *)items[i])->refs, 2);
        drop_item(&audited_type, items[i]);
    }
    release(seq);
    EXPECT_EQ(alive, 0);
}
END_TEST

START_TEST(slices_and_concatenations_belong_to_no_one)
{
    stm_value items[] = {1, 2, 3, 4, 5};
    struct stm_seq *seq = stm_seq_new(NULL, items, 5);
    struct stm_seq *slice = stm_seq_slice(seq, 1, 4);
    struct stm_seq *both = stm_seq_concat(slice, seq);
    struct stm_seq *none = stm_seq_slice(seq, 5, 5);
    EXPECT_MSG(seq->owner == 0 && slice->owner == 0 && both->owner == 0,
               "belongs to no one");
    check_built(slice, items + 1, 3);
    check_built(both, (stm_value[]){2, 3, 4, 1, 2, 3, 4, 5}, 8);
    check_built(none, items, 0);
    stm_seq_release(seq);
    stm_seq_release(slice);
    stm_seq_release(both);
    stm_seq_release(none);
}
END_TEST

START_TEST(no_sequence_is_longer_than_an_array_of_words)
{
    const size_t most = PTRDIFF_MAX / sizeof(stm_value);
    AO_t before = AO_load(&blocks);
    struct stm_seq *seq =
        stm_seq_new(NULL, (stm_value[]){1, 2, 3, 4, 5, 6, 7}, 7);
    while (stm_seq_length(seq) <= most / 2) {
        struct stm_seq *twice = stm_seq_concat(seq, seq);
        EXPECT(twice != NULL);
        EXPECT_EQ(stm_seq_length(twice), 2 * stm_seq_length(seq));
        stm_seq_release(seq);
        seq = twice;
    }
    size_t length = stm_seq_length(seq);
    EXPECT_MSG(stm_seq_concat(seq, seq) == NULL, "too long");
    EXPECT_EQ(stm_seq_get(seq, length - 1), 7);
    EXPECT_EQ(stm_seq_get(seq, length / 7 / 2 * 7), 1);
    struct stm_seq *rest = stm_seq_slice(seq, 0, most - length);
    struct stm_seq *longest = stm_seq_concat(seq, rest);
    EXPECT_EQ(stm_seq_length(longest), most);
    EXPECT_MSG(stm_seq_concat(longest, seq) == NULL, "too long");
    stm_seq_release(longest);
    stm_seq_release(rest);
    stm_seq_release(seq);
    EXPECT_EQ(AO_load(&blocks), before);
}
END_TEST

static Suite *seq_suite(void)
{
    Suite *suite = suite_create("seq_build");
    TCase *single = tcase_create("single");
    tcase_set_timeout(single, 120);
    tcase_add_test(single, an_array_becomes_a_sequence_of_full_leaves);
    tcase_add_test(single,
                   building_fails_where_malloc_fails_and_counts_exactly);
    tcase_add_test(single, slices_and_concatenations_belong_to_no_one);
    tcase_add_test(single, no_sequence_is_longer_than_an_array_of_words);
    suite_add_tcase(suite, single);
    return suite;
}

int main(void) { return run_models(seq_suite()); }
