/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Persistent sequences against plain arrays.  Letters are those of the head
 * comment of stm/seq.c. */

#include "seq_model.h"

#include <pthread.h>
#include <stdlib.h>

#include <stm/seq-struct-internal.h>

/* ---- one step ---- */

enum op { INSERT, REMOVE, SET, SLICE, CONCAT, BUILD, OPS };

/* What a step does, chosen before, so that it can be done again. */
struct step {
    enum op op;
    size_t from, to;
    uint64_t token;
    stm_value item;
    struct version *other;
};

/* The index of an edge of the range as often as one between. */
static size_t draw_index(size_t count)
{
    switch (draw(4)) {
    case 0:
        return 0;
    case 1:
        return count - 1;
    default:
        return (size_t)draw(count);
    }
}

static struct step draw_step(const struct version *version,
                             struct version *other, bool grow)
{
    struct step step = {.other = other};
    uint64_t dice = draw(100);
    step.op = dice < 5    ? CONCAT
              : dice < 7  ? SLICE
              : dice < 8  ? BUILD
              : dice < 30 ? SET
                          : INSERT;
    if (step.op == INSERT && draw(10) < (grow ? 2 : 6))
        step.op = REMOVE;
    if (step.op == CONCAT && version->length + other->length > LENGTH_MAX)
        step.op = SLICE;
    if (version->length == LENGTH_MAX && step.op == INSERT)
        step.op = REMOVE;
    if (version->length == 0 && step.op != CONCAT)
        step.op = INSERT;
    size_t gaps = version->length + (step.op == INSERT || step.op == SLICE);
    step.from = gaps > 0 ? draw_index(gaps) : 0;
    step.to = step.from + (size_t)draw(version->length - step.from + 1);
    if (step.op == INSERT || step.op == SET)
        step.item = new_item(stm__seq_item_type(version->seq));
    dice = draw(10);
    step.token = dice < 7 ? version->token : dice < 8 ? 0 : ++last_token;
    return step;
}

static struct stm_seq *run_step(struct stm_seq *seq, const struct step *step,
                                stm_value *removed)
{
    switch (step->op) {
    case INSERT:
        return stm__seq_insert(seq, step->from, step->item, step->token);
    case REMOVE:
        return stm__seq_remove(seq, step->from, removed, step->token);
    case SET:
        return stm__seq_set(seq, step->from, step->item, removed, step->token);
    case SLICE:
        return stm__seq_slice(seq, step->from, step->to, step->token);
    case BUILD:
        return stm__seq_build(stm__seq_item_type(seq), step->other->item,
                              step->other->length, step->token);
    default:
        return stm__seq_concat(seq, step->other->seq, step->token);
    }
}

static void model_step(struct version *version, const struct step *step)
{
    if (step->op == INSERT || step->op == SET)
        model_splice(version, step->from, step->op == SET, &step->item, 1);
    else if (step->op == REMOVE)
        model_splice(version, step->from, 1, NULL, 0);
    else if (step->op == SLICE)
        model_splice(version, step->to, version->length - step->to, NULL, 0);
    else
        model_splice(version, step->op == CONCAT ? version->length : 0,
                     step->op == CONCAT ? 0 : version->length,
                     step->other->item, step->other->length);
    if (step->op == SLICE)
        model_splice(version, 0, step->from, NULL, 0);
}

/* After a step of `from` that gave `seq`: `from` has changed in place, or
 * `into` (which may be `from`) is the new version. */
static void finish_step(struct version *from, struct version *into,
                        const struct step *step, struct stm_seq *seq,
                        stm_value removed)
{
    static struct version next;
    const struct stm_type *type = stm__seq_item_type(seq);
    bool edits = step->op == INSERT || step->op == REMOVE || step->op == SET;
    bool owned = edits && step->token != 0 && step->token == from->token;
    EXPECT_MSG((seq == from->seq) == owned,
               "changed in place exactly if the token is the same");
    if (step->op == REMOVE || step->op == SET) {
        EXPECT_EQ(removed, from->item[step->from]);
        drop_item(type, removed);
    }
    if (step->op == INSERT || step->op == SET)
        drop_item(type, step->item);
    if (owned) {
        model_step(from, step);
        return;
    }
    EXPECT(stm__seq_owned(seq, step->token) == (step->token != 0));
    next = *from;
    model_step(&next, step);
    next.seq = seq;
    next.token = step->token;
    release(into->seq);
    *into = next;
}

/* ---- random programs ---- */

enum { VERSIONS = 6, STEPS = 6000 };

static struct version versions[VERSIONS];

