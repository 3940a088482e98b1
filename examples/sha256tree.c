/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The SHA-256 sums of all files below some paths, as sha256sum prints them,
 * in the order of `find PATH... -type f | LC_ALL=C sort`.
 *
 * Each file is one task in the pool's list, and has a variable for its
 * result: since no two workers write the same one, storing results never
 * conflicts.  A file name with a line feed in it is sorted as the one name
 * that it is, not as two lines. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stm-pool.h>
#include <stm/stm.h>

#include "digest.h"
#include "options.h"
#include "progress.h"
#include "walk.h"

static const char program[] = "sha256tree";

/* So many files are scheduled, or printed, in one transaction. */
enum { BATCH = 256 };

struct file {
    char *path;
    struct digest digest;    /* the worker's until it is the result */
    struct stm_tvar *result; /* the digest's address, or 0: not yet done */
};

struct job {
    struct stm_pool *pool;
    struct file **files;
    size_t count, room;
    size_t appended; /* the files before this one are in the task list */
    bool failed;     /* has a message been printed? */
};

static void complain(struct job *job, const char *path, int error)
{
    fprintf(stderr, "%s: %s: %s\n", program, path, strerror(error));
    job->failed = true;
}

/* Ends the program unless the call succeeded. */
static void must(enum stm_status status, const char *what)
{
    if (status == STM_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", program, what, stm_strstatus(status));
    exit(1);
}

/* On a worker. */

static enum stm_status enter_thread(void *context)
{
    (void)context;
    return digest_thread_init() ? STM_OK : STM_ENOMEM;
}

static void leave_thread(void *context)
{
    (void)context;
    digest_thread_fini();
}

static void hash(stm_value task, void *context)
{
    struct file *file = (struct file *)task;

    (void)context;
    digest_file(file->path, &file->digest);
}

/* In the transaction that counts the file as done. */
static enum stm_status store(struct stm_tx *tx, stm_value task, void *context)
{
    struct file *file = (struct file *)task;

    (void)context;
    return stm_tvar_set(tx, file->result, (stm_value)&file->digest);
}

/* The walk. */

static enum stm_status append_files(struct stm_tx *tx, void *argument)
{
    const struct job *job = argument;
    struct stm_tlist *tasks = stm_pool_tasks(job->pool);

    for (size_t i = job->appended; i < job->count; i++)
        STM_TRY(stm_tlist_append(tx, tasks, (stm_value)job->files[i]));
    return STM_OK;
}

static void append_batch(struct job *job)
{
    must(stm_atomically(append_files, job), "append tasks");
    job->appended = job->count;
}

static bool make_room(struct job *job)
{
    size_t room = job->room > 0 ? 2 * job->room : 1024;
    struct file **files;

    if (job->count < job->room)
        return true;
    files = reallocarray(job->files, room, sizeof *files);
    if (files == NULL)
        return false;
    job->files = files;
    job->room = room;
    return true;
}

static void free_file(struct file *file)
{
    if (file->result != NULL)
        stm_tvar_release(file->result);
    free(file->path);
    free(file);
}

static bool add_file(char *path, void *context)
{
    struct job *job = context;
    struct file *file = malloc(sizeof *file);

    if (file == NULL) {
        free(path);
        return false;
    }
    file->path = path;
    file->result = stm_tvar_new(NULL, 0);
    if (file->result == NULL || !make_room(job)) {
        free_file(file);
        return false;
    }
    job->files[job->count++] = file;
    if (job->count - job->appended >= BATCH)
        append_batch(job);
    return true;
}

static void report_unseen(const char *path, int error, void *context)
{
    complain(context, path, error);
}

static void walk_all(struct job *job, char **paths)
{
    const struct walker walker = {add_file, report_unseen, job};

    for (; *paths != NULL; paths++)
        if (!walk(*paths, &walker))
            must(STM_ENOMEM, *paths);
    append_batch(job);
}

/* The end. */

static int by_path(const void *left, const void *right)
{
    const struct file *const *a = left;
    const struct file *const *b = right;

    return strcmp((*a)->path, (*b)->path);
}

/* The results of files that follow one another. */
struct results {
    struct file **files;
    size_t count;
    const struct digest *digests[BATCH];
};

static enum stm_status fetch(struct stm_tx *tx, void *argument)
{
    struct results *results = argument;

    for (size_t i = 0; i < results->count; i++) {
        stm_value result;

        STM_TRY(stm_tvar_get(tx, results->files[i]->result, &result));
        results->digests[i] = (const struct digest *)result;
    }
    return STM_OK;
}

static void print_results(struct job *job, const struct results *results)
{
    for (size_t i = 0; i < results->count; i++) {
        const struct digest *digest = results->digests[i];
        const char *path = results->files[i]->path;

        if (digest->error == 0)
            digest_print(stdout, digest, path);
        else
            complain(job, path, digest->error);
    }
}

static void print_all(struct job *job)
{
    if (job->count > 0)
        qsort(job->files, job->count, sizeof *job->files, by_path);
    for (size_t i = 0; i < job->count; i += BATCH) {
        struct results results = {.files = job->files + i};

        results.count = job->count - i < BATCH ? job->count - i : BATCH;
        must(stm_atomically(fetch, &results), "read the results");
        print_results(job, &results);
    }
    if (fflush(stdout) != 0 || ferror(stdout))
        complain(job, "standard output", errno);
}

struct options {
    size_t threads;
    uint64_t keep_alive;
    bool stats;
};

static void run(struct job *job, const struct options *options, char **paths)
{
    const struct stm_pool_config config = {.max_threads = options->threads,
                                           .keep_alive = options->keep_alive,
                                           .run = hash,
                                           .finish = store,
                                           .thread_enter = enter_thread,
                                           .thread_leave = leave_thread};
    struct progress *progress = NULL;

    must(stm_pool_new(&config, &job->pool), "make the pool");
    if (isatty(STDERR_FILENO) && progress_begin(job->pool, &progress) != STM_OK)
        progress = NULL; /* it goes without */
    walk_all(job, paths);
    must(stm_pool_join(job->pool, STM_FOREVER), "wait for the tasks");
    if (progress != NULL)
        progress_end(progress);
    must(stm_pool_free(job->pool), "free the pool");
    print_all(job);
    for (size_t i = 0; i < job->count; i++)
        free_file(job->files[i]);
    free(job->files);
}

static void print_help(size_t threads)
{
    printf("Usage: %s [--threads N] [--keep-alive SECONDS] [--stats] PATH...\n"
           "Prints the SHA-256 sum of each regular file at or below the "
           "paths, in the format of\n"
           "sha256sum and sorted by name.  Symbolic links are not followed.\n"
           "\n"
           "  --threads N           at most so many threads (%zu)\n"
           "  --keep-alive SECONDS  how long a thread stays idle (1)\n"
           "  --stats               print how the transactions fared to "
           "standard error\n"
           "  --help                print this\n"
           "\n"
           "Ends with 0; 1 if a file could not be read; 2 for wrong usage.\n",
           program, threads);
}

static struct options parse(int argc, char **argv)
{
    static const struct option known[] = {
        {"threads", required_argument, NULL, 't'},
        {"keep-alive", required_argument, NULL, 'k'},
        {"stats", no_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {0}};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct options options = {processors > 0 ? (size_t)processors : 1,
                              1000000000, false};
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 't':
            options.threads =
                option_count(program, "threads", optarg, 1, 1000000);
            break;
        case 'k':
            options.keep_alive = option_seconds(program, "keep-alive", optarg);
            break;
        case 's':
            options.stats = true;
            break;
        case 'h':
            print_help(options.threads);
            exit(0);
        default:
            usage_error(program);
        }
    }
    if (optind == argc) {
        fprintf(stderr, "%s: no path given, expected at least one PATH\n",
                program);
        usage_error(program);
    }
    return options;
}

int main(int argc, char **argv)
{
    const struct options options = parse(argc, argv);
    struct job job = {0};

    if (!digest_init()) {
        fprintf(stderr, "%s: libcrypto has no SHA-256\n", program);
        return 1;
    }
    run(&job, &options, argv + optind);
    digest_fini();
    if (options.stats)
        stm_stats_print(stderr);
    return job.failed ? 1 : 0;
}
