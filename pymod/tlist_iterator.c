/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The iterator over a TList, forwards and backwards: over the list as it was,
 * in or outside a transaction.  It goes along the runs of items that lie
 * together in memory.  The collector sees what the iterator alone keeps; what
 * the list still shares with it counts as reachable. */

#include "tlist-internal.h"

struct place {
    struct stm_seq *items; /* NULL: used up, or cleared */
    const stm_value *next; /* the next item, in a run ... */
    size_t left;           /* ... of which so many are to come */
    size_t rest;           /* the items beyond that run */
    int step;              /* 1 or -1 */
};

struct iterator {
    PyObject_HEAD struct place place;
#ifdef Py_GIL_DISABLED
    PyMutex mutex; /* of the place */
#endif
};

/* No Python code runs between the two. */
static void lock(struct iterator *self)
{
#ifdef Py_GIL_DISABLED
    PyMutex_Lock(&self->mutex);
#else
    (void)self;
#endif
}

static void unlock(struct iterator *self)
{
#ifdef Py_GIL_DISABLED
    PyMutex_Unlock(&self->mutex);
#else
    (void)self;
#endif
}

PyObject *stm__tlist_iterator_new(struct stm__state *state,
                                  struct stm_seq *items, bool reversed)
{
    PyTypeObject *type = state->tlist_iterator;
    struct iterator *self = (struct iterator *)type->tp_alloc(type, 0);

    if (self == NULL) {
        stm_seq_release(items);
        return NULL;
    }
    self->place = (struct place){.items = items,
                                 .rest = stm_seq_length(items),
                                 .step = reversed ? -1 : 1};
    return (PyObject *)self;
}

/* Goes to the next run; false: there is none. */
static bool next_run(struct place *place)
{
    if (place->rest == 0)
        return false;
    if (place->step > 0) {
        size_t index = stm_seq_length(place->items) - place->rest;

        place->next = stm_seq_run(place->items, index, &place->left);
    } else {
        place->next =
            stm_seq_run_before(place->items, place->rest, &place->left);
        place->next += place->left - 1;
    }
    place->rest -= place->left;
    return true;
}

/* The next item as a new reference, or NULL. */
static inline PyObject *take_next(struct place *place)
{
    PyObject *item;

    if (place->left == 0 && !next_run(place))
        return NULL;
    item = Py_NewRef((PyObject *)*place->next);
    place->next += place->step;
    place->left--;
    return item;
}

/* The sequence, which the caller owns from now on; the iterator is at its end.
 */
static struct stm_seq *give_up(struct place *place)
{
    struct stm_seq *items = place->items;

    place->items = NULL;
    place->left = 0;
    place->rest = 0;
    return items;
}

static PyObject *iterator_next(PyObject *object)
{
    struct iterator *self = (struct iterator *)object;
    struct stm_seq *items = NULL;
    PyObject *item;

    lock(self);
    item = take_next(&self->place);
    if (item == NULL)
        items = give_up(&self->place);
    unlock(self);
    if (items != NULL)
        stm_seq_release(items);
    return item;
}

static PyObject *iterator_length_hint(PyObject *object, PyObject *unused)
{
    struct iterator *self = (struct iterator *)object;
    size_t hint;

    (void)unused;
    lock(self);
    hint = self->place.left + self->place.rest;
    unlock(self);
    return PyLong_FromSize_t(hint);
}

/* What is to come, as a list. */
static PyObject *items_to_come(struct iterator *self)
{
    PyObject *list = PyList_New(0), *item;
    struct place copy;

    lock(self);
    copy = self->place;
    if (copy.items != NULL)
        stm_seq_retain(copy.items);
    unlock(self);
    while (list != NULL && (item = take_next(&copy)) != NULL) {
        if (PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_DECREF(item);
    }
    if (copy.items != NULL)
        stm_seq_release(copy.items);
    return list;
}

/* As the iterators of other containers do: a list's stands in. */
static PyObject *iterator_reduce(PyObject *object, PyObject *unused)
{
    PyObject *builtins = PyImport_ImportModule("builtins"), *iter;

    (void)unused;
    if (builtins == NULL)
        return NULL;
    iter = PyObject_GetAttrString(builtins, "iter");
    Py_DECREF(builtins);
    if (iter == NULL)
        return NULL;
    return Py_BuildValue("N(N)", iter,
                         items_to_come((struct iterator *)object));
}

static int iterator_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct iterator *self = (struct iterator *)object;
    struct stm__visitor visitor = {visit, arg};

    Py_VISIT(Py_TYPE(self));
    if (self->place.items == NULL)
        return 0;
    return stm_seq_traverse(self->place.items, stm__visit, &visitor);
}

static int iterator_clear(PyObject *object)
{
    struct iterator *self = (struct iterator *)object;
    struct stm_seq *items;

    lock(self);
    items = give_up(&self->place);
    unlock(self);
    if (items != NULL)
        stm_seq_release(items);
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
               "Return what is to come for pickle and copy, as an iterator "
               "over a list.")},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"An iterator over a TList as it was."},
    {Py_tp_dealloc, iterator_dealloc},
    {Py_tp_traverse, iterator_traverse},
    {Py_tp_clear, iterator_clear},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, iterator_next},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm.datatypes.TListIterator",
    .basicsize = sizeof(struct iterator),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

int stm__tlist_iterator_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->tlist_iterator, &spec);
}
