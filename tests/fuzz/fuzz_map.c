/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "families.h"

#include <string.h>

/* Dictionaries and sets, and snapshots of them. */

static struct stm_tdict *dicts[TDICTS];
static struct stm_tset *sets[MAPS - TDICTS];

/* One for each map; taken at some point, compared at any later one. */
static struct {
    struct stm_map *map; /* owned; NULL: none */
    struct map_model model;
} taken[MAPS];

static bool is_dict(unsigned which) { return which < TDICTS; }

static struct stm_tset *set_at(unsigned which) { return sets[which - TDICTS]; }

static bool has_room(const struct arguments *a)
{
    return map_model(a->which)->length < MAP_MAX;
}

/* ---- what dictionaries and sets have in common ---- */

enum stm_status map_length(struct stm_tx *tx, unsigned which, size_t *out)
{
    return is_dict(which) ? stm_tdict_length(tx, dicts[which], out)
                          : stm_tset_length(tx, set_at(which), out);
}

enum stm_status map_set(struct stm_tx *tx, unsigned which, stm_value key,
                        stm_value value)
{
    return is_dict(which) ? stm_tdict_set(tx, dicts[which], key, value)
                          : stm_tset_add(tx, set_at(which), key, NULL);
}

enum stm_status map_pop(struct stm_tx *tx, unsigned which, stm_value *key,
                        stm_value *value)
{
    stm_value ignored;

    return is_dict(which)
               ? stm_tdict_pop_front(tx, dicts[which], key, value)
               : stm_tset_pop_front(tx, set_at(which), key ? key : &ignored);
}

enum stm_status map_remove(struct stm_tx *tx, unsigned which, stm_value key,
                           stm_value *value)
{
    return is_dict(which) ? stm_tdict_remove(tx, dicts[which], key, value)
                          : stm_tset_remove(tx, set_at(which), key);
}

static void length(struct stm_tx *tx, const struct arguments *a,
                   struct result *got)
{
    size_t number = CANARY;

    got->status = map_length(tx, a->which, &number);
    pass_number(got, 0, number);
}

static void model_length(const struct arguments *a, struct result *want,
                         const struct result *got)
{
    (void)got;
    want->out[0] = map_model(a->which)->length;
}

/* ---- with a key ---- */

/* The value of a key, or whether it is there. */
static void get(struct stm_tx *tx, const struct arguments *a,
                struct result *got)
{
    stm_value value = CANARY;
    bool there = false;

    deed_aim(a->which);
    if (is_dict(a->which)) {
        got->status = stm_tdict_get(tx, dicts[a->which], a->key, &value);
        pass_value(got, 0, a->which % 2, value);
        return;
    }
    got->status = stm_tset_contains(tx, set_at(a->which), a->key, &there);
    got->out[0] = there;
}

static void model_get(const struct arguments *a, struct result *want,
                      const struct result *got)
{
    const struct map_model *map = map_model(a->which);
    size_t at = map_model_find(a->which, a->key_number);

    (void)got;
    if (deed_failed(want))
        return;
    if (!is_dict(a->which))
        want->out[0] = at < map->length;
    else if (at < map->length)
        want->out[0] = map->value[at];
    else
        want->status = STM_ENOTFOUND;
}

static void put(struct stm_tx *tx, const struct arguments *a,
                struct result *got)
{
    bool added = false;

    deed_aim(a->which);
    if (is_dict(a->which))
        got->status = stm_tdict_set(tx, dicts[a->which], a->key, a->value);
    else
        got->status = stm_tset_add(tx, set_at(a->which), a->key, &added);
    got->out[0] = added;
}

static void model_putting(const struct arguments *a, struct result *want,
                          const struct result *got)
{
    bool missing =
        map_model_find(a->which, a->key_number) == map_model(a->which)->length;

    (void)got;
    if (deed_failed(want))
        return;
    want->out[0] = missing && !is_dict(a->which);
    map_model_put(a->which, a->key_number, a->number);
}

static void get_or_set(struct stm_tx *tx, const struct arguments *a,
                       struct result *got)
{
    stm_value value = CANARY;

    deed_aim(a->which);
    got->status = stm_tdict_get_or_set(tx, dicts[a->which % TDICTS], a->key,
                                       a->value, &value);
    pass_value(got, 0, a->which % 2, value);
}

static void model_get_or_set(const struct arguments *a, struct result *want,
                             const struct result *got)
{
    struct map_model *map = map_model(a->which);
    size_t at = map_model_find(a->which, a->key_number);

    (void)got;
    if (deed_failed(want))
        return;
    if (at == map->length)
        map_model_put(a->which, a->key_number, a->number);
    want->out[0] = map->value[at];
}

