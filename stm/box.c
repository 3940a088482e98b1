/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <stm/box-internal.h>

void *stm__box_new(size_t size, const struct stm_type *type, stm_value item)
{
    struct stm__box *box = malloc(size);

    if (!box)
        return NULL;
    box->refs = 1;
    box->item.value = item;
    box->item.type = type;
    stm__retain(type, item);
    return box;
}

static void retain(stm_value value)
{
    (void)AO_fetch_and_add1(&((struct stm__box *)value)->refs);
}

static void release(stm_value value)
{
    struct stm__box *box = (struct stm__box *)value;

    if (AO_fetch_and_sub1_full(&box->refs) != 1)
        return;
    stm__release(box->item.type, box->item.value);
    free(box);
}

static bool may_release(stm_value value)
{
    const struct stm__box *box = (const struct stm__box *)value;

    return stm__may_release(box->item.type, box->item.value);
}

/* A box that has several owners is visited by none of them. */
static int traverse(stm_value value, stm_visit *visit, void *context)
{
    const struct stm__box *box = (const struct stm__box *)value;

    return AO_load(&box->refs) == 1
               ? stm__traverse(box->item.type, box->item.value, visit, context)
               : 0;
}

const struct stm_type stm__box_type = {
    .name = "box",
    .retain = retain,
    .release = release,
    .may_release = may_release,
    .traverse = traverse,
};
