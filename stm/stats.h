/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_STATS_H
#define STM_STATS_H

#include <stdint.h>
#include <stdio.h>

#include <stm/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How transactions fared.  attempts = commits + conflicts + retries + aborts
 * holds exactly.  Nested transactions are part of their attempt and are not
 * counted. */
struct stm_stats {
    uint64_t attempts;
    uint64_t commits;     /* attempts whose writes became visible */
    uint64_t conflicts;   /* thrown away because what they read had changed */
    uint64_t retries;     /* called retry, and blocked */
    uint64_t aborts;      /* ended by the body's error */
    uint64_t wakeups;     /* blocked transactions made runnable, counted when
                             they go on */
    uint64_t spurious;    /* wake-ups whose next attempt retried again */
    uint64_t escalations; /* transactions that ran alone in order to commit */
};

/* Adds up all threads, those that ended included.  Counts of threads that run
 * meanwhile may be included or not.  Any thread. */
STM_API void stm_stats_read(struct stm_stats *out);

/* The counts of the transactions of one name (stm_tx_set_name); all zero where
 * there were none. */
STM_API void stm_stats_read_name(const char *name, struct stm_stats *out);

/* Prints the counts, a line each, the totals first and then every name.  With
 * STM_STATS=1 in the environment any program that uses the library does this
 * at exit, to standard error. */
STM_API void stm_stats_print(FILE *stream);

#ifdef __cplusplus
}
#endif
#endif
