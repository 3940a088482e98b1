/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "collect.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OUTPUT_MAX 8192

char *program_of(const char *system)
{
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    char *path;

    if (length < 0)
        return NULL;
    self[length] = '\0';
    *strrchr(self, '/') = '\0';
    if (asprintf(&path, "%s/bench-%s", self, system) < 0)
        return NULL;
    if (access(path, X_OK) == 0)
        return path;
    free(path);
    return NULL;
}

/* Reads up to the end of the file into the buffer, as a string.  False if that
 * does not come in time, or with more than fits. */
static bool read_all(int file, char *buffer, size_t size, unsigned seconds)
{
    struct timespec now;
    struct pollfd ready = {file, POLLIN, 0};
    size_t filled = 0;
    ssize_t got = 1;
    time_t end;
    int wait;

    clock_gettime(CLOCK_MONOTONIC, &now);
    end = now.tv_sec + (time_t)seconds;
    while (got != 0 && filled < size - 1) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        wait = now.tv_sec < end ? (int)(end - now.tv_sec) * 1000 : 0;
        if (poll(&ready, 1, wait) == 0)
            return false;
        got = read(file, buffer + filled, size - 1 - filled);
        if (got > 0)
            filled += (size_t)got;
        else if (got < 0 && errno != EINTR)
            return false;
    }
    buffer[filled] = '\0';
    return got == 0;
}

/* In the child: becomes the program. */
static _Noreturn void become(const char *path, const char *const arguments[3],
                             int output)
{
    dup2(output, STDOUT_FILENO);
    execl(path, path, arguments[0], arguments[1], arguments[2], (char *)NULL);
    fprintf(stderr, "stmbench: %s: %s\n", path, strerror(errno));
    _exit(127);
}

/* Says how the program ended; false if that is not as it should. */
static bool ended_well(const char *path, const char *argument, bool complete,
                       unsigned seconds, int status)
{
    if (complete && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    fprintf(stderr, "stmbench: %s %s: ", path, argument);
    if (!complete)
        fprintf(stderr, "expected an end within %u s\n", seconds);
    else if (WIFEXITED(status))
        fprintf(stderr, "ended with status %d\n", WEXITSTATUS(status));
    else
        fprintf(stderr, "ended by signal %d\n", WTERMSIG(status));
    return false;
}

char *run_program(const char *path, const char *const arguments[3],
                  unsigned seconds)
{
    char *output = malloc(OUTPUT_MAX);
    int ends[2], status = 0;
    bool complete;
    pid_t child;

    if (!output || pipe(ends)) {
        perror("stmbench");
        exit(1);
    }
    child = fork();
    if (child < 0) {
        perror("stmbench: fork");
        exit(1);
    }
    if (child == 0) {
        close(ends[0]);
        become(path, arguments, ends[1]);
    }
    close(ends[1]);
    complete = read_all(ends[0], output, OUTPUT_MAX, seconds);
    close(ends[0]);
    if (!complete)
        kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (ended_well(path, arguments[0], complete, seconds, status))
        return output;
    free(output);
    return NULL;
}

double run_workload(const char *path, const char *workload, size_t threads,
                    size_t milliseconds, unsigned seconds)
{
    char count[24], time[24], *output, *end;
    const char *arguments[3] = {workload, count, time};
    double rate;

    snprintf(count, sizeof count, "%zu", threads);
    snprintf(time, sizeof time, "%zu", milliseconds);
    output = run_program(path, arguments, seconds);
    if (!output)
        return -1;
    rate = strtod(output, &end);
    if (end == output || strcmp(end, "\n") || !(rate >= 0 && rate < 1e15)) {
        fprintf(stderr, "stmbench: %s %s: expected a rate, got '%s'\n", path,
                workload, output);
        rate = -1;
    }
    free(output);
    return rate;
}
