/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* What persistent maps are made of, and as values of variables.  Letters are
 * those of the head comment of stm/map.c. */

#include "map_model.h"

#include <pthread.h>

/* ---- single properties ---- */

static struct stm_map *put(struct stm_map *map, stm_value key, stm_value value,
                           uint64_t owner)
{
    uint64_t hash;
    EXPECT(stm__map_hash(map->key, key, &hash) == STM_OK);
    struct stm_map *more = stm__map_insert(map, hash, key, value, owner);
    EXPECT(more != NULL);
    return more;
}

static struct stm_map *cut(struct stm_map *map, size_t at, uint64_t owner)
{
    stm_value removed;
    struct stm__map_key *key = stm__map_key_at(map, at);
    struct stm_map *less = stm__map_remove(map, key, &removed, owner);
    EXPECT(less != NULL);
    stm__map_key_type.release((stm_value)key);
    if (removed && map->value)
        release_box(removed);
    return less;
}

static struct stm_map *make_boxes(size_t count, uint64_t owner)
{
    struct stm_map *map = stm__map_new(&box_keys, &box_type, owner);
    hash_mask = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        stm_value key = make_box(i), value = make_box(i);
        map = put(map, key, value, owner);
        release_box(key);
        release_box(value);
    }
    return map;
}

/* Invariant C: with no other version, one reference each. */
START_TEST(keys_and_values_die_with_the_last_version_that_has_them)
{
    struct stm_map *map = make_boxes(500, 1);
    for (size_t left = 500; left > 0; left--) {
        size_t at = left % 3 == 0 ? 0 : left % 3 == 1 ? left - 1 : left / 2;
        struct stm_map *less = cut(map, at, left % 5);
        if (less != map)
            release_map(map);
        map = less;
        EXPECT_EQ(boxes, 2 * ((long)left - 1));
    }
    release_map(map);
}
END_TEST

/* Keys that differ in any one bit, multiples, and neighbours. */
START_TEST(words_are_spread_whatever_their_pattern)
{
    const uint64_t strides[] = {
        1, 8, 16, 4096, UINT64_C(1) << 32, UINT64_C(1) << 48};
    for (size_t i = 0; i < sizeof strides / sizeof strides[0]; i++) {
        struct stm_map *map = stm__map_new(NULL, NULL, 1);
        AO_t before = AO_load(&bytes);
        for (stm_value key = 0; key < 20000; key++)
            map = put(map, key * strides[i], key, 1);
        double each = (double)(AO_load(&bytes) - before) / 20000;
        EXPECT_MSG(each <= 128, "stride %llu: %.1f bytes for each key, not 128",
                   (unsigned long long)strides[i], each);
        check_trie(map, 20000);
        for (stm_value key = 0; key < 20000; key++) {
            stm_value got;
            EXPECT(stm_map_get(map, key * strides[i], &got) == STM_OK);
            EXPECT_EQ(got, key);
        }
        EXPECT(stm_map_get(map, 20000 * strides[i], NULL) == STM_ENOTFOUND);
        release_map(map);
    }
}
END_TEST

START_TEST(a_map_without_an_equal_goes_by_the_word)
{
    struct stm_key_type by_number = {.hash = box_keys.hash};
    struct stm_map *map = stm__map_new(&by_number, NULL, 1);
    stm_value box[3] = {make_box(5), make_box(5), make_box(5)};
    stm_value got;
    hash_mask = UINT64_MAX;
    map = put(map, box[0], 10, 1);
    map = put(map, box[1], 11, 1);
    EXPECT(stm_map_get(map, box[1], &got) == STM_OK);
    EXPECT_EQ(got, 11);
    EXPECT(stm_map_get(map, box[2], NULL) == STM_ENOTFOUND);
    release_map(map);
    for (int i = 0; i < 3; i++)
        release_box(box[i]);
}
END_TEST

START_TEST(a_map_is_adopted_only_by_its_owner_while_no_one_else_has_it)
{
    struct stm_map *map = stm__map_new(NULL, NULL, 5);
    stm__map_adopt(map, 4, 6);
    EXPECT(put(map, 1, 1, 5) == map);
    stm_map_retain(map);
    stm__map_adopt(map, 5, 6);
    EXPECT(put(map, 2, 1, 5) == map);
    release_map(map);
    stm__map_adopt(map, 5, 6);
    EXPECT(put(map, 3, 1, 6) == map);
    EXPECT(stm__map_is(map, NULL, NULL));
    EXPECT(!stm__map_is(map, &box_keys, NULL));
    EXPECT(!stm__map_is(map, NULL, &box_type));
    release_map(map);
}
END_TEST

