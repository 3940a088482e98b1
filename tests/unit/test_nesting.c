/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Closed nesting, or_else and would_block. */
#include "support.h"

enum { DEPTH = 1000 };

struct deep {
    struct stm_tvar *var;
    size_t level;
    size_t failing_level; /* whose body aborts after its nested ones */
};

/* Each level adds 1 on its way down and 1 on its way up. */
static enum stm_status deep_body(struct stm_tx *tx, void *argument)
{
    struct deep *deep = argument;
    size_t level = deep->level;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, deep->var, &value));
    STM_TRY(stm_tvar_set(tx, deep->var, value + 1));
    if (level < DEPTH) {
        enum stm_status status;

        deep->level = level + 1;
        status = stm_atomically(deep_body, deep);
        if (status != STM_OK && status != STM_EABORT)
            return status;
        deep->level = level;
    }
    STM_TRY(stm_tvar_get(tx, deep->var, &value));
    STM_TRY(stm_tvar_set(tx, deep->var, value + 1));
    return level == deep->failing_level ? STM_EABORT : STM_OK;
}

static enum stm_status deep_start_body(struct stm_tx *tx, void *argument)
{
    ((struct deep *)argument)->level = 1;
    return deep_body(tx, argument);
}

START_TEST(a_thousand_levels_commit_as_one)
{
    struct deep deep = {.var = word_var(0)};

    EXPECT_STATUS(STM_OK, stm_atomically(deep_start_body, &deep));
    EXPECT(peek(deep.var) == 2 * DEPTH, "expected %d, got %zu", 2 * DEPTH,
           (size_t)peek(deep.var));
    stm_tvar_release(deep.var);
}
END_TEST

START_TEST(B_an_abort_at_a_level_undoes_those_below_it)
{
    struct deep deep = {.var = word_var(0), .failing_level = 400};

    EXPECT_STATUS(STM_OK, stm_atomically(deep_start_body, &deep));
    EXPECT(peek(deep.var) == 2 * 399,
           "expected what 399 levels wrote, %d, got %zu", 2 * 399,
           (size_t)peek(deep.var));
    stm_tvar_release(deep.var);
}
END_TEST

/* A branch that writes and then ends as it is told. */
struct branch_plan {
    struct stm_tvar *log; /* gets the digit of each branch that wrote */
    stm_value digit;
    enum stm_status end;
};

static enum stm_status planned_body(struct stm_tx *tx, void *argument)
{
    struct branch_plan *plan = argument;
    stm_value log;

    STM_TRY(stm_tvar_get(tx, plan->log, &log));
    STM_TRY(stm_tvar_set(tx, plan->log, 10 * log + plan->digit));
    return plan->end == STM_RETRY ? stm_retry(tx) : plan->end;
}

struct two_plans {
    struct branch_plan plans[2];
    size_t count;
    enum stm_status got;
};

static enum stm_status two_plans_body(struct stm_tx *tx, void *argument)
{
    struct two_plans *two = argument;
    const struct stm_branch branches[] = {{planned_body, &two->plans[0]},
                                          {planned_body, &two->plans[1]}};

    two->got = stm_or_else(tx, branches, two->count);
    return two->got < STM_OK ? stm_tx_status(tx) : two->got;
}

static const struct {
    enum stm_status first, second; /* how the branches end */
    enum stm_status got;           /* what or_else returns */
    stm_value log;                 /* what is left of their writes */
} or_else_table[] = {
    {STM_OK, STM_OK, STM_OK, 1},
    {STM_OK, STM_RETRY, STM_OK, 1},
    {STM_RETRY, STM_OK, STM_OK, 2},
    {STM_EABORT, STM_OK, STM_EABORT, 0},
    {STM_RETRY, STM_EABORT, STM_EABORT, 0},
    {STM_RETRY, STM_EUSER, STM_EUSER, 0},
    {STM_RETRY, STM_RETRY, STM_RETRY, 0},
};

START_TEST(or_else_takes_the_first_branch_that_does_not_retry)
{
    for (size_t i = 0; i < sizeof or_else_table / sizeof or_else_table[0];
         i++) {
        struct stm_tvar *log = word_var(0);
        struct two_plans two = {.plans = {{log, 1, or_else_table[i].first},
                                          {log, 2, or_else_table[i].second}},
                                .count = 2};
        struct stm_call *call = stm_call_new(two_plans_body, &two);
        enum stm_status status = stm_call_step(call);
        bool blocks = or_else_table[i].got == STM_RETRY;

        EXPECT(two.got == or_else_table[i].got, "row %zu: expected %d, got %d",
               i, or_else_table[i].got, two.got);
        EXPECT(status == (blocks ? STM_BLOCKED : STM_OK),
               "row %zu: the transaction ended with %d", i, status);
        stm_call_free(call);
        EXPECT(peek(log) == or_else_table[i].log,
               "row %zu: expected the writes %zu, got %zu", i,
               (size_t)or_else_table[i].log, (size_t)peek(log));
        stm_tvar_release(log);
    }
}
END_TEST

