/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The pool from outside: making it, asking it, waiting for it, ending it.
 * What it does about its tasks is in watchers.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ready-internal.h"

enum { MILLISECOND = 1000000 };

static void pool_free(struct stm_pool *pool)
{
    struct stm_tvar *vars[] = {pool->starter, pool->pairer, pool->timer,
                               pool->standby};

    stm__fields_fini(pool);
    for (size_t i = 0; i < sizeof vars / sizeof vars[0]; i++)
        if (vars[i] != NULL)
            stm_tvar_release(vars[i]);
    if (pool->free_workers != NULL)
        stm_endpoint_release(pool->free_workers);
    if (pool->ready != NULL)
        stm_tlist_release(pool->ready);
    if (pool->queue.list != NULL)
        stm_tlist_release(pool->queue.list);
    if (pool->queue.heap != NULL)
        stm_tpriorityqueue_release(pool->queue.heap);
    if (pool->delayed != NULL)
        stm_tpriorityqueue_release(pool->delayed);
    if (pool->roster != NULL)
        stm__roster_release(pool->roster);
    free(pool->name);
    free(pool);
}

void stm__pool_retain(struct stm_pool *pool)
{
    stm__count_up(&pool->references);
}

void stm__pool_release(struct stm_pool *pool)
{
    if (stm__count_down(&pool->references))
        pool_free(pool);
}

static void retain_value(stm_value value)
{
    stm__pool_retain((struct stm_pool *)value);
}

static void release_value(stm_value value)
{
    stm__pool_release((struct stm_pool *)value);
}

/* To a collector a pool is opaque. */
static int visit_nothing(stm_value value, stm_visit *visit, void *context)
{
    (void)value, (void)visit, (void)context;
    return 0;
}

const struct stm_type stm__pool_type = {.name = "pool",
                                        .retain = retain_value,
                                        .release = release_value,
                                        .traverse = visit_nothing};

static void watcher_retain(stm_value value)
{
    if (value != 0)
        stm_watcher_retain((struct stm_watcher *)value);
}

static void watcher_release(stm_value value)
{
    if (value != 0)
        stm_watcher_release((struct stm_watcher *)value);
}

static const struct stm_type watcher_type = {
    .name = "watcher", .retain = watcher_retain, .release = watcher_release};

void stm__pool_insist(stm_body *body, void *argument)
{
    struct timespec pause = {.tv_nsec = MILLISECOND};
    AO_t generation = stm__roster_generation();
    enum stm_status status;
    bool told = false;

    while ((status = stm_atomically(body, argument)) != STM_OK) {
        if (generation != stm__roster_generation())
            return;
        if (status == STM_EINTERRUPTED)
            continue;
        if (!told && status != STM_ENOMEM)
            fprintf(stderr,
                    "stm-pool: a worker's transaction fails and is tried "
                    "again: %s\n",
                    stm_strstatus(status));
        told = true;
        stm__pause(&pause);
        if (pause.tv_nsec < 100 * MILLISECOND)
            pause.tv_nsec *= 2;
    }
}

enum stm_status stm__pool_sign(struct stm_tx *tx, const struct stm_pool *pool)
{
    return pool->name != NULL ? stm_tx_set_name(tx, pool->name) : STM_OK;
}

static bool make_var(struct stm_tvar **out, const struct stm_type *type,
                     const char *name)
{
    *out = stm_tvar_new(type, 0);
    return *out != NULL && stm_tvar_set_name(*out, name) == STM_OK;
}

static bool make_vars(struct stm_pool *pool,
                      const struct stm_pool_config *config)
{
    struct stm__limits limits = {.min = config->min_threads,
                                 .max = config->max_threads};

    if (limits.max > stm__limits_most())
        limits.max = stm__limits_most();
    if (limits.min > limits.max)
        limits.min = limits.max;
    return stm__fields_init(pool, &limits) &&
           make_var(&pool->starter, &watcher_type, "pool.starter") &&
           make_var(&pool->pairer, &watcher_type, "pool.pairer") &&
           make_var(&pool->timer, &watcher_type, "pool.timer") &&
           make_var(&pool->standby, &stm__worker_type, "pool.standby");
}

static bool make_queues(struct stm_pool *pool,
                        const struct stm_pool_config *config)
{
    pool->delayed = stm_tpriorityqueue_new(&stm__late_type);
    if (config->tasks != NULL)
        stm_tlist_retain(config->tasks);
    if (config->queue != NULL)
        stm_tpriorityqueue_retain(config->queue);
    pool->queue = (struct stm__queue){config->tasks, config->queue};
    if (pool->queue.list == NULL && pool->queue.heap == NULL)
        pool->queue.list =
            stm_tlist_new(config->futures ? &stm_pool_future_type : NULL);
    return pool->delayed != NULL &&
           (pool->queue.list != NULL || pool->queue.heap != NULL) &&
           stm__ready_init(pool);
}

/* Everything but what needs a transaction. */
static struct stm_pool *pool_alloc(const struct stm_pool_config *config)
{
    struct stm_pool *pool = calloc(1, sizeof *pool);

