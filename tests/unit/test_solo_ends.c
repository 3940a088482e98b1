/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Running solo, and what ends it without another thread: blocking, the end of
 * the thread, and fork. */
#include "child.h"
#include "solo_scene.h"

#include <pthread.h>
#include <unistd.h>

#include <stm/tx-internal.h>

/* ---- blocking ---- */

static enum stm_status await_three(struct stm_tx *tx, void *argument)
{
    struct scene *scene = argument;

    STM_TRY(read_both(tx, scene, &scene->got));
    return scene->got < 3 ? stm_retry(tx) : STM_OK;
}

static void waiting_thread(size_t index, void *context)
{
    struct scene own = *(struct scene *)context;

    (void)index;
    run_solo(own.own);
    EXPECT_STATUS(STM_OK, stm_atomically(await_three, &own));
    EXPECT(own.got == 3, "expected 3, got %zu", (size_t)own.got);
}

START_TEST(C_a_retry_of_one_who_runs_solo_blocks_and_wakes)
{
    struct scene scene;
    struct crew *waiting;

    scene_init(&scene);
    for (size_t i = 0; i < workload(100); i++) {
        poke(scene.x, 0);
        poke(scene.y, 0);
        waiting = crew_start(1, waiting_thread, &scene);
        crew_await_sleep(waiting);
        run_solo(scene.own);
        for (size_t j = 0; j < 3; j++)
            EXPECT_STATUS(STM_OK, stm_atomically(raise_both, &scene));
        crew_join(waiting);
    }
    scene_fini(&scene);
}
END_TEST

/* Transactions of a hook, while the thread's own is blocked. */
static enum stm_status raising_check(void *context)
{
    struct scene *scene = context;

    run_solo(scene->own);
    if (scene->runs++ < 3)
        EXPECT_STATUS(STM_OK, stm_atomically(raise_both, scene));
    return STM_OK;
}

static void nothing(void *context) { (void)context; }

START_TEST(C_a_hook_runs_transactions_while_its_own_one_is_blocked)
{
    struct scene scene;
    const struct stm_blocking hooks = {.enter = nothing,
                                       .leave = nothing,
                                       .check = raising_check,
                                       .check_interval = 1000000,
                                       .context = &scene};

    scene_init(&scene);
    (void)stm_set_blocking(&hooks);
    EXPECT_STATUS(STM_OK, stm_atomically(await_three, &scene));
    (void)stm_set_blocking(NULL);
    expect_both(&scene, 3);
    for (size_t i = 0; i < 100; i++)
        EXPECT_STATUS(STM_OK, stm_atomically(raise_both, &scene));
    expect_both(&scene, 103);
    scene_fini(&scene);
}
END_TEST

START_TEST(steps_of_calls_go_between_transactions)
{
    struct scene scene;
    struct stm_call *waiting, *raising;

    scene_init(&scene);
    waiting = stm_call_new(await_three, &scene);
    for (size_t i = 0; i < 3; i++) {
        EXPECT_STATUS(STM_BLOCKED, stm_call_step(waiting));
        run_solo(scene.own);
        raising = stm_call_new(raise_both, &scene);
        EXPECT_STATUS(STM_OK, stm_call_step(raising));
        stm_call_free(raising);
        if (i < 2)
            continue;
        EXPECT_STATUS(STM_OK, stm_call_wait(waiting));
        EXPECT_STATUS(STM_OK, stm_atomically(raise_both, &scene));
    }
    EXPECT_STATUS(STM_OK, stm_call_step(waiting));
    EXPECT(scene.got == 4, "expected 4, got %zu", (size_t)scene.got);
    EXPECT(stm__self->fast.ready,
           "expected the thread's own call to be free after a step");
    stm_call_free(waiting);
    scene_fini(&scene);
}
END_TEST

/* ---- the end of a thread ---- */

static enum stm_status ending_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(raise_both(tx, argument));
    pthread_exit(NULL);
}

static void *ending_thread(void *argument)
{
    struct scene own = *(struct scene *)argument;

    run_solo(own.own);
    EXPECT_STATUS(STM_OK, stm_atomically(ending_body, &own));
    return NULL;
}

