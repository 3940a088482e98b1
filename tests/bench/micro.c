/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "bench.h"

#include "system.h"

/* Transactions of 1 to 1000 reads, writes, or reads and writes of variables
 * that only their own thread uses. */
#define VARIABLES 1000
#define BATCH 64 /* operations between two looks at the clock's flag */

struct accesses {
    struct tm_word *words;
    size_t count;
    stm_value value;
};

static TM_INLINE enum stm_status read_all(struct stm_tx *tx, void *argument)
{
    struct accesses *accesses = argument;
    stm_value value, sum = 0;

    for (size_t i = 0; i < accesses->count; i++) {
        STM_TRY(tm_get(tx, &accesses->words[i], &value));
        sum += value;
    }
    accesses->value = sum;
    return STM_OK;
}

static TM_INLINE enum stm_status write_all(struct stm_tx *tx, void *argument)
{
    struct accesses *accesses = argument;

    for (size_t i = 0; i < accesses->count; i++)
        STM_TRY(tm_put(tx, &accesses->words[i], accesses->value));
    return STM_OK;
}

static TM_INLINE enum stm_status add_to_all(struct stm_tx *tx, void *argument)
{
    struct accesses *accesses = argument;
    stm_value value;

    for (size_t i = 0; i < accesses->count; i++) {
        STM_TRY(tm_get(tx, &accesses->words[i], &value));
        STM_TRY(tm_put(tx, &accesses->words[i], value + 1));
    }
    return STM_OK;
}

static __attribute__((noinline)) stm_value do_read(struct tm_word *words,
                                                   size_t count)
{
    struct accesses accesses = {words, count, 0};

    tm_atomically(read_all, &accesses);
    return accesses.value;
}

static __attribute__((noinline)) void do_write(struct tm_word *words,
                                               size_t count, stm_value value)
{
    struct accesses accesses = {words, count, value};

    tm_atomically(write_all, &accesses);
}

static __attribute__((noinline)) void do_add(struct tm_word *words,
                                             size_t count)
{
    struct accesses accesses = {words, count, 0};

    tm_atomically(add_to_all, &accesses);
}

static struct tm_word *all_words[WORKERS_MAX];

static void prepare(const struct workload *workload) { (void)workload; }

static void enter(struct worker *worker)
{
    struct tm_word *words = allocate(VARIABLES * sizeof *words);

    for (size_t i = 0; i < VARIABLES; i++)
        tm_word_init(&words[i], i);
    worker->data = all_words[worker->index] = words;
}

static uint64_t work_read(struct worker *worker)
{
    size_t count = worker->workload->size;
    uint64_t operations;

    for (operations = 0; !stopped(); operations += BATCH)
        for (size_t i = 0; i < BATCH; i++)
            if (do_read(worker->data, count) != count * (count - 1) / 2)
                worker->wrong = true;
    return operations;
}

static uint64_t work_write(struct worker *worker)
{
    uint64_t operations;

    for (operations = 0; !stopped(); operations += BATCH)
        for (size_t i = 0; i < BATCH; i++)
            do_write(worker->data, worker->workload->size, i);
    worker->tally = operations ? BATCH - 1 : 0; /* 0: nothing was written */
    return operations;
}

static uint64_t work_add(struct worker *worker)
{
    uint64_t operations;

    for (operations = 0; !stopped(); operations += BATCH)
        for (size_t i = 0; i < BATCH; i++)
            do_add(worker->data, worker->workload->size);
    worker->tally = operations;
    return operations;
}

/* Has each variable what it began with, what was written last, or as much more
 * as there were operations? */
static bool is_right(const struct worker *workers, size_t count)
{
    size_t touched;
    stm_value wanted;

    for (size_t i = 0; i < count; i++) {
        touched = workers[i].workload->size;
        for (size_t k = 0; k < VARIABLES; k++) {
            wanted = k;
            if (k < touched && workers[i].workload->work != work_write)
                wanted += workers[i].tally;
            else if (k < touched && workers[i].tally)
                wanted = workers[i].tally;
            if (tm_peek(&all_words[i][k]) != wanted)
                return false;
        }
    }
    return true;
}

#define MICRO(kind, accesses)                                                  \
    {                                                                          \
        .name = #kind #accesses, .size = accesses, .prepare = prepare,         \
        .enter = enter, .work = work_##kind, .is_right = is_right              \
    }
#define work_rw work_add

const struct workload micro_workloads[] = {
    MICRO(read, 1),  MICRO(read, 10),  MICRO(read, 100),  MICRO(read, 1000),
    MICRO(write, 1), MICRO(write, 10), MICRO(write, 100), MICRO(rw, 1),
    MICRO(rw, 10),   MICRO(rw, 100),   MICRO(rw, 1000),   {.name = NULL},
};
