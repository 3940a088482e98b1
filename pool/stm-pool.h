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

/* A thread pool over a transactional list of tasks.  Appending to the list is
 * all it takes to schedule; two watchers do the rest: one computes
 * min(tasks - free, max - live) and starts that many threads, the other pairs
 * tasks with free workers and hands each worker its own.
 *
 * Functions without `tx` run in the calling thread's transaction if it has
 * one, else in one of their own, and so compose and roll back.
 *
 * A pool belongs to the process that made it.  In the child of a fork it takes
 * no tasks (STM_ECLOSED) and starts nothing, and can be let go; its list is an
 * ordinary one there.  A task that forks is the child's only thread, and when
 * it returns there, the child ends. */
struct stm_pool;

/* How a pool is to be.  Zero is the default of every member but max_threads
 * and run. */
struct stm_pool_config {
    size_t max_threads;      /* at least 1 */
    uint64_t keep_alive;     /* ns a worker stays idle; 0 leaves at once */
    struct stm_tlist *tasks; /* NULL: a list of the pool's own, of words */

    /* Runs one task, outside any transaction, on a worker. */
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
     * signals but those that they cause themselves. */
    enum stm_status (*thread_enter)(void *context);
    void (*thread_leave)(void *context);

    /* Told of threads that could not be started: an errno value.  NULL: one
     * line on standard error. */
    void (*thread_failed)(int error, void *context);

    /* Called once, on any thread, when the pool's memory is given back; not if
     * stm_pool_new fails. */
    void (*finalize)(void *context);

    void *context; /* handed to the functions above */
};

/* Makes a pool; the caller owns it.  Tasks that are in the list already count.
 * Not inside a transaction.  STM_OK, STM_ENOMEM, STM_EMISUSE (the message
 * names the member that is wrong), STM_ETHREAD never: threads start on demand.
 */
STM_API STM_NODISCARD enum stm_status
stm_pool_new(const struct stm_pool_config *config, struct stm_pool **out);

/* The list that the pool works on; borrowed, lives as long as the pool. */
STM_API struct stm_tlist *stm_pool_tasks(struct stm_pool *pool);

/* Appends a task.  STM_OK; STM_ECLOSED after shutdown; else as stm_atomically.
 */
STM_API STM_NODISCARD enum stm_status stm_pool_submit(struct stm_pool *pool,
                                                      stm_value task);

/* Counts, each read by itself so that a watcher watches just what it asks for.
 * scheduled: tasks handed out and tasks in the list, so that one which is taken
 * out of the list again counts no more; finished: tasks whose run returned;
 * remaining: scheduled - finished; live: threads, starting ones included;
 * free: workers with no task, which is what the free queue's endpoint has
 * remaining; queued: tasks in the list. */
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

/* Waits until no task remains.  STM_OK; STM_ETIMEOUT after so many nanoseconds
 * (STM_FOREVER: never); else as stm_atomically.  Inside a transaction it
 * retries. */
STM_API STM_NODISCARD enum stm_status stm_pool_join(struct stm_pool *pool,
                                                    uint64_t timeout);

/* Closes the pool: submit fails from now on, what is queued still runs, and a
 * worker that finds nothing to do leaves.  Twice is no error. */
STM_API STM_NODISCARD enum stm_status stm_pool_shutdown(struct stm_pool *pool);

/* Shuts down, waits until every thread has ended, and frees the pool.  Not
 * inside a transaction, not on a worker of the same pool: STM_EMISUSE, and the
 * pool stays. */
STM_API STM_NODISCARD enum stm_status stm_pool_free(struct stm_pool *pool);

/* Shuts down and lets go without waiting: the last worker frees the pool.  Any
 * thread, also a worker of the pool.  Not inside a transaction: STM_EMISUSE. */
STM_API STM_NODISCARD enum stm_status stm_pool_abandon(struct stm_pool *pool);

#ifdef __cplusplus
}
#endif
#endif
