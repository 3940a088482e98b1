/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_PYMOD_FUTURE_INTERNAL_H
#define STM_PYMOD_FUTURE_INTERNAL_H

/* A future of stm.futures, and the task that a pool runs.  How it stands and
 * what became of it is in the library's future, and nowhere else; the rest is
 * what is to be done, and who is to be told. */

#include "module-internal.h"

#include <atomic_ops.h>
#include <stm-pool.h>

struct stm__future {
    PyObject_HEAD struct stm_pool_future *future;

    /* What to call, in a copy of the submitter's context: of whoever takes
     * `function`, which is then 0. */
    AO_t function; /* PyObject * */
    PyObject *args, *kwargs, *context;

    AO_t callbacks; /* struct stm__callback *: the last added first; or ... */
    AO_t condition; /* PyObject *: the Condition of those who wait, or 0 */
    AO_t notified;  /* 1: who waits for the future is told of a cancel */
    AO_t raised;    /* 1: it may have ended with an exception, ... */
    AO_t asked;     /* ... 1: which someone has asked for */
    AO_t fresh;     /* whose transaction, which is still running, submits it:
                       the address of a variable of that thread's, or 0 */
};

/* ... this: they have been called. */
#define STM__CALLED ((AO_t)1)

struct stm__callback {
    struct stm__callback *next;
    PyObject *function;
};

/* Adds a function to be called when the future has ended.  1; 0 if it has, and
 * they were called; -1 with an exception. */
int stm__future_add_callback(struct stm__future *self, PyObject *function);

/* Gives what is to be done and called back. */
void stm__future_drop_work(struct stm__future *self);
void stm__future_drop_callbacks(struct stm__future *self);

/* stm__future_announce when the running transaction commits, or at once if
 * there is none.  -1: out of memory. */
int stm__future_announce_later(struct stm__future *self);

/* The library's side of running it: see struct stm_pool_work. */
enum stm_status stm__future_call(stm_value self, stm_value *result);

/* Does the calling thread's transaction submit it? */
bool stm__future_is_fresh(const struct stm__future *self);

/* In future_wait.c: methods, and getters of properties. */
extern PyMethodDef stm__future_asking[];
PyObject *stm__future_get_result(PyObject *self, void *unused);
PyObject *stm__future_get_exception(PyObject *self, void *unused);
PyObject *stm__future_has_failed(PyObject *self, void *unused);

#endif
