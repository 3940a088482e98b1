/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The set of timers, against a plain array, and the service thread that uses
 * it: what is posted runs once and in order, and the thread is there only while
 * there is something to do.  The program is linked with -Wl,--wrap for
 * pthread_create. */
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stm/service-internal.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the set ---- */

enum { TIMERS = 300 };

struct model {
    struct stm__timers timers;
    struct stm__timer items[TIMERS];
    uint64_t times[TIMERS][STM__CLOCKS]; /* both STM_FOREVER: not in the set */
};

static bool modelled(const struct model *model, size_t i)
{
    return model->times[i][STM__MONOTONIC] != STM_FOREVER ||
           model->times[i][STM__WALL] != STM_FOREVER;
}

static uint64_t earliest(const struct model *model, int clock)
{
    uint64_t time = STM_FOREVER;

    for (size_t i = 0; i < TIMERS; i++)
        if (model->times[i][clock] < time)
            time = model->times[i][clock];
    return time;
}

static void toggle(struct model *model, size_t i, struct generator *generator)
{
    uint64_t *times = model->times[i];

    if (modelled(model, i)) {
        stm__timers_remove(&model->timers, &model->items[i]);
        times[STM__MONOTONIC] = times[STM__WALL] = STM_FOREVER;
        return;
    }
    for (int clock = 0; clock < STM__CLOCKS; clock++)
        if (generator_below(generator, 3) > 0)
            times[clock] = generator_below(generator, 1000);
    stm__timers_add(&model->timers, &model->items[i], times);
}

static void expect_first(const struct model *model, int clock)
{
    struct stm__timer *first = stm__timers_first(&model->timers, clock);
    uint64_t wanted = earliest(model, clock);
    uint64_t next = stm__timers_next(&model->timers, clock);

    EXPECT(next == wanted, "expected the next at %zu, got %zu", (size_t)wanted,
           (size_t)next);
    EXPECT((first != NULL) == (wanted != STM_FOREVER),
           "expected a first timer just where there is one");
    EXPECT(first == NULL || model->times[first - model->items][clock] == wanted,
           "expected the first timer to be the one that is due next");
}

START_TEST(a_set_of_timers_knows_the_earliest_by_each_clock)
{
    static struct model model;
    struct generator generator;

    generator_init(&generator, 1);
    for (size_t i = 0; i < TIMERS; i++)
        model.times[i][STM__MONOTONIC] = model.times[i][STM__WALL] =
            STM_FOREVER;
    for (size_t step = 0; step < workload(20000); step++) {
        toggle(&model, generator_below(&generator, TIMERS), &generator);
        expect_first(&model, STM__MONOTONIC);
        expect_first(&model, STM__WALL);
    }
}
END_TEST

START_TEST(a_set_of_timers_yields_them_in_order)
{
    static struct model model;
    struct generator generator;
    uint64_t last = 0;

    generator_init(&generator, 2);
    for (size_t i = 0; i < TIMERS; i++) {
        model.times[i][STM__MONOTONIC] = generator_next(&generator) / 2;
        model.times[i][STM__WALL] = STM_FOREVER;
        stm__timers_add(&model.timers, &model.items[i], model.times[i]);
    }
    for (size_t i = 0; i < TIMERS; i++) {
        struct stm__timer *first =
            stm__timers_first(&model.timers, STM__MONOTONIC);

        EXPECT(first->nodes[STM__MONOTONIC].time >= last,
               "expected ascending times");
        last = first->nodes[STM__MONOTONIC].time;
        stm__timers_remove(&model.timers, first);
    }
    EXPECT(stm__timers_first(&model.timers, STM__MONOTONIC) == NULL,
           "expected none left");
}
END_TEST

/* ---- the thread ---- */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument);

static AO_t refused; /* nonzero: no thread is to be had */

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument)
{
    if (AO_load_acquire(&refused) > 0)
        return EAGAIN;
    return __real_pthread_create(thread, attributes, start, argument);
}

static AO_t done; /* tasks and timers that have run */

struct job {
    struct stm__task task;
    struct stm__timer timer;
    AO_t place; /* in the order of running, from 1; 0: has not run */
    uint64_t generation;
    struct job *posts; /* when it runs */
};

static void note_job(struct job *job)
{
    EXPECT(AO_load(&job->place) == 0, "expected each job to run once");
    EXPECT(stm_current() == NULL, "expected no transaction around a job");
    if (job->posts != NULL)
        stm__service_post(&job->posts->task);
    AO_store_release(&job->place, AO_load(&done) + 1);
    AO_fetch_and_add1_full(&done);
}

static void run_job(struct stm__task *task)
{
    note_job((struct job *)((char *)task - offsetof(struct job, task)));
}

static void expire_job(struct stm__timer *timer, uint64_t generation)
{
    struct job *job =
        (struct job *)((char *)timer - offsetof(struct job, timer));

    job->generation = generation;
    note_job(job);
}

static void job_init(struct job *job)
{
    *job = (struct job){.task = {.run = run_job}, .timer = {.due = expire_job}};
}

/* Ends a test. */
static void await_no_thread(void)
{
    while (live_threads() > 1)
        sched_yield();
    AO_store(&done, 0);
}

static bool set_job(struct job *job, uint64_t generation, uint64_t time)
{
    const uint64_t times[STM__CLOCKS] = {
        [STM__MONOTONIC] = time, [STM__WALL] = STM_FOREVER};

    return stm__service_set(&job->timer, generation, times);
}

