/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_GAME_H
#define TESTS_UNIT_GAME_H

#include "support.h"

/* A container against a plain model of it: random moves on both, in one
 * transaction after the other, with parts that are nested and undone at random,
 * in both.  The caller sets the first five. */
struct game {
    void *model; /* as the running attempt sees the container; flat */
    size_t model_size;
    stm_body *move;  /* one random move */
    stm_body *check; /* are the container and the model the same? */
    void *argument;  /* for both */

    struct generator generator; /* for the moves to draw from */
    size_t depth;               /* of nesting */
    void *committed;            /* a model */
    struct generator next;      /* what each attempt of a round draws from */
};

void game_play(struct game *game, size_t rounds);

#endif
