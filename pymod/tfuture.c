/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TFuture. */

#include "module-internal.h"

struct future {
    PyObject_HEAD struct stm_tfuture *future;
    PyObject *weakrefs;
};

static struct stm_tfuture *future_of(PyObject *object)
{
    return ((struct future *)object)->future;
}

/* ---- ending it ---- */

static PyObject *future_set_result(PyObject *object, PyObject *result)
{
    struct stm_tx *tx = stm__transaction("TFuture.set_result()");
    enum stm_status status;

    if (tx == NULL)
        return NULL;
    status = stm_tfuture_set(tx, future_of(object), (stm_value)result);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    Py_RETURN_NONE;
}

static PyObject *future_set_exception(PyObject *object, PyObject *exception)
{
    struct stm_tx *tx = stm__transaction("TFuture.set_exception()");
    enum stm_status status;
    PyObject *cause;

    if (tx == NULL)
        return NULL;
    cause = stm__cause_new(exception);
    if (cause == NULL)
        return NULL;
    status =
        stm_tfuture_fail(tx, future_of(object), STM__RAISED, (stm_value)cause);
    stm__discard(cause);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    Py_RETURN_NONE;
}

/* ---- asking ---- */

/* How the future ended: *cause is 0 if well. */
static enum stm_status await(struct stm_tx *tx, struct stm_tfuture *future,
                             const struct stm__patience *patience,
                             stm_value *cause)
{
    enum stm_future_state state;
    enum stm_status error;

    STM_TRY(stm_tfuture_state(tx, future, &state));
    if (state == STM_FUTURE_PENDING)
        return stm__wait_instead(tx, STM_RETRY, patience);
    return stm_tfuture_error(tx, future, &error, cause);
}

/* The common half of result() and exception(): 0 or -1 with an exception. */
static int await_end(PyObject *object, struct stm_tx *tx, PyObject *args,
                     PyObject *kwargs, const char *format, stm_value *cause)
{
    static char *keywords[] = {"timeout", NULL};
    PyObject *seconds = Py_None;
    struct stm__patience patience;
    enum stm_status status;

    if (tx == NULL ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, format, keywords,
                                     &seconds) ||
        stm__patience_init(&patience, 1, seconds) < 0)
        return -1;
    status = await(tx, future_of(object), &patience, cause);
    if (status == STM_OK)
        return 0;
    (void)stm__raise(stm__state_of(object), status);
    return -1;
}

static PyObject *future_result(PyObject *object, PyObject *args,
                               PyObject *kwargs)
{
    struct stm_tx *tx = stm__transaction("TFuture.result()");
    enum stm_status status;
    stm_value cause, result;

    if (await_end(object, tx, args, kwargs, "|O:result", &cause) < 0)
        return NULL;
    if (cause != 0)
        return stm__cause_raise((PyObject *)cause);
    status = stm_tfuture_get(tx, future_of(object), &result);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    return Py_NewRef((PyObject *)result);
}

static PyObject *future_exception(PyObject *object, PyObject *args,
                                  PyObject *kwargs)
{
    struct stm_tx *tx = stm__transaction("TFuture.exception()");
    stm_value cause;

    if (await_end(object, tx, args, kwargs, "|O:exception", &cause) < 0)
        return NULL;
    if (cause == 0)
        Py_RETURN_NONE;
    return Py_NewRef(PyTuple_GET_ITEM((PyObject *)cause, 0));
}

static PyObject *future_done(PyObject *object, PyObject *unused)
{
    struct stm_tx *tx = stm__transaction("TFuture.done()");
    enum stm_future_state state;
    enum stm_status status;

    (void)unused;
    if (tx == NULL)
        return NULL;
    status = stm_tfuture_state(tx, future_of(object), &state);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    return PyBool_FromLong(state != STM_FUTURE_PENDING);
}

struct look {
    struct stm_tfuture *future;
    enum stm_future_state state;
};

static enum stm_status look_body(struct stm_tx *tx, void *argument)
{
    struct look *look = argument;

    return stm_tfuture_state(tx, look->future, &look->state);
}

