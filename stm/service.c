/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include <stm/error-internal.h>
#include <stm/park-internal.h>
#include <stm/service-internal.h>

#define WALL_SLICE_NS 1000000000 /* the wall clock is looked at this often */
#define TASKS_PER_VISIT 64

static struct {
    pthread_mutex_t lock; /* a leaf: nothing else is locked under it */
    pthread_cond_t changed;
    struct stm__task *first, **last;
    struct stm__timers timers;
    uint64_t era;    /* of the process: a timer is set if this is its own */
    bool has_thread; /* which will look at all this once more */
} service = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .changed = PTHREAD_COND_INITIALIZER,
    .last = &service.first,
    .era = 1,
};

/* ---- the hooks ---- */

static AO_t hooks; /* const struct stm_service * */

/* On the service thread, while it works: the hooks that it entered by. */
static STM__THREAD_LOCAL const struct stm_service *entered;

const struct stm_service *stm_set_service(const struct stm_service *replacement)
{
    return (const struct stm_service *)stm__swap(&hooks, (AO_t)replacement);
}

static void enter(void)
{
    entered = (const struct stm_service *)AO_load_acquire(&hooks);
    if (entered && entered->enter)
        entered->enter(entered->context);
}

static void leave(void)
{
    if (entered && entered->leave)
        entered->leave(entered->context);
}

static const char *message_for(enum stm_status status)
{
    switch (status) {
    case STM_EMISUSE:
    case STM_EDIVERGED:
    case STM_EINVARIANT:
        return stm_error_message();
    default:
        return stm_strstatus(status);
    }
}

static void report(enum stm_status status)
{
    if (entered && entered->unhandled)
        entered->unhandled(entered->context, status, message_for(status));
    else
        fprintf(stderr, "stm: service thread: %s\n", message_for(status));
}

enum stm_status stm__service_run(stm_body *body, void *argument)
{
    struct stm_call *call = stm_call_new(body, argument);
    enum stm_status status = call ? stm_call_step(call) : STM_ENOMEM;

    stm_call_free(call);
    if (status == STM_BLOCKED)
        status = stm_error(STM_EMISUSE,
                           "stm_retry: called on the service thread, where "
                           "nobody waits for the transaction; expected a "
                           "watcher or a callback that does not retry");
    if (status != STM_OK)
        report(status);
    return status;
}

/* ---- the thread ---- */

/* The functions that say _locked let the lock go while they run something. */

static struct stm__task *take_task_locked(void)
{
    struct stm__task *task = service.first;

    if (!task)
        return NULL;
    service.first = task->next;
    if (!service.first)
        service.last = &service.first;
    return task;
}

/* Deaths come in crowds, and to enter may be dear: one visit is for several,
 * but not for any number, since others may wait for the thread to leave. */
static bool run_tasks_locked(void)
{
    struct stm__task *task = take_task_locked();
    int left = TASKS_PER_VISIT;

    if (!task)
        return false;
    pthread_mutex_unlock(&service.lock);
    enter();
    while (task) {
        task->run(task);
        pthread_mutex_lock(&service.lock);
        task = --left ? take_task_locked() : NULL;
        pthread_mutex_unlock(&service.lock);
    }
    leave();
    pthread_mutex_lock(&service.lock);
    return true;
}

static struct stm__timer *due_timer(void)
{
    const struct stm__timers *timers = &service.timers;

    if (stm__timers_first(timers, STM__MONOTONIC) &&
        stm__timers_next(timers, STM__MONOTONIC) <= stm__clock_monotonic())
        return stm__timers_first(timers, STM__MONOTONIC);
    if (stm__timers_first(timers, STM__WALL) &&
        stm__timers_next(timers, STM__WALL) <= stm__clock_wall())
        return stm__timers_first(timers, STM__WALL);
    return NULL;
}

static bool run_timer_locked(void)
{
    struct stm__timer *timer = due_timer();
    uint64_t generation;

    if (!timer)
        return false;
    stm__timers_remove(&service.timers, timer);
    timer->era = 0;
    generation = timer->generation;
    pthread_mutex_unlock(&service.lock);
    enter();
    timer->due(timer, generation);
    leave();
    pthread_mutex_lock(&service.lock);
    return true;
}

static bool has_timer(void)
{
    return stm__timers_first(&service.timers, STM__MONOTONIC) ||
           stm__timers_first(&service.timers, STM__WALL);
}

