/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Tasks with a result.  A future knows by one variable how it stands: NEW
 * (never submitted, or added to a list by code that knows no pool), in a place
 * (queued or delayed, and where), RUNNING, or ENDED; and what became of it in a
 * stm_tfuture.  Both change in the transactions that move it. */
#include <stdlib.h>

#include "pool-internal.h"

enum { NEW, RUNNING, ENDED, WORDS };

/* Where it can be taken out again; immutable.  It does not keep the pool, which
 * it may outlive where someone else has taken the task out. */
struct place {
    AO_t references;
    struct stm_pool *pool;    /* not to be used once ... */
    struct stm_tvar *starter; /* ... this one of the pool's, of which it has a
                                 reference, is 0: see place_pool */
    stm_value task;           /* the future's; the pool holds it while it is
                                 there */
    struct stm_ticket ticket;
    bool delayed;
};

static void place_retain(stm_value value)
{
    if (value >= WORDS)
        stm__count_up(&((struct place *)value)->references);
}

static void place_release(stm_value value)
{
    struct place *place = (struct place *)value;

    if (value < WORDS || !stm__count_down(&place->references))
        return;
    stm_tvar_release(place->starter);
    free(place);
}

/* The pool, borrowed until the attempt ends, or NULL where it has come to its
 * end: as long as it has that watcher, the watcher keeps it. */
static enum stm_status place_pool(struct stm_tx *tx, const struct place *place,
                                  struct stm_pool **out)
{
    stm_value watcher;

    STM_TRY(stm_tvar_get(tx, place->starter, &watcher));
    *out = watcher != 0 ? place->pool : NULL;
    return STM_OK;
}

static int visit_nothing(stm_value value, stm_visit *visit, void *context)
{
    (void)value, (void)visit, (void)context;
    return 0;
}

static const struct stm_type place_type = {.name = "a future's place",
                                           .retain = place_retain,
                                           .release = place_release,
                                           .traverse = visit_nothing};

struct stm_pool_future {
    AO_t references;
    struct stm_pool_work work;
    struct stm_tvar *state; /* a word of the above, or a place */
    struct stm_tfuture *outcome;

    /* What function returned; the running thread's own. */
    enum stm_status status;
    stm_value result;
};

/* ---- life ---- */

static void future_free(struct stm_pool_future *future)
{
    const struct stm_type *type = future->work.argument_type;

    if (future->state != NULL)
        stm_tvar_release(future->state);
    if (future->outcome != NULL)
        stm_tfuture_release(future->outcome);
    if (type != NULL && type->release != NULL)
        type->release(future->work.argument);
    free(future);
}

struct stm_pool_future *stm_pool_future_new(const struct stm_pool_work *work)
{
    const struct stm_type *type = work->argument_type;
    struct stm_pool_future *future = calloc(1, sizeof *future);

    if (future == NULL)
        return NULL;
    future->references = 1;
    future->work = *work;
    if (type != NULL && type->retain != NULL)
        type->retain(work->argument);
    future->state = stm_tvar_new(&place_type, NEW);
    future->outcome = stm_tfuture_new(work->result_type, work->cause_type);
    if (future->state != NULL && future->outcome != NULL)
        return future;
    future_free(future);
    return NULL;
}

void stm_pool_future_retain(struct stm_pool_future *future)
{
    stm__count_up(&future->references);
}

void stm_pool_future_release(struct stm_pool_future *future)
{
    if (stm__count_down(&future->references))
        future_free(future);
}

static void future_retain(stm_value value)
{
    stm_pool_future_retain((struct stm_pool_future *)value);
}

static void future_release(stm_value value)
{
    if (value != 0)
        stm_pool_future_release((struct stm_pool_future *)value);
}

static bool future_may_release(stm_value value)
{
    const struct stm_pool_future *future =
        (const struct stm_pool_future *)value;
    const struct stm_type *type = value != 0 ? future->work.argument_type : 0;

    return type == NULL || type->may_release == NULL ||
           type->may_release(future->work.argument);
}

const struct stm_type stm_pool_future_type = {.name = "future",
                                              .retain = future_retain,
                                              .release = future_release,
                                              .may_release = future_may_release,
                                              .traverse = visit_nothing};

/* ---- what the pool does with it ---- */

enum stm_status stm__future_check(struct stm_tx *tx,
                                  struct stm_pool_future *future)
{
    stm_value state;

