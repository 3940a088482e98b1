/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_PYMOD_KEYED_INTERNAL_H
#define STM_PYMOD_KEYED_INTERNAL_H

/* What TDict, TSet, their views and their iterators share. */

#include "module-internal.h"

/* ---- keys.c ---- */

struct stm__tdict {
    PyObject_HEAD struct stm_tdict *dict;
    PyObject *weakrefs;
};

struct stm__tset {
    PyObject_HEAD struct stm_tset *set;
    PyObject *weakrefs;
};

/* Objects as keys.  What a key's functions raise stays set while
 * STM__KEY_RAISED is returned through the library. */
extern const struct stm_key_type stm__keys;

/* The state by an operator's operands, one of which is of a type of ours. */
struct stm__state *stm__state_of_either(PyObject *left, PyObject *right);

/* Sets a KeyError. */
void stm__raise_missing(PyObject *key);

/* stm__raise for what looked for a key; returns NULL. */
PyObject *stm__raise_key(PyObject *self, enum stm_status status, PyObject *key);

/* What a body has to return whose search for a key ended with a status: what
 * was raised is put aside for stm__call_end. */
enum stm_status stm__key_failed(struct stm_tx *tx, enum stm_status status);

enum stm__part { STM__KEYS, STM__VALUES, STM__ITEMS };

/* A new reference to the key, the value, or a pair of both. */
PyObject *stm__part_at(const struct stm_map *map, size_t index,
                       enum stm__part part);

/* All of them in a new Python list. */
PyObject *stm__parts(const struct stm_map *map, enum stm__part part);

/* Takes the map, also when it fails. */
PyObject *stm__map_iterator_new(struct stm__state *state, struct stm_map *map,
                                enum stm__part part, bool reversed);

/* What __reduce__ returns: the contents, and what the instance has besides, go
 * to __setstate__ as a pair, which gives the latter to
 * stm__keyed_set_attributes. */
PyObject *stm__keyed_reduce(PyObject *object, PyObject *contents);
int stm__keyed_set_attributes(PyObject *object, PyObject *state);

/* ---- keyed.c: TDict and TSet as a whole ---- */

/* The one or the other. */
struct stm__keyed {
    enum stm_status (*snapshot)(struct stm_tx *tx, PyObject *object,
                                struct stm_map **out);
    enum stm__part shown;        /* in the representation */
    const char *within_itself;   /* the representation there, of a %s */
    const char *iter, *reversed; /* these operations, for errors */
};

/* What it holds, owned by the caller; NULL with an exception, in which `what`
 * names the operation.  The second works outside of transactions, too. */
struct stm_map *stm__keyed_snapshot(PyObject *object,
                                    const struct stm__keyed *kind,
                                    const char *what);
struct stm_map *stm__keyed_snapshot_anywhere(PyObject *object,
                                             const struct stm__keyed *kind);

PyObject *stm__keyed_iter(PyObject *object, const struct stm__keyed *kind);
PyObject *stm__keyed_reversed(PyObject *object, const struct stm__keyed *kind);
PyObject *stm__keyed_repr(PyObject *object, const struct stm__keyed *kind);

/* tdict.c: a new one of the plain type. */
PyObject *stm__tdict_new(struct stm__state *state);
bool stm__is_tdict(struct stm__state *state, PyObject *object);

/* As stm__keyed_snapshot. */
struct stm_map *stm__tdict_snapshot(PyObject *self, const char *what);
struct stm_map *stm__tdict_snapshot_anywhere(PyObject *self);
Py_ssize_t stm__tdict_length(PyObject *self);
int stm__tdict_contains(PyObject *self, PyObject *key);

/* 1, and *value is a new reference; 0 if there is no such key; -1 with an
 * exception. */
int stm__tdict_find(PyObject *self, PyObject *key, PyObject **value);

