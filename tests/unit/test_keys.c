/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Keys whose hash and equality are the user's code: it may fail, retry, run
 * transactions, and change the very dictionary in which the key is looked for.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#define FAILURE ((enum stm_status)(STM_EUSER - 7))
#define VALUE 77

/* Keys are words.  All have the same hash, and those with the same tens are
 * equal. */
static struct {
    enum stm_status (*on_hash)(void);
    enum stm_status (*on_equal)(void);
    struct stm_tdict *dict;
    struct stm_tvar *permit;
    struct stm_map *snapshot;
    size_t calls, fail_at;
    bool done;
} user;

static enum stm_status hash_alike(stm_value key, uint64_t *out)
{
    *out = key - key;
    return user.on_hash ? user.on_hash() : STM_OK;
}

/* While the hook runs, there is none. */
static enum stm_status equal_tens(stm_value contained, stm_value key, bool *out)
{
    enum stm_status (*hook)(void) = user.on_equal;
    enum stm_status status;

    EXPECT(contained != key, "expected no call for the same word");
    *out = contained / 10 == key / 10;
    if (!hook)
        return STM_OK;
    user.on_equal = NULL;
    status = hook();
    user.on_equal = hook;
    return status;
}

static const struct stm_key_type tens = {.hash = hash_alike,
                                         .equal = equal_tens};

/* Knows of keys below 100. */
static bool tell_tens(stm_value contained, stm_value key, bool *out)
{
    EXPECT(contained != key, "expected no call for the same word");
    if (contained >= 100 || key >= 100)
        return false;
    *out = contained / 10 == key / 10;
    return true;
}

static const struct stm_key_type told_tens = {
    .hash = hash_alike, .equal = equal_tens, .tell = tell_tens};

/* The dictionary's keys, one after the other. */
static void expect_keys(struct stm_map *map, size_t count,
                        const stm_value *keys)
{
    EXPECT(stm_map_length(map) == count, "expected %zu keys, got %zu", count,
           stm_map_length(map));
    for (size_t i = 0; i < count; i++) {
        stm_value key;

        stm_map_at(map, i, &key, NULL);
        EXPECT(key == keys[i], "expected key %zu at %zu, got %zu",
               (size_t)keys[i], i, (size_t)key);
    }
}

#define EXPECT_KEYS(map, ...)                                                  \
    expect_keys((map), sizeof((stm_value[]){__VA_ARGS__}) / sizeof(stm_value), \
                (stm_value[]){__VA_ARGS__})

static enum stm_status fill_body(struct stm_tx *tx, void *argument)
{
    (void)argument;
    STM_TRY(stm_tdict_clear(tx, user.dict));
    for (stm_value key = 10; key <= 30; key += 10)
        STM_TRY(stm_tdict_set(tx, user.dict, key, key));
    return STM_OK;
}

/* A dictionary with the keys 10, 20 and 30. */
static void begin_with(const struct stm_key_type *type)
{
    memset(&user, 0, sizeof user);
    user.dict = stm_tdict_new(type, NULL);
    EXPECT_STATUS(STM_OK, stm_atomically(fill_body, NULL));
}

static void begin(void) { begin_with(&tens); }

static enum stm_status snapshot_body(struct stm_tx *tx, void *argument)
{
    struct stm_map **out = argument;

    if (*out != NULL)
        stm_map_release(*out);
    *out = NULL;
    return stm_tdict_snapshot(tx, user.dict, out);
}

static struct stm_map *snapshot(void)
{
    struct stm_map *map = NULL;

    EXPECT_STATUS(STM_OK, stm_atomically(snapshot_body, &map));
    return map;
}

/* ---- one operation, in a transaction ---- */

enum op { GET, SET, GET_OR_SET, REMOVE, OPS };

struct operation {
    enum op op;
    stm_value key, value;
};

static enum stm_status operate(struct stm_tx *tx, struct operation *op)
{
    switch (op->op) {
    case GET:
        return stm_tdict_get(tx, user.dict, op->key, &op->value);
    case SET:
        return stm_tdict_set(tx, user.dict, op->key, op->value);
    case GET_OR_SET:
        return stm_tdict_get_or_set(tx, user.dict, op->key, op->value,
                                    &op->value);
    default:
        return stm_tdict_remove(tx, user.dict, op->key, &op->value);
    }
}

