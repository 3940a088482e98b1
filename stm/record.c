/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stm/record-internal.h>

#ifdef STM_RECORD

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include <stm/error-internal.h>

/* ---- recording ---- */

enum kind {
    BEGIN,
    END,
    STAMP,
    READ,
    WRITE,
    NEST,
    MERGE,
    UNDO,
    REWIND,
    REPLAY,
    REGISTERS,
    BLOCKED,
    AWAKE,
    EVENT,
    ACTION,
    RAN
};

struct entry {
    enum kind kind;
    int how;       /* the outcome; whether it was woken, or is the outermost */
    uint64_t what; /* a variable, a version, a savepoint, a call, a number */
    uint64_t value;
    uint64_t time;
};

#define CHUNK 1000
#define CHUNKS_MAX 100 /* of one thread */

/* Written by its thread alone; whoever reads `used` sees the entries. */
struct chunk {
    AO_t used;
    AO_t next; /* struct chunk * */
    struct entry entries[CHUNK];
};

/* What one thread has recorded. */
struct track {
    struct track *next; /* under lock */
    unsigned thread;
    unsigned chunks;
    struct chunk *first, *last;
};

static AO_t full;      /* a thread has recorded all that it may */
static AO_t recording; /* the number of the history; 0: none is recorded */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct track *tracks; /* under lock */
static unsigned histories;   /* under lock */
static unsigned threads;     /* under lock: of this history */

static STM__THREAD_LOCAL struct track *own;
static STM__THREAD_LOCAL AO_t own_history; /* the one that `own` belongs to */

static struct chunk *new_chunk(void)
{
    struct chunk *chunk = malloc(sizeof *chunk);

    STM__MUST(chunk != NULL);
    chunk->used = chunk->next = 0;
    return chunk;
}

static void new_track(AO_t history)
{
    own = malloc(sizeof *own);
    STM__MUST(own != NULL);
    own->first = own->last = new_chunk();
    own->chunks = 1;
    own_history = history;
    pthread_mutex_lock(&lock);
    own->thread = threads++;
    own->next = tracks;
    tracks = own;
    pthread_mutex_unlock(&lock);
}

static void add(struct entry entry)
{
    AO_t history = AO_load(&recording);
    struct chunk *chunk;

    if (!history)
        return;
    if (own_history != history)
        new_track(history);
    chunk = own->last;
    if (chunk->used == CHUNK) {
        if (own->chunks++ >= CHUNKS_MAX) {
            AO_store(&full, 1);
            return;
        }
        own->last = new_chunk();
        AO_store_release(&chunk->next, (AO_t)own->last);
        chunk = own->last;
    }
    chunk->entries[chunk->used] = entry;
    AO_store_release(&chunk->used, chunk->used + 1);
}

void stm__record_begin(void)
{
    add((struct entry){.kind = BEGIN, .time = stm__clock_monotonic()});
}

void stm__record_end(int outcome)
{
    add((struct entry){
        .kind = END, .how = outcome, .time = stm__clock_monotonic()});
}

void stm__record_stamp(uint64_t version)
{
    add((struct entry){.kind = STAMP, .what = version});
}

void stm__record_read(const void *var, stm_value value)
{
    add((struct entry){.kind = READ, .what = (uintptr_t)var, .value = value});
}

void stm__record_write(const void *var, stm_value value)
{
    add((struct entry){.kind = WRITE, .what = (uintptr_t)var, .value = value});
}

void stm__record_nest(const void *savepoint)
{
    add((struct entry){.kind = NEST, .what = (uintptr_t)savepoint});
}

void stm__record_merge(const void *savepoint)
{
    add((struct entry){.kind = MERGE, .what = (uintptr_t)savepoint});
}

void stm__record_undo(const void *savepoint)
{
    add((struct entry){.kind = UNDO, .what = (uintptr_t)savepoint});
}

void stm__record_rewind(bool outermost)
{
    add((struct entry){.kind = REWIND, .how = outermost});
}

void stm__record_replay(void) { add((struct entry){.kind = REPLAY}); }

void stm__record_registers(void)
{
    add((struct entry){.kind = REGISTERS, .time = stm__clock_monotonic()});
}

void stm__record_blocked(const void *call)
{
    add((struct entry){.kind = BLOCKED,
                       .what = (uintptr_t)call,
                       .time = stm__clock_monotonic()});
}

/* The clock comes first: a commit that had ended by then must have woken. */
void stm__record_awake(const void *call, const struct stm__parker *parker)
{
    uint64_t time = stm__clock_monotonic();

    add((struct entry){.kind = AWAKE,
                       .how = stm__parker_woken(parker),
                       .what = (uintptr_t)call,
                       .time = time});
}

