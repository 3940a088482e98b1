/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TQueue. */

#include "module-internal.h"

struct queue {
    PyObject_HEAD struct stm_tqueue *queue; /* NULL until __init__ has run */
    PyObject *weakrefs;
};

static struct stm_tqueue *queue_of(PyObject *object)
{
    return ((struct queue *)object)->queue;
}

/* The running attempt, if the queue can be used in it. */
static struct stm_tx *attempt_for(PyObject *object, const char *what)
{
    struct stm_tx *tx = stm__transaction(what);

    return tx != NULL && stm__is_made(object, queue_of(object)) ? tx : NULL;
}

/* ---- putting ---- */

static PyObject *put(struct stm_tx *tx, PyObject *object, PyObject *item,
                     const struct stm__patience *patience)
{
    enum stm_status status =
        stm_tqueue_put(tx, queue_of(object), (stm_value)item);

    if (status == STM_EFULL)
        status = stm__wait_instead(tx, status, patience);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    Py_RETURN_NONE;
}

static PyObject *queue_put(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"item", "block", "timeout", NULL};
    struct stm_tx *tx = attempt_for(object, "TQueue.put()");
    PyObject *item, *seconds = Py_None;
    struct stm__patience patience;
    int block = 1;

    if (tx == NULL ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, "O|pO:put", keywords, &item,
                                     &block, &seconds) ||
        stm__patience_init(&patience, block, seconds) < 0)
        return NULL;
    return put(tx, object, item, &patience);
}

static PyObject *queue_put_nowait(PyObject *object, PyObject *item)
{
    struct stm_tx *tx = attempt_for(object, "TQueue.put_nowait()");
    const struct stm__patience none = {.block = 0};

    return tx != NULL ? put(tx, object, item, &none) : NULL;
}

/* ---- getting ---- */

static enum stm_status get_item(struct stm_tx *tx, PyObject *object,
                                stm_value *out)
{
    return stm_tqueue_get(tx, queue_of(object), out);
}

static enum stm_status peek_item(struct stm_tx *tx, PyObject *object,
                                 stm_value *out)
{
    return stm_tqueue_peek(tx, queue_of(object), out);
}

static PyObject *queue_get(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static const struct stm__taking get = {.what = "TQueue.get()",
                                           .format = "|pO:get",
                                           .block = 1,
                                           .take = get_item};

    if (!stm__is_made(object, queue_of(object)))
        return NULL;
    return stm__take_item(&get, object, args, kwargs);
}

static PyObject *queue_peek(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static const struct stm__taking peek = {.what = "TQueue.peek()",
                                            .format = "|pO:peek",
                                            .block = 0,
                                            .take = peek_item};

    if (!stm__is_made(object, queue_of(object)))
        return NULL;
    return stm__take_item(&peek, object, args, kwargs);
}

static PyObject *queue_get_nowait(PyObject *object, PyObject *unused)
{
    struct stm_tx *tx = attempt_for(object, "TQueue.get_nowait()");
    enum stm_status status;
    stm_value item;

    (void)unused;
    if (tx == NULL)
        return NULL;
    status = stm_tqueue_get(tx, queue_of(object), &item);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    return Py_NewRef((PyObject *)item);
}

/* ---- asking ---- */

static Py_ssize_t length(PyObject *object, const char *what)
{
    struct stm_tx *tx = attempt_for(object, what);
    enum stm_status status;
    size_t count;

    if (tx == NULL)
        return -1;
    status = stm_tqueue_length(tx, queue_of(object), &count);
    if (status == STM_OK)
        return (Py_ssize_t)count;
    (void)stm__raise(stm__state_of(object), status);
    return -1;
}

static Py_ssize_t queue_length(PyObject *object)
{
    return length(object, "len() of a TQueue");
}

static PyObject *queue_qsize(PyObject *object, PyObject *unused)
{
    Py_ssize_t count = length(object, "TQueue.qsize()");

    (void)unused;
    return count < 0 ? NULL : PyLong_FromSsize_t(count);
}

/* By looking at the front alone, so that a put at the back does not disturb. */
static PyObject *queue_empty(PyObject *object, PyObject *unused)
{
    struct stm_tx *tx = attempt_for(object, "TQueue.empty()");
    enum stm_status status;
    stm_value item;

    (void)unused;
    if (tx == NULL)
        return NULL;
    status = stm_tqueue_peek(tx, queue_of(object), &item);
    if (status != STM_OK && status != STM_EEMPTY)
        return stm__raise(stm__state_of(object), status);
    return PyBool_FromLong(status == STM_EEMPTY);
}

static PyObject *queue_full(PyObject *object, PyObject *unused)
{
    Py_ssize_t count = length(object, "TQueue.full()");
    size_t capacity;

    (void)unused;
    if (count < 0)
        return NULL;
    capacity = stm_tqueue_capacity(queue_of(object));
    return PyBool_FromLong(capacity != 0 && (size_t)count == capacity);
}

static PyObject *queue_maxsize(PyObject *object, void *unused)
{
    (void)unused;
    if (!stm__is_made(object, queue_of(object)))
        return NULL;
    return PyLong_FromSize_t(stm_tqueue_capacity(queue_of(object)));
}

