/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Measures the same workloads over several systems; bench.h says what these
 * are.  Every run is a process of its own.  Rounds follow each other, and in a
 * round the systems do, so that what else the machine does in the meantime hits
 * all of them alike: what one may read off the result are ratios between
 * systems, where the runs do not differ more among themselves. */
#include "stmbench.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calm.h"
#include "collect.h"

#define SYSTEMS_MAX 6
#define THREADS_MAX 64
#define ROWS_MAX 1000
#define RUN_SECONDS 30   /* more than it measures, for a run to end */
#define QUICK_SECONDS 57 /* all of --quick */
#define QUICK_RESERVE 15 /* no run begins in the last ones */

static const char *const systems[SYSTEMS_MAX] = {"stm", "stm-calls", "libitm",
                                                 "ghc", "mutex",     "spin"};

static struct options {
    const char *workloads; /* lists with commas; NULL: all */
    const char *systems;
    bool threads[THREADS_MAX + 1];
    size_t runs, milliseconds, calm;
    bool quick, json, list;
} options;

static char *programs[SYSTEMS_MAX];
static char *lists[SYSTEMS_MAX]; /* what each prints of its workloads */
static struct row rows[ROWS_MAX];
static size_t row_count;

static const char help[] =
    "usage: stmbench [OPTION]...\n"
    "Measures the same transactions over several systems, in turn, and\n"
    "prints for each the median of the operations a second, with the least\n"
    "and the greatest.  Only ratios between systems of one run mean\n"
    "something: stm is 2.00x where its median is twice that of the row.\n"
    "\n"
    "  --workloads=NAME,...  these workloads (default: all)\n"
    "  --systems=NAME,...    of stm, stm-calls, libitm, ghc, mutex, spin\n"
    "                        (default: all that were built)\n"
    "  --threads=N,...       with so many threads (default: 1,2); workloads\n"
    "                        that take turns have 2, besides the sleepers\n"
    "  --runs=N              rounds (default: 5)\n"
    "  --milliseconds=N      the length of a run (default: 200)\n"
    "  --calm=SECONDS        repeats runs in which others used the "
    "processors,\n"
    "                        for as long as that in all\n"
    "  --quick               3 short runs, and an end within 60 s\n"
    "  --json                an array of rows, not a table\n"
    "  --list                the names of the workloads\n"
    "  --help                this\n";

static _Noreturn void usage_error(void)
{
    fprintf(stderr, "Try 'stmbench --help' for more.\n");
    exit(2);
}

static size_t number(const char *option, const char *text, size_t most)
{
    char *end = NULL;
    unsigned long long value = 0;

    errno = 0;
    if (isdigit((unsigned char)text[0]))
        value = strtoull(text, &end, 10);
    if (!end || *end || errno || value < 1 || value > most) {
        fprintf(stderr,
                "stmbench: --%s is '%s', expected a whole number from 1 to "
                "%zu\n",
                option, text, most);
        usage_error();
    }
    return (size_t)value;
}

/* Is the name one of a list with commas?  Everything is one of NULL. */
static bool is_chosen(const char *list, const char *name)
{
    size_t length = strlen(name), part;

    for (; list; list += part + 1) {
        part = strcspn(list, ",");
        if (part == length && !strncmp(list, name, length))
            return true;
        if (!list[part])
            return false;
    }
    return true;
}

/* Calls use for each part of a list with commas. */
static void for_each(const char *list, void (*use)(const char *part))
{
    char *copy = strdup(list), *rest = copy, *part;

    if (!copy)
        abort();
    while ((part = strsep(&rest, ",")))
        use(part);
    free(copy);
}

static void use_threads(const char *text)
{
    options.threads[number("threads", text, THREADS_MAX)] = true;
}

/* ---- what there is ---- */

static void use_system(const char *name)
{
    for (size_t i = 0; i < SYSTEMS_MAX; i++) {
        if (strcmp(systems[i], name))
            continue;
        if (programs[i])
            return;
        fprintf(stderr, "stmbench: the system %s was not built\n", name);
        usage_error();
    }
    fprintf(stderr,
            "stmbench: no system '%s', expected stm, stm-calls, libitm, ghc, "
            "mutex or "
            "spin\n",
            name);
    usage_error();
}

