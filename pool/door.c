/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* When the system has no thread left.
 *
 * The transaction that takes a worker back writes what the first watcher
 * reads, which would therefore ask for the same thread again, for ever.  A
 * door stands between the number of missing workers and those that are
 * started:
 *
 *   open      all that are missing are started (the usual case)
 *   barred    none is; the word remembers how many tasks there had been
 *   probing   one is being started, and none besides it
 *
 *     open --miss--> barred --pass--> probing --open--> open
 *                      ^---miss, excuse--'
 *
 * A barred door lets one worker, the probe, pass in the first transaction in
 * which there are workers missing and one of these is so:
 *
 *   - tasks have been added (or taken away) since the last start failed;
 *   - a worker leaves;
 *   - a worker finishes a task;
 *   - the probe before was dismissed before it was tried (it is excused);
 *   - someone who waits for the pool (join, free), or the thread whose start
 *     action failed, has waited for a while and knocks.
 *
 * While other workers live, they will come by here again, and a machine that
 * stays short of threads must not pay a failing start for each task: so
 * then, after n misses in a row, only every 2^n-th finished task and every
 * 2^n-th added one count.  With no worker left, any does.
 *
 * No rule takes a task out of the list: what is not started stays queued. */
#include "pool-internal.h"

enum { DOOR_OPEN, DOOR_PROBING, DOOR_BARRED /* + tasks scheduled then */ };

enum { MOST_PATIENT = 10 }; /* at the longest, every 1,024th */

static enum stm_status read_patience(struct stm_tx *tx, struct stm_pool *pool,
                                     size_t *out)
{
    stm_value misses;

    STM_TRY(stm__pool_get(tx, pool, STM__MISSES, &misses));
    *out = (size_t)1 << (misses < MOST_PATIENT ? misses : MOST_PATIENT);
    return STM_OK;
}

/* The number of tasks ever scheduled: handing one out does not change it. */
static enum stm_status read_scheduled(struct stm_tx *tx, struct stm_pool *pool,
                                      stm_value *out)
{
    stm_value handed;
    size_t queued;

    STM_TRY(stm__pool_get(tx, pool, STM__HANDED, &handed));
    STM_TRY(stm__queue_length(tx, &pool->queue, &queued));
    *out = handed + queued;
    return STM_OK;
}

/* Is there a worker that will come by again?  One that waits for a task may
 * not. */
static enum stm_status is_manned(struct stm_tx *tx, struct stm_pool *pool,
                                 bool *out)
{
    stm_value live, lent;

    STM_TRY(stm__pool_get(tx, pool, STM__LIVE, &live));
    STM_TRY(stm__pool_get(tx, pool, STM__LENT, &lent));
    *out = live > lent;
    return STM_OK;
}

enum stm_status stm__door_admit(struct stm_tx *tx, struct stm_pool *pool,
                                size_t missing, size_t *out)
{
    stm_value door, scheduled, then, change;
    size_t patience = 1;
    bool manned;

    STM_TRY(stm__pool_get(tx, pool, STM__DOOR, &door));
    if (door <= DOOR_PROBING || door == DOOR_BARRED) {
        *out = door == DOOR_OPEN ? missing : door == DOOR_BARRED;
        return STM_OK;
    }
    then = door - DOOR_BARRED;
    STM_TRY(read_scheduled(tx, pool, &scheduled));
    change = scheduled > then ? scheduled - then : then - scheduled;
    STM_TRY(is_manned(tx, pool, &manned));
    if (manned)
        STM_TRY(read_patience(tx, pool, &patience));
    *out = change >= patience;
    return STM_OK;
}

enum stm_status stm__door_pass(struct stm_tx *tx, struct stm_pool *pool,
                               bool *probe)
{
    stm_value door;

    STM_TRY(stm__pool_get(tx, pool, STM__DOOR, &door));
    *probe = door != DOOR_OPEN;
    return *probe ? stm__pool_set(tx, pool, STM__DOOR, DOOR_PROBING) : STM_OK;
}

enum stm_status stm__door_miss(struct stm_tx *tx, struct stm_pool *pool,
                               bool *first)
{
    stm_value door, misses, scheduled;

    STM_TRY(stm__pool_get(tx, pool, STM__DOOR, &door));
    STM_TRY(stm__pool_get(tx, pool, STM__MISSES, &misses));
    STM_TRY(read_scheduled(tx, pool, &scheduled));
    *first = misses == 0;
    if (door < DOOR_BARRED) /* one for a batch that fails together */
        STM_TRY(stm__pool_set(tx, pool, STM__MISSES, misses + 1));
    return stm__pool_set(tx, pool, STM__DOOR, DOOR_BARRED + scheduled);
}

enum stm_status stm__door_open(struct stm_tx *tx, struct stm_pool *pool)
{
    STM_TRY(stm__pool_set(tx, pool, STM__MISSES, 0));
    return stm__pool_set(tx, pool, STM__DOOR, DOOR_OPEN);
}

enum stm_status stm__door_excuse(struct stm_tx *tx, struct stm_pool *pool)
{
    stm_value door;

    STM_TRY(stm__pool_get(tx, pool, STM__DOOR, &door));
    if (door != DOOR_PROBING)
        return STM_OK;
    return stm__pool_set(tx, pool, STM__DOOR, DOOR_BARRED);
}

enum stm_status stm__door_knock(struct stm_tx *tx, struct stm_pool *pool,
                                bool patient)
{
    stm_value door, finished;
    size_t patience = 1;

    STM_TRY(stm__pool_get(tx, pool, STM__DOOR, &door));
    if (door <= DOOR_BARRED)
        return STM_OK;
    if (patient)
        STM_TRY(read_patience(tx, pool, &patience));
    STM_TRY(stm__pool_get(tx, pool, STM__FINISHED, &finished));
    if (finished % patience != 0)
        return STM_OK;
    return stm__pool_set(tx, pool, STM__DOOR, DOOR_BARRED);
}

enum stm_status stm__door_stranded(struct stm_tx *tx, struct stm_pool *pool,
                                   bool *out)
{
    stm_value door;
    size_t queued;
    bool manned;

    *out = false;
    STM_TRY(stm__pool_get(tx, pool, STM__DOOR, &door));
    if (door < DOOR_BARRED)
        return STM_OK;
    STM_TRY(is_manned(tx, pool, &manned));
    STM_TRY(stm__queue_length(tx, &pool->queue, &queued));
    *out = !manned && queued > 0;
    return STM_OK;
}
