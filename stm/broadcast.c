/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <stm/box-internal.h>
#include <stm/broadcast.h>
#include <stm/seqvar-internal.h>

/* A chain of cells.  A cell is a variable: empty (0) at the chain's end, else a
 * link, which holds an item and the next cell.  The queue knows the empty cell;
 * each endpoint knows the cell that it reads next.  So a put touches no
 * endpoint, and links that every endpoint has passed are freed by themselves:
 * one by one, by the loop in limbo.c, however long the chain.
 *
 * What was put back in front of an endpoint is in a sequence of its own, in
 * order of the entries' keys, which fall from put to put. */
struct stm_broadcast {
    AO_t refs;
    const struct stm_type *item;
    struct stm_tvar *tail;    /* the empty cell, of cell_type */
    struct stm_tvar *written; /* the number of links ever made */
};

struct stm_endpoint {
    AO_t refs;
    struct stm_broadcast *queue;
    struct stm_tvar *cell;  /* the next to read, of cell_type */
    struct stm_tvar *taken; /* `written`, as of the cell */
    struct stm_tvar *front; /* entries that were put back, of stm__seq_type */

    /* The last key given out.  Not transactional: whoever uses a key has read
     * `front` before it was drawn, and commits only if front has not changed.
     */
    AO_t key;
};

/* ---- links, cells and entries as values ---- */

struct link {
    AO_t refs;
    struct stm__ref item;
    struct stm_tvar *next;
};

/* A link is handed to the one cell that ever holds it, so that nobody calls
 * this; but a value that can be released must be one that can be retained. */
static void retain_link(stm_value value)
{
    (void)AO_fetch_and_add1(&((struct link *)value)->refs);
}

static void release_link(stm_value value)
{
    struct link *link = (struct link *)value;

    if (AO_fetch_and_sub1_full(&link->refs) != 1)
        return;
    stm__release(link->item.type, link->item.value);
    stm_tvar_release(link->next);
    free(link);
}

static bool may_release_link(stm_value value)
{
    const struct link *link = (const struct link *)value;

    return stm__may_release(link->item.type, link->item.value);
}

/* No collector comes to the variables that hold cells and links.  Came one, it
 * must not take them for objects. */
static int visit_nothing(stm_value value, stm_visit *visit, void *context)
{
    (void)value, (void)visit, (void)context;
    return 0;
}

static const struct stm_type link_type = {
    .name = "broadcast link",
    .retain = retain_link,
    .release = release_link,
    .may_release = may_release_link,
    .traverse = visit_nothing,
};

static void retain_cell(stm_value value)
{
    stm_tvar_retain((struct stm_tvar *)value);
}

static void release_cell(stm_value value)
{
    stm_tvar_release((struct stm_tvar *)value);
}

static const struct stm_type cell_type = {
    .name = "broadcast cell",
    .retain = retain_cell,
    .release = release_cell,
    .traverse = visit_nothing,
};

struct entry {
    struct stm__box box;
    uint64_t key;
};

/* ---- the queue ---- */

struct stm_broadcast *stm_broadcast_new(const struct stm_type *item)
{
    struct stm_broadcast *queue = calloc(1, sizeof *queue);
    struct stm_tvar *cell;

    if (!queue)
        return NULL;
    queue->refs = 1;
    queue->item = item;
    queue->written = stm_tvar_new(NULL, 0);
    cell = stm__tvar_new_inner(&link_type, 0);
    if (cell)
        queue->tail = stm__tvar_new_stealing(&cell_type, (stm_value)cell);
    if (cell && !queue->tail)
        stm_tvar_release(cell);
    if (queue->tail && queue->written)
        return queue;
    stm_broadcast_release(queue);
    return NULL;
}

void stm_broadcast_retain(struct stm_broadcast *queue)
{
    (void)AO_fetch_and_add1(&queue->refs);
}

void stm_broadcast_release(struct stm_broadcast *queue)
{
    if (!queue || AO_fetch_and_sub1_full(&queue->refs) != 1)
        return;
    stm_tvar_release(queue->tail);
    stm_tvar_release(queue->written);
    free(queue);
}

static struct link *make_link(const struct stm_type *type, stm_value item)
{
    struct link *link = malloc(sizeof *link);

