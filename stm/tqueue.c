/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>

#include <stm/seqvar-internal.h>
#include <stm/tqueue.h>

/* With a bound: a ring of places, each a variable of its own, that holds an
 * item or is vacant.  A put reads where the back is and the place there, and
 * writes both; a get does so at the front.  Neither looks at the other's end:
 * that the ring is full shows in the back's place, which is not vacant, and
 * that it is empty in the front's, which is.  So the two meet in a variable
 * only where the ends meet.  A ring of one place has both ends there for ever,
 * and needs no variables for them.
 *
 * Without a bound: two sequences.  A put adds to the back one, a get takes from
 * the front one, and where that is empty, first moves the back one there. */
struct stm_tqueue {
    AO_t refs;
    const struct stm_type *item;
    size_t capacity;  /* 0: without a bound */
    stm_value vacant; /* what a place without an item holds */

    /* With a bound: words, the indices of the places that come next; NULL in a
     * ring of one.  Without: of stm__seq_type. */
    struct stm_tvar *front;
    struct stm_tvar *back;

    struct stm_tvar *places[];
};

/* Its address is no item of anyone's. */
static const char vacancy;

/* ---- making and freeing ---- */

static bool make_sequences(struct stm_tqueue *queue)
{
    queue->front = stm_tvar_new(&stm__seq_type, 0);
    queue->back = stm_tvar_new(&stm__seq_type, 0);
    return queue->front && queue->back;
}

static bool make_ring(struct stm_tqueue *queue)
{
    for (size_t i = 0; i < queue->capacity; i++) {
        queue->places[i] = stm_tvar_new(queue->item, queue->vacant);
        if (!queue->places[i])
            return false;
    }
    if (queue->capacity == 1)
        return true;
    queue->front = stm_tvar_new(NULL, 0);
    queue->back = stm_tvar_new(NULL, 0);
    return queue->front && queue->back;
}

struct stm_tqueue *stm_tqueue_new(const struct stm_type *item, size_t capacity)
{
    struct stm_tqueue *queue;

    if (capacity > (SIZE_MAX - sizeof *queue) / sizeof queue->places[0])
        return NULL;
    queue = calloc(1, sizeof *queue + capacity * sizeof queue->places[0]);
    if (!queue)
        return NULL;
    queue->refs = 1;
    queue->item = item;
    queue->capacity = capacity;
    queue->vacant = item ? 0 : (stm_value)&vacancy;
    if (capacity ? make_ring(queue) : make_sequences(queue))
        return queue;
    stm_tqueue_release(queue);
    return NULL;
}

void stm_tqueue_retain(struct stm_tqueue *queue)
{
    (void)AO_fetch_and_add1(&queue->refs);
}

void stm_tqueue_release(struct stm_tqueue *queue)
{
    if (!queue || AO_fetch_and_sub1_full(&queue->refs) != 1)
        return;
    stm_tvar_release(queue->front);
    stm_tvar_release(queue->back);
    for (size_t i = 0; i < queue->capacity; i++)
        stm_tvar_release(queue->places[i]);
    free(queue);
}

const struct stm_type *stm_tqueue_item_type(const struct stm_tqueue *queue)
{
    return queue->item;
}

size_t stm_tqueue_capacity(const struct stm_tqueue *queue)
{
    return queue->capacity;
}

/* ---- the ring ---- */

/* The index that an end has come to, and what is in the place there. */
static enum stm_status look(struct stm_tx *tx, struct stm_tqueue *queue,
                            struct stm_tvar *end, stm_value *index,
                            stm_value *item)
{
    *index = 0;
    if (end)
        STM_TRY(stm_tvar_get(tx, end, index));
    return stm_tvar_get(tx, queue->places[*index], item);
}

/* Writes the place, and moves the end on. */
static enum stm_status step(struct stm_tx *tx, struct stm_tqueue *queue,
                            struct stm_tvar *end, stm_value index,
                            stm_value item)
{
    STM_TRY(stm_tvar_set(tx, queue->places[index], item));
    if (!end)
        return STM_OK;
    return stm_tvar_set(tx, end, index + 1 < queue->capacity ? index + 1 : 0);
}

static enum stm_status ring_length(struct stm_tx *tx, struct stm_tqueue *queue,
                                   size_t *out)
{
    stm_value front, back = 0, item;

    STM_TRY(look(tx, queue, queue->front, &front, &item));
    if (queue->back)
        STM_TRY(stm_tvar_get(tx, queue->back, &back));
    if (item == queue->vacant)
        *out = 0;
    else
        *out = back > front ? back - front : back + queue->capacity - front;
    return STM_OK;
}

