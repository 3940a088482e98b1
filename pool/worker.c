/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* A worker's life:
 *
 *   started --(thread cannot be started)--> taken back
 *      |
 *      v         slot filled                 returned
 *    free  -------------------->  running  ----------+----> left (too many)
 *      ^                             ^               |
 *      |                             +-- a task is --+
 *      |                                 queued      |
 *      +----------- nothing is queued ---------------+
 *      |
 *      +--(idle for keep_alive and not kept, closing, dismissed)--> left
 *
 * A free worker sleeps on its own slot (and on the pool's closing, which
 * changes once).  The transaction that lets it leave reads the slot, too, so a
 * task that is handed over in that instant conflicts with leaving: either the
 * worker has gone from the free workers, or it sees the task.  The one that
 * finishes a task either takes the next from the queue or puts the worker back
 * among the free, in front; a busy worker does not sleep between tasks.
 *
 * In the shared list's hand-over there is nobody who fills slots: a free worker
 * sleeps on the queue besides, and takes a task itself.
 *
 * One that stays because it is among the least number sleeps on without a time,
 * until that number changes.  That others come and go does not concern it: they
 * look for themselves whether they may leave.
 *
 * Lock rule: user code (run, the hooks, a release) is only called between
 * transactions, with nothing locked.
 *
 * All of that may fork.  In the child the worker is the only thread, and what
 * is in the queue and in its slot is the parent's: it does nothing more and
 * ends. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "pool-internal.h"

static _Thread_local struct stm__worker *own_worker;

struct stm__worker *stm__worker_self(void) { return own_worker; }

static void worker_retain(stm_value value)
{
    stm__count_up(&((struct stm__worker *)value)->references);
}

static void worker_release(stm_value value)
{
    struct stm__worker *worker = (struct stm__worker *)value;

    if (!stm__count_down(&worker->references))
        return;
    stm_tvar_release(worker->slot);
    stm__pool_release(worker->pool);
    free(worker);
}

const struct stm_type stm__worker_type = {
    .name = "worker", .retain = worker_retain, .release = worker_release};

/* The process's own reference stays. */
static struct stm__handout dismissal = {.references = 1};

/* Fills a slot; *out is borrowed until the attempt ends. */
static enum stm_status fill_slot(struct stm_tx *tx, struct stm__worker *worker,
                                 stm_value task, int64_t priority,
                                 stm_value *out)
{
    struct stm__handout *handout;
    enum stm_status status;

    /* Until the attempt ends it borrows the task from the queue, and then the
     * handout from the slot, so nothing here releases the last reference to a
     * task. */
    STM_TRY(stm__handout_new(tx, worker->pool, task, priority, &handout));
    status = stm_tvar_set(tx, worker->slot, (stm_value)handout);
    *out = (stm_value)handout;
    stm__handout_release(handout);
    return status;
}

enum stm_status stm__worker_hand(struct stm_tx *tx, struct stm__worker *worker,
                                 stm_value task, int64_t priority)
{
    stm_value handout;

    return fill_slot(tx, worker, task, priority, &handout);
}

enum stm_status stm__worker_dismiss(struct stm_tx *tx,
                                    struct stm__worker *worker)
{
    return stm_tvar_set(tx, worker->slot, (stm_value)&dismissal);
}

enum stm_status stm__worker_undo(struct stm_tx *tx, struct stm__worker *worker)
{
    struct stm_pool *pool = worker->pool;
    stm_value slot;

    STM_TRY(stm_tvar_get(tx, worker->slot, &slot));
    if (slot == (stm_value)&dismissal)
        return STM_OK;
    if (slot != 0) {
        STM_TRY(stm__task_return(tx, pool, (struct stm__handout *)slot));
        STM_TRY(stm_tvar_set(tx, worker->slot, 0));
    } else {
        STM_TRY(stm_endpoint_remove(tx, pool->free_workers, worker->handle));
    }
    return stm__pool_add(tx, pool, STM__LIVE, -1);
}

/* What a worker's transaction has decided. */
enum verdict { STAYS, LEAVES, KEPT, LOOKS_AGAIN };

struct wait {
    struct stm__worker *worker; /* NULL: the thread ends */
    struct stm__roster *roster; /* the worker's */
    enum verdict verdict;
    bool kept;                    /* it sleeps without a time, ... */
    stm_value least;              /* ... until the least number is another */
    stm_value handout;            /* what it got; 0: nothing */
    struct stm__handout *current; /* what it runs, until that is counted, ... */
    struct stm__handout *counted; /* ... and until it is let go */
    enum stm_status why;          /* of finishing that: see stm__task_finish */
    bool lost; /* has it been counted that the thread ends? */
};

/* ---- taking a task ---- */

/* The next task, if there is one, without going by the free workers: since
 * there are tasks only while no worker is free, it is the one that the second
 * watcher would hand to this worker at once.  STM_EEMPTY. */
