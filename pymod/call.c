/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Calls into the library: detaching while they wait, and carrying what the
 * user's functions raise across the library's frames.
 *
 * A body that raises is asked what has become of its attempt.  If that is
 * doomed, the exception came of it (or hides it) and is dropped: the attempt
 * runs again or waits, whatever the body caught or returned.  Else the
 * exception is kept in the innermost call, the library undoes the attempt, and
 * the end of the call raises the exception again with its traceback. */

#include "module-internal.h"

#include <unistd.h>

static STM__THREAD_LOCAL struct stm__call *innermost;

/* True from before the thread detaches until after it is attached again; its
 * state is kept meanwhile. */
static STM__THREAD_LOCAL bool detached;
static STM__THREAD_LOCAL PyThreadState *kept;

STM__THREAD_LOCAL bool stm__ending;

/* Once there has been a sub-interpreter, PyGILState_Check says yes to every
 * thread. */
bool stm__attached(void)
{
    if (detached || stm__ending)
        return !detached;
#if PY_VERSION_HEX >= 0x030d0000
    return PyThreadState_GetUnchecked() != NULL;
#else
    return PyGILState_GetThisThreadState() != NULL && PyGILState_Check();
#endif
}

static void enter_wait(void *context)
{
    (void)context;
    detached = true;
    kept = PyEval_SaveThread();
}

static void leave_wait(void *context)
{
    (void)context;
    PyEval_RestoreThread(kept);
    detached = false;
}

/* Runs the signal handlers: a KeyboardInterrupt ends the wait. */
static enum stm_status check_signals(void *context)
{
    (void)context;
    stm__ending = false;
    return PyErr_CheckSignals() == 0 ? STM_OK : STM__INTERRUPTED;
}

static const struct stm_blocking hooks = {
    .enter = enter_wait, .leave = leave_wait, .check = check_signals};

/* Only the main thread runs signal handlers.  It looks for signals now and then
 * while it sleeps, since one that comes just before does not wake it; often
 * enough for Ctrl-C to be felt within a tenth of a second. */
static const struct stm_blocking main_hooks = {.enter = enter_wait,
                                               .leave = leave_wait,
                                               .check = check_signals,
                                               .check_interval = 50000000};

static STM__THREAD_LOCAL const struct stm_blocking *chosen;

static const struct stm_blocking *hooks_of_thread(void)
{
    if (chosen == NULL)
        chosen = gettid() == getpid() ? &main_hooks : &hooks;
    return chosen;
}

void stm__call_forget_thread(void) { chosen = NULL; }

void stm__call_begin(struct stm__call *call)
{
    call->outer = innermost;
    call->error = NULL;
    call->worker = false;
    innermost = call;
    if (call->outer == NULL)
        call->previous = stm_set_blocking(hooks_of_thread());
}

static void pop(struct stm__call *call)
{
    assert(innermost == call);
    if (call->outer == NULL)
        (void)stm_set_blocking(call->previous);
    innermost = call->outer;
    stm__ending = false;
}

int stm__call_end(struct stm__call *call, struct stm__state *state,
                  enum stm_status status)
{
    pop(call);
    if (status == STM__RAISED && call->error != NULL) {
        stm__put_exception(call->error);
        return -1;
    }
    if (status != STM_OK)
        (void)stm__raise(state, status);
    if (call->error != NULL)
        stm__discard(call->error);
    return status == STM_OK ? 0 : -1;
}

void stm__call_begin_worker(struct stm__call *call)
{
    detached = false;
    stm__call_begin(call);
    call->worker = true;
}

/* What the library still does on this thread must not touch Python. */
void stm__call_end_worker(struct stm__call *call)
{
    pop(call);
    detached = true;
}

enum stm_status stm__call_failed(struct stm_tx *tx)
{
    struct stm__call *call = innermost;
    enum stm_status status = stm_tx_status(tx);

    if (status != STM_OK) {
        stm__discard(stm__take_exception());
        return status;
    }
    if (call == NULL || call->worker) {
        PyErr_WriteUnraisable(NULL);
        return STM__RAISED;
    }
    stm__discard(call->error);
    call->error = stm__take_exception();
    return STM__RAISED;
}

int stm__call_run(struct stm__state *state, stm_body *body, void *argument)
{
    struct stm__call call;

    stm__call_begin(&call);
    return stm__call_end(&call, state, stm_atomically(body, argument));
}

/* Is this the promise of a body that has not run yet? */
static bool is_deferred(PyObject *result)
{
    const PyAsyncMethods *async = Py_TYPE(result)->tp_as_async;

    return PyGen_CheckExact(result) || PyAsyncGen_CheckExact(result) ||
           (async != NULL && async->am_await != NULL);
}

static PyObject *call_body(PyObject *function)
{
    PyObject *result;

    stm__ending = false;
    if (Py_EnterRecursiveCall(" in a transaction"))
        return NULL;
    result = PyObject_CallNoArgs(function);
    Py_LeaveRecursiveCall();
    if (result != NULL && is_deferred(result)) {
        PyErr_Format(PyExc_TypeError,
                     "the body of a transaction must be an ordinary function, "
                     "not one that returns a %.200s",
                     Py_TYPE(result)->tp_name);
        stm__discard(result);
        return NULL;
    }
    return result;
}

enum stm_status stm__body_run(struct stm_tx *tx, void *argument)
{
    struct stm__body *body = argument;
    enum stm_status status;
    PyObject *result;

    if (*body->result != NULL) { /* of an attempt that was thrown away */
        stm__discard(*body->result);
        *body->result = NULL;
    }
    result = call_body(body->function);
    if (result == NULL)
        return stm__call_failed(tx);
    status = stm_tx_status(tx);
    if (status == STM_OK)
        *body->result = result;
    else
        stm__discard(result);
    stm__ending = innermost != NULL && innermost->outer == NULL;
    return status;
}

void stm__action_run(stm_value function)
{
    PyObject *callable = (PyObject *)function;
    PyObject *result;

    stm__ending = false;
    result = PyObject_CallNoArgs(callable);
    if (result == NULL)
        PyErr_WriteUnraisable(callable);
    Py_XDECREF(result);
}
