/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_POOL_H
#define STM_POOL_H

#include <stddef.h>
#include <stdint.h>

#include <stm/stm.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A thread pool over a transactional list or priority queue of tasks.  Adding
 * to it is all it takes to schedule; two watchers do the rest: one computes
 * min(tasks - free, max - live) and starts that many threads, the other hands
 * as many tasks out as there are free workers, of which the first that comes
 * takes the first task.
 *
 * Functions without `tx` run in the calling thread's transaction if it has
 * one, else in one of their own, and so compose, span pools and roll back.
 * Where nothing else is said they return STM_OK or what stm_atomically does.
 *
 * A pool belongs to the process that made it.  In the child of a fork it takes
 * no tasks (STM_ECLOSED) and starts nothing, and can be let go; its list is an
 * ordinary one there.  A task that forks is the child's only thread, and when
 * it returns there, the child ends. */
struct stm_pool;

/* What a submit does where `capacity` tasks wait for a worker. */
enum stm_pool_rejection {
    STM_POOL_BLOCK,       /* retries, so waits for room */
    STM_POOL_REJECT,      /* STM_EFULL */
    STM_POOL_CALLER_RUNS, /* the committing thread runs it after the commit,
                             before workers that this commit starts */
    STM_POOL_DROP_OLDEST  /* gives up the task that would be next; over a
                             priority queue the oldest of the least urgent */
};

/* How a task gets to a worker. */
enum stm_pool_handover {
    STM_POOL_HAND_OFF,    /* a watcher hands out as many as can be run, and one
                             worker at a time is woken for them */
    STM_POOL_SHARED_LIST, /* all free workers wait for the list to change */
    STM_POOL_COARSE       /* they do, and all that the pool knows about itself
                             is one variable, any change of which wakes them.
                             These two are for experiments */
};

/* How a pool is to be.  Zero is the default of every member but max_threads
 * and run. */
struct stm_pool_config {
    size_t max_threads;      /* at least 1 */
    uint64_t keep_alive;     /* ns a worker stays idle; 0 leaves at once */
    struct stm_tlist *tasks; /* NULL: a list of the pool's own, of words */

    /* Runs one task, outside any transaction, on a worker.  A task that is in
     * no transaction may end its thread (pthread_exit), which is replaced. */
    void (*run)(stm_value task, void *context);

    /* Called after run, in the transaction that counts the task as finished, to
     * record what came of it: nobody sees one without the other.  It runs until
     * that transaction commits, so it must not fail for good.  NULL: nothing.
     */
    enum stm_status (*finish)(struct stm_tx *tx, stm_value task, void *context);

    /* Called on each worker's thread before its first and after its last use
     * of the library, for instance to attach it to an interpreter.  A failing
     * enter counts as a thread that could not be started; what the thread still
     * does then is to give its task back, in a transaction.  Workers block all
     * signals but those that they cause themselves.  A thread that a task has
     * ended does not leave. */
    enum stm_status (*thread_enter)(void *context);
    void (*thread_leave)(void *context);

    /* Asked on a worker's thread, or on one that runs a task for want of room,
     * when the task or another of these functions has ended it: may it still
     * run transactions, with all that watchers do in them, so as to give the
     * task up and be replaced?  If not, the two count as busy for ever, as is
     * right where a process ends.  NULL: it may. */
    bool (*thread_ended)(void *context);

    /* Told of threads that could not be started: an errno value.  NULL: one
     * line on standard error. */
    void (*thread_failed)(int error, void *context);

    /* Called once, on any thread, when the pool's memory is given back; not if
     * stm_pool_new fails. */
    void (*finalize)(void *context);

    void *context; /* handed to the functions above */

    struct stm_tpriorityqueue *queue; /* to be used instead of a list */

    /* The tasks are futures (below): the list or queue holds
     * stm_pool_future_type, or is made to, and run, finish, give_up and
     * future_of are NULL. */
    bool futures;

