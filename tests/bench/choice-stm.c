/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "choice.h"

struct level {
    struct tm_word *word;
    struct level *inner; /* NULL: the innermost */
};

struct stm_choice {
    struct choice choice;
    struct stm_branch branches[CHOICE_VARIABLES];
    struct level levels[CHOICE_LEVELS];
};

static enum stm_status add_one(struct stm_tx *tx, void *argument)
{
    stm_value value;

    STM_TRY(tm_get(tx, argument, &value));
    return tm_put(tx, argument, value + 1);
}

static enum stm_status try_branch(struct stm_tx *tx, void *argument)
{
    stm_value value;

    STM_TRY(tm_get(tx, argument, &value));
    return value ? STM_OK : stm_retry(tx);
}

static enum stm_status or_else(struct stm_tx *tx, void *argument)
{
    struct stm_choice *choice = argument;

    return stm_or_else(tx, choice->branches, choice->choice.branches + 1);
}

static enum stm_status nest(struct stm_tx *tx, void *argument)
{
    struct level *level = argument;

    STM_TRY(add_one(tx, level->word));
    return level->inner ? stm_atomically(nest, level->inner) : STM_OK;
}

struct choice *choice_new(size_t branches)
{
    struct stm_choice *made = allocate(sizeof *made);
    struct choice *choice = &made->choice;

    choice->branches = branches;
    for (size_t i = 0; i < CHOICE_VARIABLES; i++) {
        tm_word_init(&choice->words[i], 0);
        made->branches[i].body = i == branches ? add_one : try_branch;
        made->branches[i].argument = &choice->words[i];
    }
    for (size_t i = 0; i < CHOICE_LEVELS; i++) {
        made->levels[i].word = &choice->words[i];
        made->levels[i].inner =
            i + 1 < CHOICE_LEVELS ? &made->levels[i + 1] : NULL;
    }
    return choice;
}

void choice_or_else(struct choice *choice) { tm_atomically(or_else, choice); }

void choice_nested(struct choice *choice)
{
    tm_atomically(nest, ((struct stm_choice *)choice)->levels);
}
