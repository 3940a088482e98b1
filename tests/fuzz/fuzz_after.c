/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "families.h"

#include <string.h>

/* What waits for the transaction's end: actions for after the commit, results
 * that are let out, references to give back.  The model knows what an attempt
 * has asked for so far. */

enum { PLACES = 4, ACTIONS_MAX = 64 };

struct after_model {
    size_t count;
    uint32_t action[ACTIONS_MAX]; /* the arguments' numbers */
    bool exported[PLACES];
    uint32_t number[PLACES];
};

static stm_value places[PLACES]; /* CANARY: nothing was let out */
static uint32_t done[ACTIONS_MAX + 1];
static size_t done_count;

static struct after_model *model(void) { return model_of(&after_family); }

static void note(bool counted, stm_value argument)
{
    REQUIRE(stm_current() == NULL, "an action ran inside a transaction");
    REQUIRE(done_count < ACTIONS_MAX, "too many actions ran");
    done[done_count++] = number_of(counted, argument);
}

static void note_word(stm_value argument) { note(false, argument); }

static void note_object(stm_value argument) { note(true, argument); }

static void on_commit(struct stm_tx *tx, const struct arguments *a,
                      struct result *got)
{
    got->status = stm_on_commit(tx, a->which % 2 ? note_object : note_word,
                                a->value, type_of(a->which));
}

static void model_on_commit(const struct arguments *a, struct result *want,
                            const struct result *got)
{
    (void)want, (void)got;
    model()->action[model()->count++] = a->number;
}

static bool has_room(const struct arguments *a)
{
    (void)a;
    return model()->count < ACTIONS_MAX;
}

static void export(struct stm_tx *tx, const struct arguments *a,
                   struct result *got)
{
    got->status =
        stm_export(tx, type_of(a->which), a->value, &places[a->which]);
}

static void model_export(const struct arguments *a, struct result *want,
                         const struct result *got)
{
    (void)want, (void)got;
    model()->exported[a->which] = true;
    model()->number[a->which] = a->number;
}

/* Also where the attempt is doomed: it still has an end. */
static void release_later(struct stm_tx *tx, const struct arguments *a,
                          struct result *got)
{
    stm_value value = object_new(a->small[0]);
    enum stm_status status = stm_release_later(tx, &object_type, value);

    (void)got;
    borrow(true, value);
    REQUIRE(status == STM_OK, "stm_release_later: expected STM_OK, got %d",
            status);
}

static const struct operation operations[] = {
    {"on_commit", "ov", on_commit, model_on_commit, has_room, false},
    {"export", "ov", export, model_export, NULL, false},
    {"release_later", "n", release_later, NULL, NULL, true},
};

static void start(void)
{
    done_count = 0;
    for (unsigned i = 0; i < PLACES; i++)
        places[i] = CANARY;
}

static void end_export(unsigned which, bool exported)
{
    stm_value value = places[which];

    places[which] = CANARY;
    REQUIRE((value != CANARY) == exported, "export %u: expected %s", which,
            exported ? "a result" : "none");
    if (!exported)
        return;
    REQUIRE(number_of(which % 2, value) == model()->number[which],
            "export %u: expected %u, got %u", which, model()->number[which],
            number_of(which % 2, value));
    if (which % 2)
        object_drop(value);
}

static void end(bool committed)
{
    size_t count = committed ? model()->count : 0;

    REQUIRE(done_count == count, "expected %zu actions, got %zu", count,
            done_count);
    for (size_t i = 0; i < count; i++)
        REQUIRE(done[i] == model()->action[i],
                "action %zu: expected %u, got %u", i, model()->action[i],
                done[i]);
    for (unsigned i = 0; i < PLACES; i++)
        end_export(i, committed && model()->exported[i]);
    done_count = 0;
    memset(model(), 0, sizeof *model());
}

const struct family after_family = {
    .name = "after",
    .objects = PLACES,
    .model_size = sizeof(struct after_model),
    OPERATIONS(operations),
    .start = start,
    .end = end,
};
