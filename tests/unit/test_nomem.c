/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise I: out of memory is an error, not a crash, and nothing is
 * half-committed.  Each scenario runs again and again, and each time the next
 * allocation of its thread fails. */
#include "sleeper.h"
#include "sweep.h"

enum { VARIABLES = 60, BATCH = 10, LISTS = 40 };

/* What a scenario does besides writing variables. */
enum feature {
    LIST = 1,
    QUEUE = 2,
    WATCH = 4,
    REGISTER = 8,
    NEST = 16,
    NAME = 32,
    WAIT = 64,
    DICT = 128,
    MANY_LISTS = 256,
    OVERWRITE = 512,
    WATCH_MORE = 1024,
    TIME = 2048,
    WEAK = 4096,
    ALL = LIST | QUEUE | WATCH | REGISTER | NEST | NAME | DICT | TIME | WEAK
};

static const struct scenario {
    const char *name;
    enum feature features;
} scenarios[] = {{"variables", 0},
                 {"a list", LIST},
                 {"a broadcast queue", QUEUE},
                 {"a dictionary", DICT},
                 {"watchers", WATCH},
                 {"actions, exports and events", REGISTER},
                 {"nesting", LIST | QUEUE | DICT | NEST},
                 {"a name", NAME},
                 {"a wait", WAIT | NEST},
                 {"many lists", MANY_LISTS},
                 {"writes over writes", OVERWRITE | NEST},
                 {"watchers of what is not written", WATCH_MORE},
                 {"a watcher that waits", TIME},
                 {"a weak reference", WEAK},
                 {"everything", ALL}};

/* In every commit: each variable == size, and the list's length, the
 * endpoint's items and the watcher's mirror == size, too. */
struct world {
    enum feature features;
    struct stm_tvar *size, *mirror;
    struct stm_tvar *vars[VARIABLES]; /* counted objects */
    struct stm_tvar *read[VARIABLES]; /* words that are never written */
    struct stm_tlist *list;
    struct stm_tdict *dict;
    struct stm_tlist *lists[LISTS]; /* of words */
    struct stm_broadcast *queue;
    struct stm_endpoint *endpoint;
    struct stm_eventloop *loop;
    struct stm_watcher *mirroring;
    struct stm_tweakref *ref;
    stm_value argument; /* a counted object */
    stm_value expected; /* size, when it is checked */
    stm_value exported;
};

static enum stm_status mirror_watcher(struct stm_tx *tx, stm_value argument,
                                      stm_value *result)
{
    struct world *world = (struct world *)argument;

    bool over;

    STM_TRY(stm_tvar_get(tx, world->size, result));
    if (world->features & TIME)
        STM_TRY(stm_elapsed(tx, HOUR + *result, &over));
    return stm_tvar_set(tx, world->mirror, *result);
}

static enum stm_status counting_watcher(struct stm_tx *tx, stm_value argument,
                                        stm_value *result)
{
    struct world *world = (struct world *)counted_number(argument);

    for (size_t i = 0; i < VARIABLES; i++) {
        stm_value value;

        STM_TRY(stm_tvar_get(tx, world->vars[i], &value));
    }
    *result = sweep_object(0);
    return STM_OK;
}

static enum stm_status world_body(struct stm_tx *tx, void *argument)
{
    struct world *world = argument;
    const struct stm_watch watch = {.function = mirror_watcher,
                                    .argument = (stm_value)world,
                                    .name = "mirror"};

    STM_TRY(make_endpoint(tx, world->queue, &world->endpoint));
    if (world->mirroring != NULL)
        stm_watcher_release(world->mirroring);
    world->mirroring = NULL;
    return stm_watch(tx, &watch, &world->mirroring);
}

static enum stm_status cancel_body(struct stm_tx *tx, void *argument)
{
    return stm_watcher_cancel(tx, argument);
}

