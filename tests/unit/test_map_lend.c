/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Versions of a map that borrow from one another: see stm/map-lend.c. */

#include "map_model.h"

#include <stdlib.h>

enum { KEYS = 1000, VERSIONS = 5 };

static uint64_t token = 1;

static uint64_t hash_of(stm_value key)
{
    uint64_t hash;
    EXPECT(stm__map_hash(&box_keys, key, &hash) == STM_OK);
    return hash;
}

/* The entry of a number, or NULL. */
static const struct stm__map_entry *find(const struct stm_map *map,
                                         uint64_t number)
{
    const struct stm__map_entry *entry;
    stm_value key = make_box(number);
    uint64_t hash = hash_of(key);
    if (stm__map_probe(map, hash, key, &entry) == STM__ASK)
        EXPECT(stm__map_search(map, hash, key, &entry) == STM_OK);
    release_box(key);
    return entry;
}

/* Sets the value of a number to a new box, or puts both in. */
static struct stm_map *put(struct stm_map *map, uint64_t number, uint64_t value,
                           uint64_t owner)
{
    const struct stm__map_entry *entry = find(map, number);
    stm_value box = make_box(value), key, replaced;
    struct stm_map *more;
    if (entry) {
        struct stm__map_key *record = stm__map_entry_key(entry);
        more = stm__map_set(map, record->hash, record, box, &replaced, owner);
        release_box(replaced);
    } else {
        key = make_box(number);
        more = stm__map_insert(map, hash_of(key), key, box, owner);
        release_box(key);
    }
    release_box(box);
    EXPECT(more != NULL);
    return more;
}

static struct stm_map *cut(struct stm_map *map, uint64_t number, uint64_t owner)
{
    struct stm__map_key *key = stm__map_entry_key(find(map, number));
    stm_value removed;
    struct stm_map *less = stm__map_remove(map, key, &removed, owner);
    EXPECT(less != NULL);
    stm__map_key_type.release((stm_value)key);
    release_box(removed);
    return less;
}

/* The numbers from 0 on, each with itself as value. */
static struct stm_map *make_numbers(uint64_t mask)
{
    hash_mask = mask;
    struct stm_map *map = stm__map_new(&box_keys, &box_type, ++token);
    for (uint64_t i = 0; i < KEYS; i++)
        map = put(map, i, i, token);
    return map;
}

static void check_numbers(const struct stm_map *map, uint64_t from,
                          uint64_t more)
{
    check_trie(map, KEYS - from);
    for (uint64_t i = from; i < KEYS; i++)
        EXPECT_EQ(number_of(stm__map_entry_value(find(map, i))), i + more);
}

/* ---- what a change costs ---- */

static size_t retains;

static void count_retain(stm_value value)
{
    (void)value;
    retains++;
}

static void ignore(stm_value value) { (void)value; }

static const struct stm_type counted_word = {
    .name = "word", .retain = count_retain, .release = ignore};

START_TEST(a_change_counts_and_allocates_only_what_is_on_its_path)
{
    struct stm_map *map = stm__map_new(NULL, &counted_word, 1);
    for (stm_value key = 0; key < KEYS; key++)
        map = stm__map_insert(map, stm__map_mix(key), key, 1, 1);
    for (stm_value key = 0; key < KEYS; key++) {
        const struct stm__map_entry *entry;
        AO_t before = AO_load(&blocks);
        stm_value replaced;
        EXPECT(stm__map_probe(map, stm__map_mix(key), key, &entry) ==
               STM__PRESENT);
        retains = 0;
        struct stm_map *next =
            stm__map_set(map, stm__map_mix(key), stm__map_entry_key(entry), 2,
                         &replaced, 2 + key);
        EXPECT(next != NULL);
        EXPECT_MSG(retains <= 2,
                   "%zu values were counted, expected the new "
                   "one and the old one",
                   retains);
        EXPECT_MSG(AO_load(&blocks) - before <= 6,
                   "expected a map and a path of nodes");
        retains = 0;
        release_map(map);
        EXPECT_EQ(retains, 0);
        EXPECT_EQ(AO_load(&blocks), before);
        map = next;
    }
    release_map(map);
}
END_TEST

/* ---- in which order versions go ---- */

/* Two that borrow from the first, of which one lends in turn, and one that was
 * changed in place since. */
static void make_versions(struct stm_map *version[VERSIONS], uint64_t mask)
{
    version[0] = make_numbers(mask);
    version[1] = put(version[0], 7, 8, ++token);
    for (uint64_t i = 0; i < KEYS; i++)
        version[1] = put(version[1], i, i + 1, token);
    version[2] = put(version[0], 7, 9, ++token);
    for (uint64_t i = 0; i < KEYS; i++)
        version[2] = put(version[2], i, i + 2, token);
    version[3] = cut(version[1], 0, ++token);
    for (uint64_t i = 1; i < KEYS / 2; i++)
        version[3] = cut(version[3], i, token);
    version[4] = cut(version[3], KEYS / 2, ++token);
}

