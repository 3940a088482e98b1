/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promises G and H for the items of containers: they are released with the last
 * that holds them, however many they are, and not before the attempt ends. */
#include "support.h"

#include <sched.h>

/* One item of everything that holds counted values. */
struct holders {
    struct stm_tlist *list;
    struct stm_broadcast *queue;
    struct stm_endpoint *endpoint;
    struct stm_seq *snapshot;
    size_t count;
};

static enum stm_status fill_body(struct stm_tx *tx, void *argument)
{
    struct holders *holders = argument;

    for (size_t i = 0; i < holders->count; i++) {
        stm_value item = counted_new(i);
        enum stm_status status = stm_tlist_append(tx, holders->list, item);

        if (status == STM_OK)
            status = stm_broadcast_put(tx, holders->queue, item);
        counted_drop(item);
        STM_TRY(status);
    }
    return STM_OK;
}

static enum stm_status endpoint_body(struct stm_tx *tx, void *argument)
{
    struct holders *holders = argument;

    return make_endpoint(tx, holders->queue, &holders->endpoint);
}

static enum stm_status snapshot_body(struct stm_tx *tx, void *argument)
{
    struct holders *holders = argument;

    if (holders->snapshot != NULL)
        stm_seq_release(holders->snapshot);
    holders->snapshot = NULL;
    STM_TRY(stm_tlist_snapshot(tx, holders->list, &holders->snapshot));
    return stm_tlist_clear(tx, holders->list);
}

START_TEST(H_containers_release_their_items)
{
    struct holders holders = {.list = stm_tlist_new(&counted_type),
                              .queue = stm_broadcast_new(&counted_type),
                              .count = 1000};

    EXPECT_STATUS(STM_OK, stm_atomically(endpoint_body, &holders));
    EXPECT_STATUS(STM_OK, stm_atomically(fill_body, &holders));
    EXPECT(counted_live() == 1000, "expected 1000 items, got %zu",
           counted_live());
    stm_endpoint_release(holders.endpoint);
    stm_broadcast_release(holders.queue);
    EXPECT(counted_live() == 1000, "expected the list to keep all items");
    EXPECT_STATUS(STM_OK, stm_atomically(snapshot_body, &holders));
    EXPECT(counted_live() == 1000,
           "expected the snapshot to keep all items, "
           "got %zu",
           counted_live());
    stm_seq_release(holders.snapshot);
    EXPECT(counted_live() == 0,
           "expected every item released with the "
           "snapshot, %zu live",
           counted_live());
    stm_tlist_release(holders.list);
}
END_TEST

START_TEST(H_a_queue_that_nobody_reads_keeps_nothing)
{
    struct holders holders = {.list = stm_tlist_new(&counted_type),
                              .queue = stm_broadcast_new(&counted_type),
                              .count = 100};

    EXPECT_STATUS(STM_OK, stm_atomically(fill_body, &holders));
    stm_tlist_release(holders.list);
    EXPECT(counted_live() <= 1,
           "expected items that no endpoint has still "
           "to read to be freed, %zu live",
           counted_live());
    stm_broadcast_release(holders.queue);
    EXPECT(counted_live() == 0, "expected every item released, %zu live",
           counted_live());
}
END_TEST

START_TEST(H_a_million_unread_items_are_dropped_without_recursion)
{
    struct holders holders = {.list = stm_tlist_new(&counted_type),
                              .queue = stm_broadcast_new(&counted_type),
                              .count = 1000};
    size_t transactions = workload(1000);

    EXPECT_STATUS(STM_OK, stm_atomically(endpoint_body, &holders));
    for (size_t i = 0; i < transactions; i++)
        EXPECT_STATUS(STM_OK, stm_atomically(fill_body, &holders));
    stm_tlist_release(holders.list);
    EXPECT(counted_live() == 1000 * transactions,
           "expected %zu unread items, got %zu", 1000 * transactions,
           counted_live());
    stm_broadcast_release(holders.queue);
    stm_endpoint_release(holders.endpoint);
    EXPECT(counted_live() == 0, "expected every item released, %zu live",
           counted_live());
}
END_TEST

/* Two threads whose attempts overlap, so that one is always running: each ends
 * only when the next of the other has begun. */
struct relay {
    struct stm_tvar *var;
    AO_t begun; /* attempts */
    AO_t over;
};

