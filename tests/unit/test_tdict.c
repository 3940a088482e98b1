/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The transactional dictionary against an array in order of insertion, with
 * nested and undone transactions at random, and snapshots that later writes do
 * not reach. */
#include "game.h"

#include <stdlib.h>
#include <string.h>

enum { KEYS = 120 };

struct item {
    stm_value key, value;
};

/* What the dictionary must hold: the numbers of counted objects. */
struct model {
    size_t length;
    struct item items[KEYS];
};

struct board {
    struct game game;
    struct stm_tdict *dict;
    struct model model; /* as the running attempt sees the dictionary */
};

static size_t model_find(const struct model *model, stm_value key)
{
    size_t i = 0;

    while (i < model->length && model->items[i].key != key)
        i++;
    return i;
}

static void model_set(struct model *model, stm_value key, stm_value value)
{
    size_t at = model_find(model, key);

    model->items[at].key = key;
    model->items[at].value = value;
    if (at == model->length)
        model->length++;
}

static void model_remove(struct model *model, size_t at)
{
    model->length--;
    memmove(&model->items[at], &model->items[at + 1],
            (model->length - at) * sizeof model->items[0]);
}

static void expect_same(const void *snapshot, const void *expected,
                        const char *what)
{
    const struct stm_map *map = snapshot;
    const struct model *model = expected;

    EXPECT(stm_map_length(map) == model->length,
           "%s: expected %zu keys, got %zu", what, model->length,
           stm_map_length(map));
    for (size_t i = 0; i < model->length; i++) {
        stm_value key, value;

        stm_map_at(map, i, &key, &value);
        EXPECT(counted_number(key) == model->items[i].key &&
                   counted_number(value) == model->items[i].value,
               "%s: expected %zu: %zu at %zu, got %zu: %zu", what,
               (size_t)model->items[i].key, (size_t)model->items[i].value, i,
               (size_t)counted_number(key), (size_t)counted_number(value));
    }
}

static enum stm_status keep_snapshot(struct stm_tx *tx, struct board *board)
{
    struct stm_map *map;

    if (!game_may_keep(&board->game))
        return STM_OK;
    STM_TRY(stm_tdict_snapshot(tx, board->dict, &map));
    game_keep(&board->game, map, &board->model);
    return STM_OK;
}

static enum stm_status assign_kept(struct stm_tx *tx, struct board *board)
{
    const struct game_kept *kept = game_any_kept(&board->game);
    const struct model *model = kept->model;

    if (model == NULL)
        return STM_OK;
    STM_TRY(stm_tdict_assign(tx, board->dict, kept->snapshot));
    board->model = *model;
    return STM_OK;
}

/* Gets the value of a key, and takes it out if `remove`. */
static enum stm_status look_up(struct stm_tx *tx, struct board *board,
                               stm_value key, bool remove)
{
    size_t at = model_find(&board->model, counted_number(key));
    bool there = at < board->model.length;
    stm_value out;
    enum stm_status status = remove
                                 ? stm_tdict_remove(tx, board->dict, key, &out)
                                 : stm_tdict_get(tx, board->dict, key, &out);

    EXPECT(status == (there ? STM_OK : STM_ENOTFOUND) || status > STM_OK,
           "expected the key %s, got %d", there ? "there" : "not there",
           status);
    if (status != STM_OK)
        return status == STM_ENOTFOUND ? STM_OK : status;
    EXPECT(counted_number(out) == board->model.items[at].value,
           "expected the key's value");
    if (remove)
        model_remove(&board->model, at);
    return STM_OK;
}

static enum stm_status set_one(struct stm_tx *tx, struct board *board,
                               stm_value key, bool only_missing)
{
    stm_value number = generator_below(&board->game.generator, 1000000);
    size_t at = model_find(&board->model, counted_number(key));
    bool missing = at == board->model.length;
    stm_value value = counted_new(number), out = value;
    enum stm_status status;

    status = only_missing
                 ? stm_tdict_get_or_set(tx, board->dict, key, value, &out)
                 : stm_tdict_set(tx, board->dict, key, value);
    counted_drop(value);
    STM_TRY(status);
    if (missing || !only_missing)
        model_set(&board->model, counted_number(key), number);
    EXPECT(counted_number(out) == board->model.items[at].value || !only_missing,
           "expected the value that is there now");
    return STM_OK;
}

