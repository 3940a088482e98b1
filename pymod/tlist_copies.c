/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TList: adding many items at once, sums, products and copies. */

#include "tlist-internal.h"

/* A product of so many items is written out, so that what it holds is shared
 * with nothing and the collector sees it.  A larger one shares its parts. */
#define WRITTEN_OUT 4096

/* Up to so many items are added one by one. */
#define FEW 16

/* As for a built-in list, whose error is the same. */
#define LONGEST (PY_SSIZE_T_MAX / (Py_ssize_t)sizeof(PyObject *))

static struct stm_tlist *list_of(PyObject *object)
{
    return ((struct stm__tlist *)object)->list;
}

/* Takes the sequence; NULL: an exception is set. */
static PyObject *list_with(PyObject *object, struct stm_seq *seq)
{
    PyObject *list;

    if (seq == NULL)
        return NULL;
    list = stm__tlist_of(stm__state_of(object), seq);
    stm_seq_release(seq);
    return list;
}

PyObject *stm__tlist_copy(PyObject *object, PyObject *unused)
{
    (void)unused;
    return list_with(object, stm__tlist_snapshot(object, "TList.copy()"));
}

/* ---- adding many ---- */

struct stm_seq *stm__tlist_sequence(struct stm__state *state, PyObject *values)
{
    struct stm_seq *seq;
    PyObject *items;

    if (PyObject_TypeCheck(values, state->tlist) &&
        Py_TYPE(values)->tp_iter == state->tlist->tp_iter)
        return stm__tlist_snapshot(values, "reading of a TList");
    items = PySequence_List(values);
    if (items == NULL)
        return NULL;
    seq = stm_seq_new(&stm__object_type,
                      (const stm_value *)PySequence_Fast_ITEMS(items),
                      (size_t)PyList_GET_SIZE(items));
    Py_DECREF(items);
    if (seq == NULL)
        PyErr_NoMemory();
    return seq;
}

static PyObject *extend_one_by_one(PyObject *object, struct stm_tx *tx,
                                   PyObject *values)
{
    PyObject *iterator = PyObject_GetIter(values), *item;
    enum stm_status status = STM_OK;

    if (iterator == NULL)
        return NULL;
    while (status == STM_OK && (item = PyIter_Next(iterator)) != NULL) {
        status = stm_tlist_append(tx, list_of(object), (stm_value)item);
        Py_DECREF(item);
    }
    Py_DECREF(iterator);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    if (PyErr_Occurred() != NULL)
        return NULL;
    Py_RETURN_NONE;
}

/* Is it worth making a sequence of?  Not of what runs the user's code: the
 * items before an exception stay in the list. */
static bool is_many(struct stm__state *state, PyObject *values)
{
    return PyObject_TypeCheck(values, state->tlist) ||
           (PyList_CheckExact(values) && PyList_GET_SIZE(values) > FEW) ||
           (PyTuple_CheckExact(values) && PyTuple_GET_SIZE(values) > FEW);
}

PyObject *stm__tlist_extend(PyObject *object, PyObject *values)
{
    struct stm_tx *tx = stm__transaction("TList.extend()");
    struct stm__state *state;
    enum stm_status status;
    struct stm_seq *seq;

    if (tx == NULL)
        return NULL;
    state = stm__state_of(object);
    if (!is_many(state, values))
        return extend_one_by_one(object, tx, values);
    seq = stm__tlist_sequence(state, values);
    if (seq == NULL)
        return NULL;
    status = stm_tlist_extend(tx, list_of(object), seq);
    stm_seq_release(seq);
    if (status == STM_EFULL)
        return PyErr_NoMemory();
    if (status != STM_OK)
        return stm__raise(state, status);
    Py_RETURN_NONE;
}

PyObject *stm__tlist_inplace_concat(PyObject *object, PyObject *values)
{
    PyObject *result = stm__tlist_extend(object, values);

    if (result == NULL)
        return NULL;
    Py_DECREF(result);
    return Py_NewRef(object);
}

/* ---- sums and products ---- */

static struct stm_seq *sum(struct stm_seq *left, struct stm_seq *right)
{
    struct stm_seq *both = stm_seq_concat(left, right);

    if (both == NULL)
        PyErr_NoMemory();
    return both;
}

PyObject *stm__tlist_concat(PyObject *object, PyObject *other)
{
    struct stm_seq *left, *right, *both = NULL;

    if (!PyObject_TypeCheck(other, stm__state_of(object)->tlist) &&
        !PyList_Check(other)) {
        PyErr_Format(PyExc_TypeError,
                     "can only concatenate a TList or list (not \"%.200s\") to "
                     "a TList",
                     Py_TYPE(other)->tp_name);
        return NULL;
    }
    left = stm__tlist_snapshot(object, "a sum of TLists");
    if (left == NULL)
        return NULL;
    right = stm__tlist_sequence(stm__state_of(object), other);
    if (right != NULL) {
        both = sum(left, right);
        stm_seq_release(right);
    }
    stm_seq_release(left);
    return list_with(object, both);
}

static struct stm_seq *write_out(const struct stm_seq *seq, size_t times)
{
    stm_value items[WRITTEN_OUT];
    size_t length = stm_seq_length(seq), filled = 0, count;

    while (filled < length) {
        const stm_value *run = stm_seq_run(seq, filled, &count);

        memcpy(items + filled, run, count * sizeof *items);
        filled += count;
    }
    for (; filled < length * times; filled += length)
        memcpy(items + filled, items, length * sizeof *items);
    return stm_seq_new(&stm__object_type, items, filled);
}

/* By halves: O(log n) sums of O(log n) each. */
static struct stm_seq *share(struct stm_seq *seq, size_t times)
{
    struct stm_seq *half, *both, *more;

    if (times == 1) {
        stm_seq_retain(seq);
        return seq;
    }
    half = share(seq, times / 2);
    if (half == NULL)
        return NULL;
    both = stm_seq_concat(half, half);
    stm_seq_release(half);
    if (both == NULL || times % 2 == 0)
        return both;
    more = stm_seq_concat(both, seq);
    stm_seq_release(both);
    return more;
}

/* The sequence so many times over, owned by the caller; NULL: an exception is
 * set.  Nothing of a transaction has failed then. */
static struct stm_seq *product(struct stm_seq *seq, Py_ssize_t times)
{
    size_t length = stm_seq_length(seq);
    struct stm_seq *result;

    if (times <= 0 || length == 0)
        result = stm_seq_new(&stm__object_type, NULL, 0);
    else if (length > (size_t)LONGEST / (size_t)times)
        result = NULL;
    else if (length * (size_t)times <= WRITTEN_OUT)
        result = write_out(seq, (size_t)times);
    else
        result = share(seq, (size_t)times);
    if (result == NULL)
        PyErr_NoMemory();
    return result;
}

static struct stm_seq *product_of(PyObject *object, Py_ssize_t times)
{
    struct stm_seq *seq = stm__tlist_snapshot(object, "a product of a TList"),
                   *result;

    if (seq == NULL)
        return NULL;
    result = product(seq, times);
    stm_seq_release(seq);
    return result;
}

PyObject *stm__tlist_repeat(PyObject *object, Py_ssize_t times)
{
    return list_with(object, product_of(object, times));
}

PyObject *stm__tlist_inplace_repeat(PyObject *object, Py_ssize_t times)
{
    struct stm_seq *seq = product_of(object, times);
    enum stm_status status;

    if (seq == NULL)
        return NULL;
    status = stm_tlist_assign(stm_current(), list_of(object), seq);
    stm_seq_release(seq);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    return Py_NewRef(object);
}
