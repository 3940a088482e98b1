/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Promise A on a linked structure: nodes are counted values that own the
 * variables behind them, and are freed while others walk over them. */
#include "support.h"

#include <stdlib.h>

struct node {
    AO_t references;
    stm_value key;
    struct stm_tvar *next; /* holds a node or 0 */
};

static AO_t live_nodes;

static void node_retain(stm_value value)
{
    if (value != 0)
        AO_fetch_and_add1_full(&((struct node *)value)->references);
}

static void node_release(stm_value value)
{
    struct node *node = (struct node *)value;

    if (node != NULL && AO_fetch_and_sub1_full(&node->references) == 1) {
        stm_tvar_release(node->next);
        free(node);
        AO_fetch_and_sub1_full(&live_nodes);
    }
}

static const struct stm_type node_type = {
    .name = "node", .retain = node_retain, .release = node_release};

static stm_value node_new(stm_value key, stm_value next)
{
    struct node *node = malloc(sizeof *node);

    if (node == NULL)
        abort();
    node->references = 1;
    node->key = key;
    node->next = stm_tvar_new(&node_type, next);
    if (node->next == NULL)
        abort();
    AO_fetch_and_add1_full(&live_nodes);
    return (stm_value)node;
}

/* A list sorted by key, from which writers take keys and put them back. */
struct chain {
    struct stm_tvar *head;
    size_t keys;
    size_t rounds;
    AO_t running;
    AO_t disorder; /* walks that met keys out of order */
};

struct change {
    struct chain *chain;
    stm_value key;
};

/* Finds the variable that holds the first node whose key is not less. */
static enum stm_status find(struct stm_tx *tx, struct change *change,
                            struct stm_tvar **place, stm_value *out)
{
    *place = change->chain->head;
    for (;;) {
        struct node *node;

        STM_TRY(stm_tvar_get(tx, *place, out));
        node = (struct node *)*out;
        if (node == NULL || node->key >= change->key)
            return STM_OK;
        *place = node->next;
    }
}

/* Unlinks the key if it is there, else inserts it. */
static enum stm_status toggle_body(struct stm_tx *tx, void *argument)
{
    struct change *change = argument;
    struct stm_tvar *place;
    enum stm_status status;
    stm_value found, next;

    STM_TRY(find(tx, change, &place, &found));
    if (found != 0 && ((struct node *)found)->key == change->key) {
        STM_TRY(stm_tvar_get(tx, ((struct node *)found)->next, &next));
        return stm_tvar_set(tx, place, next);
    }
    next = node_new(change->key, found);
    status = stm_tvar_set(tx, place, next);
    give_back(tx, &node_type, next);
    return status;
}

static enum stm_status walk_body(struct stm_tx *tx, void *argument)
{
    struct chain *chain = argument;
    struct stm_tvar *place = chain->head;
    stm_value found, last = 0;

    for (;;) {
        struct node *node;

        STM_TRY(stm_tvar_get(tx, place, &found));
        node = (struct node *)found;
        if (node == NULL)
            return STM_OK;
        if (node->key <= last)
            AO_fetch_and_add1_full(&chain->disorder);
        last = node->key;
        place = node->next;
    }
}

static void chain_thread(size_t index, void *context)
{
    struct chain *chain = context;
    struct change change = {.chain = chain};
    struct generator generator;

    generator_init(&generator, index);
    if (index == 0) {
        while (AO_load_acquire(&chain->running) > 0)
            EXPECT_STATUS(STM_OK, stm_atomically(walk_body, chain));
        return;
    }
    for (size_t i = 0; i < chain->rounds; i++) {
        change.key = 1 + generator_below(&generator, chain->keys);
        EXPECT_STATUS(STM_OK, stm_atomically(toggle_body, &change));
    }
    AO_fetch_and_sub1_full(&chain->running);
}

START_TEST(A_nodes_unlinked_beside_a_walk_stay_whole)
{
    struct chain chain = {.head = stm_tvar_new(&node_type, 0),
                          .keys = 60,
                          .rounds = workload(60000),
                          .running = 2};

    crew_run(3, chain_thread, &chain);
    EXPECT(chain.disorder == 0,
           "expected keys in order on every walk, "
           "%lu walks met disorder",
           (unsigned long)chain.disorder);
    stm_tvar_release(chain.head);
    EXPECT(live_nodes == 0,
           "expected every node freed with its list, "
           "%lu remain",
           (unsigned long)live_nodes);
}
END_TEST

struct long_list {
    struct stm_tvar *head;
    size_t length;
};

static enum stm_status prepend_body(struct stm_tx *tx, void *argument)
{
    struct long_list *list = argument;
    enum stm_status status;
    stm_value first;

    STM_TRY(stm_tvar_get(tx, list->head, &first));
    first = node_new(1, first);
    status = stm_tvar_set(tx, list->head, first);
    give_back(tx, &node_type, first);
    return status;
}

/* Freeing a node releases the variable that owns the next one. */
START_TEST(G_a_long_chain_of_variables_is_freed_without_recursion)
{
    struct long_list list = {.head = stm_tvar_new(&node_type, 0),
                             .length = workload(1000000)};

    for (size_t i = 0; i < list.length; i++)
        EXPECT_STATUS(STM_OK, stm_atomically(prepend_body, &list));
    EXPECT(live_nodes == list.length, "expected %zu nodes, got %lu",
           list.length, (unsigned long)live_nodes);
    poke(list.head, 0);
    EXPECT(live_nodes == 0,
           "expected every node freed before the "
           "transaction returned, %lu remain",
           (unsigned long)live_nodes);
    stm_tvar_release(list.head);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("A links");

    tcase_add_test(tests, A_nodes_unlinked_beside_a_walk_stay_whole);
    tcase_add_test(tests,
                   G_a_long_chain_of_variables_is_freed_without_recursion);
    return run_suite("links", tests);
}
