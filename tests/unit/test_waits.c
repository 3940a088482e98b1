/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Who of those that wait at a variable is claimed, in which order, and who is
 * left a baton; with waiters that no thread is behind. */
#include "sleeper.h"

#include <string.h>

#include <stm/tvar-internal.h>

enum { COUNT = 40 };

/* Waiters at one variable, each with one wait there. */
struct queue {
    struct stm_tvar *var;
    struct stm__side *side;
    struct stm__waiter waiters[COUNT];
    struct stm__wait waits[COUNT];
    size_t notified[COUNT];
};

static struct queue *notifying;

static void note_notified(struct stm__waiter *waiter)
{
    notifying->notified[waiter - notifying->waiters]++;
}

/* The service thread does not look meanwhile. */
static void queue_init(struct queue *queue)
{
    gate_close();
    memset(queue, 0, sizeof *queue);
    queue->var = word_var(0);
    queue->side = stm__side_ensure(queue->var);
    notifying = queue;
    for (size_t i = 0; i < COUNT; i++) {
        queue->waiters[i].state = STM__PARKED;
        queue->waiters[i].notify = note_notified;
        queue->waits[i].side = queue->side;
        queue->waits[i].waiter = &queue->waiters[i];
        queue->waits[i].sleeper = true;
    }
}

/* Those who are still there leave. */
static void queue_fini(struct queue *queue)
{
    for (size_t i = 0; i < COUNT; i++)
        (void)stm__wait_unlink(&queue->waits[i]);
    EXPECT(!stm__has_waits(queue->var), "expected nobody to be left");
    stm_tvar_release(queue->var);
    gate_open();
}

static void sleep_at(struct queue *queue, size_t from, size_t to,
                     stm_value seen)
{
    for (size_t i = from; i < to; i++) {
        queue->waiters[i].state = STM__PARKED;
        queue->waits[i].seen = seen;
        stm__wait_link(&queue->waits[i]);
    }
}

/* A commit; returns whether it claimed a sleeper. */
static bool change(struct queue *queue, stm_value value)
{
    bool claimed;

    AO_store(&queue->var->value, value);
    stm__wait_notify(stm__wait_change(queue->side, &claimed, NULL));
    return claimed;
}

static void pass_on(struct queue *queue)
{
    stm__wait_notify(stm__wait_pass_on(queue->side, NULL));
}

/* Have just those in [from, to) been notified, once, since the last time? */
static void expect_notified(struct queue *queue, size_t from, size_t to)
{
    for (size_t i = 0; i < COUNT; i++) {
        EXPECT(queue->notified[i] == (i >= from && i < to),
               "expected %zu to %zu to be notified, got %zu for %zu", from, to,
               queue->notified[i], i);
        queue->notified[i] = 0;
    }
}

static void expect_baton(struct queue *queue, size_t i, bool wanted)
{
    bool baton = stm__wait_unlink(&queue->waits[i]);

    EXPECT(baton == wanted, "expected %s baton for %zu", wanted ? "a" : "no",
           i);
}

START_TEST(D_a_change_claims_who_has_slept_longest)
{
    struct queue queue;

    queue_init(&queue);
    sleep_at(&queue, 0, 3, 0);
    EXPECT(change(&queue, 1), "expected one to be claimed");
    expect_notified(&queue, 0, 1);
    expect_baton(&queue, 0, true);
    EXPECT(change(&queue, 2), "expected the next to be claimed");
    expect_notified(&queue, 1, 2);
    expect_baton(&queue, 1, true);
    EXPECT(change(&queue, 3), "expected the last to be claimed");
    expect_notified(&queue, 2, 3);
    expect_baton(&queue, 2, false);
    EXPECT(!change(&queue, 4), "expected nobody to be claimed");
    queue_fini(&queue);
}
END_TEST

START_TEST(D_who_has_seen_the_present_value_sleeps_on)
{
    struct queue queue;

    queue_init(&queue);
    sleep_at(&queue, 0, 5, 0);
    sleep_at(&queue, 5, 8, 1);
    EXPECT(change(&queue, 1), "expected one to be claimed");
    expect_notified(&queue, 0, 1);
    EXPECT(change(&queue, 0), "expected one to be claimed");
    expect_notified(&queue, 5, 6);
    pass_on(&queue);
    expect_notified(&queue, 6, 8);
    expect_baton(&queue, 6, false);
    expect_baton(&queue, 7, false);
    pass_on(&queue);
    expect_notified(&queue, 0, 0);
    queue_fini(&queue);
}
END_TEST

