/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The workers of the thread pools, which are attached to the interpreter for as
 * long as they live, with one thread state each.
 *
 * A pool object that goes away lets its pool go without waiting.  The
 * interpreter waits for such pools at exit, since none of their tasks may still
 * run when it is gone; for that the pools let go and the workers are counted
 * here. */

#include "module-internal.h"

#include <atomic_ops.h>
#include <stm-pool.h>

/* For the whole process; all under the monitor's lock. */
static struct {
    struct stm__monitor monitor;
    size_t abandoned; /* pools let go of whose threads may still run */
    size_t workers;   /* threads that are attached, or may be once more */
    size_t forks;     /* that led to this process */
} census = {.monitor = STM__MONITOR_INIT};

static void count(size_t *counter, size_t change)
{
    pthread_mutex_lock(&census.monitor.lock);
    *counter += change;
    pthread_cond_broadcast(&census.monitor.changed);
    pthread_mutex_unlock(&census.monitor.lock);
}

/* A worker counts until its thread ends, since the last to leave a pool gives
 * back what that has of Python. */
static struct {
    pthread_once_t once;
    pthread_key_t key; /* of a value that only workers have */
    int error;         /* why there is no key, or 0 */
} ending = {.once = PTHREAD_ONCE_INIT};

static void worker_ended(void *unused)
{
    (void)unused;
    count(&census.workers, (size_t)-1);
}

static void make_key(void)
{
    ending.error = pthread_key_create(&ending.key, worker_ended);
}

static enum stm_status count_worker(void)
{
    pthread_once(&ending.once, make_key);
    if (ending.error != 0 || pthread_setspecific(ending.key, &ending) != 0)
        return STM_ENOMEM;
    count(&census.workers, 1);
    return STM_OK;
}

/* ---- a pool's crew ---- */

/* What is the same for all workers of a pool, and lives as long as it. */
struct stm__crew {
    struct stm_pool *pool;
    size_t forks; /* that led to the process whose pool it is */
    struct stm__state *state;
    PyObject *module; /* whose state it is */
    PyObject *hooks;  /* who is told of each worker, or NULL */
    AO_t broken;      /* 1: the hooks have failed, and so do all futures */
};

/* A forked child has none of the workers, and counts no pool that is not its
 * own. */
static bool is_parents(const struct stm__crew *crew)
{
    return crew->forks != census.forks;
}

/* Not inside a transaction. */
static void crew_free(struct stm__crew *crew)
{
    Py_DECREF(crew->module);
    Py_XDECREF(crew->hooks);
    PyMem_RawFree(crew);
}

/* ---- what the workers call ---- */

static STM__THREAD_LOCAL struct {
    PyGILState_STATE gil;
    struct stm__call call;
    struct stm__crew *crew; /* of a worker, or NULL */
} worker;

/* Returns what the method does, or NULL with its exception reported. */
static PyObject *call_hook(const struct stm__crew *crew, const char *name)
{
    PyObject *method = stm__get_attribute(crew->hooks, name), *result = NULL;

    if (method != NULL)
        result = PyObject_CallNoArgs(method);
    if (result == NULL)
        PyErr_WriteUnraisable(crew->hooks);
    Py_XDECREF(method);
    return result;
}

/* The worker says hello. */
static void enter_crew(struct stm__crew *crew)
{
    PyObject *result = call_hook(crew, "enter");

    if (result == NULL || !PyObject_IsTrue(result))
        AO_store(&crew->broken, 1);
    Py_XDECREF(result);
}

bool stm__worker_check(void)
{
    PyObject *exception;

    if (worker.crew == NULL || !AO_load(&worker.crew->broken))
        return true;
    exception = call_hook(worker.crew, "broken");
    if (exception != NULL && PyExceptionInstance_Check(exception))
        stm__put_exception(Py_NewRef(exception));
    else
        PyErr_SetString(PyExc_RuntimeError, "the pool is broken");
    Py_XDECREF(exception);
    return false;
}

static enum stm_status thread_enter(void *context)
{
    STM_TRY(count_worker());
    worker.gil = PyGILState_Ensure();
    stm__call_begin_worker(&worker.call);
    worker.crew = context;
    if (worker.crew->hooks != NULL)
        enter_crew(worker.crew);
    return STM_OK;
}

/* Letting the thread's state go may run finalizers, which may wait. */
static void thread_leave(void *context)
{
    const struct stm__crew *crew = context;

    if (crew->hooks != NULL)
        Py_XDECREF(call_hook(crew, "leave"));
    worker.crew = NULL;
    PyGILState_Release(worker.gil);
    stm__call_end_worker(&worker.call);
}

/* An interpreter that has exited ends threads that come back to it.  On those
 * nothing of Python's can run any more, no watcher either. */
static bool thread_ended(void *context)
{
    (void)context;
    return stm__attached();
}

static void run_task(stm_value task, void *context)
{
    (void)context;
    Py_INCREF((PyObject *)task);
    stm__action_run(task);
    Py_DECREF((PyObject *)task);
}

static void thread_failed(int error, void *context)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *exception = stm__take_exception();

    (void)context;
    PyErr_Format(PyExc_RuntimeError, "can't start new thread: %s",
                 strerror(error));
    PyErr_WriteUnraisable(NULL);
    stm__put_exception(exception);
    PyGILState_Release(gil);
}

