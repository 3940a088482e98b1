/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* What a pool takes its tasks from: a list, or a priority queue. */
#include "pool-internal.h"

const struct stm_type *stm__queue_type(const struct stm__queue *queue)
{
    return queue->list != NULL ? stm_tlist_item_type(queue->list)
                               : stm_tpriorityqueue_item_type(queue->heap);
}

enum stm_status stm__queue_pop(struct stm_tx *tx,
                               const struct stm__queue *queue, stm_value *task,
                               int64_t *priority)
{
    if (queue->list == NULL)
        return stm_tpriorityqueue_pop(tx, queue->heap, task, priority);
    *priority = 0;
    return stm_tlist_pop_front(tx, queue->list, task);
}

enum stm_status stm__queue_push(struct stm_tx *tx,
                                const struct stm__queue *queue, stm_value task,
                                int64_t priority, struct stm_ticket *ticket)
{
    if (queue->list == NULL)
        return stm_tpriorityqueue_push(tx, queue->heap, priority, task, ticket);
    *ticket = (struct stm_ticket){.priority = 0};
    return stm_tlist_append(tx, queue->list, task);
}

enum stm_status stm__queue_put_back(struct stm_tx *tx,
                                    const struct stm__queue *queue,
                                    stm_value task, int64_t priority,
                                    struct stm_ticket *ticket)
{
    if (queue->list == NULL)
        return stm_tpriorityqueue_push(tx, queue->heap, priority, task, ticket);
    *ticket = (struct stm_ticket){.priority = 0};
    return stm_tlist_insert(tx, queue->list, 0, task);
}

static enum stm_status find(struct stm_tx *tx, struct stm_tlist *list,
                            stm_value task, size_t *out)
{
    size_t length;

    STM_TRY(stm_tlist_length(tx, list, &length));
    for (size_t i = 0; i < length; i++) {
        stm_value item;

        STM_TRY(stm_tlist_get(tx, list, i, &item));
        if (item == task) {
            *out = i;
            return STM_OK;
        }
    }
    return STM_ENOTFOUND;
}

enum stm_status stm__queue_remove(struct stm_tx *tx,
                                  const struct stm__queue *queue,
                                  stm_value task,
                                  const struct stm_ticket *ticket)
{
    size_t index;

    if (queue->list == NULL)
        return stm_tpriorityqueue_remove(tx, queue->heap, ticket, NULL);
    STM_TRY(find(tx, queue->list, task, &index));
    return stm_tlist_remove(tx, queue->list, index, NULL);
}

/* The index of the first task whose priority is that of the last. */
static enum stm_status least_urgent(struct stm_tx *tx,
                                    struct stm_tpriorityqueue *heap,
                                    size_t length, size_t *out)
{
    size_t low = 0, high = length - 1;
    int64_t last, priority;
    stm_value task;

    STM_TRY(stm_tpriorityqueue_get(tx, heap, high, &task, &last));
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        STM_TRY(stm_tpriorityqueue_get(tx, heap, middle, &task, &priority));
        if (priority < last)
            low = middle + 1;
        else
            high = middle;
    }
    *out = low;
    return STM_OK;
}

enum stm_status stm__queue_pop_oldest(struct stm_tx *tx,
                                      const struct stm__queue *queue,
                                      stm_value *task)
{
    struct stm_ticket ticket;
    size_t length, index;

    if (queue->list != NULL)
        return stm_tlist_pop_front(tx, queue->list, task);
    STM_TRY(stm_tpriorityqueue_length(tx, queue->heap, &length));
    if (length == 0)
        return STM_EEMPTY;
    STM_TRY(least_urgent(tx, queue->heap, length, &index));
    STM_TRY(stm_tpriorityqueue_ticket(tx, queue->heap, index, &ticket));
    return stm_tpriorityqueue_remove(tx, queue->heap, &ticket, task);
}
