/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_TFUTURE_H
#define STM_TFUTURE_H

#include <stm/status.h>
#include <stm/value.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stm_tx;

/* A transactional future: pending, then once and for ever done with a value or
 * failed with a status and a cause.  Statuses and ownership as in
 * stm/tlist.h. */
struct stm_tfuture;

enum stm_future_state {
    STM_FUTURE_PENDING,
    STM_FUTURE_DONE,
    STM_FUTURE_FAILED
};

/* Makes a pending future for a value of one type and a cause of failure of
 * another (NULL: words).  Needs no transaction.  The caller owns a reference.
 * NULL: out of memory. */
STM_API struct stm_tfuture *stm_tfuture_new(const struct stm_type *value,
                                            const struct stm_type *cause);
STM_API void stm_tfuture_retain(struct stm_tfuture *future);
STM_API void stm_tfuture_release(struct stm_tfuture *future);

/* Ends the future with a value.  STM_EDONE if it has ended already. */
STM_API STM_NODISCARD enum stm_status
stm_tfuture_set(struct stm_tx *tx, struct stm_tfuture *future, stm_value value);

/* Ends it with an error, which must be below 0 (else STM_EMISUSE), and a cause.
 * STM_EDONE if it has ended already. */
STM_API STM_NODISCARD enum stm_status
stm_tfuture_fail(struct stm_tx *tx, struct stm_tfuture *future,
                 enum stm_status error, stm_value cause);

/* How it stands; does not wait. */
STM_API STM_NODISCARD enum stm_status
stm_tfuture_state(struct stm_tx *tx, struct stm_tfuture *future,
                  enum stm_future_state *out);

/* The value; waits (STM_RETRY) while the future is pending.  If it failed,
 * returns the error that it failed with. */
STM_API STM_NODISCARD enum stm_status
stm_tfuture_get(struct stm_tx *tx, struct stm_tfuture *future, stm_value *out);

/* The error and its cause; waits (STM_RETRY) while the future is pending.  Of
 * one that is done with a value the error is STM_OK and the cause 0.  cause may
 * be NULL. */
STM_API STM_NODISCARD enum stm_status
stm_tfuture_error(struct stm_tx *tx, struct stm_tfuture *future,
                  enum stm_status *error, stm_value *cause);

/* For a tracing collector: see stm_tvar_traverse and stm_tvar_clear. */
STM_API int stm_tfuture_traverse(struct stm_tfuture *future, stm_visit *visit,
                                 void *context);
STM_API void stm_tfuture_discard(struct stm_tfuture *future);

#ifdef __cplusplus
}
#endif
#endif
