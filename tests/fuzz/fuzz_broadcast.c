/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "families.h"

#include <string.h>

/* Two broadcast queues, one of words and one of objects, and endpoints of the
 * one with the same parity.  Which endpoints exist is part of the model; a new
 * one takes a place that no state of this program has used, unless it was made
 * in an attempt that did not commit. */

enum { SOURCES = 2, PLACES = 8, ITEMS_MAX = 96, HANDLES = 2 };

struct endpoint_model {
    bool exists;
    size_t length;
    struct {
        uint32_t number;
        uint64_t handle; /* 0: none */
    } item[ITEMS_MAX];
};

static struct stm_broadcast *queues[SOURCES];
static struct stm_endpoint *endpoints[PLACES]; /* owned; NULL: none */

/* Places in use, of either parity, now and before this transaction. */
static unsigned used[SOURCES], used_before[SOURCES];
static uint64_t handles[HANDLES]; /* given out lately, of any endpoint */

static struct endpoint_model *endpoint_model(unsigned place)
{
    return (struct endpoint_model *)model_of(&broadcast_family) + place;
}

static bool is_there(const struct arguments *a)
{
    return endpoint_model(a->which)->exists && endpoints[a->which] != NULL;
}

/* Are all endpoints of this queue short enough for one item more? */
static bool has_room(const struct arguments *a)
{
    for (unsigned i = a->which % SOURCES; i < PLACES; i += SOURCES)
        if (endpoint_model(i)->length == ITEMS_MAX)
            return false;
    return true;
}

static bool can_replace(const struct arguments *a)
{
    return is_there(a) && has_room(a);
}

static void add(struct endpoint_model *endpoint, size_t at, uint32_t number,
                uint64_t handle)
{
    memmove(&endpoint->item[at + 1], &endpoint->item[at],
            (endpoint->length - at) * sizeof endpoint->item[0]);
    endpoint->item[at].number = number;
    endpoint->item[at].handle = handle;
    endpoint->length++;
}

static void take_out(struct endpoint_model *endpoint, size_t at)
{
    endpoint->length--;
    memmove(&endpoint->item[at], &endpoint->item[at + 1],
            (endpoint->length - at) * sizeof endpoint->item[0]);
}

static void put(struct stm_tx *tx, const struct arguments *a,
                struct result *got)
{
    got->status = stm_broadcast_put(tx, queues[a->which % SOURCES], a->value);
}

static void model_put(const struct arguments *a, struct result *want,
                      const struct result *got)
{
    (void)want, (void)got;
    for (unsigned i = a->which % SOURCES; i < PLACES; i += SOURCES)
        if (endpoint_model(i)->exists)
            add(endpoint_model(i), endpoint_model(i)->length, a->number, 0);
}

/* ---- endpoints come and go ---- */

static unsigned free_place(const struct arguments *a)
{
    return used[a->which % SOURCES] * SOURCES + a->which % SOURCES;
}

static bool has_place(const struct arguments *a)
{
    return free_place(a) < PLACES;
}

static bool can_duplicate(const struct arguments *a)
{
    return is_there(a) && has_place(a);
}

static void make(struct stm_tx *tx, const struct arguments *a,
                 struct result *got)
{
    got->status = stm_endpoint_new(tx, queues[a->which % SOURCES],
                                   &endpoints[free_place(a)]);
}

static void model_make(const struct arguments *a, struct result *want,
                       const struct result *got)
{
    struct endpoint_model *endpoint = endpoint_model(free_place(a));

    (void)want, (void)got;
    used[a->which % SOURCES]++;
    endpoint->exists = true;
    endpoint->length = 0;
}

static void duplicate(struct stm_tx *tx, const struct arguments *a,
                      struct result *got)
{
    got->status = stm_endpoint_duplicate(tx, endpoints[a->which],
                                         &endpoints[free_place(a)]);
}

