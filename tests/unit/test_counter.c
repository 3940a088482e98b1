/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Counters, to which transactions add without conflict, and semaphores. */
#include "support.h"

enum { THREADS = 4 };

struct addition {
    struct stm_tcounter *counter;
    int64_t delta;
    uint64_t got;
};

static enum stm_status add_body(struct stm_tx *tx, void *argument)
{
    struct addition *addition = argument;

    return stm_tcounter_add(tx, addition->counter, addition->delta);
}

static enum stm_status get_body(struct stm_tx *tx, void *argument)
{
    struct addition *addition = argument;

    return stm_tcounter_get(tx, addition->counter, &addition->got);
}

static uint64_t count_of(struct stm_tcounter *counter)
{
    struct addition addition = {counter, 0, 0};

    EXPECT_STATUS(STM_OK, stm_atomically(get_body, &addition));
    return addition.got;
}

static void expect_count(struct stm_tcounter *counter, uint64_t wanted)
{
    uint64_t got = count_of(counter);

    EXPECT(got == wanted, "expected a count of %zu, got %zu", (size_t)wanted,
           (size_t)got);
}

static void add(struct stm_tcounter *counter, int64_t delta)
{
    struct addition addition = {counter, delta, 0};

    EXPECT_STATUS(STM_OK, stm_atomically(add_body, &addition));
}

static void adding_thread(size_t index, void *context)
{
    (void)index;
    for (size_t i = 0; i < workload(20000); i++) {
        add(context, 3);
        add(context, -2);
    }
}

START_TEST(additions_do_not_conflict_and_none_is_lost)
{
    struct stm_tcounter *counter = stm_tcounter_new(7);
    struct stm_stats before, after;

    stm_stats_read(&before);
    crew_run(THREADS, adding_thread, counter);
    after = stats_since(&before);
    expect_count(counter, 7 + THREADS * workload(20000));
    EXPECT(shaken() || after.conflicts == 0, "expected no conflict, got %zu",
           (size_t)after.conflicts);
    stm_tcounter_release(counter);
}
END_TEST

/* Adds, then reads: an addition and a read that belong together. */
static enum stm_status add_and_get_body(struct stm_tx *tx, void *argument)
{
    struct addition *addition = argument;
    uint64_t before, after;

    STM_TRY(stm_tcounter_add(tx, addition->counter, 5));
    STM_TRY(stm_tcounter_get(tx, addition->counter, &before));
    STM_TRY(stm_tcounter_add(tx, addition->counter, addition->delta - 5));
    STM_TRY(stm_tcounter_get(tx, addition->counter, &after));
    EXPECT(after == before - 5 + (uint64_t)addition->delta,
           "expected own additions to be read");
    addition->got = after;
    return STM_OK;
}

static void counting_thread(size_t index, void *context)
{
    uint64_t last = 0;

    for (size_t i = 0; i < workload(5000); i++) {
        struct addition addition = {context, 1, 0};

        if (index % 2) {
            add(context, 1);
            continue;
        }
        EXPECT_STATUS(STM_OK, stm_atomically(add_and_get_body, &addition));
        EXPECT(addition.got > last, "expected more than %zu, got %zu",
               (size_t)last, (size_t)addition.got);
        last = addition.got;
    }
}

/* Two counters, added to in either order. */
struct pair {
    struct stm_tcounter *counters[2];
};

struct crossing {
    struct pair *pair;
    size_t first;
};

static enum stm_status crossing_body(struct stm_tx *tx, void *argument)
{
    struct crossing *crossing = argument;
    struct pair *pair = crossing->pair;

    STM_TRY(stm_tcounter_add(tx, pair->counters[crossing->first], 1));
    return stm_tcounter_add(tx, pair->counters[1 - crossing->first], 1);
}

static void crossing_thread(size_t index, void *context)
{
    struct crossing crossing = {context, index % 2};

    for (size_t i = 0; i < workload(20000); i++)
        EXPECT_STATUS(STM_OK, stm_atomically(crossing_body, &crossing));
}

