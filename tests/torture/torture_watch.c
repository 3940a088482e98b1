/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Watchers that keep variables in step with others, while threads create and
 * cancel more of them: after every commit each has seen it.
 *
 *   total     follows a and b, from the start
 *   echo      follows total: a cascade
 *   mirror i  follows a while the variable `on i` is odd
 *   guard     retries when b is written while the variable `shut` is odd
 *
 * What follows is a mixture of what it follows, so that no value comes twice.
 * A transaction that creates or cancels a watcher therefore also writes a. */
#include "torture.h"

#include <stdlib.h>

enum {
    ROUNDS = 30,
    A = 0,
    B,
    TOTAL,
    ECHO,
    SHUT,
    ON,
    MIRROR = ON + MEMBERS_MAX
};

#define MIX_A UINT64_C(0x9e3779b97f4a7c15)
#define MIX_B UINT64_C(0xc2b2ae3d27d4eb4f)

static const char invariant[] =
    "total == (a * 0x9e3779b97f4a7c15 + b * 0xc2b2ae3d27d4eb4f) % 2**64 and "
    "echo == total * 0xc2b2ae3d27d4eb4f % 2**64 and "
    "all(not on & 1 or mirror == a * 0x9e3779b97f4a7c15 % 2**64 "
    "for on, mirror in ((on0, mirror0), (on1, mirror1), (on2, mirror2), "
    "(on3, mirror3), (on4, mirror4), (on5, mirror5), (on6, mirror6), "
    "(on7, mirror7)))";

/* ---- the watchers ---- */

/* The world that is watched, set before the threads start. */
static struct world *watched;

static enum stm_status follow(struct stm_tx *tx, struct stm_tvar *var,
                              stm_value value)
{
    stm_value old;

    STM_TRY(stm_tvar_get(tx, var, &old));
    return old == value ? STM_OK : stm_tvar_set(tx, var, value);
}

static enum stm_status follower(struct stm_tx *tx, stm_value index,
                                stm_value result)
{
    return follow(tx, watched->vars[index], result);
}

static enum stm_status mix_both(struct stm_tx *tx, stm_value index,
                                stm_value *result)
{
    stm_value a, b;

    (void)index;
    STM_TRY(stm_tvar_get(tx, watched->vars[A], &a));
    STM_TRY(stm_tvar_get(tx, watched->vars[B], &b));
    *result = a * MIX_A + b * MIX_B;
    return STM_OK;
}

static enum stm_status mix_total(struct stm_tx *tx, stm_value index,
                                 stm_value *result)
{
    stm_value total;

    (void)index;
    STM_TRY(stm_tvar_get(tx, watched->vars[TOTAL], &total));
    *result = total * MIX_B;
    return STM_OK;
}

static enum stm_status mix_a(struct stm_tx *tx, stm_value index,
                             stm_value *result)
{
    stm_value a;

    (void)index;
    STM_TRY(stm_tvar_get(tx, watched->vars[A], &a));
    *result = a * MIX_A;
    return STM_OK;
}

static enum stm_status see_b(struct stm_tx *tx, stm_value index,
                             stm_value *result)
{
    (void)index;
    return stm_tvar_get(tx, watched->vars[B], result);
}

static enum stm_status guard(struct stm_tx *tx, stm_value index, stm_value b)
{
    stm_value shut;

    (void)index;
    (void)b;
    STM_TRY(stm_tvar_get(tx, watched->vars[SHUT], &shut));
    return shut & 1 ? stm_retry(tx) : STM_OK;
}

/* ---- the threads ---- */

static enum stm_status write_a(struct stm_tx *tx, void *member)
{
    return stm_tvar_set(tx, watched->vars[A], new_value(member));
}

static enum stm_status write_b(struct stm_tx *tx, void *member)
{
    return stm_tvar_set(tx, watched->vars[B], new_value(member));
}

static enum stm_status write_in_vain(struct stm_tx *tx, void *member)
{
    stm_value echo;

    STM_TRY(write_a(tx, member));
    STM_TRY(write_b(tx, member));
    STM_TRY(stm_tvar_get(tx, watched->vars[ECHO], &echo));
    return stm_retry(tx);
}

static enum stm_status write_either(struct stm_tx *tx, void *member)
{
    struct stm_branch branches[] = {
        {write_in_vain, member},
        {chance(member, 2) ? write_a : write_b, member}};

    return stm_or_else(tx, branches, 2);
}

