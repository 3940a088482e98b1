/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include <stm/box-internal.h>
#include <stm/transaction.h>
#include <stm/tx-internal.h>
#include <stm/watcher.h>

/* An invariant is a watcher that fails when what must hold does not.  Its
 * argument is the caller's in a box, with a copy of what the caller gave. */
struct invariant {
    struct stm__box box; /* the argument */
    struct stm_invariant config;
    char name[]; /* a copy */
};

static struct invariant *copy(const struct stm_invariant *config)
{
    const char *name = config->name ? config->name : "(no name)";
    size_t size = strlen(name) + 1;
    struct invariant *invariant = stm__box_new(
        sizeof *invariant + size, config->argument_type, config->argument);

    if (!invariant)
        return NULL;
    invariant->config = *config;
    memcpy(invariant->name, name, size);
    return invariant;
}

static enum stm_status check(struct stm_tx *tx, stm_value argument,
                             stm_value *result)
{
    const struct invariant *invariant = (const struct invariant *)argument;
    bool holds = false;

    STM_TRY(invariant->config.holds(tx, invariant->config.argument, &holds));
    STM_TRY(stm_tx_status(tx));
    if (!holds)
        return stm_error(STM_EINVARIANT, "the invariant %s does not hold",
                         invariant->name);
    *result = 0;
    return STM_OK;
}

static enum stm_status check_now(struct stm_tx *tx, void *argument)
{
    stm_value result;

    return check(tx, (stm_value)argument, &result);
}

static enum stm_status watch(struct stm_tx *tx, struct invariant *invariant,
                             struct stm_watcher **out)
{
    const struct stm_watch watch = {
        .function = check,
        .argument = (stm_value)invariant,
        .argument_type = &stm__box_type,
        .name = invariant->name,
    };

    STM_TRY(stm__nested(tx, check_now, invariant));
    return stm_watch(tx, &watch, out);
}

enum stm_status stm_invariant(struct stm_tx *tx,
                              const struct stm_invariant *config,
                              struct stm_watcher **out)
{
    struct invariant *invariant;
    enum stm_status status;

    STM__CHECK(tx);
    if (!config || !config->holds)
        return stm_error(STM_EMISUSE, "stm_invariant: holds is NULL; expected "
                                      "the function that says whether it "
                                      "holds");
    STM_TRY(stm__reserve_release(tx, 1));
    tx->log.promised++;
    invariant = copy(config);
    status = invariant ? watch(tx, invariant, out) : stm__doom(tx, STM_ENOMEM);
    tx->log.promised--;
    stm__log_discard(&tx->log, &stm__box_type, (stm_value)invariant);
    return status;
}
