/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <stm/transaction.h>
#include <stm/tx-internal.h>
#include <stm/watcher.h>

/* An invariant is a watcher that fails when what must hold does not.  Its
 * argument is a copy of what the caller gave, and counts that one's argument as
 * the library counts any watcher's: once for each reference to the copy. */
struct invariant {
    AO_t refs;
    struct stm_invariant config; /* the name is a copy of this object's own */
    char name[];
};

static void retain(stm_value value)
{
    (void)AO_fetch_and_add1(&((struct invariant *)value)->refs);
}

static void release(stm_value value)
{
    struct invariant *invariant = (struct invariant *)value;

    if (AO_fetch_and_sub1_full(&invariant->refs) != 1)
        return;
    stm__release(invariant->config.argument_type, invariant->config.argument);
    free(invariant);
}

static bool may_release(stm_value value)
{
    const struct stm_invariant *config = &((struct invariant *)value)->config;

    return stm__may_release(config->argument_type, config->argument);
}

/* The copy's argument is counted once however many variables refer to the
 * copy, so that only a copy with one reference can be looked through. */
static int traverse(stm_value value, stm_visit *visit, void *context)
{
    struct invariant *invariant = (struct invariant *)value;

    if (AO_load(&invariant->refs) != 1)
        return 0;
    return stm__traverse(invariant->config.argument_type,
                         invariant->config.argument, visit, context);
}

static const struct stm_type invariant_type = {
    .name = "invariant",
    .retain = retain,
    .release = release,
    .may_release = may_release,
    .traverse = traverse,
};

static struct invariant *copy(const struct stm_invariant *config)
{
    const char *name = config->name ? config->name : "(no name)";
    size_t size = strlen(name) + 1;
    struct invariant *invariant = malloc(sizeof *invariant + size);

    if (!invariant)
        return NULL;
    invariant->refs = 1;
    invariant->config = *config;
    memcpy(invariant->name, name, size);
    stm__retain(config->argument_type, config->argument);
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
        .argument_type = &invariant_type,
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
    stm__log_discard(&tx->log, &invariant_type, (stm_value)invariant);
    return status;
}
