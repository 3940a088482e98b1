/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The library's service thread, which runs watchers whose time has come, at
 * work for Python: it is attached to the interpreter while it runs one.
 *
 * When the interpreter ends, it is told to stay outside, for ever, and waited
 * for until it is: a thread cannot attach itself to an interpreter that is
 * going. */

#include "module-internal.h"

/* For the whole process; all under the monitor's lock. */
static struct {
    struct stm__monitor monitor;
    bool closed; /* nobody may enter any more */
    bool inside; /* the thread is attached, or about to be */
} gate = {.monitor = STM__MONITOR_INIT};

/* ---- what the thread calls ---- */

static STM__THREAD_LOCAL struct {
    PyGILState_STATE gil;
    struct stm__call call;
    PyObject *kept;  /* of the death that is dealt with, or NULL */
    PyObject **slot; /* where it came from */
} visit;

static void enter(void *context)
{
    (void)context;
    pthread_mutex_lock(&gate.monitor.lock);
    while (gate.closed)
        pthread_cond_wait(&gate.monitor.changed, &gate.monitor.lock);
    gate.inside = true;
    pthread_mutex_unlock(&gate.monitor.lock);
    visit.gil = PyGILState_Ensure();
    stm__call_begin_worker(&visit.call);
    visit.call.worker = false; /* exceptions are kept for unhandled */
}

/* Letting the thread's state go may run finalizers, which may wait. */
static void leave(void *context)
{
    (void)context;
    Py_CLEAR(visit.call.error);
    Py_CLEAR(visit.kept);
    visit.slot = NULL;
    PyGILState_Release(visit.gil);
    stm__call_end_worker(&visit.call);
    pthread_mutex_lock(&gate.monitor.lock);
    gate.inside = false;
    pthread_cond_broadcast(&gate.monitor.changed);
    pthread_mutex_unlock(&gate.monitor.lock);
}

static void unhandled(void *context, enum stm_status status,
                      const char *message)
{
    PyObject *error = visit.call.error;

    (void)context;
    visit.call.error = NULL;
    if (status == STM__RAISED && error != NULL) {
        stm__put_exception(error);
    } else {
        Py_XDECREF(error);
        PyErr_SetString(PyExc_RuntimeError, message);
    }
    PyErr_WriteUnraisable(NULL);
}

PyObject *stm__service_take(PyObject **slot)
{
    PyObject *object = *slot;

    if (object != NULL) {
        *slot = NULL;
        stm__discard(visit.kept);
        visit.kept = object;
        visit.slot = slot;
    }
    return visit.slot == slot ? visit.kept : NULL;
}

/* ---- at exit and after a fork ---- */

static bool is_outside(void) { return !gate.inside; }

static PyObject *close_service(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    pthread_mutex_lock(&gate.monitor.lock);
    gate.closed = true;
    pthread_mutex_unlock(&gate.monitor.lock);
    return stm__monitor_await(&gate.monitor, is_outside);
}

/* In a forked child there is no such thread. */
static PyObject *forget_service(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    stm__monitor_reset(&gate.monitor);
    gate.inside = false;
    stm__call_forget_thread();
    Py_RETURN_NONE;
}

PyDoc_STRVAR(close_doc,
             "close_service($module, /)\n--\n\n"
             "Keep the service thread out of the interpreter from now on.");

PyDoc_STRVAR(forget_doc, "forget_service($module, /)\n--\n\n"
                         "Start anew in a forked child.");

PyMethodDef stm__service_functions[] = {
    {"close_service", close_service, METH_NOARGS, close_doc},
    {"forget_service", forget_service, METH_NOARGS, forget_doc},
    {NULL, NULL, 0, NULL},
};

void stm__service_init(void)
{
    static const struct stm_service hooks = {
        .enter = enter, .leave = leave, .unhandled = unhandled};

    (void)stm_set_service(&hooks);
}
