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

#ifdef __cplusplus
}
#endif
#endif
