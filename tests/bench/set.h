/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_SET_H
#define TESTS_BENCH_SET_H

#include "bench.h"

/* Sets of integers.  Four operations in five look for a key, the fifth adds one
 * or takes out the one that this worker added last; so half of the range stays
 * in the set. */
struct set {
    long range;                 /* the keys are from 1 to this */
    bool (*has)(long key);      /* is it in the set? */
    bool (*add)(long key);      /* false if it was there */
    bool (*take_out)(long key); /* false if it was not there */

    /* The number of keys, or -1 if the structure is not what it should be. */
    long (*count)(void);
};

/* Adds half of the range, always the same keys. */
void set_fill(const struct set *set);

uint64_t set_work(const struct set *set, struct worker *worker);
bool set_is_right(const struct set *set, const struct worker *workers,
                  size_t count);

#endif
