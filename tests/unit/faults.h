/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_FAULTS_H
#define TESTS_UNIT_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

/* Allocations that fail.  Link with -Wl,--wrap for what faults.c wraps, and
 * with libstm.a: the linker then sends its calls there. */

/* Of the calling thread: how many more allocations succeed, and whether all
 * fail from then on or only one. */
struct faults {
    bool armed;
    bool for_good;
    bool failed; /* an allocation has failed since arming */
    size_t left;
    void (*during)(void); /* what else happens while it allocates next, or NULL
                           */
};
extern _Thread_local struct faults faults;

void faults_arm(size_t left, bool for_good);

#endif
