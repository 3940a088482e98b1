/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* stm_previously: the state before the innermost nested transaction, or before
 * the whole. */
#include "support.h"

enum { VARS = 40 };

/* One look at all variables: their sum, and the first. */
struct look {
    struct stm_tvar **vars;
    size_t count;
    stm_value sum;
    stm_value first;
};

static enum stm_status look_body(struct stm_tx *tx, void *argument)
{
    struct look *look = argument;
    stm_value value = 0;

    look->sum = 0;
    for (size_t i = look->count; i-- > 0;) {
        STM_TRY(stm_tvar_get(tx, look->vars[i], &value));
        look->sum += value;
    }
    look->first = value;
    return STM_OK;
}

static enum stm_status add_to_all(struct stm_tx *tx, struct look *look,
                                  stm_value more)
{
    for (size_t i = 0; i < look->count; i++) {
        stm_value value;

        STM_TRY(stm_tvar_get(tx, look->vars[i], &value));
        STM_TRY(stm_tvar_set(tx, look->vars[i], value + more));
    }
    return STM_OK;
}

static enum stm_status expect_past(struct stm_tx *tx, struct look *look,
                                   enum stm_point point, stm_value each)
{
    STM_TRY(stm_previously(tx, look_body, look, point));
    EXPECT(look->first == each && look->sum == each * look->count,
           "expected %zu in each variable before, got %zu in the first, %zu "
           "in all",
           (size_t)each, (size_t)look->first, (size_t)look->sum);
    return STM_OK;
}

static enum stm_status expect_now(struct stm_tx *tx, struct look *look,
                                  stm_value each)
{
    STM_TRY(look_body(tx, look));
    EXPECT(look->first == each && look->sum == each * look->count,
           "expected %zu in each variable now, got %zu in the first, %zu in "
           "all",
           (size_t)each, (size_t)look->first, (size_t)look->sum);
    return STM_OK;
}

static enum stm_status innermost_body(struct stm_tx *tx, void *argument)
{
    struct look *look = argument;

    STM_TRY(expect_past(tx, look, STM_INNERMOST, 11));
    STM_TRY(add_to_all(tx, look, 100));
    STM_TRY(expect_past(tx, look, STM_INNERMOST, 11));
    STM_TRY(expect_past(tx, look, STM_OUTERMOST, 1));
    STM_TRY(add_to_all(tx, look, 1000));
    STM_TRY(expect_past(tx, look, STM_INNERMOST, 11));
    return expect_now(tx, look, 1111);
}

static enum stm_status nested_body(struct stm_tx *tx, void *argument)
{
    struct look *look = argument;

    STM_TRY(add_to_all(tx, look, 10));
    STM_TRY(expect_past(tx, look, STM_INNERMOST, 1));
    STM_TRY(stm_atomically(innermost_body, look));
    STM_TRY(expect_past(tx, look, STM_INNERMOST, 1));
    return expect_now(tx, look, 1111);
}

static void with_vars(size_t count, stm_body *body)
{
    struct stm_tvar *vars[VARS];
    struct look look = {vars, count, 0, 0};

    for (size_t i = 0; i < count; i++)
        vars[i] = word_var(1);
    EXPECT_STATUS(STM_OK, stm_atomically(body, &look));
    EXPECT(peek(vars[count - 1]) == 1111,
           "expected 1111 to be committed, got "
           "%zu",
           (size_t)peek(vars[count - 1]));
    for (size_t i = 0; i < count; i++)
        stm_tvar_release(vars[i]);
}

START_TEST(each_point_has_its_own_past)
{
    with_vars(1, nested_body);
    with_vars(7, nested_body);
    with_vars(VARS, nested_body); /* the log looks writes up by hash */
}
END_TEST

/* The body's own writes: seen by it, and by no one after it. */
static enum stm_status writing_look_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(add_to_all(tx, argument, 5));
    STM_TRY(expect_now(tx, argument, 6));
    STM_TRY(expect_past(tx, argument, STM_INNERMOST, 1));
    return STM_EABORT;
}

static enum stm_status undone_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(add_to_all(tx, argument, 1110));
    EXPECT_STATUS(STM_EABORT, stm_previously(tx, writing_look_body, argument,
                                             STM_OUTERMOST));
    return expect_now(tx, argument, 1111);
}

START_TEST(what_the_body_writes_is_undone)
{
    with_vars(3, undone_body);
    with_vars(VARS, undone_body);
}
END_TEST

static enum stm_status writes_of_other_vars(struct stm_tx *tx, void *argument)
{
    struct look *look = argument;

    look->count = VARS;
    STM_TRY(add_to_all(tx, look, 7));
    return STM_OK;
}

static enum stm_status few_writes_body(struct stm_tx *tx, void *argument)
{
    struct look *look = argument;

