/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise F: watchers run inside the transaction that disturbed them, in order
 * of creation, until nothing more is disturbed; what they write commits with
 * it, what they fail with aborts it. */
#include "support.h"

#include <string.h>

static const enum stm_status failed = STM_EUSER - 3;

/* What the watchers of a test work on. */
struct scene {
    struct stm_tvar *source, *middle, *target;
    size_t runs;
    size_t callbacks;
    stm_value result; /* that the callback was given last */
    char order[16];   /* the letters of the watchers that ran */
};

static void scene_init(struct scene *scene)
{
    *scene = (struct scene){
        .source = word_var(0), .middle = word_var(0), .target = word_var(0)};
}

static void scene_fini(struct scene *scene)
{
    stm_tvar_release(scene->source);
    stm_tvar_release(scene->middle);
    stm_tvar_release(scene->target);
}

static enum stm_status create_body(struct stm_tx *tx, void *argument)
{
    return stm_watch(tx, argument, NULL);
}

static void
create(enum stm_status (*function)(struct stm_tx *, stm_value, stm_value *),
       enum stm_status (*callback)(struct stm_tx *, stm_value, stm_value),
       struct scene *scene, const char *name)
{
    struct stm_watch watch = {.function = function,
                              .callback = callback,
                              .argument = (stm_value)scene,
                              .name = name};

    EXPECT_STATUS(STM_OK, stm_atomically(create_body, &watch));
}

static enum stm_status read_source(struct stm_tx *tx, stm_value argument,
                                   stm_value *result)
{
    struct scene *scene = (struct scene *)argument;

    scene->runs++;
    return stm_tvar_get(tx, scene->source, result);
}

static enum stm_status note_result(struct stm_tx *tx, stm_value argument,
                                   stm_value result)
{
    struct scene *scene = (struct scene *)argument;

    scene->callbacks++;
    scene->result = result;
    return stm_tx_status(tx);
}

static enum stm_status double_into_target(struct stm_tx *tx, stm_value argument,
                                          stm_value result)
{
    struct scene *scene = (struct scene *)argument;

    STM_TRY(note_result(tx, argument, result));
    return stm_tvar_set(tx, scene->target, 2 * result);
}

START_TEST(F_a_watcher_runs_when_created_and_after_each_write)
{
    struct scene scene;

    scene_init(&scene);
    create(read_source, note_result, &scene, "reader");
    EXPECT_RUNS(1, &scene.runs, "creation");
    EXPECT_RUNS(1, &scene.callbacks, "the callback at the creation");
    poke(scene.source, 5);
    EXPECT_RUNS(1, &scene.runs, "a write");
    EXPECT_RUNS(1, &scene.callbacks, "the callback after a write");
    EXPECT(scene.result == 5, "expected the new value 5, got %zu",
           (size_t)scene.result);
    poke(scene.middle, 5);
    EXPECT_RUNS(0, &scene.runs, "a write to what it never read");
    scene_fini(&scene);
}
END_TEST

START_TEST(F_a_write_of_the_same_value_runs_it_once)
{
    struct scene scene;

    scene_init(&scene);
    create(read_source, note_result, &scene, "reader");
    scene.runs = 0;
    poke(scene.source, 0);
    EXPECT_RUNS(1, &scene.runs, "a write of the same value");
    scene_fini(&scene);
}
END_TEST

START_TEST(F_what_it_writes_commits_with_the_disturbance)
{
    struct scene scene;

    scene_init(&scene);
    create(read_source, double_into_target, &scene, "double");
    poke(scene.source, 21);
    EXPECT(peek(scene.target) == 42, "expected 42 in the same commit, got %zu",
           (size_t)peek(scene.target));
    scene_fini(&scene);
}
END_TEST

static enum stm_status read_callback(struct stm_tx *tx, stm_value argument,
                                     stm_value result)
{
    struct scene *scene = (struct scene *)argument;

    (void)result;
    return stm_tvar_get(tx, scene->middle, &scene->result);
}

START_TEST(F_what_the_callback_reads_is_not_watched)
{
    struct scene scene;

    scene_init(&scene);
    create(read_source, read_callback, &scene, "callback reads");
    scene.runs = 0;
    poke(scene.middle, 4);
    EXPECT_RUNS(0, &scene.runs, "a write to what only the callback read");
    scene_fini(&scene);
}
END_TEST

