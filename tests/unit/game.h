/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_GAME_H
#define TESTS_UNIT_GAME_H

#include "support.h"

enum { GAME_SNAPSHOTS = 8, GAME_DROPPED = 1000 };

/* A snapshot that is kept over many transactions. */
struct game_kept {
    void *snapshot; /* NULL: none */
    void *model;    /* what it must hold for ever */
};

/* A container against a plain model of it: random moves on both, in one
 * transaction after the other, with parts that are nested and undone at random,
 * in both.  The caller sets the first seven. */
struct game {
    void *model; /* as the running attempt sees the container; flat */
    size_t model_size;
    stm_body *move;  /* one random move */
    stm_body *check; /* are the container and the model the same? */
    /* For snapshots, where moves keep some: are it and its model the same? */
    void (*compare)(const void *snapshot, const void *model, const char *what);
    void (*release)(void *snapshot);
    void *argument; /* for move and check */

    struct generator generator; /* for the moves to draw from */
    size_t depth;               /* of nesting */
    void *committed;            /* a model */
    struct generator next;      /* what each attempt of a round draws from */
    struct game_kept kept[GAME_SNAPSHOTS];
    size_t next_kept;
    void *dropped[GAME_DROPPED]; /* snapshots to be released after the round */
    size_t dropped_count;
};

void game_play(struct game *game, size_t rounds);

/* For moves.  Is there room to keep one more in this round? */
bool game_may_keep(const struct game *game);

/* Keeps a snapshot, which it takes, instead of an older one; it must hold for
 * ever what the model, which is copied, says. */
void game_keep(struct game *game, void *snapshot, const void *model);

/* Any of those kept, or one without a snapshot. */
const struct game_kept *game_any_kept(struct game *game);

#endif
