/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise F, the life of watchers: creation beside commits, cancelling, and
 * the end of what they hold. */
#include "support.h"

#include <pthread.h>

/* A watcher that keeps `target` equal to `source`. */
struct follower {
    struct stm_tvar *source, *target;
    struct stm_watcher *handle;
    size_t runs;
    enum stm_status end; /* of the body that creates or cancels it */
};

static enum stm_status follow(struct stm_tx *tx, stm_value argument,
                              stm_value *result)
{
    struct follower *follower = (struct follower *)argument;

    follower->runs++;
    STM_TRY(stm_tvar_get(tx, follower->source, result));
    return stm_tvar_set(tx, follower->target, *result);
}

/* Gives back a handle, for instance that of an earlier attempt. */
static void forget_handle(struct stm_watcher **handle)
{
    if (*handle != NULL)
        stm_watcher_release(*handle);
    *handle = NULL;
}

static enum stm_status create_body(struct stm_tx *tx, void *argument)
{
    struct follower *follower = argument;
    const struct stm_watch watch = {.function = follow,
                                    .argument = (stm_value)follower,
                                    .name = "follower"};

    forget_handle(&follower->handle);
    STM_TRY(stm_watch(tx, &watch, &follower->handle));
    return follower->end;
}

static enum stm_status cancel_body(struct stm_tx *tx, void *argument)
{
    struct follower *follower = argument;

    STM_TRY(stm_watcher_cancel(tx, follower->handle));
    return follower->end;
}

static void follower_init(struct follower *follower)
{
    *follower = (struct follower){.source = word_var(0), .target = word_var(0)};
}

static void follower_create(struct follower *follower)
{
    follower_init(follower);
    EXPECT_STATUS(STM_OK, stm_atomically(create_body, follower));
    follower->runs = 0;
}

static void follower_fini(struct follower *follower)
{
    forget_handle(&follower->handle);
    stm_tvar_release(follower->source);
    stm_tvar_release(follower->target);
}

START_TEST(F_a_cancelled_watcher_does_not_run)
{
    struct follower follower;

    follower_create(&follower);
    EXPECT_STATUS(STM_OK, stm_atomically(cancel_body, &follower));
    poke(follower.source, 1);
    EXPECT_RUNS(0, &follower.runs, "a write after the cancellation");
    EXPECT_STATUS(STM_OK, stm_atomically(cancel_body, &follower));
    poke(follower.source, 2);
    EXPECT_RUNS(0, &follower.runs, "a write after a second cancellation");
    follower_fini(&follower);
}
END_TEST

START_TEST(F_a_cancellation_that_aborts_is_undone)
{
    struct follower follower;

    follower_create(&follower);
    follower.end = STM_EABORT;
    EXPECT_STATUS(STM_EABORT, stm_atomically(cancel_body, &follower));
    poke(follower.source, 1);
    EXPECT_RUNS(1, &follower.runs, "a write after an undone cancellation");
    follower_fini(&follower);
}
END_TEST

static enum stm_status nested_cancel_body(struct stm_tx *tx, void *argument)
{
    struct follower *follower = argument;
    enum stm_status status = stm_atomically(cancel_body, follower);

    if (status != STM_EABORT)
        return status;
    return stm_tvar_set(tx, follower->source, 6);
}

START_TEST(F_a_nested_cancellation_that_aborts_is_undone)
{
    struct follower follower;

    follower_create(&follower);
    follower.end = STM_EABORT;
    EXPECT_STATUS(STM_OK, stm_atomically(nested_cancel_body, &follower));
    EXPECT_RUNS(1, &follower.runs, "a write in the same transaction");
    EXPECT(peek(follower.target) == 6, "expected the watcher to have run");
    follower_fini(&follower);
}
END_TEST

static enum stm_status write_and_cancel_body(struct stm_tx *tx, void *argument)
{
    struct follower *follower = argument;

    STM_TRY(stm_tvar_set(tx, follower->source, 3));
    return stm_watcher_cancel(tx, follower->handle);
}

START_TEST(F_a_cancelled_watcher_does_not_run_in_that_transaction)
{
    struct follower follower;

    follower_create(&follower);
    EXPECT_STATUS(STM_OK, stm_atomically(write_and_cancel_body, &follower));
    EXPECT_RUNS(0, &follower.runs, "a write before the cancellation");
    EXPECT(peek(follower.source) == 3 && peek(follower.target) == 0,
           "expected only source written");
    follower_fini(&follower);
}
END_TEST

static enum stm_status create_and_cancel_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(create_body(tx, argument));
    return cancel_body(tx, argument);
}

