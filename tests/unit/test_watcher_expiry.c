/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Watchers that wait for a time: what counts as their time, what becomes of one
 * that fails when it has come, and many that are set and cancelled beside it.
 */
#include "sleeper.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* ---- what counts as its time ---- */

static enum stm_status wait_and_create_body(struct stm_tx *tx, void *argument)
{
    struct sleeper *sleeper = argument;
    bool over;

    STM_TRY(stm_elapsed(tx, MILLISECOND, &over));
    if (!over)
        return stm_retry(tx);
    STM_TRY(sleeper_create_body(tx, sleeper));
    sleeper->asked = 0; /* the attempt's time is that of its wake-up */
    return STM_OK;
}

START_TEST(its_time_counts_from_its_creation)
{
    struct sleeper sleeper;

    sleeper_init(&sleeper, MILLISECOND);
    EXPECT_STATUS(STM_OK, stm_atomically(wait_and_create_body, &sleeper));
    await_value(sleeper.over, 1);
    EXPECT(peek(sleeper.runs) == 2,
           "expected the time not to be over in the transaction that has "
           "waited as long");
    await_no_thread();
    sleeper_fini(&sleeper);
}
END_TEST

static enum stm_status callback_asks(struct stm_tx *tx, stm_value argument,
                                     stm_value result)
{
    bool over;

    (void)argument;
    (void)result;
    return stm_elapsed(tx, HOUR, &over);
}

static enum stm_status read_nothing(struct stm_tx *tx, stm_value argument,
                                    stm_value *result)
{
    (void)argument;
    *result = 0;
    return stm_tx_status(tx);
}

static enum stm_status create_asking_callback(struct stm_tx *tx, void *argument)
{
    struct stm_watch watch = {.function = read_nothing,
                              .callback = callback_asks};

    (void)argument;
    return stm_watch(tx, &watch, NULL);
}

START_TEST(what_its_callback_asks_for_is_the_transactions)
{
    EXPECT_STATUS(STM_OK, stm_atomically(create_asking_callback, NULL));
    EXPECT(live_threads() == 1, "expected no thread");
}
END_TEST

static enum stm_status branch_asks(struct stm_tx *tx, void *argument)
{
    bool over;

    STM_TRY(stm_elapsed(tx, MILLISECOND, &over));
    return over ? stm_tvar_set(tx, argument, 1) : stm_retry(tx);
}

static enum stm_status branch_passes(struct stm_tx *tx, void *argument)
{
    return stm_tvar_set(tx, argument, 0);
}

static enum stm_status ask_in_a_branch(struct stm_tx *tx, stm_value argument,
                                       stm_value *result)
{
    struct stm_branch branches[] = {{branch_asks, (void *)argument},
                                    {branch_passes, (void *)argument}};

    *result = 0;
    return stm_or_else(tx, branches, 2);
}

static enum stm_status create_branching(struct stm_tx *tx, void *argument)
{
    struct stm_watch watch = {.function = ask_in_a_branch,
                              .argument = (stm_value)argument};

    return stm_watch(tx, &watch, NULL);
}

START_TEST(what_a_branch_asks_for_that_is_undone_counts)
{
    struct stm_tvar *over = word_var(2);

    EXPECT_STATUS(STM_OK, stm_atomically(create_branching, over));
    await_value(over, 1);
    await_no_thread();
    stm_tvar_release(over);
}
END_TEST

static void action_await(stm_value over)
{
    await_value((struct stm_tvar *)over, 1);
}

static enum stm_status create_and_await_body(struct stm_tx *tx, void *argument)
{
    struct sleeper *sleeper = argument;

    STM_TRY(stm_on_commit(tx, action_await, (stm_value)sleeper->over, NULL));
    return sleeper_create_body(tx, sleeper);
}

START_TEST(an_action_of_the_same_transaction_can_wait_for_it)
{
    struct sleeper sleeper;

    sleeper_init(&sleeper, MILLISECOND);
    EXPECT_STATUS(STM_OK, stm_atomically(create_and_await_body, &sleeper));
    EXPECT(peek(sleeper.over) == 1, "expected the action to have waited");
    await_no_thread();
    sleeper_fini(&sleeper);
}
END_TEST

/* ---- a wall clock that is set ---- */

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

static AO_t ahead; /* by how many seconds the wall clock is wrong */

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = __real_clock_gettime(clock, now);

    if (clock == CLOCK_REALTIME)
        now->tv_sec += (time_t)AO_load(&ahead);
    return result;
}

