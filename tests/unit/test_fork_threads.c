/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Forks from several threads at once, and what a forking thread had begun. */
#include "bank.h"
#include "child.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS = 3, TRANSFERRING = 2 };

/* ---- several threads ---- */

struct banking {
    struct bank bank;
    AO_t forking;
    AO_t begun; /* threads that have what they need of the allocator, which may
                   not be forked in use */
};

static bool transfers_20(void *bank) { return bank_works(bank, 20); }

static bool transfers_20_twice(void *bank)
{
    return bank_works(bank, 20) && child_finds(transfers_20, bank);
}

static void forking_thread(size_t index, void *context)
{
    struct banking *banking = context;
    struct bank own = bank_copy(&banking->bank, index);

    EXPECT(bank_works(&own, 20), "expected the bank to work");
    (void)AO_fetch_and_add1_full(&banking->begun);
    await_count(&banking->begun, THREADS + TRANSFERRING);
    for (size_t i = 0; i < workload(50); i++) {
        EXPECT(child_finds(transfers_20_twice, &own),
               "expected the bank to work in a child and in a child's");
        EXPECT(bank_works(&own, 20), "expected the bank to work in the parent");
    }
    (void)AO_fetch_and_sub1_full(&banking->forking);
}

static void transferring_thread(size_t index, void *context)
{
    struct banking *banking = context;
    struct bank own = bank_copy(&banking->bank, THREADS + index);

    EXPECT_STATUS(STM_OK, stm_atomically(bank_transfer, &own));
    (void)AO_fetch_and_add1_full(&banking->begun);
    while (AO_load(&banking->forking))
        EXPECT_STATUS(STM_OK, stm_atomically(bank_transfer, &own));
}

START_TEST(A_threads_can_fork_at_once_beside_commits)
{
    struct banking banking = {.forking = THREADS};
    struct crew *forking, *transferring;

    bank_init(&banking.bank, 0);
    transferring = crew_start(TRANSFERRING, transferring_thread, &banking);
    forking = crew_start(THREADS, forking_thread, &banking);
    crew_join(forking);
    crew_join(transferring);
    bank_fini(&banking.bank);
}
END_TEST

/* ---- a call that was blocked before the fork ---- */

struct stepping {
    struct stm_tvar *var;
    struct stm_call *call;
};

static enum stm_status await_one(struct stm_tx *tx, void *argument)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, argument, &value));
    return value == 1 ? STM_OK : stm_retry(tx);
}

/* It cannot know that nothing has changed, and so wakes; then it blocks, and
 * is woken, like one made here. */
static bool waits_on(void *context)
{
    struct stepping *stepping = context;

    if (stm_call_wait(stepping->call) != STM_OK ||
        stm_call_step(stepping->call) != STM_BLOCKED)
        return false;
    poke(stepping->var, 1);
    if (stm_call_wait(stepping->call) != STM_OK ||
        stm_call_step(stepping->call) != STM_OK)
        return false;
    stm_call_free(stepping->call);
    return true;
}

static bool steps_on(void *context)
{
    struct stepping *stepping = context;

    return stm_call_step(stepping->call) == STM_BLOCKED &&
           child_finds(waits_on, stepping);
}

static bool frees(void *context)
{
    struct stepping *stepping = context;

    poke(stepping->var, 2);
    stm_call_free(stepping->call);
    poke(stepping->var, 1);
    return peek(stepping->var) == 1;
}

START_TEST(C_a_blocked_call_goes_on_in_the_child)
{
    struct stepping stepping = {.var = word_var(0)};

    stepping.call = stm_call_new(await_one, stepping.var);
    EXPECT_STATUS(STM_BLOCKED, stm_call_step(stepping.call));
    EXPECT(child_finds(waits_on, &stepping), "expected it to wait");
    EXPECT(child_finds(steps_on, &stepping), "expected it to step");
    EXPECT(child_finds(frees, &stepping), "expected it to be freed");
    poke_elsewhere(stepping.var, 1);
    EXPECT_STATUS(STM_OK, stm_call_wait(stepping.call));
    EXPECT_STATUS(STM_OK, stm_call_step(stepping.call));
    stm_call_free(stepping.call);
    stm_tvar_release(stepping.var);
}
END_TEST

