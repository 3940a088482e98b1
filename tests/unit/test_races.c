/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Threads that are the first to need something at the same time get the same
 * one: the entry of a transaction's name, what a variable has only if it is
 * waited for. */
#include "faults.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include <stm/tx-internal.h>

enum { THREADS = 4, NAMES = 500, VARIABLES = 10000 };

/* All take one step after the other together. */
struct march {
    AO_t arrived;
    struct stm__name *names[THREADS][NAMES];
    struct stm_tvar *vars[VARIABLES];
    struct stm__side *sides[THREADS][VARIABLES];
};

static void step(struct march *march, AO_t number)
{
    AO_fetch_and_add1_full(&march->arrived);
    await_count(&march->arrived, number * THREADS);
}

static void naming_thread(size_t index, void *context)
{
    struct march *march = context;
    size_t count = workload(NAMES);

    for (size_t i = 0; i < count; i++) {
        char name[32];

        snprintf(name, sizeof name, "name %zu", i);
        step(march, i + 1);
        march->names[index][i] = stm__name_of(name);
    }
}

START_TEST(threads_that_use_a_name_first_share_its_counts)
{
    struct march *march = calloc(1, sizeof *march);

    crew_run(THREADS, naming_thread, march);
    for (size_t i = 0; i < workload(NAMES); i++)
        for (size_t j = 0; j < THREADS; j++)
            EXPECT(march->names[j][i] == march->names[0][i],
                   "expected one entry for name %zu", i);
    free(march);
}
END_TEST

static void side_thread(size_t index, void *context)
{
    struct march *march = context;
    size_t count = workload(VARIABLES);

    step(march, 1);
    for (size_t i = 0; i < count; i++)
        march->sides[index][i] = stm__side_ensure(march->vars[i]);
}

START_TEST(threads_that_first_wait_for_a_variable_share_its_list)
{
    struct march *march = calloc(1, sizeof *march);
    size_t count = workload(VARIABLES);

    for (size_t i = 0; i < count; i++)
        march->vars[i] = word_var(i);
    crew_run(THREADS, side_thread, march);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < THREADS; j++)
            EXPECT(march->sides[j][i] == stm__side_of(march->vars[i]),
                   "expected one side for variable %zu", i);
        stm_tvar_release(march->vars[i]);
    }
    free(march);
}
END_TEST

/* ---- the same for certain: it happens while the first one allocates ---- */

static struct stm__name *name;
static struct stm__side *side;
static struct stm_tvar *var;

static void name_it(void) { name = stm__name_of("contested"); }
static void name_another(void) { name = stm__name_of("another"); }
static void ensure_side(void) { side = stm__side_ensure(var); }

START_TEST(who_comes_second_takes_what_is_there)
{
    var = word_var(0);
    faults.during = name_it;
    EXPECT(stm__name_of("contested") == name, "expected one entry for a name");
    faults.during = name_another;
    EXPECT(stm__name_of("a third") != name, "expected an entry for each name");
    EXPECT(stm__name_of("another") == name, "expected it to be found");
    faults.during = ensure_side;
    EXPECT(stm__side_ensure(var) == side && side == stm__side_of(var),
           "expected one side of a variable");
    stm_tvar_release(var);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("races");

    tcase_add_test(tests, threads_that_use_a_name_first_share_its_counts);
    tcase_add_test(tests,
                   threads_that_first_wait_for_a_variable_share_its_list);
    tcase_add_test(tests, who_comes_second_takes_what_is_there);
    return run_suite("races", tests);
}
