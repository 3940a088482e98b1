/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdlib.h>

#include <stm/limbo-internal.h>
#include <stm/step-internal.h>
#include <stm/vec-internal.h>

/* A batch that something must stay in is left with one attempt that holds it
 * back, in that attempt's slot.  When the attempt ends, its thread looks at the
 * batch again, and leaves it with the next attempt or releases the rest.  So
 * each batch is looked at once for each attempt that it outlives, and nobody
 * ever goes through all that waits.
 *
 * Leaving and ending cannot miss each other: whoever leaves a batch writes the
 * slot's `stuck` and then reads again whether the attempt runs; whoever ends an
 * attempt writes that it does not run and then reads `stuck`; with a full fence
 * in between on both sides, at least one of them sees.  Whoever runs solo does
 * not read `stuck`; so that is ended in between, for one who has become solo
 * since it was seen in an attempt. */

/* Guards the lists of all slots and what follows; never held while anything is
 * released. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* What was met by a thread that may not release it; any thread that ends an
 * attempt tries. */
static struct stm__batch *stranded_batches;
static struct stm__dead *stranded_objects;
AO_t stm__limbo_stranded;

/* What this thread is about to release.  Releasing may retire more, which is
 * left to the loop that is running already, however long the chain. */
static STM__THREAD_LOCAL struct stm__dead *ready;
static STM__THREAD_LOCAL struct stm__batch *pending;
static STM__THREAD_LOCAL struct stm__vec loose = STM__VEC(struct stm__ref);
static STM__THREAD_LOCAL bool working;

/* When this thread saw others in attempts, if it did when it looked last, by
 * stm__ticks; 0: it did not.  What it saw is taken to be so still a moment
 * later. */
#define MOMENT 65536
static STM__THREAD_LOCAL uint64_t crowded;

static bool is_crowded(void)
{
    return crowded && stm__ticks() - crowded < MOMENT;
}

/* Of the batch that it is at work on: these items are still to be released. */
static STM__THREAD_LOCAL struct {
    struct stm__batch *batch; /* or NULL */
    size_t next;
    size_t end;
} underway;

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

/* ---- leaving what must stay ---- */

static void push_batch(struct stm__batch **list, struct stm__batch *batch)
{
    batch->next = *list;
    *list = batch;
}

static void push_object(struct stm__dead **list, struct stm__dead *dead)
{
    dead->next = *list;
    *list = dead;
}

/* Leaves the batch in the slot; false if the attempt has ended meanwhile. */
static bool leave_in_slot(struct stm__batch *batch, struct stm__slot *slot)
{
    bool left;

    pthread_mutex_lock(&lock);
    batch->next = (struct stm__batch *)AO_load(&slot->stuck);
    AO_store(&slot->stuck, (AO_t)batch);
    stm__fence();
    stm__solo_end(stm__slot_own);
    left = AO_load(&slot->begin) != 0;
    if (!left)
        AO_store(&slot->stuck, (AO_t)batch->next);
    pthread_mutex_unlock(&lock);
    return left;
}

/* Who runs solo would not look at what is stranded. */
static void end_solo(void)
{
    stm__fence();
    stm__solo_end(stm__slot_own);
    if (stm__slot_own)
        stm__solo_withdraw(stm__slot_own);
}

static void strand_batch(struct stm__batch *batch)
{
    pthread_mutex_lock(&lock);
    push_batch(&stranded_batches, batch);
    AO_store(&stm__limbo_stranded, 1);
    pthread_mutex_unlock(&lock);
    end_solo();
}

static void strand_object(struct stm__dead *dead)
{
    pthread_mutex_lock(&lock);
    push_object(&stranded_objects, dead);
    AO_store(&stm__limbo_stranded, 1);
    pthread_mutex_unlock(&lock);
    end_solo();
}

/* ---- releasing ---- */

/* Releases the items from that one on, as far as this thread may; the others
 * are left in the batch.  One that ends the thread leaves the rest to
 * stm__limbo_thread_fini. */
static void release_from(struct stm__batch *batch, size_t first)
{
    size_t count = batch->count;

    batch->count = first;
    underway.batch = batch;
    underway.end = count;
    for (size_t i = first; i < count; i++) {
        struct stm__retired item = batch->items[i];

        underway.next = i + 1;
        if (stm__may_release(item.ref.type, item.ref.value))
            stm__release(item.ref.type, item.ref.value);
        else
            batch->items[batch->count++] = item;
    }
    underway.batch = NULL;
}

