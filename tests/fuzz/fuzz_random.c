/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "fuzz.h"
#include "store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Runs the corpus, then random programs: bytes drawn at random, or a program of
 * the corpus with some of them changed.  The seed is STM_TEST_SEED, if that is
 * set; FUZZ_CORPUS names the corpus, and FUZZ_PROGRAMS is how many random
 * programs to run. */

enum { PROGRAMS = 25000, SLOWNESS = 20, SIZE_MAX_DRAWN = 2000 };

static uint64_t state;

/* The splitmix64 sequence. */
static uint64_t draw_number(uint64_t below)
{
    uint64_t mix = state += UINT64_C(0x9e3779b97f4a7c15);

    mix = (mix ^ (mix >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mix = (mix ^ (mix >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (mix ^ (mix >> 31)) % below;
}

static void choose_seed(void)
{
    const char *given = getenv("STM_TEST_SEED");
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    state = given != NULL ? strtoull(given, NULL, 0)
                          : (uint64_t)now.tv_sec * UINT64_C(1000000000) +
                                (uint64_t)now.tv_nsec;
    fprintf(stderr, "STM_TEST_SEED=%" PRIu64 "\n", state);
}

static size_t programs_wanted(void)
{
    const char *given = getenv("FUZZ_PROGRAMS");

    if (given != NULL)
        return strtoull(given, NULL, 0);
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) ||           \
    defined(STM_SHAKE)
    return PROGRAMS / SLOWNESS;
#else
    return PROGRAMS;
#endif
}

static size_t draw_bytes(uint8_t *data)
{
    size_t size = draw_number(SIZE_MAX_DRAWN);

    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)draw_number(256);
    return size;
}

/* A stored program with a few bytes changed, and the end of another. */
static size_t mutate(uint8_t *data, const struct stored *corpus, size_t count)
{
    const struct stored *first = &corpus[draw_number(count)];
    const struct stored *second = &corpus[draw_number(count)];
    size_t size = first->size < SIZE_MAX_DRAWN ? first->size : SIZE_MAX_DRAWN;
    size_t rest = second->size - draw_number(second->size + 1);

    if (rest > SIZE_MAX_DRAWN)
        rest = SIZE_MAX_DRAWN;
    memcpy(data, first->data, size);
    memcpy(data + size, second->data + second->size - rest, rest);
    size += rest;
    for (uint64_t i = draw_number(8); i > 0 && size > 0; i--)
        data[draw_number(size)] = (uint8_t)draw_number(256);
    return size;
}

int main(void)
{
    static uint8_t data[2 * SIZE_MAX_DRAWN];
    const char *folder = getenv("FUZZ_CORPUS");
    struct stored *corpus = NULL;
    size_t count = 0, wanted = programs_wanted();

    choose_seed();
    failure_file = "fuzz-failure";
    if (folder != NULL)
        corpus = store_read_folder(folder, &count);
    for (size_t i = 0; i < count; i++)
        run_program(corpus[i].data, corpus[i].size);
    for (size_t i = 0; i < wanted; i++)
        run_program(data, count > 0 && draw_number(2) == 0
                              ? mutate(data, corpus, count)
                              : draw_bytes(data));
    for (size_t i = 0; i < count; i++)
        free(corpus[i].data);
    free(corpus);
    printf("%zu stored and %zu random programs\n", count, wanted);
    return EXIT_SUCCESS;
}
