/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Of the calls that wait for one variable without a thread a change wakes one,
 * who looks after the others whatever becomes of it.  The service thread, which
 * would come to their help, is kept from it, so that a lost wake-up shows as a
 * test that never ends. */
#include "faults.h"
#include "sleeper.h"
#include "taker.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 500 };

struct many {
    struct stm_tvar *var;
    AO_t told;
    size_t stepped;
    struct taker takers[MANY];
};

static void many_init(struct many *many, bool leave)
{
    gate_close();
    memset(many, 0, sizeof *many);
    many->var = word_var(0);
    for (size_t i = 0; i < MANY; i++) {
        many->takers[i] = taker_of(many->var);
        many->takers[i].leaves = leave;
        many->takers[i].total = &many->told;
        taker_block(&many->takers[i]);
    }
}

static void many_fini(struct many *many)
{
    for (size_t i = 0; i < MANY; i++)
        stm_call_free(many->takers[i].call);
    stm_tvar_release(many->var);
    gate_open();
}

/* Frees the call, or steps it to its end, where that has been woken; returns
 * whether there was one. */
static bool step_those_told(struct many *many, bool free_them)
{
    bool any = false;

    for (size_t i = 0; i < MANY; i++) {
        struct taker *taker = &many->takers[i];

        if (taker->call == NULL || AO_load(&taker->told) == 0)
            continue;
        if (!free_them)
            EXPECT_STATUS(STM_OK, stm_call_step(taker->call));
        stm_call_free(taker->call);
        taker->call = NULL;
        many->stepped++;
        any = true;
    }
    return any;
}

START_TEST(C_a_change_that_concerns_all_reaches_them_in_few_rounds)
{
    struct many *many = malloc(sizeof *many);
    size_t rounds = 0;

    many_init(many, true);
    poke(many->var, 1);
    EXPECT(AO_load(&many->told) == 1, "expected one to be woken at first");
    while (step_those_told(many, false))
        rounds++;
    EXPECT(many->stepped == MANY, "expected all to be woken, %zu were",
           many->stepped);
    EXPECT(rounds <= 10, "expected at most 10 rounds, counted %zu", rounds);
    many_fini(many);
    free(many);
}
END_TEST

/* Shake mode makes an attempt fail, which passes it on before it takes the
 * item: then others find none. */
static void step_takers(struct many *many)
{
    bool any;

    do {
        any = false;
        for (size_t i = 0; i < MANY; i++) {
            struct taker *taker = &many->takers[i];
            enum stm_status status;

            if (AO_load(&taker->told) == 0)
                continue;
            AO_store(&taker->told, 0);
            status = stm_call_step(taker->call);
            EXPECT(status == STM_OK || (status == STM_BLOCKED && shaken()),
                   "expected it to take the item, got %d", status);
            any = true;
        }
    } while (any);
}

START_TEST(D_an_item_wakes_one_of_those_who_want_it)
{
    struct many *many = malloc(sizeof *many);
    struct stm_stats before, stats;

    many_init(many, false);
    stm_stats_read(&before);
    for (size_t i = 1; i <= MANY; i++) {
        poke(many->var, 1);
        EXPECT(AO_load(&many->told) == i || shaken(),
               "expected %zu to be woken, %zu were", i,
               (size_t)AO_load(&many->told));
        step_takers(many);
        EXPECT(peek(many->var) == 0, "expected the item to be taken");
    }
    stats = stats_since(&before);
    EXPECT((stats.wakeups == MANY && stats.spurious == 0) || shaken(),
           "expected %d wake-ups and none in vain, counted %zu, %zu in vain",
           MANY, (size_t)stats.wakeups, (size_t)stats.spurious);
    many_fini(many);
    free(many);
}
END_TEST

START_TEST(C_one_that_is_withdrawn_passes_it_on)
{
    struct many *many = malloc(sizeof *many);

    many_init(many, true);
    poke(many->var, 1);
    while (step_those_told(many, true))
        ;
    EXPECT(many->stepped == MANY, "expected all to be woken, %zu were",
           many->stepped);
    many_fini(many);
    free(many);
}
END_TEST

