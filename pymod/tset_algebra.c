/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TSet: what combines it with other sets and iterables.  Each operation is one
 * on the set in place; those that return a new one apply it to a copy.  What
 * stays keeps its order, and what is added comes at the end.  Where a set is
 * searched and changed at once, it is a snapshot that is gone through. */

#include "keyed-internal.h"

/* An operation in place; -1 with an exception. */
typedef int change(PyObject *set, PyObject *other);

static const char changing[] = "a change of a TSet";

/* ---- in place, one operand ---- */

/* Sorts the keys of a map into two lists: those that the container has and
 * those that it has not.  -1 with an exception. */
static int divide(const struct stm_map *map, PyObject *container,
                  PyObject *lists[2])
{
    for (size_t i = 0; i < stm_map_length(map); i++) {
        PyObject *key = stm__part_at(map, i, STM__KEYS);
        int found = PySequence_Contains(container, key);

        if (found >= 0 && PyList_Append(lists[found], key) < 0)
            found = -1;
        Py_DECREF(key);
        if (found < 0)
            return -1;
    }
    return 0;
}

/* Leaves the keys of one list, and takes out those of the other: whichever is
 * less work. */
static int leave(PyObject *set, PyObject *kept, PyObject *gone)
{
    PyObject *fresh;
    int result;

    if (PyList_GET_SIZE(gone) <= PyList_GET_SIZE(kept))
        return stm__tset_for_each(set, gone, stm__tset_take);
    fresh = stm__tset_new(stm__state_of(set));
    if (fresh == NULL)
        return -1;
    result = stm__tset_put_all(fresh, kept);
    if (result == 0)
        result = stm__tset_assign(set, fresh);
    Py_DECREF(fresh);
    return result;
}

/* Leaves the keys that the container has (wanted = 1) or has not (0). */
static int leave_by(PyObject *set, PyObject *container, int wanted)
{
    struct stm_map *map = stm__tset_snapshot(set, changing);
    PyObject *lists[2] = {NULL, NULL};
    int result = -1;

    if (map == NULL)
        return -1;
    lists[0] = PyList_New(0);
    if (lists[0] != NULL)
        lists[1] = PyList_New(0);
    if (lists[1] != NULL)
        result = divide(map, container, lists);
    stm_map_release(map);
    if (result == 0)
        result = leave(set, lists[wanted], lists[!wanted]);
    Py_XDECREF(lists[0]);
    Py_XDECREF(lists[1]);
    return result;
}

/* Goes through an iterable and calls step for each item. */
int stm__tset_for_each(PyObject *set, PyObject *iterable,
                       int (*step)(PyObject *set, PyObject *key))
{
    PyObject *iterator = PyObject_GetIter(iterable), *key;
    int result = 0;

    if (iterator == NULL)
        return -1;
    while (result >= 0 && (key = PyIter_Next(iterator)) != NULL) {
        result = step(set, key);
        Py_DECREF(key);
    }
    Py_DECREF(iterator);
    return result < 0 || PyErr_Occurred() != NULL ? -1 : 0;
}

static int intersect(PyObject *set, PyObject *other)
{
    PyObject *container;
    int result;

    if (stm__is_set_like(stm__state_of(set), other))
        container = Py_NewRef(other);
    else
        container = PySet_New(other);
    if (container == NULL)
        return -1;
    result = leave_by(set, container, 1);
    Py_DECREF(container);
    return result;
}

/* Of two sets the smaller one is gone through. */
static int subtract(PyObject *set, PyObject *other)
{
    int order = 0;

    if (stm__is_set_like(stm__state_of(set), other) &&
        stm__compare_sizes(set, other, &order) < 0)
        return -1;
    if (order < 0)
        return leave_by(set, other, 0);
    return stm__tset_for_each(set, other, stm__tset_take);
}

static int toggle(PyObject *set, PyObject *key)
{
    int found = stm__tset_take(set, key);

    return found == 0 ? stm__tset_put(set, key) : found;
}

/* Each key counts once. */
static int exclude(PyObject *set, PyObject *other)
{
    PyObject *keys;
    int result;

    if (stm__is_set_like(stm__state_of(set), other))
        keys = Py_NewRef(other);
    else
        keys = stm__unique(other);
    if (keys == NULL)
        return -1;
    result = stm__tset_for_each(set, keys, toggle);
    Py_DECREF(keys);
    return result;
}

