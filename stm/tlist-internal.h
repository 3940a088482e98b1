/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_TLIST_INTERNAL_H
#define STM_TLIST_INTERNAL_H

#include <stm/seqvar-internal.h>
#include <stm/tlist.h>

/* A variable that holds a persistent sequence: see stm/seqvar-internal.h. */
struct stm_tlist {
    AO_t refs;
    const struct stm_type *item;
    struct stm_tvar *root; /* of type stm__seq_type */
};

#endif
