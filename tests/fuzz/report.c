/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { RECORD_SIZE = 1 << 20 };

const char *failure_file;

static struct {
    char text[RECORD_SIZE];
    size_t used;
    const uint8_t *data;
    size_t size;
} record;

void report_start(const uint8_t *data, size_t size)
{
    record.used = 0;
    record.data = data;
    record.size = size;
}

static void add(const char *format, va_list arguments)
{
    size_t room = RECORD_SIZE - record.used;
    int added = vsnprintf(record.text + record.used, room, format, arguments);

    if (added > 0)
        record.used += (size_t)added < room ? (size_t)added : room - 1;
}

void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    add(format, arguments);
    va_end(arguments);
}

static void store(void)
{
    FILE *file = failure_file != NULL ? fopen(failure_file, "wb") : NULL;

    if (file == NULL)
        return;
    fwrite(record.data, 1, record.size, file);
    fclose(file);
    fprintf(stderr, "the program is in %s, for fuzz_replay\n", failure_file);
}

void differ(const char *format, ...)
{
    va_list arguments;

    fwrite(record.text, 1, record.used, stderr);
    fputs("\ndifference: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    store();
    abort();
}
