/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TVar. */

#include "module-internal.h"

struct tvar {
    PyObject_HEAD struct stm_tvar *var; /* NULL until __init__ has run */
    PyObject *weakrefs;
};

static bool has_var(struct tvar *self)
{
    if (self->var != NULL)
        return true;
    PyErr_SetString(PyExc_RuntimeError, "TVar.__init__() was not called");
    return false;
}

static PyObject *tvar_get(PyObject *object, PyObject *unused)
{
    struct tvar *self = (struct tvar *)object;
    struct stm_tx *tx = stm__transaction("TVar.get()");
    enum stm_status status;
    stm_value value;

    (void)unused;
    if (tx == NULL || !has_var(self))
        return NULL;
    status = stm_tvar_get(tx, self->var, &value);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    return Py_NewRef(value == 0 ? Py_None : (PyObject *)value);
}

static PyObject *tvar_set(PyObject *object, PyObject *value)
{
    struct tvar *self = (struct tvar *)object;
    struct stm_tx *tx = stm__transaction("TVar.set()");
    enum stm_status status;

    if (tx == NULL || !has_var(self))
        return NULL;
    status = stm_tvar_set(tx, self->var, (stm_value)value);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    Py_RETURN_NONE;
}

static PyObject *tvar_get_value(PyObject *object, void *unused)
{
    (void)unused;
    return tvar_get(object, NULL);
}

static int tvar_set_value(PyObject *object, PyObject *value, void *unused)
{
    PyObject *result;

    (void)unused;
    if (value == NULL) {
        PyErr_SetString(PyExc_AttributeError,
                        "a TVar's value cannot be deleted");
        return -1;
    }
    result = tvar_set(object, value);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static PyObject *tvar_get_name(PyObject *object, void *unused)
{
    struct tvar *self = (struct tvar *)object;
    const char *name;

    (void)unused;
    if (!has_var(self))
        return NULL;
    name = stm_tvar_name(self->var);
    if (name == NULL)
        Py_RETURN_NONE;
    return PyUnicode_FromString(name);
}

static PyObject *tvar_repr(PyObject *object)
{
    struct tvar *self = (struct tvar *)object;
    const char *name = self->var != NULL ? stm_tvar_name(self->var) : NULL;

    if (name == NULL)
        return PyUnicode_FromFormat("<%s at %p>", Py_TYPE(self)->tp_name, self);
    return PyUnicode_FromFormat("<%s '%s' at %p>", Py_TYPE(self)->tp_name, name,
                                self);
}

static int tvar_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"value", "name", NULL};
    struct tvar *self = (struct tvar *)object;
    PyObject *value = Py_None;
    const char *name = NULL;
    struct stm_tvar *var;
    enum stm_status status = STM_ENOMEM;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|Oz:TVar", keywords, &value,
                                     &name))
        return -1;
    if (self->var != NULL) {
        PyErr_SetString(PyExc_RuntimeError,
                        "TVar.__init__() was called already");
        return -1;
    }
    var = stm_tvar_new(&stm__object_type, (stm_value)value);
    if (var != NULL)
        status = name == NULL ? STM_OK : stm_tvar_set_name(var, name);
    if (status != STM_OK) {
        if (var != NULL)
            stm_tvar_release(var);
        (void)stm__raise(stm__state_of(object), status);
        return -1;
    }
    self->var = var;
    return 0;
}

static int tvar_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct tvar *self = (struct tvar *)object;
    struct stm__visitor visitor = {visit, arg};

    Py_VISIT(Py_TYPE(self));
    if (self->var == NULL)
        return 0;
    return stm_tvar_traverse(self->var, stm__visit, &visitor);
}

static int tvar_clear(PyObject *object)
{
    struct tvar *self = (struct tvar *)object;

    if (self->var != NULL)
        stm_tvar_clear(self->var);
    return 0;
}

static void tvar_dealloc(PyObject *object)
{
    struct tvar *self = (struct tvar *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, tvar_dealloc) if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs(object);
    if (self->var != NULL)
        stm_tvar_release(self->var);
    type->tp_free(object);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

PyDoc_STRVAR(
    tvar_doc,
    "TVar(value=None, name=None)\n--\n\n"
    "A variable that changes only by transactions.\n\n"
    "A TVar is made anywhere, but read and written only inside atomically().\n"
    "The name appears in statistics and errors.");

PyDoc_STRVAR(get_doc, "get($self, /)\n--\n\nReturn the value.");

PyDoc_STRVAR(set_doc,
             "set($self, value, /)\n--\n\n"
             "Replace the value; others see it when the transaction commits.");

static PyMethodDef methods[] = {
    {"get", tvar_get, METH_NOARGS, get_doc},
    {"set", tvar_set, METH_O, set_doc},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     PyDoc_STR("TVars are generic over the type of their value.")},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"value", tvar_get_value, tvar_set_value,
     PyDoc_STR("The value, as get() and set() have it."), NULL},
    {"name", tvar_get_name, NULL, PyDoc_STR("The name, or None."), NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct tvar, weakrefs),
     READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)tvar_doc},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, tvar_init},
    {Py_tp_dealloc, tvar_dealloc},
    {Py_tp_traverse, tvar_traverse},
    {Py_tp_clear, tvar_clear},
    {Py_tp_repr, tvar_repr},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm.TVar",
    .basicsize = sizeof(struct tvar),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int stm__tvar_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->tvar, &spec);
}
