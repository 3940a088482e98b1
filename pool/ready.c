/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Tasks that are handed out, but that no thread has come for yet, and who wakes
 * the threads for them.
 *
 * To hand a task out takes no particular worker.  It goes to the end of the
 * ready ones, and so many of the free workers are spoken for: they count as
 * busy, and whichever thread is first takes the first task.  Waking a thread
 * takes longer than most tasks.  So a worker that has finished one first takes
 * from the ready ones (it steals), and as long as workers do so quickly,
 * no more are woken.  That one at a time is on its way, and calls the next, is
 * how Go's scheduler wakes threads (Vyukov, Scalable Go Scheduler Design,
 * 2012).
 *
 * A free worker is
 *
 *   starting   its thread is to come: it will look by itself;
 *   parked     it sleeps on its slot, and stands in the endpoint;
 *   rung       its slot was filled, so that it comes to look;
 *   on standby rung, and come in vain: it looks again after a moment.
 *
 * At the end of every transaction: ready <= starting + parked + rung, and free
 * is the difference, rung including who is on standby; and where there are
 * ready tasks, one worker is rung, or none is parked and those that start will
 * do.
 *
 * Who comes because it was rung takes the first task, and rings others in its
 * turn, two, so that the workers for many tasks are awake soon.  But if many
 * tasks were stolen since it was rung, then there are workers quicker than
 * waking is: the last one that is rung then goes on standby, the others park
 * again.  The one on standby looks after each moment, takes the first task if
 * that was there a moment ago, and rings the next one; and parks when few were
 * stolen in a moment.  Whoever hands a task out when no one is busy calls it at
 * once.  In a pool that closes or has too many workers, where a parked worker
 * or one that has finished a task leaves, who comes takes a task in any case.
 *
 * Workers that start, and workers that are rung, are as good as each other: if
 * one is dismissed, their number gets less, and the last to come, finding none
 * left, leaves.
 *
 * The list is of tasks where that says all, else of handouts.
 *
 * The slot, a word: 0; DISMISSED; CALLED; or RUNG plus twice the number of
 * thefts so far, for which a hint will do: it decides who comes, not that
 * someone comes. */
#include "ready-internal.h"

enum { DISMISSED = 1, CALLED = 2, RUNG = 4 };

static const uint64_t moment = 50000; /* ns; what waking a thread may take */

enum { MANY = 4 }; /* tasks that are stolen meanwhile */

static enum stm_status length_of(struct stm_tx *tx, struct stm_pool *pool,
                                 size_t *out)
{
    return stm_tlist_length(tx, pool->ready, out);
}

/* *out: free workers, as if no task were ready. */
static enum stm_status count_available(struct stm_tx *tx, struct stm_pool *pool,
                                       size_t *out)
{
    stm_value rung, starting;
    size_t parked;

    STM_TRY(stm_endpoint_remaining(tx, pool->free_workers, &parked));
    STM_TRY(stm__pool_get(tx, pool, STM__RUNG, &rung));
    STM_TRY(stm__pool_get(tx, pool, STM__STARTING, &starting));
    *out = parked + rung + starting;
    return STM_OK;
}

enum stm_status stm__ready_free(struct stm_tx *tx, struct stm_pool *pool,
                                size_t *out)
{
    size_t ready;

    STM_TRY(count_available(tx, pool, out));
    STM_TRY(length_of(tx, pool, &ready));
    *out -= ready;
    return STM_OK;
}

/* ---- ringing ---- */

static enum stm_status ring(struct stm_tx *tx, struct stm_pool *pool,
                            size_t most)
{
    stm_value stolen = AO_load(&pool->stolen);

    for (; most > 0; most--) {
        stm_value worker;
        enum stm_status status =
            stm_endpoint_get(tx, pool->free_workers, &worker);

        if (status == STM_EEMPTY)
            return STM_OK;
        STM_TRY(status);
        STM_TRY(stm_tvar_set(tx, ((struct stm__worker *)worker)->slot,
                             RUNG + 2 * stolen));
        STM_TRY(stm__pool_add(tx, pool, STM__RUNG, 1));
    }
    return STM_OK;
}

/* Where one is rung already.  Who is on standby may have been so for a while.
 */
static enum stm_status call_standby(struct stm_tx *tx, struct stm_pool *pool)
{
    stm_value standby, live;
    size_t available;

    STM_TRY(stm_tvar_get(tx, pool->standby, &standby));
    if (standby == 0)
        return STM_OK;
    STM_TRY(count_available(tx, pool, &available));
    STM_TRY(stm__pool_get(tx, pool, STM__LIVE, &live));
    if (live > available)
        return STM_OK; /* one is busy */
    return stm_tvar_set(tx, ((struct stm__worker *)standby)->slot, CALLED);
}

