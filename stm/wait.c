/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stm/tvar-internal.h>

/* ---- rings ---- */

static void ring_add(struct stm__wait **ring, struct stm__wait *wait)
{
    struct stm__wait *first = *ring;

    if (!first) {
        wait->next = wait->previous = wait;
        *ring = wait;
        return;
    }
    wait->next = first;
    wait->previous = first->previous;
    first->previous->next = wait;
    first->previous = wait;
}

static void ring_remove(struct stm__wait **ring, struct stm__wait *wait)
{
    wait->previous->next = wait->next;
    wait->next->previous = wait->previous;
    if (*ring == wait)
        *ring = wait->next == wait ? NULL : wait->next;
}

/* ---- groups ---- */

static struct stm__wait *find_group(const struct stm__waits *waits,
                                    stm_value seen)
{
    struct stm__wait *group = waits->groups;

    if (!group)
        return NULL;
    do {
        if (group->seen == seen)
            return group;
        group = group->next_group;
    } while (group != waits->groups);
    return NULL;
}

static void groups_add(struct stm__waits *waits, struct stm__wait *group)
{
    struct stm__wait *first = waits->groups;

    if (!first) {
        group->next_group = group->previous_group = group;
        waits->groups = group;
        return;
    }
    group->next_group = first;
    group->previous_group = first->previous_group;
    first->previous_group->next_group = group;
    first->previous_group = group;
}

static void groups_remove(struct stm__waits *waits, struct stm__wait *group)
{
    group->previous_group->next_group = group->next_group;
    group->next_group->previous_group = group->previous_group;
    if (waits->groups == group)
        waits->groups = group->next_group == group ? NULL : group->next_group;
    group->next_group = group->previous_group = NULL;
}

static void sleepers_add(struct stm__waits *waits, struct stm__wait *wait)
{
    struct stm__wait *group = find_group(waits, wait->seen);

    wait->next_group = wait->previous_group = NULL;
    if (group) {
        ring_add(&group, wait);
        return;
    }
    wait->next = wait->previous = wait;
    groups_add(waits, wait);
}

/* The next one of the group takes the first one's place, where the ring of
 * groups ends. */
static void sleepers_remove(struct stm__waits *waits, struct stm__wait *wait)
{
    struct stm__wait *next = wait->next;
    struct stm__wait *ring = wait;

    if (wait->next_group) {
        groups_remove(waits, wait);
        if (next != wait)
            groups_add(waits, next);
    }
    ring_remove(&ring, wait);
}

/* ---- linking ---- */

static void note_linked(struct stm__waits *waits, struct stm__wait *wait,
                        bool linked)
{
    AO_t count = AO_load(&waits->count);

    wait->linked = linked;
    AO_store_release(&waits->count, linked ? count + 1 : count - 1);
}

static void add_locked(struct stm__waits *waits, struct stm__wait *wait)
{
    if (wait->sleeper)
        sleepers_add(waits, wait);
    else
        ring_add(&waits->callers, wait);
    note_linked(waits, wait, true);
}

static void remove_locked(struct stm__waits *waits, struct stm__wait *wait)
{
    if (wait->sleeper)
        sleepers_remove(waits, wait);
    else
        ring_remove(&waits->callers, wait);
    note_linked(waits, wait, false);
}

void stm__wait_link(struct stm__wait *wait)
{
    stm__side_lock(wait->side);
    wait->generation = stm__generation;
    wait->baton = false;
    wait->looks = 0;
    add_locked(&wait->side->waits, wait);
    stm__side_unlock(wait->side);
}

bool stm__wait_unlink(struct stm__wait *wait)
{
    bool baton;

    if (wait->generation != stm__generation)
        return false;
    stm__side_lock(wait->side);
    if (wait->linked)
        remove_locked(&wait->side->waits, wait);
    baton = wait->baton;
    stm__side_unlock(wait->side);
    return baton;
}

/* ---- claiming ---- */

/* What claims at one side, with its lock held. */
struct claim {
    struct stm__side *side;
    struct stm__waits *waits;
    stm_value present;
    bool gone; /* the variable: what it last was is not known */
    struct stm__waiter *chain;
};

static struct claim begin_claim(struct stm__side *side,
                                struct stm__waiter *chain)
{
    struct claim claim = {.side = side, .waits = &side->waits, .chain = chain};

    stm__side_lock(side);
    claim.gone = !side->var;
    if (side->var)
        claim.present = AO_load_acquire(&side->var->value);
    return claim;
}