/* The next line of a system's list: a name and a number of threads. */
static const char *next_workload(const char *list, char name[32],
                                 size_t *threads)
{
    int used = 0;

    if (sscanf(list, "%31s %zu%n", name, threads, &used) != 2)
        return NULL;
    return list + used;
}

static bool has_workload(const char *list, const char *wanted)
{
    char name[32];
    size_t threads;

    while (list && (list = next_workload(list, name, &threads)))
        if (!strcmp(name, wanted))
            return true;
    return false;
}

static void use_workload(const char *name)
{
    for (size_t i = 0; i < SYSTEMS_MAX; i++)
        if (has_workload(lists[i], name))
            return;
    fprintf(stderr,
            "stmbench: no workload '%s' in these systems; --list names them\n",
            name);
    usage_error();
}

static void find_systems(void)
{
    const char *const arguments[3] = {"--list", NULL, NULL};

    for (size_t i = 0; i < SYSTEMS_MAX; i++) {
        programs[i] = program_of(systems[i]);
        if (!programs[i] && !options.systems)
            fprintf(stderr, "stmbench: the system %s was not built\n",
                    systems[i]);
    }
    if (options.systems)
        for_each(options.systems, use_system);
    for (size_t i = 0; i < SYSTEMS_MAX; i++) {
        if (!programs[i] || !is_chosen(options.systems, systems[i]))
            continue;
        lists[i] = run_program(programs[i], arguments, RUN_SECONDS);
        if (!lists[i])
            exit(1);
    }
    if (options.workloads)
        for_each(options.workloads, use_workload);
}

/* ---- rows ---- */

static void add_row(size_t system, const char *workload, size_t threads)
{
    struct row *row = &rows[row_count++];

    if (row_count > ROWS_MAX)
        abort();
    row->workload = strdup(workload);
    row->system = systems[system];
    row->program = programs[system];
    row->threads = threads;
    row->rates = calloc(options.runs, sizeof *row->rates);
    if (!row->workload || !row->rates)
        abort();
}

/* A workload's rows: the systems are next to each other. */
static void add_workload(const char *name, size_t fixed)
{
    for (size_t threads = 1; threads <= THREADS_MAX; threads++) {
        if (!options.threads[threads] || (fixed && threads != fixed))
            continue;
        for (size_t i = 0; i < SYSTEMS_MAX; i++)
            if (has_workload(lists[i], name))
                add_row(i, name, threads);
    }
}

/* Calls use for each workload that is chosen, the first time it is met. */
static void for_each_workload(void (*use)(const char *name, size_t threads))
{
    const char *list;
    char name[32];
    size_t threads;
    bool met;

    for (size_t i = 0; i < SYSTEMS_MAX; i++) {
        list = lists[i];
        while (list && (list = next_workload(list, name, &threads))) {
            met = false;
            for (size_t k = 0; k < i; k++)
                met = met || has_workload(lists[k], name);
            if (!met && is_chosen(options.workloads, name))
                use(name, threads);
        }
    }
}

static void print_name(const char *name, size_t threads)
{
    (void)threads;
    puts(name);
}

/* ---- runs ---- */

/* How long a run that begins now may take until it ends; with --quick, which
 * ends at that moment, 0 where it is too late for one. */
static unsigned patience(double end)
{
    double left = end - seconds_now();

    if (!options.quick)
        return RUN_SECONDS + (unsigned)(options.milliseconds / 1000);
    return left > QUICK_RESERVE ? (unsigned)left : 0;
}

/* A run, again and again while it is disturbed and there is time for calm;
 * counts in *disturbed if the last one was. */
