/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <stm/atomic-internal.h>
#include <stm/box-internal.h>
#include <stm/error-internal.h>
#include <stm/eventloop.h>
#include <stm/tlist.h>
#include <stm/tvar.h>
#include <stm/tx-internal.h>
#include <stm/value-internal.h>

/* A list of events and a flag, and a thread that blocks on them like any other
 * transaction: appending is all it takes to wake it. */
struct stm_eventloop {
    struct stm_eventloop *next; /* of all loops; under the lock of `loops` */

    struct stm_tlist *events;
    struct stm_tvar *generation; /* that the events were scheduled in */
    struct stm_tvar *stopped;    /* a word: 1 when nothing more is taken */
    bool is_default;             /* starts itself when first scheduled on */

    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t ended; /* running became false */
    bool running;         /* a thread is in stm_eventloop_run, or about to be */
    bool has_thread;      /* `thread` is to be joined */
    pthread_t thread;
};

struct event {
    struct stm__box box; /* the argument */
    stm_action *action;
};

/* ---- all loops, for the child of a fork ---- */

static struct {
    pthread_mutex_t lock;
    struct stm_eventloop *first;
} loops = {PTHREAD_MUTEX_INITIALIZER, NULL};

static void init_lock(struct stm_eventloop *loop)
{
    STM__MUST(pthread_mutex_init(&loop->lock, NULL) == 0);
    STM__MUST(pthread_cond_init(&loop->ended, NULL) == 0);
}

static void before_fork(void) { pthread_mutex_lock(&loops.lock); }
static void after_fork(void) { pthread_mutex_unlock(&loops.lock); }

/* No loop is run by anyone here.  What was scheduled is the parent's. */
static void after_fork_in_child(void)
{
    for (struct stm_eventloop *loop = loops.first; loop; loop = loop->next) {
        init_lock(loop);
        loop->running = loop->has_thread = false;
    }
    after_fork();
}

/* When the library is loaded: see stm/thread.c. */
__attribute__((constructor)) static void heed_forks(void)
{
    STM__MUST(pthread_atfork(before_fork, after_fork, after_fork_in_child) ==
              0);
}

static void enlist(struct stm_eventloop *loop)
{
    pthread_mutex_lock(&loops.lock);
    loop->next = loops.first;
    loops.first = loop;
    pthread_mutex_unlock(&loops.lock);
}

static void delist(struct stm_eventloop *loop)
{
    struct stm_eventloop **link = &loops.first;

    pthread_mutex_lock(&loops.lock);
    while (*link != loop)
        link = &(*link)->next;
    *link = loop->next;
    pthread_mutex_unlock(&loops.lock);
}

/* Lets go of what was scheduled before a fork that led to this process. */
static enum stm_status forget_parents_events(struct stm_tx *tx,
                                             struct stm_eventloop *loop)
{
    stm_value generation;

    STM_TRY(stm_tvar_get(tx, loop->generation, &generation));
    if (STM__LIKELY(generation == stm__generation))
        return STM_OK;
    STM_TRY(stm_tlist_clear(tx, loop->events));
    return stm_tvar_set(tx, loop->generation, stm__generation);
}

/* ---- making ---- */