    if (!link)
        return NULL;
    link->next = stm__tvar_new_inner(&link_type, 0);
    if (!link->next) {
        free(link);
        return NULL;
    }
    link->refs = 1;
    link->item.value = item;
    link->item.type = type;
    stm__retain(type, item);
    return link;
}

static enum stm_status add_to(struct stm_tx *tx, struct stm_tvar *count,
                              stm_value more)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, count, &value));
    return stm_tvar_set(tx, count, value + more);
}

enum stm_status stm_broadcast_put(struct stm_tx *tx,
                                  struct stm_broadcast *queue, stm_value item)
{
    struct link *link;
    stm_value cell;

    STM_TRY(stm_tvar_get(tx, queue->tail, &cell));
    STM_TRY(stm__reserve_release(tx, 1));
    link = make_link(queue->item, item);
    if (!link)
        return stm__doom(tx, STM_ENOMEM);
    STM_TRY(
        stm__tvar_set_stealing(tx, (struct stm_tvar *)cell, (stm_value)link));
    STM_TRY(stm_tvar_set(tx, queue->tail, (stm_value)link->next));
    return add_to(tx, queue->written, 1);
}

/* ---- endpoints ---- */

void stm_endpoint_retain(struct stm_endpoint *endpoint)
{
    (void)AO_fetch_and_add1(&endpoint->refs);
}

void stm_endpoint_release(struct stm_endpoint *endpoint)
{
    if (!endpoint || AO_fetch_and_sub1_full(&endpoint->refs) != 1)
        return;
    stm_tvar_release(endpoint->cell);
    stm_tvar_release(endpoint->taken);
    stm_tvar_release(endpoint->front);
    stm_broadcast_release(endpoint->queue);
    free(endpoint);
}

/* An endpoint at this cell; `front` NULL: nothing put back. */
static struct stm_endpoint *make_endpoint(struct stm_broadcast *queue,
                                          stm_value cell, stm_value taken,
                                          struct stm_seq *front)
{
    struct stm_endpoint *endpoint = calloc(1, sizeof *endpoint);

    if (!endpoint)
        return NULL;
    endpoint->refs = 1;
    endpoint->key = ~(AO_t)0;
    endpoint->queue = queue;
    stm_broadcast_retain(queue);
    endpoint->cell = stm_tvar_new(&cell_type, cell);
    endpoint->taken = stm_tvar_new(NULL, taken);
    endpoint->front = stm_tvar_new(&stm__seq_type, (stm_value)front);
    if (endpoint->cell && endpoint->taken && endpoint->front)
        return endpoint;
    stm_endpoint_release(endpoint);
    return NULL;
}

enum stm_status stm_endpoint_new(struct stm_tx *tx, struct stm_broadcast *queue,
                                 struct stm_endpoint **out)
{
    struct stm_endpoint *endpoint;
    stm_value cell, written;

    STM_TRY(stm_tvar_get(tx, queue->tail, &cell));
    STM_TRY(stm_tvar_get(tx, queue->written, &written));
    endpoint = make_endpoint(queue, cell, written, NULL);
    if (!endpoint)
        return stm__doom(tx, STM_ENOMEM);
    *out = endpoint;
    return STM_OK;
}

enum stm_status stm_endpoint_duplicate(struct stm_tx *tx,
                                       struct stm_endpoint *endpoint,
                                       struct stm_endpoint **out)
{
    struct stm_endpoint *copy;
    stm_value cell, taken;
    struct stm_seq *front;

    STM_TRY(stm_tvar_get(tx, endpoint->cell, &cell));
    STM_TRY(stm_tvar_get(tx, endpoint->taken, &taken));
    STM_TRY(stm__seqvar_load(tx, endpoint->front, &front));
    copy = make_endpoint(endpoint->queue, cell, taken, front);
    if (!copy)
        return stm__doom(tx, STM_ENOMEM);
    copy->key = AO_load(&endpoint->key);
    stm__draw_stamp(tx); /* they share the sequence from here on */
    *out = copy;
    return STM_OK;
}

/* Takes the entry at an index out of the front. */
static enum stm_status take_from_front(struct stm_tx *tx,
                                       struct stm_endpoint *endpoint,
                                       struct stm_seq *front, size_t index,
                                       stm_value *out)
{
    stm_value entry;

    STM_TRY(stm__seqvar_take(tx, endpoint->front, front, index, &entry));
    *out = ((struct entry *)entry)->box.item.value;
    return STM_OK;
}

