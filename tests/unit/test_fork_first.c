/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* A fork beside the library's first use by another thread.  If that thread
 * registers what is to be done at a fork, then the fork comes in the midst of
 * it: pthread_atfork calls __register_atfork, and this program's own comes
 * before the system's. */
#include "support.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

typedef void handler(void);
typedef int register_handlers(handler *prepare, handler *parent, handler *child,
                              void *handle);

register_handlers __register_atfork;

static AO_t holds; /* whoever registers is held up until this is 0 */
static AO_t arrived;

int __register_atfork(handler *prepare, handler *parent, handler *child,
                      void *handle)
{
    register_handlers *real;
    int error;

    *(void **)&real = dlsym(RTLD_NEXT, "__register_atfork");
    error = real(prepare, parent, child, handle);
    if (AO_load_acquire(&holds)) {
        AO_store_release(&arrived, 1);
        while (AO_load_acquire(&holds))
            usleep(100);
    }
    return error;
}

static enum stm_status use_body(struct stm_tx *tx, void *argument)
{
    return stm_tvar_set(tx, argument, 1);
}

static bool uses(struct stm_tvar *var)
{
    struct stm_eventloop *loop;

    if (stm_atomically(use_body, var) != STM_OK)
        return false;
    loop = stm_eventloop_new();
    stm_eventloop_free(loop);
    return loop != NULL;
}

static void using_thread(size_t index, void *context)
{
    (void)index;
    EXPECT(uses(context), "expected the library to work");
    AO_store_release(&arrived, 1);
    while (AO_load_acquire(&holds)) /* to be there when the process forks */
        usleep(100);
}

static bool child_works(struct stm_tvar *var, unsigned generations)
{
    pid_t child;
    int status;

    AO_store(&holds, 0);
    alarm(30);
    if (!uses(var))
        return false;
    if (generations == 0)
        return true;
    child = fork();
    if (child == 0)
        end_child(child_works(var, generations - 1));
    return waitpid(child, &status, 0) == child && status == 0;
}

START_TEST(a_fork_beside_the_first_use_leaves_a_child_that_works_and_forks)
{
    struct stm_tvar *var = word_var(0);
    struct crew *crew;
    pid_t child;
    int status;

    AO_store(&holds, 1);
    crew = crew_start(1, using_thread, var);
    await_count(&arrived, 1);
    child = fork();
    ck_assert_int_ne(child, -1);
    if (child == 0)
        end_child(child_works(var, 2));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    AO_store_release(&holds, 0);
    crew_join(crew);
    EXPECT(status == 0,
           "expected the child to work and to fork, got the wait "
           "status %d",
           status);
    stm_tvar_release(var);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("fork beside the first use");

    tcase_set_timeout(tests, 60);
    tcase_add_test(
        tests, a_fork_beside_the_first_use_leaves_a_child_that_works_and_forks);
    return run_suite("test_fork_first", tests);
}
