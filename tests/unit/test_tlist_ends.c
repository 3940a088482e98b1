/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The transactional list where it is empty or discarded or asked for what it
 * has not, and as a queue between threads. */
#include "support.h"

/* The errors of an empty list and of indices out of range. */
static enum stm_status errors_body(struct stm_tx *tx, void *argument)
{
    struct stm_tlist *list = argument;
    struct stm_seq *seq = NULL;
    stm_value item = 5;
    size_t length;

    EXPECT_STATUS(STM_EEMPTY, stm_tlist_pop_front(tx, list, &item));
    EXPECT_STATUS(STM_EEMPTY, stm_tlist_pop_back(tx, list, &item));
    EXPECT_STATUS(STM_ERANGE, stm_tlist_get(tx, list, 0, &item));
    EXPECT_STATUS(STM_ERANGE, stm_tlist_set(tx, list, 0, 1));
    EXPECT_STATUS(STM_ERANGE, stm_tlist_remove(tx, list, 0, &item));
    EXPECT_STATUS(STM_ERANGE, stm_tlist_insert(tx, list, 1, 1));
    EXPECT_STATUS(STM_ERANGE, stm_tlist_splice(tx, list, 0, 1, NULL));
    EXPECT_STATUS(STM_ERANGE, stm_tlist_slice(tx, list, 0, 1, &seq));
    EXPECT_STATUS(STM_ERANGE, stm_tlist_split(tx, list, 1, &seq));
    EXPECT(item == 5 && seq == NULL, "expected the out-parameters untouched");
    STM_TRY(stm_tlist_append(tx, list, 1));
    EXPECT_STATUS(STM_ERANGE, stm_tlist_slice(tx, list, 1, 0, &seq));
    EXPECT_STATUS(STM_ERANGE, stm_tlist_splice(tx, list, 1, 0, NULL));
    EXPECT_STATUS(STM_ERANGE, stm_tlist_get(tx, list, SIZE_MAX, &item));
    STM_TRY(stm_tlist_length(tx, list, &length));
    EXPECT(length == 1, "expected errors to change nothing");
    STM_TRY(stm_tlist_remove(tx, list, 0, NULL));
    return stm_tx_status(tx);
}

START_TEST(errors_of_a_list_are_results_and_change_nothing)
{
    struct stm_tlist *list = stm_tlist_new(NULL);

    EXPECT(stm_tlist_item_type(list) == NULL, "expected the type given");
    EXPECT_STATUS(STM_OK, stm_atomically(errors_body, list));
    stm_tlist_release(list);
}
END_TEST

/* Producers append, consumers pop; every item arrives once, in the order of
 * its producer. */
struct market {
    struct stm_tlist *list;
    size_t items; /* of each producer */
    AO_t taken;
    stm_value last[2][2]; /* by consumer and producer */
};

struct deal {
    struct market *market;
    stm_value item;
};

static enum stm_status offer_body(struct stm_tx *tx, void *argument)
{
    struct deal *deal = argument;

    return stm_tlist_append(tx, deal->market->list, deal->item);
}

static enum stm_status take_body(struct stm_tx *tx, void *argument)
{
    struct deal *deal = argument;
    enum stm_status status =
        stm_tlist_pop_front(tx, deal->market->list, &deal->item);

    return status == STM_EEMPTY ? stm_retry(tx) : status;
}

/* Threads 0 and 1 produce, 2 and 3 consume half of all items each. */
static void market_thread(size_t index, void *context)
{
    struct deal deal = {.market = context};

    for (size_t i = 1; i <= deal.market->items; i++) {
        stm_value *last;

        if (index < 2) {
            deal.item = 2 * i + index;
            EXPECT_STATUS(STM_OK, stm_atomically(offer_body, &deal));
            continue;
        }
        EXPECT_STATUS(STM_OK, stm_atomically(take_body, &deal));
        last = &deal.market->last[index - 2][deal.item % 2];
        EXPECT(deal.item > *last,
               "expected the items of a producer in "
               "order, got %zu after %zu",
               (size_t)deal.item, (size_t)*last);
        *last = deal.item;
        AO_fetch_and_add(&deal.market->taken, deal.item);
    }
}

