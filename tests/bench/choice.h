/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_CHOICE_H
#define TESTS_BENCH_CHOICE_H

#include "bench.h"

#include "system.h"

/* Alternatives and nesting, over variables that only their own thread uses.
 *
 * orelseN: N branches in a row read a variable each and, as it is not what they
 * want, retry; the last one adds 1 to its own.  Where there is no or_else, they
 * are conditions in a row.
 *
 * nested10: ten transactions, each inside the one before, add 1 to a variable
 * each. */
#define CHOICE_BRANCHES_MAX 100
#define CHOICE_LEVELS 10
#define CHOICE_VARIABLES (CHOICE_BRANCHES_MAX + 1)

/* What a worker has; the system's own part comes after it. */
struct choice {
    struct tm_word words[CHOICE_VARIABLES];
    size_t branches;
};

/* Makes a worker's own.  What a branch reads is 0. */
struct choice *choice_new(size_t branches);

/* One transaction each. */
void choice_or_else(struct choice *choice);
void choice_nested(struct choice *choice);

#endif