static void resume_release(void)
{
    struct stm__batch *batch = underway.batch;

    if (!batch)
        return;
    while (underway.next < underway.end)
        batch->items[batch->count++] = batch->items[underway.next++];
    underway.batch = NULL;
    push_batch(&pending, batch);
}

/* What was put off need not wait any more. */
static void take_own_later(void)
{
    struct stm__batch *batch = stm__later_take();

    if (STM__UNLIKELY(batch != NULL))
        push_batch(&pending, batch);
}

/* Is this thread in no attempt, and nobody else either?  As long as its flag is
 * up, no one has begun one since it published; whoever takes the flag down
 * later makes the fence for both, and reads what is published. */
static bool is_alone(void)
{
    AO_compiler_barrier();
    return stm__slot_own && AO_load(&stm__slot_own->solo) &&
           !AO_load(&stm__slot_own->begin);
}

static size_t partition(struct stm__batch *batch, struct stm__slot **holder)
{
    bool others;
    size_t kept = stm__view_partition(batch, holder, &others);

    crowded = others ? stm__ticks() : 0;
    return kept;
}

/* Releases what may be released of a batch and leaves the rest somewhere.
 * True if nothing is left in it and it is the caller's again. */
static bool process(struct stm__batch *batch)
{
    while (batch->count) {
        struct stm__slot *holder = NULL;
        size_t kept = 0;

        if (is_alone())
            crowded = 0;
        else
            kept = partition(batch, &holder);
        release_from(batch, kept);
        if (batch->count && !holder) { /* this thread may not */
            strand_batch(batch);
            return false;
        }
        if (batch->count && leave_in_slot(batch, holder))
            return false;
    }
    if (!crowded)
        take_own_later();
    return true;
}

static bool has_work(void) { return ready || pending || loose.count; }

static void work_once(void)
{
    struct stm__dead *dead = ready;
    struct stm__batch *batch = pending;

    if (loose.count) {
        struct stm__ref ref =
            *STM__VEC_AT(&loose, struct stm__ref, --loose.count);

        stm__release(ref.type, ref.value);
    } else if (dead) {
        ready = dead->next;
        dead->type->release((stm_value)dead);
    } else {
        pending = batch->next;
        if (process(batch))
            free(batch);
    }
}

/* Releases all that this thread has before it, however much that leads to. */
void stm__limbo_work(void)
{
    if (working)
        return;
    working = true;
    while (has_work())
        work_once();
    working = false;
    if (!stm__self) /* then nobody is told when the thread ends */
        stm__vec_fini(&loose);
}

void stm__limbo_drop(const struct stm_type *type, stm_value value)
{
    struct stm__batch *batch;
    struct stm__ref *ref;

    if (!stm__counted(type) || !value)
        return;
    if (!stm__may_release(type, value)) {
        batch = stm__batch_new(1);
        if (!batch)
            return; /* better lost than released by the wrong thread */
        batch->items[batch->count++] =
            (struct stm__retired){{value, type}, 0, 0};
        strand_batch(batch);
        return;
    }
    if (!stm__vec_reserve(&loose, 1)) {
        stm__release(type, value);
        return;
    }
    ref = stm__vec_push(&loose);
    ref->value = value;
    ref->type = type;
    if (stm__slot_busy())
        AO_store(&stm__slot_own->asked, 1);
    else
        stm__limbo_work();
}

void stm__limbo_drop_batch(struct stm__batch *batch)
{
    push_batch(&pending, batch);
    if (stm__slot_busy())
        AO_store(&stm__slot_own->asked, 1);
    else
        stm__limbo_work();
}

void stm__limbo_make_ready(struct stm__dead *dead)
{
    if (stm__may_release(dead->type, (stm_value)dead))
        push_object(&ready, dead);
    else
        strand_object(dead);
}

/* ---- fork ---- */

void stm__limbo_fork_prepare(void)
{
    stm__later_fork_prepare();
    stm__bury_fork_prepare();
    pthread_mutex_lock(&lock);
}

void stm__limbo_fork_parent(void)
{
    pthread_mutex_unlock(&lock);
    stm__bury_fork_parent();
    stm__later_fork_parent();
}

static void strand_chain(struct stm__batch *chain)
{
    while (chain) {
        struct stm__batch *next = chain->next;

        push_batch(&stranded_batches, chain);
        AO_store(&stm__limbo_stranded, 1);
        chain = next;
    }
}

