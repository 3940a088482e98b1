/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TCounter. */

#include "module-internal.h"

struct counter {
    PyObject_HEAD struct stm_tcounter *counter; /* NULL until __init__ */
    PyObject *weakrefs;
};

static struct stm_tcounter *counter_of(PyObject *object)
{
    return ((struct counter *)object)->counter;
}

static PyObject *counter_add(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"n", NULL};
    struct stm_tx *tx = stm__transaction("TCounter.add()");
    enum stm_status status;
    long long n = 1;

    if (tx == NULL || !stm__is_made(object, counter_of(object)) ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, "|L:add", keywords, &n))
        return NULL;
    status = stm_tcounter_add(tx, counter_of(object), n);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    Py_RETURN_NONE;
}

static PyObject *counter_get(PyObject *object, PyObject *unused)
{
    struct stm_tx *tx = stm__transaction("TCounter.get()");
    enum stm_status status;
    uint64_t value;

    (void)unused;
    if (tx == NULL || !stm__is_made(object, counter_of(object)))
        return NULL;
    status = stm_tcounter_get(tx, counter_of(object), &value);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    return PyLong_FromLongLong((int64_t)value);
}

static PyObject *counter_value(PyObject *object, void *unused)
{
    (void)unused;
    return counter_get(object, NULL);
}

struct look {
    struct stm_tcounter *counter;
    uint64_t value;
};

static enum stm_status look_body(struct stm_tx *tx, void *argument)
{
    struct look *look = argument;

    return stm_tcounter_get(tx, look->counter, &look->value);
}

static PyObject *counter_repr(PyObject *object)
{
    struct look look = {.counter = counter_of(object)};

    if (look.counter == NULL)
        return PyUnicode_FromFormat("<%s at %p>", Py_TYPE(object)->tp_name,
                                    object);
    if (stm__call_run(stm__state_of(object), look_body, &look) < 0)
        return NULL;
    return PyUnicode_FromFormat("%s(%lld)", stm__short_name(object),
                                (long long)look.value);
}

static int counter_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"initial", NULL};
    struct counter *self = (struct counter *)object;
    long long initial = 0;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|L:TCounter", keywords,
                                     &initial))
        return -1;
    if (self->counter != NULL) {
        PyErr_SetString(PyExc_RuntimeError,
                        "TCounter.__init__() was called already");
        return -1;
    }
    self->counter = stm_tcounter_new((uint64_t)initial);
    if (self->counter != NULL)
        return 0;
    PyErr_NoMemory();
    return -1;
}

static void counter_dealloc(PyObject *object)
{
    struct counter *self = (struct counter *)object;
    PyTypeObject *type = Py_TYPE(self);

    if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs(object);
    if (self->counter != NULL)
        stm_tcounter_release(self->counter);
    type->tp_free(object);
    Py_DECREF(type);
}

PyDoc_STRVAR(
    counter_doc,
    "TCounter(initial=0)\n--\n\n"
    "A number to which transactions add without conflict.\n\n"
    "Transactions that only add never disturb each other; one that reads is\n"
    "disturbed by those that add.  Numbers are those of 64 bits, signed, and "
    "a\n"
    "sum beyond them wraps around.");

PyDoc_STRVAR(add_doc, "add($self, /, n=1)\n--\n\n"
                      "Add a number, which may be negative.\n\n"
                      "Raise OverflowError if it has more than 64 bits.");

PyDoc_STRVAR(get_doc, "get($self, /)\n--\n\n"
                      "Return the number, own additions included.");

static PyMethodDef methods[] = {
    {"add", (PyCFunction)(void (*)(void))counter_add,
     METH_VARARGS | METH_KEYWORDS, add_doc},
    {"get", counter_get, METH_NOARGS, get_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"value", counter_value, NULL, PyDoc_STR("The number, as get() has it."),
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct counter, weakrefs),
     READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)counter_doc},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, counter_init},
    {Py_tp_dealloc, counter_dealloc},
    {Py_tp_repr, counter_repr},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm.TCounter",
    .basicsize = sizeof(struct counter),
    .flags =
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int stm__tcounter_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->tcounter, &spec);
}
