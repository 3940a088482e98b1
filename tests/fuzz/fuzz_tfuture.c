/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "families.h"

/* Futures: of words, with words as causes, and of objects with objects. */

enum { FUTURES = 12 };

struct future_model {
    enum stm_future_state state;
    enum stm_status error;
    uint32_t number; /* of the value, or the cause */
};

static struct stm_tfuture *futures[FUTURES];

static struct future_model *future_model(unsigned which)
{
    return (struct future_model *)model_of(&tfuture_family) + which;
}

static void set(struct stm_tx *tx, const struct arguments *a,
                struct result *got)
{
    got->status = stm_tfuture_set(tx, futures[a->which], a->value);
}

static void end_model(const struct arguments *a, struct result *want,
                      enum stm_future_state state, enum stm_status error)
{
    struct future_model *future = future_model(a->which);

    if (future->state != STM_FUTURE_PENDING) {
        want->status = STM_EDONE;
        return;
    }
    future->state = state;
    future->error = error;
    future->number = a->number;
}

static void model_set(const struct arguments *a, struct result *want,
                      const struct result *got)
{
    (void)got;
    end_model(a, want, STM_FUTURE_DONE, STM_OK);
}

/* Errors, and sometimes none. */
static enum stm_status error_of(const struct arguments *a)
{
    return (enum stm_status)(2 - (int)(a->small[0] % 32));
}

static void fail(struct stm_tx *tx, const struct arguments *a,
                 struct result *got)
{
    got->status =
        stm_tfuture_fail(tx, futures[a->which], error_of(a), a->value);
}

static void model_fail(const struct arguments *a, struct result *want,
                       const struct result *got)
{
    (void)got;
    if (error_of(a) >= 0)
        want->status = STM_EMISUSE;
    else
        end_model(a, want, STM_FUTURE_FAILED, error_of(a));
}

static void state(struct stm_tx *tx, const struct arguments *a,
                  struct result *got)
{
    enum stm_future_state now = STM_FUTURE_PENDING;

    got->status = stm_tfuture_state(tx, futures[a->which], &now);
    got->out[0] = now;
}

static void model_state(const struct arguments *a, struct result *want,
                        const struct result *got)
{
    (void)got;
    want->out[0] = future_model(a->which)->state;
}

static void get(struct stm_tx *tx, const struct arguments *a,
                struct result *got)
{
    stm_value value = CANARY;

    got->status = stm_tfuture_get(tx, futures[a->which], &value);
    pass_value(got, 0, a->which % 2, value);
}

static void model_get(const struct arguments *a, struct result *want,
                      const struct result *got)
{
    const struct future_model *future = future_model(a->which);

    (void)got;
    if (future->state == STM_FUTURE_PENDING)
        want->status = STM_RETRY;
    else if (future->state == STM_FUTURE_FAILED)
        want->status = future->error;
    else
        want->out[0] = future->number;
}

static void get_error(struct stm_tx *tx, const struct arguments *a,
                      struct result *got)
{
    enum stm_status error = STM_OK;
    stm_value cause = CANARY;

    got->status = stm_tfuture_error(tx, futures[a->which], &error, &cause);
    pass_value(got, 0, a->which % 2, cause);
    got->out[1] = (uint64_t)-error;
}

static void model_error(const struct arguments *a, struct result *want,
                        const struct result *got)
{
    const struct future_model *future = future_model(a->which);

    (void)got;
    if (future->state == STM_FUTURE_PENDING)
        want->status = STM_RETRY;
    if (future->state == STM_FUTURE_FAILED) {
        want->out[0] = future->number;
        want->out[1] = (uint64_t)-future->error;
    }
}

/* One that is pending is not waited for every time. */
static bool can_wait(const struct arguments *a)
{
    return future_model(a->which)->state != STM_FUTURE_PENDING ||
           a->small[0] >= 208;
}

static const struct operation operations[] = {
    {"set", "ov", set, model_set, NULL, false},
    {"fail", "onv", fail, model_fail, NULL, false},
    {"state", "o", state, model_state, NULL, false},
    {"get", "on", get, model_get, can_wait, false},
    {"error", "on", get_error, model_error, can_wait, false},
    {"state", "o", state, model_state, NULL, false},
};

static void start(void)
{
    for (unsigned i = 0; i < FUTURES; i++) {
        futures[i] = stm_tfuture_new(type_of(i), type_of(i));
        REQUIRE(futures[i] != NULL, "out of memory");
        future_model(i)->state = STM_FUTURE_PENDING;
    }
}

static void stop(void)
{
    for (unsigned i = 0; i < FUTURES; i++)
        stm_tfuture_release(futures[i]);
}

static void check(struct stm_tx *tx)
{
    for (unsigned i = 0; i < FUTURES; i++) {
        enum stm_future_state now = STM_FUTURE_PENDING;

        if (!agreed("stm_tfuture_state", STM_OK,
                    stm_tfuture_state(tx, futures[i], &now)))
            return;
        REQUIRE(now == future_model(i)->state,
                "future %u: expected state %d, got %d", i,
                future_model(i)->state, now);
    }
}

const struct family tfuture_family = {
    .name = "tfuture",
    .objects = FUTURES,
    .model_size = FUTURES * sizeof(struct future_model),
    OPERATIONS(operations),
    .start = start,
    .stop = stop,
    .check = check,
};
