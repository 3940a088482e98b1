/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
/* The commit: how an attempt's writes become visible, all at once.
 *
 * Words.  A variable's *word* is its version, even, or that plus one while a
 * commit *holds* it.  The *clock* is the newest version.  An attempt's
 * *snapshot* is a version at which all it has read was current.
 *
 * What this library promises (the tests name these letters):
 *
 *  A. Opacity.  No attempt, not even one that will be thrown away, sees two
 *     values that did not exist together; commits are strictly serializable.
 *
 *  B. Atomic failure.  What does not commit leaves nothing behind.
 *
 *  C. No lost wake-up.  A blocked transaction runs again once a commit has
 *     changed a variable it read (such as the one that commits the death of
 *     what a weak reference leads to), as long as the change lasts, and after
 *     its time-out.
 *
 *  D. Few wake-ups.  It is not woken while all it read is the same; and of the
 *     threads that sleep at a variable a commit wakes one, which looks after
 *     the others when its next attempt has ended (wait-internal.h).
 *
 *  E. Progress.  Every transaction commits after a bounded number of conflicts.
 *
 *  F. Watchers are atomic.  They run in the transaction that disturbed them.
 *
 *  G. No user code runs under a lock.
 *
 *  H. Memory is bounded.  Old values go with the last attempt that could see
 *     them, or soon after it where their type allows that (later.c).
 *
 *  I. Out of memory is an error: nothing is half-committed.
 *
 * The protocol is TL2 (Dice, Shalev, Shavit, DISC 2006) with snapshots that
 * extend (Riegel, Felber, Fetzer, DISC 2006), and a lock in each variable:
 *
 *   begin     snapshot := clock; announce it                        (begin.c)
 *   read      word, value, word again: unlocked and the same?  If it is newer
 *             than the snapshot, the snapshot moves to the present, provided
 *             that nothing read before has changed; else conflict   -- A
 *   prepare   watchers run until nothing is disturbed: those that watch what
 *             was written as of the snapshot; if it moves, they must be the
 *             same                                                  -- F, A
 *             all memory that is needed further down is allocated   -- I
 *   lock      the write set, in order of address; who watches a variable that
 *             is now held must be as it was when its watchers ran   -- F
 *   gate      does someone run alone?  Then unlock, wait, lock again -- E
 *   tick      the clock; the new version is this commit's place in the order
 *   validate  that all reads are as they were, unless nobody ticked since the
 *             snapshot: then they must be                           -- A
 *   ------ decided: from here on nothing can fail ------
 *   publish   each value; unlock each variable with the new version
 *   wake      of the waiters that were seen under the locks, where the value
 *             differs, one that sleeps and all others               -- C, D
 *
 * Between the first lock and the last unlock there is no allocation, no system
 * call and no call of a type's functions                            -- G
 * What was replaced goes to limbo.c, with the versions for which it was
 * current                                                           -- H
 *
 * An attempt that wrote nothing is done when its body is: all it saw was
 * current at its snapshot.
 *
 * While one thread is the only one in transactions, it runs *solo* and needs
 * none of this but publishing and waking: solo.c tells how that ends. */

#include <stdlib.h>

#include <stm/record-internal.h>
#include <stm/step-internal.h>
#include <stm/tx-internal.h>
#include <stm/watch-set-internal.h>

#define PATIENCE 64 /* turns that a young transaction waits for a lock */
#define FEW 16      /* writes that are sorted by insertion */

AO_t stm__prepare_hook;

/* ---- prepare ---- */

static int by_address(const void *left, const void *right)
{
    const struct stm__write *a = *(struct stm__write *const *)left;
    const struct stm__write *b = *(struct stm__write *const *)right;

    return (a->var > b->var) - (a->var < b->var);
}

static void sort_by_address(struct stm__write **order, size_t count)
{
    if (count > FEW) {
        stm__sort(order, count, sizeof *order, by_address);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct stm__write *write = order[i];
        size_t j = i;

        for (; j > 0 && order[j - 1]->var > write->var; j--)
            order[j] = order[j - 1];
        order[j] = write;
    }
}

