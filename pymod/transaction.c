/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The module functions that run a transaction or belong to the running one. */

#include "module-internal.h"

static PyObject *atomically(PyObject *module, PyObject *function)
{
    struct stm__call call;
    PyObject *result = NULL;
    struct stm__body body = {.function = function, .result = &result};
    enum stm_status status;

    stm__call_begin(&call);
    status = stm_atomically(stm__body_run, &body);
    if (stm__call_end(&call, stm__state(module), status) == 0)
        return result;
    stm__discard(result);
    return NULL;
}

static PyObject *retry(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"resume_after", "resume_at", NULL};
    PyObject *after = Py_None, *at = Py_None;
    enum stm_status status;
    struct timespec moment;
    struct stm_tx *tx;
    uint64_t length;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO:retry", keywords,
                                     &after, &at))
        return NULL;
    if (after != Py_None && at != Py_None) {
        PyErr_SetString(PyExc_ValueError,
                        "only one of resume_after and resume_at can be given");
        return NULL;
    }
    if (stm__nanoseconds(after, &length) < 0 ||
        (at != Py_None && stm__moment(at, &moment) < 0))
        return NULL;
    tx = stm__transaction("stm.retry()");
    if (tx == NULL)
        return NULL;
    status = stm__check_timeout(tx, after == Py_None ? NULL : &length,
                                at == Py_None ? NULL : &moment);
    if (status == STM_ETIMEOUT)
        Py_RETURN_NONE;
    if (status == STM_OK)
        status = stm_retry(tx);
    return stm__raise(stm__state(module), status);
}

static PyObject *elapsed(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"seconds", "time", NULL};
    PyObject *seconds = Py_None, *time = Py_None;
    enum stm_status status;
    struct timespec moment;
    struct stm_tx *tx;
    uint64_t length;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO:elapsed", keywords,
                                     &seconds, &time))
        return NULL;
    if (seconds != Py_None && time != Py_None) {
        PyErr_SetString(PyExc_ValueError,
                        "only one of seconds and time can be given");
        return NULL;
    }
    if (stm__nanoseconds(seconds, &length) < 0 ||
        (time != Py_None && stm__moment(time, &moment) < 0))
        return NULL;
    tx = stm__transaction("stm.elapsed()");
    if (tx == NULL)
        return NULL;
    status = stm__check_timeout(tx, seconds == Py_None ? NULL : &length,
                                time == Py_None ? NULL : &moment);
    if (status != STM_OK && status != STM_ETIMEOUT)
        return stm__raise(stm__state(module), status);
    return PyBool_FromLong(status == STM_ETIMEOUT);
}

/* Runs the branches; on success *result is what the one that counts returned.
 */
static enum stm_status run_branches(struct stm_tx *tx,
                                    PyObject *const *functions, size_t count,
                                    PyObject **result)
{
    struct stm_branch *branches = PyMem_New(struct stm_branch, count + 1);
    struct stm__body *bodies = PyMem_New(struct stm__body, count + 1);
    enum stm_status status = STM_ENOMEM;

    if (branches == NULL || bodies == NULL)
        goto out;
    for (size_t i = 0; i < count; i++) {
        bodies[i] = (struct stm__body){functions[i], result};
        branches[i] = (struct stm_branch){stm__body_run, &bodies[i]};
    }
    status = stm_or_else(tx, branches, count);
out:
    PyMem_Free(branches);
    PyMem_Free(bodies);
    return status;
}

static PyObject *or_else(PyObject *module, PyObject *const *functions,
                         Py_ssize_t count)
{
    struct stm_tx *tx = stm__transaction("stm.or_else()");
    struct stm__call call;
    PyObject *result = NULL;
    enum stm_status status;

    if (tx == NULL)
        return NULL;
    stm__call_begin(&call);
    status = run_branches(tx, functions, (size_t)count, &result);
    if (stm__call_end(&call, stm__state(module), status) == 0)
        return result;
    stm__discard(result);
    return NULL;
}

/* What the function raises counts as "no", unless it is more than an error. */
static PyObject *would_block(PyObject *module, PyObject *function)
{
    struct stm_tx *tx = stm__transaction("stm.utils.would_block()");
    struct stm__call call;
    PyObject *result = NULL;
    struct stm__body body = {.function = function, .result = &result};
    enum stm_status status;
    bool blocks = false;

    if (tx == NULL)
        return NULL;
    stm__call_begin(&call);
    status = stm_would_block(tx, stm__body_run, &body, &blocks);
    if (status == STM_OK && call.error != NULL && !blocks &&
        !PyObject_TypeCheck(call.error, (PyTypeObject *)PyExc_Exception))
        status = STM__RAISED;
    if (stm__call_end(&call, stm__state(module), status) == 0) {
        stm__discard(result);
        return PyBool_FromLong(blocks);
    }
    stm__discard(result);
    return NULL;
}

static PyObject *previously(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"function", "toplevel", NULL};
    PyObject *function, *result = NULL;
    struct stm__body body = {.result = &result};
    struct stm__call call;
    enum stm_status status;
    struct stm_tx *tx;
    int toplevel = 0;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|p:previously", keywords,
                                     &function, &toplevel))
        return NULL;
    tx = stm__transaction("stm.previously()");
    if (tx == NULL)
        return NULL;
    body.function = function;
    stm__call_begin(&call);
    status = stm_previously(tx, stm__body_run, &body,
                            toplevel ? STM_OUTERMOST : STM_INNERMOST);
    if (stm__call_end(&call, stm__state(module), status) == 0)
        return result;
    stm__discard(result);
    return NULL;
}

