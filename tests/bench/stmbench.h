/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_STMBENCH_H
#define TESTS_BENCH_STMBENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUNS_MAX 1000

/* One workload of one system with one number of threads. */
struct row {
    const char *workload;
    const char *system;
    const char *program;
    size_t threads;
    size_t runs;   /* so far */
    double *rates; /* operations a second, one for each run */
};

/* Print the rows that have runs: as an array of objects, or for people. */
void print_json(struct row *rows, size_t count);
void print_table(struct row *rows, size_t count);

#endif
