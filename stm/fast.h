/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_FAST_H
#define STM_FAST_H

/* The heads of the library's structures and the short ways through a
 * transaction, as stm/inline.h compiles them into a program and the library
 * into its own functions.  Nothing here is an interface but the size of struct
 * stm_tvar: all of it changes with the library's soname.  Wherever something is
 * out of the ordinary, a short way leaves everything to the library. */

#include <atomic_ops.h>
#include <stdbool.h>
#include <stdint.h>

#include <stm/transaction.h>
#include <stm/tvar.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STM__CACHE_LINE 64
#define STM__LIKELY(condition) __builtin_expect(!!(condition), 1)
#define STM__UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* The few words that every operation looks at: reached without a call, also
 * from a shared library.  And where a program loads that library while it runs,
 * its threads need no block from malloc for them: ThreadSanitizer's guess how
 * long such a block is (sanitizer_tls_get_addr.cpp of LLVM 14) reads a header
 * before any that begins 16 bytes after a page does, of which each 256th of
 * 16 bytes has none, and may end the process. */
#define STM__THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))

/* ---- a variable ---- */

/* What there is of every variable; all that there is of one that is a member of
 * a structure. */
struct stm_tvar {
    AO_t word;  /* its version; plus one while a commit holds it */
    AO_t value; /* stm_value; replaced only by a commit that holds the word */
    AO_t side;  /* struct stm__side *; set once, by CAS; plus STM__MEMBER */
    const struct stm_type *type;
};

#define STM__MEMBER ((AO_t)1)

/* ---- a thread's announcement ---- */

struct stm__slot {
    /* Written by the owner alone, read by every scan; begin is 0 while idle.
     * Each is stored with release and read with acquire: who sees one has all
     * reads behind it that were made before. */
    AO_t begin; /* the snapshot with which the attempt began */
    AO_t low;   /* the validated snapshot */
    AO_t high;  /* the one being validated, else the same */

    /* Set by those whom this attempt keeps from releasing something; whoever
     * ends the attempt must then see to it.  See limbo.c. */
    AO_t asked; /* 1: objects wait */
    AO_t stuck; /* a list of struct stm__batch */

    /* See solo.c. */
    AO_t solo;       /* 1: the owner runs solo; taken away by anyone */
    AO_t publishing; /* 1: and is about to publish, or does so */

    char padding[STM__CACHE_LINE - 7 * sizeof(AO_t)];
};

/* ---- a thread's attempt ---- */

enum stm__event {
    STM__COMMIT,
    STM__CONFLICT,
    STM__RETRY,
    STM__ABORT,
    STM__WAKEUP,
    STM__SPURIOUS,
    STM__ESCALATION,
    STM__EVENTS
};

/* Written by one thread, read by any. */
struct stm__counts {
    AO_t of[STM__EVENTS];
};

/* An array that grows: see vec-internal.h. */
struct stm__vec {
    char *items;
    size_t count;
    size_t capacity;
    size_t size; /* of an item, in bytes */
};

struct stm__read {
    struct stm_tvar *var;
    AO_t version;
};

/* What a write entry does to its variable. */
enum stm__effect {
    STM__KEEPS, /* nothing: only its watch set changes */
    STM__SETS,  /* gives it a value */
    STM__ADDS   /* adds to the word that it holds when the commit has locked it:
                   a variable without a type, not read by this attempt */
};

struct stm__write {
    struct stm_tvar *var;
    stm_value value; /* counted; or what is added */
    uint64_t stamp;
    union {
        AO_t version;       /* the variable's, while this commit holds it */
        stm_value replaced; /* then what was published over */
    };
    AO_t watch_version; /* of the watch set that the commit has dealt with */
    struct stm__watch_set *watch_set; /* to install; NULL: leave as it is */
    enum stm__effect change;
    bool wakes; /* a waiter was seen under the lock */
};

#define STM__SCAN_MAX 8 /* more writes than this are looked up by hash */

#define STM__APART __attribute__((aligned(8))) bool

