/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* ThreadPool: making one of the arguments of its __init__. */

#include "pool-internal.h"
#include "tlist-internal.h"

#include <atomic_ops.h>

/* ---- what can be chosen by name ---- */

struct choice {
    const char *argument;
    const char *expected;
    const char *names[5]; /* by the value of the C enum; then NULL */
};

static const struct choice rejection_choice = {
    "rejection",
    "'block', 'reject', 'caller-runs' or 'drop-oldest'",
    {[STM_POOL_BLOCK] = "block",
     [STM_POOL_REJECT] = "reject",
     [STM_POOL_CALLER_RUNS] = "caller-runs",
     [STM_POOL_DROP_OLDEST] = "drop-oldest"}};

static const struct choice handover_choice = {
    "handover",
    "'hand-off', 'shared-list' or 'coarse'",
    {[STM_POOL_HAND_OFF] = "hand-off",
     [STM_POOL_SHARED_LIST] = "shared-list",
     [STM_POOL_COARSE] = "coarse"}};

/* The number of the name, or -1 with an exception. */
static int choose(const struct choice *choice, PyObject *name)
{
    if (!PyUnicode_Check(name)) {
        PyErr_Format(PyExc_TypeError, "%s must be a str, not %.200s",
                     choice->argument, Py_TYPE(name)->tp_name);
        return -1;
    }
    for (int i = 0; choice->names[i] != NULL; i++)
        if (PyUnicode_CompareWithASCIIString(name, choice->names[i]) == 0)
            return i;
    PyErr_Format(PyExc_ValueError, "%s is %R; expected %s", choice->argument,
                 name, choice->expected);
    return -1;
}

/* ---- numbers ---- */

int stm__pool_check_size(Py_ssize_t max_threads, Py_ssize_t min_threads)
{
    if (max_threads < 1)
        PyErr_Format(PyExc_ValueError,
                     "max_threads is %zd; expected at least 1", max_threads);
    else if (min_threads < 0 || min_threads > max_threads)
        PyErr_Format(PyExc_ValueError,
                     "min_threads is %zd; expected 0 to max_threads, %zd",
                     min_threads, max_threads);
    else
        return 0;
    return -1;
}

static int take_capacity(PyObject *capacity, struct stm_pool_config *config)
{
    Py_ssize_t number;

    if (capacity == NULL || capacity == Py_None)
        return 0;
    number = PyNumber_AsSsize_t(capacity, PyExc_OverflowError);
    if (number == -1 && PyErr_Occurred() != NULL)
        return -1;
    if (number < 1) {
        PyErr_Format(PyExc_ValueError,
                     "capacity is %zd; expected at least 1, or None for no "
                     "bound",
                     number);
        return -1;
    }
    config->capacity = (size_t)number;
    return 0;
}

/* ---- all of them ---- */

struct arguments {
    Py_ssize_t max_threads, min_threads;
    PyObject *keep_alive, *tasks, *capacity, *rejection, *handover, *crew;
    const char *name; /* as long as args and kwargs last */
};

static int parse(PyObject *args, PyObject *kwargs, struct arguments *out)
{
    static char *keywords[] = {
        "max_threads", "keep_alive", "tasks", "min_threads", "capacity",
        "rejection",   "handover",   "name",  "crew",        NULL};

    *out = (struct arguments){.tasks = Py_None, .crew = Py_None};
    return PyArg_ParseTupleAndKeywords(
               args, kwargs, "nO|O$nOOOzO:ThreadPool", keywords,
               &out->max_threads, &out->keep_alive, &out->tasks,
               &out->min_threads, &out->capacity, &out->rejection,
               &out->handover, &out->name, &out->crew)
               ? 0
               : -1;
}

static int take_choices(const struct arguments *arguments,
                        struct stm_pool_config *config)
{
    int rejection = STM_POOL_BLOCK, handover = STM_POOL_HAND_OFF;

    if (arguments->rejection != NULL)
        rejection = choose(&rejection_choice, arguments->rejection);
    if (rejection < 0)
        return -1;
    if (arguments->handover != NULL)
        handover = choose(&handover_choice, arguments->handover);
    if (handover < 0)
        return -1;
    config->rejection = (enum stm_pool_rejection)rejection;
    config->handover = (enum stm_pool_handover)handover;
    return 0;
}

static int take_arguments(const struct arguments *arguments,
                          struct stm_pool_config *config)
{
    if (stm__pool_check_size(arguments->max_threads, arguments->min_threads) <
            0 ||
        stm__nanoseconds(arguments->keep_alive, &config->keep_alive) < 0 ||
        take_capacity(arguments->capacity, config) < 0 ||
        take_choices(arguments, config) < 0)
        return -1;
    config->max_threads = (size_t)arguments->max_threads;
    config->min_threads = (size_t)arguments->min_threads;
    config->name = arguments->name;
    return 0;
}

/* ---- making it ---- */

static int check_object(PyObject *object, PyObject *tasks)
{
    struct stm__state *state = stm__state_of(object);

    if (stm_current() != NULL)
        PyErr_SetString(PyExc_RuntimeError,
                        "a ThreadPool cannot be made inside a transaction");
    else if (((struct stm__pool *)object)->pool != NULL)
        PyErr_SetString(PyExc_RuntimeError,
                        "ThreadPool.__init__() was called already");
    else if (tasks != Py_None && !PyObject_TypeCheck(tasks, state->tlist) &&
             !PyObject_TypeCheck(tasks, state->tpriorityqueue))
        PyErr_Format(PyExc_TypeError,
                     "tasks must be a TList or a TPriorityQueue, not %.200s",
                     Py_TYPE(tasks)->tp_name);
    else
        return 0;
    return -1;
}

/* What it holds counts as reachable for the collector from now on. */
static void use_tasks(struct stm__state *state, PyObject *tasks,
                      struct stm_pool_config *config)
{
    struct stm__tlist *list = (struct stm__tlist *)tasks;

    if (PyObject_TypeCheck(tasks, state->tpriorityqueue)) {
        config->queue = stm__tpriorityqueue_pool(tasks);
        return;
    }
    AO_store(&list->pooled, 1);
    config->tasks = list->list;
}

static int start(PyObject *object, struct stm_pool_config *config,
                 PyObject *tasks, PyObject *crew)
{
    struct stm__pool *self = (struct stm__pool *)object;
    struct stm__state *state = stm__state_of(object);
    struct stm_pool *pool = NULL;
    struct stm__call call;
    enum stm_status status;

    if (stm__workers_configure(config, state, crew) < 0)
        return -1;
    use_tasks(state, tasks, config);
    stm__call_begin(&call);
    status = stm_pool_new(config, &pool);
    if (stm__call_end(&call, state, status) < 0) {
        stm__workers_unconfigure(config);
        return -1;
    }
    self->pool = pool;
    self->crew = stm__workers_serve(config, pool);
    self->tasks = Py_NewRef(tasks);
    return 0;
}

int stm__pool_make(PyObject *object, PyObject *args, PyObject *kwargs)
{
    struct stm_pool_config config = {0};
    struct arguments arguments;
    PyObject *tasks;
    int result;

    if (parse(args, kwargs, &arguments) < 0 ||
        take_arguments(&arguments, &config) < 0 ||
        check_object(object, arguments.tasks) < 0)
        return -1;
    tasks = arguments.tasks == Py_None ? stm__tlist_new(stm__state_of(object))
                                       : Py_NewRef(arguments.tasks);
    if (tasks == NULL)
        return -1;
    result = start(object, &config, tasks, arguments.crew);
    Py_DECREF(tasks);
    return result;
}
