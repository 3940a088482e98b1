/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "container.h"

/* One transaction an operation.  The items and keys in hand when the time is
 * over count as what they were made from: nothing may be lost or there twice.
 *
 * tlist-queue       each worker appends to one list of 64 items, and takes from
 *                   its front, in turn
 * tlist-append-pop  the same at the end, with 1,000 items
 * tlist-get         looks up the item at an index of 1,000
 * tlist-iterate     adds all of 1,000 items up
 * tdict-get         looks up the value of one of 4,096 keys
 * tdict-set         replaces it
 * tset-add-remove   each worker adds a key of its own to 4,096 others, and
 *                   removes it, in turn
 * tpqueue           each worker pushes an item, of some priority, to 1,000
 *                   others, and pops the first one, in turn
 */

#define KEYS 4096
#define ITEMS_MAX 1000

/* ---- lists and the priority queue: items that go round ---- */

static void list_prepare(const struct workload *workload)
{
    struct request request = {.value = 0};

    container_new();
    while (request.value++ < workload->size)
        tm_atomically(list_append, &request);
}

/* Notes an item as seen; was it to be expected, and not seen before? */
static bool is_new(uint64_t *seen, stm_value item, size_t count)
{
    uint64_t bit = UINT64_C(1) << item % 64;
    bool so = item >= 1 && item <= count && !(seen[item / 64] & bit);

    if (so)
        seen[item / 64] |= bit;
    return so;
}

static uint64_t queue_work(struct worker *worker)
{
    struct request request = {.value =
                                  worker->workload->size + 1 + worker->index};
    uint64_t operations;

    for (operations = 0; !stopped(); operations += 2) {
        tm_atomically(list_append, &request);
        tm_atomically(list_pop_front, &request);
        worker->wrong = worker->wrong || !request.value;
    }
    worker->tally = request.value;
    return operations;
}

static uint64_t append_pop_work(struct worker *worker)
{
    struct request request = {.value =
                                  worker->workload->size + 1 + worker->index};
    uint64_t operations;

    for (operations = 0; !stopped(); operations += 2) {
        tm_atomically(list_append, &request);
        tm_atomically(list_pop_back, &request);
        worker->wrong = worker->wrong || !request.value;
    }
    worker->tally = request.value;
    return operations;
}

/* Is each item still there, once? */
static bool list_is_right(const struct worker *workers, size_t count)
{
    uint64_t seen[(ITEMS_MAX + WORKERS_MAX) / 64 + 1] = {0};
    size_t all_items = workers[0].workload->size + count;
    struct request request;

    for (size_t i = 0; i < count; i++)
        if (!is_new(seen, workers[i].tally, all_items))
            return false;
    for (size_t i = count; i < all_items; i++) {
        tm_atomically(list_pop_front, &request);
        if (!is_new(seen, request.value, all_items))
            return false;
    }
    tm_atomically(list_pop_front, &request);
    return request.value == 0;
}

static void heap_prepare(const struct workload *workload)
{
    uint64_t random = UINT64_C(88172645463325252);
    struct request request;

    container_new();
    for (size_t i = 1; i <= workload->size; i++) {
        request.key = draw(&random) % PRIORITIES;
        request.value = i;
        tm_atomically(heap_push, &request);
    }
}

static uint64_t heap_work(struct worker *worker)
{
    struct request request = {.value =
                                  worker->workload->size + 1 + worker->index};
    uint64_t operations;

    for (operations = 0; !stopped(); operations += 2) {
        request.key = draw(&worker->random) % PRIORITIES;
        tm_atomically(heap_push, &request);
        tm_atomically(heap_pop, &request);
        worker->wrong = worker->wrong || !request.value;
    }
    worker->tally = request.value;
    return operations;
}

/* Is each item still there, once, in order? */
static bool heap_is_right(const struct worker *workers, size_t count)
{
    uint64_t seen[(ITEMS_MAX + WORKERS_MAX) / 64 + 1] = {0};
    size_t all_items = workers[0].workload->size + count;
    struct request request;
    stm_value last = 0;

    for (size_t i = 0; i < count; i++)
        if (!is_new(seen, workers[i].tally, all_items))
            return false;
    for (size_t i = count; i < all_items; i++) {
        tm_atomically(heap_pop, &request);
        if (!is_new(seen, request.value, all_items) || request.key < last)
            return false;
        last = request.key;
    }
    tm_atomically(heap_pop, &request);
    return request.value == 0;
}

/* ---- lists that stay as they are ---- */

static uint64_t list_get_work(struct worker *worker)
{
    struct request request;
    uint64_t operations;

    for (operations = 0; !stopped(); operations++) {
        request.key = draw(&worker->random) % worker->workload->size;
        tm_atomically(list_get, &request);
        worker->wrong = worker->wrong || request.value != request.key + 1;
    }
    return operations;
}

