/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Broadcast queues and their endpoints. */
#include "support.h"

/* A queue with endpoints, on which one operation after the other runs in a
 * transaction of its own. */
struct radio {
    struct stm_broadcast *queue;
    struct stm_endpoint *endpoint[4];
};

struct operation {
    struct radio *radio;
    size_t endpoint;
    stm_value item;
    uint64_t handle;
    size_t remaining;
};

static enum stm_status put_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;

    return stm_broadcast_put(tx, operation->radio->queue, operation->item);
}

static enum stm_status tune_in_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;

    return make_endpoint(tx, operation->radio->queue,
                         &operation->radio->endpoint[operation->endpoint]);
}

static enum stm_status get_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;

    return stm_endpoint_get(tx, operation->radio->endpoint[operation->endpoint],
                            &operation->item);
}

static enum stm_status look_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;
    struct stm_endpoint *endpoint =
        operation->radio->endpoint[operation->endpoint];

    STM_TRY(stm_endpoint_remaining(tx, endpoint, &operation->remaining));
    return stm_endpoint_peek(tx, endpoint, &operation->item);
}

static enum stm_status replace_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;

    return stm_endpoint_replace(tx,
                                operation->radio->endpoint[operation->endpoint],
                                operation->item, &operation->handle);
}

static enum stm_status remove_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;

    return stm_endpoint_remove(
        tx, operation->radio->endpoint[operation->endpoint], operation->handle);
}

static enum stm_status duplicate_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;
    struct stm_endpoint **place =
        &operation->radio->endpoint[operation->endpoint];

    if (place[1] != NULL)
        stm_endpoint_release(place[1]);
    place[1] = NULL;
    return stm_endpoint_duplicate(tx, place[0], &place[1]);
}

static void put(struct radio *radio, stm_value item)
{
    struct operation operation = {.radio = radio, .item = item};

    EXPECT_STATUS(STM_OK, stm_atomically(put_body, &operation));
}

static void tune_in(struct radio *radio, size_t endpoint)
{
    struct operation operation = {.radio = radio, .endpoint = endpoint};

    EXPECT_STATUS(STM_OK, stm_atomically(tune_in_body, &operation));
}

static void duplicate(struct radio *radio, size_t endpoint)
{
    struct operation operation = {.radio = radio, .endpoint = endpoint};

    EXPECT_STATUS(STM_OK, stm_atomically(duplicate_body, &operation));
}

static uint64_t replace(struct radio *radio, size_t endpoint, stm_value item)
{
    struct operation operation = {radio, endpoint, item, 0, 0};

    EXPECT_STATUS(STM_OK, stm_atomically(replace_body, &operation));
    return operation.handle;
}

static void expect_remove(enum stm_status wanted, struct radio *radio,
                          size_t endpoint, uint64_t handle)
{
    struct operation operation = {radio, endpoint, 0, handle, 0};

    EXPECT_STATUS(wanted, stm_atomically(remove_body, &operation));
}

/* Gets everything; the items must be those of the list, which ends with 0. */
static void expect_items(struct radio *radio, size_t endpoint,
                         const stm_value *items)
{
    struct operation operation = {.radio = radio, .endpoint = endpoint};
    size_t count = 0;

    while (items[count] != 0)
        count++;
    for (size_t i = 0; i < count; i++) {
        EXPECT_STATUS(STM_OK, stm_atomically(look_body, &operation));
        EXPECT(operation.remaining == count - i,
               "endpoint %zu: expected %zu items left, got %zu", endpoint,
               count - i, operation.remaining);
        EXPECT(operation.item == items[i],
               "endpoint %zu, peek %zu: expected %zu, got %zu", endpoint, i,
               (size_t)items[i], (size_t)operation.item);
        operation.item = 0;
        EXPECT_STATUS(STM_OK, stm_atomically(get_body, &operation));
        EXPECT(operation.item == items[i],
               "endpoint %zu, get %zu: expected %zu, got %zu", endpoint, i,
               (size_t)items[i], (size_t)operation.item);
    }
    EXPECT_STATUS(STM_EEMPTY, stm_atomically(get_body, &operation));
    EXPECT_STATUS(STM_EEMPTY, stm_atomically(look_body, &operation));
}

#define ITEMS(...) ((const stm_value[]){__VA_ARGS__, 0})

static void radio_init(struct radio *radio)
{
    *radio = (struct radio){.queue = stm_broadcast_new(NULL)};
}

