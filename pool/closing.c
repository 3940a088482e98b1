/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Waiting for a pool, and ending it.
 *
 * Who waits for a pool that is stranded (there are tasks, but not one thread
 * could be started) is the only one who is sure to be there, and so knocks at
 * the door, after pauses that double. */
#include <time.h>

#include "pool-internal.h"

static const uint64_t first_pause = 1000000;      /* 1 ms */
static const uint64_t longest_pause = 1000000000; /* 1 s */

/* A wait until `place` holds zero, or anything else. */
struct vigil {
    struct stm_pool *pool;
    struct stm_tvar *place;
    bool for_zero;
    uint64_t timeout; /* of this transaction */
    uint64_t pause;   /* before a knock; STM_FOREVER: no knocking */
    bool knocked;
};

static enum stm_status wait_or_knock(struct stm_tx *tx, void *argument)
{
    struct vigil *vigil = argument;
    stm_value value;
    bool over, stranded;

    vigil->knocked = false;
    /* A blocking hook may have forked. */
    STM_TRY(stm__pool_own(vigil->pool, "waiting for a pool"));
    STM_TRY(stm_tvar_get(tx, vigil->place, &value));
    if (vigil->for_zero == (value == 0))
        return STM_OK;
    STM_TRY(stm_elapsed(tx, vigil->timeout, &over));
    if (over)
        return STM_ETIMEOUT;
    if (vigil->pause == STM_FOREVER)
        return stm_retry(tx);
    STM_TRY(stm__door_stranded(tx, vigil->pool, &stranded));
    if (stranded) {
        STM_TRY(stm_elapsed(tx, vigil->pause, &over));
        if (over) {
            vigil->knocked = true;
            return stm__door_knock(tx, vigil->pool, false);
        }
    }
    return stm_retry(tx);
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Outside transactions. */
static enum stm_status keep_vigil(struct vigil *vigil, uint64_t timeout)
{
    uint64_t begin = now();

    vigil->timeout = timeout;
    vigil->pause = first_pause;
    for (;;) {
        uint64_t spent;

        STM_TRY(stm_atomically(wait_or_knock, vigil));
        if (!vigil->knocked)
            return STM_OK;
        if (vigil->pause < longest_pause)
            vigil->pause *= 2;
        spent = now() - begin;
        if (timeout != STM_FOREVER)
            vigil->timeout = spent < timeout ? timeout - spent : 0;
    }
}

enum stm_status stm_pool_join(struct stm_pool *pool, uint64_t timeout)
{
    struct vigil vigil = {.pool = pool,
                          .place = pool->idle,
                          .for_zero = false,
                          .timeout = timeout,
                          .pause = STM_FOREVER};

    STM_TRY(stm__pool_own(pool, __func__));
    if (stm_current() != NULL)
        return stm_atomically(wait_or_knock, &vigil);
    return keep_vigil(&vigil, timeout);
}

static enum stm_status close_pool(struct stm_tx *tx, void *argument)
{
    struct stm_pool *pool = argument;
    stm_value closing;

    STM_TRY(stm_tvar_get(tx, pool->closing, &closing));
    if (closing)
        return STM_OK;
    STM_TRY(stm_tvar_set(tx, pool->closing, 1));
    return stm__door_knock(tx, pool, false);
}

enum stm_status stm_pool_shutdown(struct stm_pool *pool)
{
    return stm_atomically(close_pool, pool);
}

/* Shuts a pool of this process down and waits for the end of its threads. */
static enum stm_status finish(struct stm_pool *pool)
{
    struct vigil vigil = {
        .pool = pool, .place = pool->starter, .for_zero = true};

    STM_TRY(stm_pool_shutdown(pool));
    STM_TRY(keep_vigil(&vigil, STM_FOREVER));
    stm__roster_await(pool->roster);
    return STM_OK;
}

enum stm_status stm_pool_free(struct stm_pool *pool)
{
    enum stm_status status = STM_OK;

    STM_TRY(stm__pool_outside(__func__));
    if (!stm__roster_is_parents(pool->roster) &&
        stm__roster_has_caller(pool->roster))
        return stm_error(STM_EMISUSE,
                         "%s: called on a worker of the pool, "
                         "which it waits for; expected another "
                         "thread, or stm_pool_abandon",
                         __func__);
    if (!stm__roster_is_parents(pool->roster))
        status = finish(pool);
    if (!stm__roster_is_parents(pool->roster)) /* it may have forked */
        STM_TRY(status);
    stm__pool_release(pool);
    return STM_OK;
}

enum stm_status stm_pool_abandon(struct stm_pool *pool)
{
    STM_TRY(stm__pool_outside(__func__));
    STM_TRY(stm_pool_shutdown(pool));
    stm__pool_release(pool);
    return STM_OK;
}
