/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TDict: what deals with all keys at once.  Whatever is to be put in is made a
 * built-in dict first, unless it is a TDict, so that it has the forms and the
 * errors that dict() has, and so that the user's iterators meet no change that
 * is half made. */

#include "keyed-internal.h"

static struct stm_tdict *dict_of(PyObject *object)
{
    return ((struct stm__tdict *)object)->dict;
}

/* ---- putting in ---- */

/* Sets the keys of a dict that nobody else has. */
static enum stm_status put_dict(struct stm_tx *tx, struct stm_tdict *dict,
                                PyObject *values)
{
    PyObject *key, *value;
    Py_ssize_t place = 0;

    while (PyDict_Next(values, &place, &key, &value))
        STM_TRY(stm_tdict_set(tx, dict, (stm_value)key, (stm_value)value));
    return STM_OK;
}

/* Sets the keys of a map; all at once where there are none yet. */
static enum stm_status put_map(struct stm_tx *tx, struct stm_tdict *dict,
                               struct stm_map *map)
{
    size_t length;

    STM_TRY(stm_tdict_length(tx, dict, &length));
    if (length == 0)
        return stm_tdict_assign(tx, dict, map);
    for (size_t i = 0; i < stm_map_length(map); i++) {
        stm_value key, value;

        stm_map_at(map, i, &key, &value);
        STM_TRY(stm_tdict_set(tx, dict, key, value));
    }
    return STM_OK;
}

static int finish(PyObject *object, enum stm_status status)
{
    if (status == STM_OK)
        return 0;
    (void)stm__raise_key(object, status, NULL);
    return -1;
}

/* Sets the keys of a TDict. */
static int merge_tdict(PyObject *object, PyObject *values)
{
    struct stm_map *map = stm__tdict_snapshot(values, "TDict.update()");
    int result;

    if (map == NULL)
        return -1;
    result = finish(object, put_map(stm_current(), dict_of(object), map));
    stm_map_release(map);
    return result;
}

/* Is it a TDict that goes through its keys as all do? */
static bool is_plain(struct stm__state *state, PyObject *values)
{
    return stm__is_tdict(state, values) &&
           Py_TYPE(values)->tp_iter == state->tdict->tp_iter;
}

/* Sets the keys of any mapping or iterable of pairs. */
static int merge(PyObject *object, PyObject *values)
{
    struct stm_tx *tx = stm__transaction("TDict.update()");
    PyObject *dict;
    int result;

    if (tx == NULL)
        return -1;
    if (is_plain(stm__state_of(object), values))
        return merge_tdict(object, values);
    dict = PyObject_CallOneArg((PyObject *)&PyDict_Type, values);
    if (dict == NULL)
        return -1;
    result = finish(object, put_dict(tx, dict_of(object), dict));
    Py_DECREF(dict);
    return result;
}

static int merge_all(PyObject *object, const char *what, PyObject *args,
                     PyObject *kwargs)
{
    PyObject *values = NULL;

    if (!PyArg_UnpackTuple(args, what, 0, 1, &values) ||
        (values != NULL && merge(object, values) < 0))
        return -1;
    return kwargs == NULL ? 0 : merge(object, kwargs);
}

PyObject *stm__tdict_update(PyObject *object, PyObject *args, PyObject *kwargs)
{
    if (stm__transaction("TDict.update()") == NULL ||
        merge_all(object, "update", args, kwargs) < 0)
        return NULL;
    Py_RETURN_NONE;
}

struct fill {
    struct stm_tdict *dict;
    PyObject *values;
};

static enum stm_status fill_body(struct stm_tx *tx, void *argument)
{
    const struct fill *fill = argument;

    return stm__key_failed(tx, put_dict(tx, fill->dict, fill->values));
}

/* Sets the keys of a dict that nobody else has, in or outside a transaction. */
static int put_anywhere(PyObject *object, PyObject *values)
{
    struct fill fill = {dict_of(object), values};

    return stm__call_run(stm__state_of(object), fill_body, &fill);
}

int stm__tdict_init_items(PyObject *object, PyObject *args, PyObject *kwargs)
{
    PyObject *values;
    int result;

    if (PyTuple_GET_SIZE(args) == 0 && kwargs == NULL)
        return 0;
    if (stm_current() != NULL)
        return merge_all(object, "TDict", args, kwargs);
    values = PyObject_Call((PyObject *)&PyDict_Type, args, kwargs);
    if (values == NULL)
        return -1;
    result = put_anywhere(object, values);
    Py_DECREF(values);
    return result;
}

/* ---- new ones ---- */

static bool is_dict(struct stm__state *state, PyObject *object)
{
    return PyDict_Check(object) || stm__is_tdict(state, object);
}

PyObject *stm__tdict_or(PyObject *left, PyObject *right)
{
    struct stm__state *state = stm__state_of_either(left, right);
    PyObject *result;

    if (!is_dict(state, left) || !is_dict(state, right))
        Py_RETURN_NOTIMPLEMENTED;
    result = stm__tdict_new(state);
    if (result != NULL && (merge(result, left) < 0 || merge(result, right) < 0))
        Py_CLEAR(result);
    return result;
}

PyObject *stm__tdict_inplace_or(PyObject *object, PyObject *other)
{
    if (merge(object, other) < 0)
        return NULL;
    return Py_NewRef(object);
}

PyObject *stm__tdict_copy(PyObject *object, PyObject *unused)
{
    PyObject *copy;

    (void)unused;
    if (stm__transaction("TDict.copy()") == NULL)
        return NULL;
    copy = stm__tdict_new(stm__state_of(object));
    if (copy != NULL && merge(copy, object) < 0)
        Py_CLEAR(copy);
    return copy;
}

