/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "set.h"

#define UPDATES 20 /* percent */

void set_fill(const struct set *set)
{
    uint64_t random = UINT64_C(88172645463325252);
    long missing = set->range / 2;

    while (missing > 0)
        missing -= set->add(1 + (long)(draw(&random) % (uint64_t)set->range));
}

uint64_t set_work(const struct set *set, struct worker *worker)
{
    uint64_t operations, choice;
    long key, mine = 0;

    for (operations = 0; !stopped(); operations++) {
        choice = draw(&worker->random);
        key = 1 + (long)((choice >> 16) % (uint64_t)set->range);
        if (choice % 100 >= UPDATES) {
            set->has(key);
        } else if (!mine) {
            if (set->add(key))
                mine = key;
        } else {
            worker->wrong = worker->wrong || !set->take_out(mine);
            mine = 0;
        }
    }
    worker->tally = mine != 0;
    return operations;
}

bool set_is_right(const struct set *set, const struct worker *workers,
                  size_t count)
{
    long wanted = set->range / 2;

    for (size_t i = 0; i < count; i++)
        wanted += (long)workers[i].tally;
    return set->count() == wanted;
}
