/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stm/error-internal.h>
#include <stm/tx-internal.h>

#define DEPTH_MAX 10000

/* Closed nesting: a savepoint in the log of the one attempt. */

struct stm__savepoint stm__savepoint(struct stm_tx *tx)
{
    struct stm__savepoint savepoint;

    savepoint.since = tx->since;
    savepoint.actions = tx->actions.count;
    savepoint.exports = tx->exports.count;
    savepoint.watch_ops = tx->watch_ops.count;
    tx->since = stm__draw_stamp(tx);
    savepoint.mark = stm__log_mark(&tx->log, tx->since);
    return savepoint;
}

void stm__merge(struct stm_tx *tx, const struct stm__savepoint *savepoint)
{
    tx->since = savepoint->since;
    stm__draw_stamp(tx);
}

void stm__undo(struct stm_tx *tx, const struct stm__savepoint *savepoint)
{
    stm__log_undo(&tx->log, &savepoint->mark);
    stm__after_undo(tx, savepoint->actions, savepoint->exports,
                    savepoint->watch_ops);
    tx->since = savepoint->since;
    stm__draw_stamp(tx);
}

enum stm_status stm__judge(struct stm_tx *tx, enum stm_status returned)
{
    if (tx->doom != STM_OK)
        return tx->doom;
    if (returned == STM_RETRY || returned == STM_CONFLICT)
        return stm__doom(tx, returned);
    if (returned > 0)
        return stm_error(STM_EMISUSE,
                         "a transaction's body returned %d; expected STM_OK, "
                         "STM_RETRY, STM_CONFLICT or an error below 0",
                         (int)returned);
    return returned;
}

static enum stm_status run(struct stm_tx *tx, stm_body *body, void *argument)
{
    enum stm_status returned;

    if (tx->depth == DEPTH_MAX)
        return stm_error(STM_EMISUSE,
                         "transactions are nested %u deep; expected less",
                         DEPTH_MAX);
    tx->depth++;
    returned = body(tx, argument);
    tx->depth--;
    return stm__judge(tx, returned);
}

enum stm_status stm__nested(struct stm_tx *tx, stm_body *body, void *argument)
{
    struct stm__savepoint savepoint;
    enum stm_status status;

    STM__CHECK(tx);
    savepoint = stm__savepoint(tx);
    status = run(tx, body, argument);
    if (status == STM_OK)
        stm__merge(tx, &savepoint);
    else if (tx->doom == STM_OK)
        stm__undo(tx, &savepoint);
    return status; /* doomed: someone further out undoes it all */
}

/* Undoes a branch that called retry, and goes on as if it had not. */
static bool recover(struct stm_tx *tx, const struct stm__savepoint *savepoint)
{
    if (tx->doom != STM_RETRY)
        return false;
    tx->doom = STM_OK;
    stm__undo(tx, savepoint);
    return true;
}

enum stm_status stm_or_else(struct stm_tx *tx,
                            const struct stm_branch *branches, size_t count)
{
    STM__CHECK(tx);
    for (size_t i = 0; i < count; i++) {
        struct stm__savepoint savepoint = stm__savepoint(tx);
        enum stm_status status =
            run(tx, branches[i].body, branches[i].argument);

        if (recover(tx, &savepoint))
            continue;
        if (status == STM_OK)
            stm__merge(tx, &savepoint);
        else if (tx->doom == STM_OK)
            stm__undo(tx, &savepoint);
        return status;
    }
    return stm_retry(tx);
}

enum stm_status stm_would_block(struct stm_tx *tx, stm_body *body,
                                void *argument, bool *out)
{
    struct stm__savepoint savepoint;
    bool blocks;

    STM__CHECK(tx);
    savepoint = stm__savepoint(tx);
    (void)run(tx, body, argument);
    blocks = recover(tx, &savepoint);
    if (tx->doom != STM_OK)
        return tx->doom;
    if (!blocks)
        stm__undo(tx, &savepoint);
    *out = blocks;
    return STM_OK;
}
