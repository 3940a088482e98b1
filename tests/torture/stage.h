/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_STAGE_H
#define TESTS_TORTURE_STAGE_H

#include "torture.h"

/* Runs the members on a thread each, which start together, and waits for them.
 * False: some will not end, because all that are left sleep and none of them
 * has been signalled, or because they run without end. */
bool stage_run(struct member *members, size_t count,
               void (*run)(struct member *member));

#endif