static enum stm_status take_next(struct stm_tx *tx, struct wait *wait)
{
    struct stm_pool *pool = wait->worker->pool;
    stm_value task, handout;
    int64_t priority;

    STM_TRY(stm__queue_pop(tx, &pool->queue, &task, &priority));
    STM_TRY(stm__pool_add(tx, pool, STM__HANDED, 1));
    STM_TRY(fill_slot(tx, wait->worker, task, priority, &handout));
    return stm_export(tx, &stm__handout_type, handout, &wait->handout);
}

/* STM_EEMPTY: nothing to take. */
static enum stm_status help_oneself(struct stm_tx *tx, struct wait *wait)
{
    struct stm__worker *worker = wait->worker;
    struct stm_pool *pool = worker->pool;
    stm_value limits;

    if (pool->handover == STM_POOL_HAND_OFF)
        return STM_EEMPTY;
    STM_TRY(stm__pool_get(tx, pool, STM__LIMITS, &limits));
    if (limits & STM__PAUSED)
        return STM_EEMPTY;
    STM_TRY(take_next(tx, wait));
    return stm_endpoint_remove(tx, pool->free_workers, worker->handle);
}

static enum stm_status leave(struct stm_tx *tx, struct wait *wait)
{
    wait->verdict = LEAVES;
    STM_TRY(stm__worker_undo(tx, wait->worker));
    return stm__door_knock(tx, wait->worker->pool, false);
}

static enum stm_status sleep_on(struct stm_tx *tx, struct wait *wait)
{
    stm_value least;

    STM_TRY(stm__pool_get(tx, wait->worker->pool, STM__KEPT, &least));
    if (least == wait->least)
        return stm_retry(tx);
    wait->verdict = LOOKS_AGAIN;
    return STM_OK;
}

static enum stm_status stay_or_leave(struct stm_tx *tx, struct wait *wait)
{
    struct stm_pool *pool = wait->worker->pool;
    stm_value live;
    bool over;

    if (wait->kept)
        return sleep_on(tx, wait);
    STM_TRY(stm_elapsed(tx, pool->keep_alive, &over));
    if (!over)
        return stm_retry(tx);
    STM_TRY(stm__pool_get(tx, pool, STM__KEPT, &wait->least));
    STM_TRY(stm__pool_get(tx, pool, STM__LIVE, &live));
    if (live > wait->least)
        return leave(tx, wait);
    wait->verdict = KEPT;
    return STM_OK;
}

static enum stm_status take_or_leave(struct stm_tx *tx, void *argument)
{
    struct wait *wait = argument;
    struct stm_pool *pool = wait->worker->pool;
    enum stm_status status;
    stm_value slot, closing;

    wait->verdict = STAYS;
    if (stm__worker_vanished(wait->worker)) /* a blocking hook has forked */
        return STM_OK;
    STM_TRY(stm__pool_sign(tx, pool));
    STM_TRY(stm_tvar_get(tx, wait->worker->slot, &slot));
    if (slot == (stm_value)&dismissal) {
        wait->verdict = LEAVES;
        return STM_OK;
    }
    if (slot != 0)
        return stm_export(tx, &stm__handout_type, slot, &wait->handout);
    status = help_oneself(tx, wait);
    if (status != STM_EEMPTY)
        return status;
    STM_TRY(stm__pool_get(tx, pool, STM__CLOSING, &closing));
    return closing ? leave(tx, wait) : stay_or_leave(tx, wait);
}

/* ---- after a task ---- */

/* Nobody watches the free workers: what follows from there being one more is
 * done here. */
static enum stm_status become_free(struct stm_tx *tx,
                                   struct stm__worker *worker, stm_value limits)
{
    struct stm_pool *pool = worker->pool;

    STM_TRY(stm_tvar_set(tx, worker->slot, 0));
    STM_TRY(stm_endpoint_replace(tx, pool->free_workers, (stm_value)worker,
                                 &worker->handle));
    if (limits & STM__BACKLOG)
        STM_TRY(stm__pool_set(tx, pool, STM__LIMITS,
                              limits & ~(stm_value)STM__BACKLOG));
    return stm__pool_note_idle(tx, pool);
}

static enum stm_status leave_busy(struct stm_tx *tx, struct wait *wait)
{
    struct stm_pool *pool = wait->worker->pool;

    wait->verdict = LEAVES;
    STM_TRY(stm_tvar_set(tx, wait->worker->slot, 0));
    STM_TRY(stm__pool_add(tx, pool, STM__LIVE, -1));
    return stm__door_knock(tx, pool, false);
}

static enum stm_status finish(struct stm_tx *tx, void *argument)
{
    struct wait *wait = argument;
    struct stm_pool *pool = wait->worker->pool;
    enum stm_status status = STM_EEMPTY;
    stm_value limits;

