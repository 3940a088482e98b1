/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TList: reading, assigning and deleting by index and by slice. */

#include "module-internal.h"

static const char out_of_range[] = "TList index out of range";

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

/* Counts a negative index from the end. */
static enum stm_status from_end(struct stm_tx *tx, struct stm_tlist *list,
                                Py_ssize_t *index)
{
    size_t length;

    if (*index >= 0)
        return STM_OK;
    STM_TRY(stm_tlist_length(tx, list, &length));
    *index += (Py_ssize_t)length;
    return *index < 0 ? STM_ERANGE : STM_OK;
}

static int as_index(PyObject *key, Py_ssize_t *out)
{
    if (!PyIndex_Check(key)) {
        PyErr_Format(PyExc_TypeError,
                     "TList indices must be integers or slices, not %.200s",
                     Py_TYPE(key)->tp_name);
        return -1;
    }
    *out = PyNumber_AsSsize_t(key, PyExc_IndexError);
    return *out == -1 && PyErr_Occurred() != NULL ? -1 : 0;
}

enum stm_status stm__tlist_replace(struct stm_tx *tx, struct stm_tlist *list,
                                   size_t from, size_t to, PyObject *items)
{
    struct stm_seq *seq = stm_seq_new(
        &stm__object_type, (const stm_value *)PySequence_Fast_ITEMS(items),
        (size_t)PyList_GET_SIZE(items));
    enum stm_status status;

    if (seq == NULL)
        return STM_ENOMEM;
    status = stm_tlist_splice(tx, list, from, to, seq);
    stm_seq_release(seq);
    return status;
}

/* ---- reading ---- */

PyObject *stm__tlist_item(PyObject *object, Py_ssize_t index)
{
    struct stm_tx *tx = stm__transaction("reading of a TList");
    enum stm_status status;
    stm_value item;

    if (tx == NULL)
        return NULL;
    status = from_end(tx, list_of(object), &index);
    if (status == STM_OK)
        status = stm_tlist_get(tx, list_of(object), (size_t)index, &item);
    if (status != STM_OK)
        return stm__raise_index(stm__state_of(object), status, out_of_range);
    return Py_NewRef((PyObject *)item);
}

/* Step 1: the nodes are shared, nothing is copied. */
static enum stm_status copy_run(struct stm_tx *tx, struct stm_tlist *target,
                                struct stm_seq *seq, const struct range *range)
{
    struct stm_seq *run =
        stm_seq_slice(seq, (size_t)range->start, (size_t)range->stop);
    enum stm_status status;

    if (run == NULL)
        return STM_ENOMEM;
    status = stm_tlist_assign(tx, target, run);
    stm_seq_release(run);
    return status;
}

static enum stm_status copy_range(struct stm_tx *tx, struct stm_tlist *target,
                                  struct stm_seq *seq, struct range *range)
{
    range_adjust(range, stm_seq_length(seq));
    if (range->step == 1)
        return copy_run(tx, target, seq, range);
    for (Py_ssize_t i = 0; i < range->count; i++)
        STM_TRY(stm_tlist_append(tx, target,
                                 stm_seq_get(seq, range_index(range, i))));
    return STM_OK;
}

static PyObject *read_range(PyObject *object, struct range *range)
{
    struct stm_tx *tx = stm__transaction("reading of a TList");
    struct stm__state *state = stm__state_of(object);
    PyObject *result = tx != NULL ? stm__tlist_new(state) : NULL;
    enum stm_status status;
    struct stm_seq *seq;

    if (result == NULL)
        return NULL;
    status = stm_tlist_snapshot(tx, list_of(object), &seq);
    if (status == STM_OK) {
        status = copy_range(tx, list_of(result), seq, range);
        stm_seq_release(seq);
    }
    if (status == STM_OK)
        return result;
    Py_DECREF(result);
    return stm__raise(state, status);
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
    if (as_index(key, &index) < 0)
        return NULL;
    return stm__tlist_item(object, index);
}

/* ---- assigning and deleting ---- */

static int assign_item(PyObject *object, Py_ssize_t index, PyObject *value)
{
    struct stm_tx *tx = stm__transaction("changing of a TList");
    struct stm_tlist *list = list_of(object);
    enum stm_status status;

    if (tx == NULL)
        return -1;
    status = from_end(tx, list, &index);
    if (status == STM_OK)
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
                                 const struct range *range, PyObject *items)
{
    for (Py_ssize_t i = 0; i < range->count; i++)
        STM_TRY(stm_tlist_set(tx, list, range_index(range, i),
                              (stm_value)PyList_GET_ITEM(items, i)));
    return STM_OK;
}

/* items: a list that nobody else has, or NULL to delete. */
static int change_range(PyObject *object, struct stm_tx *tx,
                        struct range *range, PyObject *items)
{
    struct stm_tlist *list = list_of(object);
    enum stm_status status;
    size_t length;

    status = stm_tlist_length(tx, list, &length);
    if (status == STM_OK)
        range_adjust(range, length);
    if (status != STM_OK) {
        ;
    } else if (items == NULL) {
        status = delete_range(tx, list, range);
    } else if (range->step == 1) {
        status = stm__tlist_replace(tx, list, (size_t)range->start,
                                    (size_t)range->stop, items);
    } else if (PyList_GET_SIZE(items) == range->count) {
        status = set_range(tx, list, range, items);
    } else {
        PyErr_Format(PyExc_ValueError,
                     "attempt to assign sequence of size %zd to extended slice "
                     "of size %zd",
                     PyList_GET_SIZE(items), range->count);
        return -1;
    }
    if (status == STM_OK)
        return 0;
    (void)stm__raise(stm__state_of(object), status);
    return -1;
}

static int assign_range(PyObject *object, PyObject *key, PyObject *value)
{
    struct stm_tx *tx = stm__transaction("changing of a TList");
    PyObject *items = NULL;
    struct range range;
    int result;

    if (tx == NULL ||
        PySlice_Unpack(key, &range.start, &range.stop, &range.step) < 0)
        return -1;
    if (value != NULL) {
        items = PySequence_List(value);
        if (items == NULL)
            return -1;
    }
    result = change_range(object, tx, &range, items);
    Py_XDECREF(items);
    return result;
}

int stm__tlist_assign(PyObject *object, PyObject *key, PyObject *value)
{
    Py_ssize_t index;

    if (PySlice_Check(key))
        return assign_range(object, key, value);
    if (as_index(key, &index) < 0)
        return -1;
    return assign_item(object, index, value);
}
