/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TList: how one comes to be: made by its class, by pickle, or by copy. */

#include "tlist-internal.h"

static struct stm_tlist *list_of(PyObject *object)
{
    return ((struct stm__tlist *)object)->list;
}

/* ---- making ---- */

/* Takes the list; NULL: there was no memory for one. */
static PyObject *wrap(PyTypeObject *type, struct stm_tlist *list)
{
    struct stm__tlist *self;

    if (list == NULL)
        return PyErr_NoMemory();
    self = (struct stm__tlist *)type->tp_alloc(type, 0);
    if (self == NULL)
        stm_tlist_release(list);
    else
        self->list = list;
    return (PyObject *)self;
}

PyObject *stm__tlist_new(struct stm__state *state)
{
    return wrap(state->tlist, stm_tlist_new(&stm__object_type));
}

PyObject *stm__tlist_of(struct stm__state *state, struct stm_seq *items)
{
    return wrap(state->tlist, stm_tlist_new_of(items));
}

PyObject *stm__tlist_make(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    return wrap(type, stm_tlist_new(&stm__object_type));
}

struct fill {
    struct stm_tlist *list;
    struct stm_seq *items;
};

static enum stm_status fill_body(struct stm_tx *tx, void *argument)
{
    const struct fill *fill = argument;
    size_t length = 1;

    if (stm_seq_length(fill->items) == 0) /* a new list stays unwritten */
        STM_TRY(stm_tlist_length(tx, fill->list, &length));
    return length == 0 ? STM_OK : stm_tlist_assign(tx, fill->list, fill->items);
}

/* Makes a list hold what a sequence holds, also where no transaction runs. */
static int fill_with(PyObject *object, struct stm_seq *items)
{
    struct fill fill = {.list = list_of(object), .items = items};
    struct stm_tx *tx = stm_current();
    enum stm_status status;

    if (tx != NULL) {
        status = fill_body(tx, &fill);
        if (status != STM_OK)
            (void)stm__raise(stm__state_of(object), status);
        return status == STM_OK ? 0 : -1;
    }
    return stm__call_run(stm__state_of(object), fill_body, &fill);
}

/* What a list is to hold: the items of `values` (NULL: none). */
static struct stm_seq *initial(struct stm__state *state, PyObject *values)
{
    struct stm_seq *items;

    if (values != NULL)
        return stm__tlist_sequence(state, values);
    items = stm_seq_new(&stm__object_type, NULL, 0);
    if (items == NULL)
        PyErr_NoMemory();
    return items;
}

int stm__tlist_fill_anew(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"initial_values", NULL};
    PyObject *values = NULL;
    struct stm_seq *items;
    int result;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:TList", keywords,
                                     &values))
        return -1;
    items = initial(stm__state_of(object), values);
    if (items == NULL)
        return -1;
    result = fill_with(object, items);
    stm_seq_release(items);
    return result;
}

/* Of what nobody else has nothing need be written: no transaction is run. */
PyObject *stm__tlist_call(PyObject *type, PyObject *const *args, size_t flags,
                          PyObject *names)
{
    struct stm__state *state = PyType_GetModuleState((PyTypeObject *)type);
    Py_ssize_t named = names != NULL ? PyTuple_GET_SIZE(names) : 0;
    Py_ssize_t count = PyVectorcall_NARGS(flags) + named;
    struct stm_seq *items;
    PyObject *list;

    if (count > 1 || (named == 1 &&
                      PyUnicode_CompareWithASCIIString(
                          PyTuple_GET_ITEM(names, 0), "initial_values") != 0)) {
        PyErr_SetString(PyExc_TypeError,
                        "TList() takes at most one argument, initial_values, "
                        "not others");
        return NULL;
    }
    if (count == 0)
        return stm__tlist_new(state);
    items = stm__tlist_sequence(state, args[0]);
    if (items == NULL)
        return NULL;
    list = stm__tlist_of(state, items);
    stm_seq_release(items);
    return list;
}

/* ---- pickle and copy ---- */

static PyObject *call_method(PyObject *object, const char *name)
{
    PyObject *method = PyObject_GetAttrString(object, name), *result;

    if (method == NULL)
        return NULL;
    result = PyObject_CallNoArgs(method);
    Py_DECREF(method);
    return result;
}