struct look {
    struct stm_tqueue *queue;
    size_t count;
};

static enum stm_status look_body(struct stm_tx *tx, void *argument)
{
    struct look *look = argument;

    return stm_tqueue_length(tx, look->queue, &look->count);
}

static PyObject *queue_repr(PyObject *object)
{
    struct look look = {.queue = queue_of(object)};

    if (look.queue == NULL)
        return PyUnicode_FromFormat("<%s at %p>", Py_TYPE(object)->tp_name,
                                    object);
    if (stm__call_run(stm__state_of(object), look_body, &look) < 0)
        return NULL;
    return PyUnicode_FromFormat("<%s at %p maxsize=%zu qsize=%zu>",
                                Py_TYPE(object)->tp_name, object,
                                stm_tqueue_capacity(look.queue), look.count);
}

/* ---- life ---- */

static int queue_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"maxsize", NULL};
    struct queue *self = (struct queue *)object;
    Py_ssize_t maxsize = 0;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|n:TQueue", keywords,
                                     &maxsize))
        return -1;
    if (self->queue != NULL) {
        PyErr_SetString(PyExc_RuntimeError,
                        "TQueue.__init__() was called already");
        return -1;
    }
    self->queue =
        stm_tqueue_new(&stm__object_type, maxsize > 0 ? (size_t)maxsize : 0);
    if (self->queue != NULL)
        return 0;
    PyErr_NoMemory();
    return -1;
}

static int queue_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct stm__visitor visitor = {visit, arg};

    Py_VISIT(Py_TYPE(object));
    if (queue_of(object) == NULL)
        return 0;
    return stm_tqueue_traverse(queue_of(object), stm__visit, &visitor);
}

static int queue_clear(PyObject *object)
{
    if (queue_of(object) != NULL)
        stm_tqueue_discard(queue_of(object));
    return 0;
}

static void queue_dealloc(PyObject *object)
{
    struct queue *self = (struct queue *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, queue_dealloc) if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs(object);
    if (self->queue != NULL)
        stm_tqueue_release(self->queue);
    type->tp_free(object);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

/* ---- the type ---- */

PyDoc_STRVAR(
    queue_doc,
    "TQueue(maxsize=0)\n--\n\n"
    "A transactional first-in first-out queue of at most maxsize items.\n\n"
    "Zero or less: of any number.  put() and get() wait by retry, and do not\n"
    "disturb each other unless the queue is empty or full.  A queue with a\n"
    "maxsize has all its places from the start.");

PyDoc_STRVAR(
    put_doc,
    "put($self, /, item, block=True, timeout=None)\n--\n\n"
    "Add an item at the end.\n\n"
    "If there is no room, retry; or raise Full if block is false, or Timeout\n"
    "after timeout seconds.");

PyDoc_STRVAR(
    get_doc,
    "get($self, /, block=True, timeout=None)\n--\n\n"
    "Remove the first item and return it.\n\n"
    "If there is none, retry; or raise Empty if block is false, or Timeout\n"
    "after timeout seconds.");

PyDoc_STRVAR(peek_doc, "peek($self, /, block=False, timeout=None)\n--\n\n"
                       "Return the first item and leave it there.\n\n"
                       "block and timeout are those of get().");

static PyMethodDef methods[] = {
    {"put", (PyCFunction)(void (*)(void))queue_put,
     METH_VARARGS | METH_KEYWORDS, put_doc},
    {"get", (PyCFunction)(void (*)(void))queue_get,
     METH_VARARGS | METH_KEYWORDS, get_doc},
    {"peek", (PyCFunction)(void (*)(void))queue_peek,
     METH_VARARGS | METH_KEYWORDS, peek_doc},
    {"put_nowait", queue_put_nowait, METH_O,
     PyDoc_STR("put_nowait($self, item, /)\n--\n\n"
               "The same as put(item, block=False).")},
    {"get_nowait", queue_get_nowait, METH_NOARGS,
     PyDoc_STR("get_nowait($self, /)\n--\n\n"
               "The same as get(block=False).")},
    {"qsize", queue_qsize, METH_NOARGS,
     PyDoc_STR("qsize($self, /)\n--\n\nReturn the number of items.")},
    {"empty", queue_empty, METH_NOARGS,
     PyDoc_STR("empty($self, /)\n--\n\nReturn whether there is no item.")},
    {"full", queue_full, METH_NOARGS,
     PyDoc_STR("full($self, /)\n--\n\nReturn whether there is no room.")},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     PyDoc_STR("Queues are generic over the type of their items.")},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"maxsize", queue_maxsize, NULL,
     PyDoc_STR("How many items there may be; 0: any number."), NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct queue, weakrefs),
     READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)queue_doc},   {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, queue_init},         {Py_tp_dealloc, queue_dealloc},
    {Py_tp_traverse, queue_traverse}, {Py_tp_clear, queue_clear},
    {Py_tp_repr, queue_repr},         {Py_tp_methods, methods},
    {Py_tp_getset, properties},       {Py_tp_members, members},
    {Py_sq_length, queue_length},     {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm.datatypes.TQueue",
    .basicsize = sizeof(struct queue),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int stm__tqueue_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->tqueue, &spec);
}
