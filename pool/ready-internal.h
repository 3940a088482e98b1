/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_POOL_READY_INTERNAL_H
#define STM_POOL_READY_INTERNAL_H

#include "pool-internal.h"

/* Tasks that are handed out, and the workers for them: see ready.c. */

/* Once the queue is known.  False: out of memory. */
bool stm__ready_init(struct stm_pool *pool);

/* How many workers are free: what no ready task speaks for. */
STM_NODISCARD enum stm_status
stm__ready_free(struct stm_tx *tx, struct stm_pool *pool, size_t *out);

/* Hands a task out; one must be free.  After the last, call. */
STM_NODISCARD enum stm_status stm__ready_add(struct stm_tx *tx,
                                             struct stm_pool *pool,
                                             stm_value task, int64_t priority);

/* Sees to it that somebody comes if tasks are ready. */
STM_NODISCARD enum stm_status stm__ready_call(struct stm_tx *tx,
                                              struct stm_pool *pool);

/* Takes the first, as stm__handout_fill does.  STM_EEMPTY. */
STM_NODISCARD enum stm_status stm__ready_take(struct stm_tx *tx,
                                              struct stm_pool *pool,
                                              struct stm__handout *out);

/* A worker that had just run another has taken one. */
void stm__ready_note_theft(struct stm_pool *pool);

/* A worker is gone: the last task goes back to the queue if there are too few,
 * and another worker is called. */
STM_NODISCARD enum stm_status stm__ready_trim(struct stm_tx *tx,
                                              struct stm_pool *pool);

/* What comes of a worker's looking. */
enum stm__answer { STM__TAKES, STM__PARKS, STM__STANDS_BY, STM__GOES };

/* What a worker that was rung knows, and what comes of that. */
struct stm__look {
    bool stands_by;        /* is it on standby? */
    size_t ready;          /* when it looked last, so many were ready ... */
    AO_t stolen;           /* ... and stolen; out: now */
    enum stm__answer came; /* out */
};

/* For a worker that finds its slot filled, and not with a dismissal.  It takes
 * a task, or is then to be parked, or it stands by; or it was dismissed. */
STM_NODISCARD enum stm_status stm__ready_look(struct stm_tx *tx,
                                              struct stm__worker *worker,
                                              struct stm__look *look,
                                              stm_value slot,
                                              struct stm__handout *out);

/* A worker that started, or was rung, does not look any more.  STM_EEMPTY: it
 * was dismissed meanwhile. */
STM_NODISCARD enum stm_status stm__ready_arrive(struct stm_tx *tx,
                                                struct stm_pool *pool);
STM_NODISCARD enum stm_status stm__ready_desert(struct stm_tx *tx,
                                                struct stm__worker *worker);

/* Makes a free worker leave; there must be one.  It counts no more. */
STM_NODISCARD enum stm_status stm__ready_dismiss(struct stm_tx *tx,
                                                 struct stm_pool *pool);
bool stm__ready_is_dismissal(stm_value slot);

#endif
