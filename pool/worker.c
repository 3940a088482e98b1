/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* A worker's life:
 *
 *   started --(thread cannot be started)--> taken back
 *      |
 *      v         slot filled                 returned
 *    free  -------------------->  running  ----------+
 *      ^                             ^               |
 *      |                             +-- a task is --+
 *      |                                 queued      |
 *      +----------- nothing is queued ---------------+
 *      |
 *      +--(idle for keep_alive, or closing)--> left
 *
 * A free worker sleeps on its own slot (and on the pool's closing, which
 * changes once).  The transaction that lets it leave reads the slot, too, so a
 * task that is handed over in that instant conflicts with leaving: either the
 * worker has gone from the free workers, or it sees the task.  The one that
 * finishes a task either takes the next from the list or puts the worker back
 * among the free, in front; a busy worker does not sleep between tasks.
 *
 * Lock rule: user code (run, the hooks, a release) is only called between
 * transactions, with nothing locked.
 *
 * All of that may fork.  In the child the worker is the only thread, and what
 * is in the list and in its slot is the parent's: it does nothing more and
 * ends. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pool-internal.h"

/* A task in a worker's slot.  It is apart from the slot, so that any word can
 * be a task, and an empty slot is not one. */
struct handout {
    AO_t references;
    const struct stm_type *type;
    stm_value task;
    bool spent; /* has the reference to the task been given back?  Written by
                   the worker alone, which then still holds the handout */
};

static bool may_give_back(const struct stm_type *type, stm_value task)
{
    return type == NULL || type->may_release == NULL || type->may_release(task);
}

static void give_back(const struct stm_type *type, stm_value task)
{
    if (type != NULL && type->release != NULL)
        type->release(task);
}

static void handout_retain(stm_value value)
{
    struct handout *handout = (struct handout *)value;

    if (handout != NULL)
        stm__count_up(&handout->references);
}

static void handout_release(stm_value value)
{
    struct handout *handout = (struct handout *)value;

    if (handout == NULL || !stm__count_down(&handout->references))
        return;
    if (!handout->spent)
        give_back(handout->type, handout->task);
    free(handout);
}

static bool handout_may_release(stm_value value)
{
    const struct handout *handout = (const struct handout *)value;

    return handout == NULL || handout->spent ||
           may_give_back(handout->type, handout->task);
}

static const struct stm_type handout_type = {
    .name = "a task handed to a worker",
    .retain = handout_retain,
    .release = handout_release,
    .may_release = handout_may_release};

static struct handout *handout_new(const struct stm_type *type, stm_value task)
{
    struct handout *handout = malloc(sizeof *handout);

    if (handout == NULL)
        return NULL;
    *handout = (struct handout){.references = 1, .type = type, .task = task};
    if (type != NULL && type->retain != NULL)
        type->retain(task);
    return handout;
}

struct stm__worker {
    AO_t references;
    struct stm_pool *pool; /* a reference */
    struct stm_tvar *slot; /* the handout that it is to run, or 0 */
    uint64_t handle;       /* its place among the free workers.  Written by the
                              attempt that makes the worker, then by its own
                              thread's */
    bool probe;            /* does its start tell whether threads can be
                              started again?  (door.c)  Constant */
};

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

/* Fills a slot; *out is borrowed until the attempt ends. */
static enum stm_status fill_slot(struct stm_tx *tx, struct stm__worker *worker,
                                 stm_value task, stm_value *out)
{
    const struct stm_type *type = stm_tlist_item_type(worker->pool->tasks);
    struct handout *handout = handout_new(type, task);
    enum stm_status status;

    /* Until the attempt ends it borrows the task from the list, and then the
     * handout from the slot, so nothing here releases the last reference to a
     * task. */
    if (handout == NULL)
        return STM_ENOMEM;
    status = stm_tvar_set(tx, worker->slot, (stm_value)handout);
    *out = (stm_value)handout;
    handout_release((stm_value)handout);
    return status;
}

enum stm_status stm__worker_hand(struct stm_tx *tx, struct stm__worker *worker,
                                 stm_value task)
{
    stm_value handout;

    return fill_slot(tx, worker, task, &handout);
}

/* A worker that cannot be started is undone. */
struct failure {
    struct stm__worker *worker;
    bool first;    /* is it the first of a row? */
    bool stranded; /* is nobody left to come back to the tasks? */
};

