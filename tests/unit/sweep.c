/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "sweep.h"

struct run {
    const struct sweep *sweep;
    size_t allocations; /* that are to succeed */
    bool for_good;
    bool failed;
};

stm_value sweep_object(stm_value number)
{
    bool armed = faults.armed;
    stm_value value;

    faults.armed = false;
    value = counted_new(number);
    faults.armed = armed;
    return value;
}

static enum stm_status run_body(const struct sweep *sweep)
{
    struct stm_call *call;
    enum stm_status status;

    if (!sweep->blocks) {
        status = stm_atomically(sweep->body, sweep->world);
        faults.armed = false;
        return status;
    }
    call = stm_call_new(sweep->body, sweep->world);
    status = call == NULL ? STM_ENOMEM : stm_call_step(call);
    faults.armed = false;
    if (call != NULL)
        stm_call_free(call);
    return status;
}

/* On a thread of its own, so that its registration is met, too. */
static void failing_thread(size_t index, void *context)
{
    struct run *run = context;
    const struct sweep *sweep = run->sweep;
    enum stm_status wanted = sweep->blocks ? STM_BLOCKED : STM_OK;
    enum stm_status status;

    (void)index;
    faults_arm(run->allocations, run->for_good);
    status = run_body(sweep);
    run->failed = faults.failed;
    EXPECT(status == wanted || (status == STM_ENOMEM && run->failed),
           "%s, allocation %zu failed: expected %d or ENOMEM, got %d (%s)",
           sweep->name, run->allocations + 1, wanted, status,
           stm_strstatus(status));
    if (status == STM_OK)
        sweep->commit(sweep->world);
    EXPECT_STATUS(STM_OK, stm_atomically(sweep->check, sweep->world));
}

static void run_sweep(const struct sweep *sweep, bool for_good)
{
    struct run run = {.sweep = sweep, .for_good = for_good};

    do {
        sweep->init(sweep->world);
        crew_run(1, failing_thread, &run);
        sweep->fini(sweep->world);
        EXPECT(counted_live() == 0,
               "%s, allocation %zu: expected every object released, %zu live",
               sweep->name, run.allocations + 1, counted_live());
        run.allocations++;
    } while (run.failed);
    EXPECT(run.allocations > sweep->least,
           "%s: expected %zu allocations to fail, %zu did", sweep->name,
           sweep->least, run.allocations - 1);
}

/* The program's. */
static const struct sweep *sweeps;
static size_t sweep_count;

START_TEST(I_one_failing_allocation_is_survived)
{
    for (size_t i = 0; i < sweep_count; i++)
        run_sweep(&sweeps[i], false);
}
END_TEST

START_TEST(I_memory_that_is_gone_for_good_is_survived)
{
    for (size_t i = 0; i < sweep_count; i++)
        run_sweep(&sweeps[i], true);
}
END_TEST

int sweep_main(const char *name, const struct sweep *own, size_t count)
{
    TCase *tests = tcase_create("I");

    sweeps = own;
    sweep_count = count;
    tcase_add_test(tests, I_one_failing_allocation_is_survived);
    tcase_add_test(tests, I_memory_that_is_gone_for_good_is_survived);
    return run_suite(name, tests);
}
