/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_TCOUNTER_H
#define STM_TCOUNTER_H

#include <stm/status.h>
#include <stm/value.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stm_tx;

/* A transactional counter to which transactions add without conflict.  An add
 * is applied when the transaction commits; unless the same transaction also
 * reads the counter, or a watcher watches it, it reads nothing, so that any
 * number of transactions that only add never disturb each other.  Numbers wrap
 * around, as unsigned ones do in C; a negative delta is its two's complement.
 * Statuses as in stm/tlist.h. */
struct stm_tcounter;

/* Makes a counter.  Needs no transaction.  The caller owns a reference.  NULL:
 * out of memory. */
STM_API struct stm_tcounter *stm_tcounter_new(uint64_t initial);
STM_API void stm_tcounter_retain(struct stm_tcounter *counter);
STM_API void stm_tcounter_release(struct stm_tcounter *counter);

/* Adds when the transaction commits. */
STM_API STM_NODISCARD enum stm_status
stm_tcounter_add(struct stm_tx *tx, struct stm_tcounter *counter,
                 int64_t delta);

/* Reads, own additions included. */
STM_API STM_NODISCARD enum stm_status
stm_tcounter_get(struct stm_tx *tx, struct stm_tcounter *counter,
                 uint64_t *out);

#ifdef __cplusplus
}
#endif
#endif
