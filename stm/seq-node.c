/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <stm/seq-node-internal.h>

#define SMALLEST_LEAF 4u

/* ---- references ---- */

static void retain_items(const struct stm_type *type, const stm_value *item,
                         unsigned count)
{
    if (!type || !type->retain)
        return;
    for (unsigned i = 0; i < count; i++)
        stm__retain(type, item[i]);
}

static void release_items(const struct stm_type *type, const stm_value *item,
                          unsigned count)
{
    if (!type || !type->release)
        return;
    for (unsigned i = 0; i < count; i++)
        stm__release(type, item[i]);
}

void stm__node_drop(struct stm__node *node, const struct stm_type *type)
{
    if (!node || !stm__refs_drop(&node->refs))
        return;
    if (node->height == 0) {
        release_items(type, stm__leaf(node)->item, node->fill);
    } else {
        for (unsigned i = 0; i < node->fill; i++)
            stm__node_drop(stm__inner(node)->child[i], type);
    }
    stm__node_free(node);
}

void stm__leaf_release(const struct stm__leaf *leaf,
                       const struct stm_type *type)
{
    release_items(type, leaf->item, leaf->node.fill);
}

/* ---- new nodes ---- */

static struct stm__node *node_init(void *memory, unsigned height,
                                   unsigned capacity)
{
    struct stm__node *node = memory;
    node->refs = 1;
    node->height = (uint16_t)height;
    node->inside = 0;
    node->fill = 0;
    node->capacity = (uint16_t)capacity;
    return node;
}

unsigned stm__leaf_capacity(unsigned items)
{
    unsigned capacity = SMALLEST_LEAF;
    while (capacity < items)
        capacity *= 2;
    return capacity;
}

struct stm__leaf *stm__leaf_new(unsigned capacity)
{
    unsigned rounded = stm__leaf_capacity(capacity);
    void *memory = malloc(stm__leaf_bytes(rounded));
    return memory ? stm__leaf(node_init(memory, 0, rounded)) : NULL;
}

static void copy_items(struct stm__leaf *to, const stm_value *items,
                       unsigned count)
{
    memcpy(to->item, items, count * sizeof(stm_value));
    to->node.fill = (uint16_t)count;
}

struct stm__leaf *stm__leaf_of(const stm_value *items, unsigned count,
                               const struct stm_type *type)
{
    struct stm__leaf *leaf = stm__leaf_new(count);
    if (!leaf)
        return NULL;
    copy_items(leaf, items, count);
    retain_items(type, leaf->item, count);
    return leaf;
}

void stm__leaf_init_copy(struct stm__leaf *copy, unsigned capacity,
                         const struct stm__leaf *leaf,
                         const struct stm_type *type)
{
    node_init(copy, 0, capacity);
    copy_items(copy, leaf->item, leaf->node.fill);
    retain_items(type, copy->item, copy->node.fill);
}

/* ---- owning ---- */

/* Gives the items of a leaf to an empty one, together with the caller's
 * reference: moved if that is the only one, else shared. */
static void hand_items(struct stm__leaf *to, struct stm__leaf *from,
                       const struct stm_type *type)
{
    copy_items(to, from->item, from->node.fill);
    if (stm__refs_single(&from->node.refs)) {
        stm__node_free(&from->node);
        return;
    }
    retain_items(type, to->item, to->node.fill);
    stm__node_drop(&from->node, type);
}

static void hand_children(struct stm__inner *to, struct stm__inner *from,
                          const struct stm_type *type)
{
    unsigned fill = from->node.fill;
    memcpy(to->sum, from->sum, fill * sizeof(to->sum[0]));
    for (unsigned i = 0; i < fill; i++)
        to->child[i] = stm__node_retain(from->child[i]);
    to->node.fill = (uint16_t)fill;
    stm__node_drop(&from->node, type);
}

struct stm__leaf *stm__leaf_renew(struct stm__leaf *leaf, unsigned capacity,
                                  const struct stm_type *type)
{
    struct stm__leaf *new = stm__leaf_new(capacity);
    if (new)
        hand_items(new, leaf, type);
    return new;
}

bool stm__node_must_copy(const struct stm__node *node)
{
    return !stm__refs_single(&node->refs) || node->capacity < STM__FAN;
}

struct stm__node *stm__node_own(struct stm__edit *edit, struct stm__node *node)
{
    if (!stm__node_must_copy(node))
        return node;
    struct stm__node *own = stm__edit_take(edit, node->height);
    if (node->height == 0)
        hand_items(stm__leaf(own), stm__leaf(node), edit->type);
    else
        hand_children(stm__inner(own), stm__inner(node), edit->type);
    return own;
}

/* ---- spare nodes ---- */

/* Memory for a node that is not yet one. */
struct stm__spare {
    struct stm__spare *next;
};

static bool reserve_kind(struct stm__edit *edit, enum stm__kind kind,
                         unsigned count)
{
    size_t bytes = kind == STM__LEAF ? stm__leaf_bytes(STM__FAN)
                                     : sizeof(struct stm__inner);
    while (edit->spares[kind] < count) {
        struct stm__spare *spare = malloc(bytes);
        if (!spare)
            return false;
        spare->next = edit->spare[kind];
        edit->spare[kind] = spare;
        edit->spares[kind]++;
    }
    return true;
}

