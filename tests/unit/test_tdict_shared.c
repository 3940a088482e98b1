/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* One dictionary, or set, among several threads, and what is left of it. */
#include "support.h"

enum { THREADS = 4, ACCOUNTS = 64, TOTAL = 1000 * ACCOUNTS };

/* ---- money among accounts ---- */

struct bank {
    struct stm_tdict *accounts; /* by number: an amount, never 0 */
    size_t transfers;           /* of each thread */
};

struct transfer {
    struct bank *bank;
    stm_value from, to;
};

/* An account of nothing is taken out. */
static enum stm_status move_body(struct stm_tx *tx, void *argument)
{
    struct transfer *transfer = argument;
    struct stm_tdict *accounts = transfer->bank->accounts;
    stm_value amount = 0;
    enum stm_status status =
        stm_tdict_remove(tx, accounts, transfer->from, &amount);

    if (status == STM_ENOTFOUND)
        return STM_OK;
    STM_TRY(status);
    if (amount > 1)
        STM_TRY(stm_tdict_set(tx, accounts, transfer->from, amount - 1));
    STM_TRY(stm_tdict_get_or_set(tx, accounts, transfer->to, 0, &amount));
    return stm_tdict_set(tx, accounts, transfer->to, amount + 1);
}

static size_t total_of(const struct stm_map *map)
{
    size_t total = 0;

    for (size_t i = 0; i < stm_map_length(map); i++) {
        stm_value key, value, got = 0;

        stm_map_at(map, i, &key, &value);
        EXPECT_STATUS(STM_OK, stm_map_get(map, key, &got));
        EXPECT(got == value, "expected the same value by key and by position");
        total += value;
    }
    return total;
}

static enum stm_status audit_body(struct stm_tx *tx, void *argument)
{
    struct bank *bank = argument;
    struct stm_map *map;
    size_t total;

    STM_TRY(stm_tdict_snapshot(tx, bank->accounts, &map));
    total = total_of(map);
    EXPECT(total == TOTAL, "A: expected a total of %d, got %zu", TOTAL, total);
    stm_map_release(map);
    return STM_OK;
}

static void banking_thread(size_t index, void *context)
{
    struct transfer transfer = {.bank = context};
    struct generator generator;

    generator_init(&generator, index + 1);
    for (size_t i = 0; i < transfer.bank->transfers; i++) {
        transfer.from = counted_new(generator_below(&generator, ACCOUNTS));
        transfer.to = counted_new(generator_below(&generator, ACCOUNTS));
        EXPECT_STATUS(STM_OK, stm_atomically(move_body, &transfer));
        counted_drop(transfer.from);
        counted_drop(transfer.to);
        if (i % 50 == 0)
            EXPECT_STATUS(STM_OK, stm_atomically(audit_body, transfer.bank));
    }
}

static enum stm_status open_body(struct stm_tx *tx, void *argument)
{
    struct bank *bank = argument;

    for (size_t i = 0; i < ACCOUNTS; i++) {
        stm_value key = counted_new(i);
        enum stm_status status =
            stm_tdict_set(tx, bank->accounts, key, TOTAL / ACCOUNTS);

        counted_drop(key);
        STM_TRY(status);
    }
    return STM_OK;
}

START_TEST(A_money_moves_among_accounts_and_none_is_lost)
{
    struct bank bank = {.accounts = stm_tdict_new(&counted_equal_keys, NULL),
                        .transfers = workload(10000)};

    EXPECT_STATUS(STM_OK, stm_atomically(open_body, &bank));
    crew_run(THREADS, banking_thread, &bank);
    EXPECT_STATUS(STM_OK, stm_atomically(audit_body, &bank));
    stm_tdict_release(bank.accounts);
    EXPECT(counted_live() == 0, "H: expected every key released, %zu live",
           counted_live());
}
END_TEST

/* ---- keys that go through a set ---- */

struct ferry {
    struct stm_tset *set;
    size_t keys; /* of each producer */
    AO_t sum;
};

struct passage {
    struct ferry *ferry;
    stm_value key;
};

static enum stm_status board_body(struct stm_tx *tx, void *argument)
{
    struct passage *passage = argument;
    bool added;

    STM_TRY(stm_tset_add(tx, passage->ferry->set, passage->key, &added));
    EXPECT(added, "expected a new key");
    return STM_OK;
}

static enum stm_status leave_body(struct stm_tx *tx, void *argument)
{
    struct passage *passage = argument;
    enum stm_status status =
        stm_tset_pop_front(tx, passage->ferry->set, &passage->key);

    return status == STM_EEMPTY ? stm_retry(tx) : status;
}

/* Threads 0 and 1 put keys in, 2 and 3 take half of them out each. */
static void ferry_thread(size_t index, void *context)
{
    struct passage passage = {.ferry = context};

    for (size_t i = 1; i <= passage.ferry->keys; i++) {
        passage.key = 2 * i + index;
        EXPECT_STATUS(
            STM_OK,
            stm_atomically(index < 2 ? board_body : leave_body, &passage));
        if (index >= 2)
            AO_fetch_and_add(&passage.ferry->sum, passage.key);
    }
}

