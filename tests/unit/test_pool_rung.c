/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* What befalls workers that were rung and have not looked yet: the pool may
 * shrink, and they may die. */
#include "pool_support.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "pool/ready-internal.h"

/* Each worker sleeps with hooks that can hold it back when it wakes, and can
 * end its thread there. */
enum { WORKERS = 3, TASKS = 32 };
static struct sleeper {
    struct stm_blocking hooks;
    AO_t sleeps; /* until it has come out of the hook */
    AO_t held, passes, stopped, exits;
} sleepers[WORKERS + 2]; /* those that replace who has ended included */

static struct {
    AO_t entered, left, ended;
    AO_t begun[TASKS], ran[TASKS], on[TASKS];
    AO_t gated[TASKS]; /* runs on until this is 0 */
    pthread_key_t key;
} scene; /* each test runs in a process of its own */

static void note_sleep(void *context)
{
    AO_store_release(&((struct sleeper *)context)->sleeps, 1);
}

/* Until it is to pass. */
static void stop_there(struct sleeper *sleeper)
{
    AO_fetch_and_add1_full(&sleeper->stopped);
    while (AO_load_acquire(&sleeper->held) != 0 &&
           !AO_compare_and_swap_full(&sleeper->passes, 1, 0))
        sched_yield();
}

static void wake_up(void *context)
{
    struct sleeper *sleeper = context;

    if (AO_load_acquire(&sleeper->held) != 0)
        stop_there(sleeper);
    AO_store_release(&sleeper->sleeps, 0);
    if (AO_load_acquire(&sleeper->exits) != 0)
        pthread_exit(NULL);
}

/* From now on it does not come to itself. */
static void hold(struct sleeper *sleeper)
{
    AO_store_release(&sleeper->held, 1);
    await_count(&sleeper->sleeps, 1);
}

static void let_go(struct sleeper *sleeper)
{
    AO_store_release(&sleeper->held, 0);
}

static void note_end(void *sleeper)
{
    (void)sleeper;
    AO_fetch_and_add1_full(&scene.ended);
}

static enum stm_status enter(void *context)
{
    struct sleeper *self = &sleepers[AO_fetch_and_add1_full(&scene.entered)];

    (void)context;
    self->hooks = (struct stm_blocking){
        .enter = note_sleep, .leave = wake_up, .context = self};
    (void)stm_set_blocking(&self->hooks);
    pthread_setspecific(scene.key, self);
    return STM_OK;
}

static void leave(void *context)
{
    (void)context;
    AO_fetch_and_add1_full(&scene.left);
}

static void run(stm_value task, void *context)
{
    struct sleeper *self = pthread_getspecific(scene.key);

    (void)context;
    AO_store(&scene.on[task], (AO_t)(self - sleepers));
    AO_fetch_and_add1_full(&scene.begun[task]);
    while (AO_load_acquire(&scene.gated[task]) != 0)
        sched_yield();
    AO_fetch_and_add1_full(&scene.ran[task]);
}

static struct sleeper *sleeper_of(size_t task)
{
    return &sleepers[AO_load(&scene.on[task])];
}

static void close_gates(size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        AO_store_release(&scene.gated[i], 1);
}

static void open_gate(size_t task) { AO_store_release(&scene.gated[task], 0); }

/* A pool of so many workers, which run the tasks from 0 on, one each. */
static struct stm_pool *pool_at_work(size_t workers)
{
    const struct stm_pool_config config = {.max_threads = workers,
                                           .min_threads = workers,
                                           .keep_alive = STM_FOREVER,
                                           .run = run,
                                           .thread_enter = enter,
                                           .thread_leave = leave};
    struct stm_pool *pool;

    pthread_key_create(&scene.key, note_end);
    close_gates(0, workers);
    pool = pool_new(&config);
    append_tasks(stm_pool_tasks(pool), 0, workers);
    for (size_t i = 0; i < workers; i++)
        await_count(&scene.begun[i], 1);
    return pool;
}

static void end_pool(struct stm_pool *pool, size_t tasks)
{
    EXPECT_STATUS(STM_OK, stm_pool_free(pool));
    for (size_t i = 0; i < tasks; i++)
        EXPECT(scene.ran[i] == 1, "task %zu ran %zu times, expected once", i,
               (size_t)scene.ran[i]);
}

/* ---- shrinking ---- */

/* Worker 2, the last to be parked, is rung, takes task 3 and rings both others,
 * who are held back.  It steals task 4 and so on, and stays with task 9.  Two
 * tasks are ready then, and as many workers are rung. */
