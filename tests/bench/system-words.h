/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_SYSTEM_WORDS_H
#define TESTS_BENCH_SYSTEM_WORDS_H

/* What the systems have in common whose shared data is plain memory.  Before
 * it, an adapter defines TM_INLINE, TM_SAFE and TM_WORD, the type of a word,
 * which is volatile where the compiler could otherwise join accesses into wide
 * ones. */

struct stm_tx;

struct tm_word {
    TM_WORD value;
};

static inline void tm_word_init(struct tm_word *word, stm_value value)
{
    word->value = value;
}

static inline void tm_word_fini(struct tm_word *word) { (void)word; }

static TM_INLINE enum stm_status tm_get(struct stm_tx *tx, struct tm_word *word,
                                        stm_value *out)
{
    (void)tx;
    *out = word->value;
    return STM_OK;
}

static TM_INLINE enum stm_status tm_put(struct stm_tx *tx, struct tm_word *word,
                                        stm_value value)
{
    (void)tx;
    word->value = value;
    return STM_OK;
}

static inline stm_value tm_peek(struct tm_word *word) { return word->value; }

struct tm_node {
    stm_value unused; /* as large as where references are counted */
};

struct tm_node_kind {
    void (*fini)(void *node);
};

#define TM_NODE_KIND(kind, fini) static const struct tm_node_kind kind = {fini}

static inline void tm_node_init(struct tm_node *node) { node->unused = 0; }

static inline void tm_link_init(struct tm_word *word,
                                const struct tm_node_kind *kind,
                                struct tm_node *node)
{
    (void)kind;
    tm_word_init(word, (stm_value)node);
}

static inline void tm_node_gone(const struct tm_node_kind *kind,
                                struct tm_node *node)
{
    kind->fini(node);
    free(node);
}

static inline void tm_node_settle(const struct tm_node_kind *kind,
                                  struct tm_node *node, bool used)
{
    if (!used)
        tm_node_gone(kind, node);
}

#endif