static enum stm_status no_branches_body(struct stm_tx *tx, void *argument)
{
    struct two_plans *two = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, two->plans[0].log, &value));
    two->got = stm_or_else(tx, NULL, 0);
    return two->got;
}

START_TEST(or_else_without_branches_retries)
{
    struct two_plans two = {.plans = {{.log = word_var(0)}}};
    struct stm_call *call = stm_call_new(no_branches_body, &two);

    EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
    EXPECT(two.got == STM_RETRY, "expected RETRY, got %d", two.got);
    stm_call_free(call);
    stm_tvar_release(two.plans[0].log);
}
END_TEST

/* or_else within or_else: the inner one's retry is the outer branch's. */
static enum stm_status inner_choice_body(struct stm_tx *tx, void *argument)
{
    struct branch_plan *plans = argument;
    const struct stm_branch branches[] = {{planned_body, &plans[0]},
                                          {planned_body, &plans[1]}};

    return stm_or_else(tx, branches, 2);
}

static enum stm_status outer_choice_body(struct stm_tx *tx, void *argument)
{
    struct branch_plan *plans = argument;
    const struct stm_branch branches[] = {{inner_choice_body, &plans[0]},
                                          {inner_choice_body, &plans[2]}};

    return stm_or_else(tx, branches, 2);
}

START_TEST(B_a_nested_or_else_that_retries_is_undone_whole)
{
    struct stm_tvar *log = word_var(0);
    struct branch_plan plans[] = {{log, 1, STM_RETRY},
                                  {log, 2, STM_RETRY},
                                  {log, 3, STM_RETRY},
                                  {log, 4, STM_OK}};

    EXPECT_STATUS(STM_OK, stm_atomically(outer_choice_body, plans));
    EXPECT(peek(log) == 4, "expected only the fourth branch's write, got %zu",
           (size_t)peek(log));
    stm_tvar_release(log);
}
END_TEST

/* A branch that swallows the retry of an operation inside it. */
static enum stm_status swallowing_branch_body(struct stm_tx *tx, void *argument)
{
    struct branch_plan *plan = argument;

    STM_TRY(stm_tvar_set(tx, plan->log, 9));
    EXPECT_STATUS(STM_RETRY, stm_retry(tx));
    return plan->end;
}

static enum stm_status after_swallowing_body(struct stm_tx *tx, void *argument)
{
    struct branch_plan *plans = argument;
    const struct stm_branch branches[] = {{swallowing_branch_body, &plans[0]},
                                          {planned_body, &plans[1]}};

    return stm_or_else(tx, branches, 2);
}

START_TEST(a_branch_that_swallows_its_retry_still_retries)
{
    static const enum stm_status ends[] = {STM_OK, STM_EABORT};

    for (size_t i = 0; i < 2; i++) {
        struct stm_tvar *log = word_var(0);
        struct branch_plan plans[] = {{log, 1, ends[i]}, {log, 2, STM_OK}};

        EXPECT_STATUS(STM_OK, stm_atomically(after_swallowing_body, plans));
        EXPECT(peek(log) == 2, "expected the second branch only, got %zu",
               (size_t)peek(log));
        stm_tvar_release(log);
    }
}
END_TEST

/* A retry in a nested transaction is the outer one's, even if swallowed. */
static enum stm_status swallow_nested_body(struct stm_tx *tx, void *argument)
{
    struct branch_plan *plan = argument;

    if (stm_atomically(planned_body, plan) == STM_RETRY)
        EXPECT_STATUS(STM_RETRY, stm_tx_status(tx));
    return STM_OK;
}

START_TEST(a_retry_of_a_nested_transaction_is_the_outer_ones)
{
    struct stm_tvar *log = word_var(0);
    struct branch_plan plan = {log, 1, STM_RETRY};
    struct stm_call *call = stm_call_new(swallow_nested_body, &plan);

    EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
    stm_call_free(call);
    EXPECT(peek(log) == 0, "expected nothing committed");
    stm_tvar_release(log);
}
END_TEST

struct question {
    struct branch_plan plan;
    bool blocks;
    stm_value log_after;
};

