/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdlib.h>

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

/* ---- spinning ---- */

/* Watches the variables for a while: another core may be about to change them.
 * Threads that must let go of something before they wait do not spin. */
static bool worth_spinning(struct stm_tx *tx)
{
    if (tx->blocking || tx->call->wake || !stm__log_read_count(&tx->log))
        return false;
    if (tx->spin_luck)
        return true;
    return tx->fast.counts.of[STM__RETRY] % 16 == 0;
}

/* Has one of its variables changed?  While a commit holds it, it has not yet:
 * nothing could be read of it, and every look delays the unlocking. */
static bool has_changed(const struct stm_tx *tx)
{
    for (const struct stm__read *read = tx->log.reads; read < tx->fast.at;
         read++)
        if ((AO_load(&read->var->word) & ~STM__ODD) != read->version)
            return true;
    return false;
}

static bool spin_for_change(struct stm_tx *tx)
{
    uint64_t end = 0, now;

    for (unsigned turn = 0; !has_changed(tx); turn++) {
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

static struct stm__wait *wait_at(const struct stm_call *call, size_t index)
{
    return STM__VEC_AT(&call->waits, struct stm__wait, index);
}

/* What a sleeper has seen: what the variable holds, as long as it has not
 * changed. */
static enum stm_status remember(struct stm_call *call, struct stm__wait *wait,
                                const struct stm__read *read)
{
    const struct stm_type *type = read->var->type;
    struct stm__retired *item;

    wait->seen = AO_load_acquire(&read->var->value);
    if (AO_load_acquire(&read->var->word) != read->version)
        return STM_CONFLICT;
    if (!stm__counted(type) || !wait->seen)
        return STM_OK;
    stm__retain(type, wait->seen);
    item = &call->seen->items[call->seen->count++];
    item->ref.value = wait->seen;
    item->ref.type = type;
    item->birth = item->death = 0; /* nobody else holds this reference back */
    return STM_OK;
}

/* What is waited at is the variable's side, which may outlive it: a variable
 * that is gone cannot change any more. */
static enum stm_status add_wait(struct stm_call *call,
                                const struct stm__read *read)
{
    struct stm__side *side = stm__side_ensure(read->var);
    struct stm__wait *wait;

    if (!side)
        return STM_ENOMEM;
    stm__side_retain(side);
    wait = stm__vec_push(&call->waits);
    wait->side = side;
    wait->waiter = &call->parker.waiter;
    wait->sleeper = call->sleeps;
    wait->seen = 0;
    return call->sleeps ? remember(call, wait, read) : STM_OK;
}

static bool reserve_seen(struct stm_tx *tx, struct stm_call *call)
{
    size_t counted = 0;

    for (const struct stm__read *read = tx->log.reads; read < tx->fast.at;
         read++)
        counted += stm__counted(read->var->type);
    if (!counted)
        return true;
    if (call->seen && call->seen->capacity < counted) {
        free(call->seen);
        call->seen = NULL;
    }
    if (!call->seen)
        call->seen = stm__batch_new(counted);
    return call->seen && stm__log_reserve_garbage(&tx->log, counted);
}

/* Room for all that is needed further down. */
static bool reserve(struct stm_tx *tx, struct stm_call *call)
{
    size_t count = stm__log_read_count(&tx->log);

    if (!call->waits.items) {
        call->waits = tx->waits;
        tx->waits.items = NULL;
        tx->waits.count = tx->waits.capacity = 0;
    }
    if (!call->seen) {
        call->seen = tx->seen;
        tx->seen = NULL;
    }
    call->waits.size = sizeof(struct stm__wait);
    return stm__vec_reserve(&call->waits, count) &&
           (!call->sleeps ||
            (stm__vec_reserve(&tx->batons, count) && reserve_seen(tx, call)));
}

static enum stm_status prepare_waits(struct stm_tx *tx, struct stm_call *call)
{
    stm__log_unique_reads(&tx->log);
    if (!reserve(tx, call))
        return STM_ENOMEM;
    for (const struct stm__read *read = tx->log.reads; read < tx->fast.at;
         read++)
        STM_TRY(add_wait(call, read));
    return STM_OK;
}

/* The thread's next call that blocks uses the memory again.  Nothing of it may
 * stay with a call that runs, whose thread may end. */
static void keep_memory(struct stm_tx *tx, struct stm_call *call)
{
    if (tx && !tx->waits.items) {
        tx->waits = call->waits;
        call->waits.items = NULL;
        call->waits.count = call->waits.capacity = 0;
    }
    if (tx && !tx->seen) {
        tx->seen = call->seen;
        call->seen = NULL;
    }
    stm__vec_fini(&call->waits);
    free(call->seen);
    call->seen = NULL;
}

/* In the attempt that has not blocked after all: what was remembered goes when
 * it ends. */
static void forget_seen(struct stm_tx *tx, struct stm_call *call)
{
    if (!call->seen)
        return;
    for (size_t i = 0; i < call->seen->count; i++)
        stm__log_discard(&tx->log, call->seen->items[i].ref.type,
                         call->seen->items[i].ref.value);
    call->seen->count = 0;
}

static void give_up(struct stm_tx *tx, struct stm_call *call)
{
    forget_seen(tx, call);
    for (size_t i = 0; i < call->waits.count; i++)
        stm__side_release(wait_at(call, i)->side);
    call->waits.count = 0;
    keep_memory(tx, call);
}

static void link_waits(struct stm_call *call)
{
    if (!call->has_parker)
        stm__parker_init(&call->parker);
    call->has_parker = true;
    stm__parker_arm(&call->parker);
    STM__RECORD(registers);
    for (size_t i = 0; i < call->waits.count; i++) {
        (void)STM__STEP(STM__AT_REGISTER);
        stm__wait_link(wait_at(call, i));
    }
    call->generation = stm__generation;
    call->blocked = true;
    call->slept = false;
    stm__fence();
}

/* A baton comes with the wait's reference to the side.  Of those who sleep in
 * it the thread has room for as many; where it has not, it looks after the
 * others at once. */
static void unlink_wait(struct stm_tx *tx, struct stm__wait *wait)
{
    bool baton = stm__wait_unlink(wait);

    if (baton && tx && stm__vec_reserve(&tx->batons, 1)) {
        *(struct stm__side **)stm__vec_push(&tx->batons) = wait->side;
        return;
    }
    if (baton)
        stm__wait_notify(stm__wait_pass_on(wait->side, NULL));
    stm__side_release(wait->side);
}

/* Returns the batch, empty, or NULL. */
static struct stm__batch *release_seen(struct stm__batch *seen)
{
    if (!stm_current())
        return stm__limbo_settle(seen, false);
    stm__limbo_drop_batch(seen);
    return NULL;
}

void stm__block_disarm(struct stm_call *call)
{
    struct stm__batch *seen = call->seen;

    if (!call->blocked)
        return;
    STM__RECORD(awake, call, &call->parker);
    stm__wake_withdraw(call);
    call->blocked = false;
    for (size_t i = 0; i < call->waits.count; i++)
        unlink_wait(stm__self, wait_at(call, i));
    call->waits.count = 0;
    if (seen && seen->count) { /* which may end the thread */
        call->seen = NULL;
        call->seen = release_seen(seen);
    }
    keep_memory(stm__self, call);
}

void stm__block_fini(struct stm_call *call)
{
    stm__block_disarm(call);
    if (call->has_parker)
        stm__parker_fini(&call->parker);
    call->has_parker = false;
    if (stm__self && stm__self->batons.count)
        stm__block_pass_on(stm__self);
}

/* ---- looking after the others ---- */

static struct stm__side *baton_at(const struct stm_tx *tx, size_t index)
{
    return *STM__VEC_AT(&tx->batons, struct stm__side *, index);
}

/* Whoever was claimed now looks after those whom this thread was to look
 * after. */
static void hand_over(struct stm_tx *tx, struct stm__side *side)
{
    size_t kept = 0, count = tx->batons.count;

    for (size_t i = 0; i < count; i++) {
        struct stm__side *held = baton_at(tx, i);

        if (held == side)
            stm__side_release(held);
        else
            *STM__VEC_AT(&tx->batons, struct stm__side *, kept++) = held;
    }
    tx->batons.count = kept;
}

struct stm__waiter *stm__block_change(struct stm_tx *tx, struct stm__side *side,
                                      struct stm__waiter *chain)
{
    bool claimed;

    chain = stm__wait_change(side, &claimed, chain);
    if (claimed)
        hand_over(tx, side);
    return chain;
}

void stm__block_pass_on(struct stm_tx *tx)
{
    struct stm__waiter *chain = NULL;

    (void)STM__STEP(STM__AT_PASS_ON);
    for (size_t i = 0; i < tx->batons.count; i++) {
        chain = stm__wait_pass_on(baton_at(tx, i), chain);
        stm__side_release(baton_at(tx, i));
    }
    tx->batons.count = 0;
    stm__wait_notify(chain);
}

void stm__block_thread_init(struct stm_tx *tx)
{
    tx->spin_luck = 1;
    tx->batons.size = sizeof(struct stm__side *);
}

void stm__block_thread_fini(struct stm_tx *tx)
{
    stm__block_pass_on(tx);
    stm__vec_fini(&tx->batons);
    stm__vec_fini(&tx->waits);
    free(tx->seen);
}

/* ---- arming ---- */

static bool can_wake(const struct stm_tx *tx)
{
    return tx->call->waits.count || tx->call->deadline != STM_FOREVER ||
           tx->call->wall_deadline != STM_FOREVER;
}

enum stm_status stm__block_arm(struct stm_tx *tx)
{
    struct stm_call *call = tx->call;
    enum stm_status status;

    call->touched = true;
    stm__gate_open(tx);
    if (spin(tx))
        return STM_RETRY;
    status = prepare_waits(tx, call);
    if (status != STM_OK) {
        give_up(tx, call);
        return status;
    }
    if (!can_wake(tx)) {
        give_up(tx, call);
        return stm_error(STM_EMISUSE,
                         "stm_retry: nothing was read and no time-out asked "
                         "for, so nothing could end the wait; expected a "
                         "variable or a time to wait for");
    }
    link_waits(call);
    if (!stm__validate(tx, false)) {
        forget_seen(tx, call);
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
        if (wait > STM__WALL_SLICE_NS)
            ring_earlier(&alarm, now + STM__WALL_SLICE_NS, false);
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

/* Where the hook that ended the thread did so in a transaction of its own, that
 * comes first: what is withdrawn is released outside any. */
static void withdraw(void *call)
{
    if (stm_current())
        stm__attempt_abandon(stm__self);
    stm__block_fini(call);
}

void stm__block_note_wakeup(struct stm_tx *tx, struct stm_call *call)
{
    call->slept = true;
    call->limit = call->deadline;
    call->wall_limit = call->wall_deadline;
    call->conflicts = 0;
    call->woken = true;
    stm__note(tx, call->name, STM__WAKEUP);
}

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
    stm__block_note_wakeup(tx, call);
    return STM_OK;
}
