/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise I where something is needed for the first time, or for the last: a
 * thread's first call, one thread more than there is room for, event loops. */
#include "faults.h"
#include "support.h"

static enum stm_status nothing_body(struct stm_tx *tx, void *argument)
{
    (void)argument;
    return stm_tx_status(tx);
}

static void stepping_thread(size_t index, void *context)
{
    struct stm_call *call = context;

    (void)index;
    faults_arm(0, true);
    EXPECT_STATUS(STM_ENOMEM, stm_call_step(call));
    EXPECT_STATUS(STM_ENOMEM, stm_call_wait(call));
    EXPECT(stm_set_blocking(NULL) == NULL, "expected no hooks");
    EXPECT(stm_current() == NULL, "expected no transaction");
    faults.armed = false;
}

START_TEST(I_a_thread_that_cannot_be_known_calls_nothing)
{
    struct stm_call *call = stm_call_new(nothing_body, NULL);

    crew_run(1, stepping_thread, call);
    stm_call_free(call);
}
END_TEST

/* As many threads as share one piece of memory for their announcements; the
 * next one needs more. */
struct company {
    AO_t inside, leave;
};

enum { COMPANY = 64 };

static void accompanying_thread(size_t index, void *context)
{
    struct company *company = context;

    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(nothing_body, NULL));
    AO_fetch_and_add1_full(&company->inside);
    await_count(&company->leave, 1);
}

static void late_thread(size_t index, void *context)
{
    enum stm_status status;

    (void)index, (void)context;
    faults_arm(2, true); /* after what knows the thread */
    status = stm_atomically(nothing_body, NULL);
    faults.armed = false;
    EXPECT(status == STM_ENOMEM, "expected ENOMEM of a slot, got %d", status);
    EXPECT_STATUS(STM_OK, stm_atomically(nothing_body, NULL));
}

START_TEST(I_one_thread_more_than_there_is_room_for_survives)
{
    struct company company = {0, 0};
    struct crew *crew = crew_start(COMPANY, accompanying_thread, &company);

    await_count(&company.inside, COMPANY);
    crew_run(1, late_thread, NULL);
    AO_store_release(&company.leave, 1);
    crew_join(crew);
}
END_TEST

/* ---- event loops ---- */

START_TEST(I_no_default_loop_is_null)
{
    faults_arm(0, true);
    EXPECT(stm_eventloop_default() == NULL, "expected no loop");
    faults.armed = false;
}
END_TEST

static void freeing_thread(size_t index, void *context)
{
    (void)index;
    faults_arm(0, false);
    stm_eventloop_free(context);
    faults.armed = false;
}

START_TEST(I_a_loop_is_freed_however_often_memory_is_wanting)
{
    crew_run(1, freeing_thread, stm_eventloop_new());
}
END_TEST

static enum stm_status schedule_body(struct stm_tx *tx, void *argument)
{
    stm_action *const *actions = ((void **)argument)[1];

    for (size_t i = 0; i < 2; i++)
        STM_TRY(stm_eventloop_schedule(tx, *(void **)argument, actions[i], 0,
                                       NULL));
    return STM_OK;
}

static void lose_memory(stm_value argument)
{
    (void)argument;
    faults_arm(0, true);
}

static void never(stm_value argument)
{
    (void)argument;
    EXPECT(false, "expected the loop's thread to have ended");
}

START_TEST(I_a_loop_whose_thread_finds_no_memory_can_be_freed)
{
    stm_action *const actions[] = {lose_memory, never};
    struct stm_eventloop *loop = stm_eventloop_new();
    void *both[] = {loop, (void *)actions};

    EXPECT_STATUS(STM_OK, stm_atomically(schedule_body, both));
    EXPECT_STATUS(STM_OK, stm_eventloop_start(loop));
    stm_eventloop_free(loop);
}
END_TEST

/* ---- a list that a collector has cleared ---- */

static enum stm_status append_body(struct stm_tx *tx, void *argument)
{
    stm_tlist_discard(argument);
    return stm_tlist_append(tx, argument, 1);
}

START_TEST(I_a_discarded_list_takes_items_where_there_is_memory)
{
    struct stm_tlist *list = stm_tlist_new(NULL);
    enum stm_status status = STM_ENOMEM;
    size_t left;

    for (left = 0; status == STM_ENOMEM; left++) {
        faults_arm(left, false);
        status = stm_atomically(append_body, list);
        faults.armed = false;
    }
    EXPECT(status == STM_OK, "expected ENOMEM or OK, got %d", status);
    EXPECT(left > 2, "expected allocations to fail");
    stm_tlist_release(list);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("I");

    tcase_add_test(tests, I_a_thread_that_cannot_be_known_calls_nothing);
    tcase_add_test(tests, I_one_thread_more_than_there_is_room_for_survives);
    tcase_add_test(tests, I_no_default_loop_is_null);
    tcase_add_test(tests, I_a_loop_is_freed_however_often_memory_is_wanting);
    tcase_add_test(tests, I_a_loop_whose_thread_finds_no_memory_can_be_freed);
    tcase_add_test(tests, I_a_discarded_list_takes_items_where_there_is_memory);
    return run_suite("nomem_first", tests);
}
