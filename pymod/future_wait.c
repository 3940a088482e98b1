/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Asking how a future of stm.futures stands, waiting for it, ending it. */

#include "future-internal.h"

/* ---- how it stands ---- */

struct view {
    struct stm__future *self;
    bool ended;
    enum stm_status error;
    PyObject *object; /* the result, or the cause of the error, or NULL */
};

static enum stm_status look(struct stm_tx *tx, void *argument)
{
    struct view *view = argument;
    struct stm_tfuture *outcome = stm_pool_future_outcome(view->self->future);
    enum stm_future_state state;
    stm_value value;

    stm__discard(view->object); /* of an attempt that came to nothing */
    view->object = NULL;
    STM_TRY(stm_tfuture_state(tx, outcome, &state));
    view->ended = state != STM_FUTURE_PENDING;
    if (!view->ended)
        return STM_OK;
    STM_TRY(stm_tfuture_error(tx, outcome, &view->error, &value));
    if (view->error == STM_OK)
        STM_TRY(stm_tfuture_get(tx, outcome, &value));
    view->object = Py_XNewRef((PyObject *)value);
    return STM_OK;
}

static int look_at(struct view *view)
{
    return stm__call_run(stm__state_of((PyObject *)view->self), look, view);
}

static int state_of(PyObject *object, enum stm_pool_future_state *out)
{
    struct stm__future *self = (struct stm__future *)object;
    struct stm__call call;
    enum stm_status status;

    stm__call_begin(&call);
    status = stm_pool_future_state(self->future, out);
    return stm__call_end(&call, stm__state_of(object), status);
}

static PyObject *future_peek(PyObject *object, PyObject *unused)
{
    struct stm__future *self = (struct stm__future *)object;
    enum stm_pool_future_state state;
    const char *name = "PENDING";

    (void)unused;
    if (state_of(object, &state) < 0)
        return NULL;
    if (state == STM_POOL_RUNS)
        name = "RUNNING";
    else if (state == STM_POOL_ENDED)
        name = "FINISHED";
    else if (state == STM_POOL_CANCELLED)
        name = AO_load_acquire(&self->notified) ? "CANCELLED_AND_NOTIFIED"
                                                : "CANCELLED";
    return PyUnicode_InternFromString(name);
}

static PyObject *future_done(PyObject *object, PyObject *unused)
{
    enum stm_pool_future_state state;

    (void)unused;
    if (state_of(object, &state) < 0)
        return NULL;
    return PyBool_FromLong(state == STM_POOL_ENDED ||
                           state == STM_POOL_CANCELLED);
}

static PyObject *future_running(PyObject *object, PyObject *unused)
{
    enum stm_pool_future_state state;

    (void)unused;
    if (state_of(object, &state) < 0)
        return NULL;
    return PyBool_FromLong(state == STM_POOL_RUNS);
}

static PyObject *future_cancelled(PyObject *object, PyObject *unused)
{
    enum stm_pool_future_state state;

    (void)unused;
    if (state_of(object, &state) < 0)
        return NULL;
    return PyBool_FromLong(state == STM_POOL_CANCELLED);
}

/* ---- what became of it ---- */

/* Sets the exception for a wait that came to nothing. */
static void raise_wait(PyObject *object, enum stm_status status)
{
    if (status == STM_ETIMEOUT)
        PyErr_SetNone(PyExc_TimeoutError);
    else if (status == STM_ECLOSED)
        PyErr_SetString(PyExc_RuntimeError,
                        "the future waits in a pool of the parent process");
    else
        (void)stm__raise(stm__state_of(object), status);
}

/* In a transaction: -1 with the exception that it is to leave its body by. */
static int wait_in(struct stm_tx *tx, struct stm__future *self,
                   const struct stm__patience *patience)
{
    if (stm__future_is_fresh(self)) {
        PyErr_SetString(PyExc_RuntimeError,
                        "a future cannot be waited for in the transaction "
                        "that submits it");
        return -1;
    }
    raise_wait((PyObject *)self, stm__wait_instead(tx, STM_RETRY, patience));
    return -1;
}

