/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "set.h"

#include "system.h"

/* Sorted linked lists: one of them, or one in each bucket of a hash table.  A
 * node's key never changes, so it is a plain member; a compiler that turns
 * every access of a transaction into a call does not know this. */
#define BUCKETS 1024

struct node {
    struct tm_node node;
    long key;
    struct tm_word next;
};

static void node_fini(void *node)
{
    tm_word_fini(&((struct node *)node)->next);
}

TM_NODE_KIND(node_kind, node_fini);

static struct tm_word *heads;
static size_t head_mask; /* of the hash */

static struct tm_word *head_of(long key)
{
    uint64_t hash = (uint64_t)key * UINT64_C(0x9e3779b97f4a7c15) >> 40;

    return &heads[hash & head_mask];
}

struct search {
    struct tm_word *head;
    long key;
    struct node *node; /* to be linked, or what was taken out */
    bool found;
};

/* Finds the first node whose key is not less, and the link to it. */
static TM_INLINE enum stm_status find(struct stm_tx *tx, struct search *search,
                                      struct tm_word **link, struct node **out)
{
    struct tm_word *place = search->head;
    struct node *node;
    stm_value value;

    for (;;) {
        STM_TRY(tm_get(tx, place, &value));
        node = (struct node *)value;
        if (!node || node->key >= search->key)
            break;
        place = &node->next;
    }
    search->found = node && node->key == search->key;
    *link = place;
    *out = node;
    return STM_OK;
}

static TM_INLINE enum stm_status has_body(struct stm_tx *tx, void *argument)
{
    struct tm_word *link;
    struct node *node;

    return find(tx, argument, &link, &node);
}

static TM_INLINE enum stm_status add_body(struct stm_tx *tx, void *argument)
{
    struct search *search = argument;
    struct tm_word *link;
    struct node *node;

    STM_TRY(find(tx, search, &link, &node));
    if (search->found)
        return STM_OK;
    STM_TRY(tm_put(tx, &search->node->next, (stm_value)node));
    return tm_put(tx, link, (stm_value)search->node);
}

static TM_INLINE enum stm_status take_body(struct stm_tx *tx, void *argument)
{
    struct search *search = argument;
    struct tm_word *link;
    struct node *node;
    stm_value next;

    STM_TRY(find(tx, search, &link, &node));
    if (!search->found)
        return STM_OK;
    STM_TRY(tm_get(tx, &node->next, &next));
    STM_TRY(tm_put(tx, link, next));
    search->node = node;
    return STM_OK;
}

static bool has(long key)
{
    struct search search = {head_of(key), key, NULL, false};

    tm_atomically(has_body, &search);
    return search.found;
}

static bool add(long key)
{
    struct search search = {head_of(key), key, malloc(sizeof *search.node),
                            false};

    if (!search.node)
        must(STM_ENOMEM);
    tm_node_init(&search.node->node);
    search.node->key = key;
    tm_link_init(&search.node->next, &node_kind, NULL);
    tm_atomically(add_body, &search);
    tm_node_settle(&node_kind, &search.node->node, !search.found);
    return !search.found;
}

static bool take_out(long key)
{
    struct search search = {head_of(key), key, NULL, false};

    tm_atomically(take_body, &search);
    if (search.found)
        tm_node_gone(&node_kind, &search.node->node);
    return search.found;
}

static long count(void)
{
    const struct node *before;
    struct node *node;
    long found = 0;

    for (size_t i = 0; i <= head_mask; i++) {
        before = NULL;
        node = (struct node *)tm_peek(&heads[i]);
        for (; node; node = (struct node *)tm_peek(&node->next)) {
            if ((before && before->key >= node->key) ||
                head_of(node->key) != &heads[i])
                return -1;
            before = node;
            found++;
        }
    }
    return found;
}

static const struct set list_set = {512, has, add, take_out, count};
static const struct set hash_set = {8192, has, add, take_out, count};

static const struct set *set_of(const struct workload *workload)
{
    return workload->size == 1 ? &list_set : &hash_set;
}

static void prepare(const struct workload *workload)
{
    heads = allocate(workload->size * sizeof *heads);
    head_mask = workload->size - 1;
    for (size_t i = 0; i <= head_mask; i++)
        tm_link_init(&heads[i], &node_kind, NULL);
    set_fill(set_of(workload));
}

static uint64_t work(struct worker *worker)
{
    return set_work(set_of(worker->workload), worker);
}

static bool is_right(const struct worker *workers, size_t workers_count)
{
    return set_is_right(set_of(workers[0].workload), workers, workers_count);
}

#define LISTS .prepare = prepare, .work = work, .is_right = is_right

const struct workload list_workloads[] = {
    {.name = "list", .size = 1, LISTS},
    {.name = "hash", .size = BUCKETS, LISTS},
    {.name = NULL},
};
