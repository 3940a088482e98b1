/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "map_model.h"

#include <stdlib.h>

struct box {
    long refs;
    uint64_t number;
    long visits;    /* in this census */
    unsigned asked; /* in which */
};

unsigned census;

long boxes;
bool changing;
uint64_t hash_mask;
bool boxes_may_go = true;

void retain_box(stm_value value)
{
    struct box *box = (struct box *)value;
    EXPECT_MSG(box->refs > 0, "a dead box was retained");
    box->refs++;
}

void release_box(stm_value value)
{
    struct box *box = (struct box *)value;
    EXPECT_MSG(box->refs > 0, "a box was released too often");
    if (--box->refs > 0)
        return;
    EXPECT_MSG(!changing, "a change dropped a last reference");
    boxes--;
    free(box);
}

static bool may_release_box(stm_value value)
{
    return value != 0 && boxes_may_go;
}

const struct stm_type box_type = {.name = "box",
                                  .retain = retain_box,
                                  .release = release_box,
                                  .may_release = may_release_box};

stm_value make_box(uint64_t number)
{
    struct box *box = malloc(sizeof *box);
    *box = (struct box){.refs = 1, .number = number};
    boxes++;
    return (stm_value)box;
}

int visit_box(stm_value value, void *context)
{
    struct box *box = (struct box *)value;
    size_t *count = context;
    if (box->asked != census)
        box->visits = 0;
    box->asked = census;
    EXPECT_MSG(++box->visits <= box->refs, "a reference was visited twice");
    return ++*count == VISITS_MAX ? 42 : 0;
}

uint64_t number_of(stm_value value) { return ((struct box *)value)->number; }

static enum stm_status hash_box(stm_value key, uint64_t *out)
{
    *out = number_of(key) * UINT64_C(0x2545F4914F6CDD1D) & hash_mask;
    return STM_OK;
}

static enum stm_status equal_boxes(stm_value contained, stm_value key,
                                   bool *out)
{
    EXPECT_MSG(contained != key, "equal was called for the same word");
    EXPECT_EQ(number_of(contained) * UINT64_C(0x2545F4914F6CDD1D) & hash_mask,
              number_of(key) * UINT64_C(0x2545F4914F6CDD1D) & hash_mask);
    *out = number_of(contained) == number_of(key);
    return STM_OK;
}

const struct stm_key_type box_keys = {
    .type = &box_type, .hash = hash_box, .equal = equal_boxes};

/* ---- maps ---- */

void release_map(struct stm_map *map) { stm__map_type.release((stm_value)map); }

/* Counts the keys below a node, whose hashes begin with `prefix`, and checks
 * invariants B and C. */
static size_t check_node(const struct stm__map_node *node, unsigned level,
                         uint64_t prefix)
{
    size_t keys = node->entries;
    uint64_t below = level < STM__MAP_LEVELS
                         ? (UINT64_C(1) << level * STM__MAP_BITS) - 1
                         : UINT64_MAX;
    EXPECT(AO_load(&node->refs) >= 1);
    EXPECT_EQ(node->entry_bits & node->child_bits, 0);
    if (level < STM__MAP_LEVELS) {
        EXPECT_EQ(node->entries,
                  (uint32_t)__builtin_popcount(node->entry_bits));
        EXPECT_EQ(node->children,
                  (uint32_t)__builtin_popcount(node->child_bits));
    } else {
        EXPECT_EQ(node->entry_bits | node->child_bits | node->children, 0);
    }
    for (uint32_t i = 0; i < node->entries; i++) {
        const struct stm__map_entry *entry = &stm__map_entries(node)[i];
        EXPECT(AO_load(&entry->record->refs) >= 1);
        EXPECT_EQ(entry->record->key, entry->key);
        EXPECT_EQ(entry->record->hash & below, prefix);
        if (level < STM__MAP_LEVELS)
            EXPECT_EQ(stm__map_rank(node->entry_bits,
                                    stm__map_bit(entry->record->hash, level)),
                      i);
    }
    for (uint32_t i = 0, bit = 0; i < node->children; bit++) {
        if (!(node->child_bits & 1u << bit))
            continue;
        keys += check_node(node->child[i++], level + 1,
                           prefix | (uint64_t)bit << level * STM__MAP_BITS);
    }
    EXPECT(level == 0 || keys >= 2);
    return keys;
}

void check_trie(const struct stm_map *map, size_t keys)
{
    EXPECT_EQ(check_node(map->root, 0, 0), keys);
}
