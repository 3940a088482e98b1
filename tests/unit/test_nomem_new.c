/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise I of what makes things: where there is no memory, there is NULL, and
 * nothing is leaked. */
#include "faults.h"
#include "support.h"

static enum stm_status nothing_body(struct stm_tx *tx, void *argument)
{
    (void)argument;
    return stm_tx_status(tx);
}

/* Each returns whether all was made, and frees it. */

static bool make_variables(void)
{
    struct stm_tvar *var = stm_tvar_new(NULL, 0);
    struct stm_tcounter *counter = stm_tcounter_new(0);
    struct stm_tsemaphore *semaphore = stm_tsemaphore_new(1);
    struct stm_tfuture *future = stm_tfuture_new(NULL, NULL);
    struct stm_tobject *object = stm_tobject_new(NULL);
    bool all = var != NULL && counter != NULL && semaphore != NULL &&
               future != NULL && object != NULL;

    if (var != NULL) {
        enum stm_status status = stm_tvar_set_name(var, "name");

        EXPECT(status == STM_OK || status == STM_ENOMEM,
               "stm_tvar_set_name: expected OK or ENOMEM, got %d", status);
        all = all && status == STM_OK;
    }
    stm_tvar_release(var);
    if (counter != NULL)
        stm_tcounter_release(counter);
    if (semaphore != NULL)
        stm_tsemaphore_release(semaphore);
    stm_tfuture_release(future);
    stm_tobject_release(object);
    return all;
}

static bool make_sequences(void)
{
    const stm_value words[] = {1, 2, 3};
    struct stm_seq *seq = stm_seq_new(NULL, words, 3);
    struct stm_tlist *list = stm_tlist_new(NULL);
    struct stm_tqueue *line = stm_tqueue_new(NULL, 0);
    struct stm_tqueue *ring = stm_tqueue_new(NULL, 3);
    struct stm_tpriorityqueue *urgent = stm_tpriorityqueue_new(NULL);
    bool all = seq != NULL && list != NULL && line != NULL && ring != NULL &&
               urgent != NULL;

    if (seq != NULL)
        stm_seq_release(seq);
    stm_tlist_release(list);
    stm_tqueue_release(line);
    stm_tqueue_release(ring);
    stm_tpriorityqueue_release(urgent);
    return all;
}

static bool make_others(void)
{
    struct stm_tdict *dict = stm_tdict_new(NULL, NULL);
    struct stm_tset *set = stm_tset_new(NULL);
    struct stm_broadcast *queue = stm_broadcast_new(NULL);
    struct stm_eventloop *loop = stm_eventloop_new();
    struct stm_call *call = stm_call_new(nothing_body, NULL);
    bool all = dict != NULL && set != NULL && queue != NULL && loop != NULL &&
               call != NULL;

    faults.armed = false; /* to free a loop is to stop it, by a transaction */
    stm_tdict_release(dict);
    stm_tset_release(set);
    if (queue != NULL)
        stm_broadcast_release(queue);
    stm_eventloop_free(loop);
    stm_call_free(call);
    return all;
}

static void expect_null_for_each_failure(bool (*make)(void), bool for_good)
{
    size_t allocations = 0;
    bool all;

    do {
        faults_arm(allocations++, for_good);
        all = make();
        faults.armed = false;
        EXPECT(all == !faults.failed,
               "allocation %zu: expected a NULL if it failed, and only then",
               allocations);
    } while (faults.failed);
    EXPECT(allocations > 6, "expected allocations to fail, %zu did",
           allocations - 1);
}

START_TEST(I_constructors_return_null)
{
    for (int for_good = 0; for_good < 2; for_good++) {
        expect_null_for_each_failure(make_variables, for_good);
        expect_null_for_each_failure(make_sequences, for_good);
        expect_null_for_each_failure(make_others, for_good);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("I");

    tcase_add_test(tests, I_constructors_return_null);
    return run_suite("nomem new", tests);
}
