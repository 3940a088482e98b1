/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "families.h"

#include <string.h>

/* Priority queues.  The model is in the order in which items come out; what
 * number a ticket has, the library alone knows. */

enum { PRIORITY_QUEUES = 2, ITEMS_MAX = 300, TICKETS = 8 };

struct item {
    uint32_t number;
    struct stm_ticket ticket;
};

struct queue_model {
    size_t length;
    struct item item[ITEMS_MAX];
};

static struct stm_tpriorityqueue *queues[PRIORITY_QUEUES];

/* Given out lately, also by what was undone. */
static struct stm_ticket tickets[TICKETS];
static bool has_ticket[TICKETS];
static struct stm_ticket pushed;

static struct queue_model *queue_model(unsigned which)
{
    return (struct queue_model *)model_of(&tpriorityqueue_family) + which;
}

static size_t item_count(unsigned which) { return queue_model(which)->length; }

static bool has_room(const struct arguments *a)
{
    return item_count(a->which) < ITEMS_MAX;
}

static void length(struct stm_tx *tx, const struct arguments *a,
                   struct result *got)
{
    size_t number = CANARY;

    got->status = stm_tpriorityqueue_length(tx, queues[a->which], &number);
    pass_number(got, 0, number);
}

static void model_length(const struct arguments *a, struct result *want,
                         const struct result *got)
{
    (void)got;
    want->out[0] = item_count(a->which);
}

static int64_t priority_of(const struct arguments *a)
{
    static const int64_t extremes[] = {INT64_MIN, INT64_MAX, -1, 0};
    unsigned drawn = a->small[0];

    return drawn < 240 ? drawn / 8 - 10 : extremes[drawn % 4];
}

static void push(struct stm_tx *tx, const struct arguments *a,
                 struct result *got)
{
    got->status = stm_tpriorityqueue_push(tx, queues[a->which], priority_of(a),
                                          a->value, &pushed);
}

static size_t find(const struct queue_model *queue,
                   const struct stm_ticket *ticket)
{
    size_t at = 0;

    while (at < queue->length &&
           (queue->item[at].ticket.priority != ticket->priority ||
            queue->item[at].ticket.number != ticket->number))
        at++;
    return at;
}

static void model_push(const struct arguments *a, struct result *want,
                       const struct result *got)
{
    struct queue_model *queue = queue_model(a->which);
    size_t at = queue->length;

    (void)want, (void)got;
    REQUIRE(pushed.priority == priority_of(a),
            "push gave out a ticket of another priority");
    REQUIRE(find(queue, &pushed) == queue->length,
            "push gave out a ticket a second time");
    while (at > 0 && queue->item[at - 1].ticket.priority > pushed.priority)
        at--;
    memmove(&queue->item[at + 1], &queue->item[at],
            (queue->length - at) * sizeof queue->item[0]);
    queue->item[at].number = a->number;
    queue->item[at].ticket = pushed;
    queue->length++;
    tickets[a->small[1] % TICKETS] = pushed;
    has_ticket[a->small[1] % TICKETS] = true;
}

static void take_out(struct queue_model *queue, size_t at)
{
    queue->length--;
    memmove(&queue->item[at], &queue->item[at + 1],
            (queue->length - at) * sizeof queue->item[0]);
}

static void pop(struct stm_tx *tx, const struct arguments *a,
                struct result *got)
{
    stm_value value = CANARY;
    int64_t priority = CANARY;

    got->status = stm_tpriorityqueue_pop(tx, queues[a->which], &value,
                                         a->small[0] % 4 ? &priority : NULL);
    pass_value(got, 0, a->which % 2, value);
    pass_number(got, 1, (uint64_t)priority);
}

static void model_peek(const struct arguments *a, struct result *want,
                       size_t at, enum stm_status missing)
{
    const struct queue_model *queue = queue_model(a->which);

    if (at >= queue->length) {
        want->status = missing;
        return;
    }
    want->out[0] = queue->item[at].number;
    want->out[1] =
        a->small[0] % 4 ? (uint64_t)queue->item[at].ticket.priority : CANARY;
}

static void model_pop(const struct arguments *a, struct result *want,
                      const struct result *got)
{
    (void)got;
    model_peek(a, want, 0, STM_EEMPTY);
    if (want->status == STM_OK)
        take_out(queue_model(a->which), 0);
}

