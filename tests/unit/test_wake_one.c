/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Of those who sleep at one variable a change wakes one, who looks after the
 * others whatever becomes of it.  The service thread, which would come to
 * their help, is kept from it, so that a lost wake-up shows as a test that
 * never ends. */
#include "child.h"
#include "sleeper.h"

#include <pthread.h>
#include <unistd.h>

enum { OTHERS = 7 };

/* A first thread, which has slept longest, and so is woken first, and others,
 * which want the variable to be 1 at least. */
struct dormitory {
    struct stm_tvar *var;             /* a word */
    stm_body *body;                   /* the first one's */
    const struct stm_blocking *hooks; /* likewise; NULL: none */
    enum stm_status result;           /* likewise */
    struct crew *first, *others;
    AO_t woken; /* bodies of the others that have found what they want */
    AO_t go;    /* what the first one waits for by other means */
    pid_t child;
};

static enum stm_status want_one(struct stm_tx *tx, void *argument)
{
    struct dormitory *dormitory = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, dormitory->var, &value));
    if (value < 1)
        return stm_retry(tx);
    AO_fetch_and_add1_full(&dormitory->woken);
    return STM_OK;
}

static void other_thread(size_t index, void *context)
{
    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(want_one, context));
}

static void first_thread(size_t index, void *context)
{
    struct dormitory *dormitory = context;

    (void)index;
    (void)stm_set_blocking(dormitory->hooks);
    dormitory->result = stm_atomically(dormitory->body, dormitory);
}

/* Returns when all are asleep. */
static void fill(struct dormitory *dormitory, stm_body *body,
                 const struct stm_blocking *hooks)
{
    gate_close();
    *dormitory =
        (struct dormitory){.var = word_var(0), .body = body, .hooks = hooks};
    dormitory->first = crew_start(1, first_thread, dormitory);
    crew_await_sleep(dormitory->first);
    dormitory->others = crew_start(OTHERS, other_thread, dormitory);
    crew_await_sleep(dormitory->others);
}

/* When the others have ended. */
static void clear(struct dormitory *dormitory)
{
    crew_join(dormitory->first);
    stm_tvar_release(dormitory->var);
    gate_open();
}

/* ---- what becomes of the one who was woken ---- */

static enum stm_status want_two(struct stm_tx *tx, void *argument)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, ((struct dormitory *)argument)->var, &value));
    return value < 2 ? stm_retry(tx) : STM_OK;
}

START_TEST(C_one_who_blocks_again_passes_it_on)
{
    struct dormitory dormitory;

    fill(&dormitory, want_two, NULL);
    poke(dormitory.var, 1);
    crew_join(dormitory.others);
    poke(dormitory.var, 2);
    clear(&dormitory);
    EXPECT_STATUS(STM_OK, dormitory.result);
}
END_TEST

static enum stm_status fail_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(want_one(tx, argument));
    return STM_EUSER - 1;
}

START_TEST(C_one_who_fails_passes_it_on)
{
    struct dormitory dormitory;

    fill(&dormitory, fail_body, NULL);
    poke(dormitory.var, 1);
    crew_join(dormitory.others);
    clear(&dormitory);
    EXPECT_STATUS(STM_EUSER - 1, dormitory.result);
}
END_TEST

static enum stm_status exit_thread(struct stm_tx *tx, void *argument)
{
    STM_TRY(want_one(tx, argument));
    pthread_exit(NULL);
}

START_TEST(C_one_whose_thread_ends_in_the_body_passes_it_on)
{
    struct dormitory dormitory;

    fill(&dormitory, exit_thread, NULL);
    poke(dormitory.var, 1);
    crew_join(dormitory.others);
    clear(&dormitory);
}
END_TEST

static void do_nothing(void *context) { (void)context; }

static void leave_for_good(void *context)
{
    (void)context;
    pthread_exit(NULL);
}

START_TEST(C_one_whose_thread_ends_as_it_wakes_passes_it_on)
{
    static const struct stm_blocking hooks = {.enter = do_nothing,
                                              .leave = leave_for_good};
    struct dormitory dormitory;

    fill(&dormitory, want_one, &hooks);
    poke(dormitory.var, 1);
    crew_join(dormitory.others);
    clear(&dormitory);
}
END_TEST

static enum stm_status refuse(void *context)
{
    (void)context;
    return STM_EUSER - 2;
}

START_TEST(C_one_whose_hook_ends_the_wait_passes_it_on)
{
    static const struct stm_blocking hooks = {
        .enter = do_nothing, .leave = do_nothing, .check = refuse};
    struct dormitory dormitory;

    fill(&dormitory, want_one, &hooks);
    poke(dormitory.var, 1);
    crew_join(dormitory.others);
    clear(&dormitory);
    EXPECT_STATUS(STM_EUSER - 2, dormitory.result);
}
END_TEST

static enum stm_status conflict_once(struct stm_tx *tx, void *argument)
{
    struct dormitory *dormitory = argument;

