/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_POOL_INTERNAL_H
#define STM_POOL_INTERNAL_H

#include <atomic_ops.h>

#include <stm/fast.h>

#include "stm-pool.h"

/* Who owns whom
 *
 *   owner ------> pool ------> roster <------ each running thread
 *   watchers -----^  |                          |
 *   records ------^  +--> variables,            +--> its record
 *                         free workers' records
 *
 *   queued future ---> its place ---> pool
 *
 * The circles from the pool through its variables and watchers back to itself
 * are broken by transactions: a record leaves the endpoint, and the place of
 * who is on standby, with its worker, a future its place when it is taken from
 * the queue, and the watchers are cancelled when a closed pool has neither work
 * nor workers.  The roster is apart because a thread needs the configuration
 * and the lock for longer than it may use libstm. */

/* The threads of one pool as the system knows them: no transactions here. */
struct stm__roster;

struct stm__roster *stm__roster_new(const struct stm_pool_config *config);
void stm__roster_release(struct stm__roster *roster);

/* For a pool that comes to nothing: the context stays its caller's. */
void stm__roster_drop_finalizer(struct stm__roster *roster);

const struct stm_pool_config *
stm__roster_config(const struct stm__roster *roster);

/* A thread is to come, for which stm__roster_await waits; or it does not come
 * after all. */
void stm__roster_expect(struct stm__roster *roster);
void stm__roster_forgo(struct stm__roster *roster);

/* Starts one that is expected, which runs main(argument) with all signals
 * blocked but those that the thread itself causes.  Returns 0, or an errno
 * value, and it does not come. */
int stm__roster_start(struct stm__roster *roster, void *(*main)(void *),
                      void *argument);

/* First and last call of such a thread.  leave calls thread_leave only if
 * enter returned STM_OK. */
enum stm_status stm__roster_enter(struct stm__roster *roster);
void stm__roster_leave(struct stm__roster *roster, enum stm_status entered);

/* May the calling thread, which a task has ended, go on until it has counted
 * that? */
bool stm__roster_may_go_on(const struct stm__roster *roster);

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

/* What a pool knows about itself, a word each.  fields.c keeps them in a
 * variable each or, with the coarse hand-over, all in one. */
enum stm__field {
    STM__LIVE,     /* workers, starting ones included */
    STM__HANDED,   /* tasks taken from the queue, or delayed */
    STM__FINISHED, /* those of them that have run or were given up */
    STM__GIVEN_UP, /* tasks given up, once handed or not */
    STM__IDLE,     /* 1 while handed == finished and no task is queued; see
                      stm__pool_note_idle */
    STM__CLOSING,  /* 1 from shutdown on */
    STM__DOOR,     /* see door.c */
    STM__MISSES,   /* starts failed since the last that did not */
    STM__LIMITS,   /* see limits.c */
    STM__MAX,      /* as it was set; the one in the limits counts those in that
                      were let in for tasks that wait */
    STM__CAP,      /* how many there are with those at most; 0: no such limit */
    STM__LENT,     /* tasks that wait for others */
    STM__STARTING, /* workers whose threads are to come, see ready.c */
    STM__RUNG,     /* workers called to look for ready tasks */
    STM__KEPT,     /* the least number of workers, for those who stay because of
                      it: the limits change more often */
    STM__FIELDS
};

/* What a pool takes its tasks from: one of the two. */
struct stm__queue {
    struct stm_tlist *list;
    struct stm_tpriorityqueue *heap;
};

struct stm_pool {
    AO_t references; /* the owner's, the watchers', the workers' */
    struct stm__roster *roster;
    uint64_t keep_alive;
    size_t capacity;
    enum stm_pool_rejection rejection;
    enum stm_pool_handover handover;
    bool futures;
    char *name; /* of the workers' transactions, or NULL */
    struct stm__queue queue;

    /* The tasks whose time is to come, by that time; see delay.c. */
    struct stm_tpriorityqueue *delayed;
    uint64_t base; /* no later than when the watcher of these was made.  Written
                      by the attempt that makes the pool */