/* What struct stm_tx begins with. */
struct stm__fast {
    /* A bit for each variable that the attempt has written; all of them when
     * something else has to be looked at, too: the attempt is doomed or has
     * ended, or a watcher's function is running. */
    uint64_t filter;
    AO_t *solo_flag; /* the slot's `solo`, if the attempt runs solo, has read
                         something and has an empty filter; else a word that
                         is 0 */
    AO_t snapshot;   /* every value read was current at this version */
    struct stm__read *at; /* where the next read is logged */
    struct stm__read *end;
    struct stm__vec writes; /* struct stm__write */
    size_t writes_plain;    /* so many of them need no room to be made */

    struct stm__slot *slot; /* of this thread; stm__slot_none: it has none */

    enum stm_status doom; /* sticky; STM_OK while the attempt can commit */

    /* Apart, since reading together what was just written in parts stalls. */
    STM__APART ready;   /* no transaction of this thread's runs or is blocked */
    STM__APART is_solo; /* the attempt runs solo, and logs no reads */
    STM__APART has_read; /* one that runs solo */
    STM__APART work;     /* its end has more to do than its writes ask for */

    uint64_t stamp;     /* drawn last; also the containers' ownership token */
    uint64_t stamp_end; /* of the block of stamps that this thread draws from */
    uint64_t since;     /* the stamp of the innermost savepoint */
    uint64_t begun;     /* the attempt's first stamp */

    struct stm__counts counts;
};

STM_API extern STM__THREAD_LOCAL struct stm_tx *stm__self;

static inline struct stm__fast *stm__fast_of(struct stm_tx *tx)
{
    return (struct stm__fast *)tx;
}

/* Nothing but 0. */
STM_API extern AO_t stm__never;

/* ---- short ways ---- */

/* Makes every operation take the long way. */
static inline void stm__fast_close(struct stm__fast *fast)
{
    fast->filter = ~UINT64_C(0);
    fast->solo_flag = &stm__never;
}

static inline uint64_t stm__bit_of(const struct stm_tvar *var)
{
    return (uint64_t)1 << (((uint64_t)(uintptr_t)var *
                            UINT64_C(0x9E3779B97F4A7C15)) >>
                           58);
}

/* Reads what is committed.  False: try the long way, nothing has happened. */
static inline bool stm__fast_read(struct stm__fast *fast, struct stm_tvar *var,
                                  stm_value *out)
{
    stm_value value;
    AO_t word;

    if (fast->is_solo) {
        *out = AO_load_acquire(&var->value);
        if (!AO_load(&fast->slot->solo))
            return false;
        fast->has_read = true;
        fast->solo_flag = fast->filter ? &stm__never : &fast->slot->solo;
        return true;
    }
    word = AO_load_acquire(&var->word);
    value = AO_load_acquire(&var->value);
    if (STM__UNLIKELY((word & 1) || AO_load(&var->word) != word ||
                      word > fast->snapshot || fast->at == fast->end))
        return false;
    fast->at->var = var;
    fast->at->version = word;
    fast->at++;
    *out = value;
    return true;
}

/* Reads a variable that this attempt has not written.  False: likewise. */
static inline bool stm__fast_get(struct stm_tx *tx, struct stm_tvar *var,
                                 stm_value *out)
{
    struct stm__fast *fast = stm__fast_of(tx);
    stm_value value = AO_load_acquire(&var->value);

    /* Who runs solo looks last whether that is still so. */
    if (STM__LIKELY(AO_load(fast->solo_flag))) {
        *out = value;
        return true;
    }
    if (STM__UNLIKELY(fast->filter) && (fast->filter & stm__bit_of(var)))
        return false;
    return stm__fast_read(fast, var, out);
}

/* Asks for a cache line that is going to be written, while other work is done.
 */
static inline void stm__prefetch_to_write(const void *place)
{
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)place));
#else
    __builtin_prefetch(place, 1);
#endif
}

static inline void stm__fast_note_write(struct stm__fast *fast,
                                        const struct stm_tvar *var)
{
    fast->filter |= stm__bit_of(var);
    fast->solo_flag = &stm__never;
}

