/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* How many workers a pool is to have, and whether they may take tasks.
 *
 * All of that is one word, since it is looked at for every task and changes
 * seldom: three bits, min, and max, which counts those in that were let in for
 * tasks that wait.  The first watcher sees to it that workers come and go
 * accordingly, and keeps two of the bits: whether there are too many workers,
 * on which one that has finished a task leaves; and whether there is a backlog,
 * in which the watchers need not look at the free workers, since nobody becomes
 * free before the tasks are taken. */
#include <limits.h>

#include "pool-internal.h"

enum { FLAGS = 3 };
enum { HALF = (sizeof(stm_value) * CHAR_BIT - FLAGS) / 2 };
static const stm_value half_mask = ((stm_value)1 << HALF) - 1;

size_t stm__limits_most(void) { return half_mask / 2; }

stm_value stm__limits_pack(const struct stm__limits *limits)
{
    return (limits->paused ? STM__PAUSED : 0) |
           (limits->surplus ? STM__SURPLUS : 0) |
           (limits->backlog ? STM__BACKLOG : 0) | limits->min << FLAGS |
           limits->max << (FLAGS + HALF);
}

struct stm__limits stm__limits_unpack(stm_value word)
{
    return (struct stm__limits){.paused = word & STM__PAUSED,
                                .surplus = word & STM__SURPLUS,
                                .backlog = word & STM__BACKLOG,
                                .min = word >> FLAGS & half_mask,
                                .max = word >> (FLAGS + HALF)};
}

static enum stm_status get(struct stm_tx *tx, struct stm_pool *pool,
                           struct stm__limits *out)
{
    stm_value word;

    STM_TRY(stm__pool_get(tx, pool, STM__LIMITS, &word));
    *out = stm__limits_unpack(word);
    return STM_OK;
}

static enum stm_status set(struct stm_tx *tx, struct stm_pool *pool,
                           const struct stm__limits *limits)
{
    return stm__pool_set(tx, pool, STM__LIMITS, stm__limits_pack(limits));
}

/* ---- size ---- */

struct size {
    struct stm_pool *pool;
    size_t min, max;
};

static size_t at_most(size_t number, size_t most)
{
    return number < most ? number : most;
}

/* Sets max to what it comes to, after a change of anything that it is made of.
 * However many tasks wait there may be one worker that does not. */
static enum stm_status set_max(struct stm_tx *tx, struct stm_pool *pool,
                               struct stm__limits *limits)
{
    stm_value max, cap, lent;

    STM_TRY(stm__pool_get(tx, pool, STM__MAX, &max));
    STM_TRY(stm__pool_get(tx, pool, STM__CAP, &cap));
    STM_TRY(stm__pool_get(tx, pool, STM__LENT, &lent));
    limits->max = max + lent;
    if (cap != 0 && limits->max > cap)
        limits->max = cap > lent ? cap : lent + 1;
    if (limits->max < limits->min)
        limits->max = limits->min;
    return set(tx, pool, limits);
}

static enum stm_status resize(struct stm_tx *tx, void *argument)
{
    const struct size *size = argument;
    struct stm__limits limits;

    STM_TRY(get(tx, size->pool, &limits));
    limits.min = at_most(size->min, stm__limits_most());
    STM_TRY(stm__pool_set(tx, size->pool, STM__KEPT, limits.min));
    STM_TRY(stm__pool_set(tx, size->pool, STM__MAX,
                          at_most(size->max, stm__limits_most())));
    return set_max(tx, size->pool, &limits);
}

enum stm_status stm_pool_resize(struct stm_pool *pool, size_t min, size_t max)
{
    struct size size = {pool, min, max};

    if (max == 0 || min > max)
        return stm_error(STM_EMISUSE,
                         "%s: min is %zu and max is %zu; expected min <= max "
                         "and max >= 1",
                         __func__, min, max);
    STM_TRY(stm__pool_own(pool, __func__));
    return stm_atomically(resize, &size);
}

static enum stm_status cap(struct stm_tx *tx, void *argument)
{
    const struct size *size = argument;
    struct stm__limits limits;

    STM_TRY(get(tx, size->pool, &limits));
    STM_TRY(stm__pool_set(tx, size->pool, STM__CAP, size->max));
    return set_max(tx, size->pool, &limits);
}

enum stm_status stm_pool_cap(struct stm_pool *pool, size_t most)
{
    struct size size = {.pool = pool, .max = most};

    STM_TRY(stm__pool_own(pool, __func__));
    return stm_atomically(cap, &size);
}

/* ---- pause ---- */

static enum stm_status pause_pool(struct stm_tx *tx, void *argument)
{
    struct stm_pool *pool = argument;
    struct stm__limits limits;
    stm_value closing;

    STM_TRY(stm__pool_get(tx, pool, STM__CLOSING, &closing));
    if (closing)
        return STM_ECLOSED;
    STM_TRY(get(tx, pool, &limits));
    limits.paused = true;
    return set(tx, pool, &limits);
}

enum stm_status stm_pool_pause(struct stm_pool *pool)
{
    STM_TRY(stm__pool_own(pool, __func__));
    return stm_atomically(pause_pool, pool);
}

static enum stm_status resume(struct stm_tx *tx, void *argument)
{
    struct stm_pool *pool = argument;
    struct stm__limits limits;

    STM_TRY(get(tx, pool, &limits));
    if (!limits.paused)
        return STM_OK;
    limits.paused = false;
    return set(tx, pool, &limits);
}

enum stm_status stm_pool_resume(struct stm_pool *pool)
{
    return stm_atomically(resume, pool);
}

/* ---- tasks that wait for tasks ---- */

static enum stm_status lend(struct stm_tx *tx, struct stm_pool *pool,
                            intptr_t count)
{
    struct stm__limits limits;

    STM_TRY(stm__pool_add(tx, pool, STM__LENT, count));
    STM_TRY(get(tx, pool, &limits));
    return set_max(tx, pool, &limits);
}

static enum stm_status let_one_in(struct stm_tx *tx, void *argument)
{
    return lend(tx, argument, 1);
}

static enum stm_status take_it_back(struct stm_tx *tx, void *argument)
{
    return lend(tx, argument, -1);
}

/* The worker that waits here, if it is one that can. */
static struct stm__worker *waiting_worker(void)
{
    struct stm__worker *worker = stm__worker_self();

    return worker == NULL || stm_current() != NULL ||
                   stm__worker_vanished(worker)
               ? NULL
               : worker;
}

void stm_pool_wait_begin(void)
{
    struct stm__worker *worker = waiting_worker();

    if (worker != NULL && worker->waits++ == 0)
        stm__pool_insist(let_one_in, worker->pool);
}

void stm_pool_wait_end(void)
{
    struct stm__worker *worker = waiting_worker();

    if (worker != NULL && worker->waits > 0 && --worker->waits == 0)
        stm__pool_insist(take_it_back, worker->pool);
}
