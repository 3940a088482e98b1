/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* What a variable knows of its watchers: many at once, older ones that come to
 * it later, and what they hold. */
#include "support.h"

#include <string.h>

enum { MANY = 40 };

/* Watcher i reads var, the one called `late` only if the switch is set. */
struct scene {
    struct stm_tvar *var, *on;
    char order[MANY + 1]; /* in which they ran, from 'A' on */
    size_t used;
};

struct member {
    struct scene *scene;
    char letter;
    bool late;
};

static struct scene scene;
static struct member members[MANY];

static enum stm_status read_var(struct stm_tx *tx, stm_value argument,
                                stm_value *result)
{
    struct member *member = (struct member *)argument;
    stm_value on = 1;

    if (scene.used < MANY)
        scene.order[scene.used++] = member->letter;
    if (member->late)
        STM_TRY(stm_tvar_get(tx, scene.on, &on));
    return on ? stm_tvar_get(tx, scene.var, result) : STM_OK;
}

static enum stm_status create_body(struct stm_tx *tx, void *argument)
{
    for (size_t i = 0; i < *(size_t *)argument; i++) {
        const struct stm_watch watch = {.function = read_var,
                                        .argument = (stm_value)&members[i]};

        STM_TRY(stm_watch(tx, &watch, NULL));
    }
    return STM_OK;
}

static void create(size_t count)
{
    memset(&scene, 0, sizeof scene);
    scene.var = word_var(0);
    scene.on = word_var(0);
    for (size_t i = 0; i < count; i++)
        members[i].letter = (char)('A' + i);
    EXPECT_STATUS(STM_OK, stm_atomically(create_body, &count));
}

static enum stm_status write_body(struct stm_tx *tx, void *argument)
{
    memset(scene.order, 0, sizeof scene.order);
    scene.used = 0;
    return stm_tvar_set(tx, argument, 1);
}

static void expect_order(const char *wanted, struct stm_tvar *written)
{
    EXPECT_STATUS(STM_OK, stm_atomically(write_body, written));
    EXPECT(strcmp(scene.order, wanted) == 0, "expected the order %s, got %s",
           wanted, scene.order);
}

static void scene_fini(void)
{
    stm_tvar_release(scene.var);
    stm_tvar_release(scene.on);
}

START_TEST(F_many_watchers_of_one_variable_are_created_at_once)
{
    create(MANY);
    expect_order("ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefgh", scene.var);
    scene_fini();
}
END_TEST

START_TEST(F_an_older_watcher_runs_first_where_it_came_later)
{
    members[0].late = true;
    create(3);
    expect_order("BC", scene.var);
    expect_order("A", scene.on);
    expect_order("ABC", scene.var);
    members[0].late = false;
    scene_fini();
}
END_TEST

static int count_visit(stm_value value, void *context)
{
    EXPECT(counted_number(value) == 7, "expected the argument");
    return ++*(int *)context == 2;
}

static enum stm_status read_only_var(struct stm_tx *tx, stm_value argument,
                                     stm_value *result)
{
    (void)argument;
    return stm_tvar_get(tx, scene.var, result);
}

static enum stm_status create_holding_body(struct stm_tx *tx, void *argument)
{
    const struct stm_watch watch = {.function = read_only_var,
                                    .argument = *(stm_value *)argument,
                                    .argument_type = &counted_type};

    return stm_watch(tx, &watch, NULL);
}

START_TEST(a_collector_sees_what_the_watchers_of_a_variable_hold)
{
    stm_value argument = counted_new(7);
    int visits = 0;

    create(0);
    EXPECT(stm_tvar_traverse(scene.var, count_visit, &visits) == 0 &&
               visits == 0,
           "expected nothing to visit");
    EXPECT_STATUS(STM_OK, stm_atomically(create_holding_body, &argument));
    EXPECT(stm_tvar_traverse(scene.var, count_visit, &visits) == 0 &&
               visits == 1,
           "expected 1 visit, got %d", visits);
    EXPECT_STATUS(STM_OK, stm_atomically(create_holding_body, &argument));
    EXPECT_STATUS(STM_OK, stm_atomically(create_holding_body, &argument));
    visits = 0;
    EXPECT(stm_tvar_traverse(scene.var, count_visit, &visits) == 1 &&
               visits == 2,
           "expected an end after 2 visits, got %d", visits);
    counted_drop(argument);
    scene_fini();
    EXPECT(counted_live() == 0, "expected the argument released");
}
END_TEST

static int stop_visit(stm_value value, void *context)
{
    (void)context;
    return (int)counted_number(value);
}

START_TEST(a_collector_that_says_stop_at_the_value_is_heeded)
{
    struct stm_tvar *var = counted_var(3);

    EXPECT(stm_tvar_traverse(var, stop_visit, NULL) == 3, "expected 3");
    stm_tvar_clear(var);
    EXPECT(counted_live() == 0, "expected the value released");
    EXPECT(stm_tvar_traverse(var, stop_visit, NULL) == 0, "expected no visit");
    stm_tvar_release(var);
}
END_TEST

/* Two that never agree, beside one that has nothing to do with it. */
static enum stm_status raise_on(struct stm_tx *tx, stm_value argument,
                                stm_value *result)
{
    (void)argument;
    STM_TRY(stm_tvar_get(tx, scene.var, result));
    return *result ? stm_tvar_set(tx, scene.on, *result + 1) : STM_OK;
}

static enum stm_status raise_var(struct stm_tx *tx, stm_value argument,
                                 stm_value *result)
{
    (void)argument;
    STM_TRY(stm_tvar_get(tx, scene.on, result));
    return *result ? stm_tvar_set(tx, scene.var, *result + 1) : STM_OK;
}

static enum stm_status calm(struct stm_tx *tx, stm_value argument,
                            stm_value *result)
{
    return stm_tvar_get(tx, (struct stm_tvar *)argument, result);
}

static enum stm_status quarrel_body(struct stm_tx *tx, void *argument)
{
    const struct stm_watch watches[] = {
        {.function = raise_on, .name = "hare"},
        {.function = raise_var},
        {.function = calm, .argument = (stm_value)argument, .name = "snail"}};

    for (size_t i = 0; i < 3; i++)
        STM_TRY(stm_watch(tx, &watches[i], NULL));
    return STM_OK;
}

static enum stm_status disturb_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(stm_tvar_set(tx, argument, 1));
    return stm_tvar_set(tx, scene.var, 1);
}

START_TEST(F_a_cascade_names_only_those_who_keep_it_up)
{
    struct stm_tvar *quiet = word_var(0);

    create(0);
    EXPECT_STATUS(STM_OK, stm_atomically(quarrel_body, quiet));
    EXPECT_STATUS(STM_EDIVERGED, stm_atomically(disturb_body, quiet));
    EXPECT(strstr(stm_error_message(), "hare") != NULL &&
               strstr(stm_error_message(), "no name") != NULL &&
               strstr(stm_error_message(), "snail") == NULL,
           "expected the hare, one without a name and no snail in \"%s\"",
           stm_error_message());
    scene_fini();
    stm_tvar_release(quiet);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("watcher set");

    tcase_add_test(tests, F_many_watchers_of_one_variable_are_created_at_once);
    tcase_add_test(tests, F_an_older_watcher_runs_first_where_it_came_later);
    tcase_add_test(tests,
                   a_collector_sees_what_the_watchers_of_a_variable_hold);
    tcase_add_test(tests, a_collector_that_says_stop_at_the_value_is_heeded);
    tcase_add_test(tests, F_a_cascade_names_only_those_who_keep_it_up);
    return run_suite("watcher set", tests);
}
