/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_MAPVAR_INTERNAL_H
#define STM_MAPVAR_INTERNAL_H

#include <stm/map-internal.h>
#include <stm/tx-internal.h>

/* A variable that holds a map: what a dictionary and a set are.  The functions
 * do what stm/tdict.h and stm/tset.h say of those of the same name. */
struct stm__mapvar {
    AO_t refs;
    const struct stm_key_type *key;
    const struct stm_type *value;
    struct stm_tvar *root; /* of stm__map_type; 0: empty, after a discard */
};

/* False: out of memory. */
bool stm__mapvar_init(struct stm__mapvar *var, const struct stm_key_type *key,
                      const struct stm_type *value);

/* Gives a reference back; true if it was the last, and the memory is to be
 * freed. */
bool stm__mapvar_release(struct stm__mapvar *var);

enum stm_status stm__mapvar_length(struct stm_tx *tx, struct stm__mapvar *var,
                                   size_t *out);

enum stm_status stm__mapvar_get(struct stm_tx *tx, struct stm__mapvar *var,
                                stm_value key, stm_value *out);
enum stm_status stm__mapvar_contains(struct stm_tx *tx, struct stm__mapvar *var,
                                     stm_value key, bool *out);

enum stm_status stm__mapvar_set(struct stm_tx *tx, struct stm__mapvar *var,
                                stm_value key, stm_value value);

/* *out and *added: the value that is there now, and whether it is new.  Either
 * may be NULL. */
enum stm_status stm__mapvar_get_or_set(struct stm_tx *tx,
                                       struct stm__mapvar *var, stm_value key,
                                       stm_value value, stm_value *out,
                                       bool *added);

enum stm_status stm__mapvar_remove(struct stm_tx *tx, struct stm__mapvar *var,
                                   stm_value key, stm_value *out);

enum stm_status stm__mapvar_pop(struct stm_tx *tx, struct stm__mapvar *var,
                                bool last, stm_value *key, stm_value *value);

enum stm_status stm__mapvar_clear(struct stm_tx *tx, struct stm__mapvar *var);

enum stm_status stm__mapvar_snapshot(struct stm_tx *tx, struct stm__mapvar *var,
                                     struct stm_map **out);

enum stm_status stm__mapvar_assign(struct stm_tx *tx, struct stm__mapvar *var,
                                   struct stm_map *map);

#endif
