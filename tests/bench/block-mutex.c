/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "block.h"

/* One mutex and a condition variable for each thing that is waited for; one
 * thread is woken where one is enough. */
static stm_value turn;
static pthread_cond_t turn_changed = PTHREAD_COND_INITIALIZER;

static struct queue {
    stm_value *items;
    size_t places, length, first;
    pthread_cond_t has_item, has_room;
} queue = {.has_item = PTHREAD_COND_INITIALIZER,
           .has_room = PTHREAD_COND_INITIALIZER};

static struct cell {
    stm_value item;
    pthread_cond_t is_full, is_empty;
} * cells;

void turn_new(void) { turn = 0; }

bool turn_pass(stm_value me, bool end)
{
    bool mine;

    tm_lock();
    while (turn != me && turn != BLOCK_END)
        pthread_cond_wait(&turn_changed, &bench_mutex);
    mine = turn == me;
    if (mine) {
        turn = end ? BLOCK_END : !me;
        pthread_cond_signal(&turn_changed);
    }
    tm_unlock();
    return mine;
}

void buffer_new(size_t places)
{
    queue.items = allocate(places * sizeof *queue.items);
    queue.places = places;
}

void buffer_put(stm_value item)
{
    tm_lock();
    while (queue.length == queue.places)
        pthread_cond_wait(&queue.has_room, &bench_mutex);
    queue.items[(queue.first + queue.length) % queue.places] = item;
    queue.length++;
    pthread_cond_signal(&queue.has_item);
    tm_unlock();
}

stm_value buffer_take(void)
{
    stm_value item;

    tm_lock();
    while (queue.length == 0)
        pthread_cond_wait(&queue.has_item, &bench_mutex);
    item = queue.items[queue.first];
    queue.first = (queue.first + 1) % queue.places;
    queue.length--;
    pthread_cond_signal(&queue.has_room);
    tm_unlock();
    return item;
}

void cells_new(size_t count)
{
    cells = allocate(count * sizeof *cells);
    for (size_t i = 0; i < count; i++) {
        cells[i].item = 0;
        pthread_cond_init(&cells[i].is_full, NULL);
        pthread_cond_init(&cells[i].is_empty, NULL);
    }
}

void cell_put(size_t cell, stm_value item)
{
    tm_lock();
    while (cells[cell].item)
        pthread_cond_wait(&cells[cell].is_empty, &bench_mutex);
    cells[cell].item = item;
    if (item == BLOCK_END)
        pthread_cond_broadcast(&cells[cell].is_full);
    else
        pthread_cond_signal(&cells[cell].is_full);
    tm_unlock();
}

stm_value cell_take(size_t cell)
{
    stm_value item;

    tm_lock();
    while (!cells[cell].item)
        pthread_cond_wait(&cells[cell].is_full, &bench_mutex);
    item = cells[cell].item;
    if (item != BLOCK_END) {
        cells[cell].item = 0;
        pthread_cond_signal(&cells[cell].is_empty);
    }
    tm_unlock();
    return item;
}

void cell_settle(size_t cell)
{
    tm_lock();
    while (cells[cell].item)
        pthread_cond_wait(&cells[cell].is_empty, &bench_mutex);
    tm_unlock();
}
