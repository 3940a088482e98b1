/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Transactional objects: named fields, each a variable of its own. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stm/tx-internal.h>

static const char *name_of(size_t number)
{
    static _Thread_local char name[32];

    snprintf(name, sizeof name, "field%zu", number);
    return name;
}

/* ---- one operation in a transaction of its own ---- */

struct operation {
    struct stm_tobject *object;
    const char *name;
    stm_value value;
    struct stm_seq *names; /* owned; NULL: none yet */
};

static enum stm_status get_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;

    return stm_tobject_get(tx, operation->object, operation->name,
                           &operation->value);
}

static enum stm_status set_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;

    return stm_tobject_set(tx, operation->object, operation->name,
                           operation->value);
}

static enum stm_status remove_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;

    return stm_tobject_remove(tx, operation->object, operation->name);
}

static enum stm_status names_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;

    if (operation->names != NULL)
        stm_seq_release(operation->names);
    operation->names = NULL;
    return stm_tobject_names(tx, operation->object, &operation->names);
}

static void set(struct stm_tobject *object, const char *name, stm_value value)
{
    struct operation operation = {object, name, value, NULL};

    EXPECT_STATUS(STM_OK, stm_atomically(set_body, &operation));
}

static void unset(struct stm_tobject *object, const char *name)
{
    struct operation operation = {object, name, 0, NULL};

    EXPECT_STATUS(STM_OK, stm_atomically(remove_body, &operation));
}

/* The names, in a line; the caller frees it. */
static char *names_line(struct stm_tobject *object)
{
    struct operation operation = {.object = object};
    char *line = calloc(1, 1000);

    ck_assert_ptr_nonnull(line);
    EXPECT_STATUS(STM_OK, stm_atomically(names_body, &operation));
    for (size_t i = 0; i < stm_seq_length(operation.names); i++) {
        strcat(line, (const char *)stm_seq_get(operation.names, i));
        strcat(line, " ");
    }
    stm_seq_release(operation.names);
    return line;
}

static void expect_names(struct stm_tobject *object, const char *wanted)
{
    char *line = names_line(object);

    EXPECT(!strcmp(line, wanted), "expected the names \"%s\", got \"%s\"",
           wanted, line);
    free(line);
}

START_TEST(names_come_in_the_order_in_which_fields_were_added)
{
    struct stm_tobject *object = stm_tobject_new(NULL);

    expect_names(object, "");
    set(object, "b", 1);
    set(object, "a", 2);
    set(object, "", 3);
    set(object, "c", 4);
    set(object, "b", 5);
    expect_names(object, "b a  c ");
    unset(object, "b");
    unset(object, "");
    expect_names(object, "a c ");
    set(object, "b", 6);
    expect_names(object, "a c b ");
    stm_tobject_release(object);
}
END_TEST

static enum stm_status values_body(struct stm_tx *tx, void *argument)
{
    struct stm_tobject *object = argument;
    stm_value value = 5;

    STM_TRY(EXPECT_RESULT(STM_ENOTFOUND,
                          stm_tobject_get(tx, object, "none", &value)));
    STM_TRY(
        EXPECT_RESULT(STM_ENOTFOUND, stm_tobject_remove(tx, object, "none")));
    EXPECT(value == 5, "expected the out-parameter untouched");
    STM_TRY(stm_tobject_set(tx, object, "zero", 0));
    STM_TRY(stm_tobject_get(tx, object, "zero", &value));
    EXPECT(value == 0, "expected the word 0, got %zu", (size_t)value);
    STM_TRY(
        EXPECT_RESULT(STM_EMISUSE, stm_tobject_get(tx, object, NULL, &value)));
    STM_TRY(stm_tobject_remove(tx, object, "zero"));
    return EXPECT_RESULT(STM_ENOTFOUND,
                         stm_tobject_get(tx, object, "zero", &value));
}

START_TEST(of_words_each_is_a_value_also_0)
{
    struct stm_tobject *object = stm_tobject_new(NULL);

    EXPECT_STATUS(STM_OK, stm_atomically(values_body, object));
    stm_tobject_release(object);
}
END_TEST