static bool dict_has_room(const struct arguments *a)
{
    return is_dict(a->which) && has_room(a);
}

static void remove_key(struct stm_tx *tx, const struct arguments *a,
                       struct result *got)
{
    stm_value value = CANARY;

    deed_aim(a->which);
    got->status = map_remove(tx, a->which, a->key, &value);
    if (is_dict(a->which))
        pass_value(got, 0, a->which % 2, value);
}

static void model_remove(const struct arguments *a, struct result *want,
                         const struct result *got)
{
    struct map_model *map = map_model(a->which);
    size_t at = map_model_find(a->which, a->key_number);

    (void)got;
    if (deed_failed(want))
        return;
    if (at == map->length) {
        want->status = STM_ENOTFOUND;
        return;
    }
    want->out[0] = map->value[at];
    map_model_take(map, at);
}

/* Many keys in a row. */
static void fill(struct stm_tx *tx, const struct arguments *a,
                 struct result *got)
{
    bool counted = a->which % 2;

    deed_pause(true);
    for (unsigned i = 0; i < a->small[1] % 64u && got->status == STM_OK; i++) {
        unsigned word = a->small[0] + i;
        stm_value key = counted ? object_new(word) : word;

        got->status = map_set(tx, a->which, key, key);
        if (got->status == STM_OK)
            map_model_put(a->which, number_of(counted, key),
                          number_of(counted, key));
        if (counted)
            object_drop(key);
    }
    deed_pause(false);
}

static void model_fill(const struct arguments *a, struct result *want,
                       const struct result *got)
{
    (void)a, (void)want, (void)got;
}

static bool has_much_room(const struct arguments *a)
{
    return map_model(a->which)->length + 64 <= MAP_MAX && a->small[1] % 64 > 0;
}

/* ---- without ---- */

static void pop_front(struct stm_tx *tx, const struct arguments *a,
                      struct result *got)
{
    stm_value key = CANARY, value = CANARY;

    got->status = map_pop(tx, a->which, &key, &value);
    pass_value(got, 0, a->which % 2, key);
    if (is_dict(a->which))
        pass_value(got, 1, a->which % 2, value);
}

static void pop_back(struct stm_tx *tx, const struct arguments *a,
                     struct result *got)
{
    stm_value key = CANARY, value = CANARY;

    got->status = stm_tdict_pop_back(tx, dicts[a->which], &key, &value);
    pass_value(got, 0, a->which % 2, key);
    pass_value(got, 1, a->which % 2, value);
}

static bool on_dict(const struct arguments *a) { return is_dict(a->which); }

static void pop_at(const struct arguments *a, struct result *want, size_t at)
{
    struct map_model *map = map_model(a->which);

    if (map->length == 0) {
        want->status = STM_EEMPTY;
        return;
    }
    want->out[0] = map->key[at];
    want->out[1] = map->value[at];
    map_model_take(map, at);
}

static void model_pop_front(const struct arguments *a, struct result *want,
                            const struct result *got)
{
    (void)got;
    pop_at(a, want, 0);
}

static void model_pop_back(const struct arguments *a, struct result *want,
                           const struct result *got)
{
    (void)got;
    pop_at(a, want, map_model(a->which)->length - 1);
}

static void clear(struct stm_tx *tx, const struct arguments *a,
                  struct result *got)
{
    got->status = is_dict(a->which) ? stm_tdict_clear(tx, dicts[a->which])
                                    : stm_tset_clear(tx, set_at(a->which));
}

static void model_clear(const struct arguments *a, struct result *want,
                        const struct result *got)
{
    (void)want, (void)got;
    map_model(a->which)->length = 0;
}

/* ---- snapshots ---- */

static void drop_taken(unsigned which)
{
    struct stm_map *map = taken[which].map;

    taken[which].map = NULL;
    dropping = true;
    if (map != NULL)
        stm_map_release(map);
    dropping = false;
}

static void snapshot(struct stm_tx *tx, const struct arguments *a,
                     struct result *got)
{
    struct stm_map *map = NULL;

    got->status = is_dict(a->which)
                      ? stm_tdict_snapshot(tx, dicts[a->which], &map)
                      : stm_tset_snapshot(tx, set_at(a->which), &map);
    if (got->status != STM_OK)
        return;
    drop_taken(a->which);
    taken[a->which].map = map;
    taken[a->which].model = *map_model(a->which);
}

static bool is_taken(const struct arguments *a)
{
    return taken[a->which].map != NULL;
}

static void assign(struct stm_tx *tx, const struct arguments *a,
                   struct result *got)
{
    struct stm_map *map = taken[a->which].map;

    got->status = is_dict(a->which)
                      ? stm_tdict_assign(tx, dicts[a->which], map)
                      : stm_tset_assign(tx, set_at(a->which), map);
}