/* tdict_bulk.c: what deals with all keys at once. */
int stm__tdict_init_items(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *stm__tdict_update(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *stm__tdict_or(PyObject *left, PyObject *right);
PyObject *stm__tdict_inplace_or(PyObject *self, PyObject *other);
PyObject *stm__tdict_compare(PyObject *self, PyObject *other, int operator);
PyObject *stm__tdict_fromkeys(PyObject *type, PyObject *args);
PyObject *stm__tdict_copy(PyObject *self, PyObject *unused);
PyObject *stm__tdict_shallow_copy(PyObject *self, PyObject *unused);
PyObject *stm__tdict_reduce(PyObject *self, PyObject *unused);
PyObject *stm__tdict_setstate(PyObject *self, PyObject *state);

/* tdict_view.c: what the three types of views share. */
struct stm__view {
    PyObject_HEAD PyObject *dict; /* NULL once the collector cleared it */
    enum stm__part part;
};
PyObject *stm__view_new(PyTypeObject *type, PyObject *dict,
                        enum stm__part part);
PyObject *stm__view_iter(PyObject *self);
PyObject *stm__view_reversed(PyObject *self, PyObject *unused);
PyObject *stm__view_repr(PyObject *self);
Py_ssize_t stm__view_length(PyObject *self);

/* Borrowed; NULL with an exception. */
PyObject *stm__view_dict(PyObject *self);

int stm__view_traverse(PyObject *self, visitproc visit, void *arg);
int stm__view_clear(PyObject *self);
void stm__view_dealloc(PyObject *self);
PyObject *stm__view_and(PyObject *left, PyObject *right);
PyObject *stm__view_or(PyObject *left, PyObject *right);
PyObject *stm__view_subtract(PyObject *left, PyObject *right);
PyObject *stm__view_xor(PyObject *left, PyObject *right);
extern PyGetSetDef stm__view_properties[];

/* set_like.c: is it a set, or a view that is like one?  The others take such
 * an object first, and any iterable unless they compare. */
bool stm__is_set_like(struct stm__state *state, PyObject *object);

/* *order is less than, equal to or greater than 0 as left has fewer items than
 * right, as many, or more.  -1 with an exception. */
int stm__compare_sizes(PyObject *left, PyObject *right, int *order);
PyObject *stm__compare_sets(PyObject *left, PyObject *right, int operator);
PyObject *stm__isdisjoint(PyObject *self, PyObject *other);
PyObject *stm__issubset(PyObject *self, PyObject *other);
PyObject *stm__issuperset(PyObject *self, PyObject *other);

/* tset.c */
PyObject *stm__tset_new(struct stm__state *state);
bool stm__is_tset(struct stm__state *state, PyObject *object);
struct stm_map *stm__tset_snapshot(PyObject *self, const char *what);

/* -1 with an exception; else whether the key was there. */
int stm__tset_contains(PyObject *self, PyObject *key);
int stm__tset_put(PyObject *self, PyObject *key);
int stm__tset_take(PyObject *self, PyObject *key);

/* tset_bulk.c: adds what is in any iterable; replaces what it holds by what
 * another TSet does; -1 with an exception. */
int stm__tset_put_all(PyObject *self, PyObject *keys);
int stm__tset_assign(PyObject *self, PyObject *other);

/* What is in an iterable, as a new dict. */
PyObject *stm__unique(PyObject *iterable);

int stm__tset_init_items(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *stm__tset_copy(PyObject *self, PyObject *unused);
PyObject *stm__tset_shallow_copy(PyObject *self, PyObject *unused);
PyObject *stm__tset_reduce(PyObject *self, PyObject *unused);
PyObject *stm__tset_setstate(PyObject *self, PyObject *state);

/* tset_algebra.c: calls step, which returns -1 with an exception, for each item
 * of an iterable; then the methods by name, and the operators. */
int stm__tset_for_each(PyObject *self, PyObject *iterable,
                       int (*step)(PyObject *self, PyObject *key));
PyObject *stm__tset_update(PyObject *self, PyObject *others);
PyObject *stm__tset_union(PyObject *self, PyObject *others);
PyObject *stm__tset_intersection_update(PyObject *self, PyObject *others);
PyObject *stm__tset_intersection(PyObject *self, PyObject *others);
PyObject *stm__tset_difference_update(PyObject *self, PyObject *others);
PyObject *stm__tset_difference(PyObject *self, PyObject *others);
PyObject *stm__tset_symmetric_difference_update(PyObject *self,
                                                PyObject *other);
PyObject *stm__tset_symmetric_difference(PyObject *self, PyObject *other);
PyObject *stm__tset_or(PyObject *left, PyObject *right);
PyObject *stm__tset_and(PyObject *left, PyObject *right);
PyObject *stm__tset_subtract(PyObject *left, PyObject *right);
PyObject *stm__tset_xor(PyObject *left, PyObject *right);
PyObject *stm__tset_inplace_or(PyObject *self, PyObject *other);
PyObject *stm__tset_inplace_and(PyObject *self, PyObject *other);
PyObject *stm__tset_inplace_subtract(PyObject *self, PyObject *other);
PyObject *stm__tset_inplace_xor(PyObject *self, PyObject *other);

#endif