static enum stm_status question_body(struct stm_tx *tx, void *argument)
{
    struct question *question = argument;

    STM_TRY(
        stm_would_block(tx, planned_body, &question->plan, &question->blocks));
    return stm_tvar_get(tx, question->plan.log, &question->log_after);
}

START_TEST(would_block_tells_and_undoes)
{
    static const enum stm_status ends[] = {STM_OK, STM_RETRY, STM_EABORT};

    for (size_t i = 0; i < 3; i++) {
        struct question question = {.plan = {word_var(3), 1, ends[i]}};

        question.blocks = ends[i] != STM_RETRY;
        EXPECT_STATUS(STM_OK, stm_atomically(question_body, &question));
        EXPECT(question.blocks == (ends[i] == STM_RETRY),
               "a body that ends with %d: expected \"%s\"", ends[i],
               ends[i] == STM_RETRY ? "would block" : "would not");
        EXPECT(question.log_after == 3 && peek(question.plan.log) == 3,
               "expected what was tried out undone");
        stm_tvar_release(question.plan.log);
    }
}
END_TEST

/* Branches see the outer writes, and writes of the branch taken are seen. */
static enum stm_status see_through_body(struct stm_tx *tx, void *argument)
{
    struct branch_plan *plans = argument;
    stm_value log;

    STM_TRY(stm_tvar_set(tx, plans[0].log, 5));
    STM_TRY(inner_choice_body(tx, argument));
    STM_TRY(stm_tvar_get(tx, plans[0].log, &log));
    EXPECT(log == 52,
           "expected the outer write and then the second "
           "branch's, 52, got %zu",
           (size_t)log);
    return STM_OK;
}

START_TEST(a_branch_sees_the_outer_writes)
{
    struct stm_tvar *log = word_var(0);
    struct branch_plan plans[] = {{log, 1, STM_RETRY}, {log, 2, STM_OK}};

    EXPECT_STATUS(STM_OK, stm_atomically(see_through_body, plans));
    EXPECT(peek(log) == 52, "expected 52 committed");
    stm_tvar_release(log);
}
END_TEST

/* Sets counted values, and fails. */
static enum stm_status set_and_fail_body(struct stm_tx *tx, void *argument)
{
    struct stm_tvar **vars = argument;

    for (size_t i = 0; i < 8; i++)
        STM_TRY(set_counted(tx, vars[i], i));
    return STM_EABORT;
}

static enum stm_status set_and_retry_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(
        EXPECT_RESULT(STM_EABORT, stm_atomically(set_and_fail_body, argument)));
    STM_TRY(EXPECT_RESULT(STM_EABORT, set_and_fail_body(tx, argument)));
    return stm_retry(tx);
}

static enum stm_status many_undone_body(struct stm_tx *tx, void *argument)
{
    bool blocks;

    for (size_t i = 0; i < 200; i++) {
        STM_TRY(EXPECT_RESULT(STM_EABORT,
                              stm_atomically(set_and_fail_body, argument)));
        STM_TRY(stm_would_block(tx, set_and_retry_body, argument, &blocks));
    }
    return STM_OK;
}

START_TEST(H_whatever_is_undone_how_often_gives_its_values_back)
{
    struct stm_tvar *vars[8];

    for (size_t i = 0; i < 8; i++)
        vars[i] = counted_var(100 + i);
    EXPECT_STATUS(STM_OK, stm_atomically(many_undone_body, vars));
    EXPECT(counted_live() == 8, "expected the first 8 values, got %zu",
           counted_live());
    for (size_t i = 0; i < 8; i++)
        stm_tvar_release(vars[i]);
    EXPECT(counted_live() == 0, "expected no value to be left, got %zu",
           counted_live());
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("nesting");

    tcase_add_test(tests, a_thousand_levels_commit_as_one);
    tcase_add_test(tests, B_an_abort_at_a_level_undoes_those_below_it);
    tcase_add_test(tests, or_else_takes_the_first_branch_that_does_not_retry);
    tcase_add_test(tests, or_else_without_branches_retries);
    tcase_add_test(tests, B_a_nested_or_else_that_retries_is_undone_whole);
    tcase_add_test(tests, a_branch_that_swallows_its_retry_still_retries);
    tcase_add_test(tests, a_retry_of_a_nested_transaction_is_the_outer_ones);
    tcase_add_test(tests, would_block_tells_and_undoes);
    tcase_add_test(tests, a_branch_sees_the_outer_writes);
    tcase_add_test(tests, H_whatever_is_undone_how_often_gives_its_values_back);
    return run_suite("nesting", tests);
}
