/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_SYSTEM_STM_H
#define TESTS_BENCH_SYSTEM_STM_H

/* This library, by what is public; with BENCH_CALLS, not compiled in. */
#include <atomic_ops.h>
#include <stm/inline.h>
#ifdef BENCH_CALLS
#undef stm_atomically
#undef stm_tvar_get
#undef stm_tvar_set
#endif

#define TM_INLINE inline
#define TM_SAFE

struct tm_word {
    struct stm_tvar var;
};

static inline void tm_word_init(struct tm_word *word, stm_value value)
{
    stm_tvar_init(&word->var, NULL, value);
}

static inline void tm_word_fini(struct tm_word *word)
{
    stm_tvar_fini(&word->var);
}

static inline enum stm_status tm_get(struct stm_tx *tx, struct tm_word *word,
                                     stm_value *out)
{
    return stm_tvar_get(tx, &word->var, out);
}

static inline enum stm_status tm_put(struct stm_tx *tx, struct tm_word *word,
                                     stm_value value)
{
    return stm_tvar_set(tx, &word->var, value);
}

static inline void tm_atomically(stm_body *body, void *argument)
{
    must(stm_atomically(body, argument));
}

struct tm_peek {
    struct tm_word *word;
    stm_value value;
};

static inline enum stm_status tm_peek_body(struct stm_tx *tx, void *argument)
{
    struct tm_peek *peek = argument;

    return tm_get(tx, peek->word, &peek->value);
}

static inline stm_value tm_peek(struct tm_word *word)
{
    struct tm_peek peek = {word, 0};

    tm_atomically(tm_peek_body, &peek);
    return peek.value;
}

/* A node counts the links to it; the library lets go of a link when no attempt
 * can have met it, and the last one frees the node. */
struct tm_node {
    AO_t references;
};

#define tm_node_kind stm_type
#define TM_NODE_KIND(kind, fini)                                               \
    static void kind##_retain(stm_value node)                                  \
    {                                                                          \
        AO_fetch_and_add1(&((struct tm_node *)node)->references);              \
    }                                                                          \
    static void kind##_release(stm_value node)                                 \
    {                                                                          \
        if (AO_fetch_and_sub1_full(&((struct tm_node *)node)->references) > 1) \
            return;                                                            \
        fini((void *)node);                                                    \
        free((void *)node);                                                    \
    }                                                                          \
    static const struct stm_type kind = {.name = #kind,                        \
                                         .retain = kind##_retain,              \
                                         .release = kind##_release,            \
                                         .late = true}

static inline void tm_node_init(struct tm_node *node)
{
    AO_store(&node->references, 1);
}

static inline void tm_link_init(struct tm_word *word,
                                const struct tm_node_kind *kind,
                                struct tm_node *node)
{
    stm_tvar_init(&word->var, kind, (stm_value)node);
}

static inline void tm_node_settle(const struct tm_node_kind *kind,
                                  struct tm_node *node, bool used)
{
    (void)used;
    kind->release((stm_value)node);
}

static inline void tm_node_gone(const struct tm_node_kind *kind,
                                struct tm_node *node)
{
    (void)kind;
    (void)node;
}

#endif
