/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdlib.h>

#include <stm/map-node-internal.h>

/* ---- counting ---- */

void stm_map_retain(struct stm_map *map)
{
    (void)AO_fetch_and_add1(&map->refs);
}

/* Inside an attempt the release of keys and values must wait for its end. */
void stm_map_release(struct stm_map *map)
{
    if (stm__refs_drop(&map->refs))
        stm__limbo_bury_inner(&map->dead);
}

/* ---- finding ---- */

enum stm_status stm__map_hash(const struct stm_key_type *type, stm_value key,
                              uint64_t *out)
{
    uint64_t hash = key;

    if (type && type->hash)
        STM_TRY(type->hash(key, &hash));
    *out = stm__map_mix(hash);
    return STM_OK;
}

/* The entries that a hash leads to: one, or in the node of equal hashes all, or
 * none. */
static inline const struct stm__map_entry *find(const struct stm_map *map,
                                                uint64_t hash, uint32_t *count)
{
    uint32_t bit;
    const struct stm__map_node *node = stm__map_descend(map, hash, &bit);

    if (stm__map_is_even(node)) {
        *count = node->entries;
        return stm__map_entries(node);
    }
    *count = (node->entry_bits & bit) != 0;
    return stm__map_entries(node) + stm__map_rank(node->entry_bits, bit);
}

/* What can be told of keys of the same hash without the key type's equal. */
static enum stm__map_verdict tell(const struct stm_key_type *type,
                                  stm_value key,
                                  const struct stm__map_entry *found,
                                  uint32_t count,
                                  const struct stm__map_entry **entry)
{
    for (uint32_t i = 0; i < count; i++) {
        bool same;

        if (!type->tell || !type->tell(found[i].key, key, &same))
            return STM__ASK;
        if (same) {
            *entry = &found[i];
            return STM__PRESENT;
        }
    }
    return STM__ABSENT;
}

enum stm__map_verdict stm__map_probe(const struct stm_map *map, uint64_t hash,
                                     stm_value key,
                                     const struct stm__map_entry **entry)
{
    uint32_t count;
    const struct stm__map_entry *found = find(map, hash, &count);

    for (uint32_t i = 0; i < count; i++)
        if (found[i].key == key) {
            *entry = &found[i];
            return STM__PRESENT;
        }
    *entry = NULL;
    return count && map->key->equal && found->record->hash == hash
               ? tell(map->key, key, found, count, entry)
               : STM__ABSENT;
}

enum stm_status stm__map_search(const struct stm_map *map, uint64_t hash,
                                stm_value key,
                                const struct stm__map_entry **entry)
{
    uint32_t count;
    const struct stm__map_entry *found = find(map, hash, &count);

    *entry = NULL;
    for (uint32_t i = 0; i < count; i++) {
        bool same;

        STM_TRY(map->key->equal(found[i].key, key, &same));
        if (same) {
            *entry = &found[i];
            return STM_OK;
        }
    }
    return STM_OK;
}

struct stm__map_key *stm__map_entry_key(const struct stm__map_entry *entry)
{
    return entry->record;
}

stm_value stm__map_entry_value(const struct stm__map_entry *entry)
{
    return entry->value;
}

enum stm_status stm_map_get(const struct stm_map *map, stm_value key,
                            stm_value *value)
{
    const struct stm__map_entry *entry;
    uint64_t hash;

    STM_TRY(stm__map_hash(map->key, key, &hash));
    if (stm__map_probe(map, hash, key, &entry) == STM__ASK)
        STM_TRY(stm__map_search(map, hash, key, &entry));
    if (!entry)
        return STM_ENOTFOUND;
    if (value)
        *value = entry->value;
    return STM_OK;
}

/* ---- by position ---- */

size_t stm_map_length(const struct stm_map *map)
{
    return stm_seq_length(map->order);
}

struct stm__map_key *stm__map_key_at(const struct stm_map *map, size_t position)
{
    return stm__map_record_at(map, position);
}

stm_value stm__map_key_word(const struct stm__map_key *key) { return key->key; }

void stm_map_at(const struct stm_map *map, size_t position, stm_value *key,
                stm_value *value)
{
    const struct stm__map_key *record = stm__map_record_at(map, position);
    const struct stm__map_entry *entry;
    uint32_t count;

    if (key)
        *key = record->key;
    if (!value)
        return;
    entry = find(map, record->hash, &count);
    while (entry->record != record)
        entry++;
    *value = entry->value;
}