static enum stm_status operate_body(struct stm_tx *tx, void *argument)
{
    user.calls = 0;
    return operate(tx, argument);
}

/* ---- failing ---- */

static enum stm_status fail_sometimes(void)
{
    return ++user.calls == user.fail_at ? FAILURE : STM_OK;
}

/* The body swallows the failure, and what it wrote stays. */
static enum stm_status swallow_body(struct stm_tx *tx, void *argument)
{
    user.on_equal = NULL;
    STM_TRY(fill_body(tx, NULL));
    user.on_equal = fail_sometimes;
    user.calls = 0;
    EXPECT(operate(tx, argument) == FAILURE || stm_tx_status(tx) != STM_OK,
           "expected the failure");
    user.on_equal = NULL;
    return stm_tx_status(tx);
}

START_TEST(a_failure_ends_the_operation_and_changes_nothing)
{
    for (enum op op = GET; op < OPS; op++)
        for (size_t call = 0; call <= 3; call++) {
            struct operation wanted = {.op = op, .key = 35, .value = VALUE};
            struct stm_map *map;
            stm_value got;

            begin();
            user.fail_at = call ? call : 1;
            user.on_hash = call ? NULL : fail_sometimes;
            user.on_equal = call ? fail_sometimes : NULL;
            EXPECT_STATUS(FAILURE, stm_atomically(operate_body, &wanted));
            map = snapshot();
            user.calls = 0;
            EXPECT_STATUS(FAILURE, stm_map_get(map, 35, &got));
            EXPECT_KEYS(map, 10, 20, 30);
            stm_map_release(map);
            EXPECT(wanted.value == VALUE, "expected no result");
            user.on_hash = user.on_equal = NULL;
            stm_tdict_release(user.dict);
        }
}
END_TEST

START_TEST(a_failure_swallowed_by_the_body_leaves_what_was_written)
{
    for (enum op op = GET; op < OPS; op++) {
        struct operation wanted = {.op = op, .key = 35, .value = VALUE};
        struct stm_map *map;

        begin();
        user.fail_at = 2;
        EXPECT_STATUS(STM_OK, stm_atomically(swallow_body, &wanted));
        map = snapshot();
        EXPECT_KEYS(map, 10, 20, 30);
        stm_map_release(map);
        stm_tdict_release(user.dict);
    }
}
END_TEST

/* ---- retrying ---- */

static enum stm_status await_permit(void)
{
    struct stm_tx *tx = stm_current();
    stm_value permit;

    STM_TRY(stm_tvar_get(tx, user.permit, &permit));
    return permit ? STM_OK : stm_retry(tx);
}

static void waiting_thread(size_t index, void *context)
{
    struct operation *wanted = context;

    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(operate_body, wanted));
}

static enum stm_status poke_body(struct stm_tx *tx, void *argument)
{
    (void)argument;
    return stm_tvar_set(tx, user.permit, 0);
}

static enum stm_status or_else_body(struct stm_tx *tx, void *argument)
{
    const struct stm_branch branches[] = {{operate_body, argument},
                                          {poke_body, argument}};

    return stm_or_else(tx, branches, 2);
}

START_TEST(C_an_equal_that_retries_is_woken)
{
    struct operation wanted = {.op = SET, .key = 35, .value = VALUE};
    struct stm_map *map;
    struct crew *crew;
    stm_value got;

    begin();
    user.permit = word_var(0);
    user.on_equal = await_permit;
    EXPECT_STATUS(STM_OK, stm_atomically(or_else_body, &wanted));
    crew = crew_start(1, waiting_thread, &wanted);
    crew_await_sleep(crew);
    poke(user.permit, 1);
    crew_join(crew);
    user.on_equal = NULL;
    map = snapshot();
    EXPECT_KEYS(map, 10, 20, 30);
    EXPECT_STATUS(STM_OK, stm_map_get(map, 30, &got));
    EXPECT(got == VALUE, "expected the value set, got %zu", (size_t)got);
    stm_map_release(map);
    stm_tvar_release(user.permit);
    stm_tdict_release(user.dict);
}
END_TEST

/* ---- changing the dictionary that is searched ---- */

static enum stm_status remove_30_body(struct stm_tx *tx, void *argument)
{
    enum stm_status status = stm_tdict_remove(tx, user.dict, 30, NULL);

    (void)argument;
    return status == STM_ENOTFOUND ? STM_OK : status;
}

