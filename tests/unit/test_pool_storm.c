/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Storms over pools of every kind: none of the tasks is lost, none runs twice.
 * STM_TORTURE=n in the environment has n times as many tasks scheduled: with 50
 * it is ten
 * million. */
#include "pool_storm.h"

#include <stdlib.h>

enum {
    KINDS = 18,       /* of pools */
    PER_KIND = 13000, /* tasks */
    PER_STORM = 4000, /* at most */
    STREAM = 1000     /* of random numbers */
};

static size_t torture(void)
{
    const char *given = getenv("STM_TORTURE");
    size_t times = given != NULL ? strtoul(given, NULL, 10) : 1;

    return times > 0 ? times : 1;
}

START_TEST(no_task_is_lost_or_run_twice)
{
    const struct storm_plan plan = {.handover = (size_t)_i % 3,
                                    .heap = _i / 3 % 2 == 1,
                                    .kind = (enum storm_tasks)(_i / 6)};
    size_t left = workload(PER_KIND) * torture(), exits = 0, all = left;
    struct generator generator;

    generator_init(&generator, STREAM + (uint64_t)_i);
    while (left > 0) {
        size_t count = left < PER_STORM ? left : PER_STORM;

        exits += storm_pass(&plan, count, generator_next(&generator));
        left -= count;
    }
    EXPECT(exits > 0 || all < 10000,
           "expected one of %zu tasks to end its thread", all);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pool: storm");

    tcase_add_loop_test(tests, no_task_is_lost_or_run_twice, 0, KINDS);
    return run_suite("test_pool_storm", tests);
}
