/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stm/seq-tree-internal.h>

/* Joining two trees, and cutting a piece out of one.
 *
 * A join puts the lower tree at the edge of the higher one, as a neighbour of
 * the edge node of its own height, and from there on is an insertion:
 *
 *            o                              o
 *          / | \         x                / | \
 *         o  o  o   +   / \      =       o  o  o ___
 *        /|  |\ |\     o   o            /|  |\ |\   \
 *       o o  o o o e                   o o  o o o e  x
 *
 * e and x become one node if that is possible, else they share their entries
 * so that both have enough.  Only nodes on the edge, between the two heights,
 * are touched.  (The idea is that of "just join": Blelloch, Ferizovic and Sun,
 * 2016, there for binary trees.) */

/* Reserves exactly what fuse and the new root will take. */
static bool reserve_join(struct stm__edit *edit, const struct stm__node *left,
                         const struct stm__node *right)
{
    bool left_high = left->height > right->height;
    const struct stm__node *high = left_high ? left : right;
    const struct stm__node *low = left_high ? right : left;
    size_t edge = left_high ? stm__node_size(high) - 1 : 0;
    struct stm__path path =
        stm__path_survey(high, edge, low->height, STM__GROW);
    unsigned need[2] = {0, path.copies};
    if (stm__node_unbalanced(path.last, low))
        need[stm__node_kind(low)] += path.shared + stm__node_must_copy(low);
    if (path.last->fill + low->fill > (int)STM__FAN) {
        need[STM__INNER] += path.tight;
        if (path.tight == path.above)
            need[STM__INNER]++; /* a new root */
    }
    return stm__edit_reserve(edit, need[STM__LEAF], need[STM__INNER]);
}

/* Returns a node of the greater height, and in *extra a right neighbour that
 * was left over, or NULL. */
static struct stm__node *fuse(struct stm__edit *edit, struct stm__node *left,
                              struct stm__node *right, struct stm__node **extra)
{
    if (left->height == right->height) {
        stm__node_balance(edit, &left, &right);
        *extra = right;
        return left;
    }
    bool left_high = left->height > right->height;
    struct stm__node *high = stm__node_own(edit, left_high ? left : right);
    struct stm__inner *inner = stm__inner(high);
    unsigned at = left_high ? high->fill - 1u : 0;
    struct stm__node *child = inner->child[at], *second = NULL;
    struct stm__node *first = left_high ? fuse(edit, child, right, &second)
                                        : fuse(edit, left, child, &second);
    *extra = stm__inner_grow(edit, inner, at, first, second);
    return high;
}

bool stm__tree_join(struct stm__edit *edit, struct stm__node **left,
                    struct stm__node *right)
{
    if (!*left || !right) {
        *left = *left ? *left : right;
        return true;
    }
    if (!reserve_join(edit, *left, right))
        return false;
    struct stm__node *extra = NULL;
    struct stm__node *node = fuse(edit, *left, right, &extra);
    *left = stm__tree_root(edit, node, extra);
    return true;
}

/* Joins, and gives right back if that fails. */
static bool append_tree(struct stm__edit *edit, struct stm__node **left,
                        struct stm__node *right)
{
    if (stm__tree_join(edit, left, right))
        return true;
    stm__node_drop(right, edit->type);
    return false;
}

static bool slice_leaf(struct stm__edit *edit, const struct stm__leaf *leaf,
                       size_t from, size_t to, struct stm__node **slice)
{
    struct stm__leaf *part =
        stm__leaf_of(leaf->item + from, (unsigned)(to - from), edit->type);
    *slice = part ? &part->node : NULL;
    return part != NULL;
}

/* The children [from, to) as a tree. */
static bool slice_children(struct stm__edit *edit, struct stm__inner *inner,
                           unsigned from, unsigned to, struct stm__node **slice)
{
    *slice = NULL;
    if (from == to)
        return true;
    if (from + 1 == to) {
        *slice = stm__node_retain(inner->child[from]);
        return true;
    }
    if (!stm__edit_reserve(edit, 0, 1))
        return false;
    *slice = stm__edit_take(edit, inner->node.height);
    for (unsigned i = from; i < to; i++)
        stm__inner_put(stm__inner(*slice), i - from,
                       stm__node_retain(inner->child[i]));
    return true;
}

/* A slice that begins in one child and ends in another: the end of the first,
 * the children between, the beginning of the last. */
static bool slice_across(struct stm__edit *edit, struct stm__inner *inner,
                         unsigned first, size_t from, unsigned last, size_t to,
                         struct stm__node **slice)
{
    struct stm__node *left = NULL, *part = NULL;
    size_t end = stm__node_size(inner->child[first]);
    if (!stm__tree_slice(edit, inner->child[first], from, end, &left))
        return false;
    bool done = slice_children(edit, inner, first + 1, last, &part) &&
                append_tree(edit, &left, part) &&
                stm__tree_slice(edit, inner->child[last], 0, to, &part) &&
                append_tree(edit, &left, part);
    if (done)
        *slice = left;
    else
        stm__node_drop(left, edit->type);
    return done;
}

bool stm__tree_slice(struct stm__edit *edit, struct stm__node *tree,
                     size_t from, size_t to, struct stm__node **slice)
{
    if (from == to) {
        *slice = NULL;
        return true;
    }
    if (from == 0 && to == stm__node_size(tree)) {
        *slice = stm__node_retain(tree);
        return true;
    }
    if (tree->height == 0)
        return slice_leaf(edit, stm__leaf(tree), from, to, slice);
    struct stm__inner *inner = stm__inner(tree);
    size_t end = to - 1;
    unsigned first = stm__inner_find(inner, &from);
    unsigned last = stm__inner_find(inner, &end);
    if (first == last)
        return stm__tree_slice(edit, inner->child[first], from, end + 1, slice);
    return slice_across(edit, inner, first, from, last, end + 1, slice);
}
