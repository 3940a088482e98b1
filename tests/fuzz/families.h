/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_FAMILIES_H
#define TESTS_FUZZ_FAMILIES_H

#include "fuzz.h"

/* What families share. */

#define OPERATIONS(table)                                                      \
    .operations = (table), .count = sizeof(table) / sizeof((table)[0])

/* What an out-parameter holds before the call, and still after one that does
 * not return STM_OK. */
#define CANARY ((stm_value)0xCA11AB1E)

/* The type of what an object with this index holds. */
static inline const struct stm_type *type_of(unsigned which)
{
    return which % 2 ? &object_type : NULL;
}

/* Notes a value that was passed out, if the status in *got is STM_OK. */
static inline void pass_value(struct result *got, unsigned out, bool counted,
                              stm_value value)
{
    if (got->status != STM_OK) {
        REQUIRE(value == CANARY, "an out-parameter was written with status %d",
                got->status);
        return;
    }
    borrow(counted, value);
    got->out[out] = number_of(counted, value);
}

/* The same for a plain number. */
static inline void pass_number(struct result *got, unsigned out,
                               uint64_t number)
{
    REQUIRE(got->status == STM_OK || number == CANARY,
            "an out-parameter was written with status %d", got->status);
    got->out[out] = got->status == STM_OK ? number : 0;
}

/* ---- fuzz_tvar.c ---- */

enum { TVARS = 8 };
struct stm_tvar *tvar_at(unsigned which);
uint32_t tvar_number(unsigned which); /* by the model */

/* Another variable of the same kind, by the first small argument. */
static inline unsigned other_tvar(const struct arguments *a)
{
    return (a->small[0] * 2 + a->which % 2) % TVARS;
}

/* ---- fuzz_tlist.c ---- */

enum { TLISTS = 4, LIST_MAX = 1600 };
struct list_model {
    size_t length;
    uint32_t item[LIST_MAX];
};
struct stm_tlist *tlist_at(unsigned which);
struct list_model *tlist_model(unsigned which);
size_t tlist_model_length(unsigned which);

/* Replaces the items [at, at + removed) of the model. */
void model_splice(struct list_model *list, size_t at, size_t removed,
                  const uint32_t *item, size_t count);

/* ---- fuzz_map_keys.c: keys, and how maps tell them apart ---- */

/* Dictionaries, then sets. */
enum { TDICTS = 4, MAPS = 8, MAP_MAX = 320 };
struct map_model {
    size_t length;
    uint32_t key[MAP_MAX];
    uint32_t value[MAP_MAX]; /* 0 in a set */
};
struct map_model *map_model(unsigned which);
const struct stm_key_type *key_type_of(unsigned which);

/* Where a key is in the model; the length if it is not there. */
size_t map_model_find(unsigned which, uint32_t key);
void map_model_put(unsigned which, uint32_t key, uint32_t value);
void map_model_take(struct map_model *map, size_t at);

/* What the n-th call from now on of a hash or an equal function does besides:
 * on top, to the map that is worked on, and to its model. */
struct deed {
    enum {
        NO_DEED,
        DEED_FAILS,
        DEED_READS,
        DEED_SETS,
        DEED_POPS,
        DEED_REMOVES, /* the key that is looked for */
        DEEDS
    } kind;
    unsigned calls; /* to go before it is done */
    bool in_equal;  /* else in hash */
    bool nested;    /* in a transaction of its own */
    unsigned key;   /* to set: odd, the one that is looked for; else this word,
                       or a new object of this class */
};
void deed_start(void);
void deed_plan(const struct deed *deed);

/* Which map is worked on; MAPS: none that could be changed. */
void deed_aim(unsigned which);

/* Did hash or equal fail since it was asked last?  Then so does the operation,
 * and the model of it does nothing. */
bool deed_failed(struct result *want);

/* While it holds, nothing is done. */
void deed_pause(bool paused);

/* What deeds do: to a dictionary or a set alike. */
enum stm_status map_set(struct stm_tx *tx, unsigned which, stm_value key,
                        stm_value value);
enum stm_status map_pop(struct stm_tx *tx, unsigned which, stm_value *key,
                        stm_value *value);
enum stm_status map_remove(struct stm_tx *tx, unsigned which, stm_value key,
                           stm_value *value);
enum stm_status map_length(struct stm_tx *tx, unsigned which, size_t *out);

/* ---- fuzz_tqueue.c, fuzz_tcounter.c ---- */

enum { QUEUES = 4, COUNTERS = 2 };
enum stm_status queue_length(struct stm_tx *tx, unsigned which, size_t *out);
size_t queue_model_length(unsigned which);
struct stm_tcounter *tcounter_at(unsigned which);
uint64_t tcounter_number(unsigned which); /* by the model */

/* ---- fuzz_snapshot.c ---- */

/* Sequences that the program holds, whatever becomes of the transaction in
 * which they were taken; those with odd indices hold counted values. */
enum { SNAPSHOTS = 8 };
struct snapshot {
    struct stm_seq *seq; /* owned; NULL: none yet */
    struct list_model model;
};
struct snapshot *snapshot_at(unsigned which);

/* One of the same kind as the object `which`, chosen by a small argument. */
struct snapshot *snapshot_like(unsigned which, unsigned chooser);

/* Takes over seq, which holds these items. */
void snapshot_replace(struct snapshot *snapshot, struct stm_seq *seq,
                      const uint32_t *item, size_t count);

#endif
