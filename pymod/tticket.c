/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Ticket: by which a TPriorityQueue finds an item again. */

#include "module-internal.h"

struct stm__tticket *stm__tticket_new(struct stm__state *state, size_t queue_id)
{
    PyTypeObject *type = state->tticket;
    struct stm__tticket *self = (struct stm__tticket *)type->tp_alloc(type, 0);

    if (self != NULL)
        self->queue_id = queue_id;
    return self;
}

static PyObject *ticket_priority(PyObject *object, void *unused)
{
    (void)unused;
    return PyLong_FromLongLong(
        ((struct stm__tticket *)object)->ticket.priority);
}

static void ticket_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    type->tp_free(object);
    Py_DECREF(type);
}

PyDoc_STRVAR(ticket_doc, "What TPriorityQueue.push() returns, for remove().");

static PyGetSetDef properties[] = {
    {"priority", ticket_priority, NULL,
     PyDoc_STR("The priority that the item was put in with."), NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)ticket_doc},
    {Py_tp_dealloc, ticket_dealloc},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm.datatypes.Ticket",
    .basicsize = sizeof(struct stm__tticket),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

int stm__tticket_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->tticket, &spec);
}
