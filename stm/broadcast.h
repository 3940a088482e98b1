/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_BROADCAST_H
#define STM_BROADCAST_H

#include <stddef.h>

#include <stm/status.h>
#include <stm/value.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stm_tx;

/* A queue whose items reach every endpoint that existed when they were put.
 * Endpoints hold the queue, not the reverse, so one that is let go costs
 * nothing, and its items are freed when no other endpoint has still to read
 * them.  Statuses and ownership as in stm/tlist.h. */
struct stm_broadcast;
struct stm_endpoint;

/* Makes a queue for items of one type (NULL: words).  Needs no transaction.
 * The caller owns a reference.  NULL: out of memory. */
STM_API struct stm_broadcast *stm_broadcast_new(const struct stm_type *item);
STM_API void stm_broadcast_retain(struct stm_broadcast *queue);
STM_API void stm_broadcast_release(struct stm_broadcast *queue);

/* Adds an item at the end of every endpoint.  O(1). */
STM_API STM_NODISCARD enum stm_status
stm_broadcast_put(struct stm_tx *tx, struct stm_broadcast *queue,
                  stm_value item);

/* Makes an endpoint, empty until the next put.  The caller owns a reference,
 * from each attempt anew: a body that runs again first releases what it got. */
STM_API STM_NODISCARD enum stm_status
stm_endpoint_new(struct stm_tx *tx, struct stm_broadcast *queue,
                 struct stm_endpoint **out);

/* Makes an endpoint with the same items as this one, and from then on
 * independent of it.  O(1).  The caller owns a reference, as above. */
STM_API STM_NODISCARD enum stm_status
stm_endpoint_duplicate(struct stm_tx *tx, struct stm_endpoint *endpoint,
                       struct stm_endpoint **out);

STM_API void stm_endpoint_retain(struct stm_endpoint *endpoint);
STM_API void stm_endpoint_release(struct stm_endpoint *endpoint);

/* Takes the next item out.  STM_EEMPTY where there is none; a caller that
 * would rather wait calls stm_retry then. */
STM_API STM_NODISCARD enum stm_status
stm_endpoint_get(struct stm_tx *tx, struct stm_endpoint *endpoint,
                 stm_value *out);

/* The next item, which stays.  STM_EEMPTY. */
STM_API STM_NODISCARD enum stm_status
stm_endpoint_peek(struct stm_tx *tx, struct stm_endpoint *endpoint,
                  stm_value *out);

/* Puts an item in front: the next get on this endpoint, and on no other, takes
 * it.  *handle, if handle is not NULL, receives a number by which
 * stm_endpoint_remove finds the item. */
STM_API STM_NODISCARD enum stm_status
stm_endpoint_replace(struct stm_tx *tx, struct stm_endpoint *endpoint,
                     stm_value item, uint64_t *handle);

/* Takes the item with this handle out, wherever it stands.  O(log n).
 * STM_ENOTFOUND when it is there no more. */
STM_API STM_NODISCARD enum stm_status
stm_endpoint_remove(struct stm_tx *tx, struct stm_endpoint *endpoint,
                    uint64_t handle);

/* How many items get would return before it is empty.  O(1). */
STM_API STM_NODISCARD enum stm_status
stm_endpoint_remaining(struct stm_tx *tx, struct stm_endpoint *endpoint,
                       size_t *out);

/* For a tracing collector: see stm_tvar_traverse and stm_tvar_clear.  Items in
 * the chain that endpoints share count as reachable. */
STM_API int stm_endpoint_traverse(struct stm_endpoint *endpoint,
                                  stm_visit *visit, void *context);
STM_API void stm_endpoint_discard(struct stm_endpoint *endpoint);

#ifdef __cplusplus
}
#endif
#endif
