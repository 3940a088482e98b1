/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_TSET_H
#define STM_TSET_H

#include <stm/map.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stm_tx;

/* A transactional set that keeps the order of insertion.  As stm/tdict.h, with
 * no values; its snapshot is a map whose values are the word 0. */
struct stm_tset;

/* Makes an empty set.  Needs no transaction.  The caller owns a reference.
 * NULL: out of memory. */
STM_API struct stm_tset *stm_tset_new(const struct stm_key_type *key);
STM_API void stm_tset_retain(struct stm_tset *set);
STM_API void stm_tset_release(struct stm_tset *set);

/* The number of keys.  O(1). */
STM_API STM_NODISCARD enum stm_status
stm_tset_length(struct stm_tx *tx, struct stm_tset *set, size_t *out);

/* Is there such a key? */
STM_API STM_NODISCARD enum stm_status stm_tset_contains(struct stm_tx *tx,
                                                        struct stm_tset *set,
                                                        stm_value key,
                                                        bool *out);

/* Puts a key in, at the end, if it is missing; else the set is as it was, with
 * the key object that was put in first.  *added, if added is not NULL, says
 * which. */
STM_API STM_NODISCARD enum stm_status stm_tset_add(struct stm_tx *tx,
                                                   struct stm_tset *set,
                                                   stm_value key, bool *added);

/* Takes a key out.  STM_ENOTFOUND. */
STM_API STM_NODISCARD enum stm_status
stm_tset_remove(struct stm_tx *tx, struct stm_tset *set, stm_value key);

/* Takes out the key that was put in first.  STM_EEMPTY. */
STM_API STM_NODISCARD enum stm_status
stm_tset_pop_front(struct stm_tx *tx, struct stm_tset *set, stm_value *key);

/* Takes everything out.  O(1). */
STM_API STM_NODISCARD enum stm_status stm_tset_clear(struct stm_tx *tx,
                                                     struct stm_tset *set);

/* The set as it is now; as stm_tdict_snapshot and stm_tdict_assign. */
STM_API STM_NODISCARD enum stm_status stm_tset_snapshot(struct stm_tx *tx,
                                                        struct stm_tset *set,
                                                        struct stm_map **out);
STM_API STM_NODISCARD enum stm_status
stm_tset_assign(struct stm_tx *tx, struct stm_tset *set, struct stm_map *map);

/* For a tracing collector: see stm_tvar_traverse and stm_tvar_clear. */
STM_API int stm_tset_traverse(struct stm_tset *set, stm_visit *visit,
                              void *context);
STM_API void stm_tset_discard(struct stm_tset *set);

#ifdef __cplusplus
}
#endif
#endif
