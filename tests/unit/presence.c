/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <sched.h>

#include "presence.h"

static enum stm_status stay_body(struct stm_tx *tx, void *argument)
{
    struct presence *presence = argument;
    stm_value value = 0;

    if (presence->var)
        STM_TRY(stm_tvar_get(tx, presence->var, &value));
    AO_fetch_and_add1_full(&presence->inside);
    await_count(&presence->over, 1);
    if (value)
        (void)counted_number(value);
    return STM_OK;
}

static void stay(size_t index, void *context)
{
    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(stay_body, context));
}

struct crew *presence_enter(struct presence *presence)
{
    struct crew *crew = crew_start(1, stay, presence);

    await_count(&presence->inside, 1);
    return crew;
}

void presence_leave(struct presence *presence, struct crew *crew)
{
    AO_store_release(&presence->over, 1);
    crew_join(crew);
}

struct stm_tvar *var_of(const struct stm_type *type)
{
    stm_value value = counted_new(0);
    struct stm_tvar *var = stm_tvar_new(type, value);

    counted_drop(value);
    ck_assert_ptr_nonnull(var);
    return var;
}

void await_live(size_t count)
{
    while (counted_live() > count)
        sched_yield();
}
