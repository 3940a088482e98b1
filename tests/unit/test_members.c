/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Variables that are members of structures (stm/inline.h). */
#include "support.h"

#include <stdlib.h>

#include <stm/inline.h>

enum { THREADS = 3 };

/* A node of a list. */
struct node {
    AO_t references;
    stm_value number;
    struct stm_tvar next; /* struct node *, counted */
    struct stm_tvar item; /* a counted object */
    struct stm_tvar word;
};

static AO_t nodes; /* how many exist */

static void node_retain(stm_value value)
{
    AO_fetch_and_add1_full(&((struct node *)value)->references);
}

static void node_release(stm_value value)
{
    struct node *node = (struct node *)value;

    if (AO_fetch_and_sub1_full(&node->references) != 1)
        return;
    EXPECT(stm_current() == NULL,
           "expected a node to go outside any transaction");
    stm_tvar_fini(&node->next);
    stm_tvar_fini(&node->item);
    stm_tvar_fini(&node->word);
    AO_fetch_and_sub1_full(&nodes);
    free(node);
}

static const struct stm_type node_type = {
    .name = "node", .retain = node_retain, .release = node_release};

/* The types of a node's members. */
static const struct stm_type next_type = {.name = "next",
                                          .retain = node_retain,
                                          .release = node_release,
                                          .owner = &node_type,
                                          .offset =
                                              offsetof(struct node, next)};
static struct stm_type item_type; /* counted_type with an owner */
static const struct stm_type word_type = {
    .name = "word", .owner = &node_type, .offset = offsetof(struct node, word)};

static void set_up(void)
{
    item_type = counted_type;
    item_type.owner = &node_type;
    item_type.offset = offsetof(struct node, item);
}

/* The caller owns a reference. */
static struct node *node_new(stm_value number, struct node *next)
{
    struct node *node = malloc(sizeof *node);
    stm_value item = counted_new(number);

    if (!node)
        abort();
    AO_store(&node->references, 1);
    node->number = number;
    stm_tvar_init(&node->next, &next_type, (stm_value)next);
    stm_tvar_init(&node->item, &item_type, item);
    stm_tvar_init(&node->word, &word_type, number);
    counted_drop(item);
    AO_fetch_and_add1_full(&nodes);
    return node;
}

static void node_drop(struct node *node) { node_release((stm_value)node); }

static void expect_nothing_left(void)
{
    EXPECT(AO_load(&nodes) == 0, "expected no node to be left, got %zu",
           (size_t)AO_load(&nodes));
    EXPECT(counted_live() == 0, "expected no item to be left, got %zu",
           counted_live());
}

/* ---- one thread ---- */

static enum stm_status set_item_body(struct stm_tx *tx, void *argument)
{
    struct node *node = argument;
    stm_value item;

    STM_TRY(set_counted(tx, &node->item, 8));
    STM_TRY(stm_tvar_get(tx, &node->item, &item));
    EXPECT(counted_number(item) == 8, "expected to read the own write");
    STM_TRY(stm_tvar_get(tx, &node->word, &item));
    return stm_tvar_set(tx, &node->word, item + 1);
}

START_TEST(a_member_holds_and_gives_back_values)
{
    struct node *node;

    set_up();
    node = node_new(7, NULL);
    EXPECT(counted_number(peek(&node->item)) == 7, "expected the first value");
    for (size_t i = 1; i <= 100; i++) {
        EXPECT_STATUS(STM_OK, stm_atomically(set_item_body, node));
        EXPECT(counted_live() == 1, "expected 1 item, got %zu", counted_live());
        EXPECT(peek(&node->word) == 7 + i, "expected the word to count");
    }
    node_drop(node);
    expect_nothing_left();
}
END_TEST

/* A structure of which nobody else knows, with a word and a counted value. */
struct private
{
    struct stm_tvar word, item;
    bool given_up;
};

static enum stm_status give_up_body(struct stm_tx *tx, void *argument)
{
    struct private *private = argument;

    if (!private->given_up)
        stm_tvar_fini(&private->item);
    private->given_up = true;
    EXPECT(shaken() || counted_live() == 1,
           "expected the value to stay for the attempt");
    return stm_tvar_set(tx, &private->word, 1);
}

START_TEST(G_a_member_given_up_in_a_body_gives_its_value_back_after_it)
{
    for (size_t i = 0; i < 200; i++) {
        struct private private = {.given_up = false};
        stm_value item = counted_new(3);

        stm_tvar_init(&private.word, NULL, 0);
        stm_tvar_init(&private.item, &counted_type, item);
        counted_drop(item);
        EXPECT_STATUS(STM_OK, stm_atomically(give_up_body, &private));
        EXPECT(counted_live() == 0, "expected no value to be left, got %zu",
               counted_live());
        stm_tvar_fini(&private.word);
    }
}
END_TEST

