/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_SYSTEM_LIBITM_H
#define TESTS_BENCH_SYSTEM_LIBITM_H

/* gcc's transactional memory: the compiler turns what a transaction reads and
 * writes into calls of libitm.  Bodies are inlined, so that it sees what is on
 * the stack and leaves that alone.  A free after the transaction is right:
 * libitm lets no other one see the node by then. */
#define TM_INLINE                                                              \
    inline __attribute__((always_inline, transaction_safe, unused))
#define TM_SAFE __attribute__((transaction_safe))
#define TM_WORD stm_value
#include "system-words.h"

/* Macros, since the body has to be called by its name. */
#define tm_atomically(body, argument)                                          \
    do {                                                                       \
        enum stm_status tm_status_;                                            \
        __transaction_atomic { tm_status_ = body(NULL, argument); }            \
        must(tm_status_);                                                      \
    } while (0)
#define tm_nested(status, call)                                                \
    do {                                                                       \
        __transaction_atomic { (status) = (call); }                            \
    } while (0)

#endif
