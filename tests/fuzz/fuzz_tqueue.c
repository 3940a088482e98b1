/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "families.h"

#include <string.h>

/* Queues: two without a bound, one of a single place, one of five. */

enum { ITEMS_MAX = 200 };

struct queue_model {
    size_t length;
    uint32_t item[ITEMS_MAX];
};

static struct stm_tqueue *queues[QUEUES];

static struct queue_model *queue_model(unsigned which)
{
    return (struct queue_model *)model_of(&queue_family) + which;
}

static size_t capacity_of(unsigned which)
{
    static const size_t capacities[QUEUES] = {0, 0, 1, 5};

    return capacities[which];
}

enum stm_status queue_length(struct stm_tx *tx, unsigned which, size_t *out)
{
    return stm_tqueue_length(tx, queues[which], out);
}

size_t queue_model_length(unsigned which) { return queue_model(which)->length; }

static bool has_room(const struct arguments *a)
{
    return queue_model_length(a->which) < ITEMS_MAX;
}

static void length(struct stm_tx *tx, const struct arguments *a,
                   struct result *got)
{
    size_t number = CANARY;

    got->status = queue_length(tx, a->which, &number);
    pass_number(got, 0, number);
}

static void model_length(const struct arguments *a, struct result *want,
                         const struct result *got)
{
    (void)got;
    want->out[0] = queue_model_length(a->which);
}

static void put(struct stm_tx *tx, const struct arguments *a,
                struct result *got)
{
    got->status = stm_tqueue_put(tx, queues[a->which], a->value);
}

static void model_put(const struct arguments *a, struct result *want,
                      const struct result *got)
{
    struct queue_model *queue = queue_model(a->which);

    (void)got;
    if (capacity_of(a->which) > 0 && queue->length == capacity_of(a->which))
        want->status = STM_EFULL;
    else
        queue->item[queue->length++] = a->number;
}

static void get(struct stm_tx *tx, const struct arguments *a,
                struct result *got)
{
    stm_value value = CANARY;

    got->status = stm_tqueue_get(tx, queues[a->which], &value);
    pass_value(got, 0, a->which % 2, value);
}

static void peek(struct stm_tx *tx, const struct arguments *a,
                 struct result *got)
{
    stm_value value = CANARY;

    got->status = stm_tqueue_peek(tx, queues[a->which], &value);
    pass_value(got, 0, a->which % 2, value);
}

static void model_peek(const struct arguments *a, struct result *want,
                       const struct result *got)
{
    const struct queue_model *queue = queue_model(a->which);

    (void)got;
    if (queue->length == 0)
        want->status = STM_EEMPTY;
    else
        want->out[0] = queue->item[0];
}

static void model_get(const struct arguments *a, struct result *want,
                      const struct result *got)
{
    struct queue_model *queue = queue_model(a->which);

    model_peek(a, want, got);
    if (want->status != STM_OK)
        return;
    queue->length--;
    memmove(queue->item, queue->item + 1, queue->length * sizeof *queue->item);
}

static const struct operation operations[] = {
    {"length", "o", length, model_length, NULL, false},
    {"put", "ov", put, model_put, has_room, false},
    {"get", "o", get, model_get, NULL, false},
    {"put", "ov", put, model_put, has_room, false},
    {"peek", "o", peek, model_peek, NULL, false},
};

static void start(void)
{
    for (unsigned i = 0; i < QUEUES; i++) {
        queues[i] = stm_tqueue_new(type_of(i), capacity_of(i));
        REQUIRE(queues[i] != NULL, "out of memory");
        REQUIRE(stm_tqueue_capacity(queues[i]) == capacity_of(i) &&
                    stm_tqueue_item_type(queues[i]) == type_of(i),
                "queue %u has another capacity or type", i);
    }
}

static void stop(void)
{
    for (unsigned i = 0; i < QUEUES; i++)
        stm_tqueue_release(queues[i]);
}

/* Takes everything out, to be undone. */
static enum stm_status drain_body(struct stm_tx *tx, void *argument)
{
    unsigned which = *(unsigned *)argument;
    const struct queue_model *queue = queue_model(which);
    stm_value value;

    for (size_t i = 0; i < queue->length; i++) {
        if (!agreed("stm_tqueue_get", STM_OK,
                    stm_tqueue_get(tx, queues[which], &value)))
            return STM_CONFLICT;
        REQUIRE(number_of(which % 2, value) == queue->item[i],
                "queue %u, item %zu: expected %u, got %u", which, i,
                queue->item[i], number_of(which % 2, value));
    }
    return agreed("stm_tqueue_get", STM_EEMPTY,
                  stm_tqueue_get(tx, queues[which], &value))
               ? STM_EABORT
               : STM_CONFLICT;
}

static void check(struct stm_tx *tx)
{
    for (unsigned i = 0; i < QUEUES; i++) {
        size_t count = 0;

        if (!agreed("stm_tqueue_length", STM_OK, queue_length(tx, i, &count)))
            return;
        REQUIRE(count == queue_model_length(i),
                "queue %u: expected %zu items, got %zu", i,
                queue_model_length(i), count);
        if (!agreed("draining a queue", STM_EABORT,
                    stm_atomically(drain_body, &i)))
            return;
    }
}

const struct family queue_family = {
    .name = "tqueue",
    .objects = QUEUES,
    .model_size = QUEUES * sizeof(struct queue_model),
    OPERATIONS(operations),
    .start = start,
    .stop = stop,
    .check = check,
};
