/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The module `stm._stm`: its state and its set-up. */

#include "module-internal.h"

struct stm__state *stm__state(PyObject *module)
{
    struct stm__state *state = PyModule_GetState(module);
    assert(state != NULL);
    return state;
}

struct stm__state *stm__state_of(PyObject *self)
{
    PyObject *module = PyType_GetModuleByDef(Py_TYPE(self), &stm__module);
    assert(module != NULL);
    return stm__state(module);
}

int stm__add_type(PyObject *module, PyTypeObject **slot, PyType_Spec *spec)
{
    *slot = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    if (*slot == NULL)
        return -1;
    return PyModule_AddType(module, *slot);
}

/* Newer versions refuse a second interpreter by themselves, by the slot below.
 */
static int check_interpreter(void)
{
    if (PyInterpreterState_Get() == PyInterpreterState_Main())
        return 0;
    PyErr_SetString(PyExc_ImportError,
                    "stm cannot be imported in a sub-interpreter");
    return -1;
}

static int module_exec(PyObject *module)
{
    static int (*const parts[])(PyObject *, struct stm__state *) = {
        stm__errors_init,         stm__tvar_init,      stm__tlist_init,
        stm__tlist_iterator_init, stm__queue_init,     stm__endpoint_init,
        stm__watcher_init,        stm__eventloop_init, stm__pool_init,
        stm__service_init,
    };
    static PyMethodDef *const functions[] = {
        stm__errors_functions,
        stm__transaction_functions,
        stm__watcher_functions,
        stm__stats_functions,
        stm__workers_functions,
        stm__service_functions,
    };
    struct stm__state *state = stm__state(module);

    if (check_interpreter() < 0)
        return -1;
    for (size_t i = 0; i < Py_ARRAY_LENGTH(parts); i++) {
        if (parts[i](module, state) < 0)
            return -1;
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(functions); i++) {
        if (PyModule_AddFunctions(module, functions[i]) < 0)
            return -1;
    }
    return PyModule_AddStringConstant(module, "__version__", PACKAGE_VERSION);
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    struct stm__state *state = stm__state(module);

    Py_VISIT(state->tvar);
    Py_VISIT(state->tlist);
    Py_VISIT(state->tlist_iterator);
    Py_VISIT(state->queue);
    Py_VISIT(state->endpoint);
    Py_VISIT(state->watcher);
    Py_VISIT(state->eventloop);
    Py_VISIT(state->pool);
    Py_VISIT(state->retry);
    Py_VISIT(state->conflict);
    Py_VISIT(state->empty);
    Py_VISIT(state->full);
    Py_VISIT(state->timeout);
    Py_VISIT(state->diverged);
    return 0;
}

static int module_clear(PyObject *module)
{
    struct stm__state *state = stm__state(module);

    Py_CLEAR(state->tvar);
    Py_CLEAR(state->tlist);
    Py_CLEAR(state->tlist_iterator);
    Py_CLEAR(state->queue);
    Py_CLEAR(state->endpoint);
    Py_CLEAR(state->watcher);
    Py_CLEAR(state->eventloop);
    Py_CLEAR(state->pool);
    Py_CLEAR(state->retry);
    Py_CLEAR(state->conflict);
    Py_CLEAR(state->empty);
    Py_CLEAR(state->full);
    Py_CLEAR(state->timeout);
    Py_CLEAR(state->diverged);
    return 0;
}

static void module_free(void *module) { (void)module_clear(module); }

static struct PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

PyDoc_STRVAR(module_doc,
             "The parts of the package stm that are written in C.\n\n"
             "Import them from stm and its modules.");

struct PyModuleDef stm__module = {
    PyModuleDef_HEAD_INIT,   .m_name = "stm._stm",
    .m_doc = module_doc,     .m_size = sizeof(struct stm__state),
    .m_slots = module_slots, .m_traverse = module_traverse,
    .m_clear = module_clear, .m_free = module_free,
};

PyMODINIT_FUNC PyInit__stm(void);

PyMODINIT_FUNC PyInit__stm(void) { return PyModuleDef_Init(&stm__module); }
