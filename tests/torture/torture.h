/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_TORTURE_H
#define TESTS_TORTURE_TORTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stm/record-internal.h>
#include <stm/stm.h>

/* What the torture programs share.  Each plays many short histories: threads
 * that share few variables do what their seed tells them, against a library
 * that is shaken and records.  After each one the program's own invariants are
 * looked at, and the history goes to the checker.
 *
 *   STM_TEST_SEED      of all random numbers, shaking included; printed
 *   STM_TORTURE        how many times as many histories to play; 1
 *   STM_CHECK_HISTORY  the command of the checker, if not the one it was built
 *                      with; where it is empty, the programs' own invariants
 *                      are all that is checked */

enum { VARS_MAX = 64, MEMBERS_MAX = 8 };

struct world;

/* A thread of the history. */
struct member {
    struct world *world;
    size_t index;
    uint64_t random; /* the generator's state */
    uint64_t values; /* how many it has made */
    AO_t done;
    AO_t id; /* the kernel's; 0 until it runs */
};

struct world {
    const struct torture *torture;
    struct stm_tvar *vars[VARS_MAX];
    size_t var_count;
    struct stm__record_name names[VARS_MAX + 8];
    size_t name_count;
    struct member members[MEMBERS_MAX];
    size_t member_count;
    void *state; /* the program's own */
};

struct torture {
    const char *name;
    size_t histories;
    size_t members_min, members_max;

    /* Of every state between commits, in Python over the variables' names, or
     * NULL. */
    const char *invariant;

    /* Makes the variables, before the threads run. */
    void (*set_up)(struct world *world, struct member *guide);

    void (*run)(struct member *member);

    /* Looks at what came out when all threads have ended, and frees what
     * set_up made besides variables; each may be NULL. */
    void (*look)(struct world *world);
    void (*tear_down)(struct world *world);
};

/* Plays the histories; returns the program's exit status. */
int torture_main(const struct torture *torture);

/* Makes a variable that the history is about; the world owns it. */
struct stm_tvar *world_var(struct world *world, stm_value initial,
                           const char *name, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds something else that the history is about: see stm__record_read. */
void world_name(struct world *world, const void *thing, const char *name,
                stm_value initial);

/* A value that nobody else makes, nor this thread again; not 0. */
stm_value new_value(struct member *member);

/* Random numbers. */
uint64_t draw(struct member *member);
size_t below(struct member *member, size_t limit);
static inline bool chance(struct member *member, size_t one_in)
{
    return below(member, one_in) == 0;
}

/* Runs a transaction that must commit. */
void must_commit(stm_body *body, void *argument);

/* The program fails unless it is so. */
#define EXPECT(condition, ...) expect((condition), __VA_ARGS__)
void expect(bool so, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
