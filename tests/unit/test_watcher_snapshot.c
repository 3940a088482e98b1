/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Who watches what is part of what an attempt sees, even of one that will be
 * thrown away: no watcher meets a state that another one should have changed
 * before. */
#include "presence.h"

enum { UNBOUND = 99 };

/* While `loose` is 0, a binding keeps `copy` the same as `source`.  A law that
 * runs after it reads the source, lets another transaction commit, once, and
 * reads the rest. */
static struct scene {
    struct stm_tvar *source, *loose, *copy, *told;
    stm_body *beside; /* that transaction */
    bool armed;
    bool hasty; /* the law then reads nothing more */
    AO_t checked;
} scene;

static enum stm_status read_source(struct stm_tx *tx, stm_value argument,
                                   stm_value *result)
{
    stm_value loose;

    (void)argument;
    *result = UNBOUND;
    STM_TRY(stm_tvar_get(tx, scene.loose, &loose));
    return loose ? STM_OK : stm_tvar_get(tx, scene.source, result);
}

static enum stm_status write_copy(struct stm_tx *tx, stm_value argument,
                                  stm_value source)
{
    (void)argument;
    return source == UNBOUND ? STM_OK : stm_tvar_set(tx, scene.copy, source);
}

static bool intrude(void)
{
    if (!scene.armed)
        return false;
    scene.armed = false;
    atomically_elsewhere(scene.beside, NULL);
    return true;
}

static enum stm_status check_law(struct stm_tx *tx, stm_value argument,
                                 stm_value *result)
{
    struct stm_tvar *told = (struct stm_tvar *)argument;
    stm_value source, loose, copy;

    *result = 0;
    STM_TRY(stm_tvar_get(tx, scene.source, &source));
    if (told == scene.loose && intrude() && scene.hasty)
        return STM_OK;
    STM_TRY(stm_tvar_get(tx, told, &loose));
    STM_TRY(stm_tvar_get(tx, scene.copy, &copy));
    EXPECT(loose || copy == source, "a copy of %zu of a source of %zu",
           (size_t)copy, (size_t)source);
    AO_fetch_and_add1_full(&scene.checked);
    return STM_OK;
}

static enum stm_status create(struct stm_tx *tx, void *argument)
{
    const struct stm_watch binding = {.function = read_source,
                                      .callback = write_copy},
                           law = {.function = check_law,
                                  .argument = (stm_value)argument};

    STM_TRY(stm_watch(tx, &binding, NULL));
    return stm_watch(tx, &law, NULL);
}

/* Lets the body run while another one commits.  `told` is what the law believes
 * of `loose`; a third thread keeps the attempts from running solo, where they
 * could not go on beside others. */
static void play(bool loose, stm_body *body, stm_body *beside,
                 struct stm_tvar **told, bool hasty)
{
    struct presence presence = {NULL, 0, 0};
    struct crew *crew;

    scene = (struct scene){.source = word_var(0),
                           .loose = word_var(loose),
                           .copy = word_var(0),
                           .told = word_var(loose)};
    EXPECT_STATUS(STM_OK, stm_atomically(create, *told));
    crew = presence_enter(&presence);
    scene.beside = beside;
    scene.armed = true;
    scene.hasty = hasty;
    EXPECT_STATUS(STM_OK, stm_atomically(body, NULL));
    presence_leave(&presence, crew);
    EXPECT(!scene.armed, "expected the other transaction to have run");
    EXPECT(scene.checked > 2, "expected the law to have been checked");
    EXPECT(peek(scene.source) == 10, "expected 10");
    EXPECT(peek(scene.copy) == (peek(scene.loose) ? 0 : 10),
           "expected a copy while there is a binding");
    stm_tvar_release(scene.source);
    stm_tvar_release(scene.loose);
    stm_tvar_release(scene.copy);
    stm_tvar_release(scene.told);
}

static enum stm_status set_source(struct stm_tx *tx, void *argument)
{
    (void)argument;
    return stm_tvar_set(tx, scene.source, 10);
}

static enum stm_status fasten(struct stm_tx *tx, void *argument)
{
    (void)argument;
    return stm_tvar_set(tx, scene.loose, 0);
}

/* The write set was looked at when nobody watched the source but the law. */
START_TEST(F_a_watcher_that_comes_meanwhile_is_not_passed_over)
{
    play(true, set_source, fasten, &scene.loose, false);
}
END_TEST

START_TEST(F_a_watcher_that_comes_before_the_commit_runs)
{
    play(true, set_source, fasten, &scene.loose, true);
}
END_TEST

static enum stm_status loosen(struct stm_tx *tx, void *argument)
{
    (void)argument;
    STM_TRY(stm_tvar_set(tx, scene.told, 1));
    return stm_tvar_set(tx, scene.loose, 1);
}

static enum stm_status set_source_beside(struct stm_tx *tx, void *argument)
{
    stm_value told;

    STM_TRY(stm_tvar_get(tx, scene.told, &told));
    STM_TRY(stm_tvar_set(tx, scene.told, told));
    (void)intrude();
    return set_source(tx, argument);
}

/* The write set is looked at when the binding is gone, by an attempt that has
 * seen it. */
START_TEST(F_a_watcher_that_goes_meanwhile_is_not_missed)
{
    play(false, set_source_beside, loosen, &scene.told, false);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("watcher snapshot");

    tcase_add_test(tests, F_a_watcher_that_comes_meanwhile_is_not_passed_over);
    tcase_add_test(tests, F_a_watcher_that_comes_before_the_commit_runs);
    tcase_add_test(tests, F_a_watcher_that_goes_meanwhile_is_not_missed);
    return run_suite("watcher snapshot", tests);
}
