/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_MAP_INTERNAL_H
#define STM_MAP_INTERNAL_H

#include <stm/limbo-internal.h>
#include <stm/map.h>

/* Making maps.  As with sequences (stm/seq-internal.h), a function that changes
 * a map takes the ownership token of the attempt that calls it and returns the
 * changed map, which the caller owns once: the same pointer, changed in place,
 * if the map belongs to the token; else a new map, and the old one is as it was
 * and still the caller's; NULL when out of memory, and nothing has changed.  A
 * token is not used again once a later one was.
 *
 * Nothing here runs a type's release for the last reference to a key or value:
 * what is taken out is handed to the caller with references of its own. */

struct stm__map_key;   /* a key that is in a map */
struct stm__map_entry; /* a key and its value; see stm/map-node-internal.h */

/* An empty map; `key` NULL: words.  Belongs to `owner`. */
struct stm_map *stm__map_new(const struct stm_key_type *key,
                             const struct stm_type *value, uint64_t owner);

/* The length, where NULL stands for an empty map. */
static inline size_t stm__map_length(const struct stm_map *map)
{
    return map ? stm_map_length(map) : 0;
}

/* Is it a map of these types? */
bool stm__map_is(const struct stm_map *map, const struct stm_key_type *key,
                 const struct stm_type *value);

/* Lets a map that belongs to `from`, and that no one but the caller's variable
 * refers to, belong to `owner`. */
void stm__map_adopt(struct stm_map *map, uint64_t from, uint64_t owner);

/* ---- finding ---- */

/* One-to-one, so that different words never have the same hash.  The product's
 * high half depends on all bits, and comes to the low half, where the trie
 * begins. */
static inline uint64_t stm__map_mix(uint64_t hash)
{
    hash *= UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 32;
}

/* The hash of a key, mixed. */
STM_NODISCARD enum stm_status stm__map_hash(const struct stm_key_type *type,
                                            stm_value key, uint64_t *out);

enum stm__map_verdict {
    STM__ABSENT,
    STM__PRESENT,
    STM__ASK /* only the key type's equal can tell: stm__map_search */
};

/* Finds the entry of a key without a call of the user's code. */
enum stm__map_verdict stm__map_probe(const struct stm_map *map, uint64_t hash,
                                     stm_value key,
                                     const struct stm__map_entry **entry);

/* The same with such calls; *entry is NULL where there is none.  The map must
 * stay as it is meanwhile.  Returns what equal failed with. */
STM_NODISCARD enum stm_status
stm__map_search(const struct stm_map *map, uint64_t hash, stm_value key,
                const struct stm__map_entry **entry);

struct stm__map_key *stm__map_entry_key(const struct stm__map_entry *entry);
stm_value stm__map_entry_value(const struct stm__map_entry *entry);

/* The key at a position, which must be less than the length. */
struct stm__map_key *stm__map_key_at(const struct stm_map *map,
                                     size_t position);

/* The word of a key. */
stm_value stm__map_key_word(const struct stm__map_key *key);

/* ---- changing ---- */

/* Adds a key that is not there, at the end.  Retains both. */
struct stm_map *stm__map_insert(struct stm_map *map, uint64_t hash,
                                stm_value key, stm_value value, uint64_t owner);

/* Replaces the value of a key that is there, with this hash; *replaced is owned
 * by the caller. */
struct stm_map *stm__map_set(struct stm_map *map, uint64_t hash,
                             const struct stm__map_key *key, stm_value value,
                             stm_value *replaced, uint64_t owner);

/* Takes a key out that is there.  The caller owns *removed, the value, and one
 * reference to the key, of stm__map_key_type. */
struct stm_map *stm__map_remove(struct stm_map *map,
                                const struct stm__map_key *key,
                                stm_value *removed, uint64_t owner);

/* Around a fork, in the parent and in the child: see stm/fork.c. */
void stm__map_fork_prepare(void);
void stm__map_fork_done(void);

/* The type of a key that is or was in a map, as a value. */
extern const struct stm_type stm__map_key_type;

/* The type of a map as a variable's value.  Its traverse visits keys and values
 * only along nodes that have one owner: see stm_tvar_traverse. */
extern const struct stm_type stm__map_type;

#endif