/* A member's mirror: NULL while it is off. */
struct mirror {
    struct member *member;
    struct stm_watcher *handle;
};

static enum stm_status turn_on(struct stm_tx *tx, void *argument)
{
    struct mirror *mirror = argument;
    size_t index = mirror->member->index;
    struct stm_watch watch = {
        .function = mix_a, .callback = follower, .argument = MIRROR + index};

    stm_watcher_release(mirror->handle);
    mirror->handle = NULL;
    STM_TRY(write_a(tx, mirror->member));
    STM_TRY(stm_tvar_set(tx, watched->vars[ON + index],
                         new_value(mirror->member) << 1 | 1));
    return stm_watch(tx, &watch, &mirror->handle);
}

static enum stm_status turn_off(struct stm_tx *tx, void *argument)
{
    struct mirror *mirror = argument;

    STM_TRY(write_a(tx, mirror->member));
    STM_TRY(stm_tvar_set(tx, watched->vars[ON + mirror->member->index],
                         new_value(mirror->member) << 1));
    return stm_watcher_cancel(tx, mirror->handle);
}

static void turn(struct mirror *mirror)
{
    if (!mirror->handle) {
        must_commit(turn_on, mirror);
        return;
    }
    must_commit(turn_off, mirror);
    stm_watcher_release(mirror->handle);
    mirror->handle = NULL;
}

static enum stm_status shut_or_open(struct stm_tx *tx, void *argument)
{
    struct member *member = argument;
    stm_value shut;

    STM_TRY(stm_tvar_get(tx, watched->vars[SHUT], &shut));
    return stm_tvar_set(tx, watched->vars[SHUT],
                        new_value(member) << 1 | !(shut & 1));
}

/* The first member opens what it has shut, and waits for nobody meanwhile. */
static void shut_for_a_while(struct member *member)
{
    must_commit(shut_or_open, member);
    for (size_t i = below(member, 4); i > 0; i--)
        must_commit(write_a, member);
    must_commit(shut_or_open, member);
}

static void run(struct member *member)
{
    struct mirror mirror = {member, NULL};

    for (size_t i = 0; i < ROUNDS; i++)
        switch (below(member, 5)) {
        case 0:
            turn(&mirror);
            break;
        case 1:
            if (!member->index)
                shut_for_a_while(member);
            break;
        case 2:
            must_commit(write_a, member);
            break;
        case 3:
            must_commit(write_b, member);
            break;
        default:
            must_commit(write_either, member);
        }
    if (mirror.handle)
        turn(&mirror);
}

/* ---- the history ---- */

static enum stm_status create_body(struct stm_tx *tx, void *guide)
{
    struct stm_watch watches[] = {
        {.function = mix_both, .callback = follower, .argument = TOTAL},
        {.function = mix_total, .callback = follower, .argument = ECHO},
        {.function = see_b, .callback = guard}};

    STM_TRY(write_a(tx, guide));
    for (size_t i = 0; i < 3; i++)
        STM_TRY(stm_watch(tx, &watches[i], NULL));
    return STM_OK;
}

static void set_up(struct world *world, struct member *guide)
{
    static const char *const names[] = {"a", "b", "total", "echo", "shut"};

    watched = world;
    for (size_t i = A; i < ON; i++)
        world_var(world, 0, "%s", names[i]);
    for (size_t i = 0; i < MEMBERS_MAX; i++)
        world_var(world, 0, "on%zu", i);
    for (size_t i = 0; i < MEMBERS_MAX; i++)
        world_var(world, 0, "mirror%zu", i);
    must_commit(create_body, guide);
}

static enum stm_status look_body(struct stm_tx *tx, void *argument)
{
    struct world *world = argument;
    stm_value expected, total, echo;

    STM_TRY(mix_both(tx, 0, &expected));
    STM_TRY(stm_tvar_get(tx, world->vars[TOTAL], &total));
    STM_TRY(stm_tvar_get(tx, world->vars[ECHO], &echo));
    EXPECT(total == expected && echo == total * MIX_B,
           "expected total and echo to have followed a and b in the end");
    return STM_OK;
}

static void look(struct world *world) { must_commit(look_body, world); }

int main(void)
{
    static const struct torture watch = {.name = "torture_watch",
                                         .histories = 50,
                                         .members_min = 2,
                                         .members_max = 8,
                                         .invariant = invariant,
                                         .set_up = set_up,
                                         .run = run,
                                         .look = look};

    return torture_main(&watch);
}
