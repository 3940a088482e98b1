/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <pthread.h>

#include <stm/error-internal.h>
#include <stm/service-internal.h>
#include <stm/tvar-internal.h>

/* The sides where sleepers were left asleep that differ: the service thread
 * looks at them now and then, until all have been seen to.  Whoever wakes adds
 * a side under its lock, where no timer can be set, and sets it when he
 * notifies. */

static AO_t added;   /* struct stm__side *: a stack, taken as a whole */
static AO_t running; /* 1: the timer is set, or its function runs */
static AO_t generation;
AO_t stm__overdue_idle;

static void look(struct stm__timer *timer, uint64_t unused);
static struct stm__timer timer = {.due = look};

static void push(struct stm__side *side)
{
    AO_t head;

    do {
        head = AO_load(&added);
        side->waits.after = (struct stm__side *)head;
    } while (!AO_compare_and_swap_full(&added, head, (AO_t)side));
}

/* Either this sees that the timer is set, or who unsets it sees the side. */
void stm__overdue_add(struct stm__side *side)
{
    push(side);
    if (!AO_load(&running))
        AO_store(&stm__overdue_idle, 1);
}

static void set_timer(void)
{
    const uint64_t times[STM__CLOCKS] = {
        [STM__MONOTONIC] = stm__clock_monotonic() + STM__LOOK_NS,
        [STM__WALL] = STM_FOREVER,
    };

    (void)stm__service_set(&timer, AO_fetch_and_add1(&generation) + 1, times);
}

void stm__overdue_start(void)
{
    AO_store(&stm__overdue_idle, 0);
    if (AO_compare_and_swap_full(&running, 0, 1))
        set_timer();
}

/* Returns whether it is to be looked at again. */
static bool look_at(struct stm__side *side)
{
    struct stm__waiter *chain;
    bool over;

    chain = stm__wait_overdue(side, &over, NULL);
    if (over)
        stm__side_release(side);
    else
        push(side);
    stm__wait_notify(chain);
    return !over;
}

static void look(struct stm__timer *unused_timer, uint64_t unused)
{
    struct stm__side *side = (struct stm__side *)stm__swap(&added, 0), *after;
    bool again = false;

    (void)unused_timer;
    (void)unused;
    for (; side; side = after) {
        after = side->waits.after;
        again |= look_at(side);
    }
    if (again) {
        set_timer();
        return;
    }
    AO_store(&running, 0);
    stm__fence();
    if (AO_load(&added))
        stm__overdue_start();
}

/* The child has no sleepers, and the service's timers are not set. */
static void forget(void)
{
    struct stm__side *side = (struct stm__side *)stm__swap(&added, 0), *after;

    for (; side; side = after) {
        after = side->waits.after;
        side->waits.watched = 0;
        stm__side_release(side);
    }
    AO_store(&running, 0);
    AO_store(&stm__overdue_idle, 0);
}

__attribute__((constructor)) static void heed_forks(void)
{
    STM__MUST(pthread_atfork(NULL, NULL, forget) == 0);
}
