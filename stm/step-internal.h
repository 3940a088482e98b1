/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_STEP_INTERNAL_H
#define STM_STEP_INTERNAL_H

#include <stdbool.h>

/* The points of the protocol at which threads may interleave.  Each passes
 * STM__STEP once; configured with --enable-shake, a step yields now and then,
 * and one that may fail says so without cause, so that tests meet the orders
 * that are rare otherwise.  A scheduler that drives the protocol would hook in
 * here, too. */
enum stm__step {
    STM__AT_BEGIN,    /* snapshot read, not announced yet */
    STM__AT_READ,     /* version read, value not yet; may fail: re-read */
    STM__AT_EXTEND,   /* new snapshot announced, not validated; may fail */
    STM__AT_LOCK,     /* about to lock a variable; may fail: taken */
    STM__AT_TICK,     /* all locked, clock not advanced */
    STM__AT_VALIDATE, /* clock advanced; may fail: conflict */
    STM__AT_PUBLISH,  /* a value stored, its variable still locked */
    STM__AT_WAKE,     /* unlocked, waiters not woken */
    STM__AT_REGISTER, /* about to register a waiter */
    STM__AT_SLEEP,    /* registered and validated, about to sleep */
    STM__AT_SOLO,     /* running solo, about to look; may fail: no longer */
    STM__AT_PASS_ON,  /* woken, about to look after the other sleepers */
    STM__AT_RETIRE,   /* about to look who still reads old values */
    STM__AT_STEPS
};

#ifdef STM_SHAKE
/* Perhaps yields; returns whether the step is to fail without cause.  The
 * seed is STM_SHAKE_SEED's, else drawn and printed to standard error. */
bool stm__shake(enum stm__step step);
#define STM__STEP(step) stm__shake(step)
#define STM__SHORT_WAYS false /* they have no steps */
#else
#define STM__STEP(step) false
#define STM__SHORT_WAYS true
#endif

#endif
