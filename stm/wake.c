/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stddef.h>

#include <stm/error-internal.h>
#include <stm/step-internal.h>
#include <stm/tx-internal.h>

/* Calls that wait without a thread.  Such a call's waiter goes through the same
 * states as a thread's (park-internal.h): it is PARKED from the end of the step
 * that blocked it until it is woken or withdrawn.  Whoever moves it from there
 * to WOKEN owes a call of the wake function, and sets `told` as the last thing
 * that he does to the call. */

static struct stm_call *call_of(struct stm__waiter *waiter)
{
    return (struct stm_call *)((char *)waiter -
                               offsetof(struct stm_call, parker.waiter));
}

/* A wake function may well write to a descriptor, where a thread can be
 * cancelled; others further down the chain are still to be woken then. */
static void tell(struct stm__waiter *waiter)
{
    struct stm_call *call = call_of(waiter);
    int state;

    STM__MUST(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state) == 0);
    call->wake(call->wake_context);
    AO_store_release(&call->told, 1);
    STM__MUST(pthread_setcancelstate(state, NULL) == 0);
}

bool stm__wake_arm(struct stm_call *call)
{
    (void)STM__STEP(STM__AT_SLEEP);
    AO_store(&call->told, 0);
    call->parker.waiter.notify = tell;
    call->tells = AO_compare_and_swap_full(&call->parker.waiter.state,
                                           STM__IDLE, STM__PARKED);
    return call->tells;
}

/* In the child of a fork the one who was to tell may not be there. */
void stm__wake_withdraw(struct stm_call *call)
{
    if (!call->tells)
        return;
    call->tells = false;
    if (call->generation != stm__generation ||
        AO_compare_and_swap_full(&call->parker.waiter.state, STM__PARKED,
                                 STM__IDLE))
        return;
    for (unsigned turn = 0; !AO_load_acquire(&call->told); turn++)
        stm__spin(turn);
}

/* How long it is until then, by that clock. */
static uint64_t left_of(uint64_t deadline, uint64_t clock(void))
{
    uint64_t now;

    if (deadline == STM_FOREVER)
        return STM_FOREVER;
    now = clock();
    return deadline > now ? deadline - now : 0;
}

static uint64_t time_left(const struct stm_call *call)
{
    uint64_t left = left_of(call->deadline, stm__clock_monotonic);
    uint64_t wall = left_of(call->wall_deadline, stm__clock_wall);

    if (wall != STM_FOREVER && wall > STM__WALL_SLICE_NS)
        wall = STM__WALL_SLICE_NS;
    return wall < left ? wall : left;
}

bool stm__wake_is_due(const struct stm_call *call)
{
    return stm__parker_woken(&call->parker) ||
           call->generation != stm__generation || !time_left(call);
}

enum stm_status stm_call_on_wake(struct stm_call *call, stm_wake *wake,
                                 void *context)
{
    if (call->blocked)
        return stm_error(STM_EMISUSE,
                         "stm_call_on_wake: the call is blocked; expected one "
                         "that has not been stepped yet or has ended");
    call->wake = wake;
    call->wake_context = context;
    call->sleeps = wake != NULL;
    return STM_OK;
}

enum stm_status stm_call_deadline(const struct stm_call *call,
                                  uint64_t *nanoseconds)
{
    if (!call->blocked)
        return stm_error(STM_EMISUSE,
                         "stm_call_deadline: the call is not blocked; expected "
                         "one whose last step returned STM_BLOCKED");
    *nanoseconds = stm__wake_is_due(call) ? 0 : time_left(call);
    return STM_OK;
}

int stm_call_traverse(const struct stm_call *call, stm_visit *visit,
                      void *context)
{
    int stop = 0;

    for (size_t i = 0; call->seen && i < call->seen->count && !stop; i++) {
        const struct stm__ref *ref = &call->seen->items[i].ref;

        stop = stm__traverse(ref->type, ref->value, visit, context);
    }
    return stop;
}