static enum stm_status empty_body(struct stm_tx *tx, void *argument)
{
    return stm_tvar_set(tx, argument, 0);
}

START_TEST(H_a_long_chain_is_released_without_deep_recursion)
{
    struct stm_tvar *head = stm_tvar_new(&node_type, 0);
    struct node *first = NULL;
    size_t length = workload(1000000);

    set_up();
    for (size_t i = 0; i < length; i++) {
        struct node *node = node_new(i, first);

        if (first)
            node_drop(first);
        first = node;
    }
    poke(head, (stm_value)first);
    node_drop(first);
    EXPECT(AO_load(&nodes) == length, "expected all nodes");
    EXPECT_STATUS(STM_OK, stm_atomically(empty_body, head));
    expect_nothing_left();
    stm_tvar_release(head);
}
END_TEST

/* ---- waiting ---- */

static enum stm_status await_word_body(struct stm_tx *tx, void *argument)
{
    struct node *node = argument;
    stm_value word;

    STM_TRY(stm_tvar_get(tx, &node->word, &word));
    return word == 0 ? stm_retry(tx) : STM_OK;
}

/* Finds its node by a variable. */
static enum stm_status await_found_body(struct stm_tx *tx, void *argument)
{
    stm_value node;

    STM_TRY(stm_tvar_get(tx, argument, &node));
    return node ? await_word_body(tx, (void *)node) : STM_OK;
}

static void waiting_thread(size_t index, void *context)
{
    (void)index;
    EXPECT_STATUS(STM_OK, stm_atomically(await_found_body, context));
}

START_TEST(C_a_change_of_a_member_wakes)
{
    struct stm_tvar *head;
    struct node *node;
    struct crew *crew;

    set_up();
    node = node_new(0, NULL);
    head = stm_tvar_new(&node_type, (stm_value)node);
    crew = crew_start(1, waiting_thread, head);
    crew_await_sleep(crew);
    poke(&node->word, 1);
    crew_join(crew);
    node_drop(node);
    stm_tvar_release(head);
    expect_nothing_left();
}
END_TEST

START_TEST(H_a_node_stays_for_one_who_waits_for_its_member)
{
    struct stm_tvar *head;
    struct node *node;
    struct crew *crew;

    set_up();
    node = node_new(0, NULL);
    head = stm_tvar_new(&node_type, (stm_value)node);
    node_drop(node);
    crew = crew_start(1, waiting_thread, head);
    crew_await_sleep(crew);
    poke(head, 0);
    crew_join(crew);
    expect_nothing_left();
    stm_tvar_release(head);
}
END_TEST

/* ---- watching ---- */

static stm_value watched_sum; /* what the watcher has seen last */

static enum stm_status watch_word(struct stm_tx *tx, stm_value argument,
                                  stm_value *result)
{
    stm_value node;

    *result = 0;
    STM_TRY(stm_tvar_get(tx, (struct stm_tvar *)argument, &node));
    if (!node)
        return STM_OK;
    return stm_tvar_get(tx, &((struct node *)node)->word, result);
}

static enum stm_status note_sum(struct stm_tx *tx, stm_value argument,
                                stm_value result)
{
    (void)tx;
    (void)argument;
    watched_sum = result;
    return STM_OK;
}

static enum stm_status watch_body(struct stm_tx *tx, void *argument)
{
    const struct stm_watch watch = {.function = watch_word,
                                    .callback = note_sum,
                                    .argument = (stm_value)argument};

    return stm_watch(tx, &watch, NULL);
}

START_TEST(F_a_watcher_follows_a_member_and_keeps_its_node)
{
    struct stm_tvar *head;
    struct node *node;

    set_up();
    node = node_new(5, NULL);
    head = stm_tvar_new(&node_type, (stm_value)node);
    EXPECT_STATUS(STM_OK, stm_atomically(watch_body, head));
    EXPECT(watched_sum == 5, "expected 5 to be seen, got %zu",
           (size_t)watched_sum);
    poke(&node->word, 6);
    EXPECT(watched_sum == 6, "expected 6 to be seen, got %zu",
           (size_t)watched_sum);
    node_drop(node);
    poke(head, 0); /* the node's last other reference */
    EXPECT(watched_sum == 0, "expected the watcher to run");
    expect_nothing_left();
    stm_tvar_release(head);
}
END_TEST

