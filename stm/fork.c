/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <pthread.h>

#include <stm/error-internal.h>
#include <stm/map-internal.h>
#include <stm/tx-internal.h>

/* Fork.  The child has the memory of the process and one of its threads.  What
 * it finds must be whole, and must not wait for threads that are not there:
 *
 *   variables       are not changed: the forking thread has closed the gate and
 *                   waited for the commits that had passed it.  Those that were
 *                   locked by others, which look at the gate only then, are
 *                   unlocked as they were
 *   waiters         belong to a generation; those of an earlier one are as
 *                   good as not there, and a transaction of the forking thread
 *                   that was blocked (a signal handler has forked) runs again
 *   attempts        of the other threads have ended without a trace; what they
 *                   held back is released by whoever ends an attempt next
 *   the own attempt, if fork was called in one, goes on in the parent alone
 *   mutexes         are taken before and given back after, on either side
 *
 * What lies in a layer above sees to itself in the same way. */

static void prepare(void)
{
    stm__gate_fork_prepare();
    stm__solo_end(stm__slot_own);
    stm__limbo_fork_prepare();
    stm__thread_fork_prepare();
    stm__map_fork_prepare();
}

static void in_parent(void)
{
    stm__map_fork_done();
    stm__thread_fork_parent();
    stm__limbo_fork_parent();
    stm__gate_fork_parent();
}

static void in_child(void)
{
    stm__generation++;
    stm__map_fork_done();
    stm__thread_fork_child();
    stm__limbo_fork_child();
    stm__gate_fork_child();
    stm__solo_heed();
    if (stm_current())
        stm__doom(stm__self, STM_EFORKED);
}

void stm__fork_heed(void)
{
    stm__solo_heed();
    STM__MUST(pthread_atfork(prepare, in_parent, in_child) == 0);
}