static void model_duplicate(const struct arguments *a, struct result *want,
                            const struct result *got)
{
    struct endpoint_model *copy = endpoint_model(free_place(a));

    (void)want, (void)got;
    *copy = *endpoint_model(a->which);
    used[a->which % SOURCES]++;
}

/* Lets go of one for good, whatever becomes of the transaction. */
static void drop(struct stm_tx *tx, const struct arguments *a,
                 struct result *got)
{
    (void)tx, (void)got;
    stm_endpoint_release(endpoints[a->which]);
    endpoints[a->which] = NULL;
}

/* ---- items ---- */

static void get(struct stm_tx *tx, const struct arguments *a,
                struct result *got)
{
    stm_value value = CANARY;

    got->status = stm_endpoint_get(tx, endpoints[a->which], &value);
    pass_value(got, 0, a->which % 2, value);
}

static void peek(struct stm_tx *tx, const struct arguments *a,
                 struct result *got)
{
    stm_value value = CANARY;

    got->status = stm_endpoint_peek(tx, endpoints[a->which], &value);
    pass_value(got, 0, a->which % 2, value);
}

static void model_peek(const struct arguments *a, struct result *want,
                       const struct result *got)
{
    const struct endpoint_model *endpoint = endpoint_model(a->which);

    (void)got;
    if (endpoint->length == 0)
        want->status = STM_EEMPTY;
    else
        want->out[0] = endpoint->item[0].number;
}

static void model_get(const struct arguments *a, struct result *want,
                      const struct result *got)
{
    model_peek(a, want, got);
    if (want->status == STM_OK)
        take_out(endpoint_model(a->which), 0);
}

static size_t find(const struct endpoint_model *endpoint, uint64_t handle)
{
    size_t at = 0;

    while (at < endpoint->length && endpoint->item[at].handle != handle)
        at++;
    return at;
}

static void replace(struct stm_tx *tx, const struct arguments *a,
                    struct result *got)
{
    uint64_t handle = 0;

    got->status =
        stm_endpoint_replace(tx, endpoints[a->which], a->value, &handle);
    got->out[0] = handle;
}

/* The library alone knows the handle, which must be a new one. */
static void model_replace(const struct arguments *a, struct result *want,
                          const struct result *got)
{
    struct endpoint_model *endpoint = endpoint_model(a->which);

    REQUIRE(got->out[0] != 0 && find(endpoint, got->out[0]) == endpoint->length,
            "replace gave out handle %#zx a second time", (size_t)got->out[0]);
    add(endpoint, 0, a->number, got->out[0]);
    want->out[0] = got->out[0];
    handles[a->small[0] % HANDLES] = got->out[0];
}

static void remove_item(struct stm_tx *tx, const struct arguments *a,
                        struct result *got)
{
    got->status = stm_endpoint_remove(tx, endpoints[a->which],
                                      handles[a->small[0] % HANDLES]);
}

static void model_remove(const struct arguments *a, struct result *want,
                         const struct result *got)
{
    struct endpoint_model *endpoint = endpoint_model(a->which);
    size_t at = find(endpoint, handles[a->small[0] % HANDLES]);

    (void)got;
    if (at < endpoint->length)
        take_out(endpoint, at);
    else
        want->status = STM_ENOTFOUND;
}

static bool has_handle(const struct arguments *a)
{
    return is_there(a) && handles[a->small[0] % HANDLES] != 0;
}

static void remaining(struct stm_tx *tx, const struct arguments *a,
                      struct result *got)
{
    size_t number = CANARY;

    got->status = stm_endpoint_remaining(tx, endpoints[a->which], &number);
    pass_number(got, 0, number);
}

static void model_remaining(const struct arguments *a, struct result *want,
                            const struct result *got)
{
    (void)got;
    want->out[0] = endpoint_model(a->which)->length;
}