static void note_letter(stm_value argument, char letter)
{
    struct scene *scene = (struct scene *)argument;
    size_t used = strlen(scene->order);

    if (used + 1 < sizeof scene->order)
        scene->order[used] = letter;
}

static enum stm_status letter_a(struct stm_tx *tx, stm_value argument,
                                stm_value *result)
{
    note_letter(argument, 'a');
    return read_source(tx, argument, result);
}

static enum stm_status letter_b(struct stm_tx *tx, stm_value argument,
                                stm_value *result)
{
    note_letter(argument, 'b');
    return read_source(tx, argument, result);
}

static enum stm_status letter_c(struct stm_tx *tx, stm_value argument,
                                stm_value *result)
{
    note_letter(argument, 'c');
    return read_source(tx, argument, result);
}

static enum stm_status letter_of_middle(struct stm_tx *tx, stm_value argument,
                                        stm_value *result)
{
    struct scene *scene = (struct scene *)argument;

    note_letter(argument, 'm');
    return stm_tvar_get(tx, scene->middle, result);
}

static enum stm_status write_both_body(struct stm_tx *tx, void *argument)
{
    struct scene *scene = argument;

    memset(scene->order, 0, sizeof scene->order);
    STM_TRY(stm_tvar_set(tx, scene->source, 1));
    return stm_tvar_set(tx, scene->middle, 1);
}

START_TEST(F_watchers_run_in_order_of_creation)
{
    struct scene scene;

    scene_init(&scene);
    create(letter_a, NULL, &scene, "a");
    create(letter_b, NULL, &scene, "b");
    create(letter_c, NULL, &scene, "c");
    EXPECT_STATUS(STM_OK, stm_atomically(write_both_body, &scene));
    EXPECT(strcmp(scene.order, "abc") == 0, "expected the order abc, got %s",
           scene.order);
    scene_fini(&scene);
}
END_TEST

/* Each variable knows its own watchers only, and the one with the younger
 * watcher is written first. */
START_TEST(F_the_order_is_one_over_all_variables)
{
    struct scene scene;

    scene_init(&scene);
    create(letter_of_middle, NULL, &scene, "middle");
    create(letter_a, NULL, &scene, "a");
    create(letter_b, NULL, &scene, "b");
    EXPECT_STATUS(STM_OK, stm_atomically(write_both_body, &scene));
    EXPECT(strcmp(scene.order, "mab") == 0, "expected the order mab, got %s",
           scene.order);
    scene_fini(&scene);
}
END_TEST

/* source -> middle -> target, the second link created first. */
static enum stm_status middle_to_target(struct stm_tx *tx, stm_value argument,
                                        stm_value *result)
{
    struct scene *scene = (struct scene *)argument;

    STM_TRY(stm_tvar_get(tx, scene->middle, result));
    return stm_tvar_set(tx, scene->target, *result + 1);
}

static enum stm_status source_to_middle(struct stm_tx *tx, stm_value argument,
                                        stm_value *result)
{
    struct scene *scene = (struct scene *)argument;

    STM_TRY(stm_tvar_get(tx, scene->source, result));
    return stm_tvar_set(tx, scene->middle, *result + 1);
}

START_TEST(F_a_watcher_that_writes_what_another_watches_runs_it)
{
    struct scene scene;

    scene_init(&scene);
    create(middle_to_target, NULL, &scene, "to target");
    create(source_to_middle, NULL, &scene, "to middle");
    poke(scene.source, 10);
    EXPECT(peek(scene.middle) == 11 && peek(scene.target) == 12,
           "expected 11 and 12 by the cascade, got %zu and %zu",
           (size_t)peek(scene.middle), (size_t)peek(scene.target));
    scene_fini(&scene);
}
END_TEST

START_TEST(F_a_watcher_that_ran_runs_again_when_disturbed)
{
    struct scene scene;

    scene_init(&scene);
    create(middle_to_target, NULL, &scene, "to target");
    create(source_to_middle, NULL, &scene, "to middle");
    poke(scene.source, 10);
    EXPECT_STATUS(STM_OK, stm_atomically(write_both_body, &scene));
    EXPECT(peek(scene.middle) == 2 && peek(scene.target) == 3,
           "expected 2 and 3 by a second run, got %zu and %zu",
           (size_t)peek(scene.middle), (size_t)peek(scene.target));
    scene_fini(&scene);
}
END_TEST

