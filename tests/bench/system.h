/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_SYSTEM_H
#define TESTS_BENCH_SYSTEM_H

#include <stdio.h>
#include <stdlib.h>

#include <stm/status.h>
#include <stm/value.h>

/* What the workloads are written against.  They are transactions as a user of
 * this library writes them, down to STM_TRY; for the other systems an adapter
 * gives the same few names another meaning, in which a status is the constant
 * STM_OK, the transaction is not used, and the compiler leaves out both.
 *
 * SYSTEM_HEADER names the adapter, which gives
 *
 *   struct tm_word      one word of shared data; a member of the structures
 *                       that the workloads share
 *   tm_word_init(w, v)  makes a word that no other thread reaches yet
 *   tm_word_fini(w)     its end
 *   tm_get(tx, w, &v)   reads, in a transaction
 *   tm_put(tx, w, v)    writes
 *   tm_peek(w)          reads while no other thread runs
 *   TM_INLINE           the attribute of a body, and of what it calls
 *   TM_SAFE             the same for what is better not inlined; none of its
 *                       parameters points to the caller's stack
 *   tm_atomically(b, a) runs the body b, a function, with the argument a
 *
 * and, unless it is this library's,
 *
 *   tm_nested(s, c)     leaves in s the result of the call c, run as a nested
 *                       transaction
 *
 * and for the nodes of linked structures, which come and go
 *
 *   struct tm_node      the first member of every node
 *   tm_node_kind        what is common to all nodes of one structure
 *   TM_NODE_KIND(k, f)  defines one; f(node) ends the node's words
 *   tm_node_init(n)     makes a node that no other thread reaches yet
 *   tm_link_init(w, k, n)  makes a word that holds a node or NULL
 *   tm_node_settle(k, n, used)  after the transaction that was to link it
 *   tm_node_gone(k, n)  after the transaction that took out its last link
 *
 * An argument lies on the stack of the function that calls tm_atomically, and
 * bodies are inlined there where that is of use. */

static inline void must(enum stm_status status)
{
    if (status == STM_OK)
        return;
    fprintf(stderr, "expected a commit, got the status %d\n", (int)status);
    abort();
}

#include SYSTEM_HEADER

#endif