static enum stm_status take_back(struct stm_tx *tx, void *argument)
{
    struct failure *failure = argument;
    struct stm__worker *worker = failure->worker;
    struct stm_pool *pool = worker->pool;
    stm_value slot;

    STM_TRY(stm_tvar_get(tx, worker->slot, &slot));
    if (slot != 0) {
        stm_value task = ((struct handout *)slot)->task;

        STM_TRY(stm_tlist_insert(tx, pool->tasks, 0, task));
        STM_TRY(stm__pool_add(tx, pool->handed, -1));
        STM_TRY(stm_tvar_set(tx, worker->slot, 0));
    } else {
        STM_TRY(stm_endpoint_remove(tx, pool->free_workers, worker->handle));
    }
    STM_TRY(stm__pool_add(tx, pool->live, -1));
    STM_TRY(stm__door_miss(tx, pool, &failure->first));
    return stm__door_stranded(tx, pool, &failure->stranded);
}

static enum stm_status knock_if_stranded(struct stm_tx *tx, void *argument)
{
    struct failure *failure = argument;
    struct stm_pool *pool = failure->worker->pool;

    STM_TRY(stm__door_stranded(tx, pool, &failure->stranded));
    return failure->stranded ? stm__door_knock(tx, pool, false) : STM_OK;
}

/* For tasks that no worker will come back to: tries again after 1, 2, ... 32
 * milliseconds, since the want of a thread is often over by then. */
static void try_for_a_while(struct failure *failure)
{
    struct timespec pause = {.tv_nsec = 1000000};

    for (int i = 0; failure->stranded && i < 6; i++) {
        stm__pause(&pause);
        stm__pool_insist(knock_if_stranded, failure);
        pause.tv_nsec *= 2;
    }
}

static void start_failed(struct stm__worker *worker, int error)
{
    const struct stm_pool_config *config =
        stm__roster_config(worker->pool->roster);
    struct failure failure = {.worker = worker};

    stm__pool_insist(take_back, &failure);
    if (config->thread_failed != NULL)
        config->thread_failed(error, config->context);
    else if (failure.first)
        fprintf(stderr, "stm-pool: cannot start a thread: %s\n",
                strerror(error));
    if (!worker->probe)
        try_for_a_while(&failure);
}

/* What a worker's wait came to. */
struct wait {
    struct stm__worker *worker;
    stm_value handout;    /* 0: none */
    struct handout *done; /* the one that has run, if somebody wants to record
                             what came of it */
};

static enum stm_status leave(struct stm_tx *tx, struct stm__worker *worker)
{
    struct stm_pool *pool = worker->pool;

    STM_TRY(stm_endpoint_remove(tx, pool->free_workers, worker->handle));
    STM_TRY(stm__pool_add(tx, pool->live, -1));
    return stm__door_knock(tx, pool, false);
}

static enum stm_status take_or_leave(struct stm_tx *tx, void *argument)
{
    struct wait *wait = argument;
    struct stm_pool *pool = wait->worker->pool;
    stm_value slot, closing;
    bool over;

    if (stm__roster_is_parents(pool->roster)) /* a blocking hook has forked */
        return STM_OK;
    STM_TRY(stm_tvar_get(tx, wait->worker->slot, &slot));
    if (slot != 0)
        return stm_export(tx, &handout_type, slot, &wait->handout);
    STM_TRY(stm_tvar_get(tx, pool->closing, &closing));
    if (!closing) {
        STM_TRY(stm_elapsed(tx, pool->keep_alive, &over));
        if (!over)
            return stm_retry(tx);
    }
    return leave(tx, wait->worker);
}

/* The next task, if there is one, without going by the free workers: since
 * there are tasks only while no worker is free, it is the one that the second
 * watcher would hand to this worker at once. */
static enum stm_status take_next(struct stm_tx *tx, struct wait *wait)
{
    struct stm_pool *pool = wait->worker->pool;
    stm_value task, handout;

    STM_TRY(stm_tlist_pop_front(tx, pool->tasks, &task));
    STM_TRY(stm__pool_add(tx, pool->handed, 1));
    STM_TRY(fill_slot(tx, wait->worker, task, &handout));
    return stm_export(tx, &handout_type, handout, &wait->handout);
}

static enum stm_status become_free(struct stm_tx *tx,
                                   struct stm__worker *worker)
{
    STM_TRY(stm_tvar_set(tx, worker->slot, 0));
    return stm_endpoint_replace(tx, worker->pool->free_workers,
                                (stm_value)worker, &worker->handle);
}