    /* The workers that are parked, most recently used first. */
    struct stm_endpoint *free_workers;

    /* Handed tasks that no thread has come for.  See ready.c. */
    struct stm_tlist *ready;
    struct stm_tvar *standby; /* the worker that waits for some, or 0.  Holds a
                                 reference to it: others call it */

    struct stm_tvar *fields[STM__FIELDS]; /* coarse: all NULL, and ... */
    struct stm_tvar *whole;               /* ... this; else NULL */

    /* The watchers; 0 where there is none, and once cancelled, which is when a
     * closed pool has come to its end. */
    struct stm_tvar *starter, *pairer, *timer;

    char apart[64]; /* from what does not change */
    AO_t stolen;    /* how many ready tasks were taken by workers that had run
                       another before; roughly */
};

void stm__pool_retain(struct stm_pool *pool);
void stm__pool_release(struct stm_pool *pool);
extern const struct stm_type stm__pool_type;

/* Makes the fields; false: out of memory, and what there is, is for
 * stm__fields_fini. */
struct stm__limits;
bool stm__fields_init(struct stm_pool *pool, const struct stm__limits *limits);
void stm__fields_fini(struct stm_pool *pool);

STM_NODISCARD enum stm_status stm__whole_get(struct stm_tx *tx,
                                             struct stm_pool *pool,
                                             enum stm__field field,
                                             stm_value *out);
STM_NODISCARD enum stm_status stm__whole_set(struct stm_tx *tx,
                                             struct stm_pool *pool,
                                             enum stm__field field,
                                             stm_value value);

STM_NODISCARD static inline enum stm_status stm__pool_get(struct stm_tx *tx,
                                                          struct stm_pool *pool,
                                                          enum stm__field field,
                                                          stm_value *out)
{
    return pool->whole == NULL ? stm_tvar_get(tx, pool->fields[field], out)
                               : stm__whole_get(tx, pool, field, out);
}

STM_NODISCARD static inline enum stm_status stm__pool_set(struct stm_tx *tx,
                                                          struct stm_pool *pool,
                                                          enum stm__field field,
                                                          stm_value value)
{
    return pool->whole == NULL ? stm_tvar_set(tx, pool->fields[field], value)
                               : stm__whole_set(tx, pool, field, value);
}

STM_NODISCARD static inline enum stm_status stm__pool_add(struct stm_tx *tx,
                                                          struct stm_pool *pool,
                                                          enum stm__field field,
                                                          intptr_t delta)
{
    stm_value value;

    STM_TRY(stm__pool_get(tx, pool, field, &value));
    return stm__pool_set(tx, pool, field, value + (stm_value)delta);
}

/* Runs body until it commits: a worker must not be lost for want of memory or
 * because of a signal.  In the child of a fork in it, once. */
void stm__pool_insist(stm_body *body, void *argument);

/* Gives the running transaction the pool's name, if it has one. */
STM_NODISCARD enum stm_status stm__pool_sign(struct stm_tx *tx,
                                             const struct stm_pool *pool);

/* STM_OK, or STM_ECLOSED with a message for a pool of the parent process. */
STM_NODISCARD enum stm_status stm__pool_own(const struct stm_pool *pool,
                                            const char *function);

/* STM_OK outside transactions, else STM_EMISUSE with a message. */
STM_NODISCARD enum stm_status stm__pool_outside(const char *function);

/* Creates the watchers. */
STM_NODISCARD enum stm_status stm__pool_watch(struct stm_tx *tx,
                                              struct stm_pool *pool);

/* The watcher of delayed tasks. */
extern const struct stm_watch stm__delay_watch;

/* Sets STM__IDLE.  For whatever changes the number of remaining tasks, and
 * neither the queue nor the free workers nor the number of live ones, so that
 * the first watcher does not do it. */
STM_NODISCARD enum stm_status stm__pool_note_idle(struct stm_tx *tx,
                                                  struct stm_pool *pool);

/* ---- the queue ---- */

