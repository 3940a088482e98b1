/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <stm/map-node-internal.h>

/* ---- the path ---- */

/* Goes down to the node in which the hash ends. */
static void walk(struct stm__map_change *change, struct stm__map_node *root,
                 uint64_t hash)
{
    struct stm__map_node *node = root;
    bool own = true; /* below a shared node, every node is */

    *change = (struct stm__map_change){.hash = hash};
    for (unsigned level = 0;; level++) {
        own = own && stm__refs_single(&node->refs);
        change->path[level] = node;
        change->last = level;
        change->shared += own;
        if (level == STM__MAP_LEVELS ||
            !(node->child_bits & stm__map_bit(hash, level)))
            return;
        node = *stm__map_child(node, stm__map_bit(hash, level));
    }
}

/* The same, and finds the entry of the key, which it does not look at. */
static const struct stm__map_node *walk_to(struct stm__map_change *change,
                                           struct stm__map_node *root,
                                           uint64_t hash,
                                           const struct stm__map_key *record)
{
    const struct stm__map_node *node;

    walk(change, root, hash);
    node = change->path[change->last];
    if (change->last < STM__MAP_LEVELS)
        change->index =
            stm__map_rank(node->entry_bits, stm__map_bit(hash, change->last));
    else
        while (node->entry[change->index].record != record)
            change->index++;
    return node;
}

/* The bit of the hash in a node of the path; 0 in one of equal hashes. */
static uint32_t bit_in(const struct stm__map_change *change, unsigned level)
{
    return level < STM__MAP_LEVELS ? stm__map_bit(change->hash, level) : 0;
}

void stm__map_forget(struct stm__map_change *change)
{
    for (unsigned i = 0; i <= change->top; i++)
        free(change->fresh[i]);
    stm__map_node_unpair(change->pair);
}

/* Allocates the node that takes the place of the one at `top`, with room for so
 * many more, and copies of those above it that are shared. */
static bool reserve(struct stm__map_change *change, unsigned top, int entries,
                    int children)
{
    bool done = true;

    change->top = top;
    for (unsigned i = change->shared; i < top && done; i++) {
        change->fresh[i] = stm__map_node_new(change->path[i]->entries,
                                             change->path[i]->children);
        done = change->fresh[i] != NULL;
    }
    if (done)
        change->fresh[top] =
            stm__map_node_new(change->path[top]->entries + (uint32_t)entries,
                              change->path[top]->children + (uint32_t)children);
    if (done && change->fresh[top])
        return true;
    stm__map_forget(change);
    return false;
}

/* Puts a copy of a node, changed by an edit, in its place, and takes over the
 * references that it holds. */
static void replace(struct stm__map_change *change, unsigned level,
                    struct stm__map_node **link,
                    const struct stm__map_edit *edit,
                    const struct stm_type *value)
{
    struct stm__map_node *node = *link;

    stm__map_node_copy(change->fresh[level], node, edit);
    stm__map_node_open(node, level < change->shared, value);
    *link = change->fresh[level];
}

/* Makes every node above the top the map's own; returns what points to the top.
 */
static struct stm__map_node **own_above(struct stm__map_change *change,
                                        struct stm__map_node **root,
                                        const struct stm_type *value)
{
    static const struct stm__map_edit nothing = {.bit = 0};
    struct stm__map_node **link = root;

    for (unsigned i = 0; i < change->top; i++) {
        if (i >= change->shared)
            replace(change, i, link, &nothing, value);
        link = stm__map_child(*link, stm__map_bit(change->hash, i));
    }
    return link;
}

/* ---- adding ---- */

/* Has the lowest node another entry where this one belongs?  Then both go a
 * level down. */
static bool is_taken(const struct stm__map_change *change)
{
    return change->path[change->last]->entry_bits &
           bit_in(change, change->last);
}

bool stm__map_prepare_add(struct stm__map_change *change,
                          struct stm__map_node *root,
                          const struct stm__map_entry *entry)
{
    const struct stm__map_node *node;

    walk(change, root, entry->record->hash);
    if (!is_taken(change))
        return reserve(change, change->last, 1, 0);
    node = change->path[change->last];
    change->index =
        stm__map_rank(node->entry_bits, bit_in(change, change->last));
    change->pair = stm__map_node_pair(&node->entry[change->index], entry,
                                      change->last + 1);
    return change->pair && reserve(change, change->last, -1, 1);
}

void stm__map_make_add(struct stm__map_change *change,
                       struct stm__map_node **root,
                       const struct stm__map_entry *entry,
                       const struct stm_type *value)
{
    struct stm__map_edit edit = {
        .bit = bit_in(change, change->top),
        .add_entry = change->pair ? NULL : entry,
        .cut_entry = change->pair != NULL,
        .add_child = change->pair,
    };

    replace(change, change->top, own_above(change, root, value), &edit, value);
}

/* ---- cutting ---- */

/* A node, but for the root, has at least two keys below it.  One that would
 * keep a single entry gives it to the node above, and so on. */
bool stm__map_prepare_cut(struct stm__map_change *change,
                          struct stm__map_node *root, uint64_t hash,
                          const struct stm__map_key *record)
{
    const struct stm__map_node *node = walk_to(change, root, hash, record);
    unsigned top = change->last;

    if (top == 0 || node->entries != 2 || node->children != 0)
        return reserve(change, top, -1, 0);
    do
        top--;
    while (top > 0 && change->path[top]->entries == 0 &&
           change->path[top]->children == 1);
    return reserve(change, top, 1, -1);
}

void stm__map_make_cut(struct stm__map_change *change,
                       struct stm__map_node **root,
                       struct stm__map_entry *removed,
                       const struct stm_type *value)
{
    const struct stm__map_node *lowest = change->path[change->last];
    bool moves = change->top < change->last;
    struct stm__map_entry rest = {0};
    struct stm__map_edit edit = {
        .bit = bit_in(change, change->top),
        .cut_index = change->index,
        .cut_entry = !moves,
        .add_entry = moves ? &rest : NULL,
        .cut_child = moves,
    };

    *removed = lowest->entry[change->index];
    if (moves)
        rest = lowest->entry[1 - change->index];
    replace(change, change->top, own_above(change, root, value), &edit, value);
    for (unsigned i = change->top + 1; i <= change->last; i++)
        stm__map_node_open(change->path[i], i < change->shared, value);
}

/* ---- setting ---- */

bool stm__map_prepare_set(struct stm__map_change *change,
                          struct stm__map_node *root, uint64_t hash,
                          const struct stm__map_key *record)
{
    (void)walk_to(change, root, hash, record);
    change->top = change->last;
    return change->last < change->shared || reserve(change, change->top, 0, 0);
}

stm_value *stm__map_make_set(struct stm__map_change *change,
                             struct stm__map_node **root,
                             const struct stm_type *value)
{
    struct stm__map_edit edit = {.bit = bit_in(change, change->top)};
    struct stm__map_node **link = own_above(change, root, value);

    if (change->top >= change->shared)
        replace(change, change->top, link, &edit, value);
    return &(*link)->entry[change->index].value;
}