enum stm_status stm__ready_call(struct stm_tx *tx, struct stm_pool *pool)
{
    stm_value rung;
    size_t ready;

    STM_TRY(length_of(tx, pool, &ready));
    if (ready == 0)
        return STM_OK;
    STM_TRY(stm__pool_get(tx, pool, STM__RUNG, &rung));
    return rung == 0 ? ring(tx, pool, 1) : call_standby(tx, pool);
}

/* ---- adding and taking ---- */

/* Are the tasks of a list, and nothing else to be known of them? */
static bool is_plain(const struct stm_pool *pool)
{
    return pool->queue.list != NULL && !pool->futures;
}

bool stm__ready_init(struct stm_pool *pool)
{
    pool->ready = stm_tlist_new(is_plain(pool) ? stm__queue_type(&pool->queue)
                                               : &stm__handout_type);
    return pool->ready != NULL;
}

static enum stm_status add_handout(struct stm_tx *tx, struct stm_pool *pool,
                                   stm_value task, int64_t priority)
{
    struct stm__handout *handout;
    enum stm_status status;

    STM_TRY(stm__handout_new(tx, pool, task, priority, &handout));
    status = stm_tlist_append(tx, pool->ready, (stm_value)handout);
    stm__handout_release(handout);
    return status;
}

enum stm_status stm__ready_add(struct stm_tx *tx, struct stm_pool *pool,
                               stm_value task, int64_t priority)
{
    STM_TRY(is_plain(pool) ? stm_tlist_append(tx, pool->ready, task)
                           : add_handout(tx, pool, task, priority));
    return stm__pool_add(tx, pool, STM__HANDED, 1);
}

static enum stm_status receive(struct stm_tx *tx, struct stm_pool *pool,
                               stm_value item, struct stm__handout *out)
{
    return is_plain(pool) ? stm__handout_fill(tx, pool, item, 0, out)
                          : stm__handout_copy(tx, item, out);
}

enum stm_status stm__ready_take(struct stm_tx *tx, struct stm_pool *pool,
                                struct stm__handout *out)
{
    stm_value item;
    size_t ready;

    STM_TRY(length_of(tx, pool, &ready)); /* the cheaper way to find none */
    if (ready == 0)
        return STM_EEMPTY;
    STM_TRY(stm_tlist_pop_front(tx, pool->ready, &item));
    return receive(tx, pool, item, out);
}

void stm__ready_note_theft(struct stm_pool *pool)
{
    AO_fetch_and_add1(&pool->stolen);
}

static enum stm_status return_last(struct stm_tx *tx, struct stm_pool *pool)
{
    const struct stm__handout *handout;
    struct stm__handout plain = {.runs = true};
    stm_value item;

    STM_TRY(stm_tlist_pop_back(tx, pool->ready, &item));
    plain.task = item;
    handout = is_plain(pool) ? &plain : (const struct stm__handout *)item;
    return stm__task_return(tx, pool, handout);
}

enum stm_status stm__ready_trim(struct stm_tx *tx, struct stm_pool *pool)
{
    size_t available, ready;

    STM_TRY(count_available(tx, pool, &available));
    STM_TRY(length_of(tx, pool, &ready));
    if (ready > available)
        STM_TRY(return_last(tx, pool));
    return stm__ready_call(tx, pool);
}

/* ---- the worker that is rung ---- */

static enum stm_status count_down(struct stm_tx *tx, struct stm_pool *pool,
                                  enum stm__field field)
{
    stm_value count;

    STM_TRY(stm__pool_get(tx, pool, field, &count));
    return count > 0 ? stm__pool_set(tx, pool, field, count - 1) : STM_EEMPTY;
}

/* Is not rung any more.  STM_EEMPTY: was dismissed. */
static enum stm_status answer(struct stm_tx *tx, struct stm__worker *worker,
                              bool stands_by)
{
    struct stm_pool *pool = worker->pool;

    STM_TRY(stm_tvar_set(tx, worker->slot, 0));
    if (stands_by)
        STM_TRY(stm_tvar_set(tx, pool->standby, 0));
    return count_down(tx, pool, STM__RUNG);
}

static enum stm_status take(struct stm_tx *tx, struct stm__worker *worker,
                            struct stm__look *look, struct stm__handout *out)
{
    struct stm_pool *pool = worker->pool;
    size_t ready;

    STM_TRY(answer(tx, worker, look->stands_by));
    STM_TRY(stm__ready_take(tx, pool, out));
    STM_TRY(length_of(tx, pool, &ready));
    look->came = STM__TAKES;
    if (look->stands_by)
        return stm__ready_call(tx, pool);
    return ring(tx, pool, ready < 2 ? ready : 2);
}