    /* Which of the tasks in `tasks` or `queue` are futures: returns the one
     * that the task has, which lives as long as the task, or NULL.  That one is
     * run and ended; run, finish and give_up are for the others.  Whoever calls
     * a function of such a future, once it was submitted, holds the task.  Does
     * not run transactions.  NULL: none. */
    struct stm_pool_future *(*future_of)(stm_value task, void *context);

    /* Called in the transaction that gives a task up, instead of run and
     * finish: because it was cancelled or dropped (STM_ECANCELLED).  Called
     * instead of finish when run has ended its thread (STM_ETHREAD); there it
     * has no blocking hooks.  What it fails with aborts the former and has the
     * latter tried again.  NULL: nothing. */
    enum stm_status (*give_up)(struct stm_tx *tx, stm_value task,
                               enum stm_status why, void *context);

    /* Called once the transaction that ended a task, in whatever way, has
     * committed, on the thread that did so, outside transactions.  Not for a
     * task that someone else has taken out of the list.  NULL: nothing. */
    void (*ended)(stm_value task, void *context);

    /* Workers that are there from the beginning and stay, however idle, until
     * the pool is shut down; at most max_threads. */
    size_t min_threads;

    /* How many submitted tasks may wait for a worker; 0: any number.  What is
     * added to the list directly counts, but is never refused. */
    size_t capacity;
    enum stm_pool_rejection rejection;
    enum stm_pool_handover handover;

    /* Names the workers' transactions in the statistics; copied.  NULL: they
     * have no name. */
    const char *name;
};

/* Makes a pool; the caller owns it.  Tasks that are in the list already count.
 * Not inside a transaction.  STM_OK, STM_ENOMEM, STM_EMISUSE (the message
 * names the member that is wrong), STM_ETHREAD never: threads start on demand.
 */
STM_API STM_NODISCARD enum stm_status
stm_pool_new(const struct stm_pool_config *config, struct stm_pool **out);

/* The list, or the priority queue, that the pool works on; borrowed, lives as
 * long as the pool.  NULL: it works on one of the other kind. */
STM_API struct stm_tlist *stm_pool_tasks(struct stm_pool *pool);
STM_API struct stm_tpriorityqueue *stm_pool_queue(struct stm_pool *pool);

/* Adds a task behind all others, or all of priority 0.  STM_OK; STM_ECLOSED
 * after shutdown; STM_EFULL and waiting as `rejection` says; STM_EMISUSE for a
 * future that was submitted before; else as stm_atomically.  On a worker of the
 * pool, outside transactions, it waits as if between stm_pool_wait_begin and
 * stm_pool_wait_end. */
STM_API STM_NODISCARD enum stm_status stm_pool_submit(struct stm_pool *pool,
                                                      stm_value task);

/* What to submit.  Zero is the default of every member but task. */
struct stm_pool_order {
    stm_value task;
    int64_t priority; /* the lowest goes first; over a list it must be 0 */
    uint64_t delay;   /* ns from this call until it is added; it counts as
                         scheduled meanwhile, and is never refused for want of
                         room */
};

/* The same with more to say.  Also STM_EMISUSE for a priority over a list. */
STM_API STM_NODISCARD enum stm_status
stm_pool_submit_order(struct stm_pool *pool,
                      const struct stm_pool_order *order);

/* Takes every task that is not handed out, delayed ones included, out, gives it
 * up, and tells how many there were.  out may be NULL. */
STM_API STM_NODISCARD enum stm_status stm_pool_cancel_all(struct stm_pool *pool,
                                                          size_t *out);

/* ---- counts ---- */

/* Each is read by itself so that a watcher watches just what it asks for.
 * scheduled: tasks handed out, delayed or in the list, so that one which is
 * taken out of the list again counts no more; finished: tasks whose run
 * returned; remaining: scheduled - finished; live: threads, starting ones
 * included; free: those that no task is handed out for; queued: tasks in the
 * list. */
STM_API STM_NODISCARD enum stm_status stm_pool_scheduled(struct stm_pool *pool,
                                                         size_t *out);
STM_API STM_NODISCARD enum stm_status stm_pool_finished(struct stm_pool *pool,
                                                        size_t *out);
STM_API STM_NODISCARD enum stm_status stm_pool_remaining(struct stm_pool *pool,
                                                         size_t *out);
