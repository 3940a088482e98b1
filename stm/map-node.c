/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <stm/map-node-internal.h>

/* ---- references ---- */

struct stm__map_node *stm__map_node_new(uint32_t entries, uint32_t children)
{
    struct stm__map_node *node;

    node = malloc(sizeof *node + entries * sizeof(struct stm__map_entry) +
                  children * sizeof node);
    if (node) {
        node->refs = 1;
        node->entries = entries;
        node->children = children;
        node->borrowed_entries = node->borrowed_children = 0;
    }
    return node;
}

void stm__map_key_drop(struct stm__map_key *record)
{
    if (!stm__refs_drop(&record->refs))
        return;
    stm__release(record->type, record->key);
    free(record);
}

static void drop_entry(const struct stm__map_entry *entry,
                       const struct stm_type *value)
{
    stm__release(value, entry->value);
    stm__map_key_drop(entry->record);
}

/* Drops those entries of which the node has references of its own. */
static void drop_entries(const struct stm__map_node *node,
                         const struct stm_type *value)
{
    uint32_t bits = node->entry_bits & ~node->borrowed_entries;

    if (node->borrowed_entries) {
        for (; bits; bits &= bits - 1)
            drop_entry(&stm__map_entries(node)[stm__map_rank(
                           node->entry_bits, stm__map_lowest(bits))],
                       value);
        return;
    }
    for (uint32_t i = 0; i < node->entries; i++)
        drop_entry(&stm__map_entries(node)[i], value);
}

void stm__map_node_drop(struct stm__map_node *node,
                        const struct stm_type *value)
{
    uint32_t bits;

    if (!stm__refs_drop(&node->refs))
        return;
    drop_entries(node, value);
    bits = node->child_bits & ~node->borrowed_children;
    for (; bits; bits &= bits - 1)
        stm__map_node_drop(*stm__map_child(node, stm__map_lowest(bits)), value);
    free(node);
}

/* ---- copying with a difference ---- */

#define NOWHERE UINT32_MAX

/* Copies an array, without the item at `cut` or with a gap at `gap`. */
static void copy_array(void *to, const void *from, uint32_t count, size_t size,
                       uint32_t cut, uint32_t gap)
{
    const char *source = from;
    char *target = to;

    if (cut != NOWHERE) {
        memcpy(target, source, cut * size);
        memcpy(target + cut * size, source + (cut + 1) * size,
               (count - cut - 1) * size);
    } else {
        uint32_t first = gap != NOWHERE ? gap : count;

        memcpy(target, source, first * size);
        memcpy(target + (first + 1) * size, source + first * size,
               (count - first) * size);
    }
}

void stm__map_node_clone(struct stm__map_node *copy,
                         const struct stm__map_node *node)
{
    copy->entry_bits = node->entry_bits;
    copy->child_bits = node->child_bits;
    memcpy(copy->child, node->child,
           node->children * sizeof node->child[0] +
               node->entries * sizeof(struct stm__map_entry));
}

void stm__map_node_copy(struct stm__map_node *copy,
                        const struct stm__map_node *node,
                        const struct stm__map_edit *edit)
{
    bool even = edit->bit == 0;
    uint32_t cut_entry = NOWHERE, add_entry = NOWHERE;
    uint32_t cut_child = NOWHERE, add_child = NOWHERE;

    copy->entry_bits = node->entry_bits;
    copy->child_bits = node->child_bits;
    if (edit->cut_entry) {
        cut_entry =
            even ? edit->cut_index : stm__map_rank(node->entry_bits, edit->bit);
        copy->entry_bits &= ~edit->bit;
    }
    if (edit->add_entry) {
        add_entry =
            even ? node->entries : stm__map_rank(node->entry_bits, edit->bit);
        copy->entry_bits |= edit->bit;
    }
    if (edit->cut_child) {
        cut_child = stm__map_rank(node->child_bits, edit->bit);
        copy->child_bits &= ~edit->bit;
    }
    if (edit->add_child) {
        add_child = stm__map_rank(node->child_bits, edit->bit);
        copy->child_bits |= edit->bit;
    }
    copy_array(stm__map_entries(copy), stm__map_entries(node), node->entries,
               sizeof(struct stm__map_entry), cut_entry, add_entry);
    copy_array(copy->child, node->child, node->children, sizeof node, cut_child,
               add_child);
    if (edit->add_entry)
        stm__map_entries(copy)[add_entry] = *edit->add_entry;
    if (edit->add_child)
        copy->child[add_child] = edit->add_child;
}

/* ---- two entries ---- */

/* A node of just these two, where the paths of their hashes part. */
static struct stm__map_node *join(const struct stm__map_entry *left,
                                  const struct stm__map_entry *right,
                                  unsigned level)
{
    struct stm__map_node *node = stm__map_node_new(2, 0);
    bool swap = false;

    if (!node)
        return NULL;
    node->entry_bits = node->child_bits = 0;
    if (level < STM__MAP_LEVELS) {
        uint32_t bit = stm__map_bit(left->record->hash, level);
        uint32_t other = stm__map_bit(right->record->hash, level);

        node->entry_bits = bit | other;
        swap = bit > other;
    }
    stm__map_entries(node)[swap] = *left;
    stm__map_entries(node)[!swap] = *right;
    return node;
}

void stm__map_node_unpair(struct stm__map_node *node)
{
    while (node) {
        struct stm__map_node *child = node->children ? node->child[0] : NULL;

        free(node);
        node = child;
    }
}

struct stm__map_node *stm__map_node_pair(const struct stm__map_entry *left,
                                         const struct stm__map_entry *right,
                                         unsigned level)
{
    uint64_t hash = left->record->hash;
    unsigned bottom = level;
    struct stm__map_node *node;

    while (bottom < STM__MAP_LEVELS &&
           stm__map_bit(hash, bottom) ==
               stm__map_bit(right->record->hash, bottom))
        bottom++;
    node = join(left, right, bottom);
    while (node && bottom > level) {
        struct stm__map_node *above = stm__map_node_new(0, 1);

        if (!above) {
            stm__map_node_unpair(node);
            return NULL;
        }
        above->entry_bits = 0;
        above->child_bits = stm__map_bit(hash, --bottom);
        above->child[0] = node;
        node = above;
    }
    return node;
}