static void freeing_thread(size_t index, void *many)
{
    (void)index;
    (void)step_those_told(many, true);
}

START_TEST(C_one_withdrawn_by_a_thread_without_transactions_passes_it_on)
{
    struct many *many = malloc(sizeof *many);

    many_init(many, true);
    poke(many->var, 1);
    while (many->stepped < MANY)
        crew_run(1, freeing_thread, many);
    many_fini(many);
    free(many);
}
END_TEST

static enum stm_status free_inside_body(struct stm_tx *tx, void *many)
{
    (void)step_those_told(many, true);
    return stm_tx_status(tx);
}

START_TEST(C_one_withdrawn_inside_a_transaction_passes_it_on)
{
    struct many *many = malloc(sizeof *many);

    many_init(many, true);
    poke(many->var, 1);
    while (many->stepped < MANY)
        EXPECT_STATUS(STM_OK, stm_atomically(free_inside_body, many));
    many_fini(many);
    free(many);
}
END_TEST

/* Here the service thread helps. */
START_TEST(C_one_that_is_not_stepped_keeps_nobody_asleep_for_long)
{
    struct many *many = malloc(sizeof *many);

    many_init(many, true);
    gate_open();
    poke(many->var, 1);
    await_count(&many->told, MANY);
    many_fini(many);
    free(many);
}
END_TEST

static enum stm_status await_change(struct stm_tx *tx, void *var)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, var, &value));
    return value ? STM_OK : stm_retry(tx);
}

static void sleeping_thread(size_t index, void *var)
{
    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(await_change, var));
}

START_TEST(C_calls_and_threads_pass_it_on_to_each_other)
{
    struct many *many = malloc(sizeof *many);
    struct crew *crew;

    many_init(many, true);
    crew = crew_start(5, sleeping_thread, many->var);
    crew_await_sleep(crew);
    poke(many->var, 1);
    while (many->stepped < MANY) {
        (void)step_those_told(many, many->stepped % 2);
        sched_yield();
    }
    crew_join(crew);
    many_fini(many);
    free(many);
}
END_TEST

/* ---- out of memory ---- */

/* Who is to pass it on finds no room to remember that, or cannot begin an
 * attempt. */
struct shortage {
    struct many *many;
    size_t allocations; /* that succeed */
};

static void stepping_thread(size_t index, void *context)
{
    struct shortage *shortage = context;
    struct many *many = shortage->many;

    (void)index;
    faults_arm(shortage->allocations, true);
    for (size_t i = 0; i < MANY; i++) {
        enum stm_status status;

        if (AO_load(&many->takers[i].told) == 0)
            continue;
        status = stm_call_step(many->takers[i].call);
        EXPECT(status == STM_OK || (status == STM_ENOMEM && faults.failed),
               "expected OK or ENOMEM, got %d", status);
    }
    faults.armed = false;
}

START_TEST(I_one_without_memory_passes_it_on)
{
    struct many *many = malloc(sizeof *many);
    struct shortage shortage = {.many = many};

    many_init(many, true);
    poke_elsewhere(many->var, 1);
    for (size_t i = 0; i < 100 && AO_load(&many->told) < MANY; i++) {
        shortage.allocations = i % 7;
        crew_run(1, stepping_thread, &shortage);
    }
    EXPECT(AO_load(&many->told) == MANY, "expected all to be woken, %zu were",
           (size_t)AO_load(&many->told));
    many_fini(many);
    free(many);
}
END_TEST

/* ---- event loops ---- */

enum { LOOPS = 2, CALLS = 20, SOURCES = 2 };

/* What a loop's calls have noted: a stack. */
struct loop_call {
    struct taker taker;
    struct loop *loop;
    struct loop_call *next;
};

struct loop {
    AO_t woken; /* struct loop_call * */
    struct loop_call calls[CALLS];
};

struct market {
    struct stm_tvar *vars[SOURCES];
    size_t items;
    AO_t taken;
    struct loop loops[LOOPS];
};

