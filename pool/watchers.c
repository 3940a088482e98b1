/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The two watchers, which are all that the pool does about its tasks.  They
 * run in whatever transaction changes the list, the free workers or the
 * counts, to a fix-point, so at the end of every transaction
 *
 *   1. no worker is missing: tasks - free <= 0 or live = max, unless the door
 *      holds starts back (door.c);
 *   2. there are no tasks or there are no free workers.
 *
 * Hence a task can be added at any moment of a worker's life, by code that
 * knows nothing of the pool, and either a worker has it when the transaction
 * commits, or all are busy and the next to finish takes it.
 *
 * The workers that the first one starts stand among the free at once, which
 * makes its number 0 when it runs again, and means that the second one may
 * hand a task to a worker whose thread does not exist yet.
 *
 * In the child of a fork, where the pool has no threads, they do nothing. */
#include "pool-internal.h"

/* Workers short of running all tasks at once within the limit. */
static intptr_t missing_workers(size_t tasks, size_t available, size_t max,
                                size_t live)
{
    intptr_t unserved = (intptr_t)tasks - (intptr_t)available;
    intptr_t allowed = (intptr_t)max - (intptr_t)live;

    return unserved < allowed ? unserved : allowed;
}

/* What the first watcher's callback is told: the number of workers to start,
 * times FINDING, plus these. */
enum { DRAINED = 1, QUEUED = 2, FINDING = 4 };

static enum stm_status count_missing(struct stm_tx *tx, stm_value argument,
                                     stm_value *result)
{
    struct stm_pool *pool = (struct stm_pool *)argument;
    size_t tasks, available, admitted = 0;
    stm_value live, closing = 0;
    intptr_t missing;

    if (stm__roster_is_parents(pool->roster)) {
        *result = 0; /* having read nothing, it watches nothing from now on */
        return STM_OK;
    }
    STM_TRY(stm_tlist_length(tx, pool->tasks, &tasks));
    STM_TRY(stm_endpoint_remaining(tx, pool->free_workers, &available));
    STM_TRY(stm_tvar_get(tx, pool->live, &live));
    missing = missing_workers(tasks, available, pool->max_threads, live);
    if (missing > 0)
        STM_TRY(stm__door_admit(tx, pool, (size_t)missing, &admitted));
    if (live == 0 && tasks == 0)
        STM_TRY(stm_tvar_get(tx, pool->closing, &closing));
    *result =
        admitted * FINDING + (tasks > 0 ? QUEUED : 0) + (closing ? DRAINED : 0);
    return STM_OK;
}

static enum stm_status start_workers(struct stm_tx *tx, struct stm_pool *pool,
                                     size_t count)
{
    bool probe;

    STM_TRY(stm__door_pass(tx, pool, &probe));
    STM_TRY(stm__pool_add(tx, pool->live, (intptr_t)count));
    for (size_t i = 0; i < count; i++)
        STM_TRY(stm__worker_new(tx, pool, probe));
    return STM_OK;
}

/* Whatever changes the number of remaining tasks comes by here: adding or
 * taking away a task changes the list, and a worker that finishes one changes
 * the free workers.  A joiner waits on this alone and so is not woken by each
 * finished task. */
static enum stm_status note_idle(struct stm_tx *tx, struct stm_pool *pool,
                                 bool queued)
{
    stm_value idle;
    bool now = false;

    STM_TRY(stm_tvar_get(tx, pool->idle, &idle));
    if (!queued) {
        stm_value handed, finished;

        STM_TRY(stm_tvar_get(tx, pool->handed, &handed));
        STM_TRY(stm_tvar_get(tx, pool->finished, &finished));
        now = handed == finished;
    }
    if (now == (idle != 0))
        return STM_OK;
    return stm_tvar_set(tx, pool->idle, now);
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
        STM_TRY(start_workers(tx, pool, found / FINDING));
    STM_TRY(note_idle(tx, pool, found & QUEUED));
    if (!(found & DRAINED))
        return STM_OK;
    /* The end of a closed pool: with the watchers go the references to it
     * that the task list, which may be anybody's, holds. */
    STM_TRY(cancel(tx, pool->pairer));
    return cancel(tx, pool->starter);
}

static enum stm_status count_pairs(struct stm_tx *tx, stm_value argument,
                                   stm_value *result)
{
    struct stm_pool *pool = (struct stm_pool *)argument;
    size_t tasks, available;

    if (stm__roster_is_parents(pool->roster)) {
        *result = 0;
        return STM_OK;
    }
    STM_TRY(stm_tlist_length(tx, pool->tasks, &tasks));
    STM_TRY(stm_endpoint_remaining(tx, pool->free_workers, &available));
    *result = tasks < available ? tasks : available;
    return STM_OK;
}

static enum stm_status pair_off(struct stm_tx *tx, stm_value argument,
                                stm_value pairs)
{
    struct stm_pool *pool = (struct stm_pool *)argument;

    if (pairs == 0)
        return STM_OK;
    for (size_t i = 0; i < pairs; i++) {
        stm_value task, worker;

        STM_TRY(stm_tlist_pop_front(tx, pool->tasks, &task));
        STM_TRY(stm_endpoint_get(tx, pool->free_workers, &worker));
        STM_TRY(stm__worker_hand(tx, (struct stm__worker *)worker, task));
    }
    return stm__pool_add(tx, pool->handed, (intptr_t)pairs);
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
    const struct stm_watch starter = {.function = count_missing,
                                      .callback = supply_workers,
                                      .argument = (stm_value)pool,
                                      .argument_type = &stm__pool_type,
                                      .name = "pool: start workers"};
    const struct stm_watch pairer = {.function = count_pairs,
                                     .callback = pair_off,
                                     .argument = (stm_value)pool,
                                     .argument_type = &stm__pool_type,
                                     .name = "pool: hand out tasks"};

    STM_TRY(create(tx, &starter, pool->starter));
    return create(tx, &pairer, pool->pairer);
}
