/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stddef.h>

#include <stm/timer-internal.h>

#define NEVER UINT64_MAX /* STM_FOREVER */

/* ---- a pairing heap ---- */

/* Makes one heap of two roots without siblings, either of which may be NULL.
 * Whoever keeps the root sets its link. */
static struct stm__heap_node *meld(struct stm__heap_node *left,
                                   struct stm__heap_node *right)
{
    struct stm__heap_node *later;

    if (!left || !right)
        return left ? left : right;
    later = right->time < left->time ? left : right;
    if (later == left)
        left = right;
    later->next = left->child;
    if (later->next)
        later->next->link = &later->next;
    later->link = &left->child;
    left->child = later;
    return left;
}

/* Makes one heap of siblings: pairs from the first to the last, then all pairs
 * from the last to the first. */
static struct stm__heap_node *meld_siblings(struct stm__heap_node *first)
{
    struct stm__heap_node *pairs = NULL, *root = NULL, *next;

    for (; first; first = next) {
        struct stm__heap_node *second = first->next;

        next = second ? second->next : NULL;
        first->next = NULL;
        if (second)
            second->next = NULL;
        first = meld(first, second);
        first->next = pairs;
        pairs = first;
    }
    for (; pairs; pairs = next) {
        next = pairs->next;
        pairs->next = NULL;
        root = meld(root, pairs);
    }
    return root;
}

static void add_root(struct stm__heap_node **root, struct stm__heap_node *node)
{
    *root = meld(*root, node);
    if (*root)
        (*root)->link = root;
}

static void add(struct stm__heap_node **root, struct stm__heap_node *node,
                uint64_t time)
{
    node->time = time;
    if (time == NEVER)
        return;
    node->child = node->next = NULL;
    add_root(root, node);
}

static void take_out(struct stm__heap_node **root, struct stm__heap_node *node)
{
    if (node->time == NEVER)
        return;
    *node->link = node->next;
    if (node->next)
        node->next->link = node->link;
    add_root(root, meld_siblings(node->child));
    node->time = NEVER;
}

/* ---- timers ---- */

void stm__timers_add(struct stm__timers *timers, struct stm__timer *timer,
                     const uint64_t times[STM__CLOCKS])
{
    for (int clock = 0; clock < STM__CLOCKS; clock++)
        add(&timers->roots[clock], &timer->nodes[clock], times[clock]);
}

void stm__timers_remove(struct stm__timers *timers, struct stm__timer *timer)
{
    for (int clock = 0; clock < STM__CLOCKS; clock++)
        take_out(&timers->roots[clock], &timer->nodes[clock]);
}

struct stm__timer *stm__timers_first(const struct stm__timers *timers,
                                     enum stm__clock_kind clock)
{
    struct stm__heap_node *root = timers->roots[clock];

    return root ? (struct stm__timer *)((char *)(root - clock) -
                                        offsetof(struct stm__timer, nodes))
                : NULL;
}

uint64_t stm__timers_next(const struct stm__timers *timers,
                          enum stm__clock_kind clock)
{
    return timers->roots[clock] ? timers->roots[clock]->time : NEVER;
}
