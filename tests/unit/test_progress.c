/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise E: some transaction always commits, and every transaction commits
 * after a bounded number of conflicts. */
#include "support.h"

enum {
    VARIABLES = 1000,
    WRITERS = 2,
    READS = 20,
    MOST_ATTEMPTS = 64, /* of one transaction beside two writers */
    PATIENCE = 500,     /* attempts in which an escalation must come */
    MOST_SLOW_ATTEMPTS = 40,
    SLOW_BODY = 150000000 /* nanoseconds */
};

struct hot {
    struct stm_tvar *vars[VARIABLES];
    AO_t stop;
    size_t runs; /* of the reader's present transaction */
    size_t most; /* runs that one of its transactions took */
};

struct hot_write {
    struct hot *hot;
    size_t index;
};

static enum stm_status hot_write_body(struct stm_tx *tx, void *argument)
{
    struct hot_write *write = argument;
    struct stm_tvar *var = write->hot->vars[write->index];
    stm_value value;

    STM_TRY(stm_tvar_get(tx, var, &value));
    return stm_tvar_set(tx, var, value + 1);
}

static enum stm_status long_read_body(struct stm_tx *tx, void *argument)
{
    struct hot *hot = argument;
    stm_value value;

    hot->runs++;
    for (size_t i = 0; i < VARIABLES; i++)
        STM_TRY(stm_tvar_get(tx, hot->vars[i], &value));
    return STM_OK;
}

/* The same with a write at its end, so that it must validate and lock. */
static enum stm_status long_update_body(struct stm_tx *tx, void *argument)
{
    struct hot *hot = argument;
    stm_value value;

    STM_TRY(long_read_body(tx, argument));
    STM_TRY(stm_tvar_get(tx, hot->vars[VARIABLES / 2], &value));
    return stm_tvar_set(tx, hot->vars[VARIABLES / 2], value + 1);
}

static void hot_thread(size_t index, void *context)
{
    struct hot_write write = {.hot = context};
    struct generator generator;

    generator_init(&generator, index);
    while (AO_load_acquire(&write.hot->stop) == 0) {
        write.index = generator_below(&generator, VARIABLES);
        EXPECT_STATUS(STM_OK, stm_atomically(hot_write_body, &write));
    }
}

static void run_beside_writers(stm_body *body)
{
    struct hot hot = {.most = 0};
    struct crew *crew;

    for (size_t i = 0; i < VARIABLES; i++)
        hot.vars[i] = word_var(0);
    crew = crew_start(WRITERS, hot_thread, &hot);
    for (size_t i = 0; i < READS; i++) {
        hot.runs = 0;
        EXPECT_STATUS(STM_OK, stm_atomically(body, &hot));
        if (hot.runs > hot.most)
            hot.most = hot.runs;
    }
    AO_store_release(&hot.stop, 1);
    crew_join(crew);
    EXPECT(hot.most <= MOST_ATTEMPTS,
           "expected at most %d attempts of each "
           "transaction, one took %zu",
           MOST_ATTEMPTS, hot.most);
    for (size_t i = 0; i < VARIABLES; i++)
        stm_tvar_release(hot.vars[i]);
}

START_TEST(E_a_long_reader_finishes_beside_hot_writers)
{
    run_beside_writers(long_read_body);
}
END_TEST

START_TEST(E_a_long_update_finishes_beside_hot_writers)
{
    run_beside_writers(long_update_body);
}
END_TEST

/* Increments of one variable by many. */
struct counter {
    struct stm_tvar *var;
    size_t rounds;
};

static enum stm_status increment_body(struct stm_tx *tx, void *argument)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, argument, &value));
    return stm_tvar_set(tx, argument, value + 1);
}

static void counter_thread(size_t index, void *context)
{
    struct counter *counter = context;

    (void)index;
    for (size_t i = 0; i < counter->rounds; i++)
        EXPECT_STATUS(STM_OK, stm_atomically(increment_body, counter->var));
}

START_TEST(E_all_increments_of_one_variable_commit)
{
    struct counter counter = {word_var(0), workload(20000)};

    crew_run(4, counter_thread, &counter);
    EXPECT(peek(counter.var) == 4 * counter.rounds,
           "expected %zu increments, got %zu", 4 * counter.rounds,
           (size_t)peek(counter.var));
    stm_tvar_release(counter.var);
}
END_TEST

/* A transaction that meets a conflict in every attempt, because another thread
 * commits at its request to what it has read, and for which it waits outside
 * the transaction; and which gives in once it has escalated. */
struct stubborn {
    struct stm_tvar *read, *written, *go;
    struct stm_stats before;
    size_t runs;
    size_t escalated_runs;
    bool waits_in_the_end; /* for go to be set */
    AO_t asked, answered, over;
};

static void answering_thread(size_t index, void *context)
{
    struct stubborn *state = context;

    (void)index;
    for (AO_t answered = 0; AO_load_acquire(&state->over) == 0;) {
        if (AO_load_acquire(&state->asked) == answered) {
            AO_nop_full();
            continue;
        }
        poke(state->read, ++answered);
        AO_store_release(&state->answered, answered);
    }
}

