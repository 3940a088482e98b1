/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdlib.h>

#include <stm/limbo-internal.h>
#include <stm/step-internal.h>

#define SNAPSHOTS_MAX 256

/* All below is guarded by `lock`, which is never held while anything is
 * released. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct stm__batch *waiting; /* values */
static struct stm__dead *fresh;    /* objects, no grace period begun */
static struct stm__dead *aging;    /* objects, for attempts from before: */
static AO_t aging_stamp;           /* attempts that began before this version */

/* Read without the lock: something was left behind by a thread that may not
 * release it, so every thread should look. */
static AO_t stranded;

/* This thread is releasing: what that retires in turn is left to the loop that
 * is running already, however long the chain, and which must come again. */
static STM__THREAD_LOCAL bool draining;
static STM__THREAD_LOCAL bool again;

/* What the running attempts can see. */
struct view {
    size_t count;
    bool overflow; /* too many to list: everything is in view */
    AO_t oldest;   /* smallest begin */
    AO_t snapshots[2 * SNAPSHOTS_MAX];
};

struct stm__batch *stm__batch_new(size_t capacity)
{
    struct stm__batch *batch;

    batch = malloc(sizeof *batch + capacity * sizeof batch->items[0]);
    if (!batch)
        return NULL;
    batch->next = NULL;
    batch->count = 0;
    batch->capacity = capacity;
    return batch;
}

static void ask(struct stm__slot *slot, void *context)
{
    (void)context;
    AO_store(&slot->asked, 1);
}

static void add_to_view(struct stm__slot *slot, void *context)
{
    struct view *view = context;
    AO_t begin = AO_load_acquire(&slot->begin);

    if (!begin)
        return;
    if (begin < view->oldest)
        view->oldest = begin;
    if (view->count + 2 > 2 * SNAPSHOTS_MAX) {
        view->overflow = true;
        return;
    }
    view->snapshots[view->count++] = AO_load_acquire(&slot->low);
    view->snapshots[view->count++] = AO_load_acquire(&slot->high);
}

/* First asks every running attempt to look again when it ends, then reads what
 * it sees: one that ends in between is either not in view or has heard. */
static void take_view(struct view *view)
{
    view->count = 0;
    view->overflow = false;
    view->oldest = ~(AO_t)0;
    stm__fence();
    stm__slot_each_running(ask, NULL);
    stm__fence();
    stm__slot_each_running(add_to_view, view);
}

static bool in_view(const struct view *view, const struct stm__retired *item)
{
    if (view->overflow)
        return true;
    for (size_t i = 0; i < view->count; i++) {
        AO_t snapshot = view->snapshots[i] & ~STM__ODD;

        if (item->birth <= snapshot && snapshot < item->death)
            return true;
    }
    return false;
}

static bool may_go(const struct view *view, const struct stm__retired *item)
{
    if (in_view(view, item))
        return false;
    if (stm__may_release(item->ref.type, item->ref.value))
        return true;
    AO_store(&stranded, 1);
    return false;
}

/* Moves the items of a batch that may go behind `kept` others. */
static size_t partition(struct stm__batch *batch, const struct view *view)
{
    size_t kept = 0;

    for (size_t i = 0; i < batch->count; i++) {
        struct stm__retired item = batch->items[i];

        if (may_go(view, &item))
            continue;
        batch->items[i] = batch->items[kept];
        batch->items[kept++] = item;
    }
    return kept;
}

/* Takes a batch out of `waiting` that has something to release, and says how
 * many of its first items must stay. */
static struct stm__batch *collect_values(const struct view *view, size_t *kept)
{
    for (struct stm__batch **link = &waiting; *link; link = &(*link)->next) {
        struct stm__batch *batch = *link;

        *kept = partition(batch, view);
        if (*kept < batch->count) {
            *link = batch->next;
            return batch;
        }
    }
    return NULL;
}

static bool all_may_go(const struct stm__dead *dead)
{
    for (; dead; dead = dead->next)
        if (!stm__may_release(dead->type, (stm_value)dead))
            return false;
    return true;
}

