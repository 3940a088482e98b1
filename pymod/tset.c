/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TSet: the type, and what its methods do with one key.  What takes other sets
 * is in tset_algebra.c. */

#include "keyed-internal.h"

static struct stm_tset *set_of(PyObject *object)
{
    return ((struct stm__tset *)object)->set;
}

bool stm__is_tset(struct stm__state *state, PyObject *object)
{
    return PyObject_TypeCheck(object, state->tset);
}

/* ---- one key ---- */

static Py_ssize_t tset_length(PyObject *object)
{
    struct stm_tx *tx = stm__transaction("len() of a TSet");
    enum stm_status status;
    size_t length;

    if (tx == NULL)
        return -1;
    status = stm_tset_length(tx, set_of(object), &length);
    if (status == STM_OK)
        return (Py_ssize_t)length;
    (void)stm__raise(stm__state_of(object), status);
    return -1;
}

static int contains(PyObject *object, PyObject *key)
{
    struct stm_tx *tx = stm__transaction("a look into a TSet");
    enum stm_status status;
    bool there;

    if (tx == NULL)
        return -1;
    status = stm_tset_contains(tx, set_of(object), (stm_value)key, &there);
    if (status == STM_OK)
        return there;
    (void)stm__raise_key(object, status, key);
    return -1;
}

int stm__tset_put(PyObject *object, PyObject *key)
{
    struct stm_tx *tx = stm__transaction("a change of a TSet");
    enum stm_status status;
    bool added;

    if (tx == NULL)
        return -1;
    status = stm_tset_add(tx, set_of(object), (stm_value)key, &added);
    if (status == STM_OK)
        return !added;
    (void)stm__raise_key(object, status, key);
    return -1;
}

int stm__tset_take(PyObject *object, PyObject *key)
{
    struct stm_tx *tx = stm__transaction("a change of a TSet");
    enum stm_status status;

    if (tx == NULL)
        return -1;
    status = stm_tset_remove(tx, set_of(object), (stm_value)key);
    if (status == STM_OK || status == STM_ENOTFOUND)
        return status == STM_OK;
    (void)stm__raise_key(object, status, key);
    return -1;
}

/* A set, which has no hash, is looked for as the frozenset that is equal to it.
 */
static int with_frozen(int (*search)(PyObject *object, PyObject *key),
                       PyObject *object, PyObject *key)
{
    int result = search(object, key);
    PyObject *frozen;

    if (result >= 0 || !PyErr_ExceptionMatches(PyExc_TypeError) ||
        !(PySet_Check(key) || stm__is_tset(stm__state_of(object), key)))
        return result;
    PyErr_Clear();
    frozen = PyFrozenSet_New(key);
    if (frozen == NULL)
        return -1;
    result = search(object, frozen);
    Py_DECREF(frozen);
    return result;
}

int stm__tset_contains(PyObject *object, PyObject *key)
{
    return with_frozen(contains, object, key);
}