static PyObject *on_commit(PyObject *module, PyObject *function)
{
    struct stm_tx *tx = stm__transaction("stm.on_commit()");
    enum stm_status status;

    if (tx == NULL)
        return NULL;
    if (!PyCallable_Check(function)) {
        PyErr_Format(PyExc_TypeError, "%.200s object is not callable",
                     Py_TYPE(function)->tp_name);
        return NULL;
    }
    status = stm_on_commit(tx, stm__action_run, (stm_value)function,
                           &stm__object_type);
    if (status != STM_OK)
        return stm__raise(stm__state(module), status);
    return Py_NewRef(function);
}

static PyObject *name_transaction(PyObject *module, PyObject *args)
{
    struct stm_tx *tx;
    enum stm_status status;
    const char *name;

    if (!PyArg_ParseTuple(args, "s:name_transaction", &name))
        return NULL;
    tx = stm__transaction("stm.name_transaction()");
    if (tx == NULL)
        return NULL;
    status = stm_tx_set_name(tx, name);
    if (status != STM_OK)
        return stm__raise(stm__state(module), status);
    Py_RETURN_NONE;
}

static PyObject *in_transaction(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyBool_FromLong(stm_current() != NULL);
}

PyDoc_STRVAR(
    atomically_doc,
    "atomically($module, function, /)\n--\n\n"
    "Run a function of no arguments in a transaction and return its result.\n\n"
    "The function runs as if no other thread existed meanwhile, and may run\n"
    "several times until one of its attempts commits.  If it raises, its\n"
    "changes are undone and the exception propagates.  Inside a transaction\n"
    "it is a nested one, which is undone alone.\n\n"
    "It can be used as a decorator: the name becomes the result.");

PyDoc_STRVAR(
    retry_doc,
    "retry($module, /, resume_after=None, resume_at=None)\n--\n\n"
    "Block until something that the transaction has read changes.\n\n"
    "The attempt is undone, and the transaction runs again then.\n\n"
    "resume_after and resume_at are deprecated in favour of elapsed(): once\n"
    "that time has passed, return instead of blocking.");

PyDoc_STRVAR(
    elapsed_doc,
    "elapsed($module, /, seconds=None, time=None)\n--\n\n"
    "Return whether a time has passed; where it has not, a retry() of this\n"
    "transaction will wake up when it has.\n\n"
    "seconds counts from the transaction's first attempt, time is a moment\n"
    "as time.time() gives it.  With neither, return False.  With both, raise\n"
    "ValueError.\n\n"
    "In a function that is watched, seconds counts from the call of watch(),\n"
    "and the watcher runs again when the time has passed.");

PyDoc_STRVAR(
    or_else_doc,
    "or_else($module, /, *functions)\n--\n\n"
    "Return the result of the first function that does not retry.\n\n"
    "Each runs in a nested transaction of its own, which is undone if it\n"
    "retries or raises.  An exception propagates.  If all retry, the whole\n"
    "transaction does, until something changes that any of them read.");

PyDoc_STRVAR(
    would_block_doc,
    "would_block($module, function, /)\n--\n\n"
    "Run a function in a nested transaction, undo it, and return whether it\n"
    "retried.");

PyDoc_STRVAR(
    previously_doc,
    "previously($module, /, function, toplevel=False)\n--\n\n"
    "Return what a function would have returned earlier.\n\n"
    "It runs as if nothing had been written since the innermost nested\n"
    "transaction began or, with toplevel, since the outermost one did.  What\n"
    "it writes itself is undone when it returns.  In a watcher or an\n"
    "invariant, it sees the state before the whole transaction.");

PyDoc_STRVAR(
    on_commit_doc,
    "on_commit($module, function, /)\n--\n\n"
    "Call a function once the outermost transaction has committed.\n\n"
    "It runs on the same thread, outside any transaction and after others\n"
    "that were registered earlier.  An exception is reported through\n"
    "sys.unraisablehook().  Return the function, so that this can be used as\n"
    "a decorator.");

PyDoc_STRVAR(
    name_transaction_doc,
    "name_transaction($module, name, /)\n--\n\n"
    "Name the running transaction, the outermost one.\n\n"
    "stm.stats and errors use the name; a later name replaces it.  Names are\n"
    "kept for good, so they should be few.  See also transaction().");

PyDoc_STRVAR(in_transaction_doc,
             "in_transaction($module, /)\n--\n\n"
             "Return whether the calling thread is in a transaction.");

PyMethodDef stm__transaction_functions[] = {
    {"atomically", atomically, METH_O, atomically_doc},
    {"retry", (PyCFunction)(void (*)(void))retry, METH_VARARGS | METH_KEYWORDS,
     retry_doc},
    {"elapsed", (PyCFunction)(void (*)(void))elapsed,
     METH_VARARGS | METH_KEYWORDS, elapsed_doc},
    {"or_else", (PyCFunction)(void (*)(void))or_else, METH_FASTCALL,
     or_else_doc},
    {"would_block", would_block, METH_O, would_block_doc},
    {"on_commit", on_commit, METH_O, on_commit_doc},
    {"previously", (PyCFunction)(void (*)(void))previously,
     METH_VARARGS | METH_KEYWORDS, previously_doc},
    {"name_transaction", name_transaction, METH_VARARGS, name_transaction_doc},
    {"in_transaction", in_transaction, METH_NOARGS, in_transaction_doc},
    {NULL, NULL, 0, NULL},
};