    if (pool == NULL)
        return NULL;
    pool->references = 1;
    pool->keep_alive = config->keep_alive;
    pool->capacity = config->capacity;
    pool->rejection = config->rejection;
    pool->handover = config->handover;
    pool->futures = config->futures || config->future_of != NULL;
    pool->name = config->name != NULL ? strdup(config->name) : NULL;
    if ((config->name != NULL && pool->name == NULL) ||
        !make_queues(pool, config) || !make_vars(pool, config)) {
        pool_free(pool);
        return NULL;
    }
    return pool;
}

struct install {
    struct stm_pool *pool;
    struct stm_broadcast *queue;
};

static enum stm_status install(struct stm_tx *tx, void *argument)
{
    const struct install *install = argument;
    struct stm_pool *pool = install->pool;

    if (pool->free_workers != NULL) { /* of an attempt that did not commit */
        stm_endpoint_release(pool->free_workers);
        pool->free_workers = NULL;
    }
    STM_TRY(stm_endpoint_new(tx, install->queue, &pool->free_workers));
    return stm__pool_watch(tx, pool);
}

enum stm_status stm__pool_outside(const char *function)
{
    if (stm_current() == NULL)
        return STM_OK;
    return stm_error(STM_EMISUSE,
                     "%s: called inside a transaction; expected outside",
                     function);
}

enum stm_status stm__pool_own(const struct stm_pool *pool, const char *function)
{
    if (!stm__roster_is_parents(pool->roster))
        return STM_OK;
    return stm_error(STM_ECLOSED,
                     "%s: the pool belongs to the process that this one was "
                     "forked from; expected one made here",
                     function);
}

/* A pool of futures runs them itself, and can run nothing else. */
static enum stm_status check_futures(const struct stm_pool_config *config)
{
    const struct stm__queue queue = {config->tasks, config->queue};

    if (config->run != NULL || config->finish != NULL ||
        config->give_up != NULL || config->future_of != NULL)
        return stm_error(STM_EMISUSE,
                         "stm_pool_new: run, finish, give_up or future_of is "
                         "set; expected none for a pool of futures");
    if ((queue.list != NULL || queue.heap != NULL) &&
        stm__queue_type(&queue) != &stm_pool_future_type)
        return stm_error(STM_EMISUSE,
                         "stm_pool_new: tasks or queue holds other items; "
                         "expected stm_pool_future_type for a pool of futures");
    return STM_OK;
}

static enum stm_status check_config(const struct stm_pool_config *config)
{
    if (config->max_threads == 0)
        return stm_error(STM_EMISUSE, "stm_pool_new: max_threads is 0; "
                                      "expected at least 1");
    if (config->min_threads > config->max_threads)
        return stm_error(STM_EMISUSE,
                         "stm_pool_new: min_threads is %zu; expected at most "
                         "max_threads, %zu",
                         config->min_threads, config->max_threads);
    if (config->tasks != NULL && config->queue != NULL)
        return stm_error(STM_EMISUSE, "stm_pool_new: tasks and queue are set; "
                                      "expected one of them");
    if ((unsigned)config->rejection > STM_POOL_DROP_OLDEST)
        return stm_error(STM_EMISUSE,
                         "stm_pool_new: rejection is %d; expected "
                         "an enum stm_pool_rejection",
                         (int)config->rejection);
    if ((unsigned)config->handover > STM_POOL_COARSE)
        return stm_error(STM_EMISUSE,
                         "stm_pool_new: handover is %d; expected "
                         "an enum stm_pool_handover",
                         (int)config->handover);
    if (config->future_of != NULL && config->tasks == NULL &&
        config->queue == NULL)
        return stm_error(STM_EMISUSE,
                         "stm_pool_new: future_of is set, and neither tasks "
                         "nor queue; expected one of them");
    if (config->futures)
        return check_futures(config);
    if (config->run == NULL)
        return stm_error(STM_EMISUSE, "stm_pool_new: run is NULL; expected "
                                      "the function that runs a task");
    return STM_OK;
}

enum stm_status stm_pool_new(const struct stm_pool_config *config,
                             struct stm_pool **out)
{
    struct install start = {NULL, NULL};
    enum stm_status status = STM_ENOMEM;

    STM_TRY(stm__pool_outside(__func__));
    STM_TRY(check_config(config));
    start.pool = pool_alloc(config);
    start.queue = stm_broadcast_new(&stm__worker_type);
    if (start.pool == NULL || start.queue == NULL)
        goto out;
    start.pool->roster = stm__roster_new(config);
    if (start.pool->roster == NULL)
        goto out;
    status = stm_atomically(install, &start);

out:
    if (start.queue != NULL)
        stm_broadcast_release(start.queue);
    if (status == STM_OK) {
        *out = start.pool;
    } else if (start.pool != NULL) {
        if (start.pool->roster != NULL)
            stm__roster_drop_finalizer(start.pool->roster);
        stm__pool_release(start.pool);
    }
    return status;
}

struct stm_tlist *stm_pool_tasks(struct stm_pool *pool)
{
    return pool->queue.list;
}

struct stm_tpriorityqueue *stm_pool_queue(struct stm_pool *pool)
{
    return pool->queue.heap;
}