static PyObject *tset_add(PyObject *object, PyObject *key)
{
    if (stm__tset_put(object, key) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *tset_discard(PyObject *object, PyObject *key)
{
    if (with_frozen(stm__tset_take, object, key) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *tset_remove(PyObject *object, PyObject *key)
{
    int found = with_frozen(stm__tset_take, object, key);

    if (found < 0)
        return NULL;
    if (found)
        Py_RETURN_NONE;
    stm__raise_missing(key);
    return NULL;
}

static PyObject *tset_pop(PyObject *object, PyObject *unused)
{
    struct stm_tx *tx = stm__transaction("TSet.pop()");
    enum stm_status status;
    stm_value key;

    (void)unused;
    if (tx == NULL)
        return NULL;
    status = stm_tset_pop_front(tx, set_of(object), &key);
    if (status == STM_OK)
        return Py_NewRef((PyObject *)key);
    if (status != STM_EEMPTY)
        return stm__raise(stm__state_of(object), status);
    PyErr_SetString(PyExc_KeyError, "pop from an empty TSet");
    return NULL;
}

/* ---- as a whole ---- */

static PyObject *tset_clear_keys(PyObject *object, PyObject *unused)
{
    struct stm_tx *tx = stm__transaction("TSet.clear()");
    enum stm_status status;

    (void)unused;
    if (tx == NULL)
        return NULL;
    status = stm_tset_clear(tx, set_of(object));
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    Py_RETURN_NONE;
}

static enum stm_status snapshot(struct stm_tx *tx, PyObject *object,
                                struct stm_map **out)
{
    return stm_tset_snapshot(tx, set_of(object), out);
}

static const struct stm__keyed kind = {
    .snapshot = snapshot,
    .shown = STM__KEYS,
    .within_itself = "%s(...)",
    .iter = "iter() of a TSet",
    .reversed = "reversed() of a TSet",
};

struct stm_map *stm__tset_snapshot(PyObject *object, const char *what)
{
    return stm__keyed_snapshot(object, &kind, what);
}

static PyObject *tset_iter(PyObject *object)
{
    return stm__keyed_iter(object, &kind);
}

static PyObject *tset_reversed(PyObject *object, PyObject *unused)
{
    (void)unused;
    return stm__keyed_reversed(object, &kind);
}

static PyObject *tset_repr(PyObject *object)
{
    return stm__keyed_repr(object, &kind);
}

/* ---- life ---- */

static PyObject *tset_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    struct stm__tset *self = (struct stm__tset *)type->tp_alloc(type, 0);

    (void)args;
    (void)kwargs;
    if (self == NULL)
        return NULL;
    self->set = stm_tset_new(&stm__keys);
    if (self->set != NULL)
        return (PyObject *)self;
    Py_DECREF(self);
    return PyErr_NoMemory();
}

PyObject *stm__tset_new(struct stm__state *state)
{
    return tset_new(state->tset, NULL, NULL);
}

static int tset_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct stm__tset *self = (struct stm__tset *)object;
    struct stm__visitor visitor = {visit, arg};

    Py_VISIT(Py_TYPE(self));
    if (self->set == NULL)
        return 0;
    return stm_tset_traverse(self->set, stm__visit, &visitor);
}

static int tset_clear(PyObject *object)
{
    struct stm__tset *self = (struct stm__tset *)object;

    if (self->set != NULL)
        stm_tset_discard(self->set);
    return 0;
}

static void tset_dealloc(PyObject *object)
{
    struct stm__tset *self = (struct stm__tset *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, tset_dealloc) if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs(object);
    if (self->set != NULL)
        stm_tset_release(self->set);
    type->tp_free(object);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

/* ---- the type ---- */

PyDoc_STRVAR(
    tset_doc,
    "TSet(initial_items=())\n--\n\n"
    "A transactional set that keeps the order in which keys were put in.\n\n"
    "It does what a set does, inside atomically(); its operators take sets,\n"
    "frozensets and the views of dictionaries, too.  Finding, adding and\n"
    "removing a key takes time that grows with the logarithm of the length to\n"
    "a base of 32; a copy takes constant time.  An iterator goes over the set\n"
    "as it was when iter() was called, so that it may change meanwhile.");

#define DOC(text) PyDoc_STR(text)

static PyMethodDef methods[] = {
    {"add", tset_add, METH_O,
     DOC("add($self, key, /)\n--\n\n"
         "Add a key at the end, unless it is there already.")},
    {"discard", tset_discard, METH_O,
     DOC("discard($self, key, /)\n--\n\nRemove a key if it is there.")},
    {"remove", tset_remove, METH_O,
     DOC("remove($self, key, /)\n--\n\n"
         "Remove a key.\n\nRaise KeyError if there is none.")},
    {"pop", tset_pop, METH_NOARGS,
     DOC("pop($self, /)\n--\n\n"
         "Remove the key that was put in first and return it.\n\n"
         "Raise KeyError if the set is empty.")},
    {"clear", tset_clear_keys, METH_NOARGS,
     DOC("clear($self, /)\n--\n\nRemove all keys.")},
    {"copy", stm__tset_copy, METH_NOARGS,
     DOC("copy($self, /)\n--\n\nReturn a new TSet with the same keys.")},
    {"update", stm__tset_update, METH_VARARGS,
     DOC("update($self, /, *others)\n--\n\n"
         "Add the keys of all the iterables.")},
    {"intersection_update", stm__tset_intersection_update, METH_VARARGS,
     DOC("intersection_update($self, /, *others)\n--\n\n"
         "Keep only the keys that are in all the iterables, too.")},
    {"difference_update", stm__tset_difference_update, METH_VARARGS,
     DOC("difference_update($self, /, *others)\n--\n\n"
         "Remove the keys of all the iterables.")},
    {"symmetric_difference_update", stm__tset_symmetric_difference_update,
     METH_O,
     DOC("symmetric_difference_update($self, other, /)\n--\n\n"
         "Remove the keys of an iterable that are there and add the others.")},
    {"union", stm__tset_union, METH_VARARGS,
     DOC("union($self, /, *others)\n--\n\n"
         "Return a new TSet with the keys of this set and all the "
         "iterables.")},
    {"intersection", stm__tset_intersection, METH_VARARGS,
     DOC("intersection($self, /, *others)\n--\n\n"
         "Return a new TSet with the keys that are in all the iterables, "
         "too.")},
    {"difference", stm__tset_difference, METH_VARARGS,
     DOC("difference($self, /, *others)\n--\n\n"
         "Return a new TSet with the keys that are in none of the "
         "iterables.")},
    {"symmetric_difference", stm__tset_symmetric_difference, METH_O,
     DOC("symmetric_difference($self, other, /)\n--\n\n"
         "Return a new TSet with the keys that are either here or in an "
         "iterable.")},
    {"isdisjoint", stm__isdisjoint, METH_O,
     DOC("isdisjoint($self, other, /)\n--\n\n"
         "Return whether no key is in an iterable, too.")},
    {"issubset", stm__issubset, METH_O,
     DOC("issubset($self, other, /)\n--\n\n"
         "Return whether every key is in an iterable, too.")},
    {"issuperset", stm__issuperset, METH_O,
     DOC("issuperset($self, other, /)\n--\n\n"
         "Return whether everything in an iterable is a key.")},
    {"__reversed__", tset_reversed, METH_NOARGS,
     DOC("__reversed__($self, /)\n--\n\n"
         "Return an iterator over the keys in reverse order.")},
    {"__copy__", stm__tset_shallow_copy, METH_NOARGS,
     DOC("__copy__($self, /)\n--\n\n"
         "Return a copy of the same type, with the same attributes.")},
    {"__reduce__", stm__tset_reduce, METH_NOARGS,
     DOC("__reduce__($self, /)\n--\n\nReturn what pickles the set.")},
    {"__setstate__", stm__tset_setstate, METH_O,
     DOC("__setstate__($self, state, /)\n--\n\n"
         "Take the contents and attributes that __reduce__() gave.")},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     DOC("TSets are generic over the type of their keys.")},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct stm__tset, weakrefs),
     READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)tset_doc},
    {Py_tp_new, tset_new},
    {Py_tp_init, stm__tset_init_items},
    {Py_tp_dealloc, tset_dealloc},
    {Py_tp_traverse, tset_traverse},
    {Py_tp_clear, tset_clear},
    {Py_tp_repr, tset_repr},
    {Py_tp_iter, tset_iter},
    {Py_tp_richcompare, stm__compare_sets},
    {Py_tp_hash, PyObject_HashNotImplemented},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_sq_length, tset_length},
    {Py_sq_contains, stm__tset_contains},
    {Py_nb_or, stm__tset_or},
    {Py_nb_and, stm__tset_and},
    {Py_nb_subtract, stm__tset_subtract},
    {Py_nb_xor, stm__tset_xor},
    {Py_nb_inplace_or, stm__tset_inplace_or},
    {Py_nb_inplace_and, stm__tset_inplace_and},
    {Py_nb_inplace_subtract, stm__tset_inplace_subtract},
    {Py_nb_inplace_xor, stm__tset_inplace_xor},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm.datatypes.TSet",
    .basicsize = sizeof(struct stm__tset),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int stm__tset_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->tset, &spec);
}