static enum stm_status pop_one(struct stm_tx *tx, struct board *board,
                               bool last)
{
    size_t length = board->model.length;
    size_t at = last && length > 0 ? length - 1 : 0;
    stm_value key, value;
    enum stm_status status =
        last ? stm_tdict_pop_back(tx, board->dict, &key, &value)
             : stm_tdict_pop_front(tx, board->dict, &key, &value);

    EXPECT(status == (length > 0 ? STM_OK : STM_EEMPTY) || status > STM_OK,
           "pop from %zu keys: got %d", length, status);
    if (status == STM_EEMPTY)
        return STM_OK;
    STM_TRY(status);
    EXPECT(counted_number(key) == board->model.items[at].key &&
               counted_number(value) == board->model.items[at].value,
           "popped at %zu of %zu: expected %zu, got %zu", at, length,
           (size_t)board->model.items[at].key, (size_t)counted_number(key));
    model_remove(&board->model, at);
    return STM_OK;
}

static enum stm_status with_key(struct stm_tx *tx, struct board *board)
{
    stm_value key = counted_new(generator_below(&board->game.generator, KEYS));
    size_t way = generator_below(&board->game.generator, 10);
    enum stm_status status;

    if (way < 4)
        status = look_up(tx, board, key, way < 2);
    else
        status = set_one(tx, board, key, way < 6);
    counted_drop(key);
    return status;
}

static enum stm_status play_one(struct stm_tx *tx, void *argument)
{
    struct board *board = argument;

    switch (generator_below(&board->game.generator, 78)) {
    case 0:
        STM_TRY(stm_tdict_clear(tx, board->dict));
        board->model.length = 0;
        return STM_OK;
    case 1:
        return assign_kept(tx, board);
    case 2:
    case 3:
        return keep_snapshot(tx, board);
    case 4:
    case 5:
        return pop_one(tx, board, false);
    case 6:
    case 7:
        return pop_one(tx, board, true);
    default:
        return with_key(tx, board);
    }
}

static enum stm_status compare_body(struct stm_tx *tx, void *argument)
{
    struct board *board = argument;
    struct stm_map *map;
    size_t length;

    STM_TRY(stm_tdict_length(tx, board->dict, &length));
    EXPECT(length == board->model.length, "expected %zu keys, got %zu",
           board->model.length, length);
    STM_TRY(stm_tdict_snapshot(tx, board->dict, &map));
    expect_same(map, &board->model, "the dictionary");
    stm_map_release(map);
    return STM_OK;
}

static void release_map(void *snapshot) { stm_map_release(snapshot); }

START_TEST(a_dict_equals_an_array_through_undone_transactions)
{
    struct board *board = calloc(1, sizeof *board);

    ck_assert_ptr_nonnull(board);
    board->dict = stm_tdict_new(&counted_equal_keys, &counted_type);
    board->game = (struct game){.model = &board->model,
                                .model_size = sizeof board->model,
                                .move = play_one,
                                .check = compare_body,
                                .compare = expect_same,
                                .release = release_map,
                                .argument = board};
    game_play(&board->game, workload(5000));
    stm_tdict_release(board->dict);
    free(board);
    EXPECT(counted_live() == 0,
           "H: expected every key and value released, %zu live",
           counted_live());
}
END_TEST

/* ---- what a dictionary of words does ---- */

static void expect_order(const struct stm_map *map, const char *wanted)
{
    char got[40] = "";

    for (size_t i = 0; i < stm_map_length(map); i++) {
        stm_value key, value;

        stm_map_at(map, i, &key, &value);
        got[2 * i] = (char)key;
        got[2 * i + 1] = (char)value;
    }
    EXPECT(strcmp(got, wanted) == 0, "expected %s, got %s", wanted, got);
}

static enum stm_status expect_now(struct stm_tx *tx, struct stm_tdict *dict,
                                  const char *wanted)
{
    struct stm_map *map;

    STM_TRY(stm_tdict_snapshot(tx, dict, &map));
    expect_order(map, wanted);
    stm_map_release(map);
    return STM_OK;
}

static enum stm_status order_body(struct stm_tx *tx, void *argument)
{
    struct stm_tdict *dict = argument;
    stm_value key, value;

    STM_TRY(stm_tdict_clear(tx, dict));
    for (const char *c = "dabc"; *c != '\0'; c++)
        STM_TRY(stm_tdict_set(tx, dict, (stm_value)*c, '1'));
    STM_TRY(expect_now(tx, dict, "d1a1b1c1"));
    STM_TRY(stm_tdict_set(tx, dict, 'a', '2'));
    STM_TRY(expect_now(tx, dict, "d1a2b1c1"));
    STM_TRY(stm_tdict_remove(tx, dict, 'd', NULL));
    STM_TRY(stm_tdict_set(tx, dict, 'd', '3'));
    STM_TRY(expect_now(tx, dict, "a2b1c1d3"));
    STM_TRY(stm_tdict_get_or_set(tx, dict, 'b', '4', &value));
    EXPECT(value == '1', "expected the value that was there");
    STM_TRY(stm_tdict_get_or_set(tx, dict, 'e', '4', &value));
    EXPECT(value == '4', "expected the value given");
    STM_TRY(expect_now(tx, dict, "a2b1c1d3e4"));
    STM_TRY(stm_tdict_pop_front(tx, dict, &key, &value));
    EXPECT(key == 'a' && value == '2', "expected the first key");
    STM_TRY(stm_tdict_pop_back(tx, dict, NULL, NULL));
    STM_TRY(stm_tdict_remove(tx, dict, 'c', &value));
    EXPECT(value == '1', "expected the value removed");
    return expect_now(tx, dict, "b1d3");
}

