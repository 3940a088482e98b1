/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* What leads from a TWeakRef to its referent: a weak reference of Python's,
 * whose callback is this object itself.
 *
 *     TWeakRef --> the library's reference --> link <--> weakref.ref - - > it
 *        ^- - - - - - - - - - - - - - - - - - -/
 *
 * The two in the middle refer to each other until nobody uses the link any
 * more; neither of them keeps anything of the user's alive, nor the TWeakRef,
 * so the collector need not see them.  The exception is a TWeakRef whose
 * callback is still to run: the link keeps that from the death until then. */

#include "tweakref-internal.h"

#include <atomic_ops.h>

struct link {
    PyObject_HEAD PyObject *weak; /* NULL once nobody uses the link */
    AO_t uses;                    /* the maker's, and the library's */
    PyObject *owner;              /* a weak reference to the TWeakRef */
    PyObject *bereaved;           /* the TWeakRef whose callback is to run */
    bool dead;                    /* upgrade has failed */
#ifdef Py_GIL_DISABLED
    PyMutex lock;
#endif
};

static void lock(struct link *link)
{
#ifdef Py_GIL_DISABLED
    PyMutex_Lock(&link->lock);
#else
    (void)link;
#endif
}

static void unlock(struct link *link)
{
#ifdef Py_GIL_DISABLED
    PyMutex_Unlock(&link->lock);
#else
    (void)link;
#endif
}

/* A new reference, or NULL without an exception. */
static PyObject *referent_of(PyObject *weak)
{
    PyObject *referent;

#if PY_VERSION_HEX >= 0x030d0000
    return PyWeakref_GetRef(weak, &referent) == 1 ? referent : NULL;
#else
    referent = PyWeakref_GetObject(weak);
    return referent == Py_None ? NULL : Py_NewRef(referent);
#endif
}

/* ---- as the library has it ---- */

/* Each attempt that makes a TWeakRef's reference uses the link anew. */
static void retain(stm_value value)
{
    struct link *self = (struct link *)value;

    (void)AO_fetch_and_add1(&self->uses);
}

/* The last one takes the two apart. */
static void release(stm_value value)
{
    struct link *self = (struct link *)value;

    if (AO_fetch_and_sub1_full(&self->uses) > 1)
        return;
    Py_CLEAR(self->weak);
    Py_DECREF(self);
}

static bool may_release(stm_value value)
{
    (void)value;
    return stm__attached();
}

static const struct stm_type link_type = {.name = "weak link",
                                          .retain = retain,
                                          .release = release,
                                          .may_release = may_release};

/* An object is without references for a moment before its finalizer runs, which
 * sees it alive again.  Who has asked in that moment was told that it is dead,
 * and so it stays dead for all. */
static bool upgrade(stm_value value, stm_value *out)
{
    struct link *self = (struct link *)value;
    PyObject *referent = NULL;

    lock(self);
    if (!self->dead) {
        referent = referent_of(self->weak);
        self->dead = referent == NULL;
    }
    unlock(self);
    *out = (stm_value)referent;
    return referent != NULL;
}

const struct stm_weak_type stm__link_type = {
    .link = &link_type, .upgrade = upgrade, .referent = &stm__object_type};

/* ---- the death ---- */

/* Python calls this with the weak reference when the referent has died. */
static PyObject *link_call(PyObject *object, PyObject *args, PyObject *kwargs)
{
    struct link *self = (struct link *)object;
    struct stm__tweakref *owner =
        (struct stm__tweakref *)referent_of(self->owner);

    (void)args;
    (void)kwargs;
    if (owner == NULL)
        Py_RETURN_NONE;
    if (owner->ref != NULL) { /* else __init__ has failed */
        if (owner->callback != NULL)
            self->bereaved = Py_NewRef((PyObject *)owner);
        stm_tweakref_died(owner->ref);
    }
    Py_DECREF(owner);
    Py_RETURN_NONE;
}

PyObject **stm__link_bereaved(PyObject *link)
{
    return &((struct link *)link)->bereaved;
}

/* ---- the type ---- */

PyObject *stm__link_new(PyTypeObject *type, PyObject *owner, PyObject *referent)
{
    struct link *self = (struct link *)type->tp_alloc(type, 0);

    if (self == NULL)
        return NULL;
    self->uses = 1;
    self->owner = PyWeakref_NewRef(owner, NULL);
    if (self->owner != NULL)
        self->weak = PyWeakref_NewRef(referent, (PyObject *)self);
    if (self->weak != NULL)
        return (PyObject *)self;
    Py_DECREF(self);
    return NULL;
}

void stm__link_drop(PyObject *link) { release((stm_value)link); }

static void link_dealloc(PyObject *object)
{
    struct link *self = (struct link *)object;
    PyTypeObject *type = Py_TYPE(self);

    Py_XDECREF(self->weak);
    Py_XDECREF(self->owner);
    Py_XDECREF(self->bereaved);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"What leads from a TWeakRef to its referent."},
    {Py_tp_dealloc, link_dealloc},
    {Py_tp_call, link_call},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm._stm._WeakLink",
    .basicsize = sizeof(struct link),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

int stm__tweakref_link_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->tweakref_link, &spec);
}
