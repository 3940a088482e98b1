/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <pthread.h>

#include <stm/limbo-internal.h>

/* Objects, which are held back by every attempt that began before their last
 * reference went.  Those that come while a grace period runs wait for the next
 * one. */

/* Guards what follows; never held while anything is released. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct stm__dead *fresh; /* objects, no grace period begun */
static struct stm__dead *aging; /* objects that wait for the attempts that */
static AO_t aging_stamp;        /* began before this version */

/* Who began before the grace period did? */
static void find_elder(struct stm__slot *slot, void *context)
{
    struct stm__slot **elder = context;
    AO_t begin = AO_load_acquire(&slot->begin);

    if (begin && (begin & ~STM__ODD) < aging_stamp)
        *elder = slot;
}

static struct stm__slot *an_elder(void)
{
    struct stm__slot *elder = NULL;

    stm__fence();
    stm__slot_each_running(find_elder, &elder);
    return elder;
}

/* Does an attempt hold the aging objects back?  Then it has been asked to look
 * again when it ends. */
static bool held_back(void)
{
    struct stm__slot *elder;

    while ((elder = an_elder()) != NULL) {
        AO_store(&elder->asked, 1);
        stm__fence();
        stm__solo_end(stm__slot_own);
        if (AO_load_acquire(&elder->begin))
            return true;
    }
    return false;
}

/* The objects whose grace period is over; the next one begins. */
static struct stm__dead *next_objects(void)
{
    struct stm__dead *over = NULL;

    pthread_mutex_lock(&lock);
    if (!aging && fresh) {
        aging = fresh;
        fresh = NULL;
        aging_stamp = stm__clock_tick();
    }
    if (aging && !held_back()) {
        over = aging;
        aging = NULL;
    }
    pthread_mutex_unlock(&lock);
    return over;
}

void stm__bury_look(void)
{
    struct stm__dead *dead, *next;

    while ((dead = next_objects()) != NULL)
        for (; dead; dead = next) {
            next = dead->next;
            stm__limbo_make_ready(dead);
        }
    stm__limbo_work();
}

void stm__limbo_bury(struct stm__dead *dead)
{
    bool busy = stm__slot_busy();

    stm__fence();
    if (!busy && !stm__slot_any_running()) {
        stm__limbo_make_ready(dead);
        stm__limbo_work();
        return;
    }
    pthread_mutex_lock(&lock);
    dead->next = fresh;
    fresh = dead;
    pthread_mutex_unlock(&lock);
    if (busy)
        AO_store(&stm__slot_own->asked, 1);
    else
        stm__bury_look();
}

void stm__limbo_bury_inner(struct stm__dead *dead)
{
    if (stm__slot_busy()) {
        stm__limbo_bury(dead);
        return;
    }
    stm__limbo_make_ready(dead);
    stm__limbo_work();
}

/* ---- fork ---- */

void stm__bury_fork_prepare(void) { pthread_mutex_lock(&lock); }
void stm__bury_fork_parent(void) { pthread_mutex_unlock(&lock); }

bool stm__bury_fork_child(void)
{
    bool any = fresh || aging;

    pthread_mutex_unlock(&lock);
    return any;
}
