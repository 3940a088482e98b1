/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Threads that end in the midst of a transaction, by themselves or cancelled:
 * they leave nothing behind, and nobody touches their stacks any more.  Each
 * has a stack that belongs to the test. */
#include "support.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <stm/tvar-internal.h>

#ifdef __SANITIZE_ADDRESS__
enum { CAN_CANCEL = 0 }; /* it takes the frames that are left for errors */
#else
enum { CAN_CANCEL = 1 };
#endif

#ifdef __SANITIZE_THREAD__
enum { SEES_LOCKS = 0 }; /* of a thread cancelled in a call that it watches */
#else
enum { SEES_LOCKS = 1 };
#endif

enum { STACK = 2 * 1024 * 1024, PATTERN = 0x5a };

struct ending {
    struct stm_tvar *var; /* counted: 1 ends the wait */
    AO_t entered;         /* sleeps */
    AO_t inside;          /* attempts */
    AO_t notified;        /* by the one who has claimed it */
    bool too_early;       /* it ended before that */
    pthread_t thread;
    unsigned char *stack;
};

/* Memory at a place of its own or, once it was a thread's stack, at the same
 * place anew: tools take what is left of a stack for out of bounds. */
static void map_stack(struct ending *ending, int flags)
{
    ending->stack = mmap(ending->stack, STACK, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    ck_assert_ptr_ne(ending->stack, MAP_FAILED);
}

static void ending_init(struct ending *ending)
{
    *ending = (struct ending){.var = counted_var(0)};
    map_stack(ending, 0);
}

static void start(struct ending *ending, void *(*run)(void *))
{
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, ending->stack, STACK);
    if (pthread_create(&ending->thread, &attributes, run, ending) != 0)
        abort();
    pthread_attr_destroy(&attributes);
}

/* The stack is filled with a pattern; commits to what the thread read must not
 * change it, nor find anybody to wake. */
static void expect_nothing_left(struct ending *ending)
{
    struct stm_stats before;
    size_t changed = 0;

    map_stack(ending, MAP_FIXED);
    memset(ending->stack, PATTERN, STACK);
    stm_stats_read(&before);
    poke_counted(ending->var, 2);
    poke_counted(ending->var, 3);
    EXPECT(counted_live() == 1, "expected 1 live object, got %zu",
           counted_live());
    stm_tvar_release(ending->var);
    for (size_t i = 0; i < STACK; i++)
        changed += ending->stack[i] != PATTERN;
    EXPECT(changed == 0,
           "expected nobody to write to the dead thread's stack, %zu bytes of "
           "it have changed",
           changed);
    EXPECT(stats_since(&before).wakeups == 0, "expected nobody to be woken");
    EXPECT(counted_live() == 0,
           "expected the value released with its variable, %zu live",
           counted_live());
    munmap(ending->stack, STACK);
}

static enum stm_status wait_body(struct stm_tx *tx, void *argument)
{
    struct ending *ending = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, ending->var, &value));
    return counted_number(value) == 1 ? STM_OK : stm_retry(tx);
}

static void note_sleep(void *context)
{
    AO_fetch_and_add1_full(&((struct ending *)context)->entered);
}

static void leave_for_good(void *context)
{
    (void)context;
    pthread_exit(NULL);
}

static void stay(void *context) { (void)context; }

/* Is never to return from its transaction. */
static void wait_with(struct ending *ending, void (*leave)(void *))
{
    const struct stm_blocking hooks = {
        .enter = note_sleep, .leave = leave, .context = ending};

    stm_set_blocking(&hooks);
    EXPECT_STATUS(STM_OK, stm_atomically(wait_body, ending));
    EXPECT(false, "expected the thread to end in its sleep");
}

static void *leaving_thread(void *argument)
{
    wait_with(argument, leave_for_good);
    return NULL;
}

START_TEST(C_a_thread_that_exits_when_woken_withdraws_its_waiter)
{
    struct ending ending;

    ending_init(&ending);
    start(&ending, leaving_thread);
    await_count(&ending.entered, 1);
    poke_counted(ending.var, 1);
    pthread_join(ending.thread, NULL);
    expect_nothing_left(&ending);
}
END_TEST

static void *staying_thread(void *argument)
{
    wait_with(argument, stay);
    return NULL;
}

START_TEST(C_a_thread_cancelled_in_its_sleep_withdraws_its_waiter)
{
    struct ending ending;
    void *result;

    ending_init(&ending);
    start(&ending, staying_thread);
    await_count(&ending.entered, 1);
    pthread_cancel(ending.thread);
    pthread_join(ending.thread, &result);
    EXPECT(result == PTHREAD_CANCELED, "expected the thread to be cancelled");
    expect_nothing_left(&ending);
}
END_TEST

static void note_end(void *argument)
{
    struct ending *ending = argument;

    ending->too_early = !AO_load(&ending->notified);
}

