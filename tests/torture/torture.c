/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "torture.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "stage.h"

/* Spurious wake-ups in percent of the sleeps.  What there is comes from commits
 * that stand still between seeing a waiter and waking it: he may meanwhile have
 * noticed the commit by himself, have run again and sleep on the new version.
 * Shaking makes this likelier, but not this likely. */
#define SPURIOUS_PERCENT "1"

#define SHOWN_MAX 5 /* failed expectations */

#ifndef CHECK_HISTORY /* set where a Python was found */
#define CHECK_HISTORY ""
#endif

static AO_t failed; /* expectations */

static uint64_t test_seed(void)
{
    static uint64_t seed; /* set before any other thread */
    char text[24];
    const char *given;
    struct timespec now;

    if (seed)
        return seed;
    given = getenv("STM_TEST_SEED");
    clock_gettime(CLOCK_REALTIME, &now);
    seed = given ? strtoull(given, NULL, 0)
                 : (uint64_t)now.tv_sec * 1000003 + (uint64_t)now.tv_nsec;
    seed |= 1;
    fprintf(stderr, "STM_TEST_SEED=%" PRIu64 "\n", seed);
    snprintf(text, sizeof text, "%" PRIu64, seed);
    setenv("STM_SHAKE_SEED", text, 0);
    return seed;
}

void expect(bool so, const char *format, ...)
{
    va_list arguments;

    if (so || AO_fetch_and_add1_full(&failed) >= SHOWN_MAX)
        return;
    va_start(arguments, format);
    flockfile(stderr);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, " (STM_TEST_SEED=%" PRIu64 ")\n", test_seed());
    funlockfile(stderr);
    va_end(arguments);
}

/* ---- members ---- */

/* The splitmix64 sequence. */
uint64_t draw(struct member *member)
{
    uint64_t mix = member->random += UINT64_C(0x9e3779b97f4a7c15);

    mix = (mix ^ (mix >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mix = (mix ^ (mix >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mix ^ (mix >> 31);
}

size_t below(struct member *member, size_t limit)
{
    return (size_t)(draw(member) % limit);
}

stm_value new_value(struct member *member)
{
    return (stm_value)(((uint64_t)member->index + 1) << 40 | ++member->values);
}

void must_commit(stm_body *body, void *argument)
{
    enum stm_status status = stm_atomically(body, argument);

    EXPECT(status == STM_OK, "expected a commit, got %d (%s)", (int)status,
           stm_strstatus(status));
}

static void init_member(struct world *world, struct member *member,
                        size_t index, size_t history)
{
    member->world = world;
    member->index = index;
    member->values = 0;
    member->done = 0;
    member->id = 0;
    member->random = test_seed() + (history * (MEMBERS_MAX + 1) + index) *
                                       UINT64_C(0xd1342543de82ef95);
}

/* ---- the world ---- */

void world_name(struct world *world, const void *thing, const char *name,
                stm_value initial)
{
    struct stm__record_name *entry = &world->names[world->name_count++];

    entry->var = thing;
    entry->initial = initial;
    snprintf(entry->name, sizeof entry->name, "%s", name);
}

struct stm_tvar *world_var(struct world *world, stm_value initial,
                           const char *name, ...)
{
    struct stm_tvar *var = stm_tvar_new(NULL, initial);
    char text[16];
    va_list arguments;

    if (!var)
        abort();
    va_start(arguments, name);
    vsnprintf(text, sizeof text, name, arguments);
    va_end(arguments);
    world->vars[world->var_count++] = var;
    world_name(world, var, text, initial);
    return var;
}

static void write_history(const struct world *world, size_t history,
                          FILE *checker)
{
    fprintf(checker, "{\"init\":{");
    for (size_t i = 0; i < world->name_count; i++)
        fprintf(checker, "%s\"%s\":%" PRIu64, i ? "," : "",
                world->names[i].name, (uint64_t)world->names[i].initial);
    fprintf(checker,
            "},\"title\":\"%s, history %zu of STM_TEST_SEED=%" PRIu64 "\"}\n",
            world->torture->name, history, test_seed());
    stm__record_dump(checker, world->names, world->name_count);
    fputs("{\"end\":true}\n", checker);
    fflush(checker);
}

static struct world *new_world(const struct torture *torture,
                               struct member *guide, size_t history)
{
    struct world *world = calloc(1, sizeof *world);

    if (!world)
        abort();
    world->torture = torture;
    init_member(world, guide, MEMBERS_MAX, history);
    world->member_count =
        torture->members_min +
        below(guide, torture->members_max - torture->members_min + 1);
    for (size_t i = 0; i < world->member_count; i++)
        init_member(world, &world->members[i], i, history);
    return world;
}

static void free_world(struct world *world)
{
    if (world->torture->tear_down)
        world->torture->tear_down(world);
    for (size_t i = 0; i < world->var_count; i++)
        stm_tvar_release(world->vars[i]);
    free(world);
}

/* Plays one history.  False: some threads still run, and use the world. */
static bool play(const struct torture *torture, size_t history, FILE *checker)
{
    struct member guide;
    struct world *world = new_world(torture, &guide, history);
    bool ended;

    stm__record_start();
    torture->set_up(world, &guide);
    ended = stage_run(world->members, world->member_count, torture->run);
    if (checker && !stm__record_full())
        write_history(world, history, checker);
    if (!ended)
        return false;
    stm__record_stop();
    if (torture->look)
        torture->look(world);
    free_world(world);
    return true;
}

/* ---- the program ---- */

static FILE *start_checker(const struct torture *torture)
{
    const char *command = getenv("STM_CHECK_HISTORY");
    char line[1000];

    if (!command)
        command = CHECK_HISTORY;
    if (!*command) {
        printf("%s: no checker: the program's own invariants only\n",
               torture->name);
        return NULL;
    }
    snprintf(line, sizeof line,
             "%s --spurious " SPURIOUS_PERCENT " --keep %s.history%s%s%s -",
             command, torture->name, torture->invariant ? " --invariant '" : "",
             torture->invariant ? torture->invariant : "",
             torture->invariant ? "'" : "");
    fflush(stdout);
    return popen(line, "w");
}

static size_t histories_of(const struct torture *torture)
{
    const char *given = getenv("STM_TORTURE");
    size_t times = given ? strtoul(given, NULL, 10) : 1;

    return torture->histories * (times ? times : 1);
}

int torture_main(const struct torture *torture)
{
    size_t count = histories_of(torture);
    FILE *checker;
    bool ended = true;

    test_seed();
    signal(SIGPIPE, SIG_IGN);
    checker = start_checker(torture);
    for (size_t i = 0; i < count && ended && !AO_load_acquire(&failed); i++) {
        ended = play(torture, i, checker);
        if (checker && ferror(checker))
            break;
    }
    if (checker)
        EXPECT(pclose(checker) == 0,
               "%s: expected the checker to find nothing wrong", torture->name);
    EXPECT(ended, "%s: expected all threads to end", torture->name);
    if (ended)
        return AO_load_acquire(&failed) ? EXIT_FAILURE : EXIT_SUCCESS;
    fflush(NULL);
    _exit(EXIT_FAILURE);
}
