/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_CREW_H
#define EXAMPLES_CREW_H

#include <stddef.h>

#include <stm/status.h>

/* Threads that do the same work, each on a member of an array. */
struct crew;

/* Starts a thread for each member; ends the program if that cannot be. */
struct crew *crew_start(const char *program, void *(*work)(void *member),
                        void *members, size_t count, size_t size);

/* Waits until all have returned, and frees the crew. */
void crew_join(struct crew *crew);

/* Ends the program with status 1 unless the call succeeded. */
void must(const char *program, enum stm_status status, const char *what);

/* The same for what is NULL where memory is out; returns it. */
void *must_have(const char *program, void *made);

/* Ends the program with status 1 unless all it printed could be written. */
void must_print(const char *program);

#endif
