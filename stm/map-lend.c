/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <stm/map-node-internal.h>

/* Versions that lend to one another.
 *
 * A change of one entry copies a few nodes, and each of them points to 31
 * children and entries that have not changed.  To count these up, and down
 * again when the old version goes, would be most of what a change costs.  So a
 * new version, the *debtor*, does not count them but *borrows* them from the
 * old one, its *lender*: a bit in the copied node says that the reference is
 * the lender's.
 *
 *      lender   [ a b c d ]            debtor   [ a b'c d ]
 *                 | | | |                         . | . .    . borrowed
 *
 * What always holds:
 *
 *   - A map lends to one other at most, and one that borrows does not lend.
 *     Who wants to borrow from a debtor pays its debt first, by counting; who
 *     wants to borrow from a lender counts.
 *   - Only nodes that the debtor made since are in its hands alone, and so only
 *     these have anything borrowed; what they do not borrow is their own, and
 *     all nodes among that are such again.  Each stands where, in the lender's
 *     trie, a node stands that has what it borrows; for nodes never change
 *     their places.
 *   - The nodes of maps that may share some are under one lock, as far as
 *     borrowing goes; it is held for as long as it takes to go through the
 *     nodes that the debtor made.
 *
 * When the lender's last reference goes, the two change places: what was
 * borrowed becomes the debtor's own, and the lender, which then owes it, can be
 * dropped.  That the debtor goes first is simple: its own nodes go.
 *
 * A lender does not go while the debtor may still be changed in place: the
 * attempt that changes it has the lender in view. */

#define LOCKS 16

struct stm__map_lock {
    AO_t held;
} __attribute__((aligned(STM__CACHE_LINE)));

static struct stm__map_lock locks[LOCKS];
static AO_t drawn;

struct stm__map_lock *stm__map_lock_draw(void)
{
    return &locks[AO_fetch_and_add1(&drawn) % LOCKS];
}

static void lock(struct stm__map_lock *own)
{
    for (unsigned turn = 0;; turn++) {
        if (!AO_load(&own->held) &&
            AO_compare_and_swap_acquire(&own->held, 0, 1))
            return;
        stm__spin(turn);
    }
}

static void unlock(struct stm__map_lock *own)
{
    AO_store_release(&own->held, 0);
}

void stm__map_fork_prepare(void)
{
    for (size_t i = 0; i < LOCKS; i++)
        lock(&locks[i]);
}

void stm__map_fork_done(void)
{
    for (size_t i = 0; i < LOCKS; i++)
        unlock(&locks[i]);
}

/* ---- paying ---- */

/* Counts what the nodes of a debtor borrow.  As deep as the trie. */
static void pay(struct stm__map_node *node, const struct stm_type *value)
{
    uint32_t bits = node->borrowed_entries;

    for (; bits; bits &= bits - 1)
        stm__map_entry_retain(
            &stm__map_entries(
                node)[stm__map_rank(node->entry_bits, stm__map_lowest(bits))],
            value);
    bits = node->child_bits;
    for (; bits; bits &= bits - 1) {
        uint32_t bit = stm__map_lowest(bits);
        struct stm__map_node *child = *stm__map_child(node, bit);

        if (node->borrowed_children & bit)
            (void)AO_fetch_and_add1(&child->refs);
        else
            pay(child, value);
    }
    node->borrowed_entries = node->borrowed_children = 0;
}

/* Makes what a debtor's node borrows from the lender's its own, and the
 * reverse; a node that the lender shares with others keeps what it has. */
static void change_places(struct stm__map_node *lender,
                          struct stm__map_node *debtor,
                          const struct stm_type *value)
{
    uint32_t bits = debtor->child_bits & ~debtor->borrowed_children;

    if (!stm__refs_single(&lender->refs)) {
        pay(debtor, value);
        return;
    }
    for (bits &= lender->child_bits; bits; bits &= bits - 1) {
        uint32_t bit = stm__map_lowest(bits);

        change_places(*stm__map_child(lender, bit),
                      *stm__map_child(debtor, bit), value);
    }
    lender->borrowed_entries = debtor->borrowed_entries;
    lender->borrowed_children = debtor->borrowed_children;
    debtor->borrowed_entries = debtor->borrowed_children = 0;
}

static void part(struct stm_map *lender, struct stm_map *debtor)
{
    AO_store_release(&lender->debtor, 0);
    AO_store_release(&debtor->lender, 0);
}

/* ---- a map's life ---- */

void stm__map_borrow(struct stm_map *map, struct stm_map *from)
{
    map->lock = from->lock;
    map->root = from->root;
    lock(map->lock);
    if (from->lender) {
        pay(from->root, from->value);
        part((struct stm_map *)from->lender, from);
    }
    if (from->debtor) {
        (void)AO_fetch_and_add1(&map->root->refs);
    } else {
        from->debtor = (AO_t)map;
        map->lender = (AO_t)from;
        map->root_borrowed = true;
    }
    unlock(map->lock);
}

void stm__map_settle(struct stm_map *map)
{
    struct stm_map *lender, *debtor;

    if (!AO_load_acquire(&map->lender) && !AO_load_acquire(&map->debtor))
        return;
    lock(map->lock);
    lender = (struct stm_map *)map->lender;
    debtor = (struct stm_map *)map->debtor;
    if (debtor) {
        change_places(map->root, debtor->root, map->value);
        part(map, debtor);
    } else if (lender) {
        part(lender, map);
    }
    unlock(map->lock);
}

void stm__map_wind_up(struct stm_map *map)
{
    stm__map_settle(map);
    if (!map->root_borrowed)
        stm__map_node_drop(map->root, map->value);
    stm__seq_drop(map->order);
    free(map);
}
