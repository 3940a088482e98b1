/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Random bodies over a few variables and a list: reads, writes, nested bodies
 * that are kept, undone or fail, or_else, would_block, time-outs, aborts.  The
 * first two variables are always written together, so that every attempt that
 * reads both can itself tell a state that never was. */
#include "torture.h"

#include <stdlib.h>

enum { ROUNDS = 40, STEPS_MAX = 6, DEPTH_MAX = 4, LENGTH_MAX = 40 };

struct mix {
    struct stm_tlist *list;
    bool swallowed[MEMBERS_MAX]; /* by its attempt: a conflict */
};

/* A body within a body, and how it ends. */
struct part {
    struct member *member;
    unsigned depth;
    enum stm_status ending;
};

static enum stm_status steps(struct stm_tx *tx, struct member *member,
                             unsigned depth);

static enum stm_status part_body(struct stm_tx *tx, void *argument)
{
    struct part *part = argument;

    STM_TRY(steps(tx, part->member, part->depth + 1));
    if (part->ending == STM_RETRY)
        return stm_retry(tx);
    return part->ending;
}

static struct stm_tvar *some_var(struct member *member)
{
    return member->world->vars[below(member, member->world->var_count)];
}

/* ---- steps ---- */

static enum stm_status read_twins(struct stm_tx *tx, struct member *member)
{
    stm_value first, second;

    STM_TRY(stm_tvar_get(tx, member->world->vars[0], &first));
    STM_TRY(stm_tvar_get(tx, member->world->vars[1], &second));
    EXPECT(first == second,
           "an attempt read %zu and %zu, which are always "
           "written together",
           (size_t)first, (size_t)second);
    return STM_OK;
}

static enum stm_status read_some(struct stm_tx *tx, struct member *member)
{
    stm_value value;

    if (chance(member, 4))
        return read_twins(tx, member);
    return stm_tvar_get(tx, some_var(member), &value);
}

static enum stm_status write_some(struct stm_tx *tx, struct member *member)
{
    struct world *world = member->world;
    struct stm_tvar *var = some_var(member);
    stm_value value = new_value(member);

    if (var != world->vars[0] && var != world->vars[1])
        return stm_tvar_set(tx, var, value);
    STM_TRY(stm_tvar_set(tx, world->vars[0], value));
    return stm_tvar_set(tx, world->vars[1], value);
}

static enum stm_status nest(struct stm_tx *tx, struct member *member,
                            unsigned depth)
{
    struct part part = {member, depth, STM_OK};
    enum stm_status status;

    if (chance(member, 3))
        part.ending = STM_EABORT;
    status = stm_atomically(part_body, &part);
    return status == STM_EABORT ? stm_tx_status(tx) : status;
}

/* Some branches retry; the last one seldom does, for nobody may come by. */
static enum stm_status choose(struct stm_tx *tx, struct member *member,
                              unsigned depth)
{
    struct part parts[3];
    struct stm_branch branches[3];
    size_t count = 1 + below(member, 3);
    enum stm_status status;

    for (size_t i = 0; i < count; i++) {
        parts[i] = (struct part){member, depth, STM_OK};
        if (i + 1 < count && !chance(member, 3))
            parts[i].ending = STM_RETRY;
        else if (chance(member, 4))
            parts[i].ending = STM_EABORT;
        branches[i] = (struct stm_branch){part_body, &parts[i]};
    }
    status = stm_or_else(tx, branches, count);
    return status == STM_EABORT ? stm_tx_status(tx) : status;
}

static enum stm_status look_back(struct stm_tx *tx, struct member *member,
                                 unsigned depth)
{
    struct part part = {member, depth, STM_OK};

    return stm_previously(tx, part_body, &part,
                          chance(member, 2) ? STM_INNERMOST : STM_OUTERMOST);
}

static enum stm_status try_out(struct stm_tx *tx, struct member *member,
                               unsigned depth)
{
    struct part part = {member, depth, STM_OK};
    bool blocks;

    if (chance(member, 2))
        part.ending = STM_RETRY;
    return stm_would_block(tx, part_body, &part, &blocks);
}

