/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <stm/error-internal.h>
#include <stm/tlist-internal.h>

/* Takes over the sequence, also when it fails; NULL: there was no memory for
 * one. */
static struct stm_tlist *new_with(const struct stm_type *item,
                                  struct stm_seq *seq)
{
    struct stm_tlist *list = malloc(sizeof *list);
    struct stm_tvar *root = NULL;

    if (seq)
        root = stm__tvar_new_stealing(&stm__seq_type, (stm_value)seq);
    if (list && root) {
        list->refs = 1;
        list->item = item;
        list->root = root;
        return list;
    }
    free(list);
    if (root)
        stm_tvar_release(root);
    else if (seq)
        stm_seq_release(seq);
    return NULL;
}

struct stm_tlist *stm_tlist_new(const struct stm_type *item)
{
    return new_with(item, stm__seq_new(item, 0));
}

struct stm_tlist *stm_tlist_new_of(struct stm_seq *items)
{
    stm_seq_retain(items);
    return new_with(stm__seq_item_type(items), items);
}

void stm_tlist_retain(struct stm_tlist *list)
{
    (void)AO_fetch_and_add1(&list->refs);
}

void stm_tlist_release(struct stm_tlist *list)
{
    if (!list || AO_fetch_and_sub1_full(&list->refs) != 1)
        return;
    stm_tvar_release(list->root);
    free(list);
}

const struct stm_type *stm_tlist_item_type(const struct stm_tlist *list)
{
    return list->item;
}

/* Loads the sequence for who needs one also of a list that was discarded. */
static enum stm_status load_some(struct stm_tx *tx, struct stm_tlist *list,
                                 struct stm_seq **out)
{
    STM_TRY(stm__seqvar_load(tx, list->root, out));
    return *out ? STM_OK
                : stm__seqvar_load_to_change(tx, list->root, list->item, out);
}

static enum stm_status out_of_range(const char *function, size_t index,
                                    size_t length)
{
    return stm_error(STM_ERANGE, "%s: index %zu in a list of %zu items",
                     function, index, length);
}

/* Are from and to a range of a sequence? */
static enum stm_status check_range(const char *function, size_t from, size_t to,
                                   const struct stm_seq *seq)
{
    if (to > stm_seq_length(seq))
        return out_of_range(function, to, stm_seq_length(seq));
    if (from > to)
        return stm_error(STM_ERANGE, "%s: from %zu is after to %zu", function,
                         from, to);
    return STM_OK;
}

/* Is there room for the items of another sequence (NULL: none)? */
static enum stm_status check_room(const char *function,
                                  const struct stm_seq *seq,
                                  const struct stm_seq *more)
{
    if (!stm__seq_too_long(stm_seq_length(seq), stm__seq_length(more)))
        return STM_OK;
    return stm_error(STM_EFULL, "%s: %zu more items than the %zu there are",
                     function, stm_seq_length(more), stm_seq_length(seq));
}

enum stm_status stm_tlist_length(struct stm_tx *tx, struct stm_tlist *list,
                                 size_t *out)
{
    struct stm_seq *seq;

    STM_TRY(stm__seqvar_load(tx, list->root, &seq));
    *out = stm__seq_length(seq);
    return STM_OK;
}

enum stm_status stm_tlist_get(struct stm_tx *tx, struct stm_tlist *list,
                              size_t index, stm_value *out)
{
    struct stm_seq *seq;

    STM_TRY(stm__seqvar_load(tx, list->root, &seq));
    if (index >= stm__seq_length(seq))
        return out_of_range(__func__, index, stm__seq_length(seq));
    *out = stm_seq_get(seq, index);
    return STM_OK;
}

enum stm_status stm_tlist_set(struct stm_tx *tx, struct stm_tlist *list,
                              size_t index, stm_value item)
{
    struct stm_seq *before, *after;
    stm_value replaced;

    STM_TRY(stm__seqvar_load_to_change(tx, list->root, list->item, &before));
    if (index >= stm_seq_length(before))
        return out_of_range(__func__, index, stm_seq_length(before));
    after = stm__seq_set(before, index, item, &replaced, tx->fast.stamp);
    if (after)
        stm__log_discard(&tx->log, list->item, replaced);
    return stm__seqvar_store(tx, list->root, before, after);
}

enum stm_status stm_tlist_insert(struct stm_tx *tx, struct stm_tlist *list,
                                 size_t index, stm_value item)
{
    struct stm_seq *before;

    STM_TRY(stm__seqvar_load_to_change(tx, list->root, list->item, &before));
    if (index > stm_seq_length(before))
        return out_of_range(__func__, index, stm_seq_length(before));
    return stm__seqvar_store(
        tx, list->root, before,
        stm__seq_insert(before, index, item, tx->fast.stamp));
}

enum stm_status stm_tlist_append(struct stm_tx *tx, struct stm_tlist *list,
                                 stm_value item)
{
    struct stm_seq *before;

    STM_TRY(stm__seqvar_load_to_change(tx, list->root, list->item, &before));
    return stm__seqvar_store(
        tx, list->root, before,
        stm__seq_insert(before, stm_seq_length(before), item, tx->fast.stamp));
}

/* Takes out the item at an index that exists. */
static enum stm_status take(struct stm_tx *tx, struct stm_tlist *list,
                            struct stm_seq *before, size_t index,
                            stm_value *out)
{
    struct stm_seq *after;
    stm_value removed;

    after = stm__seq_remove(before, index, &removed, tx->fast.stamp);
    if (after)
        stm__log_discard(&tx->log, list->item, removed);
    STM_TRY(stm__seqvar_store(tx, list->root, before, after));
    if (out)
        *out = removed;
    return STM_OK;
}