START_TEST(C_a_baton_reaches_everyone_who_differs)
{
    struct queue queue;
    size_t woken = 1;

    queue_init(&queue);
    sleep_at(&queue, 0, COUNT, 0);
    EXPECT(change(&queue, 1), "expected one to be claimed");
    expect_notified(&queue, 0, 1);
    for (size_t i = 0; woken < COUNT; i++) {
        size_t next = woken + 2 < COUNT ? woken + 2 : COUNT;

        expect_baton(&queue, i, true);
        pass_on(&queue);
        expect_notified(&queue, woken, next);
        woken = next;
    }
    expect_baton(&queue, COUNT - 1, false);
    queue_fini(&queue);
}
END_TEST

/* Claimed already, for another variable, or for this one before it came
 * back. */
START_TEST(C_one_who_is_awake_is_not_taken_for_one_who_was_asleep)
{
    struct queue queue;

    queue_init(&queue);
    sleep_at(&queue, 0, 4, 0);
    queue.waiters[0].state = STM__WOKEN;
    queue.waiters[1].state = STM__WOKEN;
    EXPECT(change(&queue, 1), "expected one to be claimed");
    expect_notified(&queue, 2, 3);
    expect_baton(&queue, 0, false);
    expect_baton(&queue, 2, true);
    queue_fini(&queue);
}
END_TEST

START_TEST(C_one_who_has_not_parked_yet_is_claimed_without_a_notice)
{
    struct queue queue;

    queue_init(&queue);
    sleep_at(&queue, 0, 2, 0);
    queue.waiters[0].state = STM__IDLE;
    EXPECT(change(&queue, 1), "expected one to be claimed");
    expect_notified(&queue, 0, 0);
    EXPECT(queue.waiters[0].state == STM__WOKEN, "expected it to be woken");
    expect_baton(&queue, 0, true);
    queue_fini(&queue);
}
END_TEST

START_TEST(C_every_change_wakes_all_callers)
{
    struct queue queue;

    queue_init(&queue);
    for (size_t i = 0; i < 3; i++)
        queue.waits[i].sleeper = false;
    sleep_at(&queue, 0, 5, 0);
    EXPECT(change(&queue, 1), "expected a sleeper to be claimed");
    expect_notified(&queue, 0, 4);
    expect_baton(&queue, 0, false);
    expect_baton(&queue, 3, true);
    queue_fini(&queue);
}
END_TEST

/* Nobody is kept waiting by others who come back all the time. */
START_TEST(C_groups_take_turns)
{
    struct queue queue;
    size_t rounds = 0;

    queue_init(&queue);
    sleep_at(&queue, 0, 2, 5);
    sleep_at(&queue, 2, 3, 6);
    while (queue.waiters[2].state != STM__WOKEN && rounds < 10) {
        rounds++;
        EXPECT(change(&queue, 6 + rounds), "expected one to be claimed");
        for (size_t i = 0; i < 2; i++)
            if (queue.waiters[i].state == STM__WOKEN) {
                (void)stm__wait_unlink(&queue.waits[i]);
                sleep_at(&queue, i, i + 1, 5);
            }
    }
    EXPECT(rounds == 2, "expected the second group's turn in round 2, not %zu",
           rounds);
    queue_fini(&queue);
}
END_TEST

START_TEST(C_who_differs_for_too_long_is_woken)
{
    struct queue queue;
    bool over;

    queue_init(&queue);
    sleep_at(&queue, 0, 3, 0);
    sleep_at(&queue, 3, 5, 1);
    AO_store(&queue.var->value, 1);
    for (size_t i = 1; i < STM__LOOKS; i++) {
        stm__wait_notify(stm__wait_overdue(queue.side, &over, NULL));
        EXPECT(!over, "expected another look after the %zuth", i);
    }
    expect_notified(&queue, 0, 0);
    stm__wait_notify(stm__wait_overdue(queue.side, &over, NULL));
    EXPECT(over, "expected no further look");
    expect_notified(&queue, 0, 3);
    queue_fini(&queue);
}
END_TEST