static void get(struct stm_tx *tx, const struct arguments *a,
                struct result *got)
{
    stm_value value = CANARY;
    int64_t priority = CANARY;

    got->status =
        stm_tpriorityqueue_get(tx, queues[a->which], a->index[0], &value,
                               a->small[0] % 4 ? &priority : NULL);
    pass_value(got, 0, a->which % 2, value);
    pass_number(got, 1, (uint64_t)priority);
}

static void model_get(const struct arguments *a, struct result *want,
                      const struct result *got)
{
    (void)got;
    model_peek(a, want, a->index[0], STM_ERANGE);
}

static bool is_given(const struct arguments *a)
{
    return has_ticket[a->small[0] % TICKETS];
}

static void remove_item(struct stm_tx *tx, const struct arguments *a,
                        struct result *got)
{
    stm_value value = CANARY;

    got->status = stm_tpriorityqueue_remove(
        tx, queues[a->which], &tickets[a->small[0] % TICKETS], &value);
    pass_value(got, 0, a->which % 2, value);
}

static void model_remove(const struct arguments *a, struct result *want,
                         const struct result *got)
{
    struct queue_model *queue = queue_model(a->which);
    size_t at = find(queue, &tickets[a->small[0] % TICKETS]);

    (void)got;
    if (at == queue->length) {
        want->status = STM_ENOTFOUND;
        return;
    }
    want->out[0] = queue->item[at].number;
    take_out(queue, at);
}

static void clear(struct stm_tx *tx, const struct arguments *a,
                  struct result *got)
{
    got->status = stm_tpriorityqueue_clear(tx, queues[a->which]);
}

static void model_clear(const struct arguments *a, struct result *want,
                        const struct result *got)
{
    (void)want, (void)got;
    queue_model(a->which)->length = 0;
}

static const struct operation operations[] = {
    {"length", "o", length, model_length, NULL, false},
    {"push", "ovnn", push, model_push, has_room, false},
    {"pop", "on", pop, model_pop, NULL, false},
    {"get", "oin", get, model_get, NULL, false},
    {"remove", "on", remove_item, model_remove, is_given, false},
    {"push", "ovnn", push, model_push, has_room, false},
    {"push", "ovnn", push, model_push, has_room, false},
    {"clear", "o", clear, model_clear, NULL, false},
};

static void start(void)
{
    memset(has_ticket, 0, sizeof has_ticket);
    for (unsigned i = 0; i < PRIORITY_QUEUES; i++) {
        queues[i] = stm_tpriorityqueue_new(type_of(i));
        REQUIRE(queues[i] != NULL, "out of memory");
        REQUIRE(stm_tpriorityqueue_item_type(queues[i]) == type_of(i),
                "priority queue %u has another type", i);
    }
}

static void stop(void)
{
    for (unsigned i = 0; i < PRIORITY_QUEUES; i++)
        stm_tpriorityqueue_release(queues[i]);
}

static bool check_queue(struct stm_tx *tx, unsigned which)
{
    const struct queue_model *queue = queue_model(which);
    size_t count = 0;

    if (!agreed("stm_tpriorityqueue_length", STM_OK,
                stm_tpriorityqueue_length(tx, queues[which], &count)))
        return false;
    REQUIRE(count == queue->length,
            "priority queue %u: expected %zu items, got %zu", which,
            queue->length, count);
    for (size_t i = 0; i < count; i++) {
        stm_value value;
        int64_t priority = 0;

        if (!agreed("stm_tpriorityqueue_get", STM_OK,
                    stm_tpriorityqueue_get(tx, queues[which], i, &value,
                                           &priority)))
            return false;
        REQUIRE(number_of(which % 2, value) == queue->item[i].number &&
                    priority == queue->item[i].ticket.priority,
                "priority queue %u, item %zu: expected %u, got %u", which, i,
                queue->item[i].number, number_of(which % 2, value));
    }
    return true;
}

static void check(struct stm_tx *tx)
{
    for (unsigned i = 0; i < PRIORITY_QUEUES; i++)
        if (!check_queue(tx, i))
            return;
}

const struct family tpriorityqueue_family = {
    .name = "tpriorityqueue",
    .objects = PRIORITY_QUEUES,
    .model_size = PRIORITY_QUEUES * sizeof(struct queue_model),
    OPERATIONS(operations),
    .start = start,
    .stop = stop,
    .check = check,
    .length = item_count,
};
