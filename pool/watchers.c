/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The two watchers, which are all that the pool does about its tasks (but for
 * those whose time is to come: delay.c).  They run in whatever transaction
 * changes the queue, the limits or the number of workers, to a fix-point; a
 * worker that becomes free has looked for tasks itself.  So at the end of every
 * transaction
 *
 *   1. no worker is missing: tasks - free <= 0 or live >= max, and live >= min,
 *      unless the door holds starts back (door.c) or the pool is paused;
 *   2. no worker is too many: live <= max or all of them are busy;
 *   3. there are no tasks or there are no free workers, unless the pool is
 *      paused, or its workers help themselves (in the shared list).
 *
 * Hence a task can be added at any moment of a worker's life, by code that
 * knows nothing of the pool, and either it is handed out when the transaction
 * commits (ready.c), or all are busy and the next to finish takes it.
 *
 * The workers that the first one starts count as free at once, which makes its
 * number 0 when it runs again, and means that the second one may hand out a
 * task for a worker whose thread does not exist yet.
 *
 * In the child of a fork, where the pool has no threads, they do nothing. */
#include "ready-internal.h"

/* What the first watcher's function reads.  It watches as little as it can, so
 * that the transactions of a task seldom run it: in a backlog not the queue,
 * and the free workers only where tasks may be too many for them. */
struct census {
    size_t tasks, available;
    stm_value live;
    struct stm__limits limits;
    bool saturated; /* then nothing is known of the two above */
};

/* Not at once: what is watched should not change with every task. */
static bool has_backlog(const struct census *census)
{
    return !census->limits.paused && census->live >= census->limits.max &&
           (census->saturated ||
            census->tasks > (census->limits.backlog ? 0 : census->live));
}

static enum stm_status read_limits(struct stm_tx *tx, struct stm_pool *pool,
                                   struct census *out)
{
    stm_value word;

    *out = (struct census){0};
    STM_TRY(stm__pool_get(tx, pool, STM__LIVE, &out->live));
    STM_TRY(stm__pool_get(tx, pool, STM__LIMITS, &word));
    out->limits = stm__limits_unpack(word);
    return STM_OK;
}

static enum stm_status take_census(struct stm_tx *tx, struct stm_pool *pool,
                                   struct census *out)
{
    const struct stm__limits *limits = &out->limits;

    STM_TRY(read_limits(tx, pool, out));
    out->saturated =
        limits->backlog && !limits->paused && out->live >= limits->max;
    if (out->saturated)
        return STM_OK;
    STM_TRY(stm__queue_length(tx, &pool->queue, &out->tasks));
    if (limits->paused || out->tasks == 0 || out->live >= limits->max)
        return STM_OK;
    return stm__ready_free(tx, pool, &out->available);
}

static enum stm_status
take_full_census(struct stm_tx *tx, struct stm_pool *pool, struct census *out)
{
    STM_TRY(read_limits(tx, pool, out));
    STM_TRY(stm__queue_length(tx, &pool->queue, &out->tasks));
    return stm__ready_free(tx, pool, &out->available);
}

/* Workers short of running all tasks at once within the limit. */
static intptr_t missing_workers(const struct census *census)
{
    intptr_t tasks = census->limits.paused ? 0 : (intptr_t)census->tasks;
    intptr_t unserved = tasks - (intptr_t)census->available;
    intptr_t allowed = (intptr_t)census->limits.max - (intptr_t)census->live;

    return unserved < allowed ? unserved : allowed;
}

/* Those, or as many as are short of the least number, which holds until the
 * pool closes. */
static enum stm_status count_missing(struct stm_tx *tx, struct stm_pool *pool,
                                     const struct census *census,
                                     size_t *admitted)
{
    intptr_t missing = missing_workers(census);
    intptr_t few = (intptr_t)census->limits.min - (intptr_t)census->live;
    stm_value closing;

    *admitted = 0;
    if (few > 0 && few > missing) {
        STM_TRY(stm__pool_get(tx, pool, STM__CLOSING, &closing));
        if (!closing)
            missing = few;
    }
    if (missing <= 0)
        return STM_OK;
    return stm__door_admit(tx, pool, (size_t)missing, admitted);
}

static enum stm_status is_drained(struct stm_tx *tx, struct stm_pool *pool,
                                  bool *out)
{
    stm_value closing, handed, finished;

    STM_TRY(stm__pool_get(tx, pool, STM__CLOSING, &closing));
    STM_TRY(stm__pool_get(tx, pool, STM__HANDED, &handed));
    STM_TRY(stm__pool_get(tx, pool, STM__FINISHED, &finished));
    *out = closing && handed == finished;
    return STM_OK;
}

