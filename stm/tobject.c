/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <stm/seqvar-internal.h>
#include <stm/tobject.h>

/* Names are found without a lock, in a hash trie that only grows: the first
 * bits of a name's hash choose one of the object's roots, and each further pair
 * of bits one of a field's children, until the field with that name or a place
 * with none is reached.  A place is filled once, by compare-and-swap, and what
 * is in it stays until the object is freed.  Where the bits are used up, it
 * goes on along the first children.
 *
 *     root[hash % 16]       child[next 2 bits]      child[next 2 bits]
 *        "balance" ------------> "owner" ---------------> none
 *
 * A field is made also for a name that was missed, so that who missed it
 * depends on that field's variable, and not on a list of all. */

enum { ROOT_BITS = 4, CHILD_BITS = 2 };

struct field {
    uint64_t hash;
    const char *name;     /* the variable's own */
    struct stm_tvar *var; /* holds `absent` where there is no such field */
    struct field *next;   /* made earlier; set before others can see it */
    AO_t child[1 << CHILD_BITS]; /* struct field *; 0: none yet */
};

struct stm_tobject {
    AO_t refs;
    const struct stm_type *value;
    stm_value absent;
    struct stm_tvar *names;    /* of stm__seq_type: the present fields' names */
    AO_t fields;               /* all, by compare-and-swap: struct field * */
    AO_t root[1 << ROOT_BITS]; /* like a field's children */
};

/* Its address is no value of anyone's. */
static const char absence;

/* ---- making and freeing ---- */

struct stm_tobject *stm_tobject_new(const struct stm_type *value)
{
    struct stm_tobject *object = calloc(1, sizeof *object);

    if (!object)
        return NULL;
    object->refs = 1;
    object->value = value;
    object->absent = value ? 0 : (stm_value)&absence;
    object->names = stm_tvar_new(&stm__seq_type, 0);
    if (object->names)
        return object;
    free(object);
    return NULL;
}

void stm_tobject_retain(struct stm_tobject *object)
{
    (void)AO_fetch_and_add1(&object->refs);
}

static void free_field(struct field *field)
{
    stm_tvar_release(field->var);
    free(field);
}

static struct field *first_field(const struct stm_tobject *object)
{
    return (struct field *)AO_load_acquire(&object->fields);
}

void stm_tobject_release(struct stm_tobject *object)
{
    struct field *field, *next;

    if (!object || AO_fetch_and_sub1_full(&object->refs) != 1)
        return;
    for (field = first_field(object); field; field = next) {
        next = field->next;
        free_field(field);
    }
    stm_tvar_release(object->names);
    free(object);
}

/* ---- finding a field ---- */

