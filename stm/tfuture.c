/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <stm/box-internal.h>
#include <stm/tfuture.h>
#include <stm/tx-internal.h>

/* One variable: 0 while the future is pending, then how it ended. */
struct stm_tfuture {
    AO_t refs;
    const struct stm_type *value;
    const struct stm_type *cause;
    struct stm_tvar *outcome; /* of stm__box_type */
};

struct outcome {
    struct stm__box box;   /* of the value, or of the cause */
    enum stm_status error; /* STM_OK: there is a value */
};

struct stm_tfuture *stm_tfuture_new(const struct stm_type *value,
                                    const struct stm_type *cause)
{
    struct stm_tfuture *future = malloc(sizeof *future);

    if (!future)
        return NULL;
    future->refs = 1;
    future->value = value;
    future->cause = cause;
    future->outcome = stm_tvar_new(&stm__box_type, 0);
    if (future->outcome)
        return future;
    free(future);
    return NULL;
}

void stm_tfuture_retain(struct stm_tfuture *future)
{
    (void)AO_fetch_and_add1(&future->refs);
}

void stm_tfuture_release(struct stm_tfuture *future)
{
    if (!future || AO_fetch_and_sub1_full(&future->refs) != 1)
        return;
    stm_tvar_release(future->outcome);
    free(future);
}

/* The outcome; NULL: none yet. */
static enum stm_status load(struct stm_tx *tx, struct stm_tfuture *future,
                            const struct outcome **out)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, future->outcome, &value));
    *out = (const struct outcome *)value;
    return STM_OK;
}

/* The outcome, which is waited for. */
static enum stm_status await(struct stm_tx *tx, struct stm_tfuture *future,
                             const struct outcome **out)
{
    STM_TRY(load(tx, future, out));
    return *out ? STM_OK : stm_retry(tx);
}

static enum stm_status end(struct stm_tx *tx, struct stm_tfuture *future,
                           enum stm_status error, const struct stm_type *type,
                           stm_value value)
{
    const struct outcome *earlier;
    struct outcome *outcome;

    STM_TRY(load(tx, future, &earlier));
    if (earlier)
        return STM_EDONE;
    STM_TRY(stm__reserve_release(tx, 1));
    outcome = stm__box_new(sizeof *outcome, type, value);
    if (!outcome)
        return stm__doom(tx, STM_ENOMEM);
    outcome->error = error;
    return stm__tvar_set_stealing(tx, future->outcome, (stm_value)outcome);
}

enum stm_status stm_tfuture_set(struct stm_tx *tx, struct stm_tfuture *future,
                                stm_value value)
{
    return end(tx, future, STM_OK, future->value, value);
}

enum stm_status stm_tfuture_fail(struct stm_tx *tx, struct stm_tfuture *future,
                                 enum stm_status error, stm_value cause)
{
    STM__CHECK(tx);
    if (error >= 0)
        return stm_error(STM_EMISUSE,
                         "%s: the error is %d; expected a status below 0",
                         __func__, (int)error);
    return end(tx, future, error, future->cause, cause);
}

enum stm_status stm_tfuture_state(struct stm_tx *tx, struct stm_tfuture *future,
                                  enum stm_future_state *out)
{
    const struct outcome *outcome;

    STM_TRY(load(tx, future, &outcome));
    *out = !outcome                   ? STM_FUTURE_PENDING
           : outcome->error == STM_OK ? STM_FUTURE_DONE
                                      : STM_FUTURE_FAILED;
    return STM_OK;
}

enum stm_status stm_tfuture_get(struct stm_tx *tx, struct stm_tfuture *future,
                                stm_value *out)
{
    const struct outcome *outcome;

    STM_TRY(await(tx, future, &outcome));
    STM_TRY(outcome->error);
    *out = outcome->box.item.value;
    return STM_OK;
}

enum stm_status stm_tfuture_error(struct stm_tx *tx, struct stm_tfuture *future,
                                  enum stm_status *error, stm_value *cause)
{
    const struct outcome *outcome;

    STM_TRY(await(tx, future, &outcome));
    *error = outcome->error;
    if (cause)
        *cause = outcome->error == STM_OK ? 0 : outcome->box.item.value;
    return STM_OK;
}

int stm_tfuture_traverse(struct stm_tfuture *future, stm_visit *visit,
                         void *context)
{
    return stm_tvar_traverse(future->outcome, visit, context);
}

void stm_tfuture_discard(struct stm_tfuture *future)
{
    stm_tvar_clear(future->outcome);
}
