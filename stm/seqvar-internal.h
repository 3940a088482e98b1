/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_SEQVAR_INTERNAL_H
#define STM_SEQVAR_INTERNAL_H

#include <stm/seq-internal.h>
#include <stm/tx-internal.h>

/* A variable of type stm__seq_type: what most containers are made of.  A change
 * makes a new sequence, or changes one in place that this attempt made after
 * its last savepoint or snapshot: the stamp that they have in common says so.
 * The word 0 stands for an empty sequence.  Statuses as stm_tvar_get and
 * stm_tvar_set. */

/* The sequence, or NULL; borrowed. */
enum stm_status stm__seqvar_load(struct stm_tx *tx, struct stm_tvar *var,
                                 struct stm_seq **out);

/* The same for a change: there is a sequence, and room to give back the
 * reference that a change takes out and the one that it may fail to store. */
enum stm_status stm__seqvar_load_to_change(struct stm_tx *tx,
                                           struct stm_tvar *var,
                                           const struct stm_type *item,
                                           struct stm_seq **out);

/* Stores what a change made of `before`; NULL: it ran out of memory. */
enum stm_status stm__seqvar_store(struct stm_tx *tx, struct stm_tvar *var,
                                  struct stm_seq *before,
                                  struct stm_seq *after);

/* Adds an item at the end. */
enum stm_status stm__seqvar_append(struct stm_tx *tx, struct stm_tvar *var,
                                   const struct stm_type *item_type,
                                   stm_value item);

/* Inserts a box into `before`, loaded for this change.  The transaction takes
 * over the caller's reference, also when it fails. */
enum stm_status stm__seqvar_insert_box(struct stm_tx *tx, struct stm_tvar *var,
                                       struct stm_seq *before, size_t index,
                                       stm_value box);

/* Takes the item at an index that exists out of `before`, as loaded.  *out is
 * borrowed until the attempt ends. */
enum stm_status stm__seqvar_take(struct stm_tx *tx, struct stm_tvar *var,
                                 struct stm_seq *before, size_t index,
                                 stm_value *out);

/* The sequence as it is now, with a reference that the caller owns. */
enum stm_status stm__seqvar_snapshot(struct stm_tx *tx, struct stm_tvar *var,
                                     const struct stm_type *item,
                                     struct stm_seq **out);

#endif
