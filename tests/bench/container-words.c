/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "container.h"

#define RING_PLACES 256              /* more than there are ever items */
#define TABLE_PLACES (2 * DICT_KEYS) /* a power of two */

static struct ring {
    struct tm_word taken, put; /* how many so far */
    struct tm_word items[RING_PLACES];
} ring;

static struct place {
    struct tm_word key, value; /* key 0: free */
} table[TABLE_PLACES];

struct entry {
    stm_value key, value;
};

static TM_INLINE enum stm_status append(struct stm_tx *tx, void *argument)
{
    stm_value *item = argument, put;

    STM_TRY(tm_get(tx, &ring.put, &put));
    STM_TRY(tm_put(tx, &ring.items[put % RING_PLACES], *item));
    return tm_put(tx, &ring.put, put + 1);
}

static TM_INLINE enum stm_status pop_front(struct stm_tx *tx, void *argument)
{
    stm_value *item = argument, taken, put, value;

    STM_TRY(tm_get(tx, &ring.taken, &taken));
    STM_TRY(tm_get(tx, &ring.put, &put));
    if (taken == put)
        return STM_OK;
    STM_TRY(tm_get(tx, &ring.items[taken % RING_PLACES], &value));
    *item = value;
    return tm_put(tx, &ring.taken, taken + 1);
}

/* Finds the place of the key, or the free one where it would be. */
static TM_INLINE enum stm_status find(struct stm_tx *tx, stm_value key,
                                      struct place **out, bool *found)
{
    size_t i = (uint64_t)key * UINT64_C(0x9e3779b97f4a7c15) >> 40;
    stm_value there;

    do {
        *out = &table[i++ % TABLE_PLACES];
        STM_TRY(tm_get(tx, &(*out)->key, &there));
    } while (there && there != key);
    *found = there == key;
    return STM_OK;
}

static TM_INLINE enum stm_status set_entry(struct stm_tx *tx, void *argument)
{
    struct entry *entry = argument;
    struct place *place;
    bool found;

    STM_TRY(find(tx, entry->key, &place, &found));
    if (!found)
        STM_TRY(tm_put(tx, &place->key, entry->key));
    return tm_put(tx, &place->value, entry->value);
}

static TM_INLINE enum stm_status get_entry(struct stm_tx *tx, void *argument)
{
    struct entry *entry = argument;
    struct place *place;
    stm_value value;
    bool found;

    STM_TRY(find(tx, entry->key, &place, &found));
    if (!found)
        return STM_OK;
    STM_TRY(tm_get(tx, &place->value, &value));
    entry->value = value;
    return STM_OK;
}

void queue_new(void) {}

void queue_put(stm_value item)
{
    stm_value own = item;

    tm_atomically(append, &own);
}

stm_value queue_take(void)
{
    stm_value item = 0;

    tm_atomically(pop_front, &item);
    return item;
}

void dict_new(void) {}

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

    for (size_t i = 0; i < TABLE_PLACES; i++)
        length += tm_peek(&table[i].key) != 0;
    return length;
}
