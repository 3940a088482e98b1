/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_TDICT_H
#define STM_TDICT_H

#include <stm/map.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stm_tx;

/* A transactional dictionary: a persistent hash trie that keeps the order of
 * insertion, behind one variable.  Statuses and ownership as in stm/tlist.h,
 * besides what is said at each; whatever looks for a key may also return what
 * the key type's functions failed with.  O(log n) to a base of 32 unless said.
 */
struct stm_tdict;

/* Makes an empty dictionary.  Needs no transaction.  The caller owns a
 * reference.  NULL: out of memory. */
STM_API struct stm_tdict *stm_tdict_new(const struct stm_key_type *key,
                                        const struct stm_type *value);
STM_API void stm_tdict_retain(struct stm_tdict *dict);
STM_API void stm_tdict_release(struct stm_tdict *dict);

/* The number of keys.  O(1). */
STM_API STM_NODISCARD enum stm_status
stm_tdict_length(struct stm_tx *tx, struct stm_tdict *dict, size_t *out);

/* The value of a key.  STM_ENOTFOUND, and *out is as it was. */
STM_API STM_NODISCARD enum stm_status stm_tdict_get(struct stm_tx *tx,
                                                    struct stm_tdict *dict,
                                                    stm_value key,
                                                    stm_value *out);

/* Sets the value of a key.  A key that is there keeps its place, and the key
 * object that was put in first. */
STM_API STM_NODISCARD enum stm_status stm_tdict_set(struct stm_tx *tx,
                                                    struct stm_tdict *dict,
                                                    stm_value key,
                                                    stm_value value);

/* The value of a key; where there is none, sets it to `value` first.  One
 * search. */
STM_API STM_NODISCARD enum stm_status
stm_tdict_get_or_set(struct stm_tx *tx, struct stm_tdict *dict, stm_value key,
                     stm_value value, stm_value *out);

/* Takes a key out; *out, if out is not NULL, receives its value.
 * STM_ENOTFOUND. */
STM_API STM_NODISCARD enum stm_status stm_tdict_remove(struct stm_tx *tx,
                                                       struct stm_tdict *dict,
                                                       stm_value key,
                                                       stm_value *out);

/* Takes out the key that was put in first, or last.  Either out-parameter may
 * be NULL.  STM_EEMPTY. */
STM_API STM_NODISCARD enum stm_status
stm_tdict_pop_front(struct stm_tx *tx, struct stm_tdict *dict, stm_value *key,
                    stm_value *value);
STM_API STM_NODISCARD enum stm_status stm_tdict_pop_back(struct stm_tx *tx,
                                                         struct stm_tdict *dict,
                                                         stm_value *key,
                                                         stm_value *value);

/* Takes everything out.  O(1). */
STM_API STM_NODISCARD enum stm_status stm_tdict_clear(struct stm_tx *tx,
                                                      struct stm_tdict *dict);

/* The dictionary as it is now, unaffected by what comes.  The caller owns a
 * reference to *out, from each attempt anew: a body that runs again first
 * releases what it got before.  O(1). */
STM_API STM_NODISCARD enum stm_status stm_tdict_snapshot(struct stm_tx *tx,
                                                         struct stm_tdict *dict,
                                                         struct stm_map **out);

/* Makes the dictionary hold what a map of the same types holds.  O(1).
 * STM_EMISUSE for one of other types. */
STM_API STM_NODISCARD enum stm_status stm_tdict_assign(struct stm_tx *tx,
                                                       struct stm_tdict *dict,
                                                       struct stm_map *map);

/* For a tracing collector: see stm_tvar_traverse and stm_tvar_clear. */
STM_API int stm_tdict_traverse(struct stm_tdict *dict, stm_visit *visit,
                               void *context);
STM_API void stm_tdict_discard(struct stm_tdict *dict);

#ifdef __cplusplus
}
#endif
#endif
