/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "pool_storm.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "pool_support.h"

enum { FEEDERS = 3, MOST_THREADS = 6, MILLISECOND = 1000000 };

/* ---- what a task does ---- */

static _Thread_local bool on_worker;

static void note(stm_value task, AO_t what)
{
    (void)AO_fetch_and_add_full(&((struct task *)task)->notes, what);
}

static void note_given_up(stm_value task) { note(task, GIVEN_UP); }
static void note_exited(stm_value task) { note(task, EXITED); }

/* Schedules another one, and perhaps waits for it. */
static void schedule_next(struct task *task, bool waits)
{
    struct task *next = storm_take(task->storm);

    if (next == NULL)
        return;
    storm_schedule(next);
    if (waits && next->future != NULL && AO_load(&next->submitted))
        EXPECT_STATUS(STM_OK, stm_pool_await(next->future, STM_FOREVER));
}

static void run(stm_value argument, void *context)
{
    struct task *task = (struct task *)argument;
    uint64_t whim = ~task->whim;
    size_t does = drawn(&whim, 400);

    (void)context;
    note(argument, RAN);
    if (does < 20) {
        schedule_next(task, does < 5);
    } else if (does < 25) {
        stm_pool_wait_begin();
        sched_yield();
        stm_pool_wait_end();
    } else if (does == 25 && on_worker) {
        AO_fetch_and_add1_full(&task->storm->exits);
        pthread_exit(NULL);
    }
}

static enum stm_status run_future(stm_value argument, stm_value *result)
{
    const struct task *task = (struct task *)argument;

    run(argument, NULL);
    *result = argument;
    return task->whim % 16 == 0 ? STM_EUSER : STM_OK;
}

static enum stm_status give_up(struct stm_tx *tx, stm_value task,
                               enum stm_status why, void *context)
{
    (void)context;
    return stm_on_commit(tx, why == STM_ETHREAD ? note_exited : note_given_up,
                         task, NULL);
}

static struct stm_pool_future *future_of(stm_value task, void *context)
{
    (void)context;
    return ((struct task *)task)->future;
}

static void note_told(stm_value task, void *context)
{
    (void)context;
    note(task, TOLD);
}

static enum stm_status enter(void *context)
{
    (void)context;
    on_worker = true;
    return STM_OK;
}

static void note_end(void *context)
{
    struct storm *storm = context;

    AO_store_release(&storm->finalized, 1);
}

/* ---- who schedules, and who meddles ---- */

static void feed(struct storm *storm)
{
    struct task *task;

    while ((task = storm_take(storm)) != NULL)
        storm_schedule(task);
    (void)AO_fetch_and_sub1_full(&storm->feeders);
}

/* Puts a future that was scheduled not long ago behind others, and takes it
 * back.  Not one that the pool does not know of yet: it would be cancelled
 * without being counted. */
static void annoy(struct storm *storm, uint64_t *whim)
{
    size_t next = AO_load_acquire(&storm->next), back = drawn(whim, 20);
    struct task *task;
    enum stm_status status;

    if (next <= back || next - back > storm->count)
        return;
    task = &storm->tasks[next - back - 1];
    if (task->future == NULL || !AO_load_acquire(&task->submitted) ||
        task->adopted)
        return;
    status = stm_pool_future_prioritize(task->future, (int64_t)back);
    EXPECT(status == STM_OK || status == STM_ENOTFOUND,
           "giving another priority gave %d", (int)status);
    status = stm_pool_future_cancel(task->future);
    EXPECT(status == STM_OK || status == STM_EDONE, "cancelling gave %d",
           (int)status);
}

static void pause_for_a_while(struct storm *storm, uint64_t *whim)
{
    EXPECT_STATUS(STM_OK, stm_pool_pause(storm->pool));
    for (size_t i = drawn(whim, 10); i > 0; i--)
        sched_yield();
    EXPECT_STATUS(STM_OK, stm_pool_resume(storm->pool));
}

