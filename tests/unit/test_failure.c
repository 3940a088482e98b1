/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise B: an attempt that ends in any way other than commit leaves nothing
 * behind. */
#include "support.h"

static const enum stm_status failed = STM_EUSER - 7;

/* One of everything that a transaction can change. */
struct world {
    struct stm_tvar *var;
    struct stm_tvar *watched;
    struct stm_tlist *list;
    struct stm_broadcast *queue;
    struct stm_endpoint *endpoint;
    struct stm_eventloop *loop;
    AO_t actions; /* run after a commit */
    AO_t watcher_runs;
    stm_value exported;
    stm_value counted;   /* an argument that is counted */
    enum stm_status end; /* what the body ends with */
    size_t runs;
};

static enum stm_status world_setup_body(struct stm_tx *tx, void *argument)
{
    struct world *world = argument;

    for (stm_value i = 1; i <= 3; i++)
        STM_TRY(stm_tlist_append(tx, world->list, i));
    STM_TRY(make_endpoint(tx, world->queue, &world->endpoint));
    STM_TRY(stm_broadcast_put(tx, world->queue, 11));
    return stm_broadcast_put(tx, world->queue, 12);
}

static void world_init(struct world *world)
{
    *world = (struct world){.var = word_var(1),
                            .watched = word_var(0),
                            .list = stm_tlist_new(NULL),
                            .queue = stm_broadcast_new(NULL),
                            .loop = stm_eventloop_new(),
                            .counted = counted_new(1)};
    EXPECT_STATUS(STM_OK, stm_atomically(world_setup_body, world));
}

static void world_fini(struct world *world)
{
    stm_eventloop_free(world->loop);
    stm_endpoint_release(world->endpoint);
    stm_broadcast_release(world->queue);
    stm_tlist_release(world->list);
    stm_tvar_release(world->watched);
    stm_tvar_release(world->var);
    counted_drop(world->counted);
    EXPECT(counted_live() == 0,
           "expected every reference to an argument "
           "given back, %zu objects live",
           counted_live());
}

static void count_action(stm_value argument) { (void)argument; }

static enum stm_status count_watcher(struct stm_tx *tx, stm_value argument,
                                     stm_value *result)
{
    struct world *world = (struct world *)argument;

    AO_fetch_and_add1_full(&world->watcher_runs);
    return stm_tvar_get(tx, world->watched, result);
}

static enum stm_status change_all(struct stm_tx *tx, struct world *world)
{
    const struct stm_watch watch = {.function = count_watcher,
                                    .argument = (stm_value)world,
                                    .name = "counter"};
    stm_value item;

    STM_TRY(stm_tvar_set(tx, world->var, 2));
    STM_TRY(stm_tlist_append(tx, world->list, 4));
    STM_TRY(stm_tlist_pop_front(tx, world->list, &item));
    STM_TRY(stm_endpoint_get(tx, world->endpoint, &item));
    STM_TRY(stm_broadcast_put(tx, world->queue, 13));
    STM_TRY(stm_on_commit(tx, action_count, (stm_value)&world->actions, NULL));
    STM_TRY(stm_on_commit(tx, count_action, world->counted, &counted_type));
    STM_TRY(stm_watch(tx, &watch, NULL));
    STM_TRY(stm_export(tx, NULL, 99, &world->exported));
    STM_TRY(stm_eventloop_schedule(tx, world->loop, action_count,
                                   (stm_value)&world->actions, NULL));
    return stm_eventloop_schedule(tx, world->loop, count_action, world->counted,
                                  &counted_type);
}

static enum stm_status change_all_body(struct stm_tx *tx, void *argument)
{
    struct world *world = argument;

    world->runs++;
    STM_TRY(change_all(tx, world));
    return world->end;
}

struct facts {
    struct world *world;
    size_t length;
    size_t remaining;
    stm_value first, last, item;
};

static enum stm_status facts_body(struct stm_tx *tx, void *argument)
{
    struct facts *facts = argument;
    struct world *world = facts->world;

    STM_TRY(stm_tlist_length(tx, world->list, &facts->length));
    STM_TRY(stm_tlist_get(tx, world->list, 0, &facts->first));
    STM_TRY(stm_tlist_get(tx, world->list, facts->length - 1, &facts->last));
    STM_TRY(stm_endpoint_remaining(tx, world->endpoint, &facts->remaining));
    return stm_endpoint_peek(tx, world->endpoint, &facts->item);
}

