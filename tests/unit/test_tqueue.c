/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The transactional queue, with and without a bound. */
#include "faults.h"
#include "game.h"

#include <stdlib.h>
#include <string.h>

/* ---- against an array ---- */

enum { UNBOUNDED_MAX = 200 };

/* What the queue must hold: the numbers of counted objects. */
struct model {
    size_t length;
    stm_value items[UNBOUNDED_MAX];
};

struct board {
    struct game game;
    struct model model;
    struct stm_tqueue *queue;
    bool words;
};

static stm_value number_of(const struct board *board, stm_value item)
{
    return board->words ? item : counted_number(item);
}

static void expect_first(const struct board *board, stm_value item)
{
    EXPECT(number_of(board, item) == board->model.items[0],
           "expected %zu first of %zu, got %zu", (size_t)board->model.items[0],
           board->model.length, (size_t)number_of(board, item));
}

static enum stm_status play_put(struct stm_tx *tx, struct board *board)
{
    size_t capacity = stm_tqueue_capacity(board->queue);
    stm_value number = generator_below(&board->game.generator, 10);
    enum stm_status status;
    stm_value item;

    if (!capacity && board->model.length == UNBOUNDED_MAX)
        return STM_OK;
    item = board->words ? number : counted_new(number);
    status = stm_tqueue_put(tx, board->queue, item);
    if (!board->words)
        counted_drop(item);
    if (capacity && board->model.length == capacity)
        return EXPECT_RESULT(STM_EFULL, status);
    STM_TRY(status);
    board->model.items[board->model.length++] = number;
    return STM_OK;
}

static enum stm_status play_get(struct stm_tx *tx, struct board *board)
{
    stm_value item;

    if (board->model.length == 0)
        return EXPECT_RESULT(STM_EEMPTY,
                             stm_tqueue_get(tx, board->queue, &item));
    STM_TRY(stm_tqueue_get(tx, board->queue, &item));
    expect_first(board, item);
    memmove(&board->model.items[0], &board->model.items[1],
            --board->model.length * sizeof board->model.items[0]);
    return STM_OK;
}

static enum stm_status play_look(struct stm_tx *tx, void *argument)
{
    struct board *board = argument;
    size_t length;
    stm_value item;

    STM_TRY(stm_tqueue_length(tx, board->queue, &length));
    EXPECT(length == board->model.length, "expected %zu items, got %zu",
           board->model.length, length);
    if (length == 0)
        return EXPECT_RESULT(STM_EEMPTY,
                             stm_tqueue_peek(tx, board->queue, &item));
    STM_TRY(stm_tqueue_peek(tx, board->queue, &item));
    expect_first(board, item);
    return STM_OK;
}

static enum stm_status play_one(struct stm_tx *tx, void *argument)
{
    struct board *board = argument;
    size_t drawn = generator_below(&board->game.generator, 16);

    if (drawn < 2)
        return play_look(tx, board);
    return drawn < 8 ? play_get(tx, board) : play_put(tx, board);
}

static void play(size_t capacity, bool words)
{
    const struct stm_type *type = words ? NULL : &counted_type;
    struct board board = {.words = words};

    board.queue = stm_tqueue_new(type, capacity);
    EXPECT(stm_tqueue_item_type(board.queue) == type &&
               stm_tqueue_capacity(board.queue) == capacity,
           "expected the type and the capacity given");
    board.game = (struct game){.model = &board.model,
                               .model_size = sizeof board.model,
                               .move = play_one,
                               .check = play_look,
                               .argument = &board};
    stm_tqueue_retain(board.queue);
    stm_tqueue_release(board.queue);
    game_play(&board.game, workload(1000));
    stm_tqueue_release(board.queue);
    EXPECT(counted_live() == 0, "expected every item released, %zu live",
           counted_live());
}

static const size_t capacities[] = {0, 1, 2, 3, 16};
static const size_t capacity_count = sizeof capacities / sizeof capacities[0];

START_TEST(a_queue_equals_an_array_through_undone_transactions)
{
    play(capacities[_i], false);
    play(capacities[_i], true);
}
END_TEST