    STM_TRY(want_two(tx, argument));
    if (AO_fetch_and_add1(&dormitory->go) == 0)
        poke_elsewhere(dormitory->var, 3);
    return want_two(tx, argument);
}

START_TEST(C_one_who_meets_a_conflict_passes_it_on)
{
    struct dormitory dormitory;

    fill(&dormitory, conflict_once, NULL);
    poke(dormitory.var, 2);
    crew_join(dormitory.others);
    clear(&dormitory);
    EXPECT_STATUS(STM_OK, dormitory.result);
}
END_TEST

static enum stm_status fork_once(struct stm_tx *tx, void *argument)
{
    struct dormitory *dormitory = argument;

    STM_TRY(want_one(tx, argument));
    if (AO_fetch_and_add1(&dormitory->go) == 0)
        dormitory->child = fork();
    return STM_OK;
}

static void forking_thread(size_t index, void *context)
{
    struct dormitory *dormitory = context;
    enum stm_status status;

    (void)index;
    status = stm_atomically(fork_once, dormitory);
    if (dormitory->child == 0)
        end_child(status == STM_EFORKED && peek(dormitory->var) == 1);
    dormitory->result = status;
}

START_TEST(C_one_who_forks_passes_it_on_in_the_parent)
{
    struct dormitory dormitory = {.var = word_var(0)};

    gate_close();
    dormitory.first = crew_start(1, forking_thread, &dormitory);
    crew_await_sleep(dormitory.first);
    dormitory.others = crew_start(OTHERS, other_thread, &dormitory);
    crew_await_sleep(dormitory.others);
    poke(dormitory.var, 1);
    crew_join(dormitory.others);
    clear(&dormitory);
    EXPECT_STATUS(STM_OK, dormitory.result);
    expect_child_ended(dormitory.child);
}
END_TEST

/* Blocks, and is not stepped before the others have ended. */
START_TEST(C_a_caller_keeps_nobody_waiting)
{
    struct dormitory dormitory = {.var = word_var(0)};
    struct stm_call *call = stm_call_new(want_one, &dormitory);

    gate_close();
    EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
    dormitory.others = crew_start(OTHERS, other_thread, &dormitory);
    crew_await_sleep(dormitory.others);
    poke(dormitory.var, 1);
    crew_join(dormitory.others);
    EXPECT_STATUS(STM_OK, stm_call_wait(call));
    stm_call_free(call);
    stm_tvar_release(dormitory.var);
    gate_open();
}
END_TEST

/* Here the service thread helps. */
static enum stm_status await_others(struct stm_tx *tx, void *argument)
{
    struct dormitory *dormitory = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, dormitory->var, &value));
    if (value < 1)
        return stm_retry(tx);
    await_count(&dormitory->woken, OTHERS);
    return STM_OK;
}

START_TEST(C_one_who_waits_for_the_others_by_other_means_is_no_obstacle)
{
    struct dormitory dormitory;

    fill(&dormitory, await_others, NULL);
    gate_open();
    poke(dormitory.var, 1);
    crew_join(dormitory.others);
    clear(&dormitory);
    EXPECT_STATUS(STM_OK, dormitory.result);
}
END_TEST

/* ---- many ---- */

enum { ROUNDS = 300, SLEEPERS = 6 };

/* Each waits for its rounds, some for a while only, at two variables that are
 * written now one by one and now together. */
struct vigil {
    struct stm_tvar *vars[2];
    AO_t ended;
};

struct watchman {
    struct vigil *vigil;
    size_t index;
    stm_value round;
};

static enum stm_status watch_body(struct stm_tx *tx, void *argument)
{
    struct watchman *watchman = argument;
    bool over = false;
    stm_value value;

    for (size_t i = 0; i < 2; i++)
        if (watchman->index % 3 != i) {
            STM_TRY(stm_tvar_get(tx, watchman->vigil->vars[i], &value));
            if (value >= watchman->round)
                return STM_OK;
        }
    if (watchman->index % 2)
        STM_TRY(stm_elapsed(tx, 30000, &over));
    return over ? STM_ENOTFOUND : stm_retry(tx);
}

static enum stm_status ring_body(struct stm_tx *tx, void *argument)
{
    struct watchman *watchman = argument;

    STM_TRY(stm_tvar_set(tx, watchman->vigil->vars[0], watchman->round));
    return stm_tvar_set(tx, watchman->vigil->vars[1], watchman->round);
}

static void vigil_thread(size_t index, void *context)
{
    struct watchman watchman = {context, index, 1};

    for (; watchman.round <= workload(ROUNDS); watchman.round++) {
        enum stm_status status;

        if (index == SLEEPERS) {
            if (watchman.round % 2)
                poke(watchman.vigil->vars[0], watchman.round);
            EXPECT_STATUS(STM_OK, stm_atomically(ring_body, &watchman));
            await_count(&watchman.vigil->ended, watchman.round * SLEEPERS);
            continue;
        }
        do
            status = stm_atomically(watch_body, &watchman);
        while (status == STM_ENOTFOUND);
        EXPECT_STATUS(STM_OK, status);
        AO_fetch_and_add1_full(&watchman.vigil->ended);
    }
}