static int wait_outside(struct stm__future *self, uint64_t timeout)
{
    struct stm__call call;
    enum stm_status status;

    stm__call_begin(&call);
    status = stm_pool_await(self->future, timeout);
    if (status != STM_ETIMEOUT && status != STM_ECLOSED)
        return stm__call_end(&call, stm__state_of((PyObject *)self), status);
    (void)stm__call_end(&call, NULL, STM_OK);
    raise_wait((PyObject *)self, status);
    return -1;
}

/* Waits until it has ended, and looks. */
static int await_end(struct view *view, PyObject *args, PyObject *kwargs,
                     const char *format)
{
    static char *keywords[] = {"timeout", NULL};
    struct stm_tx *tx = stm_current();
    PyObject *seconds = Py_None;
    struct stm__patience patience;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, format, keywords,
                                     &seconds) ||
        stm__patience_init(&patience, 1, seconds) < 0 || look_at(view) < 0)
        return -1;
    if (view->ended)
        return 0;
    if (tx != NULL)
        return wait_in(tx, view->self, &patience);
    if (wait_outside(view->self, patience.timeout) < 0)
        return -1;
    return look_at(view);
}

/* Sets the exception for a future whose task has not raised one; -1.  0: that
 * is in view->object. */
static int raise_failure(const struct view *view)
{
    if (view->error == STM__RAISED)
        return 0;
    if (view->error == STM_ETHREAD)
        PyErr_SetString(PyExc_RuntimeError, "the task has ended its thread");
    else
        (void)stm__raise(stm__state_of((PyObject *)view->self), view->error);
    return -1;
}

static PyObject *future_result(PyObject *object, PyObject *args,
                               PyObject *kwargs)
{
    struct view view = {.self = (struct stm__future *)object};

    if (await_end(&view, args, kwargs, "|O:result") < 0)
        return NULL;
    if (view.error == STM_OK)
        return view.object;
    AO_store(&view.self->asked, 1);
    if (raise_failure(&view) == 0)
        stm__cause_raise(view.object);
    stm__discard(view.object);
    return NULL;
}

/* The exception in a view, which is used up; NULL: none is in it. */
static PyObject *exception_in(struct view *view)
{
    PyObject *exception = NULL;

    AO_store(&view->self->asked, 1);
    if (view->error == STM__RAISED)
        exception = Py_NewRef(PyTuple_GET_ITEM(view->object, 0));
    else if (view->error == STM_ETHREAD && raise_failure(view) < 0)
        exception = stm__take_exception();
    stm__discard(view->object);
    return exception;
}

static PyObject *future_exception(PyObject *object, PyObject *args,
                                  PyObject *kwargs)
{
    struct view view = {.self = (struct stm__future *)object};
    PyObject *exception;

    if (await_end(&view, args, kwargs, "|O:exception") < 0)
        return NULL;
    if (view.error == STM_ECANCELLED && raise_failure(&view) < 0)
        return NULL;
    exception = exception_in(&view);
    return exception != NULL ? exception : Py_NewRef(Py_None);
}

/* What concurrent.futures looks at: None unless it has ended so. */

PyObject *stm__future_get_result(PyObject *object, void *unused)
{
    struct view view = {.self = (struct stm__future *)object};

    (void)unused;
    if (look_at(&view) < 0)
        return NULL;
    if (view.ended && view.error == STM_OK)
        return view.object;
    stm__discard(view.object);
    Py_RETURN_NONE;
}

PyObject *stm__future_get_exception(PyObject *object, void *unused)
{
    struct view view = {.self = (struct stm__future *)object};
    PyObject *exception;

    (void)unused;
    if (look_at(&view) < 0)
        return NULL;
    if (!view.ended) {
        stm__discard(view.object);
        Py_RETURN_NONE;
    }
    exception = exception_in(&view);
    return exception != NULL ? exception : Py_NewRef(Py_None);
}

