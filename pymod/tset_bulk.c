/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TSet: what fills one with the keys of another or of an iterable, and copies
 * and pickles it. */

#include "keyed-internal.h"

static struct stm_tset *set_of(PyObject *object)
{
    return ((struct stm__tset *)object)->set;
}

/* ---- filling ---- */

static enum stm_status put_map(struct stm_tx *tx, struct stm_tset *set,
                               struct stm_map *map)
{
    size_t length;

    STM_TRY(stm_tset_length(tx, set, &length));
    if (length == 0)
        return stm_tset_assign(tx, set, map);
    for (size_t i = 0; i < stm_map_length(map); i++) {
        stm_value key;

        stm_map_at(map, i, &key, NULL);
        STM_TRY(stm_tset_add(tx, set, key, NULL));
    }
    return STM_OK;
}

static int put_tset(PyObject *object, PyObject *other)
{
    struct stm_map *map = stm__tset_snapshot(other, "TSet.update()");
    enum stm_status status;

    if (map == NULL)
        return -1;
    status = put_map(stm_current(), set_of(object), map);
    stm_map_release(map);
    if (status == STM_OK)
        return 0;
    (void)stm__raise_key(object, status, NULL);
    return -1;
}

int stm__tset_put_all(PyObject *object, PyObject *keys)
{
    if (stm__is_tset(stm__state_of(object), keys))
        return put_tset(object, keys);
    return stm__tset_for_each(object, keys, stm__tset_put);
}

struct fill {
    struct stm_tset *set;
    PyObject *keys; /* a dict that nobody else has */
};

static enum stm_status fill(struct stm_tx *tx, const struct fill *fill)
{
    PyObject *key, *value;
    Py_ssize_t place = 0;

    STM_TRY(stm_tset_clear(tx, fill->set));
    while (PyDict_Next(fill->keys, &place, &key, &value))
        STM_TRY(stm_tset_add(tx, fill->set, (stm_value)key, NULL));
    return STM_OK;
}

static enum stm_status fill_body(struct stm_tx *tx, void *argument)
{
    return stm__key_failed(tx, fill(tx, argument));
}

/* Puts just these keys in, in or outside a transaction. */
static int fill_anywhere(PyObject *object, PyObject *keys)
{
    struct fill filled = {.set = set_of(object)};
    int result;

    filled.keys = stm__unique(keys);
    if (filled.keys == NULL)
        return -1;
    result = stm__call_run(stm__state_of(object), fill_body, &filled);
    Py_DECREF(filled.keys);
    return result;
}

PyObject *stm__unique(PyObject *iterable)
{
    return PyObject_CallMethod((PyObject *)&PyDict_Type, "fromkeys", "(O)",
                               iterable);
}

int stm__tset_assign(PyObject *object, PyObject *other)
{
    struct stm_map *map = stm__tset_snapshot(other, "TSet()");
    enum stm_status status;

    if (map == NULL)
        return -1;
    status = stm_tset_assign(stm_current(), set_of(object), map);
    stm_map_release(map);
    if (status == STM_OK)
        return 0;
    (void)stm__raise(stm__state_of(object), status);
    return -1;
}

static enum stm_status empty_body(struct stm_tx *tx, void *set)
{
    size_t length;

    STM_TRY(stm_tset_length(tx, set, &length));
    return length == 0 ? STM_OK : stm_tset_clear(tx, set);
}

int stm__tset_init_items(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"initial_items", NULL};
    PyObject *items = NULL;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:TSet", keywords, &items))
        return -1;
    if (items == NULL)
        return stm__call_run(stm__state_of(object), empty_body, set_of(object));
    if (stm__is_tset(stm__state_of(object), items))
        return stm__tset_assign(object, items);
    return fill_anywhere(object, items);
}

/* ---- copying and pickling ---- */

PyObject *stm__tset_copy(PyObject *object, PyObject *unused)
{
    PyObject *copy;

    (void)unused;
    if (stm__transaction("TSet.copy()") == NULL)
        return NULL;
    copy = stm__tset_new(stm__state_of(object));
    if (copy != NULL && stm__tset_assign(copy, object) < 0)
        Py_CLEAR(copy);
    return copy;
}

PyObject *stm__tset_shallow_copy(PyObject *object, PyObject *unused)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject *no_args, *copy = NULL, *state;

    if (type == stm__state_of(object)->tset)
        return stm__tset_copy(object, unused);
    state = PyObject_CallMethod(object, "__getstate__", NULL);
    if (state == NULL)
        return NULL;
    no_args = PyTuple_New(0);
    if (no_args != NULL)
        copy = stm__state_of(object)->tset->tp_new(type, no_args, NULL);
    if (copy != NULL && (stm__tset_assign(copy, object) < 0 ||
                         stm__keyed_set_attributes(copy, state) < 0))
        Py_CLEAR(copy);
    Py_XDECREF(no_args);
    Py_DECREF(state);
    return copy;
}

PyObject *stm__tset_reduce(PyObject *object, PyObject *unused)
{
    struct stm_map *map = stm__tset_snapshot(object, "pickling a TSet");
    PyObject *keys, *result = NULL;

    (void)unused;
    if (map == NULL)
        return NULL;
    keys = stm__parts(map, STM__KEYS);
    stm_map_release(map);
    if (keys != NULL)
        result = stm__keyed_reduce(object, keys);
    Py_XDECREF(keys);
    return result;
}

PyObject *stm__tset_setstate(PyObject *object, PyObject *state)
{
    PyObject *keys, *attributes;

    if (!PyArg_ParseTuple(state, "OO:__setstate__", &keys, &attributes) ||
        fill_anywhere(object, keys) < 0 ||
        stm__keyed_set_attributes(object, attributes) < 0)
        return NULL;
    Py_RETURN_NONE;
}
