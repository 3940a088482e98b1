/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_VALUE_H
#define STM_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a variable holds: one word.  A plain integer needs no type (NULL); a
 * word that is a counted reference comes with a type that says how to count. */
typedef uintptr_t stm_value;

/* A tracing collector's callback: one reference held by the object that is
 * traversed.  A value other than 0 ends the traversal and is returned. */
typedef int stm_visit(stm_value value, void *context);

/* How to own values of one kind.  A type is constant and outlives every value
 * that uses it.  NULL members, and a NULL type, mean "nothing to do".  The word
 * 0 is no reference: only equal is ever called with it. */
struct stm_type {
    const char *name;

    /* Takes one more reference.  Called anywhere, also while a variable is
     * locked: it must only count. */
    void (*retain)(stm_value value);

    /* Gives one reference back.  For the last one this may run the user's code
     * (a finalizer), so it is called with no lock held, outside any
     * transaction, after the last attempt that could have seen the value has
     * ended. */
    void (*release)(stm_value value);

    /* Are two values the same for a waiter?  Pure and cheap.  NULL: identity.
     * Called with no lock held. */
    bool (*equal)(stm_value left, stm_value right);

    /* May the calling thread run release for this value now?  NULL: always.
     * Where it answers no, the value stays for a thread that may.  It must not
     * call the library. */
    bool (*may_release)(stm_value value);

    /* May release come a while after the last attempt that could have seen the
     * value has ended: up to some 50 ms, if other threads are, or a moment ago
     * were, in transactions when it is replaced?  It costs less so. */
    bool late;

    /* For a collector that traces: calls visit for each reference that this
     * value, owned once, holds.  NULL: visits the value itself if the type
     * has a release function. */
    int (*traverse)(stm_value value, stm_visit *visit, void *context);

    /* For a variable that is a member of a structure (stm_tvar_init): the type
     * of which that structure is a value, and where the variable lies in it, in
     * bytes.  NULL: the structure is there as long as anyone may know of it. */
    const struct stm_type *owner;
    size_t offset;
};

#ifdef __cplusplus
}
#endif
#endif