START_TEST(items_cross_a_list_once_and_in_order)
{
    struct market market = {.list = stm_tlist_new(NULL),
                            .items = workload(10000)};
    size_t n = market.items;
    size_t sum = 2 * n * (n + 1) + n;

    crew_run(4, market_thread, &market);
    EXPECT(market.taken == sum, "expected items that add up to %zu, got %zu",
           sum, (size_t)market.taken);
    stm_tlist_release(market.list);
}
END_TEST

static enum stm_status never(stm_value left, stm_value right, void *context,
                             int *out)
{
    (void)left, (void)right, (void)context;
    EXPECT(false, "expected nothing to compare");
    *out = 0;
    return STM_OK;
}

/* What a collector that breaks cycles leaves is an empty list. */
static enum stm_status empty_body(struct stm_tx *tx, void *argument)
{
    struct stm_tlist *list = argument;
    struct stm_seq *seq;
    size_t length;
    stm_value item;

    stm_tlist_discard(list);
    STM_TRY(stm_tlist_length(tx, list, &length));
    EXPECT(length == 0, "expected no item, got %zu", length);
    EXPECT_STATUS(STM_ERANGE, stm_tlist_get(tx, list, 0, &item));
    STM_TRY(stm_tlist_sort(tx, list, never, NULL));
    STM_TRY(stm_tlist_slice(tx, list, 0, 0, &seq));
    EXPECT(stm_seq_length(seq) == 0, "expected an empty slice");
    stm_seq_release(seq);
    STM_TRY(stm_tlist_reverse(tx, list));
    EXPECT_STATUS(STM_EEMPTY, stm_tlist_pop_back(tx, list, &item));
    return stm_tlist_append(tx, list, 7);
}

struct assignment {
    struct stm_tlist *list;
    struct stm_seq *items;
};

static enum stm_status assign_body(struct stm_tx *tx, void *argument)
{
    struct assignment *assignment = argument;

    return stm_tlist_assign(tx, assignment->list, assignment->items);
}

static void assign(struct stm_tlist *list, struct stm_seq *items)
{
    struct assignment assignment = {list, items};

    EXPECT_STATUS(STM_OK, stm_atomically(assign_body, &assignment));
}

static int count_visit(stm_value value, void *context)
{
    (void)value;
    return ++*(int *)context == 3;
}

START_TEST(a_list_that_was_discarded_is_empty)
{
    struct stm_tlist *list = stm_tlist_new(&counted_type);
    struct stm_tlist *words = stm_tlist_new(NULL);
    stm_value items[] = {counted_new(1), counted_new(2), counted_new(3)};
    struct stm_seq *seq = stm_seq_new(&counted_type, items, 3);
    int visits = 0;

    for (size_t i = 0; i < 3; i++)
        counted_drop(items[i]);
    assign(list, seq);
    EXPECT(stm_tlist_traverse(list, count_visit, &visits) == 0 && visits == 0,
           "expected no visit of items that a sequence shares, got %d", visits);
    stm_seq_release(seq);
    EXPECT(stm_tlist_traverse(list, count_visit, &visits) == 1 && visits == 3,
           "expected 3 visits, the last of which says stop, got %d", visits);
    stm_tlist_discard(list);
    EXPECT(counted_live() == 0, "expected the items released");
    EXPECT_STATUS(STM_OK, stm_atomically(empty_body, words));
    stm_tlist_release(words);
    stm_tlist_release(list);
}
END_TEST

/* A list that is doubled until it cannot be: an error that leaves it as it is.
 */
static enum stm_status double_body(struct stm_tx *tx, void *argument)
{
    struct stm_tlist *list = argument;
    enum stm_status status = STM_OK;
    struct stm_seq *seq;
    size_t length, before = 3;

