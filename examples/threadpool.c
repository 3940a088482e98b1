/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Many tasks that only wait, on many threads: prints how the pool fares
 * whenever one of its counts changes.  A watcher notices, in the transaction
 * that changes them, and schedules the line for after the commit; the event
 * loop prints the lines in the order of the commits. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <atomic_ops.h>
#include <stm-pool.h>
#include <stm/stm.h>

#include "options.h"

static const char program[] = "threadpool";

struct options {
    size_t threads;
    size_t tasks;
    size_t task_ms;
    uint64_t keep_alive;
};

/* The pool's counts at one moment; immutable and counted. */
struct counts {
    AO_t references;
    size_t scheduled, finished, live, free, queued;
};

static void counts_retain(stm_value value)
{
    AO_fetch_and_add1_full(&((struct counts *)value)->references);
}

static void counts_release(stm_value value)
{
    struct counts *counts = (struct counts *)value;

    if (AO_fetch_and_sub1_full(&counts->references) == 1)
        free(counts);
}

static const struct stm_type counts_type = {
    .name = "counts", .retain = counts_retain, .release = counts_release};

static bool counts_same(const struct counts *left, const struct counts *right)
{
    return left->scheduled == right->scheduled &&
           left->finished == right->finished && left->live == right->live &&
           left->free == right->free && left->queued == right->queued;
}

/* What the watcher works on. */
struct display {
    struct stm_pool *pool;
    struct stm_eventloop *loop;
    struct stm_tvar *shown; /* the counts that were last scheduled */
    struct stm_tvar *alive; /* is there a thread?  Changes more seldom than
                               how many there are */
    struct stm_watcher *watcher;
};

static enum stm_status read_counts(struct stm_pool *pool, struct counts *counts)
{
    STM_TRY(stm_pool_scheduled(pool, &counts->scheduled));
    STM_TRY(stm_pool_finished(pool, &counts->finished));
    STM_TRY(stm_pool_live(pool, &counts->live));
    STM_TRY(stm_pool_free_workers(pool, &counts->free));
    return stm_pool_queued(pool, &counts->queued);
}

static enum stm_status look(struct stm_tx *tx, stm_value argument,
                            stm_value *result)
{
    const struct display *display = (const struct display *)argument;
    struct counts *counts = calloc(1, sizeof *counts);
    enum stm_status status;

    (void)tx; /* the pool's functions join the running transaction */
    if (counts == NULL)
        return STM_ENOMEM;
    counts->references = 1;
    status = read_counts(display->pool, counts);
    if (status != STM_OK) {
        free(counts);
        return status;
    }
    *result = (stm_value)counts;
    return STM_OK;
}

static void print_counts(stm_value value)
{
    const struct counts *counts = (const struct counts *)value;

    printf("%zu scheduled, %zu finished, %zu live, %zu free, %zu queued\n",
           counts->scheduled, counts->finished, counts->live, counts->free,
           counts->queued);
}

static enum stm_status schedule_line(struct stm_tx *tx, stm_value argument,
                                     stm_value result)
{
    const struct display *display = (const struct display *)argument;
    const struct counts *counts = (const struct counts *)result;
    stm_value shown;

    STM_TRY(stm_tvar_get(tx, display->shown, &shown));
    if (counts_same((const struct counts *)shown, counts))
        return STM_OK;
    STM_TRY(stm_tvar_set(tx, display->shown, result));
    STM_TRY(stm_tvar_set(tx, display->alive, counts->live > 0));
    return stm_eventloop_schedule(tx, display->loop, print_counts, result,
                                  &counts_type);
}

static enum stm_status watch_pool(struct stm_tx *tx, void *argument)
{
    struct display *display = argument;
    const struct stm_watch watch = {.function = look,
                                    .callback = schedule_line,
                                    .result_type = &counts_type,
                                    .argument = (stm_value)display,
                                    .name = "counts"};

    if (display->watcher != NULL) { /* of an attempt that did not commit */
        stm_watcher_release(display->watcher);
        display->watcher = NULL;
    }
    return stm_watch(tx, &watch, &display->watcher);
}

static enum stm_status unwatch_pool(struct stm_tx *tx, void *argument)
{
    const struct display *display = argument;

    return stm_watcher_cancel(tx, display->watcher);
}

/* A task is how many milliseconds it takes. */
static void run(stm_value task, void *context)
{
    struct timespec time = {.tv_sec = (time_t)(task / 1000),
                            .tv_nsec = (long)(task % 1000) * 1000000};

    (void)context;
    nanosleep(&time, NULL);
}