/* What an attempt held back that is not in this process is stranded. */
static void strand_stuck(struct stm__slot *slot)
{
    struct stm__batch *batch = (struct stm__batch *)AO_load(&slot->stuck);

    AO_store(&slot->stuck, 0);
    AO_store(&slot->asked, 0);
    strand_chain(batch);
}

void stm__limbo_fork_child(void)
{
    stm__slot_forget_others(strand_stuck);
    strand_chain(stm__later_fork_child());
    if (stm__bury_fork_child()) /* whoever was asked to look may be gone */
        AO_store(&stm__limbo_stranded, 1);
    pthread_mutex_unlock(&lock);
}

/* ---- at the end of an attempt ---- */

/* Takes what the attempt in this thread's slot held back.  Where the thread has
 * given the slot back since, an attempt in a release function has done so. */
static void take_stuck(void)
{
    struct stm__batch *batch, *next;

    if (!stm__slot_own)
        return;
    AO_store(&stm__slot_own->asked, 0);
    pthread_mutex_lock(&lock);
    batch = (struct stm__batch *)AO_load(&stm__slot_own->stuck);
    AO_store(&stm__slot_own->stuck, 0);
    pthread_mutex_unlock(&lock);
    for (; batch; batch = next) {
        next = batch->next;
        push_batch(&pending, batch);
    }
    stm__bury_look();
}

/* Takes what is stranded, if this thread may release the first of it. */
static void take_stranded(void)
{
    struct stm__batch *batch;
    struct stm__dead *dead;

    pthread_mutex_lock(&lock);
    batch = stranded_batches;
    dead = stranded_objects;
    if ((batch && !stm__may_release(batch->items[0].ref.type,
                                    batch->items[0].ref.value)) ||
        (dead && !stm__may_release(dead->type, (stm_value)dead))) {
        pthread_mutex_unlock(&lock);
        return;
    }
    stranded_batches = NULL;
    stranded_objects = NULL;
    AO_store(&stm__limbo_stranded, 0);
    pthread_mutex_unlock(&lock);
    while (batch) {
        struct stm__batch *next = batch->next;

        push_batch(&pending, batch);
        batch = next;
    }
    while (dead) {
        struct stm__dead *next = dead->next;

        stm__limbo_make_ready(dead);
        dead = next;
    }
    stm__bury_look();
}

void stm__limbo_release(struct stm__batch *chain)
{
    while (chain) {
        struct stm__batch *next = chain->next;

        push_batch(&pending, chain);
        chain = next;
    }
    if (AO_load(&stm__limbo_stranded))
        take_stranded();
    stm__limbo_work();
}

void stm__limbo_thread_fini(void)
{
    struct stm__batch *batch;
    bool any = false;

    working = false; /* a release function may have ended the thread */
    resume_release();
    stm__limbo_work();
    while ((batch = stm__later_thread_fini()) != NULL) {
        any = true;
        push_batch(&pending, batch);
        stm__limbo_work();
    }
    if (any && AO_load(&stm__limbo_stranded))
        (void)stm__sweep_start(); /* perhaps nobody else ends an attempt */
    stm__vec_fini(&loose);
}

/* A list of what is put off that is full is looked at, and another begins. */
static bool put(struct stm__batch *batch)
{
    struct stm__batch *full;

    if (stm__later_put(batch))
        return true;
    full = stm__later_take();
    if (!full)
        return false;
    push_batch(&pending, full);
    return stm__later_put(batch);
}

static bool may_wait(const struct stm__batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (!batch->items[i].ref.type->late)
            return false;
    return true;
}

/* Only on a thread that is told when it ends. */
static bool put_off(struct stm__batch *batch)
{
    if (!may_wait(batch) || !is_crowded() || !stm__self || is_alone() ||
        stm__slot_only_own() || !put(batch))
        return false;
    AO_compiler_barrier(); /* the fence is the service thread's */
    if (STM__UNLIKELY(!AO_load(&stm__sweeping)) && !stm__sweep_start())
        take_own_later(); /* nobody else would */
    return true;
}

struct stm__batch *stm__limbo_settle(struct stm__batch *batch, bool asked)
{
    if (batch && batch->count) {
        (void)STM__STEP(STM__AT_RETIRE);
        if (working) {
            push_batch(&pending, batch);
            batch = NULL;
        } else if (!put_off(batch)) {
            working = true;
            if (!process(batch))
                batch = NULL;
            working = false;
        }
    }
    if (STM__UNLIKELY(asked))
        take_stuck();
    if (STM__UNLIKELY(AO_load(&stm__limbo_stranded)))
        take_stranded();
    if (has_work())
        stm__limbo_work();
    return batch;
}