static void answer_and_go_thread(size_t index, void *context)
{
    struct stubborn *state = context;

    answering_thread(index, context);
    poke(state->go, 1);
}

static enum stm_status stubborn_body(struct stm_tx *tx, void *argument)
{
    struct stubborn *state = argument;
    stm_value value, go;

    state->runs++;
    STM_TRY(stm_tvar_get(tx, state->read, &value));
    STM_TRY(stm_tvar_set(tx, state->written, state->runs));
    if (stats_since(&state->before).escalations > 0)
        state->escalated_runs++;
    if (state->runs < PATIENCE && state->escalated_runs < 3) {
        AO_store_release(&state->asked, state->asked + 1);
        await_count(&state->answered, state->asked);
        return STM_OK;
    }
    AO_store_release(&state->over, 1);
    STM_TRY(stm_tvar_get(tx, state->go, &go));
    return go == 0 && state->waits_in_the_end ? stm_retry(tx) : STM_OK;
}

static void run_stubborn(crew_member *helper, bool waits_in_the_end)
{
    struct stubborn state = {.read = word_var(0),
                             .written = word_var(0),
                             .go = word_var(0),
                             .waits_in_the_end = waits_in_the_end};
    struct crew *crew;

    stm_stats_read(&state.before);
    crew = crew_start(1, helper, &state);
    EXPECT_STATUS(STM_OK, stm_atomically(stubborn_body, &state));
    AO_store_release(&state.over, 1);
    crew_join(crew);
    EXPECT(stats_since(&state.before).escalations >= 1,
           "expected an escalation after %zu conflicts in a row", state.runs);
    stm_tvar_release(state.read);
    stm_tvar_release(state.written);
    stm_tvar_release(state.go);
}

START_TEST(E_an_escalated_body_may_wait_for_another_commit)
{
    run_stubborn(answering_thread, false);
}
END_TEST

START_TEST(E_an_escalated_transaction_that_retries_lets_others_go_on)
{
    run_stubborn(answer_and_go_thread, true);
}
END_TEST

/* A body that takes longer than the others have patience for with one who runs
 * alone, beside a writer that never rests.  Until it has escalated, it is quick
 * and waits for its conflict. */
struct slow {
    struct stm_tvar *var;
    struct stm_stats before;
    size_t runs;
    AO_t commits; /* of the writer */
    AO_t over;
};

static void restless_thread(size_t index, void *context)
{
    struct slow *slow = context;

    (void)index;
    while (AO_load_acquire(&slow->over) == 0) {
        EXPECT_STATUS(STM_OK, stm_atomically(increment_body, slow->var));
        AO_fetch_and_add1_full(&slow->commits);
    }
}

static enum stm_status slow_body(struct stm_tx *tx, void *argument)
{
    struct slow *slow = argument;
    uint64_t begin = monotonic_now();
    stm_value value;

    if (slow->runs++ == MOST_SLOW_ATTEMPTS)
        return STM_EABORT;
    STM_TRY(stm_tvar_get(tx, slow->var, &value));
    if (stats_since(&slow->before).escalations == 0) {
        /* The one under way may have begun before. */
        await_count(&slow->commits, AO_load_acquire(&slow->commits) + 2);
        return stm_tvar_set(tx, slow->var, 0);
    }
    while (monotonic_now() - begin < SLOW_BODY)
        continue;
    return stm_tvar_set(tx, slow->var, value + 1);
}

START_TEST(E_a_body_that_outlasts_the_gates_patience_commits)
{
    struct slow slow = {.var = word_var(0)};
    struct crew *crew;

    stm_stats_read(&slow.before);
    crew = crew_start(1, restless_thread, &slow);
    EXPECT_STATUS(STM_OK, stm_atomically(slow_body, &slow));
    AO_store_release(&slow.over, 1);
    crew_join(crew);
    EXPECT(slow.runs <= MOST_SLOW_ATTEMPTS,
           "expected a commit within %d attempts", MOST_SLOW_ATTEMPTS);
    EXPECT(peek(slow.var) == slow.commits + 1,
           "expected the slow increment and %zu others, got %zu",
           (size_t)slow.commits, (size_t)peek(slow.var));
    stm_tvar_release(slow.var);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("E");

    tcase_add_test(tests, E_a_long_reader_finishes_beside_hot_writers);
    tcase_add_test(tests, E_a_long_update_finishes_beside_hot_writers);
    tcase_add_test(tests, E_all_increments_of_one_variable_commit);
    tcase_add_test(tests, E_an_escalated_body_may_wait_for_another_commit);
    tcase_add_test(tests,
                   E_an_escalated_transaction_that_retries_lets_others_go_on);
    tcase_add_test(tests, E_a_body_that_outlasts_the_gates_patience_commits);
    return run_suite("progress", tests);
}
