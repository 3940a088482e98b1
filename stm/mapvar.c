/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <stm/error-internal.h>
#include <stm/map-node-internal.h>
#include <stm/mapvar-internal.h>

/* How often a key is searched for while the calls of its type's equal change
 * the map. */
#define SEARCHES_MAX 1000

bool stm__mapvar_init(struct stm__mapvar *var, const struct stm_key_type *key,
                      const struct stm_type *value)
{
    struct stm_map *map = stm__map_new(key, value, 0);

    var->root =
        map ? stm__tvar_new_stealing(&stm__map_type, (stm_value)map) : NULL;
    if (!var->root) {
        if (map)
            stm_map_release(map);
        return false;
    }
    var->refs = 1;
    var->key = key;
    var->value = value;
    return true;
}

bool stm__mapvar_release(struct stm__mapvar *var)
{
    if (AO_fetch_and_sub1_full(&var->refs) != 1)
        return false;
    stm_tvar_release(var->root);
    return true;
}

static enum stm_status load(struct stm_tx *tx, struct stm__mapvar *var,
                            struct stm_map **out)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, var->root, &value));
    *out = (struct stm_map *)value;
    return STM_OK;
}

/* ---- finding ---- */

/* Where a key is, or would be. */
struct found {
    struct stm_map *map; /* NULL: an empty one */
    uint64_t hash;
    const struct stm__map_entry *entry; /* NULL: not there */
};

static inline enum stm_status find_again(struct stm_tx *tx,
                                         struct stm__mapvar *var, stm_value key,
                                         struct found *found,
                                         enum stm__map_verdict *verdict)
{
    STM_TRY(load(tx, var, &found->map));
    found->entry = NULL;
    *verdict = found->map
                   ? stm__map_probe(found->map, found->hash, key, &found->entry)
                   : STM__ABSENT;
    return STM_OK;
}

/* Asks the key type's equal, which may do anything.  Whatever it does to the
 * variable, the map that is searched stays as it is: it is not freed before the
 * attempt ends, and under a new stamp it is not changed in place.  If the
 * variable still holds it afterwards, what was found is so, and if this attempt
 * owned it before and nobody has got hold of it, it may own it again. */
static enum stm_status search(struct stm_tx *tx, struct stm__mapvar *var,
                              stm_value key, struct found *found)
{
    for (unsigned i = 0; i < SEARCHES_MAX; i++) {
        const struct stm__map_entry *entry;
        struct stm_map *map = found->map;
        uint64_t stamp = tx->fast.stamp;
        enum stm__map_verdict verdict;

        stm__draw_stamp(tx);
        STM_TRY(stm__map_search(map, found->hash, key, &entry));
        STM_TRY(find_again(tx, var, key, found, &verdict));
        if (found->map == map) {
            stm__map_adopt(map, stamp, tx->fast.stamp);
            found->entry = entry;
            return STM_OK;
        }
        if (verdict != STM__ASK)
            return STM_OK;
    }
    return stm_error(STM_EMISUSE,
                     "a key was searched for %u times, and each time the key "
                     "type's equal changed the container; expected it to stop",
                     SEARCHES_MAX);
}

/* In an attempt that goes on: a doomed one runs no more of the user's code. */
static enum stm_status hash_of(struct stm_tx *tx,
                               const struct stm_key_type *type, stm_value key,
                               uint64_t *out)
{
    STM_TRY(stm__check(tx, "looking for a key"));
    return stm__map_hash(type, key, out);
}

static inline enum stm_status find(struct stm_tx *tx, struct stm__mapvar *var,
                                   stm_value key, struct found *found)
{
    enum stm__map_verdict verdict;

    if (var->key && var->key->hash)
        STM_TRY(hash_of(tx, var->key, key, &found->hash));
    else
        found->hash = stm__map_mix(key);
    STM_TRY(find_again(tx, var, key, found, &verdict));
    return STM__LIKELY(verdict != STM__ASK) ? STM_OK
                                            : search(tx, var, key, found);
}

/* ---- storing ---- */

/* Before a change: there is a map, and room to give back what the change
 * replaces. */
static enum stm_status begin_change(struct stm_tx *tx, struct stm__mapvar *var,
                                    struct stm_map **map)
{
    STM_TRY(stm__reserve_release(tx, 4));
    if (*map)
        return STM_OK;
    *map = stm__map_new(var->key, var->value, tx->fast.stamp);
    if (!*map)
        return stm__doom(tx, STM_ENOMEM);
    STM_TRY(stm__tvar_set_stealing(tx, var->root, (stm_value)*map));
    return stm__reserve_release(tx, 4);
}

/* Stores what a change made of `before`. */
static enum stm_status store(struct stm_tx *tx, struct stm__mapvar *var,
                             struct stm_map *before, struct stm_map *after)
{
    if (!after)
        return stm__doom(tx, STM_ENOMEM);
    if (after == before)
        return STM_OK;
    return stm__tvar_set_stealing(tx, var->root, (stm_value)after);
}

static enum stm_status insert(struct stm_tx *tx, struct stm__mapvar *var,
                              struct found *found, stm_value key,
                              stm_value value)
{
    STM_TRY(begin_change(tx, var, &found->map));
    return store(
        tx, var, found->map,
        stm__map_insert(found->map, found->hash, key, value, tx->fast.stamp));
}

static enum stm_status replace(struct stm_tx *tx, struct stm__mapvar *var,
                               struct found *found, stm_value value)
{
    struct stm_map *after;
    stm_value replaced;