STM_NODISCARD static inline enum stm_status
stm__queue_length(struct stm_tx *tx, const struct stm__queue *queue,
                  size_t *out)
{
    return queue->list != NULL
               ? stm_tlist_length(tx, queue->list, out)
               : stm_tpriorityqueue_length(tx, queue->heap, out);
}

const struct stm_type *stm__queue_type(const struct stm__queue *queue);

/* Takes the next task out.  STM_EEMPTY. */
STM_NODISCARD enum stm_status stm__queue_pop(struct stm_tx *tx,
                                             const struct stm__queue *queue,
                                             stm_value *task,
                                             int64_t *priority);

/* Adds a task at the end; *ticket, over a list, is unspecified. */
STM_NODISCARD enum stm_status stm__queue_push(struct stm_tx *tx,
                                              const struct stm__queue *queue,
                                              stm_value task, int64_t priority,
                                              struct stm_ticket *ticket);

/* Puts a task back that was popped: in front, or among its like. */
STM_NODISCARD enum stm_status
stm__queue_put_back(struct stm_tx *tx, const struct stm__queue *queue,
                    stm_value task, int64_t priority,
                    struct stm_ticket *ticket);

/* Takes a task out that was pushed with this ticket.  STM_ENOTFOUND. */
STM_NODISCARD enum stm_status
stm__queue_remove(struct stm_tx *tx, const struct stm__queue *queue,
                  stm_value task, const struct stm_ticket *ticket);

/* Takes out what has waited longest among what is wanted least.  STM_EEMPTY. */
STM_NODISCARD enum stm_status
stm__queue_pop_oldest(struct stm_tx *tx, const struct stm__queue *queue,
                      stm_value *task);

/* ---- limits; see limits.c ---- */

struct stm__limits {
    bool paused;
    bool surplus; /* are there more workers than max? */
    bool backlog; /* max workers, none free, and tasks for them */
    size_t min;
    size_t max; /* for tasks that wait included */
};

/* The most workers that a pool can have. */
size_t stm__limits_most(void);
stm_value stm__limits_pack(const struct stm__limits *limits);
struct stm__limits stm__limits_unpack(stm_value word);

/* The flags in the word. */
enum { STM__PAUSED = 1, STM__SURPLUS = 2, STM__BACKLOG = 4 };

/* ---- tasks ---- */

/* A task that a thread has, or is about to have. */
struct stm__handout {
    AO_t references;
    const struct stm_type *type;
    stm_value task;
    int64_t priority;
    struct stm_pool *pool; /* a reference: of a task that no worker runs; else
                              NULL */
    struct stm_pool_future *future; /* what the task stands for, or NULL */
    bool runs;  /* is it to be run?  No if it is a future that has run */
    bool part;  /* is it part of a worker?  Then references is unused, ... */
    bool spent; /* ... and this tells whether the reference to the task has been
                   given back */
};

extern const struct stm_type stm__handout_type;

/* Makes one for a task taken from the queue, and claims the task.  *out is the
 * caller's, borrowing nothing; to be released while the attempt still borrows
 * the task. */
STM_NODISCARD enum stm_status stm__handout_new(struct stm_tx *tx,
                                               struct stm_pool *pool,
                                               stm_value task, int64_t priority,
                                               struct stm__handout **out);

/* The same in memory of the caller's, as part of it: when the attempt commits,
 * it holds a reference to the task, and is to be released, which leaves the
 * memory alone; else it holds nothing. */
STM_NODISCARD enum stm_status
stm__handout_fill(struct stm_tx *tx, struct stm_pool *pool, stm_value task,
                  int64_t priority, struct stm__handout *out);
STM_NODISCARD enum stm_status stm__handout_copy(struct stm_tx *tx,
                                                stm_value handout,
                                                struct stm__handout *out);
void stm__handout_retain(struct stm__handout *handout);
void stm__handout_release(struct stm__handout *handout);

/* Gives the task's reference back, if this thread may: by who has run it,
 * before the commit that counts it. */
void stm__handout_spend(struct stm__handout *handout);