/* The link that the endpoint reads next, or NULL. */
static enum stm_status
load_link(struct stm_tx *tx, struct stm_endpoint *endpoint, struct link **out)
{
    stm_value cell, link;

    STM_TRY(stm_tvar_get(tx, endpoint->cell, &cell));
    STM_TRY(stm_tvar_get(tx, (struct stm_tvar *)cell, &link));
    *out = (struct link *)link;
    return STM_OK;
}

enum stm_status stm_endpoint_get(struct stm_tx *tx,
                                 struct stm_endpoint *endpoint, stm_value *out)
{
    struct stm_seq *front;
    struct link *link;

    STM_TRY(stm__seqvar_load(tx, endpoint->front, &front));
    if (stm__seq_length(front))
        return take_from_front(tx, endpoint, front, 0, out);
    STM_TRY(load_link(tx, endpoint, &link));
    if (!link)
        return STM_EEMPTY;
    STM_TRY(stm_tvar_set(tx, endpoint->cell, (stm_value)link->next));
    STM_TRY(add_to(tx, endpoint->taken, 1));
    *out = link->item.value;
    return STM_OK;
}

enum stm_status stm_endpoint_peek(struct stm_tx *tx,
                                  struct stm_endpoint *endpoint, stm_value *out)
{
    struct stm_seq *front;
    struct link *link;

    STM_TRY(stm__seqvar_load(tx, endpoint->front, &front));
    if (stm__seq_length(front)) {
        *out = ((struct entry *)stm_seq_get(front, 0))->box.item.value;
        return STM_OK;
    }
    STM_TRY(load_link(tx, endpoint, &link));
    if (!link)
        return STM_EEMPTY;
    *out = link->item.value;
    return STM_OK;
}

enum stm_status stm_endpoint_replace(struct stm_tx *tx,
                                     struct stm_endpoint *endpoint,
                                     stm_value item, uint64_t *handle)
{
    struct stm_seq *front;
    struct entry *entry;

    STM_TRY(stm__seqvar_load_to_change(tx, endpoint->front, &stm__box_type,
                                       &front));
    entry = stm__box_new(sizeof *entry, endpoint->queue->item, item);
    if (!entry)
        return stm__doom(tx, STM_ENOMEM);
    entry->key = AO_fetch_and_sub1(&endpoint->key);
    STM_TRY(stm__seqvar_insert_box(tx, endpoint->front, front, 0,
                                   (stm_value)entry));
    if (handle)
        *handle = entry->key;
    return STM_OK;
}

static bool key_before(stm_value item, const void *key)
{
    return ((const struct entry *)item)->key < *(const uint64_t *)key;
}

enum stm_status stm_endpoint_remove(struct stm_tx *tx,
                                    struct stm_endpoint *endpoint,
                                    uint64_t handle)
{
    struct stm_seq *front;
    stm_value item;
    size_t index;

    STM_TRY(stm__seqvar_load(tx, endpoint->front, &front));
    index = front ? stm__seq_bisect(front, key_before, &handle) : 0;
    if (index >= stm__seq_length(front) ||
        ((struct entry *)stm_seq_get(front, index))->key != handle)
        return STM_ENOTFOUND;
    return take_from_front(tx, endpoint, front, index, &item);
}

enum stm_status stm_endpoint_remaining(struct stm_tx *tx,
                                       struct stm_endpoint *endpoint,
                                       size_t *out)
{
    stm_value taken = 0, written;
    struct stm_seq *front;

    STM_TRY(stm__seqvar_load(tx, endpoint->front, &front));
    STM_TRY(stm_tvar_get(tx, endpoint->queue->written, &written));
    if (written) /* else there was nothing to take */
        STM_TRY(stm_tvar_get(tx, endpoint->taken, &taken));
    *out = stm__seq_length(front) + (written - taken);
    return STM_OK;
}

int stm_endpoint_traverse(struct stm_endpoint *endpoint, stm_visit *visit,
                          void *context)
{
    return stm_tvar_traverse(endpoint->front, visit, context);
}

void stm_endpoint_discard(struct stm_endpoint *endpoint)
{
    stm_tvar_clear(endpoint->front);
}
