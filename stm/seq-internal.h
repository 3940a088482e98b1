/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_SEQ_INTERNAL_H
#define STM_SEQ_INTERNAL_H

#include <stm/seq.h>

/* Making sequences.  Every function takes the ownership token of the attempt
 * that calls it and returns the changed sequence, which the caller owns once:
 *
 *   - the same pointer, changed in place, if this sequence belongs to the
 *     token (it was made by a call with the same token, which is not 0, and
 *     therefore no one else can see it; its nodes that no other sequence
 *     shares are changed in place, too, others are copied);
 *   - else a new sequence, and the old one is as it was and still the caller's;
 *   - NULL when out of memory: nothing has changed.
 *
 * Nothing here ever runs a type's release for the last reference to an item:
 * what is taken out is handed to the caller with a reference of its own.
 * (Only stm_seq_release does.) */

/* An empty sequence.  Belongs to `owner`. */
struct stm_seq *stm__seq_new(const struct stm_type *item, uint64_t owner);

/* What stm_seq_new makes.  Belongs to `owner`. */
struct stm_seq *stm__seq_build(const struct stm_type *item,
                               const stm_value *items, size_t count,
                               uint64_t owner);

/* Writes all items to an array, which has room for them. */
void stm__seq_copy_out(const struct stm_seq *seq, stm_value *items);

/* The length, where NULL stands for an empty sequence. */
static inline size_t stm__seq_length(const struct stm_seq *seq)
{
    return seq ? stm_seq_length(seq) : 0;
}

/* Would two be too long together?  What shares its nodes can be longer than
 * memory is large; no longer than any array, so that nobody's arithmetic wraps.
 */
static inline bool stm__seq_too_long(size_t left, size_t right)
{
    return right > PTRDIFF_MAX / sizeof(stm_value) - left;
}

const struct stm_type *stm__seq_item_type(const struct stm_seq *seq);

/* Releases at once, also inside an attempt: for a sequence whose items all have
 * other owners. */
void stm__seq_drop(struct stm_seq *seq);

/* Does it belong to this token? */
bool stm__seq_owned(const struct stm_seq *seq, uint64_t owner);

/* Inserts before index <= length; retains item. */
struct stm_seq *stm__seq_insert(struct stm_seq *seq, size_t index,
                                stm_value item, uint64_t owner);

/* Takes out the item at index < length; *removed is owned by the caller. */
struct stm_seq *stm__seq_remove(struct stm_seq *seq, size_t index,
                                stm_value *removed, uint64_t owner);

/* Replaces the item at index < length; *replaced is owned by the caller. */
struct stm_seq *stm__seq_set(struct stm_seq *seq, size_t index, stm_value item,
                             stm_value *replaced, uint64_t owner);

/* The items [from, to) as a new sequence; the argument stays as it was. */
struct stm_seq *stm__seq_slice(struct stm_seq *seq, size_t from, size_t to,
                               uint64_t owner);

/* left followed by right as a new sequence; both stay as they were. */
struct stm_seq *stm__seq_concat(struct stm_seq *left, struct stm_seq *right,
                                uint64_t owner);

/* The first index whose item does not come before the key, by a function that
 * says whether an item does.  The items must be in that order.  O(log n). */
size_t stm__seq_bisect(const struct stm_seq *seq,
                       bool (*before)(stm_value item, const void *key),
                       const void *key);

/* The type of a sequence as a variable's value.  Its traverse visits items
 * only along nodes that have one owner: see stm_tvar_traverse. */
extern const struct stm_type stm__seq_type;

#endif
