/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <stm/log-internal.h>
#include <stm/watch-set-internal.h>

void stm__log_init(struct stm__log *log, struct stm__fast *fast)
{
    memset(log, 0, sizeof *log);
    log->fast = fast;
    log->index_room = STM__SCAN_MAX;
    log->fast->writes.size = sizeof(struct stm__write);
    log->undos.size = sizeof(struct stm__undo);
    log->garbage.size = sizeof(struct stm__ref);
}

void stm__log_fini(struct stm__log *log)
{
    free(log->reads);
    stm__vec_fini(&log->fast->writes);
    stm__vec_fini(&log->undos);
    stm__vec_fini(&log->garbage);
    free(log->table);
    log->table = NULL;
}

/* ---- reads ---- */

static int by_address(const void *left, const void *right)
{
    const struct stm__read *a = left, *b = right;

    return (a->var > b->var) - (a->var < b->var);
}

/* All entries of a variable have one version: another would have been a
 * conflict. */
void stm__log_unique_reads(struct stm__log *log)
{
    struct stm__read *reads = log->reads;
    size_t count = stm__log_read_count(log), kept = 0;

    if (count < 2)
        return;
    stm__sort(reads, count, sizeof *reads, by_address);
    for (size_t i = 1; i < count; i++)
        if (reads[i].var != reads[kept].var)
            reads[++kept] = reads[i];
    log->fast->at = reads + kept + 1;
}

/* Reads of the same variable are told apart only here, when the array is full,
 * so that a long loop over few variables does not grow it. */
bool stm__log_make_room_for_read(struct stm__log *log)
{
    size_t count, capacity = log->reads_capacity ? 2 * log->reads_capacity : 64;
    struct stm__read *reads;

    stm__log_unique_reads(log);
    count = stm__log_read_count(log);
    if (log->reads_capacity && count <= log->reads_capacity / 2)
        return true;
    reads = realloc(log->reads, capacity * sizeof *reads);
    if (!reads)
        return false;
    log->reads = reads;
    log->reads_capacity = capacity;
    log->fast->at = reads + count;
    log->fast->end = reads + capacity;
    return true;
}

/* ---- finding writes ---- */

static void index_add(struct stm__log *log, size_t index)
{
    *stm__log_place(log, stm__log_write_at(log, index)->var) =
        (uint32_t)index + 1;
}

/* Only for the entry added last: nothing was placed behind it, so its place can
 * simply be emptied. */
static void index_drop_last(struct stm__log *log, size_t index)
{
    *stm__log_place(log, stm__log_write_at(log, index)->var) = 0;
}

void stm__log_clear_index(struct stm__log *log)
{
    if (log->fast->writes.count < log->table_size / 8)
        for (size_t i = log->fast->writes.count; i-- > 0;)
            index_drop_last(log, i);
    else
        memset(log->table, 0, log->table_size * sizeof *log->table);
    log->indexed = false;
    log->index_room = STM__SCAN_MAX;
    log->fast->writes_plain = STM__SCAN_MAX;
}

/* Makes the table large enough for one more write. */
static __attribute__((noinline)) bool index_reserve(struct stm__log *log)
{
    size_t size = log->table_size ? log->table_size : 64;
    uint32_t *table;

    while (size < 4 * (log->fast->writes.count + 1))
        size *= 2;
    if (size != log->table_size) {
        table = calloc(size, sizeof *table);
        if (!table)
            return false;
        free(log->table);
        log->table = table;
        log->table_size = size;
    }
    log->indexed = true;
    log->index_room = size / 4;
    log->fast->writes_plain = 0; /* each must be indexed */
    for (size_t i = 0; i < log->fast->writes.count; i++)
        index_add(log, i);
    return true;
}

struct stm__write *stm__log_search(const struct stm__log *log,
                                   const struct stm_tvar *var)
{
    struct stm__write *writes = stm__log_write_at(log, 0);
    const uint32_t *place;

    if (!log->indexed) {
        for (size_t i = log->fast->writes.count; i-- > 0;)
            if (writes[i].var == var)
                return &writes[i];
        return NULL;
    }
    place = stm__log_place(log, var);
    return *place ? &writes[*place - 1] : NULL;
}

uint64_t stm__log_filter(const struct stm__log *log)
{
    uint64_t filter = 0;

    for (size_t i = 0; i < log->fast->writes.count; i++)
        filter |= stm__bit_of(stm__log_write_at(log, i)->var);
    return filter;
}

