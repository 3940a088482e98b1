/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise E: some transaction always commits, and every transaction commits
 * after a bounded number of conflicts. */
#include <stm/tx-internal.h>

#include "support.h"

#include <stdlib.h>

#include <stm/tx-internal.h>

/* The bound on one transaction's conflicts.  The first ESCALATE_AFTER (call.c)
 * are met among the others.  From then on each attempt closes the gate first.
 * Who writes looks at the gate when it holds all its locks; so whatever is to
 * change beside such an attempt is locked before that begins: the attempt waits
 * for it and reads what comes, and no variable changes that it has read.  There
 * is no conflict any more, unless the others, who wait, throw the attempt out
 * (gate.c): they have 100 ms of patience, and twice as much after each time, so
 * that it happens no more than STM__EVICTIONS_MAX times to a body that ends
 * within the last of these spans.  In shake mode steps fail without cause also
 * for one who runs alone. */
enum {
    ESCALATE_AFTER = 16,
    MOST_CONFLICTS = ESCALATE_AFTER + STM__EVICTIONS_MAX,
    SHAKEN_CONFLICTS = 20 /* as many more */
};

enum {
    VARIABLES = 10000,
    WRITERS = 2,
    READS = 20,
    PATIENCE = 500, /* attempts in which an escalation must come */
    MOST_SLOW_ATTEMPTS = 40,
    SLOW_BODY = 150000000 /* nanoseconds */
};

/* Variables of which the i-th from the front always equals the i-th from the
 * end. */
struct hot {
    struct stm_tvar *vars[VARIABLES];
    AO_t stop;
    AO_t commits[WRITERS];
    bool provokes; /* the reader waits for the writers until it escalates */
    uint64_t escalations; /* of the reader before its present transaction */
    size_t runs;          /* of that */
};

/* The reader's, whose transactions have this name: a writer that meets a lock
 * whose holder does not run may escalate, too. */
static const char reader[] = "reader";

static uint64_t reader_escalations(void)
{
    struct stm_stats stats;

    stm_stats_read_name(reader, &stats);
    return stats.escalations;
}

struct hot_write {
    struct hot *hot;
    size_t index;
};

static enum stm_status add_one(struct stm_tx *tx, struct stm_tvar *var)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, var, &value));
    return stm_tvar_set(tx, var, value + 1);
}

static enum stm_status hot_write_body(struct stm_tx *tx, void *argument)
{
    struct hot_write *write = argument;

    STM_TRY(add_one(tx, write->hot->vars[write->index]));
    return add_one(tx, write->hot->vars[VARIABLES - 1 - write->index]);
}

/* Waits until each writer has committed what it began after now: a change of
 * what has been read and one of what has not. */
static void provoke(struct hot *hot)
{
    AO_t seen[WRITERS];

    if (!hot->provokes || reader_escalations() > hot->escalations)
        return;
    for (size_t i = 0; i < WRITERS; i++)
        seen[i] = AO_load_acquire(&hot->commits[i]);
    for (size_t i = 0; i < WRITERS; i++)
        await_count(&hot->commits[i], seen[i] + 2);
}

static enum stm_status long_read_body(struct stm_tx *tx, void *argument)
{
    stm_value values[VARIABLES / 2], value;
    struct hot *hot = argument;

    hot->runs++;
    STM_TRY(stm_tx_set_name(tx, reader));
    for (size_t i = 0; i < VARIABLES / 2; i++)
        STM_TRY(stm_tvar_get(tx, hot->vars[i], &values[i]));
    provoke(hot);
    for (size_t i = VARIABLES / 2; i < VARIABLES; i++) {
        STM_TRY(stm_tvar_get(tx, hot->vars[i], &value));
        EXPECT(value == values[VARIABLES - 1 - i],
               "expected two values that existed together, got %zu and %zu",
               (size_t)values[VARIABLES - 1 - i], (size_t)value);
    }
    return STM_OK;
}

/* The same with writes at its end, so that it must validate and lock. */
static enum stm_status long_update_body(struct stm_tx *tx, void *argument)
{
    struct hot_write write = {.hot = argument, .index = VARIABLES / 4};

    STM_TRY(long_read_body(tx, argument));
    return hot_write_body(tx, &write);
}

static void hot_thread(size_t index, void *context)
{
    struct hot_write write = {.hot = context};
    struct generator generator;

    generator_init(&generator, index);
    while (AO_load_acquire(&write.hot->stop) == 0) {
        write.index = generator_below(&generator, VARIABLES / 2);
        EXPECT_STATUS(STM_OK, stm_atomically(hot_write_body, &write));
        AO_fetch_and_add1_full(&write.hot->commits[index]);
    }
}

/* One transaction of the reader beside the writers. */
static void run_long(struct hot *hot, stm_body *body)
{
    size_t most = MOST_CONFLICTS + (shaken() ? SHAKEN_CONFLICTS : 0);
    uint64_t passed;

    hot->runs = 0;
    hot->escalations = reader_escalations();
    EXPECT_STATUS(STM_OK, stm_atomically(body, hot));
    passed = reader_escalations() - hot->escalations;
    EXPECT(hot->runs - 1 <= most, "expected at most %zu conflicts, got %zu",
           most, hot->runs - 1);
    EXPECT(passed == (hot->runs > ESCALATE_AFTER),
           "expected an escalation to be counted after %d conflicts, got %zu "
           "conflicts and %zu escalations",
           ESCALATE_AFTER, hot->runs - 1, (size_t)passed);
    if (hot->provokes)
        EXPECT(passed == 1, "expected conflicts until it has escalated");
}