static enum stm_status remove_30(void)
{
    return remove_30_body(stm_current(), NULL);
}

static enum stm_status remove_30_nested(void)
{
    return stm_atomically(remove_30_body, NULL);
}

static enum stm_status undone_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(remove_30_body(tx, argument));
    STM_TRY(stm_tdict_set(tx, user.dict, 40, 40));
    return STM_EABORT;
}

static enum stm_status remove_30_undone(void)
{
    enum stm_status status = stm_atomically(undone_body, NULL);

    return status == STM_EABORT ? STM_OK : status;
}

/* What the operation on 35 comes to if 30, its equal, is taken out while it is
 * searched for; `owns`: in a transaction that has changed the dictionary. */
struct race {
    enum stm_status (*remove)(void);
    bool owns;
    bool removed;
    struct operation wanted;
    enum stm_status got;
};

static enum stm_status race_body(struct stm_tx *tx, void *argument)
{
    struct race *race = argument;

    user.on_equal = NULL;
    race->wanted.value = VALUE;
    if (race->owns)
        STM_TRY(fill_body(tx, NULL));
    user.on_equal = race->remove;
    race->got = operate(tx, &race->wanted);
    user.on_equal = NULL;
    STM_TRY(stm_tx_status(tx));
    STM_TRY(stm_tdict_set(tx, user.dict, 25, VALUE));
    return STM_OK;
}

static void expect_race(const struct race *race, struct stm_map *map)
{
    bool adds = race->wanted.op == SET || race->wanted.op == GET_OR_SET;

    EXPECT_STATUS(race->removed && !adds ? STM_ENOTFOUND : STM_OK, race->got);
    if (race->removed && adds)
        EXPECT_KEYS(map, 10, 20, 35);
    else if (race->removed || race->wanted.op == REMOVE)
        EXPECT_KEYS(map, 10, 20);
    else
        EXPECT_KEYS(map, 10, 20, 30);
    if (!race->removed && race->wanted.op != SET)
        EXPECT(race->wanted.value == 30, "expected the value that was there");
}

START_TEST(an_equal_may_change_the_dictionary_that_is_searched)
{
    const struct race races[] = {{.remove = remove_30, .removed = true},
                                 {.remove = remove_30_nested, .removed = true},
                                 {.remove = remove_30_undone}};

    for (size_t i = 0; i < 2 * 3 * OPS; i++) {
        struct race race = races[i % 3];
        struct stm_map *map;

        race.owns = i / 3 % 2;
        race.wanted = (struct operation){.op = i / 6, .key = 35};
        begin();
        EXPECT_STATUS(STM_OK, stm_atomically(race_body, &race));
        map = snapshot();
        expect_race(&race, map);
        stm_map_release(map);
        stm_tdict_release(user.dict);
    }
}
END_TEST

static enum stm_status clear_all(void)
{
    return stm_tdict_clear(stm_current(), user.dict);
}

/* Then nothing is left that equal could be asked about. */
START_TEST(an_equal_may_clear_the_dictionary_that_is_searched)
{
    for (enum op op = GET; op < OPS; op++) {
        struct operation wanted = {.op = op, .key = 35, .value = VALUE};
        bool adds = op == SET || op == GET_OR_SET;
        struct stm_map *map;

        begin();
        user.on_equal = clear_all;
        EXPECT_STATUS(adds ? STM_OK : STM_ENOTFOUND,
                      stm_atomically(operate_body, &wanted));
        user.on_equal = NULL;
        map = snapshot();
        if (adds)
            EXPECT_KEYS(map, 35);
        else
            EXPECT_KEYS(map, 10, 20, 30); /* the body's error undid it */
        stm_map_release(map);
        stm_tdict_release(user.dict);
    }
}
END_TEST

static enum stm_status change_always(void)
{
    stm_value ten;

    STM_TRY(stm_tdict_get(stm_current(), user.dict, 10, &ten));
    return stm_tdict_set(stm_current(), user.dict, 10, ten + 1);
}

START_TEST(an_equal_that_never_stops_changing_is_an_error)
{
    struct operation wanted = {.op = GET, .key = 35};

    begin();
    user.on_equal = change_always;
    EXPECT_STATUS(STM_EMISUSE, stm_atomically(operate_body, &wanted));
    EXPECT(strstr(stm_error_message(), "equal changed") != NULL,
           "expected a message that tells why, got: %s", stm_error_message());
    stm_tdict_release(user.dict);
}
END_TEST

