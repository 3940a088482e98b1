/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <stm/error-internal.h>
#include <stm/record-internal.h>
#include <stm/step-internal.h>
#include <stm/tvar-internal.h>
#include <stm/tx-internal.h>

#define PATIENCE 512 /* turns that a reader waits for a locked variable */
#define PAUSES 16    /* in each */

/* ---- doom ---- */

static int strength(enum stm_status status)
{
    return status == STM_EFORKED    ? 4
           : status == STM_CONFLICT ? 3
           : status == STM_ENOMEM   ? 2
           : status == STM_RETRY    ? 1
                                    : 0;
}

enum stm_status stm__doom(struct stm_tx *tx, enum stm_status status)
{
    if (strength(status) > strength(tx->fast.doom))
        tx->fast.doom = status;
    stm__open_short_ways(tx);
    return tx->fast.doom;
}

enum stm_status stm__misused(const struct stm_tx *tx, const char *function)
{
    if (!tx)
        return stm_error(STM_EMISUSE,
                         "%s: the transaction is NULL; expected to be called "
                         "from a body that stm_atomically runs",
                         function);
    if (tx != stm__self)
        return stm_error(STM_EMISUSE,
                         "%s: the transaction belongs to another thread; "
                         "expected this thread's own",
                         function);
    return stm_error(STM_EMISUSE,
                     "%s: the transaction has ended; expected one that runs",
                     function);
}

enum stm_status stm__outside(const char *function)
{
    return stm_current() ? stm_error(STM_EMISUSE,
                                     "%s: called inside a transaction; "
                                     "expected outside",
                                     function)
                         : STM_OK;
}

enum stm_status stm_tx_status(const struct stm_tx *tx)
{
    return stm__check(tx, __func__);
}

/* ---- reading ---- */

/* Has this attempt written the variable?  Who reads and then writes one after
 * the other finds the entry where the one before left off. */
static inline bool is_written(const struct stm_tx *tx,
                              const struct stm_tvar *var, size_t *next)
{
    if (*next < tx->fast.writes.count &&
        stm__log_write_at(&tx->log, *next)->var == var) {
        ++*next;
        return true;
    }
    return stm__log_find(&tx->log, var) != NULL;
}

bool stm__validate(struct stm_tx *tx, bool holding)
{
    size_t next = 0;

    if (tx->fast.is_solo)
        return AO_load(&tx->fast.slot->solo);
    for (const struct stm__read *read = tx->log.reads; read < tx->fast.at;
         read++) {
        AO_t word = AO_load_acquire(&read->var->word);

        if (STM__LIKELY(word == read->version))
            continue;
        if (!holding || word != (read->version | STM__ODD) ||
            !is_written(tx, read->var, &next))
            return false;
    }
    return true;
}

/* Each look at a variable that is being published delays that. */
bool stm__look_again(struct stm_tx *tx, unsigned turn)
{
    if (turn > PATIENCE && !stm__gate_mine(tx))
        return false;
    for (unsigned pause = 0; pause < PAUSES; pause++)
        stm__relax();
    stm__spin(turn);
    return true;
}

/* While watchers run: is what was written still watched by those that were
 * found?  Others would have changed what is read from now on. */
static bool same_watchers(struct stm_tx *tx)
{
    for (size_t i = 0; i < tx->looked_up; i++) {
        const struct stm__write *write = stm__log_write_at(&tx->log, i);
        const AO_t *word = &write->var->word;

        for (unsigned turn = 0; STM__LOCKED(AO_load_acquire(word)); turn++)
            if (!stm__look_again(tx, turn))
                return false;
        if (!stm__same_watchers(write))
            return false;
    }
    return true;
}

/* A snapshot moves to the present in two steps.  The later one is announced
 * before anything is looked at again: what is then found unchanged cannot be
 * released by a commit that comes after. */
static AO_t announce_present(void)
{
    AO_t now = stm__clock_now();

    AO_store_release(&stm__slot_own->high, now | STM__ODD);
    stm__fence();
    return now;
}

static enum stm_status move_snapshot(struct stm_tx *tx, AO_t now)
{
    if (STM__STEP(STM__AT_EXTEND) || !stm__validate(tx, false) ||
        !same_watchers(tx))
        return stm__doom(tx, STM_CONFLICT);
    tx->fast.snapshot = now;
    AO_store_release(&stm__slot_own->low, now | STM__ODD);
    return STM_OK;
}

enum stm_status stm__extend_now(struct stm_tx *tx)
{
    return move_snapshot(tx, announce_present());
}

/* Moves the snapshot to the present, where `var`, just read, is current with
 * this word; returns whether that is still so.  The variable itself is looked
 * at first, so that one which changes all the time is caught between two
 * instructions and not between two validations. */
static bool extend(struct stm_tx *tx, const struct stm_tvar *var, AO_t word)
{
    AO_t now = announce_present();

    return AO_load_acquire(&var->word) == word &&
           move_snapshot(tx, now) == STM_OK;
}

