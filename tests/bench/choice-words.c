/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "choice.h"

struct conditions {
    struct tm_word *words;
    size_t count;
};

static TM_INLINE enum stm_status add_one(struct stm_tx *tx,
                                         struct tm_word *word)
{
    stm_value value;

    STM_TRY(tm_get(tx, word, &value));
    return tm_put(tx, word, value + 1);
}

static TM_INLINE enum stm_status try_all(struct stm_tx *tx, void *argument)
{
    struct conditions *conditions = argument;
    stm_value value;

    for (size_t i = 0; i < conditions->count; i++) {
        STM_TRY(tm_get(tx, &conditions->words[i], &value));
        if (value)
            return STM_OK;
    }
    return add_one(tx, &conditions->words[conditions->count]);
}

static TM_SAFE enum stm_status nest(struct tm_word *words, size_t levels)
{
    enum stm_status status;

    STM_TRY(add_one(NULL, words));
    if (levels == 1)
        return STM_OK;
    tm_nested(status, nest(words + 1, levels - 1));
    return status;
}

static TM_INLINE enum stm_status nest_body(struct stm_tx *tx, void *argument)
{
    (void)tx;
    return nest(argument, CHOICE_LEVELS);
}

struct choice *choice_new(size_t branches)
{
    struct choice *choice = allocate(sizeof *choice);

    choice->branches = branches;
    for (size_t i = 0; i < CHOICE_VARIABLES; i++)
        tm_word_init(&choice->words[i], 0);
    return choice;
}

void choice_or_else(struct choice *choice)
{
    struct conditions conditions = {choice->words, choice->branches};

    tm_atomically(try_all, &conditions);
}

void choice_nested(struct choice *choice)
{
    struct tm_word *words = choice->words;

    tm_atomically(nest_body, words);
}
