/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stm/tcounter.h>
#include <stm/tx-internal.h>

/* A counter is a variable that holds a word, by another name: what is special
 * is how the log and the commit deal with an addition. */

static struct stm_tvar *var_of(struct stm_tcounter *counter)
{
    return (struct stm_tvar *)counter;
}

struct stm_tcounter *stm_tcounter_new(uint64_t initial)
{
    return (struct stm_tcounter *)stm_tvar_new(NULL, initial);
}

void stm_tcounter_retain(struct stm_tcounter *counter)
{
    stm_tvar_retain(var_of(counter));
}

void stm_tcounter_release(struct stm_tcounter *counter)
{
    stm_tvar_release(var_of(counter));
}

enum stm_status stm_tcounter_add(struct stm_tx *tx,
                                 struct stm_tcounter *counter, int64_t delta)
{
    return stm__tvar_add(tx, var_of(counter), (stm_value)delta);
}

enum stm_status stm_tcounter_get(struct stm_tx *tx,
                                 struct stm_tcounter *counter, uint64_t *out)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, var_of(counter), &value));
    *out = value;
    return STM_OK;
}