/* Degrees of two scales that follow each other. */
static enum stm_status
source_follows_middle(struct stm_tx *tx, stm_value argument, stm_value *result)
{
    struct scene *scene = (struct scene *)argument;

    STM_TRY(stm_tvar_get(tx, scene->middle, result));
    return stm_tvar_set(tx, scene->source, *result - 1);
}

START_TEST(F_two_way_bindings_settle)
{
    struct scene scene;

    scene_init(&scene);
    create(source_to_middle, NULL, &scene, "forth");
    create(source_follows_middle, NULL, &scene, "back");
    poke(scene.source, 10);
    EXPECT(peek(scene.middle) == 11, "expected middle to follow source");
    poke(scene.middle, 8);
    EXPECT(peek(scene.source) == 7 && peek(scene.middle) == 8,
           "expected source to follow middle to 7 and 8, got %zu and %zu",
           (size_t)peek(scene.middle), (size_t)peek(scene.source));
    scene_fini(&scene);
}
END_TEST

static enum stm_status fail_on_odd(struct stm_tx *tx, stm_value argument,
                                   stm_value *result)
{
    struct scene *scene = (struct scene *)argument;

    STM_TRY(stm_tvar_get(tx, scene->source, result));
    STM_TRY(stm_tvar_set(tx, scene->target, *result));
    return *result % 2 == 1 ? failed : STM_OK;
}

static enum stm_status fail_callback(struct stm_tx *tx, stm_value argument,
                                     stm_value result)
{
    (void)argument;
    STM_TRY(stm_tx_status(tx));
    return result % 2 == 1 ? failed : STM_OK;
}

struct two_writes {
    struct scene *scene;
    stm_value value;
    AO_t actions;
};

static enum stm_status two_writes_body(struct stm_tx *tx, void *argument)
{
    struct two_writes *writes = argument;

    STM_TRY(stm_on_commit(tx, action_count, (stm_value)&writes->actions, NULL));
    STM_TRY(stm_tvar_set(tx, writes->scene->source, writes->value));
    return stm_tvar_set(tx, writes->scene->middle, writes->value);
}

static void expect_watcher_aborts(struct scene *scene)
{
    struct two_writes writes = {.scene = scene, .value = 3};
    enum stm_status status = stm_atomically(two_writes_body, &writes);

    EXPECT(status == failed, "expected the watcher's error, got %d", status);
    EXPECT(peek(scene->source) == 0 && peek(scene->middle) == 0 &&
               peek(scene->target) == 0,
           "expected every write undone");
    EXPECT(writes.actions == 0, "expected no action run");
    writes.value = 4;
    EXPECT_STATUS(STM_OK, stm_atomically(two_writes_body, &writes));
    EXPECT(peek(scene->middle) == 4 && writes.actions == 1,
           "expected a later transaction to commit");
}

START_TEST(F_a_watcher_that_fails_aborts_all)
{
    struct scene scene;

    scene_init(&scene);
    create(fail_on_odd, NULL, &scene, "even only");
    expect_watcher_aborts(&scene);
    scene_fini(&scene);
    scene_init(&scene);
    create(read_source, fail_callback, &scene, "even only");
    expect_watcher_aborts(&scene);
    scene_fini(&scene);
}
END_TEST

/* A watcher that lets source change only while target is set. */
static enum stm_status
retry_unless_target(struct stm_tx *tx, stm_value argument, stm_value *result)
{
    struct scene *scene = (struct scene *)argument;
    stm_value source;

    STM_TRY(stm_tvar_get(tx, scene->source, &source));
    STM_TRY(stm_tvar_get(tx, scene->target, result));
    return source != 0 && *result == 0 ? stm_retry(tx) : STM_OK;
}

static enum stm_status write_source_body(struct stm_tx *tx, void *argument)
{
    struct scene *scene = argument;

    return stm_tvar_set(tx, scene->source, 1);
}

