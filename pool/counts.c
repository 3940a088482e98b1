/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* What a pool tells about itself. */
#include "ready-internal.h"

/* A question about one pool, and the answer. */
struct query {
    struct stm_pool *pool;
    size_t answer;
};

static enum stm_status ask(stm_body *body, struct stm_pool *pool, size_t *out)
{
    struct query query = {.pool = pool};

    STM_TRY(stm_atomically(body, &query));
    *out = query.answer;
    return STM_OK;
}

static enum stm_status scheduled(struct stm_tx *tx, void *argument)
{
    struct query *query = argument;
    stm_value handed;

    STM_TRY(stm__pool_get(tx, query->pool, STM__HANDED, &handed));
    STM_TRY(stm__queue_length(tx, &query->pool->queue, &query->answer));
    query->answer += handed;
    return STM_OK;
}

static enum stm_status finished(struct stm_tx *tx, void *argument)
{
    struct query *query = argument;

    return stm__pool_get(tx, query->pool, STM__FINISHED, &query->answer);
}

static enum stm_status remaining(struct stm_tx *tx, void *argument)
{
    struct query *query = argument;
    stm_value done;

    STM_TRY(scheduled(tx, query));
    STM_TRY(stm__pool_get(tx, query->pool, STM__FINISHED, &done));
    query->answer -= done;
    return STM_OK;
}

static enum stm_status live(struct stm_tx *tx, void *argument)
{
    struct query *query = argument;

    return stm__pool_get(tx, query->pool, STM__LIVE, &query->answer);
}

static enum stm_status free_workers(struct stm_tx *tx, void *argument)
{
    struct query *query = argument;

    return stm__ready_free(tx, query->pool, &query->answer);
}

static enum stm_status queued(struct stm_tx *tx, void *argument)
{
    struct query *query = argument;

    return stm__queue_length(tx, &query->pool->queue, &query->answer);
}

enum stm_status stm_pool_scheduled(struct stm_pool *pool, size_t *out)
{
    return ask(scheduled, pool, out);
}

enum stm_status stm_pool_finished(struct stm_pool *pool, size_t *out)
{
    return ask(finished, pool, out);
}

enum stm_status stm_pool_remaining(struct stm_pool *pool, size_t *out)
{
    return ask(remaining, pool, out);
}

enum stm_status stm_pool_live(struct stm_pool *pool, size_t *out)
{
    return ask(live, pool, out);
}

enum stm_status stm_pool_free_workers(struct stm_pool *pool, size_t *out)
{
    return ask(free_workers, pool, out);
}

enum stm_status stm_pool_queued(struct stm_pool *pool, size_t *out)
{
    return ask(queued, pool, out);
}

/* ---- all of it ---- */

struct survey {
    struct stm_pool *pool;
    struct stm_pool_stats stats;
};

static enum stm_status read_flags(struct stm_tx *tx, struct stm_pool *pool,
                                  struct stm_pool_stats *stats)
{
    struct stm__limits limits;
    stm_value word, closing;

    STM_TRY(stm__pool_get(tx, pool, STM__LIMITS, &word));
    STM_TRY(stm__pool_get(tx, pool, STM__MAX, &stats->max));
    STM_TRY(stm__pool_get(tx, pool, STM__LENT, &stats->waiting));
    STM_TRY(stm__pool_get(tx, pool, STM__CLOSING, &closing));
    limits = stm__limits_unpack(word);
    stats->min = limits.min;
    stats->paused = limits.paused;
    stats->closed = closing != 0;
    return STM_OK;
}

static enum stm_status read_stats(struct stm_tx *tx, void *argument)
{
    struct survey *survey = argument;
    struct stm_pool_stats *stats = &survey->stats;
    struct stm_pool *pool = survey->pool;
    stm_value handed;

    STM_TRY(stm__pool_get(tx, pool, STM__HANDED, &handed));
    STM_TRY(stm__pool_get(tx, pool, STM__FINISHED, &stats->finished));
    STM_TRY(stm__pool_get(tx, pool, STM__GIVEN_UP, &stats->given_up));
    STM_TRY(stm__pool_get(tx, pool, STM__LIVE, &stats->live));
    STM_TRY(stm__queue_length(tx, &pool->queue, &stats->queued));
    STM_TRY(stm_tpriorityqueue_length(tx, pool->delayed, &stats->delayed));
    STM_TRY(stm__ready_free(tx, pool, &stats->free));
    stats->scheduled = handed + stats->queued;
    stats->running = handed - stats->delayed - stats->finished;
    return read_flags(tx, pool, stats);
}

enum stm_status stm_pool_stats_read(struct stm_pool *pool,
                                    struct stm_pool_stats *out)
{
    struct survey survey = {.pool = pool};

    STM_TRY(stm_atomically(read_stats, &survey));
    *out = survey.stats;
    return STM_OK;
}