START_TEST(B_a_thread_ends_inside_an_attempt_solo)
{
    struct scene scene;
    pthread_t thread;

    scene_init(&scene);
    for (size_t i = 0; i < 20; i++) {
        EXPECT(pthread_create(&thread, NULL, ending_thread, &scene) == 0,
               "expected a thread to start");
        pthread_join(thread, NULL);
        EXPECT_STATUS(STM_OK, stm_atomically(raise_both, &scene));
        expect_both(&scene, i + 1);
    }
    scene_fini(&scene);
}
END_TEST

/* ---- fork ---- */

static bool child_raises(void *context)
{
    struct scene *scene = context;
    stm_value before = peek(scene->x);

    for (size_t i = 0; i < 200; i++)
        if (stm_atomically(raise_both, scene) != STM_OK)
            return false;
    return peek(scene->x) == before + 200 && peek(scene->y) == before + 200;
}

struct lasting {
    struct scene scene;
    AO_t stop, rounds;
};

static void lasting_thread(size_t index, void *context)
{
    struct lasting *lasting = context;
    struct scene own = lasting->scene;

    (void)index;
    while (!AO_load(&lasting->stop)) {
        EXPECT_STATUS(STM_OK, stm_atomically(raise_both, &own));
        AO_fetch_and_add1(&lasting->rounds);
    }
}

START_TEST(A_a_process_forks_while_another_thread_runs_solo)
{
    struct lasting lasting = {.stop = 0};
    struct crew *crew;

    scene_init(&lasting.scene);
    crew = crew_start(1, lasting_thread, &lasting);
    for (size_t i = 0; i < workload(50); i++) {
        await_count(&lasting.rounds, AO_load(&lasting.rounds) + 500);
        expect_in_child(child_raises, &lasting.scene);
    }
    AO_store(&lasting.stop, 1);
    crew_join(crew);
    expect_both(&lasting.scene, peek(lasting.scene.x));
    scene_fini(&lasting.scene);
}
END_TEST

START_TEST(A_one_who_runs_solo_forks)
{
    struct scene scene;

    scene_init(&scene);
    for (size_t i = 0; i < 20; i++) {
        run_solo(scene.own);
        expect_in_child(child_raises, &scene);
        EXPECT_STATUS(STM_OK, stm_atomically(raise_both, &scene));
    }
    expect_both(&scene, 20);
    scene_fini(&scene);
}
END_TEST

struct forking {
    struct scene scene;
    pid_t child;
    size_t runs;
};

static enum stm_status forking_body(struct stm_tx *tx, void *argument)
{
    struct forking *forking = argument;

    STM_TRY(raise_both(tx, &forking->scene));
    if (forking->runs++ == 0)
        forking->child = fork();
    return raise_both(tx, &forking->scene);
}

START_TEST(A_one_who_runs_solo_forks_in_its_attempt)
{
    struct forking forking = {.runs = 0};
    enum stm_status status;

    scene_init(&forking.scene);
    for (size_t i = 0; i < 10; i++) {
        run_solo(forking.scene.own);
        forking.runs = 0;
        status = stm_atomically(forking_body, &forking);
        if (forking.runs && forking.child == 0)
            end_child(status == STM_EFORKED && peek(forking.scene.x) == 2 * i &&
                      child_raises(&forking.scene));
        EXPECT_STATUS(STM_OK, status);
        expect_child_ended(forking.child);
        expect_both(&forking.scene, 2 * i + 2);
    }
    scene_fini(&forking.scene);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("solo ends");

    tcase_add_test(tests, C_a_retry_of_one_who_runs_solo_blocks_and_wakes);
    tcase_add_test(tests,
                   C_a_hook_runs_transactions_while_its_own_one_is_blocked);
    tcase_add_test(tests, steps_of_calls_go_between_transactions);
    tcase_add_test(tests, B_a_thread_ends_inside_an_attempt_solo);
    tcase_add_test(tests, A_a_process_forks_while_another_thread_runs_solo);
    tcase_add_test(tests, A_one_who_runs_solo_forks);
    tcase_add_test(tests, A_one_who_runs_solo_forks_in_its_attempt);
    return run_suite("solo ends", tests);
}
