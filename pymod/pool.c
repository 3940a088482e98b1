/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* ThreadPool, the inside of stm.threadutils.ThreadPool: the type, scheduling
 * and counts.  Making one is in pool_make.c, what is done to all of a pool in
 * pool_control.c.
 *
 * What a pool's list of tasks holds counts as reachable for the collector: it
 * is going to run. */

#include "pool-internal.h"

struct stm_pool *stm__pool_of(PyObject *object)
{
    struct stm_pool *pool = ((struct stm__pool *)object)->pool;

    if (pool == NULL)
        PyErr_SetString(PyExc_RuntimeError,
                        "ThreadPool.__init__() was not called");
    return pool;
}

/* ---- scheduling ---- */

int stm__pool_take_priority(PyObject *object, PyObject *priority,
                            struct stm_pool_order *order)
{
    struct stm_pool *pool = ((struct stm__pool *)object)->pool;
    long long number;

    if (priority == NULL)
        return 0;
    number = PyLong_AsLongLong(priority);
    if (number == -1 && PyErr_Occurred() != NULL)
        return -1;
    if (number != 0 && stm_pool_queue(pool) == NULL) {
        PyErr_Format(PyExc_ValueError,
                     "priority is %lld; expected 0, since the tasks of this "
                     "pool are a TList and not a TPriorityQueue",
                     number);
        return -1;
    }
    order->priority = number;
    return 0;
}

int stm__pool_take_delay(PyObject *delay, struct stm_pool_order *order)
{
    if (delay == NULL)
        return 0;
    if (delay == Py_None) {
        PyErr_SetString(PyExc_TypeError,
                        "delay must be a number of seconds, not None");
        return -1;
    }
    if (stm__nanoseconds(delay, &order->delay) < 0)
        return -1;
    if (order->delay != STM_FOREVER)
        return 0;
    PyErr_Format(PyExc_ValueError,
                 "delay is %R; expected a finite number of seconds", delay);
    return -1;
}

static int take_keyword(PyObject *object, PyObject *name, PyObject *value,
                        struct stm_pool_order *order)
{
    if (PyUnicode_CompareWithASCIIString(name, "priority") == 0)
        return stm__pool_take_priority(object, value, order);
    if (PyUnicode_CompareWithASCIIString(name, "delay") == 0)
        return stm__pool_take_delay(value, order);
    PyErr_Format(PyExc_TypeError,
                 "schedule() got an unexpected keyword argument '%U'", name);
    return -1;
}

static int take_order(PyObject *object, PyObject *const *args, Py_ssize_t count,
                      PyObject *names, struct stm_pool_order *order)
{
    Py_ssize_t keywords = names != NULL ? PyTuple_GET_SIZE(names) : 0;

    if (count != 1) {
        PyErr_Format(PyExc_TypeError,
                     "schedule() takes 1 positional argument (%zd given)",
                     count);
        return -1;
    }
    if (!PyCallable_Check(args[0])) {
        PyErr_Format(PyExc_TypeError, "%.200s object is not callable",
                     Py_TYPE(args[0])->tp_name);
        return -1;
    }
    order->task = (stm_value)args[0];
    for (Py_ssize_t i = 0; i < keywords; i++)
        if (take_keyword(object, PyTuple_GET_ITEM(names, i), args[count + i],
                         order) < 0)
            return -1;
    return 0;
}

static PyObject *pool_schedule(PyObject *object, PyObject *const *args,
                               Py_ssize_t count, PyObject *names)
{
    struct stm_pool *pool = stm__pool_of(object);
    struct stm_pool_order order = {0};
    struct stm__call call;
    enum stm_status status;

    if (pool == NULL || take_order(object, args, count, names, &order) < 0)
        return NULL;
    stm__call_begin(&call);
    status = stm_pool_submit_order(pool, &order);
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
    struct stm_pool *pool = stm__pool_of(object);
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
    if (stm__pool_of(object) == NULL)
        return NULL;
    return Py_NewRef(((struct stm__pool *)object)->tasks);
}

/* ---- life ---- */

static int pool_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((struct stm__pool *)object)->tasks);
    return 0;
}