    STM_TRY(stm_tvar_get(tx, future->state, &state));
    if (state == NEW)
        return STM_OK;
    return stm_error(STM_EMISUSE, "stm_pool_submit: the future was submitted "
                                  "before; expected a new one");
}

enum stm_status stm__future_place(struct stm_tx *tx,
                                  struct stm_pool_future *future,
                                  struct stm_pool *pool, stm_value task,
                                  const struct stm_ticket *ticket, bool delayed)
{
    struct place *place = malloc(sizeof *place);
    enum stm_status status;

    if (place == NULL)
        return STM_ENOMEM;
    *place = (struct place){.references = 1,
                            .pool = pool,
                            .starter = pool->starter,
                            .task = task,
                            .ticket = *ticket,
                            .delayed = delayed};
    stm_tvar_retain(pool->starter);
    status = stm_tvar_set(tx, future->state, (stm_value)place);
    place_release((stm_value)place);
    return status;
}

enum stm_status stm__future_claim(struct stm_tx *tx,
                                  struct stm_pool_future *future, bool *runs)
{
    stm_value state;

    STM_TRY(stm_tvar_get(tx, future->state, &state));
    *runs = state == NEW || state >= WORDS;
    return *runs ? stm_tvar_set(tx, future->state, RUNNING) : STM_OK;
}

void stm__future_run(struct stm_pool_future *future)
{
    stm_value result = 0;
    enum stm_status status;

    status = future->work.function(future->work.argument, &result);
    future->status = status <= STM_OK ? status : STM_EMISUSE;
    future->result = status <= STM_OK ? result : 0; /* of neither type */
}

enum stm_status stm__future_end(struct stm_tx *tx,
                                struct stm_pool_future *future,
                                enum stm_status why)
{
    enum stm_status status;

    STM_TRY(stm_tvar_set(tx, future->state, ENDED));
    if (why != STM_OK)
        status = stm_tfuture_fail(tx, future->outcome, why, 0);
    else if (future->status == STM_OK)
        status = stm_tfuture_set(tx, future->outcome, future->result);
    else
        status = stm_tfuture_fail(tx, future->outcome, future->status,
                                  future->result);
    return status == STM_EDONE ? STM_OK : status;
}

void stm__future_ended(struct stm_pool_future *future)
{
    const struct stm_type *type = future->status == STM_OK
                                      ? future->work.result_type
                                      : future->work.cause_type;

    if (type != NULL && type->release != NULL && future->result != 0)
        type->release(future->result);
    future->result = 0;
}

enum stm_status stm__future_pool(struct stm_tx *tx,
                                 struct stm_pool_future *future,
                                 struct stm_pool **out)
{
    stm_value state;

    STM_TRY(stm_tvar_get(tx, future->state, &state));
    if (state >= WORDS)
        return place_pool(tx, (const struct place *)state, out);
    *out = NULL;
    return STM_OK;
}

/* ---- what the user does ---- */

struct stm_tfuture *stm_pool_future_outcome(struct stm_pool_future *future)
{
    return future->outcome;
}

struct question {
    struct stm_pool_future *future;
    enum stm_pool_future_state answer;
    int64_t priority;
};

static enum stm_status ask(struct stm_tx *tx, void *argument)
{
    struct question *question = argument;
    enum stm_status error;
    stm_value state;

    STM_TRY(stm_tvar_get(tx, question->future->state, &state));
    question->answer = state == NEW       ? STM_POOL_NEW
                       : state == RUNNING ? STM_POOL_RUNS
                                          : STM_POOL_WAITS;
    if (state != ENDED)
        return STM_OK;
    STM_TRY(stm_tfuture_error(tx, question->future->outcome, &error, NULL));
    question->answer =
        error == STM_ECANCELLED ? STM_POOL_CANCELLED : STM_POOL_ENDED;
    return STM_OK;
}

enum stm_status stm_pool_future_state(struct stm_pool_future *future,
                                      enum stm_pool_future_state *out)
{
    struct question question = {.future = future};

    STM_TRY(stm_atomically(ask, &question));
    *out = question.answer;
    return STM_OK;
}

/* STM_ENOTFOUND: someone else has taken it out; else *out is its pool. */
static enum stm_status take_out(struct stm_tx *tx, const struct place *place,
                                struct stm_pool **out)
{
    struct stm_pool *pool;

