/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TDictValues, the view that TDict.values() returns: see tdict_view.c. */

#include "keyed-internal.h"

static PyMethodDef methods[] = {
    {"__reversed__", stm__view_reversed, METH_NOARGS,
     PyDoc_STR("__reversed__($self, /)\n--\n\n"
               "Return an iterator in reverse order.")},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"A view of the values of a TDict."},
    {Py_tp_dealloc, stm__view_dealloc},
    {Py_tp_traverse, stm__view_traverse},
    {Py_tp_clear, stm__view_clear},
    {Py_tp_repr, stm__view_repr},
    {Py_tp_iter, stm__view_iter},
    {Py_tp_methods, methods},
    {Py_tp_getset, stm__view_properties},
    {Py_sq_length, stm__view_length},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm.datatypes.TDictValues",
    .basicsize = sizeof(struct stm__view),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

int stm__tdict_values_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->tdict_values, &spec);
}