START_TEST(a_wall_clock_that_is_set_forward_and_back_is_followed)
{
    struct sleeper sleeper;

    gate_close();
    sleeper_init(&sleeper, 3600);
    clock_gettime(CLOCK_REALTIME, &sleeper.moment);
    sleeper_create(&sleeper);
    AO_store(&ahead, 7200);
    gate_await(); /* the thread has noticed */
    AO_store(&ahead, 0);
    gate_open();
    await_value(sleeper.runs, 2);
    EXPECT(peek(sleeper.over) == 0, "expected the moment to be gone again");
    AO_store(&ahead, 7200);
    await_value(sleeper.over, 1);
    await_no_thread();
    sleeper_fini(&sleeper);
}
END_TEST

/* ---- failing ---- */

static struct {
    AO_t entered, left, failures;
    enum stm_status status;
    char message[200];
} seen;

static void enter(void *context)
{
    sigset_t blocked;

    EXPECT(context == &seen && stm_current() == NULL,
           "expected the context, and no transaction");
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    EXPECT(sigismember(&blocked, SIGINT) && sigismember(&blocked, SIGTERM),
           "expected the thread to take no signals");
    AO_fetch_and_add1_full(&seen.entered);
}

static void leave(void *context)
{
    (void)context;
    AO_fetch_and_add1_full(&seen.left);
}

static void unhandled(void *context, enum stm_status status,
                      const char *message)
{
    (void)context;
    EXPECT(stm_current() == NULL, "expected no transaction");
    EXPECT(AO_load(&seen.entered) == AO_load(&seen.left) + 1,
           "expected a failure to be told of between enter and leave");
    seen.status = status;
    strncpy(seen.message, message, sizeof seen.message - 1);
    AO_fetch_and_add1_full(&seen.failures);
}

static const struct stm_service service = {
    .enter = enter, .leave = leave, .unhandled = unhandled, .context = &seen};

/* A watcher fails so, and one that waits longer runs all the same. */
static void fail_with(enum stm_status failure)
{
    struct sleeper failing, other;

    memset(&seen, 0, sizeof seen);
    EXPECT(stm_set_service(&service) == NULL, "expected no hooks before");
    sleeper_init(&failing, MILLISECOND);
    failing.failure = failure;
    sleeper_init(&other, 2 * MILLISECOND);
    sleeper_create(&failing);
    sleeper_create(&other);
    await_value(other.over, 1);
    await_count(&seen.failures, 1);
    await_no_thread();
    EXPECT(peek(failing.over) == 0 && peek(failing.runs) == 1,
           "expected the run that failed to have no effect");
    EXPECT(AO_load(&seen.failures) == 1, "expected one failure");
    EXPECT(AO_load(&seen.entered) == 2 && AO_load(&seen.left) == 2,
           "expected to be entered and left for each of the two");
    EXPECT(stm_set_service(NULL) == &service, "expected those hooks before");
    sleeper_fini(&failing);
    sleeper_fini(&other);
}

START_TEST(one_that_fails_is_told_of_and_the_others_go_on)
{
    fail_with(STM_EUSER - 7);
    EXPECT(seen.status == STM_EUSER - 7, "expected its own status, got %d",
           seen.status);
}
END_TEST

START_TEST(a_retry_in_one_is_a_failure)
{
    fail_with(STM_RETRY);
    EXPECT(
        seen.status == STM_EMISUSE && strstr(seen.message, "stm_retry") != NULL,
        "expected misuse of stm_retry, got %d: %s", seen.status, seen.message);
}
END_TEST

static enum stm_status restless_function(struct stm_tx *tx, stm_value argument,
                                         stm_value *result)
{
    stm_value value;
    bool over;

    STM_TRY(stm_tvar_get(tx, (struct stm_tvar *)argument, &value));
    STM_TRY(stm_elapsed(tx, MILLISECOND, &over));
    *result = over ? value + 1 : value;
    return STM_OK;
}

static enum stm_status restless_callback(struct stm_tx *tx, stm_value argument,
                                         stm_value result)
{
    return stm_tvar_set(tx, (struct stm_tvar *)argument, result);
}

static enum stm_status create_restless(struct stm_tx *tx, void *argument)
{
    struct stm_watch watch = {.function = restless_function,
                              .callback = restless_callback,
                              .argument = (stm_value)argument,
                              .name = "restless"};
    bool over;

    STM_TRY(stm_elapsed(tx, STM_FOREVER, &over)); /* time stands still */
    return stm_watch(tx, &watch, NULL);
}

START_TEST(a_cascade_that_does_not_settle_names_it)
{
    struct stm_tvar *var = word_var(0);

    memset(&seen, 0, sizeof seen);
    stm_set_service(&service);
    EXPECT_STATUS(STM_OK, stm_atomically(create_restless, var));
    await_count(&seen.failures, 1);
    await_no_thread();
    EXPECT(seen.status == STM_EDIVERGED &&
               strstr(seen.message, "restless") != NULL,
           "expected the watcher named, got %d: %s", seen.status, seen.message);
    EXPECT(peek(var) == 0, "expected nothing of it to be committed");
    stm_set_service(NULL);
    stm_tvar_release(var);
}
END_TEST

