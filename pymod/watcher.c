/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Watcher: what watch() returns, and what the library calls.
 *
 * A variable that is watched owns a reference to this object for each watcher,
 * and this object owns the two functions and the library's handle, which owns
 * nothing in turn.  So a watcher lives as long as a variable that it watches,
 * and the collector sees a circle from a variable by its watcher back to
 * itself. */

#include "module-internal.h"

struct watcher {
    PyObject_HEAD struct stm_watcher *handle;
    PyObject *function; /* NULL after the collector's visit, like callback */
    PyObject *callback;
    PyObject *weakrefs;
};

static enum stm_status run_function(struct stm_tx *tx, stm_value argument,
                                    stm_value *result)
{
    struct watcher *self = (struct watcher *)argument;
    PyObject *function = self->function;
    PyObject *value;
    enum stm_status status;

    if (function == NULL) {
        *result = (stm_value)Py_NewRef(Py_None);
        return STM_OK;
    }
    Py_INCREF(function);
    value = PyObject_CallNoArgs(function);
    Py_DECREF(function);
    if (value == NULL)
        return stm__call_failed(tx);
    status = stm_tx_status(tx);
    if (status == STM_OK)
        *result = (stm_value)value;
    else
        stm__discard(value);
    return status;
}

static enum stm_status run_callback(struct stm_tx *tx, stm_value argument,
                                    stm_value result)
{
    struct watcher *self = (struct watcher *)argument;
    PyObject *callback = self->callback;
    PyObject *value;

    if (callback == NULL)
        return STM_OK;
    Py_INCREF(callback);
    value = PyObject_CallOneArg(callback, (PyObject *)result);
    Py_DECREF(callback);
    if (value == NULL)
        return stm__call_failed(tx);
    Py_DECREF(value);
    return stm_tx_status(tx);
}

/* The name under which errors speak of the watcher, or NULL: a new reference,
 * and *utf8 inside it. */
static PyObject *name_of(PyObject *function, const char **utf8)
{
    PyObject *name = PyObject_GetAttrString(function, "__qualname__");

    *utf8 = NULL;
    if (name != NULL && PyUnicode_Check(name))
        *utf8 = PyUnicode_AsUTF8(name);
    if (*utf8 == NULL)
        PyErr_Clear();
    return name;
}

static enum stm_status register_watcher(struct stm_tx *tx, struct watcher *self)
{
    struct stm_watch watch = {
        .function = run_function,
        .callback = run_callback,
        .result_type = &stm__object_type,
        .argument = (stm_value)self,
        .argument_type = &stm__object_type,
    };
    PyObject *name = name_of(self->function, &watch.name);
    enum stm_status status = stm_watch(tx, &watch, &self->handle);

    Py_XDECREF(name);
    return status;
}

static PyObject *watch(PyObject *module, PyObject *args)
{
    struct stm_tx *tx = stm__transaction("stm.watch()");
    struct stm__state *state = stm__state(module);
    PyObject *function, *callback;
    struct watcher *self;
    enum stm_status status;

    if (tx == NULL || !PyArg_ParseTuple(args, "OO:watch", &function, &callback))
        return NULL;
    if (!PyCallable_Check(function) || !PyCallable_Check(callback)) {
        PyErr_SetString(PyExc_TypeError,
                        "watch() needs a function and a callback");
        return NULL;
    }
    self = (struct watcher *)state->watcher->tp_alloc(state->watcher, 0);
    if (self == NULL)
        return NULL;
    self->function = Py_NewRef(function);
    self->callback = Py_NewRef(callback);
    status = register_watcher(tx, self);
    if (status == STM_OK)
        return (PyObject *)self;
    stm__discard((PyObject *)self);
    return stm__raise(state, status);
}

static enum stm_status cancel_body(struct stm_tx *tx, void *argument)
{
    return stm_watcher_cancel(tx, argument);
}

static PyObject *watcher_cancel(PyObject *object, PyObject *unused)
{
    struct watcher *self = (struct watcher *)object;
    struct stm__call call;
    enum stm_status status;

    (void)unused;
    stm__call_begin(&call);
    status = stm_atomically(cancel_body, self->handle);
    if (stm__call_end(&call, stm__state_of(object), status) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *watcher_repr(PyObject *object)
{
    struct watcher *self = (struct watcher *)object;

    return PyUnicode_FromFormat("<%s of %R>", Py_TYPE(self)->tp_name,
                                self->function ? self->function : Py_None);
}

static int watcher_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct watcher *self = (struct watcher *)object;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->function);
    Py_VISIT(self->callback);
    return 0;
}

static int watcher_clear(PyObject *object)
{
    struct watcher *self = (struct watcher *)object;

    Py_CLEAR(self->function);
    Py_CLEAR(self->callback);
    return 0;
}

static void watcher_dealloc(PyObject *object)
{
    struct watcher *self = (struct watcher *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs(object);
    (void)watcher_clear(object);
    if (self->handle != NULL)
        stm_watcher_release(self->handle);
    type->tp_free(object);
    Py_DECREF(type);
}

PyDoc_STRVAR(
    watch_doc,
    "watch($module, function, callback, /)\n--\n\n"
    "Run a function now and whenever a transaction has written what it read,\n"
    "and the callback with its result, inside that transaction.");

PyMethodDef stm__watcher_functions[] = {
    {"watch", watch, METH_VARARGS, watch_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(watcher_doc,
             "A watcher, as watch() returns it.\n\n"
             "It watches for as long as what it watches exists, or until it\n"
             "is cancelled.");

PyDoc_STRVAR(
    cancel_doc,
    "cancel($self, /)\n--\n\n"
    "End the watcher, when the running transaction commits or, outside\n"
    "of one, at once.  Doing so twice is no error.");

static PyMethodDef methods[] = {
    {"cancel", watcher_cancel, METH_NOARGS, cancel_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct watcher, weakrefs),
     READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)watcher_doc},   {Py_tp_dealloc, watcher_dealloc},
    {Py_tp_traverse, watcher_traverse}, {Py_tp_clear, watcher_clear},
    {Py_tp_repr, watcher_repr},         {Py_tp_methods, methods},
    {Py_tp_members, members},           {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm.Watcher",
    .basicsize = sizeof(struct watcher),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

int stm__watcher_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->watcher, &spec);
}