static enum stm_status misuse_body(struct stm_tx *tx, void *argument)
{
    struct stm_tobject *object = argument;
    stm_value value;

    STM_TRY(
        EXPECT_RESULT(STM_EMISUSE, stm_tobject_set(tx, object, "field", 0)));
    return EXPECT_RESULT(STM_ENOTFOUND,
                         stm_tobject_get(tx, object, "field", &value));
}

START_TEST(with_a_type_the_word_0_is_no_value)
{
    struct stm_tobject *object = stm_tobject_new(&counted_type);
    struct operation operation = {.object = object, .name = "field"};

    EXPECT_STATUS(STM_OK, stm_atomically(misuse_body, object));
    EXPECT_STATUS(STM_EMISUSE, get_body(NULL, &operation));
    expect_names(object, "");
    stm_tobject_release(object);
}
END_TEST

static enum stm_status last_read_body(struct stm_tx *tx, void *argument)
{
    if (tx->fast.is_solo) { /* which logs no reads */
        stm__solo_withdraw(tx->fast.slot);
        return STM_CONFLICT;
    }
    STM_TRY(get_body(tx, argument));
    EXPECT(!strcmp(stm_tvar_name(tx->fast.at[-1].var), "balance"),
           "expected the variable to be named \"balance\"");
    return STM_OK;
}

START_TEST(a_field_s_variable_carries_its_name)
{
    struct operation operation = {.object = stm_tobject_new(NULL),
                                  .name = "balance"};

    set(operation.object, "balance", 3);
    EXPECT_STATUS(STM_OK, stm_atomically(last_read_body, &operation));
    stm_tobject_release(operation.object);
}
END_TEST

START_TEST(thousands_of_names_are_told_apart)
{
    struct stm_tobject *object = stm_tobject_new(NULL);
    struct operation operation = {.object = object};
    size_t count = workload(5000);

    for (size_t i = 0; i < count; i++)
        set(object, name_of(i), i);
    for (size_t i = 0; i < count; i++) {
        operation.name = name_of(i);
        EXPECT_STATUS(STM_OK, stm_atomically(get_body, &operation));
        EXPECT(operation.value == i, "field %zu: got %zu", i,
               (size_t)operation.value);
    }
    for (size_t i = count; i-- > 0;)
        if (i != 7)
            unset(object, name_of(i));
    expect_names(object, "field7 ");
    stm_tobject_release(object);
}
END_TEST

/* ---- who is disturbed ---- */

enum { READS, MISSES, MISSES_ANOTHER, LISTS, SLEEPERS };

struct room {
    struct stm_tobject *object;
    struct crew *crew;
    AO_t runs[SLEEPERS]; /* of bodies */
    AO_t leave;
};

struct sleeper {
    struct room *room;
    size_t kind;
    struct operation operation;
};

static enum stm_status sleeper_body(struct stm_tx *tx, void *argument)
{
    static const char *const name[] = {
        [READS] = "present", [MISSES] = "missed", [MISSES_ANOTHER] = "another"};
    struct sleeper *sleeper = argument;
    enum stm_status status;

    AO_fetch_and_add1_full(&sleeper->room->runs[sleeper->kind]);
    if (sleeper->kind == LISTS) {
        STM_TRY(names_body(tx, &sleeper->operation));
    } else {
        sleeper->operation.name = name[sleeper->kind];
        status = get_body(tx, &sleeper->operation);
        if (status != STM_OK && status != STM_ENOTFOUND)
            return status;
    }
    return AO_load_acquire(&sleeper->room->leave) ? STM_OK : stm_retry(tx);
}

static void sleeper_thread(size_t index, void *context)
{
    struct sleeper sleeper = {.room = context, .kind = index};

    sleeper.operation.object = sleeper.room->object;
    EXPECT_STATUS(STM_OK, stm_atomically(sleeper_body, &sleeper));
    if (sleeper.operation.names != NULL)
        stm_seq_release(sleeper.operation.names);
}

