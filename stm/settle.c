/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdlib.h>

#include <stm/tx-internal.h>

/* What comes after an attempt has left: what it held is released, and the
 * actions of its commit run, outside any transaction. */

static void release_garbage(struct stm__vec *garbage, bool abandoned)
{
    for (size_t i = 0; i < garbage->count; i++) {
        struct stm__ref *ref = STM__VEC_AT(garbage, struct stm__ref, i);

        if (STM__UNLIKELY(abandoned))
            stm__limbo_drop(ref->type, ref->value);
        else
            stm__release(ref->type, ref->value);
    }
    garbage->count = 0;
}

/* What user code may run on is taken out of the thread's object first, since
 * that code may run transactions of its own, and put back for the next
 * attempt. */
static struct stm__vec take(struct stm__vec *place)
{
    struct stm__vec taken = *place;

    place->items = NULL;
    place->count = place->capacity = 0;
    return taken;
}

static void give_back(struct stm__vec *place, struct stm__vec *taken)
{
    if (place->items)
        stm__vec_fini(taken);
    else
        *place = *taken;
}

static struct stm__batch *take_batch(struct stm_tx *tx)
{
    struct stm__batch *batch = tx->batch;

    tx->batch = NULL;
    return batch;
}

static void give_batch_back(struct stm_tx *tx, struct stm__batch *batch)
{
    if (tx->batch)
        free(batch);
    else
        tx->batch = batch;
}

void stm__attempt_settle_values(struct stm_tx *tx, bool asked)
{
    give_batch_back(tx, stm__limbo_settle(take_batch(tx), asked));
}

/* What an attempt has left behind. */
struct legacy {
    struct stm_tx *tx; /* NULL: all is done */
    struct stm__vec garbage, actions;
    struct stm__batch *batch;
    size_t begun; /* actions */
    bool in_hand; /* the last of them, whose argument is to be released */
};

static struct stm__action *take_action(struct legacy *legacy)
{
    legacy->in_hand = true;
    return STM__VEC_AT(&legacy->actions, struct stm__action, legacy->begun++);
}

static void run_action(struct legacy *legacy, const struct stm__action *action)
{
    action->action(action->argument.value);
    legacy->in_hand = false;
    stm__release(action->argument.type, action->argument.value);
}

static void drop_action(struct legacy *legacy, const struct stm__action *action)
{
    legacy->in_hand = false;
    stm__limbo_drop(action->argument.type, action->argument.value);
}

static void give_legacy_back(struct legacy *legacy)
{
    struct stm_tx *tx = legacy->tx;

    legacy->tx = NULL;
    legacy->actions.count = 0;
    give_back(&tx->log.garbage, &legacy->garbage);
    give_back(&tx->actions, &legacy->actions);
    give_batch_back(tx, legacy->batch);
}

static void leave_action(void *argument);

/* Where the thread ends, only actions whose arguments may still be used on
 * it. */
static void run_actions(struct legacy *legacy, bool ends)
{
    pthread_cleanup_push(leave_action, legacy);
    while (legacy->begun < legacy->actions.count) {
        const struct stm__action *action = take_action(legacy);
        const struct stm__ref *ref = &action->argument;

        if (!ends || stm__may_release(ref->type, ref->value))
            run_action(legacy, action);
        else
            drop_action(legacy, action);
    }
    pthread_cleanup_pop(0);
}

/* An action has ended the thread, perhaps in a transaction.  What is committed
 * holds all the same: the actions after it still run here.  If one of those
 * ends the thread, too, this is called once more, and then perhaps again for
 * the one before. */
static void leave_action(void *argument)
{
    struct legacy *legacy = argument;

    if (!legacy->tx)
        return;
    if (stm_current())
        stm__attempt_abandon(stm__self);
    if (legacy->in_hand)
        drop_action(legacy, STM__VEC_AT(&legacy->actions, struct stm__action,
                                        legacy->begun - 1));
    run_actions(legacy, true);
    give_legacy_back(legacy);
}

static __attribute__((noinline)) void settle_legacy(struct stm_tx *tx,
                                                    bool asked)
{
    struct legacy legacy = {.tx = tx,
                            .garbage = take(&tx->log.garbage),
                            .actions = take(&tx->actions),
                            .batch = take_batch(tx)};

    release_garbage(&legacy.garbage, tx->abandoned);
    legacy.batch = stm__limbo_settle(legacy.batch, asked);
    if (legacy.actions.count > 0)
        run_actions(&legacy, false);
    give_legacy_back(&legacy);
}

void stm__attempt_settle(struct stm_tx *tx, bool asked)
{
    if (tx->log.garbage.count > 0 || tx->actions.count > 0)
        settle_legacy(tx, asked);
    else
        stm__attempt_settle_values(tx, asked);
}
