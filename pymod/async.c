/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* AsyncCall: the inside of atomically_async(), a transaction that an event loop
 * steps.
 *
 * Whoever wakes the call takes its ticket and leaves that in the loop's
 * Wakeups.  The library says when: while the call is blocked the ticket is the
 * waker's, and from the next attempt's beginning, or the withdrawal, it is the
 * call's again, or gone.  Then the next attempt makes another. */

#include "module-internal.h"

struct async {
    PyObject_HEAD struct stm_call *call; /* NULL: withdrawn */
    struct stm__body body;               /* its function is owned, too */
    PyObject *result;
    PyObject *wakeups;
    struct stm__ticket *ticket; /* NULL: used up */
    size_t number;              /* of the last ticket */
};

/* Called without being attached, perhaps. */
static void wake(void *context)
{
    struct async *self = context;
    struct stm__ticket *ticket = self->ticket;

    self->ticket = NULL;
    stm__ticket_push(self->wakeups, ticket);
}

static enum stm_status run_body(struct stm_tx *tx, void *context)
{
    struct async *self = context;

    if (self->ticket == NULL)
        self->ticket = stm__ticket_new(self->wakeups, &self->number);
    if (self->ticket == NULL)
        return STM_ENOMEM;
    return stm__body_run(tx, &self->body);
}

/* A call that is withdrawn inside a transaction, by a finalizer, gives up what
 * it has seen after that. */
static void withdraw(struct async *self)
{
    struct stm_call *call = self->call;

    self->call = NULL;
    stm_call_free(call);
    stm__ticket_free(self->ticket);
    self->ticket = NULL;
}

static bool is_there(const struct async *self)
{
    if (self->call != NULL)
        return true;
    PyErr_SetString(PyExc_RuntimeError, "the call has been withdrawn");
    return false;
}

static PyObject *async_step(PyObject *object, PyObject *unused)
{
    struct async *self = (struct async *)object;
    struct stm__call call;
    enum stm_status status;

    (void)unused;
    if (!is_there(self))
        return NULL;
    stm__call_begin(&call);
    status = stm_call_step(self->call);
    if (stm__call_end(&call, stm__state_of(object),
                      status == STM_BLOCKED ? STM_OK : status) < 0)
        return NULL;
    return PyLong_FromSize_t(status == STM_BLOCKED ? self->number : 0);
}

static PyObject *async_timeout(PyObject *object, PyObject *unused)
{
    struct async *self = (struct async *)object;
    enum stm_status status;
    uint64_t left;

    (void)unused;
    if (!is_there(self))
        return NULL;
    status = stm_call_deadline(self->call, &left);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    if (left == STM_FOREVER)
        Py_RETURN_NONE;
    return PyFloat_FromDouble((double)left / 1e9);
}

static PyObject *async_result(PyObject *object, PyObject *unused)
{
    struct async *self = (struct async *)object;

    (void)unused;
    if (self->result != NULL)
        return Py_NewRef(self->result);
    PyErr_SetString(PyExc_RuntimeError, "the call has not been committed");
    return NULL;
}

static PyObject *async_withdraw(PyObject *object, PyObject *unused)
{
    (void)unused;
    withdraw((struct async *)object);
    Py_RETURN_NONE;
}

static PyObject *async_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"function", "wakeups", NULL};
    struct stm__state *state;
    PyObject *function, *wakeups;
    struct async *self;

    state = stm__state(PyType_GetModuleByDef(type, &stm__module));
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO!:AsyncCall", keywords,
                                     &function, state->wakeups, &wakeups))
        return NULL;
    self = (struct async *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->body.function = Py_NewRef(function);
    self->body.result = &self->result;
    self->wakeups = Py_NewRef(wakeups);
    self->call = stm_call_new(run_body, self);
    if (self->call != NULL &&
        stm_call_on_wake(self->call, wake, self) == STM_OK)
        return (PyObject *)self;
    Py_DECREF(self);
    return PyErr_NoMemory();
}

static int async_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct async *self = (struct async *)object;
    struct stm__visitor visitor = {visit, arg};

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->body.function);
    Py_VISIT(self->result);
    Py_VISIT(self->wakeups);
    if (self->call == NULL)
        return 0;
    return stm_call_traverse(self->call, stm__visit, &visitor);
}

/* The waker needs the Wakeups until the call is withdrawn. */
static int async_clear(PyObject *object)
{
    struct async *self = (struct async *)object;
    PyObject *function = self->body.function, *result = self->result;

    withdraw(self);
    self->body.function = self->result = NULL;
    stm__discard(function);
    stm__discard(result);
    Py_CLEAR(self->wakeups);
    return 0;
}

static void async_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    (void)async_clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     PyDoc_STR("Generic over the type of the result.")},
    {"step", async_step, METH_NOARGS,
     PyDoc_STR("step($self, /)\n--\n\n"
               "Run the transaction until it commits, and return 0, or until\n"
               "it retries, and return the number by which the Wakeups will\n"
               "tell that it can go on.")},
    {"timeout", async_timeout, METH_NOARGS,
     PyDoc_STR("timeout($self, /)\n--\n\n"
               "Return how many seconds a blocked call waits at most before\n"
               "this is asked again, or None.  With 0 it can go on.")},
    {"result", async_result, METH_NOARGS,
     PyDoc_STR("result($self, /)\n--\n\n"
               "Return what the function returned.")},
    {"withdraw", async_withdraw, METH_NOARGS,
     PyDoc_STR("withdraw($self, /)\n--\n\n"
               "End the call, which waits no more.")},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"AsyncCall(function, wakeups)\n--\n\n"
                        "A transaction that an event loop steps."},
    {Py_tp_new, async_new},
    {Py_tp_dealloc, async_dealloc},
    {Py_tp_traverse, async_traverse},
    {Py_tp_clear, async_clear},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm._stm.AsyncCall",
    .basicsize = sizeof(struct async),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int stm__async_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->async, &spec);
}
