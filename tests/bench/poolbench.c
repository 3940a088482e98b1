/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* How many nanoseconds a pool takes for a task that does nothing, of this
 * library's and of GLib's, in turn.  Only ratios between systems of one run
 * mean something, and only where min and max lie close together. */
#include "poolbench.h"

#include <getopt.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <atomic_ops.h>

static const char program[] = "poolbench";

void bench_fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", program, what);
    exit(1);
}

/* ---- tasks ---- */

static struct {
    AO_t left;
    sem_t none;
} latch;

void bench_expect(size_t tasks) { AO_store_release(&latch.left, tasks); }

void bench_task_done(void)
{
    if (AO_fetch_and_sub1_full(&latch.left) == 1)
        sem_post(&latch.none);
}

void bench_await(void)
{
    while (sem_wait(&latch.none) != 0)
        continue;
}

uint64_t bench_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- benchmarks ---- */

typedef void work(const struct bench_system *system, void *pool, size_t tasks);

static void one_by_one(const struct bench_system *system, void *pool,
                       size_t tasks)
{
    bench_expect(tasks);
    for (size_t i = 0; i < tasks; i++)
        system->push(pool);
    bench_await();
}

enum { BATCH = 100 };

static void in_batches(const struct bench_system *system, void *pool,
                       size_t tasks)
{
    bench_expect(tasks);
    for (size_t left = tasks; left > 0;) {
        size_t count = left < BATCH ? left : BATCH;

        if (system->push_many != NULL)
            system->push_many(pool, count);
        for (size_t i = 0; system->push_many == NULL && i < count; i++)
            system->push(pool);
        left -= count;
    }
    bench_await();
}

static void there_and_back(const struct bench_system *system, void *pool,
                           size_t tasks)
{
    for (size_t i = 0; i < tasks; i++)
        one_by_one(system, pool, 1);
}

static const struct bench {
    const char *name;
    size_t threads;
    bool warm;      /* are they there, idle, from the beginning? */
    size_t divisor; /* of the number of tasks */
    work *work;
} benches[] = {
    {"submit", 1, false, 1, one_by_one},
    {"submit", 2, false, 1, one_by_one},
    {"submit", 4, false, 1, one_by_one},
    {"submit-idle", 300, true, 1, one_by_one},
    {"batch", 2, false, 1, in_batches},
    {"batch-idle", 300, true, 1, in_batches},
    {"pingpong", 2, false, 10, there_and_back},
};

enum { BENCHES = sizeof benches / sizeof benches[0], SYSTEMS = 4, RUNS = 99 };

struct row {
    double ns[RUNS]; /* for a task, of each run */
    size_t runs;
};

static double measure(const struct bench *bench,
                      const struct bench_system *system, size_t tasks)
{
    void *pool = system->make(bench->threads, bench->warm);
    uint64_t begin;
    double spent;

    bench->work(system, pool, 100);
    begin = bench_now();
    bench->work(system, pool, tasks);
    spent = (double)(bench_now() - begin);
    system->end(pool);
    return spent / (double)tasks;
}

/* ---- results ---- */

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

static double median(struct row *row)
{
    qsort(row->ns, row->runs, sizeof row->ns[0], compare);
    return (row->ns[(row->runs - 1) / 2] + row->ns[row->runs / 2]) / 2;
}

static void print_json(struct row rows[BENCHES][SYSTEMS])
{
    const char *comma = "";

    putchar('[');
    for (int i = 0; i < BENCHES; i++)
        for (int j = 0; bench_systems[j] != NULL; j++) {
            struct row *row = &rows[i][j];
            double middle = median(row);

            printf("%s\n{\"bench\": \"%s\", \"system\": \"%s\", "
                   "\"threads\": %zu, \"ns_per_op\": %.1f, \"min\": %.1f, "
                   "\"max\": %.1f, \"runs\": %zu}",
                   comma, benches[i].name, bench_systems[j]->name,
                   benches[i].threads, middle, row->ns[0],
                   row->ns[row->runs - 1], row->runs);
            comma = ",";
        }
    puts("\n]");
}

static void print_table(struct row rows[BENCHES][SYSTEMS])
{
    printf("%-12s %8s  %-8s %10s %10s %10s %7s\n", "bench", "threads", "system",
           "ns/task", "min", "max", "stm is");
    for (int i = 0; i < BENCHES; i++) {
        double own = median(&rows[i][0]);

        for (int j = 0; bench_systems[j] != NULL; j++) {
            struct row *row = &rows[i][j];
            double middle = median(row);

            printf("%-12s %8zu  %-8s %10.0f %10.0f %10.0f %6.2fx\n",
                   benches[i].name, benches[i].threads, bench_systems[j]->name,
                   middle, row->ns[0], row->ns[row->runs - 1], middle / own);
        }
    }
}

/* ---- the command ---- */

struct options {
    bool json, retries, quick;
    size_t runs, tasks;
};

static void print_help(void)
{
    printf("Usage: %s [--json] [--quick] [--runs N] [--tasks N] [--retries]\n"
           "Measures what a task that does nothing costs in thread pools.\n\n"
           "  --json     an array of rows, not a table\n"
           "  --quick    two runs of 1000 tasks; fewer cases of --retries\n"
           "  --runs N   runs of each, in turn (7)\n"
           "  --tasks N  tasks of a run (50000)\n"
           "  --retries  print how often transactions retry instead, by how "
           "tasks are\n"
           "             handed over\n"
           "  --help     print this\n",
           program);
}

static size_t parse_count(const char *text, size_t most)
{
    char *end;
    unsigned long count = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0' || count == 0 || count > most) {
        fprintf(stderr, "%s: '%s': expected a number from 1 to %zu\n", program,
                text, most);
        exit(2);
    }
    return count;
}

static struct options parse(int argc, char **argv)
{
    static const struct option known[] = {
        {"json", no_argument, NULL, 'j'},
        {"quick", no_argument, NULL, 'q'},
        {"runs", required_argument, NULL, 'r'},
        {"tasks", required_argument, NULL, 'n'},
        {"retries", no_argument, NULL, 'y'},
        {"help", no_argument, NULL, 'h'},
        {0}};
    struct options options = {.runs = 7, .tasks = 50000};
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'j':
            options.json = true;
            break;
        case 'q':
            options.quick = true;
            options.runs = 2;
            options.tasks = 1000;
            break;
        case 'r':
            options.runs = parse_count(optarg, RUNS);
            break;
        case 'n':
            options.tasks = parse_count(optarg, 100000000);
            break;
        case 'y':
            options.retries = true;
            break;
        case 'h':
            print_help();
            exit(0);
        default:
            exit(2);
        }
    }
    if (optind < argc)
        bench_fail("unexpected argument, expected options only");
    return options;
}

int main(int argc, char **argv)
{
    static struct row rows[BENCHES][SYSTEMS];
    const struct options options = parse(argc, argv);

    if (sem_init(&latch.none, 0, 0) != 0)
        bench_fail("no semaphore");
    if (options.retries) {
        bench_retries(options.quick);
        return 0;
    }
    for (size_t run = 0; run < options.runs; run++)
        for (int i = 0; i < BENCHES; i++)
            for (int j = 0; bench_systems[j] != NULL; j++) {
                size_t tasks = options.tasks / benches[i].divisor;
                struct row *row = &rows[i][j];

                row->ns[row->runs++] =
                    measure(&benches[i], bench_systems[j], tasks ? tasks : 1);
            }
    if (options.json)
        print_json(rows);
    else
        print_table(rows);
    return fflush(stdout) == 0 ? 0 : 1;
}