    STM_TRY(place_pool(tx, place, &pool));
    if (pool == NULL)
        return STM_ENOTFOUND;
    *out = pool;
    if (place->delayed)
        return stm__delay_remove(tx, pool, &place->ticket);
    return stm__queue_remove(tx, &pool->queue, place->task, &place->ticket);
}

enum stm_status stm__future_help(struct stm_tx *tx,
                                 struct stm_pool_future *future, bool *helped)
{
    const struct place *place;
    struct stm_pool *pool;
    enum stm_status status;
    stm_value state;

    STM_TRY(stm_tvar_get(tx, future->state, &state));
    place = (const struct place *)state;
    *helped = false;
    if (state < WORDS || place->delayed)
        return STM_OK;
    status = take_out(tx, place, &pool);
    if (status != STM_OK)
        return status == STM_ENOTFOUND ? STM_OK : status;
    *helped = true;
    return stm__task_run_here(tx, pool, place->task);
}

static enum stm_status cancel(struct stm_tx *tx, void *argument)
{
    struct question question = {.future = argument};
    const struct place *place;
    struct stm_pool *pool;
    enum stm_status status;
    stm_value state;

    STM_TRY(ask(tx, &question));
    if (question.answer == STM_POOL_NEW)
        return stm__future_end(tx, question.future, STM_ECANCELLED);
    if (question.answer != STM_POOL_WAITS)
        return question.answer == STM_POOL_CANCELLED ? STM_OK : STM_EDONE;
    STM_TRY(stm_tvar_get(tx, question.future->state, &state));
    place = (const struct place *)state;
    status = take_out(tx, place, &pool);
    if (status == STM_ENOTFOUND)
        return stm__future_end(tx, question.future, STM_ECANCELLED);
    STM_TRY(status);
    return stm__task_give_up(tx, pool, place->task);
}

enum stm_status stm_pool_future_cancel(struct stm_pool_future *future)
{
    return stm_atomically(cancel, future);
}

/* ---- a future that no pool carries out ---- */

static enum stm_status begin(struct stm_tx *tx, void *argument)
{
    struct question question = {.future = argument};

    STM_TRY(ask(tx, &question));
    if (question.answer == STM_POOL_CANCELLED)
        return STM_ECANCELLED;
    if (question.answer == STM_POOL_NEW)
        return stm_tvar_set(tx, question.future->state, RUNNING);
    return stm_error(STM_EMISUSE, "stm_pool_future_begin: the future was begun "
                                  "or submitted before; expected a new one");
}

enum stm_status stm_pool_future_begin(struct stm_pool_future *future)
{
    return stm_atomically(begin, future);
}

struct ending {
    struct stm_pool_future *future;
    enum stm_status status;
    stm_value value;
};

static enum stm_status end(struct stm_tx *tx, void *argument)
{
    const struct ending *ending = argument;
    struct stm_tfuture *outcome = ending->future->outcome;
    enum stm_status status =
        ending->status == STM_OK
            ? stm_tfuture_set(tx, outcome, ending->value)
            : stm_tfuture_fail(tx, outcome, ending->status, ending->value);

    STM_TRY(status);
    return stm_tvar_set(tx, ending->future->state, ENDED);
}

enum stm_status stm_pool_future_end(struct stm_pool_future *future,
                                    enum stm_status status, stm_value value)
{
    struct ending ending = {future, status, value};

    return stm_atomically(end, &ending);
}

/* ---- its place in the queue ---- */

static enum stm_status prioritize(struct stm_tx *tx, void *argument)
{
    const struct question *question = argument;
    const struct place *place;
    struct stm_ticket ticket;
    struct stm_pool *pool;
    stm_value state;

    STM_TRY(stm_tvar_get(tx, question->future->state, &state));
    place = (const struct place *)state;
    if (state < WORDS || place->delayed)
        return STM_ENOTFOUND;
    STM_TRY(place_pool(tx, place, &pool));
    if (pool == NULL || pool->queue.heap == NULL)
        return STM_ENOTFOUND;
    STM_TRY(take_out(tx, place, &pool));
    STM_TRY(stm__queue_push(tx, &pool->queue, place->task, question->priority,
                            &ticket));
    return stm__future_place(tx, question->future, pool, place->task, &ticket,
                             false);
}

enum stm_status stm_pool_future_prioritize(struct stm_pool_future *future,
                                           int64_t priority)
{
    struct question question = {.future = future, .priority = priority};

    return stm_atomically(prioritize, &question);
}
