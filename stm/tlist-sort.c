/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <stm/error-internal.h>
#include <stm/tlist-internal.h>

/* Reversing and sorting, each on an array of the items, of which a new sequence
 * is built. */

#define RUN 8 /* items that are sorted by insertion */

/* ---- reverse ---- */

static void turn_around(stm_value *items, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        stm_value item = items[i];

        items[i] = items[count - 1 - i];
        items[count - 1 - i] = item;
    }
}

enum stm_status stm_tlist_reverse(struct stm_tx *tx, struct stm_tlist *list)
{
    struct stm_seq *before, *after = NULL;
    stm_value *items;
    size_t count;

    STM_TRY(stm__seqvar_load_to_change(tx, list->root, list->item, &before));
    count = stm_seq_length(before);
    if (count < 2)
        return STM_OK;
    items = malloc(count * sizeof *items);
    if (items) {
        stm__seq_copy_out(before, items);
        turn_around(items, count);
        after = stm__seq_build(list->item, items, count, tx->fast.stamp);
    }
    free(items);
    return stm__seqvar_store(tx, list->root, before, after);
}

/* ---- sort ---- */

/* A merge sort, which ends after as many steps whatever compare says. */
struct sort {
    struct stm_tx *tx;
    stm_compare *compare;
    void *context;
    stm_value *spare; /* room for as many items again */
    bool moved;       /* are the items in another order than before? */
};

/* Must right, which comes later, go before left? */
static enum stm_status inverted(struct sort *sort, stm_value left,
                                stm_value right, bool *out)
{
    int order = 0;

    STM_TRY(sort->compare(left, right, sort->context, &order));
    *out = order > 0;
    return sort->tx->fast
        .doom; /* compare may have doomed it and said nothing */
}

static enum stm_status sort_run(struct sort *sort, stm_value *items,
                                size_t count)
{
    for (size_t i = 1; i < count; i++) {
        stm_value item = items[i];
        size_t at = i;
        bool before = true;

        while (at > 0) {
            STM_TRY(inverted(sort, items[at - 1], item, &before));
            if (!before)
                break;
            at--;
        }
        memmove(items + at + 1, items + at, (i - at) * sizeof *items);
        items[at] = item;
        sort->moved = sort->moved || at < i;
    }
    return STM_OK;
}

/* Makes one of two neighbours that are each in order.  The left one moves to
 * the spare room first; what is left of it when the right one is used up is
 * exactly what is missing. */
static enum stm_status merge(struct sort *sort, stm_value *items, size_t left,
                             size_t count)
{
    stm_value *from = sort->spare, *from_end = from + left;
    stm_value *right = items + left, *right_end = items + count;
    bool before;

    STM_TRY(inverted(sort, right[-1], *right, &before));
    if (!before)
        return STM_OK;
    sort->moved = true;
    memcpy(from, items, left * sizeof *items);
    while (from < from_end && right < right_end) {
        STM_TRY(inverted(sort, *from, *right, &before));
        *items++ = before ? *right++ : *from++;
    }
    memcpy(items, from, (size_t)(from_end - from) * sizeof *items);
    return STM_OK;
}

static enum stm_status sort_items(struct sort *sort, stm_value *items,
                                  size_t count)
{
    for (size_t i = 0; i < count; i += RUN)
        STM_TRY(sort_run(sort, items + i, count - i < RUN ? count - i : RUN));
    for (size_t half = RUN; half < count; half *= 2)
        for (size_t i = half; i < count; i += 2 * half)
            STM_TRY(merge(sort, items + i - half, half,
                          half + (count - i < half ? count - i : half)));
    return STM_OK;
}

/* Compare may have run anything: is the list still the one that was sorted? */
static enum stm_status store_sorted(const struct sort *sort,
                                    struct stm_tlist *list,
                                    const struct stm_seq *sorted,
                                    const stm_value *items)
{
    struct stm_seq *before;

    STM_TRY(
        stm__seqvar_load_to_change(sort->tx, list->root, list->item, &before));
    if (before != sorted)
        return stm_error(STM_EMISUSE,
                         "stm_tlist_sort: the list was changed while it was "
                         "sorted; expected a compare that leaves it alone");
    if (!sort->moved)
        return STM_OK;
    return stm__seqvar_store(sort->tx, list->root, before,
                             stm__seq_build(list->item, items,
                                            stm_seq_length(sorted),
                                            sort->tx->fast.stamp));
}

static enum stm_status sort_seq(struct sort *sort, struct stm_tlist *list,
                                const struct stm_seq *seq)
{
    size_t count = stm_seq_length(seq);
    stm_value *items = malloc(2 * count * sizeof *items);
    enum stm_status status;

    if (!items)
        return stm__doom(sort->tx, STM_ENOMEM);
    stm__seq_copy_out(seq, items);
    sort->spare = items + count;
    status = sort_items(sort, items, count);
    if (status == STM_OK)
        status = store_sorted(sort, list, seq, items);
    free(items);
    return status;
}

/* The items stay alive by the sequence, whatever compare does to the list; and
 * no one changes the sequence in place under a new stamp. */
enum stm_status stm_tlist_sort(struct stm_tx *tx, struct stm_tlist *list,
                               stm_compare *compare, void *context)
{
    struct sort sort = {.tx = tx, .compare = compare, .context = context};
    enum stm_status status;
    struct stm_seq *seq;

    STM_TRY(stm__seqvar_load(tx, list->root, &seq));
    if (stm__seq_length(seq) < 2)
        return STM_OK;
    stm_seq_retain(seq);
    stm__draw_stamp(tx);
    status = sort_seq(&sort, list, seq);
    stm_seq_release(seq);
    return status;
}