static void random_program(const struct stm_type *type, bool failing)
{
    AO_t before = AO_load(&blocks);
    for (int i = 0; i < VERSIONS; i++)
        version_start(&versions[i], type);
    const size_t steps = scaled(STEPS);
    for (size_t i = 0; i < steps; i++) {
        struct version *from = &versions[draw(VERSIONS)];
        struct version *other = &versions[draw(VERSIONS)];
        struct step step = draw_step(from, other, 6 * i / steps % 2 == 0);
        struct stm_seq *seq = NULL;
        stm_value removed = 0;
        for (long nth = 1; !seq; nth++) {
            fail_at = failing ? nth : 0;
            seq = run_step(from->seq, &step, &removed);
            bool failed = failing && fail_at == 0;
            fail_at = 0;
            EXPECT_MSG(failed == !seq, "fails only where malloc fails");
            if (failed) {
                EXPECT_EQ(removed, 0);
                check_version(from);
                check_version(other);
            }
        }
        /* Seldom in its own place, so that old versions live on. */
        struct version *into = &versions[draw(VERSIONS)];
        finish_step(from, into, &step, seq, removed);
        check_version(into);
        check_version(&versions[draw(VERSIONS)]);
    }
    for (int i = 0; i < VERSIONS; i++) {
        check_version(&versions[i]);
        release(versions[i].seq);
    }
    EXPECT_EQ(alive, 0);
    EXPECT_EQ(AO_load(&blocks), before);
}

START_TEST(programs_agree_with_arrays)
{
    start_random((uint64_t)_i);
    random_program(NULL, false);
}
END_TEST

START_TEST(programs_count_references_exactly)
{
    start_random(100 + (uint64_t)_i);
    random_program(&audited_type, false);
}
END_TEST

START_TEST(every_failed_allocation_changes_nothing)
{
    start_random(200 + (uint64_t)_i);
    random_program(_i == 0 ? NULL : &audited_type, true);
}
END_TEST

/* ---- single properties ---- */

/* Invariant E: one reference from each leaf, none from a leaf that is gone. */
START_TEST(items_die_with_the_last_version_that_has_them)
{
    struct stm_seq *seq = make_audited(1000, 1);
    for (size_t left = 1000; left > 0; left--) {
        stm_value item;
        size_t index = left % 3 == 0 ? 0 : left % 3 == 1 ? left - 1 : left / 2;
        struct stm_seq *shorter = stm__seq_remove(seq, index, &item, left % 5);
        EXPECT(shorter != NULL);
        if (shorter != seq)
            release(seq);
        seq = shorter;
        EXPECT_EQ(((struct audited *)item)->refs, 1);
        drop_item(&audited_type, item);
        EXPECT_EQ(alive, (long)left - 1);
    }
    release(seq);
}
END_TEST

START_TEST(a_million_appended_words_take_twelve_bytes_each)
{
    const size_t million = 100 * scaled(10000);
    size_t before = AO_load(&bytes);
    struct stm_seq *seq = stm__seq_new(NULL, 1);
    for (size_t i = 0; i < million; i++)
        seq = append_item(seq, i, 1);
    double each = (double)(AO_load(&bytes) - before) / (double)million;
    EXPECT_MSG(each <= 12, "%.2f bytes for each word, not 12", each);
    check_shape(seq);
    stm_seq_release(seq);
    EXPECT_EQ(AO_load(&bytes), before);
}
END_TEST

/* And what is left of an old version when its end lives on in a new one. */
START_TEST(a_change_at_an_end_is_one_allocation)
{
    AO_t before = AO_load(&blocks);
    struct stm_seq *seq = make_audited(100, 1);
    for (uint64_t token = 2; token < 100; token++) {
        bool first = token % 3 == 0, grow = token % 2 == 0;
        size_t end = first ? 0 : stm_seq_length(seq);
        stm_value item = grow ? new_item(&audited_type) : 0;
        struct stm_seq *changed;
        unsigned fill = seq->end[first ? STM__FRONT : STM__BACK]->node.fill;
        AO_t now = AO_load(&blocks);
        if (grow)
            changed = stm__seq_insert(seq, end, item, token);
        else
            changed = stm__seq_remove(seq, first ? 0 : end - 1, &item, token);
        EXPECT(changed != NULL);
        if (fill > 1 && fill < STM__FAN)
            EXPECT_EQ(AO_load(&blocks), now + 1);
        drop_item(&audited_type, item);
        release(seq);
        seq = changed;
        check_shape(seq);
    }
    release(seq);
    EXPECT_EQ(alive, 0);
    EXPECT_EQ(AO_load(&blocks), before);
}
END_TEST

/* Pushes `reach` items and pops them, again and again; returns how often the
 * tree changed. */