    look->count = 2;
    STM_TRY(add_to_all(tx, look, 1110));
    STM_TRY(stm_previously(tx, writes_of_other_vars, look, STM_OUTERMOST));
    look->count = 2;
    STM_TRY(expect_now(tx, look, 1111));
    look->count = VARS;
    look->vars += 2;
    look->count -= 2;
    STM_TRY(expect_now(tx, look, 1));
    STM_TRY(add_to_all(tx, look, 1110));
    look->vars -= 2;
    look->count = VARS;
    return expect_now(tx, look, 1111);
}

START_TEST(the_body_may_write_more_than_the_transaction)
{
    with_vars(VARS, few_writes_body);
}
END_TEST

static enum stm_status add_five_body(struct stm_tx *tx, void *argument)
{
    return add_to_all(tx, argument, 5);
}

/* A variable written on every level, also after the nested ones have ended. */
static enum stm_status write_again(struct stm_tx *tx, void *argument)
{
    STM_TRY(add_to_all(tx, argument, 100));
    STM_TRY(stm_atomically(add_five_body, argument));
    STM_TRY(expect_past(tx, argument, STM_INNERMOST, 11));
    STM_TRY(expect_now(tx, argument, 116));
    return add_to_all(tx, argument, -5);
}

static enum stm_status often_written_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(add_to_all(tx, argument, 10));
    STM_TRY(stm_atomically(write_again, argument));
    STM_TRY(expect_past(tx, argument, STM_OUTERMOST, 1));
    STM_TRY(expect_now(tx, argument, 111));
    STM_TRY(stm_atomically(add_five_body, argument));
    STM_TRY(expect_past(tx, argument, STM_OUTERMOST, 1));
    STM_TRY(expect_now(tx, argument, 116));
    return add_to_all(tx, argument, 995);
}

START_TEST(what_nested_transactions_wrote_is_put_back)
{
    with_vars(1, often_written_body);
    with_vars(VARS, often_written_body);
}
END_TEST

/* Counted values: the present ones and those of the body. */
static enum stm_status look_at_number(struct stm_tx *tx, void *argument)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, argument, &value));
    EXPECT(counted_number(value) == 1, "expected the number 1 before, got %zu",
           (size_t)counted_number(value));
    STM_TRY(set_counted(tx, argument, 2));
    return set_counted(tx, argument, 3);
}

static enum stm_status set_number_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(set_counted(tx, argument, 4));
    STM_TRY(stm_previously(tx, look_at_number, argument, STM_OUTERMOST));
    return set_counted(tx, argument, 5);
}

START_TEST(H_values_are_released_once)
{
    struct stm_tvar *var = counted_var(1);

    EXPECT_STATUS(STM_OK, stm_atomically(set_number_body, var));
    EXPECT(counted_live() == 1, "expected 1 object, got %zu", counted_live());
    stm_tvar_release(var);
    EXPECT(counted_live() == 0, "expected no object, got %zu", counted_live());
}
END_TEST

/* A list that was changed in place must be seen as it was before. */
static enum stm_status expect_length(struct stm_tx *tx, void *argument,
                                     size_t wanted)
{
    size_t length;

    STM_TRY(stm_tlist_length(tx, argument, &length));
    EXPECT(length == wanted, "expected %zu items, got %zu", wanted, length);
    return STM_OK;
}

static enum stm_status expect_one(struct stm_tx *tx, void *argument)
{
    STM_TRY(expect_length(tx, argument, 1));
    STM_TRY(stm_tlist_append(tx, argument, 9));
    return expect_length(tx, argument, 2);
}

static enum stm_status append_nested(struct stm_tx *tx, void *argument)
{
    STM_TRY(stm_tlist_append(tx, argument, 2));
    STM_TRY(stm_tlist_append(tx, argument, 3));
    STM_TRY(stm_previously(tx, expect_one, argument, STM_INNERMOST));
    STM_TRY(stm_tlist_append(tx, argument, 4));
    return expect_length(tx, argument, 4);
}

static enum stm_status append_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(stm_tlist_append(tx, argument, 1));
    return stm_atomically(append_nested, argument);
}

START_TEST(a_container_is_seen_as_it_was)
{
    struct stm_tlist *list = stm_tlist_new(NULL);

    EXPECT_STATUS(STM_OK, stm_atomically(append_body, list));
    stm_tlist_release(list);
}
END_TEST

/* A retry in the past waits for what was read there. */
struct wish {
    struct stm_tvar *wanted;
    struct stm_tvar *other;
};

static enum stm_status want(struct stm_tx *tx, void *argument)
{
    struct wish *wish = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, wish->wanted, &value));
    return value ? STM_OK : stm_retry(tx);
}

static enum stm_status wish_body(struct stm_tx *tx, void *argument)
{
    struct wish *wish = argument;

