/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The transactional priority queue against a sorted array, its tickets, and
 * threads that push and pop. */
#include "game.h"

#include <string.h>

enum { CAPACITY = 100, STALE = 8 };

struct expected {
    stm_value number; /* of the counted object */
    struct stm_ticket ticket;
};

/* What the queue must hold, in order. */
struct model {
    size_t length;
    struct expected items[CAPACITY];
    struct stm_ticket stale[STALE]; /* of items that were taken out */
    size_t taken;
};

struct board {
    struct game game;
    struct model model;
    struct stm_tpriorityqueue *queue;
};

/* Behind all of the same priority. */
static void model_insert(struct model *model, struct expected item)
{
    size_t at = model->length++;

    while (at > 0 &&
           model->items[at - 1].ticket.priority > item.ticket.priority) {
        model->items[at] = model->items[at - 1];
        at--;
    }
    model->items[at] = item;
}

static void model_remove(struct model *model, size_t at)
{
    model->stale[model->taken++ % STALE] = model->items[at].ticket;
    memmove(&model->items[at], &model->items[at + 1],
            (--model->length - at) * sizeof model->items[0]);
}

static void expect_item(const struct board *board, size_t at, stm_value item,
                        int64_t priority)
{
    const struct expected *expected = &board->model.items[at];

    EXPECT(counted_number(item) == expected->number &&
               priority == expected->ticket.priority,
           "item %zu: expected %zu of priority %lld, got %zu of %lld", at,
           (size_t)expected->number, (long long)expected->ticket.priority,
           (size_t)counted_number(item), (long long)priority);
}

static enum stm_status play_push(struct stm_tx *tx, struct board *board)
{
    static const int64_t extremes[] = {INT64_MIN, INT64_MAX};
    size_t drawn = generator_below(&board->game.generator, 8);
    struct expected expected = {
        .number = generator_below(&board->game.generator, 1000)};
    int64_t priority = drawn < 2 ? extremes[drawn] : (int64_t)drawn - 4;
    stm_value item;
    enum stm_status status;

    if (board->model.length == CAPACITY)
        return STM_OK;
    item = counted_new(expected.number);
    status = stm_tpriorityqueue_push(tx, board->queue, priority, item,
                                     &expected.ticket);
    counted_drop(item);
    STM_TRY(status);
    EXPECT(expected.ticket.priority == priority,
           "expected the ticket to bear its priority");
    model_insert(&board->model, expected);
    return STM_OK;
}

static enum stm_status play_pop(struct stm_tx *tx, struct board *board)
{
    int64_t priority;
    stm_value item;

    if (board->model.length == 0)
        return EXPECT_RESULT(
            STM_EEMPTY,
            stm_tpriorityqueue_pop(tx, board->queue, &item, &priority));
    STM_TRY(stm_tpriorityqueue_pop(tx, board->queue, &item, &priority));
    expect_item(board, 0, item, priority);
    model_remove(&board->model, 0);
    return STM_OK;
}

static enum stm_status play_remove(struct stm_tx *tx, struct board *board)
{
    size_t at =
        generator_below(&board->game.generator, board->model.length + 1);
    stm_value item;

    if (at == board->model.length)
        return EXPECT_RESULT(
            STM_ENOTFOUND,
            stm_tpriorityqueue_remove(tx, board->queue,
                                      &board->model.stale[at % STALE], &item));
    STM_TRY(stm_tpriorityqueue_remove(tx, board->queue,
                                      &board->model.items[at].ticket, &item));
    expect_item(board, at, item, board->model.items[at].ticket.priority);
    model_remove(&board->model, at);
    return STM_OK;
}

static enum stm_status expect_ticket(struct stm_tx *tx, struct board *board,
                                     size_t at)
{
    const struct stm_ticket *expected = &board->model.items[at].ticket;
    struct stm_ticket ticket;

    STM_TRY(stm_tpriorityqueue_ticket(tx, board->queue, at, &ticket));
    EXPECT(ticket.priority == expected->priority &&
               ticket.number == expected->number,
           "item %zu: expected its own ticket", at);
    return EXPECT_RESULT(
        STM_ERANGE, stm_tpriorityqueue_ticket(tx, board->queue,
                                              board->model.length, &ticket));
}

static enum stm_status play_get(struct stm_tx *tx, struct board *board)
{
    size_t at =
        generator_below(&board->game.generator, board->model.length + 1);
    int64_t priority;
    stm_value item;

