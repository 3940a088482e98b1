/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The threads of one pool as the system knows them.
 *
 * A thread cannot join itself, and an abandoned pool has nobody who would.  So
 * each thread that ends leaves its name behind and joins the one that did so
 * before it: at any time there is at most one thread to be joined, by whoever
 * waits for the pool, or detached, when there is no one.
 *
 * Lock rule: nothing but the members below is touched under the lock; no
 * callback, no join and nothing of libstm. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "pool-internal.h"

struct stm__roster {
    AO_t references; /* the pool's and one for each thread */
    struct stm_pool_config config;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* none runs, or none is joined, any more */
    AO_t generation;        /* in which the pool was made */
    size_t running;         /* threads expected, or not yet left; under lock */
    bool has_last;          /* is there a thread to be joined?  under lock */
    bool joining;           /* does one who waits join it?  under lock */
    pthread_t last;         /* that thread; under lock */
};

/* Which pool does this thread work for? */
static STM__THREAD_LOCAL const struct stm__roster *own_roster;

/* The forks that led to this process: a pool's threads are not in a child. */
static AO_t generation;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void count_fork(void) { generation++; }
static void heed_forks(void) { (void)pthread_atfork(NULL, NULL, count_fork); }

AO_t stm__roster_generation(void) { return generation; }

bool stm__roster_is_parents(const struct stm__roster *roster)
{
    return roster->generation != generation;
}

struct stm__roster *stm__roster_new(const struct stm_pool_config *config)
{
    struct stm__roster *roster = calloc(1, sizeof *roster);

    if (roster == NULL)
        return NULL;
    if (pthread_mutex_init(&roster->lock, NULL) != 0)
        goto no_lock;
    if (pthread_cond_init(&roster->changed, NULL) != 0)
        goto no_condition;
    pthread_once(&once, heed_forks);
    roster->references = 1;
    roster->generation = generation;
    roster->config = *config;
    return roster;

no_condition:
    pthread_mutex_destroy(&roster->lock);
no_lock:
    free(roster);
    return NULL;
}

void stm__roster_release(struct stm__roster *roster)
{
    if (!stm__count_down(&roster->references))
        return;
    if (roster->has_last)
        pthread_detach(roster->last);
    pthread_cond_destroy(&roster->changed);
    pthread_mutex_destroy(&roster->lock);
    if (roster->config.finalize != NULL)
        roster->config.finalize(roster->config.context);
    free(roster);
}

void stm__roster_drop_finalizer(struct stm__roster *roster)
{
    roster->config.finalize = NULL;
}

const struct stm_pool_config *
stm__roster_config(const struct stm__roster *roster)
{
    return &roster->config;
}

/* Signals are for the program's own threads, one of which may sleep in
 * libstm and must be the one that is interrupted. */
static int create_thread(void *(*main)(void *), void *argument)
{
    static const int own_faults[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                                     SIGTRAP, SIGABRT, SIGPROF};
    pthread_t thread;
    sigset_t blocked, before;
    int error;

    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof own_faults / sizeof own_faults[0]; i++)
        sigdelset(&blocked, own_faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    error = pthread_create(&thread, NULL, main, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

void stm__roster_expect(struct stm__roster *roster)
{
    stm__count_up(&roster->references);
    pthread_mutex_lock(&roster->lock);
    roster->running++;
    pthread_mutex_unlock(&roster->lock);
}

void stm__roster_forgo(struct stm__roster *roster)
{
    if (stm__roster_is_parents(roster))
        return;
    pthread_mutex_lock(&roster->lock);
    if (--roster->running == 0)
        pthread_cond_broadcast(&roster->changed);
    pthread_mutex_unlock(&roster->lock);
    stm__roster_release(roster);
}

int stm__roster_start(struct stm__roster *roster, void *(*main)(void *),
                      void *argument)
{
    int error = create_thread(main, argument);

    if (error != 0)
        stm__roster_forgo(roster);
    return error;
}

enum stm_status stm__roster_enter(struct stm__roster *roster)
{
    own_roster = roster;
    if (roster->config.thread_enter == NULL)
        return STM_OK;
    return roster->config.thread_enter(roster->config.context);
}

bool stm__roster_may_go_on(const struct stm__roster *roster)
{
    const struct stm_pool_config *config = &roster->config;

    if (config->thread_ended == NULL || config->thread_ended(config->context))
        return true;
    if (own_roster == roster) /* nobody will join it */
        pthread_detach(pthread_self());
    return false;
}

void stm__roster_leave(struct stm__roster *roster, enum stm_status entered)
{
    pthread_t before;
    bool join;

    if (stm__roster_is_parents(roster))
        return;
    if (entered == STM_OK && roster->config.thread_leave != NULL)
        roster->config.thread_leave(roster->config.context);
    if (stm__roster_is_parents(roster)) /* since then */
        return;
    own_roster = NULL;

    pthread_mutex_lock(&roster->lock);
    join = roster->has_last;
    before = roster->last;
    roster->has_last = true;
    roster->last = pthread_self();
    if (--roster->running == 0)
        pthread_cond_broadcast(&roster->changed);
    pthread_mutex_unlock(&roster->lock);

    if (join)
        pthread_join(before, NULL);
    stm__roster_release(roster);
}

bool stm__roster_has_caller(const struct stm__roster *roster)
{
    return own_roster == roster;
}

static void join_all(struct stm__roster *roster)
{
    pthread_t last;
    bool join;

    pthread_mutex_lock(&roster->lock);
    while (roster->running > 0 || roster->joining)
        pthread_cond_wait(&roster->changed, &roster->lock);
    join = roster->joining = roster->has_last;
    last = roster->last;
    roster->has_last = false;
    pthread_mutex_unlock(&roster->lock);
    if (!join)
        return;
    pthread_join(last, NULL);
    pthread_mutex_lock(&roster->lock);
    roster->joining = false;
    pthread_cond_broadcast(&roster->changed);
    pthread_mutex_unlock(&roster->lock);
}

/* What blocks outside the library heeds the caller's hooks all the same. */
static const struct stm_blocking *begin_wait(void)
{
    const struct stm_blocking *hooks = stm_set_blocking(NULL);

    (void)stm_set_blocking(hooks);
    if (hooks != NULL)
        hooks->enter(hooks->context);
    return hooks;
}

static void end_wait(const struct stm_blocking *hooks)
{
    if (hooks != NULL)
        hooks->leave(hooks->context);
}

void stm__roster_await(struct stm__roster *roster)
{
    const struct stm_blocking *hooks = begin_wait();

    if (!stm__roster_is_parents(roster)) /* the hook may have forked */
        join_all(roster);
    end_wait(hooks);
}

void stm__pause(const struct timespec *length)
{
    const struct stm_blocking *hooks = begin_wait();

    nanosleep(length, NULL);
    end_wait(hooks);
}
