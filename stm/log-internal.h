/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_LOG_INTERNAL_H
#define STM_LOG_INTERNAL_H

#include <stm/fast.h>
#include <stm/tvar-internal.h>
#include <stm/vec-internal.h>

/* What one attempt has read and written.  One log serves the attempt and all
 * that is nested in it: a nested transaction is a savepoint, a mark to which
 * the writes can be taken back.  Reads are never taken back: what a branch
 * that retried has read is part of what its transaction waits for, and what an
 * undone body has read may have decided that it was undone.
 *
 * Every change of savepoint draws a new stamp, from a counter that only grows.
 * A write entry carries the stamp current when it was last set, so whether an
 * older value must be kept for a savepoint is one comparison.  (The same
 * numbers are the ownership tokens of the containers' nodes.) */

/* What an entry held before a savepoint's body first changed it. */
struct stm__undo {
    size_t write;
    stm_value value; /* counted */
    uint64_t stamp;
    enum stm__effect change;
};

struct stm__log {
    struct stm__fast *fast; /* where the short ways log: the writes, the next
                               read and the filters */
    struct stm__read *reads;
    size_t reads_capacity;
    struct stm__vec undos; /* struct stm__undo */
    bool counted;          /* a value of a counted type was written */

    /* struct stm__ref: references to give back when the attempt has ended.
     * Room is kept for every counted value in writes and undos, for every watch
     * set in writes, and for the `promised` ones that are held elsewhere, so
     * that undoing and ending cannot fail.  What is undone takes of it, and the
     * vector is away while the attempt's end runs user code: whoever puts one
     * more into the log makes room for that one. */
    struct stm__vec garbage;
    size_t promised;

    /* Finding writes: the filter, a scan while they are few, then a hash table
     * with linear probing, whose entries are indices plus one. */
    uint32_t *table;
    size_t table_size; /* a power of two, or 0 */
    bool indexed;
    size_t index_room; /* so many writes may there be before it has to grow */
};

void stm__log_init(struct stm__log *log, struct stm__fast *fast);
void stm__log_fini(struct stm__log *log);

/* Empties the log after an attempt; what it holds must be in garbage, and
 * garbage taken away. */
void stm__log_clear_index(struct stm__log *log);

static inline void stm__log_clear(struct stm__log *log)
{
    if (STM__UNLIKELY(log->indexed))
        stm__log_clear_index(log);
    log->fast->at = log->reads;
    log->fast->writes.count = 0;
}

/* And of what makes an attempt's end special. */
static inline void stm__log_forget(struct stm__log *log)
{
    log->undos.count = 0;
    log->promised = 0;
    log->counted = false;
}

/* The number of writes and undos: a point to go back to. */
struct stm__mark {
    size_t writes;
    size_t undos;
};

static inline struct stm__mark stm__log_mark(const struct stm__log *log)
{
    struct stm__mark mark = {log->fast->writes.count, log->undos.count};

    return mark;
}

static inline bool stm__log_has_since(const struct stm__log *log,
                                      const struct stm__mark *mark)
{
    return log->fast->writes.count > mark->writes ||
           log->undos.count > mark->undos;
}

/* Takes the writes since the mark back.  Cannot fail. */
void stm__log_undo(struct stm__log *log, const struct stm__mark *mark);

/* Keeps the writes since the mark, under a savepoint further out, whose stamp
 * `since` is: of what entries held before, that is forgotten which they were
 * given after that savepoint. */
void stm__log_merge(struct stm__log *log, const struct stm__mark *mark,
                    uint64_t since);

/* A log's writes since a mark, taken out in order to look at the state at that
 * mark. */
struct stm__rewound {
    size_t writes; /* how many there are of each */
    size_t undos;
    struct stm__write *write;
    struct stm__undo *undo;
};

/* Takes the writes since the mark out, without letting any value go.  False:
 * out of memory, nothing has changed. */
bool stm__log_rewind(struct stm__log *log, const struct stm__mark *mark,
                     struct stm__rewound *rewound);

/* Puts them back, once the log is again as it was left by that. */
void stm__log_replay(struct stm__log *log, struct stm__rewound *rewound);

static inline size_t stm__log_read_count(const struct stm__log *log)
{
    return (size_t)(log->fast->at - log->reads);
}

/* The short ways may log so many reads, as far as there is room. */
static inline void stm__log_open_reads(struct stm__log *log, size_t count)
{
    if (count > log->reads_capacity)
        count = log->reads_capacity;
    log->fast->end = log->reads;
    if (count) /* else there may be no array */
        log->fast->end += count;
}

/* Adds a read.  False: out of memory. */
bool stm__log_make_room_for_read(struct stm__log *log);

static inline bool stm__log_read(struct stm__log *log, struct stm_tvar *var,
                                 AO_t version)
{
    struct stm__fast *fast = log->fast;

    if (STM__UNLIKELY(fast->at == fast->end) &&
        !stm__log_make_room_for_read(log))
        return false;
    fast->at->var = var;
    fast->at->version = version;
    fast->at++;
    return true;
}

/* Leaves one entry for each variable that was read, sorted by address. */
void stm__log_unique_reads(struct stm__log *log);

static inline struct stm__write *stm__log_write_at(const struct stm__log *log,
                                                   size_t index)
{
    return STM__VEC_AT(&log->fast->writes, struct stm__write, index);
}