STM_API STM_NODISCARD enum stm_status stm_pool_live(struct stm_pool *pool,
                                                    size_t *out);
STM_API STM_NODISCARD enum stm_status
stm_pool_free_workers(struct stm_pool *pool, size_t *out);
STM_API STM_NODISCARD enum stm_status stm_pool_queued(struct stm_pool *pool,
                                                      size_t *out);

/* All of it at one moment. */
struct stm_pool_stats {
    size_t scheduled, finished, queued; /* as above */
    size_t delayed;                     /* tasks whose time is to come */
    size_t running;                     /* tasks handed out */
    size_t given_up; /* cancelled, dropped, or ended with their thread */
    size_t live, free;
    size_t waiting;  /* tasks in stm_pool_wait_begin ... end */
    size_t min, max; /* how many workers there are to be */
    bool paused, closed;
};
STM_API STM_NODISCARD enum stm_status
stm_pool_stats_read(struct stm_pool *pool, struct stm_pool_stats *out);

/* ---- control ---- */

/* Changes how many workers there are to be.  Where there are too many, free
 * ones leave with the commit, busy ones after their task.  STM_EMISUSE unless
 * min <= max and 1 <= max. */
STM_API STM_NODISCARD enum stm_status stm_pool_resize(struct stm_pool *pool,
                                                      size_t min, size_t max);

/* How many workers there are at most, those included that are let in for tasks
 * that wait (below); where as many tasks wait, one more.  It neither raises
 * max nor goes below min.  0, as at first: max and all that are let in. */
STM_API STM_NODISCARD enum stm_status stm_pool_cap(struct stm_pool *pool,
                                                   size_t most);

/* Hands no task out until resumed; what is handed out runs.  Twice is no error.
 * pause: STM_ECLOSED after shutdown. */
STM_API STM_NODISCARD enum stm_status stm_pool_pause(struct stm_pool *pool);
STM_API STM_NODISCARD enum stm_status stm_pool_resume(struct stm_pool *pool);

/* Around whatever a task does to wait for other tasks of its own pool: lets one
 * more worker in for that time, so that the pool does not come to a halt
 * however many wait.  After it there may be one worker too many until a task
 * ends.  They nest; elsewhere than on a worker, outside transactions, they do
 * nothing. */
STM_API void stm_pool_wait_begin(void);
STM_API void stm_pool_wait_end(void);

/* Waits until no task remains.  STM_OK; STM_ETIMEOUT after so many nanoseconds
 * (STM_FOREVER: never); else as stm_atomically.  Inside a transaction it
 * retries. */
STM_API STM_NODISCARD enum stm_status stm_pool_join(struct stm_pool *pool,
                                                    uint64_t timeout);

/* Closes the pool: submit fails from now on, what is queued or delayed still
 * runs, also if it was paused, and a worker that finds nothing to do leaves.
 * Twice is no error.  stm_pool_cancel_all in the same transaction gives up what
 * is queued instead. */
STM_API STM_NODISCARD enum stm_status stm_pool_shutdown(struct stm_pool *pool);

/* Waits until every thread of a pool that is shut down has ended, also those of
 * which it knows no more, such as one that was sent away before it ran.  In a
 * forked child, which has none of them, at once.  STM_OK; STM_EMISUSE inside a
 * transaction, on a worker of the pool, or if it is not shut down; else as
 * stm_atomically. */
STM_API STM_NODISCARD enum stm_status
stm_pool_join_threads(struct stm_pool *pool);

/* Shuts down, waits until every thread has ended, and frees the pool.  Not
 * inside a transaction, not on a worker of the same pool: STM_EMISUSE, and the
 * pool stays. */
STM_API STM_NODISCARD enum stm_status stm_pool_free(struct stm_pool *pool);

/* Shuts down and lets go without waiting: the last worker frees the pool.  Any
 * thread, also a worker of the pool.  Not inside a transaction: STM_EMISUSE. */
STM_API STM_NODISCARD enum stm_status stm_pool_abandon(struct stm_pool *pool);

/* ---- futures ---- */

