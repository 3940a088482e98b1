/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TDict: the type, and what its methods do with one key.  What deals with all
 * of them is in tdict_bulk.c. */

#include "keyed-internal.h"

static struct stm_tdict *dict_of(PyObject *object)
{
    return ((struct stm__tdict *)object)->dict;
}

bool stm__is_tdict(struct stm__state *state, PyObject *object)
{
    return PyObject_TypeCheck(object, state->tdict);
}

PyObject *stm__tdict_new(struct stm__state *state)
{
    return PyObject_CallNoArgs((PyObject *)state->tdict);
}

/* ---- finding ---- */

Py_ssize_t stm__tdict_length(PyObject *object)
{
    struct stm_tx *tx = stm__transaction("len() of a TDict");
    enum stm_status status;
    size_t length;

    if (tx == NULL)
        return -1;
    status = stm_tdict_length(tx, dict_of(object), &length);
    if (status == STM_OK)
        return (Py_ssize_t)length;
    (void)stm__raise(stm__state_of(object), status);
    return -1;
}

/* What d[key] is where there is no such key. */
static PyObject *missing(PyObject *object, PyObject *key)
{
    PyObject *function = NULL, *result = NULL;

    if (!Py_IS_TYPE(object, stm__state_of(object)->tdict))
        function = stm__bind_special(object, "__missing__");
    if (function != NULL)
        result = PyObject_CallOneArg(function, key);
    else if (PyErr_Occurred() == NULL)
        stm__raise_missing(key);
    Py_XDECREF(function);
    return result;
}

static PyObject *tdict_subscript(PyObject *object, PyObject *key)
{
    struct stm_tx *tx = stm__transaction("a look into a TDict");
    enum stm_status status;
    stm_value value;

    if (tx == NULL)
        return NULL;
    status = stm_tdict_get(tx, dict_of(object), (stm_value)key, &value);
    if (status == STM_OK)
        return Py_NewRef((PyObject *)value);
    if (status == STM_ENOTFOUND)
        return missing(object, key);
    return stm__raise_key(object, status, key);
}

int stm__tdict_find(PyObject *object, PyObject *key, PyObject **value)
{
    struct stm_tx *tx = stm__transaction("a look into a TDict");
    enum stm_status status;
    stm_value found;

    if (tx == NULL)
        return -1;
    status = stm_tdict_get(tx, dict_of(object), (stm_value)key, &found);
    if (status == STM_OK) {
        *value = Py_NewRef((PyObject *)found);
        return 1;
    }
    if (status == STM_ENOTFOUND)
        return 0;
    (void)stm__raise_key(object, status, key);
    return -1;
}

int stm__tdict_contains(PyObject *object, PyObject *key)
{
    struct stm_tx *tx = stm__transaction("a look into a TDict");
    enum stm_status status;
    stm_value value;

    if (tx == NULL)
        return -1;
    status = stm_tdict_get(tx, dict_of(object), (stm_value)key, &value);
    if (status == STM_OK || status == STM_ENOTFOUND)
        return status == STM_OK;
    (void)stm__raise_key(object, status, key);
    return -1;
}

static bool has_arguments(const char *name, Py_ssize_t count)
{
    if (count == 1 || count == 2)
        return true;
    PyErr_Format(PyExc_TypeError, "%s expected 1 or 2 arguments, got %zd", name,
                 count);
    return false;
}

static PyObject *tdict_get(PyObject *object, PyObject *const *args,
                           Py_ssize_t count)
{
    struct stm_tx *tx = stm__transaction("TDict.get()");
    enum stm_status status;
    stm_value value;

    if (tx == NULL || !has_arguments("get", count))
        return NULL;
    status = stm_tdict_get(tx, dict_of(object), (stm_value)args[0], &value);
    if (status == STM_OK)
        return Py_NewRef((PyObject *)value);
    if (status == STM_ENOTFOUND)
        return Py_NewRef(count == 2 ? args[1] : Py_None);
    return stm__raise_key(object, status, args[0]);
}

/* ---- changing ---- */

static int tdict_assign(PyObject *object, PyObject *key, PyObject *value)
{
    struct stm_tx *tx = stm__transaction("a change of a TDict");
    enum stm_status status;

    if (tx == NULL)
        return -1;
    if (value == NULL)
        status = stm_tdict_remove(tx, dict_of(object), (stm_value)key, NULL);
    else
        status = stm_tdict_set(tx, dict_of(object), (stm_value)key,
                               (stm_value)value);
    if (status == STM_OK)
        return 0;
    (void)stm__raise_key(object, status, key);
    return -1;
}