/* ---- as a variable's value ---- */

static size_t visited(const struct stm_map *map)
{
    size_t count = 0;
    int result = stm__map_type.traverse((stm_value)map, visit_box, &count);
    EXPECT_EQ(result, count == VISITS_MAX ? 42 : 0);
    return count;
}

START_TEST(traverse_visits_only_what_has_one_owner)
{
    struct stm_map *map = make_boxes(1000, 1);
    EXPECT_EQ(visited(map), 2000);
    EXPECT_EQ(boxes, 2000);

    stm_map_retain(map);
    EXPECT_EQ(visited(map), 0);
    release_map(map);

    struct stm_map *next = cut(map, 400, 2);
    census++;
    size_t old = visited(map), new = visited(next);
    EXPECT_MSG(old >= 2 && old <= 2 * 32, "what was cut, and its neighbours'");
    EXPECT(new < old);
    release_map(map);
    census++;
    EXPECT_EQ(visited(next), 2 * 999);
    release_map(next);

    map = make_boxes(2000, 1);
    EXPECT_MSG(visited(map) == VISITS_MAX, "a result ends the traversal");
    release_map(map);
    EXPECT_EQ(boxes, 0);
}
END_TEST

START_TEST(may_release_is_what_keys_and_values_say)
{
    struct stm_map *empty = make_boxes(0, 1), *some = make_boxes(3, 1);
    struct stm_map *no_values = stm__map_new(&box_keys, NULL, 1);
    stm_value key = make_box(1);
    no_values = put(no_values, key, 0, 1);
    release_box(key);
    EXPECT(stm__map_type.may_release((stm_value)empty));
    boxes_may_go = false;
    EXPECT(stm__map_type.may_release((stm_value)empty));
    EXPECT(!stm__map_type.may_release((stm_value)some));
    EXPECT(!stm__map_type.may_release((stm_value)no_values));
    EXPECT(!stm__map_key_type.may_release((stm_value)stm__map_key_at(some, 0)));
    boxes_may_go = true;
    EXPECT(stm__map_type.may_release((stm_value)some));
    EXPECT(stm__map_type.may_release((stm_value)no_values));
    release_map(empty);
    release_map(some);
    release_map(no_values);
}
END_TEST

/* ---- threads ---- */

static void *change_shared(void *context)
{
    struct stm_map *base = context, *map = base;
    uint64_t own = (uint64_t)(uintptr_t)&own;
    stm_map_retain(base);
    for (uint64_t i = 0; i < 10000; i++) {
        struct stm_map *next;
        own += i % 50 == 0;
        if (i % 2 == 0)
            next = put(map, 100000 + i, i, own);
        else
            next = cut(map, i * 7919 % stm_map_length(map), own);
        if (next != map)
            release_map(map);
        map = next;
    }
    release_map(map);
    return NULL;
}

/* Invariant E. */
START_TEST(threads_change_versions_of_their_own)
{
    enum { THREADS = 3, WORDS = 2000 };
    AO_t before = AO_load(&blocks);
    struct stm_map *base = stm__map_new(NULL, NULL, 1);
    for (stm_value key = 0; key < WORDS; key++)
        base = put(base, key, key + 1, 1);
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++)
        EXPECT(pthread_create(&thread[i], NULL, change_shared, base) == 0);
    for (int i = 0; i < THREADS; i++)
        EXPECT(pthread_join(thread[i], NULL) == 0);
    for (stm_value key = 0; key < WORDS; key++) {
        stm_value got;
        EXPECT(stm_map_get(base, key, &got) == STM_OK);
        EXPECT_EQ(got, key + 1);
    }
    release_map(base);
    EXPECT_EQ(AO_load(&blocks), before);
}
END_TEST

static Suite *shape_suite(void)
{
    Suite *suite = suite_create("map_shape");
    TCase *single = tcase_create("single");
    tcase_set_timeout(single, 120);
    tcase_add_test(single,
                   keys_and_values_die_with_the_last_version_that_has_them);
    tcase_add_test(single, words_are_spread_whatever_their_pattern);
    tcase_add_test(single, a_map_without_an_equal_goes_by_the_word);
    tcase_add_test(single,
                   a_map_is_adopted_only_by_its_owner_while_no_one_else_has_it);
    tcase_add_test(single, traverse_visits_only_what_has_one_owner);
    tcase_add_test(single, may_release_is_what_keys_and_values_say);
    tcase_add_test(single, threads_change_versions_of_their_own);
    suite_add_tcase(suite, single);
    return suite;
}

int main(void) { return run_models(shape_suite()); }
