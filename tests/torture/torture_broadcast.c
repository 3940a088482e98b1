/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* One thread calls all the others through one variable, and waits until every
 * one of them has answered in its own.  Nobody else comes by. */
#include "torture.h"

enum { ROUNDS = 30 };

/* What a thread has seen last: of the leader, every answer; of the others, the
 * call. */
struct view {
    struct member *member;
    stm_value seen[MEMBERS_MAX];
    stm_value now[MEMBERS_MAX];
};

static enum stm_status call(struct stm_tx *tx, void *argument)
{
    struct view *view = argument;
    struct world *world = view->member->world;

    for (size_t i = 1; i < world->member_count; i++) {
        STM_TRY(stm_tvar_get(tx, world->vars[i], &view->now[i]));
        if (view->now[i] == view->seen[i])
            return stm_retry(tx);
    }
    return stm_tvar_set(tx, world->vars[0], new_value(view->member));
}

static enum stm_status answer(struct stm_tx *tx, void *argument)
{
    struct view *view = argument;
    struct world *world = view->member->world;

    STM_TRY(stm_tvar_get(tx, world->vars[0], &view->now[0]));
    if (view->now[0] == view->seen[0])
        return stm_retry(tx);
    return stm_tvar_set(tx, world->vars[view->member->index],
                        new_value(view->member));
}

/* The leader's first call meets answers, as it were, and the last one is
 * answered like the others. */
static void run(struct member *member)
{
    struct view view = {.member = member};

    for (size_t i = 0; i < ROUNDS; i++) {
        must_commit(member->index ? answer : call, &view);
        for (size_t j = 0; j < MEMBERS_MAX; j++)
            view.seen[j] = view.now[j];
    }
}

static void set_up(struct world *world, struct member *guide)
{
    (void)guide;
    for (size_t i = 0; i < world->member_count; i++)
        world_var(world, i ? 1 : 0, "v%zu", i);
}

int main(void)
{
    static const struct torture broadcast = {.name = "torture_broadcast",
                                             .histories = 40,
                                             .members_min = 3,
                                             .members_max = 8,
                                             .set_up = set_up,
                                             .run = run};

    return torture_main(&broadcast);
}
