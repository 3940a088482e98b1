/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "container.h"

static void queue_prepare(const struct workload *workload)
{
    (void)workload;
    queue_new();
    for (stm_value item = 1; item <= QUEUE_ITEMS; item++)
        queue_put(item);
}

/* What a worker has in hand counts as an item. */
static uint64_t queue_work(struct worker *worker)
{
    stm_value item = QUEUE_ITEMS + 1 + worker->index;
    uint64_t operations;

    for (operations = 0; !stopped(); operations += 2) {
        queue_put(item);
        item = queue_take();
        worker->wrong = worker->wrong || !item;
    }
    worker->tally = item;
    return operations;
}

/* Is each item still there, once? */
static bool queue_is_right(const struct worker *workers, size_t count)
{
    size_t all = QUEUE_ITEMS + count;
    uint64_t seen[(QUEUE_ITEMS + WORKERS_MAX) / 64 + 1] = {0};
    stm_value item;

    for (size_t i = 0; i < all; i++) {
        item = i < count ? workers[i].tally : queue_take();
        if (item < 1 || item > all || seen[item / 64] >> item % 64 & 1)
            return false;
        seen[item / 64] |= UINT64_C(1) << item % 64;
    }
    return queue_take() == 0;
}

static void dict_prepare(const struct workload *workload)
{
    (void)workload;
    dict_new();
    for (stm_value key = 1; key <= DICT_KEYS; key++)
        dict_set(key, key);
}

/* The value of a key is the key and any multiple of DICT_KEYS more. */
static bool belongs(stm_value key, stm_value value)
{
    return value >= key && (value - key) % DICT_KEYS == 0;
}

static uint64_t get_work(struct worker *worker)
{
    uint64_t operations;
    stm_value key;

    for (operations = 0; !stopped(); operations++) {
        key = 1 + draw(&worker->random) % DICT_KEYS;
        worker->wrong = worker->wrong || !belongs(key, dict_get(key));
    }
    return operations;
}

static uint64_t set_work(struct worker *worker)
{
    uint64_t operations;
    stm_value key;

    for (operations = 0; !stopped(); operations++) {
        key = 1 + draw(&worker->random) % DICT_KEYS;
        worker->tally = key + DICT_KEYS * (1 + operations % 1000);
        dict_set(key, worker->tally);
    }
    return operations;
}

/* Has the key that a worker set last a value that was set; with one worker, is
 * it the last one? */
static bool last_is_right(uint64_t last, size_t count)
{
    stm_value value;

    if (last == 0)
        return true;
    value = dict_get((last - 1) % DICT_KEYS + 1);
    return count == 1 ? value == last : value > DICT_KEYS;
}

static bool dict_is_right(const struct worker *workers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!last_is_right(workers[i].tally, count))
            return false;
    for (stm_value key = 1; key <= DICT_KEYS; key++)
        if (!belongs(key, dict_get(key)))
            return false;
    return dict_length() == DICT_KEYS;
}

#define DICT .prepare = dict_prepare, .is_right = dict_is_right

const struct workload container_workloads[] = {
    {.name = "tlist-queue",
     .prepare = queue_prepare,
     .work = queue_work,
     .is_right = queue_is_right},
    {.name = "tdict-get", .work = get_work, DICT},
    {.name = "tdict-set", .work = set_work, DICT},
    {.name = NULL},
};
