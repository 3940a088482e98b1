/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "families.h"

/* Lists, many items at once. */

static const struct snapshot *source_of(const struct arguments *a)
{
    return snapshot_like(a->which, a->small[0]);
}

static void model_extend(const struct arguments *a, struct result *want,
                         const struct result *got)
{
    const struct snapshot *source = source_of(a);
    struct list_model *list = tlist_model(a->which);

    (void)want, (void)got;
    model_splice(list, list->length, 0, source->model.item,
                 source->model.length);
}

static bool can_extend(const struct arguments *a)
{
    const struct snapshot *source = source_of(a);

    return source->seq != NULL &&
           tlist_model_length(a->which) + source->model.length <= LIST_MAX;
}

static void extend(struct stm_tx *tx, const struct arguments *a,
                   struct result *got)
{
    got->status = stm_tlist_extend(tx, tlist_at(a->which), source_of(a)->seq);
}

/* An end that is before the beginning, or beyond the list's end, is an error.
 */
static bool in_range(const struct arguments *a)
{
    return a->index[0] <= a->index[1] &&
           a->index[1] <= tlist_model_length(a->which);
}

static void splice(struct stm_tx *tx, const struct arguments *a,
                   struct result *got)
{
    struct stm_seq *items = a->small[1] % 4 ? source_of(a)->seq : NULL;

    got->status = stm_tlist_splice(tx, tlist_at(a->which), a->index[0],
                                   a->index[1], items);
}

static void model_splicing(const struct arguments *a, struct result *want,
                           const struct result *got)
{
    const struct snapshot *source = source_of(a);

    (void)got;
    if (!in_range(a))
        want->status = STM_ERANGE;
    else
        model_splice(tlist_model(a->which), a->index[0],
                     a->index[1] - a->index[0], source->model.item,
                     a->small[1] % 4 ? source->model.length : 0);
}

static void assign(struct stm_tx *tx, const struct arguments *a,
                   struct result *got)
{
    got->status = stm_tlist_assign(tx, tlist_at(a->which), source_of(a)->seq);
}

static bool can_assign(const struct arguments *a)
{
    return source_of(a)->seq != NULL;
}

static void model_assign(const struct arguments *a, struct result *want,
                         const struct result *got)
{
    tlist_model(a->which)->length = 0;
    model_extend(a, want, got);
}

/* ---- out of the list ---- */

static void slice(struct stm_tx *tx, const struct arguments *a,
                  struct result *got)
{
    const uint32_t *item = tlist_model(a->which)->item;
    struct stm_seq *seq = NULL;

    got->status =
        stm_tlist_slice(tx, tlist_at(a->which), a->index[0], a->index[1], &seq);
    if (got->status == STM_OK && in_range(a))
        snapshot_replace(snapshot_like(a->which, a->small[0]), seq,
                         item + a->index[0], a->index[1] - a->index[0]);
}

static void model_slice(const struct arguments *a, struct result *want,
                        const struct result *got)
{
    (void)got;
    want->status = in_range(a) ? STM_OK : STM_ERANGE;
}

static void split(struct stm_tx *tx, const struct arguments *a,
                  struct result *got)
{
    const struct list_model *list = tlist_model(a->which);
    struct stm_seq *seq = NULL;

    got->status = stm_tlist_split(tx, tlist_at(a->which), a->index[0], &seq);
    if (got->status == STM_OK && a->index[0] <= list->length)
        snapshot_replace(snapshot_like(a->which, a->small[0]), seq,
                         list->item + a->index[0], list->length - a->index[0]);
}

static void model_split(const struct arguments *a, struct result *want,
                        const struct result *got)
{
    struct list_model *list = tlist_model(a->which);

    (void)got;
    if (a->index[0] <= list->length)
        list->length = a->index[0];
    else
        want->status = STM_ERANGE;
}

/* ---- order ---- */

static void reverse(struct stm_tx *tx, const struct arguments *a,
                    struct result *got)
{
    got->status = stm_tlist_reverse(tx, tlist_at(a->which));
}

