/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* What a TDict and a TSet do as a whole, which is done on a snapshot. */

#include "keyed-internal.h"

/* ---- snapshots ---- */

struct stm_map *stm__keyed_snapshot(PyObject *object,
                                    const struct stm__keyed *kind,
                                    const char *what)
{
    struct stm_tx *tx = stm__transaction(what);
    enum stm_status status;
    struct stm_map *map;

    if (tx == NULL)
        return NULL;
    status = kind->snapshot(tx, object, &map);
    if (status == STM_OK)
        return map;
    (void)stm__raise(stm__state_of(object), status);
    return NULL;
}

struct snapshot {
    PyObject *object;
    const struct stm__keyed *kind;
    struct stm_map *map;
};

static enum stm_status snapshot_body(struct stm_tx *tx, void *argument)
{
    struct snapshot *snapshot = argument;

    if (snapshot->map != NULL)
        stm_map_release(snapshot->map);
    snapshot->map = NULL;
    return snapshot->kind->snapshot(tx, snapshot->object, &snapshot->map);
}

struct stm_map *stm__keyed_snapshot_anywhere(PyObject *object,
                                             const struct stm__keyed *kind)
{
    struct snapshot snapshot = {.object = object, .kind = kind};

    if (stm__call_run(stm__state_of(object), snapshot_body, &snapshot) == 0)
        return snapshot.map;
    if (snapshot.map != NULL)
        stm_map_release(snapshot.map);
    return NULL;
}

/* ---- iterating ---- */

static PyObject *iterate(PyObject *object, const struct stm__keyed *kind,
                         bool reversed)
{
    struct stm_map *map = stm__keyed_snapshot(
        object, kind, reversed ? kind->reversed : kind->iter);

    if (map == NULL)
        return NULL;
    return stm__map_iterator_new(stm__state_of(object), map, STM__KEYS,
                                 reversed);
}

PyObject *stm__keyed_iter(PyObject *object, const struct stm__keyed *kind)
{
    return iterate(object, kind, false);
}

PyObject *stm__keyed_reversed(PyObject *object, const struct stm__keyed *kind)
{
    return iterate(object, kind, true);
}

/* ---- printing ---- */

static PyObject *repr_at(const struct stm_map *map, size_t index,
                         enum stm__part part)
{
    stm_value key, value;

    if (part == STM__KEYS) {
        stm_map_at(map, index, &key, NULL);
        return PyObject_Repr((PyObject *)key);
    }
    stm_map_at(map, index, &key, &value);
    return PyUnicode_FromFormat("%R: %R", (PyObject *)key, (PyObject *)value);
}

/* "a, b" or "a: 1, b: 2". */
static PyObject *join(const struct stm_map *map, enum stm__part part)
{
    size_t length = stm_map_length(map);
    PyObject *texts = PyList_New((Py_ssize_t)length);
    PyObject *comma, *result = NULL;

    for (size_t i = 0; texts != NULL && i < length; i++) {
        PyObject *text = repr_at(map, i, part);

        if (text == NULL)
            Py_CLEAR(texts);
        else
            PyList_SET_ITEM(texts, (Py_ssize_t)i, text);
    }
    if (texts == NULL)
        return NULL;
    comma = PyUnicode_FromString(", ");
    if (comma != NULL)
        result = PyUnicode_Join(comma, texts);
    Py_XDECREF(comma);
    Py_DECREF(texts);
    return result;
}

/* "TSet({1, 2})" or "TDict({1: 2})". */
static PyObject *repr_of(PyObject *object, const struct stm_map *map,
                         enum stm__part part)
{
    PyObject *text, *result;

    if (part == STM__KEYS && stm_map_length(map) == 0)
        return PyUnicode_FromFormat("%s()", stm__short_name(object));
    text = join(map, part); /* which may rename the class */
    if (text == NULL)
        return NULL;
    result = PyUnicode_FromFormat("%s({%U})", stm__short_name(object), text);
    Py_DECREF(text);
    return result;
}

static PyObject *repr_now(PyObject *object, const struct stm__keyed *kind)
{
    struct stm_map *map = stm__keyed_snapshot_anywhere(object, kind);
    PyObject *result;

    if (map == NULL)
        return NULL;
    result = repr_of(object, map, kind->shown);
    stm_map_release(map);
    return result;
}

PyObject *stm__keyed_repr(PyObject *object, const struct stm__keyed *kind)
{
    PyObject *result;
    int nested = Py_ReprEnter(object);

    if (nested < 0)
        return NULL;
    if (nested > 0)
        return PyUnicode_FromFormat(kind->within_itself,
                                    stm__short_name(object));
    result = repr_now(object, kind);
    Py_ReprLeave(object);
    return result;
}