static bool prepare_order(struct stm_tx *tx)
{
    struct stm__write *write = stm__log_write_at(&tx->log, 0);
    size_t count = tx->fast.writes.count;

    stm__prefetch_to_write(&stm__clock);
    tx->order.count = 0;
    if (STM__UNLIKELY(tx->order.capacity < count) &&
        !stm__vec_reserve(&tx->order, count))
        return false;
    for (size_t i = 0; i < count; i++)
        *STM__VEC_AT(&tx->order, struct stm__write *, i) = &write[i];
    tx->order.count = count;
    sort_by_address(STM__VEC_AT(&tx->order, struct stm__write *, 0), count);
    return true;
}

static inline struct stm__write *write_in_order(const struct stm_tx *tx,
                                                size_t index)
{
    return *STM__VEC_AT(&tx->order, struct stm__write *, index);
}

/* Room for every value that is going to be replaced. */
static bool prepare_batch(struct stm_tx *tx)
{
    size_t counted = 0;

    if (STM__LIKELY(tx->batch && tx->batch->capacity >= tx->fast.writes.count))
        return true;
    for (size_t i = 0; i < tx->fast.writes.count; i++) {
        const struct stm__write *write = stm__log_write_at(&tx->log, i);

        counted += write->change == STM__SETS && stm__counted(write->var->type);
    }
    if (!counted || (tx->batch && tx->batch->capacity >= counted))
        return true;
    free(tx->batch);
    tx->batch = stm__batch_new(counted < 8 ? 8 : counted);
    return tx->batch != NULL;
}

/* ---- lock ---- */

static inline bool try_lock(struct stm__write *write, AO_t seen)
{
    if (STM__LOCKED(seen) || STM__STEP(STM__AT_LOCK) ||
        !AO_compare_and_swap_full(&write->var->word, seen, seen | STM__ODD))
        return false;
    write->version = seen;
    return true;
}

/* Whoever only adds has read nothing that could change meanwhile, and waits:
 * since locks are taken in order, their holders do not wait for this one. */
static __attribute__((noinline)) bool wait_for_lock(struct stm_tx *tx,
                                                    struct stm__write *write)
{
    unsigned age = tx->call->conflicts < 5 ? tx->call->conflicts : 5;
    AO_t *word = &write->var->word;

    for (unsigned turn = 0;; turn++) {
        if (try_lock(write, AO_load(word)))
            return true;
        if (turn >= (unsigned)PATIENCE << age && write->change != STM__ADDS &&
            !stm__gate_mine(tx))
            return false;
        stm__spin(turn);
    }
}

static void unlock(struct stm_tx *tx, size_t count)
{
    while (count-- > 0) {
        struct stm__write *write = write_in_order(tx, count);

        AO_store_release(&write->var->word, write->version);
    }
}

static inline bool lock_one(struct stm_tx *tx, struct stm__write *write)
{
    return STM__LIKELY(try_lock(write, AO_load(&write->var->word))) ||
           wait_for_lock(tx, write);
}

static bool lock_all(struct stm_tx *tx)
{
    for (size_t i = 0; i < tx->order.count; i++) {
        struct stm__write *write = write_in_order(tx, i);

        if (!lock_one(tx, write)) {
            unlock(tx, i);
            return false;
        }
        /* Is it watched by those who ran? */
        if (STM__UNLIKELY(!stm__same_watchers(write))) {
            unlock(tx, i + 1);
            return false;
        }
    }
    return true;
}

/* Locks the write set with the gate open. */
static bool lock_past_gate(struct stm_tx *tx)
{
    for (;;) {
        AO_store(&tx->committing, 1);
        if (!lock_all(tx))
            return false;
        if (!stm__gate_bars(tx))
            return true;
        unlock(tx, tx->order.count);
        AO_store_release(&tx->committing, 0);
        stm__gate_wait(tx);
        if (tx->fast.doom != STM_OK) /* a hook has forked */
            return false;
    }
}

/* ---- tick, validate ---- */

