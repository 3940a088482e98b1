/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <stm/error-internal.h>
#include <stm/tx-internal.h>

#define ESCALATE_AFTER 16 /* conflicts in a row */
#define BACK_OFF_MAX 10   /* at most 2^10 turns */

/* A call: the attempts of one transaction until it commits or fails. */

static void init(struct stm_call *call, stm_body *body, void *argument)
{
    call->body = body;
    call->argument = argument;
    call->name = NULL;
    call->start = 0;
    call->woken = false;
    call->conflicts = 0;
    call->limit = call->wall_limit = STM_FOREVER;
    call->has_parker = false;
    call->waits.items = NULL;
    call->waits.count = call->waits.capacity = 0;
    call->blocked = false;
    call->slept = false;
    call->evictions = 0;
}

/* Lets the others finish: longer, the more often it happened. */
static void back_off(struct stm_tx *tx, const struct stm_call *call)
{
    unsigned shift =
        call->conflicts < BACK_OFF_MAX ? call->conflicts : BACK_OFF_MAX;
    uint64_t drawn = stm__draw_stamp(tx) * UINT64_C(0x9E3779B97F4A7C15) >> 32;

    for (uint64_t turns = drawn & ((1u << shift) - 1); turns > 0; turns--)
        stm__relax();
    if (call->conflicts > 4)
        sched_yield();
}

static void note_retry(struct stm_tx *tx, struct stm_call *call)
{
    if (call->woken)
        stm__note(tx, call->name, STM__SPURIOUS);
    call->woken = false;
}

static enum stm_status run_body(struct stm_tx *tx, struct stm_call *call)
{
    STM_TRY(stm__judge(tx, call->body(tx, call->argument)));
    return stm__commit(tx);
}

/* One attempt.  STM_CONFLICT and STM_RETRY: again. */
static enum stm_status attempt(struct stm_tx *tx, struct stm_call *call)
{
    enum stm_status status;

    status = stm__attempt_begin(tx, call);
    if (status != STM_OK) {
        stm__gate_open(tx);
        return status;
    }
    status = run_body(tx, call);
    if (status == STM_OK) {
        stm__attempt_end(tx, STM__COMMITTED);
        return STM_OK;
    }
    if (status == STM_RETRY || status == STM_CONFLICT)
        stm__call_start(call);
    if (status == STM_RETRY)
        status = stm__block_arm(tx);
    if (status == STM_RETRY || status == STM_BLOCKED) {
        note_retry(tx, call);
        stm__attempt_end(tx, STM__RETRIED);
    } else {
        stm__attempt_end(tx, status == STM_CONFLICT ? STM__CONFLICTED
                                                    : STM__ABORTED);
    }
    return status;
}

/* Attempts until one commits, fails or must sleep. */
static enum stm_status run(struct stm_tx *tx, struct stm_call *call)
{
    enum stm_status status;

    for (;;) {
        if (STM__UNLIKELY(call->conflicts >= ESCALATE_AFTER)) {
            if (call->conflicts == ESCALATE_AFTER)
                stm__note(tx, call->name, STM__ESCALATION);
            if (!stm__gate_mine(tx))
                stm__gate_close(tx, call);
        }
        status = attempt(tx, call);
        if (status == STM_CONFLICT) {
            call->conflicts++;
            if (!stm__gate_mine(tx))
                back_off(tx, call);
        } else if (status == STM_RETRY) { /* changed while it spun */
            call->conflicts = 0;
            call->woken = true;
            stm__note(tx, call->name, STM__WAKEUP);
        } else {
            return status;
        }
    }
}

static enum stm_status sleep_through_signals(struct stm_tx *tx,
                                             struct stm_call *call)
{
    enum stm_status status;

    do
        status = stm__block_sleep(tx, call);
    while (status == STM_BLOCKED);
    stm__block_disarm(call);
    return status;
}

enum stm_status stm_atomically(stm_body *body, void *argument)
{
    struct stm_tx *tx = stm__thread();
    struct stm_call call;
    enum stm_status status;

    if (!tx)
        return STM_ENOMEM;
    if (tx->doom != STM_EMISUSE)
        return stm__nested(tx, body, argument);
    init(&call, body, argument);
    do {
        status = run(tx, &call);
        if (status == STM_BLOCKED) {
            status = sleep_through_signals(tx, &call);
            if (status == STM_OK)
                status = STM_BLOCKED;
        }
    } while (status == STM_BLOCKED);
    stm__block_fini(&call);
    return status;
}

enum stm_status stm_tx_set_name(struct stm_tx *tx, const char *name)
{
    struct stm__name *found;

    STM__CHECK(tx);
    if (!name)
        return stm_error(
            STM_EMISUSE,
            "stm_tx_set_name: the name is NULL; expected a string");
    found = stm__name_of(name);
    if (!found)
        return stm__doom(tx, STM_ENOMEM);
    tx->call->name = found;
    return STM_OK;
}

/* ---- step by step ---- */

struct stm_call *stm_call_new(stm_body *body, void *argument)
{
    struct stm_call *call = malloc(sizeof *call);

    if (call)
        init(call, body, argument);
    return call;
}

enum stm_status stm_call_step(struct stm_call *call)
{
    struct stm_tx *tx = stm__thread();

    if (!tx)
        return STM_ENOMEM;
    STM_TRY(stm__outside(__func__));
    if (!call->slept) /* time goes on, also for one who only asks */
        call->limit = call->wall_limit = STM_FOREVER;
    stm__block_disarm(call);
    return run(tx, call);
}

enum stm_status stm_call_wait(struct stm_call *call)
{
    struct stm_tx *tx = stm__thread();
    enum stm_status status;

    if (!tx)
        return STM_ENOMEM;
    STM_TRY(stm__outside(__func__));
    if (!call->blocked)
        return stm_error(STM_EMISUSE,
                         "stm_call_wait: the call is not blocked; expected "
                         "one whose last step returned STM_BLOCKED");
    status = stm__block_sleep(tx, call);
    return status == STM_BLOCKED ? STM_EINTERRUPTED : status;
}

void stm_call_free(struct stm_call *call)
{
    if (!call)
        return;
    stm__block_fini(call);
    free(call);
}
