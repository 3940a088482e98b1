/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise D: a blocked transaction is not woken when every value it read is
 * the same as when it went to sleep; waiters cost no descriptor and no thread
 * of their own.  A wake-up shows as a run of the sleeper's body. */
#include "support.h"

#include <stdlib.h>

/* Threads that read a variable or two and retry until they are to leave. */
struct sleeper {
    struct party *party;
    struct stm_tvar *first, *second; /* second may be NULL */
};

struct party {
    struct sleeper *sleepers;
    size_t count;
    struct crew *crew;
    struct stm_stats before;
    AO_t runs; /* of bodies */
    AO_t leave;
};

static enum stm_status sleeper_body(struct stm_tx *tx, void *argument)
{
    struct sleeper *sleeper = argument;
    stm_value value;

    AO_fetch_and_add1_full(&sleeper->party->runs);
    STM_TRY(stm_tvar_get(tx, sleeper->first, &value));
    if (sleeper->second != NULL)
        STM_TRY(stm_tvar_get(tx, sleeper->second, &value));
    return AO_load_acquire(&sleeper->party->leave) ? STM_OK : stm_retry(tx);
}

static void sleeper_thread(size_t index, void *context)
{
    struct party *party = context;

    EXPECT_STATUS(STM_OK,
                  stm_atomically(sleeper_body, &party->sleepers[index]));
}

/* Checks how many bodies have run since the last time. */
static void expect_party_runs(struct party *party, size_t wanted,
                              const char *why)
{
    size_t runs;

    crew_await_sleep(party->crew);
    runs = AO_load_acquire(&party->runs);
    AO_store_release(&party->runs, 0);
    EXPECT_RUNS(wanted, &runs, why);
}

/* The caller has set the sleepers' variables. */
static void party_begin(struct party *party)
{
    for (size_t i = 0; i < party->count; i++)
        party->sleepers[i].party = party;
    stm_stats_read(&party->before);
    party->crew = crew_start(party->count, sleeper_thread, party);
    await_count(&party->runs, party->count);
    expect_party_runs(party, party->count, "falling asleep");
}

/* The caller writes another value to everything that is read, between these
 * two. */
static void party_leave(struct party *party)
{
    AO_store_release(&party->leave, 1);
}

static void party_end(struct party *party, uint64_t wakeups)
{
    struct stm_stats stats;

    crew_join(party->crew);
    stats = stats_since(&party->before);
    EXPECT(stats.wakeups == wakeups || shaken(),
           "expected %zu wake-ups, counted %zu", (size_t)wakeups,
           (size_t)stats.wakeups);
    EXPECT(stats.spurious == wakeups - party->count || shaken(),
           "expected %zu of them spurious, counted %zu",
           (size_t)wakeups - party->count, (size_t)stats.spurious);
}

START_TEST(D_a_write_of_the_same_value_does_not_wake)
{
    struct sleeper sleeper = {.first = word_var(7)};
    struct party party = {.sleepers = &sleeper, .count = 1};

    party_begin(&party);
    poke(sleeper.first, 7);
    poke_elsewhere(sleeper.first, 7);
    expect_party_runs(&party, 0, "two writes of the same value");
    poke(sleeper.first, 8);
    expect_party_runs(&party, 1, "a write of another value");
    poke(sleeper.first, 8);
    expect_party_runs(&party, 0, "another write of the value it woke for");
    party_leave(&party);
    poke(sleeper.first, 9);
    party_end(&party, 2);
    stm_tvar_release(sleeper.first);
}
END_TEST

START_TEST(D_a_write_of_an_equal_value_does_not_wake)
{
    stm_value value = counted_new(7);
    struct sleeper sleeper = {.first =
                                  stm_tvar_new(&counted_equal_type, value)};
    struct party party = {.sleepers = &sleeper, .count = 1};

    counted_drop(value);
    party_begin(&party);
    poke_counted(sleeper.first, 7);
    poke_counted(sleeper.first, 7);
    expect_party_runs(&party, 0, "two writes of an equal value");
    party_leave(&party);
    poke_counted(sleeper.first, 8);
    party_end(&party, 1);
    stm_tvar_release(sleeper.first);
    EXPECT(counted_live() == 0, "expected all values released, %zu live",
           counted_live());
}
END_TEST