static void pool_dealloc(PyObject *object)
{
    struct stm__pool *self = (struct stm__pool *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs(object);
    if (self->pool != NULL)
        stm__workers_abandon(self->crew);
    Py_XDECREF(self->tasks);
    type->tp_free(object);
    Py_DECREF(type);
}

/* ---- the type ---- */

PyDoc_STRVAR(
    schedule_doc,
    "schedule($self, function, /, *, priority=0, delay=0)\n--\n\n"
    "Have a worker call a function of no arguments.\n\n"
    "Inside a transaction, once that has committed.  An exception is\n"
    "reported through sys.unraisablehook().\n\n"
    "The function goes behind all others of its priority; the lowest number\n"
    "goes first, and anything but 0 needs a pool over a TPriorityQueue.\n"
    "After delay seconds, counted from this call and at most some 290 years,\n"
    "it is added to the tasks, whether there is room or not; till then it\n"
    "counts as scheduled.\n\n"
    "Raise RuntimeError after shutdown().  Where the tasks are as many as the\n"
    "pool's capacity, do what its rejection says: wait (inside a transaction,\n"
    "retry), raise stm.datatypes.Full, call the function after the commit in\n"
    "this thread, or drop the oldest task.");

PyDoc_STRVAR(
    join_doc,
    "join($self, /, timeout_after=None, timeout_at=None)\n--\n\n"
    "Wait until no task is queued, delayed or running.\n\n"
    "timeout_after (seconds) and timeout_at (as time.time() gives it) limit\n"
    "the wait: then raise stm.timeout.Timeout.  Inside a transaction, retry.");

PyDoc_STRVAR(
    resize_doc,
    "resize($self, /, max_threads, min_threads=None)\n--\n\n"
    "Change how many workers there are to be.\n\n"
    "If there are too many, free ones end at once and busy ones after their\n"
    "task.  min_threads stays as it was by default, but at most max_threads.");

PyDoc_STRVAR(
    cap_doc,
    "cap($self, most, /)\n--\n\n"
    "Change how many workers there are in all, 0 being any number.\n\n"
    "Those are included that are let in for tasks that wait for others; where\n"
    "as many wait, there is one more.");

PyDoc_STRVAR(pause_doc,
             "pause($self, /)\n--\n\n"
             "Hand no task out until resume(); what runs goes on.\n\n"
             "Doing so twice is no error.  Raise RuntimeError after\n"
             "shutdown().");

PyDoc_STRVAR(resume_doc, "resume($self, /)\n--\n\n"
                         "Hand tasks out again after pause().\n\n"
                         "A pool that is not paused stays as it is.");

PyDoc_STRVAR(
    cancel_all_doc,
    "cancel_all($self, /)\n--\n\n"
    "Drop every task that no worker has; return how many there were.\n\n"
    "Delayed ones are dropped, too.");

PyDoc_STRVAR(
    shutdown_doc,
    "shutdown($self, /)\n--\n\n"
    "Take nothing more; what is queued or delayed still runs, then the\n"
    "workers end.\n\n"
    "A paused pool goes on.  Doing so twice is no error.  With\n"
    "cancel_all() in the same transaction nothing more begins to run.");

PyDoc_STRVAR(
    join_threads_doc,
    "join_threads($self, /)\n--\n\n"
    "Wait until every thread of a pool that is shut down has ended.\n\n"
    "Also those that live_threads counts no more, such as one that was sent\n"
    "away before it ran.  Raise RuntimeError inside a transaction, on a\n"
    "worker of the pool, or before shutdown().");

PyDoc_STRVAR(stats_doc,
             "stats($self, /)\n--\n\n"
             "Return the members of a PoolStats, as they were at one moment.");

PyDoc_STRVAR(
    submit_doc,
    "submit($self, type, function, args, kwargs, priority=0, delay=0, /)\n"
    "--\n\n"
    "Have a worker call a function with arguments; return its future.\n\n"
    "The future is of a type that is a subclass of this module's.  The rest\n"
    "is as with schedule().");

#define KEYWORDS(method) (PyCFunction)(void (*)(void)) method

static PyMethodDef methods[] = {
    {"cancel_all", stm__pool_cancel_all, METH_NOARGS, cancel_all_doc},
    {"cap", stm__pool_cap, METH_O, cap_doc},
    {"join", KEYWORDS(stm__pool_join), METH_VARARGS | METH_KEYWORDS, join_doc},
    {"join_threads", stm__pool_join_threads, METH_NOARGS, join_threads_doc},
    {"pause", stm__pool_pause, METH_NOARGS, pause_doc},
    {"resize", KEYWORDS(stm__pool_resize), METH_VARARGS | METH_KEYWORDS,
     resize_doc},
    {"resume", stm__pool_resume, METH_NOARGS, resume_doc},
    {"schedule", KEYWORDS(pool_schedule), METH_FASTCALL | METH_KEYWORDS,
     schedule_doc},
    {"shutdown", stm__pool_shutdown, METH_NOARGS, shutdown_doc},
    {"stats", stm__pool_stats, METH_NOARGS, stats_doc},
    {"submit", KEYWORDS(stm__future_submit), METH_FASTCALL, submit_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"tasks_scheduled", pool_count, NULL,
     PyDoc_STR("How many tasks were ever scheduled and not taken back."),
     (void *)&scheduled},
    {"tasks_finished", pool_count, NULL,
     PyDoc_STR("How many tasks have returned or raised."), (void *)&finished},
    {"tasks_remaining", pool_count, NULL,
     PyDoc_STR("How many tasks are queued, delayed or running."),
     (void *)&remaining},
    {"live_threads", pool_count, NULL,
     PyDoc_STR("How many workers there are, starting ones included."),
     (void *)&live},
    {"free_threads", pool_count, NULL,
     PyDoc_STR("How many workers have no task."), (void *)&free_workers},
    {"queued", pool_count, NULL, PyDoc_STR("How many tasks wait for a worker."),
     (void *)&queued},
    {"tasks", pool_tasks, NULL,
     PyDoc_STR("The TList or TPriorityQueue of tasks."), NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct stm__pool, weakrefs),
     READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"The inside of a thread pool."},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, stm__pool_make},
    {Py_tp_dealloc, pool_dealloc},
    {Py_tp_traverse, pool_traverse},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm._stm.ThreadPool",
    .basicsize = sizeof(struct stm__pool),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int stm__pool_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->pool, &spec);
}
