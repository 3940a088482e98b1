/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Tasks between the queue and their end: handed to a thread, run, counted,
 * given up or given back.  What a task is, only this file knows: a value of the
 * user's, with functions in the configuration, or a future. */
#include <pthread.h>
#include <stdlib.h>

#include "pool-internal.h"

static bool may_give_back(const struct stm_type *type, stm_value task)
{
    return type == NULL || type->may_release == NULL || type->may_release(task);
}

static void give_back(const struct stm_type *type, stm_value task)
{
    if (type != NULL && type->release != NULL)
        type->release(task);
}

static void handout_retain(stm_value value)
{
    struct stm__handout *handout = (struct stm__handout *)value;

    if (handout != NULL)
        stm__count_up(&handout->references);
}

static void handout_release(stm_value value)
{
    struct stm__handout *handout = (struct stm__handout *)value;

    if (handout == NULL || !stm__count_down(&handout->references))
        return;
    give_back(handout->type, handout->task);
    if (handout->pool != NULL)
        stm__pool_release(handout->pool);
    free(handout);
}

static bool handout_may_release(stm_value value)
{
    const struct stm__handout *handout = (const struct stm__handout *)value;

    return handout == NULL || may_give_back(handout->type, handout->task);
}

const struct stm_type stm__handout_type = {.name = "a task handed to a thread",
                                           .retain = handout_retain,
                                           .release = handout_release,
                                           .may_release = handout_may_release};

/* For a thread that may not give the task back: the library has it done by one
 * that may.  Without memory for that it is kept for ever. */
static void leave_to_others(const struct stm__handout *part)
{
    struct stm__handout *handout = malloc(sizeof *handout);
    struct stm_tvar *var;

    if (handout == NULL)
        return;
    *handout = *part;
    handout->references = 1;
    handout->part = false;
    var = stm_tvar_new(&stm__handout_type, (stm_value)handout);
    if (var == NULL) {
        free(handout);
        return;
    }
    handout_release((stm_value)handout);
    stm_tvar_release(var);
}

void stm__handout_release(struct stm__handout *handout)
{
    if (!handout->part)
        handout_release((stm_value)handout);
    else if (handout->spent)
        return;
    else if (may_give_back(handout->type, handout->task))
        give_back(handout->type, handout->task);
    else
        leave_to_others(handout);
}

void stm__handout_retain(struct stm__handout *handout)
{
    handout_retain((stm_value)handout);
}

void stm__handout_spend(struct stm__handout *handout)
{
    if (may_give_back(handout->type, handout->task)) {
        handout->spent = true;
        give_back(handout->type, handout->task);
    }
}

/* The future that a task is or stands for; NULL: none. */
static struct stm_pool_future *future_of(const struct stm_pool *pool,
                                         stm_value task)
{
    const struct stm_pool_config *config;

    if (!pool->futures)
        return NULL;
    config = stm__roster_config(pool->roster);
    return config->future_of != NULL ? config->future_of(task, config->context)
                                     : (struct stm_pool_future *)task;
}

/* Claims the task; the reference to it is still to be had. */
static enum stm_status fill(struct stm_tx *tx, struct stm_pool *pool,
                            stm_value task, int64_t priority,
                            struct stm__handout *out)
{
    struct stm_pool_future *future = future_of(pool, task);
    bool runs = true;

    if (future != NULL)
        STM_TRY(stm__future_claim(tx, future, &runs));
    *out = (struct stm__handout){.references = 1,
                                 .type = stm__queue_type(&pool->queue),
                                 .task = task,
                                 .priority = priority,
                                 .future = future,
                                 .runs = runs};
    return STM_OK;
}

static enum stm_status keep(struct stm_tx *tx, struct stm__handout *out)
{
    out->part = true;
    return out->type == NULL ? STM_OK
                             : stm_export(tx, out->type, out->task, &out->task);
}

enum stm_status stm__handout_fill(struct stm_tx *tx, struct stm_pool *pool,
                                  stm_value task, int64_t priority,
                                  struct stm__handout *out)
{
    STM_TRY(fill(tx, pool, task, priority, out));
    return keep(tx, out);
}

