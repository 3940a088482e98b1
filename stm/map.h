/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_MAP_H
#define STM_MAP_H

#include <stddef.h>

#include <stm/status.h>
#include <stm/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How to tell keys apart.  hash and equal may run the user's code and may fail:
 * they are called with nothing locked, inside the attempt, and whatever they
 * return but STM_OK ends the operation, which has then changed nothing, and is
 * what it returns.  They may run transactions of their own, nested, also such
 * as change the container: then the key is searched for again, and after 1,000
 * searches in vain the operation fails with STM_EMISUSE.
 *
 * Keys that are the same word are equal without a call; equal is called only
 * for keys of the same hash, with the one that is in the container first.  NULL
 * members: the word itself is hashed, and only the same word is equal.  A key
 * type is constant and outlives its containers; where one is asked for, NULL
 * stands for one with NULL members. */
struct stm_key_type {
    const struct stm_type *type; /* how to own keys */
    enum stm_status (*hash)(stm_value key, uint64_t *out);
    enum stm_status (*equal)(stm_value contained, stm_value key, bool *out);

    /* Asked before equal, which is only called where this returns false: else
     * *out is what equal would say.  It must not run the user's code, nor call
     * the library.  NULL: always false. */
    bool (*tell)(stm_value contained, stm_value key, bool *out);
};

/* An immutable map from keys to values that keeps the order in which the keys
 * were first put in: what a transactional dictionary or set holds, and what a
 * snapshot of it is.  Counted; any thread may read it, in or outside a
 * transaction, for as long as it owns a reference. */
struct stm_map;

STM_API void stm_map_retain(struct stm_map *map);
STM_API void stm_map_release(struct stm_map *map);

/* The number of keys.  O(1). */
STM_API size_t stm_map_length(const struct stm_map *map);

/* Finds a key.  *value (value may be NULL) is borrowed from the map.  STM_OK,
 * STM_ENOTFOUND, or what hash or equal failed with. */
STM_API STM_NODISCARD enum stm_status
stm_map_get(const struct stm_map *map, stm_value key, stm_value *value);

/* The key, and its value, at a position in order of insertion, which must be
 * less than the length; borrowed from the map.  Either may be NULL.  O(log n),
 * and O(1) for keys near the ends; without a call of hash or equal. */
STM_API void stm_map_at(const struct stm_map *map, size_t position,
                        stm_value *key, stm_value *value);

/* For a tracing collector: visits the references that the map alone holds, and
 * returns what the first visit that is not 0 returned.  See
 * stm_tvar_traverse. */
STM_API int stm_map_traverse(const struct stm_map *map, stm_visit *visit,
                             void *context);

#ifdef __cplusplus
}
#endif
#endif
