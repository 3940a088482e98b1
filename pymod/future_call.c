/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Running what a future stands for, and telling of its end.
 *
 * Those who are told are the functions added by add_done_callback() and those
 * who wait by means of concurrent.futures, whose protocol is a Condition and a
 * list of waiters; that half is in Python (stm/futures.py).  A Condition is
 * only made when somebody asks for it.  Whoever makes one publishes it and then
 * looks how the future stands; whoever ends the future commits that and then
 * looks whether there is a Condition: with a fence in between on both sides one
 * of them sees. */

#include "future-internal.h"

#include <stdlib.h>

/* ---- what is to be done ---- */

static AO_t take(AO_t *word, AO_t instead)
{
    AO_t found;

    do
        found = AO_load(word);
    while (!AO_compare_and_swap_full(word, found, instead));
    return found;
}

struct work {
    PyObject *function, *args, *kwargs, *context;
};

/* All of it, if it has not been taken yet; else the function is NULL. */
static struct work take_work(struct stm__future *self)
{
    struct work work = {.function = (PyObject *)take(&self->function, 0)};

    if (work.function != NULL) {
        work.args = self->args;
        work.kwargs = self->kwargs;
        work.context = self->context;
        self->args = self->kwargs = self->context = NULL;
    }
    return work;
}

static void drop(const struct work *work)
{
    stm__discard(work->function);
    stm__discard(work->args);
    stm__discard(work->kwargs);
    stm__discard(work->context);
}

void stm__future_drop_work(struct stm__future *self)
{
    const struct work work = take_work(self);

    drop(&work);
}

static PyObject *call_in_context(const struct work *work)
{
    PyObject *result = NULL;

    if (PyContext_Enter(work->context) < 0)
        return NULL;
    result = PyObject_Call(work->function, work->args, work->kwargs);
    if (PyContext_Exit(work->context) < 0)
        Py_CLEAR(result);
    return result;
}

enum stm_status stm__future_call(stm_value value, stm_value *result)
{
    struct stm__future *self = (struct stm__future *)value;
    const struct work work = take_work(self);
    PyObject *exception, *returned = NULL;

    stm__ending = false;
    if (stm__worker_check() && work.function != NULL)
        returned = call_in_context(&work);
    exception = returned == NULL ? stm__take_exception() : NULL;
    drop(&work);
    if (returned != NULL) {
        *result = (stm_value)returned;
        return STM_OK;
    }
    if (exception == NULL) { /* it was put into a list with nothing to do */
        AO_store(&self->notified, 1);
        return STM_ECANCELLED;
    }
    AO_store(&self->raised, 1);
    *result = (stm_value)stm__cause_new(exception);
    Py_DECREF(exception);
    if (*result != 0)
        return STM__RAISED;
    PyErr_Clear();
    return STM_ENOMEM;
}

/* ---- who is told ---- */

int stm__future_add_callback(struct stm__future *self, PyObject *function)
{
    struct stm__callback *callback = malloc(sizeof *callback);
    AO_t head;

    if (callback == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    callback->function = Py_NewRef(function);
    do {
        head = AO_load(&self->callbacks);
        if (head == STM__CALLED) {
            Py_DECREF(function);
            free(callback);
            return 0;
        }
        callback->next = (struct stm__callback *)head;
    } while (!AO_compare_and_swap_full(&self->callbacks, head, (AO_t)callback));
    return 1;
}

/* The first added first. */
static struct stm__callback *take_callbacks(struct stm__future *self)
{
    AO_t head = take(&self->callbacks, STM__CALLED);
    struct stm__callback *reversed = NULL, *next;

    if (head == STM__CALLED)
        return NULL;
    for (struct stm__callback *callback = (struct stm__callback *)head;
         callback != NULL; callback = next) {
        next = callback->next;
        callback->next = reversed;
        reversed = callback;
    }
    return reversed;
}

void stm__future_drop_callbacks(struct stm__future *self)
{
    struct stm__callback *callback = take_callbacks(self), *next;

    for (; callback != NULL; callback = next) {
        next = callback->next;
        stm__discard(callback->function);
        free(callback);
    }
}

/* Calls a method of the Python half, which lets no Exception out. */
static void tell(PyObject *self, const char *name, PyObject *argument)
{
    PyObject *method = stm__get_attribute(self, name), *result = NULL;

    if (method != NULL)
        result = argument != NULL ? PyObject_CallOneArg(method, argument)
                                  : PyObject_CallNoArgs(method);
    if (result == NULL)
        PyErr_WriteUnraisable(self);
    Py_XDECREF(result);
    Py_XDECREF(method);
}

void stm__future_announce(stm_value value)
{
    struct stm__future *self = (struct stm__future *)value;
    struct stm__callback *callback, *next;

    if (!stm__attached()) /* the thread is ending, and Python gone from it */
        return;
    stm__future_drop_work(self);
    callback = take_callbacks(self); /* a full fence, too */
    if (AO_load_acquire(&self->condition) != 0)
        tell((PyObject *)self, "_announce", NULL);
    for (; callback != NULL; callback = next) {
        next = callback->next;
        tell((PyObject *)self, "_call_back", callback->function);
        Py_DECREF(callback->function);
        free(callback);
    }
}

int stm__future_announce_later(struct stm__future *self)
{
    struct stm_tx *tx = stm_current();

    if (tx != NULL)
        return stm_on_commit(tx, stm__future_announce, (stm_value)self,
                             &stm__object_type) == STM_OK
                   ? 0
                   : -1;
    stm__future_announce((stm_value)self);
    return 0;
}
