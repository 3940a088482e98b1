/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise A: no attempt, not even one that is thrown away, sees two values
 * that did not exist together. */
#include "support.h"

#include <pthread.h>

enum { ACCOUNTS = 24, OPENING_BALANCE = 100 };

struct bank {
    struct stm_tvar *accounts[ACCOUNTS];
    size_t transfers; /* by each thread that transfers */
    AO_t running;     /* threads that transfer */
    AO_t wrong;       /* sums seen that were not the total */
    AO_t sums;        /* sums taken */
};

struct transfer {
    struct bank *bank;
    size_t from, to;
    stm_value amount;
    enum stm_status outcome; /* what the body ends with */
};

static void bank_init(struct bank *bank, size_t transfers, size_t threads)
{
    *bank = (struct bank){.transfers = transfers, .running = threads};
    for (size_t i = 0; i < ACCOUNTS; i++)
        bank->accounts[i] = word_var(OPENING_BALANCE);
}

static void bank_fini(struct bank *bank)
{
    for (size_t i = 0; i < ACCOUNTS; i++)
        stm_tvar_release(bank->accounts[i]);
}

/* Counts a wrong total at once, since the attempt may not live to return. */
static enum stm_status sum_body(struct stm_tx *tx, void *argument)
{
    struct bank *bank = argument;
    stm_value total = 0;

    for (size_t i = 0; i < ACCOUNTS; i++) {
        stm_value balance;

        STM_TRY(stm_tvar_get(tx, bank->accounts[i], &balance));
        total += balance;
    }
    AO_fetch_and_add1_full(&bank->sums);
    if (total != ACCOUNTS * OPENING_BALANCE)
        AO_fetch_and_add1_full(&bank->wrong);
    return STM_OK;
}

static enum stm_status transfer_body(struct stm_tx *tx, void *argument)
{
    struct transfer *transfer = argument;
    struct stm_tvar *from = transfer->bank->accounts[transfer->from];
    struct stm_tvar *to = transfer->bank->accounts[transfer->to];
    stm_value balance;

    STM_TRY(stm_tvar_get(tx, from, &balance));
    if (balance < transfer->amount)
        return STM_EUSER;
    STM_TRY(stm_tvar_set(tx, from, balance - transfer->amount));
    STM_TRY(stm_tvar_get(tx, to, &balance));
    STM_TRY(stm_tvar_set(tx, to, balance + transfer->amount));
    if (transfer->outcome != STM_OK)
        STM_TRY(sum_body(tx, transfer->bank));
    return transfer->outcome;
}

/* Every third transfer takes a sum in the middle of its own writes and then
 * aborts. */
static void transfer_thread(size_t index, void *context)
{
    struct bank *bank = context;
    struct generator generator;

    generator_init(&generator, index);
    for (size_t i = 0; i < bank->transfers; i++) {
        struct transfer transfer = {
            .bank = bank,
            .from = generator_below(&generator, ACCOUNTS),
            .to = generator_below(&generator, ACCOUNTS),
            .amount = generator_below(&generator, 20),
            .outcome = i % 3 == 0 ? STM_EUSER - 1 : STM_OK};
        enum stm_status status = stm_atomically(transfer_body, &transfer);

        EXPECT(status == transfer.outcome || status == STM_EUSER,
               "a transfer returned %d, expected %d or %d", status,
               transfer.outcome, STM_EUSER);
    }
    AO_fetch_and_sub1_full(&bank->running);
}

static void read_until_done(struct bank *bank, stm_body *body,
                            enum stm_status expected)
{
    do {
        EXPECT_STATUS(expected, stm_atomically(body, bank));
    } while (AO_load_acquire(&bank->running) > 0);
}

static void bank_thread(size_t index, void *context)
{
    if (index > 0)
        transfer_thread(index, context);
    else
        read_until_done(context, sum_body, STM_OK);
}

START_TEST(A_reader_never_sees_a_wrong_total)
{
    struct bank bank;

    bank_init(&bank, workload(100000), 2);
    crew_run(3, bank_thread, &bank);
    EXPECT(bank.wrong == 0, "expected every sum right, %lu of %lu were wrong",
           (unsigned long)bank.wrong, (unsigned long)bank.sums);
    bank_fini(&bank);
}
END_TEST

static enum stm_status sum_and_abort_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(sum_body(tx, argument));
    STM_TRY(sum_body(tx, argument));
    return STM_EABORT;
}

static void aborting_bank_thread(size_t index, void *context)
{
    if (index > 0)
        transfer_thread(index, context);
    else
        read_until_done(context, sum_and_abort_body, STM_EABORT);
}