/* Whoever only adds waits for a lock however long it takes. */
START_TEST(E_additions_in_opposite_order_do_not_wait_for_each_other)
{
    struct pair pair = {{stm_tcounter_new(0), stm_tcounter_new(0)}};

    crew_run(THREADS, crossing_thread, &pair);
    for (size_t i = 0; i < 2; i++) {
        expect_count(pair.counters[i], THREADS * workload(20000));
        stm_tcounter_release(pair.counters[i]);
    }
}
END_TEST

START_TEST(A_one_who_reads_sees_each_addition_once)
{
    struct stm_tcounter *counter = stm_tcounter_new(0);

    crew_run(THREADS, counting_thread, counter);
    expect_count(counter, THREADS * workload(5000));
    stm_tcounter_release(counter);
}
END_TEST

/* Additions obey savepoints, whether or not they have become a value. */
static enum stm_status add_and_abort(struct stm_tx *tx, void *argument)
{
    STM_TRY(add_body(tx, argument));
    return STM_EABORT;
}

static enum stm_status read_and_abort(struct stm_tx *tx, void *argument)
{
    STM_TRY(add_body(tx, argument));
    STM_TRY(get_body(tx, argument));
    return STM_EABORT;
}

static enum stm_status nested_additions_body(struct stm_tx *tx, void *argument)
{
    struct addition *addition = argument;

    (void)!stm_atomically(add_and_abort, argument);
    STM_TRY(stm_tcounter_add(tx, addition->counter, 1));
    (void)!stm_atomically(add_and_abort, argument);
    STM_TRY(stm_atomically(add_body, argument));
    (void)!stm_atomically(read_and_abort, argument);
    STM_TRY(stm_tx_status(tx));
    STM_TRY(stm_tcounter_add(tx, addition->counter, 2));
    STM_TRY(get_body(tx, argument));
    EXPECT(addition->got == 113, "expected 113 to be read, got %zu",
           (size_t)addition->got);
    (void)!stm_atomically(add_and_abort, argument);
    return stm_tx_status(tx);
}

START_TEST(B_additions_are_undone_with_their_savepoint)
{
    struct addition addition = {stm_tcounter_new(10), 100, 0};

    EXPECT_STATUS(STM_OK, stm_atomically(nested_additions_body, &addition));
    expect_count(addition.counter, 113);
    EXPECT_STATUS(STM_EABORT, stm_atomically(add_and_abort, &addition));
    expect_count(addition.counter, 113);
    stm_tcounter_release(addition.counter);
}
END_TEST

static enum stm_status previous_body(struct stm_tx *tx, void *argument)
{
    struct addition *addition = argument;

    STM_TRY(add_body(tx, argument));
    STM_TRY(stm_previously(tx, get_body, argument, STM_OUTERMOST));
    EXPECT(addition->got == 10, "expected 10 before the addition, got %zu",
           (size_t)addition->got);
    return STM_OK;
}

START_TEST(an_addition_is_not_seen_in_the_past)
{
    struct addition addition = {stm_tcounter_new(10), 100, 0};

    EXPECT_STATUS(STM_OK, stm_atomically(previous_body, &addition));
    expect_count(addition.counter, 110);
    stm_tcounter_release(addition.counter);
}
END_TEST

/* ---- waiting and watching ---- */

static enum stm_status wait_for_body(struct stm_tx *tx, void *argument)
{
    struct addition *addition = argument;

    STM_TRY(get_body(tx, argument));
    return addition->got < (uint64_t)addition->delta ? stm_retry(tx) : STM_OK;
}

static void waiting_thread(size_t index, void *context)
{
    struct addition addition = {context, 3, 0};

    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(wait_for_body, &addition));
}

START_TEST(C_an_addition_wakes_who_has_read)
{
    struct stm_tcounter *counter = stm_tcounter_new(0);
    struct crew *crew = crew_start(2, waiting_thread, counter);

    for (size_t i = 0; i < 3; i++) {
        crew_await_sleep(crew);
        add(counter, 1);
    }
    crew_join(crew);
    stm_tcounter_release(counter);
}
END_TEST

static enum stm_status add_and_take_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(stm_tcounter_add(tx, argument, 5));
    return stm_tcounter_add(tx, argument, -5);
}

