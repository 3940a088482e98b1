/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "stmbench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct spread {
    double median, min, max;
};

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

static struct spread spread_of(struct row *row)
{
    size_t half = row->runs / 2;
    struct spread spread;

    qsort(row->rates, row->runs, sizeof *row->rates, compare);
    spread.min = row->rates[0];
    spread.max = row->rates[row->runs - 1];
    spread.median = row->rates[half];
    if (row->runs % 2 == 0)
        spread.median = (row->rates[half - 1] + row->rates[half]) / 2;
    return spread;
}

void print_json(struct row *rows, size_t count)
{
    const char *comma = "";
    struct spread spread;

    putchar('[');
    for (size_t i = 0; i < count; i++) {
        if (rows[i].runs == 0)
            continue;
        spread = spread_of(&rows[i]);
        printf("%s\n{\"workload\": \"%s\", \"system\": \"%s\", "
               "\"threads\": %zu, \"ops_per_s\": %.1f, \"min\": %.1f, "
               "\"max\": %.1f, \"runs\": %zu}",
               comma, rows[i].workload, rows[i].system, rows[i].threads,
               spread.median, spread.min, spread.max, rows[i].runs);
        comma = ",";
    }
    puts("\n]");
}

/* The median of the row that is this one's counterpart in the system "stm"; 0
 * if there is none. */
static double median_of_stm(struct row *rows, size_t count,
                            const struct row *row)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].runs > 0 && rows[i].threads == row->threads &&
            !strcmp(rows[i].system, "stm") &&
            !strcmp(rows[i].workload, row->workload))
            return spread_of(&rows[i]).median;
    return 0;
}

void print_table(struct row *rows, size_t count)
{
    struct spread spread;
    double stm;

    printf("%-16s %7s %-9s %12s %12s %12s %5s %12s %8s\n", "workload",
           "threads", "system", "ops/s", "min", "max", "runs", "ns/op/thread",
           "stm is");
    for (size_t i = 0; i < count; i++) {
        if (rows[i].runs == 0)
            continue;
        spread = spread_of(&rows[i]);
        stm = median_of_stm(rows, count, &rows[i]);
        printf("%-16s %7zu %-9s %12.0f %12.0f %12.0f %5zu ", rows[i].workload,
               rows[i].threads, rows[i].system, spread.median, spread.min,
               spread.max, rows[i].runs);
        if (spread.median > 0)
            printf("%12.1f ", 1e9 * (double)rows[i].threads / spread.median);
        else
            printf("%12s ", "-");
        if (spread.median > 0 && stm > 0)
            printf("%7.2fx\n", stm / spread.median);
        else
            printf("%8s\n", "-");
    }
}