void stm__record_event(uint64_t number)
{
    add((struct entry){.kind = EVENT, .what = number});
}

void stm__record_action(uint64_t number)
{
    add((struct entry){.kind = ACTION, .what = number});
}

void stm__record_ran(uint64_t number)
{
    add((struct entry){
        .kind = RAN, .what = number, .time = stm__clock_monotonic()});
}

static void free_track(struct track *track)
{
    struct chunk *next;

    for (struct chunk *chunk = track->first; chunk; chunk = next) {
        next = (struct chunk *)AO_load_acquire(&chunk->next);
        free(chunk);
    }
    free(track);
}

void stm__record_stop(void)
{
    struct track *next;

    pthread_mutex_lock(&lock);
    AO_store(&recording, 0);
    for (; tracks; tracks = next) {
        next = tracks->next;
        free_track(tracks);
    }
    pthread_mutex_unlock(&lock);
}

void stm__record_start(void)
{
    stm__record_stop();
    pthread_mutex_lock(&lock);
    threads = 0;
    AO_store(&full, 0);
    AO_store(&recording, ++histories);
    pthread_mutex_unlock(&lock);
}

bool stm__record_full(void) { return AO_load(&full); }

/* ---- writing it out ---- */

#define DEPTH_MAX 200 /* of savepoints */

/* A place among the entries of a track. */
struct place {
    const struct chunk *chunk;
    size_t index;
};

/* The next entry, or NULL at the end. */
static const struct entry *advance(struct place *place)
{
    const struct chunk *next;

    if (place->index == CHUNK) {
        next = (const struct chunk *)AO_load_acquire(&place->chunk->next);
        if (!next)
            return NULL;
        place->chunk = next;
        place->index = 0;
    }
    if (place->index == AO_load_acquire(&place->chunk->used))
        return NULL;
    return &place->chunk->entries[place->index++];
}

struct writer {
    FILE *stream;
    const struct stm__record_name *names;
    size_t count;

    /* Of the attempt being written. */
    uint64_t savepoints[DEPTH_MAX]; /* that are open */
    size_t depth;
    size_t seen[DEPTH_MAX]; /* bodies whose writes are seen, before a rewind */
    size_t rewinds;
    size_t bodies; /* the same, now */
    size_t operations;
    bool hides; /* some variable has no name */
    uint64_t version;
    const struct entry *registers;
    const struct entry *blocked;
};

static const char *name_of(struct writer *writer, uint64_t var)
{
    for (size_t i = 0; i < writer->count; i++)
        if ((uintptr_t)writer->names[i].var == var)
            return writer->names[i].name;
    writer->hides = true;
    return NULL;
}

static const char *separator(struct writer *writer)
{
    return writer->operations++ ? "," : "";
}

static void write_access(struct writer *writer, const struct entry *entry,
                         char letter)
{
    const char *name = name_of(writer, entry->what);

    if (name)
        fprintf(writer->stream, "%s[\"%c\",\"%s\",%" PRIu64 "]",
                separator(writer), letter, name, entry->value);
}

static void write_mark(struct writer *writer, char letter)
{
    fprintf(writer->stream, "%s[\"%c\"]", separator(writer), letter);
}

static void write_number(struct writer *writer, const struct entry *entry,
                         const char *word)
{
    fprintf(writer->stream, "%s[\"%s\",%" PRIu64 "]", separator(writer), word,
            entry->what);
}

static void write_nest(struct writer *writer, uint64_t savepoint)
{
    STM__MUST(writer->depth < DEPTH_MAX);
    writer->savepoints[writer->depth++] = savepoint;
    writer->bodies++;
    write_mark(writer, '(');
}

static void write_merge(struct writer *writer)
{
    writer->depth--;
    writer->bodies--;
    write_mark(writer, ')');
}

static void write_undo(struct writer *writer, uint64_t savepoint)
{
    do {
        STM__MUST(writer->depth > 0);
        writer->bodies--;
        write_mark(writer, '!');
    } while (writer->savepoints[--writer->depth] != savepoint);
}

/* What the attempt then writes is seen by it, and counts as a body. */
static void write_rewind(struct writer *writer, bool outermost)
{
    size_t kept = outermost ? 0 : writer->bodies - 1;

    STM__MUST(writer->rewinds < DEPTH_MAX);
    writer->seen[writer->rewinds++] = writer->bodies;
    writer->bodies = kept + 1;
    fprintf(writer->stream, "%s[\"<\",%zu]", separator(writer), kept);
}

