/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_SEQ_MODEL_H
#define TESTS_UNIT_SEQ_MODEL_H

#include <atomic_ops.h>
#include <check.h>

#include <stm/seq-internal.h>

/* What the tests of sequences hold them against: arrays, items that know how
 * often they are owned, and a malloc that counts and fails.
 *
 * Link with -Wl,--wrap=malloc,--wrap=free and with the objects of stm/seq*.c
 * themselves: the linker then sends their calls of malloc and free to
 * functions of seq_model.c. */

/* Unlike libcheck's own, these allocate nothing unless they fail. */
#define EXPECT_MSG(condition, ...)                                             \
    do {                                                                       \
        if (!(condition))                                                      \
            ck_abort_msg(__VA_ARGS__);                                         \
    } while (0)
#define EXPECT(condition) EXPECT_MSG((condition), "expected " #condition)
#define EXPECT_EQ(got, wanted)                                                 \
    EXPECT_MSG((got) == (wanted), "expected " #got " to be %llu, got %llu",    \
               (unsigned long long)(wanted), (unsigned long long)(got))

extern long fail_at;       /* the n-th allocation from now on fails; 0: none */
extern AO_t blocks, bytes; /* allocated now, with malloc's own head */

/* Numbers below a limit.  The seed is STM_TEST_SEED, if that is set. */
uint64_t draw(uint64_t below);
void start_random(uint64_t stream);

/* n; with STM_TEST_SLOWNESS=s in the environment n / s, but at least 1. */
size_t scaled(size_t n);

/* What a program's main returns: prints the seed, and runs the suite. */
int run_models(Suite *suite);

/* Items of this type must be retained and released exactly, and must not lose
 * the last reference except in drop_item and release. */
struct audited {
    long refs;
};
extern const struct stm_type audited_type;
extern long alive;    /* how many have references */
extern bool may_here; /* what its may_release answers */

/* A new item, or a number for sequences of plain words (NULL). */
stm_value new_item(const struct stm_type *type);
void drop_item(const struct stm_type *type, stm_value item);
void release(struct stm_seq *seq);

/* The sequence with one item more, which it takes; and one of new items. */
struct stm_seq *append_item(struct stm_seq *seq, stm_value item,
                            uint64_t token);
struct stm_seq *make_audited(size_t length, uint64_t token);

enum { LENGTH_MAX = 5000 };

/* A sequence, and what it should be. */
struct version {
    struct stm_seq *seq;
    uint64_t token; /* that it was made with */
    size_t length;
    stm_value item[LENGTH_MAX];
};

extern uint64_t last_token;

/* An empty one. */
void version_start(struct version *version, const struct stm_type *type);

/* Is it so?  And do the invariants A to D hold? */
void check_version(const struct version *version);
void check_shape(const struct stm_seq *seq);

/* Replaces the items [at, at + removed) of the model. */
void model_splice(struct version *version, size_t at, size_t removed,
                  const stm_value *item, size_t inserted);

#endif
