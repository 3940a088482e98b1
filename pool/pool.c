/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The pool from outside: making it, asking it, waiting for it, ending it.
 * What it does about its tasks is in watchers.c. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "pool-internal.h"

enum { MILLISECOND = 1000000 };

static void pool_free(struct stm_pool *pool)
{
    struct stm_tvar *vars[] = {pool->live,   pool->handed,  pool->finished,
                               pool->idle,   pool->closing, pool->door,
                               pool->misses, pool->starter, pool->pairer};

    for (size_t i = 0; i < sizeof vars / sizeof vars[0]; i++)
        if (vars[i] != NULL)
            stm_tvar_release(vars[i]);
    if (pool->free_workers != NULL)
        stm_endpoint_release(pool->free_workers);
    if (pool->tasks != NULL)
        stm_tlist_release(pool->tasks);
    if (pool->roster != NULL)
        stm__roster_release(pool->roster);
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

enum stm_status stm__pool_add(struct stm_tx *tx, struct stm_tvar *var,
                              intptr_t delta)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, var, &value));
    return stm_tvar_set(tx, var, value + (stm_value)delta);
}

static bool named_var(struct stm_tvar **out, const char *name,
                      const struct stm_type *type, stm_value initial)
{
    *out = stm_tvar_new(type, initial);
    return *out != NULL && stm_tvar_set_name(*out, name) == STM_OK;
}

static bool make_vars(struct stm_pool *pool)
{
    return named_var(&pool->live, "pool.live", NULL, 0) &&
           named_var(&pool->handed, "pool.handed", NULL, 0) &&
           named_var(&pool->finished, "pool.finished", NULL, 0) &&
           named_var(&pool->idle, "pool.idle", NULL, 1) &&
           named_var(&pool->closing, "pool.closing", NULL, 0) &&
           named_var(&pool->door, "pool.door", NULL, 0) &&
           named_var(&pool->misses, "pool.misses", NULL, 0) &&
           named_var(&pool->starter, "pool.starter", &watcher_type, 0) &&
           named_var(&pool->pairer, "pool.pairer", &watcher_type, 0);
}

/* Everything but what needs a transaction. */
static struct stm_pool *pool_alloc(const struct stm_pool_config *config)
{
    struct stm_pool *pool = calloc(1, sizeof *pool);

    if (pool == NULL)
        return NULL;
    pool->references = 1;
    pool->max_threads = config->max_threads < (size_t)INTPTR_MAX
                            ? config->max_threads
                            : (size_t)INTPTR_MAX;
    pool->keep_alive = config->keep_alive;
    if (config->tasks != NULL)
        stm_tlist_retain(config->tasks);
    pool->tasks = config->tasks != NULL ? config->tasks : stm_tlist_new(NULL);
    if (pool->tasks == NULL || !make_vars(pool)) {
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

static enum stm_status check_config(const struct stm_pool_config *config)
{
    if (config->max_threads == 0)
        return stm_error(STM_EMISUSE, "stm_pool_new: max_threads is 0; "
                                      "expected at least 1");
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

struct stm_tlist *stm_pool_tasks(struct stm_pool *pool) { return pool->tasks; }

struct submission {
    struct stm_pool *pool;
    stm_value task;
};

static enum stm_status submit(struct stm_tx *tx, void *argument)
{
    const struct submission *submission = argument;
    struct stm_pool *pool = submission->pool;
    stm_value closing;

    STM_TRY(stm_tvar_get(tx, pool->closing, &closing));
    if (closing)
        return STM_ECLOSED;
    return stm_tlist_append(tx, pool->tasks, submission->task);
}

enum stm_status stm_pool_submit(struct stm_pool *pool, stm_value task)
{
    struct submission submission = {pool, task};

    STM_TRY(stm__pool_own(pool, __func__));
    return stm_atomically(submit, &submission);
}

/* A question about one pool, and the answer. */
struct query {
    struct stm_pool *pool;
    size_t answer;
};

static enum stm_status ask(stm_body *body, struct stm_pool *pool, size_t *out)
{
    struct query query = {.pool = pool};

    STM_TRY(stm_atomically(body, &query));
    *out = query.answer;
    return STM_OK;
}

static enum stm_status scheduled(struct stm_tx *tx, void *argument)
{
    struct query *query = argument;
    stm_value handed;

    STM_TRY(stm_tvar_get(tx, query->pool->handed, &handed));
    STM_TRY(stm_tlist_length(tx, query->pool->tasks, &query->answer));
    query->answer += handed;
    return STM_OK;
}

static enum stm_status finished(struct stm_tx *tx, void *argument)
{
    struct query *query = argument;

    return stm_tvar_get(tx, query->pool->finished, &query->answer);
}

static enum stm_status remaining(struct stm_tx *tx, void *argument)
{
    struct query *query = argument;
    stm_value done;

    STM_TRY(scheduled(tx, query));
    STM_TRY(stm_tvar_get(tx, query->pool->finished, &done));
    query->answer -= done;
    return STM_OK;
}

static enum stm_status live(struct stm_tx *tx, void *argument)
{
    struct query *query = argument;

    return stm_tvar_get(tx, query->pool->live, &query->answer);
}

static enum stm_status free_workers(struct stm_tx *tx, void *argument)
{
    struct query *query = argument;

    return stm_endpoint_remaining(tx, query->pool->free_workers,
                                  &query->answer);
}

static enum stm_status queued(struct stm_tx *tx, void *argument)
{
    struct query *query = argument;

    return stm_tlist_length(tx, query->pool->tasks, &query->answer);
}

enum stm_status stm_pool_scheduled(struct stm_pool *pool, size_t *out)
{
    return ask(scheduled, pool, out);
}

enum stm_status stm_pool_finished(struct stm_pool *pool, size_t *out)
{
    return ask(finished, pool, out);
}

enum stm_status stm_pool_remaining(struct stm_pool *pool, size_t *out)
{
    return ask(remaining, pool, out);
}

enum stm_status stm_pool_live(struct stm_pool *pool, size_t *out)
{
    return ask(live, pool, out);
}

enum stm_status stm_pool_free_workers(struct stm_pool *pool, size_t *out)
{
    return ask(free_workers, pool, out);
}

enum stm_status stm_pool_queued(struct stm_pool *pool, size_t *out)
{
    return ask(queued, pool, out);
}
