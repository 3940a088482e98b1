/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Submitting a task, and what is done where there is no room for it.
 *
 * `capacity` is how many tasks may wait once a transaction has ended, not how
 * long the list may be within it: to as many more there is a worker, free or to
 * be started, whom the watchers give one before the commit. */
#include "ready-internal.h"

struct submission {
    struct stm_pool *pool;
    const struct stm_pool_order *order;
    uint64_t due; /* of a delayed task */
    enum stm_pool_rejection rejection;
    bool alone; /* does the transaction nothing else? */
};

/* How many may be in the queue beside those for which a worker will be found.
 */
static enum stm_status read_room(struct stm_tx *tx, struct stm_pool *pool,
                                 size_t *out)
{
    struct stm__limits limits;
    size_t available;
    stm_value word, live;

    *out = pool->capacity;
    STM_TRY(stm__pool_get(tx, pool, STM__LIMITS, &word));
    limits = stm__limits_unpack(word);
    if (limits.paused)
        return STM_OK;
    STM_TRY(stm__ready_free(tx, pool, &available));
    STM_TRY(stm__pool_get(tx, pool, STM__LIVE, &live));
    *out += available + (limits.max > live ? limits.max - live : 0);
    return STM_OK;
}

static enum stm_status is_full(struct stm_tx *tx, struct stm_pool *pool,
                               bool *out)
{
    size_t queued, room;

    *out = false;
    if (pool->capacity == 0)
        return STM_OK;
    STM_TRY(stm__queue_length(tx, &pool->queue, &queued));
    if (queued < pool->capacity)
        return STM_OK;
    STM_TRY(read_room(tx, pool, &room));
    *out = queued >= room;
    return STM_OK;
}

/* Is there a worker for the next task, and no task before it?  In a backlog, no
 * worker is free. */
static enum stm_status is_served(struct stm_tx *tx, struct stm_pool *pool,
                                 bool *out)
{
    size_t queued, available;
    stm_value limits;

    *out = false;
    if (pool->handover != STM_POOL_HAND_OFF)
        return STM_OK;
    STM_TRY(stm__pool_get(tx, pool, STM__LIMITS, &limits));
    if (limits & (STM__PAUSED | STM__SURPLUS | STM__BACKLOG))
        return STM_OK;
    STM_TRY(stm__queue_length(tx, &pool->queue, &queued));
    if (queued > 0)
        return STM_OK;
    STM_TRY(stm__ready_free(tx, pool, &available));
    *out = available > 0;
    return STM_OK;
}

/* What the second watcher would do, without going by the queue; not where the
 * transaction may go on and look for the task there. */
static enum stm_status serve(struct stm_tx *tx, struct stm_pool *pool,
                             const struct stm_pool_order *order)
{
    STM_TRY(stm__ready_add(tx, pool, order->task, order->priority));
    STM_TRY(stm__ready_call(tx, pool));
    return stm__pool_note_idle(tx, pool);
}

static enum stm_status add(struct stm_tx *tx,
                           const struct submission *submission)
{
    const struct stm_pool_order *order = submission->order;
    struct stm_pool *pool = submission->pool;
    struct stm_ticket ticket;
    bool served = false;

    if (submission->alone)
        STM_TRY(is_served(tx, pool, &served));
    if (served)
        return serve(tx, pool, order);
    STM_TRY(stm__queue_push(tx, &pool->queue, order->task, order->priority,
                            &ticket));
    return stm__task_placed(tx, pool, order->task, &ticket, false);
}

static enum stm_status make_room(struct stm_tx *tx, struct stm_pool *pool)
{
    bool full = true;

    while (full) {
        stm_value task;

        STM_TRY(stm__queue_pop_oldest(tx, &pool->queue, &task));
        STM_TRY(stm__task_give_up(tx, pool, task));
        STM_TRY(is_full(tx, pool, &full));
    }
    return STM_OK;
}

static enum stm_status refuse(struct stm_tx *tx,
                              const struct submission *submission)
{
    struct stm_pool *pool = submission->pool;

    switch (submission->rejection) {
    case STM_POOL_BLOCK:
        return stm_retry(tx);
    case STM_POOL_CALLER_RUNS:
        return stm__task_run_here(tx, pool, submission->order->task);
    case STM_POOL_DROP_OLDEST:
        STM_TRY(make_room(tx, pool));
        return add(tx, submission);
    case STM_POOL_REJECT:
        break;
    }
    return STM_EFULL;
}