/* Nothing to take, or others are quicker. */
static enum stm_status stand_by_or_park(struct stm_tx *tx,
                                        struct stm__worker *worker,
                                        struct stm__look *look, bool spared,
                                        size_t ready)
{
    struct stm_pool *pool = worker->pool;
    stm_value rung;

    STM_TRY(stm__pool_get(tx, pool, STM__RUNG, &rung));
    if (!spared || rung != 1) { /* 0: dismissed */
        look->came = STM__PARKS;
        return answer(tx, worker, look->stands_by);
    }
    look->came = STM__STANDS_BY;
    look->ready = ready;
    look->stolen = AO_load(&pool->stolen);
    return look->stands_by ? STM_OK
                           : stm_tvar_set(tx, pool->standby, (stm_value)worker);
}

/* Were many tasks stolen since this worker was rung; or since it looked last,
 * all that were ready then? */
static bool are_quick(const struct stm_pool *pool, const struct stm__look *look,
                      stm_value slot)
{
    AO_t before = look->stands_by ? look->stolen : slot / 2 - RUNG / 2;
    AO_t stolen = AO_load(&pool->stolen) - before;

    return slot != CALLED && stolen >= MANY &&
           (!look->stands_by || stolen >= look->ready);
}

/* May it leave the ready tasks to others?  Not where those it would make way
 * for leave, or it itself would rather than be parked. */
static enum stm_status is_spared(struct stm_tx *tx, struct stm_pool *pool,
                                 const struct stm__look *look, stm_value slot,
                                 bool *out)
{
    stm_value closing, limits;

    *out = are_quick(pool, look, slot);
    if (!*out)
        return STM_OK;
    STM_TRY(stm__pool_get(tx, pool, STM__CLOSING, &closing));
    STM_TRY(stm__pool_get(tx, pool, STM__LIMITS, &limits));
    *out = !closing && !(limits & STM__SURPLUS);
    return STM_OK;
}

/* For who is on standby: is it time to look? */
static enum stm_status is_time(struct stm_tx *tx, struct stm_pool *pool,
                               stm_value slot, bool *out)
{
    stm_value closing;

    *out = slot == CALLED;
    if (*out)
        return STM_OK;
    STM_TRY(stm__pool_get(tx, pool, STM__CLOSING, &closing));
    *out = closing;
    return closing ? STM_OK : stm_elapsed(tx, moment, out);
}

static enum stm_status look(struct stm_tx *tx, struct stm__worker *worker,
                            struct stm__look *look, stm_value slot,
                            struct stm__handout *out)
{
    struct stm_pool *pool = worker->pool;
    bool time = true, spared;
    size_t ready;

    if (look->stands_by)
        STM_TRY(is_time(tx, pool, slot, &time));
    if (!time)
        return stm_retry(tx);
    STM_TRY(length_of(tx, pool, &ready));
    STM_TRY(is_spared(tx, pool, look, slot, &spared));
    return spared || ready == 0
               ? stand_by_or_park(tx, worker, look, spared, ready)
               : take(tx, worker, look, out);
}

enum stm_status stm__ready_look(struct stm_tx *tx, struct stm__worker *worker,
                                struct stm__look *at, stm_value slot,
                                struct stm__handout *out)
{
    enum stm_status status = look(tx, worker, at, slot, out);

    if (status != STM_EEMPTY)
        return status;
    at->came = STM__GOES;
    return STM_OK;
}

/* ---- the other ways ---- */

enum stm_status stm__ready_arrive(struct stm_tx *tx, struct stm_pool *pool)
{
    return count_down(tx, pool, STM__STARTING);
}

enum stm_status stm__ready_desert(struct stm_tx *tx, struct stm__worker *worker)
{
    stm_value standby;

    STM_TRY(stm_tvar_get(tx, worker->pool->standby, &standby));
    return answer(tx, worker, standby == (stm_value)worker);
}

bool stm__ready_is_dismissal(stm_value slot) { return slot == DISMISSED; }

enum stm_status stm__ready_dismiss(struct stm_tx *tx, struct stm_pool *pool)
{
    stm_value worker;
    enum stm_status status = stm_endpoint_get(tx, pool->free_workers, &worker);

    if (status == STM_OK)
        return stm_tvar_set(tx, ((struct stm__worker *)worker)->slot,
                            DISMISSED);
    if (status == STM_EEMPTY)
        status = count_down(tx, pool, STM__STARTING);
    return status == STM_EEMPTY ? count_down(tx, pool, STM__RUNG) : status;
}
