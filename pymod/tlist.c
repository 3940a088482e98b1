/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TList: the type and its methods.  What goes by index is in tlist_items.c,
 * what compares items or moves them all in tlist_values.c, sums, products and
 * copies are in tlist_copies.c, making and pickling in tlist_state.c. */

#include "tlist-internal.h"

#include <atomic_ops.h>

static struct stm_tlist *list_of(PyObject *object)
{
    return ((struct stm__tlist *)object)->list;
}

PyObject *stm__seq_as_list(const struct stm_seq *seq)
{
    size_t length = stm_seq_length(seq), index = 0, count;
    PyObject *result = PyList_New((Py_ssize_t)length);

    while (result != NULL && index < length) {
        const stm_value *run = stm_seq_run(seq, index, &count);

        for (size_t i = 0; i < count; i++, index++)
            PyList_SET_ITEM(result, (Py_ssize_t)index,
                            Py_NewRef((PyObject *)run[i]));
    }
    return result;
}

/* ---- whole lists ---- */

static Py_ssize_t tlist_length(PyObject *object)
{
    struct stm_tx *tx = stm__transaction("len() of a TList");
    enum stm_status status;
    size_t length;

    if (tx == NULL)
        return -1;
    status = stm_tlist_length(tx, list_of(object), &length);
    if (status == STM_OK)
        return (Py_ssize_t)length;
    (void)stm__raise(stm__state_of(object), status);
    return -1;
}

struct stm_seq *stm__tlist_snapshot(PyObject *object, const char *what)
{
    struct stm_tx *tx = stm__transaction(what);
    enum stm_status status;
    struct stm_seq *seq;

    if (tx == NULL)
        return NULL;
    status = stm_tlist_snapshot(tx, list_of(object), &seq);
    if (status == STM_OK)
        return seq;
    (void)stm__raise(stm__state_of(object), status);
    return NULL;
}

static PyObject *tlist_iter(PyObject *object)
{
    struct stm_seq *seq = stm__tlist_snapshot(object, "iter() of a TList");

    if (seq == NULL)
        return NULL;
    return stm__tlist_iterator_new(stm__state_of(object), seq, false);
}

struct snapshot {
    struct stm_tlist *list;
    struct stm_seq *seq;
};

static enum stm_status snapshot_body(struct stm_tx *tx, void *argument)
{
    struct snapshot *snapshot = argument;

    if (snapshot->seq != NULL)
        stm_seq_release(snapshot->seq);
    snapshot->seq = NULL;
    return stm_tlist_snapshot(tx, snapshot->list, &snapshot->seq);
}

/* Works outside of transactions, too. */
static PyObject *items_anywhere(PyObject *object)
{
    struct snapshot snapshot = {.list = list_of(object)};
    PyObject *items = NULL;

    if (stm__call_run(stm__state_of(object), snapshot_body, &snapshot) == 0)
        items = stm__seq_as_list(snapshot.seq);
    if (snapshot.seq != NULL)
        stm_seq_release(snapshot.seq);
    return items;
}

/* As sets and deques show themselves: by the name of the class.  A list within
 * is shown as it is when its turn comes. */
static PyObject *tlist_repr(PyObject *object)
{
    PyObject *name = PyType_GetName(Py_TYPE(object));
    PyObject *items = NULL, *result = NULL;
    int nested;

    if (name == NULL)
        return NULL;
    nested = Py_ReprEnter(object);
    if (nested > 0)
        result = PyUnicode_FromFormat("%U([...])", name);
    if (nested == 0) {
        items = items_anywhere(object);
        if (items != NULL)
            result = PyUnicode_FromFormat("%U(%R)", name, items);
        Py_XDECREF(items);
        Py_ReprLeave(object);
    }
    Py_DECREF(name);
    return result;
}

/* ---- adding ---- */

static PyObject *tlist_append(PyObject *object, PyObject *item)
{
    struct stm_tx *tx = stm__transaction("TList.append()");
    enum stm_status status;

    if (tx == NULL)
        return NULL;
    status = stm_tlist_append(tx, list_of(object), (stm_value)item);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    Py_RETURN_NONE;
}

static int check_count(const char *name, Py_ssize_t count, Py_ssize_t least,
                       Py_ssize_t most)
{
    if (count >= least && count <= most)
        return 0;
    PyErr_Format(PyExc_TypeError, "%s expected %s %zd argument%s, got %zd",
                 name, least == most ? "exactly" : "at most", most,
                 most == 1 ? "" : "s", count);
    return -1;
}