static void radio_fini(struct radio *radio)
{
    for (size_t i = 0; i < 4; i++)
        if (radio->endpoint[i] != NULL)
            stm_endpoint_release(radio->endpoint[i]);
    stm_broadcast_release(radio->queue);
}

START_TEST(each_endpoint_gets_what_is_put_after_it_was_made)
{
    struct radio radio;

    radio_init(&radio);
    put(&radio, 1);
    tune_in(&radio, 0);
    put(&radio, 2);
    tune_in(&radio, 1);
    put(&radio, 3);
    expect_items(&radio, 0, ITEMS(2, 3));
    put(&radio, 4);
    expect_items(&radio, 0, ITEMS(4));
    expect_items(&radio, 1, ITEMS(3, 4));
    radio_fini(&radio);
}
END_TEST

START_TEST(what_is_replaced_comes_first_and_last_in_first_out)
{
    struct radio radio;

    radio_init(&radio);
    tune_in(&radio, 0);
    tune_in(&radio, 1);
    put(&radio, 1);
    replace(&radio, 0, 10);
    replace(&radio, 0, 11);
    put(&radio, 2);
    expect_items(&radio, 0, ITEMS(11, 10, 1, 2));
    expect_items(&radio, 1, ITEMS(1, 2));
    radio_fini(&radio);
}
END_TEST

START_TEST(a_replaced_item_is_removed_by_its_handle)
{
    struct radio radio;
    uint64_t handles[5];

    radio_init(&radio);
    tune_in(&radio, 0);
    put(&radio, 1);
    for (size_t i = 0; i < 5; i++)
        handles[i] = replace(&radio, 0, 10 + i);
    expect_remove(STM_OK, &radio, 0, handles[2]);
    expect_remove(STM_ENOTFOUND, &radio, 0, handles[2]);
    expect_remove(STM_OK, &radio, 0, handles[4]);
    expect_remove(STM_OK, &radio, 0, handles[0]);
    expect_items(&radio, 0, ITEMS(13, 11, 1));
    expect_remove(STM_ENOTFOUND, &radio, 0, handles[1]);
    replace(&radio, 0, 20);
    expect_remove(STM_ENOTFOUND, &radio, 0, handles[3]);
    expect_items(&radio, 0, ITEMS(20));
    radio_fini(&radio);
}
END_TEST

START_TEST(a_duplicate_has_the_same_items_and_goes_its_own_way)
{
    struct radio radio;
    uint64_t handle;

    radio_init(&radio);
    tune_in(&radio, 0);
    put(&radio, 1);
    put(&radio, 2);
    handle = replace(&radio, 0, 10);
    duplicate(&radio, 0);
    replace(&radio, 0, 20);
    replace(&radio, 1, 30);
    put(&radio, 3);
    expect_remove(STM_OK, &radio, 0, handle);
    expect_items(&radio, 0, ITEMS(20, 1, 2, 3));
    expect_items(&radio, 1, ITEMS(30, 10, 1, 2, 3));
    radio_fini(&radio);
}
END_TEST

/* Operations in one transaction, the second half nested and undone. */
static enum stm_status undone_body(struct stm_tx *tx, void *argument)
{
    struct radio *radio = argument;
    stm_value item;
    uint64_t handle;

    STM_TRY(stm_endpoint_get(tx, radio->endpoint[0], &item));
    EXPECT(item == 10, "expected the replaced item, got %zu", (size_t)item);
    STM_TRY(stm_endpoint_get(tx, radio->endpoint[0], &item));
    STM_TRY(stm_endpoint_replace(tx, radio->endpoint[0], 50, &handle));
    STM_TRY(stm_endpoint_remove(tx, radio->endpoint[0], handle));
    STM_TRY(stm_broadcast_put(tx, radio->queue, 60));
    return STM_EABORT;
}

static enum stm_status half_undone_body(struct stm_tx *tx, void *argument)
{
    struct radio *radio = argument;
    enum stm_status status;

    STM_TRY(stm_broadcast_put(tx, radio->queue, 2));
    STM_TRY(stm_endpoint_replace(tx, radio->endpoint[0], 10, NULL));
    status = stm_atomically(undone_body, radio);
    return status == STM_EABORT ? STM_OK : status;
}

START_TEST(B_an_undone_transaction_leaves_an_endpoint_as_it_was)
{
    struct radio radio;

    radio_init(&radio);
    tune_in(&radio, 0);
    put(&radio, 1);
    EXPECT_STATUS(STM_OK, stm_atomically(half_undone_body, &radio));
    expect_items(&radio, 0, ITEMS(10, 1, 2));
    radio_fini(&radio);
}
END_TEST