static struct stm_pool_future *future_of(stm_value task, void *context)
{
    return stm__future_of(((const struct stm__crew *)context)->state,
                          (PyObject *)task);
}

static void task_ended(stm_value task, void *context)
{
    if (stm__future_of(((const struct stm__crew *)context)->state,
                       (PyObject *)task) != NULL)
        stm__future_announce(task);
}

/* On a worker that has left, or on any other thread. */
static void finalize(void *context)
{
    bool counts = !is_parents(context);
    PyGILState_STATE gil;
    struct stm__call call;

    if (stm__attached()) {
        crew_free(context);
    } else {
        gil = PyGILState_Ensure();
        stm__call_begin_worker(&call);
        crew_free(context);
        PyGILState_Release(gil);
        stm__call_end_worker(&call);
    }
    if (counts)
        count(&census.abandoned, (size_t)-1);
}

int stm__workers_configure(struct stm_pool_config *config,
                           struct stm__state *state, PyObject *hooks)
{
    struct stm__crew *crew = PyMem_RawCalloc(1, sizeof *crew);

    if (crew == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    crew->forks = census.forks;
    crew->state = state;
    crew->module = Py_NewRef(PyType_GetModule(state->pool));
    crew->hooks = hooks != Py_None ? Py_NewRef(hooks) : NULL;
    config->context = crew;
    config->run = run_task;
    config->future_of = future_of;
    config->ended = task_ended;
    config->thread_enter = thread_enter;
    config->thread_leave = thread_leave;
    config->thread_ended = thread_ended;
    config->thread_failed = thread_failed;
    config->finalize = finalize;
    return 0;
}

struct stm__crew *stm__workers_serve(const struct stm_pool_config *config,
                                     struct stm_pool *pool)
{
    struct stm__crew *crew = config->context;

    crew->pool = pool;
    return crew;
}

void stm__workers_unconfigure(struct stm_pool_config *config)
{
    crew_free(config->context);
}

/* ---- letting go ---- */

/* Not inside a transaction.  The crew may go with the pool. */
static void abandon(stm_value value)
{
    const struct stm__crew *crew = (const struct stm__crew *)value;
    size_t counted = is_parents(crew) ? 0 : 1;
    PyObject *exception = stm__take_exception();
    struct stm__call call;
    enum stm_status status;

    count(&census.abandoned, counted);
    stm__call_begin(&call);
    status = stm_pool_abandon(crew->pool);
    if (status != STM_OK) {
        count(&census.abandoned, -counted);
        PyErr_Format(PyExc_RuntimeError, "a pool could not be let go: %s",
                     stm_strstatus(status));
        PyErr_WriteUnraisable(NULL);
    }
    (void)stm__call_end(&call, NULL, STM_OK);
    stm__put_exception(exception);
}

static bool may_abandon(stm_value value)
{
    (void)value;
    return stm__attached();
}

static const struct stm_type abandoned_type = {
    .name = "pool", .release = abandon, .may_release = may_abandon};

void stm__workers_abandon(struct stm__crew *crew)
{
    struct stm_tx *tx = stm_current();

    if (tx == NULL)
        abandon((stm_value)crew);
    else if (stm_release_later(tx, &abandoned_type, (stm_value)crew) != STM_OK)
        PyErr_WriteUnraisable(PyErr_NoMemory()); /* and the pool is lost */
}

/* ---- tasks that wait ---- */

static PyObject *wait_begin(PyObject *module, PyObject *unused)
{
    struct stm__call call;

    (void)unused;
    stm__call_begin(&call);
    stm_pool_wait_begin();
    if (stm__call_end(&call, stm__state(module), STM_OK) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *wait_end(PyObject *module, PyObject *unused)
{
    struct stm__call call;

    (void)unused;
    stm__call_begin(&call);
    stm_pool_wait_end();
    if (stm__call_end(&call, stm__state(module), STM_OK) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- at exit and after a fork ---- */

static bool all_gone(void)
{
    return census.abandoned == 0 && census.workers == 0;
}

static PyObject *await_workers(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return stm__monitor_await(&census.monitor, all_gone);
}

/* In a forked child there are no workers. */
static PyObject *forget_workers(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    stm__monitor_reset(&census.monitor);
    census.abandoned = 0;
    census.workers = 0;
    census.forks++;
    if (worker.crew != NULL)
        (void)pthread_setspecific(ending.key, NULL);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(await_doc,
             "await_workers($module, /)\n--\n\n"
             "Wait until no pool has a worker, the closed ones that is.");

PyDoc_STRVAR(forget_doc, "forget_workers($module, /)\n--\n\n"
                         "Start anew in a forked child.");

PyDoc_STRVAR(wait_begin_doc,
             "wait_begin($module, /)\n--\n\n"
             "On a worker: let one more work until wait_end(), since this one\n"
             "is going to wait for tasks.");

PyDoc_STRVAR(wait_end_doc, "wait_end($module, /)\n--\n\n"
                           "Take back what wait_begin() has done.");

PyMethodDef stm__workers_functions[] = {
    {"await_workers", await_workers, METH_NOARGS, await_doc},
    {"forget_workers", forget_workers, METH_NOARGS, forget_doc},
    {"wait_begin", wait_begin, METH_NOARGS, wait_begin_doc},
    {"wait_end", wait_end, METH_NOARGS, wait_end_doc},
    {NULL, NULL, 0, NULL},
};