static void write_replay(struct writer *writer)
{
    writer->bodies = writer->seen[--writer->rewinds];
    write_mark(writer, '>');
}

static void write_operation(struct writer *writer, const struct entry *entry)
{
    switch (entry->kind) {
    case READ:
        write_access(writer, entry, 'r');
        break;
    case WRITE:
        write_access(writer, entry, 'w');
        break;
    case NEST:
        write_nest(writer, entry->what);
        break;
    case MERGE:
        write_merge(writer);
        break;
    case UNDO:
        write_undo(writer, entry->what);
        break;
    case REWIND:
        write_rewind(writer, entry->how);
        break;
    case REPLAY:
        write_replay(writer);
        break;
    case EVENT:
        write_number(writer, entry, "ev");
        break;
    case ACTION:
        write_number(writer, entry, "on");
        break;
    case STAMP:
        writer->version = entry->what;
        break;
    case REGISTERS:
        writer->registers = entry;
        break;
    case BLOCKED:
        writer->blocked = entry;
        break;
    default:
        break;
    }
}

/* When the call that blocked then ended its sleep, or NULL. */
static const struct entry *find_awake(struct place place,
                                      const struct entry *blocked)
{
    const struct entry *entry;

    while ((entry = advance(&place)))
        if (entry->what == blocked->what &&
            (entry->kind == AWAKE || entry->kind == BLOCKED))
            return entry->kind == AWAKE ? entry : NULL;
    return NULL;
}

static void write_sleep(struct writer *writer, const struct entry *end,
                        struct place place)
{
    const struct entry *awake = find_awake(place, writer->blocked);

    fprintf(writer->stream, ",\"blk\":%" PRIu64 ",\"left\":%" PRIu64,
            writer->blocked->time, end->time);
    if (awake)
        fprintf(writer->stream, ",\"e\":%" PRIu64 ",\"why\":\"%s\"",
                awake->time, awake->how ? "wake" : "time");
    else
        fputs(",\"e\":null", writer->stream);
}

/* What is said of an attempt behind its operations; end is NULL if it still
 * ran. */
static void write_end(struct writer *writer, const struct entry *end,
                      struct place place)
{
    static const char letters[] = "CARX"; /* by enum stm__outcome */

    fprintf(writer->stream, "],\"st\":\"%c\"", end ? letters[end->how] : 'L');
    if (writer->version)
        fprintf(writer->stream, ",\"wv\":%" PRIu64, writer->version);
    if (writer->hides)
        fputs(",\"hid\":true", writer->stream);
    if (writer->registers)
        fprintf(writer->stream, ",\"reg\":%" PRIu64, writer->registers->time);
    if (!end)
        fputs(",\"e\":null", writer->stream);
    else if (writer->blocked)
        write_sleep(writer, end, place);
    else
        fprintf(writer->stream, ",\"e\":%" PRIu64, end->time);
    fputs("}\n", writer->stream);
}

static void write_attempt(struct writer *writer, struct place *place,
                          const struct entry *begin)
{
    const struct entry *entry;

    writer->depth = writer->rewinds = writer->operations = 0;
    writer->bodies = 1;
    writer->hides = false;
    writer->version = 0;
    writer->registers = writer->blocked = NULL;
    fprintf(writer->stream, ",\"b\":%" PRIu64 ",\"ops\":[", begin->time);
    while ((entry = advance(place)) && entry->kind != END)
        write_operation(writer, entry);
    write_end(writer, entry, *place);
}

static void write_track(struct writer *writer, const struct track *track)
{
    struct place place = {track->first, 0};
    const struct entry *entry;
    unsigned attempts = 0;

    while ((entry = advance(&place)))
        if (entry->kind == BEGIN) {
            fprintf(writer->stream, "{\"id\":\"%u.%u\",\"th\":%u",
                    track->thread, ++attempts, track->thread);
            write_attempt(writer, &place, entry);
        } else if (entry->kind == RAN) {
            fprintf(writer->stream,
                    "{\"ran\":%" PRIu64 ",\"t\":%" PRIu64 ",\"th\":%u}\n",
                    entry->what, entry->time, track->thread);
        }
}

void stm__record_dump(FILE *stream, const struct stm__record_name *names,
                      size_t count)
{
    struct writer writer = {.stream = stream, .names = names, .count = count};

    pthread_mutex_lock(&lock);
    for (const struct track *track = tracks; track; track = track->next)
        write_track(&writer, track);
    pthread_mutex_unlock(&lock);
}

#else
typedef int stm__record_is_off;
#endif
