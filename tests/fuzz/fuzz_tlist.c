/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "families.h"

#include <string.h>

/* Lists, item by item. */

static struct stm_tlist *lists[TLISTS];

struct stm_tlist *tlist_at(unsigned which) { return lists[which]; }

struct list_model *tlist_model(unsigned which)
{
    return (struct list_model *)model_of(&tlist_family) + which;
}

size_t tlist_model_length(unsigned which) { return tlist_model(which)->length; }

void model_splice(struct list_model *list, size_t at, size_t removed,
                  const uint32_t *item, size_t count)
{
    memmove(list->item + at + count, list->item + at + removed,
            (list->length - at - removed) * sizeof *item);
    if (count > 0)
        memcpy(list->item + at, item, count * sizeof *item);
    list->length += count - removed;
}

static bool has_room(const struct arguments *a)
{
    return tlist_model(a->which)->length < LIST_MAX;
}

static void length(struct stm_tx *tx, const struct arguments *a,
                   struct result *got)
{
    size_t number = CANARY;

    got->status = stm_tlist_length(tx, lists[a->which], &number);
    pass_number(got, 0, number);
}

static void model_length(const struct arguments *a, struct result *want,
                         const struct result *got)
{
    (void)got;
    want->out[0] = tlist_model(a->which)->length;
}

static void get(struct stm_tx *tx, const struct arguments *a,
                struct result *got)
{
    stm_value value = CANARY;

    got->status = stm_tlist_get(tx, lists[a->which], a->index[0], &value);
    pass_value(got, 0, a->which % 2, value);
}

static void model_get(const struct arguments *a, struct result *want,
                      const struct result *got)
{
    const struct list_model *list = tlist_model(a->which);

    (void)got;
    if (a->index[0] < list->length)
        want->out[0] = list->item[a->index[0]];
    else
        want->status = STM_ERANGE;
}

static void set(struct stm_tx *tx, const struct arguments *a,
                struct result *got)
{
    got->status = stm_tlist_set(tx, lists[a->which], a->index[0], a->value);
}

static void model_set(const struct arguments *a, struct result *want,
                      const struct result *got)
{
    struct list_model *list = tlist_model(a->which);

    (void)got;
    if (a->index[0] < list->length)
        list->item[a->index[0]] = a->number;
    else
        want->status = STM_ERANGE;
}

static void insert(struct stm_tx *tx, const struct arguments *a,
                   struct result *got)
{
    got->status = stm_tlist_insert(tx, lists[a->which], a->index[0], a->value);
}

static void model_insert(const struct arguments *a, struct result *want,
                         const struct result *got)
{
    struct list_model *list = tlist_model(a->which);

    (void)got;
    if (a->index[0] <= list->length)
        model_splice(list, a->index[0], 0, &a->number, 1);
    else
        want->status = STM_ERANGE;
}

static void append(struct stm_tx *tx, const struct arguments *a,
                   struct result *got)
{
    got->status = stm_tlist_append(tx, lists[a->which], a->value);
}

static void model_append(const struct arguments *a, struct result *want,
                         const struct result *got)
{
    struct list_model *list = tlist_model(a->which);

    (void)want, (void)got;
    list->item[list->length++] = a->number;
}

/* Takes an item out of the model. */
static void take(const struct arguments *a, struct result *want, size_t index,
                 enum stm_status missing)
{
    struct list_model *list = tlist_model(a->which);

    if (index >= list->length) {
        want->status = missing;
        return;
    }
    want->out[0] = list->item[index];
    model_splice(list, index, 1, NULL, 0);
}

static void remove_item(struct stm_tx *tx, const struct arguments *a,
                        struct result *got)
{
    stm_value value = CANARY;

    got->status = stm_tlist_remove(tx, lists[a->which], a->index[0], &value);
    pass_value(got, 0, a->which % 2, value);
}

static void model_remove(const struct arguments *a, struct result *want,
                         const struct result *got)
{
    (void)got;
    take(a, want, a->index[0], STM_ERANGE);
}

static void pop_front(struct stm_tx *tx, const struct arguments *a,
                      struct result *got)
{
    stm_value value = CANARY;

    got->status = stm_tlist_pop_front(tx, lists[a->which], &value);
    pass_value(got, 0, a->which % 2, value);
}

static void model_pop_front(const struct arguments *a, struct result *want,
                            const struct result *got)
{
    (void)got;
    take(a, want, 0, STM_EEMPTY);
}

static void pop_back(struct stm_tx *tx, const struct arguments *a,
                     struct result *got)
{
    stm_value value = CANARY;

    got->status = stm_tlist_pop_back(tx, lists[a->which], &value);
    pass_value(got, 0, a->which % 2, value);
}

static void model_pop_back(const struct arguments *a, struct result *want,
                           const struct result *got)
{
    (void)got;
    take(a, want, tlist_model(a->which)->length - 1, STM_EEMPTY);
}

static void clear(struct stm_tx *tx, const struct arguments *a,
                  struct result *got)
{
    got->status = stm_tlist_clear(tx, lists[a->which]);
}

static void model_clear(const struct arguments *a, struct result *want,
                        const struct result *got)
{
    (void)want, (void)got;
    tlist_model(a->which)->length = 0;
}

static const struct operation operations[] = {
    {.name = "length", .shape = "o", .run = length, .model = model_length},
    {.name = "get", .shape = "oi", .run = get, .model = model_get},
    {.name = "set", .shape = "oiv", .run = set, .model = model_set},
    {.name = "insert",
     .shape = "oiv",
     .run = insert,
     .model = model_insert,
     .allowed = has_room},
    {.name = "append",
     .shape = "ov",
     .run = append,
     .model = model_append,
     .allowed = has_room},
    {.name = "remove",
     .shape = "oi",
     .run = remove_item,
     .model = model_remove},
    {.name = "pop_front",
     .shape = "o",
     .run = pop_front,
     .model = model_pop_front},
    {.name = "pop_back",
     .shape = "o",
     .run = pop_back,
     .model = model_pop_back},
    {.name = "clear", .shape = "o", .run = clear, .model = model_clear},
};

static void start(void)
{
    for (unsigned i = 0; i < TLISTS; i++) {
        lists[i] = stm_tlist_new(type_of(i));
        REQUIRE(lists[i] != NULL, "out of memory");
    }
}

static void stop(void)
{
    for (unsigned i = 0; i < TLISTS; i++)
        stm_tlist_release(lists[i]);
}

static bool check_list(struct stm_tx *tx, unsigned which)
{
    const struct list_model *list = tlist_model(which);
    size_t count = 0;

    if (!agreed("stm_tlist_length", STM_OK,
                stm_tlist_length(tx, lists[which], &count)))
        return false;
    REQUIRE(count == list->length, "list %u: expected %zu items, got %zu",
            which, list->length, count);
    for (size_t i = 0; i < count; i++) {
        stm_value value;

        if (!agreed("stm_tlist_get", STM_OK,
                    stm_tlist_get(tx, lists[which], i, &value)))
            return false;
        REQUIRE(number_of(which % 2, value) == list->item[i],
                "list %u, item %zu: expected %u, got %u", which, i,
                list->item[i], number_of(which % 2, value));
    }
    return true;
}

static void check(struct stm_tx *tx)
{
    for (unsigned i = 0; i < TLISTS; i++)
        if (!check_list(tx, i))
            return;
}

const struct family tlist_family = {
    .name = "tlist",
    .objects = TLISTS,
    .model_size = TLISTS * sizeof(struct list_model),
    OPERATIONS(operations),
    .start = start,
    .stop = stop,
    .check = check,
    .length = tlist_model_length,
};
