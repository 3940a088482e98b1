/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The fields of a TObject: see tobject-internal.h. */

#include "tlist-internal.h"
#include "tobject-internal.h"

/* ---- names ---- */

/* The one object for a name: a new reference. */
static PyObject *intern(PyObject *name)
{
    PyObject *result = PyUnicode_FromObject(name); /* no subclass of str */

    if (result != NULL)
        PyUnicode_InternInPlace(&result);
    return result;
}

/* ---- making fields ---- */

static struct stm__field *first_field(const struct stm__fields *fields)
{
    return (struct stm__field *)AO_load_acquire(&fields->all);
}

static void free_field(struct stm__field *field)
{
    stm_tvar_release(stm__field_var(field));
    Py_DECREF(field->name);
    PyMem_RawFree(field);
}

/* Puts a field, which is in its place, into the list of all. */
static void enlist(struct stm__fields *fields, struct stm__field *field)
{
    do
        field->next = first_field(fields);
    while (!AO_compare_and_swap_full(&fields->all, (AO_t)field->next,
                                     (AO_t)field));
}

static struct stm__field *add_field(struct stm__fields *fields, PyObject *name)
{
    struct stm__field *made, *found;
    AO_t *place;

    found = stm__field_find(fields, name, &place);
    if (found != NULL)
        return found;
    made = PyMem_RawCalloc(1, sizeof *made);
    if (made == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    made->name = Py_NewRef(name);
    made->checked = STM__CHECKED_NEVER;
    while (!AO_compare_and_swap_full(place, 0, (AO_t)made)) {
        found = stm__field_find(fields, name, &place);
        if (found != NULL) {
            free_field(made);
            return found;
        }
    }
    enlist(fields, made);
    return made;
}

struct stm__field *stm__field_get(struct stm__fields *fields, PyObject *name)
{
    PyObject *interned = intern(name);
    struct stm__field *field;

    if (interned == NULL)
        return NULL;
    field = add_field(fields, interned);
    Py_DECREF(interned);
    return field;
}

struct stm__field *stm__field_known(struct stm__fields *fields, PyObject *name)
{
    PyObject *interned = intern(name);
    struct stm__field *field;
    AO_t *place;

    if (interned == NULL)
        return NULL;
    field = stm__field_find(fields, interned, &place);
    Py_DECREF(interned);
    return field;
}

/* Calls a variable "Class.attribute", cut off where that is very long. */
static enum stm_status name_variable(struct stm_tvar *var, PyTypeObject *type,
                                     PyObject *name)
{
    const char *dot = strrchr(type->tp_name, '.');
    const char *attribute = PyUnicode_AsUTF8(name);
    char full[256];

    if (attribute == NULL) { /* half of a surrogate pair */
        PyErr_Clear();
        attribute = "?";
    }
    (void)snprintf(full, sizeof full, "%s.%s",
                   dot != NULL ? dot + 1 : type->tp_name, attribute);
    return stm_tvar_set_name(var, full);
}

static struct stm_tvar *new_variable(PyTypeObject *type, PyObject *name)
{
    struct stm_tvar *var = stm_tvar_new(&stm__object_type, 0);

    if (var != NULL && name_variable(var, type, name) == STM_OK)
        return var;
    stm_tvar_release(var);
    PyErr_NoMemory();
    return NULL;
}

int stm__field_equip(struct stm__field *field, PyTypeObject *type)
{
    struct stm_tvar *var;

    if (stm__field_var(field) != NULL)
        return 0;
    var = new_variable(type, field->name);
    if (var == NULL)
        return -1;
    if (!AO_compare_and_swap_full(&field->var, 0, (AO_t)var))
        stm_tvar_release(var); /* another thread was first */
    return 0;
}

/* ---- the list of names ---- */

struct stm_tlist *stm__fields_names(struct stm__fields *fields)
{
    AO_t names = AO_load_acquire(&fields->names);
    struct stm_tlist *made;

    if (names != 0)
        return (struct stm_tlist *)names;
    made = stm_tlist_new(&stm__object_type);
    if (made == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    if (AO_compare_and_swap_full(&fields->names, 0, (AO_t)made))
        return made;
    stm_tlist_release(made);
    return (struct stm_tlist *)AO_load_acquire(&fields->names);
}

/* Adds what the fields with these names hold to a dict. */
static enum stm_status collect(struct stm__fields *fields, struct stm_tx *tx,
                               PyObject *names, PyObject *dict)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i);
        AO_t *place;
        struct stm__field *field = stm__field_find(fields, name, &place);
        stm_value value;