PyObject *stm__future_has_failed(PyObject *object, void *unused)
{
    struct view view = {.self = (struct stm__future *)object};

    (void)unused;
    if (look_at(&view) < 0)
        return NULL;
    stm__discard(view.object);
    return PyBool_FromLong(view.ended && view.error != STM_OK);
}

/* How it has ended, for repr(). */
static PyObject *describe_end(PyObject *object)
{
    struct view view = {.self = (struct stm__future *)object};
    PyObject *text;

    if (look_at(&view) < 0)
        return NULL;
    if (view.error == STM__RAISED)
        text = PyUnicode_FromFormat(
            "finished raised %s",
            stm__short_name(PyTuple_GET_ITEM(view.object, 0)));
    else if (view.object != NULL)
        text = PyUnicode_FromFormat("finished returned %s",
                                    stm__short_name(view.object));
    else
        text = PyUnicode_FromString("finished came to nothing");
    stm__discard(view.object);
    return text;
}

static PyObject *future_describe(PyObject *object, PyObject *unused)
{
    enum stm_pool_future_state state;

    (void)unused;
    if (state_of(object, &state) < 0)
        return NULL;
    if (state == STM_POOL_ENDED)
        return describe_end(object);
    return PyUnicode_FromString(state == STM_POOL_RUNS        ? "running"
                                : state == STM_POOL_CANCELLED ? "cancelled"
                                                              : "pending");
}

/* ---- ending it ---- */

static PyObject *future_cancel(PyObject *object, PyObject *unused)
{
    struct stm__future *self = (struct stm__future *)object;
    struct stm__call call;
    enum stm_status status;

    (void)unused;
    stm__call_begin(&call);
    status = stm_pool_future_cancel(self->future);
    if (stm__call_end(&call, stm__state_of(object),
                      status == STM_EDONE ? STM_OK : status) < 0)
        return NULL;
    if (status == STM_EDONE)
        Py_RETURN_FALSE;
    if (stm__future_announce_later(self) < 0)
        return PyErr_NoMemory();
    Py_RETURN_TRUE;
}

static void notify_cancel(stm_value value)
{
    struct stm__future *self = (struct stm__future *)value;

    AO_store_release(&self->notified, 1);
    stm__future_announce(value);
}

static PyObject *future_begin(PyObject *object, PyObject *unused)
{
    struct stm__future *self = (struct stm__future *)object;
    struct stm_tx *tx = stm_current();
    struct stm__call call;
    enum stm_status status;

    (void)unused;
    stm__call_begin(&call);
    status = stm_pool_future_begin(self->future);
    if (status == STM_ECANCELLED && AO_load(&self->notified))
        status = STM_EDONE;
    if (stm__call_end(&call, stm__state_of(object),
                      status == STM_ECANCELLED ? STM_OK : status) < 0)
        return NULL;
    if (status == STM_OK)
        Py_RETURN_TRUE;
    if (tx == NULL)
        notify_cancel((stm_value)self);
    else if (stm_on_commit(tx, notify_cancel, (stm_value)self,
                           &stm__object_type) != STM_OK)
        return PyErr_NoMemory();
    Py_RETURN_FALSE;
}

