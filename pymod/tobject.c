/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* TObject: an object whose every attribute lies in a variable of its own.
 *
 * An attribute is looked for where object's are: a data descriptor of the type
 * comes first, then the instance's field, then what else the type has.  All but
 * the fields is left to PyObject_GenericGetAttr and PyObject_GenericSetAttr,
 * which find no dict: the type has a place for one, so that subclasses do not
 * add a dict of their own, and what __dict__ gives is a copy of the fields.
 *
 * Outside of a transaction there are no fields, only what the type has, unless
 * a field is in front of it: so methods and properties can be called there.
 *
 * The fields are in tobject_fields.c, lists and states in tobject_state.c. */

#include "tobject-internal.h"

/* ---- errors ---- */

/* The text is formatted with the type's name and the attribute's. */
static void raise_attribute_error(PyObject *object, PyObject *name,
                                  const char *format)
{
    PyObject *text =
        PyUnicode_FromFormat(format, Py_TYPE(object)->tp_name, name);
    PyObject *error = NULL;

    if (text != NULL)
        error = PyObject_CallOneArg(PyExc_AttributeError, text);
    if (error != NULL && PyObject_SetAttrString(error, "name", name) == 0 &&
        PyObject_SetAttrString(error, "obj", object) == 0)
        PyErr_SetObject(PyExc_AttributeError, error);
    Py_XDECREF(error);
    Py_XDECREF(text);
}

static void raise_missing(PyObject *object, PyObject *name)
{
    raise_attribute_error(object, name,
                          "'%.100s' object has no attribute '%U'");
}

static void raise_outside(PyObject *object, PyObject *name)
{
    PyErr_Format(PyExc_RuntimeError,
                 "attribute '%U' of a '%.100s' object must be used inside "
                 "stm.atomically()",
                 name, Py_TYPE(object)->tp_name);
}

/* ---- what the type has ---- */

static bool is_data_descriptor(const PyObject *found)
{
    return found != NULL && Py_TYPE(found)->tp_descr_set != NULL;
}

/* A type's version; 0 where there is none to be had.  A look-up of anything in
 * the type gives it one. */
static unsigned version_of(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    if (stm__type_version(type) == 0) {
#if PY_VERSION_HEX >= 0x030c0000
        (void)PyUnstable_Type_AssignVersionTag(type);
#else
        Py_XDECREF(stm__get_attribute((PyObject *)type, "__init__"));
        PyErr_Clear();
#endif
    }
    return stm__type_version(type);
}

/* Is there a data descriptor in front of the field?  -1 with an exception.
 * Where not, the field has a variable. */
static int is_hidden(PyObject *object, struct stm__field *field)
{
    unsigned version = version_of(object);
    AO_t checked = AO_load_acquire(&field->checked);
    PyObject *found;
    bool hidden;

    if (version != 0 && checked / 2 == version)
        return checked % 2;
    found = stm__find_in_type(Py_TYPE(object), field->name);
    if (found == NULL && PyErr_Occurred() != NULL)
        return -1;
    hidden = is_data_descriptor(found);
    Py_XDECREF(found);
    if (!hidden && stm__field_equip(field, Py_TYPE(object)) < 0)
        return -1;
    if (version != 0)
        AO_store_release(&field->checked, stm__checked(version, hidden));
    return hidden;
}

/* ---- outside of a transaction ---- */

struct look {
    struct stm_tvar *var;
    bool set;
};

static enum stm_status look_body(struct stm_tx *tx, void *argument)
{
    struct look *look = argument;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, look->var, &value));
    look->set = value != 0;
    return STM_OK;
}

/* Does the object have the field?  -1 with an exception. */
static int has_field(PyObject *object, PyObject *name)
{
    struct stm__field *field =
        stm__field_known(stm__tobject_fields(object), name);
    struct look look = {0};

    if (field == NULL)
        return PyErr_Occurred() != NULL ? -1 : 0;
    if (AO_load_acquire(&field->used) == 0)
        return 0;
    look.var = stm__field_var(field);
    if (stm__call_run(stm__state_of(object), look_body, &look) < 0)
        return -1;
    return look.set;
}

/* Python itself asks objects for names of this kind, and sets them where that
 * does not raise an AttributeError: typing does with __orig_class__. */
