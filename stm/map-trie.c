/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <stm/map-node-internal.h>

/* ---- the path ---- */

/* Goes down to the node in which the hash ends. */
static void walk(struct stm__map_change *change, const struct stm_map *map,
                 uint64_t hash)
{
    struct stm__map_node *node = map->root;
    bool own = !map->root_borrowed; /* below a shared node, every node is */

    change->hash = hash;
    change->shared = 0;
    change->index = 0;
    change->pair = NULL;
    for (unsigned level = 0;; level++) {
        uint32_t bit;

        own = own && stm__refs_single(&node->refs);
        change->path[level] = node;
        change->last = level;
        change->shared += own;
        if (level == STM__MAP_LEVELS)
            return;
        bit = stm__map_bit(hash, level);
        if (!(node->child_bits & bit))
            return;
        own = own && !(node->borrowed_children & bit);
        node = *stm__map_child(node, bit);
    }
}

/* The same, and finds the entry of the key, which it does not look at. */
static const struct stm__map_node *walk_to(struct stm__map_change *change,
                                           const struct stm_map *map,
                                           uint64_t hash,
                                           const struct stm__map_key *record)
{
    const struct stm__map_node *node;

    walk(change, map, hash);
    node = change->path[change->last];
    if (change->last < STM__MAP_LEVELS)
        change->index =
            stm__map_rank(node->entry_bits, stm__map_bit(hash, change->last));
    else
        while (stm__map_entries(node)[change->index].record != record)
            change->index++;
    return node;
}

/* The bit of the hash in a node of the path; 0 in one of equal hashes. */
static uint32_t bit_in(const struct stm__map_change *change, unsigned level)
{
    return level < STM__MAP_LEVELS ? stm__map_bit(change->hash, level) : 0;
}

/* The first level whose node has another one to take its place. */
static unsigned first_fresh(const struct stm__map_change *change)
{
    return change->shared < change->top ? change->shared : change->top;
}

void stm__map_forget(struct stm__map_change *change)
{
    for (unsigned i = first_fresh(change); i <= change->top; i++)
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
    for (unsigned i = first_fresh(change); i <= top; i++) {
        const struct stm__map_node *node = change->path[i];
        uint32_t more = i == top ? (uint32_t)entries : 0;
        uint32_t more_children = i == top ? (uint32_t)children : 0;

        change->fresh[i] = stm__map_node_new(node->entries + more,
                                             node->children + more_children);
        done = done && change->fresh[i];
    }
    if (!done)
        stm__map_forget(change);
    return done;
}

/* Counts what a copy has in common with the node, which stays another's: all
 * but an entry that is cut, or NULL, and the child of a bit that is, or 0. */
static void count(struct stm__map_node *node, const struct stm__map_entry *cut,
                  uint32_t cut_child, const struct stm_type *value)
{
    uint32_t bits = node->child_bits & ~cut_child;

    for (uint32_t i = 0; i < node->entries; i++)
        if (&stm__map_entries(node)[i] != cut)
            stm__map_entry_retain(&stm__map_entries(node)[i], value);
    for (; bits; bits &= bits - 1)
        (void)AO_fetch_and_add1(
            &(*stm__map_child(node, stm__map_lowest(bits)))->refs);
}

/* Lets a copy borrow what it has in common with the node, which stays the
 * lender's. */
static void borrow(struct stm__map_node *copy, const struct stm__map_node *node)
{
    copy->borrowed_entries = node->entry_bits & copy->entry_bits;
    copy->borrowed_children = node->child_bits & copy->child_bits;
}

/* Puts a copy of the node at a level, changed by an edit, in its place.  What
 * they have in common is moved if the node is the map's own, else borrowed or
 * counted; an entry that is cut comes with references of its own. */
static void replace(struct stm__map_change *change, struct stm_map *map,
                    struct stm__map_node **link,
                    const struct stm__map_edit *edit)
{
    struct stm__map_node *node = *link, *copy = change->fresh[change->top];
    const struct stm__map_entry *cut = NULL;
    bool own = change->top < change->shared;
    bool borrows = stm__map_borrows(map);

    stm__map_node_copy(copy, node, edit);
    if (edit->cut_entry)
        cut = &stm__map_entries(node)[change->index];
    if (cut && (!own || node->borrowed_entries & edit->bit))
        stm__map_entry_retain(cut, map->value);
    *link = copy;
    if (own) {
        copy->borrowed_entries = node->borrowed_entries & copy->entry_bits;
        copy->borrowed_children = node->borrowed_children & copy->child_bits;
        free(node);
        return;
    }
    if (borrows && change->top < STM__MAP_LEVELS)
        borrow(copy, node);
    else
        count(node, cut, edit->cut_child ? edit->bit : 0, map->value);
    if (!borrows)
        stm__map_node_drop(node, map->value);
}

/* Puts a copy that is the map's own in the place of the node at a level. */
static void own_node(struct stm__map_change *change, unsigned level,
                     struct stm_map *map, struct stm__map_node **link)
{
    struct stm__map_node *node = *link, *copy = change->fresh[level];
    bool borrows = stm__map_borrows(map);

