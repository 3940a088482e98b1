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

/* Threads that run without a GIL use the types and functions all the time, and
 * would wait for each other to count references: those are counted no more. */
static void make_immortal(PyObject *object)
{
#ifdef Py_GIL_DISABLED
    Py_SET_REFCNT(object, PY_SSIZE_T_MAX);
#else
    (void)object;
#endif
}

bool stm__is_made(PyObject *self, const void *handle)
{
    if (handle != NULL)
        return true;
    PyErr_Format(PyExc_RuntimeError, "%s.__init__() was not called",
                 Py_TYPE(self)->tp_name);
    return false;
}

int stm__add_type(PyObject *module, PyTypeObject **slot, PyType_Spec *spec)
{
    *slot = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    if (*slot == NULL)
        return -1;
    make_immortal((PyObject *)*slot);
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

static int add_functions(PyObject *module, PyMethodDef *functions)
{
    if (PyModule_AddFunctions(module, functions) < 0)
        return -1;
    for (; functions->ml_name != NULL; functions++) {
        PyObject *function = PyObject_GetAttrString(module, functions->ml_name);

        if (function == NULL)
            return -1;
        make_immortal(function);
        Py_DECREF(function);
    }
    return 0;
}

static int module_exec(PyObject *module)
{
    static int (*const types[])(PyObject *, struct stm__state *) = {
#define STM__TYPE(name) stm__##name##_init,
        STM__TYPES(STM__TYPE)
#undef STM__TYPE
    };
    static PyMethodDef *const functions[] = {
        stm__errors_functions,  stm__transaction_functions,
        stm__watcher_functions, stm__stats_functions,
        stm__workers_functions, stm__service_functions,
        stm__build_functions,
    };
    struct stm__state *state = stm__state(module);

    if (check_interpreter() < 0 || stm__errors_init(module, state) < 0)
        return -1;
    for (size_t i = 0; i < Py_ARRAY_LENGTH(types); i++) {
        if (types[i](module, state) < 0)
            return -1;
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(functions); i++) {
        if (add_functions(module, functions[i]) < 0)
            return -1;
    }
    stm__service_init();
    return PyModule_AddStringConstant(module, "__version__", PACKAGE_VERSION);
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    struct stm__state *state = stm__state(module);

#define STM__VISIT(name) Py_VISIT(state->name);
    STM__TYPES(STM__VISIT)
    STM__EXCEPTIONS(STM__VISIT)
#undef STM__VISIT
    return 0;
}

static int module_clear(PyObject *module)
{
    struct stm__state *state = stm__state(module);

#define STM__CLEAR(name) Py_CLEAR(state->name);
    STM__TYPES(STM__CLEAR)
    STM__EXCEPTIONS(STM__CLEAR)
#undef STM__CLEAR
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
