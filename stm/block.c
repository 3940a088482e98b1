/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <pthread.h>

#include <stm/error-internal.h>
#include <stm/record-internal.h>
#include <stm/step-internal.h>
#include <stm/tx-internal.h>

/* Blocking.  The order is what makes sure that no wake-up is lost: clear the
 * own word, register with every variable read, then validate once more, where a
 * locked variable counts as changed, and only then sleep.  A commit locks
 * before it looks for waiters; so either it sees the registration, or the
 * waiter sees its lock or its version. */

#define SPIN_NS 20000 /* before registering: what a futex hand-over costs */
#define LUCK_MAX 8
#define WALL_SLICE_NS 1000000000 /* the wall clock is looked at this often */

/* ---- spinning ---- */

/* Watches the variables for a while: another core may be about to change them.
 * Threads that must let go of something before they wait do not spin. */
static bool worth_spinning(struct stm_tx *tx)
{
    if (tx->blocking || !stm__log_read_count(&tx->log))
        return false;
    if (tx->spin_luck)
        return true;
    return tx->fast.counts.of[STM__RETRY] % 16 == 0;
}

static bool spin_for_change(struct stm_tx *tx)
{
    uint64_t end = 0, now;

    for (unsigned turn = 0; stm__validate(tx, false); turn++) {
        stm__relax();
        if (turn % 32 != 31)
            continue;
        now = stm__clock_monotonic();
        if (!end)
            end = now + SPIN_NS;
        if (now >= end || now >= tx->call->deadline)
            return false;
    }
    return true;
}

static bool spin(struct stm_tx *tx)
{
    bool lucky;

    if (!worth_spinning(tx))
        return false;
    lucky = spin_for_change(tx);
    if (lucky && tx->spin_luck < LUCK_MAX)
        tx->spin_luck += 2;
    else if (!lucky && tx->spin_luck)
        tx->spin_luck--;
    return lucky;
}

/* ---- registering ---- */

/* A variable without a reference cannot change any more. */
static bool add_wait(struct stm_call *call, struct stm_tvar *var)
{
    struct stm__wait *wait;

    if (!stm__tvar_try_retain(var))
        return true;
    if (!stm__side_ensure(var)) {
        stm_tvar_release(var);
        return false;
    }
    wait = stm__vec_push(&call->waits);
    wait->var = var;
    wait->waiter = &call->parker.waiter;
    return true;
}

static bool prepare_waits(struct stm_tx *tx, struct stm_call *call)
{
    stm__log_unique_reads(&tx->log);
    call->waits.size = sizeof(struct stm__wait);
    if (!stm__vec_reserve(&call->waits, stm__log_read_count(&tx->log)))
        return false;
    for (const struct stm__read *read = tx->log.reads; read < tx->fast.at;
         read++)
        if (!add_wait(call, read->var))
            return false;
    return true;
}

static void release_waits(struct stm_call *call)
{
    for (size_t i = 0; i < call->waits.count; i++)
        stm_tvar_release(STM__VEC_AT(&call->waits, struct stm__wait, i)->var);
    call->waits.count = 0;
}

static void link_waits(struct stm_call *call)
{
    if (!call->has_parker)
        stm__parker_init(&call->parker);
    call->has_parker = true;
    stm__parker_arm(&call->parker);
    for (size_t i = 0; i < call->waits.count; i++) {
        (void)STM__STEP(STM__AT_REGISTER);
        stm__wait_link(STM__VEC_AT(&call->waits, struct stm__wait, i));
    }
    call->generation = stm__generation;
    call->blocked = true;
    call->slept = false;
    stm__fence();
}

void stm__block_disarm(struct stm_call *call)
{
    if (!call->blocked)
        return;
    STM__RECORD(awake, call, &call->parker);
    call->blocked = false;
    for (size_t i = 0; i < call->waits.count; i++)
        stm__wait_unlink(STM__VEC_AT(&call->waits, struct stm__wait, i));
    release_waits(call);
}

void stm__block_fini(struct stm_call *call)
{
    stm__block_disarm(call);
    stm__vec_fini(&call->waits);
    if (call->has_parker)
        stm__parker_fini(&call->parker);
    call->has_parker = false;
}

