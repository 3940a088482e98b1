/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Watcher: what watch() and invariant() return, and what the library calls.
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
    stm__ending = false;
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
    stm__ending = false;
    value = PyObject_CallOneArg(callback, (PyObject *)result);
    Py_DECREF(callback);
    if (value == NULL)
        return stm__call_failed(tx);
    stm__discard(value);
    return stm_tx_status(tx);
}

/* The name under which errors speak of the function, in UTF-8: a new reference,
 * or NULL with an exception. */
static PyObject *name_of(PyObject *function)
{
    PyObject *name = PyObject_GetAttrString(function, "__qualname__");
    PyObject *bytes;

    if (name == NULL && !PyErr_ExceptionMatches(PyExc_AttributeError))
        return NULL;
    PyErr_Clear();
    if (name == NULL || !PyUnicode_Check(name)) {
        Py_XDECREF(name);
        name = PyObject_Repr(function);
        if (name == NULL)
            return NULL;
    }
    bytes = PyUnicode_AsEncodedString(name, "utf-8", "backslashreplace");
    Py_DECREF(name);
    return bytes;
}

/* Raises what an invariant that returned this value does. */
static void refuse(PyObject *function, PyObject *value)
{
    PyObject *name = name_of(function != NULL ? function : Py_None);

    if (name == NULL)
        return;
    if (value == Py_False)
        PyErr_Format(PyExc_AssertionError, "the invariant %s does not hold",
                     PyBytes_AS_STRING(name));
    else
        PyErr_Format(PyExc_AssertionError,
                     "the invariant %s returned %R, expected None or True",
                     PyBytes_AS_STRING(name), value);
    Py_DECREF(name);
}

/* An invariant is a watcher whose result must be None or True.  The library's
 * own would keep the object in a place that several variables share, where the
 * collector does not see it. */
static enum stm_status check(struct stm_tx *tx, stm_value argument,
                             stm_value *result)
{
    struct watcher *self = (struct watcher *)argument;
    PyObject *value;

    STM_TRY(run_function(tx, argument, result));
    value = (PyObject *)*result;
    if (value == Py_None || value == Py_True)
        return STM_OK;
    refuse(self->function, value);
    stm__discard(value);
    return stm__call_failed(tx);
}

static enum stm_status check_now(struct stm_tx *tx, void *argument)
{
    stm_value result;

    STM_TRY(check(tx, (stm_value)argument, &result));
    stm__discard((PyObject *)result);
    return STM_OK;
}

static enum stm_status add_watcher(struct stm_tx *tx, struct watcher *self,
                                   const char *name)
{
    const struct stm_watch watch = {
        .function = run_function,
        .callback = run_callback,
        .result_type = &stm__object_type,
        .argument = (stm_value)self,
        .argument_type = &stm__object_type,
        .name = name,
    };

    return stm_watch(tx, &watch, &self->handle);
}

static enum stm_status add_invariant(struct stm_tx *tx, struct watcher *self,
                                     const char *name)
{
    const struct stm_watch watch = {
        .function = check,
        .result_type = &stm__object_type,
        .argument = (stm_value)self,
        .argument_type = &stm__object_type,
        .name = name,
    };

    STM_TRY(stm_atomically(check_now, self));
    return stm_watch(tx, &watch, &self->handle);
}

/* Makes a watcher and has it added to the running transaction. */
static PyObject *
make(struct stm__state *state, PyObject *function, PyObject *callback,
     enum stm_status (*add)(struct stm_tx *, struct watcher *, const char *))
{
    PyObject *name = name_of(function);
    struct watcher *self;
    struct stm__call call;
    int result;

    if (name == NULL)
        return NULL;
    self = (struct watcher *)state->watcher->tp_alloc(state->watcher, 0);
    if (self == NULL) {
        Py_DECREF(name);
        return NULL;
    }
    self->function = Py_NewRef(function);
    self->callback = Py_XNewRef(callback);
    stm__call_begin(&call);
    result = stm__call_end(&call, state,
                           add(stm_current(), self, PyBytes_AS_STRING(name)));
    Py_DECREF(name);
    if (result == 0)
        return (PyObject *)self;
    stm__discard((PyObject *)self);
    return NULL;
}

static PyObject *watch(PyObject *module, PyObject *args)
{
    PyObject *function, *callback;

    if (stm__transaction("stm.watch()") == NULL ||
        !PyArg_ParseTuple(args, "OO:watch", &function, &callback))
        return NULL;
    if (!PyCallable_Check(function) || !PyCallable_Check(callback)) {
        PyErr_SetString(PyExc_TypeError,
                        "watch() needs a function and a callback");
        return NULL;
    }
    return make(stm__state(module), function, callback, add_watcher);
}

static PyObject *invariant(PyObject *module, PyObject *function)
{
    if (stm__transaction("stm.invariant()") == NULL)
        return NULL;
    if (!PyCallable_Check(function)) {
        PyErr_SetString(PyExc_TypeError, "invariant() needs a function");
        return NULL;
    }
    return make(stm__state(module), function, NULL, add_invariant);
}

static enum stm_status cancel_body(struct stm_tx *tx, void *argument)
{
    return stm_watcher_cancel(tx, argument);
}

static PyObject *watcher_cancel(PyObject *object, PyObject *unused)
{
    struct watcher *self = (struct watcher *)object;

    (void)unused;
    if (stm__call_run(stm__state_of(object), cancel_body, self->handle) < 0)
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

PyDoc_STRVAR(
    invariant_doc,
    "invariant($module, function, /)\n--\n\n"
    "Have a function hold, now and at the end of every transaction that\n"
    "writes what it read.\n\n"
    "It holds where it returns None or True.  Where it returns something "
    "else,\n"
    "the transaction is undone and AssertionError raised; what the function\n"
    "raises itself propagates, too.  It may ask previously() for the state\n"
    "before the transaction.\n\n"
    "Return a Watcher, whose cancel() ends this.  It can be used as a\n"
    "decorator: the name becomes the Watcher.");

PyMethodDef stm__watcher_functions[] = {
    {"watch", watch, METH_VARARGS, watch_doc},
    {"invariant", invariant, METH_O, invariant_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(watcher_doc,
             "A watcher, as watch() and invariant() return it.\n\n"
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
