/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "bank.h"

void bank_init(struct bank *bank, uint64_t stream)
{
    *bank = (struct bank){.wanted = 100 * BANK_VARS};
    generator_init(&bank->generator, stream);
    for (size_t i = 0; i < BANK_VARS; i++)
        bank->vars[i] = word_var(100);
}

void bank_fini(struct bank *bank)
{
    for (size_t i = 0; i < BANK_VARS; i++)
        stm_tvar_release(bank->vars[i]);
}

struct bank bank_copy(const struct bank *bank, uint64_t stream)
{
    struct bank own = *bank;

    generator_init(&own.generator, stream);
    return own;
}

static struct stm_tvar *any_var(struct bank *bank)
{
    return bank->vars[generator_below(&bank->generator, BANK_VARS)];
}

enum stm_status bank_transfer(struct stm_tx *tx, void *argument)
{
    struct bank *bank = argument;
    struct stm_tvar *from = any_var(bank);
    struct stm_tvar *to = any_var(bank);
    stm_value value;

    STM_TRY(stm_tvar_get(tx, from, &value));
    STM_TRY(stm_tvar_set(tx, from, value - 1));
    STM_TRY(stm_tvar_get(tx, to, &value));
    return stm_tvar_set(tx, to, value + 1);
}

static enum stm_status sum_body(struct stm_tx *tx, void *argument)
{
    struct bank *bank = argument;

    bank->sum = 0;
    for (size_t i = 0; i < BANK_VARS; i++) {
        stm_value value;

        STM_TRY(stm_tvar_get(tx, bank->vars[i], &value));
        bank->sum += value;
    }
    return STM_OK;
}

bool bank_works(struct bank *bank, size_t transfers)
{
    for (size_t i = 0; i < transfers; i++)
        if (stm_atomically(bank_transfer, bank) != STM_OK ||
            stm_atomically(sum_body, bank) != STM_OK ||
            bank->sum != bank->wanted)
            return false;
    return true;
}