/* Decides.  Returns the version to publish with, or 0. */
static AO_t decide(struct stm_tx *tx)
{
    AO_t version;

    (void)STM__STEP(STM__AT_TICK);
    version = stm__clock_tick();
    if (STM__STEP(STM__AT_VALIDATE))
        return 0;
    if (version == tx->fast.snapshot + STM__VERSION_STEP ||
        stm__validate(tx, true))
        return version;
    return 0;
}

/* ---- publish ---- */

static void publish_value(struct stm_tx *tx, struct stm__write *write,
                          AO_t version)
{
    struct stm_tvar *var = write->var;
    stm_value old = AO_load(&var->value);

    if (write->change == STM__ADDS)
        write->value += old;
    AO_store_release(&var->value, write->value);
    if (stm__counted(var->type) && old) {
        struct stm__retired *item = &tx->batch->items[tx->batch->count++];

        item->ref.value = old;
        item->ref.type = var->type;
        item->birth = write->version;
        item->death = version;
    }
    write->replaced = old;
}

static void publish_watchers(struct stm_tx *tx, struct stm__write *write,
                             AO_t version)
{
    struct stm__side *side = stm__side_of(write->var);
    stm_value old = AO_load(&side->watch_set);

    AO_store_release(&side->watch_set, (AO_t)write->watch_set);
    AO_store_release(&side->watch_since, version);
    AO_store_release(&side->watch_version, AO_load(&side->watch_version) + 1);
    write->watch_set = NULL;
    stm__log_discard(&tx->log, &stm__watch_set_used, old);
}

/* Publishes one variable's value and watch set and unlocks it; returns whether
 * there is anyone to wake. */
static __attribute__((noinline)) bool
publish_one(struct stm_tx *tx, struct stm__write *write, AO_t version)
{
    AO_t word = write->version;

    if (write->change != STM__KEEPS) {
        write->wakes = stm__has_waits(write->var);
        publish_value(tx, write, version);
        write->change = STM__KEEPS; /* the variable owns the value now */
        word = version;
    }
    (void)STM__STEP(STM__AT_PUBLISH);
    if (STM__UNLIKELY(write->watch_set != NULL))
        publish_watchers(tx, write, version);
    AO_store_release(&write->var->word, word);
    return write->wakes;
}

/* A word that nobody waits for or watches takes two stores. */
static inline bool publish_plain(struct stm__write *write, AO_t version)
{
    struct stm_tvar *var = write->var;

    if (STM__UNLIKELY(stm__counted(var->type) || stm__side_of(var) ||
                      write->change != STM__SETS))
        return false;
    (void)STM__STEP(STM__AT_PUBLISH);
    AO_store_release(&var->value, write->value);
    AO_store_release(&var->word, version);
    write->change = STM__KEEPS;
    return true;
}

/* Returns whether there is anyone to wake. */
static bool publish(struct stm_tx *tx, AO_t version)
{
    bool wakes = false;

    /* Until the waiters are woken, the new values are looked at, too. */
    AO_store_release(&tx->fast.slot->high, version | STM__ODD);
    for (size_t i = 0; i < tx->order.count; i++) {
        struct stm__write *write = write_in_order(tx, i);

        if (STM__UNLIKELY(!publish_plain(write, version)))
            wakes |= publish_one(tx, write, version);
    }
    return wakes;
}

/* Locks, decides and publishes; *wakes says whether there is anyone to wake. */
static bool replace_all_beside_others(struct stm_tx *tx, bool *wakes)
{
    AO_t version = 0;

    if (lock_past_gate(tx)) {
        version = decide(tx);
        STM__RECORD(stamp, version);
        if (version) {
            *wakes = publish(tx, version);
            tx->fast.snapshot = version;
            tx->is_present = true;
        } else {
            unlock(tx, tx->order.count);
        }
    }
    AO_store_release(&tx->committing, 0);
    return version != 0;
}

/* Nobody else is in an attempt, or comes into one meanwhile: nothing needs to
 * be locked, and the clock, whose versions tell readers what is too new for
 * them, need not tick.  In a history each commit has a version of its own. */
