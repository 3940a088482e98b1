/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stm/error-internal.h>
#include <stm/tx-internal.h>

/* Time within transactions.  An attempt asks each clock once, so that all of it
 * sees one moment; an attempt after a sleep that was to end at a deadline sees
 * that deadline at the latest, so that of two branches with time-outs the
 * earlier one always wins, however late the wake-up came. */

static uint64_t earlier(uint64_t left, uint64_t right)
{
    return left < right ? left : right;
}

void stm__call_start(struct stm_call *call)
{
    call->touched = true;
    if (!call->start)
        call->start = stm__clock_monotonic();
}

uint64_t stm__moment(const struct stm_tx *tx)
{
    return tx->now ? tx->now : earlier(stm__clock_monotonic(), tx->call->limit);
}

/* Tells whether the deadline, one of the clock that says `now`, has passed, or
 * notes it: for this run of the watcher whose function is running, else for
 * the transaction. */
static bool passed(uint64_t now, uint64_t deadline, uint64_t *noted)
{
    if (deadline != STM_FOREVER && now >= deadline)
        return true;
    *noted = earlier(*noted, deadline);
    return false;
}

enum stm_status stm_elapsed(struct stm_tx *tx, uint64_t nanoseconds, bool *out)
{
    struct stm__timing *timing;
    uint64_t start, deadline;

    STM__CHECK(tx);
    timing = tx->capture ? tx->timing : NULL;
    stm__call_start(tx->call);
    tx->fast.work = true;
    tx->now = stm__moment(tx);
    start = timing ? timing->start : tx->call->start;
    deadline =
        nanoseconds > STM_FOREVER - start ? STM_FOREVER : start + nanoseconds;
    *out = passed(tx->now, deadline,
                  timing ? &timing->deadline : &tx->call->deadline);
    return STM_OK;
}

/* The ends of time are as far away as can be told. */
static uint64_t in_nanoseconds(const struct timespec *moment)
{
    uint64_t seconds = (uint64_t)moment->tv_sec;

    if (moment->tv_sec < 0)
        return 0;
    if (seconds >= STM_FOREVER / 1000000000u)
        return STM_FOREVER;
    return seconds * 1000000000u + (uint64_t)moment->tv_nsec;
}

enum stm_status stm_elapsed_at(struct stm_tx *tx, const struct timespec *moment,
                               bool *out)
{
    STM__CHECK(tx);
    tx->call->touched = tx->fast.work = true;
    if (!tx->wall)
        tx->wall = earlier(stm__clock_wall(), tx->call->wall_limit);
    *out = passed(tx->wall, in_nanoseconds(moment),
                  tx->capture ? &tx->timing->wall_deadline
                              : &tx->call->wall_deadline);
    return STM_OK;
}
