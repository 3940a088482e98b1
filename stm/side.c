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

    if (side)
        return side;
    side = allocate(var);
    if (!side)
        return NULL;
    if (!AO_compare_and_swap_full(&var->side, 0, (AO_t)side))
        free(side);
    return stm__side_of(var);
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

void stm__wait_link(struct stm__wait *wait)
{
    struct stm__side *side = stm__side_of(wait->var);
    struct stm__wait *first;

    stm__spin_lock(&side->lock);
    first = (struct stm__wait *)AO_load(&side->waits);
    wait->previous = NULL;
    wait->next = first;
    if (first)
        first->previous = wait;
    AO_store_release(&side->waits, (AO_t)wait);
    stm__spin_unlock(&side->lock);
}

void stm__wait_unlink(struct stm__wait *wait)
{
    struct stm__side *side = stm__side_of(wait->var);

    stm__spin_lock(&side->lock);
    if (wait->previous)
        wait->previous->next = wait->next;
    else
        AO_store_release(&side->waits, (AO_t)wait->next);
    if (wait->next)
        wait->next->previous = wait->previous;
    stm__spin_unlock(&side->lock);
}

struct stm__waiter *stm__wait_claim(struct stm_tvar *var,
                                    struct stm__waiter *chain)
{
    struct stm__side *side = stm__side_of(var);
    struct stm__wait *wait;

    stm__spin_lock(&side->lock);
    wait = (struct stm__wait *)AO_load(&side->waits);
    for (; wait; wait = wait->next) {
        if (!stm__waiter_claim(wait->waiter))
            continue;
        wait->waiter->next = chain;
        chain = wait->waiter;
    }
    stm__spin_unlock(&side->lock);
    return chain;
}