enum stm_status stm__handout_copy(struct stm_tx *tx, stm_value handout,
                                  struct stm__handout *out)
{
    const struct stm__handout *from = (const struct stm__handout *)handout;

    *out = (struct stm__handout){.type = from->type,
                                 .task = from->task,
                                 .priority = from->priority,
                                 .future = from->future,
                                 .runs = from->runs};
    return keep(tx, out);
}

enum stm_status stm__handout_new(struct stm_tx *tx, struct stm_pool *pool,
                                 stm_value task, int64_t priority,
                                 struct stm__handout **out)
{
    struct stm__handout filled, *handout;

    STM_TRY(fill(tx, pool, task, priority, &filled));
    handout = malloc(sizeof *handout);
    if (handout == NULL)
        return STM_ENOMEM;
    *handout = filled;
    if (filled.type != NULL && filled.type->retain != NULL)
        filled.type->retain(task);
    *out = handout;
    return STM_OK;
}

/* ---- what happens to a task ---- */

enum stm_status stm__task_check(struct stm_tx *tx, const struct stm_pool *pool,
                                stm_value task)
{
    struct stm_pool_future *future = future_of(pool, task);

    return future != NULL ? stm__future_check(tx, future) : STM_OK;
}

enum stm_status stm__task_placed(struct stm_tx *tx, struct stm_pool *pool,
                                 stm_value task,
                                 const struct stm_ticket *ticket, bool delayed)
{
    struct stm_pool_future *future = future_of(pool, task);

    if (future == NULL)
        return STM_OK;
    return stm__future_place(tx, future, pool, task, ticket, delayed);
}

void stm__task_run(struct stm_pool *pool, struct stm__handout *handout)
{
    const struct stm_pool_config *config = stm__roster_config(pool->roster);

    if (!handout->runs)
        return;
    if (handout->future != NULL)
        stm__future_run(handout->future);
    else
        config->run(handout->task, config->context);
}

bool stm__task_records(const struct stm_pool *pool,
                       const struct stm__handout *handout)
{
    const struct stm_pool_config *config = stm__roster_config(pool->roster);

    return handout->future != NULL || config->finish != NULL ||
           config->ended != NULL;
}

static enum stm_status give_up(struct stm_tx *tx, struct stm_pool *pool,
                               stm_value task, struct stm_pool_future *future,
                               enum stm_status why)
{
    const struct stm_pool_config *config = stm__roster_config(pool->roster);

    STM_TRY(stm__pool_add(tx, pool, STM__GIVEN_UP, 1));
    if (future != NULL)
        return stm__future_end(tx, future, why);
    if (config->give_up == NULL)
        return STM_OK;
    return config->give_up(tx, task, why, config->context);
}

enum stm_status stm__task_finish(struct stm_tx *tx, struct stm_pool *pool,
                                 const struct stm__handout *done,
                                 enum stm_status why)
{
    const struct stm_pool_config *config = stm__roster_config(pool->roster);

    STM_TRY(stm__pool_add(tx, pool, STM__FINISHED, 1));
    if (!done->runs || done->spent)
        return STM_OK;
    if (why != STM_OK)
        return give_up(tx, pool, done->task, done->future, why);
    if (done->future != NULL)
        return stm__future_end(tx, done->future, STM_OK);
    return config->finish != NULL
               ? config->finish(tx, done->task, config->context)
               : STM_OK;
}

void stm__task_finished(struct stm_pool *pool, struct stm__handout *done)
{
    const struct stm_pool_config *config = stm__roster_config(pool->roster);

    if (done->future != NULL && done->runs)
        stm__future_ended(done->future);
    if (config->ended != NULL && done->runs)
        config->ended(done->task, config->context);
}

/* The commit that gave the task up has been. */
static void tell_ended(stm_value argument)
{
    const struct stm__handout *handout = (const struct stm__handout *)argument;
    const struct stm_pool_config *config =
        stm__roster_config(handout->pool->roster);

    config->ended(handout->task, config->context);
}

