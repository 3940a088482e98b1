/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Weak references: to one attempt the referent lives or is dead; what keeps it
 * alive, and what a death wakes. */
#include "mortal.h"
#include "sleeper.h"

#include <string.h>

START_TEST(a_referent_is_got_until_it_is_dead)
{
    struct weakling weak = {.mortal = mortal_new()};

    weakling_make(&weak);
    EXPECT(weakling_is_alive(&weak), "expected the referent");
    EXPECT(mortal_references(weak.mortal) == 1,
           "expected no reference to be left, got %zu",
           mortal_references(weak.mortal));
    mortal_drop(weak.mortal);
    EXPECT(!weakling_is_alive(&weak), "expected none");
    EXPECT(!weakling_is_alive(&weak), "expected none for ever");
    stm_tweakref_retain(weak.ref);
    stm_tweakref_release(weak.ref);
    EXPECT(!weakling_is_alive(&weak), "expected the reference to be there");
    weakling_forget(&weak);
    await_no_mortals();
}
END_TEST

/* ---- while an attempt runs ---- */

static void drop_on_thread(size_t index, void *mortal)
{
    (void)index;
    mortal_drop(mortal);
}

static enum stm_status get_and_drop_body(struct stm_tx *tx, void *argument)
{
    struct weakling *weak = argument;
    bool alive;

    STM_TRY(weakling_alive(tx, weak, &alive));
    if (!alive) /* an attempt that runs again */
        return STM_OK;
    crew_run(1, drop_on_thread, weak->mortal);
    STM_TRY(weakling_alive(tx, weak, &alive));
    EXPECT(alive, "expected it to live to the attempt's end");
    return STM_OK;
}

START_TEST(what_an_attempt_has_found_alive_lives_to_its_end)
{
    struct weakling weak = {.mortal = mortal_new()};

    weakling_make(&weak);
    EXPECT_STATUS(STM_OK, stm_atomically(get_and_drop_body, &weak));
    EXPECT(mortals_alive() == 0, "expected it to die with the attempt");
    EXPECT(!weakling_is_alive(&weak), "expected it to be dead now");
    weakling_forget(&weak);
    await_no_mortals();
}
END_TEST

static enum stm_status get_and_abort_body(struct stm_tx *tx, void *argument)
{
    bool alive;

    STM_TRY(weakling_alive(tx, argument, &alive));
    return STM_EABORT;
}

static enum stm_status nested_get_body(struct stm_tx *tx, void *argument)
{
    struct weakling *weak = argument;
    enum stm_status status = stm_atomically(get_and_abort_body, weak);
    bool drops = mortal_references(weak->mortal) > 1;
    bool alive;

    if (status != STM_EABORT)
        return status;
    if (drops)
        crew_run(1, drop_on_thread, weak->mortal);
    STM_TRY(weakling_alive(tx, weak, &alive));
    EXPECT(alive || !drops, "expected it to live to the attempt's end");
    return STM_OK;
}

START_TEST(what_an_undone_nested_transaction_has_got_lives_as_long)
{
    struct weakling weak = {.mortal = mortal_new()};

    weakling_make(&weak);
    EXPECT_STATUS(STM_OK, stm_atomically(nested_get_body, &weak));
    EXPECT(mortals_alive() == 0, "expected it to die with the attempt");
    weakling_forget(&weak);
    await_no_mortals();
}
END_TEST

static enum stm_status get_often_body(struct stm_tx *tx, void *argument)
{
    struct weakling *weak = argument;

    for (int i = 0; i < 1000; i++) {
        bool alive;

        STM_TRY(weakling_alive(tx, weak, &alive));
    }
    EXPECT(mortal_references(weak->mortal) == 2,
           "expected one reference of the attempt's, got %zu",
           mortal_references(weak->mortal) - 1);
    return STM_OK;
}

START_TEST(an_attempt_that_asks_often_holds_one_reference)
{
    struct weakling weak = {.mortal = mortal_new()};

    weakling_make(&weak);
    EXPECT_STATUS(STM_OK, stm_atomically(get_often_body, &weak));
    mortal_drop(weak.mortal);
    weakling_forget(&weak);
    await_no_mortals();
}
END_TEST