    stm__map_node_clone(copy, node);
    *link = copy;
    if (borrows && level < STM__MAP_LEVELS)
        borrow(copy, node);
    else
        count(node, NULL, 0, map->value);
    if (!borrows)
        stm__map_node_drop(node, map->value);
}

/* Makes every node above the top the map's own; returns what points to the top,
 * which will be. */
static struct stm__map_node **own_above(struct stm__map_change *change,
                                        struct stm_map *map)
{
    struct stm__map_node **link = &map->root;

    for (unsigned i = 0; i < change->top; i++) {
        uint32_t bit = stm__map_bit(change->hash, i);

        if (i >= change->shared)
            own_node(change, i, map, link);
        (*link)->borrowed_children &= ~bit;
        link = stm__map_child(*link, bit);
    }
    map->root_borrowed = false;
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
                          const struct stm_map *map,
                          const struct stm__map_entry *entry)
{
    const struct stm__map_node *node;

    walk(change, map, entry->record->hash);
    if (!is_taken(change))
        return reserve(change, change->last, 1, 0);
    node = change->path[change->last];
    change->index =
        stm__map_rank(node->entry_bits, bit_in(change, change->last));
    change->pair = stm__map_node_pair(&stm__map_entries(node)[change->index],
                                      entry, change->last + 1);
    return change->pair && reserve(change, change->last, -1, 1);
}

void stm__map_make_add(struct stm__map_change *change, struct stm_map *map,
                       const struct stm__map_entry *entry)
{
    struct stm__map_edit edit = {
        .bit = bit_in(change, change->top),
        .add_entry = change->pair ? NULL : entry,
        .cut_entry = change->pair != NULL,
        .add_child = change->pair,
    };

    replace(change, map, own_above(change, map), &edit);
}

/* ---- cutting ---- */

/* A node, but for the root, has at least two keys below it.  One that would
 * keep a single entry gives it to the node above, and so on. */
bool stm__map_prepare_cut(struct stm__map_change *change,
                          const struct stm_map *map, uint64_t hash,
                          const struct stm__map_key *record)
{
    const struct stm__map_node *node = walk_to(change, map, hash, record);
    unsigned top = change->last;

    if (top == 0 || node->entries != 2 || node->children != 0)
        return reserve(change, top, -1, 0);
    do
        top--;
    while (top > 0 && change->path[top]->entries == 0 &&
           change->path[top]->children == 1);
    return reserve(change, top, 1, -1);
}

/* The two entries of the lowest node, which goes, with references of their
 * own. */
static void take_both(const struct stm__map_change *change,
                      struct stm__map_entry *removed,
                      struct stm__map_entry *rest, const struct stm_type *value)
{
    const struct stm__map_node *lowest = change->path[change->last];
    bool own = change->last < change->shared;
    uint32_t bit = bit_in(change, change->last);

    *removed = stm__map_entries(lowest)[change->index];
    *rest = stm__map_entries(lowest)[1 - change->index];
    if (!own || lowest->borrowed_entries & bit)
        stm__map_entry_retain(removed, value);
    if (!own || lowest->borrowed_entries & ~bit)
        stm__map_entry_retain(rest, value);
}

/* Gives back the nodes below the top, whose entries were taken. */
static void drop_below_top(const struct stm__map_change *change,
                           const struct stm_map *map)
{
    unsigned level = change->top + 1;

    for (; level <= change->last && level < change->shared; level++)
        free(change->path[level]);
    if (level <= change->last && level == change->shared &&
        !stm__map_borrows(map))
        stm__map_node_drop(change->path[level], map->value);
}

void stm__map_make_cut(struct stm__map_change *change, struct stm_map *map,
                       struct stm__map_entry *removed)
{
    bool moves = change->top < change->last;
    struct stm__map_entry rest = {0};
    struct stm__map_edit edit = {
        .bit = bit_in(change, change->top),
        .cut_index = change->index,
        .cut_entry = !moves,
        .add_entry = moves ? &rest : NULL,
        .cut_child = moves,
    };

    if (moves)
        take_both(change, removed, &rest, map->value);
    else
        *removed = stm__map_entries(change->path[change->last])[change->index];
    replace(change, map, own_above(change, map), &edit);
    drop_below_top(change, map);
}

/* ---- setting ---- */

bool stm__map_prepare_set(struct stm__map_change *change,
                          const struct stm_map *map, uint64_t hash,
                          const struct stm__map_key *record)
{
    (void)walk_to(change, map, hash, record);
    change->top = change->last;
    return change->last < change->shared || reserve(change, change->top, 0, 0);
}

stm_value *stm__map_make_set(struct stm__map_change *change,
                             struct stm_map *map)
{
    struct stm__map_node **link = own_above(change, map);
    uint32_t bit = bit_in(change, change->top);
    struct stm__map_entry *entry;

    if (change->top >= change->shared)
        own_node(change, change->top, map, link);
    entry = &stm__map_entries(*link)[change->index];
    if ((*link)->borrowed_entries & bit) {
        stm__map_entry_retain(entry, map->value);
        (*link)->borrowed_entries &= ~bit;
    }
    return &entry->value;
}