static PyObject *tdict_setdefault(PyObject *object, PyObject *const *args,
                                  Py_ssize_t count)
{
    struct stm_tx *tx = stm__transaction("TDict.setdefault()");
    enum stm_status status;
    stm_value value;

    if (tx == NULL || !has_arguments("setdefault", count))
        return NULL;
    status = stm_tdict_get_or_set(tx, dict_of(object), (stm_value)args[0],
                                  (stm_value)(count == 2 ? args[1] : Py_None),
                                  &value);
    if (status == STM_OK)
        return Py_NewRef((PyObject *)value);
    return stm__raise_key(object, status, args[0]);
}

static PyObject *tdict_pop(PyObject *object, PyObject *const *args,
                           Py_ssize_t count)
{
    struct stm_tx *tx = stm__transaction("TDict.pop()");
    enum stm_status status;
    stm_value value;

    if (tx == NULL || !has_arguments("pop", count))
        return NULL;
    status = stm_tdict_remove(tx, dict_of(object), (stm_value)args[0], &value);
    if (status == STM_OK)
        return Py_NewRef((PyObject *)value);
    if (status == STM_ENOTFOUND && count == 2)
        return Py_NewRef(args[1]);
    return stm__raise_key(object, status, args[0]);
}

static PyObject *tdict_popitem(PyObject *object, PyObject *unused)
{
    struct stm_tx *tx = stm__transaction("TDict.popitem()");
    enum stm_status status;
    stm_value key, value;

    (void)unused;
    if (tx == NULL)
        return NULL;
    status = stm_tdict_pop_back(tx, dict_of(object), &key, &value);
    if (status == STM_OK)
        return PyTuple_Pack(2, (PyObject *)key, (PyObject *)value);
    if (status != STM_EEMPTY)
        return stm__raise(stm__state_of(object), status);
    PyErr_SetString(PyExc_KeyError, "popitem(): TDict is empty");
    return NULL;
}

static PyObject *tdict_clear_items(PyObject *object, PyObject *unused)
{
    struct stm_tx *tx = stm__transaction("TDict.clear()");
    enum stm_status status;

    (void)unused;
    if (tx == NULL)
        return NULL;
    status = stm_tdict_clear(tx, dict_of(object));
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    Py_RETURN_NONE;
}

/* ---- as a whole ---- */

static enum stm_status snapshot(struct stm_tx *tx, PyObject *object,
                                struct stm_map **out)
{
    return stm_tdict_snapshot(tx, dict_of(object), out);
}

static const struct stm__keyed kind = {
    .snapshot = snapshot,
    .shown = STM__ITEMS,
    .within_itself = "%s({...})",
    .iter = "iter() of a TDict",
    .reversed = "reversed() of a TDict",
};

struct stm_map *stm__tdict_snapshot(PyObject *object, const char *what)
{
    return stm__keyed_snapshot(object, &kind, what);
}

struct stm_map *stm__tdict_snapshot_anywhere(PyObject *object)
{
    return stm__keyed_snapshot_anywhere(object, &kind);
}

static PyObject *tdict_iter(PyObject *object)
{
    return stm__keyed_iter(object, &kind);
}

static PyObject *tdict_reversed(PyObject *object, PyObject *unused)
{
    (void)unused;
    return stm__keyed_reversed(object, &kind);
}

static PyObject *tdict_repr(PyObject *object)
{
    return stm__keyed_repr(object, &kind);
}

static PyObject *tdict_keys(PyObject *object, PyObject *unused)
{
    (void)unused;
    return stm__view_new(stm__state_of(object)->tdict_keys, object, STM__KEYS);
}

static PyObject *tdict_values(PyObject *object, PyObject *unused)
{
    (void)unused;
    return stm__view_new(stm__state_of(object)->tdict_values, object,
                         STM__VALUES);
}

static PyObject *tdict_items(PyObject *object, PyObject *unused)
{
    (void)unused;
    return stm__view_new(stm__state_of(object)->tdict_items, object,
                         STM__ITEMS);
}

/* ---- life ---- */

static PyObject *tdict_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    struct stm__tdict *self = (struct stm__tdict *)type->tp_alloc(type, 0);

    (void)args;
    (void)kwargs;
    if (self == NULL)
        return NULL;
    self->dict = stm_tdict_new(&stm__keys, &stm__object_type);
    if (self->dict != NULL)
        return (PyObject *)self;
    Py_DECREF(self);
    return PyErr_NoMemory();
}

static int tdict_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct stm__tdict *self = (struct stm__tdict *)object;
    struct stm__visitor visitor = {visit, arg};

    Py_VISIT(Py_TYPE(self));
    if (self->dict == NULL)
        return 0;
    return stm_tdict_traverse(self->dict, stm__visit, &visitor);
}

static int tdict_clear(PyObject *object)
{
    struct stm__tdict *self = (struct stm__tdict *)object;

    if (self->dict != NULL)
        stm_tdict_discard(self->dict);
    return 0;
}

