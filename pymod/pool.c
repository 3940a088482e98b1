/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The inside of stm.threadutils.ThreadPool.  What a pool's list of tasks holds
 * counts as reachable for the collector: it is going to run. */

#include "tlist-internal.h"

#include <atomic_ops.h>
#include <stm-pool.h>

struct pool {
    PyObject_HEAD struct stm_pool *pool; /* NULL until __init__ has run */
    PyObject *tasks;
    PyObject *weakrefs;
};

/* ---- calls ---- */

static struct stm_pool *pool_of(PyObject *object)
{
    struct stm_pool *pool = ((struct pool *)object)->pool;

    if (pool == NULL)
        PyErr_SetString(PyExc_RuntimeError,
                        "ThreadPool.__init__() was not called");
    return pool;
}

static PyObject *pool_schedule(PyObject *object, PyObject *function)
{
    struct stm_pool *pool = pool_of(object);
    struct stm__call call;
    enum stm_status status;

    if (pool == NULL)
        return NULL;
    if (!PyCallable_Check(function)) {
        PyErr_Format(PyExc_TypeError, "%.200s object is not callable",
                     Py_TYPE(function)->tp_name);
        return NULL;
    }
    stm__call_begin(&call);
    status = stm_pool_submit(pool, (stm_value)function);
    if (stm__call_end(&call, stm__state_of(object), status) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *pool_shutdown(PyObject *object, PyObject *unused)
{
    struct stm_pool *pool = pool_of(object);
    struct stm__call call;
    enum stm_status status;

    (void)unused;
    if (pool == NULL)
        return NULL;
    stm__call_begin(&call);
    status = stm_pool_shutdown(pool);
    if (stm__call_end(&call, stm__state_of(object), status) < 0)
        return NULL;
    Py_RETURN_NONE;
}

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

static PyObject *pool_join(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"timeout_after", "timeout_at", NULL};
    struct join join = {.pool = pool_of(object)};
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

/* ---- counts ---- */

struct question {
    enum stm_status (*ask)(struct stm_pool *pool, size_t *out);
};

static PyObject *pool_count(PyObject *object, void *closure)
{
    const struct question *question = closure;
    struct stm_pool *pool = pool_of(object);
    struct stm__call call;
    enum stm_status status;
    size_t answer = 0;

    if (pool == NULL)
        return NULL;
    stm__call_begin(&call);
    status = question->ask(pool, &answer);
    if (stm__call_end(&call, stm__state_of(object), status) < 0)
        return NULL;
    return PyLong_FromSize_t(answer);
}

static const struct question scheduled = {stm_pool_scheduled};
static const struct question finished = {stm_pool_finished};
static const struct question remaining = {stm_pool_remaining};
static const struct question live = {stm_pool_live};
static const struct question free_workers = {stm_pool_free_workers};
static const struct question queued = {stm_pool_queued};

static PyObject *pool_tasks(PyObject *object, void *unused)
{
    (void)unused;
    if (pool_of(object) == NULL)
        return NULL;
    return Py_NewRef(((struct pool *)object)->tasks);
}

/* ---- life ---- */

static int pool_start(PyObject *object, size_t max_threads, uint64_t keep_alive,
                      PyObject *tasks)
{
    struct pool *self = (struct pool *)object;
    struct stm__tlist *list = (struct stm__tlist *)tasks;
    struct stm_pool_config config = {
        .max_threads = max_threads,
        .keep_alive = keep_alive,
        .tasks = list->list,
    };
    struct stm_pool *pool = NULL;
    struct stm__call call;
    enum stm_status status;

    stm__workers_configure(&config);
    AO_store(&list->pooled, 1);
    stm__call_begin(&call);
    status = stm_pool_new(&config, &pool);
    if (stm__call_end(&call, stm__state_of(object), status) < 0)
        return -1;
    self->pool = pool;
    self->tasks = Py_NewRef(tasks);
    return 0;
}

static int check_arguments(PyObject *object, Py_ssize_t max_threads,
                           PyObject *tasks)
{
    struct stm__state *state = stm__state_of(object);

    if (stm_current() != NULL) {
        PyErr_SetString(PyExc_RuntimeError,
                        "a ThreadPool cannot be made inside a transaction");
    } else if (((struct pool *)object)->pool != NULL) {
        PyErr_SetString(PyExc_RuntimeError,
                        "ThreadPool.__init__() was called already");
    } else if (max_threads < 1) {
        PyErr_SetString(PyExc_ValueError, "max_threads must be at least 1");
    } else if (tasks != Py_None && !PyObject_TypeCheck(tasks, state->tlist)) {
        PyErr_Format(PyExc_TypeError, "tasks must be a TList, not %.200s",
                     Py_TYPE(tasks)->tp_name);
    } else {
        return 0;
    }
    return -1;
}

static int pool_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"max_threads", "keep_alive", "tasks", NULL};
    PyObject *keep_alive, *tasks = Py_None;
    Py_ssize_t max_threads;
    uint64_t length;
    int result;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "nO|O:ThreadPool", keywords,
                                     &max_threads, &keep_alive, &tasks) ||
        check_arguments(object, max_threads, tasks) < 0 ||
        stm__nanoseconds(keep_alive, &length) < 0)
        return -1;
    tasks = tasks == Py_None ? stm__tlist_new(stm__state_of(object))
                             : Py_NewRef(tasks);
    if (tasks == NULL)
        return -1;
    result = pool_start(object, (size_t)max_threads, length, tasks);
    Py_DECREF(tasks);
    return result;
}

