/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stm/box-internal.h>
#include <stm/seqvar-internal.h>

enum stm_status stm__seqvar_load(struct stm_tx *tx, struct stm_tvar *var,
                                 struct stm_seq **out)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, var, &value));
    *out = (struct stm_seq *)value;
    return STM_OK;
}

enum stm_status stm__seqvar_load_to_change(struct stm_tx *tx,
                                           struct stm_tvar *var,
                                           const struct stm_type *item,
                                           struct stm_seq **out)
{
    struct stm_seq *seq;

    STM_TRY(stm__seqvar_load(tx, var, &seq));
    STM_TRY(stm__reserve_release(tx, 4)); /* two for the new write below */
    if (!seq) {
        seq = stm__seq_new(item, tx->fast.stamp);
        if (!seq)
            return stm__doom(tx, STM_ENOMEM);
        STM_TRY(stm__tvar_set_stealing(tx, var, (stm_value)seq));
    }
    *out = seq;
    return STM_OK;
}

enum stm_status stm__seqvar_store(struct stm_tx *tx, struct stm_tvar *var,
                                  struct stm_seq *before, struct stm_seq *after)
{
    if (!after)
        return stm__doom(tx, STM_ENOMEM);
    if (after == before)
        return STM_OK;
    return stm__tvar_set_stealing(tx, var, (stm_value)after);
}

enum stm_status stm__seqvar_append(struct stm_tx *tx, struct stm_tvar *var,
                                   const struct stm_type *item_type,
                                   stm_value item)
{
    struct stm_seq *before;

    STM_TRY(stm__seqvar_load_to_change(tx, var, item_type, &before));
    return stm__seqvar_store(
        tx, var, before,
        stm__seq_insert(before, stm_seq_length(before), item, tx->fast.stamp));
}

enum stm_status stm__seqvar_insert_box(struct stm_tx *tx, struct stm_tvar *var,
                                       struct stm_seq *before, size_t index,
                                       stm_value box)
{
    struct stm_seq *after = stm__seq_insert(before, index, box, tx->fast.stamp);

    stm__log_discard(&tx->log, &stm__box_type, box);
    return stm__seqvar_store(tx, var, before, after);
}

enum stm_status stm__seqvar_take(struct stm_tx *tx, struct stm_tvar *var,
                                 struct stm_seq *before, size_t index,
                                 stm_value *out)
{
    struct stm_seq *after;
    stm_value removed;

    STM_TRY(stm__reserve_release(tx, 2));
    after = stm__seq_remove(before, index, &removed, tx->fast.stamp);
    if (after)
        stm__log_discard(&tx->log, stm__seq_item_type(before), removed);
    STM_TRY(stm__seqvar_store(tx, var, before, after));
    *out = removed;
    return STM_OK;
}

/* From the new stamp on, changes copy what they share with the snapshot. */
enum stm_status stm__seqvar_snapshot(struct stm_tx *tx, struct stm_tvar *var,
                                     const struct stm_type *item,
                                     struct stm_seq **out)
{
    struct stm_seq *seq;

    STM_TRY(stm__seqvar_load(tx, var, &seq));
    if (seq) {
        stm_seq_retain(seq);
        stm__draw_stamp(tx);
    } else {
        seq = stm__seq_new(item, 0);
        if (!seq)
            return stm__doom(tx, STM_ENOMEM);
    }
    *out = seq;
    return STM_OK;
}
