/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "families.h"

#include <string.h>

/* Keys of dictionaries and sets.  There are four kinds of maps, by the index:
 * words; objects, which are told apart by their class; words whose hashes have
 * only a few high bits, so that they meet far down in the trie; and objects
 * that all have one hash. */

enum { KEY_FAILED = STM_EUSER - 9 };

static struct deed planned;
static unsigned aim;
static bool failed, paused;

void deed_start(void)
{
    planned.kind = NO_DEED;
    failed = paused = false;
    aim = MAPS;
}

void deed_plan(const struct deed *deed) { planned = *deed; }

void deed_aim(unsigned which) { aim = which; }

void deed_pause(bool now) { paused = now; }

bool deed_failed(struct result *want)
{
    if (!failed)
        return false;
    failed = false;
    want->status = (enum stm_status)KEY_FAILED;
    return true;
}

/* ---- the model ---- */

struct map_model *map_model(unsigned which)
{
    return (struct map_model *)model_of(&map_family) + which;
}

size_t map_model_find(unsigned which, uint32_t key)
{
    const struct map_model *map = map_model(which);
    uint32_t modulus = which % 2 ? CLASSES : UINT32_MAX;
    size_t at = 0;

    while (at < map->length && map->key[at] % modulus != key % modulus)
        at++;
    return at;
}

void map_model_put(unsigned which, uint32_t key, uint32_t value)
{
    struct map_model *map = map_model(which);
    size_t at = map_model_find(which, key);

    if (at == map->length)
        map->key[map->length++] = key;
    map->value[at] = which < TDICTS ? value : 0;
}

void map_model_take(struct map_model *map, size_t at)
{
    size_t behind = --map->length - at;

    memmove(&map->key[at], &map->key[at + 1], behind * sizeof map->key[0]);
    memmove(&map->value[at], &map->value[at + 1],
            behind * sizeof map->value[0]);
}

/* ---- deeds ---- */

static enum stm_status deed_body(struct stm_tx *tx, void *argument)
{
    const stm_value *key = argument;
    stm_value value;

    if (planned.kind == DEED_READS)
        return stm_tvar_get(tx, tvar_at(1), &value);
    if (planned.kind == DEED_SETS)
        return map_set(tx, aim, *key, *key);
    if (planned.kind == DEED_POPS)
        return map_pop(tx, aim, NULL, NULL);
    return map_remove(tx, aim, *key, NULL);
}

static void do_to_model(uint32_t key)
{
    struct map_model *map = map_model(aim);
    size_t at = planned.kind == DEED_REMOVES ? map_model_find(aim, key) : 0;

    if (planned.kind == DEED_SETS)
        map_model_put(aim, key, key);
    else if (planned.kind != DEED_READS && at < map->length)
        map_model_take(map, at);
}

/* A key that does not last longer than the deed. */
static stm_value key_for(stm_value sought)
{
    bool same = planned.kind == DEED_REMOVES || planned.key % 2;
    unsigned wanted = same ? number_of(aim % 2, sought) : planned.key;

    return aim % 2 ? object_new(wanted) : wanted;
}

static enum stm_status act(stm_value sought)
{
    stm_value key = key_for(sought);
    uint32_t number = number_of(aim % 2, key);
    enum stm_status status;

    paused = true;
    say("    (in hash or equal: deed %d, key %u)\n", (int)planned.kind, number);
    status = planned.nested ? stm_atomically(deed_body, &key)
                            : deed_body(stm_current(), &key);
    if (status == STM_EEMPTY || status == STM_ENOTFOUND)
        status = STM_OK;
    if (status == STM_OK)
        do_to_model(number);
    if (aim % 2)
        object_drop(key);
    paused = false;
    planned.kind = NO_DEED;
    return status;
}

static enum stm_status perhaps_act(bool in_equal, stm_value sought)
{
    if (planned.kind == NO_DEED || paused || planned.in_equal != in_equal)
        return STM_OK;
    if (planned.kind != DEED_FAILS &&
        (aim == MAPS || map_model(aim)->length + 1 >= MAP_MAX))
        return STM_OK;
    if (planned.calls-- > 0)
        return STM_OK;
    if (planned.kind != DEED_FAILS)
        return act(sought);
    planned.kind = NO_DEED;
    failed = true;
    say("    (%s fails)\n", in_equal ? "equal" : "hash");
    return (enum stm_status)KEY_FAILED;
}

/* ---- the types of keys ---- */

static enum stm_status hash_high(stm_value key, uint64_t *out)
{
    STM_TRY(perhaps_act(false, key));
    *out = (uint64_t)(key % 16) << 58;
    return STM_OK;
}

static enum stm_status hash_class(stm_value key, uint64_t *out)
{
    STM_TRY(perhaps_act(false, key));
    *out = number_of(true, key) % CLASSES * UINT64_C(0x9e3779b97f4a7c15);
    return STM_OK;
}

static enum stm_status hash_same(stm_value key, uint64_t *out)
{
    STM_TRY(perhaps_act(false, key));
    *out = 5 + (number_of(true, key) & 0);
    return STM_OK;
}

static enum stm_status equal_word(stm_value left, stm_value right, bool *out)
{
    STM_TRY(perhaps_act(true, right));
    *out = left == right;
    return STM_OK;
}

static enum stm_status equal_class(stm_value left, stm_value right, bool *out)
{
    STM_TRY(perhaps_act(true, right));
    *out = number_of(true, left) % CLASSES == number_of(true, right) % CLASSES;
    return STM_OK;
}

const struct stm_key_type *key_type_of(unsigned which)
{
    static const struct stm_key_type types[] = {
        {NULL, NULL, NULL, NULL},
        {&object_type, hash_class, equal_class, NULL},
        {NULL, hash_high, equal_word, NULL},
        {&object_type, hash_same, equal_class, NULL},
    };

    return &types[which % 4];
}
