/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* What an attempt is doomed by, when there are several reasons: a conflict
 * beats a lack of memory, which beats a retry (promises A and I). */
#include "faults.h"
#include "support.h"

enum { MOST_CALLS = 100000 };

static void release_nothing(stm_value value) { (void)value; }

static const struct stm_type plain_type = {.name = "nothing to release",
                                           .release = release_nothing};

/* Lets memory run out in an attempt that is doomed already. */
static void run_out_of_memory(struct stm_tx *tx)
{
    enum stm_status status = STM_OK;

    faults_arm(0, true);
    for (size_t i = 0; i < MOST_CALLS && status == STM_OK; i++)
        status = stm_release_later(tx, &plain_type, 1);
    faults.armed = false;
    EXPECT(status == STM_ENOMEM, "expected memory to run out in %d calls",
           MOST_CALLS);
}

struct doomed {
    struct stm_tvar *first, *second;
    size_t doomed_runs;
};

static enum stm_status conflict_body(struct stm_tx *tx, void *argument)
{
    struct doomed *state = argument;
    enum stm_status status;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, state->first, &value));
    if (value > 0)
        return STM_OK;
    poke_elsewhere(state->first, 1);
    poke_elsewhere(state->second, 1);
    status = stm_tvar_get(tx, state->second, &value);
    EXPECT(status == STM_CONFLICT, "expected a conflict");
    state->doomed_runs++;
    run_out_of_memory(tx);
    EXPECT(stm_tx_status(tx) == STM_CONFLICT,
           "expected the conflict to beat the lack of memory, got %d",
           stm_tx_status(tx));
    return STM_ENOMEM;
}

START_TEST(A_a_conflict_beats_a_lack_of_memory)
{
    struct doomed state = {.first = word_var(0), .second = word_var(0)};

    EXPECT_STATUS(STM_OK, stm_atomically(conflict_body, &state));
    EXPECT(state.doomed_runs == 1, "expected 1 attempt in conflict, got %zu",
           state.doomed_runs);
    stm_tvar_release(state.first);
    stm_tvar_release(state.second);
}
END_TEST

static enum stm_status retry_body(struct stm_tx *tx, void *argument)
{
    struct doomed *state = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, state->first, &value));
    STM_TRY(stm_retry(tx) == STM_RETRY ? STM_OK : stm_tx_status(tx));
    run_out_of_memory(tx);
    return STM_RETRY;
}

START_TEST(I_a_lack_of_memory_beats_a_retry)
{
    struct doomed state = {.first = word_var(0)};

    EXPECT_STATUS(STM_ENOMEM, stm_atomically(retry_body, &state));
    stm_tvar_release(state.first);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("doom");

    tcase_add_test(tests, A_a_conflict_beats_a_lack_of_memory);
    tcase_add_test(tests, I_a_lack_of_memory_beats_a_retry);
    return run_suite("doom", tests);
}
