/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_CONTAINER_WORDS_H
#define TESTS_BENCH_CONTAINER_WORDS_H

/* Plain structures of words, for container.h. */

static struct ring {
    struct tm_word taken, put; /* how many so far */
    struct tm_word items[LIST_MAX];
} ring;

struct place {
    struct tm_word key, value; /* key 0: free */
};

static struct place dict[KEYS_MAX], set[KEYS_MAX];
static struct tm_word set_keys;

/* Each item's order, less than its children's, is its number and how many were
 * pushed before it. */
static struct heap {
    struct tm_word count, pushed;
    struct {
        struct tm_word order, item;
    } place[LIST_MAX];
} heap;

static void container_new(void) {}

/* ---- the ring ---- */

static TM_INLINE enum stm_status list_append(struct stm_tx *tx, void *argument)
{
    const struct request *request = argument;
    stm_value put;

    STM_TRY(tm_get(tx, &ring.put, &put));
    STM_TRY(tm_put(tx, &ring.items[put % LIST_MAX], request->value));
    return tm_put(tx, &ring.put, put + 1);
}

static TM_INLINE enum stm_status list_pop(struct stm_tx *tx,
                                          struct request *request, bool last)
{
    stm_value taken, put, index;

    STM_TRY(tm_get(tx, &ring.taken, &taken));
    STM_TRY(tm_get(tx, &ring.put, &put));
    request->value = 0;
    if (taken == put)
        return STM_OK;
    index = last ? put - 1 : taken;
    STM_TRY(tm_get(tx, &ring.items[index % LIST_MAX], &request->value));
    return last ? tm_put(tx, &ring.put, index)
                : tm_put(tx, &ring.taken, index + 1);
}

static TM_INLINE enum stm_status list_pop_front(struct stm_tx *tx,
                                                void *argument)
{
    return list_pop(tx, argument, false);
}

static TM_INLINE enum stm_status list_pop_back(struct stm_tx *tx,
                                               void *argument)
{
    return list_pop(tx, argument, true);
}

static TM_INLINE enum stm_status list_get(struct stm_tx *tx, void *argument)
{
    struct request *request = argument;
    stm_value taken;

    STM_TRY(tm_get(tx, &ring.taken, &taken));
    return tm_get(tx, &ring.items[(taken + request->key) % LIST_MAX],
                  &request->value);
}

static TM_INLINE enum stm_status list_sum(struct stm_tx *tx, void *argument)
{
    struct request *request = argument;
    stm_value taken, put, item, sum = 0;

    STM_TRY(tm_get(tx, &ring.taken, &taken));
    STM_TRY(tm_get(tx, &ring.put, &put));
    for (; taken < put; taken++) {
        STM_TRY(tm_get(tx, &ring.items[taken % LIST_MAX], &item));
        sum += item;
    }
    request->value = sum;
    return STM_OK;
}

/* ---- the tables ---- */

static inline TM_SAFE size_t home_of(stm_value key)
{
    return (uint64_t)key * UINT64_C(0x9e3779b97f4a7c15) >> 40;
}

/* Finds the place of the key, or the free one where it would be. */
static TM_INLINE enum stm_status find(struct stm_tx *tx, struct place *table,
                                      stm_value key, size_t *out, bool *found)
{
    size_t i = home_of(key);
    stm_value there;

    do {
        *out = i++ % KEYS_MAX;
        STM_TRY(tm_get(tx, &table[*out].key, &there));
    } while (there && there != key);
    *found = there == key;
    return STM_OK;
}

static TM_INLINE enum stm_status dict_set(struct stm_tx *tx, void *argument)
{
    const struct request *request = argument;
    size_t place;
    bool found;

    STM_TRY(find(tx, dict, request->key, &place, &found));
    if (!found)
        STM_TRY(tm_put(tx, &dict[place].key, request->key));
    return tm_put(tx, &dict[place].value, request->value);
}

static TM_INLINE enum stm_status dict_get(struct stm_tx *tx, void *argument)
{
    struct request *request = argument;
    size_t place;
    bool found;

    STM_TRY(find(tx, dict, request->key, &place, &found));
    request->value = 0;
    return found ? tm_get(tx, &dict[place].value, &request->value) : STM_OK;
}

static TM_INLINE enum stm_status dict_length(struct stm_tx *tx, void *argument)
{
    struct request *request = argument;
    stm_value key, length = 0;

    for (size_t i = 0; i < KEYS_MAX; i++) {
        STM_TRY(tm_get(tx, &dict[i].key, &key));
        length += key != 0;
    }
    request->value = length;
    return STM_OK;
}

static TM_INLINE enum stm_status count_key(struct stm_tx *tx, stm_value change)
{
    stm_value keys;

    STM_TRY(tm_get(tx, &set_keys, &keys));
    return tm_put(tx, &set_keys, keys + change);
}

