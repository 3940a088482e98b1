/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The threads that tests start, and how many threads and descriptors this
 * process has. */
#include "support.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STACK_SIZE = 256 * 1024 };

struct member {
    struct crew *crew;
    size_t index;
    pthread_t thread;
    pid_t id; /* written by the thread before it passes the barrier */
};

struct crew {
    crew_member *run;
    void *context;
    pthread_barrier_t start;
    size_t count;
    struct member members[];
};

static void *run_member(void *argument)
{
    struct member *member = argument;

    member->id = gettid();
    pthread_barrier_wait(&member->crew->start);
    member->crew->run(member->index, member->crew->context);
    return NULL;
}

struct crew *crew_start(size_t count, crew_member *run, void *context)
{
    struct crew *crew =
        calloc(1, sizeof *crew + count * sizeof crew->members[0]);
    pthread_attr_t attributes;

    if (crew == NULL)
        abort();
    crew->run = run;
    crew->context = context;
    crew->count = count;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    pthread_barrier_init(&crew->start, NULL, (unsigned)count + 1);
    for (size_t i = 0; i < count; i++) {
        struct member *member = &crew->members[i];

        member->crew = crew;
        member->index = i;
        if (pthread_create(&member->thread, &attributes, run_member, member) !=
            0)
            abort();
    }
    pthread_attr_destroy(&attributes);
    pthread_barrier_wait(&crew->start);
    return crew;
}

static bool thread_sleeps(pid_t id)
{
    char path[64];
    char line[256];
    const char *end = NULL;
    FILE *file;

    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)id);
    file = fopen(path, "r");
    if (file == NULL)
        return false;
    if (fgets(line, sizeof line, file) != NULL)
        end = strrchr(line, ')');
    fclose(file);
    return end != NULL && end[1] == ' ' && end[2] == 'S';
}

void crew_await_sleep(struct crew *crew)
{
    size_t asleep = 0;

    /* Twice over, since a thread may sleep a moment for another reason. */
    while (asleep < 2 * crew->count) {
        if (thread_sleeps(crew->members[asleep % crew->count].id)) {
            asleep++;
        } else {
            asleep = 0;
            sched_yield();
        }
    }
}

void crew_join(struct crew *crew)
{
    for (size_t i = 0; i < crew->count; i++)
        pthread_join(crew->members[i].thread, NULL);
    pthread_barrier_destroy(&crew->start);
    free(crew);
    EXPECT(true, "a failure noted by a thread of the crew");
}

void crew_run(size_t count, crew_member *run, void *context)
{
    crew_join(crew_start(count, run, context));
}

static size_t count_entries(const char *path)
{
    DIR *folder = opendir(path);
    size_t count = 0;

    if (folder == NULL)
        abort();
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

size_t open_descriptors(void)
{
    return count_entries("/proc/self/fd") - 3; /* ., .. and the folder */
}

/* Threads that are neither the program's nor the library's: a sanitizer starts
 * one of its own together with the first other thread. */
static size_t foreign_threads;

size_t live_threads(void)
{
    return count_entries("/proc/self/task") - 2 - foreign_threads;
}

/* Runs beside the main thread and nobody else. */
static void *count_foreign(void *unused)
{
    foreign_threads = live_threads() - 2;
    return unused;
}

void learn_foreign_threads(void)
{
    static bool learnt; /* in this process */
    pthread_t thread;

    if (learnt)
        return;
    learnt = true;
    if (pthread_create(&thread, NULL, count_foreign, NULL) != 0)
        abort();
    pthread_join(thread, NULL);
    while (live_threads() > 1) /* /proc may show it a moment longer */
        sched_yield();
}