static int as_position(PyObject *argument, Py_ssize_t *out)
{
    PyObject *number = PyNumber_Index(argument);

    if (number == NULL)
        return -1;
    *out = PyLong_AsSsize_t(number);
    Py_DECREF(number);
    return *out == -1 && PyErr_Occurred() != NULL ? -1 : 0;
}

static enum stm_status insert(struct stm_tx *tx, struct stm_tlist *list,
                              Py_ssize_t index, PyObject *item)
{
    size_t length;

    STM_TRY(stm_tlist_length(tx, list, &length));
    if (index < 0)
        index = Py_MAX(index + (Py_ssize_t)length, 0);
    index = Py_MIN(index, (Py_ssize_t)length);
    return stm_tlist_insert(tx, list, (size_t)index, (stm_value)item);
}

static PyObject *tlist_insert(PyObject *object, PyObject *const *args,
                              Py_ssize_t count)
{
    struct stm_tx *tx = stm__transaction("TList.insert()");
    enum stm_status status;
    Py_ssize_t index;

    if (tx == NULL || check_count("insert", count, 2, 2) < 0 ||
        as_position(args[0], &index) < 0)
        return NULL;
    status = insert(tx, list_of(object), index, args[1]);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    Py_RETURN_NONE;
}

/* ---- taking out ---- */

static enum stm_status pop(struct stm_tx *tx, struct stm_tlist *list,
                           Py_ssize_t index, stm_value *out)
{
    size_t length;

    if (index == -1)
        return stm_tlist_pop_back(tx, list, out);
    if (index == 0)
        return stm_tlist_pop_front(tx, list, out);
    STM_TRY(stm_tlist_length(tx, list, &length));
    if (index < 0)
        index += (Py_ssize_t)length;
    return index < 0 ? STM_ERANGE
                     : stm_tlist_remove(tx, list, (size_t)index, out);
}

static PyObject *tlist_pop(PyObject *object, PyObject *const *args,
                           Py_ssize_t count)
{
    struct stm_tx *tx = stm__transaction("TList.pop()");
    Py_ssize_t index = -1;
    enum stm_status status;
    stm_value item;

    if (tx == NULL || check_count("pop", count, 0, 1) < 0 ||
        (count == 1 && as_position(args[0], &index) < 0))
        return NULL;
    status = pop(tx, list_of(object), index, &item);
    if (status == STM_OK)
        return Py_NewRef((PyObject *)item);
    return stm__raise_index(stm__state_of(object), status,
                            status == STM_EEMPTY ? "pop from empty list"
                                                 : "pop index out of range");
}

static PyObject *tlist_clear_items(PyObject *object, PyObject *unused)
{
    struct stm_tx *tx = stm__transaction("TList.clear()");
    enum stm_status status;

    (void)unused;
    if (tx == NULL)
        return NULL;
    status = stm_tlist_clear(tx, list_of(object));
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    Py_RETURN_NONE;
}

/* ---- life ---- */

/* What a pool works on is going to run, and counts as reachable. */
static int tlist_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct stm__tlist *self = (struct stm__tlist *)object;
    struct stm__visitor visitor = {visit, arg};

    Py_VISIT(Py_TYPE(self));
    if (self->list == NULL || AO_load(&self->pooled))
        return 0;
    return stm_tlist_traverse(self->list, stm__visit, &visitor);
}

static int tlist_clear(PyObject *object)
{
    struct stm__tlist *self = (struct stm__tlist *)object;

    if (self->list != NULL && !AO_load(&self->pooled))
        stm_tlist_discard(self->list);
    return 0;
}

