/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "families.h"

#include <stdio.h>
#include <string.h>

/* Objects with fields, in the order in which these were added. */

enum { TOBJECTS = 2, FIELDS_MAX = 48 };

struct object_model {
    size_t length;
    struct {
        unsigned name; /* its index */
        uint32_t number;
    } field[FIELDS_MAX];
};

static struct stm_tobject *objects[TOBJECTS];

/* The names as they were at some point. */
static struct {
    struct stm_seq *names; /* owned; NULL: none */
    struct object_model model;
} taken[TOBJECTS];

static struct object_model *object_model(unsigned which)
{
    return (struct object_model *)model_of(&tobject_family) + which;
}

/* A few names are drawn often. */
static unsigned name_index(const struct arguments *a)
{
    return a->small[0] < 192 ? a->small[0] % 6 : a->small[0] % FIELDS_MAX;
}

/* From a buffer that is written anew each time: names are copied. */
static const char *name_of(unsigned index)
{
    static char name[16];

    snprintf(name, sizeof name, "field%u", index);
    return name;
}

static size_t find(const struct object_model *object, unsigned name)
{
    size_t at = 0;

    while (at < object->length && object->field[at].name != name)
        at++;
    return at;
}

static void get(struct stm_tx *tx, const struct arguments *a,
                struct result *got)
{
    stm_value value = CANARY;

    got->status =
        stm_tobject_get(tx, objects[a->which], name_of(name_index(a)), &value);
    pass_value(got, 0, a->which % 2, value);
}

static void model_get(const struct arguments *a, struct result *want,
                      const struct result *got)
{
    const struct object_model *object = object_model(a->which);
    size_t at = find(object, name_index(a));

    (void)got;
    if (at < object->length)
        want->out[0] = object->field[at].number;
    else
        want->status = STM_ENOTFOUND;
}

static void set(struct stm_tx *tx, const struct arguments *a,
                struct result *got)
{
    got->status = stm_tobject_set(tx, objects[a->which], name_of(name_index(a)),
                                  a->value);
}

static void model_set(const struct arguments *a, struct result *want,
                      const struct result *got)
{
    struct object_model *object = object_model(a->which);
    size_t at = find(object, name_index(a));

    (void)want, (void)got;
    if (at == object->length)
        object->field[object->length++].name = name_index(a);
    object->field[at].number = a->number;
}

static void remove_field(struct stm_tx *tx, const struct arguments *a,
                         struct result *got)
{
    got->status =
        stm_tobject_remove(tx, objects[a->which], name_of(name_index(a)));
}

static void model_remove(const struct arguments *a, struct result *want,
                         const struct result *got)
{
    struct object_model *object = object_model(a->which);
    size_t at = find(object, name_index(a));

    (void)got;
    if (at == object->length) {
        want->status = STM_ENOTFOUND;
        return;
    }
    object->length--;
    memmove(&object->field[at], &object->field[at + 1],
            (object->length - at) * sizeof object->field[0]);
}

static void compare_names(unsigned which, struct stm_seq *names,
                          const struct object_model *object)
{
    REQUIRE(stm_seq_length(names) == object->length,
            "object %u: expected %zu names, got %zu", which, object->length,
            stm_seq_length(names));
    for (size_t i = 0; i < object->length; i++) {
        const char *name = (const char *)stm_seq_get(names, i);

        REQUIRE(strcmp(name, name_of(object->field[i].name)) == 0,
                "object %u, name %zu: expected %s, got %s", which, i,
                name_of(object->field[i].name), name);
    }
}

static void look(unsigned which)
{
    if (taken[which].names == NULL)
        return;
    compare_names(which, taken[which].names, &taken[which].model);
    stm_seq_release(taken[which].names);
    taken[which].names = NULL;
}

static void get_names(struct stm_tx *tx, const struct arguments *a,
                      struct result *got)
{
    struct stm_seq *names = NULL;

    got->status = stm_tobject_names(tx, objects[a->which], &names);
    if (got->status != STM_OK)
        return;
    look(a->which);
    compare_names(a->which, names, object_model(a->which));
    taken[a->which].names = names;
    taken[a->which].model = *object_model(a->which);
}

static void model_names(const struct arguments *a, struct result *want,
                        const struct result *got)
{
    (void)a, (void)want, (void)got;
}

static const struct operation operations[] = {
    {"get", "on", get, model_get, NULL, false},
    {"set", "onv", set, model_set, NULL, false},
    {"remove", "on", remove_field, model_remove, NULL, false},
    {"names", "o", get_names, model_names, NULL, false},
};

static void start(void)
{
    for (unsigned i = 0; i < TOBJECTS; i++) {
        objects[i] = stm_tobject_new(type_of(i));
        REQUIRE(objects[i] != NULL, "out of memory");
    }
}

static void stop(void)
{
    for (unsigned i = 0; i < TOBJECTS; i++) {
        look(i);
        stm_tobject_release(objects[i]);
    }
}

static bool check_object(struct stm_tx *tx, unsigned which)
{
    const struct object_model *object = object_model(which);
    struct stm_seq *names = NULL;

    if (!agreed("stm_tobject_names", STM_OK,
                stm_tobject_names(tx, objects[which], &names)))
        return false;
    compare_names(which, names, object);
    stm_seq_release(names);
    for (size_t i = 0; i < object->length; i++) {
        const char *name = name_of(object->field[i].name);
        stm_value value;

        if (!agreed("stm_tobject_get", STM_OK,
                    stm_tobject_get(tx, objects[which], name, &value)))
            return false;
        REQUIRE(number_of(which % 2, value) == object->field[i].number,
                "object %u, %s: expected %u, got %u", which, name,
                object->field[i].number, number_of(which % 2, value));
    }
    return true;
}

static void check(struct stm_tx *tx)
{
    for (unsigned i = 0; i < TOBJECTS; i++)
        if (!check_object(tx, i))
            return;
}

const struct family tobject_family = {
    .name = "tobject",
    .objects = TOBJECTS,
    .model_size = TOBJECTS * sizeof(struct object_model),
    OPERATIONS(operations),
    .start = start,
    .stop = stop,
    .check = check,
};
