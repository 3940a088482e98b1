/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* A bounded queue between producers and consumers, made of a list: put waits
 * while it is full and get while it is empty, and all that takes is to retry.
 * Whether the queue is closed is one more variable that get reads. */
#include <stdio.h>
#include <stdlib.h>

#include <stm/stm.h>

#include "crew.h"
#include "options.h"

static const char program[] = "boundedqueue";

struct queue {
    struct stm_tlist *items;
    size_t capacity;
    struct stm_tvar *open; /* how many producers may still put */
};

struct job {
    size_t producers, consumers, items;
    struct queue queue;
};

/* One thread's share. */
struct member {
    struct job *job;
    size_t first; /* a producer's first number */
    size_t count, sum;
};

/* An item on its way. */
struct parcel {
    struct queue *queue;
    stm_value item;
    bool closed; /* there is none, and none will come */
};

static enum stm_status put(struct stm_tx *tx, void *argument)
{
    const struct parcel *parcel = argument;
    struct queue *queue = parcel->queue;
    size_t length;

    STM_TRY(stm_tx_set_name(tx, "put"));
    STM_TRY(stm_tlist_length(tx, queue->items, &length));
    if (length == queue->capacity)
        return stm_retry(tx);
    return stm_tlist_append(tx, queue->items, parcel->item);
}

static enum stm_status get(struct stm_tx *tx, void *argument)
{
    struct parcel *parcel = argument;
    struct queue *queue = parcel->queue;
    enum stm_status status;
    stm_value open;

    STM_TRY(stm_tx_set_name(tx, "get"));
    parcel->closed = false;
    status = stm_tlist_pop_front(tx, queue->items, &parcel->item);
    if (status != STM_EEMPTY)
        return status;
    STM_TRY(stm_tvar_get(tx, queue->open, &open));
    if (open > 0)
        return stm_retry(tx);
    parcel->closed = true;
    return STM_OK;
}

static enum stm_status leave(struct stm_tx *tx, void *argument)
{
    const struct queue *queue = argument;
    stm_value open;

    STM_TRY(stm_tvar_get(tx, queue->open, &open));
    return stm_tvar_set(tx, queue->open, open - 1);
}

static void *produce(void *argument)
{
    const struct member *member = argument;
    struct parcel parcel = {.queue = &member->job->queue};

    for (size_t i = 0; i < member->job->items; i++) {
        parcel.item = member->first + i;
        must(program, stm_atomically(put, &parcel), "put");
    }
    must(program, stm_atomically(leave, parcel.queue), "leave");
    return NULL;
}

static void *consume(void *argument)
{
    struct member *member = argument;
    struct parcel parcel = {.queue = &member->job->queue};

    for (;;) {
        must(program, stm_atomically(get, &parcel), "get");
        if (parcel.closed)
            return NULL;
        member->count++;
        member->sum += parcel.item;
    }
}

static struct member *new_members(struct job *job, size_t count)
{
    struct member *members = must_have(program, calloc(count, sizeof *members));

    for (size_t i = 0; i < count; i++)
        members[i] = (struct member){.job = job, .first = i * job->items + 1};
    return members;
}

static void run(struct job *job)
{
    struct member *producers = new_members(job, job->producers);
    struct member *consumers = new_members(job, job->consumers);
    struct crew *givers = crew_start(program, produce, producers,
                                     job->producers, sizeof *producers);
    struct crew *takers = crew_start(program, consume, consumers,
                                     job->consumers, sizeof *consumers);
    size_t count = 0, sum = 0;

    crew_join(givers);
    crew_join(takers);
    for (size_t i = 0; i < job->consumers; i++) {
        count += consumers[i].count;
        sum += consumers[i].sum;
    }
    free(producers);
    free(consumers);
    printf("%zu items came through, their sum is %zu\n", count, sum);
}

int main(int argc, char **argv)
{
    struct job job = {.producers = 2,
                      .consumers = 2,
                      .items = 10000,
                      .queue = {.capacity = 8}};
    const struct count_option options[] = {
        {"producers", &job.producers, 1, 10000, "how many threads put"},
        {"consumers", &job.consumers, 1, 10000, "how many threads get"},
        {"items", &job.items, 0, 100000, "how many items each puts"},
        {"capacity", &job.queue.capacity, 1, 1000000,
         "how many items the queue holds"}};

    options_parse(program,
                  "Sends the numbers from 1 on from producers to consumers by "
                  "a queue that makes\nthem wait for each other.\n",
                  options, sizeof options / sizeof options[0], argc, argv);
    job.queue.items = must_have(program, stm_tlist_new(NULL));
    job.queue.open = must_have(program, stm_tvar_new(NULL, job.producers));
    run(&job);
    stm_tlist_release(job.queue.items);
    stm_tvar_release(job.queue.open);
    must_print(program);
    return 0;
}
