/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* This library's pool: in the benchmarks, and in an experiment.
 *
 * The experiment counts how often a pool's transactions retry, for each way to
 * hand a task over.  All threads are there and idle when it begins.  Saturated,
 * all tasks are added at once, and each takes a moment; else one is added when
 * the one before has ended, so that most threads stay idle. */
#include "poolbench.h"

#include <stdio.h>
#include <time.h>

#include <stm-pool.h>

static void run(stm_value task, void *context)
{
    (void)task, (void)context;
    bench_task_done();
}

static void must(enum stm_status status)
{
    if (status != STM_OK)
        bench_fail(stm_strstatus(status));
}

static void await_idle(struct stm_pool *pool, size_t threads);

static void *make_plain(size_t threads, bool warm)
{
    const struct stm_pool_config config = {.max_threads = threads,
                                           .min_threads = warm ? threads : 0,
                                           .keep_alive = STM_FOREVER,
                                           .run = run};
    struct stm_pool *pool;

    must(stm_pool_new(&config, &pool));
    if (warm)
        await_idle(pool, threads);
    return pool;
}

static void push_plain(void *pool) { must(stm_pool_submit(pool, 0)); }

struct batch {
    struct stm_pool *pool;
    size_t count;
};

static enum stm_status push_all(struct stm_tx *tx, void *argument)
{
    const struct batch *batch = argument;

    for (size_t i = 0; i < batch->count; i++)
        STM_TRY(stm_tlist_append(tx, stm_pool_tasks(batch->pool), 0));
    return STM_OK;
}

static void push_many(void *pool, size_t count)
{
    struct batch batch = {pool, count};

    must(stm_atomically(push_all, &batch));
}

static void end(void *pool) { must(stm_pool_free(pool)); }

static const struct bench_system plain = {"stm", make_plain, push_plain,
                                          push_many, end};

/* ---- with a future for each task ---- */

static void *make_futures(size_t threads, bool warm)
{
    const struct stm_pool_config config = {.max_threads = threads,
                                           .min_threads = warm ? threads : 0,
                                           .keep_alive = STM_FOREVER,
                                           .futures = true};
    struct stm_pool *pool;

    must(stm_pool_new(&config, &pool));
    return pool;
}

static enum stm_status run_future(stm_value argument, stm_value *result)
{
    *result = argument;
    bench_task_done();
    return STM_OK;
}

static void push_future(void *pool)
{
    const struct stm_pool_work work = {.function = run_future};
    struct stm_pool_future *future = stm_pool_future_new(&work);

    if (future == NULL)
        must(STM_ENOMEM);
    must(stm_pool_submit(pool, (stm_value)future));
    stm_pool_future_release(future);
}

static const struct bench_system futures = {"futures", make_futures,
                                            push_future, NULL, end};

#ifdef HAVE_GLIB
extern const struct bench_system bench_glib;
#endif

const struct bench_system *const bench_systems[] = {&plain, &futures,
#ifdef HAVE_GLIB
                                                    &bench_glib,
#endif
                                                    NULL};

/* ---- the experiment ---- */

static void run_shortly(stm_value task, void *context)
{
    const struct timespec moment = {.tv_nsec = (long)task};

    (void)context;
    if (task != 0)
        nanosleep(&moment, NULL);
}

/* All threads sleep, having asked for a task once. */
static void await_idle(struct stm_pool *pool, size_t threads)
{
    struct stm_stats before, now;
    const struct timespec moment = {.tv_nsec = 5000000};
    size_t live;

    stm_stats_read(&now);
    do {
        before = now;
        nanosleep(&moment, NULL);
        must(stm_pool_live(pool, &live));
        stm_stats_read(&now);
    } while (live < threads || now.retries != before.retries);
}

struct case_of {
    enum stm_pool_handover handover;
    size_t threads, tasks;
    bool saturated;
};

struct load {
    struct stm_pool *pool;
    size_t tasks;
};

enum { MOMENT = 200000 /* ns that a task takes */ };

static enum stm_status add_all(struct stm_tx *tx, void *argument)
{
    const struct load *load = argument;

    for (size_t i = 0; i < load->tasks; i++)
        STM_TRY(stm_tlist_append(tx, stm_pool_tasks(load->pool), MOMENT));
    return STM_OK;
}

static uint64_t count_retries(const struct case_of *which)
{
    static int number;
    char name[64];
    const struct stm_pool_config config = {.max_threads = which->threads,
                                           .min_threads = which->threads,
                                           .keep_alive = STM_FOREVER,
                                           .run = run_shortly,
                                           .handover = which->handover,
                                           .name = name};
    struct load load = {.tasks = which->tasks};
    struct stm_stats stats;

    snprintf(name, sizeof name, "case %d", number++);
    must(stm_pool_new(&config, &load.pool));
    await_idle(load.pool, which->threads);
    if (which->saturated)
        must(stm_atomically(add_all, &load));
    for (size_t i = 0; !which->saturated && i < which->tasks; i++) {
        must(stm_pool_submit(load.pool, 0));
        must(stm_pool_join(load.pool, STM_FOREVER));
    }
    must(stm_pool_join(load.pool, STM_FOREVER));
    must(stm_pool_free(load.pool));
    stm_stats_read_name(name, &stats);
    return stats.retries;
}

static void print_case(struct case_of *which)
{
    static const enum stm_pool_handover handovers[] = {
        STM_POOL_COARSE, STM_POOL_SHARED_LIST, STM_POOL_HAND_OFF};

    printf("%7zu %6zu  %-9s", which->threads, which->tasks,
           which->saturated ? "yes" : "no");
    for (int i = 0; i < 3; i++) {
        which->handover = handovers[i];
        printf(" %10llu", (unsigned long long)count_retries(which));
        fflush(stdout);
    }
    printf(" %10zu\n", which->tasks + which->threads + 50);
}

void bench_retries(bool quick)
{
    static const size_t threads[] = {10, 30, 100, 300};
    static const size_t tasks[] = {100, 300, 1000};

    printf("%7s %6s  %-9s %10s %10s %10s %10s\n", "threads", "tasks",
           "saturated", "coarse", "shared", "hand-off", "its limit");
    for (int i = 0; i < (quick ? 1 : 4); i++)
        for (int j = 0; j < (quick ? 1 : 3); j++)
            for (int saturated = 1; saturated >= 0; saturated--) {
                struct case_of which = {.threads = threads[i],
                                        .tasks = tasks[j],
                                        .saturated = saturated};

                print_case(&which);
            }
}
