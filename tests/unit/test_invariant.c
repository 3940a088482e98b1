/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Invariants: what must hold at the end of every transaction. */
#include "support.h"

#include <string.h>

struct account {
    struct stm_tvar *left, *right; /* must add up to `sum` */
    stm_value sum;
    struct stm_watcher *handle;
};

static AO_t checks;

static enum stm_status adds_up(struct stm_tx *tx, stm_value argument, bool *out)
{
    const struct account *account = (const struct account *)argument;
    stm_value left, right;

    AO_fetch_and_add1_full(&checks);
    STM_TRY(stm_tvar_get(tx, account->left, &left));
    STM_TRY(stm_tvar_get(tx, account->right, &right));
    *out = left + right == account->sum;
    return STM_OK;
}

static enum stm_status install_body(struct stm_tx *tx, void *argument)
{
    struct account *account = argument;
    const struct stm_invariant invariant = {
        .holds = adds_up, .argument = (stm_value)argument, .name = "the sum"};

    stm_watcher_release(account->handle);
    account->handle = NULL;
    return stm_invariant(tx, &invariant, &account->handle);
}

static enum stm_status move_body(struct stm_tx *tx, void *argument)
{
    struct account *account = argument;
    stm_value left, right;

    STM_TRY(stm_tvar_get(tx, account->left, &left));
    STM_TRY(stm_tvar_set(tx, account->left, left - 1));
    STM_TRY(stm_tvar_get(tx, account->right, &right));
    return stm_tvar_set(tx, account->right, right + 1);
}

static enum stm_status spend_body(struct stm_tx *tx, void *argument)
{
    struct account *account = argument;

    return stm_tvar_set(tx, account->left, 0);
}

static struct account new_account(void)
{
    return (struct account){word_var(60), word_var(40), 100, NULL};
}

static void free_account(struct account *account)
{
    stm_watcher_release(account->handle);
    stm_tvar_release(account->left);
    stm_tvar_release(account->right);
}

static void expect_named(void)
{
    EXPECT(strstr(stm_error_message(), "the sum") != NULL,
           "expected a message that names the invariant, got: %s",
           stm_error_message());
}

START_TEST(B_what_breaks_an_invariant_does_not_commit)
{
    struct account account = new_account();

    EXPECT_STATUS(STM_OK, stm_atomically(install_body, &account));
    EXPECT_STATUS(STM_OK, stm_atomically(move_body, &account));
    EXPECT_STATUS(STM_EINVARIANT, stm_atomically(spend_body, &account));
    expect_named();
    EXPECT(peek(account.left) == 59, "expected 59 to stay, got %zu",
           (size_t)peek(account.left));
    EXPECT_STATUS(STM_OK, stm_atomically(move_body, &account));
    free_account(&account);
}
END_TEST

START_TEST(one_that_does_not_hold_now_is_refused)
{
    struct account account = new_account();

    account.sum = 7;
    EXPECT_STATUS(STM_EINVARIANT, stm_atomically(install_body, &account));
    expect_named();
    EXPECT_STATUS(STM_OK, stm_atomically(spend_body, &account));
    free_account(&account);
}
END_TEST

static enum stm_status spend_and_install_body(struct stm_tx *tx, void *argument)
{
    EXPECT_STATUS(STM_OK, stm_tx_status(tx));
    STM_TRY(install_body(tx, argument));
    STM_TRY(spend_body(tx, argument));
    return STM_OK;
}

START_TEST(it_is_checked_at_the_end_of_its_own_transaction)
{
    struct account account = new_account();

    EXPECT_STATUS(STM_EINVARIANT,
                  stm_atomically(spend_and_install_body, &account));
    EXPECT_STATUS(STM_OK, stm_atomically(spend_body, &account));
    free_account(&account);
}
END_TEST

static enum stm_status cancel_body(struct stm_tx *tx, void *argument)
{
    return stm_watcher_cancel(tx, ((struct account *)argument)->handle);
}

START_TEST(a_cancelled_one_need_not_hold)
{
    struct account account = new_account();

    EXPECT_STATUS(STM_OK, stm_atomically(install_body, &account));
    EXPECT_STATUS(STM_OK, stm_atomically(cancel_body, &account));
    EXPECT_STATUS(STM_OK, stm_atomically(spend_body, &account));
    free_account(&account);
}
END_TEST

