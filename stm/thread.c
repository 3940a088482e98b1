/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdlib.h>

#include <stm/error-internal.h>
#include <stm/tx-internal.h>

/* What a thread owns is made when it first runs a transaction and freed when it
 * ends; its counts are then added to those of the threads before. */

STM__THREAD_LOCAL struct stm_tx *stm__self;
AO_t stm__never;

static pthread_key_t key;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct stm_tx *threads;   /* under lock */
static struct stm__counts ended; /* under lock */

static void enlist(struct stm_tx *tx)
{
    pthread_mutex_lock(&lock);
    tx->next = threads;
    tx->link = &threads;
    if (threads)
        threads->link = &tx->next;
    threads = tx;
    pthread_mutex_unlock(&lock);
}

static void delist(struct stm_tx *tx)
{
    pthread_mutex_lock(&lock);
    *tx->link = tx->next;
    if (tx->next)
        tx->next->link = tx->link;
    stm__counts_add(&ended, &tx->fast.counts);
    pthread_mutex_unlock(&lock);
}

static void free_thread(void *argument)
{
    struct stm_tx *tx = argument;

    if (tx->fast.doom != STM_EMISUSE)
        stm__attempt_abandon(tx);
    /* What is released may run transactions here still. */
    stm__block_fini(&tx->own);
    stm__limbo_thread_fini();
    delist(tx);
    stm__thread_leave_slot(tx);
    stm__log_fini(&tx->log);
    stm__vec_fini(&tx->actions);
    stm__vec_fini(&tx->exports);
    stm__vec_fini(&tx->watch_ops);
    stm__vec_fini(&tx->runs);
    stm__vec_fini(&tx->captures);
    stm__vec_fini(&tx->order);
    free(tx->batch);
    stm__block_thread_fini(tx);
    if (stm__self == tx)
        stm__self = NULL;
    free(tx);
}

/* When the library is loaded and not when it is first used: a fork beside that
 * would find it half done. */
__attribute__((constructor)) static void prepare(void)
{
    STM__MUST(pthread_key_create(&key, free_thread) == 0);
    stm__fork_heed();
}

struct stm_tx *stm__make_thread(void)
{
    struct stm_tx *tx = calloc(1, sizeof *tx);

    if (!tx)
        return NULL;
    if (pthread_setspecific(key, tx) != 0) {
        free(tx);
        return NULL;
    }
    tx->fast.doom = STM_EMISUSE;
    stm__log_init(&tx->log, &tx->fast);
    stm__fast_close(&tx->fast);
    tx->fast.slot = &stm__slot_none;
    tx->fast.ready = true;
    stm__call_init(&tx->own);
    tx->call = &tx->own;
    tx->solo_wait = tx->solo_left = STM__SOLO_WAIT;
    tx->actions.size = sizeof(struct stm__action);
    tx->exports.size = sizeof(struct stm__export);
    tx->watch_ops.size = sizeof(struct stm__watch_op);
    tx->captures.size = sizeof(struct stm__capture);
    tx->order.size = sizeof(struct stm__write *);
    stm__block_thread_init(tx);
    enlist(tx);
    stm__self = tx;
    return tx;
}

void stm__thread_leave_slot(struct stm_tx *tx)
{
    tx->fast.slot = &stm__slot_none;
    stm__slot_release();
}

/* ---- fork ---- */

/* What belonged to threads that are not in this process.  It may have been in
 * the midst of a change, so that nothing of it can be used, or freed. */
static struct stm_tx *vanished;

/* The gate is closed.  Commits that have passed it come to their end; others
 * may still lock variables before they look at it. */
void stm__thread_fork_prepare(void)
{
    pthread_mutex_lock(&lock);
    stm__fence();
    for (struct stm_tx *tx = threads; tx; tx = tx->next)
        for (unsigned turn = 0;
             tx != stm__self && AO_load_acquire(&tx->committing); turn++)
            stm__spin(turn);
}

void stm__thread_fork_parent(void) { pthread_mutex_unlock(&lock); }

void stm__thread_fork_child(void)
{
    struct stm_tx *tx, *next;

    for (tx = threads; tx; tx = next) {
        next = tx->next;
        if (tx == stm__self)
            continue;
        stm__commit_forget(tx);
        stm__counts_add(&ended, &tx->fast.counts);
        tx->next = vanished;
        vanished = tx;
    }
    threads = stm__self;
    if (threads) {
        threads->next = NULL;
        threads->link = &threads;
    }
    pthread_mutex_unlock(&lock);
}

/* ---- the thread as others see it ---- */

const struct stm_blocking *stm_set_blocking(const struct stm_blocking *hooks)
{
    struct stm_tx *tx = stm__thread();
    const struct stm_blocking *before;

    if (!tx)
        return NULL;
    before = tx->blocking;
    tx->blocking = hooks;
    return before;
}

struct stm_tx *stm_current(void)
{
    return stm__self && stm__self->fast.doom != STM_EMISUSE ? stm__self : NULL;
}

void stm__counts_total(struct stm__counts *total)
{
    struct stm__counts none = {{0}};

    *total = none;
    pthread_mutex_lock(&lock);
    stm__counts_add(total, &ended);
    for (struct stm_tx *tx = threads; tx; tx = tx->next)
        stm__counts_add(total, &tx->fast.counts);
    pthread_mutex_unlock(&lock);
}
