/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* What a failed future holds as its cause is a tuple of the exception and of
 * the traceback, or None, that it had when it was stored.  Each time that the
 * exception is raised it starts from that traceback again, which else would
 * grow from time to time.  Threads that raise it at once share the object, as
 * those of concurrent.futures do, and may see each other's frames in it. */

#include "module-internal.h"

PyObject *stm__cause_new(PyObject *exception)
{
    PyObject *traceback, *cause;

    if (!PyExceptionInstance_Check(exception)) {
        PyErr_Format(PyExc_TypeError, "expected an exception, not a %.200s",
                     Py_TYPE(exception)->tp_name);
        return NULL;
    }
    traceback = PyException_GetTraceback(exception);
    cause = PyTuple_Pack(2, exception, traceback != NULL ? traceback : Py_None);
    Py_XDECREF(traceback);
    return cause;
}

PyObject *stm__cause_raise(PyObject *cause)
{
    PyObject *exception = PyTuple_GET_ITEM(cause, 0);
    PyObject *former = PyException_GetTraceback(exception);

    if (PyException_SetTraceback(exception, PyTuple_GET_ITEM(cause, 1)) == 0)
        stm__put_exception(Py_NewRef(exception));
    stm__discard(former);
    return NULL;
}
