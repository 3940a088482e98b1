/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_POOLBENCH_H
#define TESTS_BENCH_POOLBENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ends the program with a message. */
_Noreturn void bench_fail(const char *what);

/* What every task of a benchmark does: nothing, but the last of them, and each
 * of a ping-pong, is told to whoever waits. */
void bench_expect(size_t tasks);
void bench_task_done(void);
void bench_await(void);

uint64_t bench_now(void);

/* A pool of some system, with all its threads there from the beginning where
 * `warm`.  push adds a task that calls bench_task_done; push_many may be NULL.
 */
struct bench_system {
    const char *name;
    void *(*make)(size_t threads, bool warm);
    void (*push)(void *pool);
    void (*push_many)(void *pool, size_t count);
    void (*end)(void *pool);
};

/* Those that are built in, ended by NULL. */
extern const struct bench_system *const bench_systems[];

/* Prints how often transactions retried, by hand-over, threads, tasks, and
 * whether there is always a task for each thread. */
void bench_retries(bool quick);

#endif