        STM_TRY(stm_tvar_get(tx, stm__field_var(field), &value));
        if (value != 0 && PyDict_SetItem(dict, name, (PyObject *)value) < 0)
            return STM__RAISED;
    }
    return STM_OK;
}

PyObject *stm__fields_as_dict(struct stm__fields *fields, struct stm_tx *tx,
                              struct stm__state *state)
{
    PyObject *names = stm__fields_list(fields, tx, state);
    PyObject *dict = names != NULL ? PyDict_New() : NULL;
    enum stm_status status;

    if (dict != NULL) {
        status = collect(fields, tx, names, dict);
        if (status != STM_OK) {
            Py_CLEAR(dict);
            if (status != STM__RAISED)
                (void)stm__raise(state, status);
        }
    }
    Py_XDECREF(names);
    return dict;
}

PyObject *stm__fields_list(struct stm__fields *fields, struct stm_tx *tx,
                           struct stm__state *state)
{
    struct stm_tlist *names = stm__fields_names(fields);
    struct stm_seq *seq;
    enum stm_status status;
    PyObject *list;

    if (names == NULL)
        return NULL;
    status = stm_tlist_snapshot(tx, names, &seq);
    if (status != STM_OK)
        return stm__raise(state, status);
    list = stm__seq_as_list(seq);
    stm_seq_release(seq);
    return list;
}

/* Where a name is that is among the names. */
static size_t index_of(const struct stm_seq *names, const PyObject *name)
{
    size_t count;

    for (size_t index = 0;; index += count) {
        const stm_value *run = stm_seq_run(names, index, &count);

        assert(run != NULL);
        for (size_t i = 0; i < count; i++)
            if (run[i] == (stm_value)name)
                return index + i;
    }
}

/* Takes a name out of the list. */
static enum stm_status remove_name(struct stm_tx *tx, struct stm_tlist *names,
                                   const PyObject *name)
{
    struct stm_seq *seq;
    enum stm_status status;
    stm_value removed;

    STM_TRY(stm_tlist_snapshot(tx, names, &seq));
    status = stm_tlist_remove(tx, names, index_of(seq, name), &removed);
    stm_seq_release(seq);
    return status;
}

enum stm_status stm__field_change(struct stm_tx *tx, struct stm__field *field,
                                  struct stm_tlist *names, stm_value held,
                                  stm_value value)
{
    if (held == 0 && value != 0) {
        AO_store_release(&field->used, 1);
        STM_TRY(stm_tlist_append(tx, names, (stm_value)field->name));
    } else if (held != 0 && value == 0) {
        STM_TRY(remove_name(tx, names, field->name));
    }
    return stm_tvar_set(tx, stm__field_var(field), value);
}

/* ---- for collectors ---- */

/* The names are strings, but somebody may watch which there are. */
int stm__fields_traverse(struct stm__fields *fields, visitproc visit, void *arg)
{
    struct stm__visitor visitor = {visit, arg};
    struct stm__field *field = first_field(fields);
    int stop = 0;

    for (; field != NULL && stop == 0; field = field->next)
        if (stm__field_var(field) != NULL)
            stop =
                stm_tvar_traverse(stm__field_var(field), stm__visit, &visitor);
    if (stop == 0 && fields->names != 0)
        stop = stm_tlist_traverse((struct stm_tlist *)fields->names, stm__visit,
                                  &visitor);
    return stop;
}

/* The names stay: they are no part of a cycle. */
void stm__fields_discard(struct stm__fields *fields)
{
    struct stm__field *field = first_field(fields);

    for (; field != NULL; field = field->next)
        if (stm__field_var(field) != NULL)
            stm_tvar_clear(stm__field_var(field));
}

void stm__fields_fini(struct stm__fields *fields)
{
    struct stm__field *field = first_field(fields), *next;

    for (; field != NULL; field = next) {
        next = field->next;
        free_field(field);
    }
    if (fields->names != 0)
        stm_tlist_release((struct stm_tlist *)fields->names);
}
