/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_TIMER_INTERNAL_H
#define STM_TIMER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

/* A set of timers, the earliest first: a pairing heap for each clock, made of
 * the timers themselves, so that no operation needs memory.  Adding is O(1),
 * taking out O(log n) amortized.  Plain data: whoever shares a set locks it. */

enum stm__clock_kind { STM__MONOTONIC, STM__WALL, STM__CLOCKS };

/* A timer's place in the heap of one clock. */
struct stm__heap_node {
    uint64_t time; /* ns; STM_FOREVER: not in the heap */
    struct stm__heap_node *child;
    struct stm__heap_node *next;  /* sibling */
    struct stm__heap_node **link; /* what points at this node */
};

struct stm__timer {
    struct stm__heap_node nodes[STM__CLOCKS];

    /* The service's, all under its lock but for `due`, which is constant: see
     * service-internal.h. */
    uint64_t generation;
    uint64_t era;
    void (*due)(struct stm__timer *timer, uint64_t generation);
};

struct stm__timers {
    struct stm__heap_node *roots[STM__CLOCKS];
};

/* Adds a timer, which is in no set, for each clock with a time that is not
 * STM_FOREVER. */
void stm__timers_add(struct stm__timers *timers, struct stm__timer *timer,
                     const uint64_t times[STM__CLOCKS]);

/* Takes a timer out of the set that it is in. */
void stm__timers_remove(struct stm__timers *timers, struct stm__timer *timer);

/* The earliest timer by that clock; NULL: none. */
struct stm__timer *stm__timers_first(const struct stm__timers *timers,
                                     enum stm__clock_kind clock);

/* When that timer is due; STM_FOREVER: never. */
uint64_t stm__timers_next(const struct stm__timers *timers,
                          enum stm__clock_kind clock);

#endif
