/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TWeakRef.  Of the library's reference, which it owns, others have one only
 * while a death is on its way to the service thread. */

#include "tweakref-internal.h"

static bool has_ref(struct stm__tweakref *self)
{
    if (self->ref != NULL)
        return true;
    PyErr_SetString(PyExc_RuntimeError, "TWeakRef.__init__() was not called");
    return false;
}

/* Finds the referent, borrowed until the attempt ends, or NULL if it is dead.
 * Returns -1 with an exception. */
static int find_referent(PyObject *object, const char *what, PyObject **out)
{
    struct stm__tweakref *self = (struct stm__tweakref *)object;
    struct stm_tx *tx = stm__transaction(what);
    enum stm_status status;
    stm_value referent;

    if (tx == NULL || !has_ref(self))
        return -1;
    status = stm_tweakref_get(tx, self->ref, &referent);
    if (status != STM_OK) {
        (void)stm__raise(stm__state_of(object), status);
        return -1;
    }
    *out = (PyObject *)referent;
    return 0;
}

static PyObject *get_as(PyObject *object, const char *what)
{
    PyObject *referent;

    if (find_referent(object, what, &referent) < 0)
        return NULL;
    return Py_NewRef(referent == NULL ? Py_None : referent);
}

static PyObject *tweakref_get(PyObject *object, PyObject *unused)
{
    (void)unused;
    return get_as(object, "TWeakRef.get()");
}

static PyObject *tweakref_call(PyObject *object, PyObject *args,
                               PyObject *kwargs)
{
    static char *keywords[] = {NULL};

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, ":TWeakRef", keywords))
        return NULL;
    return get_as(object, "TWeakRef()");
}

static PyObject *tweakref_get_value(PyObject *object, void *unused)
{
    (void)unused;
    return get_as(object, "TWeakRef.value");
}

static PyObject *tweakref_is_alive(PyObject *object, void *unused)
{
    PyObject *referent;

    (void)unused;
    if (find_referent(object, "TWeakRef.is_alive", &referent) < 0)
        return NULL;
    return PyBool_FromLong(referent != NULL);
}

/* ---- the callback ---- */

/* The body of the transaction that follows the death.  The reference that the
 * link has kept for it lasts until the service thread's visit ends, since the
 * attempt may not be the last. */
static enum stm_status run_callback(struct stm_tx *tx, void *argument)
{
    PyObject **kept = stm__link_bereaved(argument), *result;
    struct stm__tweakref *self =
        (struct stm__tweakref *)stm__service_take(kept);
    stm_value armed;

    if (self == NULL || self->callback == NULL)
        return STM_OK; /* the collector has been here */
    STM_TRY(stm_tvar_get(tx, self->armed, &armed));
    if (!armed)
        return STM_OK;
    result = PyObject_CallNoArgs(self->callback);
    if (result == NULL)
        return stm__call_failed(tx);
    stm__discard(result);
    return stm_tx_status(tx);
}

/* ---- making ---- */

struct making {
    struct stm_weak weak;
    struct stm_tvar *armed;
    struct stm_tweakref *ref;
};

/* The callback is armed by a write, so that it is not if the transaction that
 * makes the reference is undone. */
static enum stm_status make_body(struct stm_tx *tx, void *argument)
{
    struct making *making = argument;

    stm_tweakref_release(making->ref); /* of an attempt that was thrown away */
    making->ref = NULL;
    STM_TRY(stm_tweakref_new(tx, &making->weak, &making->ref));
    if (making->armed == NULL)
        return STM_OK;
    return stm_tvar_set(tx, making->armed, 1);
}

/* Makes the library's reference by way of the link; -1 with an exception. */
static int make(struct stm__tweakref *self, PyObject *link)
{
    struct making making = {
        .weak = {.type = &stm__link_type, .link = (stm_value)link},
        .armed = self->armed,
    };

    if (self->callback != NULL) {
        making.weak.callback = run_callback;
        making.weak.argument = (stm_value)link;
    }
    if (stm__call_run(stm__state_of((PyObject *)self), make_body, &making) <
        0) {
        stm_tweakref_release(making.ref);
        return -1;
    }
    self->ref = making.ref;
    return 0;
}