static void tlist_dealloc(PyObject *object)
{
    struct stm__tlist *self = (struct stm__tlist *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, tlist_dealloc) if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs(object);
    if (self->list != NULL)
        stm_tlist_release(self->list);
    type->tp_free(object);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

/* ---- the type ---- */

PyDoc_STRVAR(
    tlist_doc,
    "TList(initial_values=())\n--\n\n"
    "A transactional list.\n\n"
    "It does what a list does, inside atomically().  Adding and taking out at\n"
    "either end takes constant time, elsewhere, and for slices with step 1\n"
    "and sums of TLists, time that grows with the logarithm of the length.\n"
    "An iterator goes over the list as it was when iter() was called.\n\n"
    "A TList is made, unpickled and shown anywhere; outside of a transaction,\n"
    "repr() shows what was committed last.");

#define DOC(text) PyDoc_STR(text)

static PyMethodDef methods[] = {
    {"append", tlist_append, METH_O,
     DOC("append($self, item, /)\n--\n\nAdd an item at the end.")},
    {"insert", (PyCFunction)(void (*)(void))tlist_insert, METH_FASTCALL,
     DOC("insert($self, index, item, /)\n--\n\nInsert an item before index.")},
    {"extend", stm__tlist_extend, METH_O,
     DOC("extend($self, values, /)\n--\n\nAdd all items of an iterable at the "
         "end.")},
    {"pop", (PyCFunction)(void (*)(void))tlist_pop, METH_FASTCALL,
     DOC("pop($self, index=-1, /)\n--\n\nRemove the item at index and return "
         "it.\n\nRaise IndexError if there is none.")},
    {"clear", tlist_clear_items, METH_NOARGS,
     DOC("clear($self, /)\n--\n\nRemove all items.")},
    {"copy", stm__tlist_copy, METH_NOARGS,
     DOC("copy($self, /)\n--\n\nReturn a new TList with the same items.")},
    {"__copy__", stm__tlist_shallow, METH_NOARGS,
     DOC("__copy__($self, /)\n--\n\nReturn a new list of the same class with "
         "the same items\nand attributes.")},
    {"__reduce__", stm__tlist_reduce, METH_NOARGS,
     DOC("__reduce__($self, /)\n--\n\nReturn what pickle and copy make the "
         "list of again.")},
    {"__setstate__", stm__tlist_setstate, METH_O,
     DOC("__setstate__($self, state, /)\n--\n\nSet the items and attributes "
         "that __reduce__() returned.\n\nThis works anywhere.")},
    {"index", (PyCFunction)(void (*)(void))stm__tlist_index, METH_FASTCALL,
     DOC("index($self, item, start=0, stop=sys.maxsize, /)\n--\n\nReturn the "
         "first index of an item.\n\nRaise ValueError if there is none.")},
    {"count", stm__tlist_count, METH_O,
     DOC("count($self, item, /)\n--\n\nReturn how many items are equal to "
         "item.")},
    {"remove", stm__tlist_remove, METH_O,
     DOC("remove($self, item, /)\n--\n\nRemove the first item equal to "
         "item.\n\nRaise ValueError if there is none.")},
    {"sort", (PyCFunction)(void (*)(void))stm__tlist_sort,
     METH_VARARGS | METH_KEYWORDS,
     DOC("sort($self, /, *, key=None, reverse=False)\n--\n\nSort the list as "
         "list.sort() does.\n\nWhen it fails, the list is as it was.  Raise "
         "ValueError if the key or a\ncomparison changes the list.")},
    {"reverse", stm__tlist_reverse, METH_NOARGS,
     DOC("reverse($self, /)\n--\n\nReverse the order of the items.")},
    {"__reversed__", stm__tlist_reversed, METH_NOARGS,
     DOC("__reversed__($self, /)\n--\n\nReturn a reverse iterator over the "
         "list as it is now.")},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     DOC("TLists are generic over the type of their items.")},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct stm__tlist, weakrefs),
     READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)tlist_doc},
    {Py_tp_new, stm__tlist_make},
    {Py_tp_init, stm__tlist_fill_anew},
    {Py_tp_dealloc, tlist_dealloc},
    {Py_tp_traverse, tlist_traverse},
    {Py_tp_clear, tlist_clear},
    {Py_tp_repr, tlist_repr},
    {Py_tp_iter, tlist_iter},
    {Py_tp_richcompare, stm__tlist_compare},
    {Py_tp_hash, PyObject_HashNotImplemented},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_sq_length, tlist_length},
    {Py_sq_item, stm__tlist_item},
    {Py_sq_ass_item, stm__tlist_assign_item},
    {Py_sq_contains, stm__tlist_contains},
    {Py_sq_concat, stm__tlist_concat},
    {Py_sq_repeat, stm__tlist_repeat},
    {Py_sq_inplace_concat, stm__tlist_inplace_concat},
    {Py_sq_inplace_repeat, stm__tlist_inplace_repeat},
    {Py_mp_length, tlist_length},
    {Py_mp_subscript, stm__tlist_subscript},
    {Py_mp_ass_subscript, stm__tlist_assign},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm.datatypes.TList",
    .basicsize = sizeof(struct stm__tlist),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_SEQUENCE,
    .slots = slots,
};

int stm__tlist_init(PyObject *module, struct stm__state *state)
{
    if (stm__add_type(module, &state->tlist, &spec) < 0)
        return -1;
    state->tlist->tp_vectorcall = stm__tlist_call; /* subclasses get none */
    return 0;
}
