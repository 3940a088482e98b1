/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* How the tasks of a storm get into the pool. */
#include "pool_storm.h"

enum { MICROSECOND = 1000, LATEST = 300, PRIORITIES = 4 };

/* The splitmix64 sequence. */
size_t drawn(uint64_t *whim, size_t limit)
{
    uint64_t mix = *whim += UINT64_C(0x9e3779b97f4a7c15);

    mix = (mix ^ (mix >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mix = (mix ^ (mix >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (size_t)((mix ^ (mix >> 31)) % limit);
}

struct task *storm_take(struct storm *storm)
{
    size_t index = AO_fetch_and_add1_full(&storm->next);

    return index < storm->count ? &storm->tasks[index] : NULL;
}

static stm_value item_of(const struct task *task)
{
    return task->storm->kind == FUTURES ? (stm_value)task->future
                                        : (stm_value)task;
}

/* By code that knows the list, or queue, and no pool. */
static enum stm_status add_directly(struct stm_tx *tx, void *argument)
{
    struct task *task = argument;
    struct stm_pool *pool = task->storm->pool;
    uint64_t whim = task->whim;
    int64_t priority = (int64_t)drawn(&whim, PRIORITIES);

    if (stm_pool_tasks(pool) != NULL)
        return stm_tlist_append(tx, stm_pool_tasks(pool), item_of(task));
    return stm_tpriorityqueue_push(tx, stm_pool_queue(pool), priority,
                                   item_of(task), NULL);
}

static enum stm_status submit(struct task *task, uint64_t delay)
{
    struct stm_pool *pool = task->storm->pool;
    uint64_t whim = task->whim;
    struct stm_pool_order order = {.task = item_of(task), .delay = delay};

    if (stm_pool_queue(pool) != NULL)
        order.priority = (int64_t)drawn(&whim, PRIORITIES);
    return stm_pool_submit_order(pool, &order);
}

static enum stm_status submit_then_abort(struct stm_tx *tx, void *argument)
{
    (void)tx;
    STM_TRY(submit(argument, 0));
    return STM_EABORT;
}

/* In one branch it is scheduled and that undone, in the other it stays. */
static enum stm_status submit_then_retry(struct stm_tx *tx, void *argument)
{
    STM_TRY(add_directly(tx, argument));
    return stm_retry(tx);
}

static enum stm_status submit_body(struct stm_tx *tx, void *argument)
{
    (void)tx;
    return submit(argument, 0);
}

static enum stm_status submit_at_last(struct stm_tx *tx, void *argument)
{
    const struct stm_branch branches[] = {{submit_then_retry, argument},
                                          {submit_body, argument}};

    return stm_or_else(tx, branches, 2);
}

static enum stm_status schedule(struct task *task)
{
    uint64_t whim = task->whim;
    size_t way = drawn(&whim, 64);
    enum stm_status status;

    if (way == 0)
        return submit(task, 1 + drawn(&whim, LATEST) * MICROSECOND);
    if (way == 1) {
        status = stm_atomically(submit_then_abort, task);
        if (status != STM_EABORT && status != STM_EFULL &&
            status != STM_ECLOSED)
            return status;
    }
    if (way == 2)
        return stm_atomically(submit_at_last, task);
    task->adopted = way > 2 && way < 20;
    return task->adopted ? stm_atomically(add_directly, task) : submit(task, 0);
}

void storm_schedule(struct task *task)
{
    enum stm_status status = schedule(task);

    if (status == STM_EFULL || status == STM_ECLOSED)
        (void)AO_fetch_and_add_full(&task->notes, REFUSED);
    else
        EXPECT_STATUS(STM_OK, status);
    AO_store_release(&task->submitted, status == STM_OK);
}
