/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_POOL_INTERNAL_H
#define STM_POOL_INTERNAL_H

#include <atomic_ops.h>

#include "stm-pool.h"

/* Who owns whom
 *
 *   owner ------> pool ------> roster <------ each running thread
 *   watchers -----^  |                          |
 *   records ------^  +--> variables,            +--> its record
 *                         free workers' records
 *
 * The circles from the pool through its variables and watchers back to itself
 * are broken by transactions: a record leaves the endpoint with its worker,
 * and the watchers are cancelled when a closed pool has neither work nor
 * workers.  The roster is apart because a thread needs the configuration and
 * the lock for longer than it may use libstm. */

/* The threads of one pool as the system knows them: no transactions here. */
struct stm__roster;

struct stm__roster *stm__roster_new(const struct stm_pool_config *config);
void stm__roster_release(struct stm__roster *roster);

/* For a pool that comes to nothing: the context stays its caller's. */
void stm__roster_drop_finalizer(struct stm__roster *roster);

const struct stm_pool_config *
stm__roster_config(const struct stm__roster *roster);

/* Starts a thread that runs main(argument), with all signals blocked but those
 * that the thread itself causes.  Returns 0 or an errno value. */
int stm__roster_start(struct stm__roster *roster, void *(*main)(void *),
                      void *argument);

/* First and last call of such a thread.  leave calls thread_leave only if
 * enter returned STM_OK. */
enum stm_status stm__roster_enter(struct stm__roster *roster);
void stm__roster_leave(struct stm__roster *roster, enum stm_status entered);

/* Another in the child of a fork than in its parent, once there is a roster. */
AO_t stm__roster_generation(void);

/* Was it made by a process that this one was forked from?  Then its threads are
 * not here, and its lock is not to be trusted. */
bool stm__roster_is_parents(const struct stm__roster *roster);

/* Is the caller one of the roster's threads? */
bool stm__roster_has_caller(const struct stm__roster *roster);

/* Waits until all threads have ended, with the caller's blocking hooks around
 * the wait.  It is short: no worker has anything left to do. */
void stm__roster_await(struct stm__roster *roster);

/* Sleeps, with the caller's blocking hooks around it. */
void stm__pause(const struct timespec *length);

struct stm_pool {
    AO_t references; /* the owner's, the watchers', the workers' */
    struct stm__roster *roster;
    size_t max_threads;
    uint64_t keep_alive;
    struct stm_tlist *tasks;

    /* The workers without a task, most recently used first.  At the end of
     * every transaction: a worker is in here if and only if its slot is
     * empty. */
    struct stm_endpoint *free_workers;

    struct stm_tvar *live;     /* workers, starting ones included */
    struct stm_tvar *handed;   /* tasks taken from the list */
    struct stm_tvar *finished; /* tasks whose run has returned */
    struct stm_tvar *idle;     /* 1 while handed == finished and no task is
                                  queued; written by the first watcher only */
    struct stm_tvar *closing;  /* 1 from shutdown on */
    struct stm_tvar *door;     /* see door.c */
    struct stm_tvar *misses;   /* starts failed since the last that did not */
    struct stm_tvar *starter; /* the two watchers; 0 once cancelled, which is */
    struct stm_tvar *pairer;  /* when a closed pool has come to its end */
};

void stm__pool_retain(struct stm_pool *pool);
void stm__pool_release(struct stm_pool *pool);
extern const struct stm_type stm__pool_type;

/* Runs body until it commits: a worker must not be lost for want of memory or
 * because of a signal.  In the child of a fork in it, once. */
void stm__pool_insist(stm_body *body, void *argument);

/* STM_OK, or STM_ECLOSED with a message for a pool of the parent process. */
STM_NODISCARD enum stm_status stm__pool_own(const struct stm_pool *pool,
                                            const char *function);

/* STM_OK outside transactions, else STM_EMISUSE with a message. */
STM_NODISCARD enum stm_status stm__pool_outside(const char *function);

/* Adds to a variable that holds a word. */
STM_NODISCARD enum stm_status
stm__pool_add(struct stm_tx *tx, struct stm_tvar *var, intptr_t delta);

/* Creates both watchers. */
STM_NODISCARD enum stm_status stm__pool_watch(struct stm_tx *tx,
                                              struct stm_pool *pool);

/* The door; its words and rules are in door.c. */

/* How many of `missing` workers may be started now. */
STM_NODISCARD enum stm_status stm__door_admit(struct stm_tx *tx,
                                              struct stm_pool *pool,
                                              size_t missing, size_t *out);

/* For the transaction that starts workers: *probe tells whether this is the
 * single one that tries whether threads can be started again. */
STM_NODISCARD enum stm_status
stm__door_pass(struct stm_tx *tx, struct stm_pool *pool, bool *probe);

/* A thread could not be started, and its task is back in the list.  *first
 * tells whether the ones before it could. */
STM_NODISCARD enum stm_status
stm__door_miss(struct stm_tx *tx, struct stm_pool *pool, bool *first);

/* The probe runs. */
STM_NODISCARD enum stm_status stm__door_open(struct stm_tx *tx,
                                             struct stm_pool *pool);

/* What might have made room for a thread has happened: a task is finished, or
 * (patient false) a worker left, or time has passed. */
STM_NODISCARD enum stm_status
stm__door_knock(struct stm_tx *tx, struct stm_pool *pool, bool patient);

/* Are there tasks, no worker, and starting is barred? */
STM_NODISCARD enum stm_status
stm__door_stranded(struct stm_tx *tx, struct stm_pool *pool, bool *out);

/* A worker as the pool's variables know it. */
struct stm__worker;
extern const struct stm_type stm__worker_type;

/* Makes a worker, free and counted, and starts its thread after the commit. */
STM_NODISCARD enum stm_status
stm__worker_new(struct stm_tx *tx, struct stm_pool *pool, bool probe);

/* Hands a task, of which it takes a reference, to a worker that has none. */
STM_NODISCARD enum stm_status
stm__worker_hand(struct stm_tx *tx, struct stm__worker *worker, stm_value task);

/* A counted reference, as the pool's own objects hold them. */
static inline void stm__count_up(AO_t *references)
{
    AO_fetch_and_add1_full(references);
}

/* Returns whether this was the last. */
static inline bool stm__count_down(AO_t *references)
{
    return AO_fetch_and_sub1_full(references) == 1;
}

#endif
