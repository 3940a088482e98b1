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

/* Makes a list that holds what a sequence holds, from the beginning: nothing is
 * written that an attempt could undo.  O(1); needs no transaction.  The caller
 * owns a reference.  NULL: out of memory. */
STM_API struct stm_tlist *stm_tlist_new_of(struct stm_seq *items);

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

/* Adds all items of a sequence of the same type at the end.  O(log n).
 * STM_EFULL: more items than an array of words can have. */
STM_API STM_NODISCARD enum stm_status stm_tlist_extend(struct stm_tx *tx,
                                                       struct stm_tlist *list,
                                                       struct stm_seq *items);

/* Replaces the items [from, to) by those of a sequence of the same type (NULL:
 * by nothing).  O(log n).  STM_ERANGE unless from <= to <= length; STM_EFULL as
 * with stm_tlist_extend. */
STM_API STM_NODISCARD enum stm_status stm_tlist_splice(struct stm_tx *tx,
                                                       struct stm_tlist *list,
                                                       size_t from, size_t to,
                                                       struct stm_seq *items);

/* Makes the list hold what a sequence of the same type holds.  O(1). */
STM_API STM_NODISCARD enum stm_status stm_tlist_assign(struct stm_tx *tx,
                                                       struct stm_tlist *list,
                                                       struct stm_seq *items);

/* The items [from, to) as a sequence.  O(log n).  STM_ERANGE unless from <= to
 * <= length.  Ownership of *out as with stm_tlist_snapshot. */
STM_API STM_NODISCARD enum stm_status stm_tlist_slice(struct stm_tx *tx,
                                                      struct stm_tlist *list,
                                                      size_t from, size_t to,
                                                      struct stm_seq **out);

/* Takes the items from `at` on out of the list, as a sequence.  O(log n).
 * STM_ERANGE unless at <= length.  Ownership as with stm_tlist_snapshot. */
STM_API STM_NODISCARD enum stm_status stm_tlist_split(struct stm_tx *tx,
                                                      struct stm_tlist *list,
                                                      size_t at,
                                                      struct stm_seq **out);

/* Turns the list around.  O(n). */
STM_API STM_NODISCARD enum stm_status stm_tlist_reverse(struct stm_tx *tx,
                                                        struct stm_tlist *list);

/* Which of two items comes first: sets *out below 0, 0 or above 0.  It may run
 * the user's code, nested transactions included, and may fail: whatever it
 * returns but STM_OK ends the sorting, which changes nothing then. */
typedef enum stm_status stm_compare(stm_value left, stm_value right,
                                    void *context, int *out);

/* Sorts the list; items that compare equal keep their order.  A list that is in
 * order is not written.  O(n log n).  Also what compare failed with;
 * STM_EMISUSE if compare changed the list. */
STM_API STM_NODISCARD enum stm_status stm_tlist_sort(struct stm_tx *tx,
                                                     struct stm_tlist *list,
                                                     stm_compare *compare,
                                                     void *context);

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