/* Is it fit to be submitted?  STM_EMISUSE for a future that was before. */
STM_NODISCARD enum stm_status
stm__task_check(struct stm_tx *tx, const struct stm_pool *pool, stm_value task);

/* It has been put into the queue, or among the delayed ones. */
STM_NODISCARD enum stm_status
stm__task_placed(struct stm_tx *tx, struct stm_pool *pool, stm_value task,
                 const struct stm_ticket *ticket, bool delayed);

/* Runs the task. */
void stm__task_run(struct stm_pool *pool, struct stm__handout *handout);

/* Is the task looked at after it has run? */
bool stm__task_records(const struct stm_pool *pool,
                       const struct stm__handout *handout);

/* The task counts as finished; `why` is STM_ETHREAD where it has ended its
 * thread, else STM_OK. */
STM_NODISCARD enum stm_status stm__task_finish(struct stm_tx *tx,
                                               struct stm_pool *pool,
                                               const struct stm__handout *done,
                                               enum stm_status why);

/* The transaction that counted it has committed; the caller keeps its reference
 * to the handout. */
void stm__task_finished(struct stm_pool *pool, struct stm__handout *done);

/* The task, which is in no queue any more, comes to nothing. */
STM_NODISCARD enum stm_status
stm__task_give_up(struct stm_tx *tx, struct stm_pool *pool, stm_value task);

/* The handout's task goes back to the queue. */
STM_NODISCARD enum stm_status
stm__task_return(struct stm_tx *tx, struct stm_pool *pool,
                 const struct stm__handout *handout);

/* Counts a task as handed, to be run by the committing thread. */
STM_NODISCARD enum stm_status
stm__task_run_here(struct stm_tx *tx, struct stm_pool *pool, stm_value task);

/* ---- delays ---- */

extern const struct stm_type stm__late_type; /* of what is in `delayed` */

/* Nanoseconds of the monotonic clock. */
uint64_t stm__clock_now(void);

/* Adds a task that is to be queued at a time, and counts it as handed. */
STM_NODISCARD enum stm_status stm__delay_add(struct stm_tx *tx,
                                             struct stm_pool *pool,
                                             const struct stm_pool_order *order,
                                             uint64_t due);

/* Takes the first out; there must be one. */
STM_NODISCARD enum stm_status
stm__delay_pop(struct stm_tx *tx, struct stm_pool *pool, stm_value *task);

/* Takes a task out of the delayed ones.  STM_ENOTFOUND. */
STM_NODISCARD enum stm_status
stm__delay_remove(struct stm_tx *tx, struct stm_pool *pool,
                  const struct stm_ticket *ticket);

/* ---- futures ---- */

/* Puts it where it can be cancelled: it is queued now, or delayed. */
STM_NODISCARD enum stm_status
stm__future_place(struct stm_tx *tx, struct stm_pool_future *future,
                  struct stm_pool *pool, stm_value task,
                  const struct stm_ticket *ticket, bool delayed);

/* STM_EMISUSE unless it was never submitted. */
STM_NODISCARD enum stm_status stm__future_check(struct stm_tx *tx,
                                                struct stm_pool_future *future);

/* A thread is to have it; *runs tells whether it is to be run. */
STM_NODISCARD enum stm_status stm__future_claim(struct stm_tx *tx,
                                                struct stm_pool_future *future,
                                                bool *runs);
void stm__future_run(struct stm_pool_future *future);

/* Ends it: STM_OK as it ran, else with this error. */
STM_NODISCARD enum stm_status stm__future_end(struct stm_tx *tx,
                                              struct stm_pool_future *future,
                                              enum stm_status why);

/* That has committed. */
void stm__future_ended(struct stm_pool_future *future);

/* Takes it out of its queue and has the committing thread run it, if it is
 * there. */
STM_NODISCARD enum stm_status stm__future_help(struct stm_tx *tx,
                                               struct stm_pool_future *future,
                                               bool *helped);