/* ---- one operation in a transaction of its own ---- */

struct operation {
    struct stm_tqueue *queue;
    stm_value item;
};

static enum stm_status put_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;

    return stm_tqueue_put(tx, operation->queue, operation->item);
}

static enum stm_status get_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;

    return stm_tqueue_get(tx, operation->queue, &operation->item);
}

static enum stm_status await_room_body(struct stm_tx *tx, void *argument)
{
    enum stm_status status = put_body(tx, argument);

    return status == STM_EFULL ? stm_retry(tx) : status;
}

static enum stm_status await_item_body(struct stm_tx *tx, void *argument)
{
    enum stm_status status = get_body(tx, argument);

    return status == STM_EEMPTY ? stm_retry(tx) : status;
}

static void put(struct stm_tqueue *queue, stm_value item)
{
    struct operation operation = {queue, item};

    EXPECT_STATUS(STM_OK, stm_atomically(put_body, &operation));
}

static void expect_get(struct stm_tqueue *queue, stm_value item)
{
    struct operation operation = {.queue = queue};

    EXPECT_STATUS(STM_OK, stm_atomically(get_body, &operation));
    EXPECT(operation.item == item, "expected %zu, got %zu", (size_t)item,
           (size_t)operation.item);
}

START_TEST(C_a_blocked_getter_is_woken_by_a_put)
{
    struct operation operation = {stm_tqueue_new(NULL, capacities[_i]), 1};
    struct stm_call *call = stm_call_new(await_item_body, &operation);

    EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
    put(operation.queue, 0);
    EXPECT_STATUS(STM_OK, stm_call_wait(call));
    EXPECT_STATUS(STM_OK, stm_call_step(call));
    EXPECT(operation.item == 0, "expected the word 0, got %zu",
           (size_t)operation.item);
    stm_call_free(call);
    stm_tqueue_release(operation.queue);
}
END_TEST

START_TEST(C_a_blocked_putter_is_woken_by_a_get)
{
    struct operation operation = {stm_tqueue_new(NULL, capacities[_i]), 77};
    struct stm_call *call = stm_call_new(await_room_body, &operation);

    for (stm_value i = 0; i < capacities[_i]; i++)
        put(operation.queue, i);
    EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
    expect_get(operation.queue, 0);
    EXPECT_STATUS(STM_OK, stm_call_wait(call));
    EXPECT_STATUS(STM_OK, stm_call_step(call));
    for (stm_value i = 1; i < capacities[_i]; i++)
        expect_get(operation.queue, i);
    expect_get(operation.queue, 77);
    stm_call_free(call);
    stm_tqueue_release(operation.queue);
}
END_TEST

static enum stm_status misuse_body(struct stm_tx *tx, void *argument)
{
    struct stm_tqueue *queue = argument;
    size_t length;

    STM_TRY(EXPECT_RESULT(STM_EMISUSE, stm_tqueue_put(tx, queue, 0)));
    STM_TRY(stm_tqueue_length(tx, queue, &length));
    EXPECT(length == 0, "expected no item, got %zu", length);
    return STM_OK;
}

START_TEST(with_a_type_the_word_0_is_no_item)
{
    struct stm_tqueue *queue = stm_tqueue_new(&counted_type, capacities[_i]);

    EXPECT_STATUS(STM_EMISUSE, stm_tqueue_put(NULL, queue, 0));
    EXPECT_STATUS(STM_OK, stm_atomically(misuse_body, queue));
    stm_tqueue_release(queue);
}
END_TEST

START_TEST(I_too_many_places_are_out_of_memory)
{
    EXPECT(stm_tqueue_new(NULL, SIZE_MAX) == NULL &&
               stm_tqueue_new(NULL, SIZE_MAX / sizeof(void *)) == NULL,
           "expected NULL");
}
END_TEST

/* ---- puts and gets beside each other ---- */

/* In the middle of a put, a get on another thread, or the reverse. */
struct encounter {
    struct operation own;
    struct operation other;
    stm_body *body;
    stm_body *other_body;
    bool met;
    size_t runs;
};

