/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_SEQ_H
#define STM_SEQ_H

#include <stddef.h>

#include <stm/status.h>
#include <stm/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An immutable sequence of values: what a transactional list holds, and what
 * a snapshot of it is.  Counted; any thread may read it, in or outside a
 * transaction, for as long as it owns a reference. */
struct stm_seq;

/* Makes a sequence of `count` items, of which it takes references of its own.
 * O(n), in one go.  The caller owns a reference.  NULL: out of memory. */
STM_API struct stm_seq *stm_seq_new(const struct stm_type *item,
                                    const stm_value *items, size_t count);

/* The items [from, to) as a sequence of their own; from <= to <= length.  And
 * left followed by right, which have items of the same type.  O(log n).  The
 * caller owns a reference.  NULL: out of memory, or more items than an array of
 * words can have. */
STM_API struct stm_seq *stm_seq_slice(struct stm_seq *seq, size_t from,
                                      size_t to);
STM_API struct stm_seq *stm_seq_concat(struct stm_seq *left,
                                       struct stm_seq *right);

STM_API void stm_seq_retain(struct stm_seq *seq);
STM_API void stm_seq_release(struct stm_seq *seq);

/* The number of items.  O(1). */
STM_API size_t stm_seq_length(const struct stm_seq *seq);

/* The item at index, which must be less than the length; borrowed from the
 * sequence.  O(log n), and O(1) near the ends. */
STM_API stm_value stm_seq_get(const struct stm_seq *seq, size_t index);

/* For iteration: the items from index on that lie together in memory.  Returns
 * their address, which lasts as long as the sequence, and sets *count to their
 * number; NULL and 0 when index is the length or more. */
STM_API const stm_value *stm_seq_run(const struct stm_seq *seq, size_t index,
                                     size_t *count);

/* The same backwards: the items before index, which is at most the length, that
 * lie together, in the order of the sequence; NULL and 0 when index is 0. */
STM_API const stm_value *stm_seq_run_before(const struct stm_seq *seq,
                                            size_t index, size_t *count);

/* For a tracing collector: calls visit for each counted reference that is owned
 * only by way of the caller's reference to the sequence.  What is shared with
 * another sequence is not visited: see stm_tvar_traverse. */
STM_API int stm_seq_traverse(const struct stm_seq *seq, stm_visit *visit,
                             void *context);

#ifdef __cplusplus
}
#endif
#endif
