/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_CALM_H
#define TESTS_BENCH_CALM_H

#include <stdbool.h>

/* What others do on the machine meanwhile, by /proc/stat; where there is none,
 * they do nothing. */
struct calm {
    double begun; /* the moments are in seconds */
    double busy;  /* how long processors have been busy by then */
    double own;   /* of that, with ended children of this program */
};

void calm_begin(struct calm *calm);

/* Did others use more than a twentieth of one processor since then? */
bool calm_was_broken(const struct calm *calm);

/* Waits for a short time in which no processor is busy, at most until then. */
void calm_await(double until);

/* The monotonic clock, in seconds. */
double seconds_now(void);

#endif