static enum stm_status encounter_body(struct stm_tx *tx, void *argument)
{
    struct encounter *encounter = argument;

    encounter->runs++;
    STM_TRY(encounter->body(tx, &encounter->own));
    if (!encounter->met)
        atomically_elsewhere(encounter->other_body, &encounter->other);
    encounter->met = true;
    return STM_OK;
}

/* Three times round a ring of four; or, without a bound, as long as there is
 * something in the sequence at the front. */
START_TEST(puts_and_gets_do_not_conflict_between_full_and_empty)
{
    const size_t count = _i == 0 ? 2 : 12;
    struct stm_tqueue *queue = stm_tqueue_new(NULL, _i == 0 ? 0 : 4);

    for (stm_value i = 0; i < 3; i++)
        put(queue, i);
    expect_get(queue, 0);
    put(queue, 3);
    for (stm_value i = 0; i < count; i++) {
        struct encounter encounter = {.own = {queue, i + 4},
                                      .other = {queue, i + 4}};
        bool gets = i % 2;

        encounter.body = gets ? get_body : put_body;
        encounter.other_body = gets ? put_body : get_body;
        EXPECT_STATUS(STM_OK, stm_atomically(encounter_body, &encounter));
        EXPECT_RUNS(1, &encounter.runs, "an encounter");
        EXPECT((gets ? encounter.own : encounter.other).item == i + 1,
               "expected to get %zu", (size_t)i + 1);
    }
    stm_tqueue_release(queue);
}
END_TEST

/* One thread puts, the other gets, too few to make it full or empty. */
enum { ROOM = 64 };

static void beside_thread(size_t index, void *context)
{
    struct operation operation = {.queue = context};

    for (size_t i = 0; i < ROOM / 2 - 1; i++)
        EXPECT_STATUS(STM_OK, stm_atomically(index == 0 ? put_body : get_body,
                                             &operation));
}

START_TEST(threads_that_put_and_get_have_no_conflicts)
{
    struct stm_tqueue *queue = stm_tqueue_new(NULL, ROOM);
    struct stm_stats before, stats;

    for (size_t i = 0; i < ROOM / 2; i++)
        put(queue, i);
    stm_stats_read(&before);
    for (size_t i = 0; i < workload(300); i++)
        crew_run(2, beside_thread, queue);
    stats = stats_since(&before);
    EXPECT(stats.conflicts == 0 || shaken(), "expected no conflicts, got %zu",
           (size_t)stats.conflicts);
    stm_tqueue_release(queue);
}
END_TEST

START_TEST(H_a_bounded_queue_allocates_nothing_as_it_turns)
{
    enum { ROUNDS = 100, PLENTY = 1000 };
    stm_value item = counted_new(1);

    for (size_t capacity = 1; capacity < 4; capacity++) {
        struct stm_tqueue *queue = stm_tqueue_new(&counted_type, capacity);

        for (size_t i = 0; i < 2 * ROUNDS; i++) {
            if (i == ROUNDS)
                faults_arm(PLENTY, false);
            put(queue, item);
            expect_get(queue, item);
        }
        faults.armed = false;
        EXPECT(faults.left == PLENTY, "expected no allocation, got %zu",
               PLENTY - faults.left);
        stm_tqueue_release(queue);
    }
    counted_drop(item);
    EXPECT(counted_live() == 0, "expected the item released");
}
END_TEST

/* Threads 0 and 1 put, 2 and 3 get half of all items each.  An item tells its
 * thread and its place among those. */
enum { PUTTERS = 2, MANY = 10000 };

struct market {
    struct stm_tqueue *queue;
    size_t items; /* of each putter */
    AO_t seen[PUTTERS][MANY];
};