static void world_init(void *context)
{
    struct world *world = context;

    *world = (struct world){.features = world->features};
    world->size = word_var(0);
    world->mirror = word_var(0);
    for (size_t i = 0; i < VARIABLES; i++)
        world->vars[i] = counted_var(0);
    for (size_t i = 0; i < VARIABLES; i++)
        world->read[i] = word_var(0);
    for (size_t i = 0; i < LISTS; i++)
        world->lists[i] = stm_tlist_new(NULL);
    world->list = stm_tlist_new(&counted_type);
    world->dict = stm_tdict_new(&counted_keys, &counted_type);
    stm_tdict_discard(world->dict); /* it makes its map when it changes */
    world->queue = stm_broadcast_new(&counted_type);
    world->loop = stm_eventloop_new();
    world->argument = counted_new((stm_value)world);
    EXPECT_STATUS(STM_OK, stm_atomically(world_body, world));
}

static void world_fini(void *context)
{
    struct world *world = context;

    EXPECT_STATUS(STM_OK, stm_atomically(cancel_body, world->mirroring));
    stm_watcher_release(world->mirroring);
    stm_tweakref_release(world->ref);
    stm_eventloop_free(world->loop);
    stm_endpoint_release(world->endpoint);
    stm_broadcast_release(world->queue);
    stm_tlist_release(world->list);
    stm_tdict_release(world->dict);
    stm_tvar_release(world->size);
    stm_tvar_release(world->mirror);
    for (size_t i = 0; i < VARIABLES; i++)
        stm_tvar_release(world->vars[i]);
    for (size_t i = 0; i < VARIABLES; i++)
        stm_tvar_release(world->read[i]);
    for (size_t i = 0; i < LISTS; i++)
        stm_tlist_release(world->lists[i]);
    counted_drop(world->argument);
}

static void no_action(stm_value argument) { (void)argument; }

static enum stm_status watch_more(struct stm_tx *tx, struct world *world)
{
    const struct stm_watch watch = {.function = counting_watcher,
                                    .result_type = &counted_type,
                                    .argument = world->argument,
                                    .argument_type = &counted_type,
                                    .name = "counting"};
    struct stm_watcher *handle;
    enum stm_status status;

    STM_TRY(stm_watch(tx, &watch, &handle));
    status = world->features & NEST ? stm_watcher_cancel(tx, handle) : STM_OK;
    stm_watcher_release(handle);
    return status;
}

static bool upgrade(stm_value link, stm_value *referent)
{
    counted_type.retain(link);
    *referent = link;
    return true;
}

static const struct stm_weak_type weak_type = {
    .link = &counted_type, .upgrade = upgrade, .referent = &counted_type};

static enum stm_status refer_weakly(struct stm_tx *tx, struct world *world)
{
    const struct stm_weak weak = {.type = &weak_type,
                                  .link = world->argument,
                                  .argument = world->argument,
                                  .argument_type = &counted_type};
    stm_value referent;

    stm_tweakref_release(world->ref);
    world->ref = NULL;
    STM_TRY(stm_tweakref_new(tx, &weak, &world->ref));
    return stm_tweakref_get(tx, world->ref, &referent);
}

static enum stm_status register_things(struct stm_tx *tx, struct world *world)
{
    STM_TRY(stm_on_commit(tx, no_action, world->argument, &counted_type));
    STM_TRY(stm_export(tx, NULL, 5, &world->exported));
    for (size_t i = 0; i < 4 * VARIABLES; i++) {
        stm_value later = sweep_object(i);
        enum stm_status status = stm_release_later(tx, &counted_type, later);

        if (status != STM_OK)
            counted_drop(later);
        STM_TRY(status);
    }
    return stm_eventloop_schedule(tx, world->loop, no_action, world->argument,
                                  &counted_type);
}

/* One key more, after all kinds of changes. */
static enum stm_status juggle_dict(struct stm_tx *tx, struct world *world,
                                   stm_value key)
{
    struct stm_map *map;
    enum stm_status status;
    stm_value value;

    STM_TRY(stm_tdict_set(tx, world->dict, key, key));
    STM_TRY(stm_tdict_remove(tx, world->dict, key, NULL));
    STM_TRY(stm_tdict_get_or_set(tx, world->dict, key, key, &value));
    STM_TRY(stm_tdict_snapshot(tx, world->dict, &map));
    status = stm_tdict_clear(tx, world->dict);
    if (status == STM_OK)
        status = stm_tdict_assign(tx, world->dict, map);
    stm_map_release(map);
    STM_TRY(status);
    return stm_tdict_set(tx, world->dict, key, value);
}