static enum stm_status record(struct stm_tx *tx, struct stm_pool *pool,
                              stm_value task)
{
    const struct stm_pool_config *config = stm__roster_config(pool->roster);

    return config->finish(tx, task, config->context);
}

static enum stm_status finish(struct stm_tx *tx, void *argument)
{
    struct wait *wait = argument;
    struct stm_pool *pool = wait->worker->pool;
    enum stm_status status;

    if (wait->done != NULL)
        STM_TRY(record(tx, pool, wait->done->task));
    STM_TRY(stm__pool_add(tx, pool->finished, 1));
    STM_TRY(stm__door_knock(tx, pool, true));
    status = take_next(tx, wait);
    return status == STM_EEMPTY ? become_free(tx, wait->worker) : status;
}

/* Before the commit that takes the handout out of the slot. */
static void let_go(struct handout *handout)
{
    if (may_give_back(handout->type, handout->task)) {
        handout->spent = true;
        give_back(handout->type, handout->task);
    }
    handout_release((stm_value)handout);
}

static bool vanished(const struct stm__worker *worker)
{
    return stm__roster_is_parents(worker->pool->roster);
}

/* The task's reference is given back before the task counts as finished, unless
 * its result is recorded in the transaction that counts it. */
static void run_task(struct wait *wait)
{
    const struct stm_pool_config *config =
        stm__roster_config(wait->worker->pool->roster);
    struct handout *handout = (struct handout *)wait->handout;

    wait->handout = 0;
    config->run(handout->task, config->context);
    if (vanished(wait->worker))
        return;
    if (config->finish != NULL)
        wait->done = handout;
    else
        let_go(handout);
    if (!vanished(wait->worker))
        stm__pool_insist(finish, wait);
    if (wait->done != NULL) /* others may look at it now: see spent */
        handout_release((stm_value)wait->done);
    wait->done = NULL;
}

static enum stm_status open_door(struct stm_tx *tx, void *argument)
{
    struct stm__worker *worker = argument;

    return stm__door_open(tx, worker->pool);
}

static void work(struct stm__worker *worker)
{
    struct wait wait = {.worker = worker};

    if (worker->probe && !vanished(worker))
        stm__pool_insist(open_door, worker);
    while (!vanished(worker)) {
        if (wait.handout == 0)
            stm__pool_insist(take_or_leave, &wait);
        if (wait.handout == 0)
            return;
        if (!vanished(worker))
            run_task(&wait);
    }
}

/* The thread owns a reference to its worker. */
static void *worker_main(void *argument)
{
    struct stm__worker *worker = argument;
    struct stm__roster *roster = worker->pool->roster;
    enum stm_status entered = stm__roster_enter(roster);

    if (entered == STM_OK)
        work(worker);
    else
        start_failed(worker, entered == STM_ENOMEM ? ENOMEM : EAGAIN);
    worker_release((stm_value)worker);
    stm__roster_leave(roster, entered);
    return NULL;
}

/* After the commit that made the worker, and perhaps after an action of that
 * commit which has forked. */
static void start(stm_value argument)
{
    struct stm__worker *worker = (struct stm__worker *)argument;
    int error;

    if (vanished(worker))
        return;
    worker_retain(argument);
    error = stm__roster_start(worker->pool->roster, worker_main, worker);
    if (error != 0) {
        start_failed(worker, error);
        worker_release(argument);
    }
}

enum stm_status stm__worker_new(struct stm_tx *tx, struct stm_pool *pool,
                                bool probe)
{
    struct stm__worker *worker = malloc(sizeof *worker);
    enum stm_status status;

    if (worker == NULL)
        return STM_ENOMEM;
    *worker =
        (struct stm__worker){.references = 1, .pool = pool, .probe = probe};
    worker->slot = stm_tvar_new(&handout_type, 0);
    if (worker->slot == NULL) {
        free(worker);
        return STM_ENOMEM;
    }
    stm__pool_retain(pool);
    status = stm_endpoint_replace(tx, pool->free_workers, (stm_value)worker,
                                  &worker->handle);
    if (status == STM_OK)
        status = stm_on_commit(tx, start, (stm_value)worker, &stm__worker_type);
    worker_release((stm_value)worker);
    return status;
}