/* Fills a new instance of the type or a subclass. */
static int put_keys(PyObject *object, PyObject *iterable, PyObject *value)
{
    PyObject *iterator = PyObject_GetIter(iterable), *key;
    int result = 0;

    if (iterator == NULL)
        return -1;
    while (result == 0 && (key = PyIter_Next(iterator)) != NULL) {
        result = PyObject_SetItem(object, key, value);
        Py_DECREF(key);
    }
    Py_DECREF(iterator);
    return PyErr_Occurred() != NULL ? -1 : result;
}

/* A subclass may have its own __setitem__, or not even give an instance. */
PyObject *stm__tdict_fromkeys(PyObject *type, PyObject *args)
{
    PyObject *module =
        PyType_GetModuleByDef((PyTypeObject *)type, &stm__module);
    PyObject *iterable, *value = Py_None, *object, *dict;
    int result;

    if (!PyArg_UnpackTuple(args, "fromkeys", 1, 2, &iterable, &value))
        return NULL;
    object = PyObject_CallNoArgs(type);
    if (object == NULL)
        return NULL;
    if (!Py_IS_TYPE(object, stm__state(module)->tdict)) {
        result = put_keys(object, iterable, value);
    } else {
        dict = PyObject_CallMethod((PyObject *)&PyDict_Type, "fromkeys", "OO",
                                   iterable, value);
        result = dict == NULL ? -1 : put_anywhere(object, dict);
        Py_XDECREF(dict);
    }
    if (result < 0)
        Py_CLEAR(object);
    return object;
}

/* ---- comparing ---- */

/* Has the map this key with this value?  -1 with an exception. */
static int has_pair(PyObject *object, const struct stm_map *map, PyObject *key,
                    PyObject *value)
{
    stm_value found;
    enum stm_status status = stm_map_get(map, (stm_value)key, &found);

    if (status == STM_ENOTFOUND)
        return 0;
    if (status != STM_OK)
        return finish(object, status);
    return PyObject_RichCompareBool((PyObject *)found, value, Py_EQ);
}

static int equals_map(PyObject *object, const struct stm_map *map,
                      const struct stm_map *other)
{
    int result = 1;

    if (stm_map_length(map) != stm_map_length(other))
        return 0;
    for (size_t i = 0; result > 0 && i < stm_map_length(other); i++) {
        stm_value key, value;

        stm_map_at(other, i, &key, &value);
        result = has_pair(object, map, (PyObject *)key, (PyObject *)value);
    }
    return result;
}

/* The comparisons may change the dict: a copy is what is compared with. */
static int equals_dict(PyObject *object, const struct stm_map *map,
                       PyObject *other)
{
    PyObject *key, *value, *copy;
    Py_ssize_t place = 0;
    int result = 1;

    if ((Py_ssize_t)stm_map_length(map) != PyDict_GET_SIZE(other))
        return 0;
    copy = PyDict_Copy(other);
    if (copy == NULL)
        return -1;
    while (result > 0 && PyDict_Next(copy, &place, &key, &value))
        result = has_pair(object, map, key, value);
    Py_DECREF(copy);
    return result;
}

PyObject *stm__tdict_compare(PyObject *object, PyObject *other, int op)
{
    static const char what[] = "a comparison of TDicts";
    struct stm__state *state = stm__state_of(object);
    struct stm_map *map, *others;
    int result = -1;

    if ((op != Py_EQ && op != Py_NE) || !is_dict(state, other))
        Py_RETURN_NOTIMPLEMENTED;
    map = stm__tdict_snapshot(object, what);
    if (map == NULL)
        return NULL;
    if (PyDict_Check(other)) {
        result = equals_dict(object, map, other);
    } else {
        others = stm__tdict_snapshot(other, what);
        if (others != NULL) {
            result = equals_map(object, map, others);
            stm_map_release(others);
        }
    }
    stm_map_release(map);
    if (result < 0)
        return NULL;
    return PyBool_FromLong(op == Py_EQ ? result : !result);
}

/* ---- copying and pickling ---- */

PyObject *stm__tdict_shallow_copy(PyObject *object, PyObject *unused)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject *no_args, *copy = NULL, *state;

    if (type == stm__state_of(object)->tdict)
        return stm__tdict_copy(object, unused);
    state = PyObject_CallMethod(object, "__getstate__", NULL);
    if (state == NULL)
        return NULL;
    no_args = PyTuple_New(0);
    if (no_args != NULL)
        copy = stm__state_of(object)->tdict->tp_new(type, no_args, NULL);
    if (copy != NULL && (merge_tdict(copy, object) < 0 ||
                         stm__keyed_set_attributes(copy, state) < 0))
        Py_CLEAR(copy);
    Py_XDECREF(no_args);
    Py_DECREF(state);
    return copy;
}

PyObject *stm__tdict_reduce(PyObject *object, PyObject *unused)
{
    struct stm_map *map = stm__tdict_snapshot(object, "pickling a TDict");
    PyObject *values, *result = NULL;

    (void)unused;
    if (map == NULL)
        return NULL;
    values = stm__parts(map, STM__ITEMS);
    stm_map_release(map);
    if (values != NULL)
        result = stm__keyed_reduce(object, values);
    Py_XDECREF(values);
    return result;
}

PyObject *stm__tdict_setstate(PyObject *object, PyObject *state)
{
    PyObject *values, *attributes, *dict;
    int result;

    if (!PyArg_ParseTuple(state, "OO:__setstate__", &values, &attributes))
        return NULL;
    dict = PyObject_CallOneArg((PyObject *)&PyDict_Type, values);
    if (dict == NULL)
        return NULL;
    result = put_anywhere(object, dict);
    Py_DECREF(dict);
    if (result < 0 || stm__keyed_set_attributes(object, attributes) < 0)
        return NULL;
    Py_RETURN_NONE;
}