static inline AO_t version_solo(struct stm_tx *tx)
{
#ifdef STM_RECORD
    tx->fast.snapshot = stm__clock_tick();
    AO_store_release(&tx->fast.slot->high, tx->fast.snapshot | STM__ODD);
#endif
    return tx->fast.snapshot;
}

static inline bool publish_solo(struct stm_tx *tx, AO_t version)
{
    struct stm__write *write = stm__log_write_at(&tx->log, 0);
    struct stm__write *end = write + tx->fast.writes.count;
    bool wakes = false;

    for (; write < end; write++) {
        if (STM__LIKELY(publish_plain(write, version)))
            continue;
        write->version = AO_load(&write->var->word);
        wakes |= publish_one(tx, write, version);
    }
    return wakes;
}

static inline bool replace_all_solo(struct stm_tx *tx, bool *wakes)
{
    struct stm__slot *slot = tx->fast.slot;
    AO_t version;

    if (STM__UNLIKELY(!stm__solo_publish(slot)))
        return false;
    version = version_solo(tx);
    STM__RECORD(stamp, version);
    *wakes = publish_solo(tx, version);
    stm__solo_published(slot);
    return true;
}

/* ---- wake ---- */

static __attribute__((noinline)) void wake(struct stm_tx *tx)
{
    struct stm__waiter *chain = NULL;

    (void)STM__STEP(STM__AT_WAKE);
    for (size_t i = 0; i < tx->fast.writes.count; i++) {
        struct stm__write *write = stm__log_write_at(&tx->log, i);

        if (STM__UNLIKELY(write->wakes) &&
            !stm__same(write->var->type, write->replaced, write->value))
            chain = stm__block_change(tx, stm__side_of(write->var), chain);
    }
    stm__wait_notify(chain);
}

void stm__commit_forget(struct stm_tx *tx)
{
    for (size_t i = 0; AO_load(&tx->committing) && i < tx->order.count; i++) {
        AO_t *word = &write_in_order(tx, i)->var->word;

        AO_store(word, AO_load(word) & ~STM__ODD);
    }
}

bool stm__commit_short(struct stm_tx *tx)
{
    bool wakes;

    if (STM__SHORT_WAYS && !tx->fast.filter && !tx->fast.work) {
        stm__attempt_end_plain(tx);
        tx->fast.ready = true;
        return true;
    }
    if (!STM__SHORT_WAYS || !tx->fast.is_solo || tx->fast.work ||
        tx->fast.doom != STM_OK || AO_load(&stm__prepare_hook) ||
        (tx->log.counted && !prepare_batch(tx)) ||
        !replace_all_solo(tx, &wakes))
        return false;
    if (STM__UNLIKELY(wakes))
        wake(tx);
    if (STM__UNLIKELY(tx->fast.work))
        stm__attempt_end(tx, STM__COMMITTED);
    else
        stm__attempt_end_plain(tx);
    tx->fast.ready = true;
    return true;
}

static bool replace_all(struct stm_tx *tx, bool *wakes)
{
    if (tx->fast.is_solo) {
        if (replace_all_solo(tx, wakes))
            return true;
        if (!stm__join_others(tx))
            return false;
    }
    if (!prepare_order(tx)) {
        stm__doom(tx, STM_ENOMEM);
        return false;
    }
    return replace_all_beside_others(tx, wakes);
}

enum stm_status stm__commit(struct stm_tx *tx)
{
    stm__prepare *hook = (stm__prepare *)AO_load_acquire(&stm__prepare_hook);
    bool wakes = false;

    if (STM__UNLIKELY(hook != NULL))
        STM_TRY(hook(tx));
    if (!tx->fast.writes.count)
        return STM_OK;
    if (STM__UNLIKELY(tx->log.counted) && !prepare_batch(tx))
        return stm__doom(tx, STM_ENOMEM);
    if (STM__UNLIKELY(!replace_all(tx, &wakes)))
        return tx->fast.doom != STM_OK ? tx->fast.doom
                                       : stm__doom(tx, STM_CONFLICT);
    if (STM__UNLIKELY(wakes))
        wake(tx);
    return STM_OK;
}
