/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The iterator over a TList: over the list as it was, in or outside a
 * transaction.  The collector does not look into the snapshot, so what that
 * holds counts as reachable for as long as the iterator exists. */

#include "module-internal.h"

#include <atomic_ops.h>

struct iterator {
    PyObject_HEAD struct stm_seq *items;
    AO_t index; /* several threads may share an iterator */
};

PyObject *stm__tlist_iterator_new(struct stm__state *state,
                                  struct stm_seq *items)
{
    PyTypeObject *type = state->tlist_iterator;
    struct iterator *self = (struct iterator *)type->tp_alloc(type, 0);

    if (self == NULL)
        stm_seq_release(items);
    else
        self->items = items;
    return (PyObject *)self;
}

static PyObject *iterator_next(PyObject *object)
{
    struct iterator *self = (struct iterator *)object;
    size_t index = AO_fetch_and_add1(&self->index);

    if (index < stm_seq_length(self->items))
        return Py_NewRef((PyObject *)stm_seq_get(self->items, index));
    AO_store(&self->index, stm_seq_length(self->items));
    return NULL;
}

static PyObject *iterator_length_hint(PyObject *object, PyObject *unused)
{
    struct iterator *self = (struct iterator *)object;
    size_t index = AO_load(&self->index);
    size_t length = stm_seq_length(self->items);

    (void)unused;
    return PyLong_FromSize_t(index < length ? length - index : 0);
}

static void iterator_dealloc(PyObject *object)
{
    struct iterator *self = (struct iterator *)object;
    PyTypeObject *type = Py_TYPE(self);

    stm_seq_release(self->items);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"__length_hint__", iterator_length_hint, METH_NOARGS,
     PyDoc_STR("__length_hint__($self, /)\n--\n\n"
               "Return the number of items to come.")},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"An iterator over a TList as it was."},
    {Py_tp_dealloc, iterator_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, iterator_next},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm.datatypes.TListIterator",
    .basicsize = sizeof(struct iterator),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

int stm__tlist_iterator_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->tlist_iterator, &spec);
}
