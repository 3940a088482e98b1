/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* How much memory a list of 1,000,000 words takes: at most 12 bytes for each,
 * malloc's own included, however it came about. */

#include "seq_model.h"

#include <stdlib.h>

#include <stm/stm.h>

#define MILLION (100 * scaled(10000))

static struct stm_tlist *list;

static enum stm_status append_all(struct stm_tx *tx, void *argument)
{
    for (size_t i = 0; i < *(size_t *)argument; i++)
        STM_TRY(stm_tlist_append(tx, list, i));
    return STM_OK;
}

static enum stm_status append(struct stm_tx *tx, void *argument)
{
    return stm_tlist_append(tx, list, *(size_t *)argument);
}

static enum stm_status prepend(struct stm_tx *tx, void *argument)
{
    return stm_tlist_insert(tx, list, 0, *(size_t *)argument);
}

static enum stm_status assign(struct stm_tx *tx, void *argument)
{
    return stm_tlist_assign(tx, list, argument);
}

static void fill_by_array(size_t count)
{
    stm_value *items = malloc(count * sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = i;
    struct stm_seq *seq = stm_seq_new(NULL, items, count);
    free(items);
    EXPECT(seq && stm_atomically(assign, seq) == STM_OK);
    stm_seq_release(seq);
}

static void fill_by_one_transaction(size_t count)
{
    EXPECT(stm_atomically(append_all, &count) == STM_OK);
}

static void fill_by_appending(size_t count)
{
    for (size_t i = 0; i < count; i++)
        EXPECT(stm_atomically(append, &i) == STM_OK);
}

static void fill_by_prepending(size_t count)
{
    for (size_t i = 0; i < count; i++)
        EXPECT(stm_atomically(prepend, &i) == STM_OK);
}

static const struct {
    const char *name;
    void (*fill)(size_t count);
} ways[] = {
    {"an array", fill_by_array},
    {"appends in one transaction", fill_by_one_transaction},
    {"an append a transaction", fill_by_appending},
    {"a prepend a transaction", fill_by_prepending},
};
enum { WAYS = sizeof ways / sizeof ways[0] };

/* What a thread keeps for its transactions is there before it begins. */
static void warm_up(void)
{
    list = stm_tlist_new(NULL);
    EXPECT(list != NULL);
    fill_by_appending(1);
    stm_tlist_release(list);
}

START_TEST(a_list_of_a_million_words_takes_twelve_bytes_each)
{
    const size_t million = MILLION;
    warm_up();
    AO_t before = AO_load(&bytes);
    list = stm_tlist_new(NULL);
    EXPECT(list != NULL);
    ways[_i].fill(million);
    double each = (double)(AO_load(&bytes) - before) / (double)million;
    EXPECT_MSG(each <= 12, "by %s: %.2f bytes for each word, not 12",
               ways[_i].name, each);
    stm_tlist_release(list);
    EXPECT_EQ(AO_load(&bytes), before);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("seq_memory");
    TCase *tests = tcase_create("million");
    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(
        tests, a_list_of_a_million_words_takes_twelve_bytes_each, 0, WAYS);
    suite_add_tcase(suite, tests);
    return run_models(suite);
}
