/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TSemaphore. */

#include "module-internal.h"

struct semaphore {
    PyObject_HEAD struct stm_tsemaphore *semaphore; /* NULL until __init__ */
    PyObject *weakrefs;
};

static struct stm_tsemaphore *semaphore_of(PyObject *object)
{
    return ((struct semaphore *)object)->semaphore;
}

/* A number of permits that a call was given: one or more. */
static bool is_number(long long n)
{
    if (n >= 1)
        return true;
    PyErr_SetString(PyExc_ValueError, "n must be one or more");
    return false;
}

/* STM_EEMPTY: there are fewer, and waiting is not wanted. */
static enum stm_status take(struct stm_tx *tx, struct stm_tsemaphore *semaphore,
                            uint64_t n, const struct stm__patience *patience)
{
    uint64_t available;

    STM_TRY(stm_tsemaphore_available(tx, semaphore, &available));
    if (available < n)
        return stm__wait_instead(tx, STM_EEMPTY, patience);
    return stm_tsemaphore_take(tx, semaphore, n);
}

static PyObject *semaphore_acquire(PyObject *object, PyObject *args,
                                   PyObject *kwargs)
{
    static char *keywords[] = {"block", "timeout", "n", NULL};
    struct stm_tx *tx = stm__transaction("TSemaphore.acquire()");
    PyObject *seconds = Py_None;
    struct stm__patience patience;
    enum stm_status status;
    long long n = 1;
    int block = 1;

    if (tx == NULL || !stm__is_made(object, semaphore_of(object)) ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, "|pO$L:acquire", keywords,
                                     &block, &seconds, &n) ||
        !is_number(n) || stm__patience_init(&patience, block, seconds) < 0)
        return NULL;
    status = take(tx, semaphore_of(object), (uint64_t)n, &patience);
    if (status == STM_EEMPTY || status == STM_ETIMEOUT)
        Py_RETURN_FALSE;
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    Py_RETURN_TRUE;
}

static PyObject *semaphore_release(PyObject *object, PyObject *args,
                                   PyObject *kwargs)
{
    static char *keywords[] = {"n", NULL};
    struct stm_tx *tx = stm__transaction("TSemaphore.release()");
    enum stm_status status;
    long long n = 1;

    if (tx == NULL || !stm__is_made(object, semaphore_of(object)) ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, "|L:release", keywords,
                                     &n) ||
        !is_number(n))
        return NULL;
    status = stm_tsemaphore_give(tx, semaphore_of(object), (uint64_t)n);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    Py_RETURN_NONE;
}

static PyObject *semaphore_available(PyObject *object, void *unused)
{
    struct stm_tx *tx = stm__transaction("TSemaphore.available");
    enum stm_status status;
    uint64_t available;

    (void)unused;
    if (tx == NULL || !stm__is_made(object, semaphore_of(object)))
        return NULL;
    status = stm_tsemaphore_available(tx, semaphore_of(object), &available);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    return PyLong_FromUnsignedLongLong(available);
}

struct look {
    struct stm_tsemaphore *semaphore;
    uint64_t available;
};

static enum stm_status look_body(struct stm_tx *tx, void *argument)
{
    struct look *look = argument;

    return stm_tsemaphore_available(tx, look->semaphore, &look->available);
}

static PyObject *semaphore_repr(PyObject *object)
{
    struct look look = {.semaphore = semaphore_of(object)};

    if (look.semaphore == NULL)
        return PyUnicode_FromFormat("<%s at %p>", Py_TYPE(object)->tp_name,
                                    object);
    if (stm__call_run(stm__state_of(object), look_body, &look) < 0)
        return NULL;
    return PyUnicode_FromFormat("%s(%llu)", stm__short_name(object),
                                (unsigned long long)look.available);
}

static int semaphore_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"value", NULL};
    struct semaphore *self = (struct semaphore *)object;
    long long value = 1;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|L:TSemaphore", keywords,
                                     &value))
        return -1;
    if (value < 0) {
        PyErr_SetString(PyExc_ValueError, "value must be zero or more");
        return -1;
    }
    if (self->semaphore != NULL) {
        PyErr_SetString(PyExc_RuntimeError,
                        "TSemaphore.__init__() was called already");
        return -1;
    }
    self->semaphore = stm_tsemaphore_new((uint64_t)value);
    if (self->semaphore != NULL)
        return 0;
    PyErr_NoMemory();
    return -1;
}

static void semaphore_dealloc(PyObject *object)
{
    struct semaphore *self = (struct semaphore *)object;
    PyTypeObject *type = Py_TYPE(self);

    if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs(object);
    if (self->semaphore != NULL)
        stm_tsemaphore_release(self->semaphore);
    type->tp_free(object);
    Py_DECREF(type);
}

PyDoc_STRVAR(
    semaphore_doc,
    "TSemaphore(value=1)\n--\n\n"
    "A transactional counting semaphore with so many permits at first.\n\n"
    "Permits are taken and given back when the transaction commits, so they\n"
    "are to be held from one transaction to a later one.");

PyDoc_STRVAR(
    acquire_doc,
    "acquire($self, /, block=True, timeout=None, *, n=1)\n--\n\n"
    "Take n permits and return True.\n\n"
    "If there are fewer, retry; or return False if block is false, or after\n"
    "timeout seconds.");

PyDoc_STRVAR(release_doc, "release($self, /, n=1)\n--\n\n"
                          "Give n permits back.");

static PyMethodDef methods[] = {
    {"acquire", (PyCFunction)(void (*)(void))semaphore_acquire,
     METH_VARARGS | METH_KEYWORDS, acquire_doc},
    {"release", (PyCFunction)(void (*)(void))semaphore_release,
     METH_VARARGS | METH_KEYWORDS, release_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"available", semaphore_available, NULL,
     PyDoc_STR("How many permits can be taken."), NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct semaphore, weakrefs),
     READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)semaphore_doc},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, semaphore_init},
    {Py_tp_dealloc, semaphore_dealloc},
    {Py_tp_repr, semaphore_repr},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm.datatypes.TSemaphore",
    .basicsize = sizeof(struct semaphore),
    .flags =
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int stm__tsemaphore_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->tsemaphore, &spec);
}
