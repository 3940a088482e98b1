/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_PYMOD_TOBJECT_INTERNAL_H
#define STM_PYMOD_TOBJECT_INTERNAL_H

/* The fields of a TObject: what its attributes lie in.
 *
 * A field is a name with a variable, which holds the attribute's value, or the
 * word 0 where the object has no such attribute.  Reading an attribute that is
 * missing makes a field too, so that who missed it depends on that variable
 * alone.  The present names are a transactional list besides, for those who
 * list them.
 *
 * Fields are found without a lock, by the addresses of their names, which are
 * interned: in a trie that only grows.  The first bits of an address's hash
 * choose one of the roots, and each further pair of bits one of a field's
 * children, until the field with that name or an empty place is reached.  A
 * place is filled once, by compare-and-swap, and what is in it stays for as
 * long as the object.  Addresses differ in their hashes, so that the bits
 * suffice.
 *
 * A class may have a data descriptor by an attribute's name (a property, say),
 * which then counts and the field does not.  To know without a search through
 * the class and its bases, a field remembers the version of the type that was
 * searched last; it is 0 for a type that has none, which is never remembered.
 */

#include "module-internal.h"

#include <stm/inline.h>

struct stm__field {
    PyObject *name;          /* owned and interned */
    AO_t checked;            /* see stm__field_is_plain */
    AO_t var;                /* struct stm_tvar *; set once, by CAS */
    AO_t used;               /* 1: an attempt has given it a value */
    struct stm__field *next; /* made earlier; set before others can see it */
    AO_t child[4];           /* struct stm__field *; 0: none yet */
};

/* Of one object.  All zero: no fields. */
struct stm__fields {
    AO_t root[8]; /* like a field's children */
    AO_t all;     /* the field that was made last */
    AO_t names;   /* struct stm_tlist *; set once, by CAS */
};

#define STM__CHECKED_NEVER ((AO_t)-1)

/* The hash differs for any two addresses, and its low bits depend on all of
 * the address. */
static inline uint64_t stm__field_hash(const PyObject *name)
{
    uint64_t hash = (uint64_t)(uintptr_t)name * UINT64_C(0x9E3779B97F4A7C15);

    return hash ^ hash >> 32;
}

/* The field whose name is this very object, or NULL; then *place is where it
 * belongs. */
static inline struct stm__field *
stm__field_find(struct stm__fields *fields, const PyObject *name, AO_t **place)
{
    uint64_t rest = stm__field_hash(name);
    struct stm__field *field;

    *place = &fields->root[rest % 8];
    rest /= 8;
    while ((field = (struct stm__field *)AO_load_acquire(*place)) != NULL &&
           field->name != name) {
        *place = &field->child[rest % 4];
        rest /= 4;
    }
    return field;
}

/* What `checked` is for a type that has a data descriptor by the name, or has
 * none: so that the variable, which there is then, counts. */
static inline AO_t stm__checked(unsigned version, bool data)
{
    return (AO_t)version * 2 + data;
}

static inline unsigned stm__type_version(PyTypeObject *type)
{
    return AO_int_load((volatile unsigned *)&type->tp_version_tag);
}

static inline bool stm__field_is_plain(const struct stm__field *field,
                                       PyTypeObject *type)
{
    return AO_load_acquire(&field->checked) ==
           stm__checked(stm__type_version(type), false);
}

static inline struct stm_tvar *stm__field_var(const struct stm__field *field)
{
    return (struct stm_tvar *)AO_load_acquire(&field->var);
}

/* The field with a name, which is a str, made if need be.  NULL with an
 * exception. */
struct stm__field *stm__field_get(struct stm__fields *fields, PyObject *name);

/* The same, NULL without an exception where it was not made. */
struct stm__field *stm__field_known(struct stm__fields *fields, PyObject *name);

/* Sees to it that the field of an object of this type has a variable, which
 * takes its name from both.  -1 with an exception. */
int stm__field_equip(struct stm__field *field, PyTypeObject *type);

/* The list of the names; NULL with an exception. */
struct stm_tlist *stm__fields_names(struct stm__fields *fields);

/* The names as a new list, and with their values as a new dict, for an attempt
 * that runs. */
PyObject *stm__fields_list(struct stm__fields *fields, struct stm_tx *tx,
                           struct stm__state *state);
PyObject *stm__fields_as_dict(struct stm__fields *fields, struct stm_tx *tx,
                              struct stm__state *state);

/* Gives an equipped field a value, or none (0); `held` is what it has.  The
 * list of names is the object's. */
enum stm_status stm__field_change(struct stm_tx *tx, struct stm__field *field,
                                  struct stm_tlist *names, stm_value held,
                                  stm_value value);

int stm__fields_traverse(struct stm__fields *fields, visitproc visit,
                         void *arg);
void stm__fields_discard(struct stm__fields *fields);
void stm__fields_fini(struct stm__fields *fields);

/* ---- tobject.c ---- */

struct stm__tobject {
    PyObject_HEAD struct stm__fields fields;
    PyObject *weakrefs;
    PyObject *dict; /* NULL, but for who goes round all this */
};

static inline struct stm__fields *stm__tobject_fields(PyObject *object)
{
    return &((struct stm__tobject *)object)->fields;
}

/* Sets an equipped field, or removes it (value: NULL), in the running attempt.
 * -1 with an exception. */
int stm__tobject_change(PyObject *object, struct stm__field *field,
                        PyObject *value);

/* ---- tobject_state.c ---- */

/* The fields as a new dict; `what` is called outside of a transaction.  NULL
 * with an exception. */
PyObject *stm__tobject_as_dict(PyObject *object, const char *what);

/* The methods. */
PyObject *stm__tobject_dir(PyObject *object, PyObject *unused);
PyObject *stm__tobject_getstate(PyObject *object, PyObject *unused);
PyObject *stm__tobject_setstate(PyObject *object, PyObject *state);

#endif
