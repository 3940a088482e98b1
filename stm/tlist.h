/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_TLIST_H
#define STM_TLIST_H

#include <stm/seq.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stm_tx;

/* A transactional list: a persistent chunked tree behind one variable.  All
 * functions with `tx` return STM_OK, the attempt's sticky status, STM_ENOMEM
 * (then sticky) or STM_EMISUSE (tx is not this thread's running attempt),
 * besides what is said at each.  Values passed in are borrowed, the list takes
 * references of its own; values passed out are borrowed until the attempt ends
 * (stm_export lets one out). */
struct stm_tlist;

/* Makes an empty list of items of one type (NULL: words).  Needs no
 * transaction.  The caller owns a reference.  NULL: out of memory. */
STM_API struct stm_tlist *stm_tlist_new(const struct stm_type *item);
STM_API void stm_tlist_retain(struct stm_tlist *list);
STM_API void stm_tlist_release(struct stm_tlist *list);

/* The type of the list's items, as given to stm_tlist_new. */
STM_API const struct stm_type *
stm_tlist_item_type(const struct stm_tlist *list);

/* The number of items.  O(1). */
STM_API STM_NODISCARD enum stm_status
stm_tlist_length(struct stm_tx *tx, struct stm_tlist *list, size_t *out);

/* The item at index.  O(log n).  STM_ERANGE. */
STM_API STM_NODISCARD enum stm_status stm_tlist_get(struct stm_tx *tx,
                                                    struct stm_tlist *list,
                                                    size_t index,
                                                    stm_value *out);

/* Replaces the item at index.  O(log n).  STM_ERANGE. */
STM_API STM_NODISCARD enum stm_status stm_tlist_set(struct stm_tx *tx,
                                                    struct stm_tlist *list,
                                                    size_t index,
                                                    stm_value item);

/* Inserts before index, which may be the length; 0 prepends.  O(log n), at
 * the ends O(1) amortized.  STM_ERANGE. */
STM_API STM_NODISCARD enum stm_status stm_tlist_insert(struct stm_tx *tx,
                                                       struct stm_tlist *list,
                                                       size_t index,
                                                       stm_value item);

/* Adds at the end.  O(1) amortized. */
STM_API STM_NODISCARD enum stm_status
stm_tlist_append(struct stm_tx *tx, struct stm_tlist *list, stm_value item);

/* Takes out the item at index; out may be NULL.  O(log n), at the ends O(1)
 * amortized.  STM_ERANGE. */
STM_API STM_NODISCARD enum stm_status stm_tlist_remove(struct stm_tx *tx,
                                                       struct stm_tlist *list,
                                                       size_t index,
                                                       stm_value *out);

/* Takes out the first item, or the last.  O(1) amortized.  STM_EEMPTY. */
STM_API STM_NODISCARD enum stm_status
stm_tlist_pop_front(struct stm_tx *tx, struct stm_tlist *list, stm_value *out);
STM_API STM_NODISCARD enum stm_status
stm_tlist_pop_back(struct stm_tx *tx, struct stm_tlist *list, stm_value *out);

/* Takes all items out.  O(1). */
STM_API STM_NODISCARD enum stm_status stm_tlist_clear(struct stm_tx *tx,
                                                      struct stm_tlist *list);

/* Adds all items of a sequence of the same type at the end.  O(log n). */
STM_API STM_NODISCARD enum stm_status stm_tlist_extend(struct stm_tx *tx,
                                                       struct stm_tlist *list,
                                                       struct stm_seq *items);

/* Replaces the items [from, to) by those of a sequence of the same type (NULL:
 * by nothing).  O(log n).  STM_ERANGE unless from <= to <= length. */
STM_API STM_NODISCARD enum stm_status stm_tlist_splice(struct stm_tx *tx,
                                                       struct stm_tlist *list,
                                                       size_t from, size_t to,
                                                       struct stm_seq *items);

/* The list as it is now, unaffected by what comes.  The caller owns a reference
 * to *out, from each attempt anew: a body that runs again first releases what
 * it got before.  O(1). */
STM_API STM_NODISCARD enum stm_status stm_tlist_snapshot(struct stm_tx *tx,
                                                         struct stm_tlist *list,
                                                         struct stm_seq **out);

/* For a tracing collector: see stm_tvar_traverse and stm_tvar_clear. */
STM_API int stm_tlist_traverse(struct stm_tlist *list, stm_visit *visit,
                               void *context);
STM_API void stm_tlist_discard(struct stm_tlist *list);

#ifdef __cplusplus
}
#endif
#endif