static void destroy(struct stm_eventloop *loop)
{
    delist(loop);
    stm_tlist_release(loop->events);
    stm_tvar_release(loop->stopped);
    stm_tvar_release(loop->generation);
    pthread_cond_destroy(&loop->ended);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

struct stm_eventloop *stm_eventloop_new(void)
{
    struct stm_eventloop *loop = calloc(1, sizeof *loop);

    if (!loop)
        return NULL;
    loop->events = stm_tlist_new(&stm__box_type);
    loop->stopped = stm_tvar_new(NULL, 0);
    loop->generation = stm_tvar_new(NULL, stm__generation);
    init_lock(loop);
    enlist(loop);
    if (loop->events && loop->stopped && loop->generation)
        return loop;
    destroy(loop);
    return NULL;
}

/* ---- scheduling ---- */

static void start_default(stm_value loop)
{
    enum stm_status status = stm_eventloop_start((struct stm_eventloop *)loop);

    if (status != STM_OK) /* the event stays; the next one tries again */
        fprintf(stderr, "stm: event loop: %s\n", stm_strstatus(status));
}

enum stm_status stm_eventloop_schedule(struct stm_tx *tx,
                                       struct stm_eventloop *loop,
                                       stm_action *action, stm_value argument,
                                       const struct stm_type *type)
{
    struct event *event;
    stm_value stopped;
    enum stm_status status;

    STM_TRY(stm_tvar_get(tx, loop->stopped, &stopped));
    if (stopped)
        return STM_ECLOSED;
    STM_TRY(forget_parents_events(tx, loop));
    event = stm__box_new(sizeof *event, type, argument);
    if (!event)
        return STM_ENOMEM;
    event->action = action;
    status = stm_tlist_append(tx, loop->events, (stm_value)event);
    if (status == STM_OK)
        status = stm_release_later(tx, &stm__box_type, (stm_value)event);
    if (status != STM_OK) {
        stm__box_type.release((stm_value)event);
        return status;
    }
    if (!loop->is_default)
        return STM_OK;
    return stm_on_commit(tx, start_default, (stm_value)loop, NULL);
}

enum stm_status stm_eventloop_stop(struct stm_tx *tx,
                                   struct stm_eventloop *loop)
{
    return stm_tvar_set(tx, loop->stopped, 1);
}

/* ---- running ---- */

struct turn {
    struct stm_eventloop *loop;
    stm_value event; /* 0: the loop is stopped and empty */
    AO_t generation; /* in which the loop began to run */
};

/* An event or a blocking hook may fork.  In the child nobody runs the loop,
 * until somebody begins to. */
static enum stm_status still_running(const struct turn *turn)
{
    return turn->generation == stm__generation
               ? STM_OK
               : stm_error(STM_EFORKED, "an event loop's thread has forked; "
                                        "the loop goes on in the parent");
}

static enum stm_status take_event(struct stm_tx *tx, void *argument)
{
    struct turn *turn = argument;
    stm_value event, stopped;
    enum stm_status status;

    STM_TRY(still_running(turn));
    STM_TRY(forget_parents_events(tx, turn->loop));
    status = stm_tlist_pop_front(tx, turn->loop->events, &event);
    if (status == STM_OK)
        return stm_export(tx, &stm__box_type, event, &turn->event);
    if (status != STM_EEMPTY)
        return status;
    STM_TRY(stm_tvar_get(tx, turn->loop->stopped, &stopped));
    return stopped ? STM_OK : stm_retry(tx);
}

static enum stm_status run_events(struct stm_eventloop *loop)
{
    struct turn turn = {loop, 0, stm__generation};

    for (;;) {
        struct event *event;

        turn.event = 0;
        STM_TRY(stm_atomically(take_event, &turn));
        if (!turn.event)
            return STM_OK;
        event = (struct event *)turn.event;
        if (still_running(&turn) == STM_OK) /* also after the commit */
            event->action(event->box.item.value);
        stm__box_type.release(turn.event);
    }
}

static bool claim(struct stm_eventloop *loop)
{
    bool claimed;

    pthread_mutex_lock(&loop->lock);
    claimed = !loop->running;
    loop->running = true;
    pthread_mutex_unlock(&loop->lock);
    return claimed;
}

static void unclaim(struct stm_eventloop *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->running = false;
    pthread_cond_broadcast(&loop->ended);
    pthread_mutex_unlock(&loop->lock);
}

enum stm_status stm_eventloop_run(struct stm_eventloop *loop)
{
    AO_t generation = stm__generation;
    enum stm_status status;

    STM_TRY(stm__outside(__func__));
    if (!claim(loop))
        return stm_error(STM_EMISUSE, "stm_eventloop_run: another thread runs "
                                      "this loop; expected at most one");
    status = run_events(loop);
    if (generation == stm__generation)
        unclaim(loop);
    return status;
}

static void *thread_main(void *argument)
{
    struct stm_eventloop *loop = argument;
    AO_t generation = stm__generation;
    enum stm_status status = run_events(loop);

    if (generation != stm__generation) /* the child's only thread: it ends */
        return NULL;
    if (status != STM_OK)
        fprintf(stderr, "stm: event loop: %s\n", stm_strstatus(status));
    unclaim(loop);
    return NULL;
}

/* Joins the thread that ran the loop before, if any.  Under the lock: such a
 * thread needs it no more when running is false. */
static void join_ended(struct stm_eventloop *loop)
{
    if (loop->has_thread)
        pthread_join(loop->thread, NULL);
    loop->has_thread = false;
}

enum stm_status stm_eventloop_start(struct stm_eventloop *loop)
{
    enum stm_status status = STM_OK;

    STM_TRY(stm__outside(__func__));
    pthread_mutex_lock(&loop->lock);
    if (!loop->running) {
        join_ended(loop);
        if (pthread_create(&loop->thread, NULL, thread_main, loop) == 0)
            loop->running = loop->has_thread = true;
        else
            status = STM_ETHREAD;
    }
    pthread_mutex_unlock(&loop->lock);
    return status;
}

static enum stm_status stop_body(struct stm_tx *tx, void *argument)
{
    return stm_eventloop_stop(tx, argument);
}

/* Stopping a loop writes one word; should even that find no memory, the thread
 * that is waited for next would never end. */
static void stop(struct stm_eventloop *loop)
{
    while (stm_atomically(stop_body, loop) == STM_ENOMEM)
        sched_yield();
}

/* Waits until nobody runs the loop. */
static void await_end(struct stm_eventloop *loop)
{
    pthread_mutex_lock(&loop->lock);
    while (loop->running)
        pthread_cond_wait(&loop->ended, &loop->lock);
    join_ended(loop);
    pthread_mutex_unlock(&loop->lock);
}

void stm_eventloop_free(struct stm_eventloop *loop)
{
    if (!loop)
        return;
    stop(loop);
    await_end(loop);
    destroy(loop);
}

int stm_eventloop_traverse(struct stm_eventloop *loop, stm_visit *visit,
                           void *context)
{
    return stm_tlist_traverse(loop->events, visit, context);
}

void stm_eventloop_discard(struct stm_eventloop *loop)
{
    stm_tlist_discard(loop->events);
}

/* ---- the process's own ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct stm_eventloop *default_loop;

static bool on_own_thread(struct stm_eventloop *loop)
{
    bool own;

    pthread_mutex_lock(&loop->lock);
    own = loop->has_thread && pthread_equal(loop->thread, pthread_self());
    pthread_mutex_unlock(&loop->lock);
    return own;
}

/* At exit.  What has no thread, because none could be started, runs here.  From
 * within a transaction or an event there is nothing to wait for: this thread
 * would wait for itself. */
static void finish_default(void)
{
    if (stm_current() || on_own_thread(default_loop))
        return;
    stop(default_loop);
    await_end(default_loop);
    if (claim(default_loop)) {
        (void)run_events(default_loop);
        unclaim(default_loop);
    }
}

static void make_default(void)
{
    default_loop = stm_eventloop_new();
    if (!default_loop)
        return;
    default_loop->is_default = true;
    atexit(finish_default);
}

struct stm_eventloop *stm_eventloop_default(void)
{
    pthread_once(&once, make_default);
    return default_loop;
}
