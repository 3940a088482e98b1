/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Persistent maps that keep the order of insertion.
 *
 * Words.  A *map* is immutable to everyone but the attempt that is making it.
 * It is a *trie* over the hashes of its keys, five bits to a level, and the
 * *order*, a persistent sequence of the keys.  A *key record* is made when a
 * key is put in, and holds the key, its hash and a number that only grows: its
 * place among the others.  An *entry* is a value with its key record.  A *node*
 * has, for each next piece of a hash, nothing, an entry or a *child*, in two
 * arrays without gaps, which bitmaps index; so its size is exact.
 *
 *      struct stm_map
 *      root                               order
 *        |                                  |
 *      [ a=1 | c=3 |  .  ]   level 0      [ b c a d ]
 *                     |
 *                  [ b=2 | d=4 ]   level 1: first five bits of b, d the same
 *
 * Different versions share nodes, key records and the order; a change copies
 * the path from the map down to the entry that it changes, and setting the
 * value of a key that is there leaves the order alone.  What the copies share
 * with the originals is not counted, as a rule, but borrowed: stm/map-lend.c.
 *
 * What always holds:
 *
 *   A. The trie and the order have the same key records.
 *   B. A path is as deep as it must be to tell the hashes apart: a node, but
 *      for the root, has at least two keys below it.  Keys whose hashes are
 *      the same are in one node, below the last bits of the hash.
 *   C. An entry owns a reference to its value and one to its key record, a
 *      node one to each child, unless it borrows them; a record one to its key.
 *   D. The order counts nothing: a sequence that a map has contains only
 *      records that the same map's entries own or borrow (A).
 *   E. A node is changed in place only by a map's maker, and only if it and
 *      every node on the way to it have a single reference, which is the map's
 *      own; why that is enough is said at the head of stm/seq.c.  All that is
 *      ever changed in place is a value or a child; where an array changes its
 *      size, there is a new node, into which the references of the old one are
 *      moved.
 *
 * Failing.  A change of the trie is prepared, which allocates, then the order
 * is changed, which may fail and then has not changed, and then the trie's
 * change is made, which cannot fail.
 *
 * Finding a key's index in the order, to take it out: no more keys come before
 * it than were put in between the first one that is there and it.  Where none
 * was taken out between, that is its index; else its number is searched for.
 *
 * Costs, for n keys; the trie is about log32(n) deep, which is 4 for a million.
 *
 *   get, set                    O(log n)
 *   put in, take out            O(log n)
 *   by position                 O(log n)
 *
 * Where it comes from: the hash array mapped tries of Bagwell, with the two
 * bitmaps and the unique shape of Steindorfer and Vinju's CHAMP (2015). */

#include <stdlib.h>

#include <stm/map-node-internal.h>

/* ---- a map ---- */

static const struct stm_key_type words = {.type = NULL};

static struct stm_map *init(struct stm_map *map, const struct stm_key_type *key,
                            const struct stm_type *value, uint64_t owner)
{
    *map = (struct stm_map){.refs = 1,
                            .owner = owner,
                            .key = key ? key : &words,
                            .value = value,
                            .dead = {NULL, &stm__map_dead}};
    return map;
}

struct stm_map *stm__map_new(const struct stm_key_type *key,
                             const struct stm_type *value, uint64_t owner)
{
    struct stm_map *map = malloc(sizeof *map);
    struct stm__map_node *root = stm__map_node_new(0, 0);
    struct stm_seq *order = stm__seq_new(NULL, owner);

    if (map && root && order) {
        root->entry_bits = root->child_bits = 0;
        init(map, key, value, owner);
        map->root = root;
        map->order = order;
        map->lock = stm__map_lock_draw();
        return map;
    }
    free(map);
    free(root);
    if (order)
        stm__seq_drop(order);
    return NULL;
}

bool stm__map_is(const struct stm_map *map, const struct stm_key_type *key,
                 const struct stm_type *value)
{
    return map->key == (key ? key : &words) && map->value == value;
}

void stm__map_adopt(struct stm_map *map, uint64_t from, uint64_t owner)
{
    if (map->owner == from && stm__refs_single(&map->refs) &&
        !AO_load_acquire(&map->debtor))
        map->owner = owner;
}

/* ---- changes ---- */

/* Begins a change: the map itself, or a copy.  Ends with finish. */
static struct stm_map *begin(struct stm_map *map, uint64_t owner)
{
    struct stm_map *copy;

