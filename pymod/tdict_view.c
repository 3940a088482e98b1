/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The views of a TDict: what their types, each in a file of its own, share.  A
 * view shows what the TDict holds whenever it is asked; its iterators are
 * snapshots. */

#include "keyed-internal.h"

PyObject *stm__view_new(PyTypeObject *type, PyObject *dict, enum stm__part part)
{
    struct stm__view *self = (struct stm__view *)type->tp_alloc(type, 0);

    if (self == NULL)
        return NULL;
    self->dict = Py_NewRef(dict);
    self->part = part;
    return (PyObject *)self;
}

PyObject *stm__view_dict(PyObject *object)
{
    PyObject *dict = ((struct stm__view *)object)->dict;

    if (dict == NULL)
        PyErr_SetString(PyExc_RuntimeError, "the view was collected");
    return dict;
}

static PyObject *iterate(PyObject *object, bool reversed, const char *what)
{
    PyObject *dict = stm__view_dict(object);
    struct stm_map *map = dict == NULL ? NULL : stm__tdict_snapshot(dict, what);

    if (map == NULL)
        return NULL;
    return stm__map_iterator_new(stm__state_of(object), map,
                                 ((struct stm__view *)object)->part, reversed);
}

PyObject *stm__view_iter(PyObject *object)
{
    return iterate(object, false, "iter() of a TDict's view");
}

PyObject *stm__view_reversed(PyObject *object, PyObject *unused)
{
    (void)unused;
    return iterate(object, true, "reversed() of a TDict's view");
}

Py_ssize_t stm__view_length(PyObject *object)
{
    PyObject *dict = stm__view_dict(object);

    return dict == NULL ? -1 : stm__tdict_length(dict);
}

static PyObject *repr_now(PyObject *object, PyObject *dict)
{
    struct stm_map *map = stm__tdict_snapshot_anywhere(dict);
    PyObject *parts, *result;

    if (map == NULL)
        return NULL;
    parts = stm__parts(map, ((struct stm__view *)object)->part);
    stm_map_release(map);
    if (parts == NULL)
        return NULL;
    result = PyUnicode_FromFormat("%s(%R)", stm__short_name(object), parts);
    Py_DECREF(parts);
    return result;
}

PyObject *stm__view_repr(PyObject *object)
{
    PyObject *dict = stm__view_dict(object), *result;
    int nested;

    if (dict == NULL)
        return NULL;
    nested = Py_ReprEnter(object);
    if (nested != 0)
        return nested > 0 ? PyUnicode_FromString("...") : NULL;
    result = repr_now(object, dict);
    Py_ReprLeave(object);
    return result;
}

/* ---- as built-in sets ---- */

/* Adds those items to a set that the container has (wanted = 1) or has not
 * (0).  Only these need a hash: the values among the pairs may have none. */
static int add_if(PyObject *set, PyObject *items, PyObject *container,
                  int wanted)
{
    PyObject *iterator = PyObject_GetIter(items), *item;
    int result = 0;

    if (iterator == NULL)
        return -1;
    while (result >= 0 && (item = PyIter_Next(iterator)) != NULL) {
        result = PySequence_Contains(container, item);
        if (result == wanted)
            result = PySet_Add(set, item);
        Py_DECREF(item);
    }
    Py_DECREF(iterator);
    return result < 0 || PyErr_Occurred() != NULL ? -1 : 0;
}

/* The left operand as a set, changed by a method with the right one. */
static PyObject *combine(PyObject *left, const char *method, PyObject *right)
{
    PyObject *set = PySet_New(left), *result;

    if (set == NULL)
        return NULL;
    result = PyObject_CallMethod(set, method, "(O)", right);
    if (result == NULL)
        Py_CLEAR(set);
    Py_XDECREF(result);
    return set;
}

static bool is_view(struct stm__state *state, PyObject *object)
{
    return Py_IS_TYPE(object, state->tdict_keys) ||
           Py_IS_TYPE(object, state->tdict_items);
}

/* Of two sets the smaller one is gone through. */
static int intersect(PyObject *set, struct stm__state *state, PyObject *view,
                     PyObject *other)
{
    int order = 0;

    if (stm__is_set_like(state, other) &&
        stm__compare_sizes(view, other, &order) < 0)
        return -1;
    return order < 0 ? add_if(set, view, other, 1)
                     : add_if(set, other, view, 1);
}

PyObject *stm__view_and(PyObject *left, PyObject *right)
{
    struct stm__state *state = stm__state_of_either(left, right);
    bool is_left = is_view(state, left);
    PyObject *set;

    if (stm__transaction("an operator of a TDict's view") == NULL)
        return NULL;
    set = PySet_New(NULL);
    if (set != NULL && intersect(set, state, is_left ? left : right,
                                 is_left ? right : left) < 0)
        Py_CLEAR(set);
    return set;
}

PyObject *stm__view_or(PyObject *left, PyObject *right)
{
    return combine(left, "update", right);
}

PyObject *stm__view_subtract(PyObject *left, PyObject *right)
{
    return combine(left, "difference_update", right);
}

PyObject *stm__view_xor(PyObject *left, PyObject *right)
{
    struct stm__state *state = stm__state_of_either(left, right);
    PyObject *set;

    if (!stm__is_set_like(state, left) || !stm__is_set_like(state, right))
        return combine(left, "symmetric_difference_update", right);
    set = PySet_New(NULL);
    if (set != NULL &&
        (add_if(set, left, right, 0) < 0 || add_if(set, right, left, 0) < 0))
        Py_CLEAR(set);
    return set;
}

/* ---- life ---- */

int stm__view_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((struct stm__view *)object)->dict);
    return 0;
}

int stm__view_clear(PyObject *object)
{
    Py_CLEAR(((struct stm__view *)object)->dict);
    return 0;
}

void stm__view_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    (void)stm__view_clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

/* types.MappingProxyType, as the built-in's views have it. */
static PyObject *get_mapping(PyObject *object, void *unused)
{
    PyObject *dict = stm__view_dict(object);

    (void)unused;
    return dict == NULL ? NULL : PyDictProxy_New(dict);
}

PyGetSetDef stm__view_properties[] = {
    {"mapping", get_mapping, NULL,
     PyDoc_STR("The TDict of this view, to be read only."), NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