struct work {
    struct stm_pool *pool;
    const struct options *options;
};

static enum stm_status append_tasks(struct stm_tx *tx, void *argument)
{
    const struct work *work = argument;
    struct stm_tlist *tasks = stm_pool_tasks(work->pool);

    for (size_t i = 0; i < work->options->tasks; i++)
        STM_TRY(stm_tlist_append(tx, tasks, work->options->task_ms));
    return STM_OK;
}

static enum stm_status wait_for_no_thread(struct stm_tx *tx, void *argument)
{
    const struct display *display = argument;
    stm_value alive;

    STM_TRY(stm_tvar_get(tx, display->alive, &alive));
    return alive ? stm_retry(tx) : STM_OK;
}

/* Ends the program unless the call succeeded. */
static void must(enum stm_status status, const char *what)
{
    if (status == STM_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", program, what, stm_strstatus(status));
    exit(1);
}

static void begin_display(struct display *display)
{
    struct counts *none = calloc(1, sizeof *none);

    if (none == NULL)
        must(STM_ENOMEM, "begin");
    none->references = 1;
    display->shown = stm_tvar_new(&counts_type, (stm_value)none);
    display->alive = stm_tvar_new(NULL, false);
    display->loop = stm_eventloop_new();
    if (display->shown == NULL || display->alive == NULL ||
        display->loop == NULL)
        must(STM_ENOMEM, "begin");
    counts_release((stm_value)none);
    must(stm_eventloop_start(display->loop), "start the event loop");
    must(stm_atomically(watch_pool, display), "watch");
}

static void end_display(struct display *display)
{
    must(stm_atomically(unwatch_pool, display), "end the watcher");
    stm_eventloop_free(display->loop);
    stm_watcher_release(display->watcher);
    stm_tvar_release(display->alive);
    stm_tvar_release(display->shown);
}

static void show(const struct options *options)
{
    const struct stm_pool_config config = {.max_threads = options->threads,
                                           .keep_alive = options->keep_alive,
                                           .run = run};
    struct display display = {0};
    struct work work = {.options = options};

    must(stm_pool_new(&config, &work.pool), "make the pool");
    display.pool = work.pool;
    begin_display(&display);
    must(stm_atomically(append_tasks, &work), "append the tasks");
    must(stm_pool_join(work.pool, STM_FOREVER), "join");
    must(stm_atomically(wait_for_no_thread, &display), "wait");
    end_display(&display);
    must(stm_pool_free(work.pool), "free the pool");
}

static void print_help(void)
{
    printf("Usage: %s [--threads N] [--tasks N] [--task-ms N]"
           " [--keep-alive SECONDS]\n"
           "Runs tasks that only wait, and prints the pool's counts whenever "
           "one changes,\n"
           "until its last thread has left; then the counts of the "
           "transactions, both on\n"
           "standard output.\n\n"
           "  --threads N           at most so many threads (300)\n"
           "  --tasks N             how many tasks (1000)\n"
           "  --task-ms N           how long each waits, in ms (10)\n"
           "  --keep-alive SECONDS  how long a thread stays idle (1)\n"
           "  --help                print this\n",
           program);
}

static struct options parse(int argc, char **argv)
{
    static const struct option known[] = {
        {"threads", required_argument, NULL, 't'},
        {"tasks", required_argument, NULL, 'n'},
        {"task-ms", required_argument, NULL, 'm'},
        {"keep-alive", required_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},
        {0}};
    struct options options = {300, 1000, 10, 1000000000};
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 't':
            options.threads =
                option_count(program, "threads", optarg, 1, 1000000);
            break;
        case 'n':
            options.tasks =
                option_count(program, "tasks", optarg, 0, 100000000);
            break;
        case 'm':
            options.task_ms =
                option_count(program, "task-ms", optarg, 0, 1000000000);
            break;
        case 'k':
            options.keep_alive = option_seconds(program, "keep-alive", optarg);
            break;
        case 'h':
            print_help();
            exit(0);
        default:
            usage_error(program);
        }
    }
    if (optind < argc) {
        fprintf(stderr, "%s: unexpected argument '%s', expected options only\n",
                program, argv[optind]);
        usage_error(program);
    }
    return options;
}

int main(int argc, char **argv)
{
    const struct options options = parse(argc, argv);

    show(&options);
    stm_stats_print(stdout);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror(program);
        return 1;
    }
    return 0;
}
