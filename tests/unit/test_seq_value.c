/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Sequences as a variable's value: what a collector visits, and what may be
 * released. */

#include "seq_model.h"

#include <stm/seq-struct-internal.h>

static int visit_count(stm_value value, void *context)
{
    size_t *count = context;
    EXPECT(((struct audited *)value)->refs > 0);
    return ++*count == 2000 ? 42 : 0;
}

static size_t visited(const struct stm_seq *seq)
{
    size_t count = 0;
    int result = stm_seq_traverse(seq, visit_count, &count);
    EXPECT_EQ(result, count == 2000 ? 42 : 0);
    size_t again = 0;
    EXPECT_EQ(stm__seq_type.traverse((stm_value)seq, visit_count, &again),
              result);
    EXPECT_EQ(again, count);
    return count;
}

START_TEST(traverse_visits_only_what_has_one_owner)
{
    struct stm_seq *seq = make_audited(1500, 1);
    EXPECT_EQ(visited(seq), 1500);

    stm__seq_type.retain((stm_value)seq);
    EXPECT_EQ(visited(seq), 0);
    stm__seq_type.release((stm_value)seq);

    stm_value item = stm_seq_get(seq, 700), removed;
    struct stm_seq *next = stm__seq_set(seq, 700, item, &removed, 2);
    drop_item(&audited_type, removed);
    EXPECT(visited(seq) > 0);
    EXPECT(visited(seq) <= STM__FAN);
    EXPECT_EQ(visited(next), visited(seq));
    release(seq);
    EXPECT_EQ(visited(next), 1500);

    struct stm_seq *both = stm__seq_concat(next, next, 2);
    release(next);
    EXPECT(visited(both) < 1500);
    release(both);

    seq = make_audited(3000, 1);
    EXPECT_MSG(visited(seq) == 2000, "a result ends the traversal");
    release(seq);
    EXPECT_EQ(alive, 0);
}
END_TEST

static int traverse_twice(stm_value value, stm_visit *visit, void *context)
{
    int result = visit(value, context);
    return result != 0 ? result : visit(value, context);
}

START_TEST(traverse_goes_through_the_items_own)
{
    static const struct stm_type pairs = {.traverse = traverse_twice};
    struct audited item = {.refs = 1};
    struct stm_seq *seq =
        append_item(stm__seq_new(&pairs, 1), (stm_value)&item, 1);
    EXPECT_EQ(visited(seq), 2);
    release(seq);
}
END_TEST

/* The word 0 among references: audited_type's functions would crash. */
START_TEST(the_word_0_is_no_reference)
{
    stm_value items[100] = {[50] = new_item(&audited_type)}, removed;
    struct stm_seq *seq = stm_seq_new(&audited_type, items, 100);
    struct stm_seq *longer = stm__seq_insert(seq, 0, 0, 1);
    struct stm_seq *same = stm__seq_set(longer, 70, 0, &removed, 1);
    EXPECT(same == longer);
    EXPECT_EQ(removed, 0);
    size_t count = 0;
    release(seq);
    EXPECT_EQ(stm__seq_type.traverse((stm_value)longer, visit_count, &count),
              0);
    EXPECT_EQ(count, 1);
    may_here = false;
    EXPECT_MSG(!stm__seq_type.may_release((stm_value)longer),
               "an item that is a reference is asked");
    may_here = true;
    release(longer);
    EXPECT_EQ(((struct audited *)items[50])->refs, 1);
    drop_item(&audited_type, items[50]);
}
END_TEST

START_TEST(may_release_is_what_the_items_say)
{
    struct stm_seq *empty = make_audited(0, 1);
    struct stm_seq *some = make_audited(3, 1);
    struct stm_seq *words = append_item(stm__seq_new(NULL, 1), 1, 1);
    EXPECT(stm__seq_type.may_release((stm_value)empty));
    EXPECT(stm__seq_type.may_release((stm_value)words));
    may_here = false;
    EXPECT(!stm__seq_type.may_release((stm_value)some));
    may_here = true;
    EXPECT(stm__seq_type.may_release((stm_value)some));
    release(empty);
    release(some);
    release(words);
}
END_TEST

static Suite *value_suite(void)
{
    Suite *suite = suite_create("seq_value");
    TCase *single = tcase_create("single");
    tcase_set_timeout(single, 120);
    tcase_add_test(single, traverse_visits_only_what_has_one_owner);
    tcase_add_test(single, traverse_goes_through_the_items_own);
    tcase_add_test(single, the_word_0_is_no_reference);
    tcase_add_test(single, may_release_is_what_the_items_say);
    suite_add_tcase(suite, single);
    return suite;
}

int main(void) { return run_models(value_suite()); }
