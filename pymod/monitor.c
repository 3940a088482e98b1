/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* What the interpreter waits for at exit: that threads of ours are outside.
 * Signals are looked after meanwhile, so that such a wait can be broken off. */

#include "module-internal.h"

#include <time.h>

/* How often a wait looks for signals. */
#define SIGNAL_PERIOD_NS 50000000

static bool await_a_while(struct stm__monitor *monitor, bool (*over)(void))
{
    struct timespec until;
    bool result;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += SIGNAL_PERIOD_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&monitor->lock);
    if (!over())
        (void)pthread_cond_timedwait(&monitor->changed, &monitor->lock, &until);
    result = over();
    pthread_mutex_unlock(&monitor->lock);
    return result;
}

PyObject *stm__monitor_await(struct stm__monitor *monitor, bool (*over)(void))
{
    bool result;

    do {
        PyThreadState *detached = PyEval_SaveThread();

        result = await_a_while(monitor, over);
        PyEval_RestoreThread(detached);
        if (PyErr_CheckSignals() < 0)
            return NULL;
    } while (!result);
    Py_RETURN_NONE;
}

void stm__monitor_reset(struct stm__monitor *monitor)
{
    pthread_mutex_init(&monitor->lock, NULL);
    pthread_cond_init(&monitor->changed, NULL);
}