static void *claimed_thread(void *argument)
{
    pthread_cleanup_push(note_end, argument);
    wait_with(argument, stay);
    pthread_cleanup_pop(0);
    return NULL;
}

/* Who has claimed it will notify it, and so needs its waiter. */
START_TEST(C_a_thread_cancelled_when_claimed_waits_to_be_notified)
{
    struct stm__waiter *chain;
    struct ending ending;

    ending_init(&ending);
    start(&ending, claimed_thread);
    await_count(&ending.entered, 1);
    while (!(chain = stm__wait_all(stm__side_of(ending.var), NULL)))
        sched_yield();
    pthread_cancel(ending.thread);
    for (int turn = 0; turn < 1000; turn++) /* in which it could end */
        sched_yield();
    AO_store(&ending.notified, 1);
    stm__wait_notify(chain);
    pthread_join(ending.thread, NULL);
    EXPECT(!ending.too_early,
           "expected the thread to stay until it was notified");
    expect_nothing_left(&ending);
}
END_TEST

static void replacing_thread(size_t index, void *context)
{
    struct ending *ending = context;

    (void)index;
    poke_counted(ending->var, 5);
}

/* Writes over what the outer transaction wrote. */
static enum stm_status exit_nested_body(struct stm_tx *tx, void *argument)
{
    struct ending *ending = argument;
    stm_value value;

    STM_TRY(set_counted(tx, ending->var, 8));
    value = counted_new(7);
    STM_TRY(stm_on_commit(tx, action_count, value, &counted_type));
    counted_drop(value);
    pthread_exit(NULL);
}

/* Another thread replaces what it has read, and leaves that for it to release;
 * and it holds what would have been written and run, on two levels. */
static enum stm_status exit_body(struct stm_tx *tx, void *argument)
{
    struct ending *ending = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, ending->var, &value));
    crew_run(1, replacing_thread, ending);
    EXPECT(counted_number(value) != 5, "expected the value that was read");
    STM_TRY(set_counted(tx, ending->var, 6));
    return stm_atomically(exit_nested_body, ending);
}

static void *exiting_thread(void *argument)
{
    EXPECT_STATUS(STM_OK, stm_atomically(exit_body, argument));
    return NULL;
}

START_TEST(H_a_thread_that_exits_in_a_body_keeps_nothing)
{
    struct ending ending;

    ending_init(&ending);
    start(&ending, exiting_thread);
    pthread_join(ending.thread, NULL);
    expect_nothing_left(&ending);
}
END_TEST

/* A hook replaces what its thread has seen, and ends it in a transaction. */
static enum stm_status just_exit_body(struct stm_tx *tx, void *argument)
{
    struct ending *ending = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, ending->var, &value));
    pthread_exit(NULL);
}

static enum stm_status exit_in_check(void *context)
{
    crew_run(1, replacing_thread, context);
    return stm_atomically(just_exit_body, context);
}

static void *checking_thread(void *argument)
{
    const struct stm_blocking hooks = {.enter = note_sleep,
                                       .leave = stay,
                                       .check = exit_in_check,
                                       .check_interval = 1000000,
                                       .context = argument};

    stm_set_blocking(&hooks);
    EXPECT_STATUS(STM_OK, stm_atomically(wait_body, argument));
    return NULL;
}

START_TEST(G_a_thread_that_exits_in_a_hooks_body_ends_that_first)
{
    struct ending ending;

    ending_init(&ending);
    start(&ending, checking_thread);
    pthread_join(ending.thread, NULL);
    expect_nothing_left(&ending);
}
END_TEST

/* A value that a thread which ends may not release any more. */
static _Thread_local bool ends;
static AO_t released, released_too_late;

static void release_bound(stm_value value)
{
    (void)value;
    (void)AO_fetch_and_add1(ends ? &released_too_late : &released);
}

static bool may_release_bound(stm_value value)
{
    (void)value;
    return !ends;
}

static const struct stm_type bound = {.name = "bound",
                                      .release = release_bound,
                                      .may_release = may_release_bound};

static enum stm_status exit_with_bound_body(struct stm_tx *tx, void *argument)
{
    struct stm_tvar *var = argument;

    STM_TRY(stm_tvar_set(tx, var, 2));
    STM_TRY(stm_tvar_set(tx, var, 3));
    STM_TRY(stm_release_later(tx, &bound, 4));
    ends = true;
    pthread_exit(NULL);
}

static void *bound_thread(void *var)
{
    EXPECT_STATUS(STM_OK, stm_atomically(exit_with_bound_body, var));
    return NULL;
}

static enum stm_status set_bound_body(struct stm_tx *tx, void *var)
{
    return stm_tvar_set(tx, var, 5);
}

