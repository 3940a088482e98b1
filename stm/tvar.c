/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <stm/error-internal.h>
#include <stm/tvar-internal.h>
#include <stm/watch-set-internal.h>

/* A variable of its own: 56 bytes. */
struct own_tvar {
    struct stm_tvar var; /* first */
    AO_t refs;
    struct stm__dead dead; /* for when the last reference is gone */
};

static struct own_tvar *own(struct stm_tvar *var)
{
    return (struct own_tvar *)var;
}

static struct own_tvar *of_dead(stm_value dead)
{
    return (struct own_tvar *)((char *)dead - offsetof(struct own_tvar, dead));
}

static void lose_side(struct stm_tvar *var)
{
    struct stm__side *side = stm__side_of(var);

    if (!side)
        return;
    stm__watch_set_free((struct stm__watch_set *)AO_load(&side->watch_set));
    AO_store(&side->watch_set, 0);
    stm__side_release(side);
}

static void destroy(stm_value dead)
{
    struct stm_tvar *var = &of_dead(dead)->var;

    lose_side(var);
    stm__release(var->type, AO_load(&var->value));
    free(of_dead(dead));
}

static bool may_destroy(stm_value dead)
{
    struct stm_tvar *var = &of_dead(dead)->var;
    struct stm__side *side = stm__side_of(var);

    return stm__may_release(var->type, AO_load(&var->value)) &&
           (!side || stm__watch_set_may_free(
                         (struct stm__watch_set *)AO_load(&side->watch_set)));
}

static const struct stm_type dead_tvar = {
    .name = "dead tvar",
    .release = destroy,
    .may_release = may_destroy,
};

static const struct stm_type dead_inner_tvar = {
    .name = "dead inner tvar",
    .release = destroy,
    .may_release = may_destroy,
};

static void init(struct stm_tvar *var, const struct stm_type *type,
                 stm_value initial, AO_t side)
{
    var->word = 0;
    var->value = initial;
    var->side = side;
    var->type = type;
}

struct stm_tvar *stm__tvar_new_stealing(const struct stm_type *type,
                                        stm_value initial)
{
    struct own_tvar *made = malloc(sizeof *made);

    if (!made)
        return NULL;
    init(&made->var, type, initial, 0);
    made->refs = 1;
    made->dead.next = NULL;
    made->dead.type = &dead_tvar;
    return &made->var;
}

struct stm_tvar *stm_tvar_new(const struct stm_type *type, stm_value initial)
{
    struct stm_tvar *var = stm__tvar_new_stealing(type, initial);

    if (var)
        stm__retain(type, initial);
    return var;
}

struct stm_tvar *stm__tvar_new_inner(const struct stm_type *type,
                                     stm_value initial)
{
    struct stm_tvar *var = stm_tvar_new(type, initial);

    if (var)
        own(var)->dead.type = &dead_inner_tvar;
    return var;
}

static void retain_owner(const struct stm_tvar *var)
{
    struct stm__ref owner = stm__tvar_owner(var);

    stm__retain(owner.type, owner.value);
}

void stm_tvar_retain(struct stm_tvar *var)
{
    if (stm__tvar_is_member(var))
        retain_owner(var);
    else
        (void)AO_fetch_and_add1(&own(var)->refs);
}

/* From here on no attempt finds the variable through its side.  One that has
 * found it began before the burial, and so is waited for. */
static void hide(struct stm_tvar *var)
{
    struct stm__side *side = stm__side_of(var);

    if (!side)
        return;
    stm__side_lock(side);
    side->var = NULL;
    stm__side_unlock(side);
}

void stm_tvar_release(struct stm_tvar *var)
{
    struct stm__ref owner;

    if (!var)
        return;
    if (stm__tvar_is_member(var)) {
        owner = stm__tvar_owner(var);
        stm__release(owner.type, owner.value);
        return;
    }
    if (AO_fetch_and_sub1_full(&own(var)->refs) != 1)
        return;
    hide(var);
    if (own(var)->dead.type == &dead_inner_tvar)
        stm__limbo_bury_inner(&own(var)->dead);
    else
        stm__limbo_bury(&own(var)->dead);
}

void stm_tvar_init(struct stm_tvar *var, const struct stm_type *type,
                   stm_value initial)
{
    init(var, type, initial, STM__MEMBER);
    stm__retain(type, initial);
}

void stm_tvar_fini(struct stm_tvar *var)
{
    hide(var);
    lose_side(var);
    stm__limbo_drop(var->type, AO_load(&var->value));
}

enum stm_status stm_tvar_set_name(struct stm_tvar *var, const char *name)
{
    struct stm__side *side;

    if (!name)
        return stm_error(
            STM_EMISUSE,
            "stm_tvar_set_name: the name is NULL; expected a string");
    side = stm__side_ensure(var);
    if (!side)
        return STM_ENOMEM;
    if (side->name)
        return stm_error(STM_EMISUSE,
                         "stm_tvar_set_name: the variable is named \"%s\" "
                         "already; a name is given once",
                         side->name);
    side->name = strdup(name);
    return side->name ? STM_OK : STM_ENOMEM;
}

const char *stm_tvar_name(const struct stm_tvar *var)
{
    const struct stm__side *side = stm__side_of(var);

    return side ? side->name : NULL;
}

int stm_tvar_traverse(struct stm_tvar *var, stm_visit *visit, void *context)
{
    struct stm__side *side = stm__side_of(var);
    int stop;

    stop =
        stm__traverse(var->type, AO_load_acquire(&var->value), visit, context);
    if (stop || !side)
        return stop;
    return stm__watch_set_traverse(
        (struct stm__watch_set *)AO_load_acquire(&side->watch_set), visit,
        context);
}

void stm_tvar_clear(struct stm_tvar *var)
{
    stm_value old = AO_load(&var->value);

    AO_store_release(&var->value, 0);
    stm__release(var->type, old);
}
