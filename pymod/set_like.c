/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* What TSet and the views of a TDict that are like sets have in common: it is
 * done by iteration and `in`, on any two things that are like sets. */

#include "keyed-internal.h"

bool stm__is_set_like(struct stm__state *state, PyObject *object)
{
    return PyAnySet_Check(object) || PyDictViewSet_Check(object) ||
           PyObject_TypeCheck(object, state->tset) ||
           Py_IS_TYPE(object, state->tdict_keys) ||
           Py_IS_TYPE(object, state->tdict_items);
}

/* Is each item of `items` in `container`, or (wanted = 0) is none?  -1 with an
 * exception. */
static int all_are(PyObject *items, PyObject *container, int wanted)
{
    PyObject *iterator, *item;
    int found = wanted;

    if (stm__transaction("a comparison of sets") == NULL)
        return -1;
    iterator = PyObject_GetIter(items);
    if (iterator == NULL)
        return -1;
    while (found == wanted && (item = PyIter_Next(iterator)) != NULL) {
        found = PySequence_Contains(container, item);
        Py_DECREF(item);
    }
    Py_DECREF(iterator);
    if (found < 0 || PyErr_Occurred() != NULL)
        return -1;
    return found == wanted;
}

int stm__compare_sizes(PyObject *left, PyObject *right, int *order)
{
    Py_ssize_t length = PyObject_Size(left), other;

    if (length < 0)
        return -1;
    other = PyObject_Size(right);
    if (other < 0)
        return -1;
    *order = (length > other) - (length < other);
    return 0;
}

/* -1 with an exception. */
static int is_subset(PyObject *left, PyObject *right, bool proper)
{
    int order;

    if (stm__compare_sizes(left, right, &order) < 0)
        return -1;
    return order > 0 || (proper && order == 0) ? 0 : all_are(left, right, 1);
}

static int are_equal(PyObject *left, PyObject *right)
{
    int order;

    if (stm__compare_sizes(left, right, &order) < 0)
        return -1;
    return order == 0 ? all_are(left, right, 1) : 0;
}

PyObject *stm__compare_sets(PyObject *left, PyObject *right, int op)
{
    int result = -1;

    if (!stm__is_set_like(stm__state_of(left), right))
        Py_RETURN_NOTIMPLEMENTED;
    switch (op) {
    case Py_EQ:
    case Py_NE:
        result = are_equal(left, right);
        break;
    case Py_LT:
    case Py_LE:
        result = is_subset(left, right, op == Py_LT);
        break;
    case Py_GT:
    case Py_GE:
        result = is_subset(right, left, op == Py_GT);
        break;
    }
    if (result < 0)
        return NULL;
    return PyBool_FromLong(op == Py_NE ? !result : result);
}

/* Of two sets the smaller one is gone through. */
PyObject *stm__isdisjoint(PyObject *object, PyObject *other)
{
    PyObject *items = other, *container = object;
    int order = 0, result;

    if (stm__is_set_like(stm__state_of(object), other) &&
        stm__compare_sizes(object, other, &order) < 0)
        return NULL;
    if (order < 0) {
        items = object;
        container = other;
    }
    result = all_are(items, container, 0);
    return result < 0 ? NULL : PyBool_FromLong(result);
}

PyObject *stm__issubset(PyObject *object, PyObject *other)
{
    PyObject *container;
    int result;

    if (stm__is_set_like(stm__state_of(object), other))
        container = Py_NewRef(other);
    else
        container = PySet_New(other);
    if (container == NULL)
        return NULL;
    result = is_subset(object, container, false);
    Py_DECREF(container);
    return result < 0 ? NULL : PyBool_FromLong(result);
}

PyObject *stm__issuperset(PyObject *object, PyObject *other)
{
    int result = all_are(other, object, 1);

    return result < 0 ? NULL : PyBool_FromLong(result);
}