/* Where the index has a variable's entry, or could have it. */
static inline uint32_t *stm__log_place(const struct stm__log *log,
                                       const struct stm_tvar *var)
{
    uint64_t hash = (uint64_t)(uintptr_t)var * UINT64_C(0x9E3779B97F4A7C15);
    size_t mask = log->table_size - 1, place = (size_t)(hash >> 20) & mask;

    while (log->table[place] &&
           stm__log_write_at(log, log->table[place] - 1)->var != var)
        place = (place + 1) & mask;
    return &log->table[place];
}

/* Adds an entry, for which there is room, without indexing it. */
static inline struct stm__write *stm__log_push(struct stm__log *log,
                                               struct stm_tvar *var)
{
    if (stm__counted(var->type))
        log->counted = true;
    return stm__fast_push(log->fast, var, 0, STM__KEEPS);
}

/* The entry for a variable in the index, which has room for one more. */
static inline struct stm__write *stm__log_indexed_entry(struct stm__log *log,
                                                        struct stm_tvar *var)
{
    uint32_t *place = stm__log_place(log, var);

    if (!*place) {
        (void)stm__log_push(log, var);
        *place = (uint32_t)log->fast->writes.count;
    }
    return stm__log_write_at(log, *place - 1);
}

/* Sets a variable without a counted value where there is an index with room,
 * and nothing has to be kept for a savepoint.  False: nothing has happened. */
static inline bool stm__log_write_indexed(struct stm__log *log,
                                          struct stm_tvar *var, stm_value value)
{
    struct stm__fast *fast = log->fast;
    struct stm__write *write;

    if (!log->indexed || fast->writes.count >= fast->writes.capacity ||
        fast->writes.count >= log->index_room || stm__counted(var->type))
        return false;
    write = stm__log_indexed_entry(log, var);
    if (write->stamp < fast->since)
        return false;
    write->value = value;
    write->stamp = fast->stamp;
    write->change = STM__SETS;
    return true;
}

/* For how many references room is kept. */
static inline size_t stm__log_garbage_room(const struct stm__log *log)
{
    return 2 * log->fast->writes.capacity + log->undos.count + log->promised;
}

/* Has a variable not been written, and are there few writes and room for
 * another, with a counted value? */
static inline bool stm__log_has_place(const struct stm__log *log,
                                      const struct stm_tvar *var)
{
    const struct stm__fast *fast = log->fast;

    return !(fast->filter & stm__bit_of(var)) &&
           fast->writes.count < fast->writes_plain &&
           log->garbage.count + stm__log_garbage_room(log) + 3 <=
               log->garbage.capacity;
}

/* Then sets it, and takes over a reference to the value.  False: nothing has
 * happened. */
static inline bool stm__log_write_stealing(struct stm__log *log,
                                           struct stm_tvar *var,
                                           stm_value value)
{
    if (!stm__log_has_place(log, var))
        return false;
    (void)stm__fast_push(log->fast, var, value, STM__SETS);
    log->counted |= stm__counted(var->type);
    return true;
}

/* The same with a reference of its own. */
static inline bool stm__log_write_counted(struct stm__log *log,
                                          struct stm_tvar *var, stm_value value)
{
    if (!stm__log_has_place(log, var))
        return false;
    stm__retain(var->type, value);
    (void)stm__fast_push(log->fast, var, value, STM__SETS);
    log->counted |= stm__counted(var->type);
    return true;
}

struct stm__write *stm__log_search(const struct stm__log *log,
                                   const struct stm_tvar *var);

/* The entry for a variable, or NULL. */
static inline struct stm__write *stm__log_find(const struct stm__log *log,
                                               const struct stm_tvar *var)
{
    if (STM__LIKELY(!(log->fast->filter & stm__bit_of(var))))
        return NULL;
    return stm__log_search(log, var);
}

/* A bit for each variable in the writes; and the stamp of the latest one. */
uint64_t stm__log_filter(const struct stm__log *log);
uint64_t stm__log_latest(const struct stm__log *log);

/* Sets a variable's new value, of which the log takes over a reference.  False:
 * out of memory, nothing has changed and the reference is still the caller's.
 */
bool stm__log_write(struct stm__log *log, struct stm_tvar *var,
                    stm_value value);

/* Adds to the word that a variable will hold.  As stm__log_write. */
bool stm__log_add(struct stm__log *log, struct stm_tvar *var, stm_value delta);

/* The entry for a variable, made if need be without a value to set.  NULL: out
 * of memory. */
struct stm__write *stm__log_entry(struct stm__log *log, struct stm_tvar *var);

/* Keeps room for so many references more. */
static inline bool stm__log_reserve_garbage(struct stm__log *log, size_t more)
{
    return stm__vec_reserve(&log->garbage, stm__log_garbage_room(log) + more);
}

/* Puts a reference into the room that was kept. */
static inline void stm__log_discard(struct stm__log *log,
                                    const struct stm_type *type,
                                    stm_value value)
{
    struct stm__ref *ref;

    if (!stm__counted(type) || !value)
        return;
    ref = stm__vec_push(&log->garbage);
    ref->value = value;
    ref->type = type;
    log->fast->work = true;
}

/* Moves every reference that the log still holds to garbage; where the writes
 * are published, only undos hold any. */
void stm__log_discard_all(struct stm__log *log);
void stm__log_discard_undos(struct stm__log *log);

#endif
