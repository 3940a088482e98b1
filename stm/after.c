/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include <stm/error-internal.h>
#include <stm/tx-internal.h>
#include <stm/watch-set-internal.h>

/* What an attempt registers for its end: actions and results for after the
 * commit, watchers created and cancelled.  Each holds references, for whose
 * release the log keeps room; a savepoint's undoing takes them back. */

static enum stm_status promise(struct stm_tx *tx, struct stm__vec *vec,
                               size_t references)
{
    if (!stm__vec_reserve(vec, 1) ||
        !stm__log_reserve_garbage(&tx->log, references))
        return stm__doom(tx, STM_ENOMEM);
    tx->log.promised += references;
    tx->fast.work = true;
    return STM_OK;
}

static void discard(struct stm_tx *tx, struct stm__ref ref)
{
    stm__log_discard(&tx->log, ref.type, ref.value);
    tx->log.promised--;
}

enum stm_status stm_on_commit(struct stm_tx *tx, stm_action *action,
                              stm_value argument, const struct stm_type *type)
{
    struct stm__action *entry;

    STM__CHECK(tx);
    STM_TRY(promise(tx, &tx->actions, 1));
    stm__retain(type, argument);
    entry = stm__vec_push(&tx->actions);
    entry->action = action;
    entry->argument.value = argument;
    entry->argument.type = type;
    return STM_OK;
}

enum stm_status stm_export(struct stm_tx *tx, const struct stm_type *type,
                           stm_value value, stm_value *out)
{
    struct stm__export *entry;

    STM__CHECK(tx);
    STM_TRY(promise(tx, &tx->exports, 1));
    stm__retain(type, value);
    entry = stm__vec_push(&tx->exports);
    entry->order = tx->exports.count;
    entry->place = out;
    entry->ref.value = value;
    entry->ref.type = type;
    return STM_OK;
}

enum stm_status stm__after_first(struct stm_tx *tx, stm_action *action,
                                 stm_value argument,
                                 const struct stm_type *type)
{
    struct stm__action *first, added;

    STM_TRY(stm_on_commit(tx, action, argument, type));
    first = STM__VEC_AT(&tx->actions, struct stm__action, 0);
    added = first[tx->actions.count - 1];
    memmove(&first[1], first, (tx->actions.count - 1) * sizeof *first);
    first[0] = added;
    return STM_OK;
}

enum stm_status stm__after_watch(struct stm_tx *tx, struct stm_watcher *watcher,
                                 enum stm__watch_kind kind)
{
    struct stm__watch_op *entry;

    STM_TRY(promise(tx, &tx->watch_ops, 2));
    stm_watcher_retain(watcher);
    /* The argument of one to be cancelled may be gone. */
    if (kind != STM__CANCEL)
        stm__retain(watcher->config.argument_type, watcher->config.argument);
    entry = stm__vec_push(&tx->watch_ops);
    entry->watcher = watcher;
    entry->kind = kind;
    return STM_OK;
}

static int by_place(const void *left, const void *right)
{
    const struct stm__export *a = left, *b = right;

    if (a->place != b->place)
        return a->place > b->place ? 1 : -1;
    return (a->order > b->order) - (a->order < b->order);
}

/* Of several exports to one place, the last counts. */
void stm__after_export(struct stm_tx *tx)
{
    struct stm__export *exports =
        STM__VEC_AT(&tx->exports, struct stm__export, 0);
    size_t count = tx->exports.count;

    stm__sort(exports, count, sizeof *exports, by_place);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && exports[i + 1].place == exports[i].place) {
            discard(tx, exports[i].ref);
            continue;
        }
        *exports[i].place = exports[i].ref.value;
        tx->log.promised--;
    }
    tx->exports.count = 0;
}

static void drop_watch_op(struct stm_tx *tx, struct stm__watch_op *entry)
{
    const struct stm_watch *config = &entry->watcher->config;
    struct stm__ref argument = {entry->kind == STM__CANCEL ? 0
                                                           : config->argument,
                                config->argument_type};
    struct stm__ref watcher = {(stm_value)entry->watcher, &stm__watcher_type};

    discard(tx, argument);
    discard(tx, watcher);
}

void stm__after_undo(struct stm_tx *tx, size_t actions, size_t exports,
                     size_t watch_ops)
{
    while (tx->actions.count > actions)
        discard(tx, STM__VEC_AT(&tx->actions, struct stm__action,
                                --tx->actions.count)
                        ->argument);
    while (tx->exports.count > exports)
        discard(tx, STM__VEC_AT(&tx->exports, struct stm__export,
                                --tx->exports.count)
                        ->ref);
    while (tx->watch_ops.count > watch_ops)
        drop_watch_op(tx, STM__VEC_AT(&tx->watch_ops, struct stm__watch_op,
                                      --tx->watch_ops.count));
}
