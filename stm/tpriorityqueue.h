/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_TPRIORITYQUEUE_H
#define STM_TPRIORITYQUEUE_H

#include <stddef.h>

#include <stm/status.h>
#include <stm/value.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stm_tx;

/* A transactional priority queue: the item with the lowest number comes first,
 * and among equals the one that was put in first.  A persistent tree behind one
 * variable.  Statuses and ownership as in stm/tlist.h. */
struct stm_tpriorityqueue;

/* Where to find an item again: made by push, for remove. */
struct stm_ticket {
    int64_t priority;
    uint64_t number;
};

/* Makes an empty queue for items of one type (NULL: words).  Needs no
 * transaction.  The caller owns a reference.  NULL: out of memory. */
STM_API struct stm_tpriorityqueue *
stm_tpriorityqueue_new(const struct stm_type *item);
STM_API void stm_tpriorityqueue_retain(struct stm_tpriorityqueue *queue);
STM_API void stm_tpriorityqueue_release(struct stm_tpriorityqueue *queue);

/* The type of the queue's items, as given to stm_tpriorityqueue_new. */
STM_API const struct stm_type *
stm_tpriorityqueue_item_type(const struct stm_tpriorityqueue *queue);

/* The number of items.  O(1). */
STM_API STM_NODISCARD enum stm_status
stm_tpriorityqueue_length(struct stm_tx *tx, struct stm_tpriorityqueue *queue,
                          size_t *out);

/* Puts an item in, behind all of the same priority; *ticket, if ticket is not
 * NULL, tells remove which it is.  O(log n). */
STM_API STM_NODISCARD enum stm_status
stm_tpriorityqueue_push(struct stm_tx *tx, struct stm_tpriorityqueue *queue,
                        int64_t priority, stm_value item,
                        struct stm_ticket *ticket);

/* Takes out the first item; *priority, if priority is not NULL, receives its
 * number.  O(1) amortized.  STM_EEMPTY. */
STM_API STM_NODISCARD enum stm_status
stm_tpriorityqueue_pop(struct stm_tx *tx, struct stm_tpriorityqueue *queue,
                       stm_value *out, int64_t *priority);

/* The item at index, in the order in which pop will take them; priority may be
 * NULL.  O(log n), O(1) for the first.  STM_ERANGE. */
STM_API STM_NODISCARD enum stm_status
stm_tpriorityqueue_get(struct stm_tx *tx, struct stm_tpriorityqueue *queue,
                       size_t index, stm_value *out, int64_t *priority);

/* The ticket of the item at index.  O(log n).  STM_ERANGE. */
STM_API STM_NODISCARD enum stm_status
stm_tpriorityqueue_ticket(struct stm_tx *tx, struct stm_tpriorityqueue *queue,
                          size_t index, struct stm_ticket *out);

/* Takes out the item with this ticket; out may be NULL.  O(log n).
 * STM_ENOTFOUND when it is there no more. */
STM_API STM_NODISCARD enum stm_status
stm_tpriorityqueue_remove(struct stm_tx *tx, struct stm_tpriorityqueue *queue,
                          const struct stm_ticket *ticket, stm_value *out);

/* Takes all items out.  O(1). */
STM_API STM_NODISCARD enum stm_status
stm_tpriorityqueue_clear(struct stm_tx *tx, struct stm_tpriorityqueue *queue);

/* For a tracing collector: see stm_tvar_traverse and stm_tvar_clear. */
STM_API int stm_tpriorityqueue_traverse(struct stm_tpriorityqueue *queue,
                                        stm_visit *visit, void *context);
STM_API void stm_tpriorityqueue_discard(struct stm_tpriorityqueue *queue);

#ifdef __cplusplus
}
#endif
#endif