START_TEST(A_attempts_that_abort_see_no_wrong_total)
{
    struct bank bank;

    bank_init(&bank, workload(100000), 2);
    crew_run(3, aborting_bank_thread, &bank);
    EXPECT(bank.wrong == 0, "expected every sum right, %lu of %lu were wrong",
           (unsigned long)bank.wrong, (unsigned long)bank.sums);
    bank_fini(&bank);
}
END_TEST

/* Two variables that every commit keeps equal. */
struct twins {
    struct stm_tvar *left, *right;
    size_t rounds;
    AO_t unequal;
    AO_t running;
};

static void twins_init(struct twins *twins, size_t rounds, size_t writers)
{
    *twins = (struct twins){.left = word_var(0),
                            .right = word_var(0),
                            .rounds = rounds,
                            .running = writers};
}

static void twins_fini(struct twins *twins)
{
    stm_tvar_release(twins->left);
    stm_tvar_release(twins->right);
}

static enum stm_status add_to_both_body(struct stm_tx *tx, void *argument)
{
    struct twins *twins = argument;
    stm_value left, right;

    STM_TRY(stm_tvar_get(tx, twins->left, &left));
    STM_TRY(stm_tvar_set(tx, twins->left, left + 1));
    STM_TRY(stm_tvar_get(tx, twins->right, &right));
    if (left != right)
        AO_fetch_and_add1_full(&twins->unequal);
    return stm_tvar_set(tx, twins->right, right + 1);
}

static enum stm_status compare_body(struct stm_tx *tx, void *argument)
{
    struct twins *twins = argument;
    stm_value left, right;

    STM_TRY(stm_tvar_get(tx, twins->right, &right));
    STM_TRY(stm_tvar_get(tx, twins->left, &left));
    if (left != right)
        AO_fetch_and_add1_full(&twins->unequal);
    return STM_OK;
}

static enum stm_status compare_and_retry_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(compare_body(tx, argument));
    return stm_retry(tx);
}

/* Compares in each kind of nested attempt. */
static enum stm_status compare_nested_body(struct stm_tx *tx, void *argument)
{
    const struct stm_branch branches[] = {{compare_and_retry_body, argument},
                                          {compare_body, argument}};
    bool blocks;

    STM_TRY(stm_atomically(compare_body, argument));
    STM_TRY(stm_would_block(tx, compare_body, argument, &blocks));
    return stm_or_else(tx, branches, 2);
}

static void twins_thread(size_t index, void *context)
{
    struct twins *twins = context;

    if (index < 2) {
        for (size_t i = 0; i < twins->rounds; i++)
            EXPECT_STATUS(STM_OK, stm_atomically(add_to_both_body, twins));
        AO_fetch_and_sub1_full(&twins->running);
        return;
    }
    do {
        EXPECT_STATUS(STM_OK, stm_atomically(compare_body, twins));
        EXPECT_STATUS(STM_OK, stm_atomically(compare_nested_body, twins));
    } while (AO_load_acquire(&twins->running) > 0);
}

START_TEST(A_variables_kept_equal_are_never_seen_unequal)
{
    struct twins twins;

    twins_init(&twins, workload(100000), 2);
    crew_run(3, twins_thread, &twins);
    EXPECT(twins.unequal == 0,
           "expected left == right in every attempt, "
           "%lu saw them differ",
           (unsigned long)twins.unequal);
    EXPECT(peek(twins.left) == 2 * twins.rounds,
           "expected %zu increments, got %zu", 2 * twins.rounds,
           (size_t)peek(twins.left));
    twins_fini(&twins);
}
END_TEST

/* At least one of the two lights must stay on. */
struct lights {
    struct stm_tvar *light[2];
    size_t rounds;
    pthread_barrier_t round;
    AO_t dark;
};

struct switch_off {
    struct lights *lights;
    size_t mine;
};

static enum stm_status switch_off_body(struct stm_tx *tx, void *argument)
{
    struct switch_off *one = argument;
    stm_value mine, other;

    STM_TRY(stm_tvar_get(tx, one->lights->light[one->mine], &mine));
    STM_TRY(stm_tvar_get(tx, one->lights->light[1 - one->mine], &other));
    if (mine + other < 2)
        return STM_OK;
    return stm_tvar_set(tx, one->lights->light[one->mine], 0);
}