static void meddle(struct storm *storm)
{
    uint64_t whim = storm->seed + FEEDERS;

    while (AO_load_acquire(&storm->feeders) > 0) {
        size_t does = drawn(&whim, 32), min = drawn(&whim, 3);

        if (does < 8)
            EXPECT_STATUS(STM_OK, stm_pool_resize(storm->pool, min,
                                                  1 + min + drawn(&whim, 4)));
        else if (does < 12)
            pause_for_a_while(storm, &whim);
        else if (does == 12)
            EXPECT_STATUS(STM_OK, stm_pool_cancel_all(storm->pool, NULL));
        else
            annoy(storm, &whim);
        for (size_t i = drawn(&whim, 100); i > 0; i--)
            sched_yield();
    }
}

static void take_part(size_t index, void *context)
{
    if (index == FEEDERS)
        meddle(context);
    else
        feed(context);
}

/* ---- its beginning ---- */

static struct stm_pool *make_pool(struct storm *storm,
                                  const struct storm_plan *plan)
{
    uint64_t whim = storm->seed;
    const struct stm_type *type =
        plan->kind == FUTURES ? &stm_pool_future_type : NULL;
    struct stm_pool_config config = {
        .max_threads = 2 + drawn(&whim, MOST_THREADS - 1),
        .min_threads = drawn(&whim, 3),
        .keep_alive = drawn(&whim, 3) * MILLISECOND / 50,
        .capacity = drawn(&whim, 2) * (1 + drawn(&whim, 50)),
        .rejection = drawn(&whim, 1 + STM_POOL_DROP_OLDEST),
        .handover = plan->handover,
        .futures = plan->kind == FUTURES,
        .thread_enter = enter,
        .finalize = note_end,
        .context = storm};
    struct stm_pool *pool;

    if (plan->kind != FUTURES) {
        config.run = run;
        config.give_up = give_up;
        config.ended = note_told;
    }
    if (plan->kind == MIXED)
        config.future_of = future_of;
    if (plan->heap)
        config.queue = stm_tpriorityqueue_new(type);
    else
        config.tasks = stm_tlist_new(type);
    pool = pool_new(&config);
    if (plan->heap)
        stm_tpriorityqueue_release(config.queue);
    else
        stm_tlist_release(config.tasks);
    return pool;
}

static void make_task(struct storm *storm, struct task *task)
{
    const struct stm_pool_work work = {.function = run_future,
                                       .argument = (stm_value)task};

    *task = (struct task){.storm = storm,
                          .whim = storm->seed ^
                                  ((uint64_t)(task - storm->tasks) << 20)};
    if (storm->kind == FUTURES || (storm->kind == MIXED && task->whim % 3 > 0))
        task->future = stm_pool_future_new(&work);
}

/* ---- its end ---- */

static enum stm_status cancel_and_close(struct stm_tx *tx, void *argument)
{
    (void)tx;
    STM_TRY(stm_pool_cancel_all(argument, NULL));
    return stm_pool_shutdown(argument);
}

static void end_pool(struct storm *storm, size_t how)
{
    struct stm_pool *pool = storm->pool;

    storm->counted = how > 0;
    if (how == 0) {
        EXPECT_STATUS(STM_OK, stm_pool_abandon(pool));
        await_count(&storm->finalized, 1);
        return;
    }
    if (how == 1)
        EXPECT_STATUS(STM_OK, stm_atomically(cancel_and_close, pool));
    else if (how == 2)
        EXPECT_STATUS(STM_OK, stm_pool_shutdown(pool));
    EXPECT_STATUS(STM_OK, stm_pool_join(pool, STM_FOREVER));
    EXPECT_STATUS(STM_OK, stm_pool_stats_read(pool, &storm->stats));
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
}

struct asking {
    struct stm_tfuture *outcome;
    enum stm_status error; /* STM_OK: it has a value */
};

static enum stm_status ask(struct stm_tx *tx, void *argument)
{
    struct asking *asking = argument;
    enum stm_future_state state;