static unsigned tree_steps(struct stm_seq *seq, size_t reach)
{
    unsigned steps = 0;
    size_t tree = stm__node_size(seq->tree);
    for (size_t i = 0; i < 20 * reach; i++) {
        stm_value item;
        if (i / reach % 2 == 0)
            seq = append_item(seq, i, 1);
        else
            seq = stm__seq_remove(seq, stm_seq_length(seq) - 1, &item, 1);
        steps += stm__node_size(seq->tree) != tree;
        tree = stm__node_size(seq->tree);
    }
    return steps;
}

/* With every filling of the end to begin with. */
START_TEST(going_to_and_fro_at_an_end_rarely_reaches_the_tree)
{
    for (size_t reach = 1; reach < STM__FAN_MIN; reach++) {
        for (size_t length = 1000; length < 1000 + scaled(64); length++) {
            struct stm_seq *seq = stm__seq_new(NULL, 1);
            for (size_t i = 0; i < length; i++)
                seq = append_item(seq, i, 1);
            unsigned steps = tree_steps(seq, reach);
            EXPECT_MSG(steps <= 2, "%u steps to the tree, not 2", steps);
            stm_seq_release(seq);
        }
    }
}
END_TEST

static unsigned calls;

static bool word_before(stm_value item, const void *key)
{
    calls++;
    return item < *(const stm_value *)key;
}

START_TEST(bisect_finds_the_first_not_before)
{
    struct stm_seq *seq = stm__seq_new(NULL, 1);
    start_random(400);
    for (size_t length = 0; length < 1000 + scaled(2000); length++) {
        for (int i = 0; i < 8; i++) {
            stm_value key = draw(2 * length + 3);
            calls = 0;
            size_t index = stm__seq_bisect(seq, word_before, &key);
            size_t expected = key / 2 < length ? key / 2 : length;
            EXPECT_EQ(index, expected);
            EXPECT(calls <= 3 + 12 + 4);
        }
        seq = append_item(seq, 2 * length + 1, 1);
    }
    stm_seq_release(seq);
}
END_TEST

/* ---- threads ---- */

static void *change_shared(void *context)
{
    struct stm_seq *base = context, *seq = base;
    uint64_t token = (uint64_t)(uintptr_t)&token;
    stm_seq_retain(base);
    const size_t steps = scaled(20000);
    for (size_t i = 0; i < steps; i++) {
        struct stm_seq *next;
        stm_value removed;
        size_t index = i * 7919 % stm_seq_length(seq);
        token += i % 100 == 0;
        if (i % 2 == 0)
            next = stm__seq_insert(seq, index, i, token);
        else
            next = stm__seq_remove(seq, index, &removed, token);
        if (next != seq)
            stm_seq_release(seq);
        seq = next;
    }
    stm_seq_release(seq);
    return NULL;
}

/* Invariant F. */
START_TEST(threads_change_versions_of_their_own)
{
    enum { THREADS = 3, WORDS = 2000 };
    AO_t before = AO_load(&blocks);
    struct stm_seq *base = stm__seq_new(NULL, 0);
    for (size_t i = 0; i < WORDS; i++) {
        struct stm_seq *longer = append_item(base, i, 0);
        stm_seq_release(base);
        base = longer;
    }
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++)
        EXPECT(pthread_create(&thread[i], NULL, change_shared, base) == 0);
    for (int i = 0; i < THREADS; i++)
        EXPECT(pthread_join(thread[i], NULL) == 0);
    for (size_t i = 0; i < WORDS; i++)
        EXPECT_EQ(stm_seq_get(base, i), i);
    stm_seq_release(base);
    EXPECT_EQ(AO_load(&blocks), before);
}
END_TEST

static Suite *seq_suite(void)
{
    Suite *suite = suite_create("seq");
    TCase *programs = tcase_create("programs");
    tcase_set_timeout(programs, 300);
    tcase_add_loop_test(programs, programs_agree_with_arrays, 0, 4);
    tcase_add_loop_test(programs, programs_count_references_exactly, 0, 4);
    tcase_add_loop_test(programs, every_failed_allocation_changes_nothing, 0,
                        2);
    suite_add_tcase(suite, programs);

    TCase *single = tcase_create("single");
    tcase_set_timeout(single, 120);
    tcase_add_test(single, items_die_with_the_last_version_that_has_them);
    tcase_add_test(single, a_million_appended_words_take_twelve_bytes_each);
    tcase_add_test(single, a_change_at_an_end_is_one_allocation);
    tcase_add_test(single, going_to_and_fro_at_an_end_rarely_reaches_the_tree);
    tcase_add_test(single, bisect_finds_the_first_not_before);
    tcase_add_test(single, threads_change_versions_of_their_own);
    suite_add_tcase(suite, single);
    return suite;
}

int main(void) { return run_models(seq_suite()); }
