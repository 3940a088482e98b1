/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Persistent sequences.
 *
 * Words.  A *sequence* is an immutable list of words to everyone but the
 * attempt that is making it.  Its items lie in *leaves*; two leaves are the
 * *ends*, the others hang in the *tree* between them, below *inner nodes*,
 * which are *full* with 32 entries.  Entries of a leaf are items, of an inner
 * node children.  *Height* counts the levels below a node: a leaf's is 0.
 *
 *        struct stm_seq
 *        front      tree                       back
 *          |          |                          |
 *          |       [ 32 | 64 | 87 ]  sums        |       height 1
 *          |         |    |    |                 |
 *       [a b c]    [d..][..][..x]            [y z ...]   height 0
 *
 * Different versions share nodes; a change copies the path from the sequence
 * down to the leaf that it changes, and no more.
 *
 * What always holds:
 *
 *   A. The item sequence is front, tree, back; `length` and every `sum` count
 *      exactly what is below.
 *   B. All leaves of a tree have the same depth.
 *   C. A node that has a parent has 16 to 32 entries.  Elsewhere a leaf has at
 *      least one item and an inner node, the root, at least two children.
 *   D. Where there is a tree there are both ends, so that the first and the
 *      last item are always at hand.
 *   E. A leaf owns one reference to each of its items, a node one to each
 *      child: no item outlives the last version that contains it.
 *   F. A node is changed only by a sequence's maker, and only if it and every
 *      node on the way to it have a single reference.
 *
 * Why F is enough.  A sequence may be changed in place by calls with the token
 * that it was made with, and no one else has seen it.  Whoever else can reach
 * a node does so from a sequence of his own, which is alive for as long as he
 * reads (also when he has no reference but an epoch), and has its own count on
 * the node or on a node above.  Copying a node counts its children once more,
 * so below a copied node everything is copied.  A node needs no token.
 *
 * A copy that is made for a change at an end has that end in its own block of
 * memory, which is freed with the last of the two: one allocation a change.
 *
 * The ends are buffers: pushing and popping changes or copies one leaf of at
 * most 32 words.  Only when an end is full does its inner half go to the tree
 * (where it tops up the neighbour, so that appending leaves full leaves
 * behind), and only when it is empty does the outermost leaf come back.
 * Of any 15 pushes and pops at most two do such a step, also where they go to
 * and fro over the boundary; that makes the ends O(1) amortized.
 *
 * Failing.  A change to a tree first surveys its path and allocates what it
 * will need; then it cannot fail (see struct stm__edit).  A step that moves
 * items between an end and the tree without changing what the sequence holds
 * may stay when a later one fails.
 *
 * Costs, for n items; the height is at most 4 for a million.
 *
 *   push or pop at an end       O(1) amortized, at most 32 words copied
 *   first, last                 O(1)
 *   get, set, insert, remove    O(log n)
 *   slice, concatenate          O(log n)
 *   memory                      10.2 bytes for an appended word, else about
 *                               twice as much at most
 *
 * Where it comes from: B+-trees with counts (Bayer and McCreight); finding a
 * child by a shift and a short scan, from the RRB vectors of Bagwell and Rompf;
 * ends outside the tree, from the finger trees of Hinze and Paterson and the
 * tail of Clojure's vectors, and from there the owner's token, too; for
 * joining see stm/seq-join.c. */

#include <stdlib.h>

#include <stm/seq-struct-internal.h>

/* ---- making ---- */

static struct stm_seq *new_with(const struct stm_type *item, uint64_t owner,
                                size_t more)
{
    struct stm_seq *seq = malloc(sizeof(*seq) + more);
    if (seq)
        *seq = (struct stm_seq){.refs = 1,
                                .owner = owner,
                                .type = item,
                                .dead = {NULL, &stm__seq_dead},
                                .tenants = 1};
    return seq;
}

struct stm_seq *stm__seq_new(const struct stm_type *item, uint64_t owner)
{
    return new_with(item, owner, 0);
}

bool stm__seq_owned(const struct stm_seq *seq, uint64_t owner)
{
    return owner != 0 && seq->owner == owner;
}

