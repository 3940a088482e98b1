/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* attempts = commits + conflicts + retries + aborts, exactly, in total and for
 * each name. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_identity(const struct stm_stats *stats)
{
    uint64_t sum =
        stats->commits + stats->conflicts + stats->retries + stats->aborts;

    EXPECT(stats->attempts == sum,
           "expected attempts == commits + conflicts + retries + aborts, got "
           "%zu and %zu + %zu + %zu + %zu",
           (size_t)stats->attempts, (size_t)stats->commits,
           (size_t)stats->conflicts, (size_t)stats->retries,
           (size_t)stats->aborts);
}

/* Threads that commit, abort and wait for each other. */
struct work {
    struct stm_tvar *account[2];
    struct stm_tvar *turn; /* 0 or 1: who may go on */
    size_t rounds;
    AO_t runs, aborted, committed;
    const char *name;
};

struct turn {
    struct work *work;
    stm_value mine;
};

static enum stm_status turn_body(struct stm_tx *tx, void *argument)
{
    struct turn *turn = argument;
    stm_value now;

    AO_fetch_and_add1_full(&turn->work->runs);
    if (turn->work->name != NULL)
        STM_TRY(stm_tx_set_name(tx, turn->work->name));
    STM_TRY(stm_tvar_get(tx, turn->work->turn, &now));
    if (now != turn->mine)
        return stm_retry(tx);
    return stm_tvar_set(tx, turn->work->turn, 1 - turn->mine);
}

static enum stm_status transfer_body(struct stm_tx *tx, void *argument)
{
    struct work *work = argument;
    stm_value from, to;

    AO_fetch_and_add1_full(&work->runs);
    STM_TRY(stm_tvar_get(tx, work->account[0], &from));
    STM_TRY(stm_tvar_set(tx, work->account[0], from + 1));
    STM_TRY(stm_tvar_get(tx, work->account[1], &to));
    STM_TRY(stm_tvar_set(tx, work->account[1], to - 1));
    return from % 3 == 0 ? STM_EABORT : STM_OK;
}

static enum stm_status step_over_body(struct stm_tx *tx, void *argument)
{
    struct work *work = argument;
    stm_value from;

    AO_fetch_and_add1_full(&work->runs);
    STM_TRY(stm_tvar_get(tx, work->account[0], &from));
    return stm_tvar_set(tx, work->account[0], from + 1);
}

static void note_end(struct work *work, enum stm_status status)
{
    EXPECT(status == STM_OK || status == STM_EABORT,
           "expected OK or ABORT, "
           "got %d",
           status);
    AO_fetch_and_add1_full(status == STM_OK ? &work->committed
                                            : &work->aborted);
}

static void work_thread(size_t index, void *context)
{
    struct work *work = context;
    struct turn turn = {work, index};

    for (size_t i = 0; i < work->rounds; i++) {
        if (index < 2)
            note_end(work, stm_atomically(turn_body, &turn));
        note_end(work, stm_atomically(transfer_body, work));
        note_end(work, stm_atomically(step_over_body, work));
    }
}

static void run_work(struct work *work)
{
    for (size_t i = 0; i < 2; i++)
        work->account[i] = word_var(1000000);
    work->turn = word_var(0);
    work->rounds = workload(5000);
    crew_run(4, work_thread, work);
    stm_tvar_release(work->account[0]);
    stm_tvar_release(work->account[1]);
    stm_tvar_release(work->turn);
}

START_TEST(attempts_are_the_runs_of_bodies_and_add_up)
{
    struct work work = {0};
    struct stm_stats before, stats;

    stm_stats_read(&before);
    run_work(&work);
    stats = stats_since(&before);
    expect_identity(&stats);
    EXPECT(stats.attempts == work.runs,
           "expected %zu attempts as bodies "
           "ran, counted %zu",
           (size_t)work.runs, (size_t)stats.attempts);
    EXPECT(stats.commits == work.committed, "expected %zu commits, got %zu",
           (size_t)work.committed, (size_t)stats.commits);
    EXPECT(stats.aborts == work.aborted, "expected %zu aborts, got %zu",
           (size_t)work.aborted, (size_t)stats.aborts);
    EXPECT(stats.spurious <= stats.wakeups && stats.wakeups <= stats.retries,
           "expected spurious <= wake-ups <= retries, got %zu, %zu, %zu",
           (size_t)stats.spurious, (size_t)stats.wakeups,
           (size_t)stats.retries);
}
END_TEST

