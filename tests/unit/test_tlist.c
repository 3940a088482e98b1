/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The transactional list against an array, with nested and undone transactions
 * at random, and snapshots that later writes do not reach. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY = 700, SNAPSHOTS = 8, DEEPEST = 4, DROPPED = 1000 };

/* What the list must hold: the numbers of counted objects. */
struct model {
    size_t length;
    stm_value items[CAPACITY];
};

struct kept {
    struct stm_seq *seq; /* NULL: none */
    struct model model;  /* what it must hold for ever */
};

struct game {
    struct stm_tlist *list;
    struct model model; /* as the running attempt sees the list */
    struct generator generator;
    size_t depth;
    struct kept kept[SNAPSHOTS];
    size_t next_kept;
    struct stm_seq *dropped[DROPPED]; /* to be released between transactions */
    size_t dropped_count;
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

static void expect_same(const struct stm_seq *seq, const struct model *model,
                        const char *what)
{
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
static struct kept *keep(struct game *game, struct stm_seq *seq, size_t from,
                         size_t to)
{
    struct kept *kept = &game->kept[game->next_kept++ % SNAPSHOTS];

    if (kept->seq != NULL)
        game->dropped[game->dropped_count++] = kept->seq;
    kept->seq = seq;
    kept->model.length = to - from;
    memcpy(kept->model.items, &game->model.items[from],
           (to - from) * sizeof kept->model.items[0]);
    return kept;
}

/* One object inserted in one of the ways there are. */
static enum stm_status insert_one(struct stm_tx *tx, struct game *game)
{
    stm_value number = generator_below(&game->generator, 1000000);
    size_t length = game->model.length;
    size_t at = generator_below(&game->generator, length + 1);
    stm_value item;
    enum stm_status status;

    if (length + 1 >= CAPACITY)
        return STM_OK;
    switch (generator_below(&game->generator, 3)) {
    case 0:
        at = length;
        break;
    case 1:
        at = 0;
        break;
    }
    item = counted_new(number);
    if (at == length && number % 2 == 0)
        status = stm_tlist_append(tx, game->list, item);
    else
        status = stm_tlist_insert(tx, game->list, at, item);
    counted_drop(item);
    STM_TRY(status);
    model_splice(&game->model, at, at, &number, 1);
    return STM_OK;
}

static enum stm_status remove_one(struct stm_tx *tx, struct game *game)
{
    size_t length = game->model.length;
    size_t way = generator_below(&game->generator, 3);
    size_t at;
    stm_value item;

    if (length == 0) {
        enum stm_status status = stm_tlist_pop_front(tx, game->list, &item);

        EXPECT(status == STM_EEMPTY || status > STM_OK,
               "pop of an empty list: expected EMPTY, got %d", status);
        return status == STM_EEMPTY ? STM_OK : status;
    }
    at = way == 0   ? 0
         : way == 1 ? length - 1
                    : generator_below(&game->generator, length);
    if (way == 0)
        STM_TRY(stm_tlist_pop_front(tx, game->list, &item));
    else if (way == 1)
        STM_TRY(stm_tlist_pop_back(tx, game->list, &item));
    else
        STM_TRY(stm_tlist_remove(tx, game->list, at, &item));
    EXPECT(counted_number(item) == game->model.items[at],
           "removed at %zu of %zu: expected %zu, got %zu", at, length,
           (size_t)game->model.items[at], (size_t)counted_number(item));
    model_splice(&game->model, at, at + 1, NULL, 0);
    return STM_OK;
}

static enum stm_status replace_one(struct stm_tx *tx, struct game *game)
{
    size_t at = generator_below(&game->generator, game->model.length + 1);
    stm_value item = counted_new(at + 7);
    enum stm_status status = stm_tlist_set(tx, game->list, at, item);

    counted_drop(item);
    if (at == game->model.length) {
        EXPECT(status == STM_ERANGE || status > STM_OK,
               "set behind the end: expected ERANGE, got %d", status);
        return status == STM_ERANGE ? STM_OK : status;
    }
    STM_TRY(status);
    game->model.items[at] = at + 7;
    STM_TRY(stm_tlist_get(tx, game->list, at, &item));
    EXPECT(counted_number(item) == at + 7, "expected to read what was set");
    return STM_OK;
}

static enum stm_status take_snapshot(struct stm_tx *tx, struct game *game)
{
    struct stm_seq *seq;

    if (game->dropped_count == DROPPED)
        return STM_OK;
    STM_TRY(stm_tlist_snapshot(tx, game->list, &seq));
    expect_same(keep(game, seq, 0, game->model.length)->seq, &game->model,
                "a snapshot");
    return STM_OK;
}

/* Keeps a part, which stays in the list or leaves it. */
static enum stm_status take_part(struct stm_tx *tx, struct game *game,
                                 bool split)
{
    size_t length = game->model.length;
    size_t from = generator_below(&game->generator, length + 1);
    size_t to = from + generator_below(&game->generator, length - from + 1);
    const struct kept *kept;
    struct stm_seq *seq;

    if (game->dropped_count == DROPPED)
        return STM_OK;
    if (split) {
        to = length;
        STM_TRY(stm_tlist_split(tx, game->list, from, &seq));
    } else {
        STM_TRY(stm_tlist_slice(tx, game->list, from, to, &seq));
    }
    kept = keep(game, seq, from, to);
    expect_same(kept->seq, &kept->model, "a part");
    if (split)
        game->model.length = from;
    return STM_OK;
}

static enum stm_status assign_kept(struct stm_tx *tx, struct game *game)
{
    const struct kept *kept =
        &game->kept[generator_below(&game->generator, SNAPSHOTS)];

    if (kept->seq == NULL)
        return STM_OK;
    STM_TRY(stm_tlist_assign(tx, game->list, kept->seq));
    game->model = kept->model;
    return STM_OK;
}

static enum stm_status reverse_all(struct stm_tx *tx, struct game *game)
{
    struct model *model = &game->model;

    STM_TRY(stm_tlist_reverse(tx, game->list));
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

static enum stm_status sort_all(struct stm_tx *tx, struct game *game)
{
    struct model *model = &game->model;

    STM_TRY(stm_tlist_sort(tx, game->list, by_key, NULL));
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
static enum stm_status splice_some(struct stm_tx *tx, struct game *game)
{
    size_t from = generator_below(&game->generator, game->model.length + 1);
    size_t to =
        from + generator_below(&game->generator, game->model.length - from + 1);
    const struct kept *kept =
        &game->kept[generator_below(&game->generator, SNAPSHOTS)];
    size_t count = kept->seq == NULL ? 0 : kept->model.length;

    if (game->model.length + count >= CAPACITY) {
        from = 0;
        to = game->model.length;
    }
    if (from == game->model.length && count > 0)
        STM_TRY(stm_tlist_extend(tx, game->list, kept->seq));
    else
        STM_TRY(stm_tlist_splice(tx, game->list, from, to, kept->seq));
    model_splice(&game->model, from, to, kept->model.items, count);
    return STM_OK;
}

static enum stm_status play_body(struct stm_tx *tx, void *argument);

/* A nested transaction; half of them abort. */
static enum stm_status play_nested(struct game *game)
{
    struct model *before;
    enum stm_status status;

    if (game->depth >= DEEPEST)
        return STM_OK;
    before = malloc(sizeof *before);
    ck_assert_ptr_nonnull(before);
    *before = game->model;
    game->depth++;
    status = stm_atomically(play_body, game);
    game->depth--;
    if (status == STM_EABORT)
        game->model = *before;
    free(before);
    return status == STM_EABORT ? STM_OK : status;
}

static enum stm_status play_one(struct stm_tx *tx, struct game *game)
{
    switch (generator_below(&game->generator, 40)) {
    case 0:
        STM_TRY(stm_tlist_clear(tx, game->list));
        game->model.length = 0;
        return STM_OK;
    case 1:
        return play_nested(game);
    case 2:
        return sort_all(tx, game);
    case 3:
        return reverse_all(tx, game);
    case 4:
    case 5:
        return take_snapshot(tx, game);
    case 6:
    case 7:
        return splice_some(tx, game);
    case 8:
    case 9:
    case 10:
    case 11:
        return replace_one(tx, game);
    case 12:
        return take_part(tx, game, true);
    case 13:
        return take_part(tx, game, false);
    case 14:
        return assign_kept(tx, game);
    default:
        return generator_below(&game->generator, 5) < 2 ? remove_one(tx, game)
                                                        : insert_one(tx, game);
    }
}

static enum stm_status play_body(struct stm_tx *tx, void *argument)
{
    struct game *game = argument;
    size_t steps = generator_below(&game->generator, 40);
    size_t length;

    for (size_t i = 0; i < steps; i++)
        STM_TRY(play_one(tx, game));
    STM_TRY(stm_tlist_length(tx, game->list, &length));
    EXPECT(length == game->model.length, "expected %zu items, got %zu",
           game->model.length, length);
    return generator_below(&game->generator, 2) == 0 ? STM_OK : STM_EABORT;
}

/* The model starts anew with each attempt. */
struct round {
    struct game *game;
    struct model model;
    struct generator generator;
};

static enum stm_status round_body(struct stm_tx *tx, void *argument)
{
    struct round *round = argument;

    round->game->model = round->model;
    round->game->generator = round->generator;
    round->game->depth = 0;
    return play_body(tx, round->game);
}

static enum stm_status compare_body(struct stm_tx *tx, void *argument)
{
    struct game *game = argument;
    struct stm_seq *seq;

    STM_TRY(stm_tlist_snapshot(tx, game->list, &seq));
    expect_same(seq, &game->model, "after a transaction");
    stm_seq_release(seq);
    return STM_OK;
}

static void play_round(struct game *game, struct round *round)
{
    enum stm_status status;

    round->game = game;
    round->model = game->model;
    round->generator = game->generator;
    status = stm_atomically(round_body, round);
    EXPECT(status == STM_OK || status == STM_EABORT, "unexpected status %d",
           status);
    if (status == STM_EABORT)
        game->model = round->model;
    EXPECT_STATUS(STM_OK, stm_atomically(compare_body, game));
    while (game->dropped_count > 0)
        stm_seq_release(game->dropped[--game->dropped_count]);
    for (size_t i = 0; i < SNAPSHOTS; i++)
        if (game->kept[i].seq != NULL)
            expect_same(game->kept[i].seq, &game->kept[i].model,
                        "an old snapshot");
}

START_TEST(a_list_equals_an_array_through_undone_transactions)
{
    struct game *game = calloc(1, sizeof *game);
    struct round *round = calloc(1, sizeof *round);

    ck_assert(game != NULL && round != NULL);
    game->list = stm_tlist_new(&counted_type);
    generator_init(&game->generator, 0);
    for (size_t i = 0; i < workload(5000); i++)
        play_round(game, round);
    for (size_t i = 0; i < SNAPSHOTS; i++)
        if (game->kept[i].seq != NULL)
            stm_seq_release(game->kept[i].seq);
    stm_tlist_release(game->list);
    free(game);
    free(round);
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
