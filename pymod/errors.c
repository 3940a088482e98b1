/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* From the library's statuses to Python's exceptions.  Nothing else in the
 * extension decides which exception a status becomes. */

#include "module-internal.h"

static int add_exception(PyObject *module, PyObject **slot, const char *name,
                         const char *doc, PyObject *base)
{
    *slot = PyErr_NewExceptionWithDoc(name, doc, base, NULL);
    if (*slot == NULL)
        return -1;
    return PyModule_AddObjectRef(module, strrchr(name, '.') + 1, *slot);
}

int stm__errors_init(PyObject *module, struct stm__state *state)
{
    const struct {
        PyObject **slot;
        const char *name;
        const char *doc;
        PyObject *base;
    } exceptions[] = {
        {&state->retry, "stm._stm._Retry",
         "Leaves the body of an attempt that waits.", PyExc_BaseException},
        {&state->conflict, "stm._stm._Conflict",
         "Leaves the body of an attempt that is to run again.",
         PyExc_BaseException},
        {&state->empty, "stm.datatypes.Empty",
         "There is no item, and waiting was not wanted.", PyExc_Exception},
        {&state->full, "stm.datatypes.Full",
         "There is no room, and waiting was not wanted.", PyExc_Exception},
        {&state->timeout, "stm.timeout.Timeout", "The time is over.",
         PyExc_Exception},
        {&state->diverged, "stm.WatchersDiverged",
         "Watchers that disturb each other do not come to rest.",
         PyExc_RuntimeError},
    };

    for (size_t i = 0; i < Py_ARRAY_LENGTH(exceptions); i++) {
        if (add_exception(module, exceptions[i].slot, exceptions[i].name,
                          exceptions[i].doc, exceptions[i].base) < 0)
            return -1;
    }
    return 0;
}

/* A signal handler ran.  What it raised is to be seen, if it raised. */
static void raise_interrupted(void)
{
    if (PyErr_Occurred() == NULL && PyErr_CheckSignals() == 0)
        PyErr_SetNone(PyExc_InterruptedError);
}

PyObject *stm__raise(struct stm__state *state, enum stm_status status)
{
    assert(status != STM_OK && status != STM__RAISED);
    assert((PyErr_Occurred() != NULL) == (status == STM__INTERRUPTED) ||
           status == STM_EINTERRUPTED);
    switch ((int)status) {
    case STM__INTERRUPTED:
        break;
    case STM_EINTERRUPTED:
        raise_interrupted();
        break;
    case STM_RETRY:
        PyErr_SetNone(state->retry);
        break;
    case STM_CONFLICT:
        PyErr_SetNone(state->conflict);
        break;
    case STM_ENOMEM:
        PyErr_NoMemory();
        break;
    case STM_EMISUSE:
        PyErr_SetString(PyExc_RuntimeError, stm_error_message());
        break;
    case STM_EEMPTY:
        PyErr_SetNone(state->empty);
        break;
    case STM_ERANGE:
        PyErr_SetString(PyExc_IndexError, "index out of range");
        break;
    case STM_ETIMEOUT:
        PyErr_SetNone(state->timeout);
        break;
    case STM_EDIVERGED:
        PyErr_SetString(state->diverged, stm_error_message());
        break;
    case STM_ETHREAD:
        PyErr_SetString(PyExc_RuntimeError, "can't start new thread");
        break;
    case STM_ECLOSED:
        PyErr_SetString(PyExc_RuntimeError,
                        "cannot schedule after shutdown or stop");
        break;
    default:
        PyErr_Format(PyExc_SystemError, "unexpected status: %s",
                     stm_strstatus(status));
    }
    return NULL;
}

PyObject *stm__raise_index(struct stm__state *state, enum stm_status status,
                           const char *message)
{
    if (status != STM_ERANGE && status != STM_EEMPTY)
        return stm__raise(state, status);
    PyErr_SetString(PyExc_IndexError, message);
    return NULL;
}

struct stm_tx *stm__transaction(const char *what)
{
    struct stm_tx *tx = stm_current();

    if (tx == NULL)
        PyErr_Format(PyExc_RuntimeError,
                     "%s must be called inside stm.atomically()", what);
    return tx;
}

#if PY_VERSION_HEX >= 0x030c0000

PyObject *stm__take_exception(void) { return PyErr_GetRaisedException(); }

void stm__put_exception(PyObject *exception)
{
    if (exception != NULL)
        PyErr_SetRaisedException(exception);
}

#else

PyObject *stm__take_exception(void)
{
    PyObject *type, *value, *traceback;

    PyErr_Fetch(&type, &value, &traceback);
    if (type == NULL)
        return NULL;
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL)
        PyException_SetTraceback(value, traceback);
    Py_DECREF(type);
    Py_XDECREF(traceback);
    return value;
}

void stm__put_exception(PyObject *exception)
{
    if (exception != NULL)
        PyErr_Restore(Py_NewRef(Py_TYPE(exception)), exception,
                      PyException_GetTraceback(exception));
}

#endif
