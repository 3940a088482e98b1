/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Tasks whose time is to come.  They stand in a queue of their own, in order of
 * their times, and count as handed.  A watcher asks for the time of the first;
 * the library's service thread runs it when that has come, and it moves them to
 * the pool's own queue.
 *
 * Times are nanoseconds of the monotonic clock.  A watcher counts from when it
 * was made, which is not before `base`; so none comes early. */
#include <stdlib.h>
#include <time.h>

#include "pool-internal.h"

/* A task that waits for its time. */
struct late {
    AO_t references;
    const struct stm_type *type;
    stm_value task;
    int64_t priority;
};

static void late_retain(stm_value value)
{
    stm__count_up(&((struct late *)value)->references);
}

static void late_release(stm_value value)
{
    struct late *late = (struct late *)value;

    if (!stm__count_down(&late->references))
        return;
    if (late->type != NULL && late->type->release != NULL)
        late->type->release(late->task);
    free(late);
}

static bool late_may_release(stm_value value)
{
    const struct late *late = (const struct late *)value;

    return late->type == NULL || late->type->may_release == NULL ||
           late->type->may_release(late->task);
}

/* To a collector what will run is reachable. */
static int visit_nothing(stm_value value, stm_visit *visit, void *context)
{
    (void)value, (void)visit, (void)context;
    return 0;
}

const struct stm_type stm__late_type = {.name = "a delayed task",
                                        .retain = late_retain,
                                        .release = late_release,
                                        .may_release = late_may_release,
                                        .traverse = visit_nothing};

uint64_t stm__clock_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static struct late *late_new(const struct stm_type *type,
                             const struct stm_pool_order *order)
{
    struct late *late = malloc(sizeof *late);

    if (late == NULL)
        return NULL;
    *late = (struct late){.references = 1,
                          .type = type,
                          .task = order->task,
                          .priority = order->priority};
    if (type != NULL && type->retain != NULL)
        type->retain(late->task);
    return late;
}

enum stm_status stm__delay_add(struct stm_tx *tx, struct stm_pool *pool,
                               const struct stm_pool_order *order, uint64_t due)
{
    struct late *late = late_new(stm__queue_type(&pool->queue), order);
    struct stm_ticket ticket;
    enum stm_status status;

    if (late == NULL)
        return STM_ENOMEM;
    status = stm_tpriorityqueue_push(tx, pool->delayed,
                                     due < INT64_MAX ? (int64_t)due : INT64_MAX,
                                     (stm_value)late, &ticket);
    late_release((stm_value)late); /* the submitter holds the task */
    STM_TRY(status);
    STM_TRY(stm__pool_add(tx, pool, STM__HANDED, 1));
    STM_TRY(stm__pool_note_idle(tx, pool));
    return stm__task_placed(tx, pool, order->task, &ticket, true);
}

/* One of the delayed tasks is no longer handed. */
static enum stm_status uncount(struct stm_tx *tx, struct stm_pool *pool)
{
    STM_TRY(stm__pool_add(tx, pool, STM__HANDED, -1));
    return stm__pool_note_idle(tx, pool);
}

enum stm_status stm__delay_remove(struct stm_tx *tx, struct stm_pool *pool,
                                  const struct stm_ticket *ticket)
{
    STM_TRY(stm_tpriorityqueue_remove(tx, pool->delayed, ticket, NULL));
    return uncount(tx, pool);
}

enum stm_status stm__delay_pop(struct stm_tx *tx, struct stm_pool *pool,
                               stm_value *task)
{
    stm_value late;

    STM_TRY(stm_tpriorityqueue_pop(tx, pool->delayed, &late, NULL));
    *task = ((const struct late *)late)->task;
    return uncount(tx, pool);
}

/* ---- the watcher ---- */

/* *out: the time of the first, or STM_FOREVER. */
static enum stm_status first_due(struct stm_tx *tx, struct stm_pool *pool,
                                 uint64_t *out)
{
    size_t count;
    stm_value late;
    int64_t due;

    *out = STM_FOREVER;
    STM_TRY(stm_tpriorityqueue_length(tx, pool->delayed, &count));
    if (count == 0)
        return STM_OK;
    STM_TRY(stm_tpriorityqueue_get(tx, pool->delayed, 0, &late, &due));
    *out = (uint64_t)due;
    return STM_OK;
}

static enum stm_status await_first(struct stm_tx *tx, stm_value argument,
                                   stm_value *result)
{
    struct stm_pool *pool = (struct stm_pool *)argument;
    bool over = false;
    uint64_t due;

    if (!stm__roster_is_parents(pool->roster)) {
        STM_TRY(first_due(tx, pool, &due));
        if (due != STM_FOREVER)
            STM_TRY(stm_elapsed(tx, due > pool->base ? due - pool->base : 0,
                                &over));
    }
    *result = over;
    return STM_OK;
}

static enum stm_status move_first(struct stm_tx *tx, struct stm_pool *pool)
{
    struct stm_ticket ticket;
    const struct late *late;
    stm_value value;

    STM_TRY(stm_tpriorityqueue_pop(tx, pool->delayed, &value, NULL));
    late = (const struct late *)value;
    STM_TRY(stm__pool_add(tx, pool, STM__HANDED, -1));
    STM_TRY(
        stm__queue_push(tx, &pool->queue, late->task, late->priority, &ticket));
    return stm__task_placed(tx, pool, late->task, &ticket, false);
}

/* The first, and all others whose time has come as well. */
static enum stm_status move_due(struct stm_tx *tx, stm_value argument,
                                stm_value over)
{
    struct stm_pool *pool = (struct stm_pool *)argument;
    uint64_t now, due;

    if (!over)
        return STM_OK;
    now = stm__clock_now();
    do {
        STM_TRY(move_first(tx, pool));
        STM_TRY(first_due(tx, pool, &due));
    } while (due <= now);
    return STM_OK;
}

const struct stm_watch stm__delay_watch = {.function = await_first,
                                           .callback = move_due,
                                           .argument_type = &stm__pool_type,
                                           .name = "pool: delayed tasks"};
