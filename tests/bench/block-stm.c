/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "block.h"

static struct tm_word turn; /* whose it is; BLOCK_END: nobody's */
static struct stm_tqueue *queue;
static struct tm_word *cells;

struct passing {
    stm_value me;
    bool end;
    bool done;
};

struct handing {
    struct tm_word *cell;
    stm_value item;
};

static enum stm_status pass(struct stm_tx *tx, void *argument)
{
    struct passing *passing = argument;
    stm_value whose;

    STM_TRY(tm_get(tx, &turn, &whose));
    passing->done = whose == passing->me;
    if (whose == BLOCK_END)
        return STM_OK;
    if (!passing->done)
        return stm_retry(tx);
    return tm_put(tx, &turn, passing->end ? BLOCK_END : !passing->me);
}

static enum stm_status put_item(struct stm_tx *tx, void *argument)
{
    enum stm_status status =
        stm_tqueue_put(tx, queue, *(const stm_value *)argument);

    return status == STM_EFULL ? stm_retry(tx) : status;
}

static enum stm_status take_item(struct stm_tx *tx, void *argument)
{
    enum stm_status status = stm_tqueue_get(tx, queue, argument);

    return status == STM_EEMPTY ? stm_retry(tx) : status;
}

static enum stm_status fill_cell(struct stm_tx *tx, void *argument)
{
    struct handing *handing = argument;
    stm_value there;

    STM_TRY(tm_get(tx, handing->cell, &there));
    return there ? stm_retry(tx) : tm_put(tx, handing->cell, handing->item);
}

static enum stm_status empty_cell(struct stm_tx *tx, void *argument)
{
    struct handing *handing = argument;

    STM_TRY(tm_get(tx, handing->cell, &handing->item));
    if (!handing->item)
        return stm_retry(tx);
    return handing->item == BLOCK_END ? STM_OK : tm_put(tx, handing->cell, 0);
}

static enum stm_status await_empty(struct stm_tx *tx, void *argument)
{
    stm_value there;

    STM_TRY(tm_get(tx, argument, &there));
    return there ? stm_retry(tx) : STM_OK;
}

void turn_new(void) { tm_word_init(&turn, 0); }

bool turn_pass(stm_value me, bool end)
{
    struct passing passing = {me, end, false};

    tm_atomically(pass, &passing);
    return passing.done;
}

void buffer_new(size_t places)
{
    queue = stm_tqueue_new(NULL, places);
    if (!queue)
        must(STM_ENOMEM);
}

void buffer_put(stm_value item) { tm_atomically(put_item, &item); }

stm_value buffer_take(void)
{
    stm_value item = 0;

    tm_atomically(take_item, &item);
    return item;
}

void cells_new(size_t count)
{
    cells = allocate(count * sizeof *cells);
    for (size_t i = 0; i < count; i++)
        tm_word_init(&cells[i], 0);
}

void cell_put(size_t cell, stm_value item)
{
    struct handing handing = {&cells[cell], item};

    tm_atomically(fill_cell, &handing);
}

stm_value cell_take(size_t cell)
{
    struct handing handing = {&cells[cell], 0};

    tm_atomically(empty_cell, &handing);
    return handing.item;
}

void cell_settle(size_t cell) { tm_atomically(await_empty, &cells[cell]); }
