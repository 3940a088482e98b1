/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "stage.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOK_NS = 20000000,
    LOOKS_MAX = 2000,
    QUIET = 3 /* looks in a row that find all asleep */
};

static pthread_barrier_t start;
static sem_t ended;
static void (*part)(struct member *member);

static void *run_member(void *argument)
{
    struct member *member = argument;

    AO_store_release(&member->id, (AO_t)gettid());
    pthread_barrier_wait(&start);
    part(member);
    AO_store_release(&member->done, 1);
    sem_post(&ended);
    return NULL;
}

/* How often the thread has gone to sleep, if it sleeps now; else 0.  One that
 * was signalled does not sleep any more, though it may not run yet. */
static unsigned long sleeps(const struct member *member)
{
    char path[64], line[128];
    unsigned long count = 0, times;
    bool asleep = false;
    FILE *file;

    snprintf(path, sizeof path, "/proc/self/task/%lu/status",
             (unsigned long)AO_load_acquire(&member->id));
    file = fopen(path, "r");
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file)) {
        asleep |= strncmp(line, "State:\tS", 8) == 0;
        if (sscanf(line, "voluntary_ctxt_switches: %lu", &times) == 1)
            count = times;
    }
    fclose(file);
    return asleep ? count : 0;
}

/* Do all that have not ended sleep, and have done so since the last look?  Then
 * nobody is left to wake them. */
static bool all_sleep(const struct member *members, size_t count,
                      unsigned long *last)
{
    bool same = true;

    for (size_t i = 0; i < count; i++) {
        unsigned long now;

        if (AO_load_acquire(&members[i].done))
            continue;
        now = sleeps(&members[i]);
        same &= now && now == last[i];
        last[i] = now;
    }
    return same;
}

/* Waits until one more has ended; false when LOOK_NS have passed. */
static bool await_one(void)
{
    struct timespec moment;

    clock_gettime(CLOCK_MONOTONIC, &moment);
    moment.tv_nsec += LOOK_NS;
    moment.tv_sec += moment.tv_nsec / 1000000000;
    moment.tv_nsec %= 1000000000;
    return sem_clockwait(&ended, CLOCK_MONOTONIC, &moment) == 0;
}

static bool await_all(const struct member *members, size_t count)
{
    unsigned long last[MEMBERS_MAX] = {0};
    size_t left = count, quiet = 0, looks = 0;

    while (left) {
        if (await_one()) {
            left--;
            continue;
        }
        quiet = all_sleep(members, count, last) ? quiet + 1 : 0;
        if (quiet < QUIET && ++looks < LOOKS_MAX && !stm__record_full())
            continue;
        fprintf(stderr, "%zu of %zu threads %s\n", left, count,
                quiet ? "sleep, and nobody is left to wake them"
                      : "run without end");
        return false;
    }
    return true;
}

bool stage_run(struct member *members, size_t count,
               void (*run)(struct member *member))
{
    pthread_t threads[MEMBERS_MAX];

    part = run;
    pthread_barrier_init(&start, NULL, (unsigned)count);
    sem_init(&ended, 0, 0);
    for (size_t i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, run_member, &members[i]) != 0)
            abort();
    if (!await_all(members, count))
        return false;
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
    sem_destroy(&ended);
    return true;
}
