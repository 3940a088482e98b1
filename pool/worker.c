/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* A worker's life:
 *
 *   started --(thread cannot be started)--> taken back
 *      |
 *      v         takes a ready task          returned
 *    free  -------------------->  running  ----------+----> left (too many)
 *      ^                             ^               |
 *      |                             +-- a task is --+
 *      |                            ready or queued  |
 *      +----------- there is no other ---------------+
 *      |
 *      +--(idle for keep_alive and not kept, closing, dismissed)--> left
 *
 * A free worker sleeps on its own slot (and on the pool's closing, which
 * changes once).  The transaction that lets it leave looks whether a ready task
 * needs it, so a task that is handed out in that instant conflicts with
 * leaving: either there is another worker for it, or it is taken.  The one that
 * finishes a task either takes the next, from the ready ones or else from the
 * queue, or parks the worker again, in front; a busy worker does not sleep
 * between tasks.
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
 * is queued or ready is the parent's: it does nothing more and ends. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "ready-internal.h"

static STM__THREAD_LOCAL struct stm__worker *own_worker;

struct stm__worker *stm__worker_self(void) { return own_worker; }

static void worker_retain(stm_value value)
{
    if (value != 0)
        stm__count_up(&((struct stm__worker *)value)->references);
}

static void worker_release(stm_value value)
{
    struct stm__worker *worker = (struct stm__worker *)value;

    if (worker == NULL || !stm__count_down(&worker->references))
        return;
    stm_tvar_release(worker->slot);
    stm__pool_release(worker->pool);
    free(worker);
}

const struct stm_type stm__worker_type = {
    .name = "worker", .retain = worker_retain, .release = worker_release};

enum stm_status stm__worker_undo(struct stm_tx *tx, struct stm__worker *worker)
{
    struct stm_pool *pool = worker->pool;
    enum stm_status status;
    stm_value slot;

    STM_TRY(stm_tvar_get(tx, worker->slot, &slot));
    if (stm__ready_is_dismissal(slot))
        return STM_OK;
    if (!worker->arrived)
        status = stm__ready_arrive(tx, pool);
    else if (slot != 0)
        status = stm__ready_desert(tx, worker);
    else
        status = stm_endpoint_remove(tx, pool->free_workers, worker->handle);
    if (status == STM_EEMPTY) /* dismissed */
        return STM_OK;
    STM_TRY(status);
    STM_TRY(stm__pool_add(tx, pool, STM__LIVE, -1));
    return stm__ready_trim(tx, pool);
}

/* What a worker's transaction has decided. */
enum verdict { STAYS, LEAVES, KEPT, LOOKS_AGAIN };

struct wait {
    struct stm__worker *worker; /* NULL: the thread ends */
    struct stm__roster *roster; /* the worker's */
    enum verdict verdict;
    bool kept;                    /* it sleeps without a time, ... */
    stm_value least;              /* ... until the least number is another */
    struct stm__look look;        /* as of the last commit */
    struct stm__look next;        /* as of this attempt */
    stm_value handout;            /* what it got; 0: nothing */
    struct stm__handout *current; /* what it runs, until that is counted, ... */
    struct stm__handout *counted; /* ... and until it is let go */
    struct stm__handout own[2];   /* where they are */
    bool steals;                  /* was the last one ready? */
    enum stm_status why;          /* of finishing that: see stm__task_finish */
    bool lost; /* has it been counted that the thread ends? */
};

/* ---- taking a task ---- */

/* Where what it takes is put: not where what it runs is. */
static struct stm__handout *own_place(struct wait *wait)
{
    return &wait->own[wait->current == &wait->own[0]];
}

/* The next task, if there is one, without going by the ready ones: since there
 * are tasks only while no worker is free, it is the one that this worker would
 * get at once.  STM_EEMPTY. */
static enum stm_status take_next(struct stm_tx *tx, struct wait *wait)
{
    struct stm_pool *pool = wait->worker->pool;
    struct stm__handout *own = own_place(wait);
    stm_value task;
    int64_t priority;