static int pool_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((struct pool *)object)->tasks);
    return 0;
}

static void pool_dealloc(PyObject *object)
{
    struct pool *self = (struct pool *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs(object);
    if (self->pool != NULL)
        stm__workers_abandon(self->pool);
    Py_XDECREF(self->tasks);
    type->tp_free(object);
    Py_DECREF(type);
}

/* ---- the type ---- */

PyDoc_STRVAR(schedule_doc,
             "schedule($self, function, /)\n--\n\n"
             "Have a worker call a function of no arguments.\n\n"
             "Inside a transaction, once that has committed.  An exception is\n"
             "reported through sys.unraisablehook().");

PyDoc_STRVAR(
    join_doc,
    "join($self, /, timeout_after=None, timeout_at=None)\n--\n\n"
    "Wait until no task is queued or running.\n\n"
    "timeout_after (seconds) and timeout_at (as time.time() gives it) limit\n"
    "the wait: then raise stm.timeout.Timeout.  Inside a transaction, retry.");

PyDoc_STRVAR(shutdown_doc,
             "shutdown($self, /)\n--\n\n"
             "Take nothing more; what is queued still runs, then the workers\n"
             "end.  Doing so twice is no error.");

static PyMethodDef methods[] = {
    {"schedule", pool_schedule, METH_O, schedule_doc},
    {"join", (PyCFunction)(void (*)(void))pool_join,
     METH_VARARGS | METH_KEYWORDS, join_doc},
    {"shutdown", pool_shutdown, METH_NOARGS, shutdown_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"tasks_scheduled", pool_count, NULL,
     PyDoc_STR("How many tasks were ever in the list."), (void *)&scheduled},
    {"tasks_finished", pool_count, NULL,
     PyDoc_STR("How many tasks have returned or raised."), (void *)&finished},
    {"tasks_remaining", pool_count, NULL,
     PyDoc_STR("How many tasks are queued or running."), (void *)&remaining},
    {"live_threads", pool_count, NULL,
     PyDoc_STR("How many workers there are, starting ones included."),
     (void *)&live},
    {"free_threads", pool_count, NULL,
     PyDoc_STR("How many workers have no task."), (void *)&free_workers},
    {"queued", pool_count, NULL, PyDoc_STR("How many tasks wait for a worker."),
     (void *)&queued},
    {"tasks", pool_tasks, NULL, PyDoc_STR("The list of tasks."), NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct pool, weakrefs),
     READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"The inside of a thread pool."},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, pool_init},
    {Py_tp_dealloc, pool_dealloc},
    {Py_tp_traverse, pool_traverse},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm._stm.ThreadPool",
    .basicsize = sizeof(struct pool),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int stm__pool_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->pool, &spec);
}