/* Checks who has run since the last time. */
static void expect_room_runs(struct room *room, const size_t wanted[SLEEPERS],
                             const char *why)
{
    crew_await_sleep(room->crew);
    for (size_t i = 0; i < SLEEPERS; i++) {
        size_t runs = AO_load_acquire(&room->runs[i]);

        AO_store_release(&room->runs[i], 0);
        EXPECT_RUNS(wanted[i], &runs, why);
    }
}
#define EXPECT_ROOM_RUNS(room, why, ...)                                       \
    expect_room_runs((room), (const size_t[SLEEPERS]){__VA_ARGS__}, (why))

START_TEST(D_a_field_disturbs_those_who_read_missed_or_listed_it)
{
    struct room room = {.object = stm_tobject_new(NULL)};

    set(room.object, "present", 1);
    set(room.object, "other", 1);
    room.crew = crew_start(SLEEPERS, sleeper_thread, &room);
    for (size_t i = 0; i < SLEEPERS; i++)
        await_count(&room.runs[i], 1);
    EXPECT_ROOM_RUNS(&room, "falling asleep", 1, 1, 1, 1);
    set(room.object, "other", 2);
    EXPECT_ROOM_RUNS(&room, "another field changed", 0, 0, 0, 0);
    set(room.object, "new", 2);
    EXPECT_ROOM_RUNS(&room, "another field added", 0, 0, 0, 1);
    set(room.object, "missed", 2);
    EXPECT_ROOM_RUNS(&room, "the missed field added", 0, 1, 0, 1);
    set(room.object, "present", 2);
    EXPECT_ROOM_RUNS(&room, "the field read changed", 1, 0, 0, 0);
    unset(room.object, "new");
    EXPECT_ROOM_RUNS(&room, "another field removed", 0, 0, 0, 1);
    unset(room.object, "present");
    EXPECT_ROOM_RUNS(&room, "the field read removed", 1, 0, 0, 1);
    AO_store_release(&room.leave, 1);
    set(room.object, "present", 9);
    set(room.object, "missed", 9);
    set(room.object, "another", 9);
    crew_join(room.crew);
    stm_tobject_release(room.object);
}
END_TEST

/* In the middle of a transaction, another one on another thread. */
struct encounter {
    struct operation own;
    struct operation other;
    stm_body *body;
    stm_body *other_body;
    bool met;
    size_t runs;
};

static enum stm_status encounter_body(struct stm_tx *tx, void *argument)
{
    struct encounter *encounter = argument;
    struct operation last = {encounter->own.object, "x", 1, NULL};
    enum stm_status status;

    encounter->runs++;
    status = encounter->body(tx, &encounter->own);
    if (status != STM_OK && status != STM_ENOTFOUND)
        return status;
    if (!encounter->met)
        atomically_elsewhere(encounter->other_body, &encounter->other);
    encounter->met = true;
    return set_body(tx, &last);
}

static void meet(struct stm_tobject *object, stm_body *body, const char *name,
                 stm_body *other_body, const char *other_name, size_t runs)
{
    struct encounter encounter = {.own = {object, name, 1, NULL},
                                  .other = {object, other_name, 1, NULL},
                                  .body = body,
                                  .other_body = other_body};

    EXPECT_STATUS(STM_OK, stm_atomically(encounter_body, &encounter));
    EXPECT_RUNS(runs, &encounter.runs, other_name);
    if (encounter.own.names != NULL)
        stm_seq_release(encounter.own.names);
}

START_TEST(transactions_on_different_fields_do_not_conflict)
{
    struct stm_tobject *object = stm_tobject_new(NULL);

    set(object, "a", 1);
    set(object, "b", 1);
    set(object, "x", 1);
    meet(object, get_body, "a", set_body, "b", 1);
    meet(object, set_body, "a", set_body, "b", 1);
    meet(object, set_body, "a", set_body, "c", 1);
    meet(object, get_body, "d", set_body, "e", 1);
    meet(object, names_body, NULL, set_body, "a", 1);
    meet(object, set_body, "a", remove_body, "b", 1);
    meet(object, get_body, "a", remove_body, "a", 2);
    meet(object, get_body, "a", set_body, "a", 2);
    meet(object, names_body, NULL, set_body, "f", 2);
    expect_names(object, "x c e a f ");
    stm_tobject_release(object);
}
END_TEST

/* ---- threads that meet at new names ---- */

enum { COUNTERS = 2, FIELDS = 3000 };

