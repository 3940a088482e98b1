/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* In whatever way a future ends, that and what the pool says about itself
 * change in one commit.  A watcher compares the two in every transaction that
 * touches either. */
#include "pool_support.h"

#include <pthread.h>

enum { COUNT = 24, SECOND = 1000000000, WAITING_ROOM = 3 };

/* Each test runs in a process of its own. */
static struct {
    struct stm_pool *pool;
    struct stm_pool_future *futures[COUNT];
    struct stm_tvar *gate; /* is 1 once those who wait may go on */
    AO_t compared;
    AO_t entered; /* threads */
} scene;

/* ---- the watcher ---- */

/* How many futures have ended how. */
struct census {
    size_t run, ended, exited, cancelled;
};

static enum stm_status count_future(struct stm_tx *tx,
                                    struct stm_pool_future *future,
                                    struct census *census)
{
    enum stm_pool_future_state state;
    enum stm_future_state outcome;
    enum stm_status error;

    STM_TRY(stm_pool_future_state(future, &state));
    STM_TRY(stm_tfuture_state(tx, stm_pool_future_outcome(future), &outcome));
    census->run += state == STM_POOL_RUNS;
    EXPECT((outcome == STM_FUTURE_PENDING) == (state < STM_POOL_ENDED),
           "the state %d beside the outcome %d", (int)state, (int)outcome);
    if (outcome != STM_FUTURE_FAILED) {
        census->ended += outcome != STM_FUTURE_PENDING;
        return STM_OK;
    }
    STM_TRY(
        stm_tfuture_error(tx, stm_pool_future_outcome(future), &error, NULL));
    census->exited += error == STM_ETHREAD;
    census->cancelled += error == STM_ECANCELLED;
    census->ended += error != STM_ECANCELLED;
    return STM_OK;
}

static enum stm_status take_census(struct stm_tx *tx, struct census *census)
{
    *census = (struct census){0};
    for (size_t i = 0; i < COUNT; i++)
        STM_TRY(count_future(tx, scene.futures[i], census));
    return STM_OK;
}

static enum stm_status compare(struct stm_tx *tx, stm_value unused,
                               stm_value *result)
{
    struct stm_pool_stats stats;
    struct census census;

    (void)unused;
    STM_TRY(stm_pool_stats_read(scene.pool, &stats));
    STM_TRY(take_census(tx, &census));
    EXPECT(stats.running == census.run, "%zu futures run beside %zu tasks",
           census.run, stats.running);
    EXPECT(stats.finished == census.ended,
           "%zu futures ended beside %zu finished tasks", census.ended,
           stats.finished);
    EXPECT(stats.given_up == census.cancelled + census.exited,
           "%zu futures cancelled and %zu exited beside %zu tasks given up",
           census.cancelled, census.exited, stats.given_up);
    AO_fetch_and_add1_full(&scene.compared);
    *result = 0;
    return STM_OK;
}

static enum stm_status watch_scene(struct stm_tx *tx, void *unused)
{
    const struct stm_watch watch = {.function = compare, .name = "futures"};

    (void)unused;
    return stm_watch(tx, &watch, NULL);
}

/* ---- what the futures do ---- */

static enum stm_status give_value(stm_value index, stm_value *result)
{
    *result = index;
    return STM_OK;
}

static enum stm_status give_error(stm_value index, stm_value *result)
{
    *result = index;
    return STM_EUSER;
}

static enum stm_status wait_for_gate(stm_value index, stm_value *result)
{
    await_var(scene.gate, 1);
    return give_value(index, result);
}

static enum stm_status exit_thread(stm_value index, stm_value *result)
{
    (void)index, (void)result;
    pthread_exit(NULL);
}

/* The first submits the others, and waits for them. */
static enum stm_status lead_others(stm_value index, stm_value *result)
{
    if (index > 0)
        return give_value(index, result);
    for (size_t i = 1; i < COUNT; i++)
        EXPECT_STATUS(STM_OK,
                      stm_pool_submit(scene.pool, (stm_value)scene.futures[i]));
    for (size_t i = 1; i < COUNT; i++)
        EXPECT_STATUS(STM_OK, stm_pool_await(scene.futures[i], STM_FOREVER));
    return STM_OK;
}

/* ---- what is done with them ---- */

static void submit_all(void)
{
    for (size_t i = 0; i < COUNT; i++)
        EXPECT_STATUS(STM_OK,
                      stm_pool_submit(scene.pool, (stm_value)scene.futures[i]));
}

static void submit_and_cancel(void)
{
    submit_all();
    for (size_t i = COUNT; i-- > 0;) {
        enum stm_status status = stm_pool_future_cancel(scene.futures[i]);

        EXPECT(status == STM_OK || status == STM_EDONE, "cancelling gave %d",
               (int)status);
    }
}

static void submit_and_cancel_all(void)
{
    submit_all();
    EXPECT_STATUS(STM_OK, stm_pool_cancel_all(scene.pool, NULL));
}