static void expect_unchanged(struct world *world)
{
    struct facts facts = {.world = world};

    EXPECT_STATUS(STM_OK, stm_atomically(facts_body, &facts));
    EXPECT(peek(world->var) == 1, "the write must be undone");
    EXPECT(facts.length == 3 && facts.first == 1 && facts.last == 3,
           "expected the list 1 2 3, got %zu items from %zu to %zu",
           facts.length, (size_t)facts.first, (size_t)facts.last);
    EXPECT(facts.remaining == 2 && facts.item == 11,
           "expected items 11 and 12 still in the endpoint, got %zu from %zu",
           facts.remaining, (size_t)facts.item);
    world->watcher_runs = 0;
    poke(world->watched, 1);
    EXPECT(world->watcher_runs == 0, "the watcher must not exist");
    EXPECT(world->actions == 0, "nothing registered may run, %zu did",
           (size_t)world->actions);
    EXPECT(world->exported == 0, "the export must not be written");
}

static enum stm_status stop_body(struct stm_tx *tx, void *argument)
{
    return stm_eventloop_stop(tx, argument);
}

static void run_loop(struct stm_eventloop *loop)
{
    EXPECT_STATUS(STM_OK, stm_atomically(stop_body, loop));
    EXPECT_STATUS(STM_OK, stm_eventloop_run(loop));
}

START_TEST(B_an_error_undoes_everything)
{
    struct world world;

    world_init(&world);
    world.end = failed;
    EXPECT(stm_atomically(change_all_body, &world) == failed,
           "expected the body's own error");
    EXPECT(world.runs == 1 || shaken(), "an aborted body must not run again");
    expect_unchanged(&world);
    run_loop(world.loop);
    EXPECT(world.actions == 0, "nothing may have been scheduled");
    world_fini(&world);
}
END_TEST

/* So that the test above is known to be able to fail. */
START_TEST(B_without_the_error_everything_happens)
{
    struct world world;
    struct facts facts = {.world = &world};

    world_init(&world);
    EXPECT_STATUS(STM_OK, stm_atomically(change_all_body, &world));
    EXPECT_STATUS(STM_OK, stm_atomically(facts_body, &facts));
    EXPECT(facts.length == 3 && facts.first == 2 && facts.last == 4,
           "expected the list 2 3 4");
    EXPECT(facts.remaining == 2 && facts.item == 12,
           "expected items 12 and 13 in the endpoint");
    EXPECT(world.exported == 99, "expected the export written");
    EXPECT(world.actions == 1, "expected one action run");
    world.watcher_runs = 0;
    poke(world.watched, 1);
    EXPECT_RUNS(1, &world.watcher_runs, "a write to what is watched");
    run_loop(world.loop);
    EXPECT(world.actions == 2, "expected the scheduled action run");
    world_fini(&world);
}
END_TEST

static enum stm_status nested_failure_body(struct stm_tx *tx, void *argument)
{
    struct world *world = argument;
    enum stm_status status;
    stm_value seen;

    STM_TRY(stm_on_commit(tx, action_count, (stm_value)&world->actions, NULL));
    STM_TRY(stm_tvar_set(tx, world->watched, 7));
    status = stm_atomically(change_all_body, argument);
    if (status > STM_OK)
        return status;
    EXPECT(status == world->end, "expected the nested body's error %d, got %d",
           world->end, status);
    STM_TRY(stm_tvar_get(tx, world->var, &seen));
    EXPECT(seen == 1, "the nested write must be undone, read %zu",
           (size_t)seen);
    STM_TRY(stm_tvar_get(tx, world->watched, &seen));
    EXPECT(seen == 7, "the outer write must stay, read %zu", (size_t)seen);
    return STM_OK;
}

START_TEST(B_a_nested_abort_undoes_only_itself)
{
    struct world world;

    world_init(&world);
    world.end = STM_EABORT;
    EXPECT_STATUS(STM_OK, stm_atomically(nested_failure_body, &world));
    EXPECT(peek(world.watched) == 7, "the outer write must be committed");
    EXPECT(world.actions == 1, "expected just the outer action, %zu ran",
           (size_t)world.actions);
    world.actions = 0;
    expect_unchanged(&world);
    run_loop(world.loop);
    EXPECT(world.actions == 0, "nothing may have been scheduled");
    world_fini(&world);
}
END_TEST

/* A branch that does everything and then retries. */
static enum stm_status change_and_retry_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(change_all(tx, argument));
    return stm_retry(tx);
}

static enum stm_status nothing_body(struct stm_tx *tx, void *argument)
{
    (void)argument;
    return stm_tx_status(tx);
}

static enum stm_status second_branch_body(struct stm_tx *tx, void *argument)
{
    const struct stm_branch branches[] = {{change_and_retry_body, argument},
                                          {nothing_body, argument}};

    return stm_or_else(tx, branches, 2);
}

START_TEST(B_a_branch_that_retried_is_undone)
{
    struct world world;

    world_init(&world);
    EXPECT_STATUS(STM_OK, stm_atomically(second_branch_body, &world));
    expect_unchanged(&world);
    run_loop(world.loop);
    EXPECT(world.actions == 0, "nothing may have been scheduled");
    world_fini(&world);
}
END_TEST

static enum stm_status try_out_body(struct stm_tx *tx, void *argument)
{
    bool blocks = true;