static enum stm_status watch_only_word(struct stm_tx *tx, stm_value argument,
                                       stm_value *result)
{
    return stm_tvar_get(tx, &((struct node *)argument)->word, result);
}

static enum stm_status watch_only_body(struct stm_tx *tx, void *argument)
{
    void **pair = argument;
    const struct stm_watch watch = {.function = watch_only_word,
                                    .callback = note_sum,
                                    .argument = (stm_value)pair[0]};

    if (pair[1])
        stm_watcher_release(pair[1]);
    pair[1] = NULL;
    return stm_watch(tx, &watch, (struct stm_watcher **)&pair[1]);
}

static enum stm_status cancel_body(struct stm_tx *tx, void *argument)
{
    return stm_watcher_cancel(tx, argument);
}

START_TEST(H_a_watched_member_keeps_its_node_until_the_watcher_is_cancelled)
{
    struct node *node;
    void *pair[2] = {NULL, NULL};

    set_up();
    pair[0] = node = node_new(5, NULL);
    EXPECT_STATUS(STM_OK, stm_atomically(watch_only_body, pair));
    node_drop(node);
    EXPECT(AO_load(&nodes) == 1, "expected the watcher to keep the node");
    poke(&node->word, 9);
    EXPECT(watched_sum == 9, "expected 9 to be seen, got %zu",
           (size_t)watched_sum);
    EXPECT_STATUS(STM_OK, stm_atomically(cancel_body, pair[1]));
    stm_watcher_release(pair[1]);
    expect_nothing_left();
}
END_TEST

/* ---- threads ---- */

struct walk {
    struct stm_tvar *head;
    struct node *fresh;
    size_t index, round;
};

/* Puts a node in front and cuts the list behind the third. */
static enum stm_status push_body(struct stm_tx *tx, void *argument)
{
    struct walk *walk = argument;
    stm_value first;

    STM_TRY(stm_tvar_get(tx, walk->head, &first));
    STM_TRY(stm_tvar_set(tx, &walk->fresh->next, first));
    STM_TRY(stm_tvar_set(tx, walk->head, (stm_value)walk->fresh));
    for (size_t i = 0; first && i < 2; i++) {
        struct stm_tvar *next = &((struct node *)first)->next;

        if (i == 1)
            return stm_tvar_set(tx, next, 0);
        STM_TRY(stm_tvar_get(tx, next, &first));
    }
    return STM_OK;
}

static enum stm_status walk_body(struct stm_tx *tx, void *argument)
{
    struct walk *walk = argument;
    stm_value node, item;

    STM_TRY(stm_tvar_get(tx, walk->head, &node));
    while (node) {
        STM_TRY(stm_tvar_get(tx, &((struct node *)node)->item, &item));
        EXPECT(counted_number(item) == ((struct node *)node)->number,
               "expected each node with its own item");
        STM_TRY(stm_tvar_get(tx, &((struct node *)node)->next, &node));
    }
    return STM_OK;
}

static void walking_thread(size_t index, void *context)
{
    struct walk walk = {.head = context, .index = index};

    for (size_t i = 0; i < workload(50000); i++) {
        if ((i + index) % 2) {
            EXPECT_STATUS(STM_OK, stm_atomically(walk_body, &walk));
            continue;
        }
        walk.fresh = node_new(i, NULL);
        EXPECT_STATUS(STM_OK, stm_atomically(push_body, &walk));
        node_drop(walk.fresh);
    }
}

START_TEST(A_threads_walk_nodes_while_others_let_them_go)
{
    struct stm_tvar *head;

    set_up();
    head = stm_tvar_new(&node_type, 0);
    crew_run(THREADS, walking_thread, head);
    EXPECT(AO_load(&nodes) <= 3, "expected 3 nodes at most, got %zu",
           (size_t)AO_load(&nodes));
    stm_tvar_release(head);
    expect_nothing_left();
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("members");

    tcase_add_test(tests, a_member_holds_and_gives_back_values);
    tcase_add_test(tests,
                   G_a_member_given_up_in_a_body_gives_its_value_back_after_it);
    tcase_add_test(tests, H_a_long_chain_is_released_without_deep_recursion);
    tcase_add_test(tests, C_a_change_of_a_member_wakes);
    tcase_add_test(tests, H_a_node_stays_for_one_who_waits_for_its_member);
    tcase_add_test(tests, F_a_watcher_follows_a_member_and_keeps_its_node);
    tcase_add_test(
        tests,
        H_a_watched_member_keeps_its_node_until_the_watcher_is_cancelled);
    tcase_add_test(tests, A_threads_walk_nodes_while_others_let_them_go);
    return run_suite("members", tests);
}