/* What pickle and copy call with a class to have it make an empty object. */
static PyObject *import_builder(void)
{
    PyObject *module = PyImport_ImportModule("copyreg"), *builder;

    if (module == NULL)
        return NULL;
    builder = PyObject_GetAttrString(module, "__newobj__");
    Py_DECREF(module);
    return builder;
}

/* Built by the class alone, without __init__(), as the built-in list is, and
 * then filled, so that a list may contain itself. */
PyObject *stm__tlist_reduce(PyObject *object, PyObject *unused)
{
    struct stm_seq *seq = stm__tlist_snapshot(object, "TList.__reduce__()");
    PyObject *items, *builder, *attributes = NULL, *result = NULL;

    (void)unused;
    if (seq == NULL)
        return NULL;
    items = stm__seq_as_list(seq);
    stm_seq_release(seq);
    builder = items != NULL ? import_builder() : NULL;
    if (builder != NULL)
        attributes = call_method(object, "__getstate__");
    if (attributes != NULL)
        result = Py_BuildValue("O(O)(OO)", builder, Py_TYPE(object), items,
                               attributes);
    Py_XDECREF(items);
    Py_XDECREF(builder);
    Py_XDECREF(attributes);
    return result;
}

static int set_attributes(PyObject *object, PyObject *names)
{
    PyObject *name, *value;
    Py_ssize_t at = 0;

    while (PyDict_Next(names, &at, &name, &value)) {
        int result;

        Py_INCREF(name);
        Py_INCREF(value);
        result = PyObject_SetAttr(object, name, value);
        Py_DECREF(name);
        Py_DECREF(value);
        if (result < 0)
            return -1;
    }
    return 0;
}

/* What object.__getstate__() returned: None, a dictionary of attributes, or a
 * pair of one, or None, and that of the slots. */
static int restore_attributes(PyObject *object, PyObject *state)
{
    PyObject *part[2] = {state, Py_None};

    if (PyTuple_Check(state) &&
        !PyArg_ParseTuple(state, "OO:__setstate__", &part[0], &part[1]))
        return -1;
    for (int i = 0; i < 2; i++) {
        if (part[i] == Py_None)
            continue;
        if (!PyDict_Check(part[i])) {
            PyErr_Format(PyExc_TypeError,
                         "expected the attributes as a dict, not %.200s",
                         Py_TYPE(part[i])->tp_name);
            return -1;
        }
        if (set_attributes(object, part[i]) < 0)
            return -1;
    }
    return 0;
}

PyObject *stm__tlist_setstate(PyObject *object, PyObject *state)
{
    PyObject *items, *attributes;
    struct stm_seq *seq;
    int result;

    if (!PyArg_Parse(state, "(O!O):__setstate__", &PyList_Type, &items,
                     &attributes))
        return NULL;
    seq = stm__tlist_sequence(stm__state_of(object), items);
    if (seq == NULL)
        return NULL;
    result = fill_with(object, seq);
    stm_seq_release(seq);
    if (result < 0 || restore_attributes(object, attributes) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* Of a subclass: what its attributes are is copied, too. */
static PyObject *copy_subclass(PyObject *object, struct stm_seq *seq)
{
    PyObject *type = (PyObject *)Py_TYPE(object);
    PyObject *copy = PyObject_CallMethod(type, "__new__", "O", type);
    PyObject *attributes = NULL;
    enum stm_status status;

    if (copy != NULL &&
        !PyObject_TypeCheck(copy, stm__state_of(object)->tlist)) {
        PyErr_SetString(PyExc_TypeError, "expected __new__() to make a TList");
        Py_CLEAR(copy);
    }
    if (copy == NULL)
        return NULL;
    status = stm_tlist_assign(stm_current(), list_of(copy), seq);
    if (status == STM_OK)
        attributes = call_method(object, "__getstate__");
    else
        (void)stm__raise(stm__state_of(object), status);
    if (attributes == NULL || restore_attributes(copy, attributes) < 0)
        Py_CLEAR(copy);
    Py_XDECREF(attributes);
    return copy;
}

PyObject *stm__tlist_shallow(PyObject *object, PyObject *unused)
{
    struct stm_seq *seq;
    PyObject *copy;

    if (Py_TYPE(object) == stm__state_of(object)->tlist)
        return stm__tlist_copy(object, unused);
    seq = stm__tlist_snapshot(object, "copy.copy() of a TList");
    if (seq == NULL)
        return NULL;
    copy = copy_subclass(object, seq);
    stm_seq_release(seq);
    return copy;
}
