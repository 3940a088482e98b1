/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_TVAR_H
#define STM_TVAR_H

#include <stm/status.h>
#include <stm/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A transactional variable: one value that changes only by commits. */
struct stm_tvar;
struct stm_tx;

/* Makes a variable that holds `initial`, of which it takes a reference of its
 * own.  The caller owns one reference to the variable.  Needs no transaction.
 * Returns NULL when out of memory. */
STM_API struct stm_tvar *stm_tvar_new(const struct stm_type *type,
                                      stm_value initial);

/* Counts references to the variable.  Any thread, in or outside a
 * transaction.  The last release frees it, once no attempt that could have
 * met it still runs. */
STM_API void stm_tvar_retain(struct stm_tvar *var);
STM_API void stm_tvar_release(struct stm_tvar *var);

/* The same for a variable that is a member of a structure; stm/inline.h makes
 * struct stm_tvar complete for that, 32 bytes.  To refer to the variable is to
 * refer to the structure, which is a value of the type's `owner`, and a watcher
 * that has read the variable does so.  stm_tvar_fini gives the reference to the
 * value back; in an attempt, when that has ended.  It is for the owner's
 * release function, which the library calls once no attempt can meet the
 * structure any more; elsewhere, no other thread may have a way to the
 * variable.  Neither needs a transaction. */
STM_API void stm_tvar_init(struct stm_tvar *var, const struct stm_type *type,
                           stm_value initial);
STM_API void stm_tvar_fini(struct stm_tvar *var);

/* Reads.  *out is borrowed: it lasts until the attempt ends.
 * STM_OK; STM_CONFLICT, STM_RETRY or STM_ENOMEM where the attempt is doomed;
 * STM_EMISUSE when tx is not the running attempt of the calling thread. */
STM_API STM_NODISCARD enum stm_status
stm_tvar_get(struct stm_tx *tx, struct stm_tvar *var, stm_value *out);

/* Writes; visible to others when the transaction commits.  The transaction
 * takes a reference of its own.  Statuses as stm_tvar_get. */
STM_API STM_NODISCARD enum stm_status
stm_tvar_set(struct stm_tx *tx, struct stm_tvar *var, stm_value value);

/* Names the variable in statistics and errors; the name is copied.  Once, and
 * before other threads can reach the variable.  STM_OK, STM_ENOMEM, or
 * STM_EMISUSE when it has a name already. */
STM_API STM_NODISCARD enum stm_status stm_tvar_set_name(struct stm_tvar *var,
                                                        const char *name);

/* Returns the name, which lives as long as the variable, or NULL. */
STM_API const char *stm_tvar_name(const struct stm_tvar *var);

/* For a tracing collector, with every thread that may write the variable held
 * still: calls visit for each counted reference that the variable owns, which
 * are its committed value's and its watchers' arguments'.  Nodes that two
 * variables share are not visited: what they hold counts as reachable. */
STM_API int stm_tvar_traverse(struct stm_tvar *var, stm_visit *visit,
                              void *context);

/* For a tracing collector that found the variable to be garbage: replaces its
 * committed value by the word 0, with no transaction.  No other thread may
 * have a way to the variable. */
STM_API void stm_tvar_clear(struct stm_tvar *var);

#ifdef __cplusplus
}
#endif
#endif
