/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stm/tcounter.h>
#include <stm/transaction.h>
#include <stm/tsemaphore.h>

/* A semaphore is a counter of permits by another name. */

static struct stm_tcounter *permits_of(struct stm_tsemaphore *semaphore)
{
    return (struct stm_tcounter *)semaphore;
}

struct stm_tsemaphore *stm_tsemaphore_new(uint64_t permits)
{
    return (struct stm_tsemaphore *)stm_tcounter_new(permits);
}

void stm_tsemaphore_retain(struct stm_tsemaphore *semaphore)
{
    stm_tcounter_retain(permits_of(semaphore));
}

void stm_tsemaphore_release(struct stm_tsemaphore *semaphore)
{
    stm_tcounter_release(permits_of(semaphore));
}

enum stm_status stm_tsemaphore_take(struct stm_tx *tx,
                                    struct stm_tsemaphore *semaphore,
                                    uint64_t permits)
{
    uint64_t available;

    STM_TRY(stm_tsemaphore_available(tx, semaphore, &available));
    if (available < permits)
        return stm_retry(tx);
    return stm_tcounter_add(tx, permits_of(semaphore), (int64_t)(0 - permits));
}

enum stm_status stm_tsemaphore_give(struct stm_tx *tx,
                                    struct stm_tsemaphore *semaphore,
                                    uint64_t permits)
{
    return stm_tcounter_add(tx, permits_of(semaphore), (int64_t)permits);
}

enum stm_status stm_tsemaphore_available(struct stm_tx *tx,
                                         struct stm_tsemaphore *semaphore,
                                         uint64_t *out)
{
    return stm_tcounter_get(tx, permits_of(semaphore), out);
}
