/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stm/stm.h>

/* Random programs over everything that is transactional, held against a plain
 * sequential model.
 *
 * A *program* is a string of bytes.  The *machine* (machine.c, control.c)
 * decodes it as transactions in a row, each a tree of bodies: nested
 * transactions, branches of or_else, would_block and previously, and in them
 * *operations* on objects.  Every operation is run, and done to the model, and
 * the statuses and results must be the same; now and then everything is
 * compared.  A *family* is one kind of container: its objects, its part of the
 * model and its table of operations, in a file of its own.
 *
 * The model is plain memory, one block for all families, which is copied whole
 * where a nested body begins and put back where one is undone.  What is known
 * of a value is a number: a word's is the word, an object's is in it.  Objects
 * of a family with an odd index hold counted values, those with an even one
 * words.
 *
 * In shake mode attempts end in conflict without cause; the transaction's bytes
 * are then decoded again from their beginning, with the model as it was. */

/* transaction.c: runs one program.  A difference prints it, operation by
 * operation, and aborts. */
void run_program(const uint8_t *data, size_t size);

/* ---- report.c: what is printed if there is a difference ---- */

void report_start(const uint8_t *data, size_t size);

/* Adds to the record of the program. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints the record and what differs, and aborts. */
_Noreturn void differ(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#define REQUIRE(condition, ...)                                                \
    do {                                                                       \
        if (!(condition))                                                      \
            differ(__VA_ARGS__);                                               \
    } while (0)

/* Where differ also stores the program; NULL: nowhere. */
extern const char *failure_file;

/* ---- machine.c: the program's bytes ---- */

/* The next byte; 0 when there is none left. */
unsigned draw(void);
bool exhausted(void);

/* Where the next byte is; goes back there. */
size_t position(void);
void go_back(size_t to);

/* ---- values.c ---- */

/* Counted objects.  A class is what the keys of a dictionary are told apart
 * by; the number is the object's own. */
enum { CLASSES = 32 };
extern const struct stm_type object_type;

void values_start(void);

/* Every object must be gone but those held by the program itself. */
void values_stop(void);

/* A value of this class, of which the caller owns a reference: a new object, or
 * (also when there have been very many) one that others hold, too. */
stm_value object_take(unsigned chooser);
stm_value object_new(unsigned class);

/* Is there a new one?  Else object_new gives one that others hold, too, of any
 * class. */
bool objects_left(void);
void object_drop(stm_value value);

/* The number of a value that must be alive; a word is its own. */
uint32_t number_of(bool counted, stm_value value);

/* Remembers a value that was passed out: it must live as long as the attempt.
 */
void borrow(bool counted, stm_value value);
void check_borrowed(void);
void forget_borrowed(void);

/* While this is true, the last reference to an object may be given back inside
 * a transaction. */
extern bool dropping;

/* ---- operations ---- */

/* What an operation works on, drawn by the letters of its shape:
 *   o  which     an object of the family
 *   i  index     a position in it, or somewhat beyond its end
 *   v  value     and number: what to store
 *   k  key       the same for a key
 *   n  small     a number below 256 */
struct arguments {
    unsigned which;
    size_t index[2];
    stm_value value, key;
    uint32_t number, key_number;
    unsigned small[2];
};

/* What it comes to.  Of a value that is passed out, the number. */
struct result {
    enum stm_status status;
    uint64_t out[3]; /* 0 unless the status is STM_OK */
};

struct operation {
    const char *name;
    const char *shape;
    void (*run)(struct stm_tx *tx, const struct arguments *a,
                struct result *got);

    /* Does the same to the model.  `got` is what run came to, for numbers that
     * the library alone can know. */
    void (*model)(const struct arguments *a, struct result *want,
                  const struct result *got);

    /* May it be run now?  NULL: yes. */
    bool (*allowed)(const struct arguments *a);

    /* Is it no operation of the transaction?  It runs also where the attempt is
     * doomed, and has no model of its own. */
    bool plain;
};

struct family {
    const char *name;
    unsigned objects; /* that an o can name */
    size_t model_size;
    const struct operation *operations;
    size_t count;

    /* Makes the objects and sets the model up; frees them. */
    void (*start)(void);
    void (*stop)(void);

    /* Compares all with the model, inside a transaction; not when doomed.
     * NULL, here and below: nothing to do. */
    void (*check)(struct stm_tx *tx);

    /* How many items an object has, by the model. */
    size_t (*length)(unsigned which);

    /* An attempt begins: what an earlier one of the same transaction made is no
     * longer wanted. */
    void (*begin)(void);

    /* What the model does before the commit.  STM_OK, or by what the
     * transaction fails. */
    enum stm_status (*settle)(void);

    /* A transaction has ended, committed or not. */
    void (*end)(bool committed);
};

extern const struct family after_family, broadcast_family, bulk_family,
    map_family, queue_family, snapshot_family, tcounter_family, tfuture_family,
    tlist_family, tobject_family, tpriorityqueue_family, tsemaphore_family,
    tvar_family, watcher_family;

/* ---- machine.c ---- */

/* The family's part of the model, as it stands now. */
void *model_of(const struct family *family);

/* Is the attempt in a conflict that shake mode made?  Then nothing is compared
 * until it begins anew. */
bool escaping(void);

/* Is the status as wanted, for a call beside an operation's own?  False in such
 * a conflict; any other difference is reported. */
bool agreed(const char *what, enum stm_status wanted, enum stm_status got);

/* What the attempt is doomed by, so the model: STM_OK or STM_RETRY. */
enum stm_status doom(void);
void set_doom(enum stm_status status);

/* Compares everything; nothing where the attempt is doomed. */
void check_all(struct stm_tx *tx);

#endif
