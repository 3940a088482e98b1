/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_BLOCK_H
#define TESTS_BENCH_BLOCK_H

#include "bench.h"

#include "system.h"

/* What threads wait for, in the systems where they can wait.
 *
 * pingpong: two threads pass a turn back and forth; an operation is a round
 * trip.
 * queueN: one thread puts items into a queue with N places, another takes them.
 * wake1ofN: N threads wait for the item in one cell, which any may take, and
 * one puts an item whenever the cell is empty. wakeown1ofN: N threads wait for
 * an item in a cell of their own each, and one puts an item into some thread's,
 * and waits until it has been taken. */

#define BLOCK_END UINTPTR_MAX /* an item: there are no more */

/* The turn is 0's at first.  Waits for the turn of `me`, who is 0 or 1, and
 * gives it to the other, or, if it is to end, to nobody; false if it has ended
 * already. */
void turn_new(void);
bool turn_pass(stm_value me, bool end);

/* The bounded queue: each waits for room, or for an item. */
void buffer_new(size_t places);
void buffer_put(stm_value item);
stm_value buffer_take(void);

/* Cells, which hold an item or 0.  Each waits until it can; cell_settle until
 * the cell is empty.  BLOCK_END stays in the cell for those who come. */
void cells_new(size_t count);
void cell_put(size_t cell, stm_value item);
stm_value cell_take(size_t cell);
void cell_settle(size_t cell);

#endif
