/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "calm.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SPELL_NS 60000000
#define SPELL_BUSY 0.015   /* in a spell that counts as idle, in seconds */
#define OTHERS_SHARE 0.05  /* of one processor */
#define OTHERS_GRAIN 0.012 /* what the kernel's ticks may add */

double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* How long all processors together have been neither idle nor waiting. */
static double busy_seconds(void)
{
    unsigned long long user, nice, system, idle, wait, irq, softirq, steal;
    FILE *file = fopen("/proc/stat", "r");
    int found;

    if (!file)
        return 0;
    found = fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user,
                   &nice, &system, &idle, &wait, &irq, &softirq, &steal);
    fclose(file);
    if (found != 8)
        return 0;
    return (double)(user + nice + system + irq + softirq + steal) /
           (double)sysconf(_SC_CLK_TCK);
}

static double own_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void calm_begin(struct calm *calm)
{
    calm->begun = seconds_now();
    calm->busy = busy_seconds();
    calm->own = own_seconds();
}

bool calm_was_broken(const struct calm *calm)
{
    double time = seconds_now() - calm->begun;
    double others = (busy_seconds() - calm->busy) - (own_seconds() - calm->own);

    return others > OTHERS_SHARE * time + OTHERS_GRAIN;
}

void calm_await(double until)
{
    struct timespec spell = {0, SPELL_NS};
    double busy;

    do {
        busy = busy_seconds();
        nanosleep(&spell, NULL);
    } while (busy_seconds() - busy > SPELL_BUSY && seconds_now() < until);
}
