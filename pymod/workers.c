/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The workers of the thread pools, which are attached to the interpreter for as
 * long as they live, with one thread state each.
 *
 * A pool object that goes away lets its pool go without waiting.  The
 * interpreter waits for such pools at exit, since none of their tasks may still
 * run when it is gone; for that the pools let go and the workers are counted
 * here. */

#include "module-internal.h"

#include <stm-pool.h>

/* For the whole process; all under the monitor's lock. */
static struct {
    struct stm__monitor monitor;
    size_t abandoned; /* pools let go of whose threads may still run */
    size_t workers;   /* threads attached */
} census = {.monitor = STM__MONITOR_INIT};

static void count(size_t *counter, size_t change)
{
    pthread_mutex_lock(&census.monitor.lock);
    *counter += change;
    pthread_cond_broadcast(&census.monitor.changed);
    pthread_mutex_unlock(&census.monitor.lock);
}

/* ---- what the workers call ---- */

static _Thread_local struct {
    PyGILState_STATE gil;
    struct stm__call call;
} worker;

static enum stm_status thread_enter(void *context)
{
    (void)context;
    count(&census.workers, 1);
    worker.gil = PyGILState_Ensure();
    stm__call_begin_worker(&worker.call);
    return STM_OK;
}

/* Letting the thread's state go may run finalizers, which may wait. */
static void thread_leave(void *context)
{
    (void)context;
    PyGILState_Release(worker.gil);
    stm__call_end_worker(&worker.call);
    count(&census.workers, (size_t)-1);
}

static void run_task(stm_value task, void *context)
{
    (void)context;
    Py_INCREF((PyObject *)task);
    stm__action_run(task);
    Py_DECREF((PyObject *)task);
}

static void thread_failed(int error, void *context)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *exception = stm__take_exception();

    (void)context;
    PyErr_Format(PyExc_RuntimeError, "can't start new thread: %s",
                 strerror(error));
    PyErr_WriteUnraisable(NULL);
    stm__put_exception(exception);
    PyGILState_Release(gil);
}

static void finalize(void *context)
{
    (void)context;
    count(&census.abandoned, (size_t)-1);
}

void stm__workers_configure(struct stm_pool_config *config)
{
    config->run = run_task;
    config->thread_enter = thread_enter;
    config->thread_leave = thread_leave;
    config->thread_failed = thread_failed;
    config->finalize = finalize;
}

/* ---- letting go ---- */

/* Not inside a transaction. */
static void abandon(stm_value value)
{
    PyObject *exception = stm__take_exception();
    struct stm__call call;
    enum stm_status status;

    count(&census.abandoned, 1);
    stm__call_begin(&call);
    status = stm_pool_abandon((struct stm_pool *)value);
    if (status != STM_OK) {
        count(&census.abandoned, (size_t)-1);
        PyErr_Format(PyExc_RuntimeError, "a pool could not be let go: %s",
                     stm_strstatus(status));
        PyErr_WriteUnraisable(NULL);
    }
    (void)stm__call_end(&call, NULL, STM_OK);
    stm__put_exception(exception);
}

static bool may_abandon(stm_value value)
{
    (void)value;
    return stm__attached();
}

static const struct stm_type abandoned_type = {
    .name = "pool", .release = abandon, .may_release = may_abandon};

void stm__workers_abandon(struct stm_pool *pool)
{
    struct stm_tx *tx = stm_current();

    if (tx == NULL)
        abandon((stm_value)pool);
    else if (stm_release_later(tx, &abandoned_type, (stm_value)pool) != STM_OK)
        PyErr_WriteUnraisable(PyErr_NoMemory()); /* and the pool is lost */
}

/* ---- at exit and after a fork ---- */

static bool all_gone(void)
{
    return census.abandoned == 0 && census.workers == 0;
}

static PyObject *await_workers(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return stm__monitor_await(&census.monitor, all_gone);
}

/* In a forked child there are no workers. */
static PyObject *forget_workers(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    stm__monitor_reset(&census.monitor);
    census.abandoned = 0;
    census.workers = 0;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(await_doc,
             "await_workers($module, /)\n--\n\n"
             "Wait until no pool has a worker, the closed ones that is.");

PyDoc_STRVAR(forget_doc, "forget_workers($module, /)\n--\n\n"
                         "Start anew in a forked child.");

PyMethodDef stm__workers_functions[] = {
    {"await_workers", await_workers, METH_NOARGS, await_doc},
    {"forget_workers", forget_workers, METH_NOARGS, forget_doc},
    {NULL, NULL, 0, NULL},
};