    if (owner != 0 && map->owner == owner)
        return map;
    copy = malloc(sizeof *copy);
    if (!copy)
        return NULL;
    init(copy, map->key, map->value, owner);
    stm__map_borrow(copy, map);
    copy->order = map->order;
    copy->next = map->next;
    stm_seq_retain(copy->order);
    return copy;
}

/* Drops a copy whose change failed.  Gives back no last reference to a key or
 * value: the original has them all. */
static struct stm_map *finish(struct stm_map *changed, struct stm_map *map,
                              bool done)
{
    if (done)
        return changed;
    if (changed != map)
        stm__map_wind_up(changed);
    return NULL;
}

/* Puts what a change made of the order in its place; false for NULL. */
static bool put_order(struct stm_map *map, struct stm_seq *order)
{
    if (!order)
        return false;
    if (order != map->order)
        stm__seq_drop(map->order);
    map->order = order;
    return true;
}

static struct stm__map_key *make_record(struct stm_map *map, uint64_t hash,
                                        stm_value key)
{
    struct stm__map_key *record = malloc(sizeof *record);

    if (record)
        *record = (struct stm__map_key){.refs = 1,
                                        .hash = hash,
                                        .order = map->next,
                                        .key = key,
                                        .type = map->key->type};
    return record;
}

static bool append(struct stm_map *map, const struct stm__map_key *record)
{
    return put_order(map, stm__seq_insert(map->order, stm_map_length(map),
                                          (stm_value)record, map->owner));
}

static bool insert(struct stm_map *map, const struct stm__map_entry *entry)
{
    struct stm__map_change change;

    if (!stm__map_prepare_add(&change, map, entry))
        return false;
    if (!append(map, entry->record)) {
        stm__map_forget(&change);
        return false;
    }
    stm__map_make_add(&change, map, entry);
    stm__retain(map->key->type, entry->key);
    stm__retain(map->value, entry->value);
    map->next++;
    return true;
}

struct stm_map *stm__map_insert(struct stm_map *map, uint64_t hash,
                                stm_value key, stm_value value, uint64_t owner)
{
    struct stm__map_entry entry = {.key = key, .value = value};
    struct stm_map *changed = begin(map, owner);
    bool done;

    if (!changed)
        return NULL;
    entry.record = make_record(changed, hash, key);
    done = entry.record && insert(changed, &entry);
    if (!done)
        free(entry.record);
    return finish(changed, map, done);
}

struct stm_map *stm__map_set(struct stm_map *map, uint64_t hash,
                             const struct stm__map_key *key, stm_value value,
                             stm_value *replaced, uint64_t owner)
{
    struct stm_map *changed = begin(map, owner);
    struct stm__map_change change;
    bool done;

    if (!changed)
        return NULL;
    done = stm__map_prepare_set(&change, changed, hash, key);
    if (done) {
        stm_value *place = stm__map_make_set(&change, changed);

        stm__retain(changed->value, value);
        *replaced = *place;
        *place = value;
    }
    return finish(changed, map, done);
}

static bool is_older(stm_value item, const void *order)
{
    return ((const struct stm__map_key *)item)->order <
           *(const uint64_t *)order;
}

static size_t index_of(const struct stm_map *map,
                       const struct stm__map_key *key)
{
    uint64_t guess = key->order - stm__map_record_at(map, 0)->order;
    size_t last = stm_map_length(map) - 1;

    if (guess <= last && stm__map_record_at(map, guess) == key)
        return guess;
    if (stm__map_record_at(map, last) == key)
        return last;
    return stm__seq_bisect(map->order, is_older, &key->order);
}

struct stm_map *stm__map_remove(struct stm_map *map,
                                const struct stm__map_key *key,
                                stm_value *removed, uint64_t owner)
{
    struct stm_map *changed = begin(map, owner);
    struct stm__map_change change;
    struct stm__map_entry entry;
    stm_value record;
    bool done;

    if (!changed)
        return NULL;
    done = stm__map_prepare_cut(&change, changed, key->hash, key);
    if (done && !put_order(changed, stm__seq_remove(changed->order,
                                                    index_of(changed, key),
                                                    &record, owner))) {
        stm__map_forget(&change);
        done = false;
    }
    if (done) {
        stm__map_make_cut(&change, changed, &entry);
        *removed = entry.value;
        if (stm_map_length(changed) == 0)
            stm__map_settle(changed);
    }
    return finish(changed, map, done);
}
