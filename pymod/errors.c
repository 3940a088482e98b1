/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* From the library's statuses to Python's exceptions.  Nothing else in the
 * extension decides which exception a status becomes. */

#include "module-internal.h"

static int add_exception(PyObject *module, PyObject **slot, const char *name,
                         const char *doc, PyObject *base)
{
    *slot = PyErr_NewExceptionWithDoc(name, doc, base, NULL);
    if (*slot == NULL)
        return -1;
    return PyModule_AddObjectRef(module, strrchr(name, '.') + 1, *slot);
}

static int add_exceptions(PyObject *module, struct stm__state *state,
                          PyObject *queue_empty, PyObject *queue_full)
{
    const struct {
        PyObject **slot;
        const char *name;
        const char *doc;
        PyObject *base;
    } exceptions[] = {
        {&state->retry, "stm._stm._Retry",
         "Leaves the body of an attempt that waits.", PyExc_BaseException},
        {&state->conflict, "stm._stm._Conflict",
         "Leaves the body of an attempt that is to run again.",
         PyExc_BaseException},
        {&state->empty, "stm.datatypes.Empty",
         "There is no item, and waiting was not wanted.", queue_empty},
        {&state->full, "stm.datatypes.Full",
         "There is no room, and waiting was not wanted.", queue_full},
        {&state->timeout, "stm.timeout.Timeout", "The time is over.",
         PyExc_Exception},
        {&state->diverged, "stm.WatchersDiverged",
         "Watchers that disturb each other do not come to rest.",
         PyExc_RuntimeError},
    };

    for (size_t i = 0; i < Py_ARRAY_LENGTH(exceptions); i++) {
        if (add_exception(module, exceptions[i].slot, exceptions[i].name,
                          exceptions[i].doc, exceptions[i].base) < 0)
            return -1;
    }
    return 0;
}

/* Who catches the exceptions of the module queue catches ours. */
int stm__errors_init(PyObject *module, struct stm__state *state)
{
    PyObject *queue = PyImport_ImportModule("queue"), *empty, *full;
    int result = -1;

    if (queue == NULL)
        return -1;
    empty = PyObject_GetAttrString(queue, "Empty");
    full = empty != NULL ? PyObject_GetAttrString(queue, "Full") : NULL;
    if (full != NULL)
        result = add_exceptions(module, state, empty, full);
    Py_XDECREF(empty);
    Py_XDECREF(full);
    Py_DECREF(queue);
    return result;
}

/* A signal handler ran.  What it raised is to be seen, if it raised. */
static void raise_interrupted(void)
{
    if (PyErr_Occurred() == NULL && PyErr_CheckSignals() == 0)
        PyErr_SetNone(PyExc_InterruptedError);
}

/* What each status becomes.  One that is not here is not to be met. */
static const struct meaning {
    enum stm_status status;
    PyObject **builtin;   /* the exception's type, or ... */
    size_t own;           /* ... where the module's state has it, or ... */
    const char *imported; /* ... the module whose `name` it is */
    const char *name;
    const char *text; /* NULL: none */
    bool told;        /* the text is stm_error_message() */
} meanings[] = {
#define OWN(member) .own = offsetof(struct stm__state, member)
    {STM_RETRY, OWN(retry)},
    {STM_CONFLICT, OWN(conflict)},
    {STM_ENOMEM, .builtin = &PyExc_MemoryError},
    {STM_EMISUSE, .builtin = &PyExc_RuntimeError, .told = true},
    {STM_EEMPTY, OWN(empty)},
    {STM_ERANGE, .builtin = &PyExc_IndexError, .text = "index out of range"},
    {STM_ETIMEOUT, OWN(timeout)},
    {STM_EDIVERGED, OWN(diverged), .told = true},
    {STM_ETHREAD, .builtin = &PyExc_RuntimeError,
     .text = "can't start new thread"},
    {STM_ECLOSED, .builtin = &PyExc_RuntimeError,
     .text = "cannot schedule after shutdown or stop"},
    {STM_EFULL, OWN(full)},
    {STM_ENOTFOUND, .builtin = &PyExc_KeyError, .text = "no such key or item"},
    {STM_EDONE, .imported = "concurrent.futures", .name = "InvalidStateError",
     .text = "the future has ended already"},
    {STM_EINVARIANT, .builtin = &PyExc_AssertionError, .told = true},
    {STM_EFORKED, .builtin = &PyExc_RuntimeError,
     .text = "the transaction goes on in the parent process"},
    {STM_ECANCELLED, .imported = "concurrent.futures",
     .name = "CancelledError"},
#undef OWN
};

