/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_SWEEP_H
#define TESTS_UNIT_SWEEP_H

#include "faults.h"
#include "support.h"

/* A transaction that is run again and again, in a world made anew, and each
 * time the next allocation fails: once, or with all that come after it. */
struct sweep {
    const char *name;
    void (*init)(void *world);
    void (*fini)(void *world);
    stm_body *body;
    bool blocks;                 /* the body, in the end; it is given up then */
    stm_body *check;             /* is nothing half-committed? */
    void (*commit)(void *world); /* notes that the body's transaction has */
    void *world;                 /* the argument of all of them */
    size_t least;                /* so many allocations must fail */
};

/* A program's main: tests that run each of `count` sweeps until no allocation
 * fails any more.  Each run must end as it does with memory, or with
 * STM_ENOMEM, and leave no counted object behind. */
int sweep_main(const char *name, const struct sweep *sweeps, size_t count);

/* A counted object, which is always to be had. */
stm_value sweep_object(stm_value number);

#endif
