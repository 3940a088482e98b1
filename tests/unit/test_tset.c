/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The transactional set: what it has in common with the dictionary is tested
 * there. */
#include "support.h"

#include <string.h>

static void expect_order(const struct stm_map *map, const char *wanted)
{
    char got[40] = "";

    for (size_t i = 0; i < stm_map_length(map); i++) {
        stm_value key, value = 1;

        stm_map_at(map, i, &key, &value);
        EXPECT(value == 0, "expected no value, got %zu", (size_t)value);
        got[i] = (char)key;
    }
    EXPECT(strcmp(got, wanted) == 0, "expected %s, got %s", wanted, got);
}

static enum stm_status expect_now(struct stm_tx *tx, struct stm_tset *set,
                                  const char *wanted)
{
    struct stm_map *map;
    size_t length;

    STM_TRY(stm_tset_snapshot(tx, set, &map));
    expect_order(map, wanted);
    stm_map_release(map);
    STM_TRY(stm_tset_length(tx, set, &length));
    EXPECT(length == strlen(wanted), "expected %zu keys, got %zu",
           strlen(wanted), length);
    return STM_OK;
}

static enum stm_status add_all(struct stm_tx *tx, struct stm_tset *set,
                               const char *keys)
{
    for (; *keys != '\0'; keys++)
        STM_TRY(stm_tset_add(tx, set, (stm_value)*keys, NULL));
    return STM_OK;
}

static enum stm_status order_body(struct stm_tx *tx, void *argument)
{
    struct stm_tset *set = argument;
    stm_value key;
    bool there;

    STM_TRY(stm_tset_clear(tx, set));
    STM_TRY(add_all(tx, set, "dabca"));
    STM_TRY(expect_now(tx, set, "dabc"));
    STM_TRY(stm_tset_add(tx, set, 'a', &there));
    EXPECT(!there, "expected that nothing was added");
    STM_TRY(stm_tset_remove(tx, set, 'd'));
    STM_TRY(stm_tset_contains(tx, set, 'd', &there));
    EXPECT(!there, "expected d taken out");
    STM_TRY(stm_tset_add(tx, set, 'd', &there));
    EXPECT(there, "expected d to be new");
    STM_TRY(stm_tset_contains(tx, set, 'd', &there));
    EXPECT(there, "expected d there");
    STM_TRY(expect_now(tx, set, "abcd"));
    STM_TRY(stm_tset_pop_front(tx, set, &key));
    EXPECT(key == 'a', "expected the first key");
    STM_TRY(stm_tset_pop_front(tx, set, NULL));
    return expect_now(tx, set, "cd");
}

static enum stm_status errors_body(struct stm_tx *tx, void *argument)
{
    struct stm_tset *set = argument;
    stm_value key = 5;

    EXPECT_STATUS(STM_EEMPTY, stm_tset_pop_front(tx, set, &key));
    EXPECT_STATUS(STM_ENOTFOUND, stm_tset_remove(tx, set, 'a'));
    EXPECT(key == 5, "expected the out-parameter untouched");
    return stm_tx_status(tx);
}

START_TEST(keys_stay_in_order_of_insertion)
{
    struct stm_tset *set = stm_tset_new(NULL);

    EXPECT_STATUS(STM_OK, stm_atomically(errors_body, set));
    EXPECT_STATUS(STM_OK, stm_atomically(order_body, set));
    stm_tset_discard(set); /* as a collector does: then it is empty */
    EXPECT_STATUS(STM_OK, stm_atomically(errors_body, set));
    EXPECT_STATUS(STM_OK, stm_atomically(order_body, set));
    stm_tset_retain(set);
    stm_tset_release(set);
    stm_tset_release(set);
    stm_tset_release(NULL);
}
END_TEST

static enum stm_status undone_body(struct stm_tx *tx, void *argument)
{
    struct stm_tset *set = argument;

    STM_TRY(stm_tset_remove(tx, set, 'b'));
    STM_TRY(add_all(tx, set, "xyz"));
    return STM_EABORT;
}

static enum stm_status go_back_body(struct stm_tx *tx, void *argument)
{
    struct stm_tset *set = argument;
    struct stm_map *before;
    enum stm_status status;

    STM_TRY(stm_tset_clear(tx, set));
    STM_TRY(add_all(tx, set, "abc"));
    status = stm_atomically(undone_body, set);
    if (status != STM_EABORT)
        return status;
    STM_TRY(expect_now(tx, set, "abc"));
    STM_TRY(stm_tset_snapshot(tx, set, &before));
    status = add_all(tx, set, "de");
    if (status == STM_OK) {
        expect_order(before, "abc");
        status = stm_tset_assign(tx, set, before);
    }
    stm_map_release(before);
    STM_TRY(status);
    STM_TRY(add_all(tx, set, "f"));
    return expect_now(tx, set, "abcf");
}

START_TEST(B_what_is_undone_leaves_nothing)
{
    struct stm_tset *set = stm_tset_new(NULL);

    EXPECT_STATUS(STM_OK, stm_atomically(go_back_body, set));
    stm_tset_release(set);
}
END_TEST

/* A counted key, and how a collector sees it. */
struct holding {
    struct stm_tset *set;
    stm_value key;
};

static enum stm_status hold_body(struct stm_tx *tx, void *argument)
{
    struct holding *holding = argument;

    return stm_tset_add(tx, holding->set, holding->key, NULL);
}

static enum stm_status drop_body(struct stm_tx *tx, void *argument)
{
    struct holding *holding = argument;
    stm_value key;

    STM_TRY(stm_tset_pop_front(tx, holding->set, &key));
    EXPECT(counted_number(key) == 3, "expected the key to last");
    return STM_OK;
}

static int count_visit(stm_value value, void *context)
{
    EXPECT(counted_number(value) == 3, "expected the key");
    ++*(size_t *)context;
    return 0;
}

START_TEST(H_keys_are_owned_while_they_are_there)
{
    struct holding holding = {.set = stm_tset_new(&counted_keys),
                              .key = counted_new(3)};
    size_t visits = 0;

    EXPECT_STATUS(STM_OK, stm_atomically(hold_body, &holding));
    counted_drop(holding.key);
    EXPECT(stm_tset_traverse(holding.set, count_visit, &visits) == 0 &&
               visits == 1,
           "expected one key visited, got %zu", visits);
    EXPECT_STATUS(STM_OK, stm_atomically(drop_body, &holding));
    EXPECT(counted_live() == 0, "expected the key released");
    stm_tset_release(holding.set);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("tset");

    tcase_add_test(tests, keys_stay_in_order_of_insertion);
    tcase_add_test(tests, B_what_is_undone_leaves_nothing);
    tcase_add_test(tests, H_keys_are_owned_while_they_are_there);
    return run_suite("tset", tests);
}