static enum stm_status ring_put(struct stm_tx *tx, struct stm_tqueue *queue,
                                stm_value item)
{
    stm_value index, held;

    STM_TRY(look(tx, queue, queue->back, &index, &held));
    if (held != queue->vacant)
        return STM_EFULL;
    return step(tx, queue, queue->back, index, item);
}

static enum stm_status ring_get(struct stm_tx *tx, struct stm_tqueue *queue,
                                stm_value *out)
{
    stm_value index, item;

    STM_TRY(look(tx, queue, queue->front, &index, &item));
    if (item == queue->vacant)
        return STM_EEMPTY;
    STM_TRY(step(tx, queue, queue->front, index, queue->vacant));
    *out = item;
    return STM_OK;
}

/* ---- the sequences ---- */

static enum stm_status seq_length(struct stm_tx *tx, struct stm_tqueue *queue,
                                  size_t *out)
{
    struct stm_seq *front, *back;

    STM_TRY(stm__seqvar_load(tx, queue->front, &front));
    STM_TRY(stm__seqvar_load(tx, queue->back, &back));
    *out = stm__seq_length(front) + stm__seq_length(back);
    return STM_OK;
}

/* The sequence with the first item, and whether it is the back one. */
static enum stm_status load_first(struct stm_tx *tx, struct stm_tqueue *queue,
                                  struct stm_seq **out, bool *in_back)
{
    STM_TRY(stm__seqvar_load(tx, queue->front, out));
    *in_back = !stm__seq_length(*out);
    if (*in_back)
        STM_TRY(stm__seqvar_load(tx, queue->back, out));
    return stm__seq_length(*out) ? STM_OK : STM_EEMPTY;
}

static enum stm_status seq_get(struct stm_tx *tx, struct stm_tqueue *queue,
                               stm_value *out)
{
    struct stm_seq *seq;
    bool in_back;

    STM_TRY(load_first(tx, queue, &seq, &in_back));
    if (in_back) {
        STM_TRY(stm_tvar_set(tx, queue->front, (stm_value)seq));
        STM_TRY(stm_tvar_set(tx, queue->back, 0));
    }
    return stm__seqvar_take(tx, queue->front, seq, 0, out);
}

/* ---- both ---- */

enum stm_status stm_tqueue_length(struct stm_tx *tx, struct stm_tqueue *queue,
                                  size_t *out)
{
    return queue->capacity ? ring_length(tx, queue, out)
                           : seq_length(tx, queue, out);
}

static enum stm_status not_an_item(struct stm_tx *tx)
{
    STM__CHECK(tx);
    return stm_error(STM_EMISUSE, "stm_tqueue_put: what was to be put is no "
                                  "value of the queue's type");
}

enum stm_status stm_tqueue_put(struct stm_tx *tx, struct stm_tqueue *queue,
                               stm_value item)
{
    if (STM__UNLIKELY(item == queue->vacant))
        return not_an_item(tx);
    return queue->capacity
               ? ring_put(tx, queue, item)
               : stm__seqvar_append(tx, queue->back, queue->item, item);
}

enum stm_status stm_tqueue_get(struct stm_tx *tx, struct stm_tqueue *queue,
                               stm_value *out)
{
    return queue->capacity ? ring_get(tx, queue, out) : seq_get(tx, queue, out);
}

enum stm_status stm_tqueue_peek(struct stm_tx *tx, struct stm_tqueue *queue,
                                stm_value *out)
{
    stm_value index, item;
    struct stm_seq *seq;
    bool in_back;

    if (queue->capacity) {
        STM_TRY(look(tx, queue, queue->front, &index, &item));
        if (item == queue->vacant)
            return STM_EEMPTY;
    } else {
        STM_TRY(load_first(tx, queue, &seq, &in_back));
        item = stm_seq_get(seq, 0);
    }
    *out = item;
    return STM_OK;
}

/* ---- for collectors ---- */

int stm_tqueue_traverse(struct stm_tqueue *queue, stm_visit *visit,
                        void *context)
{
    int stop = 0;

    if (queue->front)
        stop = stm_tvar_traverse(queue->front, visit, context);
    if (!stop && queue->back)
        stop = stm_tvar_traverse(queue->back, visit, context);
    for (size_t i = 0; i < queue->capacity && !stop; i++)
        stop = stm_tvar_traverse(queue->places[i], visit, context);
    return stop;
}

/* Of words there is nothing to let go, and 0 is a word like any other. */
void stm_tqueue_discard(struct stm_tqueue *queue)
{
    if (!queue->item)
        return;
    if (queue->front)
        stm_tvar_clear(queue->front);
    if (queue->back)
        stm_tvar_clear(queue->back);
    for (size_t i = 0; i < queue->capacity; i++)
        stm_tvar_clear(queue->places[i]);
}