bool stm__edit_reserve(struct stm__edit *edit, unsigned leaves, unsigned inners)
{
    return reserve_kind(edit, STM__LEAF, leaves) &&
           reserve_kind(edit, STM__INNER, inners);
}

struct stm__node *stm__edit_take(struct stm__edit *edit, unsigned height)
{
    enum stm__kind kind = height > 0 ? STM__INNER : STM__LEAF;
    struct stm__spare *spare = edit->spare[kind];
    edit->spare[kind] = spare->next;
    edit->spares[kind]--;
    return node_init(spare, height, STM__FAN);
}

void stm__edit_fini(struct stm__edit *edit)
{
    for (int kind = STM__LEAF; kind <= STM__INNER; kind++) {
        while (edit->spare[kind]) {
            struct stm__spare *spare = edit->spare[kind];
            edit->spare[kind] = spare->next;
            free(spare);
        }
        edit->spares[kind] = 0;
    }
}

/* ---- entries ---- */

static size_t items_before(const struct stm__inner *inner, unsigned at)
{
    return at > 0 ? inner->sum[at - 1] : 0;
}

void stm__inner_put(struct stm__inner *inner, unsigned at,
                    struct stm__node *child)
{
    size_t size = stm__node_size(child);
    for (unsigned i = inner->node.fill; i > at; i--) {
        inner->child[i] = inner->child[i - 1];
        inner->sum[i] = inner->sum[i - 1] + size;
    }
    inner->child[at] = child;
    inner->sum[at] = items_before(inner, at) + size;
    inner->node.fill++;
}

void stm__inner_take(struct stm__inner *inner, unsigned at)
{
    size_t size = inner->sum[at] - items_before(inner, at);
    inner->node.fill--;
    for (unsigned i = at; i < inner->node.fill; i++) {
        inner->child[i] = inner->child[i + 1];
        inner->sum[i] = inner->sum[i + 1] - size;
    }
}

void stm__inner_set(struct stm__inner *inner, unsigned at,
                    struct stm__node *child)
{
    size_t end = items_before(inner, at) + stm__node_size(child);
    size_t change = end - inner->sum[at]; /* modulo: may stand for less */
    inner->child[at] = child;
    for (unsigned i = at; i < inner->node.fill; i++)
        inner->sum[i] += change;
}

/* ---- moving entries between neighbours ---- */

static void shift_items_left(struct stm__leaf *left, struct stm__leaf *right,
                             unsigned count)
{
    unsigned rest = right->node.fill - count;
    memcpy(left->item + left->node.fill, right->item,
           count * sizeof(stm_value));
    memmove(right->item, right->item + count, rest * sizeof(stm_value));
}

static void shift_items_right(struct stm__leaf *left, struct stm__leaf *right,
                              unsigned count)
{
    unsigned from = left->node.fill - count;
    memmove(right->item + count, right->item,
            right->node.fill * sizeof(stm_value));
    memcpy(right->item, left->item + from, count * sizeof(stm_value));
}

static void shift_children_left(struct stm__inner *left,
                                struct stm__inner *right, unsigned count)
{
    unsigned fill = left->node.fill, rest = right->node.fill - count;
    size_t before = items_before(left, fill);
    size_t moved = items_before(right, count);
    for (unsigned i = 0; i < count; i++) {
        left->child[fill + i] = right->child[i];
        left->sum[fill + i] = before + right->sum[i];
    }
    for (unsigned i = 0; i < rest; i++) {
        right->child[i] = right->child[count + i];
        right->sum[i] = right->sum[count + i] - moved;
    }
}

static void shift_children_right(struct stm__inner *left,
                                 struct stm__inner *right, unsigned count)
{
    unsigned from = left->node.fill - count;
    size_t before = items_before(left, from);
    size_t moved = items_before(left, left->node.fill) - before;
    for (unsigned i = right->node.fill; i-- > 0;) {
        right->child[count + i] = right->child[i];
        right->sum[count + i] = right->sum[i] + moved;
    }
    for (unsigned i = 0; i < count; i++) {
        right->child[i] = left->child[from + i];
        right->sum[i] = left->sum[from + i] - before;
    }
}

void stm__node_shift_left(struct stm__node *left, struct stm__node *right,
                          unsigned count)
{
    if (left->height == 0)
        shift_items_left(stm__leaf(left), stm__leaf(right), count);
    else
        shift_children_left(stm__inner(left), stm__inner(right), count);
    left->fill = (uint16_t)(left->fill + count);
    right->fill = (uint16_t)(right->fill - count);
}

void stm__node_shift_right(struct stm__node *left, struct stm__node *right,
                           unsigned count)
{
    if (left->height == 0)
        shift_items_right(stm__leaf(left), stm__leaf(right), count);
    else
        shift_children_right(stm__inner(left), stm__inner(right), count);
    left->fill = (uint16_t)(left->fill - count);
    right->fill = (uint16_t)(right->fill + count);
}