enum stm_status stm_tlist_remove(struct stm_tx *tx, struct stm_tlist *list,
                                 size_t index, stm_value *out)
{
    struct stm_seq *before;

    STM_TRY(stm__seqvar_load_to_change(tx, list->root, list->item, &before));
    if (index >= stm_seq_length(before))
        return out_of_range(__func__, index, stm_seq_length(before));
    return take(tx, list, before, index, out);
}

enum stm_status stm_tlist_pop_front(struct stm_tx *tx, struct stm_tlist *list,
                                    stm_value *out)
{
    struct stm_seq *before;

    STM_TRY(stm__seqvar_load_to_change(tx, list->root, list->item, &before));
    if (!stm_seq_length(before))
        return STM_EEMPTY;
    return take(tx, list, before, 0, out);
}

enum stm_status stm_tlist_pop_back(struct stm_tx *tx, struct stm_tlist *list,
                                   stm_value *out)
{
    struct stm_seq *before;

    STM_TRY(stm__seqvar_load_to_change(tx, list->root, list->item, &before));
    if (!stm_seq_length(before))
        return STM_EEMPTY;
    return take(tx, list, before, stm_seq_length(before) - 1, out);
}

enum stm_status stm_tlist_clear(struct stm_tx *tx, struct stm_tlist *list)
{
    struct stm_seq *before;

    STM_TRY(stm__seqvar_load_to_change(tx, list->root, list->item, &before));
    return stm__seqvar_store(tx, list->root, before,
                             stm__seq_new(list->item, tx->fast.stamp));
}

enum stm_status stm_tlist_extend(struct stm_tx *tx, struct stm_tlist *list,
                                 struct stm_seq *items)
{
    struct stm_seq *before;

    STM_TRY(stm__seqvar_load_to_change(tx, list->root, list->item, &before));
    STM_TRY(check_room(__func__, before, items));
    return stm__seqvar_store(tx, list->root, before,
                             stm__seq_concat(before, items, tx->fast.stamp));
}

/* left + items + the rest of before, from `to` on. */
static struct stm_seq *splice(struct stm_seq *before, size_t from, size_t to,
                              struct stm_seq *items, uint64_t stamp)
{
    struct stm_seq *left, *right, *joined = NULL, *all = NULL;

    left = stm__seq_slice(before, 0, from, stamp);
    right = stm__seq_slice(before, to, stm_seq_length(before), stamp);
    if (left && right)
        joined = items ? stm__seq_concat(left, items, stamp) : left;
    if (joined)
        all = stm__seq_concat(joined, right, stamp);
    if (joined && joined != left)
        stm__seq_drop(joined);
    if (left)
        stm__seq_drop(left);
    if (right)
        stm__seq_drop(right);
    return all;
}

enum stm_status stm_tlist_splice(struct stm_tx *tx, struct stm_tlist *list,
                                 size_t from, size_t to, struct stm_seq *items)
{
    struct stm_seq *before;

    STM_TRY(stm__seqvar_load_to_change(tx, list->root, list->item, &before));
    STM_TRY(check_range(__func__, from, to, before));
    STM_TRY(check_room(__func__, before, items));
    return stm__seqvar_store(tx, list->root, before,
                             splice(before, from, to, items, tx->fast.stamp));
}

enum stm_status stm_tlist_assign(struct stm_tx *tx, struct stm_tlist *list,
                                 struct stm_seq *items)
{
    return stm_tvar_set(tx, list->root, (stm_value)items);
}

enum stm_status stm_tlist_slice(struct stm_tx *tx, struct stm_tlist *list,
                                size_t from, size_t to, struct stm_seq **out)
{
    struct stm_seq *seq, *slice;

    STM_TRY(load_some(tx, list, &seq));
    STM_TRY(check_range(__func__, from, to, seq));
    slice = stm_seq_slice(seq, from, to);
    if (!slice)
        return stm__doom(tx, STM_ENOMEM);
    *out = slice;
    return STM_OK;
}

enum stm_status stm_tlist_split(struct stm_tx *tx, struct stm_tlist *list,
                                size_t at, struct stm_seq **out)
{
    struct stm_seq *before, *rest;
    enum stm_status status;

    STM_TRY(stm__seqvar_load_to_change(tx, list->root, list->item, &before));
    STM_TRY(check_range(__func__, 0, at, before));
    rest = stm_seq_slice(before, at, stm_seq_length(before));
    if (!rest)
        return stm__doom(tx, STM_ENOMEM);
    status = stm__seqvar_store(tx, list->root, before,
                               stm__seq_slice(before, 0, at, tx->fast.stamp));
    if (status == STM_OK)
        *out = rest;
    else
        stm_seq_release(rest);
    return status;
}

enum stm_status stm_tlist_snapshot(struct stm_tx *tx, struct stm_tlist *list,
                                   struct stm_seq **out)
{
    struct stm_seq *seq;

    STM_TRY(load_some(tx, list, &seq));
    stm_seq_retain(seq);
    stm__draw_stamp(
        tx); /* from here on, changes copy what they share with it */
    *out = seq;
    return STM_OK;
}

int stm_tlist_traverse(struct stm_tlist *list, stm_visit *visit, void *context)
{
    return stm_tvar_traverse(list->root, visit, context);
}

void stm_tlist_discard(struct stm_tlist *list) { stm_tvar_clear(list->root); }
