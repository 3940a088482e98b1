/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_POOL_STORM_H
#define TESTS_UNIT_POOL_STORM_H

#include <stm-pool.h>

#include "support.h"

/* A pool in which everything happens at once.  Several threads schedule tasks
 * in every way there is, in attempts that are undone, too; tasks schedule
 * others, wait and end their threads; somebody changes the size of the pool,
 * pauses it and takes tasks back.  What became of each task is noted. */

/* Each is added to the task's notes where it happens. */
enum {
    RAN = 1,           /* it was called */
    GIVEN_UP = 1 << 8, /* cancelled or dropped: that committed */
    EXITED = 1 << 16,  /* it counts as having ended its thread */
    REFUSED = 1 << 24, /* the pool did not take it */
    TOLD = 1 << 28     /* the pool has told of its end */
};

/* What the tasks are. */
enum storm_tasks { PLAIN, FUTURES, MIXED };

struct storm;

struct task {
    struct storm *storm;
    struct stm_pool_future *future; /* what it is or stands for, or NULL */
    uint64_t whim;                  /* a number that what it does is drawn of */
    AO_t notes;
    AO_t submitted; /* that has committed */
    bool adopted;   /* it was put into the list without asking the pool */
};

struct storm {
    struct stm_pool *pool;
    enum storm_tasks kind;
    uint64_t seed;
    struct task *tasks;
    size_t count;
    AO_t next;                   /* the first task that nobody has taken yet */
    AO_t feeders;                /* threads that still schedule */
    AO_t finalized;              /* has the pool been? */
    AO_t exits;                  /* tasks that ended their threads */
    bool counted;                /* is there ... */
    struct stm_pool_stats stats; /* ... what the pool said in the end? */
};

/* How the tasks get to the workers, and what they are, is given; everything
 * else about the pool and its end is drawn of the seed. */
struct storm_plan {
    enum stm_pool_handover handover;
    bool heap;
    enum storm_tasks kind;
};

/* Lets one storm of so many tasks pass, and expects each task to have come to
 * exactly one end, which the pool has counted.  Returns how many tasks ended
 * their threads. */
size_t storm_pass(const struct storm_plan *plan, size_t count, uint64_t seed);

/* ---- within the storm: pool_feed.c ---- */

/* A draw of less than `limit`. */
size_t drawn(uint64_t *whim, size_t limit);

/* Schedules a task in one of the ways there are. */
void storm_schedule(struct task *task);

/* The next task that nobody has taken, or NULL. */
struct task *storm_take(struct storm *storm);

#endif