START_TEST(F_one_created_and_cancelled_at_once_never_runs)
{
    struct follower follower;

    follower_init(&follower);
    EXPECT_STATUS(STM_OK, stm_atomically(create_and_cancel_body, &follower));
    poke(follower.source, 1);
    EXPECT_RUNS(0, &follower.runs, "a transaction that created and cancelled");
    follower_fini(&follower);
}
END_TEST

START_TEST(F_one_whose_creation_aborts_never_exists)
{
    struct follower follower;

    follower_init(&follower);
    follower.end = STM_EABORT;
    EXPECT_STATUS(STM_EABORT, stm_atomically(create_body, &follower));
    poke(follower.source, 1);
    EXPECT_RUNS(0, &follower.runs, "an undone creation");
    follower_fini(&follower);
}
END_TEST

/* A watcher whose argument is a counted object. */
static enum stm_status watch_counted(struct stm_tx *tx, stm_value argument,
                                     stm_value *result)
{
    return stm_tvar_get(tx, (struct stm_tvar *)counted_number(argument),
                        result);
}

struct counted_watch {
    struct stm_tvar *var;
    struct stm_watcher **out;
    enum stm_status end;
};

static enum stm_status watch_counted_body(struct stm_tx *tx, void *argument)
{
    struct counted_watch *creation = argument;
    struct stm_watch watch = {.function = watch_counted,
                              .argument = counted_new((stm_value)creation->var),
                              .argument_type = &counted_type};
    enum stm_status status;

    if (creation->out != NULL)
        forget_handle(creation->out);
    status = stm_watch(tx, &watch, creation->out);
    counted_drop(watch.argument);
    return status == STM_OK ? creation->end : status;
}

START_TEST(F_the_argument_is_released_with_the_variable)
{
    struct counted_watch creation = {.var = word_var(0)};

    EXPECT_STATUS(STM_OK, stm_atomically(watch_counted_body, &creation));
    poke(creation.var, 1);
    EXPECT(counted_live() == 1, "expected the argument held");
    stm_tvar_release(creation.var);
    EXPECT(counted_live() == 0,
           "expected the argument released with the "
           "only variable that was watched, %zu live",
           counted_live());
}
END_TEST

START_TEST(F_the_argument_is_released_when_creation_aborts)
{
    struct counted_watch creation = {.var = word_var(0), .end = STM_EABORT};

    EXPECT_STATUS(STM_EABORT, stm_atomically(watch_counted_body, &creation));
    EXPECT(counted_live() == 0, "expected the argument released, %zu live",
           counted_live());
    stm_tvar_release(creation.var);
}
END_TEST

static enum stm_status cancel_handle_body(struct stm_tx *tx, void *argument)
{
    return stm_watcher_cancel(tx, argument);
}

START_TEST(F_the_argument_is_released_when_cancelled)
{
    struct stm_watcher *handle = NULL;
    struct counted_watch creation = {.var = word_var(0), .out = &handle};

    EXPECT_STATUS(STM_OK, stm_atomically(watch_counted_body, &creation));
    EXPECT_STATUS(STM_OK, stm_atomically(cancel_handle_body, handle));
    stm_watcher_release(handle);
    poke(creation.var, 1);
    EXPECT(counted_live() == 0, "expected the argument released, %zu live",
           counted_live());
    stm_tvar_release(creation.var);
}
END_TEST

/* One thread creates a follower in the instant in which another commits a
 * write to what it watches. */
struct race {
    struct follower follower;
    pthread_barrier_t barrier;
    size_t rounds;
};

static void race_thread(size_t index, void *context)
{
    struct race *race = context;

    for (size_t i = 0; i < race->rounds; i++) {
        if (index == 0)
            follower_init(&race->follower);
        pthread_barrier_wait(&race->barrier);
        if (index == 0)
            EXPECT_STATUS(STM_OK, stm_atomically(create_body, &race->follower));
        else
            poke(race->follower.source, 1);
        pthread_barrier_wait(&race->barrier);
        if (index == 0) {
            EXPECT(peek(race->follower.target) == 1,
                   "the watcher missed a commit beside its creation");
            follower_fini(&race->follower);
        }
    }
}

START_TEST(F_no_commit_beside_the_creation_is_missed)
{
    struct race race = {.rounds = workload(20000)};

    pthread_barrier_init(&race.barrier, NULL, 2);
    crew_run(2, race_thread, &race);
    pthread_barrier_destroy(&race.barrier);
}
END_TEST

enum { PARTS = 8 };

/* Variables and the total of those that are watched, which a watcher that is
 * created anew again and again keeps right. */
