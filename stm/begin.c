/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stm/record-internal.h>
#include <stm/step-internal.h>
#include <stm/tx-internal.h>

/* How an attempt begins: beside others, or solo. */

static AO_t stamp_blocks;

uint64_t stm__draw_block(struct stm_tx *tx)
{
    uint64_t block = (uint64_t)AO_fetch_and_add1(&stamp_blocks) + 1;

    tx->fast.stamp_end = (block << 24) + (1 << 24) - 1;
    return tx->fast.stamp = (block << 24) + 1;
}

/* ---- when to try to run solo ---- */

#define SOLO_WAIT_MAX (1 << 16)

void stm__put_solo_off(struct stm_tx *tx) { tx->solo_left = tx->solo_wait; }

/* It was disturbed, soon or late, or found another one running. */
static void wait_longer(struct stm_tx *tx, bool was_short)
{
    if (!was_short)
        tx->solo_wait = STM__SOLO_WAIT;
    else if (tx->solo_wait < SOLO_WAIT_MAX)
        tx->solo_wait *= 2;
    stm__put_solo_off(tx);
}

static void note_solo_end(struct stm_tx *tx)
{
    uint64_t stamps = tx->fast.stamp - tx->solo_since;

    wait_longer(tx, stamps < (uint64_t)16 * tx->solo_wait);
}

static bool try_solo(struct stm_tx *tx)
{
    struct stm__slot *slot = tx->fast.slot;

    if (!stm__solo_try(slot)) {
        wait_longer(tx, true);
        return false;
    }
    if (!stm__gate_is_open() || AO_load(&stm__limbo_stranded)) {
        stm__solo_withdraw(slot);
        stm__put_solo_off(tx);
        return false;
    }
    tx->solo_since = tx->fast.stamp;
    return true;
}

/* ---- beginning ---- */

/* The snapshot may be that of the thread's last commit: to look at the clock,
 * which every commit writes, is what costs a short attempt most.  One that goes
 * on reading looks before there is much to validate. */
#define OLD_READS 16

static inline void choose_snapshot(struct stm_tx *tx)
{
    tx->is_old = tx->is_present;
    tx->is_present = false;
    stm__log_open_reads(&tx->log, tx->is_old ? OLD_READS : SIZE_MAX);
    if (!tx->is_old)
        tx->fast.snapshot = stm__clock_now();
    (void)STM__STEP(STM__AT_BEGIN);
}

static inline void begin_beside_others(struct stm_tx *tx)
{
    choose_snapshot(tx);
    stm__slot_enter(tx->fast.slot, tx->fast.snapshot, tx->fast.snapshot);
}

/* Where the thread is solo, its attempts until that ends have one snapshot,
 * announced here once for all of them. */
static __attribute__((noinline)) void begin_solo(struct stm_tx *tx)
{
    struct stm__fast *fast = &tx->fast;
    struct stm__slot *slot = fast->slot;

    if (fast->is_solo && AO_load(&slot->solo)) {
        AO_store_release(&slot->begin, fast->snapshot | STM__ODD);
        return;
    }
    if (fast->is_solo)
        note_solo_end(tx);
    fast->is_solo = tx->solo_left == 0 && try_solo(tx);
    if (!fast->is_solo) {
        begin_beside_others(tx);
        return;
    }
    stm__log_open_reads(&tx->log, 0);
    fast->snapshot = stm__clock_now();
    AO_store_release(&slot->low, fast->snapshot | STM__ODD);
    AO_store_release(&slot->high, fast->snapshot | STM__ODD);
    AO_store_release(&slot->begin, fast->snapshot | STM__ODD);
}

static __attribute__((noinline)) bool find_slot(struct stm_tx *tx)
{
    if (!stm__slot_acquire())
        return false;
    tx->fast.slot = stm__slot_own;
    return true;
}

enum stm_status stm__attempt_begin(struct stm_tx *tx, struct stm_call *call)
{
    if (STM__UNLIKELY(tx->fast.slot == &stm__slot_none) && !find_slot(tx))
        return STM_ENOMEM;
    STM__RECORD(begin);
    if (STM__UNLIKELY(tx->fast.is_solo || tx->solo_left == 0)) {
        begin_solo(tx);
    } else {
        tx->solo_left--;
        begin_beside_others(tx);
    }
    tx->fast.begun = tx->fast.since = stm__draw_stamp(tx);
    tx->call = call;
    if (STM__UNLIKELY(call->touched))
        call->deadline = call->wall_deadline = STM_FOREVER;
    tx->fast.ready = false;
    tx->fast.doom = STM_OK;
    tx->fast.work = tx->ticket || call->touched || call != &tx->own;
    tx->fast.filter = 0;
    tx->fast.has_read = false;
    return STM_OK;
}

/* It has met variables, those that it writes and those that watchers are found
 * by, and so still began when it did. */
bool stm__join_others(struct stm_tx *tx)
{
    struct stm__slot *slot = tx->fast.slot;

    stm__solo_withdraw(slot); /* or shaken attempts would be solo for ever */
    if (tx->fast.has_read)
        return false;
    note_solo_end(tx);
    tx->fast.is_solo = false;
    choose_snapshot(tx);
    stm__slot_enter(slot, AO_load(&slot->begin), tx->fast.snapshot);
    return true;
}
