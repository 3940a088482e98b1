/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_BOX_INTERNAL_H
#define STM_BOX_INTERNAL_H

#include <stddef.h>

#include <stm/atomic-internal.h>
#include <stm/value-internal.h>

/* A value of the user's in a counted object of its own, so that more can be
 * kept beside it: the box is the first member of the object's struct.  What
 * shares the object counts the box, not what is in it. */
struct stm__box {
    AO_t refs;
    struct stm__ref item; /* owned */
};

/* Makes an object of `size` bytes that begins with a box, which takes a
 * reference of its own to the item.  The caller owns a reference.  NULL: out of
 * memory. */
void *stm__box_new(size_t size, const struct stm_type *type, stm_value item);

/* How to own one.  The object needs no more than free() at its end. */
extern const struct stm_type stm__box_type;

#endif
