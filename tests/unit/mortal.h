/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_MORTAL_H
#define TESTS_UNIT_MORTAL_H

#include "support.h"

/* An object with a control block, to which weak references can be made: it dies
 * with its last reference, and its block goes with the last that leads to it.
 */
struct mortal;

struct mortal *mortal_new(void); /* the caller owns a reference */
void mortal_drop(struct mortal *mortal);
size_t mortal_references(const struct mortal *mortal);

/* How many live, and how many blocks there are. */
size_t mortals_alive(void);
size_t mortal_blocks(void);

/* A weak reference to one. */
struct weakling {
    struct mortal *mortal;
    struct stm_tweakref *ref; /* owned, or NULL */
    stm_body *callback;
    stm_value argument;
    const struct stm_type *argument_type;
};

/* Makes the reference, and lets go of an earlier attempt's; as a transaction of
 * its own; and lets go of it. */
STM_NODISCARD enum stm_status weakling_make_body(struct stm_tx *tx,
                                                 void *weakling);
void weakling_make(struct weakling *weakling);
void weakling_forget(struct weakling *weakling);

/* Does the attempt find the referent alive? */
STM_NODISCARD enum stm_status
weakling_alive(struct stm_tx *tx, struct weakling *weakling, bool *out);

/* The same in a transaction of its own. */
bool weakling_is_alive(struct weakling *weakling);

/* Yields until no block is left, nor any thread but this one. */
void await_no_mortals(void);

#endif
