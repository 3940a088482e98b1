/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_CONTAINER_STM_H
#define TESTS_BENCH_CONTAINER_STM_H

/* This library's containers, for container.h. */

static struct {
    struct stm_tlist *list;
    struct stm_tdict *dict;
    struct stm_tset *set;
    struct stm_tpriorityqueue *heap;
} all;

static void container_new(void)
{
    all.list = stm_tlist_new(NULL);
    all.dict = stm_tdict_new(NULL, NULL);
    all.set = stm_tset_new(NULL);
    all.heap = stm_tpriorityqueue_new(NULL);
    if (!all.list || !all.dict || !all.set || !all.heap)
        must(STM_ENOMEM);
}

/* The word 0 for what is not there. */
static inline enum stm_status or_zero(enum stm_status status, stm_value *value)
{
    if (status != STM_EEMPTY && status != STM_ENOTFOUND)
        return status;
    *value = 0;
    return STM_OK;
}

static enum stm_status list_append(struct stm_tx *tx, void *argument)
{
    return stm_tlist_append(tx, all.list, ((struct request *)argument)->value);
}

static enum stm_status list_pop_front(struct stm_tx *tx, void *argument)
{
    stm_value *value = &((struct request *)argument)->value;

    return or_zero(stm_tlist_pop_front(tx, all.list, value), value);
}

static enum stm_status list_pop_back(struct stm_tx *tx, void *argument)
{
    stm_value *value = &((struct request *)argument)->value;

    return or_zero(stm_tlist_pop_back(tx, all.list, value), value);
}

static enum stm_status list_get(struct stm_tx *tx, void *argument)
{
    struct request *request = argument;

    return stm_tlist_get(tx, all.list, request->key, &request->value);
}

static enum stm_status list_sum(struct stm_tx *tx, void *argument)
{
    struct request *request = argument;
    struct stm_seq *items;
    size_t count;

    STM_TRY(stm_tlist_snapshot(tx, all.list, &items));
    request->value = 0;
    for (size_t i = 0; i < stm_seq_length(items); i += count) {
        const stm_value *run = stm_seq_run(items, i, &count);

        for (size_t j = 0; j < count; j++)
            request->value += run[j];
    }
    stm_seq_release(items);
    return STM_OK;
}

static enum stm_status dict_set(struct stm_tx *tx, void *argument)
{
    const struct request *request = argument;

    return stm_tdict_set(tx, all.dict, request->key, request->value);
}

static enum stm_status dict_get(struct stm_tx *tx, void *argument)
{
    struct request *request = argument;
    stm_value *value = &request->value;

    return or_zero(stm_tdict_get(tx, all.dict, request->key, value), value);
}

static enum stm_status dict_length(struct stm_tx *tx, void *argument)
{
    return stm_tdict_length(tx, all.dict, &((struct request *)argument)->value);
}

static enum stm_status set_add(struct stm_tx *tx, void *argument)
{
    struct request *request = argument;
    bool added;

    STM_TRY(stm_tset_add(tx, all.set, request->key, &added));
    request->value = added;
    return STM_OK;
}

static enum stm_status set_remove(struct stm_tx *tx, void *argument)
{
    struct request *request = argument;

    request->value = 1;
    return or_zero(stm_tset_remove(tx, all.set, request->key), &request->value);
}

static enum stm_status set_has(struct stm_tx *tx, void *argument)
{
    struct request *request = argument;
    bool has;

    STM_TRY(stm_tset_contains(tx, all.set, request->key, &has));
    request->value = has;
    return STM_OK;
}

static enum stm_status set_length(struct stm_tx *tx, void *argument)
{
    return stm_tset_length(tx, all.set, &((struct request *)argument)->value);
}

static enum stm_status heap_push(struct stm_tx *tx, void *argument)
{
    const struct request *request = argument;

    return stm_tpriorityqueue_push(tx, all.heap, (int64_t)request->key,
                                   request->value, NULL);
}

static enum stm_status heap_pop(struct stm_tx *tx, void *argument)
{
    struct request *request = argument;
    int64_t priority = 0;

    STM_TRY(or_zero(
        stm_tpriorityqueue_pop(tx, all.heap, &request->value, &priority),
        &request->value));
    request->key = (stm_value)priority;
    return STM_OK;
}

#endif