struct census {
    struct stm_tobject *object;
    size_t fields;
    AO_t arrived;
};

static enum stm_status count_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;
    enum stm_status status = get_body(tx, operation);

    if (status == STM_ENOTFOUND)
        operation->value = 0;
    else
        STM_TRY(status);
    operation->value++;
    return set_body(tx, operation);
}

/* The threads come to each name together. */
static void census_thread(size_t index, void *context)
{
    struct census *census = context;
    struct operation operation = {.object = census->object};

    (void)index;
    for (size_t i = 0; i < census->fields; i++) {
        operation.name = name_of(i);
        AO_fetch_and_add1_full(&census->arrived);
        await_count(&census->arrived, COUNTERS * (i + 1));
        EXPECT_STATUS(STM_OK, stm_atomically(count_body, &operation));
    }
}

START_TEST(threads_that_meet_at_a_new_name_share_one_field)
{
    struct census census = {stm_tobject_new(NULL), workload(FIELDS), 0};
    struct operation operation = {.object = census.object};

    crew_run(COUNTERS, census_thread, &census);
    for (size_t i = 0; i < census.fields; i++) {
        operation.name = name_of(i);
        EXPECT_STATUS(STM_OK, stm_atomically(get_body, &operation));
        EXPECT(operation.value == COUNTERS, "field %zu: expected %d, got %zu",
               i, COUNTERS, (size_t)operation.value);
    }
    EXPECT_STATUS(STM_OK, stm_atomically(names_body, &operation));
    EXPECT(stm_seq_length(operation.names) == census.fields,
           "expected %zu names, got %zu", census.fields,
           stm_seq_length(operation.names));
    stm_seq_release(operation.names);
    stm_tobject_release(census.object);
}
END_TEST

/* ---- for collectors ---- */

START_TEST(a_collector_sees_the_values_and_can_let_them_go)
{
    struct stm_tobject *object = stm_tobject_new(&counted_type);
    size_t visits = 0;

    for (size_t i = 0; i < 50; i++) {
        stm_value value = counted_new(i);

        set(object, name_of(i), value);
        counted_drop(value);
    }
    unset(object, name_of(20));
    EXPECT(stm_tobject_traverse(object, visit_count, &visits) == 0 &&
               visits == 49,
           "expected 49 visits, got %zu", visits);
    EXPECT(stm_tobject_traverse(object, visit_one, &visits) == 5 &&
               visits == 50,
           "expected the visit to end the traversal");
    stm_tobject_discard(object);
    EXPECT(counted_live() == 0, "expected the values released, %zu live",
           counted_live());
    expect_names(object, "");
    stm_tobject_release(object);
}
END_TEST

START_TEST(a_collector_leaves_words_alone)
{
    struct operation operation = {.object = stm_tobject_new(NULL), .name = "a"};
    size_t visits = 0;

    set(operation.object, "a", 7);
    EXPECT(stm_tobject_traverse(operation.object, visit_count, &visits) == 0 &&
               visits == 0,
           "expected no visit, got %zu", visits);
    stm_tobject_discard(operation.object);
    EXPECT_STATUS(STM_OK, stm_atomically(get_body, &operation));
    EXPECT(operation.value == 7, "expected the word, got %zu",
           (size_t)operation.value);
    expect_names(operation.object, "a ");
    stm_tobject_release(operation.object);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("object");

    tcase_add_test(tests, names_come_in_the_order_in_which_fields_were_added);
    tcase_add_test(tests, of_words_each_is_a_value_also_0);
    tcase_add_test(tests, with_a_type_the_word_0_is_no_value);
    tcase_add_test(tests, a_field_s_variable_carries_its_name);
    tcase_add_test(tests, thousands_of_names_are_told_apart);
    tcase_add_test(tests,
                   D_a_field_disturbs_those_who_read_missed_or_listed_it);
    tcase_add_test(tests, transactions_on_different_fields_do_not_conflict);
    tcase_add_test(tests, threads_that_meet_at_a_new_name_share_one_field);
    tcase_add_test(tests, a_collector_sees_the_values_and_can_let_them_go);
    tcase_add_test(tests, a_collector_leaves_words_alone);
    return run_suite("tobject", tests);
}