static int set_callback(struct stm__tweakref *self, PyObject *callback)
{
    if (callback == Py_None)
        return 0;
    if (!PyCallable_Check(callback)) {
        PyErr_Format(PyExc_TypeError, "%.200s object is not callable",
                     Py_TYPE(callback)->tp_name);
        return -1;
    }
    self->armed = stm_tvar_new(NULL, 0);
    if (self->armed == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    self->callback = Py_NewRef(callback);
    return 0;
}

static int tweakref_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"value", "callback", NULL};
    struct stm__tweakref *self = (struct stm__tweakref *)object;
    PyObject *value, *callback = Py_None, *link;
    int result = -1;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:TWeakRef", keywords,
                                     &value, &callback))
        return -1;
    if (self->ref != NULL || self->callback != NULL) {
        PyErr_SetString(PyExc_RuntimeError,
                        "TWeakRef.__init__() was called already");
        return -1;
    }
    link = stm__link_new(stm__state_of(object)->tweakref_link, object, value);
    if (link == NULL)
        return -1;
    if (set_callback(self, callback) == 0 && make(self, link) == 0)
        result = 0;
    stm__link_drop(link);
    return result;
}

/* ---- the type ---- */

static int tweakref_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct stm__tweakref *self = (struct stm__tweakref *)object;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->callback);
    return 0;
}

static int tweakref_clear(PyObject *object)
{
    struct stm__tweakref *self = (struct stm__tweakref *)object;

    Py_CLEAR(self->callback);
    return 0;
}

static void tweakref_dealloc(PyObject *object)
{
    struct stm__tweakref *self = (struct stm__tweakref *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, tweakref_dealloc) if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs(object);
    (void)tweakref_clear(object);
    stm_tweakref_release(self->ref);
    if (self->armed != NULL)
        stm_tvar_release(self->armed);
    type->tp_free(object);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

PyDoc_STRVAR(
    tweakref_doc,
    "TWeakRef(value, callback=None)\n--\n\n"
    "A weak reference whose referent is, to one transaction, alive or dead.\n\n"
    "Whoever finds it alive keeps it so until the transaction ends, which the\n"
    "transaction that makes the reference does as well.  One that is made\n"
    "outside of a transaction is weak at once.\n\n"
    "The death is a change like any other: it ends a retry() and runs\n"
    "watchers again.  Then, if the TWeakRef was still there when the referent\n"
    "died, the callback is called with no arguments in a transaction of its\n"
    "own, on a thread of the library's.  What it raises, retry() included,\n"
    "goes to sys.unraisablehook().  If the transaction that made the TWeakRef\n"
    "was undone, the callback is not called.");

PyDoc_STRVAR(get_doc, "get($self, /)\n--\n\n"
                      "Return the referent, or None if it is dead.");

static PyMethodDef methods[] = {
    {"get", tweakref_get, METH_NOARGS, get_doc},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     PyDoc_STR("TWeakRefs are generic over the type of their referent.")},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"value", tweakref_get_value, NULL,
     PyDoc_STR("The referent, as get() has it."), NULL},
    {"is_alive", tweakref_is_alive, NULL,
     PyDoc_STR("Whether the referent is alive."), NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct stm__tweakref, weakrefs),
     READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)tweakref_doc},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, tweakref_init},
    {Py_tp_dealloc, tweakref_dealloc},
    {Py_tp_traverse, tweakref_traverse},
    {Py_tp_clear, tweakref_clear},
    {Py_tp_call, tweakref_call},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm.TWeakRef",
    .basicsize = sizeof(struct stm__tweakref),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int stm__tweakref_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->tweakref, &spec);
}
