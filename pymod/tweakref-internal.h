/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_PYMOD_TWEAKREF_INTERNAL_H
#define STM_PYMOD_TWEAKREF_INTERNAL_H

/* What a TWeakRef and the link to its referent share. */

#include "module-internal.h"

struct stm__tweakref {
    PyObject_HEAD struct stm_tweakref *ref; /* NULL until __init__ has run */
    struct stm_tvar *armed; /* not 0: the callback is to run; NULL: none */
    PyObject *callback;
    PyObject *weakrefs;
};

/* tweakref_link.c: the library's way to the referent of `owner`, a TWeakRef.
 * NULL with an exception.  The maker drops it when the library has taken it, or
 * has not. */
PyObject *stm__link_new(PyTypeObject *type, PyObject *owner,
                        PyObject *referent);
void stm__link_drop(PyObject *link);
extern const struct stm_weak_type stm__link_type;

/* Where the link keeps its owner from the death until the callback runs. */
PyObject **stm__link_bereaved(PyObject *link);

#endif
