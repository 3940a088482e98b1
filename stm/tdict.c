/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <stm/mapvar-internal.h>
#include <stm/tdict.h>

/* What the functions do is in mapvar.c. */
struct stm_tdict {
    struct stm__mapvar var;
};

struct stm_tdict *stm_tdict_new(const struct stm_key_type *key,
                                const struct stm_type *value)
{
    struct stm_tdict *dict = malloc(sizeof *dict);

    if (dict && stm__mapvar_init(&dict->var, key, value))
        return dict;
    free(dict);
    return NULL;
}

void stm_tdict_retain(struct stm_tdict *dict)
{
    (void)AO_fetch_and_add1(&dict->var.refs);
}

void stm_tdict_release(struct stm_tdict *dict)
{
    if (dict && stm__mapvar_release(&dict->var))
        free(dict);
}

enum stm_status stm_tdict_length(struct stm_tx *tx, struct stm_tdict *dict,
                                 size_t *out)
{
    return stm__mapvar_length(tx, &dict->var, out);
}

enum stm_status stm_tdict_get(struct stm_tx *tx, struct stm_tdict *dict,
                              stm_value key, stm_value *out)
{
    return stm__mapvar_get(tx, &dict->var, key, out);
}

enum stm_status stm_tdict_set(struct stm_tx *tx, struct stm_tdict *dict,
                              stm_value key, stm_value value)
{
    return stm__mapvar_set(tx, &dict->var, key, value);
}

enum stm_status stm_tdict_get_or_set(struct stm_tx *tx, struct stm_tdict *dict,
                                     stm_value key, stm_value value,
                                     stm_value *out)
{
    return stm__mapvar_get_or_set(tx, &dict->var, key, value, out, NULL);
}

enum stm_status stm_tdict_remove(struct stm_tx *tx, struct stm_tdict *dict,
                                 stm_value key, stm_value *out)
{
    return stm__mapvar_remove(tx, &dict->var, key, out);
}

enum stm_status stm_tdict_pop_front(struct stm_tx *tx, struct stm_tdict *dict,
                                    stm_value *key, stm_value *value)
{
    return stm__mapvar_pop(tx, &dict->var, false, key, value);
}

enum stm_status stm_tdict_pop_back(struct stm_tx *tx, struct stm_tdict *dict,
                                   stm_value *key, stm_value *value)
{
    return stm__mapvar_pop(tx, &dict->var, true, key, value);
}

enum stm_status stm_tdict_clear(struct stm_tx *tx, struct stm_tdict *dict)
{
    return stm__mapvar_clear(tx, &dict->var);
}

enum stm_status stm_tdict_snapshot(struct stm_tx *tx, struct stm_tdict *dict,
                                   struct stm_map **out)
{
    return stm__mapvar_snapshot(tx, &dict->var, out);
}

enum stm_status stm_tdict_assign(struct stm_tx *tx, struct stm_tdict *dict,
                                 struct stm_map *map)
{
    return stm__mapvar_assign(tx, &dict->var, map);
}

int stm_tdict_traverse(struct stm_tdict *dict, stm_visit *visit, void *context)
{
    return stm_tvar_traverse(dict->var.root, visit, context);
}

void stm_tdict_discard(struct stm_tdict *dict)
{
    stm_tvar_clear(dict->var.root);
}
