/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "mortal.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

struct mortal {
    AO_t strong; /* 0: dead, for ever */
    AO_t weak;   /* edges, and one for all strong ones */
    pthread_mutex_t lock;
    struct edge *edges; /* under lock */
};

/* A weak reference's link: from it to the block, and back to be told of the
 * death. */
struct edge {
    AO_t refs;
    struct mortal *mortal;
    struct stm_tweakref *ref; /* under the block's lock; not counted */
    struct edge *next;
    struct edge **place;
};

static AO_t alive, blocks;

size_t mortals_alive(void) { return AO_load_acquire(&alive); }

size_t mortal_blocks(void) { return AO_load_acquire(&blocks); }

size_t mortal_references(const struct mortal *mortal)
{
    return AO_load_acquire(&mortal->strong);
}

struct mortal *mortal_new(void)
{
    struct mortal *mortal = calloc(1, sizeof *mortal);

    if (mortal == NULL)
        abort();
    mortal->strong = mortal->weak = 1;
    pthread_mutex_init(&mortal->lock, NULL);
    AO_fetch_and_add1_full(&alive);
    AO_fetch_and_add1_full(&blocks);
    return mortal;
}

static void drop_weak(struct mortal *mortal)
{
    if (AO_fetch_and_sub1_full(&mortal->weak) != 1)
        return;
    pthread_mutex_destroy(&mortal->lock);
    free(mortal);
    AO_fetch_and_sub1_full(&blocks);
}

void mortal_drop(struct mortal *mortal)
{
    if (AO_fetch_and_sub1_full(&mortal->strong) != 1)
        return;
    AO_fetch_and_sub1_full(&alive);
    pthread_mutex_lock(&mortal->lock);
    for (struct edge *edge = mortal->edges; edge != NULL; edge = edge->next)
        if (edge->ref != NULL)
            stm_tweakref_died(edge->ref);
    pthread_mutex_unlock(&mortal->lock);
    drop_weak(mortal);
}

static void retain_mortal(stm_value value)
{
    AO_fetch_and_add1_full(&((struct mortal *)value)->strong);
}

static void release_mortal(stm_value value)
{
    struct mortal *mortal = (struct mortal *)value;

    EXPECT(mortal_references(mortal) > 1 || stm_current() == NULL,
           "a last reference was released inside a transaction, expected "
           "outside any");
    mortal_drop(mortal);
}

static const struct stm_type mortal_type = {
    .name = "mortal", .retain = retain_mortal, .release = release_mortal};

static struct edge *edge_new(struct mortal *mortal)
{
    struct edge *edge = calloc(1, sizeof *edge);

    if (edge == NULL)
        abort();
    edge->refs = 1;
    edge->mortal = mortal;
    AO_fetch_and_add1_full(&mortal->weak);
    pthread_mutex_lock(&mortal->lock);
    edge->next = mortal->edges;
    edge->place = &mortal->edges;
    if (edge->next != NULL)
        edge->next->place = &edge->next;
    mortal->edges = edge;
    pthread_mutex_unlock(&mortal->lock);
    return edge;
}

static void retain_edge(stm_value value)
{
    AO_fetch_and_add1_full(&((struct edge *)value)->refs);
}

static void release_edge(stm_value value)
{
    struct edge *edge = (struct edge *)value;

    if (AO_fetch_and_sub1_full(&edge->refs) != 1)
        return;
    pthread_mutex_lock(&edge->mortal->lock);
    *edge->place = edge->next;
    if (edge->next != NULL)
        edge->next->place = edge->place;
    pthread_mutex_unlock(&edge->mortal->lock);
    drop_weak(edge->mortal);
    free(edge);
}

static const struct stm_type edge_type = {
    .name = "edge", .retain = retain_edge, .release = release_edge};

static bool upgrade(stm_value link, stm_value *referent)
{
    struct mortal *mortal = ((struct edge *)link)->mortal;
    AO_t strong;

    do {
        strong = AO_load(&mortal->strong);
        if (strong == 0)
            return false;
    } while (!AO_compare_and_swap_full(&mortal->strong, strong, strong + 1));
    *referent = (stm_value)mortal;
    return true;
}

static const struct stm_weak_type weak_type = {
    .link = &edge_type, .upgrade = upgrade, .referent = &mortal_type};

void weakling_forget(struct weakling *weakling)
{
    if (weakling->ref != NULL)
        stm_tweakref_release(weakling->ref);
    weakling->ref = NULL;
}

enum stm_status weakling_make_body(struct stm_tx *tx, void *argument)
{
    struct weakling *weakling = argument;
    struct edge *edge = edge_new(weakling->mortal);
    struct stm_weak weak = {.type = &weak_type,
                            .link = (stm_value)edge,
                            .callback = weakling->callback,
                            .argument = weakling->argument,
                            .argument_type = weakling->argument_type};
    enum stm_status status;

    weakling_forget(weakling);
    status = stm_tweakref_new(tx, &weak, &weakling->ref);
    if (status == STM_OK) {
        pthread_mutex_lock(&weakling->mortal->lock);
        edge->ref = weakling->ref;
        pthread_mutex_unlock(&weakling->mortal->lock);
    }
    release_edge((stm_value)edge);
    return status;
}

void weakling_make(struct weakling *weakling)
{
    EXPECT_STATUS(STM_OK, stm_atomically(weakling_make_body, weakling));
}

enum stm_status weakling_alive(struct stm_tx *tx, struct weakling *weakling,
                               bool *out)
{
    stm_value referent;

    STM_TRY(stm_tweakref_get(tx, weakling->ref, &referent));
    EXPECT(referent == 0 || referent == (stm_value)weakling->mortal,
           "expected the referent itself");
    EXPECT(referent == 0 || mortal_references(weakling->mortal) > 0,
           "expected the attempt to keep what it has found alive");
    *out = referent != 0;
    return STM_OK;
}

struct question {
    struct weakling *weakling;
    bool alive;
};

static enum stm_status question_body(struct stm_tx *tx, void *argument)
{
    struct question *question = argument;

    return weakling_alive(tx, question->weakling, &question->alive);
}

bool weakling_is_alive(struct weakling *weakling)
{
    struct question question = {weakling, false};

    EXPECT_STATUS(STM_OK, stm_atomically(question_body, &question));
    return question.alive;
}

void await_no_mortals(void)
{
    while (mortal_blocks() > 0 || live_threads() > 1)
        sched_yield();
}
