/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "set.h"

#include "system.h"

/* A red-black tree with links to the parents.  Those do not count as
 * references: a node is in the tree by its parent's link alone. */
enum color { BLACK, RED };

struct node {
    struct tm_node node;
    long key; /* never changes */
    struct tm_word child[2];
    struct tm_word parent;
    struct tm_word color;
};

static struct tm_word root;

static void node_fini(void *argument)
{
    struct node *node = argument;

    tm_word_fini(&node->child[0]);
    tm_word_fini(&node->child[1]);
    tm_word_fini(&node->parent);
    tm_word_fini(&node->color);
}

TM_NODE_KIND(node_kind, node_fini);

static TM_INLINE enum stm_status get(struct stm_tx *tx, struct tm_word *word,
                                     struct node **out)
{
    stm_value value;

    STM_TRY(tm_get(tx, word, &value));
    *out = (struct node *)value;
    return STM_OK;
}

static TM_INLINE enum stm_status put(struct stm_tx *tx, struct tm_word *word,
                                     struct node *node)
{
    return tm_put(tx, word, (stm_value)node);
}

/* The color of a node that may be NULL, which is black. */
static TM_INLINE enum stm_status get_color(struct stm_tx *tx, struct node *node,
                                           stm_value *out)
{
    *out = BLACK;
    return node ? tm_get(tx, &node->color, out) : STM_OK;
}

static TM_INLINE enum stm_status put_color(struct stm_tx *tx, struct node *node,
                                           stm_value color)
{
    return tm_put(tx, &node->color, color);
}

/* Puts a node, or NULL, where another one is below parent (NULL: the root). */
static TM_INLINE enum stm_status replace(struct stm_tx *tx, struct node *parent,
                                         struct node *old, struct node *node)
{
    struct node *left;

    if (node)
        STM_TRY(put(tx, &node->parent, parent));
    if (!parent)
        return put(tx, &root, node);
    STM_TRY(get(tx, &parent->child[0], &left));
    return put(tx, &parent->child[left != old], node);
}

/* Turns the tree at top, which goes down on that side. */
static TM_SAFE enum stm_status rotate(struct stm_tx *tx, struct node *top,
                                      int side)
{
    struct node *up, *inner, *parent;

    STM_TRY(get(tx, &top->child[!side], &up));
    STM_TRY(get(tx, &up->child[side], &inner));
    STM_TRY(get(tx, &top->parent, &parent));
    STM_TRY(replace(tx, parent, top, up));
    STM_TRY(put(tx, &top->child[!side], inner));
    if (inner)
        STM_TRY(put(tx, &inner->parent, top));
    STM_TRY(put(tx, &up->child[side], top));
    return put(tx, &top->parent, up);
}

struct search {
    long key;
    struct node *node; /* to be linked, or what was taken out */
    bool found;
};

/* Finds the node of the key, or NULL, and the last one before it. */
static TM_INLINE enum stm_status find(struct stm_tx *tx, struct search *search,
                                      struct node **out, struct node **before)
{
    struct node *node, *last = NULL;

    STM_TRY(get(tx, &root, &node));
    while (node && node->key != search->key) {
        last = node;
        STM_TRY(get(tx, &node->child[search->key > node->key], &node));
    }
    search->found = node != NULL;
    *out = node;
    *before = last;
    return STM_OK;
}

static TM_INLINE enum stm_status has_body(struct stm_tx *tx, void *argument)
{
    struct node *node, *before;

    return find(tx, argument, &node, &before);
}

/* ---- adding ---- */

/* The parent of a red node is red as well, and its uncle is black. */
static TM_SAFE enum stm_status turn_red_pair(struct stm_tx *tx,
                                             struct node *node,
                                             struct node *parent,
                                             struct node *grand, int side)
{
    struct node *inner;

    STM_TRY(get(tx, &parent->child[!side], &inner));
    if (inner == node) {
        STM_TRY(rotate(tx, parent, side));
        parent = node;
    }
    STM_TRY(put_color(tx, parent, BLACK));
    STM_TRY(put_color(tx, grand, RED));
    return rotate(tx, grand, !side);
}

static TM_SAFE enum stm_status balance_added(struct stm_tx *tx,
                                             struct node *node)
{
    struct node *parent, *grand, *left, *uncle;
    stm_value color;