START_TEST(keys_stay_in_order_of_insertion)
{
    struct stm_tdict *dict = stm_tdict_new(NULL, NULL);

    EXPECT_STATUS(STM_OK, stm_atomically(order_body, dict));
    stm_tdict_release(dict);
}
END_TEST

static enum stm_status errors_body(struct stm_tx *tx, void *argument)
{
    struct stm_tdict *dict = argument;
    stm_value out = 5;
    size_t length;

    EXPECT_STATUS(STM_EEMPTY, stm_tdict_pop_front(tx, dict, &out, &out));
    EXPECT_STATUS(STM_EEMPTY, stm_tdict_pop_back(tx, dict, &out, &out));
    EXPECT_STATUS(STM_ENOTFOUND, stm_tdict_get(tx, dict, 0, &out));
    EXPECT_STATUS(STM_ENOTFOUND, stm_tdict_remove(tx, dict, 0, &out));
    EXPECT(out == 5, "expected the out-parameter untouched");
    STM_TRY(stm_tdict_length(tx, dict, &length));
    EXPECT(length == 0, "expected errors to change nothing");
    return stm_tx_status(tx);
}

START_TEST(errors_of_a_dict_are_results_and_change_nothing)
{
    struct stm_tdict *dict = stm_tdict_new(NULL, NULL);
    stm_value out;

    EXPECT_STATUS(STM_OK, stm_atomically(errors_body, dict));
    EXPECT_STATUS(STM_EMISUSE, stm_tdict_get(NULL, dict, 1, &out));
    stm_tdict_discard(dict); /* as a collector does: then it is empty */
    EXPECT_STATUS(STM_OK, stm_atomically(errors_body, dict));
    EXPECT_STATUS(STM_OK, stm_atomically(order_body, dict));
    stm_tdict_discard(dict);
    EXPECT_STATUS(STM_OK,
                  stm_atomically(compare_body, &(struct board){.dict = dict}));
    stm_tdict_retain(dict);
    stm_tdict_release(dict);
    stm_tdict_release(dict);
    stm_tdict_release(NULL);
}
END_TEST

/* A key that is there keeps its object. */
struct twins {
    struct stm_tdict *dict, *words;
    stm_value first, second;
};

static enum stm_status twins_body(struct stm_tx *tx, void *argument)
{
    struct twins *twins = argument;
    struct stm_map *map;
    stm_value key;

    STM_TRY(stm_tdict_set(tx, twins->dict, twins->first, 0));
    STM_TRY(stm_tdict_set(tx, twins->dict, twins->second, twins->second));
    STM_TRY(stm_tdict_snapshot(tx, twins->dict, &map));
    stm_map_at(map, 0, &key, NULL);
    EXPECT(stm_map_length(map) == 1 && key == twins->first,
           "expected the key that was put in first");
    EXPECT_STATUS(STM_EMISUSE, stm_tdict_assign(tx, twins->words, map));
    stm_map_release(map);
    return stm_tx_status(tx);
}

static int count_visit(stm_value value, void *context)
{
    (void)value;
    ++*(size_t *)context;
    return 0;
}

START_TEST(a_key_that_is_there_keeps_its_object)
{
    struct twins twins = {.dict =
                              stm_tdict_new(&counted_equal_keys, &counted_type),
                          .words = stm_tdict_new(NULL, NULL),
                          .first = counted_new(7),
                          .second = counted_new(7)};
    size_t visits = 0;

    EXPECT_STATUS(STM_OK, stm_atomically(twins_body, &twins));
    EXPECT(stm_tdict_traverse(twins.dict, count_visit, &visits) == 0 &&
               visits == 2,
           "expected a key and a value visited, got %zu", visits);
    stm_tdict_release(twins.dict);
    stm_tdict_release(twins.words);
    counted_drop(twins.first);
    counted_drop(twins.second);
    EXPECT(counted_live() == 0, "H: expected both released");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("tdict");

    tcase_add_test(tests, a_dict_equals_an_array_through_undone_transactions);
    tcase_add_test(tests, keys_stay_in_order_of_insertion);
    tcase_add_test(tests, errors_of_a_dict_are_results_and_change_nothing);
    tcase_add_test(tests, a_key_that_is_there_keeps_its_object);
    return run_suite("tdict", tests);
}
