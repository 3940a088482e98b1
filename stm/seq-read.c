/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <stm/seq-struct-internal.h>

/* ---- counting ---- */

void stm_seq_retain(struct stm_seq *seq) { AO_fetch_and_add1(&seq->refs); }

void stm__leaf_free_inside(struct stm__leaf *leaf)
{
    struct stm_seq *seq = (struct stm_seq *)leaf - 1;
    if (stm__refs_drop(&seq->tenants))
        free(seq);
}

/* Gives an end back; one that no other sequence has and that lies inside gives
 * up its part of the block. */
static void drop_end(struct stm_seq *seq, struct stm__leaf *leaf)
{
    if (!leaf)
        return;
    if (leaf->node.inside && leaf == stm__seq_inside(seq) &&
        stm__refs_single(&leaf->node.refs)) {
        stm__leaf_release(leaf, seq->type);
        seq->tenants = 1;
        return;
    }
    stm__node_drop(&leaf->node, seq->type);
}

static void free_seq(struct stm_seq *seq)
{
    drop_end(seq, seq->end[STM__FRONT]);
    stm__node_drop(seq->tree, seq->type);
    drop_end(seq, seq->end[STM__BACK]);
    if (stm__refs_drop(&seq->tenants))
        free(seq);
}

/* Inside an attempt the items' release must wait for its end.  Where they are
 * no references, outside, nothing but memory goes. */
void stm_seq_release(struct stm_seq *seq)
{
    if (!stm__refs_drop(&seq->refs))
        return;
    if (!stm__counted(seq->type) && !stm__slot_busy())
        free_seq(seq);
    else
        stm__limbo_bury_inner(&seq->dead);
}

void stm__seq_drop(struct stm_seq *seq)
{
    if (stm__refs_drop(&seq->refs))
        free_seq(seq);
}

/* ---- reading ---- */

const struct stm_type *stm__seq_item_type(const struct stm_seq *seq)
{
    return seq->type;
}

size_t stm_seq_length(const struct stm_seq *seq) { return seq->length; }

static const struct stm__leaf *find_leaf(const struct stm_seq *seq,
                                         size_t *index)
{
    enum stm__place place = stm__seq_find(seq, index);
    return place == STM__TREE ? stm__tree_leaf(seq->tree, index)
                              : seq->end[place];
}

stm_value stm_seq_get(const struct stm_seq *seq, size_t index)
{
    const struct stm__leaf *leaf = find_leaf(seq, &index);
    return leaf->item[index];
}

const stm_value *stm_seq_run(const struct stm_seq *seq, size_t index,
                             size_t *count)
{
    if (index >= seq->length) {
        *count = 0;
        return NULL;
    }
    const struct stm__leaf *leaf = find_leaf(seq, &index);
    *count = leaf->node.fill - index;
    return leaf->item + index;
}

const stm_value *stm_seq_run_before(const struct stm_seq *seq, size_t index,
                                    size_t *count)
{
    if (index == 0) {
        *count = 0;
        return NULL;
    }
    index--;
    const struct stm__leaf *leaf = find_leaf(seq, &index);
    *count = index + 1;
    return leaf->item;
}

void stm__seq_copy_out(const struct stm_seq *seq, stm_value *items)
{
    size_t count;
    for (size_t i = 0; i < seq->length; i += count) {
        const stm_value *run = stm_seq_run(seq, i, &count);
        memcpy(items + i, run, count * sizeof(*run));
    }
}

size_t stm__seq_bisect(const struct stm_seq *seq,
                       bool (*before)(stm_value item, const void *key),
                       const void *key)
{
    struct stm__node *part[3];
    unsigned count = stm__seq_parts(seq, part);
    size_t index = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!before(stm__tree_last(part[i]), key))
            return index + stm__tree_bisect(part[i], before, key);
        index += stm__node_size(part[i]);
    }
    return index;
}

/* ---- as a variable's value ---- */

static void retain_value(stm_value value)
{
    stm_seq_retain((struct stm_seq *)value);
}

static void release_value(stm_value value)
{
    stm_seq_release((struct stm_seq *)value);
}

/* The items' type is asked about one of them that is a reference: it answers
 * for the thread. */
static bool may_release_value(stm_value value)
{
    const struct stm_seq *seq = (const struct stm_seq *)value;
    size_t index = 0;
    if (!seq->type || !seq->type->may_release)
        return true;
    while (index < seq->length && !stm_seq_get(seq, index))
        index++;
    return index == seq->length ||
           seq->type->may_release(stm_seq_get(seq, index));
}

static int traverse_value(stm_value value, stm_visit *visit, void *context)
{
    const struct stm_seq *seq = (const struct stm_seq *)value;
    const struct stm_type *type = seq->type;
    if (!type || !(type->traverse || type->release) ||
        !stm__refs_single(&seq->refs))
        return 0;
    struct stm__node *part[3];
    unsigned count = stm__seq_parts(seq, part);
    int result = 0;
    for (unsigned i = 0; i < count && result == 0; i++)
        result = stm__tree_traverse(part[i], type, visit, context);
    return result;
}

int stm_seq_traverse(const struct stm_seq *seq, stm_visit *visit, void *context)
{
    return traverse_value((stm_value)seq, visit, context);
}

static struct stm_seq *of_dead(stm_value dead)
{
    return (struct stm_seq *)((char *)dead - offsetof(struct stm_seq, dead));
}

static void free_dead(stm_value dead) { free_seq(of_dead(dead)); }

static bool may_free_dead(stm_value dead)
{
    return may_release_value((stm_value)of_dead(dead));
}

const struct stm_type stm__seq_dead = {
    .name = "dead sequence",
    .release = free_dead,
    .may_release = may_free_dead,
};

const struct stm_type stm__seq_type = {
    .name = "sequence",
    .retain = retain_value,
    .release = release_value,
    .may_release = may_release_value,
    .traverse = traverse_value,
};
