/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_WATCH_INTERNAL_H
#define STM_WATCH_INTERNAL_H

#include <stm/tx-internal.h>
#include <stm/watch-set-internal.h>

/* One watcher's part in one attempt. */
struct stm__run {
    struct stm_watcher *watcher;  /* kept alive by the garbage or a watch op */
    struct stm__watched *watched; /* what it watched before this transaction */
    size_t first;                 /* what its last run read: */
    size_t count;                 /* captures [first, first + count) */
    struct stm__timing timing;    /* what it asked for */
    uint64_t stamp; /* at its end: what is written later may disturb it */
    unsigned round; /* the last in which it ran */
    bool cancelled;
    bool due; /* to run in this round */
    bool ran;
    bool expired; /* its timer went off */
};

/* watch-run.c: runs watchers until nothing is disturbed. */
enum stm_status stm__watch_settle(struct stm_tx *tx);

/* Before a watcher's first run, or instead of it.  One that another transaction
 * cancelled may still stand in a watch set that was read a moment ago. */
enum stm_status stm__load_watched(struct stm_tx *tx, struct stm__run *run);

/* watch-register.c: makes the write set tell every variable who watches it
 * now. */
enum stm_status stm__watch_register(struct stm_tx *tx);

/* watch-time.c: sees to it that after the commit the watcher's timer is set for
 * what its new state asks for.  `before` may be NULL. */
enum stm_status stm__watch_time(struct stm_tx *tx,
                                const struct stm__watched *before,
                                struct stm__watched *after);

/* What the watcher's timer does. */
void stm__watch_expire(struct stm__timer *timer, uint64_t generation);

static inline struct stm__run *stm__run_at(struct stm_tx *tx, size_t index)
{
    return STM__VEC_AT(&tx->runs, struct stm__run, index);
}

static inline struct stm__capture *stm__capture_at(struct stm_tx *tx,
                                                   size_t index)
{
    return STM__VEC_AT(&tx->captures, struct stm__capture, index);
}

#endif