START_TEST(D_looks_that_find_the_value_seen_begin_anew)
{
    struct queue queue;
    bool over;

    queue_init(&queue);
    sleep_at(&queue, 0, 3, 0);
    for (size_t i = 0; i < 4 * STM__LOOKS; i++) {
        AO_store(&queue.var->value, i % STM__LOOKS != 0);
        stm__wait_notify(stm__wait_overdue(queue.side, &over, NULL));
        EXPECT(over == (i % STM__LOOKS == 0),
               "expected to look on just while they differ");
    }
    expect_notified(&queue, 0, 0);
    queue_fini(&queue);
}
END_TEST

/* What it was last is not known, and perhaps nobody saw it. */
START_TEST(C_a_baton_for_a_variable_that_is_gone_reaches_everyone)
{
    struct queue queue;

    queue_init(&queue);
    stm__side_retain(queue.side);
    sleep_at(&queue, 0, 2, 0);
    sleep_at(&queue, 2, 3, 1);
    stm_tvar_release(queue.var);
    pass_on(&queue);
    pass_on(&queue);
    expect_notified(&queue, 0, 3);
    queue.var = word_var(0);
    queue_fini(&queue);
    stm__side_release(queue.side);
}
END_TEST

START_TEST(C_all_are_woken_where_no_value_tells)
{
    struct queue queue;

    queue_init(&queue);
    queue.waits[0].sleeper = false;
    sleep_at(&queue, 0, COUNT, 0);
    stm__wait_notify(stm__wait_all(queue.side, NULL));
    expect_notified(&queue, 0, COUNT);
    queue_fini(&queue);
}
END_TEST

/* Against a plain array. */
START_TEST(random_comings_and_goings_lose_nobody)
{
    struct queue queue;
    struct generator generator;
    bool there[COUNT] = {false};

    queue_init(&queue);
    generator_init(&generator, 1);
    for (size_t i = 0; i < 20000; i++) {
        size_t who = generator_below(&generator, COUNT), differ = 0, left = 0;
        stm_value value = generator_below(&generator, 4);

        if (generator_below(&generator, 4) > 0) {
            (void)stm__wait_unlink(&queue.waits[who]);
            if (!there[who])
                sleep_at(&queue, who, who + 1, value);
            there[who] = !there[who];
            continue;
        }
        for (size_t j = 0; j < COUNT; j++)
            differ += there[j] && queue.waits[j].seen != value;
        EXPECT(change(&queue, value) == (differ > 0),
               "expected a claim just where one of them differs");
        for (size_t j = 0; j < COUNT; j++) {
            EXPECT(!queue.notified[j] ||
                       (there[j] && queue.waits[j].seen != value),
                   "expected none but who differs to be notified");
            there[j] = there[j] && !queue.notified[j];
            left += there[j] && queue.waits[j].seen != value;
            queue.notified[j] = 0;
        }
        EXPECT(left + (differ > 0) == differ, "expected one of %zu, got %zu",
               differ, differ - left);
    }
    queue_fini(&queue);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("waits");

    tcase_add_test(tests, D_a_change_claims_who_has_slept_longest);
    tcase_add_test(tests, D_who_has_seen_the_present_value_sleeps_on);
    tcase_add_test(tests, C_a_baton_reaches_everyone_who_differs);
    tcase_add_test(tests,
                   C_one_who_is_awake_is_not_taken_for_one_who_was_asleep);
    tcase_add_test(tests,
                   C_one_who_has_not_parked_yet_is_claimed_without_a_notice);
    tcase_add_test(tests, C_every_change_wakes_all_callers);
    tcase_add_test(tests, C_groups_take_turns);
    tcase_add_test(tests, C_who_differs_for_too_long_is_woken);
    tcase_add_test(tests, D_looks_that_find_the_value_seen_begin_anew);
    tcase_add_test(tests,
                   C_a_baton_for_a_variable_that_is_gone_reaches_everyone);
    tcase_add_test(tests, C_all_are_woken_where_no_value_tells);
    tcase_add_test(tests, random_comings_and_goings_lose_nobody);
    return run_suite("waits", tests);
}
