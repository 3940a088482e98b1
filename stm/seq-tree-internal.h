/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_SEQ_TREE_INTERNAL_H
#define STM_SEQ_TREE_INTERNAL_H

#include <stm/seq-node-internal.h>

/* The tree inside a sequence; NULL stands for the empty one.
 *
 * A function that changes a tree takes the caller's reference to it and puts
 * another in its place.  Nodes with no other owner are changed, others copied.
 * Such a function returns false when out of memory, and then has not changed
 * anything.  All take O(log n). */

/* The leaf with the item at *index, which becomes the index in that leaf. */
const struct stm__leaf *stm__tree_leaf(const struct stm__node *tree,
                                       size_t *index);

/* The last item of a tree that is not empty. */
stm_value stm__tree_last(const struct stm__node *tree);

/* The first index whose item does not come before the key, where the last item
 * does not. */
size_t stm__tree_bisect(const struct stm__node *tree,
                        bool (*before)(stm_value item, const void *key),
                        const void *key);

/* Visits the items along nodes that have one owner. */
int stm__tree_traverse(const struct stm__node *tree,
                       const struct stm_type *type, stm_visit *visit,
                       void *context);

/* The tree's reference to the item is the caller's until this succeeds. */
STM_NODISCARD bool stm__tree_insert(struct stm__edit *edit,
                                    struct stm__node **tree, size_t index,
                                    stm_value item);

/* The tree's reference to what is removed or replaced becomes the caller's. */
STM_NODISCARD bool stm__tree_remove(struct stm__edit *edit,
                                    struct stm__node **tree, size_t index,
                                    stm_value *removed);
STM_NODISCARD bool stm__tree_set(struct stm__edit *edit,
                                 struct stm__node **tree, size_t index,
                                 stm_value item, stm_value *replaced);

/* Takes the first or the last leaf out of a tree that is not empty. */
STM_NODISCARD bool stm__tree_pull(struct stm__edit *edit,
                                  struct stm__node **tree, bool last,
                                  struct stm__leaf **leaf);

/* Puts right, whose reference it takes, after *left. */
STM_NODISCARD bool stm__tree_join(struct stm__edit *edit,
                                  struct stm__node **left,
                                  struct stm__node *right);

/* The items [from, to) as a tree of its own; the argument is only shared. */
STM_NODISCARD bool stm__tree_slice(struct stm__edit *edit,
                                   struct stm__node *tree, size_t from,
                                   size_t to, struct stm__node **slice);

/* For seq-tree.c and seq-join.c alone. */

/* What a change does to the number of entries along its path. */
enum stm__change { STM__SAME, STM__GROW, STM__SHRINK };

/* The path from a node down to a node of some height. */
struct stm__path {
    const struct stm__node *last;
    unsigned above;  /* how many nodes are above the last */
    unsigned copies; /* how many of these must be copied */
    unsigned tight;  /* how many of these, counted upwards from the last with no
                      * gap, would have to split, or ask a neighbour */
    bool shared;     /* must the last be copied? */
};

struct stm__path stm__path_survey(const struct stm__node *node, size_t index,
                                  unsigned height, enum stm__change change);

/* Which child has the item at *index, which becomes the index in that child;
 * an index that is the size is in the last. */
unsigned stm__inner_find(const struct stm__inner *inner, size_t *index);

/* Makes two neighbours one where that is possible (*right is then NULL), and
 * else sees to it that both have enough entries. */
void stm__node_balance(struct stm__edit *edit, struct stm__node **left,
                       struct stm__node **right);
bool stm__node_unbalanced(const struct stm__node *left,
                          const struct stm__node *right);

/* Puts one or two (second not NULL) nodes where the child at `at` was; returns
 * a new right neighbour of inner if it had to split, else NULL. */
struct stm__node *stm__inner_grow(struct stm__edit *edit,
                                  struct stm__inner *inner, unsigned at,
                                  struct stm__node *first,
                                  struct stm__node *second);

/* The tree of one or two (right not NULL) nodes of one height. */
struct stm__node *stm__tree_root(struct stm__edit *edit, struct stm__node *left,
                                 struct stm__node *right);

#endif