static void tdict_dealloc(PyObject *object)
{
    struct stm__tdict *self = (struct stm__tdict *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, tdict_dealloc) if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs(object);
    if (self->dict != NULL)
        stm_tdict_release(self->dict);
    type->tp_free(object);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

/* ---- the type ---- */

PyDoc_STRVAR(
    tdict_doc,
    "TDict(values=(), /, **kwargs)\n--\n\n"
    "A transactional dictionary.\n\n"
    "It does what a dict does, inside atomically(), and takes what dict()\n"
    "takes.  Finding, setting and deleting a key takes time that grows with\n"
    "the logarithm of the length to a base of 32; a copy takes constant time.\n"
    "An iterator goes over the dictionary as it was when iter() was called,\n"
    "so that it may change meanwhile.");

#define DOC(text) PyDoc_STR(text)
#define FASTCALL(function) (PyCFunction)(void (*)(void))(function)

static PyMethodDef methods[] = {
    {"get", FASTCALL(tdict_get), METH_FASTCALL,
     DOC("get($self, key, default=None, /)\n--\n\n"
         "Return the value of a key, or default if there is none.")},
    {"setdefault", FASTCALL(tdict_setdefault), METH_FASTCALL,
     DOC("setdefault($self, key, default=None, /)\n--\n\n"
         "Return the value of a key, which is set to default first if there "
         "is none.")},
    {"pop", FASTCALL(tdict_pop), METH_FASTCALL,
     DOC("pop($self, key, default=..., /)\n--\n\n"
         "Remove a key and return its value.\n\n"
         "If there is none, return default if it is given, else raise "
         "KeyError.")},
    {"popitem", tdict_popitem, METH_NOARGS,
     DOC("popitem($self, /)\n--\n\n"
         "Remove the key that was put in last and return it and its value.\n\n"
         "Raise KeyError if the dictionary is empty.")},
    {"clear", tdict_clear_items, METH_NOARGS,
     DOC("clear($self, /)\n--\n\nRemove all keys.")},
    {"update", FASTCALL(stm__tdict_update), METH_VARARGS | METH_KEYWORDS,
     DOC("update($self, values=(), /, **kwargs)\n--\n\n"
         "Set the keys of a mapping, or of an iterable of pairs, and those of "
         "kwargs.")},
    {"keys", tdict_keys, METH_NOARGS,
     DOC("keys($self, /)\n--\n\nReturn a view of the keys, like a set.")},
    {"values", tdict_values, METH_NOARGS,
     DOC("values($self, /)\n--\n\nReturn a view of the values.")},
    {"items", tdict_items, METH_NOARGS,
     DOC("items($self, /)\n--\n\n"
         "Return a view of the pairs of key and value, like a set.")},
    {"copy", stm__tdict_copy, METH_NOARGS,
     DOC("copy($self, /)\n--\n\n"
         "Return a new TDict with the same keys and values.")},
    {"fromkeys", stm__tdict_fromkeys, METH_VARARGS | METH_CLASS,
     DOC("fromkeys($type, iterable, value=None, /)\n--\n\n"
         "Return a new TDict with the keys of an iterable, all of one value.")},
    {"__reversed__", tdict_reversed, METH_NOARGS,
     DOC("__reversed__($self, /)\n--\n\n"
         "Return an iterator over the keys in reverse order.")},
    {"__copy__", stm__tdict_shallow_copy, METH_NOARGS,
     DOC("__copy__($self, /)\n--\n\n"
         "Return a copy of the same type, with the same attributes.")},
    {"__reduce__", stm__tdict_reduce, METH_NOARGS,
     DOC("__reduce__($self, /)\n--\n\nReturn what pickles the dictionary.")},
    {"__setstate__", stm__tdict_setstate, METH_O,
     DOC("__setstate__($self, state, /)\n--\n\n"
         "Take the contents and attributes that __reduce__() gave.")},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     DOC("TDicts are generic over the types of their keys and values.")},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct stm__tdict, weakrefs),
     READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)tdict_doc},
    {Py_tp_new, tdict_new},
    {Py_tp_init, stm__tdict_init_items},
    {Py_tp_dealloc, tdict_dealloc},
    {Py_tp_traverse, tdict_traverse},
    {Py_tp_clear, tdict_clear},
    {Py_tp_repr, tdict_repr},
    {Py_tp_iter, tdict_iter},
    {Py_tp_richcompare, stm__tdict_compare},
    {Py_tp_hash, PyObject_HashNotImplemented},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_sq_contains, stm__tdict_contains},
    {Py_mp_length, stm__tdict_length},
    {Py_mp_subscript, tdict_subscript},
    {Py_mp_ass_subscript, tdict_assign},
    {Py_nb_or, stm__tdict_or},
    {Py_nb_inplace_or, stm__tdict_inplace_or},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm.datatypes.TDict",
    .basicsize = sizeof(struct stm__tdict),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_MAPPING,
    .slots = slots,
};

int stm__tdict_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->tdict, &spec);
}