static enum stm_status grow_containers(struct stm_tx *tx, struct world *world)
{
    for (size_t i = 0; i < BATCH; i++) {
        stm_value item = sweep_object(i);
        enum stm_status status = stm_tlist_append(tx, world->list, item);

        if (status == STM_OK)
            status = stm_broadcast_put(tx, world->queue, item);
        if (status == STM_OK && world->features & DICT)
            status = juggle_dict(tx, world, item);
        counted_drop(item);
        STM_TRY(status);
    }
    return STM_OK;
}

static enum stm_status by_number(stm_value left, stm_value right, void *context,
                                 int *out)
{
    (void)context;
    *out = (int)counted_number(left) - (int)counted_number(right);
    return STM_OK;
}

/* Leaves as many items. */
static enum stm_status juggle_list(struct stm_tx *tx, struct stm_tlist *list)
{
    enum stm_status status;
    struct stm_seq *rest, *part;

    STM_TRY(stm_tlist_reverse(tx, list));
    STM_TRY(stm_tlist_sort(tx, list, by_number, NULL));
    STM_TRY(stm_tlist_split(tx, list, 1, &rest));
    status = stm_tlist_extend(tx, list, rest);
    stm_seq_release(rest);
    STM_TRY(status);
    STM_TRY(stm_tlist_slice(tx, list, 1, BATCH, &part));
    status = stm_tlist_splice(tx, list, 1, BATCH, part);
    stm_seq_release(part);
    STM_TRY(status);
    STM_TRY(stm_tlist_snapshot(tx, list, &part));
    status = stm_tlist_clear(tx, list);
    if (status == STM_OK)
        status = stm_tlist_assign(tx, list, part);
    stm_seq_release(part);
    return status;
}

static enum stm_status juggle_endpoint(struct stm_tx *tx, struct world *world)
{
    struct stm_endpoint *copy;
    enum stm_status status;
    uint64_t handle;
    stm_value item;

    STM_TRY(stm_endpoint_duplicate(tx, world->endpoint, &copy));
    status = stm_endpoint_get(tx, copy, &item);
    if (status == STM_OK)
        status = stm_endpoint_replace(tx, world->endpoint, item, &handle);
    stm_endpoint_release(copy);
    STM_TRY(status);
    STM_TRY(stm_endpoint_duplicate(tx, world->endpoint, &copy));
    stm_endpoint_release(copy);
    STM_TRY(stm_endpoint_new(tx, world->queue, &copy));
    stm_endpoint_release(copy);
    return stm_endpoint_remove(tx, world->endpoint, handle);
}

static enum stm_status set_all(struct stm_tx *tx, struct world *world,
                               stm_value number)
{
    for (size_t i = 0; i < VARIABLES; i++) {
        stm_value value = sweep_object(number);
        enum stm_status status = stm_tvar_set(tx, world->vars[i], value);

        counted_drop(value);
        STM_TRY(status);
    }
    return STM_OK;
}

static enum stm_status append_to_all(struct stm_tx *tx, struct world *world)
{
    for (size_t i = 0; i < LISTS; i++)
        STM_TRY(stm_tlist_append(tx, world->lists[i], i));
    return STM_OK;
}

static enum stm_status reading_watcher(struct stm_tx *tx, stm_value argument,
                                       stm_value *result)
{
    struct world *world = (struct world *)argument;

    for (size_t i = 0; i < VARIABLES; i++)
        STM_TRY(stm_tvar_get(tx, world->read[i], result));
    return STM_OK;
}

static enum stm_status watch_unwritten(struct stm_tx *tx, struct world *world)
{
    const struct stm_watch watch = {.function = reading_watcher,
                                    .argument = (stm_value)world};

    for (size_t i = 0; i < 3; i++)
        STM_TRY(stm_watch(tx, &watch, NULL));
    return STM_OK;
}

static enum stm_status change_body(struct stm_tx *tx, void *argument)
{
    struct world *world = argument;
    stm_value size;

