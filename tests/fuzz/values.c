/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <string.h>

/* Objects lie in a table and are never used twice in one program, so that a use
 * after the last release is seen without a sanitizer.  A program runs on one
 * thread: plain counts do. */
enum { OBJECTS_MAX = 8192, HELD = 8, BORROWED_MAX = 512 };

struct object {
    uint32_t references;
    uint32_t number; /* serial * CLASSES + class */
};

static struct object objects[OBJECTS_MAX];
static size_t used, live;
static stm_value held[HELD]; /* the program's own, each with a reference */

bool dropping;

static struct object *object_at(stm_value value)
{
    struct object *object = (struct object *)value;

    REQUIRE(object >= objects && object < objects + used,
            "a value is %#zx, expected an object", (size_t)value);
    REQUIRE(object->references > 0, "object #%u is used after its release",
            object->number);
    return object;
}

static void retain(stm_value value) { object_at(value)->references++; }

/* The last release of an object of class 0, unless a transaction runs, runs
 * one: it counts itself. */
static struct stm_tvar *finalized;
static stm_value finalized_number;

static enum stm_status count_body(struct stm_tx *tx, void *argument)
{
    stm_value number;

    (void)argument;
    STM_TRY(stm_tvar_get(tx, finalized, &number));
    return stm_tvar_set(tx, finalized, number + 1);
}

static void finalize(const struct object *object)
{
    if (object->number % CLASSES != 0 || stm_current() != NULL)
        return;
    finalized_number++;
    REQUIRE(stm_atomically(count_body, NULL) == STM_OK,
            "a transaction in a release function failed");
}

static void drop(stm_value value)
{
    struct object *object = object_at(value);

    if (--object->references > 0)
        return;
    live--;
    finalize(object);
}

static void release(stm_value value)
{
    REQUIRE(object_at(value)->references > 1 || stm_current() == NULL ||
                dropping,
            "the last reference to object #%u was released inside a "
            "transaction, expected outside any",
            object_at(value)->number);
    drop(value);
}

const struct stm_type object_type = {
    .name = "object", .retain = retain, .release = release};

void object_drop(stm_value value) { drop(value); }

stm_value object_new(unsigned class)
{
    struct object *object;

    if (used == OBJECTS_MAX) {
        retain(held[class % HELD]);
        return held[class % HELD];
    }
    object = &objects[used++];
    object->references = 1;
    object->number = (uint32_t)used * CLASSES + class % CLASSES;
    live++;
    return (stm_value)object;
}

bool objects_left(void) { return used < OBJECTS_MAX; }

stm_value object_take(unsigned chooser)
{
    if (chooser < 192)
        return object_new(chooser);
    retain(held[chooser % HELD]);
    return held[chooser % HELD];
}

uint32_t number_of(bool counted, stm_value value)
{
    if (!counted || value == 0)
        return (uint32_t)value;
    return object_at(value)->number;
}

void values_start(void)
{
    used = live = 0;
    finalized_number = 0;
    finalized = stm_tvar_new(NULL, 0);
    REQUIRE(finalized != NULL, "out of memory");
    for (unsigned i = 0; i < HELD; i++)
        held[i] = object_new(i);
}

static enum stm_status check_body(struct stm_tx *tx, void *argument)
{
    return stm_tvar_get(tx, finalized, argument);
}

void values_stop(void)
{
    stm_value number = CLASSES;

    for (unsigned i = 0; i < HELD; i++)
        drop(held[i]);
    for (size_t i = 0; i < used && live > 0; i++)
        REQUIRE(objects[i].references == 0,
                "object #%u has %u references left at the end, expected none",
                objects[i].number, objects[i].references);
    REQUIRE(stm_atomically(check_body, &number) == STM_OK &&
                number == finalized_number,
            "release functions ran %zu transactions, expected %zu",
            (size_t)number, (size_t)finalized_number);
    stm_tvar_release(finalized);
}

/* ---- borrowed values ---- */

static struct {
    stm_value value;
    uint32_t number;
} borrowed[BORROWED_MAX];
static size_t borrowed_count;

void borrow(bool counted, stm_value value)
{
    if (!counted || value == 0 || borrowed_count == BORROWED_MAX)
        return;
    borrowed[borrowed_count].value = value;
    borrowed[borrowed_count].number = number_of(true, value);
    borrowed_count++;
}

void check_borrowed(void)
{
    for (size_t i = 0; i < borrowed_count; i++)
        REQUIRE(number_of(true, borrowed[i].value) == borrowed[i].number,
                "a borrowed object is #%u, expected #%u",
                number_of(true, borrowed[i].value), borrowed[i].number);
}

void forget_borrowed(void) { borrowed_count = 0; }