    for (;;) {
        STM_TRY(get(tx, &node->parent, &parent));
        if (!parent)
            return put_color(tx, node, BLACK);
        STM_TRY(tm_get(tx, &parent->color, &color));
        if (color == BLACK)
            return STM_OK;
        STM_TRY(get(tx, &parent->parent, &grand));
        STM_TRY(get(tx, &grand->child[0], &left));
        STM_TRY(get(tx, &grand->child[left == parent], &uncle));
        STM_TRY(get_color(tx, uncle, &color));
        if (color == BLACK)
            return turn_red_pair(tx, node, parent, grand, left != parent);
        STM_TRY(put_color(tx, parent, BLACK));
        STM_TRY(put_color(tx, uncle, BLACK));
        STM_TRY(put_color(tx, grand, RED));
        node = grand;
    }
}

static TM_INLINE enum stm_status add_body(struct stm_tx *tx, void *argument)
{
    struct search *search = argument;
    struct node *node, *before;

    STM_TRY(find(tx, search, &node, &before));
    if (search->found)
        return STM_OK;
    node = search->node;
    STM_TRY(put(tx, &node->parent, before));
    STM_TRY(put(tx, before ? &before->child[search->key > before->key] : &root,
                node));
    return balance_added(tx, node);
}

/* ---- taking out ---- */

/* A node's sibling is black and not both of its children are: turns the tree so
 * that the node's side has one black node more. */
static TM_SAFE enum stm_status lend_black(struct stm_tx *tx,
                                          struct node *parent,
                                          struct node *sibling, int side)
{
    struct node *inner, *outer;
    stm_value color;

    STM_TRY(get(tx, &sibling->child[!side], &outer));
    STM_TRY(get_color(tx, outer, &color));
    if (color == BLACK) {
        STM_TRY(get(tx, &sibling->child[side], &inner));
        STM_TRY(put_color(tx, inner, BLACK));
        STM_TRY(put_color(tx, sibling, RED));
        STM_TRY(rotate(tx, sibling, !side));
        outer = sibling;
        sibling = inner;
    }
    STM_TRY(tm_get(tx, &parent->color, &color));
    STM_TRY(put_color(tx, sibling, color));
    STM_TRY(put_color(tx, parent, BLACK));
    STM_TRY(put_color(tx, outer, BLACK));
    return rotate(tx, parent, side);
}

/* Gives the node on that side a black sibling. */
static TM_INLINE enum stm_status black_sibling(struct stm_tx *tx,
                                               struct node *parent, int side,
                                               struct node **out)
{
    struct node *sibling;
    stm_value color;

    STM_TRY(get(tx, &parent->child[!side], &sibling));
    STM_TRY(tm_get(tx, &sibling->color, &color));
    if (color == RED) {
        STM_TRY(put_color(tx, sibling, BLACK));
        STM_TRY(put_color(tx, parent, RED));
        STM_TRY(rotate(tx, parent, side));
        STM_TRY(get(tx, &parent->child[!side], &sibling));
    }
    *out = sibling;
    return STM_OK;
}

static TM_INLINE enum stm_status has_red_child(struct stm_tx *tx,
                                               struct node *node, bool *out)
{
    struct node *child;
    stm_value left, right;

    STM_TRY(get(tx, &node->child[0], &child));
    STM_TRY(get_color(tx, child, &left));
    STM_TRY(get(tx, &node->child[1], &child));
    STM_TRY(get_color(tx, child, &right));
    *out = left == RED || right == RED;
    return STM_OK;
}

/* Paths through node, which may be NULL, miss a black node. */
static TM_SAFE enum stm_status
balance_taken(struct stm_tx *tx, struct node *node, struct node *parent)
{
    struct node *left, *sibling;
    stm_value color;
    bool red;

    for (;;) {
        STM_TRY(get_color(tx, node, &color));
        if (!parent || color == RED)
            return node ? put_color(tx, node, BLACK) : STM_OK;
        STM_TRY(get(tx, &parent->child[0], &left));
        STM_TRY(black_sibling(tx, parent, left != node, &sibling));
        STM_TRY(has_red_child(tx, sibling, &red));
        if (red)
            return lend_black(tx, parent, sibling, left != node);
        STM_TRY(put_color(tx, sibling, RED));
        node = parent;
        STM_TRY(get(tx, &node->parent, &parent));
    }
}

/* Takes out a node with two children: the next greater one takes its place. */
static TM_SAFE enum stm_status take_inner(struct stm_tx *tx, struct node *node,
                                          struct node *parent,
                                          struct node *left, struct node *right)
{
    struct node *next = right, *less, *below, *above;
    stm_value color, lost;