START_TEST(G_a_thread_that_exits_leaves_what_it_may_not_release_to_others)
{
    struct stm_tvar *var = stm_tvar_new(&bound, 1);
    pthread_t thread;

    pthread_create(&thread, NULL, bound_thread, var);
    pthread_join(thread, NULL);
    EXPECT(AO_load(&released_too_late) == 0,
           "expected the thread to release nothing, but it released %zu",
           (size_t)AO_load(&released_too_late));
    EXPECT_STATUS(STM_OK, stm_atomically(set_bound_body, var));
    stm_tvar_release(var);
    EXPECT(AO_load(&released) >= 5,
           "expected 5 or more values to be released, got %zu",
           (size_t)AO_load(&released));
}
END_TEST

static enum stm_status named_exit_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(stm_tx_set_name(tx, "exits"));
    return just_exit_body(tx, argument);
}

static void *named_thread(void *argument)
{
    EXPECT_STATUS(STM_OK, stm_atomically(named_exit_body, argument));
    return NULL;
}

START_TEST(an_attempt_whose_thread_exits_is_an_abort_of_its_name)
{
    struct ending ending;
    struct stm_stats before, after, named;

    ending_init(&ending);
    stm_stats_read(&before);
    start(&ending, named_thread);
    pthread_join(ending.thread, NULL);
    after = stats_since(&before);
    stm_stats_read_name("exits", &named);
    EXPECT(after.aborts == 1, "expected 1 abort, got %zu",
           (size_t)after.aborts);
    EXPECT(named.aborts == 1, "expected 1 abort of the name, got %zu",
           (size_t)named.aborts);
    expect_nothing_left(&ending);
}
END_TEST

/* ---- in an action ---- */

static AO_t actions_run;

static void just_count(stm_value unused)
{
    (void)unused;
    AO_fetch_and_add1_full(&actions_run);
}

static enum stm_status read_and_exit_body(struct stm_tx *tx, void *argument)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, argument, &value));
    pthread_exit(NULL);
}

static void exit_in_action(stm_value var)
{
    just_count(var);
    if (!ends) /* what attempts that failed have released does not count */
        AO_store(&released, 0);
    ends = true;
    if (AO_load(&actions_run) % 2 == 0)
        EXPECT_STATUS(STM_OK, stm_atomically(read_and_exit_body, (void *)var));
    pthread_exit(NULL);
}

/* The second and the third action end the thread, the latter within a body. */
static enum stm_status register_actions(struct stm_tx *tx, void *argument)
{
    struct ending *ending = argument;
    stm_value value = counted_new(7);

    give_back(tx, &counted_type, value);
    STM_TRY(stm_on_commit(tx, just_count, value, &counted_type));
    STM_TRY(set_counted(tx, ending->var, 5));
    for (int i = 0; i < 2; i++)
        STM_TRY(
            stm_on_commit(tx, exit_in_action, (stm_value)ending->var, NULL));
    STM_TRY(stm_on_commit(tx, just_count, value, &counted_type));
    return stm_on_commit(tx, just_count, 1, &bound);
}

static void *acting_thread(void *argument)
{
    EXPECT_STATUS(STM_OK, stm_atomically(register_actions, argument));
    return NULL;
}

/* They are what was promised with the commit.  Only what may not be used on a
 * thread that ends is left to others. */
START_TEST(the_actions_after_one_that_ends_the_thread_run_still)
{
    struct ending ending;

    ending_init(&ending);
    start(&ending, acting_thread);
    pthread_join(ending.thread, NULL);
    EXPECT(AO_load(&actions_run) == 4, "expected 4 actions to run, got %zu",
           (size_t)AO_load(&actions_run));
    expect_nothing_left(&ending);
    EXPECT(AO_load(&released) == 1 && AO_load(&released_too_late) == 0,
           "expected one argument to be released elsewhere, %zu were, and %zu "
           "on the thread",
           (size_t)AO_load(&released), (size_t)AO_load(&released_too_late));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("thread end");

    tcase_add_test(tests,
                   C_a_thread_that_exits_when_woken_withdraws_its_waiter);
    if (CAN_CANCEL)
        tcase_add_test(tests,
                       C_a_thread_cancelled_in_its_sleep_withdraws_its_waiter);
    if (CAN_CANCEL && SEES_LOCKS)
        tcase_add_test(tests,
                       C_a_thread_cancelled_when_claimed_waits_to_be_notified);
    tcase_add_test(tests, H_a_thread_that_exits_in_a_body_keeps_nothing);
    tcase_add_test(tests,
                   G_a_thread_that_exits_in_a_hooks_body_ends_that_first);
    tcase_add_test(tests,
                   an_attempt_whose_thread_exits_is_an_abort_of_its_name);
    tcase_add_test(
        tests, G_a_thread_that_exits_leaves_what_it_may_not_release_to_others);
    tcase_add_test(tests, the_actions_after_one_that_ends_the_thread_run_still);
    return run_suite("thread end", tests);
}
