/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const double most_seconds = 1e9; /* some thirty years */

_Noreturn void usage_error(const char *program)
{
    fprintf(stderr, "Try '%s --help' for more.\n", program);
    exit(2);
}

size_t option_count(const char *program, const char *option, const char *text,
                    size_t least, size_t most)
{
    char *end = NULL;
    unsigned long long value = 0;

    errno = 0;
    if (isdigit((unsigned char)text[0])) /* no sign, no space */
        value = strtoull(text, &end, 10);
    if (end == NULL || *end != '\0' || errno != 0 || value < least ||
        value > most) {
        fprintf(stderr,
                "%s: --%s is '%s', expected a whole number from %zu to %zu\n",
                program, option, text, least, most);
        usage_error(program);
    }
    return (size_t)value;
}

uint64_t option_seconds(const char *program, const char *option,
                        const char *text)
{
    char *end = NULL;
    double value = 0;

    if (isdigit((unsigned char)text[0]) || text[0] == '.')
        value = strtod(text, &end);
    if (end == NULL || end == text || *end != '\0' ||
        !(value <= most_seconds)) {
        fprintf(stderr, "%s: --%s is '%s', expected seconds from 0 to %.0f\n",
                program, option, text, most_seconds);
        usage_error(program);
    }
    return (uint64_t)(value * 1e9);
}