static struct stm_seq *copy(const struct stm_seq *seq, uint64_t owner)
{
    struct stm_seq *new = stm__seq_new(seq->type, owner);
    if (!new)
        return NULL;
    new->length = seq->length;
    new->end[STM__FRONT] = seq->end[STM__FRONT];
    new->end[STM__BACK] = seq->end[STM__BACK];
    new->tree = seq->tree;
    stm__node_retain(stm__seq_end(seq, STM__FRONT));
    stm__node_retain(seq->tree);
    stm__node_retain(stm__seq_end(seq, STM__BACK));
    return new;
}

/* A copy with an end of its own, which lies in the same block of memory and has
 * room for so many items. */
static struct stm_seq *copy_with_end(const struct stm_seq *seq, uint64_t owner,
                                     enum stm__place end, unsigned capacity)
{
    enum stm__place other = end == STM__FRONT ? STM__BACK : STM__FRONT;
    capacity = stm__leaf_capacity(capacity);
    struct stm_seq *new = new_with(seq->type, owner, stm__leaf_bytes(capacity));
    if (!new)
        return NULL;
    struct stm__leaf *leaf = stm__seq_inside(new);
    stm__leaf_init_copy(leaf, capacity, seq->end[end], seq->type);
    leaf->node.inside = 1;
    new->tenants = 2;
    new->length = seq->length;
    new->end[end] = leaf;
    new->end[other] = seq->end[other];
    new->tree = seq->tree;
    stm__node_retain(seq->tree);
    stm__node_retain(stm__seq_end(seq, other));
    return new;
}

/* Begins a change: the sequence itself, or a copy.  Ends with finish.  The
 * change is in some place, which grows by so many items. */
static struct stm_seq *begin(struct stm_seq *seq, uint64_t owner,
                             enum stm__place place, unsigned growth)
{
    unsigned fill = stm__seq_end_fill(seq, place);
    if (stm__seq_owned(seq, owner))
        return seq;
    if (fill == 0 || fill + growth > STM__FAN)
        return copy(seq, owner);
    return copy_with_end(seq, owner, place, fill + growth);
}

/* Drops a copy whose change failed.  Gives back no last reference to an item:
 * the original has them all. */
static struct stm_seq *finish(struct stm_seq *changed, struct stm_seq *seq,
                              bool done)
{
    if (done)
        return changed;
    if (changed != seq)
        stm__seq_drop(changed);
    return NULL;
}

static struct stm__edit edit_of(const struct stm_seq *seq)
{
    return (struct stm__edit){.type = seq->type};
}

/* Makes an end one that may be changed, with room for so many items. */
static inline bool own_end(struct stm_seq *seq, enum stm__place end,
                           unsigned capacity)
{
    if (stm__leaf_is_own(seq->end[end], capacity))
        return true;
    struct stm__leaf *new = stm__leaf_renew(seq->end[end], capacity, seq->type);
    if (new)
        seq->end[end] = new;
    return new != NULL;
}

/* ---- between the ends and the tree ---- */

/* Puts a leaf next to an end. */
static bool put_inside(struct stm_seq *seq, enum stm__place end,
                       struct stm__leaf *leaf)
{
    enum stm__place other = end == STM__FRONT ? STM__BACK : STM__FRONT;
    if (!seq->end[other]) {
        seq->end[other] = leaf;
        return true;
    }
    struct stm__edit edit = edit_of(seq);
    struct stm__node *left = end == STM__FRONT ? &leaf->node : seq->tree;
    struct stm__node *right = end == STM__FRONT ? seq->tree : &leaf->node;
    bool done = stm__tree_join(&edit, &left, right);
    stm__edit_fini(&edit);
    if (done)
        seq->tree = left;
    return done;
}

/* Moves the inner half of a full end into the tree. */
static bool flush(struct stm_seq *seq, enum stm__place end)
{
    const unsigned half = STM__FAN / 2;
    if (!own_end(seq, end, STM__FAN))
        return false;
    struct stm__leaf *moved = stm__leaf_new(STM__FAN);
    if (!moved)
        return false;
    struct stm__node *outer = stm__seq_end(seq, end);
    if (end == STM__FRONT)
        stm__node_shift_right(outer, &moved->node, half);
    else
        stm__node_shift_left(&moved->node, outer, half);
    if (put_inside(seq, end, moved))
        return true;
    if (end == STM__FRONT)
        stm__node_shift_left(outer, &moved->node, half);
    else
        stm__node_shift_right(&moved->node, outer, half);
    free(moved);
    return false;
}