static void market_thread(size_t index, void *context)
{
    struct market *market = context;
    struct operation operation = {.queue = market->queue};
    stm_value last[PUTTERS] = {0};

    for (size_t i = 0; i < market->items; i++) {
        stm_value putter, number;

        operation.item = PUTTERS * i + index;
        if (index < PUTTERS) {
            EXPECT_STATUS(STM_OK, stm_atomically(await_room_body, &operation));
            continue;
        }
        EXPECT_STATUS(STM_OK, stm_atomically(await_item_body, &operation));
        putter = operation.item % PUTTERS;
        number = operation.item / PUTTERS;
        EXPECT(number + 1 > last[putter],
               "expected the items of a thread in order, got %zu after %zu",
               (size_t)number, (size_t)last[putter] - 1);
        last[putter] = number + 1;
        AO_fetch_and_add1(&market->seen[putter][number]);
    }
}

START_TEST(items_cross_a_queue_once_and_in_order)
{
    struct market *market = calloc(1, sizeof *market);

    ck_assert_ptr_nonnull(market);
    market->queue = stm_tqueue_new(NULL, capacities[_i]);
    market->items = workload(MANY);
    crew_run(2 * PUTTERS, market_thread, market);
    for (size_t i = 0; i < PUTTERS; i++)
        for (size_t j = 0; j < market->items; j++)
            EXPECT(market->seen[i][j] == 1,
                   "item %zu of thread %zu: expected it once, got it %zu times",
                   j, i, (size_t)market->seen[i][j]);
    stm_tqueue_release(market->queue);
    free(market);
}
END_TEST

/* ---- for collectors ---- */

START_TEST(a_collector_sees_the_items_and_can_let_them_go)
{
    struct stm_tqueue *queue = stm_tqueue_new(&counted_type, capacities[_i]);
    size_t count = capacities[_i] ? capacities[_i] : 10;
    size_t visits = 0;
    stm_value item;

    for (size_t i = 0; i < count; i++) {
        item = counted_new(i);
        put(queue, item);
        counted_drop(item);
    }
    EXPECT(stm_tqueue_traverse(queue, visit_count, &visits) == 0 &&
               visits == count,
           "expected %zu visits, got %zu", count, visits);
    EXPECT(stm_tqueue_traverse(queue, visit_one, &visits) == 5 &&
               visits == count + 1,
           "expected the visit to end the traversal");
    stm_tqueue_discard(queue);
    EXPECT(counted_live() == 0, "expected the items released, %zu live",
           counted_live());
    item = counted_new(1);
    put(queue, item);
    expect_get(queue, item);
    counted_drop(item);
    stm_tqueue_release(queue);
}
END_TEST

START_TEST(a_collector_leaves_words_alone)
{
    struct stm_tqueue *queue = stm_tqueue_new(NULL, capacities[_i]);
    size_t visits = 0;

    put(queue, 3);
    EXPECT(stm_tqueue_traverse(queue, visit_count, &visits) == 0 && visits == 0,
           "expected no visit, got %zu", visits);
    stm_tqueue_discard(queue);
    expect_get(queue, 3);
    stm_tqueue_release(queue);
}
END_TEST

static void add_tests(TCase *tests)
{
    const int all = (int)capacity_count;

    tcase_add_loop_test(
        tests, a_queue_equals_an_array_through_undone_transactions, 0, all);
    tcase_add_loop_test(tests, C_a_blocked_getter_is_woken_by_a_put, 0, all);
    tcase_add_loop_test(tests, C_a_blocked_putter_is_woken_by_a_get, 1, all);
    tcase_add_loop_test(tests, with_a_type_the_word_0_is_no_item, 0, all);
    tcase_add_test(tests, I_too_many_places_are_out_of_memory);
    tcase_add_loop_test(
        tests, puts_and_gets_do_not_conflict_between_full_and_empty, 0, 2);
    tcase_add_test(tests, threads_that_put_and_get_have_no_conflicts);
    tcase_add_test(tests, H_a_bounded_queue_allocates_nothing_as_it_turns);
    tcase_add_loop_test(tests, items_cross_a_queue_once_and_in_order, 0, all);
    tcase_add_loop_test(tests, a_collector_sees_the_items_and_can_let_them_go,
                        0, all);
    tcase_add_loop_test(tests, a_collector_leaves_words_alone, 0, all);
}

int main(void)
{
    TCase *tests = tcase_create("queue");

    add_tests(tests);
    return run_suite("tqueue", tests);
}
