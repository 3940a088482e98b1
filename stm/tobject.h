/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_TOBJECT_H
#define STM_TOBJECT_H

#include <stm/seq.h>
#include <stm/tvar.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stm_tx;

/* A transactional object: fields with names, each in a variable of its own that
 * carries the name, so that transactions on different fields do not conflict.
 * Adding or removing a field disturbs those who read, missed or changed that
 * field and those who listed, added or removed fields, and no one else.
 * Statuses and ownership as in stm/tlist.h.  A name is copied when it is first
 * used, also to ask for a field that is not there, and stays known to the
 * object until that is freed. */
struct stm_tobject;

/* Makes an object without fields, whose values have one type (NULL: words).
 * With a type, the word 0 cannot be stored.  Needs no transaction.  The caller
 * owns a reference.  NULL: out of memory. */
STM_API struct stm_tobject *stm_tobject_new(const struct stm_type *value);
STM_API void stm_tobject_retain(struct stm_tobject *object);
STM_API void stm_tobject_release(struct stm_tobject *object);

/* The value of a field.  O(1) for a dozen names, O(log n) for many.
 * STM_ENOTFOUND. */
STM_API STM_NODISCARD enum stm_status
stm_tobject_get(struct stm_tx *tx, struct stm_tobject *object, const char *name,
                stm_value *out);

/* Sets a field, added if need be.  As long as stm_tobject_get. */
STM_API STM_NODISCARD enum stm_status
stm_tobject_set(struct stm_tx *tx, struct stm_tobject *object, const char *name,
                stm_value value);

/* Removes a field.  O(n), for a search through the array of names.
 * STM_ENOTFOUND. */
STM_API STM_NODISCARD enum stm_status
stm_tobject_remove(struct stm_tx *tx, struct stm_tobject *object,
                   const char *name);

/* The names of the fields, in the order in which they were added: a sequence of
 * words, each a const char * that lasts as long as the object.  The caller owns
 * a reference to *out, from each attempt anew, as with stm_tlist_snapshot. */
STM_API STM_NODISCARD enum stm_status
stm_tobject_names(struct stm_tx *tx, struct stm_tobject *object,
                  struct stm_seq **out);

/* For a tracing collector: see stm_tvar_traverse and stm_tvar_clear. */
STM_API int stm_tobject_traverse(struct stm_tobject *object, stm_visit *visit,
                                 void *context);
STM_API void stm_tobject_discard(struct stm_tobject *object);

#ifdef __cplusplus
}
#endif
#endif
