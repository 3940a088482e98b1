/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Tokens go around a ring of threads, each of which waits for one in its own
 * place and for room in the next.  Nobody else comes by: a wake-up that is lost
 * is lost for good. */
#include "torture.h"

enum { PASSES = 160 }; /* of all threads in one history, about */

#define FULL 1u /* in a place's value */

/* The places come first, then one that nobody ever writes. */
static struct stm_tvar *place(const struct member *member, size_t step)
{
    struct world *world = member->world;

    return world->vars[(member->index + step) % world->member_count];
}

static enum stm_status pass(struct stm_tx *tx, void *argument)
{
    struct member *member = argument;
    stm_value own, next;

    STM_TRY(stm_tvar_get(tx, place(member, 0), &own));
    if (!(own & FULL))
        return stm_retry(tx);
    STM_TRY(stm_tvar_set(tx, place(member, 0), new_value(member) << 1));
    STM_TRY(stm_tvar_get(tx, place(member, 1), &next));
    if (next & FULL)
        return stm_retry(tx);
    return stm_tvar_set(tx, place(member, 1), new_value(member) << 1 | FULL);
}

static enum stm_status wait_in_vain(struct stm_tx *tx, void *argument)
{
    (void)argument;
    return stm_retry(tx);
}

/* What the branch that retried has read is waited for, too, and not only what
 * was read before. */
static enum stm_status pass_or_wait(struct stm_tx *tx, void *argument)
{
    struct world *world = ((struct member *)argument)->world;
    struct stm_branch branches[] = {{pass, argument}, {wait_in_vain, NULL}};
    stm_value value;

    STM_TRY(stm_tvar_get(tx, world->vars[world->member_count], &value));
    return stm_or_else(tx, branches, 2);
}

static size_t tokens(const struct world *world)
{
    size_t count = 0;

    for (size_t i = 0; i < world->member_count; i++)
        count += world->names[i].initial & FULL;
    return count;
}

/* All pass equally often, and so the last one finds what it needs, too. */
static void run(struct member *member)
{
    const struct world *world = member->world;
    size_t laps = PASSES / (world->member_count * tokens(world)) + 1;

    for (size_t i = laps * tokens(world); i > 0; i--)
        must_commit(chance(member, 2) ? pass : pass_or_wait, member);
}

static void set_up(struct world *world, struct member *guide)
{
    size_t full = 1 + below(guide, world->member_count / 2);

    for (size_t i = 0; i < world->member_count; i++)
        world_var(world, i < full ? FULL : 0, "v%zu", i);
    world_var(world, 0, "other");
}

static enum stm_status count_tokens(struct stm_tx *tx, void *argument)
{
    struct world *world = argument;
    size_t count = 0;

    for (size_t i = 0; i < world->member_count; i++) {
        stm_value value;

        STM_TRY(stm_tvar_get(tx, world->vars[i], &value));
        count += value & FULL;
    }
    EXPECT(count == tokens(world), "expected %zu tokens in the end, got %zu",
           tokens(world), count);
    return STM_OK;
}

static void look(struct world *world) { must_commit(count_tokens, world); }

int main(void)
{
    static const struct torture ring = {.name = "torture_ring",
                                        .histories = 50,
                                        .members_min = 2,
                                        .members_max = 8,
                                        .set_up = set_up,
                                        .run = run,
                                        .look = look};

    return torture_main(&ring);
}
