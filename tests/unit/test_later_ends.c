/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Values that are released late, where a thread ends, forks or cannot be
 * started: what was put off goes all the same.  The program is linked with
 * -Wl,--wrap for pthread_create. */
#include "child.h"
#include "presence.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <stm/slot-internal.h>

enum { STACK = 2 * 1024 * 1024, MANY = 40 };

static struct stm_type late_type;

/* A late value whose release function sets a variable to another one. */
static struct stm_type linked_type;
static struct stm_tvar *linked_var;

static void linked_release(stm_value value)
{
    counted_type.release(value);
    poke_counted(linked_var, 1);
}

static void set_up(void)
{
    late_type = counted_type;
    late_type.late = true;
    linked_type = late_type;
    linked_type.release = linked_release;
    mallopt(M_PERTURB, 0x5a); /* memory that nobody has written to */
}

/* ---- threads that end ---- */

/* A thread whose stack, and with it what is thread-local, is gone after it. */
static void run_and_unmap(void *(*run)(void *), void *argument)
{
    void *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_t attributes;
    pthread_t thread;

    ck_assert_ptr_ne(stack, MAP_FAILED);
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, STACK);
    ck_assert_int_eq(pthread_create(&thread, &attributes, run, argument), 0);
    pthread_attr_destroy(&attributes);
    pthread_join(thread, NULL);
    munmap(stack, STACK);
}

static void *poke_five(void *var)
{
    for (stm_value i = 0; i < 5; i++)
        poke_counted(var, i);
    return NULL;
}

START_TEST(H_what_is_put_off_while_a_thread_ends_goes_too)
{
    struct presence presence = {0};
    struct stm_tvar *var = var_of(&linked_type);
    struct crew *crew;

    linked_var = var_of(&late_type);
    crew = presence_enter(&presence);
    run_and_unmap(poke_five, var);
    poke_counted(linked_var, 2); /* makes the service thread look */
    poke_counted(linked_var, 3);
    presence_leave(&presence, crew);
    await_live(2);
    stm_tvar_release(var);
    await_live(1);
    stm_tvar_release(linked_var);
}
END_TEST

START_TEST(a_thread_that_releases_at_its_end_gives_its_slot_back)
{
    struct presence presence = {0};
    struct stm_tvar *var = var_of(&linked_type);
    struct crew *crew;

    linked_var = var_of(&late_type);
    crew = presence_enter(&presence);
    run_and_unmap(poke_five, var);
    presence_leave(&presence, crew);
    await_live(2);
    while (live_threads() > 1)
        sched_yield();
    (void)peek(var);
    EXPECT(stm__slot_only_own(), "expected no slots but the one in use");
    stm_tvar_release(var);
    await_live(1);
    stm_tvar_release(linked_var);
}
END_TEST

/* ---- a thread that has run no transaction ---- */

static void ignore(void *context) { (void)context; }

static enum stm_status wait_body(struct stm_tx *tx, void *argument)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, argument, &value));
    return stm_retry(tx);
}

static struct stm_call *blocked_call(struct stm_tvar *var)
{
    struct stm_call *call = stm_call_new(wait_body, var);

    ck_assert_ptr_nonnull(call);
    EXPECT_STATUS(STM_OK, stm_call_on_wake(call, ignore, NULL));
    EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
    return call;
}

static void *free_calls(void *argument)
{
    struct stm_call **calls = argument;

    for (size_t i = 0; i < 3; i++)
        stm_call_free(calls[i]);
    return NULL;
}

START_TEST(H_a_thread_that_only_frees_calls_puts_nothing_off)
{
    struct presence presence = {0};
    struct stm_tvar *var = var_of(&late_type);
    struct stm_call *calls[] = {blocked_call(var), blocked_call(var),
                                blocked_call(var)};
    struct crew *crew = presence_enter(&presence);

    run_and_unmap(free_calls, calls);
    poke_five(var);
    presence_leave(&presence, crew);
    await_live(1);
    stm_tvar_release(var);
}
END_TEST

/* ---- fork ---- */

static struct stm_tvar *many[MANY];

static enum stm_status set_many_body(struct stm_tx *tx, void *argument)
{
    (void)argument;
    for (size_t i = 0; i < MANY; i++)
        STM_TRY(set_counted(tx, many[i], i));
    return STM_OK;
}

/* The second commit replaces more than fit in a list. */
static void set_more_than_fits(size_t index, void *context)
{
    struct presence *presence = context;

    (void)index;
    poke_counted(many[0], 1);
    EXPECT_STATUS(STM_OK, stm_atomically(set_many_body, NULL));
    AO_fetch_and_add1_full(&presence->inside);
    await_count(&presence->over, 1);
}

static bool pokes(void *context)
{
    poke_counted(context, 7);
    return true;
}

START_TEST(a_forked_child_meets_no_list_with_nothing_in_it)
{
    struct presence presence = {0}, other = {0};
    struct crew *crew, *setter;

    for (size_t i = 0; i < MANY; i++)
        many[i] = var_of(&late_type);
    crew = presence_enter(&presence);
    setter = crew_start(1, set_more_than_fits, &other);
    await_count(&other.inside, 1);
    expect_in_child(pokes, many[0]);
    presence_leave(&other, setter);
    presence_leave(&presence, crew);
    await_live(MANY);
    for (size_t i = 0; i < MANY; i++)
        stm_tvar_release(many[i]);
}
END_TEST