static double run_row(const struct row *row, unsigned seconds, double calm_end,
                      size_t *disturbed)
{
    struct calm calm;
    double rate;

    for (;;) {
        if (options.calm)
            calm_await(calm_end);
        calm_begin(&calm);
        rate = run_workload(row->program, row->workload, row->threads,
                            options.milliseconds, seconds);
        if (rate < 0 || !calm_was_broken(&calm))
            return rate;
        if (seconds_now() >= calm_end) {
            ++*disturbed;
            return rate;
        }
    }
}

/* Returns 0, or 1 if a run failed. */
static int run_all(void)
{
    double begun = seconds_now(), rate;
    double calm_end = begun + (double)options.calm;
    size_t disturbed = 0, all = 0;
    unsigned seconds;
    struct row *row;

    if (options.quick && options.calm > QUICK_SECONDS - QUICK_RESERVE)
        calm_end = begun + QUICK_SECONDS - QUICK_RESERVE;

    for (size_t i = 0; i < options.runs * row_count; i++) {
        row = &rows[i % row_count];
        seconds = patience(begun + QUICK_SECONDS);
        if (seconds == 0)
            break;
        rate = run_row(row, seconds, calm_end, &disturbed);
        if (rate < 0)
            return 1;
        row->rates[row->runs++] = rate;
        all++;
    }
    if (disturbed > 0)
        fprintf(stderr,
                "stmbench: others used the processors in %zu of %zu runs\n",
                disturbed, all);
    return 0;
}

static void warn_of_missing(void)
{
    size_t missing = 0;

    for (size_t i = 0; i < row_count; i++)
        missing += rows[i].runs == 0;
    if (missing > 0)
        fprintf(stderr,
                "stmbench: the time of --quick was over before %zu of %zu "
                "rows\n",
                missing, row_count);
}

static const struct option long_options[] = {
    {"workloads", required_argument, NULL, 'w'},
    {"systems", required_argument, NULL, 's'},
    {"threads", required_argument, NULL, 't'},
    {"runs", required_argument, NULL, 'r'},
    {"milliseconds", required_argument, NULL, 'm'},
    {"calm", required_argument, NULL, 'c'},
    {"quick", no_argument, NULL, 'q'},
    {"json", no_argument, NULL, 'j'},
    {"list", no_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0}};

static void set_option(int option, const char *value)
{
    switch (option) {
    case 'w':
        options.workloads = value;
        break;
    case 's':
        options.systems = value;
        break;
    case 't':
        for_each(value, use_threads);
        break;
    case 'r':
        options.runs = number("runs", value, RUNS_MAX);
        break;
    case 'm':
        options.milliseconds = number("milliseconds", value, 60000);
        break;
    case 'c':
        options.calm = number("calm", value, 86400);
        break;
    case 'q':
        options.quick = true;
        break;
    case 'j':
        options.json = true;
        break;
    case 'l':
        options.list = true;
        break;
    case 'h':
        fputs(help, stdout);
        exit(0);
    default:
        usage_error();
    }
}

static void parse_options(int argc, char **argv)
{
    bool any_threads = false;
    int option;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        set_option(option, optarg);
    if (optind < argc) {
        fprintf(stderr,
                "stmbench: unexpected argument '%s', expected options only\n",
                argv[optind]);
        usage_error();
    }
    for (size_t i = 1; i <= THREADS_MAX; i++)
        any_threads = any_threads || options.threads[i];
    if (!any_threads)
        options.threads[1] = options.threads[2] = true;
    if (!options.runs)
        options.runs = options.quick ? 3 : 5;
    if (!options.milliseconds)
        options.milliseconds = options.quick ? 30 : 200;
}

int main(int argc, char **argv)
{
    int result;

    parse_options(argc, argv);
    find_systems();
    if (options.list) {
        for_each_workload(print_name);
        return 0;
    }
    for_each_workload(add_workload);
    if (row_count == 0) {
        fprintf(stderr, "stmbench: no such workload for so many threads\n");
        usage_error();
    }
    result = run_all();
    if (result)
        return result;
    warn_of_missing();
    if (options.json)
        print_json(rows, row_count);
    else
        print_table(rows, row_count);
    return 0;
}
