/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "crew.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct crew {
    size_t count;
    pthread_t threads[];
};

struct crew *crew_start(const char *program, void *(*work)(void *member),
                        void *members, size_t count, size_t size)
{
    struct crew *crew = must_have(
        program, malloc(sizeof *crew + count * sizeof crew->threads[0]));

    crew->count = count;
    for (size_t i = 0; i < count; i++) {
        if (pthread_create(&crew->threads[i], NULL, work,
                           (char *)members + i * size) != 0)
            must(program, STM_ETHREAD, "start a thread");
    }
    return crew;
}

void crew_join(struct crew *crew)
{
    for (size_t i = 0; i < crew->count; i++)
        (void)pthread_join(crew->threads[i], NULL);
    free(crew);
}

void must(const char *program, enum stm_status status, const char *what)
{
    if (status == STM_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", program, what, stm_strstatus(status));
    exit(1);
}

void *must_have(const char *program, void *made)
{
    if (made == NULL)
        must(program, STM_ENOMEM, "begin");
    return made;
}

void must_print(const char *program)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return;
    perror(program);
    exit(1);
}
