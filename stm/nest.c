/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stm/error-internal.h>
#include <stm/record-internal.h>
#include <stm/tx-internal.h>

#define DEPTH_MAX 10000

/* Closed nesting: a savepoint in the log of the one attempt. */

void stm__savepoint(struct stm_tx *tx, struct stm__savepoint *savepoint)
{
    savepoint->outer = tx->savepoint;
    savepoint->since = tx->fast.since;
    savepoint->filter = tx->fast.filter;
    savepoint->actions = savepoint->exports = savepoint->watch_ops = 0;
    if (STM__UNLIKELY(tx->log.promised)) { /* else there are none */
        savepoint->actions = tx->actions.count;
        savepoint->exports = tx->exports.count;
        savepoint->watch_ops = tx->watch_ops.count;
    }
    tx->fast.since = stm__draw_stamp(tx);
    savepoint->mark = stm__log_mark(&tx->log);
    tx->savepoint = savepoint;
    STM__RECORD(nest, savepoint);
}

static void leave(struct stm_tx *tx, const struct stm__savepoint *savepoint)
{
    tx->savepoint = savepoint->outer;
    tx->fast.since = savepoint->since;
    stm__draw_stamp(tx);
}

void stm__merge(struct stm_tx *tx, const struct stm__savepoint *savepoint)
{
    STM__RECORD(merge, savepoint);
    if (tx->log.undos.count > savepoint->mark.undos)
        stm__log_merge(&tx->log, &savepoint->mark, savepoint->since);
    leave(tx, savepoint);
}

static void take_back(struct stm_tx *tx, const struct stm__savepoint *savepoint)
{
    STM__RECORD(undo, savepoint);
    if (stm__log_has_since(&tx->log, &savepoint->mark))
        stm__log_undo(&tx->log, &savepoint->mark);
    if (tx->log.promised)
        stm__after_undo(tx, savepoint->actions, savepoint->exports,
                        savepoint->watch_ops);
}

void stm__undo(struct stm_tx *tx, const struct stm__savepoint *savepoint)
{
    take_back(tx, savepoint);
    leave(tx, savepoint);
}

/* Ends a savepoint as its body has ended.  In a doomed attempt nothing is
 * undone: someone further out undoes it all. */
static void end(struct stm_tx *tx, const struct stm__savepoint *savepoint,
                enum stm_status status)
{
    if (status == STM_OK || tx->fast.doom != STM_OK)
        stm__merge(tx, savepoint);
    else
        stm__undo(tx, savepoint);
}

enum stm_status stm__judge_error(struct stm_tx *tx, enum stm_status returned)
{
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
    stm__savepoint(tx, &savepoint);
    status = run(tx, body, argument);
    end(tx, &savepoint, status);
    return status;
}

/* Did the body under the savepoint call retry?  Then the attempt goes on as if
 * it had not. */
static bool recover(struct stm_tx *tx, const struct stm__savepoint *savepoint)
{
    if (tx->fast.doom != STM_RETRY)
        return false;
    tx->fast.doom = STM_OK;
    tx->fast.filter = savepoint->filter;
    return true;
}

/* Undoes a branch, and lets the next one run under the same savepoint: what
 * that writes has a stamp of its own. */
static void renew(struct stm_tx *tx, const struct stm__savepoint *savepoint)
{
    take_back(tx, savepoint);
    stm__draw_stamp(tx);
    STM__RECORD(nest, savepoint);
}

enum stm_status stm_or_else(struct stm_tx *tx,
                            const struct stm_branch *branches, size_t count)
{
    struct stm__savepoint savepoint;
    enum stm_status status;

    STM__CHECK(tx);
    if (!count)
        return stm_retry(tx);
    stm__savepoint(tx, &savepoint);
    for (size_t i = 0; i < count; i++) {
        status = run(tx, branches[i].body, branches[i].argument);
        if (!recover(tx, &savepoint)) {
            end(tx, &savepoint, status);
            return status;
        }
        if (i + 1 < count)
            renew(tx, &savepoint);
    }
    stm__undo(tx, &savepoint);
    return stm_retry(tx);
}

enum stm_status stm_would_block(struct stm_tx *tx, stm_body *body,
                                void *argument, bool *out)
{
    struct stm__savepoint savepoint;
    bool blocks;

    STM__CHECK(tx);
    stm__savepoint(tx, &savepoint);
    (void)run(tx, body, argument);
    blocks = recover(tx, &savepoint);
    end(tx, &savepoint, STM_EABORT);
    if (tx->fast.doom != STM_OK)
        return tx->fast.doom;
    *out = blocks;
    return STM_OK;
}

/* The writes since the point are taken out of the log while the body runs. */
enum stm_status stm_previously(struct stm_tx *tx, stm_body *body,
                               void *argument, enum stm_point point)
{
    struct stm__mark mark = {0, 0};
    struct stm__savepoint savepoint;
    struct stm__rewound rewound;
    enum stm_status status;

    STM__CHECK(tx);
    if (point != STM_INNERMOST && point != STM_OUTERMOST)
        return stm_error(STM_EMISUSE,
                         "stm_previously: the point is %d; expected "
                         "STM_INNERMOST or STM_OUTERMOST",
                         (int)point);
    if (point == STM_INNERMOST && tx->savepoint)
        mark = tx->savepoint->mark;
    if (!stm__log_rewind(&tx->log, &mark, &rewound))
        return stm__doom(tx, STM_ENOMEM);
    STM__RECORD(rewind, point == STM_OUTERMOST);
    stm__savepoint(tx, &savepoint);
    status = run(tx, body, argument);
    stm__undo(tx, &savepoint);
    stm__log_replay(&tx->log, &rewound);
    STM__RECORD(replay);
    return status;
}
