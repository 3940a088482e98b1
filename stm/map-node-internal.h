/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_MAP_NODE_INTERNAL_H
#define STM_MAP_NODE_INTERNAL_H

#include <stm/map-internal.h>
#include <stm/seq-node-internal.h>
#include <stm/value-internal.h>

/* The nodes of the tries that maps are made of.  The head comment of stm/map.c
 * says what they form; here is what one node is and how it may change. */

#define STM__MAP_BITS 5 /* of a hash for each level */

/* How many nodes with bitmaps a path may have, and how many nodes: below the
 * last bits of a hash hang the keys that have it all in common. */
#define STM__MAP_LEVELS ((64 + STM__MAP_BITS - 1) / STM__MAP_BITS)
#define STM__MAP_DEPTH (STM__MAP_LEVELS + 1)

/* A key that is in a map, in all versions of the map that have it since it was
 * put in.  Constant but for `refs`. */
struct stm__map_key {
    AO_t refs;      /* entries that point to it; by atomic addition */
    uint64_t hash;  /* as stm__map_hash made it */
    uint64_t order; /* grows from one insertion to the next */
    stm_value key;  /* a reference that this owns */
    const struct stm_type *type;
};

/* One reference to a value and one to a key.  The word is in the entry, too, so
 * that it is found without another step through memory. */
struct stm__map_entry {
    stm_value key; /* record->key, borrowed */
    stm_value value;
    struct stm__map_key *record;
};

/* A node: for each possible next piece of a hash nothing, an entry or a child,
 * as its bit in one of the bitmaps says; or a node of equal hashes, at the end
 * of the hash, with no bit set and at least two entries.  `refs` counts the
 * maps and nodes that own it.  The rest is constant while refs is not 1 or the
 * path to the node is not all one map's own; but for what is borrowed, which is
 * under the lock of stm/map-lend.c. */
struct stm__map_node {
    AO_t refs; /* any thread's, by atomic addition; see stm__refs_drop */
    uint32_t entry_bits;
    uint32_t child_bits;
    uint32_t entries;
    uint32_t children;
    uint32_t borrowed_entries;  /* of the bits above, those whose references */
    uint32_t borrowed_children; /* are another node's */
    struct stm__map_node *child[]; /* then: struct stm__map_entry entry[] */
};

/* The array of entries, which follows that of children. */
static inline struct stm__map_entry *
stm__map_entries(const struct stm__map_node *node)
{
    return (struct stm__map_entry *)(node->child + node->children);
}

/* The bit of a hash at a level that is less than STM__MAP_LEVELS. */
static inline uint32_t stm__map_bit(uint64_t hash, unsigned level)
{
    return (uint32_t)1 << (hash >> (level * STM__MAP_BITS) &
                           ((1u << STM__MAP_BITS) - 1));
}

/* The lowest of some bits; 0 of none, as in a node of equal hashes. */
static inline uint32_t stm__map_lowest(uint32_t bits) { return bits & -bits; }

