/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "seq_model.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stm/seq-struct-internal.h>

/* ---- memory ---- */

void *__real_malloc(size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void __wrap_free(void *memory);

long fail_at;
AO_t blocks, bytes;

void *__wrap_malloc(size_t size)
{
    if (fail_at > 0 && --fail_at == 0)
        return NULL;
    void *memory = __real_malloc(size);
    if (!memory)
        abort();
    AO_fetch_and_add1(&blocks);
    AO_fetch_and_add(&bytes, malloc_usable_size(memory) + sizeof(size_t));
    return memory;
}

void __wrap_free(void *memory)
{
    if (memory) {
        AO_fetch_and_sub1(&blocks);
        AO_fetch_and_add(&bytes,
                         -(malloc_usable_size(memory) + sizeof(size_t)));
    }
    __real_free(memory);
}

/* ---- random numbers ---- */

static uint64_t state;

uint64_t draw(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % below;
}

static uint64_t seed(void)
{
    const char *text = getenv("STM_TEST_SEED");
    return text ? strtoull(text, NULL, 0) : 20260101;
}

static void print_seed(void)
{
    printf("STM_TEST_SEED=%llu\n", (unsigned long long)seed());
    fflush(stdout);
}

int run_models(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    print_seed();
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

void start_random(uint64_t stream)
{
    state = (seed() + stream) * 0x9e3779b97f4a7c15u + 1;
}

size_t scaled(size_t n)
{
    const char *given = getenv("STM_TEST_SLOWNESS");
    size_t slowness = given ? strtoull(given, NULL, 0) : 1;
    return slowness > 1 ? n / slowness + 1 : n;
}

/* ---- audited items ---- */

long alive;
bool may_here = true;

static bool may_die; /* true only within release and drop_item */

static void audited_retain(stm_value value)
{
    struct audited *item = (struct audited *)value;
    EXPECT_MSG(item->refs > 0, "a dead item was retained");
    item->refs++;
}

static void audited_release(stm_value value)
{
    struct audited *item = (struct audited *)value;
    EXPECT_MSG(item->refs > 0, "an item was released too often");
    if (--item->refs > 0)
        return;
    EXPECT_MSG(may_die, "a last reference was dropped outside release");
    alive--;
    free(item);
}

static bool audited_may_release(stm_value value)
{
    return value != 0 && may_here;
}

const struct stm_type audited_type = {
    .name = "audited",
    .retain = audited_retain,
    .release = audited_release,
    .may_release = audited_may_release,
};

stm_value new_item(const struct stm_type *type)
{
    if (!type)
        return draw(1u << 30);
    struct audited *item = malloc(sizeof(*item));
    item->refs = 1;
    alive++;
    return (stm_value)item;
}

void drop_item(const struct stm_type *type, stm_value item)
{
    may_die = true;
    if (type)
        type->release(item);
    may_die = false;
}

void release(struct stm_seq *seq)
{
    may_die = true;
    stm_seq_release(seq);
    may_die = false;
}

struct stm_seq *append_item(struct stm_seq *seq, stm_value item, uint64_t token)
{
    struct stm_seq *longer =
        stm__seq_insert(seq, stm_seq_length(seq), item, token);
    EXPECT(longer != NULL);
    return longer;
}

struct stm_seq *make_audited(size_t length, uint64_t token)
{
    struct stm_seq *seq = stm__seq_new(&audited_type, token);
    for (size_t i = 0; i < length; i++) {
        stm_value item = new_item(&audited_type);
        seq = append_item(seq, item, token);
        drop_item(&audited_type, item);
    }
    return seq;
}

/* ---- a sequence and its model ---- */

uint64_t last_token;

/* Invariants A, B and C. */
static void check_node(const struct stm__node *node, bool has_parent)
{
    EXPECT(AO_load(&node->refs) >= 1);
    EXPECT(node->fill <= STM__FAN);
    EXPECT(node->fill <= node->capacity);
    unsigned least = node->height > 0 ? 2 : 1;
    EXPECT(node->fill >= (has_parent ? STM__FAN_MIN : least));
    size_t sum = 0;
    for (unsigned i = 0; node->height > 0 && i < node->fill; i++) {
        const struct stm__node *child = stm__inner(node)->child[i];
        EXPECT_EQ(child->height, node->height - 1);
        check_node(child, true);
        sum += stm__node_size(child);
        EXPECT_EQ(stm__inner(node)->sum[i], sum);
    }
}

void check_shape(const struct stm_seq *seq)
{
    struct stm__node *part[3];
    unsigned count = stm__seq_parts(seq, part);
    size_t length = 0;
    for (unsigned i = 0; i < count; i++) {
        check_node(part[i], false);
        length += stm__node_size(part[i]);
    }
    EXPECT_EQ(length, stm_seq_length(seq));
    EXPECT_MSG(!seq->tree || count == 3, "a tree without both ends");
}

void check_version(const struct version *version)
{
    const struct stm_seq *seq = version->seq;
    check_shape(seq);
    EXPECT_EQ(stm_seq_length(seq), version->length);
    size_t count;
    for (size_t i = 0; i < version->length; i += count) {
        const stm_value *run = stm_seq_run(seq, i, &count);
        EXPECT(count >= 1);
        EXPECT(count <= version->length - i);
        EXPECT_MSG(memcmp(run, version->item + i, count * sizeof(*run)) == 0,
                   "items from %zu on differ from the model's", i);
        size_t at = i + (size_t)draw(count);
        EXPECT_EQ(stm_seq_get(seq, at), version->item[at]);
    }
    EXPECT(stm_seq_run(seq, version->length, &count) == NULL);
    EXPECT_EQ(count, 0);
    for (size_t i = version->length; i > 0; i -= count) {
        const stm_value *run = stm_seq_run_before(seq, i, &count);
        EXPECT(count >= 1);
        EXPECT(count <= i);
        EXPECT_MSG(
            memcmp(run, version->item + i - count, count * sizeof(*run)) == 0,
            "items before %zu differ from the model's", i);
    }
    EXPECT(stm_seq_run_before(seq, 0, &count) == NULL);
    EXPECT_EQ(count, 0);
}

void model_splice(struct version *version, size_t at, size_t removed,
                  const stm_value *item, size_t inserted)
{
    stm_value *gap = version->item + at;
    size_t after = version->length - at - removed;
    memmove(gap + inserted, gap + removed, after * sizeof(*gap));
    if (inserted > 0)
        memcpy(gap, item, inserted * sizeof(*gap));
    version->length += inserted - removed;
}

void version_start(struct version *version, const struct stm_type *type)
{
    version->token = ++last_token;
    version->seq = stm__seq_new(type, version->token);
    version->length = 0;
    EXPECT(version->seq != NULL);
    EXPECT_EQ(stm__seq_item_type(version->seq), type);
}
