/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* A transactional object against an array of names and values. */
#include "game.h"

#include <string.h>

static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g",
                                    "h", "i", "j", "k", "l", "m", "n",
                                    "o", "p", "q", "r", "s", "t"};
enum { NAMES = sizeof names / sizeof names[0] };

/* What the object must hold. */
struct model {
    size_t length;
    struct {
        size_t name;
        stm_value number; /* of the counted object */
    } fields[NAMES];      /* in order of adding */
};

struct board {
    struct game game;
    struct model model;
    struct stm_tobject *object;
};

/* The length where there is none. */
static size_t model_find(const struct model *model, size_t name)
{
    size_t at = 0;

    while (at < model->length && model->fields[at].name != name)
        at++;
    return at;
}

static enum stm_status play_set(struct stm_tx *tx, struct board *board,
                                size_t name)
{
    struct model *model = &board->model;
    size_t at = model_find(model, name);
    stm_value number = generator_below(&board->game.generator, 1000);
    stm_value value = counted_new(number);
    enum stm_status status =
        stm_tobject_set(tx, board->object, names[name], value);

    counted_drop(value);
    STM_TRY(status);
    if (at == model->length)
        model->length++;
    model->fields[at].name = name;
    model->fields[at].number = number;
    return STM_OK;
}

static enum stm_status play_get(struct stm_tx *tx, struct board *board,
                                size_t name)
{
    size_t at = model_find(&board->model, name);
    stm_value value;

    if (at == board->model.length)
        return EXPECT_RESULT(
            STM_ENOTFOUND,
            stm_tobject_get(tx, board->object, names[name], &value));
    STM_TRY(stm_tobject_get(tx, board->object, names[name], &value));
    EXPECT(counted_number(value) == board->model.fields[at].number,
           "field %zu: expected %zu, got %zu", name,
           (size_t)board->model.fields[at].number,
           (size_t)counted_number(value));
    return STM_OK;
}

static enum stm_status play_remove(struct stm_tx *tx, struct board *board,
                                   size_t name)
{
    struct model *model = &board->model;
    size_t at = model_find(model, name);

    if (at == model->length)
        return EXPECT_RESULT(
            STM_ENOTFOUND, stm_tobject_remove(tx, board->object, names[name]));
    STM_TRY(stm_tobject_remove(tx, board->object, names[name]));
    memmove(&model->fields[at], &model->fields[at + 1],
            (--model->length - at) * sizeof model->fields[0]);
    return STM_OK;
}

static void expect_names(const struct stm_seq *found, const struct model *model)
{
    EXPECT(stm_seq_length(found) == model->length,
           "expected %zu names, got %zu", model->length, stm_seq_length(found));
    for (size_t i = 0; i < stm_seq_length(found); i++)
        EXPECT(!strcmp((const char *)stm_seq_get(found, i),
                       names[model->fields[i].name]),
               "name %zu: expected %s, got %s", i, names[model->fields[i].name],
               (const char *)stm_seq_get(found, i));
}

static enum stm_status play_list(struct stm_tx *tx, struct board *board)
{
    struct stm_seq *found;

    STM_TRY(stm_tobject_names(tx, board->object, &found));
    expect_names(found, &board->model);
    stm_seq_release(found);
    return STM_OK;
}

/* A list of names stays as it is. */
static enum stm_status play_on_beside_list(struct stm_tx *tx,
                                           struct board *board, size_t name)
{
    struct model before = board->model;
    struct stm_seq *found;
    enum stm_status status;

    STM_TRY(stm_tobject_names(tx, board->object, &found));
    status = play_remove(tx, board, name);
    if (status == STM_OK)
        status = play_set(tx, board, name);
    expect_names(found, &before);
    stm_seq_release(found);
    return status;
}

static enum stm_status play_one(struct stm_tx *tx, void *argument)
{
    struct board *board = argument;
    size_t drawn = generator_below(&board->game.generator, 16);
    size_t name = generator_below(&board->game.generator, NAMES);

    if (drawn == 0)
        return play_list(tx, board);
    if (drawn == 1)
        return play_on_beside_list(tx, board, name);
    if (drawn < 5)
        return play_get(tx, board, name);
    return drawn < 10 ? play_remove(tx, board, name)
                      : play_set(tx, board, name);
}

static enum stm_status compare_body(struct stm_tx *tx, void *argument)
{
    for (size_t name = 0; name < NAMES; name++)
        STM_TRY(play_get(tx, argument, name));
    return play_list(tx, argument);
}

START_TEST(an_object_equals_an_array_through_undone_transactions)
{
    struct board board = {.object = stm_tobject_new(&counted_type)};

    board.game = (struct game){.model = &board.model,
                               .model_size = sizeof board.model,
                               .move = play_one,
                               .check = compare_body,
                               .argument = &board};
    stm_tobject_retain(board.object);
    stm_tobject_release(board.object);
    game_play(&board.game, workload(1000));
    stm_tobject_release(board.object);
    EXPECT(counted_live() == 0, "expected every value released, %zu live",
           counted_live());
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("object model");

    tcase_add_test(tests,
                   an_object_equals_an_array_through_undone_transactions);
    return run_suite("tobject model", tests);
}
