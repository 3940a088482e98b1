/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stm/vec-internal.h>

bool stm__vec_grow(struct stm__vec *vec, size_t more)
{
    size_t capacity = vec->capacity ? vec->capacity : 8;
    char *items;

    while (capacity < vec->count + more)
        capacity *= 2;
    items = realloc(vec->items, capacity * vec->size);
    if (!items)
        return false;
    vec->items = items;
    vec->capacity = capacity;
    return true;
}