/* Fowler, Noll and Vo's hash, with the high bits folded into the low ones. */
static uint64_t hash_of(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

/* Where a search has come to. */
struct path {
    const char *name;
    uint64_t hash;
    uint64_t rest; /* the hash's bits that have not been used */
    AO_t *place;
};

static struct path path_to(struct stm_tobject *object, const char *name)
{
    struct path path = {.name = name, .hash = hash_of(name)};

    path.place = &object->root[path.hash % (1 << ROOT_BITS)];
    path.rest = path.hash >> ROOT_BITS;
    return path;
}

/* The field; or NULL, and the path has come to the place for it. */
static struct field *follow(struct path *path)
{
    struct field *field;

    while ((field = (struct field *)AO_load_acquire(path->place)) != NULL) {
        if (field->hash == path->hash && !strcmp(field->name, path->name))
            return field;
        path->place = &field->child[path->rest % (1 << CHILD_BITS)];
        path->rest >>= CHILD_BITS;
    }
    return NULL;
}

static struct field *make_field(const struct stm_tobject *object,
                                const struct path *path)
{
    struct field *field = calloc(1, sizeof *field);

    if (!field)
        return NULL;
    field->hash = path->hash;
    field->var = stm_tvar_new(object->value, object->absent);
    if (field->var && stm_tvar_set_name(field->var, path->name) == STM_OK) {
        field->name = stm_tvar_name(field->var);
        return field;
    }
    free_field(field);
    return NULL;
}

/* Puts a field, which is in its place, into the list of all. */
static void enlist(struct stm_tobject *object, struct field *field)
{
    do
        field->next = first_field(object);
    while (!AO_compare_and_swap_full(&object->fields, (AO_t)field->next,
                                     (AO_t)field));
}

/* The field with a name, made if need be. */
static enum stm_status find(struct stm_tx *tx, struct stm_tobject *object,
                            const char *name, struct field **out)
{
    struct field *made;
    struct path path;

    STM__CHECK(tx);
    if (!name)
        return stm_error(STM_EMISUSE,
                         "a field's name is NULL; expected a string");
    path = path_to(object, name);
    *out = follow(&path);
    if (*out)
        return STM_OK;
    made = make_field(object, &path);
    if (!made)
        return stm__doom(tx, STM_ENOMEM);
    while (!AO_compare_and_swap_full(path.place, 0, (AO_t)made)) {
        *out = follow(&path);
        if (*out) {
            free_field(made);
            return STM_OK;
        }
    }
    enlist(object, made);
    *out = made;
    return STM_OK;
}

/* The field with a name, and its value or `absent`. */
static enum stm_status load(struct stm_tx *tx, struct stm_tobject *object,
                            const char *name, struct field **field,
                            stm_value *value)
{
    STM_TRY(find(tx, object, name, field));
    return stm_tvar_get(tx, (*field)->var, value);
}

/* ---- fields ---- */

enum stm_status stm_tobject_get(struct stm_tx *tx, struct stm_tobject *object,
                                const char *name, stm_value *out)
{
    struct field *field;
    stm_value value;

    STM_TRY(load(tx, object, name, &field, &value));
    if (value == object->absent)
        return STM_ENOTFOUND;
    *out = value;
    return STM_OK;
}

enum stm_status stm_tobject_set(struct stm_tx *tx, struct stm_tobject *object,
                                const char *name, stm_value value)
{
    struct field *field;
    stm_value held;

    STM_TRY(load(tx, object, name, &field, &held));
    if (value == object->absent)
        return stm_error(STM_EMISUSE,
                         "%s: what was to be stored in \"%s\" is no value of "
                         "the object's type",
                         __func__, name);
    if (held == object->absent)
        STM_TRY(stm__seqvar_append(tx, object->names, NULL,
                                   (stm_value)field->name));
    return stm_tvar_set(tx, field->var, value);
}

/* Where a name is that is among the names. */
static size_t index_of(const struct stm_seq *names, const char *name)
{
    size_t count;

    for (size_t index = 0;; index += count) {
        const stm_value *run = stm_seq_run(names, index, &count);

        for (size_t i = 0; i < count; i++)
            if (run[i] == (stm_value)name)
                return index + i;
    }
}

enum stm_status stm_tobject_remove(struct stm_tx *tx,
                                   struct stm_tobject *object, const char *name)
{
    struct field *field;
    struct stm_seq *names;
    stm_value value;

    STM_TRY(load(tx, object, name, &field, &value));
    if (value == object->absent)
        return STM_ENOTFOUND;
    STM_TRY(stm__seqvar_load(tx, object->names, &names));
    STM_TRY(stm__seqvar_take(tx, object->names, names,
                             index_of(names, field->name), &value));
    return stm_tvar_set(tx, field->var, object->absent);
}

enum stm_status stm_tobject_names(struct stm_tx *tx, struct stm_tobject *object,
                                  struct stm_seq **out)
{
    return stm__seqvar_snapshot(tx, object->names, NULL, out);
}

/* ---- for collectors ---- */

int stm_tobject_traverse(struct stm_tobject *object, stm_visit *visit,
                         void *context)
{
    int stop = stm_tvar_traverse(object->names, visit, context);
    struct field *field = first_field(object);

    for (; field && !stop; field = field->next)
        stop = stm_tvar_traverse(field->var, visit, context);
    return stop;
}

/* Of words there is nothing to let go, and 0 is a word like any other. */
void stm_tobject_discard(struct stm_tobject *object)
{
    if (!object->value)
        return;
    stm_tvar_clear(object->names);
    for (struct field *field = first_field(object); field; field = field->next)
        stm_tvar_clear(field->var);
}