START_TEST(D_additions_that_come_to_nothing_wake_nobody)
{
    struct stm_tcounter *counter = stm_tcounter_new(0);
    struct crew *crew = crew_start(2, waiting_thread, counter);
    struct stm_stats before;

    crew_await_sleep(crew);
    stm_stats_read(&before);
    for (size_t i = 0; i < 10; i++) {
        add(counter, 0);
        EXPECT_STATUS(STM_OK, stm_atomically(add_and_take_body, counter));
    }
    crew_await_sleep(crew);
    EXPECT(stats_since(&before).wakeups == 0, "expected no wake-up, got %zu",
           (size_t)stats_since(&before).wakeups);
    add(counter, 3);
    crew_join(crew);
    stm_tcounter_release(counter);
}
END_TEST

struct mirror {
    struct stm_tcounter *counter;
    struct stm_tvar *copy;
};

static enum stm_status read_counter(struct stm_tx *tx, stm_value argument,
                                    stm_value *result)
{
    uint64_t count;

    STM_TRY(stm_tcounter_get(tx, ((struct mirror *)argument)->counter, &count));
    *result = count;
    return STM_OK;
}

static enum stm_status write_copy(struct stm_tx *tx, stm_value argument,
                                  stm_value result)
{
    return stm_tvar_set(tx, ((struct mirror *)argument)->copy, result);
}

static enum stm_status mirror_body(struct stm_tx *tx, void *argument)
{
    const struct stm_watch watch = {.function = read_counter,
                                    .callback = write_copy,
                                    .argument = (stm_value)argument};

    return stm_watch(tx, &watch, NULL);
}

/* The copy must be the count in every state that anyone sees. */
static enum stm_status compare_body(struct stm_tx *tx, void *argument)
{
    struct mirror *mirror = argument;
    stm_value copy;
    uint64_t count;

    STM_TRY(stm_tcounter_get(tx, mirror->counter, &count));
    STM_TRY(stm_tvar_get(tx, mirror->copy, &copy));
    EXPECT(copy == count, "expected the copy to be %zu, got %zu", (size_t)count,
           (size_t)copy);
    return STM_OK;
}

static void mirrored_thread(size_t index, void *context)
{
    struct mirror *mirror = context;

    for (size_t i = 0; i < workload(2000); i++) {
        add(mirror->counter, 1);
        EXPECT_STATUS(STM_OK, stm_atomically(compare_body, mirror));
        if (index == 0 && i == workload(2000) / 2) /* others are adding */
            EXPECT_STATUS(STM_OK, stm_atomically(mirror_body, mirror));
    }
}

START_TEST(F_a_watched_counter_takes_its_watcher_along)
{
    struct mirror mirror = {stm_tcounter_new(0), word_var(0)};

    EXPECT_STATUS(STM_OK, stm_atomically(mirror_body, &mirror));
    crew_run(THREADS, mirrored_thread, &mirror);
    EXPECT(peek(mirror.copy) == THREADS * workload(2000),
           "expected every addition to be seen, got %zu",
           (size_t)peek(mirror.copy));
    stm_tcounter_release(mirror.counter);
    stm_tvar_release(mirror.copy);
}
END_TEST

/* Two watchers: the first reads the counter, the second adds to it. */
static enum stm_status read_trigger(struct stm_tx *tx, stm_value argument,
                                    stm_value *result)
{
    return stm_tvar_get(tx, ((struct mirror *)argument)->copy, result);
}

static enum stm_status add_one(struct stm_tx *tx, stm_value argument,
                               stm_value result)
{
    (void)result;
    return stm_tcounter_add(tx, ((struct mirror *)argument)->counter, 1);
}

static enum stm_status adding_watcher_body(struct stm_tx *tx, void *argument)
{
    const struct stm_watch watch = {.function = read_trigger,
                                    .callback = add_one,
                                    .argument = (stm_value)argument};

    return stm_watch(tx, &watch, NULL);
}

