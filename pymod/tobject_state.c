/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* All attributes of a TObject at once: listed, and as its state. */

#include "tobject-internal.h"

/* What object's own __setattr__ has set, where the version of Python lets it in
 * (frozen dataclasses use it): a new reference, or NULL, also without an
 * exception. */
static PyObject *set_by_others(PyObject *object)
{
    struct stm__tobject *self = (struct stm__tobject *)object;

    if (AO_load_acquire((volatile AO_t *)&self->dict) == 0)
        return NULL;
    return PyObject_GenericGetDict(object, NULL);
}

PyObject *stm__tobject_as_dict(PyObject *object, const char *what)
{
    struct stm_tx *tx = stm__transaction(what);
    PyObject *dict, *others;

    if (tx == NULL)
        return NULL;
    dict = stm__fields_as_dict(stm__tobject_fields(object), tx,
                               stm__state_of(object));
    if (dict == NULL)
        return NULL;
    others = set_by_others(object);
    if (others != NULL)
        (void)PyDict_Merge(dict, others, 0);
    Py_XDECREF(others);
    if (PyErr_Occurred() != NULL)
        Py_CLEAR(dict);
    return dict;
}

/* Adds the items of a list to a set, and takes the list; NULL: an exception may
 * be set. */
static int add_all(PyObject *set, PyObject *items)
{
    if (items == NULL)
        return PyErr_Occurred() != NULL ? -1 : 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items); i++)
        if (PySet_Add(set, PyList_GET_ITEM(items, i)) < 0)
            break;
    Py_DECREF(items);
    return PyErr_Occurred() != NULL ? -1 : 0;
}

static PyObject *names_of_others(PyObject *object)
{
    PyObject *others = set_by_others(object);
    PyObject *names = others != NULL ? PyDict_Keys(others) : NULL;

    Py_XDECREF(others);
    return names;
}

static PyObject *dir_of_type(PyTypeObject *type)
{
    PyObject *method = stm__get_attribute((PyObject *)&PyType_Type, "__dir__");
    PyObject *names = NULL;

    if (method != NULL)
        names = PyObject_CallOneArg(method, (PyObject *)type);
    Py_XDECREF(method);
    return names;
}

/* Does not go by object's own, which reads __dict__ and so every value. */
PyObject *stm__tobject_dir(PyObject *object, PyObject *unused)
{
    struct stm_tx *tx = stm__transaction("dir() of a TObject");
    PyObject *of_type, *all = NULL, *result = NULL;

    (void)unused;
    if (tx == NULL)
        return NULL;
    of_type = dir_of_type(Py_TYPE(object));
    if (of_type != NULL)
        all = PySet_New(of_type);
    if (all != NULL &&
        add_all(all, stm__fields_list(stm__tobject_fields(object), tx,
                                      stm__state_of(object))) == 0 &&
        add_all(all, names_of_others(object)) == 0)
        result = PySequence_List(all);
    Py_XDECREF(all);
    Py_XDECREF(of_type);
    return result;
}

/* What is in slots is not among the fields, and must not be lost unnoticed. */
PyObject *stm__tobject_getstate(PyObject *object, PyObject *unused)
{
    PyObject *dict;

    (void)unused;
    if (Py_TYPE(object)->tp_basicsize >
        (Py_ssize_t)sizeof(struct stm__tobject)) {
        PyErr_Format(PyExc_TypeError,
                     "a TObject with __slots__ must define __getstate__() to "
                     "be copied or pickled: '%.100s'",
                     Py_TYPE(object)->tp_name);
        return NULL;
    }
    dict = stm__tobject_as_dict(object, "__getstate__() of a TObject");
    if (dict == NULL || PyDict_GET_SIZE(dict) > 0)
        return dict;
    Py_DECREF(dict);
    Py_RETURN_NONE;
}

struct restore {
    PyObject *object;
    PyObject *state; /* a dict that nobody else has */
};

static enum stm_status restore_body(struct stm_tx *tx, void *argument)
{
    const struct restore *restore = argument;
    PyTypeObject *type = Py_TYPE(restore->object);
    PyObject *name, *value;
    Py_ssize_t position = 0;

    while (PyDict_Next(restore->state, &position, &name, &value)) {
        struct stm__field *field =
            stm__field_get(stm__tobject_fields(restore->object), name);

        if (field == NULL || stm__field_equip(field, type) < 0 ||
            stm__tobject_change(restore->object, field, value) < 0)
            return stm__call_failed(tx);
    }
    return STM_OK;
}

PyObject *stm__tobject_setstate(PyObject *object, PyObject *state)
{
    struct restore restore = {.object = object};
    int result;

    if (!PyDict_Check(state)) {
        PyErr_Format(PyExc_TypeError,
                     "the state of a TObject must be a dict, not %.100s",
                     Py_TYPE(state)->tp_name);
        return NULL;
    }
    restore.state = PyDict_Copy(state);
    if (restore.state == NULL)
        return NULL;
    result = stm__call_run(stm__state_of(object), restore_body, &restore);
    stm__discard(restore.state);
    if (result < 0)
        return NULL;
    Py_RETURN_NONE;
}
