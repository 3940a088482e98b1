/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_SWEEP_H
#define TESTS_UNIT_SWEEP_H

#include "faults.h"
#include "support.h"

/* A transaction that is run again and again, in a world made anew, and each
 * time the next allocation fails: once, or with all that come after it. */
struct sweep {
    void (*init)(void *world);
    void (*fini)(void *world);
    stm_body *body;
    stm_body *check;             /* is nothing half-committed? */
    void (*commit)(void *world); /* notes that the body's transaction has */
    void *world;                 /* the argument of all of them */
};

/* Runs it until no allocation fails any more.  Each run must end with STM_OK or
 * STM_ENOMEM, and leave no counted object behind. */
void sweep_failures(const struct sweep *sweep, bool for_good);

/* A counted object, which is always to be had. */
stm_value sweep_object(stm_value number);

#endif
