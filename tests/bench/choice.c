/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "choice.h"

#define BATCH 16 /* operations between two looks at the time */

static struct choice *choices[WORKERS_MAX];

static void prepare(const struct workload *workload) { (void)workload; }

static void enter(struct worker *worker)
{
    struct choice *choice = choice_new(worker->workload->size);

    worker->data = choices[worker->index] = choice;
}

static uint64_t work_or_else(struct worker *worker)
{
    uint64_t operations;

    for (operations = 0; !stopped(); operations += BATCH)
        for (size_t i = 0; i < BATCH; i++)
            choice_or_else(worker->data);
    worker->tally = operations;
    return operations;
}

static uint64_t work_nested(struct worker *worker)
{
    uint64_t operations;

    for (operations = 0; !stopped(); operations += BATCH)
        for (size_t i = 0; i < BATCH; i++)
            choice_nested(worker->data);
    worker->tally = operations;
    return operations;
}

/* Has each variable that is added to the number of operations, and every other
 * one what it had? */
static bool is_right(const struct worker *workers, size_t count)
{
    size_t from, to;

    for (size_t i = 0; i < count; i++) {
        from = workers[i].workload->size;
        to = from + 1;
        if (workers[i].workload->work == work_nested) {
            from = 0;
            to = CHOICE_LEVELS;
        }
        for (size_t k = 0; k < CHOICE_VARIABLES; k++)
            if (tm_peek(&choices[i]->words[k]) !=
                (k >= from && k < to ? workers[i].tally : 0))
                return false;
    }
    return true;
}

#define CHOICE .prepare = prepare, .enter = enter, .is_right = is_right

const struct workload choice_workloads[] = {
    {.name = "orelse1", .size = 1, .work = work_or_else, CHOICE},
    {.name = "orelse10", .size = 10, .work = work_or_else, CHOICE},
    {.name = "orelse100", .size = 100, .work = work_or_else, CHOICE},
    {.name = "nested10", .work = work_nested, CHOICE},
    {.name = NULL},
};
