/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Persistent maps against plain arrays, by random programs, with hashes from
 * all different to all the same. */

#include "map_model.h"

#include <stdlib.h>
#include <string.h>

/* ---- a map and its model ---- */

enum { NUMBERS = 300, VERSIONS = 5 };

struct model {
    struct stm_map *map;
    uint64_t owner;
    size_t length;
    struct {
        stm_value key, value;
    } item[NUMBERS];
};

/* As an attempt's stamps: one that was followed by another never comes back. */
static uint64_t token;

static void check_model(const struct model *model)
{
    const struct stm_map *map = model->map;
    EXPECT_EQ(stm_map_length(map), model->length);
    check_trie(map, model->length);
    for (size_t i = 0; i < model->length; i++) {
        stm_value key, value, got;
        stm_map_at(map, i, &key, &value);
        EXPECT_EQ(key, model->item[i].key);
        EXPECT_EQ(value, model->item[i].value);
        EXPECT(stm_map_get(map, key, &got) == STM_OK);
        EXPECT_EQ(got, value);
    }
}

static size_t model_find(const struct model *model, uint64_t number)
{
    size_t i = 0;
    while (i < model->length && number_of(model->item[i].key) != number)
        i++;
    return i;
}

static void model_start(struct model *model)
{
    model->owner = token;
    model->length = 0;
    model->map = stm__map_new(&box_keys, &box_type, token);
    EXPECT(model->map != NULL);
}

/* ---- one step ---- */

struct step {
    uint64_t token;
    uint64_t hash;
    size_t at;                         /* in the model; its length: a new key */
    const struct stm__map_key *record; /* NULL: a new key */
    bool removes;
    stm_value key, value;
};

static struct step draw_step(const struct model *model, bool grow)
{
    const struct stm__map_entry *entry;
    struct step step = {.token = draw(8) == 0 ? 0 : token};
    uint64_t number = draw(NUMBERS);
    if (step.token == 0)
        token++; /* a copy of what this one owned */
    step.at = model_find(model, number);
    step.removes = step.at < model->length && draw(10) < (grow ? 2 : 6);
    if (model->length > 0 && draw(10) < (grow ? 1 : 4)) {
        step.removes = true;
        step.at = draw(2) ? 0 : model->length - 1;
        number = number_of(model->item[step.at].key);
    }
    step.key = make_box(number);
    if (step.at < model->length && draw(2)) { /* found by identity, too */
        release_box(step.key);
        step.key = model->item[step.at].key;
        retain_box(step.key);
    }
    step.value = make_box(draw(1000));
    EXPECT(stm__map_hash(&box_keys, step.key, &step.hash) == STM_OK);
    if (stm__map_probe(model->map, step.hash, step.key, &entry) == STM__ASK)
        EXPECT(stm__map_search(model->map, step.hash, step.key, &entry) ==
               STM_OK);
    EXPECT_EQ(entry != NULL, step.at < model->length);
    if (entry) {
        EXPECT_EQ(stm__map_entry_value(entry), model->item[step.at].value);
        step.record = stm__map_entry_key(entry);
    }
    return step;
}

static struct stm_map *run_step(struct stm_map *map, const struct step *step,
                                stm_value *out)
{
    if (step->removes)
        return stm__map_remove(map, step->record, out, step->token);
    if (step->record)
        return stm__map_set(map, step->hash, step->record, step->value, out,
                            step->token);
    return stm__map_insert(map, step->hash, step->key, step->value,
                           step->token);
}

/* The step, again and again until no allocation of it fails. */
static struct stm_map *insist(const struct model *from, const struct step *step,
                              stm_value *out, bool failing)
{
    for (long nth = 1;; nth++) {
        fail_at = failing ? nth : 0;
        changing = true;
        struct stm_map *map = run_step(from->map, step, out);
        changing = false;
        bool failed = failing && fail_at == 0;
        fail_at = 0;
        EXPECT_MSG(failed == !map, "fails only where malloc fails");
        if (map)
            return map;
        EXPECT_EQ(*out, 0);
        check_model(from);
    }
}