    if (at == board->model.length)
        return EXPECT_RESULT(
            STM_ERANGE,
            stm_tpriorityqueue_get(tx, board->queue, at, &item, NULL));
    STM_TRY(stm_tpriorityqueue_get(tx, board->queue, at, &item, &priority));
    expect_item(board, at, item, priority);
    return expect_ticket(tx, board, at);
}

static enum stm_status play_clear(struct stm_tx *tx, struct board *board)
{
    STM_TRY(stm_tpriorityqueue_clear(tx, board->queue));
    while (board->model.length > 0)
        model_remove(&board->model, board->model.length - 1);
    return STM_OK;
}

static enum stm_status play_one(struct stm_tx *tx, void *argument)
{
    struct board *board = argument;
    size_t drawn = generator_below(&board->game.generator, 100);

    if (drawn < 3)
        return play_clear(tx, board);
    if (drawn < 13)
        return play_remove(tx, board);
    if (drawn < 20)
        return play_get(tx, board);
    return drawn < 50 ? play_pop(tx, board) : play_push(tx, board);
}

static enum stm_status compare_body(struct stm_tx *tx, void *argument)
{
    struct board *board = argument;
    size_t length;

    STM_TRY(stm_tpriorityqueue_length(tx, board->queue, &length));
    EXPECT(length == board->model.length, "expected %zu items, got %zu",
           board->model.length, length);
    for (size_t i = 0; i < board->model.length; i++) {
        int64_t priority;
        stm_value item;

        STM_TRY(stm_tpriorityqueue_get(tx, board->queue, i, &item, &priority));
        expect_item(board, i, item, priority);
    }
    return STM_OK;
}

START_TEST(a_queue_equals_a_sorted_array_through_undone_transactions)
{
    static struct board board;

    board.queue = stm_tpriorityqueue_new(&counted_type);
    EXPECT(stm_tpriorityqueue_item_type(board.queue) == &counted_type,
           "expected the type given");
    board.game = (struct game){.model = &board.model,
                               .model_size = sizeof board.model,
                               .move = play_one,
                               .check = compare_body,
                               .argument = &board};
    stm_tpriorityqueue_retain(board.queue);
    stm_tpriorityqueue_release(board.queue);
    game_play(&board.game, workload(3000));
    stm_tpriorityqueue_release(board.queue);
    EXPECT(counted_live() == 0, "expected every item released, %zu live",
           counted_live());
}
END_TEST

/* One operation in a transaction of its own. */
struct operation {
    struct stm_tpriorityqueue *queue;
    int64_t priority;
    stm_value item;
    struct stm_ticket ticket;
};

static enum stm_status push_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;

    return stm_tpriorityqueue_push(tx, operation->queue, operation->priority,
                                   operation->item, &operation->ticket);
}

static enum stm_status pop_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;

    return stm_tpriorityqueue_pop(tx, operation->queue, &operation->item,
                                  &operation->priority);
}

static enum stm_status await_body(struct stm_tx *tx, void *argument)
{
    enum stm_status status = pop_body(tx, argument);

    return status == STM_EEMPTY ? stm_retry(tx) : status;
}

static enum stm_status remove_body(struct stm_tx *tx, void *argument)
{
    struct operation *operation = argument;

    return stm_tpriorityqueue_remove(tx, operation->queue, &operation->ticket,
                                     NULL);
}

static struct stm_ticket push(struct stm_tpriorityqueue *queue,
                              int64_t priority, stm_value item)
{
    struct operation operation = {queue, priority, item, {0, 0}};

    EXPECT_STATUS(STM_OK, stm_atomically(push_body, &operation));
    return operation.ticket;
}

static void expect_pop(struct stm_tpriorityqueue *queue, stm_value item)
{
    struct operation operation = {.queue = queue};

    EXPECT_STATUS(STM_OK, stm_atomically(pop_body, &operation));
    EXPECT(operation.item == item, "expected %zu, got %zu", (size_t)item,
           (size_t)operation.item);
}

static void expect_remove(enum stm_status wanted,
                          struct stm_tpriorityqueue *queue,
                          struct stm_ticket ticket)
{
    struct operation operation = {.queue = queue, .ticket = ticket};

    EXPECT_STATUS(wanted, stm_atomically(remove_body, &operation));
}

