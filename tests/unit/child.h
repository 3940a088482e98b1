/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_CHILD_H
#define TESTS_UNIT_CHILD_H

#include <sys/types.h>

#include "support.h"

/* A child checks something, and ends with 0 if it is so; one that hangs is
 * killed by an alarm. */
typedef bool child_check(void *context);

/* Forks and waits; was what the child checked so?  Also in a child. */
bool child_finds(child_check *check, void *context);

/* The same, where what was not so is a failure of the test. */
void expect_in_child(child_check *check, void *context);

/* For a child that something else has forked. */
bool child_right(pid_t child);
void expect_child_ended(pid_t child);

#endif
