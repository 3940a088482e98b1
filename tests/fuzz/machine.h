/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_MACHINE_H
#define TESTS_FUZZ_MACHINE_H

#include "fuzz.h"

/* What the machine's own files share. */

enum { SLOTS = 20, NESTING_MAX = 6 };
extern const struct family *const families[SLOTS];

void machine_start(const uint8_t *data, size_t size);

/* The levels of nesting, each with a copy of the whole model: as it was where
 * the level began.  Level 0 is the transaction. */
void level_push(void);
unsigned level_depth(void);
void level_pop(void);
void level_restore(void); /* the model becomes the innermost level's copy */

/* After a push: the model becomes the copy of the level around that, or of the
 * transaction. */
void level_recall(bool outermost);

/* An attempt begins with the model as it was committed last; and a commit. */
void level_begin(void);
void level_commit(void);

/* Runs a drawn operation of a family; `same`: on the object of the operation
 * before, which was one of the same family.  Returns its status. */
enum stm_status run_operation(struct stm_tx *tx, unsigned slot, bool same);

/* ---- control.c: bodies ---- */

/* Forgets the nesting that a conflict cut short. */
void control_start(void);

/* Runs operations, and bodies within this one, until it ends; returns what the
 * body returns. */
enum stm_status run_body(struct stm_tx *tx);

/* What a body's status comes to: the doom counts for more. */
enum stm_status judged(enum stm_status returned);

#endif