/* ---- methods ---- */

static int change_by_all(PyObject *set, PyObject *others, change *operation)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(others); i++) {
        if (operation(set, PyTuple_GET_ITEM(others, i)) < 0)
            return -1;
    }
    return 0;
}

static PyObject *change_set(PyObject *set, PyObject *others, change *operation)
{
    if (stm__transaction(changing) == NULL ||
        change_by_all(set, others, operation) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *change_copy(PyObject *set, PyObject *others, change *operation)
{
    PyObject *copy = stm__tset_copy(set, NULL);

    if (copy != NULL && change_by_all(copy, others, operation) < 0)
        Py_CLEAR(copy);
    return copy;
}

PyObject *stm__tset_update(PyObject *object, PyObject *others)
{
    return change_set(object, others, stm__tset_put_all);
}

PyObject *stm__tset_intersection_update(PyObject *object, PyObject *others)
{
    return change_set(object, others, intersect);
}

PyObject *stm__tset_difference_update(PyObject *object, PyObject *others)
{
    return change_set(object, others, subtract);
}

PyObject *stm__tset_symmetric_difference_update(PyObject *object,
                                                PyObject *other)
{
    if (stm__transaction(changing) == NULL || exclude(object, other) < 0)
        return NULL;
    Py_RETURN_NONE;
}

PyObject *stm__tset_union(PyObject *object, PyObject *others)
{
    return change_copy(object, others, stm__tset_put_all);
}

PyObject *stm__tset_intersection(PyObject *object, PyObject *others)
{
    return change_copy(object, others, intersect);
}

PyObject *stm__tset_difference(PyObject *object, PyObject *others)
{
    return change_copy(object, others, subtract);
}

PyObject *stm__tset_symmetric_difference(PyObject *object, PyObject *other)
{
    PyObject *copy = stm__tset_copy(object, NULL);

    if (copy != NULL && exclude(copy, other) < 0)
        Py_CLEAR(copy);
    return copy;
}

/* ---- operators, which take only what is like a set ---- */

static PyObject *operate(PyObject *left, PyObject *right, change *operation)
{
    struct stm__state *state = stm__state_of_either(left, right);
    PyObject *result;

    if (!stm__is_set_like(state, left) || !stm__is_set_like(state, right))
        Py_RETURN_NOTIMPLEMENTED;
    if (stm__transaction("an operator of a TSet") == NULL)
        return NULL;
    result = stm__tset_new(state);
    if (result != NULL &&
        (stm__tset_put_all(result, left) < 0 || operation(result, right) < 0))
        Py_CLEAR(result);
    return result;
}

static PyObject *operate_in_place(PyObject *object, PyObject *other,
                                  change *operation)
{
    if (!stm__is_set_like(stm__state_of(object), other))
        Py_RETURN_NOTIMPLEMENTED;
    if (stm__transaction(changing) == NULL || operation(object, other) < 0)
        return NULL;
    return Py_NewRef(object);
}

PyObject *stm__tset_or(PyObject *left, PyObject *right)
{
    return operate(left, right, stm__tset_put_all);
}

PyObject *stm__tset_and(PyObject *left, PyObject *right)
{
    return operate(left, right, intersect);
}

PyObject *stm__tset_subtract(PyObject *left, PyObject *right)
{
    return operate(left, right, subtract);
}

PyObject *stm__tset_xor(PyObject *left, PyObject *right)
{
    return operate(left, right, exclude);
}

PyObject *stm__tset_inplace_or(PyObject *object, PyObject *other)
{
    return operate_in_place(object, other, stm__tset_put_all);
}

PyObject *stm__tset_inplace_and(PyObject *object, PyObject *other)
{
    return operate_in_place(object, other, intersect);
}

PyObject *stm__tset_inplace_subtract(PyObject *object, PyObject *other)
{
    return operate_in_place(object, other, subtract);
}

PyObject *stm__tset_inplace_xor(PyObject *object, PyObject *other)
{
    return operate_in_place(object, other, exclude);
}
