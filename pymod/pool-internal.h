/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_PYMOD_POOL_INTERNAL_H
#define STM_PYMOD_POOL_INTERNAL_H

/* What the files of ThreadPool share. */

#include "module-internal.h"

#include <stm-pool.h>

struct stm__pool {
    PyObject_HEAD struct stm_pool *pool; /* NULL until __init__ has run */
    struct stm__crew *crew;              /* the pool's workers */
    PyObject *tasks;                     /* a TList or a TPriorityQueue */
    PyObject *weakrefs;
};

/* The pool, borrowed; NULL with an exception before __init__ has run. */
struct stm_pool *stm__pool_of(PyObject *self);

/* Takes the arguments of those names (NULL: not given) into an order.  0, or -1
 * with an exception. */
int stm__pool_take_priority(PyObject *self, PyObject *priority,
                            struct stm_pool_order *order);
int stm__pool_take_delay(PyObject *delay, struct stm_pool_order *order);

/* pool_make.c: __init__, and what it asks of its numbers: 0, or -1 with an
 * exception. */
int stm__pool_check_size(Py_ssize_t max_threads, Py_ssize_t min_threads);
int stm__pool_make(PyObject *self, PyObject *args, PyObject *kwargs);

/* pool_control.c: methods. */
PyObject *stm__pool_join(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *stm__pool_cap(PyObject *self, PyObject *most);
PyObject *stm__pool_resize(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *stm__pool_pause(PyObject *self, PyObject *unused);
PyObject *stm__pool_resume(PyObject *self, PyObject *unused);
PyObject *stm__pool_cancel_all(PyObject *self, PyObject *unused);
PyObject *stm__pool_shutdown(PyObject *self, PyObject *unused);
PyObject *stm__pool_join_threads(PyObject *self, PyObject *unused);
PyObject *stm__pool_stats(PyObject *self, PyObject *unused);

#endif