/* What the first watcher's callback is told: the number of workers to start,
 * times FINDING, plus these. */
enum { DRAINED = 1, QUEUED = 2, ADJUST = 4, HALTED = 8, FINDING = 16 };

static enum stm_status count_workers(struct stm_tx *tx, stm_value argument,
                                     stm_value *result)
{
    struct stm_pool *pool = (struct stm_pool *)argument;
    struct census census;
    size_t admitted;
    bool adjust, drained = false;

    if (stm__roster_is_parents(pool->roster)) {
        *result = 0; /* having read nothing, it watches nothing from now on */
        return STM_OK;
    }
    STM_TRY(take_census(tx, pool, &census));
    STM_TRY(count_missing(tx, pool, &census, &admitted));
    if (census.live == 0 && census.tasks == 0 && !census.saturated)
        STM_TRY(is_drained(tx, pool, &drained));
    adjust = census.limits.surplus || census.live > census.limits.max ||
             census.limits.backlog != has_backlog(&census);
    *result = admitted * FINDING +
              (census.saturated || census.tasks > 0 ? QUEUED : 0) +
              (drained ? DRAINED : 0) + (adjust ? ADJUST : 0) +
              (census.limits.paused ? HALTED : 0);
    return STM_OK;
}

static enum stm_status hand_out(struct stm_tx *tx, struct stm_pool *pool,
                                size_t pairs)
{
    for (size_t i = 0; i < pairs; i++) {
        stm_value task;
        int64_t priority;

        STM_TRY(stm__queue_pop(tx, &pool->queue, &task, &priority));
        STM_TRY(stm__ready_add(tx, pool, task, priority));
    }
    return stm__ready_call(tx, pool);
}

static enum stm_status hand_to_free(struct stm_tx *tx, struct stm_pool *pool)
{
    size_t tasks, available;

    STM_TRY(stm__queue_length(tx, &pool->queue, &tasks));
    STM_TRY(stm__ready_free(tx, pool, &available));
    return hand_out(tx, pool, tasks < available ? tasks : available);
}

static enum stm_status start_workers(struct stm_tx *tx, struct stm_pool *pool,
                                     size_t count, bool paused)
{
    bool probe;

    STM_TRY(stm__door_pass(tx, pool, &probe));
    STM_TRY(stm__pool_add(tx, pool, STM__LIVE, (intptr_t)count));
    for (size_t i = 0; i < count; i++)
        STM_TRY(stm__worker_new(tx, pool, probe));
    /* The second watcher does not see the free workers, and, if there was a
     * backlog, does not look at the tasks yet. */
    return paused || pool->handover != STM_POOL_HAND_OFF
               ? STM_OK
               : hand_to_free(tx, pool);
}

static enum stm_status dismiss(struct stm_tx *tx, struct stm_pool *pool,
                               struct census *census)
{
    intptr_t gone = 0;

    while (census->live > census->limits.max && census->available > 0) {
        STM_TRY(stm__ready_dismiss(tx, pool));
        census->live--;
        census->available--;
        gone++;
    }
    return gone > 0 ? stm__pool_add(tx, pool, STM__LIVE, -gone) : STM_OK;
}

/* Dismisses free workers while there are too many, and keeps the flags. */
static enum stm_status adjust_limits(struct stm_tx *tx, struct stm_pool *pool)
{
    struct stm__limits limits;
    struct census census;

    STM_TRY(take_full_census(tx, pool, &census));
    STM_TRY(dismiss(tx, pool, &census));
    limits = census.limits;
    limits.surplus = census.live > limits.max;
    limits.backlog = census.available == 0 && has_backlog(&census);
    if (limits.surplus == census.limits.surplus &&
        limits.backlog == census.limits.backlog)
        return STM_OK;
    return stm__pool_set(tx, pool, STM__LIMITS, stm__limits_pack(&limits));
}

/* Whatever changes the number of remaining tasks comes by here: what adds to
 * the queue or takes from it without handing out runs the first watcher, unless
 * there is a backlog, in which no worker is idle; all else calls
 * stm__pool_note_idle.  A joiner waits on this alone and so is not woken by
 * each finished task. */