START_TEST(C_nobody_is_lost_among_two_variables_and_time_outs)
{
    struct vigil vigil = {{word_var(0), word_var(0)}, 0};

    gate_close();
    crew_run(SLEEPERS + 1, vigil_thread, &vigil);
    stm_tvar_release(vigil.vars[0]);
    stm_tvar_release(vigil.vars[1]);
    gate_open();
}
END_TEST

/* Takers of one cell, which end at the word END. */
enum { TAKERS = 20, END = 99 };

struct cell {
    struct stm_tvar *var;
    AO_t taken;
};

static enum stm_status take_body(struct stm_tx *tx, void *argument)
{
    stm_value *item = argument;
    struct stm_tvar *var = (struct stm_tvar *)item[0];

    STM_TRY(stm_tvar_get(tx, var, &item[1]));
    if (item[1] == 0)
        return stm_retry(tx);
    return item[1] == END ? STM_OK : stm_tvar_set(tx, var, 0);
}

static void taking_thread(size_t index, void *context)
{
    struct cell *cell = context;
    stm_value item[2] = {(stm_value)cell->var, 0};

    (void)index;
    for (;;) {
        EXPECT_STATUS(STM_OK, stm_atomically(take_body, item));
        if (item[1] == END)
            return;
        AO_fetch_and_add1_full(&cell->taken);
    }
}

START_TEST(D_an_item_wakes_one_of_those_who_want_it)
{
    struct cell cell = {.var = word_var(0)};
    struct crew *crew = crew_start(TAKERS, taking_thread, &cell);
    struct stm_stats before, stats;

    gate_close();
    crew_await_sleep(crew);
    for (size_t i = 1; i <= 20; i++) {
        stm_stats_read(&before);
        poke(cell.var, i);
        await_count(&cell.taken, i);
        crew_await_sleep(crew);
        stats = stats_since(&before);
        EXPECT(stats.wakeups == 1 || shaken(),
               "expected 1 wake-up for the item, counted %zu",
               (size_t)stats.wakeups);
        EXPECT(stats.spurious == 0 || shaken(),
               "expected none to be spurious, counted %zu",
               (size_t)stats.spurious);
    }
    stm_stats_read(&before);
    poke(cell.var, END);
    crew_join(crew);
    stats = stats_since(&before);
    EXPECT(stats.wakeups == TAKERS || shaken(),
           "expected each to be woken at the end, counted %zu wake-ups",
           (size_t)stats.wakeups);
    stm_tvar_release(cell.var);
    gate_open();
}
END_TEST

/* ---- the value seen ---- */

static enum stm_status look_body(struct stm_tx *tx, void *argument)
{
    struct dormitory *dormitory = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, dormitory->var, &value));
    if (counted_number(value) == 0)
        return stm_retry(tx);
    AO_fetch_and_add1_full(&dormitory->woken);
    await_count(&dormitory->go, 1);
    return STM_OK;
}

static void looking_thread(size_t index, void *context)
{
    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(look_body, context));
}

START_TEST(H_a_value_lives_while_a_sleeper_remembers_it)
{
    struct dormitory dormitory = {.var = counted_var(0)};
    struct crew *crew;

    gate_close();
    crew = crew_start(2, looking_thread, &dormitory);
    crew_await_sleep(crew);
    poke_counted(dormitory.var, 1);
    await_count(&dormitory.woken, 1);
    EXPECT(counted_live() == 2, "expected the value seen to live, %zu live",
           counted_live());
    AO_store(&dormitory.go, 1);
    crew_join(crew);
    EXPECT(counted_live() == 1, "expected it released, %zu live",
           counted_live());
    stm_tvar_release(dormitory.var);
    gate_open();
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("wake one");

    tcase_add_test(tests, C_one_who_blocks_again_passes_it_on);
    tcase_add_test(tests, C_one_who_fails_passes_it_on);
    tcase_add_test(tests, C_one_whose_thread_ends_in_the_body_passes_it_on);
    tcase_add_test(tests, C_one_whose_thread_ends_as_it_wakes_passes_it_on);
    tcase_add_test(tests, C_one_whose_hook_ends_the_wait_passes_it_on);
    tcase_add_test(tests, C_one_who_meets_a_conflict_passes_it_on);
    tcase_add_test(tests, C_one_who_forks_passes_it_on_in_the_parent);
    tcase_add_test(tests, C_a_caller_keeps_nobody_waiting);
    tcase_add_test(
        tests, C_one_who_waits_for_the_others_by_other_means_is_no_obstacle);
    tcase_add_test(tests, C_nobody_is_lost_among_two_variables_and_time_outs);
    tcase_add_test(tests, D_an_item_wakes_one_of_those_who_want_it);
    tcase_add_test(tests, H_a_value_lives_while_a_sleeper_remembers_it);
    return run_suite("wake one", tests);
}
