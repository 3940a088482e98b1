/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_BANK_H
#define TESTS_UNIT_BANK_H

#include "support.h"

enum { BANK_VARS = 8 };

/* Variables whose sum every commit leaves as it was.  A thread that works on
 * them has a copy of the structure to itself. */
struct bank {
    struct stm_tvar *vars[BANK_VARS];
    struct generator generator;
    stm_value wanted; /* the sum */
    stm_value sum;    /* as last taken */
};

void bank_init(struct bank *bank, uint64_t stream);
void bank_fini(struct bank *bank);

/* The same variables, for another thread. */
struct bank bank_copy(const struct bank *bank, uint64_t stream);

/* Moves 1 from one variable to another. */
STM_NODISCARD enum stm_status bank_transfer(struct stm_tx *tx, void *bank);

/* Do a number of transfers commit, and is the sum right after each? */
bool bank_works(struct bank *bank, size_t transfers);

#endif