/* ---- a watcher that forks ---- */

struct watching {
    struct stm_tvar *var;
    pid_t child;
};

static enum stm_status fork_if_set(struct stm_tx *tx, stm_value argument,
                                   stm_value *result)
{
    struct watching *watching = (struct watching *)argument;
    stm_value value;

    *result = 0;
    STM_TRY(stm_tvar_get(tx, watching->var, &value));
    if (value && watching->child == -1)
        watching->child = fork();
    return STM_OK;
}

static enum stm_status watch_body(struct stm_tx *tx, void *argument)
{
    const struct stm_watch watch = {.function = fork_if_set,
                                    .argument = (stm_value)argument};

    return stm_watch(tx, &watch, NULL);
}

static enum stm_status set_body(struct stm_tx *tx, void *argument)
{
    return stm_tvar_set(tx, ((struct watching *)argument)->var, 1);
}

START_TEST(F_a_transaction_whose_watcher_forks_commits_in_the_parent_alone)
{
    struct watching watching = {word_var(0), -1};
    enum stm_status status;

    EXPECT_STATUS(STM_OK, stm_atomically(watch_body, &watching));
    status = stm_atomically(set_body, &watching);
    if (watching.child == 0)
        end_child(status == STM_EFORKED && peek(watching.var) == 0);
    EXPECT_STATUS(STM_OK, status);
    EXPECT(peek(watching.var) == 1, "expected the parent's commit");
    EXPECT(child_right(watching.child),
           "expected nothing to be committed in the child");
    stm_tvar_release(watching.var);
}
END_TEST

/* ---- an action that forks ---- */

struct acting {
    struct stm_tvar *var;
    pid_t child;
    AO_t later;
};

static void action_fork(stm_value acting)
{
    ((struct acting *)acting)->child = fork();
}

static enum stm_status act_body(struct stm_tx *tx, void *argument)
{
    struct acting *acting = argument;

    STM_TRY(stm_on_commit(tx, action_fork, (stm_value)acting, NULL));
    STM_TRY(stm_on_commit(tx, action_count, (stm_value)&acting->later, NULL));
    return stm_tvar_set(tx, acting->var, 1);
}

START_TEST(an_action_that_forks_comes_after_the_commit_in_both)
{
    struct acting acting = {word_var(0), -1, 0};
    enum stm_status status = stm_atomically(act_body, &acting);

    if (acting.child == 0)
        end_child(status == STM_OK && peek(acting.var) == 1 &&
                  AO_load(&acting.later) == 1);
    EXPECT_STATUS(STM_OK, status);
    EXPECT(AO_load(&acting.later) == 1, "expected the other action to run");
    EXPECT(child_right(acting.child),
           "expected the child to go on after the commit");
    stm_tvar_release(acting.var);
}
END_TEST

/* ---- one that runs alone ---- */

/* Who waits too long at the gate throws the one who runs alone out.  Here that
 * thread is held up between its decision to do so and the deed, until the other
 * is about to fork.  This program's pthread_setcancelstate comes before the
 * system's: the library calls it before and after it waits at the gate. */

typedef int set_cancelstate(int state, int *before);

static _Thread_local bool evictor;
static AO_t waits; /* the evictor's calls: 2 when it is held up */
static AO_t evicts;
static AO_t evicted; /* the evictor has committed */

int pthread_setcancelstate(int state, int *before)
{
    set_cancelstate *real;
    int error;

    *(void **)&real = dlsym(RTLD_NEXT, "pthread_setcancelstate");
    error = real(state, before);
    if (evictor && AO_fetch_and_add1_full(&waits) == 1)
        await_count(&evicts, 1);
    return error;
}

static AO_t forking_alone;

/* Between the library's preparations and the fork. */
static void let_evict(void)
{
    if (!AO_load(&forking_alone))
        return;
    AO_store_release(&evicts, 1);
    while (AO_load_acquire(&waits) < 3 && !AO_load_acquire(&evicted))
        usleep(100);
    AO_store(&forking_alone, AO_load_acquire(&evicted) ? 2 : 0);
}

/* Before the library does, so that it is called after the library's. */
__attribute__((constructor(101))) static void heed_forks(void)
{
    if (pthread_atfork(let_evict, NULL, NULL) != 0)
        abort();
}

