/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Readers of everything among threads that write without pause.  The variables
 * are pairs that are always written together. */
#include "torture.h"

enum { PAIRS = 12, READERS = 2, WRITES = 60, READS = 12 };

static enum stm_status write_pairs(struct stm_tx *tx, void *argument)
{
    struct member *member = argument;
    struct stm_tvar **vars = member->world->vars;

    for (size_t count = 1 + below(member, 3); count > 0; count--) {
        size_t pair = below(member, PAIRS);
        stm_value value = new_value(member), old;

        if (chance(member, 2))
            STM_TRY(stm_tvar_get(tx, vars[2 * pair], &old));
        STM_TRY(stm_tvar_set(tx, vars[2 * pair], value));
        STM_TRY(stm_tvar_set(tx, vars[2 * pair + 1], value));
    }
    return STM_OK;
}

/* Odd variables first, so that much time passes within a pair. */
static enum stm_status read_pairs(struct stm_tx *tx, void *argument)
{
    struct stm_tvar **vars = ((struct member *)argument)->world->vars;
    stm_value first[PAIRS], second;

    for (size_t i = 0; i < PAIRS; i++)
        STM_TRY(stm_tvar_get(tx, vars[2 * i + 1], &first[i]));
    for (size_t i = PAIRS; i-- > 0;) {
        STM_TRY(stm_tvar_get(tx, vars[2 * i], &second));
        EXPECT(first[i] == second,
               "an attempt read %zu and %zu, which are always written together",
               (size_t)first[i], (size_t)second);
    }
    return STM_OK;
}

/* Reads it all, and a second time in a nested body. */
static enum stm_status read_again(struct stm_tx *tx, void *argument)
{
    STM_TRY(read_pairs(tx, argument));
    return stm_atomically(read_pairs, argument);
}

static void run(struct member *member)
{
    if (member->index < READERS)
        for (size_t i = 0; i < READS; i++)
            must_commit(chance(member, 4) ? read_again : read_pairs, member);
    else
        for (size_t i = 0; i < WRITES; i++)
            must_commit(write_pairs, member);
}

static void set_up(struct world *world, struct member *guide)
{
    (void)guide;
    for (size_t i = 0; i < 2 * PAIRS; i++)
        world_var(world, 0, "v%zu", i);
}

int main(void)
{
    static const struct torture longs = {.name = "torture_long",
                                         .histories = 40,
                                         .members_min = READERS + 1,
                                         .members_max = 8,
                                         .set_up = set_up,
                                         .run = run};

    return torture_main(&longs);
}
