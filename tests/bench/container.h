/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_CONTAINER_H
#define TESTS_BENCH_CONTAINER_H

#include "bench.h"

#include "system.h"

/* A queue and a dictionary: where this library has a container, that one; where
 * there is none, what a programmer in C would write, a ring and a hash table
 * with open addressing.  One transaction a function.
 *
 * tlist-queue: each worker appends to one queue, and takes from its front, in
 * turn; two operations.
 * tdict-get, tdict-set: looks up, or replaces, the value of one of 4096 keys.
 */
#define QUEUE_ITEMS 64 /* at the beginning */
#define DICT_KEYS 4096

void queue_new(void);
void queue_put(stm_value item);
stm_value queue_take(void); /* 0: it is empty */

void dict_new(void);
void dict_set(stm_value key, stm_value value);
stm_value dict_get(stm_value key); /* 0: not there */
size_t dict_length(void);

#endif
