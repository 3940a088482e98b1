/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TList: reading, assigning and deleting by index and by slice. */

#include "tlist-internal.h"

static const char out_of_range[] = "list index out of range";

/* A slice as it applies to a list of some length. */
struct range {
    Py_ssize_t start;
    Py_ssize_t stop;
    Py_ssize_t step;
    Py_ssize_t count;
};

static struct stm_tlist *list_of(PyObject *object)
{
    return ((struct stm__tlist *)object)->list;
}

static void range_adjust(struct range *range, size_t length)
{
    range->count = PySlice_AdjustIndices((Py_ssize_t)length, &range->start,
                                         &range->stop, range->step);
    if (range->step == 1 && range->stop < range->start)
        range->stop = range->start;
}

static size_t range_index(const struct range *range, Py_ssize_t i)
{
    return (size_t)(range->start + i * range->step);
}

static int as_index(PyObject *key, Py_ssize_t *out)
{
    if (PyLong_CheckExact(key)) { /* the short way */
        *out = PyLong_AsSsize_t(key);
        if (*out != -1 || PyErr_Occurred() == NULL)
            return 0;
        PyErr_Clear(); /* too large: an IndexError, set below */
    }
    if (!PyIndex_Check(key)) {
        PyErr_Format(PyExc_TypeError,
                     "list indices must be integers or slices, not %.200s",
                     Py_TYPE(key)->tp_name);
        return -1;
    }
    *out = PyNumber_AsSsize_t(key, PyExc_IndexError);
    return *out == -1 && PyErr_Occurred() != NULL ? -1 : 0;
}

/* Counts an index below 0 from the end; what is still below is no index. */
static int from_end(PyObject *object, Py_ssize_t *index)
{
    enum stm_status status;
    struct stm_tx *tx;
    size_t length;

    if (*index >= 0)
        return 0;
    tx = stm__transaction("indexing of a TList");
    if (tx == NULL)
        return -1;
    status = stm_tlist_length(tx, list_of(object), &length);
    if (status != STM_OK) {
        (void)stm__raise(stm__state_of(object), status);
        return -1;
    }
    *index += (Py_ssize_t)length;
    return 0;
}

/* ---- reading ---- */

/* An index below 0 is out of range: as a size it is larger than any length. */
PyObject *stm__tlist_item(PyObject *object, Py_ssize_t index)
{
    struct stm_tx *tx = stm__transaction("reading of a TList");
    enum stm_status status;
    stm_value item;

    if (tx == NULL)
        return NULL;
    status = stm_tlist_get(tx, list_of(object), (size_t)index, &item);
    if (status != STM_OK)
        return stm__raise_index(stm__state_of(object), status, out_of_range);
    return Py_NewRef((PyObject *)item);
}

/* The items of a range as a sequence that the caller owns, or NULL. */
static struct stm_seq *pick(struct stm_seq *seq, const struct range *range)
{
    size_t count = (size_t)range->count;
    struct stm_seq *picked;
    stm_value *items;