static bool goes_in_child(void *context)
{
    (void)peek(context);
    await_live(1);
    return true;
}

START_TEST(H_a_forked_child_that_only_reads_releases_what_was_put_off)
{
    struct presence first = {0}, second = {0};
    struct stm_tvar *var = var_of(&late_type);
    struct crew *crew = presence_enter(&first), *others;

    poke_counted(var, 9); /* that attempt holds the value back */
    others = presence_enter(&second);
    presence_leave(&first, crew);
    poke_five(var);
    expect_in_child(goes_in_child, var);
    presence_leave(&second, others);
    await_live(1);
    stm_tvar_release(var);
}
END_TEST

/* ---- the service thread ---- */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument);

static AO_t refused; /* nonzero: no thread is to be had */

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument)
{
    if (AO_load_acquire(&refused) > 0)
        return EAGAIN;
    return __real_pthread_create(thread, attributes, start, argument);
}

START_TEST(H_without_a_service_thread_nothing_is_put_off)
{
    struct presence presence = {0};
    struct stm_tvar *var = var_of(&late_type);
    struct crew *crew = presence_enter(&presence);

    AO_store_release(&refused, 1);
    poke_five(var);
    EXPECT(counted_live() <= 2, "expected one value held back, found %zu live",
           counted_live());
    AO_store_release(&refused, 0);
    poke_five(var);
    await_live(2);
    presence_leave(&presence, crew);
    await_live(1);
    stm_tvar_release(var);
}
END_TEST

static struct stm_type ending_type;
static AO_t armed, endings;
static pthread_t tester;

/* The first one with that number ends the thread that releases it, if it is
 * not of an attempt that was thrown away, and the thread not the test's own. */
static void ending_release(stm_value value)
{
    bool is_that = AO_load(&armed) && counted_number(value) == 100 &&
                   !pthread_equal(pthread_self(), tester);

    counted_type.release(value);
    if (is_that && AO_fetch_and_add1_full(&endings) == 0)
        pthread_exit(NULL);
}

static struct stm_tvar *ending_var(bool late)
{
    armed = endings = 0;
    tester = pthread_self();
    ending_type = late_type;
    ending_type.late = late;
    ending_type.release = ending_release;
    return var_of(&ending_type);
}

/* Replaces values until one is put off, which happens within moments of a look
 * at who holds them back, and so not in each commit of a slow thread. */
static void put_off_and_wait(struct stm_tvar *var)
{
    uint64_t end;

    do
        poke_counted(var, 100);
    while (counted_live() <= 2 && !AO_load(&endings));
    end = monotonic_now() + 100000000;
    while (!AO_load(&endings) && monotonic_now() < end)
        sched_yield();
}

START_TEST(H_a_release_function_that_ends_the_service_thread_stops_nothing)
{
    struct presence presence = {0};
    struct stm_tvar *var = ending_var(true);
    struct crew *crew = presence_enter(&presence);

    AO_store(&armed, 1);
    while (!AO_load(&endings)) /* the tester itself may release it, too */
        put_off_and_wait(var);
    poke_counted(var, 102);
    poke_counted(var, 103);
    await_live(2);
    presence_leave(&presence, crew);
    await_live(1);
    stm_tvar_release(var);
}
END_TEST

struct pair {
    struct stm_tvar *vars[2];
    stm_value number;
};

static enum stm_status set_pair_body(struct stm_tx *tx, void *argument)
{
    struct pair *pair = argument;

    STM_TRY(set_counted(tx, pair->vars[0], pair->number));
    return set_counted(tx, pair->vars[1], pair->number);
}

static void *set_twice(void *argument)
{
    struct pair *pair = argument;

    pair->number = 100;
    EXPECT_STATUS(STM_OK, stm_atomically(set_pair_body, pair));
    AO_store(&armed, 1);
    pair->number = 99;
    EXPECT_STATUS(STM_OK, stm_atomically(set_pair_body, pair));
    EXPECT(false, "expected the thread to end in its release function");
    return NULL;
}

START_TEST(H_a_release_function_that_ends_its_thread_keeps_nothing)
{
    struct pair pair = {.vars[0] = ending_var(false)};

    pair.vars[1] = var_of(&ending_type);
    run_and_unmap(set_twice, &pair);
    EXPECT(counted_live() == 2, "expected the values set last, found %zu live",
           counted_live());
    stm_tvar_release(pair.vars[0]);
    stm_tvar_release(pair.vars[1]);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("later ends");

    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, H_what_is_put_off_while_a_thread_ends_goes_too);
    tcase_add_test(tests,
                   a_thread_that_releases_at_its_end_gives_its_slot_back);
    tcase_add_test(tests, H_a_thread_that_only_frees_calls_puts_nothing_off);
    tcase_add_test(tests, a_forked_child_meets_no_list_with_nothing_in_it);
    tcase_add_test(tests,
                   H_a_forked_child_that_only_reads_releases_what_was_put_off);
    tcase_add_test(tests, H_without_a_service_thread_nothing_is_put_off);
    tcase_add_test(
        tests, H_a_release_function_that_ends_the_service_thread_stops_nothing);
    tcase_add_test(tests,
                   H_a_release_function_that_ends_its_thread_keeps_nothing);
    return run_suite("later ends", tests);
}