static PyObject *import_type(const struct meaning *meaning)
{
    PyObject *module = PyImport_ImportModule(meaning->imported), *type;

    if (module == NULL)
        return NULL;
    type = PyObject_GetAttrString(module, meaning->name);
    Py_DECREF(module);
    return type;
}

/* A new reference; NULL with an exception. */
static PyObject *type_of(struct stm__state *state,
                         const struct meaning *meaning)
{
    if (meaning->imported != NULL)
        return import_type(meaning);
    if (meaning->builtin != NULL)
        return Py_NewRef(*meaning->builtin);
    return Py_NewRef(*(PyObject **)((char *)state + meaning->own));
}

static void raise_meaning(struct stm__state *state,
                          const struct meaning *meaning)
{
    const char *text = meaning->told ? stm_error_message() : meaning->text;
    PyObject *type = type_of(state, meaning);

    if (type == NULL)
        return;
    if (text != NULL)
        PyErr_SetString(type, text);
    else
        PyErr_SetNone(type);
    Py_DECREF(type);
}

PyObject *stm__raise(struct stm__state *state, enum stm_status status)
{
    assert(status != STM_OK && status != STM__RAISED);
    assert((PyErr_Occurred() != NULL) == (status == STM__INTERRUPTED) ||
           status == STM_EINTERRUPTED);
    if (status == STM__INTERRUPTED)
        return NULL;
    if (status == STM_EINTERRUPTED) {
        raise_interrupted();
        return NULL;
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(meanings); i++) {
        if (meanings[i].status == status) {
            raise_meaning(state, &meanings[i]);
            return NULL;
        }
    }
    PyErr_Format(PyExc_SystemError, "unexpected status: %s",
                 stm_strstatus(status));
    return NULL;
}

PyObject *stm__raise_index(struct stm__state *state, enum stm_status status,
                           const char *message)
{
    if (status != STM_ERANGE && status != STM_EEMPTY)
        return stm__raise(state, status);
    PyErr_SetString(PyExc_IndexError, message);
    return NULL;
}

static PyObject *raise_status(PyObject *module, PyObject *status)
{
    long number = PyLong_AsLong(status);

    if (number == -1 && PyErr_Occurred() != NULL)
        return NULL;
    return stm__raise(stm__state(module), (enum stm_status)number);
}

PyDoc_STRVAR(raise_status_doc,
             "_raise_status($module, status, /)\n--\n\n"
             "Raise what a call that ends in this status of the library's "
             "raises.");

PyMethodDef stm__errors_functions[] = {
    {"_raise_status", raise_status, METH_O, raise_status_doc},
    {NULL, NULL, 0, NULL},
};

struct stm_tx *stm__no_transaction(const char *what)
{
    PyErr_Format(PyExc_RuntimeError,
                 "%s must be called inside stm.atomically()", what);
    return NULL;
}

#if PY_VERSION_HEX >= 0x030c0000

PyObject *stm__take_exception(void) { return PyErr_GetRaisedException(); }

void stm__put_exception(PyObject *exception)
{
    if (exception != NULL)
        PyErr_SetRaisedException(exception);
}

#else

PyObject *stm__take_exception(void)
{
    PyObject *type, *value, *traceback;

    PyErr_Fetch(&type, &value, &traceback);
    if (type == NULL)
        return NULL;
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL)
        PyException_SetTraceback(value, traceback);
    Py_DECREF(type);
    Py_XDECREF(traceback);
    return value;
}

void stm__put_exception(PyObject *exception)
{
    if (exception != NULL)
        PyErr_Restore(Py_NewRef(Py_TYPE(exception)), exception,
                      PyException_GetTraceback(exception));
}

#endif