    STM_TRY(stm__queue_pop(tx, &pool->queue, &task, &priority));
    STM_TRY(stm__pool_add(tx, pool, STM__HANDED, 1));
    STM_TRY(stm__handout_fill(tx, pool, task, priority, own));
    return stm_export(tx, NULL, (stm_value)own, &wait->handout);
}

/* The first ready one.  STM_EEMPTY. */
static enum stm_status take_ready(struct stm_tx *tx, struct wait *wait)
{
    struct stm__handout *own = own_place(wait);

    STM_TRY(stm__ready_take(tx, wait->worker->pool, own));
    return stm_export(tx, NULL, (stm_value)own, &wait->handout);
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

/* ---- having none ---- */

static enum stm_status park(struct stm_tx *tx, struct stm__worker *worker)
{
    return stm_endpoint_replace(tx, worker->pool->free_workers,
                                (stm_value)worker, &worker->handle);
}

static enum stm_status leave_unparked(struct stm_tx *tx, struct wait *wait)
{
    struct stm_pool *pool = wait->worker->pool;

    wait->verdict = LEAVES;
    STM_TRY(stm__pool_add(tx, pool, STM__LIVE, -1));
    return stm__door_knock(tx, pool, false);
}

static enum stm_status park_or_leave(struct stm_tx *tx, struct wait *wait)
{
    struct stm_pool *pool = wait->worker->pool;
    stm_value limits;

    STM_TRY(stm__pool_get(tx, pool, STM__LIMITS, &limits));
    if (limits & STM__SURPLUS)
        return leave_unparked(tx, wait);
    wait->verdict = LOOKS_AGAIN;
    return park(tx, wait->worker);
}

/* The first transaction of a worker. */
static enum stm_status arrive(struct stm_tx *tx, struct wait *wait)
{
    struct stm_pool *pool = wait->worker->pool;
    enum stm_status status = stm__ready_arrive(tx, pool);

    if (status == STM_EEMPTY) {
        wait->verdict = LEAVES;
        return STM_OK;
    }
    STM_TRY(status);
    STM_TRY(stm_export(tx, NULL, 1, &wait->worker->arrived));
    status = take_ready(tx, wait);
    return status == STM_EEMPTY ? park_or_leave(tx, wait) : status;
}

static enum stm_status look(struct stm_tx *tx, struct wait *wait,
                            stm_value slot)
{
    struct stm__handout *own = own_place(wait);

    wait->next = wait->look;
    STM_TRY(stm__ready_look(tx, wait->worker, &wait->next, slot, own));
    wait->next.stands_by = wait->next.came == STM__STANDS_BY;
    switch (wait->next.came) {
    case STM__TAKES:
        return stm_export(tx, NULL, (stm_value)own, &wait->handout);
    case STM__PARKS:
        return park_or_leave(tx, wait);
    case STM__STANDS_BY:
        wait->verdict = LOOKS_AGAIN;
        break;
    case STM__GOES:
        wait->verdict = LEAVES;
        break;
    }
    return STM_OK;
}

/* Unless a ready task needs it. */
static enum stm_status leave(struct stm_tx *tx, struct wait *wait)
{
    struct stm__worker *worker = wait->worker;
    struct stm_pool *pool = worker->pool;
    size_t available;