static void model_assign(const struct arguments *a, struct result *want,
                         const struct result *got)
{
    (void)want, (void)got;
    *map_model(a->which) = taken[a->which].model;
}

static void check_map(unsigned which, const struct stm_map *map,
                      const struct map_model *model)
{
    bool counted = which % 2;

    REQUIRE(stm_map_length(map) == model->length,
            "map %u: expected %zu keys, got %zu", which, model->length,
            stm_map_length(map));
    deed_pause(true);
    for (size_t i = 0; i < model->length; i++) {
        stm_value key, value, found = CANARY;
        enum stm_status status;

        stm_map_at(map, i, &key, &value);
        REQUIRE(number_of(counted, key) == model->key[i] &&
                    number_of(counted, value) == model->value[i],
                "map %u, place %zu: expected %u: %u, got %u: %u", which, i,
                model->key[i], model->value[i], number_of(counted, key),
                number_of(counted, value));
        status = stm_map_get(map, key, &found);
        REQUIRE(status == STM_OK && found == value,
                "map %u: key %u is at place %zu, but get returns %d", which,
                model->key[i], i, status);
    }
    deed_pause(false);
}

static void look(struct stm_tx *tx, const struct arguments *a,
                 struct result *got)
{
    (void)tx, (void)got;
    check_map(a->which, taken[a->which].map, &taken[a->which].model);
}

static void drop(struct stm_tx *tx, const struct arguments *a,
                 struct result *got)
{
    (void)tx, (void)got;
    drop_taken(a->which);
}

/* What a later call of hash or equal does. */
static void plan(struct stm_tx *tx, const struct arguments *a,
                 struct result *got)
{
    struct deed deed = {.kind = a->small[0] % DEEDS,
                        .calls = a->small[0] / DEEDS % 4,
                        .in_equal = a->small[0] % 64 > 20,
                        .nested = a->small[0] >= 128,
                        .key = a->small[1]};

    (void)tx, (void)got;
    deed_plan(&deed);
}

static const struct operation operations[] = {
    {"plan", "nn", plan, NULL, NULL, true},
    {"length", "o", length, model_length, NULL, false},
    {"get", "ok", get, model_get, NULL, false},
    {"set", "okv", put, model_putting, has_room, false},
    {"get_or_set", "okv", get_or_set, model_get_or_set, dict_has_room, false},
    {"remove", "ok", remove_key, model_remove, NULL, false},
    {"set", "okv", put, model_putting, has_room, false},
    {"fill", "onn", fill, model_fill, has_much_room, false},
    {"remove", "ok", remove_key, model_remove, NULL, false},
    {"pop_front", "o", pop_front, model_pop_front, NULL, false},
    {"pop_back", "o", pop_back, model_pop_back, on_dict, false},
    {"clear", "o", clear, model_clear, NULL, false},
    {"snapshot", "o", snapshot, model_fill, NULL, false},
    {"assign", "o", assign, model_assign, is_taken, false},
    {"look", "o", look, NULL, is_taken, true},
    {"drop", "o", drop, NULL, is_taken, true},
    {"plan", "nn", plan, NULL, NULL, true},
};

/* ---- the whole ---- */

static void start(void)
{
    deed_start();
    memset(taken, 0, sizeof taken);
    for (unsigned i = 0; i < TDICTS; i++) {
        dicts[i] = stm_tdict_new(key_type_of(i), type_of(i));
        sets[i] = stm_tset_new(key_type_of(i));
        REQUIRE(dicts[i] != NULL && sets[i] != NULL, "out of memory");
    }
}

static void stop(void)
{
    for (unsigned i = 0; i < MAPS; i++) {
        if (taken[i].map != NULL)
            check_map(i, taken[i].map, &taken[i].model);
        drop_taken(i);
    }
    for (unsigned i = 0; i < TDICTS; i++) {
        stm_tdict_release(dicts[i]);
        stm_tset_release(sets[i]);
    }
}

static void check(struct stm_tx *tx)
{
    for (unsigned i = 0; i < MAPS; i++) {
        struct stm_map *map = NULL;
        enum stm_status status = is_dict(i)
                                     ? stm_tdict_snapshot(tx, dicts[i], &map)
                                     : stm_tset_snapshot(tx, set_at(i), &map);

        if (!agreed("a snapshot", STM_OK, status))
            return;
        check_map(i, map, map_model(i));
        stm_map_release(map);
    }
}

const struct family map_family = {
    .name = "map",
    .objects = MAPS,
    .model_size = MAPS * sizeof(struct map_model),
    OPERATIONS(operations),
    .start = start,
    .stop = stop,
    .check = check,
};
