/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_TAKER_H
#define TESTS_UNIT_TAKER_H

#include "support.h"

/* A call that waits until a variable is not 0, and takes what it is. */
struct taker {
    struct stm_call *call;
    struct stm_tvar *var;
    stm_value least;      /* what it must be at least */
    bool leaves;          /* what it has seen there, and does not take it */
    AO_t *total;          /* NULL, or counts all that are told */
    AO_t told;            /* how often */
    stm_value got;        /* 0: nothing yet */
    const uint64_t *wait; /* NULL: for ever */
    bool late;            /* the time was over */
};

STM_NODISCARD enum stm_status take_body(struct stm_tx *tx, void *taker);

/* One that leaves what is there; not started yet. */
struct taker taker_of(struct stm_tvar *var);

/* The wake function: counts. */
void taker_note(void *taker);

/* Makes the call, with that; and blocks it. */
void taker_start(struct taker *taker);
void taker_block(struct taker *taker);

void expect_told(const struct taker *taker, size_t wanted);

/* What stm_call_deadline tells. */
uint64_t deadline_of(const struct taker *taker);

#endif
