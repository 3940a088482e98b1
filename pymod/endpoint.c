/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* BroadcastEndpoint. */

#include "module-internal.h"

struct endpoint {
    PyObject_HEAD struct stm_endpoint *endpoint;
    PyObject *weakrefs;
};

static struct stm_endpoint *endpoint_of(PyObject *object)
{
    return ((struct endpoint *)object)->endpoint;
}

PyObject *stm__endpoint_object(struct stm__state *state,
                               struct stm_endpoint *endpoint)
{
    PyTypeObject *type = state->endpoint;
    struct endpoint *self = (struct endpoint *)type->tp_alloc(type, 0);

    if (self == NULL)
        stm_endpoint_release(endpoint);
    else
        self->endpoint = endpoint;
    return (PyObject *)self;
}

static enum stm_status get_item(struct stm_tx *tx, PyObject *object,
                                stm_value *out)
{
    return stm_endpoint_get(tx, endpoint_of(object), out);
}

static enum stm_status peek_item(struct stm_tx *tx, PyObject *object,
                                 stm_value *out)
{
    return stm_endpoint_peek(tx, endpoint_of(object), out);
}

static PyObject *endpoint_get(PyObject *object, PyObject *args,
                              PyObject *kwargs)
{
    static const struct stm__taking get = {.what = "BroadcastEndpoint.get()",
                                           .format = "|pO:get",
                                           .block = 1,
                                           .take = get_item};

    return stm__take_item(&get, object, args, kwargs);
}

static PyObject *endpoint_peek(PyObject *object, PyObject *args,
                               PyObject *kwargs)
{
    static const struct stm__taking peek = {.what = "BroadcastEndpoint.peek()",
                                            .format = "|pO:peek",
                                            .block = 0,
                                            .take = peek_item};

    return stm__take_item(&peek, object, args, kwargs);
}

static PyObject *endpoint_replace(PyObject *object, PyObject *item)
{
    struct stm_tx *tx = stm__transaction("BroadcastEndpoint.replace()");
    enum stm_status status;

    if (tx == NULL)
        return NULL;
    status =
        stm_endpoint_replace(tx, endpoint_of(object), (stm_value)item, NULL);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    Py_RETURN_NONE;
}

/* ---- removing by equality ---- */

/* Takes items out of an endpoint, which is a duplicate, and adds them to a
 * Python list until one is equal to `wanted`, which is the last then.  1, 0 for
 * none, or -1 with an exception. */
static int search(struct stm_tx *tx, struct stm__state *state,
                  struct stm_endpoint *copy, PyObject *wanted, PyObject *passed)
{
    enum stm_status status;
    stm_value item;
    int found = 0;

    while (found == 0) {
        status = stm_endpoint_get(tx, copy, &item);
        if (status == STM_EEMPTY)
            return 0;
        if (status != STM_OK) {
            (void)stm__raise(state, status);
            return -1;
        }
        if (PyList_Append(passed, (PyObject *)item) < 0)
            return -1;
        found = PyObject_RichCompareBool((PyObject *)item, wanted, Py_EQ);
    }
    return found;
}

/* Takes the items of a list out and puts all but the last back.  *same tells
 * whether they were what came next; if not, all is as before. */
static enum stm_status take_out(struct stm_tx *tx,
                                struct stm_endpoint *endpoint, PyObject *passed,
                                bool *same)
{
    Py_ssize_t taken = 0, count = PyList_GET_SIZE(passed);
    enum stm_status status = STM_OK;
    stm_value item;

    for (; taken < count; taken++) {
        status = stm_endpoint_peek(tx, endpoint, &item);
        if (status != STM_OK ||
            (PyObject *)item != PyList_GET_ITEM(passed, taken))
            break;
        STM_TRY(stm_endpoint_get(tx, endpoint, &item));
    }
    if (status != STM_OK && status != STM_EEMPTY)
        return status;
    *same = taken == count;
    for (Py_ssize_t i = *same ? count - 1 : taken; i > 0; i--)
        STM_TRY(stm_endpoint_replace(
            tx, endpoint, (stm_value)PyList_GET_ITEM(passed, i - 1), NULL));
    return STM_OK;
}

/* Searches a duplicate, since == may do anything, and then takes the item out
 * of the endpoint itself.  *same is false if that was changed meanwhile.
 * Returns as search() does. */
static int search_and_take_out(PyObject *object, struct stm_tx *tx,
                               PyObject *wanted, PyObject *passed, bool *same)
{
    struct stm__state *state = stm__state_of(object);
    struct stm_endpoint *copy;
    enum stm_status status;
    int found;

    status = stm_endpoint_duplicate(tx, endpoint_of(object), &copy);
    if (status != STM_OK) {
        (void)stm__raise(state, status);
        return -1;
    }
    *same = true;
    found = search(tx, state, copy, wanted, passed);
    stm_endpoint_release(copy);
    if (found <= 0)
        return found;
    status = take_out(tx, endpoint_of(object), passed, same);
    if (status == STM_OK)
        return 1;
    (void)stm__raise(state, status);
    return -1;
}

