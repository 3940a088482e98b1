/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* BroadcastQueue. */

#include "module-internal.h"

struct queue {
    PyObject_HEAD struct stm_broadcast *queue;
    PyObject *weakrefs;
};

static PyObject *queue_put(PyObject *object, PyObject *item)
{
    struct queue *self = (struct queue *)object;
    struct stm_tx *tx = stm__transaction("BroadcastQueue.put()");
    enum stm_status status;

    if (tx == NULL)
        return NULL;
    status = stm_broadcast_put(tx, self->queue, (stm_value)item);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    Py_RETURN_NONE;
}

static PyObject *queue_new_endpoint(PyObject *object, PyObject *unused)
{
    struct queue *self = (struct queue *)object;
    struct stm_tx *tx = stm__transaction("BroadcastQueue.new_endpoint()");
    struct stm__state *state = stm__state_of(object);
    struct stm_endpoint *endpoint;
    enum stm_status status;

    (void)unused;
    if (tx == NULL)
        return NULL;
    status = stm_endpoint_new(tx, self->queue, &endpoint);
    if (status != STM_OK)
        return stm__raise(state, status);
    return stm__endpoint_object(state, endpoint);
}

static PyObject *queue_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    struct queue *self = (struct queue *)type->tp_alloc(type, 0);

    (void)args;
    (void)kwargs;
    if (self == NULL)
        return NULL;
    self->queue = stm_broadcast_new(&stm__object_type);
    if (self->queue != NULL)
        return (PyObject *)self;
    Py_DECREF(self);
    return PyErr_NoMemory();
}

static int queue_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {NULL};

    (void)object;
    return PyArg_ParseTupleAndKeywords(args, kwargs, ":BroadcastQueue",
                                       keywords)
               ? 0
               : -1;
}

static void queue_dealloc(PyObject *object)
{
    struct queue *self = (struct queue *)object;
    PyTypeObject *type = Py_TYPE(self);

    if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs(object);
    if (self->queue != NULL)
        stm_broadcast_release(self->queue);
    type->tp_free(object);
    Py_DECREF(type);
}

PyDoc_STRVAR(
    queue_doc,
    "BroadcastQueue()\n--\n\n"
    "A queue whose items reach every endpoint that exists when they are "
    "put.\n\n"
    "An endpoint that is let go costs nothing, and a queue without endpoints\n"
    "keeps nothing.");

PyDoc_STRVAR(put_doc, "put($self, item, /)\n--\n\n"
                      "Add an item at the end of every endpoint.");

PyDoc_STRVAR(new_endpoint_doc,
             "new_endpoint($self, /)\n--\n\n"
             "Return a new endpoint, which receives what is put from now on.");

static PyMethodDef methods[] = {
    {"put", queue_put, METH_O, put_doc},
    {"new_endpoint", queue_new_endpoint, METH_NOARGS, new_endpoint_doc},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     PyDoc_STR("Queues are generic over the type of their items.")},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct queue, weakrefs),
     READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)queue_doc},
    {Py_tp_new, queue_new},
    {Py_tp_init, queue_init},
    {Py_tp_dealloc, queue_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm.datatypes.BroadcastQueue",
    .basicsize = sizeof(struct queue),
    .flags =
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int stm__queue_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->queue, &spec);
}
