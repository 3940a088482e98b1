/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TPriorityQueue. */

#include "module-internal.h"

#include <atomic_ops.h>

struct queue {
    PyObject_HEAD struct stm_tpriorityqueue *queue;
    size_t id; /* of no other queue in this process */
    PyObject *weakrefs;
    size_t pooled; /* a pool works on it, so that it is never garbage */
};

/* The last id given out; atomic. */
static AO_t last_id;

static struct stm_tpriorityqueue *queue_of(PyObject *object)
{
    return ((struct queue *)object)->queue;
}

/* ---- putting in and taking out ---- */

static PyObject *queue_push(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"item", "priority", NULL};
    struct stm_tx *tx = stm__transaction("TPriorityQueue.push()");
    struct stm__state *state = stm__state_of(object);
    struct stm__tticket *ticket;
    enum stm_status status;
    long long priority = 0;
    PyObject *item;

    if (tx == NULL || !PyArg_ParseTupleAndKeywords(args, kwargs, "O|L:push",
                                                   keywords, &item, &priority))
        return NULL;
    ticket = stm__tticket_new(state, ((struct queue *)object)->id);
    if (ticket == NULL)
        return NULL;
    status = stm_tpriorityqueue_push(tx, queue_of(object), priority,
                                     (stm_value)item, &ticket->ticket);
    if (status == STM_OK)
        return (PyObject *)ticket;
    Py_DECREF(ticket);
    return stm__raise(state, status);
}

static enum stm_status pop_item(struct stm_tx *tx, PyObject *object,
                                stm_value *out)
{
    return stm_tpriorityqueue_pop(tx, queue_of(object), out, NULL);
}

static enum stm_status peek_item(struct stm_tx *tx, PyObject *object,
                                 stm_value *out)
{
    size_t count;

    STM_TRY(stm_tpriorityqueue_length(tx, queue_of(object), &count));
    if (count == 0)
        return STM_EEMPTY;
    return stm_tpriorityqueue_get(tx, queue_of(object), 0, out, NULL);
}

static PyObject *queue_pop(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static const struct stm__taking pop = {.what = "TPriorityQueue.pop()",
                                           .format = "|pO:pop",
                                           .block = 0,
                                           .take = pop_item};

    return stm__take_item(&pop, object, args, kwargs);
}

static PyObject *queue_peek(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static const struct stm__taking peek = {.what = "TPriorityQueue.peek()",
                                            .format = "|pO:peek",
                                            .block = 0,
                                            .take = peek_item};

    return stm__take_item(&peek, object, args, kwargs);
}

static enum stm_status take_out(struct stm_tx *tx, PyObject *object,
                                const struct stm__tticket *ticket,
                                stm_value *out)
{
    if (ticket->queue_id != ((struct queue *)object)->id)
        return STM_ENOTFOUND;
    return stm_tpriorityqueue_remove(tx, queue_of(object), &ticket->ticket,
                                     out);
}

static PyObject *queue_remove(PyObject *object, PyObject *ticket)
{
    struct stm_tx *tx = stm__transaction("TPriorityQueue.remove()");
    struct stm__state *state = stm__state_of(object);
    enum stm_status status;
    stm_value item;

    if (tx == NULL)
        return NULL;
    if (!Py_IS_TYPE(ticket, state->tticket)) {
        PyErr_Format(PyExc_TypeError,
                     "expected a ticket that push() returned, not a %.200s",
                     Py_TYPE(ticket)->tp_name);
        return NULL;
    }
    status = take_out(tx, object, (struct stm__tticket *)ticket, &item);
    if (status != STM_OK)
        return stm__raise(state, status);
    return Py_NewRef((PyObject *)item);
}

static PyObject *queue_clear_items(PyObject *object, PyObject *unused)
{
    struct stm_tx *tx = stm__transaction("TPriorityQueue.clear()");
    enum stm_status status;

    (void)unused;
    if (tx == NULL)
        return NULL;
    status = stm_tpriorityqueue_clear(tx, queue_of(object));
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    Py_RETURN_NONE;
}

/* ---- looking at all ---- */

static Py_ssize_t queue_length(PyObject *object)
{
    struct stm_tx *tx = stm__transaction("len() of a TPriorityQueue");
    enum stm_status status;
    size_t count;

    if (tx == NULL)
        return -1;
    status = stm_tpriorityqueue_length(tx, queue_of(object), &count);
    if (status == STM_OK)
        return (Py_ssize_t)count;
    (void)stm__raise(stm__state_of(object), status);
    return -1;
}

/* Adds the items to a Python list, in order.  Nothing here makes an object that
 * the collector tracks: it could run a finalizer that changes the queue. */
static enum stm_status append_all(struct stm_tx *tx, PyObject *object,
                                  PyObject *items)
{
    stm_value item;
    size_t count;

    STM_TRY(stm_tpriorityqueue_length(tx, queue_of(object), &count));
    for (size_t i = 0; i < count; i++) {
        STM_TRY(stm_tpriorityqueue_get(tx, queue_of(object), i, &item, NULL));
        if (PyList_Append(items, (PyObject *)item) < 0)
            return STM__INTERRUPTED;
    }
    return STM_OK;
}