/* How many bits are set: by the processor's instruction, where it has one. */
static inline unsigned stm__map_count(uint32_t bits)
{
#if defined(__x86_64__)
    if (STM__LIKELY(__builtin_cpu_supports("popcnt"))) {
        uint32_t count;

        __asm__("popcntl %1, %0" : "=r"(count) : "rm"(bits) : "cc");
        return count;
    }
#endif
    bits -= bits >> 1 & 0x55555555u;
    bits = (bits & 0x33333333u) + (bits >> 2 & 0x33333333u);
    return ((bits + (bits >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24;
}

/* How many bits lie below this one: the index of what belongs to it. */
static inline unsigned stm__map_rank(uint32_t bits, uint32_t bit)
{
    return stm__map_count(bits & (bit - 1));
}

static inline struct stm__map_node **
stm__map_child(const struct stm__map_node *node, uint32_t bit)
{
    return (struct stm__map_node **)node->child +
           stm__map_rank(node->child_bits, bit);
}

/* A node with uninitialized room for so many; owned once.  NULL: out of
 * memory. */
struct stm__map_node *stm__map_node_new(uint32_t entries, uint32_t children);

/* Gives a reference back; with the last one go those that are the node's own.
 * Recursion is as deep as the trie. */
void stm__map_node_drop(struct stm__map_node *node,
                        const struct stm_type *value);
void stm__map_key_drop(struct stm__map_key *record);

/* Takes references of its own to what is in an entry. */
static inline void stm__map_entry_retain(const struct stm__map_entry *entry,
                                         const struct stm_type *value)
{
    stm__retain(value, entry->value);
    (void)AO_fetch_and_add1(&entry->record->refs);
}

/* Fills `copy`, which is as large, but for what is borrowed.  Counts nothing.
 */
void stm__map_node_clone(struct stm__map_node *copy,
                         const struct stm__map_node *node);

/* What tells a copy of a node from the node: an entry added or cut, or a child
 * in the place of an entry or the reverse.  Each belongs to `bit`; in a
 * node of equal hashes, where bit is 0, an entry is added last, and the one at
 * cut_index is cut. */
struct stm__map_edit {
    uint32_t bit;
    uint32_t cut_index;
    const struct stm__map_entry *add_entry;
    struct stm__map_node *add_child;
    bool cut_entry;
    bool cut_child;
};

/* Fills `copy`, whose room is exactly enough, but for what is borrowed.  Counts
 * nothing. */
void stm__map_node_copy(struct stm__map_node *copy,
                        const struct stm__map_node *node,
                        const struct stm__map_edit *edit);

/* The node, from `level` on, that has just these two entries with two keys; all
 * the nodes above it whose only child is the next are made, too.  NULL: out of
 * memory. */
struct stm__map_node *stm__map_node_pair(const struct stm__map_entry *left,
                                         const struct stm__map_entry *right,
                                         unsigned level);

/* Frees what stm__map_node_pair made, without the references. */
void stm__map_node_unpair(struct stm__map_node *node);

/* ---- a map's own structure ---- */

struct stm_map {
    AO_t refs;      /* any thread's, by atomic addition */
    uint64_t owner; /* the token of the attempt that may change it */
    const struct stm_key_type *key;
    const struct stm_type *value;
    struct stm__map_node *root;
    struct stm_seq *order; /* of struct stm__map_key *, uncounted */
    uint64_t next;         /* the order of the next key put in */
    struct stm__dead dead; /* once the last reference is gone */

    /* A map that this one borrows from, and one that borrows from this one: see
     * stm/map-lend.c.  NULL: none.  Changed under the lock. */
    AO_t lender, debtor;        /* struct stm_map * */
    struct stm__map_lock *lock; /* that of all maps that may share nodes */
    bool root_borrowed;         /* only in the midst of a first change */
};

/* ---- finding ---- */

/* The node in which a hash ends; *bit is what belongs to it there. */
static inline const struct stm__map_node *
stm__map_descend(const struct stm_map *map, uint64_t hash, uint32_t *bit)
{
    const struct stm__map_node *node = map->root;
    uint32_t piece = stm__map_bit(hash, 0);

    while (node->child_bits & piece) {
        node = *stm__map_child(node, piece);
        hash >>= STM__MAP_BITS;
        piece = stm__map_bit(hash, 0);
    }
    *bit = piece;
    return node;
}

/* A node of equal hashes has no bits, and so is the last on its path. */
static inline bool stm__map_is_even(const struct stm__map_node *node)
{
    return !(node->entry_bits | node->child_bits);
}

/* The value of a key, where a glance tells.  STM__ASK: use stm__map_probe. */
static inline enum stm__map_verdict stm__map_peek(const struct stm_map *map,
                                                  uint64_t hash, stm_value key,
                                                  stm_value *value)
{
    uint32_t bit;
    const struct stm__map_node *node = stm__map_descend(map, hash, &bit);
    const struct stm__map_entry *found;

    if (STM__UNLIKELY(!(node->entry_bits & bit)))
        return stm__map_is_even(node) && node->entries ? STM__ASK : STM__ABSENT;
    found = stm__map_entries(node) + stm__map_rank(node->entry_bits, bit);
    if (STM__UNLIKELY(found->key != key))
        return map->key->equal ? STM__ASK : STM__ABSENT;
    *value = found->value;
    return STM__PRESENT;
}

/* ---- map-lend.c ---- */

static inline bool stm__map_borrows(const struct stm_map *map)
{
    return AO_load_acquire(&map->lender) != 0;
}

/* One of the locks, for a map that shares nodes with no other. */
struct stm__map_lock *stm__map_lock_draw(void);

/* Lets a map that no one knows yet begin with the root of another one: borrowed
 * where that is possible, else owned. */
void stm__map_borrow(struct stm_map *map, struct stm_map *from);

/* Settles what a map lends or owes: of one that no one refers to any more, or
 * that has no keys, and so borrows nothing. */
void stm__map_settle(struct stm_map *map);

/* Does so for a map that no one refers to any more, and gives back what is then
 * its own; not inside an attempt, unless the last references are not among
 * that. */
void stm__map_wind_up(struct stm_map *map);

/* ---- map-trie.c: changes of a trie ----
 *
 * A change is first prepared, which may fail and changes nothing, and then
 * either made or given up. */

struct stm__map_change {
    struct stm__map_node *path[STM__MAP_DEPTH];
    struct stm__map_node *fresh[STM__MAP_DEPTH]; /* to take their places */
    unsigned last;   /* the lowest node on the path */
    unsigned shared; /* nodes from here on have other owners */
    unsigned top;    /* what is below this node goes, what is above changes only
                        in one child */
    uint32_t index;  /* of the entry in the lowest node */
    uint64_t hash;
    struct stm__map_node *pair; /* that takes an entry's place, or NULL */
};

/* Adds an entry, whose key is not in the trie; its references go into it when
 * the change is made. */
STM_NODISCARD bool stm__map_prepare_add(struct stm__map_change *change,
                                        const struct stm_map *map,
                                        const struct stm__map_entry *entry);
void stm__map_make_add(struct stm__map_change *change, struct stm_map *map,
                       const struct stm__map_entry *entry);

/* Cuts the entry of a key out; its references become the caller's. */
STM_NODISCARD bool stm__map_prepare_cut(struct stm__map_change *change,
                                        const struct stm_map *map,
                                        uint64_t hash,
                                        const struct stm__map_key *record);
void stm__map_make_cut(struct stm__map_change *change, struct stm_map *map,
                       struct stm__map_entry *removed);

/* Prepares to change the value of a key; then returns the place of the value,
 * whose reference is the caller's to replace. */
STM_NODISCARD bool stm__map_prepare_set(struct stm__map_change *change,
                                        const struct stm_map *map,
                                        uint64_t hash,
                                        const struct stm__map_key *record);
stm_value *stm__map_make_set(struct stm__map_change *change,
                             struct stm_map *map);

/* Gives a prepared change up. */
void stm__map_forget(struct stm__map_change *change);

/* How a dead map is freed. */
extern const struct stm_type stm__map_dead;

static inline struct stm__map_key *stm__map_record_at(const struct stm_map *map,
                                                      size_t position)
{
    return (struct stm__map_key *)stm_seq_get(map->order, position);
}

#endif
