/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The inside of stm.eventloop.EventLoop: the library's loop, run by a thread of
 * Python's. */

#include "module-internal.h"

struct eventloop {
    PyObject_HEAD struct stm_eventloop *loop;
};

struct scheduling {
    struct stm_eventloop *loop;
    PyObject *function; /* NULL: stop */
};

static enum stm_status schedule_body(struct stm_tx *tx, void *argument)
{
    const struct scheduling *scheduling = argument;

    if (scheduling->function == NULL)
        return stm_eventloop_stop(tx, scheduling->loop);
    return stm_eventloop_schedule(tx, scheduling->loop, stm__action_run,
                                  (stm_value)scheduling->function,
                                  &stm__object_type);
}

static PyObject *schedule_or_stop(PyObject *object, PyObject *function)
{
    struct eventloop *self = (struct eventloop *)object;
    struct scheduling scheduling = {self->loop, function};

    if (stm__call_run(stm__state_of(object), schedule_body, &scheduling) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *eventloop_schedule(PyObject *object, PyObject *function)
{
    if (PyCallable_Check(function))
        return schedule_or_stop(object, function);
    PyErr_Format(PyExc_TypeError, "%.200s object is not callable",
                 Py_TYPE(function)->tp_name);
    return NULL;
}

static PyObject *eventloop_stop(PyObject *object, PyObject *unused)
{
    (void)unused;
    return schedule_or_stop(object, NULL);
}

static PyObject *eventloop_run(PyObject *object, PyObject *unused)
{
    struct eventloop *self = (struct eventloop *)object;
    struct stm__call call;
    enum stm_status status;

    (void)unused;
    stm__call_begin(&call);
    status = stm_eventloop_run(self->loop);
    if (stm__call_end(&call, stm__state_of(object), status) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *eventloop_new(PyTypeObject *type, PyObject *args,
                               PyObject *kwargs)
{
    static char *keywords[] = {NULL};
    struct eventloop *self;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, ":EventLoop", keywords))
        return NULL;
    self = (struct eventloop *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->loop = stm_eventloop_new();
    if (self->loop != NULL)
        return (PyObject *)self;
    Py_DECREF(self);
    return PyErr_NoMemory();
}

/* The library frees a loop outside of transactions only. */
static void free_loop(stm_value loop)
{
    PyObject *exception = stm__take_exception();
    struct stm__call call;

    stm__call_begin(&call);
    stm_eventloop_free((struct stm_eventloop *)loop);
    (void)stm__call_end(&call, NULL, STM_OK);
    stm__put_exception(exception);
}

static bool may_free_loop(stm_value loop)
{
    (void)loop;
    return stm__attached();
}

static const struct stm_type loop_type = {
    .name = "event loop", .release = free_loop, .may_release = may_free_loop};

/* Whoever runs the loop has a reference to the object. */
static int eventloop_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct eventloop *self = (struct eventloop *)object;
    struct stm__visitor visitor = {visit, arg};

    Py_VISIT(Py_TYPE(self));
    if (self->loop == NULL)
        return 0;
    return stm_eventloop_traverse(self->loop, stm__visit, &visitor);
}

static int eventloop_clear(PyObject *object)
{
    struct eventloop *self = (struct eventloop *)object;

    if (self->loop != NULL)
        stm_eventloop_discard(self->loop);
    return 0;
}

static void eventloop_dealloc(PyObject *object)
{
    struct eventloop *self = (struct eventloop *)object;
    PyTypeObject *type = Py_TYPE(self);
    struct stm_tx *tx = stm_current();

    PyObject_GC_UnTrack(object);
    if (self->loop == NULL)
        ;
    else if (tx == NULL)
        free_loop((stm_value)self->loop);
    else if (stm_release_later(tx, &loop_type, (stm_value)self->loop) != STM_OK)
        PyErr_WriteUnraisable(PyErr_NoMemory()); /* and the loop is lost */
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"schedule", eventloop_schedule, METH_O,
     PyDoc_STR("schedule($self, function, /)\n--\n\n"
               "Call a function after the commit.")},
    {"stop", eventloop_stop, METH_NOARGS,
     PyDoc_STR("stop($self, /)\n--\n\n"
               "End run() after what has been scheduled.")},
    {"run", eventloop_run, METH_NOARGS,
     PyDoc_STR("run($self, /)\n--\n\n"
               "Call what is scheduled, until the loop is stopped.")},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"EventLoop()\n--\n\nThe inside of an event loop."},
    {Py_tp_new, eventloop_new},
    {Py_tp_dealloc, eventloop_dealloc},
    {Py_tp_traverse, eventloop_traverse},
    {Py_tp_clear, eventloop_clear},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm._stm.EventLoop",
    .basicsize = sizeof(struct eventloop),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int stm__eventloop_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->eventloop, &spec);
}