START_TEST(who_is_overtaken_does_not_leave_while_tasks_count_on_it)
{
    struct stm_pool *pool = pool_at_work(3);
    struct stm_pool_stats stats = {.live = 0};

    for (size_t i = 0; i < 3; i++) {
        open_gate(i);
        await_pool(pool, stm_pool_finished, i + 1);
    }
    hold(sleeper_of(0));
    hold(sleeper_of(1));
    close_gates(9, 1);
    append_tasks(stm_pool_tasks(pool), 3, 9);
    await_count(&scene.begun[9], 1);

    EXPECT_STATUS(STM_OK, stm_pool_resize(pool, 0, 1));
    let_go(sleeper_of(1));
    await_count(&scene.left, 1);
    EXPECT_STATUS(STM_OK, stm_pool_stats_read(pool, &stats));
    EXPECT(stats.free == 0 && stats.live == 2 && stats.finished == 10,
           "%zu free, %zu live and %zu finished; expected 0, 2 and 10",
           stats.free, stats.live, stats.finished);
    let_go(sleeper_of(0));
    open_gate(9);
    end_pool(pool, 12);
}
END_TEST

/* ---- dying ---- */

/* Worker 2 is busy, worker 1 is rung and dies; so 0 is to come. */
START_TEST(who_ends_though_rung_has_another_called)
{
    struct stm_pool *pool = pool_at_work(3);
    struct sleeper *rung = sleeper_of(1);

    EXPECT_STATUS(STM_OK, stm_pool_resize(pool, 0, 3));
    for (size_t i = 0; i < 2; i++) {
        open_gate(i);
        await_pool(pool, stm_pool_finished, i + 1);
    }
    hold(rung);
    append_tasks(stm_pool_tasks(pool), 3, 1);
    AO_store_release(&rung->exits, 1);
    let_go(rung);
    await_count(&scene.ended, 1);
    await_count(&scene.ran[3], 1);
    open_gate(2);
    end_pool(pool, 4);
}
END_TEST

/* ---- dying on standby ---- */

static enum stm_status read_rung(struct stm_tx *tx, void *argument)
{
    stm_value *rung = argument;
    struct stm_pool *pool = (struct stm_pool *)rung[0];

    return stm__pool_get(tx, pool, STM__RUNG, &rung[1]);
}

static size_t count_rung(struct stm_pool *pool)
{
    stm_value rung[2] = {(stm_value)pool, 0};

    EXPECT_STATUS(STM_OK, stm_atomically(read_rung, rung));
    return rung[1];
}

/* Two workers, one of which was overtaken by the other, and is held back where
 * it wakes from being on standby.  False: it was too late for that, and is
 * parked. */
static bool bring_to_standby(struct stm_pool **out)
{
    struct stm_pool *pool = pool_at_work(2);
    struct sleeper *late = sleeper_of(0);
    AO_t stopped;

    *out = pool;
    open_gate(0);
    await_pool(pool, stm_pool_finished, 1);
    hold(late);
    append_tasks(stm_pool_tasks(pool), 2, 8);
    await_count(&late->stopped, 1);
    open_gate(1);
    await_pool(pool, stm_pool_finished, 10);

    stopped = AO_load(&late->stopped);
    AO_store_release(&late->passes, 1);
    while (AO_load_acquire(&late->stopped) == stopped && count_rung(pool) == 1)
        sched_yield();
    return count_rung(pool) == 1;
}

static void bury(struct stm_pool *pool, size_t tasks)
{
    for (size_t i = 0; i < sizeof sleepers / sizeof sleepers[0]; i++)
        let_go(&sleepers[i]);
    end_pool(pool, tasks);
    pthread_key_delete(scene.key);
    memset(&scene, 0, sizeof scene);
    memset(sleepers, 0, sizeof sleepers);
}

struct call {
    struct stm_pool *pool;
    struct sleeper *standby;
};

/* As who calls it does, if its thread ends in between. */
static enum stm_status see_it_end(struct stm_tx *tx, void *argument)
{
    const struct call *call = argument;
    stm_value standby;

    STM_TRY(stm_tvar_get(tx, call->pool->standby, &standby));
    if (standby == 0)
        return STM_OK; /* this attempt came too late */
    AO_store_release(&call->standby->exits, 1);
    let_go(call->standby);
    await_count(&scene.ended, 1);
    EXPECT(((struct stm__worker *)standby)->pool == call->pool,
           "the worker on standby is no worker any more");
    return STM_OK;
}

START_TEST(who_ends_on_standby_is_not_freed_under_who_calls_it)
{
    struct stm_pool *pool;
    struct call call;

    while (!bring_to_standby(&pool))
        bury(pool, 10);
    call = (struct call){pool, sleeper_of(0)};
    EXPECT_STATUS(STM_OK, stm_atomically(see_it_end, &call));
    bury(pool, 10);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pool: rung workers");

    tcase_add_test(tests,
                   who_is_overtaken_does_not_leave_while_tasks_count_on_it);
    tcase_add_test(tests, who_ends_though_rung_has_another_called);
    tcase_add_test(tests, who_ends_on_standby_is_not_freed_under_who_calls_it);
    return run_suite("test_pool_rung", tests);
}
