/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_INLINE_H
#define STM_INLINE_H

/* The same interface as stm/stm.h, with the shortest ways through it compiled
 * into the program: instead of a call, a read costs a few instructions, and a
 * body that the compiler sees becomes part of the function that runs it.  Where
 * the two differ:
 *
 *  - these names do not notice a transaction that is NULL or belongs to another
 *    thread;
 *  - struct stm_tvar is complete, so that a structure can have variables as
 *    members (stm_tvar_init);
 *  - a program has to be compiled again when the library's soname changes, and
 *    needs libatomic_ops' headers for that. */

#include <stm/fast.h>
#include <stm/stm.h>

static inline STM_NODISCARD enum stm_status
stm__inline_get(struct stm_tx *tx, struct stm_tvar *var, stm_value *out)
{
    enum stm_status status;
    stm_value value;

    if (STM__LIKELY(stm__fast_get(tx, var, out)))
        return STM_OK;
    status = stm__get(tx, var, &value);
    if (status == STM_OK)
        *out = value; /* which so can be in a register */
    return status;
}

static inline STM_NODISCARD enum stm_status
stm__inline_set(struct stm_tx *tx, struct stm_tvar *var, stm_value value)
{
    return STM__LIKELY(stm__fast_set(tx, var, value))
               ? STM_OK
               : stm__set(tx, var, value);
}

static inline STM_NODISCARD enum stm_status
stm__inline_atomically(stm_body *body, void *argument)
{
    return stm__fast_atomically(body, argument);
}

static inline struct stm_tx *stm__inline_current(void)
{
    return stm__self && stm__fast_of(stm__self)->doom != STM_EMISUSE ? stm__self
                                                                     : NULL;
}

static inline enum stm_status stm__inline_status(const struct stm_tx *tx)
{
    return ((const struct stm__fast *)tx)->doom;
}

#define stm_current() stm__inline_current()
#define stm_tx_status(tx) stm__inline_status(tx)
#define stm_tvar_get(tx, var, out) stm__inline_get(tx, var, out)
#define stm_tvar_set(tx, var, value) stm__inline_set(tx, var, value)
#define stm_atomically(body, argument) stm__inline_atomically(body, argument)

#endif