/* A handout by which the committing thread knows what it is to do. */
static enum stm_status commission(struct stm_tx *tx, struct stm_pool *pool,
                                  struct stm__handout *handout,
                                  stm_action *action)
{
    enum stm_status status;

    handout->pool = pool;
    stm__pool_retain(pool);
    status = stm_on_commit(tx, action, (stm_value)handout, &stm__handout_type);
    stm__handout_release(handout);
    return status;
}

enum stm_status stm__task_give_up(struct stm_tx *tx, struct stm_pool *pool,
                                  stm_value task)
{
    struct stm__handout *handout;
    bool runs;

    STM_TRY(stm__handout_new(tx, pool, task, 0, &handout));
    runs = handout->runs; /* not if it is there for the second time */
    if (runs && stm__roster_config(pool->roster)->ended != NULL)
        STM_TRY(commission(tx, pool, handout, tell_ended));
    else
        stm__handout_release(handout);
    if (!runs)
        return STM_OK;
    return give_up(tx, pool, task, future_of(pool, task), STM_ECANCELLED);
}

enum stm_status stm__task_return(struct stm_tx *tx, struct stm_pool *pool,
                                 const struct stm__handout *handout)
{
    struct stm_ticket ticket;

    STM_TRY(stm__queue_put_back(tx, &pool->queue, handout->task,
                                handout->priority, &ticket));
    STM_TRY(stm__pool_add(tx, pool, STM__HANDED, -1));
    if (handout->future == NULL || !handout->runs)
        return STM_OK;
    return stm__future_place(tx, handout->future, pool, handout->task, &ticket,
                             false);
}

/* ---- a task that its submitter runs ---- */

/* What the thread has in hand. */
struct errand {
    struct stm__handout *handout; /* a reference; NULL: all is done */
    enum stm_status why;
    bool counted, told;
};

static enum stm_status count(struct stm_tx *tx, void *argument)
{
    const struct errand *errand = argument;
    struct stm_pool *pool = errand->handout->pool;

    STM_TRY(stm__task_finish(tx, pool, errand->handout, errand->why));
    return stm__pool_note_idle(tx, pool);
}

/* Goes on with what has not been begun. */
static void end_errand(struct errand *errand)
{
    struct stm__handout *handout = errand->handout;

    if (stm__roster_is_parents(handout->pool->roster))
        return;
    if (!errand->counted) {
        errand->counted = true;
        stm__pool_insist(count, errand);
    }
    if (!errand->told) {
        errand->told = true;
        stm__task_finished(handout->pool, handout);
    }
    errand->handout = NULL;
    stm__handout_release(handout);
}

/* The task has ended the thread, or what is done after it has: perhaps once
 * more. */
static void lose_errand(void *argument)
{
    struct errand *errand = argument;

    if (errand->handout == NULL || stm_current() != NULL ||
        !stm__roster_may_go_on(errand->handout->pool->roster))
        return;
    errand->why = STM_ETHREAD;
    (void)stm_set_blocking(NULL);
    end_errand(errand);
}

static void run_errand(stm_value argument)
{
    struct errand errand = {.handout = (struct stm__handout *)argument};
    struct stm_pool *pool = errand.handout->pool;

    if (stm__roster_is_parents(pool->roster))
        return;
    stm__handout_retain(errand.handout);
    pthread_cleanup_push(lose_errand, &errand);
    stm__task_run(pool, errand.handout);
    end_errand(&errand);
    pthread_cleanup_pop(0);
}

enum stm_status stm__task_run_here(struct stm_tx *tx, struct stm_pool *pool,
                                   stm_value task)
{
    struct stm__handout *handout;

    STM_TRY(stm__pool_add(tx, pool, STM__HANDED, 1));
    STM_TRY(stm__pool_note_idle(tx, pool));
    STM_TRY(stm__handout_new(tx, pool, task, 0, &handout));
    return commission(tx, pool, handout, run_errand);
}
