/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The transactional list against an array, with nested and undone transactions
 * at random, and snapshots that later writes do not reach. */
#include "game.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY = 700 };

/* What the list must hold: the numbers of counted objects. */
struct model {
    size_t length;
    stm_value items[CAPACITY];
};

struct board {
    struct game game;
    struct stm_tlist *list;
    struct model model; /* as the running attempt sees the list */
};

static void model_splice(struct model *model, size_t from, size_t to,
                         const stm_value *items, size_t count)
{
    memmove(&model->items[from + count], &model->items[to],
            (model->length - to) * sizeof model->items[0]);
    if (count > 0)
        memmove(&model->items[from], items, count * sizeof items[0]);
    model->length += count - (to - from);
}

static void expect_same(const void *snapshot, const void *expected,
                        const char *what)
{
    const struct stm_seq *seq = snapshot;
    const struct model *model = expected;
    size_t index = 0;

    EXPECT(stm_seq_length(seq) == model->length,
           "%s: expected %zu items, got %zu", what, model->length,
           stm_seq_length(seq));
    while (index < model->length) {
        size_t count;
        const stm_value *run = stm_seq_run(seq, index, &count);

        EXPECT(run != NULL && count > 0, "%s: no run at %zu of %zu", what,
               index, model->length);
        for (size_t i = 0; i < count; i++, index++)
            EXPECT(counted_number(run[i]) == model->items[index],
                   "%s: expected %zu at %zu, got %zu", what,
                   (size_t)model->items[index], index,
                   (size_t)counted_number(run[i]));
    }
}

/* Keeps a sequence that must hold what the model has from `from` to `to`. */
static void keep(struct board *board, struct stm_seq *seq, size_t from,
                 size_t to)
{
    struct model part = {.length = to - from};

    memcpy(part.items, &board->model.items[from],
           part.length * sizeof part.items[0]);
    game_keep(&board->game, seq, &part);
}

/* One object inserted in one of the ways there are. */
static enum stm_status insert_one(struct stm_tx *tx, struct board *board)
{
    stm_value number = generator_below(&board->game.generator, 1000000);
    size_t length = board->model.length;
    size_t at = generator_below(&board->game.generator, length + 1);
    stm_value item;
    enum stm_status status;

    if (length + 1 >= CAPACITY)
        return STM_OK;
    switch (generator_below(&board->game.generator, 3)) {
    case 0:
        at = length;
        break;
    case 1:
        at = 0;
        break;
    }
    item = counted_new(number);
    if (at == length && number % 2 == 0)
        status = stm_tlist_append(tx, board->list, item);
    else
        status = stm_tlist_insert(tx, board->list, at, item);
    counted_drop(item);
    STM_TRY(status);
    model_splice(&board->model, at, at, &number, 1);
    return STM_OK;
}

static enum stm_status remove_one(struct stm_tx *tx, struct board *board)
{
    size_t length = board->model.length;
    size_t way = generator_below(&board->game.generator, 3);
    size_t at;
    stm_value item;

    if (length == 0) {
        enum stm_status status = stm_tlist_pop_front(tx, board->list, &item);

        EXPECT(status == STM_EEMPTY || status > STM_OK,
               "pop of an empty list: expected EMPTY, got %d", status);
        return status == STM_EEMPTY ? STM_OK : status;
    }
    at = way == 0   ? 0
         : way == 1 ? length - 1
                    : generator_below(&board->game.generator, length);
    if (way == 0)
        STM_TRY(stm_tlist_pop_front(tx, board->list, &item));
    else if (way == 1)
        STM_TRY(stm_tlist_pop_back(tx, board->list, &item));
    else
        STM_TRY(stm_tlist_remove(tx, board->list, at, &item));
    EXPECT(counted_number(item) == board->model.items[at],
           "removed at %zu of %zu: expected %zu, got %zu", at, length,
           (size_t)board->model.items[at], (size_t)counted_number(item));
    model_splice(&board->model, at, at + 1, NULL, 0);
    return STM_OK;
}

static enum stm_status replace_one(struct stm_tx *tx, struct board *board)
{
    size_t at =
        generator_below(&board->game.generator, board->model.length + 1);
    stm_value item = counted_new(at + 7);
    enum stm_status status = stm_tlist_set(tx, board->list, at, item);

    counted_drop(item);
    if (at == board->model.length) {
        EXPECT(status == STM_ERANGE || status > STM_OK,
               "set behind the end: expected ERANGE, got %d", status);
        return status == STM_ERANGE ? STM_OK : status;
    }
    STM_TRY(status);
    board->model.items[at] = at + 7;
    STM_TRY(stm_tlist_get(tx, board->list, at, &item));
    EXPECT(counted_number(item) == at + 7, "expected to read what was set");
    return STM_OK;
}

static enum stm_status take_snapshot(struct stm_tx *tx, struct board *board)
{
    struct stm_seq *seq;

    if (!game_may_keep(&board->game))
        return STM_OK;
    STM_TRY(stm_tlist_snapshot(tx, board->list, &seq));
    keep(board, seq, 0, board->model.length);
    return STM_OK;
}