/* False: the attempt is not solo any more. */
static bool read_solo(struct stm_tx *tx, const struct stm_tvar *var,
                      stm_value *out)
{
    stm_value value = AO_load_acquire(&var->value);

    if (STM__STEP(STM__AT_SOLO) || !AO_load(&tx->fast.slot->solo))
        return false;
    tx->fast.has_read = true;
    *out = value;
    return true;
}

static enum stm_status read_committed(struct stm_tx *tx, struct stm_tvar *var,
                                      stm_value *out)
{
    stm_value value;
    AO_t word;

    if (tx->fast.is_solo) {
        if (read_solo(tx, var, out))
            return STM_OK;
        if (!stm__join_others(tx))
            return stm__doom(tx, STM_CONFLICT);
    }
    if (STM__UNLIKELY(tx->is_old && tx->fast.at == tx->fast.end)) {
        tx->is_old = false;
        stm__log_open_reads(&tx->log, SIZE_MAX);
        STM_TRY(stm__extend_now(tx));
    }
    for (unsigned turn = 0;; turn++) {
        if (STM__LIKELY(stm__tvar_load(var, &word, &value))) {
            if (STM__LIKELY(word <= tx->fast.snapshot) || extend(tx, var, word))
                break;
            STM_TRY(tx->fast.doom);
            continue;
        }
        if (!stm__look_again(tx, turn))
            return stm__doom(tx, STM_CONFLICT);
    }
    if (STM__UNLIKELY(!stm__log_read(&tx->log, var, word)))
        return stm__doom(tx, STM_ENOMEM);
    *out = value;
    return STM_OK;
}

static enum stm_status capture(struct stm_tx *tx, struct stm_tvar *var,
                               stm_value value)
{
    struct stm__capture *entry;

    if (!stm__vec_reserve(tx->capture, 1))
        return stm__doom(tx, STM_ENOMEM);
    entry = stm__vec_push(tx->capture);
    entry->var = var;
    entry->value = value;
    return STM_OK;
}

/* From here on the sum is what the attempt has read and sets. */
static enum stm_status read_sum(struct stm_tx *tx,
                                const struct stm__write *write, stm_value *out)
{
    struct stm_tvar *var = write->var;
    stm_value sum, delta = write->value;

    STM_TRY(read_committed(tx, var, &sum));
    sum += delta;
    if (!stm__log_write(&tx->log, var, sum))
        return stm__doom(tx, STM_ENOMEM);
    *out = sum;
    return STM_OK;
}

/* Reads what the attempt has written itself. */
static enum stm_status read_own(struct stm_tx *tx,
                                const struct stm__write *write, stm_value *out)
{
    if (write->change == STM__ADDS)
        return read_sum(tx, write, out);
    *out = write->value;
    return STM_OK;
}

static inline enum stm_status read_any(struct stm_tx *tx, struct stm_tvar *var,
                                       stm_value *out)
{
    const struct stm__write *write = stm__log_find(&tx->log, var);

    if (write && write->change != STM__KEEPS)
        return read_own(tx, write, out);
    if (STM__LIKELY(STM__SHORT_WAYS && stm__fast_read(&tx->fast, var, out)))
        return STM_OK;
    return read_committed(tx, var, out);
}

/* Where many variables have been written and this one has not. */
static inline bool get_unwritten(struct stm_tx *tx, struct stm_tvar *var,
                                 stm_value *out)
{
    return tx->log.indexed && tx->fast.doom == STM_OK && !tx->capture &&
           !*stm__log_place(&tx->log, var) &&
           stm__fast_read(&tx->fast, var, out);
}

static __attribute__((noinline)) enum stm_status
get(struct stm_tx *tx, struct stm_tvar *var, stm_value *out)
{
    stm_value value = 0;

    STM_TRY(stm__check(tx, "stm_tvar_get"));
    STM_TRY(read_any(tx, var, &value));
    if (STM__UNLIKELY(tx->capture != NULL))
        STM_TRY(capture(tx, var, value));
    STM__RECORD(read, var, value);
    *out = value;
    return STM_OK;
}

enum stm_status stm__get(struct stm_tx *tx, struct stm_tvar *var,
                         stm_value *out)
{
    if (STM__SHORT_WAYS && tx && tx == stm__self && get_unwritten(tx, var, out))
        return STM_OK;
    return get(tx, var, out);
}

enum stm_status stm_tvar_get(struct stm_tx *tx, struct stm_tvar *var,
                             stm_value *out)
{
    if (STM__LIKELY(STM__SHORT_WAYS && tx && tx == stm__self &&
                    stm__fast_get(tx, var, out)))
        return STM_OK;
    return stm__get(tx, var, out);
}

/* ---- writing ---- */

enum stm_status stm__reserve_release(struct stm_tx *tx, size_t count)
{
    return stm__log_reserve_garbage(&tx->log, count)
               ? STM_OK
               : stm__doom(tx, STM_ENOMEM);
}

