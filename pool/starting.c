/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Starting a worker, and what is done if its thread cannot be started. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pool-internal.h"

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

    STM_TRY(stm__worker_undo(tx, worker));
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

void stm__worker_failed(struct stm__worker *worker, int error)
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

/* A worker whose thread is about to be started. */
struct arrival {
    struct stm__worker *worker;
    bool awaited;
};

/* Is there a worker to come?  Which of those that start were dismissed is not
 * known, and this one will do. */
static enum stm_status is_awaited(struct stm_tx *tx, void *argument)
{
    struct arrival *arrival = argument;
    struct stm_pool *pool = arrival->worker->pool;
    stm_value starting;

    STM_TRY(stm__pool_get(tx, pool, STM__STARTING, &starting));
    arrival->awaited = starting > 0;
    return STM_OK;
}

static enum stm_status excuse(struct stm_tx *tx, void *argument)
{
    const struct arrival *arrival = argument;

    return stm__door_excuse(tx, arrival->worker->pool);
}

/* After the commit that made the worker, and perhaps after an action of that
 * commit which has forked, or which took so long that the pool has ended:
 * whoever waits for its threads must either wait for this one or see none.
 * While one is expected nothing is written, and so no watcher runs, which might
 * wait for that in its turn. */
static void start(stm_value argument)
{
    struct stm__worker *worker = (struct stm__worker *)argument;
    struct stm__roster *roster = worker->pool->roster;
    struct arrival arrival = {.worker = worker};
    int error;

    if (stm__worker_vanished(worker))
        return;
    stm__roster_expect(roster);
    stm__pool_insist(is_awaited, &arrival);
    if (!arrival.awaited || stm__worker_vanished(worker)) {
        stm__roster_forgo(roster);
        if (worker->probe && !stm__worker_vanished(worker))
            stm__pool_insist(excuse, &arrival);
        return;
    }
    stm__worker_type.retain(argument);
    error = stm__roster_start(roster, stm__worker_main, worker);
    if (error != 0) {
        stm__worker_failed(worker, error);
        stm__worker_type.release(argument);
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
    worker->slot = stm_tvar_new(NULL, 0);
    if (worker->slot == NULL) {
        free(worker);
        return STM_ENOMEM;
    }
    stm__pool_retain(pool);
    status = stm__pool_add(tx, pool, STM__STARTING, 1);
    if (status == STM_OK)
        status = stm_on_commit(tx, start, (stm_value)worker, &stm__worker_type);
    stm__worker_type.release((stm_value)worker);
    return status;
}
