/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include <stm/error-internal.h>
#include <stm/tx-internal.h>

/* The gate through which every commit that writes must pass.  A transaction
 * that has met too many conflicts closes it and runs alone: from then on
 * nobody changes what it reads, but for those who were past the gate already.
 *
 * A commit looks at the gate when it holds all its locks.  So the one who
 * closed it meets each straggler at most twice, by its lock and then by its
 * version; it waits for locks instead of giving up.  A conflict does not open
 * the gate: whoever waits at it would come by once more before it is closed
 * again, and so for ever (tests/model/stm.pml).
 *
 * Whoever finds the gate closed lets its locks go and waits, and after 100 ms
 * throws the holder out, who then goes on as an ordinary attempt: a body may
 * wait for another thread by means that this library does not see.  One that is
 * merely slow gets twice the time at its next try. */

#define PATIENCE_NS 100000000
#define FORKING (~(AO_t)0) /* the ticket of a thread that forks: all wait */

static AO_t holder; /* the ticket of the one who runs alone, or 0 */
static AO_t patience = PATIENCE_NS; /* of the others, with that one, in ns */
static AO_t waiting;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;

bool stm__gate_mine(const struct stm_tx *tx)
{
    return tx->ticket && AO_load(&holder) == tx->ticket;
}

bool stm__gate_is_open(void) { return !AO_load_acquire(&holder); }

bool stm__gate_bars(const struct stm_tx *tx)
{
    AO_t ticket;

    stm__fence_after_rmw();
    ticket = AO_load(&holder);
    return STM__UNLIKELY(ticket != 0) && ticket != tx->ticket;
}

/* Returns whether it was still closed by that one. */
static bool open_for(AO_t ticket)
{
    if (!AO_compare_and_swap_full(&holder, ticket, 0))
        return false;
    if (!AO_load(&waiting))
        return true;
    pthread_mutex_lock(&lock);
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&lock);
    return true;
}

bool stm__gate_open(struct stm_tx *tx)
{
    AO_t ticket = tx->ticket;

    if (STM__LIKELY(!ticket))
        return true;
    tx->ticket = 0;
    return open_for(ticket);
}

/* Sleeps until this holder has left; false after too long. */
static bool sleep_out(AO_t ticket)
{
    uint64_t end = stm__clock_monotonic() + AO_load(&patience);
    struct timespec until = {(time_t)(end / 1000000000u),
                             (long)(end % 1000000000u)};
    int error = 0, cancellation;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancellation);
    pthread_mutex_lock(&lock);
    (void)AO_fetch_and_add1_full(&waiting);
    while (AO_load(&holder) == ticket && error != ETIMEDOUT)
        error = ticket == FORKING
                    ? pthread_cond_wait(&opened, &lock)
                    : pthread_cond_clockwait(&opened, &lock, CLOCK_MONOTONIC,
                                             &until);
    (void)AO_fetch_and_sub1_full(&waiting);
    pthread_mutex_unlock(&lock);
    pthread_setcancelstate(cancellation, NULL);
    return AO_load(&holder) != ticket;
}

/* Waits until this holder has left or is thrown out. */
static void outwait(AO_t ticket)
{
    if (!sleep_out(ticket) && ticket != FORKING)
        (void)open_for(ticket);
}

void stm__gate_wait(struct stm_tx *tx)
{
    const struct stm_blocking *hooks = tx->blocking;
    AO_t ticket = AO_load(&holder);

    if (!ticket)
        return;
    if (hooks)
        hooks->enter(hooks->context);
    outwait(ticket);
    if (hooks)
        hooks->leave(hooks->context);
}

void stm__gate_close(struct stm_tx *tx, struct stm_call *call)
{
    AO_t ticket = (AO_t)stm__draw_stamp(tx);

    while (!AO_compare_and_swap_full(&holder, 0, ticket))
        stm__gate_wait(tx);
    AO_store(&patience, (AO_t)PATIENCE_NS << call->evictions);
    tx->ticket = ticket;
}

/* ---- fork ---- */

/* What the gate held that the thread which forks has closed: 0, or the ticket
 * of that thread's own attempt, which nobody may throw out meanwhile. */
static AO_t held_before;

void stm__gate_fork_prepare(void)
{
    AO_t own = stm__self ? stm__self->ticket : 0, before = own;

    while (!AO_compare_and_swap_full(&holder, before, FORKING)) {
        AO_t ticket = AO_load(&holder);

        before = 0; /* from here on, if it was thrown out */
        if (ticket)
            outwait(ticket);
    }
    held_before = before;
    pthread_mutex_lock(&lock);
}

void stm__gate_fork_parent(void)
{
    AO_store_release(&holder, held_before);
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&lock);
}

void stm__gate_fork_child(void)
{
    AO_store(&holder, held_before);
    AO_store(&waiting, 0);
    STM__MUST(pthread_cond_init(&opened, NULL) == 0);
    pthread_mutex_unlock(&lock);
}
