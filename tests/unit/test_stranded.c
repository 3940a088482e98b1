/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise H for values that only some threads may release: whatever lets one
 * go elsewhere, it stays until such a thread ends a transaction. */
#include "support.h"

static _Thread_local bool may; /* may this thread release? */

static bool picky_may_release(stm_value value)
{
    EXPECT(value != 0, "expected not to be asked about the word 0");
    return may;
}

static void picky_retain(stm_value value) { counted_type.retain(value); }

static void picky_release(stm_value value)
{
    if (stm_current() == NULL)
        EXPECT(may, "released on a thread that may not");
    counted_type.release(value);
}

static const struct stm_type picky_type = {.name = "picky",
                                           .retain = picky_retain,
                                           .release = picky_release,
                                           .may_release = picky_may_release};

/* Something that holds `holds` counted objects, made on a thread that may, and
 * what another thread does to it. */
struct thing {
    void (*make)(struct thing *thing);
    void (*lose)(struct thing *thing);
    size_t holds;
    struct stm_tvar *var;
    struct stm_tlist *list;
    struct stm_broadcast *queue;
    struct stm_endpoint *endpoint;
    struct stm_watcher *watcher;
};

static stm_value fresh_item;

static enum stm_status set_body(struct stm_tx *tx, void *argument)
{
    struct thing *thing = argument;

    return stm_tvar_set(tx, thing->var, fresh_item);
}

static void make_var(struct thing *thing)
{
    thing->var = stm_tvar_new(&picky_type, fresh_item);
}

static void replace_value(struct thing *thing)
{
    struct thing other = {.var = thing->var};

    fresh_item = 0;
    EXPECT_STATUS(STM_OK, stm_atomically(set_body, &other));
}

static void lose_var(struct thing *thing)
{
    stm_tvar_release(thing->var);
    thing->var = NULL;
}

static enum stm_status append_body(struct stm_tx *tx, void *argument)
{
    struct thing *thing = argument;

    STM_TRY(stm_tlist_append(tx, thing->list, 0));
    return stm_tlist_append(tx, thing->list, fresh_item);
}

static void make_list(struct thing *thing)
{
    thing->list = stm_tlist_new(&picky_type);
    EXPECT_STATUS(STM_OK, stm_atomically(append_body, thing));
}

static void lose_list(struct thing *thing)
{
    stm_tlist_release(thing->list);
    thing->list = NULL;
}

static enum stm_status clear_body(struct stm_tx *tx, void *argument)
{
    struct thing *thing = argument;

    return stm_tlist_clear(tx, thing->list);
}

static void empty_list(struct thing *thing)
{
    EXPECT_STATUS(STM_OK, stm_atomically(clear_body, thing));
}

static enum stm_status queue_body(struct stm_tx *tx, void *argument)
{
    struct thing *thing = argument;

    STM_TRY(make_endpoint(tx, thing->queue, &thing->endpoint));
    STM_TRY(stm_broadcast_put(tx, thing->queue, fresh_item));
    return stm_endpoint_replace(tx, thing->endpoint, fresh_item, NULL);
}

static void make_queue(struct thing *thing)
{
    thing->queue = stm_broadcast_new(&picky_type);
    EXPECT_STATUS(STM_OK, stm_atomically(queue_body, thing));
}

static void lose_queue(struct thing *thing)
{
    stm_endpoint_release(thing->endpoint);
    stm_broadcast_release(thing->queue);
    thing->endpoint = NULL;
    thing->queue = NULL;
}

static enum stm_status look(struct stm_tx *tx, stm_value argument,
                            stm_value *result)
{
    (void)argument;
    return stm_tvar_get(tx, *(struct stm_tvar **)counted_number(argument),
                        result);
}

static enum stm_status watch_body(struct stm_tx *tx, void *argument)
{
    const struct stm_watch watch = {
        .function = look, .argument = fresh_item, .argument_type = &picky_type};

    (void)argument;
    return stm_watch(tx, &watch, NULL);
}

static struct stm_tvar *watched_var;

static void make_watched_var(struct thing *thing)
{
    watched_var = thing->var = word_var(0);
    EXPECT_STATUS(STM_OK, stm_atomically(watch_body, thing));
}

static const struct thing things[] = {
    {.make = make_var, .lose = replace_value, .holds = 1},
    {.make = make_var, .lose = lose_var, .holds = 1},
    {.make = make_list, .lose = lose_list, .holds = 1},
    {.make = make_list, .lose = empty_list, .holds = 1},
    {.make = make_queue, .lose = lose_queue, .holds = 1},
    {.make = make_watched_var, .lose = lose_var, .holds = 1},
};

static void losing_thread(size_t index, void *context)
{
    struct thing *thing = context;
    struct stm_tvar *var = word_var(0);

    (void)index;
    thing->lose(thing);
    poke(var, 1); /* ends a transaction here once more */
    stm_tvar_release(var);
}

static void fini(struct thing *thing)
{
    if (thing->var != NULL)
        stm_tvar_release(thing->var);
    stm_tlist_release(thing->list);
}

START_TEST(H_what_a_thread_may_not_release_waits_for_one_that_may)
{
    struct stm_tvar *var = word_var(0);

    may = true;
    for (size_t i = 0; i < sizeof things / sizeof things[0]; i++) {
        struct thing thing = things[i];
        stm_value item = fresh_item = counted_new((stm_value)&watched_var);

        thing.make(&thing);
        counted_drop(item);
        EXPECT(counted_live() == thing.holds, "thing %zu: expected %zu live", i,
               thing.holds);
        crew_run(1, losing_thread, &thing);
        EXPECT(counted_live() == thing.holds,
               "thing %zu: expected %zu live still, got %zu", i, thing.holds,
               counted_live());
        poke(var, i);
        EXPECT(counted_live() == 0,
               "thing %zu: expected all released here, %zu live", i,
               counted_live());
        fini(&thing);
    }
    stm_tvar_release(var);
}
END_TEST

/* ---- more readers than are looked at one by one ---- */

enum { READERS = 140 };

struct crowd {
    struct stm_tvar *var;
    AO_t inside, leave;
};

static enum stm_status stay_body(struct stm_tx *tx, void *argument)
{
    struct crowd *crowd = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, crowd->var, &value));
    AO_fetch_and_add1_full(&crowd->inside);
    await_count(&crowd->leave, 1);
    EXPECT(counted_number(value) == 1, "expected the value to be there still");
    return STM_OK;
}

static void reading_thread(size_t index, void *context)
{
    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(stay_body, context));
}

START_TEST(H_an_old_value_stays_for_each_of_very_many_readers)
{
    struct crowd crowd = {.var = counted_var(1)};
    struct crew *crew = crew_start(READERS, reading_thread, &crowd);

    await_count(&crowd.inside, READERS);
    for (stm_value i = 2; i < 10; i++)
        poke_counted(crowd.var, i);
    AO_store_release(&crowd.leave, 1);
    crew_join(crew);
    poke_counted(crowd.var, 10);
    EXPECT(counted_live() == 1, "expected 1 live value in the end, got %zu",
           counted_live());
    stm_tvar_release(crowd.var);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("H");

    tcase_add_test(tests,
                   H_what_a_thread_may_not_release_waits_for_one_that_may);
    tcase_add_test(tests, H_an_old_value_stays_for_each_of_very_many_readers);
    return run_suite("stranded", tests);
}
