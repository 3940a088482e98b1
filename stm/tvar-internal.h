/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_TVAR_INTERNAL_H
#define STM_TVAR_INTERNAL_H

#include <stm/fast.h>
#include <stm/limbo-internal.h>
#include <stm/step-internal.h>
#include <stm/wait-internal.h>

/* A variable's word is locked by compare-and-swap and unlocked by a releasing
 * store; its value is stored with release under the lock, so that a reader that
 * sees a new value also sees the lock or what came after it. */
#define STM__LOCKED(word) ((word)&1)

/* Counts the forks that led to this process, from 1.  What a lock or a list of
 * an earlier generation says is about threads that are not here. */
extern AO_t stm__generation;

/* What only some variables need.  Lives until the variable, every watcher that
 * once read it and every blocked call that has are gone. */
struct stm__side {
    AO_t lock; /* for the members said to be under it: the generation of who
                  holds it, or 0 */
    AO_t refs;

    struct stm__waits waits;

    /* Who watches, a struct stm__watch_set *: changed by a commit that holds
     * the variable, which then adds one to watch_version, and since when: that
     * commit's own version. */
    AO_t watch_set;
    AO_t watch_version;
    AO_t watch_since;

    struct stm_tvar *var; /* NULL once nothing refers to it; under `lock` */
    char *name;           /* set before the variable is shared */
};

/* Reads a consistent value and version.  False if the variable is locked or
 * changed meanwhile; try again. */
static inline bool stm__tvar_load(struct stm_tvar *var, AO_t *word,
                                  stm_value *value)
{
    *word = AO_load_acquire(&var->word);
    if (STM__STEP(STM__AT_READ))
        return false;
    *value = AO_load_acquire(&var->value);
    return !STM__LOCKED(*word) && AO_load(&var->word) == *word;
}

static inline bool stm__tvar_is_member(const struct stm_tvar *var)
{
    return AO_load(&var->side) & STM__MEMBER;
}

/* The structure that a member belongs to; 0: nobody counts. */
static inline struct stm__ref stm__tvar_owner(const struct stm_tvar *var)
{
    struct stm__ref owner = {0, var->type ? var->type->owner : NULL};

    if (owner.type)
        owner.value = (stm_value)var - var->type->offset;
    return owner;
}

/* A variable whose value the caller hands over with its reference. */
struct stm_tvar *stm__tvar_new_stealing(const struct stm_type *type,
                                        stm_value initial);

/* A variable that nothing but values will ever refer to, so that the last of
 * them, when it may go, takes it along at once. */
struct stm_tvar *stm__tvar_new_inner(const struct stm_type *type,
                                     stm_value initial);

/* The side, or NULL. */
static inline struct stm__side *stm__side_of(const struct stm_tvar *var)
{
    return (struct stm__side *)(AO_load_acquire(&var->side) & ~STM__MEMBER);
}

/* The side, made if need be; NULL: out of memory. */
struct stm__side *stm__side_ensure(struct stm_tvar *var);
void stm__side_retain(struct stm__side *side);
void stm__side_release(struct stm__side *side);

/* For a handful of instructions, none of which can block. */
void stm__side_lock(struct stm__side *side);
void stm__side_unlock(struct stm__side *side);

/* The version of the watch set; 0 if there never was one. */
static inline AO_t stm__watch_version(struct stm_tvar *var)
{
    struct stm__side *side = stm__side_of(var);

    return side ? AO_load_acquire(&side->watch_version) : 0;
}

/* Is the set still the one that was looked at for this write?  To be asked
 * while the variable is held, or is not locked by another one's commit. */
static inline bool stm__same_watchers(const struct stm__write *write)
{
    return stm__watch_version(write->var) == write->watch_version;
}

static inline bool stm__has_waits(struct stm_tvar *var)
{
    struct stm__side *side = stm__side_of(var);

    return side && AO_load(&side->waits.count);
}

#endif