static PyObject *future_repr(PyObject *object)
{
    struct look look = {.future = future_of(object)};

    if (stm__call_run(stm__state_of(object), look_body, &look) < 0)
        return NULL;
    return PyUnicode_FromFormat("<%s at %p state=%s>", Py_TYPE(object)->tp_name,
                                object,
                                look.state == STM_FUTURE_PENDING ? "pending"
                                : look.state == STM_FUTURE_DONE  ? "done"
                                                                 : "failed");
}

/* ---- life ---- */

static PyObject *future_new(PyTypeObject *type, PyObject *args,
                            PyObject *kwargs)
{
    struct future *self = (struct future *)type->tp_alloc(type, 0);

    (void)args;
    (void)kwargs;
    if (self == NULL)
        return NULL;
    self->future = stm_tfuture_new(&stm__object_type, &stm__object_type);
    if (self->future != NULL)
        return (PyObject *)self;
    Py_DECREF(self);
    return PyErr_NoMemory();
}

static int future_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {NULL};

    (void)object;
    return PyArg_ParseTupleAndKeywords(args, kwargs, ":TFuture", keywords) ? 0
                                                                           : -1;
}

static int future_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct stm__visitor visitor = {visit, arg};

    Py_VISIT(Py_TYPE(object));
    if (future_of(object) == NULL)
        return 0;
    return stm_tfuture_traverse(future_of(object), stm__visit, &visitor);
}

static int future_clear(PyObject *object)
{
    if (future_of(object) != NULL)
        stm_tfuture_discard(future_of(object));
    return 0;
}

static void future_dealloc(PyObject *object)
{
    struct future *self = (struct future *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, future_dealloc) if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs(object);
    if (self->future != NULL)
        stm_tfuture_release(self->future);
    type->tp_free(object);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

/* ---- the type ---- */

PyDoc_STRVAR(
    future_doc,
    "TFuture()\n--\n\n"
    "A transactional future: pending, then once and for ever ended.\n\n"
    "It ends with a result or with an exception, when the transaction that\n"
    "says so commits.");

PyDoc_STRVAR(set_result_doc,
             "set_result($self, result, /)\n--\n\n"
             "End the future with a result.\n\n"
             "Raise concurrent.futures.InvalidStateError if it has ended.");

PyDoc_STRVAR(set_exception_doc,
             "set_exception($self, exception, /)\n--\n\n"
             "End the future with an exception.\n\n"
             "Raise concurrent.futures.InvalidStateError if it has ended.");

PyDoc_STRVAR(
    result_doc,
    "result($self, /, timeout=None)\n--\n\n"
    "Return the result, or raise the exception that the future ended with.\n\n"
    "While it is pending, retry; or raise Timeout after timeout seconds.");

PyDoc_STRVAR(
    exception_doc,
    "exception($self, /, timeout=None)\n--\n\n"
    "Return the exception that the future ended with, or None.\n\n"
    "While it is pending, retry; or raise Timeout after timeout seconds.");

PyDoc_STRVAR(done_doc, "done($self, /)\n--\n\n"
                       "Return whether the future has ended.");

static PyMethodDef methods[] = {
    {"set_result", future_set_result, METH_O, set_result_doc},
    {"set_exception", future_set_exception, METH_O, set_exception_doc},
    {"result", (PyCFunction)(void (*)(void))future_result,
     METH_VARARGS | METH_KEYWORDS, result_doc},
    {"exception", (PyCFunction)(void (*)(void))future_exception,
     METH_VARARGS | METH_KEYWORDS, exception_doc},
    {"done", future_done, METH_NOARGS, done_doc},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     PyDoc_STR("Futures are generic over the type of their result.")},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct future, weakrefs),
     READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)future_doc},   {Py_tp_new, future_new},
    {Py_tp_init, future_init},         {Py_tp_dealloc, future_dealloc},
    {Py_tp_traverse, future_traverse}, {Py_tp_clear, future_clear},
    {Py_tp_repr, future_repr},         {Py_tp_methods, methods},
    {Py_tp_members, members},          {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm.datatypes.TFuture",
    .basicsize = sizeof(struct future),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int stm__tfuture_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->tfuture, &spec);
}
