/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "taker.h"

enum stm_status take_body(struct stm_tx *tx, void *argument)
{
    struct taker *taker = argument;

    STM_TRY(stm_tvar_get(tx, taker->var, &taker->got));
    taker->late = false;
    if (taker->got >= taker->least)
        return taker->leaves ? STM_OK : stm_tvar_set(tx, taker->var, 0);
    if (taker->wait != NULL)
        STM_TRY(stm_elapsed(tx, *taker->wait, &taker->late));
    return taker->late ? STM_OK : stm_retry(tx);
}

void taker_note(void *context)
{
    struct taker *taker = context;

    AO_fetch_and_add1_full(&taker->told);
    if (taker->total != NULL)
        AO_fetch_and_add1_full(taker->total);
}

struct taker taker_of(struct stm_tvar *var)
{
    return (struct taker){.var = var, .least = 1, .leaves = true};
}

void taker_start(struct taker *taker)
{
    taker->call = stm_call_new(take_body, taker);
    EXPECT_STATUS(STM_OK, stm_call_on_wake(taker->call, taker_note, taker));
}

void taker_block(struct taker *taker)
{
    taker_start(taker);
    EXPECT_STATUS(STM_BLOCKED, stm_call_step(taker->call));
}

void expect_told(const struct taker *taker, size_t wanted)
{
    EXPECT(AO_load(&taker->told) == wanted,
           "expected the call to be woken %zu times, it was %zu", wanted,
           (size_t)AO_load(&taker->told));
}

uint64_t deadline_of(const struct taker *taker)
{
    uint64_t left = 1;

    EXPECT_STATUS(STM_OK, stm_call_deadline(taker->call, &left));
    return left;
}
