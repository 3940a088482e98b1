/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Ending a pool. */
#include "pool-internal.h"

static enum stm_status close_pool(struct stm_tx *tx, void *argument)
{
    struct stm_pool *pool = argument;
    stm_value closing;

    STM_TRY(stm__pool_get(tx, pool, STM__CLOSING, &closing));
    if (closing)
        return STM_OK;
    STM_TRY(stm__pool_set(tx, pool, STM__CLOSING, 1));
    STM_TRY(stm_pool_resume(pool));
    return stm__door_knock(tx, pool, false);
}

enum stm_status stm_pool_shutdown(struct stm_pool *pool)
{
    return stm_atomically(close_pool, pool);
}

static enum stm_status is_over(struct stm_tx *tx,
                               const struct stm__vigil *vigil, bool *out)
{
    stm_value watcher;

    STM_TRY(stm_tvar_get(tx, vigil->pool->starter, &watcher));
    *out = watcher == 0;
    return STM_OK;
}

/* Waits for the end of the threads of a pool of this process; unless that forks
 * meanwhile: its child has none. */
static enum stm_status await_end(struct stm_pool *pool)
{
    struct stm__vigil vigil = {
        .pool = pool, .over = is_over, .timeout = STM_FOREVER};
    enum stm_status status = stm__vigil_keep(&vigil);

    if (status == STM_OK)
        stm__roster_await(pool->roster);
    return stm__roster_is_parents(pool->roster) ? STM_OK : status;
}

static enum stm_status may_await_end(const struct stm_pool *pool,
                                     const char *function)
{
    STM_TRY(stm__pool_outside(function));
    if (stm__roster_is_parents(pool->roster) ||
        !stm__roster_has_caller(pool->roster))
        return STM_OK;
    return stm_error(STM_EMISUSE,
                     "%s: called on a worker of the pool, which it waits for; "
                     "expected another thread, or stm_pool_abandon",
                     function);
}

static enum stm_status is_closing(struct stm_tx *tx, void *argument)
{
    stm_value closing;

    STM_TRY(stm__pool_get(tx, argument, STM__CLOSING, &closing));
    if (closing)
        return STM_OK;
    return stm_error(STM_EMISUSE,
                     "stm_pool_join_threads: the pool is not shut down; "
                     "expected stm_pool_shutdown before");
}

enum stm_status stm_pool_join_threads(struct stm_pool *pool)
{
    STM_TRY(may_await_end(pool, __func__));
    if (stm__roster_is_parents(pool->roster))
        return STM_OK;
    STM_TRY(stm_atomically(is_closing, pool));
    return await_end(pool);
}

enum stm_status stm_pool_free(struct stm_pool *pool)
{
    enum stm_status status = STM_OK;

    STM_TRY(may_await_end(pool, __func__));
    if (!stm__roster_is_parents(pool->roster)) {
        status = stm_pool_shutdown(pool);
        if (status == STM_OK)
            status = await_end(pool);
    }
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
