/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TList: what compares items or moves them all.  It is done on a Python list of
 * the items, by the methods of that, so that it is done as the built-in does
 * it, and so that whatever the items' own methods do meets no structure of the
 * library's half changed. */

#include "module-internal.h"

static struct stm_tlist *list_of(PyObject *object)
{
    return ((struct stm__tlist *)object)->list;
}

/* The items as a new Python list; `what` names the operation in the error. */
static PyObject *items_of(PyObject *object, const char *what)
{
    struct stm_tx *tx = stm__transaction(what);
    enum stm_status status;
    struct stm_seq *seq;
    PyObject *items;

    if (tx == NULL)
        return NULL;
    status = stm_tlist_snapshot(tx, list_of(object), &seq);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    items = stm__seq_as_list(seq);
    stm_seq_release(seq);
    return items;
}

int stm__tlist_contains(PyObject *object, PyObject *item)
{
    PyObject *items = items_of(object, "a look into a TList");
    int result;

    if (items == NULL)
        return -1;
    result = PySequence_Contains(items, item);
    Py_DECREF(items);
    return result;
}

PyObject *stm__tlist_compare(PyObject *object, PyObject *other, int operator)
{
    struct stm__state *state = stm__state_of(object);
    PyObject *left, *right, *result = NULL;

    if (!PyObject_TypeCheck(other, state->tlist) && !PyList_Check(other))
        Py_RETURN_NOTIMPLEMENTED;
    left = items_of(object, "a comparison of TLists");
    if (left == NULL)
        return NULL;
    right = PyList_Check(other) ? Py_NewRef(other)
                                : items_of(other, "a comparison of TLists");
    if (right != NULL)
        result = PyObject_RichCompare(left, right, operator);
    Py_DECREF(left);
    Py_XDECREF(right);
    return result;
}

/* ---- by value ---- */

/* Calls a method of the built-in list on the items. */
static PyObject *ask_items(PyObject *object, const char *what,
                           const char *method, PyObject *args)
{
    PyObject *items = items_of(object, what);
    PyObject *function, *result = NULL;

    if (items == NULL)
        return NULL;
    function = PyObject_GetAttrString(items, method);
    if (function != NULL)
        result = PyObject_CallObject(function, args);
    Py_XDECREF(function);
    Py_DECREF(items);
    return result;
}

PyObject *stm__tlist_index(PyObject *object, PyObject *args)
{
    return ask_items(object, "TList.index()", "index", args);
}

PyObject *stm__tlist_count(PyObject *object, PyObject *args)
{
    return ask_items(object, "TList.count()", "count", args);
}

/* What the items' == did to the list meanwhile is the user's affair. */
PyObject *stm__tlist_remove(PyObject *object, PyObject *item)
{
    PyObject *items = items_of(object, "TList.remove()");
    enum stm_status status;
    Py_ssize_t index;

    if (items == NULL)
        return NULL;
    index = PySequence_Index(items, item);
    Py_DECREF(items);
    if (index < 0)
        return NULL;
    status =
        stm_tlist_remove(stm_current(), list_of(object), (size_t)index, NULL);
    if (status != STM_OK)
        return stm__raise_index(stm__state_of(object), status,
                                "TList changed size during remove()");
    Py_RETURN_NONE;
}

/* ---- in order ---- */

/* Changes the items by a method of the built-in list and puts them back. */
static PyObject *rearrange(PyObject *object, const char *what,
                           const char *method, PyObject *args, PyObject *kwargs)
{
    PyObject *items = items_of(object, what);
    PyObject *function, *result = NULL;
    enum stm_status status;

    if (items == NULL)
        return NULL;
    function = PyObject_GetAttrString(items, method);
    if (function != NULL)
        result = PyObject_Call(function, args, kwargs);
    Py_XDECREF(function);
    if (result != NULL) {
        status = stm__tlist_replace(stm_current(), list_of(object), 0,
                                    (size_t)PyList_GET_SIZE(items), items);
        if (status != STM_OK) {
            Py_CLEAR(result);
            (void)stm__raise_index(stm__state_of(object), status,
                                   "TList changed size meanwhile");
        }
    }
    Py_DECREF(items);
    return result;
}

PyObject *stm__tlist_sort(PyObject *object, PyObject *args, PyObject *kwargs)
{
    return rearrange(object, "TList.sort()", "sort", args, kwargs);
}

PyObject *stm__tlist_reverse(PyObject *object, PyObject *args)
{
    return rearrange(object, "TList.reverse()", "reverse", args, NULL);
}

PyObject *stm__tlist_reversed(PyObject *object, PyObject *unused)
{
    PyObject *items = items_of(object, "reversed() of a TList");
    PyObject *result;

    (void)unused;
    if (items == NULL)
        return NULL;
    result = PyObject_CallMethod(items, "__reversed__", NULL);
    Py_DECREF(items);
    return result;
}
