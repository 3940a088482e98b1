/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <stm/seq-tree-internal.h>

/* ---- reading ---- */

unsigned stm__inner_find(const struct stm__inner *inner, size_t *index)
{
    /* No child has more items than this shift says: a child further left
     * cannot be it, and where the nodes are full the first guess is right. */
    unsigned last = inner->node.fill - 1u;
    size_t guess = *index >> (STM__FAN_BITS * inner->node.height);
    unsigned at = guess < last ? (unsigned)guess : last;
    while (at < last && inner->sum[at] <= *index)
        at++;
    if (at > 0)
        *index -= inner->sum[at - 1];
    return at;
}

const struct stm__leaf *stm__tree_leaf(const struct stm__node *tree,
                                       size_t *index)
{
    while (tree->height > 0) {
        unsigned at = stm__inner_find(stm__inner(tree), index);
        tree = stm__inner(tree)->child[at];
    }
    return stm__leaf(tree);
}

stm_value stm__tree_last(const struct stm__node *tree)
{
    while (tree->height > 0)
        tree = stm__inner(tree)->child[tree->fill - 1];
    return stm__leaf(tree)->item[tree->fill - 1];
}

static stm_value last_of_entry(const struct stm__node *node, unsigned at)
{
    if (node->height == 0)
        return stm__leaf(node)->item[at];
    return stm__tree_last(stm__inner(node)->child[at]);
}

/* The first entry whose last item does not come before the key; the last entry
 * is known to be such. */
