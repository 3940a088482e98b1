/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise I with what looks back, adds, takes turns and must hold: each
 * allocation fails once, and nothing is half-done or leaked. */
#include "sweep.h"

enum { VARS = 12 };

/* In every commit, each variable and the counter are `rounds`, the set has as
 * many keys, and the permits are back. */
struct world {
    struct stm_tvar *vars[VARS]; /* counted objects */
    struct stm_tcounter *counter;
    struct stm_tsemaphore *permits;
    struct stm_tset *set;
    stm_value rounds;
};

static void world_init(void *context)
{
    struct world *world = context;

    for (size_t i = 0; i < VARS; i++)
        world->vars[i] = counted_var(0);
    world->counter = stm_tcounter_new(0);
    world->permits = stm_tsemaphore_new(2);
    world->set = stm_tset_new(&counted_keys);
    world->rounds = 0;
}

static void world_fini(void *context)
{
    struct world *world = context;

    for (size_t i = 0; i < VARS; i++)
        stm_tvar_release(world->vars[i]);
    stm_tcounter_release(world->counter);
    stm_tsemaphore_release(world->permits);
    stm_tset_release(world->set);
}

static enum stm_status expect_rounds(struct stm_tx *tx, struct world *world,
                                     stm_value rounds)
{
    for (size_t i = 0; i < VARS; i++) {
        stm_value value;

        STM_TRY(stm_tvar_get(tx, world->vars[i], &value));
        EXPECT(counted_number(value) == rounds,
               "expected variable %zu to be %zu, got %zu", i, (size_t)rounds,
               (size_t)counted_number(value));
    }
    return STM_OK;
}

static enum stm_status look_back(struct stm_tx *tx, void *argument)
{
    struct world *world = argument;

    return expect_rounds(tx, world, world->rounds);
}

static enum stm_status set_all(struct stm_tx *tx, void *argument)
{
    struct world *world = argument;
    stm_value object = sweep_object(world->rounds + 1);
    enum stm_status status = STM_OK;

    for (size_t i = 0; i < VARS && status == STM_OK; i++)
        status = stm_tvar_set(tx, world->vars[i], object);
    if (status == STM_OK)
        status = stm_tset_add(tx, world->set, object, NULL);
    counted_drop(object);
    STM_TRY(status);
    return stm_previously(tx, look_back, world, STM_OUTERMOST);
}

/* Takes both permits, so that a second one finds none. */
static enum stm_status take_turns(struct stm_tx *tx, void *argument)
{
    struct world *world = argument;

    STM_TRY(stm_tsemaphore_take(tx, world->permits, 2));
    STM_TRY(stm_tcounter_add(tx, world->counter, 5));
    return stm_tsemaphore_take(tx, world->permits, 1);
}

static enum stm_status count_one(struct stm_tx *tx, void *argument)
{
    struct world *world = argument;
    uint64_t count;

    STM_TRY(stm_tcounter_add(tx, world->counter, 3));
    STM_TRY(stm_tcounter_get(tx, world->counter, &count));
    return stm_tcounter_add(tx, world->counter, -2);
}

static enum stm_status undone(struct stm_tx *tx, void *argument)
{
    STM_TRY(set_all(tx, argument));
    STM_TRY(count_one(tx, argument));
    return STM_EABORT;
}

static enum stm_status holds(struct stm_tx *tx, stm_value argument, bool *out)
{
    struct world *world = (struct world *)argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, world->vars[0], &value));
    *out = counted_number(value) <= world->rounds + 1;
    return STM_OK;
}

static enum stm_status round_body(struct stm_tx *tx, void *argument)
{
    const struct stm_branch branches[] = {{take_turns, argument},
                                          {count_one, argument}};
    const struct stm_invariant invariant = {.holds = holds,
                                            .argument = (stm_value)argument};
    struct world *world = argument;
    enum stm_status status;
    bool blocks;

    STM_TRY(stm_tcounter_add(tx, world->counter, 0));
    status = stm_atomically(undone, argument);
    if (status != STM_EABORT)
        return status;
    STM_TRY(stm_would_block(tx, take_turns, argument, &blocks));
    STM_TRY(stm_or_else(tx, branches, 2));
    STM_TRY(stm_atomically(set_all, argument));
    return stm_invariant(tx, &invariant, NULL);
}

static enum stm_status check_body(struct stm_tx *tx, void *argument)
{
    struct world *world = argument;
    uint64_t count, permits;
    size_t keys;

    STM_TRY(expect_rounds(tx, world, world->rounds));
    STM_TRY(stm_tcounter_get(tx, world->counter, &count));
    STM_TRY(stm_tsemaphore_available(tx, world->permits, &permits));
    STM_TRY(stm_tset_length(tx, world->set, &keys));
    EXPECT(count == world->rounds && permits == 2 && keys == world->rounds,
           "half-committed: %zu rounds, but a count of %zu, %zu permits and "
           "%zu keys",
           (size_t)world->rounds, (size_t)count, (size_t)permits, keys);
    return STM_OK;
}

static void note_commit(void *context) { ((struct world *)context)->rounds++; }

int main(void)
{
    struct world world;
    const struct sweep sweep = {.name = "control",
                                .init = world_init,
                                .fini = world_fini,
                                .body = round_body,
                                .check = check_body,
                                .commit = note_commit,
                                .world = &world,
                                .least = 20};

    return sweep_main("nomem control", &sweep, 1);
}