static bool is_special(PyObject *name)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(name);

    return length > 4 && PyUnicode_READ_CHAR(name, 0) == '_' &&
           PyUnicode_READ_CHAR(name, 1) == '_' &&
           PyUnicode_READ_CHAR(name, length - 2) == '_' &&
           PyUnicode_READ_CHAR(name, length - 1) == '_';
}

static PyObject *get_outside(PyObject *object, PyObject *name)
{
    PyObject *found = stm__find_in_type(Py_TYPE(object), name);
    bool of_type = found != NULL || is_special(name);
    int set = 0;

    if (found == NULL && PyErr_Occurred() != NULL)
        return NULL;
    if (!is_data_descriptor(found))
        set = has_field(object, name);
    Py_XDECREF(found);
    if (set < 0)
        return NULL;
    if (of_type && set == 0)
        return PyObject_GenericGetAttr(object, name);
    raise_outside(object, name);
    return NULL;
}

static int set_outside(PyObject *object, PyObject *name, PyObject *value)
{
    PyObject *found = stm__find_in_type(Py_TYPE(object), name);
    bool data = is_data_descriptor(found);

    if (found == NULL && PyErr_Occurred() != NULL)
        return -1;
    Py_XDECREF(found);
    if (data)
        return PyObject_GenericSetAttr(object, name, value);
    if (is_special(name))
        raise_attribute_error(object, name,
                              "'%.100s' object attribute '%U' must be set "
                              "inside stm.atomically()");
    else
        raise_outside(object, name);
    return -1;
}

/* ---- reading and writing ---- */

static bool is_dict(PyObject *name)
{
    return PyUnicode_CompareWithASCIIString(name, "__dict__") == 0;
}

/* Read-only, so that nobody writes to what is only a copy. */
static PyObject *get_dict(PyObject *object)
{
    PyObject *dict = stm__tobject_as_dict(object, "__dict__ of a TObject");
    PyObject *proxy = dict != NULL ? PyDictProxy_New(dict) : NULL;

    Py_XDECREF(dict);
    return proxy;
}

static PyObject *get_slowly(PyObject *object, PyObject *name)
{
    struct stm_tx *tx = stm_current();
    struct stm__field *field;
    enum stm_status status;
    stm_value value = 0;
    int hidden;

    if (!PyUnicode_Check(name))
        return PyObject_GenericGetAttr(object, name);
    if (is_dict(name))
        return get_dict(object);
    if (tx == NULL)
        return get_outside(object, name);
    field = stm__field_get(stm__tobject_fields(object), name);
    hidden = field != NULL ? is_hidden(object, field) : -1;
    if (hidden < 0)
        return NULL;
    if (!hidden) {
        status = stm_tvar_get(tx, stm__field_var(field), &value);
        if (status != STM_OK)
            return stm__raise(stm__state_of(object), status);
    }
    return value != 0 ? Py_NewRef((PyObject *)value)
                      : PyObject_GenericGetAttr(object, name);
}

static PyObject *tobject_getattro(PyObject *object, PyObject *name)
{
    AO_t *place;
    struct stm__field *field =
        stm__field_find(stm__tobject_fields(object), name, &place);
    struct stm_tx *tx = stm_current();
    stm_value value;

    if (STM__LIKELY(tx != NULL && field != NULL &&
                    stm__field_is_plain(field, Py_TYPE(object)) &&
                    stm_tvar_get(tx, stm__field_var(field), &value) == STM_OK))
        return value != 0 ? Py_NewRef((PyObject *)value)
                          : PyObject_GenericGetAttr(object, name);
    return get_slowly(object, name);
}

int stm__tobject_change(PyObject *object, struct stm__field *field,
                        PyObject *value)
{
    struct stm_tx *tx = stm_current();
    struct stm_tlist *names = stm__fields_names(stm__tobject_fields(object));
    enum stm_status status;
    stm_value held;

    if (names == NULL)
        return -1;
    status = stm_tvar_get(tx, stm__field_var(field), &held);
    if (status == STM_OK && value == NULL && held == 0) {
        raise_missing(object, field->name);
        return -1;
    }
    if (status == STM_OK)
        status = stm__field_change(tx, field, names, held, (stm_value)value);
    if (status == STM_OK)
        return 0;
    (void)stm__raise(stm__state_of(object), status);
    return -1;
}