/* The pool in whose queue it is, borrowed, or NULL. */
STM_NODISCARD enum stm_status stm__future_pool(struct stm_tx *tx,
                                               struct stm_pool_future *future,
                                               struct stm_pool **out);

/* The door; its words and rules are in door.c. */

/* How many of `missing` workers may be started now. */
STM_NODISCARD enum stm_status stm__door_admit(struct stm_tx *tx,
                                              struct stm_pool *pool,
                                              size_t missing, size_t *out);

/* For the transaction that starts workers: *probe tells whether this is the
 * single one that tries whether threads can be started again. */
STM_NODISCARD enum stm_status
stm__door_pass(struct stm_tx *tx, struct stm_pool *pool, bool *probe);

/* A thread could not be started, and its worker is undone.  *first
 * tells whether the ones before it could. */
STM_NODISCARD enum stm_status
stm__door_miss(struct stm_tx *tx, struct stm_pool *pool, bool *first);

/* The probe runs. */
STM_NODISCARD enum stm_status stm__door_open(struct stm_tx *tx,
                                             struct stm_pool *pool);

/* The probe was dismissed before its thread was started: another may be it. */
STM_NODISCARD enum stm_status stm__door_excuse(struct stm_tx *tx,
                                               struct stm_pool *pool);

/* What might have made room for a thread has happened: a task is finished, or
 * (patient false) a worker left, or time has passed. */
STM_NODISCARD enum stm_status
stm__door_knock(struct stm_tx *tx, struct stm_pool *pool, bool patient);

/* Are there tasks, no worker that does not wait for one, and starting is
 * barred? */
STM_NODISCARD enum stm_status
stm__door_stranded(struct stm_tx *tx, struct stm_pool *pool, bool *out);

/* A wait until something is so; waiting.c. */
struct stm__vigil {
    struct stm_pool *pool;          /* who is waited for; may be NULL ... */
    struct stm_pool_future *future; /* ... for this, which else is NULL */
    enum stm_status (*over)(struct stm_tx *tx, const struct stm__vigil *vigil,
                            bool *out);
    uint64_t timeout; /* of this transaction */
    uint64_t pause;   /* before a knock; STM_FOREVER: no knocking */
    bool helps;       /* may this thread run the future? */
    bool knocked;
    bool moved; /* it has come into a pool's queue; pool is NULL still */
};

/* Outside transactions.  STM_OK, STM_ETIMEOUT, or as stm_atomically. */
STM_NODISCARD enum stm_status stm__vigil_keep(struct stm__vigil *vigil);

/* A worker as the pool's variables know it. */
struct stm__worker {
    AO_t references;
    struct stm_pool *pool; /* a reference */
    struct stm_tvar *slot; /* a word; see ready.c */
    uint64_t handle;       /* its place among the parked ones.  Written by the
                              attempts of its own thread */
    stm_value arrived;     /* 1 once its first transaction has committed, since
                              when it is not starting; its thread's */
    bool probe;            /* does its start tell whether threads can be
                              started again?  (door.c)  Constant */
    size_t waits;          /* in stm_pool_wait_begin, so many deep; its own
                              thread's */
};
extern const struct stm_type stm__worker_type;

/* The calling thread's worker, or NULL; also in the child of a fork. */
struct stm__worker *stm__worker_self(void);

/* Makes a worker, free and counted, and starts its thread after the commit. */
STM_NODISCARD enum stm_status
stm__worker_new(struct stm_tx *tx, struct stm_pool *pool, bool probe);

/* The worker, which has no task, is to count no more.  If too few are left for
 * the ready tasks, one of these goes back to the queue. */
STM_NODISCARD enum stm_status stm__worker_undo(struct stm_tx *tx,
                                               struct stm__worker *worker);

/* What a worker's thread does, and what is done about one that could not be
 * started. */
void *stm__worker_main(void *argument);
void stm__worker_failed(struct stm__worker *worker, int error);

/* Has the process forked since the worker was made, into this child? */
static inline bool stm__worker_vanished(const struct stm__worker *worker)
{
    return stm__roster_is_parents(worker->pool->roster);
}

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
