/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_COLLECT_H
#define TESTS_BENCH_COLLECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The systems' programs, which lie in the folder of this one. */

/* Returns a string that the caller frees: where that system's program is, or
 * NULL if it was not built. */
char *program_of(const char *system);

/* Runs that program with up to three arguments (NULL: no more) until it ends,
 * or for that many seconds, after which it is killed.  Returns what it printed,
 * which the caller frees; NULL, after a message, if it failed. */
char *run_program(const char *path, const char *const arguments[3],
                  unsigned seconds);

/* The same for a run of a workload.  Returns the operations a second; a
 * negative number, after a message, if the run failed. */
double run_workload(const char *path, const char *workload, size_t threads,
                    size_t milliseconds, unsigned seconds);

#endif
