/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_OPTIONS_H
#define EXAMPLES_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

/* Values of options.  Where one is wrong, these print what it is and what was
 * expected, and end the program with status 2. */

/* A whole number from least to most. */
size_t option_count(const char *program, const char *option, const char *text,
                    size_t least, size_t most);

/* Seconds, with a fraction if wanted, as nanoseconds. */
uint64_t option_seconds(const char *program, const char *option,
                        const char *text);

/* An option that is a whole number: its name, where its value is, which is the
 * default to begin with, and what it means. */
struct count_option {
    const char *name;
    size_t *value;
    size_t least, most;
    const char *help;
};

/* Reads a command line of such options and --help, which prints `about`, whole
 * lines, too. */
void options_parse(const char *program, const char *about,
                   const struct count_option *options, size_t count, int argc,
                   char **argv);

/* Ends the program with status 2 after a hint at --help. */
_Noreturn void usage_error(const char *program);

#endif