START_TEST(F_an_addition_by_a_watcher_disturbs_another)
{
    struct stm_tcounter *counter = stm_tcounter_new(0);
    struct mirror first = {counter, word_var(0)};
    struct mirror second = {counter, word_var(0)};

    EXPECT_STATUS(STM_OK, stm_atomically(mirror_body, &first));
    EXPECT_STATUS(STM_OK, stm_atomically(adding_watcher_body, &second));
    for (size_t i = 0; i < 5; i++)
        poke(second.copy, i + 1);
    expect_count(counter, 6);
    EXPECT(peek(first.copy) == 6, "expected a copy of 6, got %zu",
           (size_t)peek(first.copy));
    stm_tcounter_release(counter);
    stm_tvar_release(first.copy);
    stm_tvar_release(second.copy);
}
END_TEST

/* ---- semaphores ---- */

struct guarded {
    struct stm_tsemaphore *semaphore;
    AO_t inside;
};

static enum stm_status take_body(struct stm_tx *tx, void *argument)
{
    return stm_tsemaphore_take(tx, argument, 2);
}

static enum stm_status give_body(struct stm_tx *tx, void *argument)
{
    return stm_tsemaphore_give(tx, argument, 2);
}

static void guarded_thread(size_t index, void *context)
{
    struct guarded *guarded = context;

    (void)index;
    for (size_t i = 0; i < workload(2000); i++) {
        EXPECT_STATUS(STM_OK, stm_atomically(take_body, guarded->semaphore));
        EXPECT(AO_fetch_and_add1_full(&guarded->inside) < 2,
               "expected at most two to have permits");
        (void)AO_fetch_and_sub1_full(&guarded->inside);
        EXPECT_STATUS(STM_OK, stm_atomically(give_body, guarded->semaphore));
    }
}

static enum stm_status expect_five_body(struct stm_tx *tx, void *argument)
{
    uint64_t available;

    STM_TRY(stm_tsemaphore_available(tx, argument, &available));
    EXPECT(available == 5, "expected 5 permits, got %zu", (size_t)available);
    return STM_OK;
}

START_TEST(a_semaphore_has_no_more_permits_than_it_was_given)
{
    struct guarded guarded = {stm_tsemaphore_new(5), 0};

    crew_run(THREADS, guarded_thread, &guarded);
    EXPECT_STATUS(STM_OK, stm_atomically(expect_five_body, guarded.semaphore));
    stm_tsemaphore_retain(guarded.semaphore);
    stm_tsemaphore_release(guarded.semaphore);
    stm_tsemaphore_release(guarded.semaphore);
}
END_TEST

static enum stm_status would_take_body(struct stm_tx *tx, void *argument)
{
    bool blocks;

    STM_TRY(stm_would_block(tx, take_body, argument, &blocks));
    return blocks ? STM_EABORT : STM_OK;
}

START_TEST(taking_more_than_there_is_waits)
{
    struct stm_tsemaphore *semaphore = stm_tsemaphore_new(1);

    EXPECT_STATUS(STM_EABORT, stm_atomically(would_take_body, semaphore));
    EXPECT_STATUS(STM_OK, stm_atomically(give_body, semaphore));
    EXPECT_STATUS(STM_OK, stm_atomically(would_take_body, semaphore));
    stm_tsemaphore_release(semaphore);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("counter");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, additions_do_not_conflict_and_none_is_lost);
    tcase_add_test(tests,
                   E_additions_in_opposite_order_do_not_wait_for_each_other);
    tcase_add_test(tests, A_one_who_reads_sees_each_addition_once);
    tcase_add_test(tests, B_additions_are_undone_with_their_savepoint);
    tcase_add_test(tests, an_addition_is_not_seen_in_the_past);
    tcase_add_test(tests, C_an_addition_wakes_who_has_read);
    tcase_add_test(tests, D_additions_that_come_to_nothing_wake_nobody);
    tcase_add_test(tests, F_a_watched_counter_takes_its_watcher_along);
    tcase_add_test(tests, F_an_addition_by_a_watcher_disturbs_another);
    tcase_add_test(tests, a_semaphore_has_no_more_permits_than_it_was_given);
    tcase_add_test(tests, taking_more_than_there_is_waits);
    return run_suite("test_counter", tests);
}