static enum stm_status note_idle(struct stm_tx *tx, struct stm_pool *pool,
                                 bool queued)
{
    stm_value idle;
    bool now = false;

    STM_TRY(stm__pool_get(tx, pool, STM__IDLE, &idle));
    if (!queued) {
        stm_value handed, finished;

        STM_TRY(stm__pool_get(tx, pool, STM__HANDED, &handed));
        STM_TRY(stm__pool_get(tx, pool, STM__FINISHED, &finished));
        now = handed == finished;
    }
    if (now == (idle != 0))
        return STM_OK;
    return stm__pool_set(tx, pool, STM__IDLE, now);
}

enum stm_status stm__pool_note_idle(struct stm_tx *tx, struct stm_pool *pool)
{
    size_t queued;

    STM_TRY(stm__queue_length(tx, &pool->queue, &queued));
    return note_idle(tx, pool, queued > 0);
}

static enum stm_status cancel(struct stm_tx *tx, struct stm_tvar *place)
{
    stm_value watcher;

    STM_TRY(stm_tvar_get(tx, place, &watcher));
    if (watcher == 0)
        return STM_OK;
    STM_TRY(stm_watcher_cancel(tx, (struct stm_watcher *)watcher));
    return stm_tvar_set(tx, place, 0);
}

static enum stm_status supply_workers(struct stm_tx *tx, stm_value argument,
                                      stm_value found)
{
    struct stm_pool *pool = (struct stm_pool *)argument;

    if (stm__roster_is_parents(pool->roster))
        return STM_OK;
    if (found >= FINDING)
        STM_TRY(start_workers(tx, pool, found / FINDING, found & HALTED));
    if (found & ADJUST)
        STM_TRY(adjust_limits(tx, pool));
    STM_TRY(note_idle(tx, pool, found & QUEUED));
    if (!(found & DRAINED))
        return STM_OK;
    /* The end of a closed pool: with the watchers go the references to it
     * that the task list, which may be anybody's, holds. */
    STM_TRY(cancel(tx, pool->pairer));
    STM_TRY(cancel(tx, pool->timer));
    return cancel(tx, pool->starter);
}

/* The free workers are not watched: while tasks are queued a worker becomes
 * free only in a paused pool, or when it is made, and then gets one at once. */
static enum stm_status count_tasks(struct stm_tx *tx, stm_value argument,
                                   stm_value *result)
{
    struct stm_pool *pool = (struct stm_pool *)argument;
    stm_value limits;

    *result = 0;
    if (stm__roster_is_parents(pool->roster))
        return STM_OK;
    STM_TRY(stm__pool_get(tx, pool, STM__LIMITS, &limits));
    if (limits & (STM__PAUSED | STM__BACKLOG))
        return STM_OK; /* tasks come and go without running this */
    return stm__queue_length(tx, &pool->queue, result);
}

static enum stm_status pair_off(struct stm_tx *tx, stm_value argument,
                                stm_value tasks)
{
    return tasks == 0 ? STM_OK : hand_to_free(tx, (struct stm_pool *)argument);
}

/* The pool keeps its handle in a variable, so that no attempt can meet one
 * that another thread has let go. */
static enum stm_status create(struct stm_tx *tx, const struct stm_watch *watch,
                              struct stm_tvar *place)
{
    struct stm_watcher *watcher;
    enum stm_status status;

    STM_TRY(stm_watch(tx, watch, &watcher));
    status = stm_tvar_set(tx, place, (stm_value)watcher);
    stm_watcher_release(watcher);
    return status;
}

enum stm_status stm__pool_watch(struct stm_tx *tx, struct stm_pool *pool)
{
    const struct stm_watch starter = {.function = count_workers,
                                      .callback = supply_workers,
                                      .argument = (stm_value)pool,
                                      .argument_type = &stm__pool_type,
                                      .name = "pool: start workers"};
    const struct stm_watch pairer = {.function = count_tasks,
                                     .callback = pair_off,
                                     .argument = (stm_value)pool,
                                     .argument_type = &stm__pool_type,
                                     .name = "pool: hand out tasks"};
    struct stm_watch timer = stm__delay_watch;

    timer.argument = (stm_value)pool;
    pool->base = stm__clock_now();
    STM_TRY(create(tx, &timer, pool->timer));
    STM_TRY(create(tx, &starter, pool->starter));
    if (pool->handover != STM_POOL_HAND_OFF)
        return STM_OK;
    return create(tx, &pairer, pool->pairer);
}
