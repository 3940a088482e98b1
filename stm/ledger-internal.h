/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_LEDGER_INTERNAL_H
#define STM_LEDGER_INTERNAL_H

#include <stm/atomic-internal.h>
#include <stm/fast.h>
#include <stm/stats.h>

/* What happens to transactions is noted here and nowhere else, one call an
 * event and whom it happens to. */

/* A name that transactions carry: found by its text, never freed. */
struct stm__name {
    struct stm__name *next;
    struct stm__counts counts; /* written by any thread */
    char text[];
};

/* Notes an event of the thread's alone. */
static inline void stm__count(struct stm_tx *tx, enum stm__event event)
{
    AO_t *count = &stm__fast_of(tx)->counts.of[event];

    AO_store(count, AO_load(count) + 1);
}

/* Notes an event of a name's, if there is one. */
static inline void stm__count_for(struct stm__name *name, enum stm__event event)
{
    if (STM__UNLIKELY(name != NULL))
        (void)AO_fetch_and_add1(&name->counts.of[event]);
}

/* Notes it of both. */
static inline void stm__note(struct stm_tx *tx, struct stm__name *name,
                             enum stm__event event)
{
    stm__count(tx, event);
    stm__count_for(name, event);
}

/* The name with this text, made if need be.  NULL: out of memory. */
struct stm__name *stm__name_of(const char *text);

/* Walks the names. */
struct stm__name *stm__names(void);

/* All threads of the present and the past. */
void stm__counts_total(struct stm__counts *total);

/* Adds one to the other. */
void stm__counts_add(struct stm__counts *sum, const struct stm__counts *counts);

#endif