static const struct operation operations[] = {
    {"put", "ov", put, model_put, has_room, false},
    {"new", "o", make, model_make, has_place, false},
    {"duplicate", "o", duplicate, model_duplicate, can_duplicate, false},
    {"get", "o", get, model_get, is_there, false},
    {"peek", "o", peek, model_peek, is_there, false},
    {"replace", "ovn", replace, model_replace, can_replace, false},
    {"remove", "on", remove_item, model_remove, has_handle, false},
    {"remaining", "o", remaining, model_remaining, is_there, false},
    {"put", "ov", put, model_put, has_room, false},
    {"get", "o", get, model_get, is_there, false},
    {"drop", "o", drop, NULL, is_there, true},
};

/* ---- the whole ---- */

static enum stm_status first_body(struct stm_tx *tx, void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < SOURCES; i++) {
        if (endpoints[i] != NULL)
            stm_endpoint_release(endpoints[i]);
        endpoints[i] = NULL;
        STM_TRY(stm_endpoint_new(tx, queues[i], &endpoints[i]));
    }
    return STM_OK;
}

static void start(void)
{
    memset(endpoints, 0, sizeof endpoints);
    memset(handles, 0, sizeof handles);
    for (unsigned i = 0; i < SOURCES; i++) {
        queues[i] = stm_broadcast_new(type_of(i));
        REQUIRE(queues[i] != NULL, "out of memory");
        used[i] = used_before[i] = 1;
        endpoint_model(i)->exists = true;
    }
    REQUIRE(stm_atomically(first_body, NULL) == STM_OK, "out of memory");
}

static void forget_new(void)
{
    for (unsigned i = 0; i < PLACES; i++) {
        if (i / SOURCES < used_before[i % SOURCES] || endpoints[i] == NULL)
            continue;
        stm_endpoint_release(endpoints[i]);
        endpoints[i] = NULL;
    }
    memcpy(used, used_before, sizeof used);
}

static void end(bool committed)
{
    if (committed)
        memcpy(used_before, used, sizeof used);
    else
        forget_new();
}

static void stop(void)
{
    for (unsigned i = 0; i < PLACES; i++)
        if (endpoints[i] != NULL)
            stm_endpoint_release(endpoints[i]);
    for (unsigned i = 0; i < SOURCES; i++)
        stm_broadcast_release(queues[i]);
}

/* Takes everything out, to be undone. */
static enum stm_status drain_body(struct stm_tx *tx, void *argument)
{
    unsigned place = *(unsigned *)argument;
    const struct endpoint_model *endpoint = endpoint_model(place);
    stm_value value;

    for (size_t i = 0; i < endpoint->length; i++) {
        if (!agreed("stm_endpoint_get", STM_OK,
                    stm_endpoint_get(tx, endpoints[place], &value)))
            return STM_CONFLICT;
        REQUIRE(number_of(place % 2, value) == endpoint->item[i].number,
                "endpoint %u, item %zu: expected %u, got %u", place, i,
                endpoint->item[i].number, number_of(place % 2, value));
    }
    return agreed("stm_endpoint_get", STM_EEMPTY,
                  stm_endpoint_get(tx, endpoints[place], &value))
               ? STM_EABORT
               : STM_CONFLICT;
}

static void check(struct stm_tx *tx)
{
    for (unsigned i = 0; i < PLACES; i++) {
        const struct endpoint_model *endpoint = endpoint_model(i);
        size_t count = 0;

        if (!endpoint->exists || endpoints[i] == NULL)
            continue;
        if (!agreed("stm_endpoint_remaining", STM_OK,
                    stm_endpoint_remaining(tx, endpoints[i], &count)))
            return;
        REQUIRE(count == endpoint->length,
                "endpoint %u: expected %zu items, got %zu", i, endpoint->length,
                count);
        if (!agreed("draining an endpoint", STM_EABORT,
                    stm_atomically(drain_body, &i)))
            return;
    }
}

const struct family broadcast_family = {
    .name = "broadcast",
    .objects = PLACES,
    .model_size = PLACES * sizeof(struct endpoint_model),
    OPERATIONS(operations),
    .start = start,
    .stop = stop,
    .check = check,
    .begin = forget_new,
    .end = end,
};
