/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TDictItems, the view that TDict.items() returns: see tdict_view.c. */

#include "keyed-internal.h"

static int contains(PyObject *object, PyObject *pair)
{
    PyObject *dict = stm__view_dict(object), *value;
    int result;

    if (dict == NULL)
        return -1;
    if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2)
        return 0;
    result = stm__tdict_find(dict, PyTuple_GET_ITEM(pair, 0), &value);
    if (result > 0) {
        result =
            PyObject_RichCompareBool(value, PyTuple_GET_ITEM(pair, 1), Py_EQ);
        stm__discard(value);
    }
    return result;
}

static PyMethodDef methods[] = {
    {"isdisjoint", stm__isdisjoint, METH_O,
     PyDoc_STR("isdisjoint($self, other, /)\n--\n\n"
               "Return whether the view and an iterable have nothing in "
               "common.")},
    {"__reversed__", stm__view_reversed, METH_NOARGS,
     PyDoc_STR("__reversed__($self, /)\n--\n\n"
               "Return an iterator in reverse order.")},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"A view of the pairs of a TDict."},
    {Py_tp_dealloc, stm__view_dealloc},
    {Py_tp_traverse, stm__view_traverse},
    {Py_tp_clear, stm__view_clear},
    {Py_tp_repr, stm__view_repr},
    {Py_tp_iter, stm__view_iter},
    {Py_tp_richcompare, stm__compare_sets},
    {Py_tp_hash, PyObject_HashNotImplemented},
    {Py_tp_methods, methods},
    {Py_tp_getset, stm__view_properties},
    {Py_sq_length, stm__view_length},
    {Py_sq_contains, contains},
    {Py_nb_and, stm__view_and},
    {Py_nb_or, stm__view_or},
    {Py_nb_subtract, stm__view_subtract},
    {Py_nb_xor, stm__view_xor},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm.datatypes.TDictItems",
    .basicsize = sizeof(struct stm__view),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

int stm__tdict_items_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->tdict_items, &spec);
}
