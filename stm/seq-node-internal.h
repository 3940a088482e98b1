/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_SEQ_NODE_INTERNAL_H
#define STM_SEQ_NODE_INTERNAL_H

#include <stdlib.h>

#include <atomic_ops.h>

#include <stm/seq-internal.h>
#include <stm/value-internal.h>

/* The nodes that sequences are made of.  The head comment of stm/seq.c says
 * what they form; here is what one node is and how it may change. */

#define STM__FAN_BITS 5
#define STM__FAN (1u << STM__FAN_BITS) /* entries of a node, at most */
#define STM__FAN_MIN                                                           \
    (STM__FAN / 2) /* at least, in a node that has a parent                    \
                    */

/* The head of every node.  `refs` counts the sequences and inner nodes that
 * point to it.  The rest, and what follows the head, is constant while refs is
 * not 1 or the path to the node is not all one sequence's own. */
struct stm__node {
    AO_t refs;       /* any thread's, by atomic addition; see stm__refs_drop */
    uint16_t height; /* 0: a leaf; else one more than the children's */
    uint16_t inside; /* 1: a leaf in a sequence's block of memory: seq-read.c */
    uint16_t fill;   /* items or children in use */
    uint16_t capacity; /* room for so many of them */
};

struct stm__leaf {
    struct stm__node node;
    stm_value item[]; /* each is a reference that the leaf owns */
};

struct stm__inner {
    struct stm__node node;
    size_t sum[STM__FAN]; /* the items in child 0 to child i, together */
    struct stm__node *child[STM__FAN];
};

enum stm__kind { STM__LEAF, STM__INNER };

static inline enum stm__kind stm__node_kind(const struct stm__node *node)
{
    return node->height > 0 ? STM__INNER : STM__LEAF;
}

static inline struct stm__leaf *stm__leaf(const struct stm__node *node)
{
    return (struct stm__leaf *)node;
}

static inline struct stm__inner *stm__inner(const struct stm__node *node)
{
    return (struct stm__inner *)node;
}

/* The number of items below a node; 0 for NULL. */
static inline size_t stm__node_size(const struct stm__node *node)
{
    if (!node)
        return 0;
    if (node->height == 0)
        return node->fill;
    return stm__inner(node)->sum[node->fill - 1];
}

/* Is the caller's reference the only one?  Acquires what the former holders of
 * other references did before they gave them back. */
static inline bool stm__refs_single(const AO_t *refs)
{
    return AO_load_acquire(refs) == 1;
}

/* Gives one reference back; true if it was the last.  The only holder needs no
 * atomic subtraction: no one else is there to add. */
static inline bool stm__refs_drop(AO_t *refs)
{
    return stm__refs_single(refs) || AO_fetch_and_sub1_full(refs) == 1;
}

/* Returns its argument, which may be NULL. */
static inline struct stm__node *stm__node_retain(struct stm__node *node)
{
    if (node)
        AO_fetch_and_add1(&node->refs);
    return node;
}

/* Gives a reference back; with the last one the items' references go, too.
 * node may be NULL.  Recursion is as deep as the tree. */
void stm__node_drop(struct stm__node *node, const struct stm_type *type);

/* Frees a leaf that lies in a sequence's block. */
void stm__leaf_free_inside(struct stm__leaf *leaf);

/* Frees a node without what it has references to. */
static inline void stm__node_free(struct stm__node *node)
{
    if (node->inside)
        stm__leaf_free_inside(stm__leaf(node));
    else
        free(node);
}

/* How large a leaf is, and the least power of two that has room for so many
 * items. */
static inline size_t stm__leaf_bytes(unsigned capacity)
{
    return sizeof(struct stm__leaf) + capacity * sizeof(stm_value);
}
unsigned stm__leaf_capacity(unsigned items);

/* Makes a leaf of memory of that size: a copy of another one. */
void stm__leaf_init_copy(struct stm__leaf *copy, unsigned capacity,
                         const struct stm__leaf *leaf,
                         const struct stm_type *type);

/* Gives the items of a leaf back, whose memory goes with a block. */
void stm__leaf_release(const struct stm__leaf *leaf,
                       const struct stm_type *type);

/* An empty leaf, owned once; NULL when out of memory.  The capacity is rounded
 * up to a power of two. */
struct stm__leaf *stm__leaf_new(unsigned capacity);

/* A new leaf with these items, at least one, of which it takes references of
 * its own; NULL when out of memory. */
struct stm__leaf *stm__leaf_of(const stm_value *items, unsigned count,
                               const struct stm_type *type);

/* May it be changed (if the way to it is its sequence's own, too), and hold so
 * many items? */
static inline bool stm__leaf_is_own(const struct stm__leaf *leaf,
                                    unsigned capacity)
{
    return stm__refs_single(&leaf->node.refs) &&
           leaf->node.capacity >= capacity;
}

/* Trades a reference to a leaf for one to a new leaf with the same items, of
 * which that is so.  NULL when out of memory: the reference is still the
 * caller's. */
struct stm__leaf *stm__leaf_renew(struct stm__leaf *leaf, unsigned capacity,
                                  const struct stm_type *type);

/* What an edit of a tree works with: the items' type, and nodes allocated
 * ahead, so that nothing fails once the first node has been changed. */
struct stm__spare;
struct stm__edit {
    const struct stm_type *type;
    struct stm__spare *spare[2]; /* by enum stm__kind */
    unsigned spares[2];
};

/* Sees to it that so many spare nodes are there; false when out of memory. */
STM_NODISCARD bool stm__edit_reserve(struct stm__edit *edit, unsigned leaves,
                                     unsigned inners);

/* Frees the spare nodes that were not needed. */
void stm__edit_fini(struct stm__edit *edit);

/* The functions below cannot fail: they take spare nodes. */

/* A new node without entries; a leaf (height 0) has the full capacity. */
struct stm__node *stm__edit_take(struct stm__edit *edit, unsigned height);

/* Would stm__node_own take a spare node? */
bool stm__node_must_copy(const struct stm__node *node);

/* Trades a reference to a node for one to a node with the same entries that
 * may be changed: it has no other owner and the full capacity. */
struct stm__node *stm__node_own(struct stm__edit *edit, struct stm__node *node);

/* The functions below change nodes that have no other owner, and only move
 * references: none is taken or given back. */

static inline void stm__leaf_put(struct stm__leaf *leaf, unsigned at,
                                 stm_value item)
{
    for (unsigned i = leaf->node.fill; i > at; i--)
        leaf->item[i] = leaf->item[i - 1];
    leaf->item[at] = item;
    leaf->node.fill++;
}

static inline stm_value stm__leaf_take(struct stm__leaf *leaf, unsigned at)
{
    stm_value item = leaf->item[at];
    leaf->node.fill--;
    for (unsigned i = at; i < leaf->node.fill; i++)
        leaf->item[i] = leaf->item[i + 1];
    return item;
}

void stm__inner_put(struct stm__inner *inner, unsigned at,
                    struct stm__node *child);
/* Forgets the child at `at`, or what has become of it. */
void stm__inner_take(struct stm__inner *inner, unsigned at);
/* Writes over the child at `at`, or what has become of it. */
void stm__inner_set(struct stm__inner *inner, unsigned at,
                    struct stm__node *child);

/* Moves the first `count` entries of right to the end of left, or the last
 * `count` entries of left to the beginning of right.  Same heights. */
void stm__node_shift_left(struct stm__node *left, struct stm__node *right,
                          unsigned count);
void stm__node_shift_right(struct stm__node *left, struct stm__node *right,
                           unsigned count);

#endif
