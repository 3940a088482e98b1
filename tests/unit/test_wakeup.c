/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise C: a blocked transaction runs again after any commit that changes a
 * variable it read.  A lost wake-up shows as a test that never ends: in each,
 * nobody else comes by. */
#include "support.h"

enum { RING = 4, FOLLOWERS = 3, BRANCHES = 3 };

/* A token goes round: each thread waits for its variable to be 1. */
struct ring {
    struct stm_tvar *place[RING];
    size_t rounds;
};

struct pass {
    struct ring *ring;
    size_t index;
};

static enum stm_status pass_body(struct stm_tx *tx, void *argument)
{
    struct pass *pass = argument;
    stm_value token;

    STM_TRY(stm_tvar_get(tx, pass->ring->place[pass->index], &token));
    if (token == 0)
        return stm_retry(tx);
    STM_TRY(stm_tvar_set(tx, pass->ring->place[pass->index], 0));
    return stm_tvar_set(tx, pass->ring->place[(pass->index + 1) % RING], token);
}

static void ring_thread(size_t index, void *context)
{
    struct pass pass = {context, index};

    for (size_t i = 0; i < pass.ring->rounds; i++)
        EXPECT_STATUS(STM_OK, stm_atomically(pass_body, &pass));
}

START_TEST(C_a_token_goes_round_a_ring)
{
    struct ring ring = {.rounds = workload(20000)};

    for (size_t i = 0; i < RING; i++)
        ring.place[i] = word_var(i == 0);
    crew_run(RING, ring_thread, &ring);
    EXPECT(peek(ring.place[0]) == 1, "expected the token where it began");
    for (size_t i = 0; i < RING; i++)
        stm_tvar_release(ring.place[i]);
}
END_TEST

/* A leader starts a round, which all followers wait for and acknowledge. */
struct muster {
    struct stm_tvar *round;
    struct stm_tvar *answer[FOLLOWERS];
    size_t rounds;
};

struct call_out {
    struct muster *muster;
    size_t follower;
    stm_value round;
};

static enum stm_status gather_body(struct stm_tx *tx, void *argument)
{
    struct call_out *call_out = argument;

    for (size_t i = 0; i < FOLLOWERS; i++) {
        stm_value answer;

        STM_TRY(stm_tvar_get(tx, call_out->muster->answer[i], &answer));
        if (answer != call_out->round)
            return stm_retry(tx);
    }
    return STM_OK;
}

static enum stm_status answer_body(struct stm_tx *tx, void *argument)
{
    struct call_out *call_out = argument;
    stm_value round;

    STM_TRY(stm_tvar_get(tx, call_out->muster->round, &round));
    if (round != call_out->round)
        return stm_retry(tx);
    return stm_tvar_set(tx, call_out->muster->answer[call_out->follower],
                        round);
}

static void muster_thread(size_t index, void *context)
{
    struct call_out call_out = {context, index, 1};

    for (; call_out.round <= call_out.muster->rounds; call_out.round++) {
        if (index < FOLLOWERS) {
            EXPECT_STATUS(STM_OK, stm_atomically(answer_body, &call_out));
        } else {
            poke(call_out.muster->round, call_out.round);
            EXPECT_STATUS(STM_OK, stm_atomically(gather_body, &call_out));
        }
    }
}

START_TEST(C_a_broadcast_reaches_all_and_is_gathered)
{
    struct muster muster = {.round = word_var(0), .rounds = workload(20000)};

    for (size_t i = 0; i < FOLLOWERS; i++)
        muster.answer[i] = word_var(0);
    crew_run(FOLLOWERS + 1, muster_thread, &muster);
    for (size_t i = 0; i < FOLLOWERS; i++)
        stm_tvar_release(muster.answer[i]);
    stm_tvar_release(muster.round);
}
END_TEST

/* Several variables, each read by one branch. */
struct choice {
    struct stm_tvar *var[BRANCHES];
    size_t rounds;
    size_t taken; /* the branch that went through */
    AO_t done;    /* rounds that the chooser has finished */
};

struct one_branch {
    struct choice *choice;
    size_t index;
};

static enum stm_status branch_body(struct stm_tx *tx, void *argument)
{
    struct one_branch *one = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, one->choice->var[one->index], &value));
    STM_TRY(stm_tvar_set(tx, one->choice->var[one->index], 0));
    if (value == 0)
        return stm_retry(tx);
    one->choice->taken = one->index;
    return STM_OK;
}

