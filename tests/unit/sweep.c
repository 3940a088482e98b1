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

/* On a thread of its own, so that its registration is met, too. */
static void failing_thread(size_t index, void *context)
{
    struct run *run = context;
    const struct sweep *sweep = run->sweep;
    enum stm_status status;

    (void)index;
    faults_arm(run->allocations, run->for_good);
    status = stm_atomically(sweep->body, sweep->world);
    faults.armed = false;
    run->failed = faults.failed;
    EXPECT(status == STM_OK || (status == STM_ENOMEM && run->failed),
           "allocation %zu failed: expected OK or ENOMEM, got %d (%s)",
           run->allocations + 1, status, stm_strstatus(status));
    if (status == STM_OK)
        sweep->commit(sweep->world);
    EXPECT_STATUS(STM_OK, stm_atomically(sweep->check, sweep->world));
}

void sweep_failures(const struct sweep *sweep, bool for_good)
{
    struct run run = {.sweep = sweep, .for_good = for_good};

    do {
        sweep->init(sweep->world);
        crew_run(1, failing_thread, &run);
        sweep->fini(sweep->world);
        EXPECT(counted_live() == 0,
               "allocation %zu: expected every object released, %zu live",
               run.allocations + 1, counted_live());
        run.allocations++;
    } while (run.failed);
    EXPECT(run.allocations > 20, "expected allocations to fail, %zu did",
           run.allocations - 1);
}