/* ---- making ---- */

static enum stm_status make_new_body(struct stm_tx *tx, void *argument)
{
    struct weakling *weak = argument;
    bool alive;

    weak->mortal = mortal_new();
    STM_TRY(weakling_make_body(tx, weak));
    mortal_drop(weak->mortal);
    STM_TRY(weakling_alive(tx, weak, &alive));
    EXPECT(alive, "expected the transaction to keep the referent");
    return STM_OK;
}

START_TEST(the_transaction_that_makes_it_keeps_the_referent)
{
    struct weakling weak = {0};

    EXPECT_STATUS(STM_OK, stm_atomically(make_new_body, &weak));
    EXPECT(mortals_alive() == 0, "expected it to die with the transaction");
    EXPECT(!weakling_is_alive(&weak), "expected it to be dead now");
    weakling_forget(&weak);
    await_no_mortals();
}
END_TEST

static enum stm_status make_and_abort_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(weakling_make_body(tx, argument));
    return STM_EABORT;
}

START_TEST(one_of_a_transaction_that_aborts_is_let_go)
{
    struct weakling weak = {.mortal = mortal_new(),
                            .argument = counted_new(1),
                            .argument_type = &counted_type};

    EXPECT_STATUS(STM_EABORT, stm_atomically(make_and_abort_body, &weak));
    weakling_forget(&weak);
    counted_drop(weak.argument);
    EXPECT(counted_live() == 0, "expected its argument to be let go");
    mortal_drop(weak.mortal);
    EXPECT(mortal_blocks() == 0 && live_threads() == 1,
           "expected nothing to be left");
}
END_TEST

static enum stm_status make_wrong_body(struct stm_tx *tx, void *argument)
{
    struct stm_weak nothing = {0};
    struct stm_tweakref *ref;

    (void)argument;
    EXPECT_STATUS(STM_EMISUSE, stm_tweakref_new(tx, NULL, &ref));
    EXPECT_STATUS(STM_EMISUSE, stm_tweakref_new(tx, &nothing, &ref));
    return STM_OK;
}

START_TEST(one_to_the_dead_or_without_a_type_is_misuse)
{
    struct weakling weak = {.mortal = mortal_new()}, late = weak;

    weakling_make(&weak);
    mortal_drop(weak.mortal);
    EXPECT_STATUS(STM_EMISUSE, stm_atomically(weakling_make_body, &late));
    EXPECT(strstr(stm_error_message(), "dead") != NULL,
           "expected a message that it is dead, got: %s", stm_error_message());
    EXPECT_STATUS(STM_OK, stm_atomically(make_wrong_body, NULL));
    weakling_forget(&weak);
    await_no_mortals();
}
END_TEST

/* ---- waiting for a death ---- */

static enum stm_status await_death_body(struct stm_tx *tx, void *argument)
{
    bool alive;

    STM_TRY(weakling_alive(tx, argument, &alive));
    return alive ? stm_retry(tx) : STM_OK;
}

static enum stm_status always_retries(struct stm_tx *tx, void *argument)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, argument, &value));
    return stm_retry(tx);
}

struct choice {
    struct weakling *weak;
    struct stm_tvar *other;
};

static enum stm_status nested_await_body(struct stm_tx *tx, void *argument)
{
    (void)tx;
    return stm_atomically(await_death_body, argument);
}

static enum stm_status choice_body(struct stm_tx *tx, void *argument)
{
    struct choice *choice = argument;
    struct stm_branch branches[] = {{nested_await_body, choice->weak},
                                    {always_retries, choice->other}};

    return stm_or_else(tx, branches, 2);
}

static void await_death(size_t index, void *weak)
{
    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(await_death_body, weak));
}

static void await_choice(size_t index, void *choice)
{
    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(choice_body, choice));
}

START_TEST(one_that_waits_keeps_nothing_alive_and_is_woken)
{
    struct weakling weak = {.mortal = mortal_new()};
    struct crew *crew;

    weakling_make(&weak);
    crew = crew_start(3, await_death, &weak);
    crew_await_sleep(crew);
    EXPECT(mortal_references(weak.mortal) == 1,
           "expected those who wait to hold no reference");
    mortal_drop(weak.mortal);
    crew_join(crew);
    weakling_forget(&weak);
    await_no_mortals();
}
END_TEST

