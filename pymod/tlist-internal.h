/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_PYMOD_TLIST_INTERNAL_H
#define STM_PYMOD_TLIST_INTERNAL_H

/* What the files of TList share, and what others do with one. */

#include "module-internal.h"

struct stm__tlist {
    PyObject_HEAD struct stm_tlist *list;
    PyObject *weakrefs;
    size_t pooled; /* a pool works on it, so that it is never garbage */
};

/* A new list of the plain type, empty or with what a sequence holds. */
PyObject *stm__tlist_new(struct stm__state *state);
PyObject *stm__tlist_of(struct stm__state *state, struct stm_seq *items);

/* The items of a sequence as a new Python list. */
PyObject *stm__seq_as_list(const struct stm_seq *seq);

/* The items as they are now, as a sequence that the caller owns; `what` names
 * the operation in the error.  NULL: an exception is set. */
struct stm_seq *stm__tlist_snapshot(PyObject *self, const char *what);

/* The items of any iterable as a sequence that the caller owns; a TList's are
 * shared.  NULL: an exception is set. */
struct stm_seq *stm__tlist_sequence(struct stm__state *state, PyObject *values);

/* tlist_items.c: the subscript protocol; the value NULL deletes.  The two with
 * an index do not count from the end. */
PyObject *stm__tlist_item(PyObject *self, Py_ssize_t index);
int stm__tlist_assign_item(PyObject *self, Py_ssize_t index, PyObject *value);
PyObject *stm__tlist_subscript(PyObject *self, PyObject *key);
int stm__tlist_assign(PyObject *self, PyObject *key, PyObject *value);

/* tlist_copies.c: sums, products and copies. */
PyObject *stm__tlist_extend(PyObject *self, PyObject *values);
PyObject *stm__tlist_inplace_concat(PyObject *self, PyObject *values);
PyObject *stm__tlist_copy(PyObject *self, PyObject *unused);
PyObject *stm__tlist_concat(PyObject *self, PyObject *other);
PyObject *stm__tlist_repeat(PyObject *self, Py_ssize_t times);
PyObject *stm__tlist_inplace_repeat(PyObject *self, Py_ssize_t times);

/* tlist_state.c: __new__, __init__, the call of the class, and what pickle and
 * copy ask for. */
PyObject *stm__tlist_make(PyTypeObject *type, PyObject *args, PyObject *kwargs);
int stm__tlist_fill_anew(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *stm__tlist_call(PyObject *type, PyObject *const *args, size_t flags,
                          PyObject *names);
PyObject *stm__tlist_reduce(PyObject *self, PyObject *unused);
PyObject *stm__tlist_setstate(PyObject *self, PyObject *state);
PyObject *stm__tlist_shallow(PyObject *self, PyObject *unused);

/* tlist_values.c: what compares items or moves them all. */
int stm__tlist_contains(PyObject *self, PyObject *item);
PyObject *stm__tlist_compare(PyObject *self, PyObject *other, int operator);
PyObject *stm__tlist_index(PyObject *self, PyObject *const *args,
                           Py_ssize_t count);
PyObject *stm__tlist_count(PyObject *self, PyObject *item);
PyObject *stm__tlist_remove(PyObject *self, PyObject *item);
PyObject *stm__tlist_sort(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *stm__tlist_reverse(PyObject *self, PyObject *unused);
PyObject *stm__tlist_reversed(PyObject *self, PyObject *unused);

/* Takes the sequence. */
PyObject *stm__tlist_iterator_new(struct stm__state *state,
                                  struct stm_seq *items, bool reversed);

#endif
