/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "bench.h"

#include "system.h"

/* Transfers between any two of 1024 accounts; with bank-sum20, one operation
 * in five adds up all of them, which must be 0. */
#define ACCOUNTS 1024

static struct tm_word *accounts;

struct transfer {
    struct tm_word *from, *to;
};

static TM_INLINE enum stm_status transfer(struct stm_tx *tx, void *argument)
{
    struct transfer *between = argument;
    stm_value value;

    STM_TRY(tm_get(tx, between->from, &value));
    STM_TRY(tm_put(tx, between->from, value - 1));
    STM_TRY(tm_get(tx, between->to, &value));
    return tm_put(tx, between->to, value + 1);
}

static TM_INLINE enum stm_status sum_all(struct stm_tx *tx, void *argument)
{
    stm_value *out = argument, value, sum = 0;

    for (size_t i = 0; i < ACCOUNTS; i++) {
        STM_TRY(tm_get(tx, &accounts[i], &value));
        sum += value;
    }
    *out = sum;
    return STM_OK;
}

static __attribute__((noinline)) void do_transfer(struct tm_word *from,
                                                  struct tm_word *to)
{
    struct transfer between = {from, to};

    tm_atomically(transfer, &between);
}

static __attribute__((noinline)) stm_value do_sum(void)
{
    stm_value sum = 0;

    tm_atomically(sum_all, &sum);
    return sum;
}

static void prepare(const struct workload *workload)
{
    (void)workload;
    accounts = allocate(ACCOUNTS * sizeof *accounts);
    for (size_t i = 0; i < ACCOUNTS; i++)
        tm_word_init(&accounts[i], 0);
}

static uint64_t work(struct worker *worker)
{
    uint64_t operations, choice;
    size_t from, to;

    for (operations = 0; !stopped(); operations++) {
        choice = draw(&worker->random);
        if (choice % 100 < worker->workload->size) {
            worker->wrong = worker->wrong || do_sum() != 0;
            continue;
        }
        choice = draw(&worker->random);
        from = (choice & 0xffffff) % ACCOUNTS;
        to = (choice >> 24) % (ACCOUNTS - 1);
        to += to >= from;
        do_transfer(&accounts[from], &accounts[to]);
    }
    return operations;
}

static bool is_right(const struct worker *workers, size_t count)
{
    stm_value sum = 0;

    (void)workers;
    (void)count;
    for (size_t i = 0; i < ACCOUNTS; i++)
        sum += tm_peek(&accounts[i]);
    return sum == 0;
}

#define BANK .prepare = prepare, .work = work, .is_right = is_right

const struct workload bank_workloads[] = {
    {.name = "bank", .size = 0, BANK},
    {.name = "bank-sum20", .size = 20, BANK},
    {.name = NULL},
};
