/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_WATCH_SET_INTERNAL_H
#define STM_WATCH_SET_INTERNAL_H

#include <stm/tvar-internal.h>
#include <stm/watcher.h>

/* A watcher.  Its functions and argument are constant; which variables it
 * watches is transactional state, in `watched`. */
struct stm_watcher {
    AO_t refs;
    AO_t order; /* of creation */
    struct stm_watch config;
    char *name; /* NULL: none */

    /* A struct stm__watched *, of type stm__watched_type: what the last
     * committed run read.  The null reference before the first. */
    struct stm_tvar *watched;
};

/* The watchers of one variable: immutable, counted, in order of creation.  Each
 * entry owns a reference to its watcher and one to the watcher's argument, so
 * that a collector can count edges from variables to arguments. */
struct stm__watch_set {
    AO_t refs;
    size_t count;
    struct stm_watcher *items[];
};

void stm__watch_set_retain(struct stm__watch_set *set);   /* NULL: nothing */
void stm__watch_set_release(struct stm__watch_set *set);  /* runs user code */
bool stm__watch_set_may_release(const struct stm__watch_set *set);
int stm__watch_set_traverse(const struct stm__watch_set *set, stm_visit *visit,
                            void *context);

/* A set with the watcher added, or taken out: a new one, owned by the caller.
 * An empty set is a set.  NULL: out of memory. */
struct stm__watch_set *stm__watch_set_with(const struct stm__watch_set *set,
                                           struct stm_watcher *watcher);
struct stm__watch_set *stm__watch_set_without(const struct stm__watch_set *set,
                                              struct stm_watcher *watcher);

/* The variable's watch set with a reference for the caller (NULL: none), and
 * the version that it has. */
struct stm__watch_set *stm__watch_set_of(struct stm_tvar *var, AO_t *version);

/* A watch set, and a watcher, as counted values, to be released later. */
extern const struct stm_type stm__watch_set_type;
extern const struct stm_type stm__watcher_type;

/* The variables that a watcher read, in order of address.  Not references: a
 * variable that nothing else refers to can go.  A side stays, and tells. */
struct stm__watched {
    AO_t refs;
    bool cancelled;
    size_t count;
    struct stm__watched_item {
        struct stm_tvar *var; /* to compare by; follow side->var instead */
        struct stm__side *side;
    } items[];
};

extern const struct stm_type stm__watched_type;

#endif