static void delay_and_cancel(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        const struct stm_pool_order order = {
            .task = (stm_value)scene.futures[i],
            .delay = i % 3 == 0 ? (uint64_t)1000 : (uint64_t)3600 * SECOND};

        EXPECT_STATUS(STM_OK, stm_pool_submit_order(scene.pool, &order));
    }
    for (size_t i = 1; i < COUNT / 2; i += 3)
        EXPECT_STATUS(STM_OK, stm_pool_future_cancel(scene.futures[i]));
    EXPECT_STATUS(STM_OK, stm_pool_cancel_all(scene.pool, NULL));
}

static void submit_first(void)
{
    EXPECT_STATUS(STM_OK,
                  stm_pool_submit(scene.pool, (stm_value)scene.futures[0]));
    EXPECT_STATUS(STM_OK, stm_pool_await(scene.futures[0], STM_FOREVER));
}

/* All but one thread cannot be set up. */
static enum stm_status enter_once(void *context)
{
    (void)context;
    return AO_fetch_and_add1_full(&scene.entered) == 0 ? STM_OK : STM_ENOMEM;
}

static void ignore(int error, void *context) { (void)error, (void)context; }

/* ---- the ways ---- */

static const struct way {
    const char *name;
    enum stm_status (*function)(stm_value argument, stm_value *result);
    void (*play)(void);
    size_t cancelled, exited; /* at least */
    size_t max_threads;
    enum stm_pool_rejection rejection; /* BLOCK: there is room for all */
    bool alone;                        /* only one thread can be had */
} ways[] = {
    {"it has a value", give_value, submit_all, 0, 0, 3, STM_POOL_BLOCK, false},
    {"it fails", give_error, submit_all, 0, 0, 3, STM_POOL_BLOCK, false},
    {"it is cancelled", wait_for_gate, submit_and_cancel, COUNT - 2, 0, 2,
     STM_POOL_BLOCK, false},
    {"all are cancelled", wait_for_gate, submit_and_cancel_all, COUNT - 2, 0, 2,
     STM_POOL_BLOCK, false},
    {"it is cancelled before its time", give_value, delay_and_cancel, COUNT / 2,
     0, 2, STM_POOL_BLOCK, false},
    {"it is dropped", wait_for_gate, submit_all, COUNT - 2 - WAITING_ROOM, 0, 2,
     STM_POOL_DROP_OLDEST, false},
    {"the caller runs it", give_value, submit_all, 0, 0, 1,
     STM_POOL_CALLER_RUNS, false},
    {"it ends its thread", exit_thread, submit_all, 0, COUNT, 3, STM_POOL_BLOCK,
     false},
    {"who waits for it runs it", lead_others, submit_first, 0, 0, 2,
     STM_POOL_BLOCK, true},
};
enum { WAYS = sizeof ways / sizeof ways[0] };

static void set_the_scene(const struct way *way,
                          enum stm_pool_handover handover)
{
    const struct stm_pool_config config = {
        .max_threads = way->max_threads,
        .keep_alive = SECOND,
        .futures = true,
        .capacity = way->rejection == STM_POOL_BLOCK ? 0 : WAITING_ROOM,
        .rejection = way->rejection,
        .handover = handover,
        .thread_enter = way->alone ? enter_once : NULL,
        .thread_failed = ignore};

    scene.gate = word_var(0);
    scene.pool = pool_new(&config);
    for (stm_value i = 0; i < COUNT; i++) {
        const struct stm_pool_work work = {.function = way->function,
                                           .argument = i};

        scene.futures[i] = stm_pool_future_new(&work);
    }
}

static enum stm_status census_body(struct stm_tx *tx, void *census)
{
    return take_census(tx, census);
}

START_TEST(F_the_end_of_a_future_and_the_counts_are_one_commit)
{
    const struct way *way = &ways[_i % WAYS];
    struct census census;

    set_the_scene(way, (enum stm_pool_handover)(_i / WAYS));
    EXPECT_STATUS(STM_OK, stm_atomically(watch_scene, NULL));
    way->play();
    poke(scene.gate, 1);
    EXPECT_STATUS(STM_OK, stm_pool_join(scene.pool, STM_FOREVER));
    EXPECT_STATUS(STM_OK, stm_atomically(census_body, &census));
    EXPECT(census.ended + census.cancelled == COUNT &&
               census.cancelled >= way->cancelled &&
               census.exited >= way->exited,
           "%s: %zu ended, %zu were cancelled, %zu exited", way->name,
           census.ended, census.cancelled, census.exited);
    EXPECT(AO_load_acquire(&scene.compared) > COUNT,
           "%s: compared %zu times, expected more than %d", way->name,
           (size_t)AO_load_acquire(&scene.compared), COUNT);
    EXPECT_STATUS(STM_OK, stm_pool_free(scene.pool));
    for (size_t i = 0; i < COUNT; i++)
        stm_pool_future_release(scene.futures[i]);
    stm_tvar_release(scene.gate);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pool: ends of futures");

    tcase_add_loop_test(tests,
                        F_the_end_of_a_future_and_the_counts_are_one_commit, 0,
                        3 * WAYS);
    return run_suite("test_pool_future_ends", tests);
}
