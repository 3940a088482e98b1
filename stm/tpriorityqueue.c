/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <stm/box-internal.h>
#include <stm/seqvar-internal.h>
#include <stm/tpriorityqueue.h>

/* A sequence of entries in order of their tickets: of priority, and among
 * equals of number. */
struct stm_tpriorityqueue {
    AO_t refs;
    const struct stm_type *item;
    struct stm_tvar *root; /* of stm__seq_type */

    /* The last number given out.  Not transactional: whoever uses a number has
     * read `root` before it was drawn, and commits only if root has not
     * changed, so that numbers grow from commit to commit. */
    AO_t number;
};

struct entry {
    struct stm__box box;
    struct stm_ticket ticket;
};

static const struct entry *entry_at(const struct stm_seq *seq, size_t index)
{
    return (const struct entry *)stm_seq_get(seq, index);
}

struct stm_tpriorityqueue *stm_tpriorityqueue_new(const struct stm_type *item)
{
    struct stm_tpriorityqueue *queue = malloc(sizeof *queue);

    if (!queue)
        return NULL;
    queue->refs = 1;
    queue->item = item;
    queue->number = 0;
    queue->root = stm_tvar_new(&stm__seq_type, 0);
    if (queue->root)
        return queue;
    free(queue);
    return NULL;
}

void stm_tpriorityqueue_retain(struct stm_tpriorityqueue *queue)
{
    (void)AO_fetch_and_add1(&queue->refs);
}

void stm_tpriorityqueue_release(struct stm_tpriorityqueue *queue)
{
    if (!queue || AO_fetch_and_sub1_full(&queue->refs) != 1)
        return;
    stm_tvar_release(queue->root);
    free(queue);
}

const struct stm_type *
stm_tpriorityqueue_item_type(const struct stm_tpriorityqueue *queue)
{
    return queue->item;
}

enum stm_status stm_tpriorityqueue_length(struct stm_tx *tx,
                                          struct stm_tpriorityqueue *queue,
                                          size_t *out)
{
    struct stm_seq *seq;

    STM_TRY(stm__seqvar_load(tx, queue->root, &seq));
    *out = stm__seq_length(seq);
    return STM_OK;
}

static bool comes_before(stm_value item, const void *key)
{
    const struct stm_ticket *left = &((const struct entry *)item)->ticket;
    const struct stm_ticket *right = key;

    return left->priority != right->priority ? left->priority < right->priority
                                             : left->number < right->number;
}

enum stm_status stm_tpriorityqueue_push(struct stm_tx *tx,
                                        struct stm_tpriorityqueue *queue,
                                        int64_t priority, stm_value item,
                                        struct stm_ticket *ticket)
{
    struct stm_seq *seq;
    struct entry *entry;

    STM_TRY(stm__seqvar_load_to_change(tx, queue->root, &stm__box_type, &seq));
    entry = stm__box_new(sizeof *entry, queue->item, item);
    if (!entry)
        return stm__doom(tx, STM_ENOMEM);
    entry->ticket.priority = priority;
    entry->ticket.number = AO_fetch_and_add1(&queue->number) + 1;
    STM_TRY(stm__seqvar_insert_box(
        tx, queue->root, seq,
        stm__seq_bisect(seq, comes_before, &entry->ticket), (stm_value)entry));
    if (ticket)
        *ticket = entry->ticket;
    return STM_OK;
}

/* Takes out the entry at an index that exists. */
static enum stm_status take(struct stm_tx *tx, struct stm_tpriorityqueue *queue,
                            struct stm_seq *seq, size_t index,
                            const struct entry **out)
{
    stm_value entry;

    STM_TRY(stm__seqvar_take(tx, queue->root, seq, index, &entry));
    *out = (const struct entry *)entry;
    return STM_OK;
}

enum stm_status stm_tpriorityqueue_pop(struct stm_tx *tx,
                                       struct stm_tpriorityqueue *queue,
                                       stm_value *out, int64_t *priority)
{
    const struct entry *first;
    struct stm_seq *seq;

    STM_TRY(stm__seqvar_load(tx, queue->root, &seq));
    if (!stm__seq_length(seq))
        return STM_EEMPTY;
    STM_TRY(take(tx, queue, seq, 0, &first));
    *out = first->box.item.value;
    if (priority)
        *priority = first->ticket.priority;
    return STM_OK;
}

enum stm_status stm_tpriorityqueue_get(struct stm_tx *tx,
                                       struct stm_tpriorityqueue *queue,
                                       size_t index, stm_value *out,
                                       int64_t *priority)
{
    struct stm_seq *seq;

    STM_TRY(stm__seqvar_load(tx, queue->root, &seq));
    if (index >= stm__seq_length(seq))
        return stm_error(STM_ERANGE, "%s: index %zu in a queue of %zu items",
                         __func__, index, stm__seq_length(seq));
    *out = entry_at(seq, index)->box.item.value;
    if (priority)
        *priority = entry_at(seq, index)->ticket.priority;
    return STM_OK;
}

enum stm_status stm_tpriorityqueue_ticket(struct stm_tx *tx,
                                          struct stm_tpriorityqueue *queue,
                                          size_t index, struct stm_ticket *out)
{
    struct stm_seq *seq;

    STM_TRY(stm__seqvar_load(tx, queue->root, &seq));
    if (index >= stm__seq_length(seq))
        return stm_error(STM_ERANGE, "%s: index %zu in a queue of %zu items",
                         __func__, index, stm__seq_length(seq));
    *out = entry_at(seq, index)->ticket;
    return STM_OK;
}

enum stm_status stm_tpriorityqueue_remove(struct stm_tx *tx,
                                          struct stm_tpriorityqueue *queue,
                                          const struct stm_ticket *ticket,
                                          stm_value *out)
{
    const struct entry *removed;
    struct stm_seq *seq;
    size_t index;

    STM_TRY(stm__seqvar_load(tx, queue->root, &seq));
    index = seq ? stm__seq_bisect(seq, comes_before, ticket) : 0;
    if (index == stm__seq_length(seq) ||
        entry_at(seq, index)->ticket.priority != ticket->priority ||
        entry_at(seq, index)->ticket.number != ticket->number)
        return STM_ENOTFOUND;
    STM_TRY(take(tx, queue, seq, index, &removed));
    if (out)
        *out = removed->box.item.value;
    return STM_OK;
}

enum stm_status stm_tpriorityqueue_clear(struct stm_tx *tx,
                                         struct stm_tpriorityqueue *queue)
{
    return stm_tvar_set(tx, queue->root, 0);
}

int stm_tpriorityqueue_traverse(struct stm_tpriorityqueue *queue,
                                stm_visit *visit, void *context)
{
    return stm_tvar_traverse(queue->root, visit, context);
}

void stm_tpriorityqueue_discard(struct stm_tpriorityqueue *queue)
{
    stm_tvar_clear(queue->root);
}