    STM_TRY(begin_change(tx, var, &found->map));
    after =
        stm__map_set(found->map, found->hash, stm__map_entry_key(found->entry),
                     value, &replaced, tx->fast.stamp);
    if (after)
        stm__log_discard(&tx->log, var->value, replaced);
    return store(tx, var, found->map, after);
}

/* Takes a key out of the map that the variable holds; the log keeps it and its
 * value for as long as the attempt runs. */
static enum stm_status take(struct stm_tx *tx, struct stm__mapvar *var,
                            struct stm_map *map, struct stm__map_key *key,
                            stm_value *value)
{
    struct stm_map *after;
    stm_value removed;

    STM_TRY(begin_change(tx, var, &map));
    after = stm__map_remove(map, key, &removed, tx->fast.stamp);
    if (after) {
        stm__log_discard(&tx->log, var->value, removed);
        stm__log_discard(&tx->log, &stm__map_key_type, (stm_value)key);
    }
    STM_TRY(store(tx, var, map, after));
    if (value)
        *value = removed;
    return STM_OK;
}

/* ---- what containers offer ---- */

enum stm_status stm__mapvar_length(struct stm_tx *tx, struct stm__mapvar *var,
                                   size_t *out)
{
    struct stm_map *map;

    STM_TRY(load(tx, var, &map));
    *out = stm__map_length(map);
    return STM_OK;
}

/* Where a glance is not enough, or the key's hash is asked for. */
static __attribute__((noinline)) enum stm_status
get_searched(struct stm_tx *tx, struct stm__mapvar *var, stm_value key,
             stm_value *out)
{
    struct found found;

    STM_TRY(find(tx, var, key, &found));
    if (!found.entry)
        return STM_ENOTFOUND;
    *out = stm__map_entry_value(found.entry);
    return STM_OK;
}

enum stm_status stm__mapvar_get(struct stm_tx *tx, struct stm__mapvar *var,
                                stm_value key, stm_value *out)
{
    struct stm_map *map;
    enum stm__map_verdict verdict;

    if (STM__UNLIKELY(var->key && var->key->hash))
        return get_searched(tx, var, key, out);
    STM_TRY(load(tx, var, &map));
    if (STM__UNLIKELY(!map))
        return STM_ENOTFOUND;
    verdict = stm__map_peek(map, stm__map_mix(key), key, out);
    if (STM__LIKELY(verdict == STM__PRESENT))
        return STM_OK;
    return verdict == STM__ABSENT ? STM_ENOTFOUND
                                  : get_searched(tx, var, key, out);
}

enum stm_status stm__mapvar_contains(struct stm_tx *tx, struct stm__mapvar *var,
                                     stm_value key, bool *out)
{
    struct found found;

    STM_TRY(find(tx, var, key, &found));
    *out = found.entry != NULL;
    return STM_OK;
}

enum stm_status stm__mapvar_set(struct stm_tx *tx, struct stm__mapvar *var,
                                stm_value key, stm_value value)
{
    struct found found;

    STM_TRY(find(tx, var, key, &found));
    return found.entry ? replace(tx, var, &found, value)
                       : insert(tx, var, &found, key, value);
}

enum stm_status stm__mapvar_get_or_set(struct stm_tx *tx,
                                       struct stm__mapvar *var, stm_value key,
                                       stm_value value, stm_value *out,
                                       bool *added)
{
    struct found found;

    STM_TRY(find(tx, var, key, &found));
    if (!found.entry)
        STM_TRY(insert(tx, var, &found, key, value));
    if (out)
        *out = found.entry ? stm__map_entry_value(found.entry) : value;
    if (added)
        *added = !found.entry;
    return STM_OK;
}

enum stm_status stm__mapvar_remove(struct stm_tx *tx, struct stm__mapvar *var,
                                   stm_value key, stm_value *out)
{
    struct found found;

    STM_TRY(find(tx, var, key, &found));
    if (!found.entry)
        return STM_ENOTFOUND;
    return take(tx, var, found.map, stm__map_entry_key(found.entry), out);
}

enum stm_status stm__mapvar_pop(struct stm_tx *tx, struct stm__mapvar *var,
                                bool last, stm_value *key, stm_value *value)
{
    struct stm__map_key *first;
    struct stm_map *map;
    size_t length;

    STM_TRY(load(tx, var, &map));
    length = stm__map_length(map);
    if (!length)
        return STM_EEMPTY;
    first = stm__map_key_at(map, last ? length - 1 : 0);
    STM_TRY(take(tx, var, map, first, value));
    if (key)
        *key = stm__map_key_word(first);
    return STM_OK;
}

enum stm_status stm__mapvar_clear(struct stm_tx *tx, struct stm__mapvar *var)
{
    struct stm_map *map;

    STM_TRY(load(tx, var, &map));
    STM_TRY(stm__reserve_release(tx, 1));
    return store(tx, var, map,
                 stm__map_new(var->key, var->value, tx->fast.stamp));
}

enum stm_status stm__mapvar_snapshot(struct stm_tx *tx, struct stm__mapvar *var,
                                     struct stm_map **out)
{
    struct stm_map *map;

    STM_TRY(load(tx, var, &map));
    if (!map)
        STM_TRY(begin_change(tx, var, &map));
    stm_map_retain(map);
    stm__draw_stamp(
        tx); /* from here on, changes copy what they share with it */
    *out = map;
    return STM_OK;
}

enum stm_status stm__mapvar_assign(struct stm_tx *tx, struct stm__mapvar *var,
                                   struct stm_map *map)
{
    if (!stm__map_is(map, var->key, var->value))
        return stm_error(STM_EMISUSE,
                         "a map was assigned to a container whose keys or "
                         "values have another type; expected the same types");
    return stm_tvar_set(tx, var->root, (stm_value)map);
}