static void lights_thread(size_t index, void *context)
{
    struct lights *lights = context;
    struct switch_off one = {lights, index};

    for (size_t i = 0; i < lights->rounds; i++) {
        pthread_barrier_wait(&lights->round);
        EXPECT_STATUS(STM_OK, stm_atomically(switch_off_body, &one));
        pthread_barrier_wait(&lights->round);
        if (index == 0) {
            if (peek(lights->light[0]) + peek(lights->light[1]) == 0)
                AO_fetch_and_add1_full(&lights->dark);
            poke(lights->light[0], 1);
            poke(lights->light[1], 1);
        }
    }
}

START_TEST(A_write_skew_is_impossible)
{
    struct lights lights = {.light = {word_var(1), word_var(1)},
                            .rounds = workload(10000)};

    pthread_barrier_init(&lights.round, NULL, 2);
    crew_run(2, lights_thread, &lights);
    EXPECT(lights.dark == 0,
           "expected one light on after each of %zu rounds, "
           "%lu times both were off",
           lights.rounds, (unsigned long)lights.dark);
    pthread_barrier_destroy(&lights.round);
    stm_tvar_release(lights.light[0]);
    stm_tvar_release(lights.light[1]);
}
END_TEST

/* One thread commits 1, 2, 3... and says outside the transactions how far it
 * has come. */
struct progress {
    struct stm_tvar *var;
    AO_t committed;
    size_t last;
};

static void progress_thread(size_t index, void *context)
{
    struct progress *progress = context;
    AO_t known;

    if (index == 0) {
        for (size_t i = 1; i <= progress->last; i++) {
            poke(progress->var, i);
            AO_store_release(&progress->committed, i);
        }
        return;
    }
    do {
        stm_value seen;

        known = AO_load_acquire(&progress->committed);
        seen = peek(progress->var);
        EXPECT(seen >= known,
               "commit %lu was over, but a later transaction "
               "still read %lu",
               (unsigned long)known, (unsigned long)seen);
    } while (known < progress->last);
}

START_TEST(A_a_later_transaction_sees_every_earlier_commit)
{
    struct progress progress = {.var = word_var(0), .last = workload(50000)};

    crew_run(2, progress_thread, &progress);
    stm_tvar_release(progress.var);
}
END_TEST

/* A body beside which another thread commits between its two reads. */
struct interrupted {
    struct stm_tvar *first, *second;
    struct stm_tvar *victim; /* written between the reads of the first run */
    AO_t runs;
    stm_value seen_first, seen_second;
};

static enum stm_status interrupted_body(struct stm_tx *tx, void *argument)
{
    struct interrupted *state = argument;

    STM_TRY(stm_tvar_get(tx, state->first, &state->seen_first));
    if (state->runs++ == 0) {
        poke_elsewhere(state->victim, 5);
        if (state->victim == state->first)
            poke_elsewhere(state->second, 5);
    }
    return stm_tvar_get(tx, state->second, &state->seen_second);
}

START_TEST(A_a_newer_value_extends_the_snapshot)
{
    struct interrupted state = {.first = word_var(1), .second = word_var(1)};

    state.victim = state.second;
    EXPECT_STATUS(STM_OK, stm_atomically(interrupted_body, &state));
    EXPECT(state.seen_second == 5, "expected the newer value 5, got %zu",
           (size_t)state.seen_second);
    EXPECT(state.runs == 1 || shaken(),
           "nothing that was read had changed: expected 1 attempt, got %zu",
           (size_t)state.runs);
    stm_tvar_release(state.first);
    stm_tvar_release(state.second);
}
END_TEST

START_TEST(A_a_changed_read_ends_the_attempt)
{
    struct interrupted state = {.first = word_var(1), .second = word_var(1)};

    state.victim = state.first;
    EXPECT_STATUS(STM_OK, stm_atomically(interrupted_body, &state));
    EXPECT(state.runs >= 2,
           "the first read had changed: expected a second "
           "attempt, got %zu",
           (size_t)state.runs);
    EXPECT(state.seen_first == 5 && state.seen_second == 5,
           "expected 5 and 5, got %zu and %zu", (size_t)state.seen_first,
           (size_t)state.seen_second);
    stm_tvar_release(state.first);
    stm_tvar_release(state.second);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("A");

    tcase_add_test(tests, A_reader_never_sees_a_wrong_total);
    tcase_add_test(tests, A_attempts_that_abort_see_no_wrong_total);
    tcase_add_test(tests, A_variables_kept_equal_are_never_seen_unequal);
    tcase_add_test(tests, A_write_skew_is_impossible);
    tcase_add_test(tests, A_a_later_transaction_sees_every_earlier_commit);
    tcase_add_test(tests, A_a_newer_value_extends_the_snapshot);
    tcase_add_test(tests, A_a_changed_read_ends_the_attempt);
    return run_suite("opacity", tests);
}