START_TEST(C_keys_go_through_a_set_once)
{
    struct ferry ferry = {.set = stm_tset_new(NULL), .keys = workload(10000)};
    size_t n = ferry.keys;
    size_t sum = 2 * n * (n + 1) + n;

    crew_run(THREADS, ferry_thread, &ferry);
    EXPECT(ferry.sum == sum, "expected keys that add up to %zu, got %zu", sum,
           (size_t)ferry.sum);
    stm_tset_release(ferry.set);
}
END_TEST

/* ---- waiting for a key ---- */

struct meeting {
    struct stm_tdict *dict;
    stm_value got;
};

static enum stm_status await_key_body(struct stm_tx *tx, void *argument)
{
    struct meeting *meeting = argument;
    enum stm_status status = stm_tdict_get(tx, meeting->dict, 7, &meeting->got);

    return status == STM_ENOTFOUND ? stm_retry(tx) : status;
}

static void meeting_thread(size_t index, void *context)
{
    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(await_key_body, context));
}

static enum stm_status bring_key_body(struct stm_tx *tx, void *argument)
{
    struct meeting *meeting = argument;

    return stm_tdict_set(tx, meeting->dict, 7, 70);
}

START_TEST(C_who_waits_for_a_key_is_woken_when_it_is_set)
{
    struct meeting meeting = {.dict = stm_tdict_new(NULL, NULL)};
    struct crew *crew = crew_start(1, meeting_thread, &meeting);

    crew_await_sleep(crew);
    EXPECT_STATUS(STM_OK, stm_atomically(bring_key_body, &meeting));
    crew_join(crew);
    EXPECT(meeting.got == 70, "expected the value set, got %zu",
           (size_t)meeting.got);
    stm_tdict_release(meeting.dict);
}
END_TEST

/* ---- what is left ---- */

static void retain_map(stm_value value)
{
    stm_map_retain((struct stm_map *)value);
}

static void release_map(stm_value value)
{
    stm_map_release((struct stm_map *)value);
}

static const struct stm_type map_type = {
    .name = "a map in a map", .retain = retain_map, .release = release_map};

struct wrapping {
    struct stm_tdict *dict;
    struct stm_map *map; /* what is wrapped; NULL: nothing yet */
    struct stm_map *wrapped;
};

static enum stm_status wrap_body(struct stm_tx *tx, void *argument)
{
    struct wrapping *wrapping = argument;

    STM_TRY(stm_tdict_set(tx, wrapping->dict, 1, (stm_value)wrapping->map));
    if (wrapping->wrapped != NULL)
        stm_map_release(wrapping->wrapped);
    wrapping->wrapped = NULL;
    return stm_tdict_snapshot(tx, wrapping->dict, &wrapping->wrapped);
}

START_TEST(H_maps_in_maps_however_deep_are_freed)
{
    struct wrapping wrapping = {.map = NULL};

    for (size_t i = 0; i < workload(200000); i++) {
        wrapping.dict = stm_tdict_new(NULL, &map_type);
        wrapping.wrapped = NULL;
        EXPECT_STATUS(STM_OK, stm_atomically(wrap_body, &wrapping));
        stm_tdict_release(wrapping.dict);
        if (wrapping.map != NULL)
            stm_map_release(wrapping.map);
        wrapping.map = wrapping.wrapped;
    }
    stm_map_release(wrapping.map);
}
END_TEST

static enum stm_status fill_body(struct stm_tx *tx, void *argument)
{
    struct stm_tdict *dict = argument;

    STM_TRY(stm_tdict_clear(tx, dict));
    for (size_t i = 0; i < 2000; i++) {
        stm_value item = counted_new(i);
        enum stm_status status = stm_tdict_set(tx, dict, item, item);

        counted_drop(item);
        STM_TRY(status);
    }
    return STM_OK;
}

static enum stm_status thin_body(struct stm_tx *tx, void *argument)
{
    struct stm_tdict *dict = argument;
    size_t length;

    STM_TRY(stm_tdict_length(tx, dict, &length));
    for (; length > 100; length--)
        STM_TRY(stm_tdict_pop_front(tx, dict, NULL, NULL));
    return STM_OK;
}

START_TEST(H_what_is_taken_out_is_released_with_the_commit)
{
    struct stm_tdict *dict = stm_tdict_new(&counted_equal_keys, &counted_type);

    EXPECT_STATUS(STM_OK, stm_atomically(fill_body, dict));
    EXPECT(counted_live() == 2000, "expected 2000 objects, %zu live",
           counted_live());
    EXPECT_STATUS(STM_OK, stm_atomically(fill_body, dict));
    EXPECT(counted_live() == 2000, "expected the former released, %zu live",
           counted_live());
    EXPECT_STATUS(STM_OK, stm_atomically(thin_body, dict));
    EXPECT(counted_live() == 100, "expected 100 objects left, %zu live",
           counted_live());
    stm_tdict_discard(dict);
    EXPECT(counted_live() == 0, "expected none left, %zu live", counted_live());
    stm_tdict_release(dict);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("tdict_shared");

    tcase_add_test(tests, A_money_moves_among_accounts_and_none_is_lost);
    tcase_add_test(tests, C_keys_go_through_a_set_once);
    tcase_add_test(tests, C_who_waits_for_a_key_is_woken_when_it_is_set);
    tcase_add_test(tests, H_maps_in_maps_however_deep_are_freed);
    tcase_add_test(tests, H_what_is_taken_out_is_released_with_the_commit);
    return run_suite("tdict_shared", tests);
}
