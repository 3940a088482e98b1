/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "store.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIZE_LIMIT = 1 << 16 };

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return memory;
}

struct stored store_read(const char *path)
{
    struct stored program = {must(malloc(SIZE_LIMIT)), 0};
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    program.size = fread(program.data, 1, SIZE_LIMIT, file);
    fclose(file);
    return program;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

struct stored *store_read_folder(const char *path, size_t *count)
{
    struct dirent **entries;
    int found = scandir(path, &entries, is_visible, alphasort);
    struct stored *programs;

    if (found < 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    programs = must(calloc((size_t)found + 1, sizeof *programs));
    for (int i = 0; i < found; i++) {
        char name[PATH_MAX];

        snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        programs[i] = store_read(name);
        free(entries[i]);
    }
    free(entries);
    *count = (size_t)found;
    return programs;
}
