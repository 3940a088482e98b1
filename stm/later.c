/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
/* Values whose release can wait.  To find out at the end of each commit who
 * still looks at what it replaced costs as much as the commit, since the others
 * write what is to be read for that all the time.  So a thread collects such
 * values of several commits, and looks once for all of them.
 *
 * A thread may end its last attempt for a long while with some in its list.
 * Then the service thread takes them out of it (sweep.c).  That happens seldom,
 * so the whole price of keeping the two apart is the service thread's: the
 * owner marks that it is inside and then looks whether it is to stay out, with
 * no fence in between; who wants the list says so, makes the fence for both by
 * the kernel's membarrier, and then looks whether the owner is inside.  If so,
 * it leaves the list alone. */

#include <pthread.h>

#include <stm/limbo-internal.h>

struct later {
    /* Written by the owner. */
    AO_t inside; /* 1: it works on the list */
    AO_t puts;   /* how often it has put something in */

    /* Written by who takes, under the lock of all lists. */
    AO_t wanted; /* 1: the owner is to stay out */
    AO_t seen;   /* the puts that there were at the last look */

    /* Written by either, while the other is kept away. */
    AO_t count; /* in the batch, for those who only ask */
    struct stm__batch *batch;

    struct later *next, **link; /* in the list of all, under its lock */
};

static STM__THREAD_LOCAL struct later own;
static STM__THREAD_LOCAL bool listed;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct later *all;

static void enlist(struct later *later)
{
    pthread_mutex_lock(&lock);
    later->next = all;
    later->link = &all;
    if (all)
        all->link = &later->next;
    all = later;
    pthread_mutex_unlock(&lock);
    listed = true;
}

/* ---- the owner ---- */

/* False: someone is about to take the list. */
static bool enter(void)
{
    AO_store(&own.inside, 1);
    AO_compiler_barrier();
    if (STM__LIKELY(!AO_load_acquire(&own.wanted)))
        return true;
    AO_store_release(&own.inside, 0);
    return false;
}

static void leave(void)
{
    AO_store(&own.count, own.batch ? own.batch->count : 0);
    AO_store_release(&own.inside, 0);
}

/* Is there room for those of the batch? */
static bool has_room(const struct stm__batch *batch)
{
    if (!own.batch)
        own.batch = stm__batch_new(STM__LATER_MAX);
    return own.batch && own.batch->capacity - own.batch->count >= batch->count;
}

/* Another thread may fork in the midst of it: see stm__later_fork_child. */
static void move(struct stm__batch *to, struct stm__batch *from)
{
    for (size_t i = 0; i < from->count; i++) {
        to->items[to->count] = from->items[i];
        AO_compiler_barrier();
        to->count++;
    }
    from->count = 0;
}

bool stm__later_put(struct stm__batch *batch)
{
    bool done;

    if (!stm__has_membarrier())
        return false;
    if (STM__UNLIKELY(!listed))
        enlist(&own);
    if (!enter())
        return false;
    done = has_room(batch);
    if (done) {
        move(own.batch, batch);
        AO_store(&own.puts, AO_load(&own.puts) + 1);
    }
    leave();
    return done;
}

struct stm__batch *stm__later_take(void)
{
    struct stm__batch *batch;

    if (!AO_load(&own.count) || !enter())
        return NULL;
    batch = own.batch;
    own.batch = NULL;
    leave();
    return batch;
}

struct stm__batch *stm__later_thread_fini(void)
{
    struct stm__batch *batch;

    if (!listed)
        return NULL;
    pthread_mutex_lock(&lock);
    batch = own.batch;
    own.batch = NULL;
    *own.link = own.next;
    if (own.next)
        own.next->link = own.link;
    pthread_mutex_unlock(&lock);
    listed = false;
    return batch;
}

/* ---- the service thread ---- */

/* Takes the list of a thread that has put nothing in since the last look. */
static struct stm__batch *take_from(struct later *later)
{
    struct stm__batch *batch = NULL;
    AO_t puts = AO_load(&later->puts);

    if (puts != AO_load(&later->seen)) {
        AO_store(&later->seen, puts);
        return NULL;
    }
    AO_store(&later->wanted, 1);
    stm__membarrier();
    if (!AO_load_acquire(&later->inside)) {
        batch = later->batch;
        later->batch = NULL;
        AO_store(&later->count, 0);
    }
    AO_store_release(&later->wanted, 0);
    return batch;
}

bool stm__later_sweep(struct stm__batch **chain)
{
    bool found = false;

    pthread_mutex_lock(&lock);
    for (struct later *later = all; later; later = later->next) {
        struct stm__batch *batch;

        if (!AO_load(&later->count))
            continue;
        found = true;
        batch = take_from(later);
        if (batch) {
            batch->next = *chain;
            *chain = batch;
        }
    }
    pthread_mutex_unlock(&lock);
    return found;
}

/* ---- fork ---- */

void stm__later_fork_prepare(void) { pthread_mutex_lock(&lock); }
void stm__later_fork_parent(void) { pthread_mutex_unlock(&lock); }

/* The memory of the others' lists goes with their threads.  What they were at
 * work on is as they left it: an item counts once it is there.  The thread that
 * is in the child stays out of its own list, unless a signal handler forks. */
struct stm__batch *stm__later_fork_child(void)
{
    struct stm__batch *chain = NULL;

    for (struct later *later = all; later; later = later->next) {
        struct stm__batch *batch = later->batch;

        if (!batch || !batch->count || (later == &own && own.inside))
            continue;
        batch->next = chain;
        chain = batch;
        later->batch = NULL;
        AO_store(&later->count, 0);
    }
    all = NULL;
    pthread_mutex_unlock(&lock);
    if (listed)
        enlist(&own);
    return chain;
}
