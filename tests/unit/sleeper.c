/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "sleeper.h"

#include <sched.h>

static struct sleeper *with_argument;

static struct sleeper *sleeper_of(stm_value argument)
{
    return with_argument != NULL ? with_argument : (struct sleeper *)argument;
}

static enum stm_status ask(struct stm_tx *tx, struct sleeper *sleeper,
                           bool *over)
{
    stm_value wait = sleeper->wait;

    if (sleeper->waits != NULL)
        STM_TRY(stm_tvar_get(tx, sleeper->waits, &wait));
    if (sleeper->moment.tv_sec != 0) {
        struct timespec moment = sleeper->moment;

        moment.tv_sec += (time_t)wait;
        return stm_elapsed_at(tx, &moment, over);
    }
    STM_TRY(stm_elapsed(tx, wait, over));
    EXPECT(!*over || sleeper->waits != NULL ||
               monotonic_now() >= sleeper->asked + wait,
           "expected the time not to come early");
    return STM_OK;
}

static enum stm_status sleeper_function(struct stm_tx *tx, stm_value argument,
                                        stm_value *result)
{
    struct sleeper *sleeper = sleeper_of(argument);
    bool over;

    STM_TRY(ask(tx, sleeper, &over));
    if (over && sleeper->failure == STM_RETRY)
        return stm_retry(tx);
    if (over && sleeper->failure != STM_OK)
        return sleeper->failure;
    *result = over;
    return stm_tvar_set(tx, sleeper->over, over);
}

static enum stm_status count_run(struct stm_tx *tx, stm_value argument,
                                 stm_value result)
{
    struct sleeper *sleeper = sleeper_of(argument);
    stm_value runs;

    (void)result;
    STM_TRY(stm_tvar_get(tx, sleeper->runs, &runs));
    return stm_tvar_set(tx, sleeper->runs, runs + 1);
}

enum stm_status sleeper_create_body(struct stm_tx *tx, void *argument)
{
    struct sleeper *sleeper = argument;
    struct stm_watch watch = {.function = sleeper_function,
                              .callback = count_run,
                              .argument = (stm_value)sleeper,
                              .name = "sleeper"};
    bool over;

    if (sleeper->handle != NULL)
        stm_watcher_release(sleeper->handle);
    sleeper->handle = NULL;
    if (sleeper->type != NULL) {
        watch.argument = sleeper->argument;
        watch.argument_type = sleeper->type;
    }
    sleeper->asked = monotonic_now();
    /* Time stands still from here on: the first run is at its beginning. */
    STM_TRY(stm_elapsed(tx, STM_FOREVER, &over));
    return stm_watch(tx, &watch, &sleeper->handle);
}

void sleeper_init(struct sleeper *sleeper, uint64_t wait)
{
    *sleeper = (struct sleeper){
        .wait = wait, .over = word_var(0), .runs = word_var(0)};
}

void sleeper_give_argument(struct sleeper *sleeper)
{
    with_argument = sleeper;
    sleeper->type = &counted_type;
    sleeper->argument = counted_new(1);
}

void sleeper_create(struct sleeper *sleeper)
{
    EXPECT_STATUS(STM_OK, stm_atomically(sleeper_create_body, sleeper));
}

static enum stm_status cancel_body(struct stm_tx *tx, void *argument)
{
    return stm_watcher_cancel(tx, argument);
}

void sleeper_cancel(struct sleeper *sleeper)
{
    EXPECT_STATUS(STM_OK, stm_atomically(cancel_body, sleeper->handle));
}

void sleeper_fini(struct sleeper *sleeper)
{
    if (with_argument == sleeper)
        with_argument = NULL;
    if (sleeper->handle != NULL)
        stm_watcher_release(sleeper->handle);
    stm_tvar_release(sleeper->over);
    stm_tvar_release(sleeper->runs);
    if (sleeper->waits != NULL)
        stm_tvar_release(sleeper->waits);
}

/* Blocks until the variable holds that. */
struct wish {
    struct stm_tvar *var;
    stm_value value;
};

static enum stm_status await_body(struct stm_tx *tx, void *argument)
{
    const struct wish *wish = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, wish->var, &value));
    return value == wish->value ? STM_OK : stm_retry(tx);
}

void await_value(struct stm_tvar *var, stm_value value)
{
    struct wish wish = {var, value};

    EXPECT_STATUS(STM_OK, stm_atomically(await_body, &wish));
}

static AO_t gate_arrivals, gate_is_open;

static void pass_gate(void *context)
{
    (void)context;
    AO_fetch_and_add1_full(&gate_arrivals);
    await_count(&gate_is_open, 1);
}

void gate_close(void)
{
    static const struct stm_service gate = {.enter = pass_gate};

    AO_store(&gate_arrivals, 0);
    AO_store(&gate_is_open, 0);
    stm_set_service(&gate);
}

void gate_await(void) { await_count(&gate_arrivals, 1); }

void gate_open(void)
{
    stm_set_service(NULL);
    AO_store_release(&gate_is_open, 1);
}

void await_no_thread(void)
{
    while (live_threads() > 1)
        sched_yield();
}

void await_no_counted(void)
{
    while (counted_live() > 0)
        sched_yield();
}
