/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_TQUEUE_H
#define STM_TQUEUE_H

#include <stddef.h>

#include <stm/status.h>
#include <stm/value.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stm_tx;

/* A transactional first-in first-out queue, with or without a bound.  A put and
 * a get do not conflict unless the queue is empty or full; without a bound, a
 * get may conflict with a put also when all has been taken that was there the
 * last time that it could.  Statuses and ownership as in stm/tlist.h. */
struct stm_tqueue;

/* Makes an empty queue for items of one type (NULL: words) that holds at most
 * `capacity` items; 0: without a bound.  A bounded queue has all its places
 * from the start, of about 72 bytes each.  With a type, the word 0 cannot be
 * put in.  Needs no transaction.  The caller owns a reference.  NULL: out of
 * memory. */
STM_API struct stm_tqueue *stm_tqueue_new(const struct stm_type *item,
                                          size_t capacity);
STM_API void stm_tqueue_retain(struct stm_tqueue *queue);
STM_API void stm_tqueue_release(struct stm_tqueue *queue);

/* The type of the items, and the capacity, as given to stm_tqueue_new. */
STM_API const struct stm_type *
stm_tqueue_item_type(const struct stm_tqueue *queue);
STM_API size_t stm_tqueue_capacity(const struct stm_tqueue *queue);

/* The number of items.  O(1). */
STM_API STM_NODISCARD enum stm_status
stm_tqueue_length(struct stm_tx *tx, struct stm_tqueue *queue, size_t *out);

/* Adds an item at the end.  O(1), without a bound amortized.  STM_EFULL where
 * there is no room; a caller that would rather wait calls stm_retry then. */
STM_API STM_NODISCARD enum stm_status
stm_tqueue_put(struct stm_tx *tx, struct stm_tqueue *queue, stm_value item);

/* Takes the first item out.  O(1), without a bound amortized.  STM_EEMPTY;
 * stm_retry then waits for one. */
STM_API STM_NODISCARD enum stm_status
stm_tqueue_get(struct stm_tx *tx, struct stm_tqueue *queue, stm_value *out);

/* The first item, which stays.  STM_EEMPTY. */
STM_API STM_NODISCARD enum stm_status
stm_tqueue_peek(struct stm_tx *tx, struct stm_tqueue *queue, stm_value *out);

/* For a tracing collector: see stm_tvar_traverse and stm_tvar_clear. */
STM_API int stm_tqueue_traverse(struct stm_tqueue *queue, stm_visit *visit,
                                void *context);
STM_API void stm_tqueue_discard(struct stm_tqueue *queue);

#ifdef __cplusplus
}
#endif
#endif