static bool can_wake(const struct stm_tx *tx)
{
    return tx->call->waits.count || tx->call->deadline != STM_FOREVER ||
           tx->call->wall_deadline != STM_FOREVER;
}

enum stm_status stm__block_arm(struct stm_tx *tx)
{
    struct stm_call *call = tx->call;

    call->touched = true;
    stm__gate_open(tx);
    if (spin(tx))
        return STM_RETRY;
    if (!prepare_waits(tx, call)) {
        release_waits(call);
        return STM_ENOMEM;
    }
    if (!can_wake(tx))
        return stm_error(STM_EMISUSE,
                         "stm_retry: nothing was read and no time-out asked "
                         "for, so nothing could end the wait; expected a "
                         "variable or a time to wait for");
    link_waits(call);
    if (!stm__validate(tx, false)) {
        stm__block_disarm(call);
        return STM_CONFLICT;
    }
    STM__RECORD(blocked, call);
    return STM_BLOCKED;
}

/* ---- sleeping ---- */

/* A moment to sleep until, on the monotonic clock. */
struct alarm {
    uint64_t time;
    bool is_deadline; /* else it is only time to look around */
};

static void ring_earlier(struct alarm *alarm, uint64_t time, bool is_deadline)
{
    if (time >= alarm->time)
        return;
    alarm->time = time;
    alarm->is_deadline = is_deadline;
}

static struct alarm next_alarm(const struct stm_call *call,
                               const struct stm_blocking *hooks)
{
    struct alarm alarm = {call->deadline, true};
    uint64_t now, wall, wait;

    if (call->wall_deadline == STM_FOREVER && !(hooks && hooks->check_interval))
        return alarm;
    now = stm__clock_monotonic();
    if (call->wall_deadline != STM_FOREVER) {
        wall = stm__clock_wall();
        wait = call->wall_deadline > wall ? call->wall_deadline - wall : 0;
        if (wait > WALL_SLICE_NS)
            ring_earlier(&alarm, now + WALL_SLICE_NS, false);
        else
            ring_earlier(&alarm, now + wait, true);
    }
    if (hooks && hooks->check_interval)
        ring_earlier(&alarm, now + hooks->check_interval, false);
    return alarm;
}

/* Sleeps once.  STM_BLOCKED: not woken, and not yet time. */
static enum stm_status park(struct stm_call *call,
                            const struct stm_blocking *hooks)
{
    struct alarm alarm = next_alarm(call, hooks);

    switch (stm__park(&call->parker, alarm.time)) {
    case STM__PARK_TIMEOUT:
        return alarm.is_deadline ? STM_OK : STM_BLOCKED;
    case STM__PARK_SIGNAL:
        return STM_EINTERRUPTED;
    case STM__PARK_WOKEN:
        break;
    }
    return STM_OK;
}

/* Was the process forked since?  Then nobody knows of the waiter any more, and
 * the transaction has to look again by itself. */
static bool forgotten(const struct stm_call *call)
{
    return call->generation != stm__generation;
}

static enum stm_status sleep_once(struct stm_tx *tx, struct stm_call *call)
{
    const struct stm_blocking *hooks = tx->blocking;
    enum stm_status status = STM_BLOCKED;

    while (status == STM_BLOCKED && !forgotten(call)) {
        if (hooks)
            hooks->enter(hooks->context);
        status = park(call, hooks);
        if (hooks) {
            hooks->leave(hooks->context);
            if (hooks->check)
                STM_TRY(hooks->check(hooks->context));
        }
    }
    if (forgotten(call))
        return STM_OK;
    return status == STM_EINTERRUPTED ? STM_BLOCKED : status;
}

static void withdraw(void *call) { stm__block_fini(call); }

enum stm_status stm__block_sleep(struct stm_tx *tx, struct stm_call *call)
{
    enum stm_status status;

    (void)STM__STEP(STM__AT_SLEEP);
    stm__thread_leave_slot(tx);
    /* A hook may end the thread, and so may a cancellation. */
    pthread_cleanup_push(withdraw, call);
    status = sleep_once(tx, call);
    pthread_cleanup_pop(0);
    STM_TRY(status);
    call->slept = true;
    call->limit = call->deadline;
    call->wall_limit = call->wall_deadline;
    call->conflicts = 0;
    call->woken = true;
    stm__note(tx, call->name, STM__WAKEUP);
    return STM_OK;
}