    STM_TRY(get(tx, &next->child[0], &less));
    while (less) {
        next = less;
        STM_TRY(get(tx, &next->child[0], &less));
    }
    STM_TRY(get(tx, &next->child[1], &below));
    STM_TRY(get(tx, &next->parent, &above));
    STM_TRY(tm_get(tx, &next->color, &lost));
    if (next == right) {
        above = next;
    } else {
        STM_TRY(replace(tx, above, next, below));
        STM_TRY(put(tx, &next->child[1], right));
        STM_TRY(put(tx, &right->parent, next));
    }
    STM_TRY(replace(tx, parent, node, next));
    STM_TRY(put(tx, &next->child[0], left));
    STM_TRY(put(tx, &left->parent, next));
    STM_TRY(tm_get(tx, &node->color, &color));
    STM_TRY(put_color(tx, next, color));
    return lost == BLACK ? balance_taken(tx, below, above) : STM_OK;
}

static TM_INLINE enum stm_status take_body(struct stm_tx *tx, void *argument)
{
    struct search *search = argument;
    struct node *node, *before, *left, *right, *parent;
    stm_value color;

    STM_TRY(find(tx, search, &node, &before));
    if (!node)
        return STM_OK;
    search->node = node;
    STM_TRY(get(tx, &node->child[0], &left));
    STM_TRY(get(tx, &node->child[1], &right));
    STM_TRY(get(tx, &node->parent, &parent));
    if (left && right)
        return take_inner(tx, node, parent, left, right);
    STM_TRY(tm_get(tx, &node->color, &color));
    STM_TRY(replace(tx, parent, node, left ? left : right));
    return color == BLACK ? balance_taken(tx, left ? left : right, parent)
                          : STM_OK;
}

/* ---- the set ---- */

static bool has(long key)
{
    struct search search = {key, NULL, false};

    tm_atomically(has_body, &search);
    return search.found;
}

static bool add(long key)
{
    struct search search = {key, malloc(sizeof *search.node), false};
    struct node *node = search.node;

    if (!node)
        must(STM_ENOMEM);
    tm_node_init(&node->node);
    node->key = key;
    tm_link_init(&node->child[0], &node_kind, NULL);
    tm_link_init(&node->child[1], &node_kind, NULL);
    tm_word_init(&node->parent, 0);
    tm_word_init(&node->color, RED);
    tm_atomically(add_body, &search);
    tm_node_settle(&node_kind, &node->node, !search.found);
    return !search.found;
}

static bool take_out(long key)
{
    struct search search = {key, NULL, false};

    tm_atomically(take_body, &search);
    if (search.found)
        tm_node_gone(&node_kind, &search.node->node);
    return search.found;
}

/* The number of black nodes on each path down from node, or -1 if something is
 * wrong below it; adds the nodes to *found. */
static long black_height(struct node *node, struct node *parent, long least,
                         long most, long *found)
{
    struct node *child[2];
    long height[2];

    if (!node)
        return 0;
    if (node->key < least || node->key > most ||
        (struct node *)tm_peek(&node->parent) != parent)
        return -1;
    for (int i = 0; i < 2; i++) {
        child[i] = (struct node *)tm_peek(&node->child[i]);
        if (child[i] && tm_peek(&node->color) == RED &&
            tm_peek(&child[i]->color) == RED)
            return -1;
    }
    ++*found;
    height[0] = black_height(child[0], node, least, node->key - 1, found);
    height[1] = black_height(child[1], node, node->key + 1, most, found);
    if (height[0] < 0 || height[0] != height[1])
        return -1;
    return height[0] + (tm_peek(&node->color) == BLACK);
}

static long count(void)
{
    struct node *top = (struct node *)tm_peek(&root);
    long found = 0;

    return black_height(top, NULL, 1, INT32_MAX, &found) < 0 ? -1 : found;
}

static const struct set tree_set = {8192, has, add, take_out, count};

static void prepare(const struct workload *workload)
{
    (void)workload;
    tm_link_init(&root, &node_kind, NULL);
    set_fill(&tree_set);
}

static uint64_t work(struct worker *worker)
{
    return set_work(&tree_set, worker);
}

static bool is_right(const struct worker *workers, size_t workers_count)
{
    return set_is_right(&tree_set, workers, workers_count);
}

const struct workload tree_workloads[] = {
    {.name = "tree", .prepare = prepare, .work = work, .is_right = is_right},
    {.name = NULL},
};
