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

typedef enum stm_status take(struct stm_tx *tx, struct stm_endpoint *endpoint,
                             stm_value *out);

static enum stm_status take_or_wait(struct stm_tx *tx, take *function,
                                    struct stm_endpoint *endpoint, int block,
                                    uint64_t timeout, stm_value *out)
{
    enum stm_status status = function(tx, endpoint, out);

    if (status != STM_EEMPTY || !block)
        return status;
    STM_TRY(
        stm__check_timeout(tx, timeout == STM_FOREVER ? NULL : &timeout, NULL));
    return stm_retry(tx);
}

/* get() and peek(); `format` ends in the method's name. */
static PyObject *take_item(PyObject *object, PyObject *args, PyObject *kwargs,
                           const char *format, take *function, int block)
{
    static char *keywords[] = {"block", "timeout", NULL};
    struct stm_tx *tx = stm__transaction("the use of a BroadcastEndpoint");
    PyObject *seconds = Py_None;
    enum stm_status status;
    uint64_t timeout;
    stm_value item;

    if (tx == NULL ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, format, keywords, &block,
                                     &seconds) ||
        stm__nanoseconds(seconds, &timeout) < 0)
        return NULL;
    status =
        take_or_wait(tx, function, endpoint_of(object), block, timeout, &item);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    return Py_NewRef((PyObject *)item);
}

static PyObject *endpoint_get(PyObject *object, PyObject *args,
                              PyObject *kwargs)
{
    return take_item(object, args, kwargs, "|pO:get", stm_endpoint_get, 1);
}

static PyObject *endpoint_peek(PyObject *object, PyObject *args,
                               PyObject *kwargs)
{
    return take_item(object, args, kwargs, "|pO:peek", stm_endpoint_peek, 0);
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

PyDoc_STRVAR(duplicate_doc, "duplicate($self, /)\n--\n\n"
                            "Return a new endpoint with the same items.");

static PyMethodDef methods[] = {
    {"get", (PyCFunction)(void (*)(void))endpoint_get,
     METH_VARARGS | METH_KEYWORDS, get_doc},
    {"peek", (PyCFunction)(void (*)(void))endpoint_peek,
     METH_VARARGS | METH_KEYWORDS, peek_doc},
    {"replace", endpoint_replace, METH_O, replace_doc},
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