START_TEST(a_name_has_counts_of_its_own)
{
    struct work work = {.name = "turn"};
    struct stm_stats stats;

    run_work(&work);
    stm_stats_read_name("turn", &stats);
    expect_identity(&stats);
    EXPECT(stats.commits == 2 * work.rounds,
           "expected %zu commits of the name, got %zu", 2 * work.rounds,
           (size_t)stats.commits);
    EXPECT(stats.aborts == 0, "expected no abort of the name, got %zu",
           (size_t)stats.aborts);
    stm_stats_read_name("nobody", &stats);
    EXPECT(stats.attempts == 0, "expected no attempt of an unused name");
}
END_TEST

/* One transaction of each kind, counted one by one. */
struct single {
    struct stm_tvar *var;
    enum stm_status end;
    bool conflict; /* in its first attempt */
    bool retry;    /* in its first attempt */
    size_t runs;
};

static enum stm_status single_body(struct stm_tx *tx, void *argument)
{
    struct single *single = argument;
    stm_value value;

    single->runs++;
    STM_TRY(stm_tx_set_name(tx, "single"));
    STM_TRY(stm_tvar_get(tx, single->var, &value));
    if (single->conflict || single->retry)
        poke_elsewhere(single->var, value + 1);
    single->conflict = false;
    if (single->retry) {
        single->retry = false;
        return stm_retry(tx);
    }
    STM_TRY(stm_tvar_set(tx, single->var, 1));
    return single->end;
}

static struct stm_stats single_stats(struct single single)
{
    struct stm_stats before, after;

    stm_stats_read_name("single", &before);
    single.var = word_var(0);
    EXPECT_STATUS(single.end, stm_atomically(single_body, &single));
    stm_tvar_release(single.var);
    stm_stats_read_name("single", &after);
    after.attempts -= before.attempts;
    after.commits -= before.commits;
    after.conflicts -= before.conflicts;
    after.retries -= before.retries;
    after.aborts -= before.aborts;
    expect_identity(&after);
    EXPECT(after.attempts == single.runs, "expected %zu attempts, got %zu",
           single.runs, (size_t)after.attempts);
    return after;
}

START_TEST(each_end_of_an_attempt_counts_as_what_it_is)
{
    struct stm_stats stats = single_stats((struct single){.end = STM_OK});

    EXPECT(stats.commits == 1 && stats.aborts == 0, "expected one commit");
    stats = single_stats((struct single){.end = STM_EABORT});
    EXPECT(stats.aborts == 1 && stats.commits == 0, "expected one abort");
    stats = single_stats((struct single){.conflict = true});
    EXPECT(stats.conflicts >= 1 && stats.commits == 1 && stats.retries == 0,
           "expected a conflict and a commit, got %zu and %zu",
           (size_t)stats.conflicts, (size_t)stats.commits);
    stats = single_stats((struct single){.retry = true});
    EXPECT(stats.commits == 1 && stats.retries + stats.conflicts >= 1,
           "expected a retry or a conflict, and a commit");
}
END_TEST

static enum stm_status nested_body(struct stm_tx *tx, void *argument)
{
    (void)tx;
    for (size_t i = 0; i < 10; i++) {
        struct single nested = {.var = argument};

        nested.end = i % 2 == 0 ? STM_OK : STM_EABORT;
        if (stm_atomically(single_body, &nested) != nested.end)
            return stm_tx_status(tx);
    }
    return STM_OK;
}

START_TEST(nested_transactions_are_part_of_their_attempt)
{
    struct stm_tvar *var = word_var(0);
    struct stm_stats before, stats;

    stm_stats_read(&before);
    EXPECT_STATUS(STM_OK, stm_atomically(nested_body, var));
    stats = stats_since(&before);
    expect_identity(&stats);
    EXPECT(stats.commits == 1 && stats.aborts == 0,
           "expected one commit and no abort, got %zu and %zu",
           (size_t)stats.commits, (size_t)stats.aborts);
    stm_tvar_release(var);
}
END_TEST

START_TEST(the_counts_are_printed_with_every_name)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    ck_assert_ptr_nonnull(stream);
    single_stats((struct single){.end = STM_OK});
    stm_stats_print(stream);
    fclose(stream);
    EXPECT(strstr(text, "single") != NULL, "expected the name in \"%s\"", text);
    EXPECT(strstr(text, "attempts") != NULL && strstr(text, "commits") != NULL,
           "expected the counts by their names in \"%s\"", text);
    free(text);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("stats");

    tcase_add_test(tests, attempts_are_the_runs_of_bodies_and_add_up);
    tcase_add_test(tests, a_name_has_counts_of_its_own);
    tcase_add_test(tests, each_end_of_an_attempt_counts_as_what_it_is);
    tcase_add_test(tests, nested_transactions_are_part_of_their_attempt);
    tcase_add_test(tests, the_counts_are_printed_with_every_name);
    return run_suite("stats", tests);
}