/* ---- what others hold of it ---- */

static enum stm_status keep_snapshot(void)
{
    return snapshot_body(stm_current(), &user.snapshot);
}

static enum stm_status snapshot_then_set_body(struct stm_tx *tx, void *argument)
{
    user.on_equal = NULL;
    STM_TRY(fill_body(tx, argument));
    user.on_equal = keep_snapshot;
    STM_TRY(stm_tdict_set(tx, user.dict, 15, VALUE));
    user.on_equal = NULL;
    return stm_tdict_set(tx, user.dict, 10, VALUE + 1);
}

START_TEST(a_snapshot_that_an_equal_takes_stays_as_it_is)
{
    stm_value got;

    begin();
    EXPECT_STATUS(STM_OK, stm_atomically(snapshot_then_set_body, NULL));
    EXPECT_STATUS(STM_OK, stm_map_get(user.snapshot, 10, &got));
    EXPECT(got == 10, "expected the value at the snapshot, got %zu",
           (size_t)got);
    stm_map_release(user.snapshot);
    stm_tdict_release(user.dict);
}
END_TEST

static void adding_thread(size_t index, void *context)
{
    struct operation add = {.op = SET, .key = 40 + index, .value = VALUE};

    (void)context;
    EXPECT_STATUS(STM_OK, stm_atomically(operate_body, &add));
}

static enum stm_status add_elsewhere(void)
{
    if (!user.done)
        crew_run(1, adding_thread, NULL);
    user.done = true;
    return STM_OK;
}

START_TEST(G_an_equal_runs_while_others_commit)
{
    struct operation wanted = {.op = SET, .key = 50, .value = VALUE};
    struct stm_map *map;

    begin();
    user.on_equal = add_elsewhere;
    EXPECT_STATUS(STM_OK, stm_atomically(operate_body, &wanted));
    map = snapshot();
    EXPECT_KEYS(map, 10, 20, 30, 40, 50);
    stm_map_release(map);
    stm_tdict_release(user.dict);
}
END_TEST

/* ---- telling ---- */

static enum stm_status count_call(void)
{
    user.calls++;
    return STM_OK;
}

/* Expects so many calls of equal. */
static void expect_told(enum stm_status wanted, size_t calls,
                        struct operation *op)
{
    EXPECT_STATUS(wanted, stm_atomically(operate_body, op));
    EXPECT(user.calls == calls, "key %zu: expected %zu calls, got %zu",
           (size_t)op->key, calls, user.calls);
}

START_TEST(an_equal_is_not_called_for_what_is_told)
{
    struct operation get = {.op = GET, .key = 25};
    struct stm_map *map;

    begin_with(&told_tens);
    user.on_equal = count_call;
    expect_told(STM_OK, 0, &get);
    EXPECT(get.value == 20, "expected 20, got %zu", (size_t)get.value);
    expect_told(STM_ENOTFOUND, 0, &(struct operation){.op = GET, .key = 45});
    expect_told(STM_OK, 0,
                &(struct operation){.op = SET, .key = 35, .value = VALUE});
    expect_told(STM_OK, 0,
                &(struct operation){.op = SET, .key = 40, .value = VALUE});
    expect_told(STM_OK, 0, &(struct operation){.op = REMOVE, .key = 11});
    expect_told(STM_ENOTFOUND, 3, &(struct operation){.op = GET, .key = 200});
    map = snapshot();
    EXPECT_KEYS(map, 20, 30, 40);
    stm_map_release(map);
    stm_tdict_release(user.dict);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("keys");

    tcase_add_test(tests, a_failure_ends_the_operation_and_changes_nothing);
    tcase_add_test(tests,
                   a_failure_swallowed_by_the_body_leaves_what_was_written);
    tcase_add_test(tests, C_an_equal_that_retries_is_woken);
    tcase_add_test(tests, an_equal_may_change_the_dictionary_that_is_searched);
    tcase_add_test(tests, an_equal_may_clear_the_dictionary_that_is_searched);
    tcase_add_test(tests, an_equal_that_never_stops_changing_is_an_error);
    tcase_add_test(tests, a_snapshot_that_an_equal_takes_stays_as_it_is);
    tcase_add_test(tests, G_an_equal_runs_while_others_commit);
    tcase_add_test(tests, an_equal_is_not_called_for_what_is_told);
    return run_suite("keys", tests);
}
