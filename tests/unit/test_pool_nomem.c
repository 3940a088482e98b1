/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise I of pools: each allocation of the calling thread fails once, and
 * nothing is half-done or leaked. */
#include "faults.h"
#include "pool_support.h"

enum { SECOND = 1000000000 };

static enum stm_status add_one(stm_value argument, stm_value *result)
{
    *result = counted_new(counted_number(argument) + 1);
    return STM_OK;
}

/* One run; each step's status. */
struct run {
    enum stm_pool_handover handover;
    bool heap;
    struct stm_pool *pool;
    struct stm_pool_future *future;
    bool failed; /* an allocation has */
    size_t left; /* how many are to succeed before */
};

typedef enum stm_status step(struct run *run);

static enum stm_status make(struct run *run)
{
    struct stm_pool_config config = {.max_threads = 2,
                                     .keep_alive = SECOND,
                                     .capacity = 1,
                                     .rejection = STM_POOL_DROP_OLDEST,
                                     .handover = run->handover,
                                     .name = "without memory",
                                     .futures = true};
    enum stm_status status;

    if (run->heap) {
        config.queue = stm_tpriorityqueue_new(&stm_pool_future_type);
        if (config.queue == NULL)
            return STM_ENOMEM;
    }
    status = stm_pool_new(&config, &run->pool);
    stm_tpriorityqueue_release(config.queue);
    return status;
}

static enum stm_status pause_pool(struct run *run)
{
    return stm_pool_pause(run->pool);
}

/* A counted object is always to be had. */
static stm_value object_new(void)
{
    bool armed = faults.armed;
    stm_value object;

    faults.armed = false;
    object = counted_new(7);
    faults.armed = armed;
    return object;
}

static enum stm_status make_future(struct run *run)
{
    stm_value argument = object_new();
    const struct stm_pool_work work = {.function = add_one,
                                       .argument = argument,
                                       .argument_type = &counted_type,
                                       .result_type = &counted_type};

    if (run->future != NULL)
        stm_pool_future_release(run->future);
    run->future = stm_pool_future_new(&work);
    counted_drop(argument);
    return run->future != NULL ? STM_OK : STM_ENOMEM;
}

static enum stm_status submit(struct run *run)
{
    return stm_pool_submit(run->pool, (stm_value)run->future);
}

static enum stm_status delay(struct run *run)
{
    const struct stm_pool_order order = {.task = (stm_value)run->future,
                                         .delay = (uint64_t)3600 * SECOND};

    return stm_pool_submit_order(run->pool, &order);
}

static enum stm_status prioritize(struct run *run)
{
    return run->heap ? stm_pool_future_prioritize(run->future, 3) : STM_OK;
}

static enum stm_status cancel(struct run *run)
{
    return stm_pool_future_cancel(run->future);
}

static enum stm_status resize(struct run *run)
{
    return stm_pool_resize(run->pool, 1, 3);
}

static enum stm_status resume(struct run *run)
{
    return stm_pool_resume(run->pool);
}

static enum stm_status await(struct run *run)
{
    return stm_pool_await(run->future, STM_FOREVER);
}

static enum stm_status count(struct run *run)
{
    struct stm_pool_stats stats;

    return stm_pool_stats_read(run->pool, &stats);
}

static enum stm_status cancel_all(struct run *run)
{
    return stm_pool_cancel_all(run->pool, NULL);
}

static enum stm_status end(struct run *run) { return stm_pool_free(run->pool); }

/* Two futures wait where there is room for one, one is cancelled, one is late,
 * and one runs. */
static step *const steps[] = {
    make,        pause_pool, make_future, submit,      make_future, submit,
    prioritize,  cancel,     resize,      make_future, delay,       cancel_all,
    make_future, submit,     resume,      await,       count,       end};

enum { STEPS = sizeof steps / sizeof steps[0] };

/* What fails for want of memory is done again with it. */
static void expect_step(struct run *run, size_t index)
{
    enum stm_status status;

    faults_arm(run->left, false);
    faults.armed = !run->failed;
    status = steps[index](run);
    faults.armed = false;
    run->left = faults.left;
    if (faults.failed) {
        run->failed = true;
        EXPECT(status == STM_OK || status == STM_ENOMEM,
               "step %zu gave %d, expected OK or ENOMEM", index, (int)status);
        if (status == STM_ENOMEM)
            status = steps[index](run);
    }
    EXPECT(status == STM_OK, "step %zu gave %d with memory", index,
           (int)status);
}

START_TEST(I_each_allocation_may_fail)
{
    bool failed = true;
    size_t n = 0;

    for (; failed; n++) {
        struct run run = {.handover = _i % 3, .heap = _i >= 3, .left = n};

        for (size_t i = 0; i < STEPS; i++)
            expect_step(&run, i);
        failed = run.failed;
        stm_pool_future_release(run.future);
        EXPECT(counted_live() == 0, "%zu objects are left after fault %zu",
               counted_live(), n);
    }
    EXPECT(n > 100, "%zu allocations failed, expected more", n);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pool: without memory");

    tcase_add_loop_test(tests, I_each_allocation_may_fail, 0, 6);
    return run_suite("test_pool_nomem", tests);
}