START_TEST(an_endpoint_outlives_its_queue)
{
    struct radio radio;

    radio_init(&radio);
    tune_in(&radio, 0);
    put(&radio, 1);
    put(&radio, 2);
    stm_broadcast_release(radio.queue);
    expect_items(&radio, 0, ITEMS(1, 2));
    stm_endpoint_release(radio.endpoint[0]);
}
END_TEST

/* Every listener gets every item of every speaker. */
enum { SPEAKERS = 2, LISTENERS = 2 };

struct studio {
    struct radio radio;
    size_t items; /* of each speaker */
};

static enum stm_status listen_body(struct stm_tx *tx, void *argument)
{
    enum stm_status status = get_body(tx, argument);

    return status == STM_EEMPTY ? stm_retry(tx) : status;
}

static void studio_thread(size_t index, void *context)
{
    struct studio *studio = context;
    struct operation operation = {.radio = &studio->radio};
    stm_value last[SPEAKERS] = {0};

    if (index < SPEAKERS) {
        for (size_t i = 1; i <= studio->items; i++) {
            operation.item = SPEAKERS * i + index;
            EXPECT_STATUS(STM_OK, stm_atomically(put_body, &operation));
        }
        return;
    }
    operation.endpoint = index - SPEAKERS;
    for (size_t i = 0; i < SPEAKERS * studio->items; i++) {
        stm_value *expected;

        EXPECT_STATUS(STM_OK, stm_atomically(listen_body, &operation));
        expected = &last[operation.item % SPEAKERS];
        *expected += 1;
        EXPECT(operation.item / SPEAKERS == *expected,
               "expected item %zu of its speaker, got %zu", (size_t)*expected,
               (size_t)operation.item / SPEAKERS);
    }
}

START_TEST(every_listener_hears_every_speaker_in_order)
{
    struct studio studio = {.items = workload(5000)};

    radio_init(&studio.radio);
    for (size_t i = 0; i < LISTENERS; i++)
        tune_in(&studio.radio, i);
    crew_run(SPEAKERS + LISTENERS, studio_thread, &studio);
    radio_fini(&studio.radio);
}
END_TEST

/* What is put back is an endpoint's own; what others may also read is not. */
static int sum_visit(stm_value value, void *context)
{
    *(stm_value *)context += counted_number(value);
    return 0;
}

START_TEST(a_collector_sees_what_was_put_back)
{
    struct radio radio = {.queue = stm_broadcast_new(&counted_type)};
    stm_value items[] = {counted_new(1), counted_new(10), counted_new(100)};
    stm_value sum = 0;

    tune_in(&radio, 0);
    put(&radio, items[0]);
    replace(&radio, 0, items[1]);
    replace(&radio, 0, items[2]);
    EXPECT(stm_endpoint_traverse(radio.endpoint[0], sum_visit, &sum) == 0 &&
               sum == 110,
           "expected both items put back, whose numbers add up to 110, got %zu",
           (size_t)sum);
    duplicate(&radio, 0);
    sum = 0;
    EXPECT(stm_endpoint_traverse(radio.endpoint[0], sum_visit, &sum) == 0 &&
               sum == 0,
           "expected no visit of what two endpoints share");
    stm_endpoint_retain(radio.endpoint[0]);
    stm_endpoint_discard(radio.endpoint[0]);
    stm_endpoint_release(radio.endpoint[0]);
    stm_endpoint_discard(radio.endpoint[1]);
    for (size_t i = 0; i < 3; i++)
        counted_drop(items[i]);
    EXPECT(counted_live() == 1, "expected only the item put to live, not %zu",
           counted_live());
    radio_fini(&radio);
    EXPECT(counted_live() == 0, "expected all released");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("broadcast");

    tcase_add_test(tests, each_endpoint_gets_what_is_put_after_it_was_made);
    tcase_add_test(tests, what_is_replaced_comes_first_and_last_in_first_out);
    tcase_add_test(tests, a_replaced_item_is_removed_by_its_handle);
    tcase_add_test(tests, a_duplicate_has_the_same_items_and_goes_its_own_way);
    tcase_add_test(tests, B_an_undone_transaction_leaves_an_endpoint_as_it_was);
    tcase_add_test(tests, an_endpoint_outlives_its_queue);
    tcase_add_test(tests, a_collector_sees_what_was_put_back);
    tcase_add_test(tests, every_listener_hears_every_speaker_in_order);
    return run_suite("broadcast", tests);
}
