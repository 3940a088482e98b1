/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_WATCH_SET_INTERNAL_H
#define STM_WATCH_SET_INTERNAL_H

#include <stm/timer-internal.h>
#include <stm/tvar-internal.h>
#include <stm/watcher.h>

/* A watcher.  Its functions and argument are constant; which variables it
 * watches is transactional state, in `watched`. */
struct stm_watcher {
    AO_t refs;
    AO_t order; /* of creation */
    struct stm_watch config;
    char *name;     /* NULL: none */
    uint64_t start; /* monotonic ns: where its time begins */

    /* A struct stm__watched *, of type stm__watched_type: what the last
     * committed run read.  The null reference before the first. */
    struct stm_tvar *watched;

    /* Set while the last committed run waits for a time, or about to be; then
     * it owns a reference to the watcher and one to its argument. */
    struct stm__timer timer;
};

/* The watchers of one variable: immutable, in order of creation, with one
 * owner: the variable's side, or the write entry of a commit to come.  Each
 * entry owns a reference to its watcher and one to the watcher's argument, so
 * that a collector can count edges from variables to arguments.  An attempt
 * that meets a set may use it until it ends. */
struct stm__watch_set {
    struct stm__dead dead;
    size_t count;
    size_t capacity;
    struct stm_watcher *items[];
};

/* Counts what one who watches, or waits, for a watcher owns: a reference to it
 * and one to its argument.  Letting go runs user code. */
void stm__watcher_hold(struct stm_watcher *watcher);
void stm__watcher_let_go(struct stm_watcher *watcher);

/* Frees a set that no attempt can meet; runs user code.  NULL: nothing. */
void stm__watch_set_free(struct stm__watch_set *set);
bool stm__watch_set_may_free(const struct stm__watch_set *set);
int stm__watch_set_traverse(const struct stm__watch_set *set, stm_visit *visit,
                            void *context);

/* A copy, owned by the caller, with room for one watcher more; of NULL, an
 * empty set.  NULL: out of memory. */
struct stm__watch_set *stm__watch_set_copy(const struct stm__watch_set *set);

/* Adds a watcher to a set that no attempt can meet yet, which may move; false:
 * out of memory. */
bool stm__watch_set_add(struct stm__watch_set **set,
                        struct stm_watcher *watcher);

/* Takes a watcher out of such a set, with the references, which the caller then
 * owns.  False: it is not in there. */
bool stm__watch_set_remove(struct stm__watch_set *set,
                           struct stm_watcher *watcher);

/* A variable's set (NULL: none), which one it is, and the version of the commit
 * that installed it. */
struct stm__watch_look {
    const struct stm__watch_set *set;
    AO_t version;
    AO_t since;
};

/* Inside an attempt.  False: it may be about to change; look again.  A commit
 * that is about to install a set has made sure of the side before it locked the
 * variable. */
static inline bool stm__watch_set_look(struct stm_tvar *var,
                                       struct stm__watch_look *out)
{
    struct stm__side *side = stm__side_of(var);

    *out = (struct stm__watch_look){NULL, 0, 0};
    if (!side)
        return true;
    out->version = AO_load_acquire(&side->watch_version);
    out->set = (struct stm__watch_set *)AO_load_acquire(&side->watch_set);
    out->since = AO_load_acquire(&side->watch_since);
    return !STM__LOCKED(AO_load_acquire(&var->word)) &&
           AO_load(&side->watch_version) == out->version;
}

/* As values, to be released after the attempt: a set that was never installed,
 * one that was, and a watcher. */
extern const struct stm_type stm__watch_set_unused;
extern const struct stm_type stm__watch_set_used;
extern const struct stm_type stm__watcher_type;

/* The variables that a watcher read.  Not references: a variable that nothing
 * else refers to can go.  A side stays, and tells.  Only the owner of a
 * variable that is a member is kept, whose memory nothing else would keep until
 * a commit that found the variable by its side has ended. */
struct stm__watched {
    AO_t refs;
    bool cancelled;

    struct stm_watcher *watcher; /* not a reference: it owns this */
    uint64_t generation;         /* one more than that of the one before */
    uint64_t deadline;           /* when to run again; STM_FOREVER: never */
    uint64_t wall_deadline;

    /* Each side once, in order of its variable's address; counted. */
    size_t count;
    struct stm__watched_item {
        struct stm_tvar *var; /* to compare by; follow side->var instead */
        struct stm__side *side;
        struct stm__ref owner; /* of a member; else nothing */
    } * items;

    /* Each read, in the order in which they came: a run that reads the same
     * again is seen to have changed nothing without sorting. */
    size_t trace_count;
    struct stm__side *trace[];
};

extern const struct stm_type stm__watched_type;

#endif