    STM_TRY(stm_tfuture_state(tx, asking->outcome, &state));
    EXPECT(state != STM_FUTURE_PENDING, "a future has not ended");
    asking->error = STM_OK;
    return state == STM_FUTURE_FAILED
               ? stm_tfuture_error(tx, asking->outcome, &asking->error, NULL)
               : STM_OK;
}

/* What a future knows about its end. */
static void note_outcome(struct task *task)
{
    struct asking asking = {.outcome = stm_pool_future_outcome(task->future)};

    if (task->notes % TOLD < REFUSED) {
        EXPECT_STATUS(STM_OK, stm_atomically(ask, &asking));
        if (asking.error == STM_ECANCELLED)
            note((stm_value)task, GIVEN_UP);
        else if (asking.error == STM_ETHREAD)
            note((stm_value)task, EXITED);
    }
    stm_pool_future_release(task->future);
}

/* What became of the tasks of a storm. */
struct accounts {
    size_t ran, given_up, exited;
};

static void expect_one_end(const struct storm *storm, const struct task *task,
                           struct accounts *accounts)
{
    size_t notes = AO_load_acquire(&task->notes), end = notes % TOLD;
    bool taken = end == RAN || end == GIVEN_UP || end == RAN + EXITED;

    EXPECT(taken || end == REFUSED,
           "task %zu of %zu came to %#zx, expected it to have run once or to "
           "have been given up once",
           (size_t)(task - storm->tasks), storm->count, notes);
    EXPECT(storm->kind == FUTURES || notes / TOLD == taken,
           "task %zu of %zu, which came to %#zx, was told of %zu times",
           (size_t)(task - storm->tasks), storm->count, end, notes / TOLD);
    accounts->ran += end % GIVEN_UP;
    accounts->given_up += end == GIVEN_UP;
    accounts->exited += end == RAN + EXITED;
}

static void expect_counts(const struct stm_pool_stats *stats,
                          const struct accounts *accounts)
{
    size_t given_up = accounts->given_up + accounts->exited;

    EXPECT(stats->finished == accounts->ran && stats->given_up == given_up,
           "%zu finished and %zu given up, expected %zu and %zu",
           stats->finished, stats->given_up, accounts->ran, given_up);
    EXPECT(stats->scheduled == stats->finished && stats->running == 0 &&
               stats->waiting == 0,
           "%zu scheduled, %zu running, %zu waiting; expected %zu, and none",
           stats->scheduled, stats->running, stats->waiting, stats->finished);
}

static void expect_accounts(struct storm *storm)
{
    struct accounts accounts = {0};

    for (size_t i = 0; i < storm->count; i++) {
        if (storm->tasks[i].future != NULL)
            note_outcome(&storm->tasks[i]);
        expect_one_end(storm, &storm->tasks[i], &accounts);
    }
    /* A thread ends with one task within another, if the pool has the caller
     * run it. */
    EXPECT(accounts.exited >= storm->exits,
           "%zu ended their threads, %zu are noted", (size_t)storm->exits,
           accounts.exited);
    if (storm->counted)
        expect_counts(&storm->stats, &accounts);
}

size_t storm_pass(const struct storm_plan *plan, size_t count, uint64_t seed)
{
    struct storm storm = {
        .kind = plan->kind, .seed = seed, .count = count, .feeders = FEEDERS};
    uint64_t whim = seed + 1;

    storm.tasks = calloc(count, sizeof *storm.tasks);
    EXPECT(storm.tasks != NULL, "expected memory for %zu tasks", count);
    for (size_t i = 0; i < count; i++)
        make_task(&storm, &storm.tasks[i]);
    storm.pool = make_pool(&storm, plan);
    crew_run(FEEDERS + 1, take_part, &storm);
    end_pool(&storm, drawn(&whim, 4));
    expect_accounts(&storm);
    free(storm.tasks);
    return storm.exits;
}