static PyObject *end(PyObject *object, enum stm_status ending, PyObject *value)
{
    struct stm__future *self = (struct stm__future *)object;
    struct stm__call call;
    enum stm_status status;

    stm__call_begin(&call);
    status = stm_pool_future_end(self->future, ending, (stm_value)value);
    if (stm__call_end(&call, stm__state_of(object), status) < 0)
        return NULL;
    if (stm__future_announce_later(self) < 0)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *future_set_result(PyObject *object, PyObject *result)
{
    return end(object, STM_OK, result);
}

static PyObject *future_set_exception(PyObject *object, PyObject *exception)
{
    PyObject *cause, *result;

    if (exception == Py_None)
        return end(object, STM_OK, Py_None);
    if (PyType_Check(exception) &&
        PyType_IsSubtype((PyTypeObject *)exception,
                         (PyTypeObject *)PyExc_BaseException)) {
        exception = PyObject_CallNoArgs(exception);
        if (exception == NULL)
            return NULL;
    } else {
        Py_INCREF(exception);
    }
    cause = stm__cause_new(exception);
    Py_DECREF(exception);
    if (cause == NULL)
        return NULL;
    AO_store(&((struct stm__future *)object)->raised, 1);
    result = end(object, STM__RAISED, cause);
    stm__discard(cause);
    return result;
}

/* ---- who is told ---- */

static PyObject *future_add_callback(PyObject *object, PyObject *function)
{
    struct stm__future *self = (struct stm__future *)object;
    int added = stm__future_add_callback(self, function);

    if (added < 0)
        return NULL;
    AO_store(&self->asked, 1);
    return PyBool_FromLong(added);
}

PyMethodDef stm__future_asking[] = {
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     PyDoc_STR("Generic over the type of the result.")},
    {"cancel", future_cancel, METH_NOARGS,
     PyDoc_STR("cancel($self, /)\n--\n\n"
               "Take the future back, if no thread has begun it.\n\n"
               "Return whether it is cancelled.  Inside a transaction, once\n"
               "that has committed.")},
    {"cancelled", future_cancelled, METH_NOARGS,
     PyDoc_STR("cancelled($self, /)\n--\n\n"
               "Return whether the future was cancelled.")},
    {"running", future_running, METH_NOARGS,
     PyDoc_STR("running($self, /)\n--\n\n"
               "Return whether a thread has begun the future and not ended\n"
               "it.")},
    {"done", future_done, METH_NOARGS,
     PyDoc_STR("done($self, /)\n--\n\n"
               "Return whether the future has ended or was cancelled.")},
    {"result", (PyCFunction)(void (*)(void))future_result,
     METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR(
         "result($self, /, timeout=None)\n--\n\n"
         "Return what the task returned, or raise what it raised.\n\n"
         "Wait until the future has ended; inside a transaction, retry.\n"
         "Raise TimeoutError after timeout seconds, CancelledError if it was\n"
         "cancelled, RuntimeError in the transaction that submits it.")},
    {"exception", (PyCFunction)(void (*)(void))future_exception,
     METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("exception($self, /, timeout=None)\n--\n\n"
               "Return what the task raised, or None.\n\n"
               "Wait as result() does.")},
    {"set_result", future_set_result, METH_O,
     PyDoc_STR("set_result($self, result, /)\n--\n\n"
               "End the future with a result.\n\n"
               "Raise InvalidStateError if it has ended.")},
    {"set_exception", future_set_exception, METH_O,
     PyDoc_STR("set_exception($self, exception, /)\n--\n\n"
               "End the future with an exception.\n\n"
               "Raise InvalidStateError if it has ended.")},
    {"_peek", future_peek, METH_NOARGS,
     PyDoc_STR("_peek($self, /)\n--\n\n"
               "Return how the future stands, by the name that\n"
               "concurrent.futures has for it.")},
    {"_describe", future_describe, METH_NOARGS,
     PyDoc_STR("_describe($self, /)\n--\n\n"
               "Return how the future stands, in words.")},
    {"_begin", future_begin, METH_NOARGS,
     PyDoc_STR("_begin($self, /)\n--\n\n"
               "Mark the future as running and return True, or return False\n"
               "if it was cancelled.")},
    {"_add_callback", future_add_callback, METH_O,
     PyDoc_STR("_add_callback($self, function, /)\n--\n\n"
               "Add a function to be called with the future when it has\n"
               "ended.  Return False if it has.")},
    {NULL, NULL, 0, NULL},
};