/* Takes the outermost leaf of the tree at this end; NULL from no tree. */
static bool pull(struct stm_seq *seq, enum stm__place end,
                 struct stm__leaf **leaf)
{
    *leaf = NULL;
    if (!seq->tree)
        return true;
    struct stm__edit edit = edit_of(seq);
    bool done = stm__tree_pull(&edit, &seq->tree, end == STM__BACK, leaf);
    stm__edit_fini(&edit);
    return done;
}

/* ---- insert ---- */

/* Where an item is inserted before *index, with the ends preferred; *index
 * becomes the index in that place. */
static enum stm__place find_gap(const struct stm_seq *seq, size_t *index)
{
    size_t front = stm__seq_end_fill(seq, STM__FRONT);
    if (seq->end[STM__FRONT] && *index <= front)
        return STM__FRONT;
    size_t back = seq->length - stm__seq_end_fill(seq, STM__BACK);
    if (*index >= back) {
        *index -= back;
        return STM__BACK;
    }
    *index -= front;
    return STM__TREE;
}

static inline bool insert_in_end(struct stm_seq *seq, enum stm__place end,
                                 size_t index, stm_value item)
{
    if (!seq->end[end]) {
        seq->end[end] = stm__leaf_new(1);
        if (!seq->end[end])
            return false;
    } else if (!own_end(seq, end, stm__seq_end_fill(seq, end) + 1)) {
        return false;
    }
    stm__leaf_put(seq->end[end], (unsigned)index, item);
    return true;
}

static bool insert_in_tree(struct stm_seq *seq, size_t index, stm_value item)
{
    struct stm__edit edit = edit_of(seq);
    bool done = stm__tree_insert(&edit, &seq->tree, index, item);
    stm__edit_fini(&edit);
    return done;
}

static bool insert(struct stm_seq *seq, size_t index, enum stm__place place,
                   size_t at, stm_value item)
{
    while (place != STM__TREE && stm__seq_end_fill(seq, place) == STM__FAN) {
        if (!flush(seq, place))
            return false;
        at = index;
        place = find_gap(seq, &at);
    }
    bool done = place == STM__TREE ? insert_in_tree(seq, at, item)
                                   : insert_in_end(seq, place, at, item);
    if (done) {
        stm__retain(seq->type, item);
        seq->length++;
    }
    return done;
}

struct stm_seq *stm__seq_insert(struct stm_seq *seq, size_t index,
                                stm_value item, uint64_t owner)
{
    size_t at = index;
    enum stm__place place = find_gap(seq, &at);
    struct stm_seq *changed = begin(seq, owner, place, 1);
    if (!changed)
        return NULL;
    return finish(changed, seq, insert(changed, index, place, at, item));
}

/* ---- remove and set ---- */

static bool remove_from_end(struct stm_seq *seq, enum stm__place end,
                            size_t index, stm_value *removed)
{
    if (!own_end(seq, end, stm__seq_end_fill(seq, end)))
        return false;
    struct stm__leaf *leaf = seq->end[end];
    if (leaf->node.fill > 1) {
        *removed = stm__leaf_take(leaf, (unsigned)index);
        return true;
    }
    struct stm__leaf *next;
    if (!pull(seq, end, &next))
        return false;
    *removed = leaf->item[0];
    stm__node_free(&leaf->node);
    seq->end[end] = next;
    return true;
}

static bool remove_from_tree(struct stm_seq *seq, size_t index,
                             stm_value *removed)
{
    struct stm__edit edit = edit_of(seq);
    bool done = stm__tree_remove(&edit, &seq->tree, index, removed);
    stm__edit_fini(&edit);
    return done;
}

struct stm_seq *stm__seq_remove(struct stm_seq *seq, size_t index,
                                stm_value *removed, uint64_t owner)
{
    enum stm__place place = stm__seq_find(seq, &index);
    struct stm_seq *changed = begin(seq, owner, place, 0);
    if (!changed)
        return NULL;
    bool done = place == STM__TREE
                    ? remove_from_tree(changed, index, removed)
                    : remove_from_end(changed, place, index, removed);
    if (done)
        changed->length--;
    return finish(changed, seq, done);
}

static bool set_in_end(struct stm_seq *seq, enum stm__place end, size_t index,
                       stm_value item, stm_value *replaced)
{
    if (!own_end(seq, end, stm__seq_end_fill(seq, end)))
        return false;
    *replaced = seq->end[end]->item[index];
    seq->end[end]->item[index] = item;
    return true;
}