static void model_step(struct model *model, const struct step *step)
{
    if (step->removes) {
        model->length--;
        memmove(&model->item[step->at], &model->item[step->at + 1],
                (model->length - step->at) * sizeof model->item[0]);
        return;
    }
    if (!step->record) {
        model->item[step->at].key = step->key;
        model->length++;
    }
    model->item[step->at].value = step->value;
}

/* Changes `from` in place, or puts the new version into `into`. */
static void take_step(struct model *from, struct model *into, bool grow,
                      bool failing)
{
    static struct model next;
    struct step step = draw_step(from, grow);
    bool owned = step.token != 0 && step.token == from->owner;
    stm_value out = 0;
    struct stm_map *map = insist(from, &step, &out, failing);
    EXPECT_MSG((map == from->map) == owned,
               "changed in place exactly if the token is the same");
    EXPECT_EQ(out, step.record ? from->item[step.at].value : 0);
    next = *from;
    model_step(&next, &step);
    next.map = map;
    next.owner = step.token;
    if (step.record)
        release_box(out);
    if (step.removes)
        stm__map_key_type.release((stm_value)step.record);
    release_box(step.key);
    release_box(step.value);
    if (owned) {
        *from = next;
        return;
    }
    release_map(into->map);
    *into = next;
}

/* ---- random programs ---- */

static struct model models[VERSIONS];

static void random_program(uint64_t mask, int steps, bool failing)
{
    AO_t before = AO_load(&blocks);
    hash_mask = mask;
    token = 1;
    for (int i = 0; i < VERSIONS; i++)
        model_start(&models[i]);
    for (int i = 0; i < steps; i++) {
        struct model *from = &models[draw(VERSIONS)];
        struct model *into = &models[draw(VERSIONS)];
        if (draw(6) == 0)
            token++;
        take_step(from, into, i / 700 % 2 == 0, failing);
        check_model(into);
        check_model(&models[draw(VERSIONS)]);
    }
    for (int i = 0; i < VERSIONS; i++) {
        check_model(&models[i]);
        release_map(models[i].map);
    }
    EXPECT_EQ(boxes, 0);
    EXPECT_EQ(AO_load(&blocks), before);
}

static const uint64_t masks[] = {UINT64_MAX, 0xff, 7, 0,
                                 UINT64_C(0xf000000000000003)};
enum { MASKS = sizeof masks / sizeof masks[0] };

START_TEST(programs_agree_with_arrays_whatever_the_hashes)
{
    start_random((uint64_t)_i);
    random_program(masks[_i], masks[_i] == 0 ? 1500 : 6000, false);
}
END_TEST

START_TEST(every_failed_allocation_changes_nothing)
{
    start_random(100 + (uint64_t)_i);
    random_program(masks[_i], masks[_i] == 0 ? 200 : 700, true);
}
END_TEST

START_TEST(a_map_that_cannot_be_made_leaves_nothing)
{
    AO_t before = AO_load(&blocks);
    for (long nth = 1; nth <= 3; nth++) {
        fail_at = nth;
        EXPECT(stm__map_new(NULL, NULL, 1) == NULL);
        EXPECT_EQ(fail_at, 0);
    }
    EXPECT_EQ(AO_load(&blocks), before);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("map");
    TCase *programs = tcase_create("programs");
    tcase_set_timeout(programs, 300);
    tcase_add_loop_test(
        programs, programs_agree_with_arrays_whatever_the_hashes, 0, MASKS);
    tcase_add_loop_test(programs, every_failed_allocation_changes_nothing, 0,
                        MASKS);
    tcase_add_test(programs, a_map_that_cannot_be_made_leaves_nothing);
    suite_add_tcase(suite, programs);
    return run_models(suite);
}