static TM_INLINE enum stm_status set_add(struct stm_tx *tx, void *argument)
{
    struct request *request = argument;
    size_t place;
    bool found;

    STM_TRY(find(tx, set, request->key, &place, &found));
    request->value = !found;
    if (found)
        return STM_OK;
    STM_TRY(tm_put(tx, &set[place].key, request->key));
    return count_key(tx, 1);
}

/* What comes behind a place that is now free moves up, unless that would put it
 * before its home. */
static TM_INLINE enum stm_status close_gap(struct stm_tx *tx, size_t gap)
{
    stm_value key;

    for (size_t i = (gap + 1) % KEYS_MAX;; i = (i + 1) % KEYS_MAX) {
        STM_TRY(tm_get(tx, &set[i].key, &key));
        if (!key)
            return tm_put(tx, &set[gap].key, 0);
        if ((i - home_of(key)) % KEYS_MAX < (i - gap) % KEYS_MAX)
            continue;
        STM_TRY(tm_put(tx, &set[gap].key, key));
        gap = i;
    }
}

static TM_INLINE enum stm_status set_remove(struct stm_tx *tx, void *argument)
{
    struct request *request = argument;
    size_t place;
    bool found;

    STM_TRY(find(tx, set, request->key, &place, &found));
    request->value = found;
    if (!found)
        return STM_OK;
    STM_TRY(close_gap(tx, place));
    return count_key(tx, (stm_value)-1);
}

static TM_INLINE enum stm_status set_has(struct stm_tx *tx, void *argument)
{
    struct request *request = argument;
    size_t place;
    bool found;

    STM_TRY(find(tx, set, request->key, &place, &found));
    request->value = found;
    return STM_OK;
}

static TM_INLINE enum stm_status set_length(struct stm_tx *tx, void *argument)
{
    return tm_get(tx, &set_keys, &((struct request *)argument)->value);
}

/* ---- the heap ---- */

static TM_INLINE enum stm_status heap_put(struct stm_tx *tx, size_t at,
                                          stm_value order, stm_value item)
{
    STM_TRY(tm_put(tx, &heap.place[at].order, order));
    return tm_put(tx, &heap.place[at].item, item);
}

static TM_INLINE enum stm_status heap_move(struct stm_tx *tx, size_t to,
                                           size_t from)
{
    stm_value order, item;

    STM_TRY(tm_get(tx, &heap.place[from].order, &order));
    STM_TRY(tm_get(tx, &heap.place[from].item, &item));
    return heap_put(tx, to, order, item);
}

static TM_INLINE enum stm_status heap_push(struct stm_tx *tx, void *argument)
{
    const struct request *request = argument;
    stm_value at, pushed, order, above;

    STM_TRY(tm_get(tx, &heap.count, &at));
    STM_TRY(tm_get(tx, &heap.pushed, &pushed));
    STM_TRY(tm_put(tx, &heap.count, at + 1));
    STM_TRY(tm_put(tx, &heap.pushed, pushed + 1));
    for (order = request->key << 48 | pushed; at > 0; at = (at - 1) / 2) {
        STM_TRY(tm_get(tx, &heap.place[(at - 1) / 2].order, &above));
        if (above < order)
            break;
        STM_TRY(heap_move(tx, at, (at - 1) / 2));
    }
    return heap_put(tx, at, order, request->value);
}

/* The child of a place that comes first; `count`: it has none. */
static TM_INLINE enum stm_status first_child(struct stm_tx *tx, size_t at,
                                             size_t count, size_t *out,
                                             stm_value *order)
{
    stm_value second;

    *out = 2 * at + 1;
    if (*out >= count) {
        *out = count;
        return STM_OK;
    }
    STM_TRY(tm_get(tx, &heap.place[*out].order, order));
    if (*out + 1 == count)
        return STM_OK;
    STM_TRY(tm_get(tx, &heap.place[*out + 1].order, &second));
    if (second < *order) {
        *order = second;
        ++*out;
    }
    return STM_OK;
}

/* Finds the last item a place from the root down. */
static TM_INLINE enum stm_status heap_shrink(struct stm_tx *tx, size_t count)
{
    stm_value order, item, below = 0;
    size_t at = 0, child;

    STM_TRY(tm_get(tx, &heap.place[count].order, &order));
    STM_TRY(tm_get(tx, &heap.place[count].item, &item));
    for (;; at = child) {
        STM_TRY(first_child(tx, at, count, &child, &below));
        if (child == count || order < below)
            return heap_put(tx, at, order, item);
        STM_TRY(heap_move(tx, at, child));
    }
}

static TM_INLINE enum stm_status heap_pop(struct stm_tx *tx, void *argument)
{
    struct request *request = argument;
    stm_value count, order;

    STM_TRY(tm_get(tx, &heap.count, &count));
    request->value = 0;
    if (count == 0)
        return STM_OK;
    STM_TRY(tm_get(tx, &heap.place[0].order, &order));
    STM_TRY(tm_get(tx, &heap.place[0].item, &request->value));
    request->key = order >> 48;
    STM_TRY(tm_put(tx, &heap.count, count - 1));
    return count > 1 ? heap_shrink(tx, count - 1) : STM_OK;
}

#endif