START_TEST(D_without_an_equal_function_another_identity_wakes)
{
    struct sleeper sleeper = {.first = counted_var(7)};
    struct party party = {.sleepers = &sleeper, .count = 1};

    party_begin(&party);
    poke_counted(sleeper.first, 7);
    expect_party_runs(&party, 1, "a write of another object");
    party_leave(&party);
    poke_counted(sleeper.first, 7);
    party_end(&party, 2);
    stm_tvar_release(sleeper.first);
}
END_TEST

struct pair_write {
    struct stm_tvar *first, *second;
    stm_value value;
    enum stm_status end;
};

static enum stm_status write_pair_body(struct stm_tx *tx, void *argument)
{
    struct pair_write *write = argument;

    STM_TRY(stm_tvar_set(tx, write->first, 99));
    STM_TRY(stm_tvar_set(tx, write->first, write->value));
    STM_TRY(stm_tvar_set(tx, write->second, write->value));
    return write->end;
}

START_TEST(D_one_commit_wakes_a_transaction_once)
{
    struct sleeper sleeper = {.first = word_var(7), .second = word_var(7)};
    struct party party = {.sleepers = &sleeper, .count = 1};
    struct pair_write write = {sleeper.first, sleeper.second, 7, STM_OK};

    party_begin(&party);
    EXPECT_STATUS(STM_OK, stm_atomically(write_pair_body, &write));
    expect_party_runs(&party, 0, "a commit that restored both values");
    write.value = 8;
    EXPECT_STATUS(STM_OK, stm_atomically(write_pair_body, &write));
    expect_party_runs(&party, 1, "a commit that changed both values");
    write.value = 9;
    write.end = STM_EABORT;
    EXPECT_STATUS(STM_EABORT, stm_atomically(write_pair_body, &write));
    expect_party_runs(&party, 0, "writes that were aborted");
    party_leave(&party);
    poke(sleeper.second, 9);
    party_end(&party, 2);
    stm_tvar_release(sleeper.first);
    stm_tvar_release(sleeper.second);
}
END_TEST

static void party_init(struct party *party, size_t count)
{
    *party = (struct party){.count = count};
    party->sleepers = calloc(count, sizeof party->sleepers[0]);
    ck_assert_ptr_nonnull(party->sleepers);
}

START_TEST(D_all_who_wait_for_one_variable_are_woken_once_each)
{
    struct stm_tvar *var = word_var(0);
    struct party party;

    party_init(&party, workload(100));
    for (size_t i = 0; i < party.count; i++)
        party.sleepers[i].first = var;
    party_begin(&party);
    poke(var, 1);
    expect_party_runs(&party, party.count, "a write to what all read");
    party_leave(&party);
    poke(var, 2);
    party_end(&party, 2 * party.count);
    free(party.sleepers);
    stm_tvar_release(var);
}
END_TEST

START_TEST(D_a_thousand_sleepers_hold_no_descriptor_and_no_thread_more)
{
    size_t descriptors = open_descriptors();
    size_t threads = live_threads();
    struct party party;

    party_init(&party, workload(1000));
    for (size_t i = 0; i < party.count; i++)
        party.sleepers[i].first = word_var(0);
    party_begin(&party);
    EXPECT(open_descriptors() <= descriptors,
           "expected %zu open descriptors as before, got %zu", descriptors,
           open_descriptors());
    EXPECT(live_threads() <= threads + party.count,
           "expected no more than %zu threads, got %zu", threads + party.count,
           live_threads());
    for (size_t i = 0; i < party.count; i += party.count / 10) {
        poke(party.sleepers[i].first, 1);
        expect_party_runs(&party, 1, "a write to what only one reads");
    }
    party_leave(&party);
    for (size_t i = 0; i < party.count; i++)
        poke(party.sleepers[i].first, 2);
    party_end(&party, party.count + 10);
    for (size_t i = 0; i < party.count; i++)
        stm_tvar_release(party.sleepers[i].first);
    free(party.sleepers);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("D");

    tcase_add_test(tests, D_a_write_of_the_same_value_does_not_wake);
    tcase_add_test(tests, D_a_write_of_an_equal_value_does_not_wake);
    tcase_add_test(tests, D_without_an_equal_function_another_identity_wakes);
    tcase_add_test(tests, D_one_commit_wakes_a_transaction_once);
    tcase_add_test(tests, D_all_who_wait_for_one_variable_are_woken_once_each);
    tcase_add_test(tests,
                   D_a_thousand_sleepers_hold_no_descriptor_and_no_thread_more);
    return run_suite("few wakeups", tests);
}
