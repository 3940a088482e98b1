/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "families.h"

/* Variables. */

static struct stm_tvar *vars[TVARS];

struct tvar_model {
    uint32_t number[TVARS];
};

static uint32_t *number_at(unsigned which)
{
    struct tvar_model *model = model_of(&tvar_family);

    return &model->number[which];
}

struct stm_tvar *tvar_at(unsigned which) { return vars[which]; }

uint32_t tvar_number(unsigned which) { return *number_at(which); }

static void get(struct stm_tx *tx, const struct arguments *a,
                struct result *got)
{
    stm_value value = CANARY;

    got->status = stm_tvar_get(tx, vars[a->which], &value);
    pass_value(got, 0, a->which % 2, value);
}

static void model_get(const struct arguments *a, struct result *want,
                      const struct result *got)
{
    (void)got;
    want->out[0] = *number_at(a->which);
}

static void set(struct stm_tx *tx, const struct arguments *a,
                struct result *got)
{
    got->status = stm_tvar_set(tx, vars[a->which], a->value);
}

static void model_set(const struct arguments *a, struct result *want,
                      const struct result *got)
{
    (void)want, (void)got;
    *number_at(a->which) = a->number;
}

static void set_zero(struct stm_tx *tx, const struct arguments *a,
                     struct result *got)
{
    got->status = stm_tvar_set(tx, vars[a->which], 0);
}

/* Exchanges the values of two variables of one kind. */
static void swap(struct stm_tx *tx, const struct arguments *a,
                 struct result *got)
{
    struct stm_tvar *left = vars[a->which], *right = vars[other_tvar(a)];
    stm_value first, second;

    got->status = stm_tvar_get(tx, left, &first);
    if (got->status == STM_OK)
        got->status = stm_tvar_get(tx, right, &second);
    if (got->status == STM_OK)
        got->status = stm_tvar_set(tx, left, second);
    if (got->status == STM_OK)
        got->status = stm_tvar_set(tx, right, first);
}

static void model_swap(const struct arguments *a, struct result *want,
                       const struct result *got)
{
    uint32_t *left = number_at(a->which), *right = number_at(other_tvar(a));
    uint32_t number = *left;

    (void)want, (void)got;
    *left = *right;
    *right = number;
}

/* A variable that only this operation knows, and that ends before the
 * transaction. */
static void make_and_drop(struct stm_tx *tx, const struct arguments *a,
                          struct result *got)
{
    const struct stm_type *type = type_of(a->which);
    struct stm_tvar *var = stm_tvar_new(type, 0);
    stm_value value = CANARY;

    REQUIRE(var != NULL, "out of memory");
    got->status = stm_tvar_set(tx, var, a->value);
    if (got->status == STM_OK)
        got->status = stm_tvar_get(tx, var, &value);
    pass_value(got, 0, a->which % 2, value);
    stm_tvar_release(var);
}

static void model_make_and_drop(const struct arguments *a, struct result *want,
                                const struct result *got)
{
    (void)got;
    want->out[0] = a->number;
}

static const struct operation operations[] = {
    {.name = "get", .shape = "o", .run = get, .model = model_get},
    {.name = "set", .shape = "ov", .run = set, .model = model_set},
    {.name = "set_zero", .shape = "o", .run = set_zero, .model = model_set},
    {.name = "swap", .shape = "on", .run = swap, .model = model_swap},
    {.name = "make_and_drop",
     .shape = "ov",
     .run = make_and_drop,
     .model = model_make_and_drop},
};

static void start(void)
{
    for (unsigned i = 0; i < TVARS; i++) {
        vars[i] = stm_tvar_new(type_of(i), 0);
        REQUIRE(vars[i] != NULL, "out of memory");
    }
}

static void stop(void)
{
    for (unsigned i = 0; i < TVARS; i++)
        stm_tvar_release(vars[i]);
}

static void check(struct stm_tx *tx)
{
    for (unsigned i = 0; i < TVARS; i++) {
        stm_value value;

        if (!agreed("stm_tvar_get", STM_OK, stm_tvar_get(tx, vars[i], &value)))
            return;
        REQUIRE(number_of(i % 2, value) == *number_at(i),
                "variable %u: expected %u, got %u", i, *number_at(i),
                number_of(i % 2, value));
    }
}

const struct family tvar_family = {
    .name = "tvar",
    .objects = TVARS,
    .model_size = sizeof(struct tvar_model),
    OPERATIONS(operations),
    .start = start,
    .stop = stop,
    .check = check,
};