    STM_TRY(stm_would_block(tx, change_all_body, argument, &blocks));
    EXPECT(!blocks, "the body would not block");
    return STM_OK;
}

START_TEST(B_what_was_only_tried_out_is_undone)
{
    struct world world;

    world_init(&world);
    EXPECT_STATUS(STM_OK, stm_atomically(try_out_body, &world));
    expect_unchanged(&world);
    world_fini(&world);
}
END_TEST

/* The first attempt ends in conflict, since another thread commits to what it
 * has read. */
static enum stm_status conflict_once_body(struct stm_tx *tx, void *argument)
{
    struct world *world = argument;
    stm_value seen;

    STM_TRY(stm_tvar_get(tx, world->watched, &seen));
    STM_TRY(change_all_body(tx, argument));
    if (world->runs == 1)
        poke_elsewhere(world->watched, 3);
    return STM_OK;
}

START_TEST(B_an_attempt_in_conflict_leaves_nothing)
{
    struct world world;
    struct facts facts = {.world = &world};

    world_init(&world);
    EXPECT_STATUS(STM_OK, stm_atomically(conflict_once_body, &world));
    EXPECT(world.runs >= 2, "expected a second attempt");
    EXPECT_STATUS(STM_OK, stm_atomically(facts_body, &facts));
    EXPECT(facts.length == 3 && facts.first == 2 && facts.last == 4,
           "expected the list changed once, got %zu items from %zu to %zu",
           facts.length, (size_t)facts.first, (size_t)facts.last);
    EXPECT(facts.remaining == 2 && facts.item == 12,
           "expected one item taken and one put");
    EXPECT(world.actions == 1, "expected one action run, got %zu",
           (size_t)world.actions);
    world.watcher_runs = 0;
    poke(world.watched, 4);
    EXPECT_RUNS(1, &world.watcher_runs, "a write to what is watched");
    world_fini(&world);
}
END_TEST

static enum stm_status export_twice_body(struct stm_tx *tx, void *argument)
{
    stm_value first = counted_new(1);
    stm_value second = counted_new(2);
    enum stm_status status = stm_export(tx, &counted_type, first, argument);

    if (status == STM_OK)
        status = stm_export(tx, &counted_type, second, argument);
    counted_drop(first);
    counted_drop(second);
    return status;
}

START_TEST(B_a_later_export_replaces_an_earlier_one)
{
    stm_value exported = 0;

    EXPECT_STATUS(STM_OK, stm_atomically(export_twice_body, &exported));
    EXPECT(counted_live() == 1,
           "expected the first export given back, "
           "%zu objects live",
           counted_live());
    EXPECT(counted_number(exported) == 2, "expected the second export");
    counted_drop(exported);
    EXPECT(counted_live() == 0, "the caller owned the only reference");
}
END_TEST

/* Actions that check the order they run in. */
struct sequence {
    struct stm_tvar *var;
    size_t next;
};

static struct sequence sequence;

static void action_in_order(stm_value number)
{
    EXPECT(stm_current() == NULL, "an action ran inside a transaction");
    EXPECT(number == sequence.next, "expected action %zu, got %zu",
           sequence.next, (size_t)number);
    EXPECT(peek(sequence.var) == 5, "an action ran before its commit");
    sequence.next++;
}

static enum stm_status register_body(struct stm_tx *tx, void *argument)
{
    stm_value *number = argument;

    return stm_on_commit(tx, action_in_order, (*number)++, NULL);
}

static enum stm_status register_all_body(struct stm_tx *tx, void *argument)
{
    stm_value number = 0;

    (void)argument;
    for (size_t i = 0; i < 100; i++) {
        if (i % 10 == 3)
            STM_TRY(stm_atomically(register_body, &number));
        else
            STM_TRY(register_body(tx, &number));
    }
    return stm_tvar_set(tx, sequence.var, 5);
}

START_TEST(B_actions_run_after_the_commit_in_order)
{
    sequence = (struct sequence){.var = word_var(0)};
    EXPECT_STATUS(STM_OK, stm_atomically(register_all_body, NULL));
    EXPECT(sequence.next == 100, "expected 100 actions, got %zu",
           sequence.next);
    stm_tvar_release(sequence.var);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("B");

    tcase_add_test(tests, B_an_error_undoes_everything);
    tcase_add_test(tests, B_without_the_error_everything_happens);
    tcase_add_test(tests, B_a_nested_abort_undoes_only_itself);
    tcase_add_test(tests, B_a_branch_that_retried_is_undone);
    tcase_add_test(tests, B_what_was_only_tried_out_is_undone);
    tcase_add_test(tests, B_an_attempt_in_conflict_leaves_nothing);
    tcase_add_test(tests, B_a_later_export_replaces_an_earlier_one);
    tcase_add_test(tests, B_actions_run_after_the_commit_in_order);
    return run_suite("failure", tests);
}