struct alone {
    struct stm_tvar *var;
    struct crew *crew;
    pid_t child;
};

static void evicting_thread(size_t index, void *context)
{
    (void)index;
    evictor = true;
    poke(context, 1);
    AO_store_release(&evicted, 1);
    evictor = false;
}

static enum stm_status alone_body(struct stm_tx *tx, void *argument)
{
    struct alone *alone = argument;
    struct stm_stats stats;

    (void)tx;
    stm_stats_read(&stats);
    if (!stats.escalations)
        return STM_CONFLICT;
    if (alone->crew)
        return STM_OK;
    alone->crew = crew_start(1, evicting_thread, alone->var);
    await_count(&waits, 2);
    AO_store(&forking_alone, 1);
    alone->child = fork();
    return STM_OK;
}

START_TEST(A_one_that_runs_alone_is_not_thrown_out_while_it_forks)
{
    struct alone alone = {.var = word_var(0), .child = -1};
    enum stm_status status = stm_atomically(alone_body, &alone);

    if (alone.child == 0)
        end_child(status == STM_EFORKED && peek(alone.var) == 0);
    EXPECT_STATUS(STM_OK, status);
    EXPECT(AO_load(&forking_alone) == 0, "expected no commit during the fork");
    crew_join(alone.crew);
    EXPECT(child_right(alone.child),
           "expected the child to see the state before the commit");
    EXPECT(peek(alone.var) == 1, "expected the other's commit");
    stm_tvar_release(alone.var);
}
END_TEST

/* ---- a hook that forks at the gate ---- */

struct gate {
    struct stm_tvar *var;
    AO_t closed;
    AO_t waited; /* another's commit has come to the gate */
    AO_t over;
    pid_t child;
};

static enum stm_status closing_body(struct stm_tx *tx, void *argument)
{
    struct gate *gate = argument;
    struct stm_stats stats;

    (void)tx;
    stm_stats_read(&stats);
    if (!stats.escalations)
        return STM_CONFLICT;
    AO_store_release(&gate->closed, 1);
    await_count(&gate->waited, 1);
    return STM_OK;
}

static void closing_thread(size_t index, void *context)
{
    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(closing_body, context));
    await_count(&((struct gate *)context)->over, 1); /* is there at the fork */
}

static void fork_at_gate(void *context)
{
    struct gate *gate = context;

    AO_store_release(&gate->waited, 1);
    if (gate->child == -1)
        gate->child = fork();
}

static void no_change(void *context) { (void)context; }

static enum stm_status set_after_close(struct stm_tx *tx, void *argument)
{
    struct gate *gate = argument;

    await_count(&gate->closed, 1);
    return stm_tvar_set(tx, gate->var, 1);
}

START_TEST(B_a_commit_that_waits_while_a_hook_forks_is_the_parents_alone)
{
    struct gate gate = {.var = word_var(0), .child = -1};
    const struct stm_blocking hooks = {
        .enter = fork_at_gate, .leave = no_change, .context = &gate};
    struct crew *crew = crew_start(1, closing_thread, &gate);
    enum stm_status status;

    stm_set_blocking(&hooks);
    status = stm_atomically(set_after_close, &gate);
    stm_set_blocking(NULL);
    if (gate.child == 0)
        end_child(status == STM_EFORKED && peek(gate.var) == 0);
    AO_store_release(&gate.over, 1);
    EXPECT_STATUS(STM_OK, status);
    crew_join(crew);
    EXPECT(child_right(gate.child),
           "expected nothing to be committed in the child");
    stm_tvar_release(gate.var);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("fork of threads");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, A_threads_can_fork_at_once_beside_commits);
    tcase_add_test(tests,
                   A_one_that_runs_alone_is_not_thrown_out_while_it_forks);
    tcase_add_test(
        tests, B_a_commit_that_waits_while_a_hook_forks_is_the_parents_alone);
    tcase_add_test(tests, C_a_blocked_call_goes_on_in_the_child);
    tcase_add_test(
        tests, F_a_transaction_whose_watcher_forks_commits_in_the_parent_alone);
    tcase_add_test(tests, an_action_that_forks_comes_after_the_commit_in_both);
    return run_suite("test_fork_threads", tests);
}