    STM_TRY(stm_tlist_clear(tx, list));
    for (stm_value i = 0; i < 3; i++)
        STM_TRY(stm_tlist_append(tx, list, i));
    for (;;) {
        STM_TRY(stm_tlist_snapshot(tx, list, &seq));
        status = stm_tlist_extend(tx, list, seq);
        if (status == STM_EFULL)
            EXPECT_STATUS(STM_EFULL, stm_tlist_splice(tx, list, 1, 1, seq));
        stm_seq_release(seq);
        if (status != STM_OK)
            break;
        before *= 2;
    }
    STM_TRY(stm_tlist_length(tx, list, &length));
    EXPECT_STATUS(STM_EFULL, status);
    EXPECT(length == before && length > PTRDIFF_MAX / sizeof(stm_value) / 2,
           "expected more than half of what an array can have, got %zu",
           length);
    return stm_tlist_append(tx, list, 3);
}

START_TEST(too_long_a_list_is_an_error_and_changes_nothing)
{
    struct stm_tlist *list = stm_tlist_new(NULL);

    EXPECT_STATUS(STM_OK, stm_atomically(double_body, list));
    stm_tlist_release(list);
}
END_TEST

struct copying {
    struct stm_tlist *list;
    struct stm_tlist *copy;
};

/* Makes a list of what another holds, changes both, and gives up. */
static enum stm_status copy_body(struct stm_tx *tx, void *argument)
{
    struct copying *copying = argument;
    struct stm_seq *seq;
    size_t length;

    if (copying->copy)
        stm_tlist_release(copying->copy); /* of an attempt thrown away */
    copying->copy = NULL;
    STM_TRY(stm_tlist_append(tx, copying->list, 1));
    STM_TRY(stm_tlist_snapshot(tx, copying->list, &seq));
    copying->copy = stm_tlist_new_of(seq);
    stm_seq_release(seq);
    STM_TRY(stm_tlist_append(tx, copying->copy, 2));
    STM_TRY(stm_tlist_length(tx, copying->list, &length));
    EXPECT(length == 1, "expected 1 item, got %zu", length);
    STM_TRY(stm_tlist_length(tx, copying->copy, &length));
    EXPECT(length == 2, "expected 2 items, got %zu", length);
    return STM_EUSER;
}

static enum stm_status copied_body(struct stm_tx *tx, void *argument)
{
    struct copying *copying = argument;
    stm_value item;
    size_t length;

    STM_TRY(stm_tlist_length(tx, copying->list, &length));
    EXPECT(length == 0, "expected the append undone, got %zu items", length);
    STM_TRY(stm_tlist_length(tx, copying->copy, &length));
    EXPECT(length == 1, "expected what it was made with, got %zu items",
           length);
    STM_TRY(stm_tlist_get(tx, copying->copy, 0, &item));
    EXPECT(item == 1, "expected 1, got %zu", (size_t)item);
    return STM_OK;
}

START_TEST(what_a_list_is_made_with_is_not_undone)
{
    struct copying copying = {.list = stm_tlist_new(NULL)};

    EXPECT_STATUS(STM_EUSER, stm_atomically(copy_body, &copying));
    EXPECT_STATUS(STM_OK, stm_atomically(copied_body, &copying));
    stm_tlist_release(copying.copy);
    stm_tlist_release(copying.list);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("tlist_ends");

    tcase_add_test(tests, errors_of_a_list_are_results_and_change_nothing);
    tcase_add_test(tests, a_list_that_was_discarded_is_empty);
    tcase_add_test(tests, what_a_list_is_made_with_is_not_undone);
    tcase_add_test(tests, too_long_a_list_is_an_error_and_changes_nothing);
    tcase_add_test(tests, items_cross_a_list_once_and_in_order);
    return run_suite("tlist_ends", tests);
}