static void expect_version(struct stm_map *const version[VERSIONS],
                           size_t which)
{
    static const uint64_t from[VERSIONS] = {0, 0, 0, KEYS / 2, KEYS / 2 + 1};
    static const uint64_t more[VERSIONS] = {0, 1, 2, 1, 1};
    if (version[which])
        check_numbers(version[which], from[which], more[which]);
}

static void drop_version(struct stm_map *version[VERSIONS], size_t which)
{
    release_map(version[which]);
    version[which] = NULL;
    for (size_t i = 0; i < VERSIONS; i++)
        expect_version(version, i);
}

/* The permutation of a number below VERSIONS! */
static void permute(size_t order[VERSIONS], size_t number)
{
    for (size_t i = 0; i < VERSIONS; i++) {
        size_t at = number % (i + 1);
        number /= i + 1;
        order[i] = order[at];
        order[at] = i;
    }
}

START_TEST(whichever_version_goes_first_the_others_are_whole)
{
    AO_t before = AO_load(&blocks);
    struct stm_map *version[VERSIONS];
    size_t order[VERSIONS];
    permute(order, (size_t)_i);
    make_versions(version, _i % 2 ? 0xfff : UINT64_MAX);
    for (size_t i = 0; i < VERSIONS; i++)
        expect_version(version, i);
    for (size_t i = 0; i < VERSIONS; i++)
        drop_version(version, order[i]);
    EXPECT_EQ(boxes, 0);
    EXPECT_EQ(AO_load(&blocks), before);
}
END_TEST

/* H: what the last version no longer has is not kept by what it borrowed. */
START_TEST(what_was_replaced_goes_with_the_lender)
{
    struct stm_map *map = make_numbers(UINT64_MAX);
    for (uint64_t i = 0; i < KEYS; i++) {
        struct stm_map *next = put(map, i, i + 1, ++token);
        EXPECT_EQ(boxes, 2 * KEYS + 1);
        release_map(map);
        EXPECT_EQ(boxes, 2 * KEYS);
        map = next;
    }
    check_numbers(map, 0, 1);
    release_map(map);
    EXPECT_EQ(boxes, 0);
}
END_TEST

START_TEST(one_that_lends_is_not_adopted)
{
    struct stm_map *map = make_numbers(UINT64_MAX);
    uint64_t owner = token;
    struct stm_map *next = put(map, 1, 2, ++token);
    stm__map_adopt(map, owner, ++token);
    EXPECT_MSG(map->owner == owner, "a lender was adopted");
    release_map(next);
    stm__map_adopt(map, owner, token);
    EXPECT_EQ(map->owner, token);
    release_map(map);
}
END_TEST

static size_t visited(const struct stm_map *map)
{
    size_t count = 0;
    EXPECT(stm__map_type.traverse((stm_value)map, visit_box, &count) == 0);
    return count;
}

START_TEST(traverse_visits_what_is_borrowed_in_neither_version)
{
    struct stm_map *map = make_numbers(UINT64_MAX);
    struct stm_map *next = put(map, 3, 4, ++token);
    census++;
    EXPECT_EQ(visited(map), 1);  /* the value replaced */
    EXPECT_EQ(visited(next), 1); /* the new one */
    release_map(map);
    census++;
    EXPECT_EQ(visited(next), 2 * KEYS);
    release_map(next);
}
END_TEST

/* One without keys may be freed by any thread, also beside a traversal. */
START_TEST(traverse_does_not_look_at_a_version_without_keys)
{
    struct stm_map *map = make_numbers(UINT64_MAX);
    struct stm_map *next = cut(map, 0, ++token);
    EXPECT(AO_load(&map->debtor) == (AO_t)next);
    for (uint64_t i = 1; i < KEYS; i++)
        next = cut(next, i, token);
    EXPECT_MSG(!AO_load(&map->debtor), "expected nothing to be lent any more");
    census++;
    EXPECT_EQ(visited(map), 2 * KEYS);
    next = put(next, 1, 5, token);
    check_numbers(map, 0, 0);
    release_map(map);
    EXPECT_EQ(number_of(stm__map_entry_value(find(next, 1))), 5);
    release_map(next);
    EXPECT_EQ(boxes, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("map_lend");
    TCase *tests = tcase_create("lend");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests,
                   a_change_counts_and_allocates_only_what_is_on_its_path);
    tcase_add_loop_test(
        tests, whichever_version_goes_first_the_others_are_whole, 0, 120);
    tcase_add_test(tests, what_was_replaced_goes_with_the_lender);
    tcase_add_test(tests, one_that_lends_is_not_adopted);
    tcase_add_test(tests, traverse_visits_what_is_borrowed_in_neither_version);
    tcase_add_test(tests, traverse_does_not_look_at_a_version_without_keys);
    suite_add_tcase(suite, tests);
    return run_models(suite);
}
