/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* What a class and its bases have by a name. */

#include "module-internal.h"

PyObject *stm__get_attribute(PyObject *object, const char *name)
{
    PyObject *interned = PyUnicode_InternFromString(name);
    PyObject *value =
        interned != NULL ? PyObject_GetAttr(object, interned) : NULL;

    Py_XDECREF(interned);
    return value;
}

static PyObject *find_in_dict(PyObject *dict, PyObject *name)
{
#if PY_VERSION_HEX >= 0x030d0000
    PyObject *found;

    (void)PyDict_GetItemRef(dict, name, &found);
    return found;
#else
    return Py_XNewRef(PyDict_GetItemWithError(dict, name));
#endif
}

static PyObject *find_in_class(PyTypeObject *type, PyObject *name)
{
#if PY_VERSION_HEX >= 0x030c0000
    PyObject *dict = PyType_GetDict(type);
#else
    PyObject *dict = Py_XNewRef(type->tp_dict);
#endif
    PyObject *found = dict != NULL ? find_in_dict(dict, name) : NULL;

    Py_XDECREF(dict);
    return found;
}

/* The type and its bases, in order: a new reference.  Without a GIL another
 * thread may be replacing them. */
static PyObject *order_of(PyTypeObject *type)
{
#ifdef Py_GIL_DISABLED
    return stm__get_attribute((PyObject *)type, "__mro__");
#else
    return Py_NewRef(type->tp_mro);
#endif
}

PyObject *stm__find_in_type(PyTypeObject *type, PyObject *name)
{
    PyObject *mro = order_of(type);
    PyObject *found = NULL;

    if (mro == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro) && found == NULL; i++) {
        found = find_in_class((PyTypeObject *)PyTuple_GET_ITEM(mro, i), name);
        if (PyErr_Occurred() != NULL)
            break;
    }
    Py_DECREF(mro);
    return found;
}

PyObject *stm__bind_special(PyObject *object, const char *name)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject *interned = PyUnicode_InternFromString(name);
    PyObject *found = NULL, *bound;
    descrgetfunc get;

    if (interned != NULL)
        found = stm__find_in_type(type, interned);
    Py_XDECREF(interned);
    get = found != NULL ? Py_TYPE(found)->tp_descr_get : NULL;
    if (get == NULL)
        return found;
    bound = get(found, object, (PyObject *)type);
    Py_DECREF(found);
    return bound;
}

const char *stm__short_name(PyObject *object)
{
    const char *name = Py_TYPE(object)->tp_name;
    const char *dot = strrchr(name, '.');

    return dot == NULL ? name : dot + 1;
}