static bool differs(const struct claim *claim, const struct stm__wait *wait)
{
    return claim->gone || wait->seen != claim->present;
}

/* Takes a wait away for good.  False: its waiter was awake already. */
static bool claim_one(struct claim *claim, struct stm__wait *wait)
{
    struct stm__waiter *waiter = wait->waiter;
    AO_t state;

    remove_locked(claim->waits, wait);
    state = stm__waiter_claim(waiter);
    if (state == STM__PARKED) {
        waiter->next = claim->chain;
        claim->chain = waiter;
    }
    return state != STM__WOKEN;
}

static void claim_callers(struct claim *claim)
{
    while (claim->waits->callers)
        (void)claim_one(claim, claim->waits->callers);
}

/* The first sleeper of a group that differs, or NULL. */
static struct stm__wait *one_that_differs(const struct claim *claim)
{
    struct stm__wait *group = claim->waits->groups;

    if (!group)
        return NULL;
    do {
        if (differs(claim, group))
            return group;
        group = group->next_group;
    } while (group != claim->waits->groups);
    return NULL;
}

static struct stm__wait *claim_sleeper(struct claim *claim)
{
    struct stm__wait *wait;

    while ((wait = one_that_differs(claim)) != NULL)
        if (claim_one(claim, wait))
            return wait;
    return NULL;
}

static void watch(struct claim *claim)
{
    if (claim->waits->watched == stm__generation)
        return;
    claim->waits->watched = stm__generation;
    stm__side_retain(claim->side);
    stm__overdue_add(claim->side);
}

/* Claims so many sleepers that differ, at most two; returns whether there was
 * one. */
static bool claim_sleepers(struct claim *claim, size_t most)
{
    struct stm__wait *claimed[2];
    size_t count = 0;
    bool more;

    while (count < most && (claimed[count] = claim_sleeper(claim)) != NULL)
        count++;
    more = count && one_that_differs(claim);
    for (size_t i = 0; i < count; i++)
        claimed[i]->baton = more;
    if (more)
        watch(claim);
    return count > 0;
}

static struct stm__waiter *end_claim(struct claim *claim)
{
    stm__side_unlock(claim->side);
    return claim->chain;
}

struct stm__waiter *stm__wait_change(struct stm__side *side, bool *claimed,
                                     struct stm__waiter *chain)
{
    struct claim claim = begin_claim(side, chain);

    claim_callers(&claim);
    *claimed = claim_sleepers(&claim, 1);
    return end_claim(&claim);
}

struct stm__waiter *stm__wait_pass_on(struct stm__side *side,
                                      struct stm__waiter *chain)
{
    struct claim claim = begin_claim(side, chain);

    claim_sleepers(&claim, 2);
    return end_claim(&claim);
}

struct stm__waiter *stm__wait_all(struct stm__side *side,
                                  struct stm__waiter *chain)
{
    struct claim claim = begin_claim(side, chain);

    claim_callers(&claim);
    while (claim.waits->groups)
        (void)claim_one(&claim, claim.waits->groups);
    return end_claim(&claim);
}

/* ---- looking after them ---- */

/* Returns whether any of the group differs and is not overdue. */
static bool look_at_group(struct claim *claim, struct stm__wait *group)
{
    struct stm__wait *wait = group, *last = group->previous, *next;
    bool differ = differs(claim, group), left = false, at_end;

    do {
        next = wait->next;
        at_end = wait == last;
        wait->looks = differ ? wait->looks + 1 : 0;
        if (wait->looks < STM__LOOKS)
            left |= differ;
        else
            (void)claim_one(claim, wait);
        wait = next;
    } while (!at_end);
    return left;
}

struct stm__waiter *stm__wait_overdue(struct stm__side *side, bool *over,
                                      struct stm__waiter *chain)
{
    struct claim claim = begin_claim(side, chain);
    struct stm__wait *group = claim.waits->groups, *next, *last;
    bool left = false, at_end = !group;

    last = group ? group->previous_group : NULL;
    for (; !at_end; group = next) {
        next = group->next_group;
        at_end = group == last;
        left |= look_at_group(&claim, group);
    }
    *over = !left;
    if (*over)
        claim.waits->watched = 0;
    return end_claim(&claim);
}

void stm__wait_notify(struct stm__waiter *chain)
{
    struct stm__waiter *next;

    for (; chain; chain = next) {
        next = chain->next;
        chain->notify(chain);
    }
    if (STM__UNLIKELY(AO_load(&stm__overdue_idle)))
        stm__overdue_start();
}