static PyObject *endpoint_remove(PyObject *object, PyObject *item)
{
    struct stm_tx *tx = stm__transaction("BroadcastEndpoint.remove()");
    bool same = false;
    int found = 0;

    if (tx == NULL)
        return NULL;
    while (!same && found >= 0) {
        PyObject *passed = PyList_New(0);

        if (passed == NULL)
            return NULL;
        found = search_and_take_out(object, tx, item, passed, &same);
        Py_DECREF(passed);
    }
    if (found < 0)
        return NULL;
    if (found > 0)
        Py_RETURN_NONE;
    PyErr_SetString(PyExc_ValueError,
                    "BroadcastEndpoint.remove(x): x is not there");
    return NULL;
}

/* ---- the rest ---- */

static PyObject *endpoint_duplicate(PyObject *object, PyObject *unused)
{
    struct stm_tx *tx = stm__transaction("BroadcastEndpoint.duplicate()");
    struct stm__state *state = stm__state_of(object);
    struct stm_endpoint *copy;
    enum stm_status status;

    (void)unused;
    if (tx == NULL)
        return NULL;
    status = stm_endpoint_duplicate(tx, endpoint_of(object), &copy);
    if (status != STM_OK)
        return stm__raise(state, status);
    return stm__endpoint_object(state, copy);
}

static PyObject *endpoint_remaining(PyObject *object, void *unused)
{
    struct stm_tx *tx = stm__transaction("BroadcastEndpoint.remaining");
    enum stm_status status;
    size_t count;

    (void)unused;
    if (tx == NULL)
        return NULL;
    status = stm_endpoint_remaining(tx, endpoint_of(object), &count);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    return PyLong_FromSize_t(count);
}

/* By looking at the front alone, so that only a change there disturbs. */
static PyObject *endpoint_is_empty(PyObject *object, void *unused)
{
    struct stm_tx *tx = stm__transaction("BroadcastEndpoint.is_empty");
    enum stm_status status;
    stm_value item;

    (void)unused;
    if (tx == NULL)
        return NULL;
    status = stm_endpoint_peek(tx, endpoint_of(object), &item);
    if (status != STM_OK && status != STM_EEMPTY)
        return stm__raise(stm__state_of(object), status);
    return PyBool_FromLong(status == STM_EEMPTY);
}

static int endpoint_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct stm__visitor visitor = {visit, arg};

    Py_VISIT(Py_TYPE(object));
    if (endpoint_of(object) == NULL)
        return 0;
    return stm_endpoint_traverse(endpoint_of(object), stm__visit, &visitor);
}

static int endpoint_clear(PyObject *object)
{
    if (endpoint_of(object) != NULL)
        stm_endpoint_discard(endpoint_of(object));
    return 0;
}

static void endpoint_dealloc(PyObject *object)
{
    struct endpoint *self = (struct endpoint *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, endpoint_dealloc) if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs(object);
    if (self->endpoint != NULL)
        stm_endpoint_release(self->endpoint);
    type->tp_free(object);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

PyDoc_STRVAR(endpoint_doc,
             "A reader of a BroadcastQueue, as new_endpoint() makes it.");

PyDoc_STRVAR(
    get_doc,
    "get($self, /, block=True, timeout=None)\n--\n\n"
    "Remove the next item and return it.\n\n"
    "If there is none, retry; or raise Empty if block is false, or Timeout\n"
    "after timeout seconds.");

PyDoc_STRVAR(peek_doc, "peek($self, /, block=False, timeout=None)\n--\n\n"
                       "Return the next item and leave it there.\n\n"
                       "block and timeout are those of get().");

PyDoc_STRVAR(replace_doc,
             "replace($self, item, /)\n--\n\n"
             "Put an item in front, so that the next get() returns it.");

PyDoc_STRVAR(
    remove_doc,
    "remove($self, item, /)\n--\n\n"
    "Remove the first item that is equal to item, from this endpoint alone.\n\n"
    "Raise ValueError if there is none.  It takes time that grows with the\n"
    "number of items before it.");

PyDoc_STRVAR(duplicate_doc, "duplicate($self, /)\n--\n\n"
                            "Return a new endpoint with the same items.");

static PyMethodDef methods[] = {
    {"get", (PyCFunction)(void (*)(void))endpoint_get,
     METH_VARARGS | METH_KEYWORDS, get_doc},
    {"peek", (PyCFunction)(void (*)(void))endpoint_peek,
     METH_VARARGS | METH_KEYWORDS, peek_doc},
    {"replace", endpoint_replace, METH_O, replace_doc},
    {"remove", endpoint_remove, METH_O, remove_doc},
    {"duplicate", endpoint_duplicate, METH_NOARGS, duplicate_doc},
    {"__copy__", endpoint_duplicate, METH_NOARGS,
     PyDoc_STR("__copy__($self, /)\n--\n\nThe same as duplicate().")},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     PyDoc_STR("Endpoints are generic over the type of their items.")},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"remaining", endpoint_remaining, NULL,
     PyDoc_STR("How many items get() would return without waiting."), NULL},
    {"is_empty", endpoint_is_empty, NULL,
     PyDoc_STR("Whether there is no item."), NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct endpoint, weakrefs),
     READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)endpoint_doc},
    {Py_tp_dealloc, endpoint_dealloc},
    {Py_tp_traverse, endpoint_traverse},
    {Py_tp_clear, endpoint_clear},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm.datatypes.BroadcastEndpoint",
    .basicsize = sizeof(struct endpoint),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

int stm__endpoint_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->endpoint, &spec);
}
