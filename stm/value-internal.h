/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_VALUE_INTERNAL_H
#define STM_VALUE_INTERNAL_H

#include <stm/value.h>

/* A counted reference together with how it is counted. */
struct stm__ref {
    stm_value value;
    const struct stm_type *type;
};

static inline void stm__retain(const struct stm_type *type, stm_value value)
{
    if (type && type->retain && value)
        type->retain(value);
}

/* May run the user's code: never with a lock held or inside an attempt. */
static inline void stm__release(const struct stm_type *type, stm_value value)
{
    if (type && type->release && value)
        type->release(value);
}

static inline bool stm__counted(const struct stm_type *type)
{
    return type && type->release;
}

static inline bool stm__may_release(const struct stm_type *type,
                                    stm_value value)
{
    return !type || !type->may_release || !value || type->may_release(value);
}

/* Are the two the same to one who waits for a change? */
static inline bool stm__same(const struct stm_type *type, stm_value left,
                             stm_value right)
{
    return left == right || (type && type->equal && type->equal(left, right));
}

static inline int stm__traverse(const struct stm_type *type, stm_value value,
                                stm_visit *visit, void *context)
{
    if (!stm__counted(type) || !value)
        return 0;
    return type->traverse ? type->traverse(value, visit, context)
                          : visit(value, context);
}

#endif
