/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "block.h"

#define WARM_UP_ITEMS 8

static void pingpong_prepare(const struct workload *workload)
{
    (void)workload;
    turn_new();
}

static uint64_t pingpong_work(struct worker *worker)
{
    uint64_t passes = 0;

    if (worker->index == 0) {
        for (; !stopped(); passes++)
            turn_pass(0, false);
        turn_pass(0, true);
    } else {
        while (turn_pass(1, false))
            passes++;
    }
    worker->tally = passes;
    return worker->index == 0 ? passes : 0;
}

static bool pingpong_is_right(const struct worker *workers, size_t count)
{
    return count == 2 && workers[0].tally == workers[1].tally;
}

static void queue_prepare(const struct workload *workload)
{
    buffer_new(workload->size);
}

static uint64_t queue_work(struct worker *worker)
{
    stm_value item;

    if (worker->index == 0) {
        for (item = 1; !stopped(); item++)
            buffer_put(item);
        worker->tally = item - 1;
        worker->ended = now_ns();
        buffer_put(BLOCK_END);
        return worker->tally;
    }
    while ((item = buffer_take()) != BLOCK_END)
        worker->wrong = worker->wrong || item != ++worker->tally;
    return 0;
}

static bool queue_is_right(const struct worker *workers, size_t count)
{
    return count == 2 && workers[0].tally == workers[1].tally;
}

/* wake1ofN has one cell, wakeown1ofN has one for each that waits. */
static void wake_prepare(const struct workload *workload)
{
    (void)workload;
    cells_new(1);
}

static void own_prepare(const struct workload *workload)
{
    cells_new(workload->size);
}

static uint64_t take_all(struct worker *worker, size_t cell)
{
    while (cell_take(cell) != BLOCK_END)
        worker->tally++;
    return 0;
}

static void hand_any(struct worker *worker) { cell_put(0, ++worker->tally); }

static void hand_own(struct worker *worker, size_t cell)
{
    cell_put(cell, ++worker->tally);
    cell_settle(cell);
}

/* Lets the threads come to wait before the time runs. */
static void wake_warm_up(struct worker *worker)
{
    for (size_t i = 0; i < WARM_UP_ITEMS; i++)
        hand_any(worker);
}

static void own_warm_up(struct worker *worker)
{
    for (size_t i = 0; i < worker->workload->size; i++)
        hand_own(worker, i);
}

static uint64_t wake_work(struct worker *worker)
{
    uint64_t operations;

    if (worker->index > 0)
        return take_all(worker, 0);
    for (operations = 0; !stopped(); operations++)
        hand_any(worker);
    cell_settle(0);
    worker->ended = now_ns();
    cell_put(0, BLOCK_END);
    return operations;
}

static uint64_t own_work(struct worker *worker)
{
    size_t count = worker->workload->size;
    uint64_t operations;

    if (worker->index > 0)
        return take_all(worker, worker->index - 1);
    for (operations = 0; !stopped(); operations++)
        hand_own(worker, draw(&worker->random) % count);
    worker->ended = now_ns();
    for (size_t i = 0; i < count; i++)
        cell_put(i, BLOCK_END);
    return operations;
}

/* Were as many items taken as were put? */
static bool wake_is_right(const struct worker *workers, size_t count)
{
    uint64_t taken = 0;

    for (size_t i = 1; i < count; i++)
        taken += workers[i].tally;
    return taken == workers[0].tally;
}

#define QUEUE(places)                                                          \
    {                                                                          \
        .name = "queue" #places, .size = places, .threads = 2,                 \
        .prepare = queue_prepare, .work = queue_work,                          \
        .is_right = queue_is_right                                             \
    }
#define WAKE(kind, prefix, count)                                              \
    {                                                                          \
        .name = prefix #count, .size = count, .threads = 2,                    \
        .sleepers = count - 1, .prepare = kind##_prepare,                      \
        .warm_up = kind##_warm_up, .work = kind##_work,                        \
        .is_right = wake_is_right                                              \
    }

const struct workload block_workloads[] = {
    {.name = "pingpong",
     .threads = 2,
     .prepare = pingpong_prepare,
     .work = pingpong_work,
     .is_right = pingpong_is_right},
    QUEUE(1),
    QUEUE(16),
    QUEUE(1024),
    WAKE(wake, "wake1of", 64),
    WAKE(wake, "wake1of", 1000),
    WAKE(own, "wakeown1of", 64),
    WAKE(own, "wakeown1of", 1000),
    {.name = NULL},
};
