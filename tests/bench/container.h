/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_CONTAINER_H
#define TESTS_BENCH_CONTAINER_H

#include "bench.h"

#include "system.h"

/* A list, a dictionary, a set and a priority queue: where this library has a
 * container, that one; where there is none, what a programmer in C would write,
 * a ring, hash tables with open addressing and a binary heap.  container.c is
 * made of one of the two headers below, each of which defines the same bodies,
 * and container_new, which makes all four, empty.
 *
 *   list_append       puts `value` at the end
 *   list_pop_front    takes the first item, or the last, to `value`; 0: there
 *   list_pop_back     is none
 *   list_get          the item at index `key`, which exists
 *   list_sum          of all items
 *   dict_set          sets the value of `key`
 *   dict_get          the value of `key`; 0: there is none
 *   dict_length       the number of keys
 *   set_add           adds or removes `key`; `value`: 1 if that changed the set
 *   set_remove
 *   set_has           `value`: 1 if `key` is in the set
 *   set_length        the number of keys
 *   heap_push         puts `value` behind all whose number is `key` or less
 *   heap_pop          takes the first item to `value`, its number to `key`; 0:
 *                     there is none
 */
struct request {
    stm_value key, value;
};

#define LIST_MAX 2048    /* more than there are ever items; a power of two */
#define KEYS_MAX 8192    /* of a table; likewise */
#define PRIORITIES 0x100 /* of the heap: less than this */

#ifdef TM_WORD
#include "container-words.h"
#else
#include "container-stm.h"
#endif

#endif