/* ---- writes ---- */

uint64_t stm__log_latest(const struct stm__log *log)
{
    uint64_t latest = 0;

    for (size_t i = 0; i < log->fast->writes.count; i++)
        if (stm__log_write_at(log, i)->stamp > latest)
            latest = stm__log_write_at(log, i)->stamp;
    return latest;
}

static __attribute__((noinline)) bool make_room_for_writes(struct stm__log *log)
{
    struct stm__vec *writes = &log->fast->writes;

    if (!stm__vec_reserve(writes, 1))
        return false;
    if (!log->indexed)
        log->fast->writes_plain = STM__SCAN_MAX; /* no vector holds fewer */
    return true;
}

static inline bool make_room_for_entry(struct stm__log *log,
                                       const struct stm_type *type)
{
    size_t count = log->fast->writes.count;

    return (count < log->fast->writes.capacity || make_room_for_writes(log)) &&
           (count < log->index_room || index_reserve(log)) &&
           (!stm__counted(type) || stm__log_reserve_garbage(log, 3));
}

static inline struct stm__write *entry(struct stm__log *log,
                                       struct stm_tvar *var)
{
    struct stm__write *write;

    if (!log->indexed) {
        write = stm__log_find(log, var);
        if (write)
            return write;
    }
    if (!make_room_for_entry(log, var->type))
        return NULL;
    return log->indexed ? stm__log_indexed_entry(log, var)
                        : stm__log_push(log, var);
}

struct stm__write *stm__log_entry(struct stm__log *log, struct stm_tvar *var)
{
    return entry(log, var);
}

/* Keeps what the entry holds now for the savepoint that began after it. */
static __attribute__((noinline)) bool keep_for_undo(struct stm__log *log,
                                                    struct stm__write *write)
{
    struct stm__undo *undo;

    if (!stm__vec_reserve(&log->undos, 1) || !stm__log_reserve_garbage(log, 2))
        return false;
    undo = stm__vec_push(&log->undos);
    log->fast->work = true;
    undo->write = (size_t)(write - stm__log_write_at(log, 0));
    undo->value = write->value;
    undo->stamp = write->stamp;
    undo->change = write->change;
    return true;
}

/* Makes an entry's value one that may be replaced, of which it lets go. */
static inline bool open_entry(struct stm__log *log, struct stm__write *write)
{
    if (write->stamp < log->fast->since)
        return keep_for_undo(log, write);
    if (write->change != STM__SETS)
        return true;
    if (stm__counted(write->var->type) && !stm__log_reserve_garbage(log, 2))
        return false;
    stm__log_discard(log, write->var->type, write->value);
    return true;
}

bool stm__log_write(struct stm__log *log, struct stm_tvar *var, stm_value value)
{
    struct stm__write *write = entry(log, var);

    if (STM__UNLIKELY(!write) || !open_entry(log, write))
        return false;
    write->value = value;
    write->stamp = log->fast->stamp;
    write->change = STM__SETS;
    return true;
}

bool stm__log_add(struct stm__log *log, struct stm_tvar *var, stm_value delta)
{
    struct stm__write *write = stm__log_entry(log, var);

    if (!write || !open_entry(log, write))
        return false;
    if (write->change == STM__KEEPS)
        write->change = STM__ADDS;
    write->value += delta;
    write->stamp = log->fast->stamp;
    return true;
}

/* ---- undoing and ending ---- */

static void drop_write(struct stm__log *log, size_t index)
{
    struct stm__write *write = stm__log_write_at(log, index);

    if (log->indexed)
        index_drop_last(log, index);
    if (write->change == STM__SETS)
        stm__log_discard(log, write->var->type, write->value);
    stm__log_discard(log, &stm__watch_set_unused, (stm_value)write->watch_set);
}

void stm__log_undo(struct stm__log *log, const struct stm__mark *mark)
{
    while (log->undos.count > mark->undos) {
        struct stm__undo *undo =
            STM__VEC_AT(&log->undos, struct stm__undo, --log->undos.count);
        struct stm__write *write = stm__log_write_at(log, undo->write);

        if (write->change == STM__SETS)
            stm__log_discard(log, write->var->type, write->value);
        write->value = undo->value;
        write->stamp = undo->stamp;
        write->change = undo->change;
    }
    while (log->fast->writes.count > mark->writes) {
        drop_write(log, log->fast->writes.count - 1);
        log->fast->writes.count--;
    }
}