static void model_reverse(const struct arguments *a, struct result *want,
                          const struct result *got)
{
    struct list_model *list = tlist_model(a->which);

    (void)want, (void)got;
    for (size_t i = 0; 2 * i + 1 < list->length; i++) {
        uint32_t item = list->item[i];

        list->item[i] = list->item[list->length - 1 - i];
        list->item[list->length - 1 - i] = item;
    }
}

enum { COMPARE_FAILED = STM_EUSER - 5 };

/* What a comparison does besides, at its call number `at`. */
static struct sorting {
    enum { COMPARES, FAILS, READS, CHANGES } deed;
    bool nested; /* in a transaction of its own */
    unsigned which;
    unsigned modulus;
    unsigned at, calls;
    bool done;
} sorting;

static unsigned rank(uint32_t number)
{
    return sorting.modulus == 0 ? number : number % sorting.modulus;
}

static enum stm_status nested_body(struct stm_tx *tx, void *argument)
{
    stm_value value;

    (void)argument;
    if (sorting.deed == CHANGES)
        return stm_tlist_append(tx, tlist_at(sorting.which), 0);
    return stm_tvar_get(tx, tvar_at(1), &value);
}

static enum stm_status compare(stm_value left, stm_value right, void *context,
                               int *out)
{
    bool counted = sorting.which % 2;
    unsigned first = rank(number_of(counted, left));
    unsigned second = rank(number_of(counted, right));

    REQUIRE(context == &sorting, "sort passed another context on");
    if (sorting.deed != COMPARES && sorting.calls++ == sorting.at) {
        sorting.done = true;
        if (sorting.deed == FAILS)
            return (enum stm_status)COMPARE_FAILED;
        STM_TRY(sorting.nested ? stm_atomically(nested_body, NULL)
                               : nested_body(stm_current(), NULL));
    }
    *out = (first > second) - (first < second);
    return STM_OK;
}

static void sort(struct stm_tx *tx, const struct arguments *a,
                 struct result *got)
{
    unsigned drawn = a->small[1];

    sorting.which = a->which;
    sorting.modulus = a->small[0] % 32;
    sorting.deed = drawn % 8 < 5 ? COMPARES : drawn % 8 - 4;
    sorting.nested = drawn / 8 % 2;
    sorting.at = drawn / 16;
    sorting.calls = 0;
    sorting.done = false;
    got->status = stm_tlist_sort(tx, tlist_at(a->which), compare, &sorting);
}

static bool can_sort(const struct arguments *a)
{
    return tlist_model_length(a->which) < LIST_MAX;
}

static void model_sort(const struct arguments *a, struct result *want,
                       const struct result *got)
{
    static const uint32_t zero;
    struct list_model *list = tlist_model(a->which);

    (void)got;
    if (sorting.done && sorting.deed == FAILS)
        want->status = (enum stm_status)COMPARE_FAILED;
    if (sorting.done && sorting.deed == CHANGES) {
        want->status = STM_EMISUSE;
        model_splice(list, list->length, 0, &zero, 1);
    }
    for (size_t i = 1; i < list->length && want->status == STM_OK; i++) {
        uint32_t item = list->item[i];
        size_t j = i;

        for (; j > 0 && rank(list->item[j - 1]) > rank(item); j--)
            list->item[j] = list->item[j - 1];
        list->item[j] = item;
    }
}

static const struct operation operations[] = {
    {.name = "extend",
     .shape = "on",
     .run = extend,
     .model = model_extend,
     .allowed = can_extend},
    {.name = "splice",
     .shape = "oiinn",
     .run = splice,
     .model = model_splicing,
     .allowed = can_extend},
    {.name = "assign",
     .shape = "on",
     .run = assign,
     .model = model_assign,
     .allowed = can_assign},
    {.name = "slice", .shape = "oiin", .run = slice, .model = model_slice},
    {.name = "split", .shape = "oin", .run = split, .model = model_split},
    {.name = "reverse", .shape = "o", .run = reverse, .model = model_reverse},
    {.name = "sort",
     .shape = "onn",
     .run = sort,
     .model = model_sort,
     .allowed = can_sort},
};

const struct family bulk_family = {
    .name = "tlist",
    .objects = TLISTS,
    OPERATIONS(operations),
    .length = tlist_model_length,
};
