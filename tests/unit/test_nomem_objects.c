/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise I with the queues, futures and objects: each allocation fails once,
 * and nothing is half-done or leaked. */
#include "sweep.h"

enum { BATCH = 10 };

/* In every commit, the lengths of two queues and the object's field are all
 * size. */
struct world {
    struct stm_tpriorityqueue *urgent;
    struct stm_tqueue *line, *ring;
    struct stm_tobject *object;
    stm_value expected; /* size */
};

static void world_init(void *context)
{
    struct world *world = context;

    world->expected = 0;
    world->urgent = stm_tpriorityqueue_new(&counted_type);
    world->line = stm_tqueue_new(&counted_type, 0);
    world->ring = stm_tqueue_new(&counted_type, 2);
    world->object = stm_tobject_new(&counted_type);
}

static void world_fini(void *context)
{
    struct world *world = context;

    stm_tpriorityqueue_release(world->urgent);
    stm_tqueue_release(world->line);
    stm_tqueue_release(world->ring);
    stm_tobject_release(world->object);
}

static enum stm_status end_future(struct stm_tx *tx, stm_value value)
{
    struct stm_tfuture *future = stm_tfuture_new(&counted_type, NULL);
    enum stm_status status;

    if (future == NULL)
        return STM_ENOMEM;
    status = stm_tfuture_set(tx, future, value);
    stm_tfuture_release(future);
    return status;
}

/* One item through the ring, and more by BATCH in the other queues. */
static enum stm_status use_queues(struct stm_tx *tx, struct world *world,
                                  stm_value item)
{
    struct stm_ticket ticket;
    stm_value taken;

    STM_TRY(stm_tqueue_put(tx, world->ring, item));
    STM_TRY(stm_tqueue_get(tx, world->ring, &taken));
    for (size_t i = 0; i < BATCH + 2; i++) {
        STM_TRY(stm_tpriorityqueue_push(tx, world->urgent, (int64_t)i % 3, item,
                                        &ticket));
        STM_TRY(stm_tqueue_put(tx, world->line, item));
    }
    STM_TRY(stm_tpriorityqueue_pop(tx, world->urgent, &taken, NULL));
    STM_TRY(stm_tpriorityqueue_remove(tx, world->urgent, &ticket, &taken));
    STM_TRY(stm_tqueue_get(tx, world->line, &taken));
    return stm_tqueue_get(tx, world->line, &taken);
}

static enum stm_status change_body(struct stm_tx *tx, void *argument)
{
    struct world *world = argument;
    stm_value item = sweep_object(world->expected + BATCH);
    enum stm_status status = use_queues(tx, world, item);
    struct stm_seq *names;

    if (status == STM_OK)
        status = stm_tobject_names(tx, world->object, &names);
    if (status == STM_OK)
        stm_seq_release(names);
    if (status == STM_OK)
        status = stm_tobject_set(tx, world->object, "temporary", item);
    if (status == STM_OK)
        status = stm_tobject_set(tx, world->object, "size", item);
    if (status == STM_OK)
        status = stm_tobject_remove(tx, world->object, "temporary");
    if (status == STM_OK)
        status = end_future(tx, item);
    counted_drop(item);
    return status;
}

static enum stm_status undone_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(change_body(tx, argument));
    return STM_EABORT;
}

static enum stm_status scenario_body(struct stm_tx *tx, void *argument)
{
    enum stm_status status = stm_atomically(undone_body, argument);

    return status == STM_EABORT ? change_body(tx, argument) : status;
}

static enum stm_status check_body(struct stm_tx *tx, void *argument)
{
    struct world *world = argument;
    size_t urgent, line, ring, names;
    struct stm_seq *seq;
    stm_value value;

    STM_TRY(stm_tpriorityqueue_length(tx, world->urgent, &urgent));
    STM_TRY(stm_tqueue_length(tx, world->line, &line));
    STM_TRY(stm_tqueue_length(tx, world->ring, &ring));
    STM_TRY(stm_tobject_names(tx, world->object, &seq));
    names = stm_seq_length(seq);
    stm_seq_release(seq);
    EXPECT(urgent == world->expected && line == world->expected && ring == 0 &&
               names == (world->expected != 0),
           "half-committed: size %zu, queues of %zu, %zu and %zu, %zu names",
           (size_t)world->expected, urgent, line, ring, names);
    if (!names)
        return STM_OK;
    STM_TRY(stm_tobject_get(tx, world->object, "size", &value));
    EXPECT(counted_number(value) == world->expected,
           "half-committed: size %zu, but the field is %zu",
           (size_t)world->expected, (size_t)counted_number(value));
    return STM_OK;
}

static void note_commit(void *context)
{
    ((struct world *)context)->expected += BATCH;
}

int main(void)
{
    struct world world;
    const struct sweep sweep = {.name = "objects",
                                .init = world_init,
                                .fini = world_fini,
                                .body = scenario_body,
                                .check = check_body,
                                .commit = note_commit,
                                .world = &world,
                                .least = 20};

    return sweep_main("nomem objects", &sweep, 1);
}