static void run_beside_writers(stm_body *body, bool provokes)
{
    struct hot *hot = calloc(1, sizeof *hot);
    struct crew *crew;

    hot->provokes = provokes;
    for (size_t i = 0; i < VARIABLES; i++)
        hot->vars[i] = word_var(0);
    crew = crew_start(WRITERS, hot_thread, hot);
    for (size_t i = 0; i < workload(READS); i++)
        run_long(hot, body);
    AO_store_release(&hot->stop, 1);
    crew_join(crew);
    for (size_t i = 0; i < VARIABLES; i++)
        stm_tvar_release(hot->vars[i]);
    free(hot);
}

START_TEST(E_a_long_reader_commits_within_a_bound_beside_hot_writers)
{
    run_beside_writers(long_read_body, false);
}
END_TEST

START_TEST(E_a_long_update_commits_within_a_bound_beside_hot_writers)
{
    run_beside_writers(long_update_body, false);
}
END_TEST

START_TEST(E_a_reader_that_meets_conflicts_in_a_row_escalates_and_commits)
{
    run_beside_writers(long_read_body, true);
}
END_TEST

START_TEST(E_an_update_that_meets_conflicts_in_a_row_escalates_and_commits)
{
    run_beside_writers(long_update_body, true);
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
    AO_t commits;        /* of the writer */
    AO_t enters, leaves; /* of its sleeps at the gate */
    AO_t over;
};

static void enter(void *context)
{
    AO_fetch_and_add1_full(&((struct slow *)context)->enters);
}

static void leave(void *context)
{
    AO_fetch_and_add1_full(&((struct slow *)context)->leaves);
}

static void restless_thread(size_t index, void *context)
{
    struct slow *slow = context;
    const struct stm_blocking hooks = {
        .enter = enter, .leave = leave, .context = slow};

    (void)index;
    stm_set_blocking(&hooks);
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
    EXPECT(slow.enters > 0 && slow.enters == slow.leaves,
           "expected the writer's hooks around its waits, got %zu and %zu",
           (size_t)slow.enters, (size_t)slow.leaves);
    stm_tvar_release(slow.var);
}
END_TEST

static enum stm_status open_gate_body(struct stm_tx *tx, void *argument)
{
    (void)argument;
    stm__gate_wait(tx);
    return stm_tx_status(tx);
}

START_TEST(E_who_comes_when_the_gate_is_open_again_goes_on)
{
    EXPECT_STATUS(STM_OK, stm_atomically(open_gate_body, NULL));
}
END_TEST

/* A transaction that asks for conflicts until it has met one while it ran
 * alone.  What each attempt leaves to be released tells whether the gate is
 * closed between the attempts. */
struct alone {
    struct stm_stats before;
    bool escalated; /* did the attempt run alone? */
    size_t looks;   /* after the conflict of such an attempt */
    size_t closed;  /* times that the gate was closed then */
};

static void look_at_gate(stm_value value)
{
    struct alone *alone = (struct alone *)value;

    if (!alone->escalated)
        return;
    alone->looks++;
    alone->closed += stm__gate_mine(stm__self);
}

static const struct stm_type looking_type = {.name = "a look at the gate",
                                             .release = look_at_gate};

static enum stm_status conflicting_body(struct stm_tx *tx, void *argument)
{
    struct alone *alone = argument;

    STM_TRY(stm_release_later(tx, &looking_type, (stm_value)alone));
    if (alone->looks > 0) {
        alone->escalated = false;
        return STM_OK;
    }
    alone->escalated = stats_since(&alone->before).escalations > 0;
    return STM_CONFLICT;
}

START_TEST(E_a_conflict_does_not_let_the_others_through)
{
    struct alone alone = {.looks = 0};

    stm_stats_read(&alone.before);
    EXPECT_STATUS(STM_OK, stm_atomically(conflicting_body, &alone));
    EXPECT(alone.looks == 1 && alone.closed == 1,
           "expected 1 conflict while running alone, and the gate closed after "
           "it; got %zu and %zu",
           alone.looks, alone.closed);
    EXPECT(!stm__gate_mine(stm__self),
           "expected the gate to be open after the commit");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("E");

    tcase_add_test(tests,
                   E_a_long_reader_commits_within_a_bound_beside_hot_writers);
    tcase_add_test(tests,
                   E_a_long_update_commits_within_a_bound_beside_hot_writers);
    tcase_add_test(
        tests, E_a_reader_that_meets_conflicts_in_a_row_escalates_and_commits);
    tcase_add_test(
        tests, E_an_update_that_meets_conflicts_in_a_row_escalates_and_commits);
    tcase_add_test(tests, E_all_increments_of_one_variable_commit);
    tcase_add_test(tests, E_an_escalated_body_may_wait_for_another_commit);
    tcase_add_test(tests,
                   E_an_escalated_transaction_that_retries_lets_others_go_on);
    tcase_add_test(tests, E_a_body_that_outlasts_the_gates_patience_commits);
    tcase_add_test(tests, E_a_conflict_does_not_let_the_others_through);
    tcase_add_test(tests, E_who_comes_when_the_gate_is_open_again_goes_on);
    return run_suite("progress", tests);
}