static enum stm_status choose_body(struct stm_tx *tx, void *argument)
{
    struct one_branch one[BRANCHES];
    struct stm_branch branches[BRANCHES];

    for (size_t i = 0; i < BRANCHES; i++) {
        one[i] = (struct one_branch){argument, i};
        branches[i] = (struct stm_branch){branch_body, &one[i]};
    }
    return stm_or_else(tx, branches, BRANCHES);
}

static void choice_init(struct choice *choice, size_t rounds)
{
    *choice = (struct choice){.rounds = rounds};
    for (size_t i = 0; i < BRANCHES; i++)
        choice->var[i] = word_var(0);
}

static void choice_fini(struct choice *choice)
{
    for (size_t i = 0; i < BRANCHES; i++)
        stm_tvar_release(choice->var[i]);
}

START_TEST(C_a_change_in_any_branch_wakes)
{
    struct choice choice;

    choice_init(&choice, 0);
    for (size_t i = 0; i < BRANCHES; i++) {
        struct stm_call *call = stm_call_new(choose_body, &choice);

        EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
        poke(choice.var[i], 1);
        EXPECT_STATUS(STM_OK, stm_call_wait(call));
        EXPECT_STATUS(STM_OK, stm_call_step(call));
        EXPECT(choice.taken == i, "expected branch %zu to go through, got %zu",
               i, choice.taken);
        stm_call_free(call);
    }
    choice_fini(&choice);
}
END_TEST

static void choice_thread(size_t index, void *context)
{
    struct choice *choice = context;
    struct generator generator;

    generator_init(&generator, index);
    for (size_t i = 0; i < choice->rounds; i++) {
        if (index == 0) {
            EXPECT_STATUS(STM_OK, stm_atomically(choose_body, choice));
            AO_store_release(&choice->done, i + 1);
        } else {
            poke(choice->var[generator_below(&generator, BRANCHES)], 1);
            await_count(&choice->done, i + 1);
        }
    }
}

START_TEST(C_a_change_in_any_branch_wakes_while_it_falls_asleep)
{
    struct choice choice;

    choice_init(&choice, workload(40000));
    crew_run(2, choice_thread, &choice);
    choice_fini(&choice);
}
END_TEST

/* A commit that falls between the read and the retry of the same attempt. */
struct overtaken {
    struct stm_tvar *var;
    size_t runs;
};

static enum stm_status overtaken_body(struct stm_tx *tx, void *argument)
{
    struct overtaken *state = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, state->var, &value));
    if (state->runs++ == 0)
        poke_elsewhere(state->var, 1);
    return value == 0 ? stm_retry(tx) : STM_OK;
}

START_TEST(C_a_commit_between_read_and_retry_is_not_missed)
{
    struct overtaken state = {.var = word_var(0)};

    EXPECT_STATUS(STM_OK, stm_atomically(overtaken_body, &state));
    EXPECT(state.runs >= 2, "expected the body to run again");
    stm_tvar_release(state.var);
}
END_TEST

/* Reads that stay behind when what made them is undone. */
static enum stm_status read_and_abort_body(struct stm_tx *tx, void *argument)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, argument, &value));
    return value == 0 ? STM_EABORT : STM_OK;
}

static enum stm_status wait_by_nested_body(struct stm_tx *tx, void *argument)
{
    enum stm_status status = stm_atomically(read_and_abort_body, argument);

    return status == STM_EABORT ? stm_retry(tx) : status;
}

static enum stm_status read_or_retry_body(struct stm_tx *tx, void *argument)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, argument, &value));
    return value == 0 ? stm_retry(tx) : STM_OK;
}

static enum stm_status wait_by_test_body(struct stm_tx *tx, void *argument)
{
    bool blocks = false;

    STM_TRY(stm_would_block(tx, read_or_retry_body, argument, &blocks));
    return blocks ? stm_retry(tx) : STM_OK;
}

static enum stm_status write_then_retry_body(struct stm_tx *tx, void *argument)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, argument, &value));
    STM_TRY(stm_tvar_set(tx, argument, value + 10));
    return value == 0 ? stm_retry(tx) : STM_OK;
}

static enum stm_status deep_body(struct stm_tx *tx, void *argument)
{
    const struct stm_branch branch = {wait_by_nested_body, argument};

    return stm_or_else(tx, &branch, 1);
}

