/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_TSEMAPHORE_H
#define STM_TSEMAPHORE_H

#include <stm/status.h>
#include <stm/value.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stm_tx;

/* A transactional counting semaphore.  Statuses as in stm/tlist.h. */
struct stm_tsemaphore;

/* Makes a semaphore with so many permits.  Needs no transaction.  The caller
 * owns a reference.  NULL: out of memory. */
STM_API struct stm_tsemaphore *stm_tsemaphore_new(uint64_t permits);
STM_API void stm_tsemaphore_retain(struct stm_tsemaphore *semaphore);
STM_API void stm_tsemaphore_release(struct stm_tsemaphore *semaphore);

/* Takes permits; waits (STM_RETRY) while there are fewer.  With stm_or_else it
 * becomes an attempt to take them. */
STM_API STM_NODISCARD enum stm_status
stm_tsemaphore_take(struct stm_tx *tx, struct stm_tsemaphore *semaphore,
                    uint64_t permits);

/* Gives permits back.  Two that only give do not conflict. */
STM_API STM_NODISCARD enum stm_status
stm_tsemaphore_give(struct stm_tx *tx, struct stm_tsemaphore *semaphore,
                    uint64_t permits);

/* The number of permits that can be taken. */
STM_API STM_NODISCARD enum stm_status
stm_tsemaphore_available(struct stm_tx *tx, struct stm_tsemaphore *semaphore,
                         uint64_t *out);

#ifdef __cplusplus
}
#endif
#endif
