/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TList: what compares items or moves them all.  Whatever the items' own
 * methods do to the list meanwhile, a search goes over the list as it was when
 * it began; sorting and comparing lists are left to the built-in list. */

#include "tlist-internal.h"

static struct stm_tlist *list_of(PyObject *object)
{
    return ((struct stm__tlist *)object)->list;
}

/* The items as a new Python list; `what` names the operation in the error. */
static PyObject *items_of(PyObject *object, const char *what)
{
    struct stm_seq *seq = stm__tlist_snapshot(object, what);
    PyObject *items;

    if (seq == NULL)
        return NULL;
    items = stm__seq_as_list(seq);
    stm_seq_release(seq);
    return items;
}

/* ---- searching ---- */

#define NOT_FOUND (-1)
#define FAILED (-2) /* an exception is set */

/* The index of the first item in [from, to) that equals this one. */
static Py_ssize_t find(const struct stm_seq *seq, PyObject *item, size_t from,
                       size_t to)
{
    size_t count;

    while (from < to) {
        const stm_value *run = stm_seq_run(seq, from, &count);

        count = Py_MIN(count, to - from);
        for (size_t i = 0; i < count; i++, from++) {
            int equal =
                PyObject_RichCompareBool((PyObject *)run[i], item, Py_EQ);

            if (equal != 0)
                return equal > 0 ? (Py_ssize_t)from : FAILED;
        }
    }
    return NOT_FOUND;
}

static Py_ssize_t find_anywhere(PyObject *object, PyObject *item,
                                const char *what)
{
    struct stm_seq *seq = stm__tlist_snapshot(object, what);
    Py_ssize_t index;

    if (seq == NULL)
        return FAILED;
    index = find(seq, item, 0, stm_seq_length(seq));
    stm_seq_release(seq);
    return index;
}

int stm__tlist_contains(PyObject *object, PyObject *item)
{
    Py_ssize_t index = find_anywhere(object, item, "a look into a TList");

    return index == FAILED ? -1 : index != NOT_FOUND;
}

/* As a slice has it: from the end where it is negative, and never outside. */
static int as_bound(PyObject *argument, size_t length, size_t *out)
{
    Py_ssize_t bound;

    if (!PyIndex_Check(argument)) {
        PyErr_SetString(PyExc_TypeError, "slice indices must be integers or "
                                         "have an __index__ method");
        return -1;
    }
    bound = PyNumber_AsSsize_t(argument, NULL);
    if (bound == -1 && PyErr_Occurred() != NULL)
        return -1;
    if (bound < 0)
        bound = Py_MAX(bound + (Py_ssize_t)length, 0);
    *out = (size_t)Py_MIN(bound, (Py_ssize_t)length);
    return 0;
}

static Py_ssize_t find_by_arguments(const struct stm_seq *seq,
                                    PyObject *const *args, Py_ssize_t count)
{
    size_t from = 0, to = stm_seq_length(seq);

    if (count > 1 && as_bound(args[1], stm_seq_length(seq), &from) < 0)
        return FAILED;
    if (count > 2 && as_bound(args[2], stm_seq_length(seq), &to) < 0)
        return FAILED;
    return find(seq, args[0], from, to);
}

PyObject *stm__tlist_index(PyObject *object, PyObject *const *args,
                           Py_ssize_t count)
{
    struct stm_seq *seq;
    Py_ssize_t index;

    if (count < 1 || count > 3) {
        PyErr_Format(PyExc_TypeError,
                     "index expected 1 to 3 arguments, got %zd", count);
        return NULL;
    }
    seq = stm__tlist_snapshot(object, "TList.index()");
    if (seq == NULL)
        return NULL;
    index = find_by_arguments(seq, args, count);
    stm_seq_release(seq);
    if (index == NOT_FOUND)
        PyErr_Format(PyExc_ValueError, "%R is not in list", args[0]);
    return index < 0 ? NULL : PyLong_FromSsize_t(index);
}

static Py_ssize_t count_equal(const struct stm_seq *seq, PyObject *item)
{
    size_t length = stm_seq_length(seq), from = 0;
    Py_ssize_t count = 0, index;

    while ((index = find(seq, item, from, length)) >= 0) {
        count++;
        from = (size_t)index + 1;
    }
    return index == NOT_FOUND ? count : FAILED;
}

PyObject *stm__tlist_count(PyObject *object, PyObject *item)
{
    struct stm_seq *seq = stm__tlist_snapshot(object, "TList.count()");
    Py_ssize_t count;

    if (seq == NULL)
        return NULL;
    count = count_equal(seq, item);
    stm_seq_release(seq);
    return count == FAILED ? NULL : PyLong_FromSsize_t(count);
}

/* Where the items' == has made the list so short that the item is gone, there
 * is nothing to remove any more. */
