/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "bench.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STACK_SIZE (512 * 1024)
#define SECONDS_MAX 60

AO_t bench_stop;

static pthread_barrier_t prepared; /* of all workers */
static pthread_barrier_t start;    /* of all workers */
static pthread_barrier_t timed;    /* of the first one and the main thread */

void *allocate(size_t size)
{
    void *memory;

    if (posix_memalign(&memory, 4096, size)) {
        fprintf(stderr, "bench: no memory for %zu bytes\n", size);
        exit(1);
    }
    return memory;
}

static void check(int error, const char *what)
{
    if (!error)
        return;
    fprintf(stderr, "bench: %s: %s\n", what, strerror(error));
    exit(1);
}

/* Puts the calling thread on one of the processors that the program may use;
 * what sleeps most of the time may be on any. */
static void pin(const struct worker *worker)
{
    cpu_set_t allowed, one;
    size_t wanted;

    if (worker->workload->sleepers ||
        sched_getaffinity(0, sizeof allowed, &allowed))
        return;
    wanted = worker->index % (size_t)CPU_COUNT(&allowed);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed) || wanted-- > 0)
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        pthread_setaffinity_np(pthread_self(), sizeof one, &one);
        return;
    }
}

static void *run_worker(void *argument)
{
    struct worker *worker = argument;
    const struct workload *workload = worker->workload;
    uint64_t begun, operations;

    pin(worker);
    if (worker->index == 0)
        workload->prepare(workload);
    pthread_barrier_wait(&prepared);
    if (workload->enter)
        workload->enter(worker);
    pthread_barrier_wait(&start);
    if (worker->index == 0) {
        if (workload->warm_up)
            workload->warm_up(worker);
        pthread_barrier_wait(&timed);
    }
    begun = now_ns();
    operations = workload->work(worker);
    if (!worker->ended)
        worker->ended = now_ns();
    worker->rate = (double)operations * 1e9 / (double)(worker->ended - begun);
    return NULL;
}

static void start_workers(const struct workload *workload,
                          struct worker *workers, pthread_t *threads,
                          size_t count)
{
    pthread_attr_t attributes;

    check(pthread_attr_init(&attributes), "attributes of threads");
    check(pthread_attr_setstacksize(&attributes, STACK_SIZE), "stack size");
    check(pthread_barrier_init(&prepared, NULL, (unsigned)count), "barrier");
    check(pthread_barrier_init(&start, NULL, (unsigned)count), "barrier");
    check(pthread_barrier_init(&timed, NULL, 2), "barrier");
    for (size_t i = 0; i < count; i++) {
        workers[i].workload = workload;
        workers[i].index = i;
        workers[i].random = UINT64_C(0x9e3779b97f4a7c15) * (i + 1);
        check(pthread_create(&threads[i], &attributes, run_worker, &workers[i]),
              "start of a thread");
    }
    pthread_attr_destroy(&attributes);
}

/* Returns the operations a second of all workers; *right tells whether what
 * they left behind is. */
static double run(const struct workload *workload, size_t count,
                  uint64_t milliseconds, bool *right)
{
    struct timespec time = {(time_t)(milliseconds / 1000),
                            (long)(milliseconds % 1000 * 1000000)};
    struct worker *workers = allocate(count * sizeof *workers);
    pthread_t *threads = allocate(count * sizeof *threads);
    double rate = 0;

    memset(workers, 0, count * sizeof *workers);
    start_workers(workload, workers, threads, count);
    pthread_barrier_wait(&timed);
    nanosleep(&time, NULL);
    AO_store(&bench_stop, 1);
    *right = true;
    for (size_t i = 0; i < count; i++) {
        check(pthread_join(threads[i], NULL), "end of a thread");
        rate += workers[i].rate;
        *right = *right && !workers[i].wrong;
    }
    *right = *right && workload->is_right(workers, count);
    free(threads);
    free(workers);
    return rate;
}

static void print_names(void)
{
    for (const struct workload *const *group = workload_groups; *group; group++)
        for (const struct workload *item = *group; item->name; item++)
            printf("%s %zu\n", item->name, item->threads);
}

static const struct workload *find_workload(const char *name)
{
    for (const struct workload *const *group = workload_groups; *group; group++)
        for (const struct workload *item = *group; item->name; item++)
            if (!strcmp(item->name, name))
                return item;
    return NULL;
}

static uint64_t number(const char *text, uint64_t most)
{
    char *end = NULL;
    unsigned long long value = 0;

    errno = 0;
    if (isdigit((unsigned char)text[0]))
        value = strtoull(text, &end, 10);
    if (!end || *end || errno || value < 1 || value > most) {
        fprintf(stderr, "bench: '%s', expected a number from 1 to %llu\n", text,
                (unsigned long long)most);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    const struct workload *workload;
    uint64_t threads, milliseconds;
    double rate;
    bool right;

    if (argc == 2 && !strcmp(argv[1], "--list")) {
        print_names();
        return 0;
    }
    if (argc != 4) {
        fprintf(stderr, "usage: %s --list|WORKLOAD THREADS MILLISECONDS\n",
                argv[0]);
        return 2;
    }
    workload = find_workload(argv[1]);
    threads = number(argv[2], WORKERS_MAX);
    milliseconds = number(argv[3], SECONDS_MAX * 1000);
    if (!workload || (workload->threads && workload->threads != threads)) {
        fprintf(stderr, "bench: no workload '%s' for %s threads\n", argv[1],
                argv[2]);
        return 2;
    }
    rate = run(workload, threads + workload->sleepers, milliseconds, &right);
    if (!right) {
        fprintf(stderr, "bench: %s left behind what cannot be\n", argv[1]);
        return 1;
    }
    printf("%.1f\n", rate);
    return 0;
}