/* Reads lines from the descriptor until one begins so. */
static void read_line(int descriptor, const char *begin, char *line,
                      size_t size)
{
    size_t used = 0;

    while (used < size - 1 && read(descriptor, &line[used], 1) == 1) {
        if (line[used++] != '\n')
            continue;
        if (strncmp(line, begin, strlen(begin)) == 0)
            break;
        used = 0;
    }
    line[used] = '\0';
}

START_TEST(a_failure_is_a_line_on_standard_error_without_hooks)
{
    struct sleeper failing;
    int ends[2], standard = dup(STDERR_FILENO);
    char line[200];

    sleeper_init(&failing, MILLISECOND);
    failing.failure = STM_EABORT;
    EXPECT(pipe(ends) == 0, "expected a pipe");
    dup2(ends[1], STDERR_FILENO);
    sleeper_create(&failing);
    read_line(ends[0], "stm: service thread: ", line, sizeof line);
    dup2(standard, STDERR_FILENO);
    EXPECT(strstr(line, stm_strstatus(STM_EABORT)) != NULL,
           "expected a line that tells the status, got: %s", line);
    await_no_thread();
    sleeper_fini(&failing);
}
END_TEST

/* ---- all at once ---- */

enum { CROWD = 16 };

static struct sleeper crowd[CROWD];

/* Writes times that are over, that come soon, and that are far away. */
static void set_times(size_t index, void *context)
{
    struct generator generator;

    (void)context;
    generator_init(&generator, index);
    for (size_t i = 0; i < workload(3000); i++) {
        struct sleeper *sleeper = &crowd[generator_below(&generator, CROWD)];
        uint64_t far = generator_below(&generator, 3) == 0;

        poke(sleeper->waits,
             far ? HOUR
                 : generator_below(&generator, 1000) * (uint64_t)1000 +
                       monotonic_now() - sleeper->asked);
    }
}

START_TEST(times_that_threads_change_all_the_while_are_kept)
{
    for (size_t i = 0; i < CROWD; i++) {
        sleeper_init(&crowd[i], 0);
        crowd[i].waits = word_var(HOUR);
        sleeper_create(&crowd[i]);
    }
    crew_run(4, set_times, NULL);
    for (size_t i = 0; i < CROWD; i++)
        poke(crowd[i].waits, monotonic_now() - crowd[i].asked + MILLISECOND);
    for (size_t i = 0; i < CROWD; i++)
        await_value(crowd[i].over, 1);
    await_no_thread();
    for (size_t i = 0; i < CROWD; i++)
        sleeper_fini(&crowd[i]);
}
END_TEST

enum { PAIRS = 500 };

static struct sleeper cancelled[4][PAIRS];

/* Those that are cancelled may still be running beside that, so they stay. */
static void create_and_cancel(size_t index, void *context)
{
    struct generator generator;

    (void)context;
    generator_init(&generator, index);
    for (size_t i = 0; i < workload(PAIRS); i++) {
        struct sleeper *sleeper = &cancelled[index][i];

        sleeper_init(sleeper, generator_below(&generator, 200) * 1000);
        sleeper_create(sleeper);
        if (generator_below(&generator, 2) == 0)
            await_value(sleeper->over, 1);
        sleeper_cancel(sleeper);
    }
}

START_TEST(cancelling_beside_the_time_coming_is_safe)
{
    crew_run(4, create_and_cancel, NULL);
    await_no_thread();
    for (size_t i = 0; i < 4 * workload(PAIRS); i++)
        sleeper_fini(&cancelled[i % 4][i / 4]);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("watchers whose time has come");

    tcase_add_test(tests, its_time_counts_from_its_creation);
    tcase_add_test(tests, what_its_callback_asks_for_is_the_transactions);
    tcase_add_test(tests, what_a_branch_asks_for_that_is_undone_counts);
    tcase_add_test(tests, an_action_of_the_same_transaction_can_wait_for_it);
    tcase_add_test(tests,
                   a_wall_clock_that_is_set_forward_and_back_is_followed);
    tcase_add_test(tests, one_that_fails_is_told_of_and_the_others_go_on);
    tcase_add_test(tests, a_retry_in_one_is_a_failure);
    tcase_add_test(tests, a_cascade_that_does_not_settle_names_it);
    tcase_add_test(tests, a_failure_is_a_line_on_standard_error_without_hooks);
    tcase_add_test(tests, times_that_threads_change_all_the_while_are_kept);
    tcase_add_test(tests, cancelling_beside_the_time_coming_is_safe);
    return run_suite("watcher_expiry", tests);
}