    STM_TRY(stm__ready_free(tx, pool, &available));
    STM_TRY(stm_endpoint_remove(tx, pool->free_workers, worker->handle));
    return available > 0 ? leave_unparked(tx, wait) : take_ready(tx, wait);
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
    if (stm__ready_is_dismissal(slot)) {
        wait->verdict = LEAVES;
        return STM_OK;
    }
    if (!wait->worker->arrived)
        return arrive(tx, wait);
    if (slot != 0)
        return look(tx, wait, slot);
    status = help_oneself(tx, wait);
    if (status != STM_EEMPTY)
        return status;
    STM_TRY(stm__pool_get(tx, pool, STM__CLOSING, &closing));
    return closing ? leave(tx, wait) : stay_or_leave(tx, wait);
}

/* ---- after a task ---- */

/* Nobody watches the free workers: what follows from there being one more is
 * done here. */
static enum stm_status end_backlog(struct stm_tx *tx, struct stm_pool *pool,
                                   stm_value limits)
{
    if (!(limits & STM__BACKLOG))
        return STM_OK;
    return stm__pool_set(tx, pool, STM__LIMITS,
                         limits & ~(stm_value)STM__BACKLOG);
}

static enum stm_status become_free(struct stm_tx *tx,
                                   struct stm__worker *worker, stm_value limits)
{
    STM_TRY(park(tx, worker));
    STM_TRY(end_backlog(tx, worker->pool, limits));
    return stm__pool_note_idle(tx, worker->pool);
}

/* A ready task, whose worker then is free for the next of the queue. */
static enum stm_status steal(struct stm_tx *tx, struct wait *wait,
                             stm_value limits)
{
    struct stm_pool *pool = wait->worker->pool;
    stm_value task;
    int64_t priority;
    size_t queued;

    STM_TRY(take_ready(tx, wait));
    wait->steals = true;
    if (limits & STM__PAUSED)
        return STM_OK;
    STM_TRY(stm__queue_length(tx, &pool->queue, &queued));
    if (queued == 0)
        return end_backlog(tx, pool, limits);
    STM_TRY(stm__queue_pop(tx, &pool->queue, &task, &priority));
    return stm__ready_add(tx, pool, task, priority);
}

static enum stm_status finish(struct stm_tx *tx, void *argument)
{
    struct wait *wait = argument;
    struct stm_pool *pool = wait->worker->pool;
    enum stm_status status;
    stm_value limits;

    wait->verdict = STAYS;
    wait->steals = false;
    STM_TRY(stm__pool_sign(tx, pool));
    STM_TRY(stm__task_finish(tx, pool, wait->current, wait->why));
    STM_TRY(stm__door_knock(tx, pool, true));
    STM_TRY(stm__pool_get(tx, pool, STM__LIMITS, &limits));
    if (limits & STM__SURPLUS || wait->why != STM_OK)
        return leave_unparked(tx, wait);
    status = steal(tx, wait, limits);
    if (status == STM_EEMPTY && !(limits & STM__PAUSED))
        status = take_next(tx, wait);
    return status == STM_EEMPTY ? become_free(tx, wait->worker, limits)
                                : status;
}

/* Not twice, though it may end the thread. */
static void release_from(struct stm__handout **place)
{
    struct stm__handout *handout = *place;

    *place = NULL;
    if (handout != NULL)
        stm__handout_release(handout);
}

/* The transaction that counts the task has committed. */
static void let_go(struct wait *wait)
{
    wait->counted = wait->current;
    wait->current = NULL;
    stm__task_finished(wait->worker->pool, wait->counted);
    release_from(&wait->counted);
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
    if (wait->steals)
        stm__ready_note_theft(pool);
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
        wait->look = wait->next;
        wait->kept = wait->verdict == KEPT;
        if (wait->handout != 0 && !stm__worker_vanished(worker))
            run_task(wait);
    }
}

/* ---- the thread ---- */

static enum stm_status desert(struct stm_tx *tx, void *argument)
{
    struct wait *wait = argument;
    struct stm__worker *worker = wait->worker;

    if (wait->handout == 0)
        return stm__worker_undo(tx, worker);
    STM_TRY(stm__task_return(tx, worker->pool,
                             (struct stm__handout *)wait->handout));
    return stm__pool_add(tx, worker->pool, STM__LIVE, -1);
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
        stm__pool_insist(desert, wait);
}

/* The thread ends in the midst of its work: a task has ended it.  An attempt
 * that it may be in comes to nothing, but cannot be left from here.  What this
 * calls may end the thread once more: then this is called again, and goes on
 * with what it has not begun. */
static void die(void *argument)
{
    struct wait *wait = argument;
    struct stm__worker *worker = wait->worker;
    struct stm__handout *returned;

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
    release_from(&wait->counted); /* the thread ended as it was let go */
    if (wait->current != NULL)
        let_go(wait);
    returned = (struct stm__handout *)wait->handout; /* to the queue */
    wait->handout = 0;
    release_from(&returned);
    wait->worker = own_worker = NULL;
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