enum { HOUR = 3600 };

static uint64_t in_an_hour(void)
{
    return monotonic_now() + HOUR * UINT64_C(1000000000);
}

START_TEST(what_is_posted_runs_once_in_order)
{
    static struct job jobs[100];

    for (size_t i = 0; i < 100; i++)
        job_init(&jobs[i]);
    for (size_t i = 0; i < 100; i++)
        stm__service_post(&jobs[i].task);
    await_count(&done, 100);
    for (size_t i = 0; i < 100; i++)
        EXPECT(AO_load_acquire(&jobs[i].place) == i + 1,
               "expected job %zu to run as number %zu, not %zu", i, i + 1,
               (size_t)AO_load(&jobs[i].place));
    await_no_thread();
}
END_TEST

static void post_many(size_t index, void *context)
{
    struct job *jobs = (struct job *)context + index * 200;

    for (size_t i = 0; i < 200; i++)
        stm__service_post(&jobs[i].task);
}

START_TEST(what_threads_post_runs_once)
{
    static struct job jobs[4 * 200];

    for (size_t i = 0; i < 4 * 200; i++)
        job_init(&jobs[i]);
    crew_run(4, post_many, jobs);
    await_count(&done, 4 * 200);
    for (size_t i = 1; i < 4 * 200; i++)
        EXPECT(i % 200 == 0 ||
                   AO_load(&jobs[i].place) > AO_load(&jobs[i - 1].place),
               "expected each thread's jobs in order of posting");
    await_no_thread();
}
END_TEST

START_TEST(what_is_posted_by_a_task_runs)
{
    struct job first, second;

    job_init(&first);
    job_init(&second);
    first.posts = &second;
    stm__service_post(&first.task);
    await_count(&done, 2);
    await_no_thread();
}
END_TEST

START_TEST(a_thread_that_cannot_be_started_is_tried_again)
{
    struct job first, second;

    job_init(&first);
    job_init(&second);
    AO_store_release(&refused, 1);
    stm__service_post(&first.task);
    EXPECT(!set_job(&second, 1, 0), "expected the timer to be set");
    EXPECT(live_threads() == 1 && AO_load(&done) == 0,
           "expected no thread and nothing done");
    AO_store_release(&refused, 0);
    EXPECT(set_job(&second, 2, 0), "expected the timer to be set already");
    await_count(&done, 2);
    EXPECT(second.generation == 2, "expected the later setting to count");
    await_no_thread();
}
END_TEST

START_TEST(a_timer_takes_no_older_generation)
{
    struct job job;

    job_init(&job);
    EXPECT(!set_job(&job, 2, in_an_hour()), "expected the timer to be set");
    EXPECT(set_job(&job, 1, 0), "expected an older setting to be refused");
    EXPECT(set_job(&job, 2, 0), "expected the same setting to be refused");
    EXPECT(!set_job(&job, 1, STM_FOREVER),
           "expected an older withdrawal to be refused");
    EXPECT(live_threads() == 2, "expected a thread that waits");
    EXPECT(set_job(&job, 3, STM_FOREVER), "expected the timer withdrawn");
    EXPECT(!set_job(&job, 4, STM_FOREVER), "expected it to be withdrawn then");
    EXPECT(AO_load(&done) == 0, "expected nothing done");
    await_no_thread();
}
END_TEST

START_TEST(a_timer_set_to_an_earlier_time_goes_off_then)
{
    struct job later, job;

    job_init(&later);
    job_init(&job);
    EXPECT(!set_job(&later, 1, in_an_hour()), "expected the timer to be set");
    EXPECT(!set_job(&job, 1, in_an_hour()), "expected the timer to be set");
    EXPECT(set_job(&job, 2, monotonic_now()), "expected it to be set already");
    await_count(&done, 1);
    EXPECT(AO_load_acquire(&job.place) == 1, "expected that timer to go off");
    EXPECT(set_job(&later, 2, STM_FOREVER), "expected the other withdrawn");
    await_no_thread();
}
END_TEST

START_TEST(a_forked_child_starts_anew)
{
    struct job timer, task, anew;
    int status;
    pid_t child;

    job_init(&timer);
    job_init(&task);
    job_init(&anew);
    AO_store_release(&refused, 1);
    stm__service_post(&task.task);
    AO_store_release(&refused, 0);
    child = fork();
    if (child == 0)
        _exit(set_job(&timer, 1, in_an_hour()) ||
              set_job(&timer, 2, STM_FOREVER) != true || AO_load(&done) != 0);
    EXPECT(waitpid(child, &status, 0) == child && status == 0,
           "expected the child to use the timer as its own and to leave the "
           "parent's task alone");
    stm__service_post(&anew.task);
    await_count(&done, 2);
    await_no_thread();
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("timers and the service thread");

    tcase_add_test(tests, a_set_of_timers_knows_the_earliest_by_each_clock);
    tcase_add_test(tests, a_set_of_timers_yields_them_in_order);
    tcase_add_test(tests, what_is_posted_runs_once_in_order);
    tcase_add_test(tests, what_threads_post_runs_once);
    tcase_add_test(tests, what_is_posted_by_a_task_runs);
    tcase_add_test(tests, a_thread_that_cannot_be_started_is_tried_again);
    tcase_add_test(tests, a_timer_takes_no_older_generation);
    tcase_add_test(tests, a_timer_set_to_an_earlier_time_goes_off_then);
    tcase_add_test(tests, a_forked_child_starts_anew);
    return run_suite("service", tests);
}