START_TEST(one_that_waits_for_it_in_a_branch_is_woken)
{
    struct weakling weak = {.mortal = mortal_new()};
    struct choice choice = {&weak, word_var(0)};
    struct crew *crew;

    weakling_make(&weak);
    crew = crew_start(1, await_choice, &choice);
    crew_await_sleep(crew);
    mortal_drop(weak.mortal);
    crew_join(crew);
    stm_tvar_release(choice.other);
    weakling_forget(&weak);
    await_no_mortals();
}
END_TEST

/* Whoever finds it dead sees what was written before that. */
struct last_words {
    struct weakling weak;
    struct stm_tvar *written;
};

static enum stm_status read_in_order_body(struct stm_tx *tx, void *argument)
{
    struct last_words *words = argument;
    stm_value written;
    bool alive;

    STM_TRY(stm_tvar_get(tx, words->written, &written));
    STM_TRY(weakling_alive(tx, &words->weak, &alive));
    EXPECT(alive || written == 1,
           "expected one who finds it dead to see what was written before");
    return alive ? stm_tvar_set(tx, words->written, written) : STM_OK;
}

static void speak_and_die(size_t index, void *argument)
{
    struct last_words *words = argument;

    if (index == 0) {
        poke(words->written, 1);
        mortal_drop(words->weak.mortal);
        return;
    }
    for (size_t i = 0; i < 20; i++)
        EXPECT_STATUS(STM_OK, stm_atomically(read_in_order_body, words));
}

START_TEST(A_one_who_finds_it_dead_sees_all_that_was_before)
{
    for (size_t i = 0; i < workload(1000); i++) {
        struct last_words words = {.weak = {.mortal = mortal_new()},
                                   .written = word_var(0)};

        weakling_make(&words.weak);
        crew_run(3, speak_and_die, &words);
        weakling_forget(&words.weak);
        stm_tvar_release(words.written);
    }
    await_no_mortals();
}
END_TEST

static enum stm_status read_across_body(struct stm_tx *tx, void *argument)
{
    struct last_words *words = argument;
    stm_value written;
    bool alive;

    STM_TRY(stm_tvar_get(tx, words->written, &written));
    if (written == 0) {
        poke_elsewhere(words->written, 1);
        crew_run(1, drop_on_thread, words->weak.mortal);
    }
    STM_TRY(weakling_alive(tx, &words->weak, &alive));
    EXPECT(!alive && written == 1,
           "expected one who finds it dead to see what was written before");
    return STM_OK;
}

START_TEST(A_one_who_has_read_before_the_death_runs_again)
{
    struct last_words words = {.weak = {.mortal = mortal_new()},
                               .written = word_var(0)};

    gate_close(); /* the death is not committed meanwhile */
    weakling_make(&words.weak);
    EXPECT_STATUS(STM_OK, stm_atomically(read_across_body, &words));
    gate_open();
    weakling_forget(&words.weak);
    await_no_mortals();
    stm_tvar_release(words.written);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("weak references");

    tcase_add_test(tests, a_referent_is_got_until_it_is_dead);
    tcase_add_test(tests, what_an_attempt_has_found_alive_lives_to_its_end);
    tcase_add_test(tests,
                   what_an_undone_nested_transaction_has_got_lives_as_long);
    tcase_add_test(tests, an_attempt_that_asks_often_holds_one_reference);
    tcase_add_test(tests, the_transaction_that_makes_it_keeps_the_referent);
    tcase_add_test(tests, one_of_a_transaction_that_aborts_is_let_go);
    tcase_add_test(tests, one_to_the_dead_or_without_a_type_is_misuse);
    tcase_add_test(tests, one_that_waits_keeps_nothing_alive_and_is_woken);
    tcase_add_test(tests, one_that_waits_for_it_in_a_branch_is_woken);
    tcase_add_test(tests, A_one_who_finds_it_dead_sees_all_that_was_before);
    tcase_add_test(tests, A_one_who_has_read_before_the_death_runs_again);
    return run_suite("tweakref", tests);
}
