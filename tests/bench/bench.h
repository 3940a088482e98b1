/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <atomic_ops.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* The same workloads over several ways to keep shared data in order.
 *
 * A *system* is one such way: this library, gcc's transactional memory, one
 * lock over everything.  Each is a program of its own, bench-SYSTEM, made of
 * child.c, table.c and the workloads, which are compiled anew for each against
 * its adapter (system.h says what an adapter is).  `bench-SYSTEM --list` names
 * the workloads, and `bench-SYSTEM WORKLOAD THREADS MILLISECONDS` runs one for
 * that long, checks what it leaves behind, and prints how many operations a
 * second there were, of all threads together.  stmbench runs them in turn and
 * collects.
 *
 * A *workload* is a table of functions.  `prepare` makes the shared data, on
 * the first worker's thread, so that a system which does better while only one
 * thread ever had a transaction can; `enter` a worker's own.  Then all begin at
 * once: the first one with `warm_up`, and `work` runs operations until the time
 * is over. */

#define WORKERS_MAX 64
#define CACHE_LINE 64

struct workload;

struct worker {
    const struct workload *workload;
    size_t index;
    uint64_t random; /* the state of draw() */
    void *data;      /* what enter made */
    uint64_t tally;  /* what is_right adds up; its meaning is the workload's */
    uint64_t ended;  /* when work was over; 0: when it returned */
    double rate;     /* operations a second */
    bool wrong;      /* saw something that cannot be */
} __attribute__((aligned(2 * CACHE_LINE)));

struct workload {
    const char *name;
    size_t size;     /* how many accesses, branches, places or percent */
    size_t threads;  /* the only number of threads it runs on; 0: any */
    size_t sleepers; /* workers more than that, of which one at most is awake */

    void (*prepare)(const struct workload *workload);
    void (*enter)(struct worker *worker);   /* may be NULL */
    void (*warm_up)(struct worker *worker); /* may be NULL */

    /* Returns how many operations there were; what only takes part in those of
     * another worker returns 0. */
    uint64_t (*work)(struct worker *worker);

    /* Is everything as the operations should have left it? */
    bool (*is_right)(const struct worker *workers, size_t count);
};

/* The tables of this system, ended by NULL; in each, the last name is NULL. */
extern const struct workload *const workload_groups[];

extern const struct workload bank_workloads[];
extern const struct workload block_workloads[];
extern const struct workload choice_workloads[];
extern const struct workload container_workloads[];
extern const struct workload list_workloads[];
extern const struct workload micro_workloads[];
extern const struct workload tree_workloads[];

extern AO_t bench_stop; /* set when the time is over */

static inline bool stopped(void) { return AO_load(&bench_stop) != 0; }

static inline uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* The xorshift* sequence; the state is never 0. */
static inline uint64_t draw(uint64_t *state)
{
    uint64_t mix = *state;

    mix ^= mix << 13;
    mix ^= mix >> 7;
    mix ^= mix << 17;
    *state = mix;
    return mix * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

/* Memory of `size` bytes from the start of a page on; ends the program where
 * there is none. */
void *allocate(size_t size);

#endif