START_TEST(a_ticket_is_good_for_one_item_and_once)
{
    struct stm_tpriorityqueue *queue = stm_tpriorityqueue_new(NULL);
    struct stm_ticket first = push(queue, 7, 1);
    struct stm_ticket second = push(queue, 7, 2);
    struct stm_ticket third = push(queue, 7, 3);

    expect_remove(STM_OK, queue, second);
    expect_remove(STM_ENOTFOUND, queue, second);
    expect_pop(queue, 1);
    expect_remove(STM_ENOTFOUND, queue, first);
    push(queue, 7, 4);
    expect_remove(STM_ENOTFOUND, queue, first);
    expect_remove(STM_ENOTFOUND, queue, second);
    third.priority = 6;
    expect_remove(STM_ENOTFOUND, queue, third);
    expect_pop(queue, 3);
    expect_pop(queue, 4);
    stm_tpriorityqueue_release(queue);
}
END_TEST

START_TEST(among_equals_the_first_pushed_comes_first)
{
    struct stm_tpriorityqueue *queue = stm_tpriorityqueue_new(NULL);

    for (stm_value i = 0; i < 300; i++)
        push(queue, (int64_t)(i % 3) - 1, i);
    for (stm_value rest = 0; rest < 3; rest++)
        for (stm_value i = rest; i < 300; i += 3)
            expect_pop(queue, i);
    stm_tpriorityqueue_release(queue);
}
END_TEST

/* As many items in and out again in one transaction. */
static enum stm_status many_body(struct stm_tx *tx, void *argument)
{
    enum { MANY_ITEMS = 1000 };
    struct stm_tpriorityqueue *queue = argument;
    stm_value item;

    for (stm_value i = 0; i < MANY_ITEMS; i++) {
        enum stm_status status;

        item = counted_new(i);
        status = stm_tpriorityqueue_push(tx, queue, -(int64_t)i, item, NULL);
        counted_drop(item);
        STM_TRY(status);
    }
    for (stm_value i = MANY_ITEMS; i-- > 0;) {
        STM_TRY(stm_tpriorityqueue_pop(tx, queue, &item, NULL));
        EXPECT(counted_number(item) == i, "expected %zu, got %zu", (size_t)i,
               (size_t)counted_number(item));
    }
    return EXPECT_RESULT(STM_EEMPTY,
                         stm_tpriorityqueue_pop(tx, queue, &item, NULL));
}

START_TEST(H_many_items_through_a_queue_in_one_transaction_are_released)
{
    struct stm_tpriorityqueue *queue = stm_tpriorityqueue_new(&counted_type);

    EXPECT_STATUS(STM_OK, stm_atomically(many_body, queue));
    EXPECT(counted_live() == 0, "expected the items released, %zu live",
           counted_live());
    stm_tpriorityqueue_release(queue);
}
END_TEST

START_TEST(C_a_blocked_popper_is_woken_by_a_push)
{
    struct operation operation = {.queue = stm_tpriorityqueue_new(NULL)};
    struct stm_call *call = stm_call_new(await_body, &operation);

    EXPECT_STATUS(STM_BLOCKED, stm_call_step(call));
    push(operation.queue, 3, 9);
    EXPECT_STATUS(STM_OK, stm_call_wait(call));
    EXPECT_STATUS(STM_OK, stm_call_step(call));
    EXPECT(operation.item == 9 && operation.priority == 3,
           "expected the item pushed");
    stm_call_free(call);
    stm_tpriorityqueue_release(operation.queue);
}
END_TEST

/* Threads 0 and 1 push, 2 and 3 pop half of all items each.  An item tells its
 * pusher, its priority and its place among those. */
enum { PUSHERS = 2, PRIORITIES = 3, MANY = 100000 };

struct office {
    struct stm_tpriorityqueue *queue;
    size_t items; /* of each pusher */
    AO_t seen[PUSHERS][MANY];
};

static void office_thread(size_t index, void *context)
{
    struct office *office = context;
    struct operation operation = {.queue = office->queue};
    stm_value last[PUSHERS][PRIORITIES] = {{0}};

    for (size_t i = 0; i < office->items; i++) {
        stm_value pusher, number, *before;

        operation.item = PUSHERS * i + index;
        operation.priority = (int64_t)(i % PRIORITIES);
        if (index < PUSHERS) {
            EXPECT_STATUS(STM_OK, stm_atomically(push_body, &operation));
            continue;
        }
        EXPECT_STATUS(STM_OK, stm_atomically(await_body, &operation));
        pusher = operation.item % PUSHERS;
        number = operation.item / PUSHERS;
        before = &last[pusher][number % PRIORITIES];
        EXPECT(number + 1 > *before,
               "expected the equals of a pusher in order, got %zu after %zu",
               (size_t)number, (size_t)*before);
        *before = number + 1;
        AO_fetch_and_add1(&office->seen[pusher][number]);
    }
}

