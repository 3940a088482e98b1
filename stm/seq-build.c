/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stm/seq-struct-internal.h>

/* Sequences for everyone, which belong to no attempt, and building one from an
 * array: from the bottom up, each node written once.
 *
 * The ends get the first and the last items, the tree between them full leaves.
 * Its inner nodes are full, too, but for the last two below a node, which share
 * what is left where one of them would have less than half (invariant C). */

/* How many leaves, out of `left`, the next child of a node gets, where one can
 * have `most`. */
static size_t share(size_t left, size_t most)
{
    if (left <= most)
        return left;
    return left >= most + most / 2 ? most : left / 2;
}

/* The number of full leaves below a node of this height, at most. */
static size_t leaves_below(unsigned height)
{
    return (size_t)1 << (STM__FAN_BITS * height);
}

/* A tree of so many full leaves, of a height that fits; NULL when out of
 * memory. */
static struct stm__node *build(const struct stm_type *type,
                               const stm_value *items, size_t leaves,
                               unsigned height)
{
    if (height == 0) {
        struct stm__leaf *leaf = stm__leaf_of(items, STM__FAN, type);
        return leaf ? &leaf->node : NULL;
    }
    struct stm__edit edit = {.type = type};
    if (!stm__edit_reserve(&edit, 0, 1))
        return NULL;
    struct stm__node *node = stm__edit_take(&edit, height);
    while (leaves > 0) {
        size_t some = share(leaves, leaves_below(height - 1));
        struct stm__node *child = build(type, items, some, height - 1);
        if (!child) {
            stm__node_drop(node, type); /* no item's last owner */
            return NULL;
        }
        stm__inner_put(stm__inner(node), node->fill, child);
        items += some * STM__FAN;
        leaves -= some;
    }
    return node;
}

static bool build_tree(struct stm_seq *seq, const stm_value *items,
                       size_t leaves)
{
    unsigned height = 0;
    if (leaves == 0)
        return true;
    while (leaves > leaves_below(height))
        height++;
    seq->tree = build(seq->type, items, leaves, height);
    return seq->tree != NULL;
}

static bool build_end(struct stm_seq *seq, enum stm__place end,
                      const stm_value *items, size_t count)
{
    if (count > 0)
        seq->end[end] = stm__leaf_of(items, (unsigned)count, seq->type);
    return count == 0 || seq->end[end];
}

struct stm_seq *stm__seq_build(const struct stm_type *item,
                               const stm_value *items, size_t count,
                               uint64_t owner)
{
    struct stm_seq *seq = stm__seq_new(item, owner);
    size_t front = count > STM__FAN ? STM__FAN : 0;
    size_t leaves = count > STM__FAN ? (count - 1) / STM__FAN - 1 : 0;
    size_t back = front + leaves * STM__FAN; /* begins there */

    if (!seq || count == 0)
        return seq;
    seq->length = count;
    if (build_end(seq, STM__FRONT, items, front) &&
        build_tree(seq, items + front, leaves) &&
        build_end(seq, STM__BACK, items + back, count - back))
        return seq;
    stm__seq_drop(seq);
    return NULL;
}

struct stm_seq *stm_seq_new(const struct stm_type *item, const stm_value *items,
                            size_t count)
{
    return stm__seq_build(item, items, count, 0);
}

struct stm_seq *stm_seq_slice(struct stm_seq *seq, size_t from, size_t to)
{
    return stm__seq_slice(seq, from, to, 0);
}

struct stm_seq *stm_seq_concat(struct stm_seq *left, struct stm_seq *right)
{
    return stm__seq_concat(left, right, 0);
}
