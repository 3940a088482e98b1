/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "families.h"

/* Counters and semaphores. */

enum { SEMAPHORES = 2 };

static struct stm_tcounter *counters[COUNTERS];
static struct stm_tsemaphore *semaphores[SEMAPHORES];

static uint64_t *counter_model(unsigned which)
{
    return (uint64_t *)model_of(&tcounter_family) + which;
}

static uint64_t *semaphore_model(unsigned which)
{
    return (uint64_t *)model_of(&tsemaphore_family) + which;
}

struct stm_tcounter *tcounter_at(unsigned which) { return counters[which]; }

uint64_t tcounter_number(unsigned which) { return *counter_model(which); }

/* ---- counters ---- */

static int64_t delta_of(const struct arguments *a)
{
    return a->small[0] < 240 ? (int64_t)a->small[0] - 120
                             : INT64_MIN + (int64_t)a->small[0];
}

static void counter_add(struct stm_tx *tx, const struct arguments *a,
                        struct result *got)
{
    got->status = stm_tcounter_add(tx, counters[a->which], delta_of(a));
}

static void model_counter_add(const struct arguments *a, struct result *want,
                              const struct result *got)
{
    (void)want, (void)got;
    *counter_model(a->which) += (uint64_t)delta_of(a);
}

static void counter_get(struct stm_tx *tx, const struct arguments *a,
                        struct result *got)
{
    uint64_t number = CANARY;

    got->status = stm_tcounter_get(tx, counters[a->which], &number);
    pass_number(got, 0, number);
}

static void model_counter_get(const struct arguments *a, struct result *want,
                              const struct result *got)
{
    (void)got;
    want->out[0] = *counter_model(a->which);
}

static const struct operation counter_operations[] = {
    {"add", "on", counter_add, model_counter_add, NULL, false},
    {"get", "o", counter_get, model_counter_get, NULL, false},
};

static void counter_start(void)
{
    for (unsigned i = 0; i < COUNTERS; i++) {
        counters[i] = stm_tcounter_new(i);
        REQUIRE(counters[i] != NULL, "out of memory");
        *counter_model(i) = i;
    }
}

static void counter_stop(void)
{
    for (unsigned i = 0; i < COUNTERS; i++)
        stm_tcounter_release(counters[i]);
}

/* Only now and then: reading a counter makes its additions a write. */
static void counter_check(struct stm_tx *tx)
{
    for (unsigned i = 0; i < COUNTERS; i++) {
        uint64_t number = 0;

        if (!agreed("stm_tcounter_get", STM_OK,
                    stm_tcounter_get(tx, counters[i], &number)))
            return;
        REQUIRE(number == *counter_model(i),
                "counter %u: expected %#zx, got %#zx", i,
                (size_t)*counter_model(i), (size_t)number);
    }
}

const struct family tcounter_family = {
    .name = "tcounter",
    .objects = COUNTERS,
    .model_size = COUNTERS * sizeof(uint64_t),
    OPERATIONS(counter_operations),
    .start = counter_start,
    .stop = counter_stop,
    .check = counter_check,
};

/* ---- semaphores ---- */

static void take(struct stm_tx *tx, const struct arguments *a,
                 struct result *got)
{
    got->status =
        stm_tsemaphore_take(tx, semaphores[a->which], a->small[0] % 4);
}

static void model_take(const struct arguments *a, struct result *want,
                       const struct result *got)
{
    uint64_t *permits = semaphore_model(a->which);

    (void)got;
    if (*permits < a->small[0] % 4)
        want->status = STM_RETRY;
    else
        *permits -= a->small[0] % 4;
}

/* One that would wait is not taken every time. */
static bool can_take(const struct arguments *a)
{
    return *semaphore_model(a->which) >= a->small[0] % 4 || a->small[0] >= 208;
}

static void give(struct stm_tx *tx, const struct arguments *a,
                 struct result *got)
{
    got->status =
        stm_tsemaphore_give(tx, semaphores[a->which], a->small[0] % 4);
}

static void model_give(const struct arguments *a, struct result *want,
                       const struct result *got)
{
    (void)want, (void)got;
    *semaphore_model(a->which) += a->small[0] % 4;
}

static void available(struct stm_tx *tx, const struct arguments *a,
                      struct result *got)
{
    uint64_t number = CANARY;

    got->status = stm_tsemaphore_available(tx, semaphores[a->which], &number);
    pass_number(got, 0, number);
}

static void model_available(const struct arguments *a, struct result *want,
                            const struct result *got)
{
    (void)got;
    want->out[0] = *semaphore_model(a->which);
}

static const struct operation semaphore_operations[] = {
    {"take", "on", take, model_take, can_take, false},
    {"give", "on", give, model_give, NULL, false},
    {"available", "o", available, model_available, NULL, false},
};

static void semaphore_start(void)
{
    for (unsigned i = 0; i < SEMAPHORES; i++) {
        semaphores[i] = stm_tsemaphore_new(2);
        REQUIRE(semaphores[i] != NULL, "out of memory");
        *semaphore_model(i) = 2;
    }
}

static void semaphore_stop(void)
{
    for (unsigned i = 0; i < SEMAPHORES; i++)
        stm_tsemaphore_release(semaphores[i]);
}

static void semaphore_check(struct stm_tx *tx)
{
    for (unsigned i = 0; i < SEMAPHORES; i++) {
        uint64_t number = 0;

        if (!agreed("stm_tsemaphore_available", STM_OK,
                    stm_tsemaphore_available(tx, semaphores[i], &number)))
            return;
        REQUIRE(number == *semaphore_model(i),
                "semaphore %u: expected %zu, got %zu", i,
                (size_t)*semaphore_model(i), (size_t)number);
    }
}

const struct family tsemaphore_family = {
    .name = "tsemaphore",
    .objects = SEMAPHORES,
    .model_size = SEMAPHORES * sizeof(uint64_t),
    OPERATIONS(semaphore_operations),
    .start = semaphore_start,
    .stop = semaphore_stop,
    .check = semaphore_check,
};
