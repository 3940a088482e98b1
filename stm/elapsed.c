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
    if (!call->start)
        call->start = stm__clock_monotonic();
}

static enum stm_status check(struct stm_tx *tx, const char *function)
{
    STM_TRY(stm__check(tx, function));
    if (tx->capture)
        return stm_error(STM_EMISUSE,
                         "%s: called in a watcher's function, which runs when "
                         "variables change, not when time passes",
                         function);
    return STM_OK;
}

enum stm_status stm_elapsed(struct stm_tx *tx, uint64_t nanoseconds, bool *out)
{
    struct stm_call *call;
    uint64_t deadline;

    STM_TRY(check(tx, __func__));
    call = tx->call;
    stm__call_start(call);
    if (!tx->now)
        tx->now = earlier(stm__clock_monotonic(), call->limit);
    deadline = nanoseconds > STM_FOREVER - call->start
                   ? STM_FOREVER
                   : call->start + nanoseconds;
    *out = deadline != STM_FOREVER && tx->now >= deadline;
    if (!*out)
        call->deadline = earlier(call->deadline, deadline);
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
    struct stm_call *call;
    uint64_t deadline;

    STM_TRY(check(tx, __func__));
    call = tx->call;
    if (!tx->wall)
        tx->wall = earlier(stm__clock_wall(), call->wall_limit);
    deadline = in_nanoseconds(moment);
    *out = tx->wall >= deadline;
    if (!*out)
        call->wall_deadline = earlier(call->wall_deadline, deadline);
    return STM_OK;
}