static __attribute__((noinline)) enum stm_status
set(struct stm_tx *tx, struct stm_tvar *var, stm_value value)
{
    STM_TRY(stm__check(tx, "stm_tvar_set"));
    STM__RECORD(write, var, value);
    stm__retain(var->type, value);
    if (STM__LIKELY(stm__log_write(&tx->log, var, value)))
        return STM_OK;
    stm__release(var->type, value); /* not the last: the caller has one */
    return stm__doom(tx, STM_ENOMEM);
}

enum stm_status stm__set(struct stm_tx *tx, struct stm_tvar *var,
                         stm_value value)
{
    if (STM__SHORT_WAYS && tx && tx == stm__self && tx->fast.doom == STM_OK &&
        (stm__log_write_counted(&tx->log, var, value) ||
         stm__log_write_indexed(&tx->log, var, value)))
        return STM_OK;
    return set(tx, var, value);
}

enum stm_status stm_tvar_set(struct stm_tx *tx, struct stm_tvar *var,
                             stm_value value)
{
    if (STM__LIKELY(STM__SHORT_WAYS && tx && tx == stm__self &&
                    stm__fast_set(tx, var, value)))
        return STM_OK;
    return stm__set(tx, var, value);
}

enum stm_status stm__tvar_set_stealing(struct stm_tx *tx, struct stm_tvar *var,
                                       stm_value value)
{
    if (STM__LIKELY(stm__log_write_stealing(&tx->log, var, value)) ||
        stm__log_write(&tx->log, var, value))
        return STM_OK;
    stm__log_discard(&tx->log, var->type, value);
    return stm__doom(tx, STM_ENOMEM);
}

enum stm_status stm__tvar_add(struct stm_tx *tx, struct stm_tvar *var,
                              stm_value delta)
{
    STM__CHECK(tx);
    return stm__log_add(&tx->log, var, delta) ? STM_OK
                                              : stm__doom(tx, STM_ENOMEM);
}

enum stm_status stm_release_later(struct stm_tx *tx,
                                  const struct stm_type *type, stm_value value)
{
    /* Also in a doomed attempt: it still has an end. */
    if (!tx || tx != stm__self || tx->fast.doom == STM_EMISUSE)
        return stm__misused(tx, __func__);
    if (!stm__log_reserve_garbage(&tx->log, 1)) {
        stm__doom(tx, STM_ENOMEM);
        return STM_ENOMEM;
    }
    stm__log_discard(&tx->log, type, value);
    return STM_OK;
}

enum stm_status stm_retry(struct stm_tx *tx)
{
    STM__CHECK(tx);
    stm__fast_close(&tx->fast);
    return tx->fast.doom = STM_RETRY;
}

/* ---- ending ---- */

static const enum stm__event event_of[] = {
    [STM__COMMITTED] = STM__COMMIT,
    [STM__CONFLICTED] = STM__CONFLICT,
    [STM__RETRIED] = STM__RETRY,
    [STM__ABORTED] = STM__ABORT,
};

/* What most attempts that commit have nothing of. */
static void end_registered(struct stm_tx *tx, enum stm__outcome outcome)
{
    bool committed = outcome == STM__COMMITTED;

    if (tx->ticket && !(outcome == STM__CONFLICTED && stm__gate_mine(tx)) &&
        !stm__gate_open(tx) && tx->call->evictions < STM__EVICTIONS_MAX)
        tx->call->evictions++;
    if (committed)
        stm__after_export(tx);
    else
        stm__put_solo_off(tx);
    stm__after_undo(tx, committed ? tx->actions.count : 0, 0, 0);
    if (committed)
        stm__log_discard_undos(&tx->log);
    else
        stm__log_discard_all(&tx->log);
}

static __attribute__((noinline)) void end_special(struct stm_tx *tx,
                                                  enum stm__outcome outcome)
{
    bool asked;

    end_registered(tx, outcome);
    asked = stm__attempt_leave(tx, event_of[outcome]);
    stm__count_for(tx->call->name, event_of[outcome]);
    stm__log_forget(&tx->log);
    tx->savepoint = NULL;
    tx->depth = 0;
    tx->capture = NULL;
    tx->looked_up = 0;
    tx->call = &tx->own;
    tx->now = tx->wall = 0;
    tx->fast.work = false;
    stm__attempt_settle(tx, asked);
}

void stm__attempt_end(struct stm_tx *tx, enum stm__outcome outcome)
{
    bool special = outcome != STM__COMMITTED || tx->fast.work;

    if (STM__UNLIKELY(special) && tx->batons.count)
        stm__block_pass_on(tx);
    STM__RECORD(end, outcome);
    if (STM__UNLIKELY(special))
        end_special(tx, outcome);
    else
        stm__attempt_end_plain(tx);
}

void stm__attempt_abandon(struct stm_tx *tx)
{
    struct stm_call none = {.name = NULL};

    if (tx->call != &tx->own)
        tx->call = &none;
    tx->abandoned = true;
    stm__attempt_end(tx, STM__ABORTED);
}