/* ---- a key as a value ---- */

static void release_key(stm_value value)
{
    stm__map_key_drop((struct stm__map_key *)value);
}

static bool may_release_key(stm_value value)
{
    const struct stm__map_key *record = (const struct stm__map_key *)value;

    return stm__may_release(record->type, record->key);
}

const struct stm_type stm__map_key_type = {
    .name = "key of a map",
    .release = release_key,
    .may_release = may_release_key,
};

/* ---- a map as a variable's value ---- */

static void retain_map(stm_value value)
{
    stm_map_retain((struct stm_map *)value);
}

static void release_map(stm_value value)
{
    stm_map_release((struct stm_map *)value);
}

static bool is_asked(const struct stm_type *type)
{
    return type && type->may_release;
}

/* The types are asked about one key and one value: they answer for the thread.
 */
static bool may_release_map(stm_value value)
{
    const struct stm_map *map = (const struct stm_map *)value;
    stm_value first_key, first_value;

    if (stm_map_length(map) == 0 ||
        (!is_asked(map->key->type) && !is_asked(map->value)))
        return true;
    stm_map_at(map, 0, &first_key, &first_value);
    return stm__may_release(map->key->type, first_key) &&
           stm__may_release(map->value, first_value);
}

struct visitor {
    const struct stm_map *map;
    stm_visit *visit;
    void *context;
};

static int visit_entry(const struct visitor *visitor,
                       const struct stm__map_entry *entry)
{
    int result = stm__traverse(visitor->map->value, entry->value,
                               visitor->visit, visitor->context);

    if (result || !stm__refs_single(&entry->record->refs))
        return result;
    return stm__traverse(visitor->map->key->type, entry->key, visitor->visit,
                         visitor->context);
}

/* Visits what is a node's own, and not borrowed by the debtor's node that
 * stands in the same place, or NULL.  As deep as the trie. */
static int visit_node(const struct visitor *visitor,
                      const struct stm__map_node *node,
                      const struct stm__map_node *debtor)
{
    uint32_t entries = node->borrowed_entries;
    uint32_t children = node->borrowed_children;
    uint32_t bits = node->entry_bits;
    int result = 0;

    if (!stm__refs_single(&node->refs))
        return 0;
    if (debtor) {
        entries |= debtor->borrowed_entries;
        children |= debtor->borrowed_children;
    }
    for (uint32_t i = 0; i < node->entries && !result; i++, bits &= bits - 1)
        if (!(entries & stm__map_lowest(bits)))
            result = visit_entry(visitor, &stm__map_entries(node)[i]);
    bits = node->child_bits & ~children;
    for (; bits && !result; bits &= bits - 1) {
        uint32_t bit = stm__map_lowest(bits);
        bool both = debtor && debtor->child_bits & bit;

        result = visit_node(visitor, *stm__map_child(node, bit),
                            both ? *stm__map_child(debtor, bit) : NULL);
    }
    return result;
}

int stm_map_traverse(const struct stm_map *map, stm_visit *visit, void *context)
{
    struct visitor visitor = {map, visit, context};
    const struct stm_map *debtor;

    if (!stm__refs_single(&map->refs))
        return 0;
    debtor = (const struct stm_map *)AO_load_acquire(&map->debtor);
    return visit_node(&visitor, map->root, debtor ? debtor->root : NULL);
}

static int traverse_map(stm_value value, stm_visit *visit, void *context)
{
    return stm_map_traverse((const struct stm_map *)value, visit, context);
}

static struct stm_map *of_dead(stm_value dead)
{
    return (struct stm_map *)((char *)dead - offsetof(struct stm_map, dead));
}

static void free_dead(stm_value dead) { stm__map_wind_up(of_dead(dead)); }

static bool may_free_dead(stm_value dead)
{
    return may_release_map((stm_value)of_dead(dead));
}

const struct stm_type stm__map_dead = {
    .name = "dead map",
    .release = free_dead,
    .may_release = may_free_dead,
};

const struct stm_type stm__map_type = {
    .name = "map",
    .retain = retain_map,
    .release = release_map,
    .may_release = may_release_map,
    .traverse = traverse_map,
};