static void push(void *context)
{
    struct loop_call *call = context;
    AO_t head;

    do {
        head = AO_load(&call->loop->woken);
        call->next = (struct loop_call *)head;
    } while (!AO_compare_and_swap_full(&call->loop->woken, head, (AO_t)call));
}

static struct loop_call *pop_all(struct loop *loop)
{
    AO_t head;

    do
        head = AO_load(&loop->woken);
    while (!AO_compare_and_swap_full(&loop->woken, head, 0));
    return (struct loop_call *)head;
}

/* Blocks the call again, or for the first time. */
static void run_call(struct market *market, struct loop_call *call)
{
    enum stm_status status;

    while ((status = stm_call_step(call->taker.call)) == STM_OK)
        AO_fetch_and_add1_full(&market->taken);
    EXPECT_STATUS(STM_BLOCKED, status);
}

static void start_call(struct market *market, struct loop *loop, size_t i)
{
    struct loop_call *call = &loop->calls[i];

    call->loop = loop;
    call->taker = (struct taker){.var = market->vars[i % SOURCES], .least = 1};
    call->taker.call = stm_call_new(take_body, &call->taker);
    EXPECT_STATUS(STM_OK, stm_call_on_wake(call->taker.call, push, call));
    run_call(market, call);
}

/* Some of those woken are withdrawn and begin anew. */
static void loop_thread(size_t index, void *context)
{
    struct market *market = context;
    struct loop *loop = &market->loops[index];
    struct generator generator;

    generator_init(&generator, index);
    for (size_t i = 0; i < CALLS; i++)
        start_call(market, loop, i);
    while (AO_load(&market->taken) < market->items * SOURCES) {
        struct loop_call *call = pop_all(loop), *next;

        for (; call != NULL; call = next) {
            next = call->next;
            if (generator_below(&generator, 4) == 0) {
                stm_call_free(call->taker.call);
                start_call(market, loop, (size_t)(call - loop->calls));
            } else {
                run_call(market, call);
            }
        }
        sched_yield();
    }
    for (size_t i = 0; i < CALLS; i++)
        stm_call_free(loop->calls[i].taker.call);
}

static enum stm_status put_body(struct stm_tx *tx, void *var)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, var, &value));
    return value ? stm_retry(tx) : stm_tvar_set(tx, var, 1);
}

static void market_thread(size_t index, void *context)
{
    struct market *market = context;

    if (index < LOOPS) {
        loop_thread(index, context);
        return;
    }
    for (size_t i = 0; i < market->items; i++)
        EXPECT_STATUS(STM_OK,
                      stm_atomically(put_body, market->vars[index - LOOPS]));
}

START_TEST(C_nobody_is_lost_among_loops_that_withdraw_some)
{
    struct market *market = calloc(1, sizeof *market);

    gate_close();
    market->items = workload(3000);
    for (size_t i = 0; i < SOURCES; i++)
        market->vars[i] = word_var(0);
    crew_run(LOOPS + SOURCES, market_thread, market);
    EXPECT(AO_load(&market->taken) == market->items * SOURCES,
           "expected each item to be taken once");
    for (size_t i = 0; i < SOURCES; i++)
        stm_tvar_release(market->vars[i]);
    gate_open();
    free(market);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("call wake many");

    tcase_add_test(tests,
                   C_a_change_that_concerns_all_reaches_them_in_few_rounds);
    tcase_add_test(tests, D_an_item_wakes_one_of_those_who_want_it);
    tcase_add_test(tests, C_one_that_is_withdrawn_passes_it_on);
    tcase_add_test(
        tests, C_one_withdrawn_by_a_thread_without_transactions_passes_it_on);
    tcase_add_test(tests, C_one_withdrawn_inside_a_transaction_passes_it_on);
    tcase_add_test(tests,
                   C_one_that_is_not_stepped_keeps_nobody_asleep_for_long);
    tcase_add_test(tests, C_calls_and_threads_pass_it_on_to_each_other);
    tcase_add_test(tests, I_one_without_memory_passes_it_on);
    tcase_add_test(tests, C_nobody_is_lost_among_loops_that_withdraw_some);
    return run_suite("call wake many", tests);
}