PyObject *stm__tlist_remove(PyObject *object, PyObject *item)
{
    Py_ssize_t index = find_anywhere(object, item, "TList.remove()");
    enum stm_status status;

    if (index == NOT_FOUND)
        PyErr_SetString(PyExc_ValueError, "list.remove(x): x not in list");
    if (index < 0)
        return NULL;
    status =
        stm_tlist_remove(stm_current(), list_of(object), (size_t)index, NULL);
    if (status != STM_OK && status != STM_ERANGE)
        return stm__raise(stm__state_of(object), status);
    Py_RETURN_NONE;
}

/* ---- comparing ---- */

PyObject *stm__tlist_compare(PyObject *object, PyObject *other, int operator)
{
    struct stm__state *state = stm__state_of(object);
    PyObject *left, *right, *result = NULL;

    if (!PyObject_TypeCheck(other, state->tlist) && !PyList_Check(other))
        Py_RETURN_NOTIMPLEMENTED;
    left = items_of(object, "a comparison of TLists");
    if (left == NULL)
        return NULL;
    right = PyList_Check(other) ? Py_NewRef(other)
                                : items_of(other, "a comparison of TLists");
    if (right != NULL)
        result = PyObject_RichCompare(left, right, operator);
    Py_DECREF(left);
    Py_XDECREF(right);
    return result;
}

/* ---- in order ---- */

static bool is_moved(const struct stm_seq *seq, PyObject *items)
{
    size_t length = stm_seq_length(seq), index = 0, count;

    while (index < length) {
        const stm_value *run = stm_seq_run(seq, index, &count);

        for (size_t i = 0; i < count; i++, index++)
            if ((PyObject *)run[i] != PyList_GET_ITEM(items, (Py_ssize_t)index))
                return true;
    }
    return false;
}

/* Is the list no longer the one that was sorted? */
static enum stm_status check_changed(struct stm_tx *tx, struct stm_tlist *list,
                                     const struct stm_seq *before,
                                     bool *changed)
{
    struct stm_seq *now;

    STM_TRY(stm_tlist_snapshot(tx, list, &now));
    *changed = now != before;
    stm_seq_release(now);
    return STM_OK;
}

static enum stm_status store_sorted(struct stm_tx *tx, struct stm_tlist *list,
                                    PyObject *items)
{
    struct stm_seq *sorted = stm_seq_new(
        &stm__object_type, (const stm_value *)PySequence_Fast_ITEMS(items),
        (size_t)PyList_GET_SIZE(items));
    enum stm_status status;

    if (sorted == NULL)
        return STM_ENOMEM;
    status = stm_tlist_assign(tx, list, sorted);
    stm_seq_release(sorted);
    return status;
}

static int sort_items(PyObject *items, PyObject *args, PyObject *kwargs)
{
    PyObject *sort = PyObject_GetAttrString(items, "sort"), *result;

    if (sort == NULL)
        return -1;
    result = PyObject_Call(sort, args, kwargs);
    Py_DECREF(sort);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* A list that is in order already is not written. */
static PyObject *sort(PyObject *object, const struct stm_seq *before,
                      PyObject *items, PyObject *args, PyObject *kwargs)
{
    struct stm_tlist *list = list_of(object);
    struct stm_tx *tx = stm_current();
    enum stm_status status;
    bool changed = false;

    if (sort_items(items, args, kwargs) < 0)
        return NULL;
    status = check_changed(tx, list, before, &changed);
    if (changed) {
        PyErr_SetString(PyExc_ValueError, "list modified during sort");
        return NULL;
    }
    if (status == STM_OK && is_moved(before, items))
        status = store_sorted(tx, list, items);
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    Py_RETURN_NONE;
}

PyObject *stm__tlist_sort(PyObject *object, PyObject *args, PyObject *kwargs)
{
    struct stm_seq *before = stm__tlist_snapshot(object, "TList.sort()");
    PyObject *items, *result = NULL;

    if (before == NULL)
        return NULL;
    items = stm__seq_as_list(before);
    if (items != NULL)
        result = sort(object, before, items, args, kwargs);
    Py_XDECREF(items);
    stm_seq_release(before);
    return result;
}

PyObject *stm__tlist_reverse(PyObject *object, PyObject *unused)
{
    struct stm_tx *tx = stm__transaction("TList.reverse()");
    enum stm_status status;

    (void)unused;
    if (tx == NULL)
        return NULL;
    status = stm_tlist_reverse(tx, list_of(object));
    if (status != STM_OK)
        return stm__raise(stm__state_of(object), status);
    Py_RETURN_NONE;
}

PyObject *stm__tlist_reversed(PyObject *object, PyObject *unused)
{
    struct stm_seq *seq = stm__tlist_snapshot(object, "reversed() of a TList");

    (void)unused;
    if (seq == NULL)
        return NULL;
    return stm__tlist_iterator_new(stm__state_of(object), seq, true);
}
