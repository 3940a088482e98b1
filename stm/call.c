/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <stm/error-internal.h>
#include <stm/tx-internal.h>

#define ESCALATE_AFTER 16 /* conflicts in a row */
#define BACK_OFF_MAX 10   /* at most 2^10 turns */

/* A call: the attempts of one transaction until it commits or fails. */

void stm__call_init(struct stm_call *call)
{
    call->touched = false;
    call->name = NULL;
    call->start = 0;
    call->woken = false;
    call->conflicts = 0;
    call->deadline = call->wall_deadline = STM_FOREVER;
    call->limit = call->wall_limit = STM_FOREVER;
    call->has_parker = false;
    call->waits.items = NULL;
    call->waits.count = call->waits.capacity = 0;
    call->seen = NULL;
    call->sleeps = false;
    call->blocked = false;
    call->slept = false;
    call->wake = NULL;
    call->tells = false;
    call->evictions = 0;
}

static void init(struct stm_call *call, stm_body *body, void *argument)
{
    stm__call_init(call);
    call->body = body;
    call->argument = argument;
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

/* Who runs solo has not logged what a retry would wait for, so that the body
 * has to run once more. */
static enum stm_status block(struct stm_tx *tx)
{
    if (tx->fast.is_solo && !stm__join_others(tx))
        return STM_CONFLICT;
    return stm__block_arm(tx);
}

/* Ends an attempt that has not committed. */
static __attribute__((noinline)) enum stm_status
finish_without(struct stm_tx *tx, struct stm_call *call, enum stm_status status)
{
    if (status == STM_RETRY || status == STM_CONFLICT)
        stm__call_start(call);
    if (status == STM_RETRY)
        status = block(tx);
    if (status == STM_RETRY || status == STM_BLOCKED) {
        note_retry(tx, call);
        stm__attempt_end(tx, STM__RETRIED);
    } else {
        stm__attempt_end(tx, status == STM_CONFLICT ? STM__CONFLICTED
                                                    : STM__ABORTED);
    }
    return status;
}

/* Ends an attempt whose body has returned.  STM_CONFLICT and STM_RETRY:
 * again. */
static inline enum stm_status finish(struct stm_tx *tx, struct stm_call *call,
                                     enum stm_status returned)
{
    enum stm_status status = stm__judge(tx, returned);

    if (STM__LIKELY(status == STM_OK))
        status = stm__commit(tx);
    if (STM__UNLIKELY(status != STM_OK))
        return finish_without(tx, call, status);
    stm__attempt_end(tx, STM__COMMITTED);
    return STM_OK;
}

static enum stm_status attempt(struct stm_tx *tx, struct stm_call *call)
{
    enum stm_status status;

    status = stm__attempt_begin(tx, call);
    if (status != STM_OK) {
        stm__gate_open(tx);
        return status;
    }
    return finish(tx, call, call->body(tx, call->argument));
}

/* After an attempt that is to run again. */
static void note_outcome(struct stm_tx *tx, struct stm_call *call,
                         enum stm_status status)
{
    call->touched = true;
    if (status == STM_CONFLICT) {
        call->conflicts++;
        if (!stm__gate_mine(tx))
            back_off(tx, call);
    } else { /* changed while it spun */
        call->conflicts = 0;
        call->woken = true;
        stm__note(tx, call->name, STM__WAKEUP);
    }
}

static void escalate(struct stm_tx *tx, struct stm_call *call)
{
    if (call->conflicts == ESCALATE_AFTER)
        stm__note(tx, call->name, STM__ESCALATION);
    if (!stm__gate_mine(tx))
        stm__gate_close(tx, call);
}

/* Attempts until one commits, fails or must sleep; `status` is how one before
 * ended. */
static enum stm_status run_on(struct stm_tx *tx, struct stm_call *call,
                              enum stm_status status)
{
    while (status == STM_CONFLICT || status == STM_RETRY) {
        note_outcome(tx, call, status);
        if (STM__UNLIKELY(call->conflicts >= ESCALATE_AFTER))
            escalate(tx, call);
        status = attempt(tx, call);
    }
    return status;
}

static enum stm_status run(struct stm_tx *tx, struct stm_call *call)
{
    if (STM__UNLIKELY(call->conflicts >= ESCALATE_AFTER))
        escalate(tx, call);
    return run_on(tx, call, attempt(tx, call));
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

/* Runs the call to its end, sleeping where it must. */
static enum stm_status run_to_end(struct stm_tx *tx, struct stm_call *call,
                                  enum stm_status status)
{
    while (status == STM_BLOCKED) {
        status = sleep_through_signals(tx, call);
        if (status == STM_OK)
            status = run(tx, call);
    }
    return status;
}

/* Leaves the thread's own call as it was at first. */
static void give_own_back(struct stm_tx *tx)
{
    if (STM__UNLIKELY(tx->own.touched)) {
        stm__block_fini(&tx->own);
        stm__call_init(&tx->own);
    }
    tx->fast.ready = true;
}

enum stm_status stm__go_on(struct stm_tx *tx, stm_body *body, void *argument,
                           enum stm_status returned)
{
    struct stm_call *call = &tx->own;
    enum stm_status status;

    call->body = body;
    call->argument = argument;
    call->sleeps = true;
    status = finish(tx, call, returned);
    if (STM__UNLIKELY(status != STM_OK))
        status = run_to_end(tx, call, run_on(tx, call, status));
    give_own_back(tx);
    return status;
}

/* While another transaction of the thread is blocked, or comes to its end: a
 * hook, a release function or an action has begun this one. */
static enum stm_status run_beside(struct stm_tx *tx, stm_body *body,
                                  void *argument)
{
    struct stm_call call;
    enum stm_status status;

    init(&call, body, argument);
    call.sleeps = true;
    status = run_to_end(tx, &call, run(tx, &call));
    stm__block_fini(&call);
    return status;
}

bool stm__begin(struct stm_tx *tx)
{
    return tx->fast.ready && stm__attempt_begin(tx, &tx->own) == STM_OK;
}

enum stm_status stm__run(stm_body *body, void *argument)
{
    struct stm_tx *tx = stm__thread();

    if (!tx)
        return STM_ENOMEM;
    if (tx->fast.doom != STM_EMISUSE)
        return stm__nested(tx, body, argument);
    if (!tx->fast.ready)
        return run_beside(tx, body, argument);
    if (!stm__begin(tx))
        return STM_ENOMEM;
    return stm__go_on(tx, body, argument, body(tx, argument));
}

enum stm_status stm_atomically(stm_body *body, void *argument)
{
    return STM__SHORT_WAYS ? stm__fast_atomically(body, argument)
                           : stm__run(body, argument);
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
    tx->call->touched = tx->fast.work = true;
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

/* Goes on after a wait, or without one. */
static enum stm_status step(struct stm_tx *tx, struct stm_call *call)
{
    if (call->wake && call->blocked && stm__wake_is_due(call))
        stm__block_note_wakeup(tx, call);
    if (!call->slept) /* time goes on, also for one who only asks */
        call->limit = call->wall_limit = STM_FOREVER;
    stm__block_disarm(call);
    return run(tx, call);
}

enum stm_status stm_call_step(struct stm_call *call)
{
    struct stm_tx *tx = stm__thread();
    enum stm_status status;
    bool ready;

    if (!tx)
        return STM_ENOMEM;
    STM_TRY(stm__outside(__func__));
    ready = tx->fast.ready;
    do
        status = step(tx, call);
    while (status == STM_BLOCKED && call->wake && !stm__wake_arm(call));
    tx->fast.ready = ready; /* a blocked call of the thread's stays blocked */
    if (tx->batons.count)   /* no attempt could begin */
        stm__block_pass_on(tx);
    return status;
}

enum stm_status stm_call_wait(struct stm_call *call)
{
    struct stm_tx *tx = stm__thread();
    enum stm_status status;

    if (!tx)
        return STM_ENOMEM;
    STM_TRY(stm__outside(__func__));
    if (!call->blocked || call->wake)
        return stm_error(STM_EMISUSE,
                         "stm_call_wait: the call is not blocked or has a wake "
                         "function; expected one whose last step returned "
                         "STM_BLOCKED");
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
