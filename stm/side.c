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

void stm__side_lock(struct stm__side *side)
{
    for (unsigned turn = 0;; turn++) {
        AO_t holder = AO_load(&side->lock);

        if (holder != stm__generation &&
            AO_compare_and_swap_acquire(&side->lock, holder, stm__generation))
            break;
        stm__spin(turn);
    }
    if (STM__UNLIKELY(side->waits_generation != stm__generation)) {
        AO_store(&side->waits, 0);
        side->waits_generation = stm__generation;
    }
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

void stm__wait_link(struct stm__wait *wait)
{
    struct stm__side *side = stm__side_of(wait->var);
    struct stm__wait *first;

    stm__side_lock(side);
    wait->generation = stm__generation;
    first = (struct stm__wait *)AO_load(&side->waits);
    wait->previous = NULL;
    wait->next = first;
    if (first)
        first->previous = wait;
    AO_store_release(&side->waits, (AO_t)wait);
    stm__side_unlock(side);
}

void stm__wait_unlink(struct stm__wait *wait)
{
    struct stm__side *side = stm__side_of(wait->var);

    if (wait->generation != stm__generation)
        return;
    stm__side_lock(side);
    if (wait->previous)
        wait->previous->next = wait->next;
    else
        AO_store_release(&side->waits, (AO_t)wait->next);
    if (wait->next)
        wait->next->previous = wait->previous;
    stm__side_unlock(side);
}

struct stm__waiter *stm__wait_claim(struct stm_tvar *var,
                                    struct stm__waiter *chain)
{
    struct stm__side *side = stm__side_of(var);
    struct stm__wait *wait;

    stm__side_lock(side);
    wait = (struct stm__wait *)AO_load(&side->waits);
    for (; wait; wait = wait->next) {
        if (!stm__waiter_claim(wait->waiter))
            continue;
        wait->waiter->next = chain;
        chain = wait->waiter;
    }
    stm__side_unlock(side);
    return chain;
}

void stm__wait_notify(struct stm__waiter *chain)
{
    struct stm__waiter *next;

    for (; chain; chain = next) {
        next = chain->next;
        chain->notify(chain);
    }
}