/* Keeps a part, which stays in the list or leaves it. */
static enum stm_status take_part(struct stm_tx *tx, struct board *board,
                                 bool split)
{
    size_t length = board->model.length;
    size_t from = generator_below(&board->game.generator, length + 1);
    size_t to =
        from + generator_below(&board->game.generator, length - from + 1);
    struct stm_seq *seq;

    if (!game_may_keep(&board->game))
        return STM_OK;
    if (split) {
        to = length;
        STM_TRY(stm_tlist_split(tx, board->list, from, &seq));
    } else {
        STM_TRY(stm_tlist_slice(tx, board->list, from, to, &seq));
    }
    keep(board, seq, from, to);
    if (split)
        board->model.length = from;
    return STM_OK;
}

static enum stm_status assign_kept(struct stm_tx *tx, struct board *board)
{
    const struct game_kept *kept = game_any_kept(&board->game);
    const struct model *model = kept->model;

    if (model == NULL)
        return STM_OK;
    STM_TRY(stm_tlist_assign(tx, board->list, kept->snapshot));
    board->model = *model;
    return STM_OK;
}

static enum stm_status reverse_all(struct stm_tx *tx, struct board *board)
{
    struct model *model = &board->model;

    STM_TRY(stm_tlist_reverse(tx, board->list));
    for (size_t i = 0; i < model->length / 2; i++) {
        stm_value item = model->items[i];

        model->items[i] = model->items[model->length - 1 - i];
        model->items[model->length - 1 - i] = item;
    }
    return STM_OK;
}

enum { KEYS = 100 }; /* fewer than items, so that many are equal */

static enum stm_status by_key(stm_value left, stm_value right, void *context,
                              int *out)
{
    (void)context;
    *out = (int)(counted_number(left) % KEYS) -
           (int)(counted_number(right) % KEYS);
    return STM_OK;
}

static enum stm_status sort_all(struct stm_tx *tx, struct board *board)
{
    struct model *model = &board->model;

    STM_TRY(stm_tlist_sort(tx, board->list, by_key, NULL));
    for (size_t i = 1; i < model->length; i++) {
        stm_value item = model->items[i];
        size_t at = i;

        for (; at > 0 && model->items[at - 1] % KEYS > item % KEYS; at--)
            model->items[at] = model->items[at - 1];
        model->items[at] = item;
    }
    return STM_OK;
}

/* Replaces a random part by a snapshot kept, or by nothing. */
static enum stm_status splice_some(struct stm_tx *tx, struct board *board)
{
    size_t from =
        generator_below(&board->game.generator, board->model.length + 1);
    size_t to = from + generator_below(&board->game.generator,
                                       board->model.length - from + 1);
    const struct game_kept *kept = game_any_kept(&board->game);
    const struct model *model = kept->model;
    size_t count = model == NULL ? 0 : model->length;

    if (board->model.length + count >= CAPACITY) {
        from = 0;
        to = board->model.length;
    }
    if (from == board->model.length && count > 0)
        STM_TRY(stm_tlist_extend(tx, board->list, kept->snapshot));
    else
        STM_TRY(stm_tlist_splice(tx, board->list, from, to, kept->snapshot));
    model_splice(&board->model, from, to, count > 0 ? model->items : NULL,
                 count);
    return STM_OK;
}

static enum stm_status play_one(struct stm_tx *tx, void *argument)
{
    struct board *board = argument;

    switch (generator_below(&board->game.generator, 39)) {
    case 0:
        STM_TRY(stm_tlist_clear(tx, board->list));
        board->model.length = 0;
        return STM_OK;
    case 1:
        return sort_all(tx, board);
    case 2:
        return reverse_all(tx, board);
    case 3:
    case 4:
        return take_snapshot(tx, board);
    case 5:
    case 6:
        return splice_some(tx, board);
    case 7:
    case 8:
    case 9:
    case 10:
        return replace_one(tx, board);
    case 11:
        return take_part(tx, board, true);
    case 12:
        return take_part(tx, board, false);
    case 13:
        return assign_kept(tx, board);
    default:
        return generator_below(&board->game.generator, 5) < 2
                   ? remove_one(tx, board)
                   : insert_one(tx, board);
    }
}

static enum stm_status compare_body(struct stm_tx *tx, void *argument)
{
    struct board *board = argument;
    struct stm_seq *seq;
    size_t length;

    STM_TRY(stm_tlist_length(tx, board->list, &length));
    EXPECT(length == board->model.length, "expected %zu items, got %zu",
           board->model.length, length);
    STM_TRY(stm_tlist_snapshot(tx, board->list, &seq));
    expect_same(seq, &board->model, "the list");
    stm_seq_release(seq);
    return STM_OK;
}

static void release_seq(void *snapshot) { stm_seq_release(snapshot); }

START_TEST(a_list_equals_an_array_through_undone_transactions)
{
    struct board *board = calloc(1, sizeof *board);

    ck_assert_ptr_nonnull(board);
    board->list = stm_tlist_new(&counted_type);
    board->game = (struct game){.model = &board->model,
                                .model_size = sizeof board->model,
                                .move = play_one,
                                .check = compare_body,
                                .compare = expect_same,
                                .release = release_seq,
                                .argument = board};
    game_play(&board->game, workload(5000));
    stm_tlist_release(board->list);
    free(board);
    EXPECT(counted_live() == 0, "expected every item released, %zu live",
           counted_live());
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("tlist");

    tcase_add_test(tests, a_list_equals_an_array_through_undone_transactions);
    return run_suite("tlist", tests);
}
