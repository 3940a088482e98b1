/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Waiting for a pool: until it has nothing to do, until a future has ended,
 * until it is gone.
 *
 * Who waits for a pool that is stranded (there are tasks, but not one thread
 * could be started that does not wait itself) is the only one who is sure to be
 * there, and so knocks at the door, after pauses that double. */
#include "pool-internal.h"

static const uint64_t first_pause = 1000000;      /* 1 ms */
static const uint64_t longest_pause = 1000000000; /* 1 s */

/* A worker that has knocked in vain runs what it waits for itself. */
static enum stm_status knock(struct stm_tx *tx, const struct stm__vigil *vigil)
{
    bool helped = false;

    if (vigil->helps && vigil->pause > first_pause)
        STM_TRY(stm__future_help(tx, vigil->future, &helped));
    return helped ? STM_OK : stm__door_knock(tx, vigil->pool, false);
}

/* A future that is in no queue may come into one: it is submitted, or the
 * thread that was to run it cannot be started.  Then it may be stranded, too.
 */
static enum stm_status look_out(struct stm_tx *tx, struct stm__vigil *vigil)
{
    struct stm_pool *pool;

    STM_TRY(stm__future_pool(tx, vigil->future, &pool));
    vigil->moved = pool != NULL;
    return vigil->moved ? STM_OK : stm_retry(tx);
}

static enum stm_status wait_or_knock(struct stm_tx *tx, void *argument)
{
    struct stm__vigil *vigil = argument;
    struct stm_pool *pool = vigil->pool;
    bool over, stranded = false;

    vigil->knocked = vigil->moved = false;
    /* A blocking hook may have forked. */
    if (pool != NULL)
        STM_TRY(stm__pool_own(pool, "waiting for a pool"));
    STM_TRY(vigil->over(tx, vigil, &over));
    if (over)
        return STM_OK;
    STM_TRY(stm_elapsed(tx, vigil->timeout, &over));
    if (over)
        return STM_ETIMEOUT;
    if (vigil->pause == STM_FOREVER)
        return stm_retry(tx);
    if (pool == NULL)
        return look_out(tx, vigil);
    STM_TRY(stm__door_stranded(tx, pool, &stranded));
    if (stranded) {
        STM_TRY(stm_elapsed(tx, vigil->pause, &over));
        if (over) {
            vigil->knocked = true;
            return knock(tx, vigil);
        }
    }
    return stm_retry(tx);
}

static enum stm_status has_ended(struct stm_tx *tx,
                                 const struct stm__vigil *vigil, bool *out)
{
    enum stm_future_state state;

    STM_TRY(
        stm_tfuture_state(tx, stm_pool_future_outcome(vigil->future), &state));
    *out = state != STM_FUTURE_PENDING;
    return STM_OK;
}

/* Has it ended?  If not, *vigil->pool becomes a reference to where it waits. */
static enum stm_status look(struct stm_tx *tx, void *argument)
{
    struct stm__vigil *vigil = argument;
    struct stm_pool *pool;
    bool over;

    STM_TRY(has_ended(tx, vigil, &over));
    if (over)
        return STM_EDONE;
    STM_TRY(stm__future_pool(tx, vigil->future, &pool));
    if (pool == NULL)
        return STM_OK;
    return stm_export(tx, &stm__pool_type, (stm_value)pool,
                      (stm_value *)&vigil->pool);
}

/* STM_EDONE: it has ended. */
static enum stm_status find_pool(struct stm__vigil *vigil)
{
    const struct stm__worker *worker = stm__worker_self();

    STM_TRY(stm_atomically(look, vigil));
    vigil->helps = worker != NULL && worker->pool == vigil->pool;
    return STM_OK;
}

enum stm_status stm__vigil_keep(struct stm__vigil *vigil)
{
    uint64_t timeout = vigil->timeout, begin = stm__clock_now();

    vigil->pause = first_pause;
    for (;;) {
        uint64_t spent;

        STM_TRY(stm_atomically(wait_or_knock, vigil));
        if (!vigil->knocked && !vigil->moved)
            return STM_OK;
        if (vigil->moved)
            STM_TRY(find_pool(vigil));
        else if (vigil->pause < longest_pause)
            vigil->pause *= 2;
        spent = stm__clock_now() - begin;
        if (timeout != STM_FOREVER)
            vigil->timeout = spent < timeout ? timeout - spent : 0;
    }
}

/* Inside a transaction, which the caller's clock and knocking are left to. */
static enum stm_status keep_or_retry(struct stm__vigil *vigil)
{
    if (stm_current() == NULL)
        return stm__vigil_keep(vigil);
    vigil->pause = STM_FOREVER;
    return stm_atomically(wait_or_knock, vigil);
}

static enum stm_status is_idle(struct stm_tx *tx,
                               const struct stm__vigil *vigil, bool *out)
{
    stm_value idle;

    STM_TRY(stm__pool_get(tx, vigil->pool, STM__IDLE, &idle));
    *out = idle != 0;
    return STM_OK;
}

enum stm_status stm_pool_join(struct stm_pool *pool, uint64_t timeout)
{
    struct stm__vigil vigil = {
        .pool = pool, .over = is_idle, .timeout = timeout};

    STM_TRY(stm__pool_own(pool, __func__));
    return keep_or_retry(&vigil);
}

/* ---- futures ---- */

/* The wait for one that is queued reads nothing but the outcome, so that it is
 * not disturbed when the future begins to run. */
enum stm_status stm_pool_await(struct stm_pool_future *future, uint64_t timeout)
{
    struct stm__vigil vigil = {
        .future = future, .over = has_ended, .timeout = timeout};
    enum stm_status status;

    if (stm_current() != NULL)
        return keep_or_retry(&vigil);
    status = find_pool(&vigil);
    if (status == STM_OK) {
        stm_pool_wait_begin();
        status = stm__vigil_keep(&vigil);
        stm_pool_wait_end();
    }
    if (vigil.pool != NULL)
        stm__pool_release(vigil.pool);
    return status == STM_EDONE ? STM_OK : status;
}