/* Adds an entry, for which there is room. */
static inline struct stm__write *stm__fast_push(struct stm__fast *fast,
                                                struct stm_tvar *var,
                                                stm_value value,
                                                enum stm__effect change)
{
    struct stm__write *write = (struct stm__write *)(void *)fast->writes.items;

    write += fast->writes.count++;
    write->var = var;
    write->value = value;
    write->stamp = fast->stamp;
    write->watch_version = 0;
    write->watch_set = NULL;
    write->change = change;
    write->wakes = false;
    stm__fast_note_write(fast, var);
    return write;
}

/* Sets a variable that has no counted value and has not been written. */
static inline bool stm__fast_set(struct stm_tx *tx, struct stm_tvar *var,
                                 stm_value value)
{
    struct stm__fast *fast = stm__fast_of(tx);

    if (STM__UNLIKELY((fast->filter & stm__bit_of(var)) ||
                      fast->writes.count >= fast->writes_plain ||
                      (var->type && var->type->release)))
        return false;
    stm__prefetch_to_write(var);
    (void)stm__fast_push(fast, var, value, STM__SETS);
    return true;
}

/* Begins an attempt, if this thread has lately been the only one. */
static inline bool stm__fast_begin(struct stm_tx *tx)
{
    struct stm__fast *fast = stm__fast_of(tx);

    if (!fast->ready || !AO_load(&fast->slot->solo) ||
        fast->stamp == fast->stamp_end)
        return false;
    AO_store_release(&fast->slot->begin, fast->snapshot | 1);
    fast->ready = false;
    fast->doom = STM_OK;
    fast->filter = 0;
    fast->has_read = false;
    fast->begun = fast->since = ++fast->stamp;
    return true;
}

/* Ends one that runs solo, if it has only read. */
static inline bool stm__fast_end(struct stm_tx *tx)
{
    struct stm__fast *fast = stm__fast_of(tx);
    AO_t *commits = &fast->counts.of[STM__COMMIT];

    if (fast->filter || fast->work || !fast->is_solo)
        return false;
    AO_store_release(&fast->slot->begin, 0);
    if (STM__UNLIKELY(!AO_load(&fast->slot->solo) ||
                      AO_load(&fast->slot->asked))) /* by the body itself */
        return false;
    stm__fast_close(fast);
    fast->doom = STM_EMISUSE;
    fast->ready = true;
    AO_store(commits, AO_load(commits) + 1);
    return true;
}

/* The long ways. */
STM_API enum stm_status stm__get(struct stm_tx *tx, struct stm_tvar *var,
                                 stm_value *out);
STM_API enum stm_status stm__set(struct stm_tx *tx, struct stm_tvar *var,
                                 stm_value value);
STM_API enum stm_status stm__run(stm_body *body, void *argument);

/* Begins an attempt beside others.  False: this thread has a transaction, which
 * runs or is blocked, or no memory for one. */
STM_API bool stm__begin(struct stm_tx *tx);

/* Commits and ends an attempt that has only read, or runs solo and has only set
 * a few variables.  False: it has not, or is not solo any more; nothing has
 * happened. */
STM_API bool stm__commit_short(struct stm_tx *tx);

/* Goes on where a body, run in an attempt begun by one of these, has returned.
 */
STM_API enum stm_status stm__go_on(struct stm_tx *tx, stm_body *body,
                                   void *argument, enum stm_status returned);

static inline enum stm_status stm__fast_atomically(stm_body *body,
                                                   void *argument)
{
    struct stm_tx *tx = stm__self;
    enum stm_status status;

    if (STM__LIKELY(tx && (stm__fast_begin(tx) || stm__begin(tx)))) {
        status = body(tx, argument);
        if (STM__LIKELY(status == STM_OK &&
                        (stm__fast_end(tx) || stm__commit_short(tx))))
            return STM_OK;
        return stm__go_on(tx, body, argument, status);
    }
    return stm__run(body, argument);
}

#ifdef __cplusplus
}
#endif
#endif