struct total {
    struct stm_tvar *parts[PARTS];
    struct stm_tvar *sum;
    struct stm_tvar *watched; /* 1 while the watcher exists */
    struct stm_watcher *handle;
    size_t rounds;
    AO_t running, wrong;
};

static enum stm_status add_parts(struct stm_tx *tx, struct total *total,
                                 stm_value *out)
{
    *out = 0;
    for (size_t i = 0; i < PARTS; i++) {
        stm_value part;

        STM_TRY(stm_tvar_get(tx, total->parts[i], &part));
        *out += part;
    }
    return STM_OK;
}

static enum stm_status total_watcher(struct stm_tx *tx, stm_value argument,
                                     stm_value *result)
{
    struct total *total = (struct total *)argument;

    STM_TRY(add_parts(tx, total, result));
    return stm_tvar_set(tx, total->sum, *result);
}

static enum stm_status begin_total_body(struct stm_tx *tx, void *argument)
{
    struct total *total = argument;
    const struct stm_watch watch = {.function = total_watcher,
                                    .argument = (stm_value)total,
                                    .name = "total"};

    forget_handle(&total->handle);
    STM_TRY(stm_tvar_set(tx, total->watched, 1));
    return stm_watch(tx, &watch, &total->handle);
}

static enum stm_status end_total_body(struct stm_tx *tx, void *argument)
{
    struct total *total = argument;

    STM_TRY(stm_tvar_set(tx, total->watched, 0));
    return stm_watcher_cancel(tx, total->handle);
}

static enum stm_status check_total_body(struct stm_tx *tx, void *argument)
{
    struct total *total = argument;
    stm_value watched, sum, parts;

    STM_TRY(stm_tvar_get(tx, total->watched, &watched));
    if (watched == 0)
        return STM_OK;
    STM_TRY(stm_tvar_get(tx, total->sum, &sum));
    STM_TRY(add_parts(tx, total, &parts));
    if (sum != parts)
        AO_fetch_and_add1_full(&total->wrong);
    return STM_OK;
}

/* The first thread creates and cancels, the second checks, others write. */
static void total_thread(size_t index, void *context)
{
    struct total *total = context;
    struct generator generator;

    generator_init(&generator, index);
    if (index == 1) {
        while (AO_load_acquire(&total->running) > 0)
            EXPECT_STATUS(STM_OK, stm_atomically(check_total_body, total));
        return;
    }
    for (size_t i = 0; i < total->rounds; i++) {
        if (index > 1) {
            poke(total->parts[generator_below(&generator, PARTS)],
                 generator_below(&generator, 1000));
            continue;
        }
        EXPECT_STATUS(STM_OK, stm_atomically(begin_total_body, total));
        EXPECT_STATUS(STM_OK, stm_atomically(end_total_body, total));
    }
    AO_fetch_and_sub1_full(&total->running);
}

START_TEST(F_an_invariant_holds_in_every_commit_while_watched)
{
    struct total total = {.sum = word_var(0),
                          .watched = word_var(0),
                          .rounds = workload(20000),
                          .running = 3};

    for (size_t i = 0; i < PARTS; i++)
        total.parts[i] = word_var(0);
    crew_run(4, total_thread, &total);
    EXPECT(total.wrong == 0,
           "expected sum == parts in every commit while "
           "watched, %zu times it was not",
           (size_t)total.wrong);
    forget_handle(&total.handle);
    for (size_t i = 0; i < PARTS; i++)
        stm_tvar_release(total.parts[i]);
    stm_tvar_release(total.sum);
    stm_tvar_release(total.watched);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("F life");

    tcase_add_test(tests, F_a_cancelled_watcher_does_not_run);
    tcase_add_test(tests, F_a_cancellation_that_aborts_is_undone);
    tcase_add_test(tests, F_a_nested_cancellation_that_aborts_is_undone);
    tcase_add_test(tests,
                   F_a_cancelled_watcher_does_not_run_in_that_transaction);
    tcase_add_test(tests, F_one_created_and_cancelled_at_once_never_runs);
    tcase_add_test(tests, F_one_whose_creation_aborts_never_exists);
    tcase_add_test(tests, F_the_argument_is_released_with_the_variable);
    tcase_add_test(tests, F_the_argument_is_released_when_creation_aborts);
    tcase_add_test(tests, F_the_argument_is_released_when_cancelled);
    tcase_add_test(tests, F_no_commit_beside_the_creation_is_missed);
    tcase_add_test(tests, F_an_invariant_holds_in_every_commit_while_watched);
    return run_suite("watcher life", tests);
}
