/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <stm/tvar-internal.h>

static struct stm__side *allocate(struct stm_tvar *var)
{
    struct stm__side *side = calloc(1, sizeof *side);

    if (side) {
        side->refs = 1;
        side->var = var;
    }
    return side;
}

struct stm__side *stm__side_ensure(struct stm_tvar *var)
{
    struct stm__side *side = stm__side_of(var);
    AO_t none = AO_load(&var->side) & STM__MEMBER;

    if (side)
        return side;
    side = allocate(var);
    if (!side)
        return NULL;
    if (!AO_compare_and_swap_full(&var->side, none, (AO_t)side | none))
        free(side);
    return stm__side_of(var);
}

/* ---- the lock and what is under it ---- */

AO_t stm__generation = 1;

static void forget_waits(struct stm__waits *waits)
{
    AO_store(&waits->count, 0);
    waits->callers = waits->groups = NULL;
    waits->generation = stm__generation;
}

void stm__side_lock(struct stm__side *side)
{
    for (unsigned turn = 0;; turn++) {
        AO_t holder = AO_load(&side->lock);

        if (holder != stm__generation &&
            AO_compare_and_swap_acquire(&side->lock, holder, stm__generation))
            break;
        stm__spin(turn);
    }
    if (STM__UNLIKELY(side->waits.generation != stm__generation))
        forget_waits(&side->waits);
}

void stm__side_unlock(struct stm__side *side)
{
    AO_store_release(&side->lock, 0);
}

void stm__side_retain(struct stm__side *side)
{
    (void)AO_fetch_and_add1(&side->refs);
}

void stm__side_release(struct stm__side *side)
{
    if (AO_fetch_and_sub1_full(&side->refs) != 1)
        return;
    free(side->name);
    free(side);
}