START_TEST(items_cross_a_queue_once_and_equals_in_order)
{
    static struct office office;

    office.queue = stm_tpriorityqueue_new(NULL);
    office.items = workload(10000);
    crew_run(2 * PUSHERS, office_thread, &office);
    for (size_t i = 0; i < PUSHERS; i++)
        for (size_t j = 0; j < office.items; j++)
            EXPECT(office.seen[i][j] == 1,
                   "item %zu of pusher %zu: expected it once, got it %zu times",
                   j, i, (size_t)office.seen[i][j]);
    stm_tpriorityqueue_release(office.queue);
}
END_TEST

START_TEST(a_collector_sees_the_items_and_can_let_them_go)
{
    struct stm_tpriorityqueue *queue = stm_tpriorityqueue_new(&counted_type);
    size_t visits = 0;

    for (size_t i = 0; i < 100; i++) {
        stm_value item = counted_new(i);

        push(queue, (int64_t)(i % 5), item);
        counted_drop(item);
    }
    EXPECT(stm_tpriorityqueue_traverse(queue, visit_count, &visits) == 0,
           "expected the traversal to end by itself");
    EXPECT(visits == 100, "expected 100 visits, got %zu", visits);
    stm_tpriorityqueue_discard(queue);
    EXPECT(counted_live() == 0, "expected the items released, %zu live",
           counted_live());
    expect_remove(STM_ENOTFOUND, queue, (struct stm_ticket){0, 1});
    push(queue, 1, 0);
    expect_pop(queue, 0);
    stm_tpriorityqueue_release(queue);
}
END_TEST

/* A type whose values not every thread may release. */
static _Thread_local bool may_not;
static AO_t fussy_live; /* references */

static void fussy_retain(stm_value value)
{
    (void)value;
    AO_fetch_and_add1(&fussy_live);
}

static void fussy_release(stm_value value)
{
    (void)value;
    EXPECT(!may_not, "released by a thread that may not");
    AO_fetch_and_sub1(&fussy_live);
}

static bool this_thread_may(stm_value value)
{
    (void)value;
    return !may_not;
}

static const struct stm_type fussy_type = {.name = "fussy",
                                           .retain = fussy_retain,
                                           .release = fussy_release,
                                           .may_release = this_thread_may};

static void expect_fussy_live(AO_t wanted, const char *when)
{
    EXPECT(AO_load(&fussy_live) == wanted, "%s: expected %zu references, %zu",
           when, (size_t)wanted, (size_t)AO_load(&fussy_live));
}

static void popping_thread(size_t index, void *context)
{
    (void)index;
    may_not = true;
    expect_pop(context, 8);
}

START_TEST(an_item_is_released_only_by_a_thread_that_may)
{
    struct stm_tpriorityqueue *queue = stm_tpriorityqueue_new(&fussy_type);

    push(queue, 1, 8);
    crew_run(1, popping_thread, queue);
    expect_fussy_live(1, "popped by a thread that may not");
    push(queue, 1, 16);
    expect_fussy_live(1, "after an attempt of one that may");
    stm_tpriorityqueue_release(queue);
    expect_fussy_live(0, "with the queue gone");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("priority queue");

    tcase_add_test(tests,
                   a_queue_equals_a_sorted_array_through_undone_transactions);
    tcase_add_test(tests, a_ticket_is_good_for_one_item_and_once);
    tcase_add_test(tests, among_equals_the_first_pushed_comes_first);
    tcase_add_test(
        tests, H_many_items_through_a_queue_in_one_transaction_are_released);
    tcase_add_test(tests, C_a_blocked_popper_is_woken_by_a_push);
    tcase_add_test(tests, items_cross_a_queue_once_and_equals_in_order);
    tcase_add_test(tests, a_collector_sees_the_items_and_can_let_them_go);
    tcase_add_test(tests, an_item_is_released_only_by_a_thread_that_may);
    return run_suite("tpriorityqueue", tests);
}