/* Begins a grace period for the objects that have none yet. */
static void begin_grace(void)
{
    if (aging || !fresh)
        return;
    aging = fresh;
    fresh = NULL;
    aging_stamp = stm__clock_tick();
}

static struct stm__dead *collect_objects(const struct view *view)
{
    struct stm__dead *dead = aging;

    if (!dead || (view->oldest & ~STM__ODD) < aging_stamp)
        return NULL;
    if (!all_may_go(dead)) {
        AO_store(&stranded, 1);
        return NULL;
    }
    aging = NULL;
    return dead;
}

static void release_objects(struct stm__dead *dead)
{
    while (dead) {
        struct stm__dead *next = dead->next;

        dead->type->release((stm_value)dead);
        dead = next;
    }
}

static void release_values(struct stm__batch *batch, size_t from)
{
    for (size_t i = from; i < batch->count; i++)
        stm__release(batch->items[i].ref.type, batch->items[i].ref.value);
    batch->count = from;
}

static void push(struct stm__batch *batch)
{
    pthread_mutex_lock(&lock);
    batch->next = waiting;
    waiting = batch;
    pthread_mutex_unlock(&lock);
}

/* Releases some of what waits; returns whether there was anything. */
static bool drain_some(void)
{
    struct stm__batch *batch;
    struct stm__dead *dead;
    struct view view;
    size_t kept = 0;

    pthread_mutex_lock(&lock);
    if (!waiting && !fresh && !aging) {
        pthread_mutex_unlock(&lock);
        return false;
    }
    begin_grace();
    take_view(&view);
    batch = collect_values(&view, &kept);
    dead = collect_objects(&view);
    pthread_mutex_unlock(&lock);

    release_objects(dead);
    if (batch) {
        release_values(batch, kept);
        if (kept)
            push(batch);
        else
            free(batch);
    }
    return batch || dead;
}

void stm__limbo_drain(void)
{
    if (draining) {
        again = true;
        return;
    }
    draining = true;
    (void)STM__STEP(STM__AT_RETIRE);
    AO_store(&stranded, 0);
    while (drain_some())
        continue;
    draining = false;
}

/* The batch of a commit with nobody else running: released on the spot. */
static bool release_at_once(struct stm__batch *batch)
{
    stm__fence();
    if (draining || stm__slot_any_running())
        return false;
    for (size_t i = 0; i < batch->count; i++)
        if (!stm__may_release(batch->items[i].ref.type,
                              batch->items[i].ref.value))
            return false;
    draining = true;
    again = false;
    release_values(batch, 0);
    draining = false;
    return true;
}

void stm__limbo_settle(struct stm__batch **batch, bool asked)
{
    if (*batch && (*batch)->count) {
        (void)STM__STEP(STM__AT_RETIRE);
        if (release_at_once(*batch)) {
            asked |= again;
        } else {
            push(*batch);
            *batch = NULL;
            asked = true;
        }
    }
    if (asked || STM__UNLIKELY(AO_load(&stranded)))
        stm__limbo_drain();
}

/* Nobody else runs, and this thread may: no grace period is needed. */
static bool free_at_once(struct stm__dead *dead)
{
    if (draining || !stm__may_release(dead->type, (stm_value)dead))
        return false;
    stm__fence();
    if (stm__slot_any_running())
        return false;
    draining = true;
    again = false;
    dead->type->release((stm_value)dead);
    draining = false;
    return true;
}

void stm__limbo_bury(struct stm__dead *dead)
{
    if (!stm__slot_busy() && free_at_once(dead)) {
        if (again)
            stm__limbo_drain();
        return;
    }
    pthread_mutex_lock(&lock);
    dead->next = fresh;
    fresh = dead;
    pthread_mutex_unlock(&lock);
    if (stm__slot_busy())
        AO_store(&stm__slot_own->asked, 1);
    else
        stm__limbo_drain();
}