static bool set_in_tree(struct stm_seq *seq, size_t index, stm_value item,
                        stm_value *replaced)
{
    struct stm__edit edit = edit_of(seq);
    bool done = stm__tree_set(&edit, &seq->tree, index, item, replaced);
    stm__edit_fini(&edit);
    return done;
}

struct stm_seq *stm__seq_set(struct stm_seq *seq, size_t index, stm_value item,
                             stm_value *replaced, uint64_t owner)
{
    enum stm__place place = stm__seq_find(seq, &index);
    struct stm_seq *changed = begin(seq, owner, place, 0);
    if (!changed)
        return NULL;
    bool done = place == STM__TREE
                    ? set_in_tree(changed, index, item, replaced)
                    : set_in_end(changed, place, index, item, replaced);
    if (done)
        stm__retain(seq->type, item);
    return finish(changed, seq, done);
}

/* ---- slice and concatenate ---- */

static size_t clamp(size_t index, size_t low, size_t high)
{
    if (index < low)
        return 0;
    return (index < high ? index : high) - low;
}

/* The items of one part, which begins at `base`, that lie in [from, to). */
static bool slice_part(struct stm__edit *edit, struct stm__node *part,
                       size_t base, size_t from, size_t to,
                       struct stm__node **slice)
{
    size_t end = base + stm__node_size(part);
    return stm__tree_slice(edit, part, clamp(from, base, end),
                           clamp(to, base, end), slice);
}

static bool slice_parts(struct stm_seq *slice, const struct stm_seq *seq,
                        size_t from, size_t to)
{
    struct stm__edit edit = edit_of(seq);
    size_t front = stm__seq_end_fill(seq, STM__FRONT);
    size_t back = seq->length - stm__seq_end_fill(seq, STM__BACK);
    struct stm__node *first = NULL, *last = NULL;
    bool done =
        slice_part(&edit, stm__seq_end(seq, STM__FRONT), 0, from, to, &first) &&
        slice_part(&edit, seq->tree, front, from, to, &slice->tree) &&
        slice_part(&edit, stm__seq_end(seq, STM__BACK), back, from, to, &last);
    stm__edit_fini(&edit);
    slice->end[STM__FRONT] = first ? stm__leaf(first) : NULL;
    slice->end[STM__BACK] = last ? stm__leaf(last) : NULL;
    slice->length = to - from;
    return done;
}

struct stm_seq *stm__seq_slice(struct stm_seq *seq, size_t from, size_t to,
                               uint64_t owner)
{
    struct stm_seq *slice = stm__seq_new(seq->type, owner);
    if (!slice)
        return NULL;
    bool done = slice_parts(slice, seq, from, to) &&
                (slice->end[STM__FRONT] ||
                 pull(slice, STM__FRONT, &slice->end[STM__FRONT])) &&
                (slice->end[STM__BACK] ||
                 pull(slice, STM__BACK, &slice->end[STM__BACK]));
    return finish(slice, seq, done);
}

/* Joins nodes that others own into a new tree. */
static bool join_parts(struct stm_seq *whole, struct stm__node *const *part,
                       unsigned count)
{
    struct stm__edit edit = edit_of(whole);
    bool done = true;
    for (unsigned i = 0; i < count && done; i++) {
        done = stm__tree_join(&edit, &whole->tree, stm__node_retain(part[i]));
        if (!done)
            stm__node_drop(part[i], whole->type);
    }
    stm__edit_fini(&edit);
    return done;
}

struct stm_seq *stm__seq_concat(struct stm_seq *left, struct stm_seq *right,
                                uint64_t owner)
{
    if (stm__seq_too_long(left->length, right->length))
        return NULL;
    struct stm__node *part[6];
    unsigned count = stm__seq_parts(left, part);
    count += stm__seq_parts(right, part + count);
    struct stm_seq *whole = stm__seq_new(left->type, owner);
    if (!whole || count == 0)
        return whole;
    /* By D the first and the last part are leaves. */
    whole->end[STM__BACK] = stm__leaf(stm__node_retain(part[count - 1]));
    whole->length = left->length + right->length;
    if (count == 1)
        return whole;
    whole->end[STM__FRONT] = stm__leaf(stm__node_retain(part[0]));
    return finish(whole, left, join_parts(whole, part + 1, count - 2));
}
