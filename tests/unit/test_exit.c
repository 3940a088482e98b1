/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The end of a process in which the default event loop is in use: what was
 * scheduled still runs, and exit waits for nobody who cannot come.  Each
 * process that ends is a child of the test.  That no thread can be started is
 * this program's own pthread_create, which comes before the system's. */
#include "support.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EVENTS = 5, CHILD_SECONDS = 20 };

static AO_t no_threads; /* pthread_create fails */

typedef int create_thread(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument);

/* Where a sanitizer watches threads, it must see this one. */
create_thread __interceptor_pthread_create __attribute__((weak));

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                   void *(*start)(void *), void *argument)
{
    create_thread *real = __interceptor_pthread_create;

    if (AO_load_acquire(&no_threads) != 0)
        return EAGAIN;
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return real(thread, attributes, start, argument);
}

static AO_t *events_run; /* shared with the children */

/* Runs a function in a child and expects it to exit with this status. */
static void expect_exit(int wanted, void (*run)(void))
{
    pid_t child;
    int status;

    if (events_run == NULL)
        events_run = mmap(NULL, sizeof *events_run, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(events_run != MAP_FAILED);
    AO_store(events_run, 0);
    fflush(NULL); /* or else both write what is buffered */
    child = fork();
    if (child == 0) {
        signal(SIGALRM, SIG_DFL);
        alarm(CHILD_SECONDS);
        run();
        abort();
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    EXPECT(!WIFSIGNALED(status),
           "expected the process to exit, it was ended by signal %d%s",
           WTERMSIG(status),
           WTERMSIG(status) == SIGALRM ? ": it did not end in time" : "");
    EXPECT(WEXITSTATUS(status) == wanted, "expected the exit status %d, got %d",
           wanted, WEXITSTATUS(status));
}

static enum stm_status schedule_body(struct stm_tx *tx, void *argument)
{
    (void)argument;
    return stm_eventloop_schedule(tx, stm_eventloop_default(), action_count,
                                  (stm_value)events_run, NULL);
}

static void schedule(size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (stm_atomically(schedule_body, NULL) != STM_OK)
            abort();
}

static void schedule_and_exit(void)
{
    schedule(EVENTS);
    exit(2);
}

START_TEST(what_was_scheduled_runs_before_the_process_ends)
{
    expect_exit(2, schedule_and_exit);
    EXPECT(*events_run == EVENTS, "expected %d events to run, got %zu", EVENTS,
           (size_t)*events_run);
}
END_TEST

static void schedule_without_threads_and_exit(void)
{
    AO_store_release(&no_threads, 1);
    schedule_and_exit();
}

START_TEST(what_was_scheduled_runs_at_exit_where_no_thread_could_be_started)
{
    expect_exit(2, schedule_without_threads_and_exit);
    EXPECT(*events_run == EVENTS, "expected %d events to run, got %zu", EVENTS,
           (size_t)*events_run);
}
END_TEST

static enum stm_status exit_body(struct stm_tx *tx, void *argument)
{
    (void)argument;
    STM_TRY(schedule_body(tx, NULL));
    exit(3);
}

static void exit_in_a_body(void)
{
    enum stm_status status;

    schedule(1);
    status = stm_atomically(exit_body, NULL);
    (void)status;
}

START_TEST(exit_inside_a_body_does_not_wait_for_the_body)
{
    expect_exit(3, exit_in_a_body);
    EXPECT(*events_run <= 1, "expected what never committed not to run");
}
END_TEST

static enum stm_status nested_exit_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(schedule_body(tx, NULL));
    return stm_atomically(exit_body, argument);
}

static void exit_in_a_nested_body(void)
{
    enum stm_status status;

    schedule(1);
    status = stm_atomically(nested_exit_body, NULL);
    (void)status;
}

START_TEST(exit_inside_a_nested_body_does_not_wait_for_the_body)
{
    expect_exit(3, exit_in_a_nested_body);
    EXPECT(*events_run <= 1, "expected what never committed not to run");
}
END_TEST

static void exit_action(stm_value status) { exit((int)status); }

static enum stm_status schedule_exit_body(struct stm_tx *tx, void *argument)
{
    (void)argument;
    return stm_eventloop_schedule(tx, stm_eventloop_default(), exit_action, 4,
                                  NULL);
}

static void exit_in_an_event(void)
{
    if (stm_atomically(schedule_exit_body, NULL) != STM_OK)
        abort();
    for (;;)
        pause();
}

START_TEST(exit_in_an_event_does_not_wait_for_the_event)
{
    expect_exit(4, exit_in_an_event);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("exit");

    tcase_add_test(tests, what_was_scheduled_runs_before_the_process_ends);
    tcase_add_test(
        tests,
        what_was_scheduled_runs_at_exit_where_no_thread_could_be_started);
    tcase_add_test(tests, exit_inside_a_body_does_not_wait_for_the_body);
    tcase_add_test(tests, exit_inside_a_nested_body_does_not_wait_for_the_body);
    tcase_add_test(tests, exit_in_an_event_does_not_wait_for_the_event);
    return run_suite("exit", tests);
}
