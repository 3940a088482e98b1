/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <stm/mapvar-internal.h>
#include <stm/tset.h>

/* Keys with the word 0; what the functions do is in mapvar.c. */
struct stm_tset {
    struct stm__mapvar var;
};

struct stm_tset *stm_tset_new(const struct stm_key_type *key)
{
    struct stm_tset *set = malloc(sizeof *set);

    if (set && stm__mapvar_init(&set->var, key, NULL))
        return set;
    free(set);
    return NULL;
}

void stm_tset_retain(struct stm_tset *set)
{
    (void)AO_fetch_and_add1(&set->var.refs);
}

void stm_tset_release(struct stm_tset *set)
{
    if (set && stm__mapvar_release(&set->var))
        free(set);
}

enum stm_status stm_tset_length(struct stm_tx *tx, struct stm_tset *set,
                                size_t *out)
{
    return stm__mapvar_length(tx, &set->var, out);
}

enum stm_status stm_tset_contains(struct stm_tx *tx, struct stm_tset *set,
                                  stm_value key, bool *out)
{
    return stm__mapvar_contains(tx, &set->var, key, out);
}

enum stm_status stm_tset_add(struct stm_tx *tx, struct stm_tset *set,
                             stm_value key, bool *added)
{
    return stm__mapvar_get_or_set(tx, &set->var, key, 0, NULL, added);
}

enum stm_status stm_tset_remove(struct stm_tx *tx, struct stm_tset *set,
                                stm_value key)
{
    return stm__mapvar_remove(tx, &set->var, key, NULL);
}

enum stm_status stm_tset_pop_front(struct stm_tx *tx, struct stm_tset *set,
                                   stm_value *key)
{
    return stm__mapvar_pop(tx, &set->var, false, key, NULL);
}

enum stm_status stm_tset_clear(struct stm_tx *tx, struct stm_tset *set)
{
    return stm__mapvar_clear(tx, &set->var);
}

enum stm_status stm_tset_snapshot(struct stm_tx *tx, struct stm_tset *set,
                                  struct stm_map **out)
{
    return stm__mapvar_snapshot(tx, &set->var, out);
}

enum stm_status stm_tset_assign(struct stm_tx *tx, struct stm_tset *set,
                                struct stm_map *map)
{
    return stm__mapvar_assign(tx, &set->var, map);
}

int stm_tset_traverse(struct stm_tset *set, stm_visit *visit, void *context)
{
    return stm_tvar_traverse(set->var.root, visit, context);
}

void stm_tset_discard(struct stm_tset *set) { stm_tvar_clear(set->var.root); }
