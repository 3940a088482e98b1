/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Python objects as the keys of the library's maps, and what TDict and TSet
 * have in common.
 *
 * Where a key's __hash__ or __eq__ raises, the exception stays set while
 * STM__KEY_RAISED passes through the library, which calls nothing of Python's
 * on that way; only a body has to put it aside, since its attempt is undone
 * behind it: stm__key_failed. */

#include "keyed-internal.h"

static enum stm_status hash_key(stm_value key, uint64_t *out)
{
    Py_hash_t hash = PyObject_Hash((PyObject *)key);

    if (hash == -1)
        return STM__KEY_RAISED;
    *out = (uint64_t)hash;
    return STM_OK;
}

/* The map keeps its key to the end of the attempt, so that the reference which
 * is given back here is not the last one. */
static enum stm_status equal_keys(stm_value contained, stm_value key, bool *out)
{
    PyObject *own = Py_NewRef((PyObject *)contained);
    int equal = PyObject_RichCompareBool(own, (PyObject *)key, Py_EQ);

    Py_DECREF(own);
    if (equal < 0)
        return STM__KEY_RAISED;
    *out = equal;
    return STM_OK;
}

/* Integers that a long holds; of others nothing is told. */
static bool tell_integers(PyObject *left, PyObject *right, bool *out)
{
    int left_over, right_over;
    long one = PyLong_AsLongAndOverflow(left, &left_over);
    long other = PyLong_AsLongAndOverflow(right, &right_over);

    *out = one == other;
    return left_over == 0 && right_over == 0;
}

/* Plain strings and integers, whose comparison runs no user's code and cannot
 * fail. */
static bool tell_keys(stm_value contained, stm_value key, bool *out)
{
    PyObject *left = (PyObject *)contained, *right = (PyObject *)key;

    if (PyUnicode_CheckExact(left) && PyUnicode_CheckExact(right)) {
        *out = PyUnicode_GET_LENGTH(left) == PyUnicode_GET_LENGTH(right) &&
               PyUnicode_Compare(left, right) == 0;
        return true;
    }
    return PyLong_CheckExact(left) && PyLong_CheckExact(right) &&
           tell_integers(left, right, out);
}

const struct stm_key_type stm__keys = {
    .type = &stm__object_type,
    .hash = hash_key,
    .equal = equal_keys,
    .tell = tell_keys,
};

struct stm__state *stm__state_of_either(PyObject *left, PyObject *right)
{
    PyObject *module = PyType_GetModuleByDef(Py_TYPE(left), &stm__module);

    if (module != NULL)
        return stm__state(module);
    PyErr_Clear();
    return stm__state_of(right);
}

void stm__raise_missing(PyObject *key)
{
    PyObject *args = PyTuple_Pack(1, key); /* the key may be a tuple itself */

    if (args == NULL)
        return;
    PyErr_SetObject(PyExc_KeyError, args);
    Py_DECREF(args);
}

PyObject *stm__raise_key(PyObject *self, enum stm_status status, PyObject *key)
{
    if (status == STM_ENOTFOUND)
        stm__raise_missing(key);
    else if (status != STM__KEY_RAISED)
        (void)stm__raise(stm__state_of(self), status);
    return NULL;
}

enum stm_status stm__key_failed(struct stm_tx *tx, enum stm_status status)
{
    return status == STM__KEY_RAISED ? stm__call_failed(tx) : status;
}

PyObject *stm__part_at(const struct stm_map *map, size_t index,
                       enum stm__part part)
{
    stm_value key, value;

    stm_map_at(map, index, &key, part == STM__KEYS ? NULL : &value);
    switch (part) {
    case STM__KEYS:
        return Py_NewRef((PyObject *)key);
    case STM__VALUES:
        return Py_NewRef((PyObject *)value);
    case STM__ITEMS:
        break;
    }
    return PyTuple_Pack(2, (PyObject *)key, (PyObject *)value);
}

PyObject *stm__parts(const struct stm_map *map, enum stm__part part)
{
    size_t length = stm_map_length(map);
    PyObject *parts = PyList_New((Py_ssize_t)length);

    for (size_t i = 0; parts != NULL && i < length; i++) {
        PyObject *item = stm__part_at(map, i, part);

        if (item == NULL)
            Py_CLEAR(parts);
        else
            PyList_SET_ITEM(parts, (Py_ssize_t)i, item);
    }
    return parts;
}

/* ---- copying and pickling ---- */

PyObject *stm__keyed_reduce(PyObject *object, PyObject *contents)
{
    PyObject *copyreg = PyImport_ImportModule("copyreg");
    PyObject *make = NULL, *state = NULL, *result = NULL;

    if (copyreg != NULL)
        make = PyObject_GetAttrString(copyreg, "__newobj__");
    if (make != NULL)
        state = PyObject_CallMethod(object, "__getstate__", NULL);
    if (state != NULL)
        result = Py_BuildValue("O(O)(OO)", make, (PyObject *)Py_TYPE(object),
                               contents, state);
    Py_XDECREF(copyreg);
    Py_XDECREF(make);
    Py_XDECREF(state);
    return result;
}

static int set_attributes(PyObject *object, PyObject *attributes)
{
    PyObject *name, *value;
    Py_ssize_t place = 0;

    while (PyDict_Next(attributes, &place, &name, &value)) {
        if (PyObject_SetAttr(object, name, value) < 0)
            return -1;
    }
    return 0;
}

int stm__keyed_set_attributes(PyObject *object, PyObject *state)
{
    PyObject *attributes = state, *in_slots = Py_None, *own;
    int result = 0;

    if (PyTuple_Check(state) &&
        !PyArg_ParseTuple(state, "OO", &attributes, &in_slots))
        return -1;
    if (attributes != Py_None) {
        own = PyObject_GetAttrString(object, "__dict__");
        if (own == NULL)
            return -1;
        result = PyDict_Update(own, attributes);
        Py_DECREF(own);
    }
    if (result < 0 || in_slots == Py_None)
        return result;
    if (PyDict_Check(in_slots))
        return set_attributes(object, in_slots);
    PyErr_SetString(PyExc_TypeError, "expected the attributes as a dict");
    return -1;
}
