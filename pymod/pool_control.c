/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* ThreadPool: what is done to all of a pool, and asked of all of it. */

#include "pool-internal.h"

/* ---- waiting for it ---- */

struct join {
    struct stm_pool *pool;
    struct timespec at;
};

static enum stm_status wait_for_idle(struct stm_tx *tx, void *argument)
{
    const struct join *join = argument;

    (void)tx;
    return stm_pool_join(join->pool, STM_FOREVER);
}

static enum stm_status wait_for_moment(struct stm_tx *tx, void *argument)
{
    const struct join *join = argument;

    STM_TRY(stm__check_timeout(tx, NULL, &join->at));
    return stm_retry(tx);
}

static enum stm_status join_until(struct stm_tx *tx, void *argument)
{
    const struct stm_branch branches[] = {{wait_for_idle, argument},
                                          {wait_for_moment, argument}};

    return stm_or_else(tx, branches, Py_ARRAY_LENGTH(branches));
}

PyObject *stm__pool_join(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"timeout_after", "timeout_at", NULL};
    struct join join = {.pool = stm__pool_of(object)};
    PyObject *after = Py_None, *at = Py_None;
    struct stm__call call;
    enum stm_status status;
    uint64_t timeout;

    if (join.pool == NULL ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, "|OO:join", keywords, &after,
                                     &at))
        return NULL;
    if (after != Py_None && at != Py_None) {
        PyErr_SetString(
            PyExc_ValueError,
            "only one of timeout_after and timeout_at can be given");
        return NULL;
    }
    if (stm__nanoseconds(after, &timeout) < 0 ||
        (at != Py_None && stm__moment(at, &join.at) < 0))
        return NULL;
    stm__call_begin(&call);
    if (at == Py_None)
        status = stm_pool_join(join.pool, timeout);
    else
        status = stm_atomically(join_until, &join);
    if (stm__call_end(&call, stm__state_of(object), status) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- its size ---- */

struct resize {
    struct stm_pool *pool;
    size_t min, max;
    bool keep; /* min stays as it is, but for max */
};

static enum stm_status resize_body(struct stm_tx *tx, void *argument)
{
    const struct resize *resize = argument;
    struct stm_pool_stats stats = {.min = resize->min};

    (void)tx;
    if (resize->keep)
        STM_TRY(stm_pool_stats_read(resize->pool, &stats));
    if (resize->keep && stats.min > resize->max)
        stats.min = resize->max;
    return stm_pool_resize(resize->pool, stats.min, resize->max);
}

static int take_size(Py_ssize_t max_threads, PyObject *min_threads,
                     struct resize *resize)
{
    Py_ssize_t min = 0;

    resize->keep = min_threads == Py_None;
    if (!resize->keep) {
        min = PyNumber_AsSsize_t(min_threads, PyExc_OverflowError);
        if (min == -1 && PyErr_Occurred() != NULL)
            return -1;
    }
    if (stm__pool_check_size(max_threads, min) < 0)
        return -1;
    resize->max = (size_t)max_threads;
    resize->min = (size_t)min;
    return 0;
}

PyObject *stm__pool_resize(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"max_threads", "min_threads", NULL};
    struct resize resize = {.pool = stm__pool_of(object)};
    PyObject *min_threads = Py_None;
    Py_ssize_t max_threads;

    if (resize.pool == NULL ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, "n|O:resize", keywords,
                                     &max_threads, &min_threads) ||
        take_size(max_threads, min_threads, &resize) < 0 ||
        stm__call_run(stm__state_of(object), resize_body, &resize) < 0)
        return NULL;
    Py_RETURN_NONE;
}

PyObject *stm__pool_cap(PyObject *object, PyObject *most)
{
    struct stm_pool *pool = stm__pool_of(object);
    struct stm__call call;
    enum stm_status status;
    Py_ssize_t number;

    if (pool == NULL)
        return NULL;
    number = PyNumber_AsSsize_t(most, PyExc_OverflowError);
    if (number == -1 && PyErr_Occurred() != NULL)
        return NULL;
    if (number < 0) {
        PyErr_Format(PyExc_ValueError, "the cap is %zd, expected 0 or more",
                     number);
        return NULL;
    }
    stm__call_begin(&call);
    status = stm_pool_cap(pool, (size_t)number);
    if (stm__call_end(&call, stm__state_of(object), status) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- what needs no more than the pool ---- */

static PyObject *change(PyObject *object,
                        enum stm_status (*function)(struct stm_pool *pool))
{
    struct stm_pool *pool = stm__pool_of(object);
    struct stm__call call;
    enum stm_status status;

    if (pool == NULL)
        return NULL;
    stm__call_begin(&call);
    status = function(pool);
    if (stm__call_end(&call, stm__state_of(object), status) < 0)
        return NULL;
    Py_RETURN_NONE;
}

PyObject *stm__pool_pause(PyObject *object, PyObject *unused)
{
    (void)unused;
    return change(object, stm_pool_pause);
}

PyObject *stm__pool_resume(PyObject *object, PyObject *unused)
{
    (void)unused;
    return change(object, stm_pool_resume);
}

PyObject *stm__pool_shutdown(PyObject *object, PyObject *unused)
{
    (void)unused;
    return change(object, stm_pool_shutdown);
}

PyObject *stm__pool_join_threads(PyObject *object, PyObject *unused)
{
    (void)unused;
    return change(object, stm_pool_join_threads);
}

PyObject *stm__pool_cancel_all(PyObject *object, PyObject *unused)
{
    struct stm_pool *pool = stm__pool_of(object);
    struct stm__call call;
    enum stm_status status;
    size_t count = 0;

    (void)unused;
    if (pool == NULL)
        return NULL;
    stm__call_begin(&call);
    status = stm_pool_cancel_all(pool, &count);
    if (stm__call_end(&call, stm__state_of(object), status) < 0)
        return NULL;
    return PyLong_FromSize_t(count);
}

/* ---- all that it tells ---- */

static PyObject *as_tuple(const struct stm_pool_stats *stats)
{
    const size_t numbers[] = {
        stats->scheduled, stats->finished, stats->queued, stats->delayed,
        stats->running,   stats->given_up, stats->live,   stats->free,
        stats->waiting,   stats->min,      stats->max,
    };
    const Py_ssize_t count = Py_ARRAY_LENGTH(numbers);
    PyObject *tuple = PyTuple_New(count + 2);

    if (tuple == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *number = PyLong_FromSize_t(numbers[i]);

        if (number == NULL) {
            Py_DECREF(tuple);
            return NULL;
        }
        PyTuple_SET_ITEM(tuple, i, number);
    }
    PyTuple_SET_ITEM(tuple, count, PyBool_FromLong(stats->paused));
    PyTuple_SET_ITEM(tuple, count + 1, PyBool_FromLong(stats->closed));
    return tuple;
}

PyObject *stm__pool_stats(PyObject *object, PyObject *unused)
{
    struct stm_pool *pool = stm__pool_of(object);
    struct stm_pool_stats stats;
    struct stm__call call;
    enum stm_status status;

    (void)unused;
    if (pool == NULL)
        return NULL;
    stm__call_begin(&call);
    status = stm_pool_stats_read(pool, &stats);
    if (stm__call_end(&call, stm__state_of(object), status) < 0)
        return NULL;
    return as_tuple(&stats);
}