static const struct {
    stm_body *body;
    const char *what;
} waits[] = {{read_or_retry_body, "a plain read"},
             {wait_by_nested_body, "a nested transaction that aborted"},
             {wait_by_test_body, "stm_would_block"},
             {write_then_retry_body, "an attempt that wrote it, too"},
             {deep_body, "two levels of nesting"}};

START_TEST(C_reads_made_in_any_way_wake)
{
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        struct stm_tvar *var = word_var(0);
        struct stm_call *call = stm_call_new(waits[i].body, var);
        enum stm_status status = stm_call_step(call);

        EXPECT(status == STM_BLOCKED, "read by %s: expected BLOCKED, got %d",
               waits[i].what, status);
        poke(var, 1);
        EXPECT_STATUS(STM_OK, stm_call_wait(call));
        status = stm_call_step(call);
        EXPECT(status == STM_OK, "read by %s: expected a commit, got %d",
               waits[i].what, status);
        stm_call_free(call);
        stm_tvar_release(var);
    }
}
END_TEST

/* Containers are variables like any other. */
struct inbox {
    struct stm_tlist *list;
    struct stm_broadcast *queue;
    struct stm_endpoint *endpoint;
    stm_value item;
};

static enum stm_status pop_body(struct stm_tx *tx, void *argument)
{
    struct inbox *inbox = argument;
    enum stm_status status = stm_tlist_pop_front(tx, inbox->list, &inbox->item);

    return status == STM_EEMPTY ? stm_retry(tx) : status;
}

static enum stm_status get_body(struct stm_tx *tx, void *argument)
{
    struct inbox *inbox = argument;
    enum stm_status status =
        stm_endpoint_get(tx, inbox->endpoint, &inbox->item);

    return status == STM_EEMPTY ? stm_retry(tx) : status;
}

static enum stm_status append_body(struct stm_tx *tx, void *argument)
{
    return stm_tlist_append(tx, ((struct inbox *)argument)->list, 5);
}

static enum stm_status put_body(struct stm_tx *tx, void *argument)
{
    return stm_broadcast_put(tx, ((struct inbox *)argument)->queue, 6);
}

static enum stm_status endpoint_body(struct stm_tx *tx, void *argument)
{
    struct inbox *inbox = argument;

    return make_endpoint(tx, inbox->queue, &inbox->endpoint);
}

static void expect_delivery(struct inbox *inbox, stm_body *take,
                            stm_body *deliver, stm_value item)
{
    struct stm_call *call = stm_call_new(take, inbox);

    EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
    EXPECT_STATUS(STM_OK, stm_atomically(deliver, inbox));
    EXPECT_STATUS(STM_OK, stm_call_wait(call));
    EXPECT_STATUS(STM_OK, stm_call_step(call));
    EXPECT(inbox->item == item, "expected item %zu, got %zu", (size_t)item,
           (size_t)inbox->item);
    stm_call_free(call);
}

START_TEST(C_an_item_wakes_who_waits_at_an_empty_container)
{
    struct inbox inbox = {.list = stm_tlist_new(NULL),
                          .queue = stm_broadcast_new(NULL)};

    EXPECT_STATUS(STM_OK, stm_atomically(endpoint_body, &inbox));
    expect_delivery(&inbox, pop_body, append_body, 5);
    expect_delivery(&inbox, get_body, put_body, 6);
    stm_endpoint_release(inbox.endpoint);
    stm_broadcast_release(inbox.queue);
    stm_tlist_release(inbox.list);
}
END_TEST

static void waiting_thread(size_t index, void *context)
{
    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(read_or_retry_body, context));
}

START_TEST(C_one_commit_wakes_all_who_wait)
{
    struct stm_tvar *var = word_var(0);
    struct crew *crew = crew_start(20, waiting_thread, var);

    crew_await_sleep(crew);
    poke(var, 1);
    crew_join(crew);
    stm_tvar_release(var);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("C");

    tcase_add_test(tests, C_a_token_goes_round_a_ring);
    tcase_add_test(tests, C_a_broadcast_reaches_all_and_is_gathered);
    tcase_add_test(tests, C_a_change_in_any_branch_wakes);
    tcase_add_test(tests, C_a_change_in_any_branch_wakes_while_it_falls_asleep);
    tcase_add_test(tests, C_a_commit_between_read_and_retry_is_not_missed);
    tcase_add_test(tests, C_reads_made_in_any_way_wake);
    tcase_add_test(tests, C_an_item_wakes_who_waits_at_an_empty_container);
    tcase_add_test(tests, C_one_commit_wakes_all_who_wait);
    return run_suite("wakeup", tests);
}
