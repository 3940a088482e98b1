/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

enum { MOST_OPTIONS = 8, HELP = MOST_OPTIONS };

static void print_help(const char *program, const char *about,
                       const struct count_option *options, size_t count)
{
    int width = (int)strlen("help");

    printf("Usage: %s", program);
    for (size_t i = 0; i < count; i++) {
        int length = (int)strlen(options[i].name) + (int)strlen(" N");

        width = length > width ? length : width;
        printf(" [--%s N]", options[i].name);
    }
    printf("\n%s\n", about);
    for (size_t i = 0; i < count; i++)
        printf("  --%s N%*s  %s (%zu)\n", options[i].name,
               width - (int)strlen(options[i].name) - (int)strlen(" N"), "",
               options[i].help, *options[i].value);
    printf("  --%-*s  print this\n", width, "help");
}

void options_parse(const char *program, const char *about,
                   const struct count_option *options, size_t count, int argc,
                   char **argv)
{
    struct option known[MOST_OPTIONS + 2] = {{"help", no_argument, NULL, HELP}};
    int found;

    for (size_t i = 0; i < count; i++)
        known[i + 1] =
            (struct option){options[i].name, required_argument, NULL, (int)i};
    while ((found = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (found == HELP) {
            print_help(program, about, options, count);
            exit(0);
        }
        if (found == '?')
            usage_error(program);
        *options[found].value =
            option_count(program, options[found].name, optarg,
                         options[found].least, options[found].most);
    }
    if (optind < argc) {
        fprintf(stderr, "%s: unexpected argument '%s', expected options only\n",
                program, argv[optind]);
        usage_error(program);
    }
}
