/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_MAP_MODEL_H
#define TESTS_UNIT_MAP_MODEL_H

#include "seq_model.h"

#include <stm/map-node-internal.h>

/* What test_map.c and test_map_shape.c have in common, besides what they take
 * from seq_model.h. */

/* Counted numbers: as keys, all boxes of the same number are equal.  They must
 * be retained and released exactly, and lose the last reference to no change.
 */
extern const struct stm_type box_type;
extern const struct stm_key_type box_keys;
extern uint64_t hash_mask; /* the bits that the hashes of boxes have */
extern bool changing;      /* while no last reference may be dropped */
extern bool boxes_may_go;  /* what the type's may_release answers */
extern long boxes;         /* how many there are */

stm_value make_box(uint64_t number);
uint64_t number_of(stm_value box);
void retain_box(stm_value box);
void release_box(stm_value box);

/* For traversals: counts in a size_t, and ends one with 42 at VISITS_MAX.  In
 * one census no box may be visited more often than it is owned. */
enum { VISITS_MAX = 2500 };
int visit_box(stm_value value, void *context);
extern unsigned census;

/* As a variable does when its value is replaced. */
void release_map(struct stm_map *map);

/* Checks invariants B and C, and that it has so many keys. */
void check_trie(const struct stm_map *map, size_t keys);

#endif