static PyObject *queue_iter(PyObject *object)
{
    struct stm_tx *tx = stm__transaction("iter() of a TPriorityQueue");
    PyObject *items, *iterator;
    enum stm_status status;

    if (tx == NULL)
        return NULL;
    items = PyList_New(0);
    if (items == NULL)
        return NULL;
    status = append_all(tx, object, items);
    if (status == STM_OK)
        iterator = PyObject_GetIter(items);
    else
        iterator = stm__raise(stm__state_of(object), status);
    Py_DECREF(items);
    return iterator;
}

struct look {
    struct stm_tpriorityqueue *queue;
    size_t count;
};

static enum stm_status look_body(struct stm_tx *tx, void *argument)
{
    struct look *look = argument;

    return stm_tpriorityqueue_length(tx, look->queue, &look->count);
}

static PyObject *queue_repr(PyObject *object)
{
    struct look look = {.queue = queue_of(object)};

    if (stm__call_run(stm__state_of(object), look_body, &look) < 0)
        return NULL;
    return PyUnicode_FromFormat("<%s at %p len=%zu>", Py_TYPE(object)->tp_name,
                                object, look.count);
}

/* ---- life ---- */

static PyObject *queue_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    struct queue *self = (struct queue *)type->tp_alloc(type, 0);

    (void)args;
    (void)kwargs;
    if (self == NULL)
        return NULL;
    self->id = AO_fetch_and_add1(&last_id) + 1;
    self->queue = stm_tpriorityqueue_new(&stm__object_type);
    if (self->queue != NULL)
        return (PyObject *)self;
    Py_DECREF(self);
    return PyErr_NoMemory();
}

static int queue_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {NULL};

    (void)object;
    return PyArg_ParseTupleAndKeywords(args, kwargs, ":TPriorityQueue",
                                       keywords)
               ? 0
               : -1;
}

struct stm_tpriorityqueue *stm__tpriorityqueue_pool(PyObject *object)
{
    AO_store(&((struct queue *)object)->pooled, 1);
    return queue_of(object);
}

/* Is what it holds to be found by the collector?  What a pool works on is going
 * to run, and counts as reachable. */
static bool is_traced(PyObject *object)
{
    return queue_of(object) != NULL &&
           !AO_load(&((struct queue *)object)->pooled);
}

static int queue_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct stm__visitor visitor = {visit, arg};

    Py_VISIT(Py_TYPE(object));
    if (!is_traced(object))
        return 0;
    return stm_tpriorityqueue_traverse(queue_of(object), stm__visit, &visitor);
}

static int queue_clear(PyObject *object)
{
    if (is_traced(object))
        stm_tpriorityqueue_discard(queue_of(object));
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
        stm_tpriorityqueue_release(self->queue);
    type->tp_free(object);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

/* ---- the type ---- */

PyDoc_STRVAR(
    queue_doc,
    "TPriorityQueue()\n--\n\n"
    "A transactional queue whose item with the lowest number comes first.\n\n"
    "Among items of one priority the one that was put in first comes first.\n"
    "Items are never compared.  An iterator goes over the items as they were\n"
    "when iter() was called, in the order in which pop() would return them.");

PyDoc_STRVAR(
    push_doc,
    "push($self, /, item, priority=0)\n--\n\n"
    "Put an item in and return a ticket, by which remove() finds it.\n\n"
    "Raise OverflowError if priority has more than 64 bits.");

PyDoc_STRVAR(
    pop_doc,
    "pop($self, /, block=False, timeout=None)\n--\n\n"
    "Remove the first item and return it.\n\n"
    "If there is none, raise Empty; or retry if block is true, and raise\n"
    "Timeout after timeout seconds.");

PyDoc_STRVAR(peek_doc, "peek($self, /, block=False, timeout=None)\n--\n\n"
                       "Return the first item and leave it there.\n\n"
                       "block and timeout are those of pop().");

PyDoc_STRVAR(remove_doc, "remove($self, ticket, /)\n--\n\n"
                         "Remove the item with this ticket and return it.\n\n"
                         "Raise KeyError if it is not there, or not any more.");

static PyMethodDef methods[] = {
    {"push", (PyCFunction)(void (*)(void))queue_push,
     METH_VARARGS | METH_KEYWORDS, push_doc},
    {"pop", (PyCFunction)(void (*)(void))queue_pop,
     METH_VARARGS | METH_KEYWORDS, pop_doc},
    {"peek", (PyCFunction)(void (*)(void))queue_peek,
     METH_VARARGS | METH_KEYWORDS, peek_doc},
    {"remove", queue_remove, METH_O, remove_doc},
    {"clear", queue_clear_items, METH_NOARGS,
     PyDoc_STR("clear($self, /)\n--\n\nRemove all items.")},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     PyDoc_STR("Queues are generic over the type of their items.")},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct queue, weakrefs),
     READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)queue_doc},   {Py_tp_new, queue_new},
    {Py_tp_init, queue_init},         {Py_tp_dealloc, queue_dealloc},
    {Py_tp_traverse, queue_traverse}, {Py_tp_clear, queue_clear},
    {Py_tp_repr, queue_repr},         {Py_tp_iter, queue_iter},
    {Py_tp_methods, methods},         {Py_tp_members, members},
    {Py_sq_length, queue_length},     {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm.datatypes.TPriorityQueue",
    .basicsize = sizeof(struct queue),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int stm__tpriorityqueue_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->tpriorityqueue, &spec);
}