    STM_TRY(stm_tvar_set(tx, wish->wanted, 1));
    STM_TRY(stm_previously(tx, want, wish, STM_OUTERMOST));
    return stm_tvar_set(tx, wish->other, 1);
}

static void wishing_thread(size_t index, void *context)
{
    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(wish_body, context));
}

START_TEST(C_a_retry_in_the_past_is_woken)
{
    struct wish wish = {word_var(0), word_var(0)};
    struct crew *crew = crew_start(1, wishing_thread, &wish);

    crew_await_sleep(crew);
    poke(wish.wanted, 1);
    crew_join(crew);
    EXPECT(peek(wish.other) == 1, "expected the transaction to commit");
    stm_tvar_release(wish.wanted);
    stm_tvar_release(wish.other);
}
END_TEST

/* In an or_else the retry in the past undoes the branch, no more. */
static enum stm_status take_other(struct stm_tx *tx, void *argument)
{
    struct wish *wish = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, wish->wanted, &value));
    EXPECT(value == 0, "expected the branch's write to be undone");
    return stm_tvar_set(tx, wish->other, 2);
}

static enum stm_status wish_or_else_body(struct stm_tx *tx, void *argument)
{
    const struct stm_branch branches[] = {{wish_body, argument},
                                          {take_other, argument}};

    return stm_or_else(tx, branches, 2);
}

START_TEST(a_retry_in_the_past_undoes_its_branch)
{
    struct wish wish = {word_var(0), word_var(0)};

    EXPECT_STATUS(STM_OK, stm_atomically(wish_or_else_body, &wish));
    EXPECT(peek(wish.other) == 2,
           "expected the second branch to commit, got "
           "%zu",
           (size_t)peek(wish.other));
    stm_tvar_release(wish.wanted);
    stm_tvar_release(wish.other);
}
END_TEST

/* A watcher that learns by how much a variable has changed. */
struct difference {
    struct stm_tvar *var;
    struct stm_tvar *sum;
};

static enum stm_status get_var(struct stm_tx *tx, void *argument)
{
    struct look *look = argument;

    return stm_tvar_get(tx, look->vars[0], &look->first);
}

static enum stm_status watch_difference(struct stm_tx *tx, stm_value argument,
                                        stm_value *result)
{
    struct difference *difference = (struct difference *)argument;
    struct look before = {&difference->var, 1, 0, 0};
    stm_value now;

    STM_TRY(stm_tvar_get(tx, difference->var, &now));
    STM_TRY(stm_previously(tx, get_var, &before, STM_OUTERMOST));
    *result = now - before.first;
    return STM_OK;
}

static enum stm_status add_difference(struct stm_tx *tx, stm_value argument,
                                      stm_value result)
{
    struct difference *difference = (struct difference *)argument;
    stm_value sum;

    STM_TRY(stm_tvar_get(tx, difference->sum, &sum));
    return stm_tvar_set(tx, difference->sum, sum + result);
}

static enum stm_status watch_body(struct stm_tx *tx, void *argument)
{
    const struct stm_watch watch = {.function = watch_difference,
                                    .callback = add_difference,
                                    .argument = (stm_value)argument};

    return stm_watch(tx, &watch, NULL);
}

START_TEST(F_a_watcher_sees_the_state_before_the_transaction)
{
    struct difference difference = {word_var(3), word_var(0)};

    EXPECT_STATUS(STM_OK, stm_atomically(watch_body, &difference));
    poke(difference.var, 10);
    poke(difference.var, 4);
    poke(difference.var, 44);
    EXPECT(peek(difference.sum) == 41, "expected a change by 41, got %zu",
           (size_t)peek(difference.sum));
    stm_tvar_release(difference.var);
    stm_tvar_release(difference.sum);
}
END_TEST

static enum stm_status wrong_point_body(struct stm_tx *tx, void *argument)
{
    EXPECT_STATUS(STM_EMISUSE,
                  stm_previously(tx, get_var, argument, (enum stm_point)7));
    return STM_OK;
}

START_TEST(an_unknown_point_is_refused)
{
    EXPECT_STATUS(STM_OK, stm_atomically(wrong_point_body, NULL));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("previously");

    tcase_add_test(tests, each_point_has_its_own_past);
    tcase_add_test(tests, what_the_body_writes_is_undone);
    tcase_add_test(tests, the_body_may_write_more_than_the_transaction);
    tcase_add_test(tests, what_nested_transactions_wrote_is_put_back);
    tcase_add_test(tests, H_values_are_released_once);
    tcase_add_test(tests, a_container_is_seen_as_it_was);
    tcase_add_test(tests, C_a_retry_in_the_past_is_woken);
    tcase_add_test(tests, a_retry_in_the_past_undoes_its_branch);
    tcase_add_test(tests, F_a_watcher_sees_the_state_before_the_transaction);
    tcase_add_test(tests, an_unknown_point_is_refused);
    return run_suite("test_previously", tests);
}