void stm__log_merge(struct stm__log *log, const struct stm__mark *mark,
                    uint64_t since)
{
    size_t kept = mark->undos, count = log->undos.count;
    struct stm__undo *undos = STM__VEC_AT(&log->undos, struct stm__undo, 0);

    log->undos.count = kept;
    for (size_t i = kept; i < count; i++) {
        if (undos[i].stamp < since)
            undos[log->undos.count++] = undos[i];
        else if (undos[i].change == STM__SETS)
            stm__log_discard(log,
                             stm__log_write_at(log, undos[i].write)->var->type,
                             undos[i].value);
    }
}

/* ---- looking back ---- */

/* Exchanges what an entry holds with what was kept of it. */
static void exchange(struct stm__log *log, struct stm__undo *undo)
{
    struct stm__write *write = stm__log_write_at(log, undo->write);
    struct stm__undo before = *undo;

    undo->value = write->value;
    undo->stamp = write->stamp;
    undo->change = write->change;
    write->value = before.value;
    write->stamp = before.stamp;
    write->change = before.change;
}

/* Takes the items from an index on out of an array, into memory for them. */
static void cut(struct stm__vec *vec, size_t from, void *tail)
{
    if (vec->count > from)
        memcpy(tail, vec->items + from * vec->size,
               (vec->count - from) * vec->size);
    vec->count = from;
}

static void take_back(struct stm__log *log, const struct stm__mark *mark,
                      struct stm__rewound *rewound)
{
    for (size_t i = log->undos.count; i-- > mark->undos;)
        exchange(log, STM__VEC_AT(&log->undos, struct stm__undo, i));
    if (log->indexed)
        for (size_t i = log->fast->writes.count; i-- > mark->writes;)
            index_drop_last(log, i);
    cut(&log->undos, mark->undos, rewound->undo);
    cut(&log->fast->writes, mark->writes, rewound->write);
    log->promised += 2 * rewound->writes + rewound->undos; /* their room */
}

bool stm__log_rewind(struct stm__log *log, const struct stm__mark *mark,
                     struct stm__rewound *rewound)
{
    rewound->writes = log->fast->writes.count - mark->writes;
    rewound->undos = log->undos.count - mark->undos;
    rewound->write = malloc(rewound->writes * sizeof *rewound->write + 1);
    rewound->undo = malloc(rewound->undos * sizeof *rewound->undo + 1);
    if (rewound->write && rewound->undo) {
        take_back(log, mark, rewound);
        return true;
    }
    free(rewound->write);
    free(rewound->undo);
    return false;
}

void stm__log_replay(struct stm__log *log, struct stm__rewound *rewound)
{
    for (size_t i = 0; i < rewound->writes; i++) {
        struct stm__write *write = stm__vec_push(&log->fast->writes);

        *write = rewound->write[i];
        log->fast->filter |= stm__bit_of(write->var);
        if (log->indexed)
            index_add(log, log->fast->writes.count - 1);
    }
    for (size_t i = 0; i < rewound->undos; i++) {
        struct stm__undo *undo = stm__vec_push(&log->undos);

        *undo = rewound->undo[i];
        exchange(log, undo);
    }
    log->promised -= 2 * rewound->writes + rewound->undos;
    free(rewound->write);
    free(rewound->undo);
}

void stm__log_discard_undos(struct stm__log *log)
{
    for (size_t i = 0; i < log->undos.count; i++) {
        struct stm__undo *undo = STM__VEC_AT(&log->undos, struct stm__undo, i);

        if (undo->change == STM__SETS)
            stm__log_discard(log,
                             stm__log_write_at(log, undo->write)->var->type,
                             undo->value);
    }
    log->undos.count = 0;
}

void stm__log_discard_all(struct stm__log *log)
{
    stm__log_discard_undos(log);
    for (size_t i = 0; i < log->fast->writes.count; i++) {
        struct stm__write *write = stm__log_write_at(log, i);

        if (write->change == STM__SETS)
            stm__log_discard(log, write->var->type, write->value);
        stm__log_discard(log, &stm__watch_set_unused,
                         (stm_value)write->watch_set);
        write->change = STM__KEEPS;
        write->watch_set = NULL;
    }
}