    wait->verdict = STAYS;
    STM_TRY(stm__pool_sign(tx, pool));
    STM_TRY(stm__task_finish(tx, pool, wait->current, wait->why));
    STM_TRY(stm__door_knock(tx, pool, true));
    STM_TRY(stm__pool_get(tx, pool, STM__LIMITS, &limits));
    if (limits & STM__SURPLUS || wait->why != STM_OK)
        return leave_busy(tx, wait);
    if (!(limits & STM__PAUSED))
        status = take_next(tx, wait);
    return status == STM_EEMPTY ? become_free(tx, wait->worker, limits)
                                : status;
}

/* The transaction that counts the task has committed. */
static void let_go(struct wait *wait)
{
    wait->counted = wait->current;
    wait->current = NULL;
    stm__task_finished(wait->worker->pool, wait->counted);
    stm__handout_release(wait->counted);
    wait->counted = NULL;
}

/* The task's reference is given back before the task counts as finished, unless
 * its result is recorded in the transaction that counts it. */
static void run_task(struct wait *wait)
{
    struct stm__worker *worker = wait->worker;
    struct stm_pool *pool = worker->pool;

    wait->current = (struct stm__handout *)wait->handout;
    wait->handout = 0;
    stm__task_run(pool, wait->current);
    while (worker->waits > 0 && !stm__worker_vanished(worker))
        stm_pool_wait_end();
    if (stm__worker_vanished(worker))
        return;
    if (!stm__task_records(pool, wait->current))
        stm__handout_spend(wait->current);
    if (!stm__worker_vanished(worker))
        stm__pool_insist(finish, wait);
    /* Others may look at it now: see spent. */
    let_go(wait);
}

static enum stm_status open_door(struct stm_tx *tx, void *argument)
{
    struct stm__worker *worker = argument;

    return stm__door_open(tx, worker->pool);
}

static void work(struct wait *wait)
{
    struct stm__worker *worker = wait->worker;

    if (worker->probe && !stm__worker_vanished(worker))
        stm__pool_insist(open_door, worker);
    while (!stm__worker_vanished(worker) && wait->verdict != LEAVES) {
        if (wait->handout == 0)
            stm__pool_insist(take_or_leave, wait);
        wait->kept = wait->verdict == KEPT;
        if (wait->handout != 0 && !stm__worker_vanished(worker))
            run_task(wait);
    }
}

/* ---- the thread ---- */

static enum stm_status desert(struct stm_tx *tx, void *argument)
{
    struct stm__worker *worker = argument;

    return stm__worker_undo(tx, worker);
}

static void count_loss(struct wait *wait)
{
    wait->why = STM_ETHREAD;
    if (wait->lost)
        return;
    wait->lost = true;
    if (wait->current != NULL)
        stm__pool_insist(finish, wait);
    else if (wait->verdict != LEAVES)
        stm__pool_insist(desert, wait->worker);
}

/* The thread ends in the midst of its work: a task has ended it.  An attempt
 * that it may be in comes to nothing, but cannot be left from here.  What this
 * calls may end the thread once more: then this is called again, and goes on
 * with what it has not begun. */
static void die(void *argument)
{
    struct wait *wait = argument;
    struct stm__worker *worker = wait->worker;

    if (worker == NULL || stm_current() != NULL || stm__worker_vanished(worker))
        return;
    wait->worker = NULL; /* if this ends the thread ... */
    if (!stm__roster_may_go_on(wait->roster))
        return;
    wait->worker = worker; /* ... and if what follows does */
    (void)stm_set_blocking(NULL);
    while (worker->waits > 0)
        stm_pool_wait_end();
    count_loss(wait);
    if (wait->counted != NULL) /* and the thread ended as it was let go */
        stm__handout_release(wait->counted);
    wait->counted = NULL;
    if (wait->current != NULL)
        let_go(wait);
    wait->worker = own_worker = NULL;
    if (wait->handout != 0) /* it is in the queue again */
        stm__handout_release((struct stm__handout *)wait->handout);
    worker_release((stm_value)worker);
    stm__roster_leave(wait->roster, STM_ETHREAD);
}

/* The thread owns a reference to its worker. */
void *stm__worker_main(void *argument)
{
    struct stm__worker *worker = argument;
    struct stm__roster *roster = worker->pool->roster;
    enum stm_status entered = stm__roster_enter(roster);
    struct wait wait = {.worker = worker, .roster = roster};

    own_worker = worker;
    if (entered == STM_OK) {
        pthread_cleanup_push(die, &wait);
        work(&wait);
        pthread_cleanup_pop(0);
    } else {
        stm__worker_failed(worker, entered == STM_ENOMEM ? ENOMEM : EAGAIN);
    }
    own_worker = NULL;
    worker_release((stm_value)worker);
    stm__roster_leave(roster, entered);
    return NULL;
}
