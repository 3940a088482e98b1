/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Events on one loop, which one of the threads runs, and actions for after the
 * commit, scheduled by attempts that commit, fail, retry and undo a part.  The
 * number of each is a value of its own. */
#include "torture.h"

#include <stdlib.h>

enum { ROUNDS = 60 };

struct events {
    struct stm_eventloop *loop;
    AO_t working; /* members that may still schedule */
    AO_t wanted, ran;
};

/* What a transaction has scheduled so far, in its present attempt. */
struct job {
    struct member *member;
    size_t scheduled;
    bool fails;
};

/* Set before the threads start. */
static struct events *counted;

static void note_run(stm_value number)
{
    stm__record_ran(number);
    (void)AO_fetch_and_add1_full(&counted->ran);
}

static enum stm_status schedule(struct stm_tx *tx, struct job *job)
{
    struct events *events = job->member->world->state;
    stm_value number = new_value(job->member);

    if (chance(job->member, 3)) {
        STM_TRY(stm_on_commit(tx, note_run, number, NULL));
        stm__record_action(number);
    } else {
        STM_TRY(
            stm_eventloop_schedule(tx, events->loop, note_run, number, NULL));
        stm__record_event(number);
    }
    job->scheduled++;
    return STM_OK;
}

static enum stm_status schedule_in_vain(struct stm_tx *tx, void *argument)
{
    struct job job = *(struct job *)argument;
    stm_value value;

    STM_TRY(schedule(tx, &job));
    STM_TRY(stm_tvar_get(tx, job.member->world->vars[0], &value));
    return chance(job.member, 2) ? STM_EABORT : stm_retry(tx);
}

static enum stm_status schedule_body(struct stm_tx *tx, void *argument)
{
    struct job *job = argument;

    return schedule(tx, job);
}

/* Undoes one, for either reason, and schedules another. */
static enum stm_status schedule_either(struct stm_tx *tx, struct job *job)
{
    struct stm_branch branches[] = {{schedule_in_vain, job},
                                    {schedule_body, job}};
    enum stm_status status = stm_or_else(tx, branches, 2);

    return status == STM_EABORT ? stm_tx_status(tx) : status;
}

static enum stm_status body(struct stm_tx *tx, void *argument)
{
    struct job *job = argument;
    struct member *member = job->member;
    struct stm_tvar **vars = member->world->vars;
    stm_value value;

    job->scheduled = 0;
    for (size_t count = below(member, 3); count > 0; count--)
        STM_TRY(schedule(tx, job));
    STM_TRY(stm_tvar_get(tx, vars[below(member, 2)], &value));
    if (chance(member, 3))
        STM_TRY(schedule_either(tx, job));
    STM_TRY(stm_tvar_set(tx, vars[below(member, 2)], new_value(member)));
    return job->fails ? STM_EUSER : STM_OK;
}

static enum stm_status stop_body(struct stm_tx *tx, void *argument)
{
    return stm_eventloop_stop(tx, argument);
}

static void work(struct member *member, struct events *events)
{
    for (size_t i = 0; i < ROUNDS; i++) {
        struct job job = {.member = member, .fails = chance(member, 8)};
        enum stm_status wanted = job.fails ? STM_EUSER : STM_OK;
        enum stm_status status = stm_atomically(body, &job);

        EXPECT(status == wanted, "expected %d, got %d (%s)", (int)wanted,
               (int)status, stm_strstatus(status));
        if (status == STM_OK)
            (void)AO_fetch_and_add_full(&events->wanted, job.scheduled);
    }
    if (AO_fetch_and_sub1_full(&events->working) == 1)
        must_commit(stop_body, events->loop);
}

static void run(struct member *member)
{
    struct events *events = member->world->state;

    if (member->index)
        work(member, events);
    else
        EXPECT(stm_eventloop_run(events->loop) == STM_OK,
               "expected the loop to end well");
}

static void set_up(struct world *world, struct member *guide)
{
    struct events *events = calloc(1, sizeof *events);

    (void)guide;
    if (!events)
        abort();
    events->loop = stm_eventloop_new();
    events->working = world->member_count - 1;
    world->state = counted = events;
    world_var(world, 0, "v0");
    world_var(world, 0, "v1");
}

static void look(struct world *world)
{
    struct events *events = world->state;

    EXPECT(events->wanted == events->ran,
           "expected %lu events and actions to run, got %lu",
           (unsigned long)events->wanted, (unsigned long)events->ran);
}

static void tear_down(struct world *world)
{
    struct events *events = world->state;

    stm_eventloop_free(events->loop);
    free(events);
}

int main(void)
{
    static const struct torture events = {.name = "torture_events",
                                          .histories = 40,
                                          .members_min = 3,
                                          .members_max = 8,
                                          .set_up = set_up,
                                          .run = run,
                                          .look = look,
                                          .tear_down = tear_down};

    return torture_main(&events);
}
