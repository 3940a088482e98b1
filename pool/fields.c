/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* What a pool knows about itself: a variable for each word, so that who waits
 * for one is not disturbed by the others; or, for comparison, one variable that
 * holds an immutable record of all. */
#include <stdlib.h>
#include <string.h>

#include "pool-internal.h"

static const char *const names[STM__FIELDS] = {
    [STM__LIVE] = "pool.live",         [STM__HANDED] = "pool.handed",
    [STM__FINISHED] = "pool.finished", [STM__GIVEN_UP] = "pool.given_up",
    [STM__IDLE] = "pool.idle",         [STM__CLOSING] = "pool.closing",
    [STM__DOOR] = "pool.door",         [STM__MISSES] = "pool.misses",
    [STM__LIMITS] = "pool.limits",     [STM__MAX] = "pool.max",
    [STM__CAP] = "pool.cap",           [STM__LENT] = "pool.lent",
    [STM__STARTING] = "pool.starting", [STM__RUNG] = "pool.rung",
    [STM__KEPT] = "pool.kept"};

struct record {
    AO_t references;
    stm_value words[STM__FIELDS];
};

static void record_retain(stm_value value)
{
    stm__count_up(&((struct record *)value)->references);
}

static void record_release(stm_value value)
{
    struct record *record = (struct record *)value;

    if (stm__count_down(&record->references))
        free(record);
}

static const struct stm_type record_type = {.name = "a pool's record",
                                            .retain = record_retain,
                                            .release = record_release};

static struct record *record_new(const stm_value *words)
{
    struct record *record = malloc(sizeof *record);

    if (record == NULL)
        return NULL;
    record->references = 1;
    memcpy(record->words, words, sizeof record->words);
    return record;
}

enum stm_status stm__whole_get(struct stm_tx *tx, struct stm_pool *pool,
                               enum stm__field field, stm_value *out)
{
    stm_value record;

    STM_TRY(stm_tvar_get(tx, pool->whole, &record));
    *out = ((const struct record *)record)->words[field];
    return STM_OK;
}

enum stm_status stm__whole_set(struct stm_tx *tx, struct stm_pool *pool,
                               enum stm__field field, stm_value value)
{
    struct record *record;
    enum stm_status status;
    stm_value before;

    STM_TRY(stm_tvar_get(tx, pool->whole, &before));
    record = record_new(((const struct record *)before)->words);
    if (record == NULL)
        return STM_ENOMEM;
    record->words[field] = value;
    status = stm_tvar_set(tx, pool->whole, (stm_value)record);
    record_release((stm_value)record);
    return status;
}

static bool init_whole(struct stm_pool *pool, const stm_value *initial)
{
    struct record *record = record_new(initial);

    if (record == NULL)
        return false;
    pool->whole = stm_tvar_new(&record_type, (stm_value)record);
    record_release((stm_value)record);
    return pool->whole != NULL &&
           stm_tvar_set_name(pool->whole, "pool") == STM_OK;
}

bool stm__fields_init(struct stm_pool *pool, const struct stm__limits *limits)
{
    const stm_value initial[STM__FIELDS] = {[STM__IDLE] = 1,
                                            [STM__LIMITS] =
                                                stm__limits_pack(limits),
                                            [STM__MAX] = limits->max,
                                            [STM__KEPT] = limits->min};

    if (pool->handover == STM_POOL_COARSE)
        return init_whole(pool, initial);
    for (int i = 0; i < STM__FIELDS; i++) {
        pool->fields[i] = stm_tvar_new(NULL, initial[i]);
        if (pool->fields[i] == NULL ||
            stm_tvar_set_name(pool->fields[i], names[i]) != STM_OK)
            return false;
    }
    return true;
}

void stm__fields_fini(struct stm_pool *pool)
{
    for (int i = 0; i < STM__FIELDS; i++)
        if (pool->fields[i] != NULL)
            stm_tvar_release(pool->fields[i]);
    if (pool->whole != NULL)
        stm_tvar_release(pool->whole);
}