static enum stm_status overlapping_body(struct stm_tx *tx, void *argument)
{
    struct relay *relay = argument;
    stm_value value;
    AO_t own;

    STM_TRY(stm_tvar_get(tx, relay->var, &value));
    own = AO_fetch_and_add1_full(&relay->begun);
    while (AO_load_acquire(&relay->begun) == own + 1 &&
           AO_load_acquire(&relay->over) == 0)
        sched_yield();
    return STM_OK;
}

static void overlapping_thread(size_t index, void *context)
{
    struct relay *relay = context;

    (void)index;
    while (AO_load_acquire(&relay->over) == 0)
        EXPECT_STATUS(STM_OK, stm_atomically(overlapping_body, relay));
}

/* Far fewer attempts than the chain has links. */
START_TEST(H_a_long_chain_of_unread_items_goes_beside_attempts_without_a_pause)
{
    struct holders holders = {.list = stm_tlist_new(&counted_type),
                              .queue = stm_broadcast_new(&counted_type),
                              .count = 3000};
    struct relay relay = {.var = word_var(0)};
    struct crew *crew;

    EXPECT_STATUS(STM_OK, stm_atomically(endpoint_body, &holders));
    EXPECT_STATUS(STM_OK, stm_atomically(fill_body, &holders));
    stm_tlist_release(holders.list);
    stm_broadcast_release(holders.queue);
    EXPECT(counted_live() == 3000, "expected 3000 unread items, got %zu",
           counted_live());
    crew = crew_start(2, overlapping_thread, &relay);
    await_count(&relay.begun, 2);
    stm_endpoint_release(holders.endpoint);
    await_count(&relay.begun, AO_load_acquire(&relay.begun) + 100);
    EXPECT(counted_live() == 0,
           "100 attempts after the endpoint's release expected every item "
           "released, %zu live",
           counted_live());
    AO_store_release(&relay.over, 1);
    crew_join(crew);
    stm_tvar_release(relay.var);
}
END_TEST

/* The last reference to a snapshot. */
static enum stm_status drop_snapshot_body(struct stm_tx *tx, void *argument)
{
    struct holders *holders = argument;

    if (holders->snapshot != NULL)
        stm_seq_release(holders->snapshot);
    holders->snapshot = NULL;
    holders->count = counted_live();
    return stm_tx_status(tx);
}

static enum stm_status drop_nested_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(stm_tx_status(tx));
    return stm_atomically(drop_snapshot_body, argument);
}

static void expect_items_outlive_attempt(stm_body *body)
{
    struct holders holders = {.list = stm_tlist_new(&counted_type),
                              .queue = stm_broadcast_new(&counted_type),
                              .count = 1000};

    EXPECT_STATUS(STM_OK, stm_atomically(fill_body, &holders));
    stm_broadcast_release(holders.queue);
    EXPECT_STATUS(STM_OK, stm_atomically(snapshot_body, &holders));
    EXPECT_STATUS(STM_OK, stm_atomically(body, &holders));
    EXPECT(holders.count == 1000 || shaken(),
           "expected the items to live until the attempt ended, %zu did",
           holders.count);
    EXPECT(counted_live() == 0,
           "expected every item released after the attempt, %zu live",
           counted_live());
    stm_tlist_release(holders.list);
}

START_TEST(G_a_snapshot_dropped_in_a_body_keeps_its_items_until_the_end)
{
    expect_items_outlive_attempt(drop_snapshot_body);
}
END_TEST

START_TEST(G_a_snapshot_dropped_in_a_nested_body_keeps_its_items_until_the_end)
{
    expect_items_outlive_attempt(drop_nested_body);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("memory_items");

    tcase_add_test(tests, H_containers_release_their_items);
    tcase_add_test(tests, H_a_queue_that_nobody_reads_keeps_nothing);
    tcase_add_test(tests,
                   H_a_million_unread_items_are_dropped_without_recursion);
    tcase_add_test(
        tests,
        H_a_long_chain_of_unread_items_goes_beside_attempts_without_a_pause);
    tcase_add_test(
        tests, G_a_snapshot_dropped_in_a_body_keeps_its_items_until_the_end);
    tcase_add_test(
        tests,
        G_a_snapshot_dropped_in_a_nested_body_keeps_its_items_until_the_end);
    return run_suite("memory_items", tests);
}
