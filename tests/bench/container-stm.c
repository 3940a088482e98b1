/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "container.h"

static struct stm_tlist *list;
static struct stm_tdict *dict;

struct entry {
    stm_value key, value;
};

static enum stm_status append(struct stm_tx *tx, void *argument)
{
    return stm_tlist_append(tx, list, *(stm_value *)argument);
}

static enum stm_status pop_front(struct stm_tx *tx, void *argument)
{
    stm_value *item = argument;
    enum stm_status status = stm_tlist_pop_front(tx, list, item);

    if (status != STM_EEMPTY)
        return status;
    *item = 0;
    return STM_OK;
}

static enum stm_status set_entry(struct stm_tx *tx, void *argument)
{
    const struct entry *entry = argument;

    return stm_tdict_set(tx, dict, entry->key, entry->value);
}

static enum stm_status get_entry(struct stm_tx *tx, void *argument)
{
    struct entry *entry = argument;
    enum stm_status status = stm_tdict_get(tx, dict, entry->key, &entry->value);

    if (status != STM_ENOTFOUND)
        return status;
    entry->value = 0;
    return STM_OK;
}

static enum stm_status get_length(struct stm_tx *tx, void *argument)
{
    return stm_tdict_length(tx, dict, argument);
}

void queue_new(void)
{
    list = stm_tlist_new(NULL);
    if (!list)
        must(STM_ENOMEM);
}

void queue_put(stm_value item) { tm_atomically(append, &item); }

stm_value queue_take(void)
{
    stm_value item = 0;

    tm_atomically(pop_front, &item);
    return item;
}

void dict_new(void)
{
    dict = stm_tdict_new(NULL, NULL);
    if (!dict)
        must(STM_ENOMEM);
}

void dict_set(stm_value key, stm_value value)
{
    struct entry entry = {key, value};

    tm_atomically(set_entry, &entry);
}

stm_value dict_get(stm_value key)
{
    struct entry entry = {key, 0};

    tm_atomically(get_entry, &entry);
    return entry.value;
}

size_t dict_length(void)
{
    size_t length = 0;

    tm_atomically(get_length, &length);
    return length;
}