static uint64_t next_alarm(void)
{
    uint64_t alarm = stm__timers_next(&service.timers, STM__MONOTONIC);
    uint64_t moment = stm__timers_next(&service.timers, STM__WALL);
    uint64_t now, wall, wait;

    if (moment == STM_FOREVER)
        return alarm;
    now = stm__clock_monotonic();
    wall = stm__clock_wall();
    wait = moment > wall ? moment - wall : 0;
    if (wait > WALL_SLICE_NS)
        wait = WALL_SLICE_NS;
    return now + wait < alarm ? now + wait : alarm;
}

static void sleep_locked(void)
{
    uint64_t alarm = next_alarm();
    struct timespec moment = {(time_t)(alarm / 1000000000u),
                              (long)(alarm % 1000000000u)};

    (void)pthread_cond_clockwait(&service.changed, &service.lock,
                                 CLOCK_MONOTONIC, &moment);
}

/* In a child that was forked by what the thread ran, the thread is like any
 * other. */
static void serve_locked(uint64_t era)
{
    while (service.era == era) {
        bool was_due = run_timer_locked();

        if (service.era != era)
            return;
        if (run_tasks_locked() || was_due)
            continue;
        if (!has_timer())
            break;
        sleep_locked();
    }
    if (service.era == era)
        service.has_thread = false;
}

static void notify_locked(bool changed);

/* What the thread runs may end it; another one takes its place. */
static void note_end(void *era)
{
    pthread_mutex_lock(&service.lock);
    if (service.era == *(uint64_t *)era) {
        service.has_thread = false;
        notify_locked(true);
    }
    pthread_mutex_unlock(&service.lock);
}

static void *serve(void *unused)
{
    uint64_t era;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_cleanup_push(note_end, &era);
    pthread_mutex_lock(&service.lock);
    era = service.era;
    serve_locked(era);
    pthread_mutex_unlock(&service.lock);
    pthread_cleanup_pop(0);
    return unused;
}

/* Nobody joins the thread: a process that exits may end it anywhere.  It takes
 * no signals, which others wait for. */
static bool start_thread(void)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_t thread;
    bool started;

    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    started = pthread_create(&thread, &attributes, serve, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

/* Sees to it that there is a thread if there is something to do, and that it
 * looks at what there is to do now. */
static void notify_locked(bool changed)
{
    if (!service.has_thread)
        service.has_thread = (service.first || has_timer()) && start_thread();
    else if (changed)
        pthread_cond_signal(&service.changed);
}

/* ---- fork ---- */

static void before_fork(void) { pthread_mutex_lock(&service.lock); }

static void after_fork(void) { pthread_mutex_unlock(&service.lock); }

/* The child starts anew, with nothing set and nothing posted. */
static void after_fork_in_child(void)
{
    static const struct stm__timers none;

    STM__MUST(pthread_cond_init(&service.changed, NULL) == 0);
    service.first = NULL;
    service.last = &service.first;
    service.timers = none;
    service.era++;
    service.has_thread = false;
    after_fork();
}

__attribute__((constructor)) static void heed_forks(void)
{
    STM__MUST(pthread_atfork(before_fork, after_fork, after_fork_in_child) ==
              0);
}

/* ---- what is to be done ---- */

void stm__service_post(struct stm__task *task)
{
    task->next = NULL;
    pthread_mutex_lock(&service.lock);
    *service.last = task;
    service.last = &task->next;
    notify_locked(true);
    pthread_mutex_unlock(&service.lock);
}

static bool set_locked(struct stm__timer *timer, uint64_t generation,
                       const uint64_t times[STM__CLOCKS], bool sets)
{
    uint64_t monotonic = stm__timers_next(&service.timers, STM__MONOTONIC);
    uint64_t wall = stm__timers_next(&service.timers, STM__WALL);
    bool was_set = timer->era == service.era;

    if (generation <= timer->generation)
        return sets;
    timer->generation = generation;
    if (was_set)
        stm__timers_remove(&service.timers, timer);
    timer->era = sets ? service.era : 0;
    if (sets)
        stm__timers_add(&service.timers, timer, times);
    notify_locked(stm__timers_next(&service.timers, STM__MONOTONIC) !=
                      monotonic ||
                  stm__timers_next(&service.timers, STM__WALL) != wall);
    return was_set;
}

bool stm__service_set(struct stm__timer *timer, uint64_t generation,
                      const uint64_t times[STM__CLOCKS])
{
    bool sets =
        times[STM__MONOTONIC] != STM_FOREVER || times[STM__WALL] != STM_FOREVER;
    bool owed;

    pthread_mutex_lock(&service.lock);
    owed = set_locked(timer, generation, times, sets);
    pthread_mutex_unlock(&service.lock);
    return owed;
}

bool stm__service_has_thread(void)
{
    bool has_thread;

    pthread_mutex_lock(&service.lock);
    has_thread = service.has_thread;
    pthread_mutex_unlock(&service.lock);
    return has_thread;
}
