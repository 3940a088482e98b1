/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Python objects as the library's values. */

#include "module-internal.h"

static void retain(stm_value value) { Py_INCREF((PyObject *)value); }

/* May a finalizer run when this reference is given back? */
static bool may_finalize(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

#ifndef Py_GIL_DISABLED
    if (Py_REFCNT(object) > 1)
        return false;
#endif
    return type != &PyLong_Type && type != &PyFloat_Type &&
           type != &PyUnicode_Type && type != &PyBytes_Type;
}

/* An exception may be on its way out past the library: a finalizer must not
 * meet it. */
static void release(stm_value value)
{
    PyObject *object = (PyObject *)value;
    PyObject *exception;

    if (!may_finalize(object)) {
        Py_DECREF(object);
        return;
    }
    stm__ending = false;
    exception = stm__take_exception();
    Py_DECREF(object);
    stm__put_exception(exception);
}

static bool may_release(stm_value value)
{
    (void)value;
    return stm__attached();
}

const struct stm_type stm__object_type = {
    .name = "Python object",
    .retain = retain,
    .release = release,
    .may_release = may_release,
    .late = true,
};

int stm__visit(stm_value value, void *context)
{
    const struct stm__visitor *visitor = context;

    return visitor->visit((PyObject *)value, visitor->arg);
}

void stm__discard(PyObject *object)
{
    struct stm_tx *tx = stm_current();

    if (object == NULL)
        return;
    if (tx == NULL ||
        stm_release_later(tx, &stm__object_type, (stm_value)object) != STM_OK)
        release((stm_value)object);
}
