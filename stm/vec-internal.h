/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_VEC_INTERNAL_H
#define STM_VEC_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <stm/fast.h>

/* An array that grows; all zero is an empty one.  Growing may fail and then
 * changes nothing; what was reserved can be pushed without failing.
 *
 *     struct stm__vec reads = STM__VEC(struct read);
 *     if (!stm__vec_reserve(&reads, 1)) return STM_ENOMEM;
 *     *(struct read *)stm__vec_push(&reads) = ...;
 */
#define STM__VEC(type)                                                         \
    {                                                                          \
        NULL, 0, 0, sizeof(type)                                               \
    }

/* The place of an item; of an empty array, nowhere, which may not be computed
 * as a pointer into it. */
#define STM__VEC_AT(vec, type, index)                                          \
    ((type *)((uintptr_t)(vec)->items + (index) * sizeof(type)))

bool stm__vec_grow(struct stm__vec *vec, size_t more);

/* Makes room for so many more items. */
static inline bool stm__vec_reserve(struct stm__vec *vec, size_t more)
{
    return vec->count + more <= vec->capacity || stm__vec_grow(vec, more);
}

/* Returns the place of a new last item, for which there is room. */
static inline void *stm__vec_push(struct stm__vec *vec)
{
    return vec->items + vec->count++ * vec->size;
}

/* Sorts an array, which is often short and in order already. */
static inline void stm__sort(void *items, size_t count, size_t size,
                             int (*compare)(const void *, const void *))
{
    const char *at = items;

    for (size_t i = 1; i < count; i++, at += size)
        if (compare(at, at + size) > 0) {
            qsort(items, count, size, compare);
            return;
        }
}

/* Empties the array and frees its memory. */
static inline void stm__vec_fini(struct stm__vec *vec)
{
    free(vec->items);
    vec->items = NULL;
    vec->count = vec->capacity = 0;
}

#endif