    if (range->step == 1) /* shares the nodes */
        return stm_seq_slice(seq, (size_t)range->start, (size_t)range->stop);
    items = PyMem_New(stm_value, count);
    if (items == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        items[i] = stm_seq_get(seq, range_index(range, (Py_ssize_t)i));
    picked = stm_seq_new(&stm__object_type, items, count);
    PyMem_Free(items);
    return picked;
}

static PyObject *read_range(PyObject *object, struct range *range)
{
    struct stm_seq *seq = stm__tlist_snapshot(object, "reading of a TList");
    struct stm_seq *picked;
    PyObject *result;

    if (seq == NULL)
        return NULL;
    range_adjust(range, stm_seq_length(seq));
    picked = pick(seq, range);
    stm_seq_release(seq);
    if (picked == NULL)
        return PyErr_NoMemory();
    result = stm__tlist_of(stm__state_of(object), picked);
    stm_seq_release(picked);
    return result;
}

PyObject *stm__tlist_subscript(PyObject *object, PyObject *key)
{
    struct range range;
    Py_ssize_t index;

    if (PySlice_Check(key)) {
        if (PySlice_Unpack(key, &range.start, &range.stop, &range.step) < 0)
            return NULL;
        return read_range(object, &range);
    }
    if (as_index(key, &index) < 0 || from_end(object, &index) < 0)
        return NULL;
    return stm__tlist_item(object, index);
}

/* ---- assigning and deleting ---- */

int stm__tlist_assign_item(PyObject *object, Py_ssize_t index, PyObject *value)
{
    struct stm_tx *tx = stm__transaction("changing of a TList");
    struct stm_tlist *list = list_of(object);
    enum stm_status status;

    if (tx == NULL)
        return -1;
    status = value != NULL
                 ? stm_tlist_set(tx, list, (size_t)index, (stm_value)value)
                 : stm_tlist_remove(tx, list, (size_t)index, NULL);
    if (status == STM_OK)
        return 0;
    (void)stm__raise_index(stm__state_of(object), status, out_of_range);
    return -1;
}

/* From the last index to the first, so that what is still to go stays put. */
static enum stm_status delete_range(struct stm_tx *tx, struct stm_tlist *list,
                                    const struct range *range)
{
    if (range->step == 1)
        return stm_tlist_splice(tx, list, (size_t)range->start,
                                (size_t)range->stop, NULL);
    for (Py_ssize_t i = 0; i < range->count; i++) {
        Py_ssize_t nth = range->step > 0 ? range->count - 1 - i : i;

        STM_TRY(stm_tlist_remove(tx, list, range_index(range, nth), NULL));
    }
    return STM_OK;
}

/* As many items as the range has. */
static enum stm_status set_range(struct stm_tx *tx, struct stm_tlist *list,
                                 const struct range *range,
                                 const struct stm_seq *items)
{
    for (Py_ssize_t i = 0; i < range->count; i++)
        STM_TRY(stm_tlist_set(tx, list, range_index(range, i),
                              stm_seq_get(items, (size_t)i)));
    return STM_OK;
}

/* items: NULL to delete. */
static enum stm_status change_range(struct stm_tx *tx, struct stm_tlist *list,
                                    struct range *range, struct stm_seq *items)
{
    size_t length;

    STM_TRY(stm_tlist_length(tx, list, &length));
    range_adjust(range, length);
    if (items == NULL)
        return delete_range(tx, list, range);
    if (range->step == 1)
        return stm_tlist_splice(tx, list, (size_t)range->start,
                                (size_t)range->stop, items);
    if (stm_seq_length(items) != (size_t)range->count)
        return STM_ERANGE;
    return set_range(tx, list, range, items);
}

/* What comes out of assigning or deleting; takes the items. */
static int end_change(PyObject *object, const struct range *range,
                      struct stm_seq *items, enum stm_status status)
{
    if (status == STM_EFULL)
        PyErr_NoMemory();
    else if (status == STM_ERANGE)
        PyErr_Format(PyExc_ValueError,
                     "attempt to assign sequence of size %zu to extended slice "
                     "of size %zd",
                     stm_seq_length(items), range->count);
    else if (status != STM_OK)
        (void)stm__raise(stm__state_of(object), status);
    if (items != NULL)
        stm_seq_release(items);
    return status == STM_OK ? 0 : -1;
}

static int assign_range(PyObject *object, PyObject *key, PyObject *value)
{
    struct stm_tx *tx = stm__transaction("changing of a TList");
    struct stm_seq *items = NULL;
    struct range range;

    if (tx == NULL ||
        PySlice_Unpack(key, &range.start, &range.stop, &range.step) < 0)
        return -1;
    if (value != NULL) {
        items = stm__tlist_sequence(stm__state_of(object), value);
        if (items == NULL)
            return -1;
    }
    return end_change(object, &range, items,
                      change_range(tx, list_of(object), &range, items));
}

int stm__tlist_assign(PyObject *object, PyObject *key, PyObject *value)
{
    Py_ssize_t index;

    if (PySlice_Check(key))
        return assign_range(object, key, value);
    if (as_index(key, &index) < 0 || from_end(object, &index) < 0)
        return -1;
    return stm__tlist_assign_item(object, index, value);
}