static unsigned bisect_entries(const struct stm__node *node,
                               bool (*before)(stm_value item, const void *key),
                               const void *key)
{
    unsigned low = 0, high = node->fill - 1u;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (before(last_of_entry(node, middle), key))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t stm__tree_bisect(const struct stm__node *tree,
                        bool (*before)(stm_value item, const void *key),
                        const void *key)
{
    size_t index = 0;
    while (tree->height > 0) {
        const struct stm__inner *inner = stm__inner(tree);
        unsigned at = bisect_entries(tree, before, key);
        if (at > 0)
            index += inner->sum[at - 1];
        tree = inner->child[at];
    }
    return index + bisect_entries(tree, before, key);
}

static int visit_items(const struct stm__leaf *leaf,
                       const struct stm_type *type, stm_visit *visit,
                       void *context)
{
    int result = 0;
    for (unsigned i = 0; i < leaf->node.fill && result == 0; i++) {
        stm_value item = leaf->item[i];
        if (type->traverse && item)
            result = type->traverse(item, visit, context);
        else if (item)
            result = visit(item, context);
    }
    return result;
}

int stm__tree_traverse(const struct stm__node *tree,
                       const struct stm_type *type, stm_visit *visit,
                       void *context)
{
    if (!tree || !stm__refs_single(&tree->refs))
        return 0;
    if (tree->height == 0)
        return visit_items(stm__leaf(tree), type, visit, context);
    int result = 0;
    for (unsigned i = 0; i < tree->fill && result == 0; i++)
        result = stm__tree_traverse(stm__inner(tree)->child[i], type, visit,
                                    context);
    return result;
}

/* ---- what a change will need ---- */

static bool is_tight(const struct stm__node *node, enum stm__change change)
{
    if (change == STM__GROW)
        return node->fill == STM__FAN;
    return change == STM__SHRINK && node->fill <= STM__FAN_MIN;
}

struct stm__path stm__path_survey(const struct stm__node *node, size_t index,
                                  unsigned height, enum stm__change change)
{
    struct stm__path path = {.last = node};
    bool shared = false; /* below a shared node, every node will be */
    for (;;) {
        shared = shared || !stm__refs_single(&node->refs);
        if (node->height <= height)
            break;
        path.above++;
        path.copies += shared;
        path.tight = is_tight(node, change) ? path.tight + 1 : 0;
        unsigned at = stm__inner_find(stm__inner(node), &index);
        node = stm__inner(node)->child[at];
    }
    path.last = node;
    path.shared = shared || stm__node_must_copy(node);
    return path;
}

/* Reserves what a change at `index`, in a node of `height`, can take. */
static bool reserve_path(struct stm__edit *edit, const struct stm__node *tree,
                         size_t index, unsigned height, enum stm__change change)
{
    struct stm__path path = stm__path_survey(tree, index, height, change);
    unsigned bottom = path.shared ? 1 : 0;
    unsigned above = path.copies;
    if (is_tight(path.last, change)) {
        bottom++;
        above += path.tight;
        if (change == STM__GROW && path.tight == path.above)
            above++; /* a new root */
    }
    if (height == 0)
        return stm__edit_reserve(edit, bottom, above);
    return stm__edit_reserve(edit, 0, bottom + above);
}

/* ---- steps of a change ---- */

bool stm__node_unbalanced(const struct stm__node *left,
                          const struct stm__node *right)
{
    return left->fill + right->fill <= (int)STM__FAN ||
           left->fill < STM__FAN_MIN || right->fill < STM__FAN_MIN;
}

void stm__node_balance(struct stm__edit *edit, struct stm__node **left,
                       struct stm__node **right)
{
    if (!stm__node_unbalanced(*left, *right))
        return;
    struct stm__node *a = *left = stm__node_own(edit, *left);
    struct stm__node *b = *right = stm__node_own(edit, *right);
    unsigned both = (unsigned)a->fill + b->fill;
    if (both <= STM__FAN) {
        stm__node_shift_left(a, b, b->fill);
        stm__node_free(b);
        *right = NULL;
    } else if (a->fill < both / 2) {
        stm__node_shift_left(a, b, both / 2 - a->fill);
    } else {
        stm__node_shift_right(a, b, a->fill - both / 2);
    }
}

/* Moves the second half of a full node into a new one. */
static struct stm__node *split(struct stm__edit *edit, struct stm__node *node)
{
    struct stm__node *right = stm__edit_take(edit, node->height);
    stm__node_shift_right(node, right, STM__FAN / 2);
    return right;
}

struct stm__node *stm__inner_grow(struct stm__edit *edit,
                                  struct stm__inner *inner, unsigned at,
                                  struct stm__node *first,
                                  struct stm__node *second)
{
    stm__inner_set(inner, at, first);
    if (!second)
        return NULL;
    at++;
    if (inner->node.fill < STM__FAN) {
        stm__inner_put(inner, at, second);
        return NULL;
    }
    struct stm__node *right = split(edit, &inner->node);
    if (at <= STM__FAN / 2)
        stm__inner_put(inner, at, second);
    else
        stm__inner_put(stm__inner(right), at - STM__FAN / 2, second);
    return right;
}

struct stm__node *stm__tree_root(struct stm__edit *edit, struct stm__node *left,
                                 struct stm__node *right)
{
    if (!right)
        return left;
    struct stm__node *root = stm__edit_take(edit, left->height + 1);
    stm__inner_put(stm__inner(root), 0, left);
    stm__inner_put(stm__inner(root), 1, right);
    return root;
}

/* ---- insert and set ---- */

/* Returns a new right neighbour of the leaf if it had to split, else NULL. */
static struct stm__node *leaf_grow(struct stm__edit *edit,
                                   struct stm__leaf *leaf, unsigned at,
                                   stm_value item)
{
    if (leaf->node.fill < STM__FAN) {
        stm__leaf_put(leaf, at, item);
        return NULL;
    }
    struct stm__node *right = split(edit, &leaf->node);
    if (at <= STM__FAN / 2)
        stm__leaf_put(leaf, at, item);
    else
        stm__leaf_put(stm__leaf(right), at - STM__FAN / 2, item);
    return right;
}

/* Returns the changed node, and in *right a new neighbour or NULL. */
static struct stm__node *insert(struct stm__edit *edit, struct stm__node *node,
                                size_t index, stm_value item,
                                struct stm__node **right)
{
    node = stm__node_own(edit, node);
    if (node->height == 0) {
        *right = leaf_grow(edit, stm__leaf(node), (unsigned)index, item);
        return node;
    }
    struct stm__inner *inner = stm__inner(node);
    unsigned at = stm__inner_find(inner, &index);
    struct stm__node *second = NULL;
    struct stm__node *first =
        insert(edit, inner->child[at], index, item, &second);
    *right = stm__inner_grow(edit, inner, at, first, second);
    return node;
}

bool stm__tree_insert(struct stm__edit *edit, struct stm__node **tree,
                      size_t index, stm_value item)
{
    if (!reserve_path(edit, *tree, index, 0, STM__GROW))
        return false;
    struct stm__node *right = NULL;
    struct stm__node *left = insert(edit, *tree, index, item, &right);
    *tree = stm__tree_root(edit, left, right);
    return true;
}

/* The leaf with the item at *index, which becomes the index in that leaf, if
 * nothing on the way to it has another owner; else NULL. */
static struct stm__leaf *own_leaf(struct stm__node *tree, size_t *index)
{
    while (stm__refs_single(&tree->refs)) {
        if (tree->height == 0)
            return stm__leaf(tree);
        unsigned at = stm__inner_find(stm__inner(tree), index);
        tree = stm__inner(tree)->child[at];
    }
    return NULL;
}

static stm_value exchange(struct stm__leaf *leaf, size_t index, stm_value item)
{
    stm_value replaced = leaf->item[index];
    leaf->item[index] = item;
    return replaced;
}

bool stm__tree_set(struct stm__edit *edit, struct stm__node **tree,
                   size_t index, stm_value item, stm_value *replaced)
{
    size_t at = index;
    struct stm__leaf *leaf = own_leaf(*tree, &at);
    if (leaf) {
        *replaced = exchange(leaf, at, item);
        return true;
    }
    if (!reserve_path(edit, *tree, index, 0, STM__SAME))
        return false;
    struct stm__node **link = tree;
    for (;;) {
        *link = stm__node_own(edit, *link);
        if ((*link)->height == 0)
            break;
        struct stm__inner *inner = stm__inner(*link);
        link = &inner->child[stm__inner_find(inner, &index)];
    }
    *replaced = exchange(stm__leaf(*link), index, item);
    return true;
}

/* ---- remove and pull ---- */

/* Gives a child that has too few entries some of a neighbour's, or makes the
 * two one. */
static void refill_child(struct stm__edit *edit, struct stm__inner *inner,
                         unsigned at)
{
    unsigned left = at > 0 ? at - 1 : 0;
    struct stm__node *first = inner->child[left];
    struct stm__node *second = inner->child[left + 1];
    stm__node_balance(edit, &first, &second);
    stm__inner_set(inner, left, first);
    if (second)
        stm__inner_set(inner, left + 1, second);
    else
        stm__inner_take(inner, left + 1);
}

/* Takes out one item (leaf is NULL), or the leaf with the item at index (item
 * is NULL).  Returns what is left of the node, NULL for nothing. */
static struct stm__node *erase(struct stm__edit *edit, struct stm__node *node,
                               size_t index, stm_value *item,
                               struct stm__leaf **leaf)
{
    if (node->height == 0 && leaf) {
        *leaf = stm__leaf(node);
        return NULL;
    }
    node = stm__node_own(edit, node);
    if (node->height == 0) {
        *item = stm__leaf_take(stm__leaf(node), (unsigned)index);
        if (node->fill > 0)
            return node;
        stm__node_free(node);
        return NULL;
    }
    struct stm__inner *inner = stm__inner(node);
    unsigned at = stm__inner_find(inner, &index);
    struct stm__node *rest = erase(edit, inner->child[at], index, item, leaf);
    if (!rest) {
        stm__inner_take(inner, at);
        return node;
    }
    stm__inner_set(inner, at, rest);
    if (rest->fill < STM__FAN_MIN)
        refill_child(edit, inner, at);
    return node;
}

/* A root with a single child gives way to it. */
static struct stm__node *lower_root(struct stm__node *tree)
{
    if (!tree || tree->height == 0 || tree->fill > 1)
        return tree;
    struct stm__node *child = stm__inner(tree)->child[0];
    free(tree);
    return child;
}

bool stm__tree_remove(struct stm__edit *edit, struct stm__node **tree,
                      size_t index, stm_value *removed)
{
    if (!reserve_path(edit, *tree, index, 0, STM__SHRINK))
        return false;
    *tree = lower_root(erase(edit, *tree, index, removed, NULL));
    return true;
}

bool stm__tree_pull(struct stm__edit *edit, struct stm__node **tree, bool last,
                    struct stm__leaf **leaf)
{
    size_t index = last ? stm__node_size(*tree) - 1 : 0;
    /* A tree that is a leaf is handed over whole. */
    if ((*tree)->height > 0 &&
        !reserve_path(edit, *tree, index, 1, STM__SHRINK))
        return false;
    *tree = lower_root(erase(edit, *tree, index, NULL, leaf));
    return true;
}