/* A task with a result, for pools of futures.  To submit it, or to add it to
 * such a pool's list by whatever means, schedules it; the transaction that
 * counts it as finished is the one that ends it. */
struct stm_pool_future;

/* Items of the lists and queues of such pools. */
STM_API extern const struct stm_type stm_pool_future_type;

enum stm_pool_future_state {
    STM_POOL_NEW,      /* never submitted, or only appended to a list */
    STM_POOL_WAITS,    /* for a worker, or for its time */
    STM_POOL_RUNS,     /* it is handed out */
    STM_POOL_ENDED,    /* with a value or an error */
    STM_POOL_CANCELLED /* without having run */
};

/* What is to be done.  All zero but `function` is a valid default. */
struct stm_pool_work {
    /* Runs outside transactions.  STM_OK and *result, which is a value of
     * result_type, or an error (below 0) and *result, which is a cause of
     * cause_type; either is a reference that the future takes over, and 0 if
     * not set. */
    enum stm_status (*function)(stm_value argument, stm_value *result);
    stm_value argument; /* the future takes a reference of its own */
    const struct stm_type *argument_type;
    const struct stm_type *result_type;
    const struct stm_type *cause_type;
};

/* Makes a future.  Needs no transaction.  The caller owns a reference.  NULL:
 * out of memory. */
STM_API struct stm_pool_future *
stm_pool_future_new(const struct stm_pool_work *work);

/* Counts references.  Any thread; the last release gives the argument back. */
STM_API void stm_pool_future_retain(struct stm_pool_future *future);
STM_API void stm_pool_future_release(struct stm_pool_future *future);

/* What becomes of it, to be read, and waited for, by transactions; borrowed,
 * lives as long as the future.  It fails with the function's error, with
 * STM_EMISUSE where the function returned something above 0, with
 * STM_ECANCELLED, or with STM_ETHREAD if the function ended its thread. */
STM_API struct stm_tfuture *
stm_pool_future_outcome(struct stm_pool_future *future);

STM_API STM_NODISCARD enum stm_status
stm_pool_future_state(struct stm_pool_future *future,
                      enum stm_pool_future_state *out);

/* Takes a future back that is not handed out, so that it never runs.  O(log n),
 * over a list O(n) in what is queued.  STM_OK, also if it was cancelled before;
 * STM_EDONE if it runs or has ended. */
STM_API STM_NODISCARD enum stm_status
stm_pool_future_cancel(struct stm_pool_future *future);

/* For who carries a future out without a pool.  begin: STM_OK, and it counts as
 * running; STM_ECANCELLED if it was cancelled; STM_EMISUSE if it was submitted
 * or begun before.  end: ends it with a value (STM_OK) or with an error, below
 * 0, and its cause, each of the type that was set when it was made; begun or
 * not, and also if a pool has it, whose worker's outcome then counts for
 * nothing.  STM_EDONE if it has ended. */
STM_API STM_NODISCARD enum stm_status
stm_pool_future_begin(struct stm_pool_future *future);
STM_API STM_NODISCARD enum stm_status
stm_pool_future_end(struct stm_pool_future *future, enum stm_status status,
                    stm_value value);

/* Gives a future that waits in a pool's priority queue another priority, behind
 * all that have it already.  O(log n).  STM_ENOTFOUND if it does not wait
 * there. */
STM_API STM_NODISCARD enum stm_status
stm_pool_future_prioritize(struct stm_pool_future *future, int64_t priority);

/* Waits until the future has ended in whatever way.  On a worker it waits
 * between stm_pool_wait_begin and stm_pool_wait_end; and if then no thread can
 * be started for a future of the same pool, the worker runs it itself.  STM_OK;
 * STM_ETIMEOUT after so many nanoseconds (STM_FOREVER: never); STM_ECLOSED if
 * it waits in a pool of the process that this one was forked from; else as
 * stm_atomically.  Inside a transaction it retries, and a task that waits for
 * its own pool there has no help. */
STM_API STM_NODISCARD enum stm_status
stm_pool_await(struct stm_pool_future *future, uint64_t timeout);

#ifdef __cplusplus
}
#endif
#endif
