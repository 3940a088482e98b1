/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "game.h"

#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 4, MOVES = 30 };

static void *copy_model(const struct game *game, const void *model)
{
    void *copy = malloc(game->model_size);

    if (copy == NULL)
        abort();
    return memcpy(copy, model, game->model_size);
}

bool game_may_keep(const struct game *game)
{
    return game->dropped_count < GAME_DROPPED;
}

void game_keep(struct game *game, void *snapshot, const void *model)
{
    struct game_kept *kept = &game->kept[game->next_kept++ % GAME_SNAPSHOTS];

    game->compare(snapshot, model, "a new snapshot");
    if (kept->snapshot != NULL)
        game->dropped[game->dropped_count++] = kept->snapshot;
    free(kept->model);
    kept->snapshot = snapshot;
    kept->model = copy_model(game, model);
}

const struct game_kept *game_any_kept(struct game *game)
{
    return &game->kept[generator_below(&game->generator, GAME_SNAPSHOTS)];
}

static void check_kept(struct game *game)
{
    while (game->dropped_count > 0)
        game->release(game->dropped[--game->dropped_count]);
    for (size_t i = 0; i < GAME_SNAPSHOTS; i++)
        if (game->kept[i].snapshot != NULL)
            game->compare(game->kept[i].snapshot, game->kept[i].model,
                          "an old snapshot");
}

static void release_kept(struct game *game)
{
    for (size_t i = 0; i < GAME_SNAPSHOTS; i++) {
        if (game->kept[i].snapshot != NULL)
            game->release(game->kept[i].snapshot);
        free(game->kept[i].model);
    }
}

static enum stm_status part_body(struct stm_tx *tx, void *argument);

static enum stm_status play_nested(struct game *game)
{
    void *before;
    enum stm_status status;

    if (game->depth == DEEPEST)
        return STM_OK;
    before = copy_model(game, game->model);
    game->depth++;
    status = stm_atomically(part_body, game);
    game->depth--;
    if (status == STM_EABORT)
        memcpy(game->model, before, game->model_size);
    free(before);
    return status == STM_EABORT ? STM_OK : status;
}

/* Half of all parts abort. */
static enum stm_status part_body(struct stm_tx *tx, void *argument)
{
    struct game *game = argument;
    size_t moves = generator_below(&game->generator, MOVES);

    for (size_t i = 0; i < moves; i++)
        STM_TRY(generator_below(&game->generator, 16) == 0
                    ? play_nested(game)
                    : game->move(tx, game->argument));
    STM_TRY(game->check(tx, game->argument));
    return generator_below(&game->generator, 2) == 0 ? STM_OK : STM_EABORT;
}

/* Each attempt starts from what was committed. */
static enum stm_status round_body(struct stm_tx *tx, void *argument)
{
    struct game *game = argument;

    memcpy(game->model, game->committed, game->model_size);
    game->generator = game->next;
    game->depth = 0;
    return part_body(tx, game);
}

void game_play(struct game *game, size_t rounds)
{
    generator_init(&game->next, 0);
    game->committed = copy_model(game, game->model);
    while (rounds-- > 0) {
        enum stm_status status = stm_atomically(round_body, game);

        EXPECT(status == STM_OK || status == STM_EABORT,
               "expected OK or EABORT, got %d (%s)", status,
               stm_strstatus(status));
        game->next = game->generator;
        if (status == STM_OK)
            memcpy(game->committed, game->model, game->model_size);
        else
            memcpy(game->model, game->committed, game->model_size);
        EXPECT_STATUS(STM_OK, stm_atomically(game->check, game->argument));
        check_kept(game);
    }
    release_kept(game);
    free(game->committed);
}