static int set_slowly(PyObject *object, PyObject *name, PyObject *value)
{
    struct stm__field *field;
    int hidden;

    if (!PyUnicode_Check(name))
        return PyObject_GenericSetAttr(object, name, value);
    if (is_dict(name)) {
        raise_attribute_error(object, name,
                              "'%.100s' object attribute '%U' is read-only");
        return -1;
    }
    if (stm_current() == NULL)
        return set_outside(object, name, value);
    field = stm__field_get(stm__tobject_fields(object), name);
    hidden = field != NULL ? is_hidden(object, field) : -1;
    if (hidden < 0)
        return -1;
    return hidden ? PyObject_GenericSetAttr(object, name, value)
                  : stm__tobject_change(object, field, value);
}

static int tobject_setattro(PyObject *object, PyObject *name, PyObject *value)
{
    AO_t *place;
    struct stm__field *field =
        stm__field_find(stm__tobject_fields(object), name, &place);
    struct stm_tx *tx = stm_current();
    stm_value held;

    if (STM__LIKELY(tx != NULL && field != NULL && value != NULL &&
                    stm__field_is_plain(field, Py_TYPE(object)) &&
                    stm_tvar_get(tx, stm__field_var(field), &held) == STM_OK &&
                    held != 0 &&
                    stm_tvar_set(tx, stm__field_var(field), (stm_value)value) ==
                        STM_OK))
        return 0;
    return set_slowly(object, name, value);
}

/* ---- life ---- */

static int tobject_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct stm__tobject *self = (struct stm__tobject *)object;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->dict);
    return stm__fields_traverse(&self->fields, visit, arg);
}

static int tobject_clear(PyObject *object)
{
    struct stm__tobject *self = (struct stm__tobject *)object;

    Py_CLEAR(self->dict);
    stm__fields_discard(&self->fields);
    return 0;
}

static void tobject_dealloc(PyObject *object)
{
    struct stm__tobject *self = (struct stm__tobject *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, tobject_dealloc) if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs(object);
    Py_CLEAR(self->dict);
    stm__fields_fini(&self->fields);
    type->tp_free(object);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

/* ---- the type ---- */

PyDoc_STRVAR(
    tobject_doc,
    "TObject()\n--\n\n"
    "A base class of objects whose attributes change only by transactions.\n\n"
    "Each attribute of an instance lies in a variable of its own, and is read\n"
    "and written only inside atomically().  Adding one disturbs only those "
    "who\n"
    "listed the attributes, or missed this one.  What belongs to the class,\n"
    "like methods and properties, is as with other classes.  An object keeps\n"
    "room for each name that it was ever asked for; where names are data, use\n"
    "a TDict.\n\n"
    "An instance is made anywhere, unless __init__() sets attributes.  It can\n"
    "be copied and pickled inside atomically(), and unpickled anywhere.\n"
    "__dict__ is a read-only copy.");

PyDoc_STRVAR(dir_doc, "__dir__($self, /)\n--\n\n"
                      "Return the names of the attributes.");

PyDoc_STRVAR(getstate_doc,
             "__getstate__($self, /)\n--\n\n"
             "Return the instance's attributes as a dict; None for none.");

PyDoc_STRVAR(setstate_doc,
             "__setstate__($self, state, /)\n--\n\n"
             "Set attributes to the values in a dict, in a transaction.");

static PyMethodDef methods[] = {
    {"__dir__", stm__tobject_dir, METH_NOARGS, dir_doc},
    {"__getstate__", stm__tobject_getstate, METH_NOARGS, getstate_doc},
    {"__setstate__", stm__tobject_setstate, METH_O, setstate_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct stm__tobject, weakrefs),
     READONLY, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(struct stm__tobject, dict),
     READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)tobject_doc},
    {Py_tp_dealloc, tobject_dealloc},
    {Py_tp_traverse, tobject_traverse},
    {Py_tp_clear, tobject_clear},
    {Py_tp_getattro, tobject_getattro},
    {Py_tp_setattro, tobject_setattro},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm.datatypes.TObject",
    .basicsize = sizeof(struct stm__tobject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int stm__tobject_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->tobject, &spec);
}
