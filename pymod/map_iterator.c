/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The iterator over a TDict, one of its views, or a TSet: over what it held
 * when iter() was called, in or outside a transaction.  The collector looks
 * into the snapshot where nobody else has it any more. */

#include "keyed-internal.h"

#include <atomic_ops.h>

struct iterator {
    PyObject_HEAD struct stm_map *map; /* NULL once the collector cleared it */
    AO_t index; /* of steps; several threads may share an iterator */
    enum stm__part part;
    bool reversed;
};

PyObject *stm__map_iterator_new(struct stm__state *state, struct stm_map *map,
                                enum stm__part part, bool reversed)
{
    PyTypeObject *type = state->map_iterator;
    struct iterator *self = (struct iterator *)type->tp_alloc(type, 0);

    if (self == NULL) {
        stm_map_release(map);
        return NULL;
    }
    self->map = map;
    self->part = part;
    self->reversed = reversed;
    return (PyObject *)self;
}

static size_t length_of(const struct iterator *self)
{
    return self->map == NULL ? 0 : stm_map_length(self->map);
}

/* What comes after so many steps. */
static PyObject *after(const struct iterator *self, size_t steps)
{
    size_t index = self->reversed ? length_of(self) - 1 - steps : steps;

    return stm__part_at(self->map, index, self->part);
}

static PyObject *iterator_next(PyObject *object)
{
    struct iterator *self = (struct iterator *)object;
    size_t steps = AO_fetch_and_add1(&self->index);

    if (steps < length_of(self))
        return after(self, steps);
    AO_store(&self->index, length_of(self));
    return NULL;
}

static PyObject *iterator_length_hint(PyObject *object, PyObject *unused)
{
    struct iterator *self = (struct iterator *)object;
    size_t steps = AO_load(&self->index);
    size_t length = length_of(self);

    (void)unused;
    return PyLong_FromSize_t(steps < length ? length - steps : 0);
}

/* What is still to come, as a list iterator. */
static PyObject *iterator_reduce(PyObject *object, PyObject *unused)
{
    struct iterator *self = (struct iterator *)object;
    size_t length = length_of(self);
    PyObject *rest = PyList_New(0), *iterator;

    (void)unused;
    for (size_t i = AO_load(&self->index); rest != NULL && i < length; i++) {
        PyObject *part = after(self, i);

        if (part == NULL || PyList_Append(rest, part) < 0)
            Py_CLEAR(rest);
        Py_XDECREF(part);
    }
    if (rest == NULL)
        return NULL;
    iterator = PyObject_GetIter(rest);
    Py_DECREF(rest);
    if (iterator == NULL)
        return NULL;
    rest = PyObject_CallMethod(iterator, "__reduce__", NULL);
    Py_DECREF(iterator);
    return rest;
}

static int iterator_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct iterator *self = (struct iterator *)object;
    struct stm__visitor visitor = {visit, arg};

    Py_VISIT(Py_TYPE(self));
    if (self->map == NULL)
        return 0;
    return stm_map_traverse(self->map, stm__visit, &visitor);
}

static int iterator_clear(PyObject *object)
{
    struct iterator *self = (struct iterator *)object;
    struct stm_map *map = self->map;

    self->map = NULL;
    if (map != NULL)
        stm_map_release(map);
    return 0;
}

static void iterator_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    (void)iterator_clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"__length_hint__", iterator_length_hint, METH_NOARGS,
     PyDoc_STR("__length_hint__($self, /)\n--\n\n"
               "Return the number of items to come.")},
    {"__reduce__", iterator_reduce, METH_NOARGS,
     PyDoc_STR("__reduce__($self, /)\n--\n\n"
               "Return what pickles the items to come.")},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"An iterator over a TDict or TSet as it was."},
    {Py_tp_dealloc, iterator_dealloc},
    {Py_tp_traverse, iterator_traverse},
    {Py_tp_clear, iterator_clear},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, iterator_next},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm.datatypes.TMapIterator",
    .basicsize = sizeof(struct iterator),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

int stm__map_iterator_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->map_iterator, &spec);
}