static enum stm_status submit(struct stm_tx *tx, void *argument)
{
    const struct submission *submission = argument;
    struct stm_pool *pool = submission->pool;
    stm_value closing;
    bool full;

    STM_TRY(stm__pool_get(tx, pool, STM__CLOSING, &closing));
    if (closing)
        return STM_ECLOSED;
    STM_TRY(stm__task_check(tx, pool, submission->order->task));
    if (submission->order->delay != 0)
        return stm__delay_add(tx, pool, submission->order, submission->due);
    STM_TRY(is_full(tx, pool, &full));
    return full ? refuse(tx, submission) : add(tx, submission);
}

/* A worker of the pool makes room for itself while it waits for room. */
static enum stm_status submit_on_worker(struct submission *submission)
{
    enum stm_status status;

    submission->rejection = STM_POOL_REJECT;
    status = stm_atomically(submit, submission);
    if (status != STM_EFULL)
        return status;
    submission->rejection = STM_POOL_BLOCK;
    stm_pool_wait_begin();
    status = stm_atomically(submit, submission);
    stm_pool_wait_end();
    return status;
}

static uint64_t add_times(uint64_t left, uint64_t right)
{
    return left < STM_FOREVER - right ? left + right : STM_FOREVER;
}

enum stm_status stm_pool_submit_order(struct stm_pool *pool,
                                      const struct stm_pool_order *order)
{
    struct submission submission = {.pool = pool,
                                    .order = order,
                                    .rejection = pool->rejection,
                                    .alone = stm_current() == NULL};
    struct stm__worker *worker;

    STM_TRY(stm__pool_own(pool, __func__));
    if (order->priority != 0 && pool->queue.list != NULL)
        return stm_error(STM_EMISUSE,
                         "%s: the priority is %lld; expected 0 for a pool "
                         "over a list",
                         __func__, (long long)order->priority);
    if (order->delay != 0)
        submission.due = add_times(stm__clock_now(), order->delay);
    if (pool->capacity == 0 || pool->rejection != STM_POOL_BLOCK ||
        !submission.alone)
        return stm_atomically(submit, &submission);
    worker = stm__worker_self();
    return worker != NULL && worker->pool == pool
               ? submit_on_worker(&submission)
               : stm_atomically(submit, &submission);
}

enum stm_status stm_pool_submit(struct stm_pool *pool, stm_value task)
{
    const struct stm_pool_order order = {.task = task};

    return stm_pool_submit_order(pool, &order);
}

/* ---- taking back ---- */

struct sweep {
    struct stm_pool *pool;
    size_t count;
};

typedef enum stm_status take(struct stm_tx *tx, struct stm_pool *pool,
                             stm_value *task);

static enum stm_status take_queued(struct stm_tx *tx, struct stm_pool *pool,
                                   stm_value *task)
{
    int64_t priority;

    return stm__queue_pop(tx, &pool->queue, task, &priority);
}

static enum stm_status take_delayed(struct stm_tx *tx, struct stm_pool *pool,
                                    stm_value *task)
{
    size_t count;

    STM_TRY(stm_tpriorityqueue_length(tx, pool->delayed, &count));
    return count == 0 ? STM_EEMPTY : stm__delay_pop(tx, pool, task);
}

static enum stm_status give_up_all(struct stm_tx *tx, struct sweep *sweep,
                                   take *take_one)
{
    enum stm_status status;
    stm_value task;

    while ((status = take_one(tx, sweep->pool, &task)) == STM_OK) {
        STM_TRY(stm__task_give_up(tx, sweep->pool, task));
        sweep->count++;
    }
    return status == STM_EEMPTY ? STM_OK : status;
}

static enum stm_status cancel_all(struct stm_tx *tx, void *argument)
{
    struct sweep *sweep = argument;

    sweep->count = 0;
    STM_TRY(give_up_all(tx, sweep, take_queued));
    return give_up_all(tx, sweep, take_delayed);
}

enum stm_status stm_pool_cancel_all(struct stm_pool *pool, size_t *out)
{
    struct sweep sweep = {.pool = pool};

    STM_TRY(stm__pool_own(pool, __func__));
    STM_TRY(stm_atomically(cancel_all, &sweep));
    if (out != NULL)
        *out = sweep.count;
    return STM_OK;
}