/* Waits for what was read so far, but not for long. */
static enum stm_status wait_a_while(struct stm_tx *tx, struct member *member)
{
    bool over;

    STM_TRY(stm_elapsed(tx, 100000 + below(member, 1000000), &over));
    return over ? STM_OK : stm_retry(tx);
}

/* To the history, the list is a variable that holds its last item. */
static enum stm_status read_list(struct stm_tx *tx, struct stm_tlist *list)
{
    stm_value last = 0;
    size_t length;

    STM_TRY(stm_tlist_length(tx, list, &length));
    if (length)
        STM_TRY(stm_tlist_get(tx, list, length - 1, &last));
    EXPECT(length <= LENGTH_MAX, "expected at most %d items, got %zu",
           LENGTH_MAX, length);
    stm__record_read(list, last);
    return STM_OK;
}

static enum stm_status write_list(struct stm_tx *tx, struct member *member,
                                  struct stm_tlist *list)
{
    stm_value item = new_value(member);
    size_t length;

    STM_TRY(stm_tlist_append(tx, list, item));
    stm__record_write(list, item);
    STM_TRY(stm_tlist_length(tx, list, &length));
    return length > LENGTH_MAX ? stm_tlist_pop_front(tx, list, &item) : STM_OK;
}

static enum stm_status step(struct stm_tx *tx, struct member *member,
                            unsigned depth)
{
    struct mix *mix = member->world->state;
    size_t drawn = below(member, depth < DEPTH_MAX ? 100 : 75);

    if (drawn < 40)
        return read_some(tx, member);
    if (drawn < 62)
        return write_some(tx, member);
    if (drawn < 67)
        return read_list(tx, mix->list);
    if (drawn < 71)
        return write_list(tx, member, mix->list);
    if (drawn < 72)
        return depth ? STM_OK : STM_EUSER;
    if (drawn < 75)
        return wait_a_while(tx, member);
    if (drawn < 83)
        return nest(tx, member, depth);
    if (drawn < 93)
        return choose(tx, member, depth);
    return drawn < 96 ? try_out(tx, member, depth)
                      : look_back(tx, member, depth);
}

/* Now and then a step's status is swallowed, as a careless body may: the
 * attempt must be lost all the same. */
static enum stm_status steps(struct stm_tx *tx, struct member *member,
                             unsigned depth)
{
    struct mix *mix = member->world->state;

    for (size_t count = 1 + below(member, STEPS_MAX); count > 0; count--) {
        enum stm_status status = step(tx, member, depth);

        if (status != STM_OK && !chance(member, 4))
            return status;
        if (status == STM_CONFLICT)
            mix->swallowed[member->index] = true;
    }
    return STM_OK;
}

/* ---- the history ---- */

static enum stm_status body(struct stm_tx *tx, void *argument)
{
    struct member *member = argument;
    struct mix *mix = member->world->state;

    mix->swallowed[member->index] = false;
    return steps(tx, member, 0);
}

static void run(struct member *member)
{
    const struct mix *mix = member->world->state;

    for (size_t i = 0; i < ROUNDS; i++) {
        enum stm_status status = stm_atomically(body, member);

        EXPECT(status == STM_OK || status == STM_EUSER,
               "expected a commit or the body's own error, got %d (%s)",
               (int)status, stm_strstatus(status));
        EXPECT(!mix->swallowed[member->index],
               "an attempt has ended that was in conflict, expected another");
    }
}

static void set_up(struct world *world, struct member *guide)
{
    struct mix *mix = calloc(1, sizeof *mix);

    if (!mix)
        abort();
    mix->list = stm_tlist_new(NULL);
    world->state = mix;
    world_name(world, mix->list, "list", 0);
    for (size_t i = 3 + below(guide, 4); i > 0; i--)
        world_var(world, 0, "v%zu", i);
}

static void tear_down(struct world *world)
{
    struct mix *mix = world->state;

    stm_tlist_release(mix->list);
    free(mix);
}

int main(void)
{
    static const struct torture mix = {.name = "torture_mix",
                                       .histories = 50,
                                       .members_min = 2,
                                       .members_max = 8,
                                       .set_up = set_up,
                                       .run = run,
                                       .tear_down = tear_down};

    return torture_main(&mix);
}
