/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_SEQ_STRUCT_INTERNAL_H
#define STM_SEQ_STRUCT_INTERNAL_H

#include <stm/limbo-internal.h>
#include <stm/seq-tree-internal.h>

/* A sequence's own structure, for seq.c, which explains it, and seq-read.c. */

enum stm__place { STM__FRONT, STM__BACK, STM__TREE };

struct stm_seq {
    AO_t refs;      /* any thread's, by atomic addition */
    uint64_t owner; /* the token of the attempt that may change it */
    const struct stm_type *type;
    size_t length;
    struct stm__leaf
        *end[2]; /* by STM__FRONT, STM__BACK; NULL: no items there */
    struct stm__node *tree;
    struct stm__dead dead; /* once the last reference is gone */
    AO_t tenants; /* of this block of memory: the sequence, and a leaf behind it
                   */
};

/* The leaf that lies in the same block, if there is one. */
static inline struct stm__leaf *stm__seq_inside(struct stm_seq *seq)
{
    return (struct stm__leaf *)(seq + 1);
}

/* How a dead sequence is freed. */
extern const struct stm_type stm__seq_dead;

static inline struct stm__node *stm__seq_end(const struct stm_seq *seq,
                                             enum stm__place end)
{
    return seq->end[end] ? &seq->end[end]->node : NULL;
}

/* The items in an end; 0 for the tree. */
static inline unsigned stm__seq_end_fill(const struct stm_seq *seq,
                                         enum stm__place end)
{
    return end != STM__TREE && seq->end[end] ? seq->end[end]->node.fill : 0;
}

/* Front, tree and back without those that are not there. */
static inline unsigned stm__seq_parts(const struct stm_seq *seq,
                                      struct stm__node *part[3])
{
    unsigned count = 0;
    if (seq->end[STM__FRONT])
        part[count++] = stm__seq_end(seq, STM__FRONT);
    if (seq->tree)
        part[count++] = seq->tree;
    if (seq->end[STM__BACK])
        part[count++] = stm__seq_end(seq, STM__BACK);
    return count;
}

/* Where the item at *index is; *index becomes the index in that place. */
static inline enum stm__place stm__seq_find(const struct stm_seq *seq,
                                            size_t *index)
{
    size_t front = stm__seq_end_fill(seq, STM__FRONT);
    if (*index < front)
        return STM__FRONT;
    size_t back = seq->length - stm__seq_end_fill(seq, STM__BACK);
    if (*index >= back) {
        *index -= back;
        return STM__BACK;
    }
    *index -= front;
    return STM__TREE;
}

#endif