START_TEST(F_retry_in_a_watcher_blocks_the_whole_transaction)
{
    struct scene scene;
    struct stm_call *call;

    scene_init(&scene);
    create(retry_unless_target, NULL, &scene, "guard");
    call = stm_call_new(write_source_body, &scene);
    EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
    EXPECT(peek(scene.source) == 0, "expected the write held back");
    poke(scene.target, 1);
    EXPECT_STATUS(STM_OK, stm_call_wait(call));
    EXPECT_STATUS(STM_OK, stm_call_step(call));
    EXPECT(peek(scene.source) == 1, "expected the write committed");
    stm_call_free(call);
    scene_fini(&scene);
}
END_TEST

/* Two watchers that never agree. */
static enum stm_status raise_middle(struct stm_tx *tx, stm_value argument,
                                    stm_value *result)
{
    struct scene *scene = (struct scene *)argument;

    STM_TRY(stm_tvar_get(tx, scene->source, result));
    return *result == 0 ? STM_OK : stm_tvar_set(tx, scene->middle, *result + 1);
}

static enum stm_status raise_source(struct stm_tx *tx, stm_value argument,
                                    stm_value *result)
{
    struct scene *scene = (struct scene *)argument;

    STM_TRY(stm_tvar_get(tx, scene->middle, result));
    return *result == 0 ? STM_OK : stm_tvar_set(tx, scene->source, *result + 1);
}

START_TEST(F_a_cascade_that_diverges_ends_with_its_names)
{
    struct scene scene;

    scene_init(&scene);
    create(raise_middle, NULL, &scene, "hare");
    create(raise_source, NULL, &scene, "hound");
    EXPECT_STATUS(STM_EDIVERGED, stm_atomically(write_source_body, &scene));
    EXPECT(strstr(stm_error_message(), "hare") != NULL &&
               strstr(stm_error_message(), "hound") != NULL,
           "expected the names hare and hound in the message \"%s\"",
           stm_error_message());
    EXPECT(peek(scene.source) == 0 && peek(scene.middle) == 0,
           "expected nothing written");
    scene_fini(&scene);
}
END_TEST

/* What is watched may change from run to run. */
static enum stm_status follow_switch(struct stm_tx *tx, stm_value argument,
                                     stm_value *result)
{
    struct scene *scene = (struct scene *)argument;
    stm_value which;

    scene->runs++;
    STM_TRY(stm_tvar_get(tx, scene->source, &which));
    return stm_tvar_get(tx, which == 0 ? scene->middle : scene->target, result);
}

START_TEST(F_what_the_last_run_read_is_watched)
{
    struct scene scene;

    scene_init(&scene);
    create(follow_switch, note_result, &scene, "switch");
    EXPECT_RUNS(1, &scene.runs, "creation");
    poke(scene.middle, 1);
    EXPECT_RUNS(1, &scene.runs, "a write to middle");
    poke(scene.target, 1);
    EXPECT_RUNS(0, &scene.runs, "a write to target, not read yet");
    poke(scene.source, 1);
    EXPECT_RUNS(1, &scene.runs, "a write to the switch");
    poke(scene.middle, 2);
    EXPECT_RUNS(0, &scene.runs, "a write to middle, not read any more");
    poke(scene.target, 2);
    EXPECT_RUNS(1, &scene.runs, "a write to target");
    EXPECT(scene.result == 2, "expected the value 2 of target");
    scene_fini(&scene);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("F");

    tcase_add_test(tests, F_a_watcher_runs_when_created_and_after_each_write);
    tcase_add_test(tests, F_a_write_of_the_same_value_runs_it_once);
    tcase_add_test(tests, F_what_it_writes_commits_with_the_disturbance);
    tcase_add_test(tests, F_what_the_callback_reads_is_not_watched);
    tcase_add_test(tests, F_watchers_run_in_order_of_creation);
    tcase_add_test(tests, F_the_order_is_one_over_all_variables);
    tcase_add_test(tests, F_a_watcher_that_ran_runs_again_when_disturbed);
    tcase_add_test(tests, F_a_watcher_that_writes_what_another_watches_runs_it);
    tcase_add_test(tests, F_two_way_bindings_settle);
    tcase_add_test(tests, F_a_watcher_that_fails_aborts_all);
    tcase_add_test(tests, F_retry_in_a_watcher_blocks_the_whole_transaction);
    tcase_add_test(tests, F_a_cascade_that_diverges_ends_with_its_names);
    tcase_add_test(tests, F_what_the_last_run_read_is_watched);
    return run_suite("watcher", tests);
}