START_TEST(it_is_checked_only_where_what_it_read_is_written)
{
    struct account account = new_account();
    struct stm_tvar *other = word_var(0);
    size_t before;

    EXPECT_STATUS(STM_OK, stm_atomically(install_body, &account));
    before = AO_load(&checks);
    poke(other, 1);
    EXPECT(AO_load(&checks) == before, "expected no check");
    stm_tvar_release(other);
    free_account(&account);
}
END_TEST

/* An invariant whose argument is a counted object. */
static struct stm_tvar *bounded;

static enum stm_status below_object(struct stm_tx *tx, stm_value argument,
                                    bool *out)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, bounded, &value));
    *out = value < counted_number(argument);
    return STM_OK;
}

static enum stm_status bound_body(struct stm_tx *tx, void *argument)
{
    const struct stm_invariant invariant = {.holds = below_object,
                                            .argument = *(stm_value *)argument,
                                            .argument_type = &counted_type};

    return stm_invariant(tx, &invariant, NULL);
}

static enum stm_status five_body(struct stm_tx *tx, void *argument)
{
    return stm_tvar_set(tx, argument, 5);
}

START_TEST(H_its_argument_goes_with_what_it_watches)
{
    stm_value object = counted_new(5);

    bounded = word_var(0);
    EXPECT_STATUS(STM_OK, stm_atomically(bound_body, &object));
    counted_drop(object);
    EXPECT(counted_live() == 1, "expected the argument to live");
    poke(bounded, 4);
    EXPECT_STATUS(STM_EINVARIANT, stm_atomically(five_body, bounded));
    stm_tvar_release(bounded);
    EXPECT(counted_live() == 0, "expected the argument to be freed");
}
END_TEST

START_TEST(a_collector_sees_its_argument)
{
    stm_value object = counted_new(5);
    size_t visits = 0;

    bounded = word_var(0);
    EXPECT_STATUS(STM_OK, stm_atomically(bound_body, &object));
    EXPECT(stm_tvar_traverse(bounded, visit_count, &visits) == 0 && visits == 1,
           "expected the argument to be visited once, got %zu", visits);
    counted_drop(object);
    stm_tvar_release(bounded);
}
END_TEST

static void moving_thread(size_t index, void *context)
{
    struct account *account = context;

    for (size_t i = 0; i < workload(2000); i++) {
        if ((i + index) % 5)
            EXPECT_STATUS(STM_OK, stm_atomically(move_body, account));
        else
            EXPECT_STATUS(STM_EINVARIANT, stm_atomically(spend_body, account));
    }
}

START_TEST(F_it_holds_whatever_the_threads_do)
{
    struct account account = new_account();

    poke(account.left, 1000000); /* so that spending always breaks it */
    poke(account.right, 0);
    account.sum = 1000000;
    EXPECT_STATUS(STM_OK, stm_atomically(install_body, &account));
    crew_run(4, moving_thread, &account);
    EXPECT(peek(account.left) + peek(account.right) == account.sum,
           "expected the sum to be kept");
    free_account(&account);
}
END_TEST

static enum stm_status nothing_body(struct stm_tx *tx, void *argument)
{
    (void)argument;
    EXPECT_STATUS(STM_EMISUSE, stm_invariant(tx, NULL, NULL));
    return STM_OK;
}

START_TEST(no_function_is_refused)
{
    EXPECT_STATUS(STM_OK, stm_atomically(nothing_body, NULL));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("invariant");

    tcase_add_test(tests, B_what_breaks_an_invariant_does_not_commit);
    tcase_add_test(tests, one_that_does_not_hold_now_is_refused);
    tcase_add_test(tests, it_is_checked_at_the_end_of_its_own_transaction);
    tcase_add_test(tests, a_cancelled_one_need_not_hold);
    tcase_add_test(tests, it_is_checked_only_where_what_it_read_is_written);
    tcase_add_test(tests, H_its_argument_goes_with_what_it_watches);
    tcase_add_test(tests, a_collector_sees_its_argument);
    tcase_add_test(tests, F_it_holds_whatever_the_threads_do);
    tcase_add_test(tests, no_function_is_refused);
    return run_suite("test_invariant", tests);
}