static uint64_t iterate_work(struct worker *worker)
{
    size_t size = worker->workload->size;
    struct request request;
    uint64_t operations;

    for (operations = 0; !stopped(); operations++) {
        tm_atomically(list_sum, &request);
        worker->wrong = worker->wrong || request.value != size * (size + 1) / 2;
    }
    return operations;
}

static bool list_is_as_it_was(const struct worker *workers, size_t count)
{
    struct request request;

    (void)count;
    for (size_t i = 1; i <= workers[0].workload->size; i++) {
        tm_atomically(list_pop_front, &request);
        if (request.value != i)
            return false;
    }
    tm_atomically(list_pop_front, &request);
    return request.value == 0;
}

/* ---- dictionaries ---- */

static void dict_prepare(const struct workload *workload)
{
    struct request request;

    (void)workload;
    container_new();
    for (stm_value key = 1; key <= KEYS; key++) {
        request.key = request.value = key;
        tm_atomically(dict_set, &request);
    }
}

static stm_value value_of(stm_value key)
{
    struct request request = {.key = key};

    tm_atomically(dict_get, &request);
    return request.value;
}

/* The value of a key is the key and any multiple of KEYS more. */
static bool belongs(stm_value key, stm_value value)
{
    return value >= key && (value - key) % KEYS == 0;
}

static uint64_t dict_get_work(struct worker *worker)
{
    uint64_t operations;
    stm_value key;

    for (operations = 0; !stopped(); operations++) {
        key = 1 + draw(&worker->random) % KEYS;
        worker->wrong = worker->wrong || !belongs(key, value_of(key));
    }
    return operations;
}

static uint64_t dict_set_work(struct worker *worker)
{
    struct request request;
    uint64_t operations;

    for (operations = 0; !stopped(); operations++) {
        request.key = 1 + draw(&worker->random) % KEYS;
        request.value = request.key + KEYS * (1 + operations % 1000);
        worker->tally = request.value;
        tm_atomically(dict_set, &request);
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
    value = value_of((last - 1) % KEYS + 1);
    return count == 1 ? value == last : value > KEYS;
}

static bool dict_is_right(const struct worker *workers, size_t count)
{
    struct request request;

    for (size_t i = 0; i < count; i++)
        if (!last_is_right(workers[i].tally, count))
            return false;
    for (stm_value key = 1; key <= KEYS; key++)
        if (!belongs(key, value_of(key)))
            return false;
    tm_atomically(dict_length, &request);
    return request.value == KEYS;
}

/* ---- sets ---- */

static void set_prepare(const struct workload *workload)
{
    struct request request;

    (void)workload;
    container_new();
    for (request.key = 1; request.key <= KEYS; request.key++)
        tm_atomically(set_add, &request);
}

static uint64_t set_work_alone(struct worker *worker)
{
    struct request request;
    uint64_t operations;

    for (operations = 0; !stopped(); operations += 2) {
        request.key = KEYS + 1 + worker->index +
                      WORKERS_MAX * (draw(&worker->random) % KEYS);
        tm_atomically(set_add, &request);
        worker->wrong = worker->wrong || !request.value;
        tm_atomically(set_remove, &request);
        worker->wrong = worker->wrong || !request.value;
    }
    return operations;
}

static bool set_is_as_it_was(const struct worker *workers, size_t count)
{
    struct request request;

    (void)workers;
    (void)count;
    for (request.key = 1; request.key <= KEYS; request.key++) {
        tm_atomically(set_has, &request);
        if (!request.value)
            return false;
    }
    tm_atomically(set_length, &request);
    return request.value == KEYS;
}

#define LIST .prepare = list_prepare
#define DICT .prepare = dict_prepare, .is_right = dict_is_right

const struct workload container_workloads[] = {
    {.name = "tlist-queue",
     .size = 64,
     .work = queue_work,
     .is_right = list_is_right,
     LIST},
    {.name = "tlist-append-pop",
     .size = ITEMS_MAX,
     .work = append_pop_work,
     .is_right = list_is_right,
     LIST},
    {.name = "tlist-get",
     .size = ITEMS_MAX,
     .work = list_get_work,
     .is_right = list_is_as_it_was,
     LIST},
    {.name = "tlist-iterate",
     .size = ITEMS_MAX,
     .work = iterate_work,
     .is_right = list_is_as_it_was,
     LIST},
    {.name = "tdict-get", .work = dict_get_work, DICT},
    {.name = "tdict-set", .work = dict_set_work, DICT},
    {.name = "tset-add-remove",
     .prepare = set_prepare,
     .work = set_work_alone,
     .is_right = set_is_as_it_was},
    {.name = "tpqueue",
     .size = ITEMS_MAX,
     .prepare = heap_prepare,
     .work = heap_work,
     .is_right = heap_is_right},
    {.name = NULL},
};