    STM_TRY(stm_tvar_get(tx, world->size, &size));
    STM_TRY(stm_tvar_set(tx, world->size, size + BATCH));
    STM_TRY(set_all(tx, world, size + BATCH));
    if (world->features & OVERWRITE)
        STM_TRY(set_all(tx, world, size + BATCH));
    STM_TRY(grow_containers(tx, world));
    if (world->features & MANY_LISTS)
        STM_TRY(append_to_all(tx, world));
    if (world->features & WATCH_MORE)
        STM_TRY(watch_unwritten(tx, world));
    if (world->features & LIST)
        STM_TRY(juggle_list(tx, world->list));
    if (world->features & QUEUE)
        STM_TRY(juggle_endpoint(tx, world));
    if (world->features & WATCH)
        STM_TRY(watch_more(tx, world));
    if (world->features & REGISTER)
        STM_TRY(register_things(tx, world));
    if (world->features & WEAK)
        STM_TRY(refer_weakly(tx, world));
    return STM_OK;
}

static enum stm_status undone_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(change_body(tx, argument));
    return STM_EABORT;
}

static enum stm_status retried_body(struct stm_tx *tx, void *argument)
{
    STM_TRY(change_body(tx, argument));
    return stm_retry(tx);
}

static enum stm_status scenario_body(struct stm_tx *tx, void *argument)
{
    struct world *world = argument;
    const struct stm_branch branches[] = {{retried_body, argument},
                                          {change_body, argument}};
    enum stm_status status;

    if (world->features & NAME)
        STM_TRY(stm_tx_set_name(tx, "scenario"));
    if (world->features & OVERWRITE)
        STM_TRY(set_all(tx, world, 0));
    if (world->features & MANY_LISTS)
        STM_TRY(append_to_all(tx, world));
    if (world->features & NEST) {
        status = stm_atomically(undone_body, argument);
        if (status != STM_EABORT)
            return status;
        return stm_or_else(tx, branches, world->features & WAIT ? 1 : 2);
    }
    return change_body(tx, argument);
}

static enum stm_status check_body(struct stm_tx *tx, void *argument)
{
    struct world *world = argument;
    stm_value value, mirror, own;
    size_t length, remaining, keys;

    STM_TRY(stm_tvar_get(tx, world->size, &value));
    STM_TRY(stm_tvar_get(tx, world->mirror, &mirror));
    STM_TRY(stm_tlist_length(tx, world->list, &length));
    STM_TRY(stm_endpoint_remaining(tx, world->endpoint, &remaining));
    STM_TRY(stm_tdict_length(tx, world->dict, &keys));
    EXPECT(keys == (world->features & DICT ? value : 0),
           "half-committed: size %zu, but %zu keys", (size_t)value, keys);
    EXPECT(value == world->expected, "expected size %zu, got %zu",
           (size_t)world->expected, (size_t)value);
    EXPECT(mirror == value && length == value && remaining == value,
           "half-committed: size %zu, mirror %zu, length %zu, remaining %zu",
           (size_t)value, (size_t)mirror, length, remaining);
    for (size_t i = 0; i < VARIABLES; i++) {
        STM_TRY(stm_tvar_get(tx, world->vars[i], &own));
        EXPECT(counted_number(own) == value,
               "half-committed: size %zu, but variable %zu is %zu",
               (size_t)value, i, (size_t)counted_number(own));
    }
    return STM_OK;
}

static void note_commit(void *context)
{
    ((struct world *)context)->expected += BATCH;
}

enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0] };

int main(void)
{
    struct world worlds[SCENARIOS];
    struct sweep sweeps[SCENARIOS];

    for (size_t i = 0; i < SCENARIOS; i++) {
        worlds[i].features = scenarios[i].features;
        sweeps[i] =
            (struct sweep){.name = scenarios[i].name,
                           .init = world_init,
                           .fini = world_fini,
                           .body = scenario_body,
                           .blocks = (scenarios[i].features & WAIT) != 0,
                           .check = check_body,
                           .commit = note_commit,
                           .world = &worlds[i],
                           .least = 1};
    }
    return sweep_main("nomem", sweeps, SCENARIOS);
}
