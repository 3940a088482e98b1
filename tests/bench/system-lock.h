/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_SYSTEM_LOCK_H
#define TESTS_BENCH_SYSTEM_LOCK_H

/* One lock over everything, which the file that includes this one defines by
 * tm_lock and tm_unlock. */
#define TM_INLINE inline
#define TM_SAFE
#define TM_WORD volatile stm_value
#include "system-words.h"

typedef enum stm_status stm_body(struct stm_tx *tx, void *argument);

static inline __attribute__((always_inline)) void tm_atomically(stm_body *body,
                                                                void *argument)
{
    enum stm_status status;

    tm_lock();
    status = body(NULL, argument);
    tm_unlock();
    must(status);
}

#define tm_nested(status, call) ((status) = (call))

#endif
