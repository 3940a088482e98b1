/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
/* What a watcher read in its last run of the transaction is what it watches
 * from the commit on.  Where that differs from before, the watcher's own
 * variable gets the new list, and each variable that it begins or ceases to
 * watch gets a new watch set: an entry in the write set that the commit
 * installs while it holds the variable. */

#include <stdlib.h>

#include <stm/watch-internal.h>

/* ---- what the watcher reads now ---- */

static int by_address(const void *left, const void *right)
{
    const struct stm__capture *a = left, *b = right;

    return (a->var > b->var) - (a->var < b->var);
}

/* Did the run read just what the one before it read, and ask for the same
 * time?  A timer that went off is to be set again in any case. */
static bool unchanged(struct stm_tx *tx, const struct stm__run *run,
                      const struct stm__watched *before)
{
    if (run->cancelled || run->expired || !before ||
        before->trace_count != run->count ||
        before->deadline != run->timing.deadline ||
        before->wall_deadline != run->timing.wall_deadline)
        return false;
    for (size_t i = 0; i < run->count; i++)
        if (stm__side_of(stm__capture_at(tx, run->first + i)->var) !=
            before->trace[i])
            return false;
    return true;
}

/* Fills the trace, in the order of reading. */
static bool add_trace(struct stm_tx *tx, const struct stm__run *run,
                      struct stm__watched *watched)
{
    for (size_t i = 0; i < run->count; i++) {
        struct stm__side *side =
            stm__side_ensure(stm__capture_at(tx, run->first + i)->var);

        if (!side)
            return false;
        watched->trace[i] = side;
    }
    return true;
}

/* Fills the items; sorts the run's captures. */
static void add_items(struct stm_tx *tx, struct stm__run *run,
                      struct stm__watched *watched)
{
    struct stm__capture *captures = stm__capture_at(tx, run->first);

    stm__sort(captures, run->count, sizeof *captures, by_address);
    for (size_t i = 0; i < run->count; i++) {
        struct stm_tvar *var = captures[i].var;
        struct stm__watched_item *item = &watched->items[watched->count];

        if (watched->count && item[-1].var == var)
            continue;
        item->var = var;
        item->side = stm__side_of(var);
        stm__side_retain(item->side);
        item->owner = (struct stm__ref){0, NULL};
        if (stm__tvar_is_member(var))
            item->owner = stm__tvar_owner(var);
        stm__retain(item->owner.type, item->owner.value);
        watched->count++;
    }
}

static struct stm__watched *make_watched(struct stm_tx *tx,
                                         struct stm__run *run)
{
    struct stm__watched *watched =
        malloc(sizeof *watched + run->count * sizeof watched->trace[0]);

    if (!watched)
        return NULL;
    watched->refs = 1;
    watched->cancelled = run->cancelled;
    watched->watcher = run->watcher;
    watched->generation = run->watched ? run->watched->generation + 1 : 1;
    watched->deadline = run->timing.deadline;
    watched->wall_deadline = run->timing.wall_deadline;
    watched->count = 0;
    watched->trace_count = run->count;
    watched->items = malloc((run->count + 1) * sizeof watched->items[0]);
    if (!watched->items || !add_trace(tx, run, watched)) {
        stm__watched_type.release((stm_value)watched);
        return NULL;
    }
    add_items(tx, run, watched);
    return watched;
}

/* ---- the variables' watch sets ---- */

/* The set that the commit will install for a variable, as a copy of this
 * attempt's own. */
static enum stm_status set_to_change(struct stm_tx *tx, struct stm_tvar *var,
                                     struct stm__write **out)
{
    bool known = stm__log_find(&tx->log, var) != NULL;
    struct stm__write *write = stm__log_entry(&tx->log, var);
    struct stm__watch_look look;

    if (!write)
        return stm__doom(tx, STM_ENOMEM);
    *out = write;
    if (write->watch_set)
        return STM_OK;
    STM_TRY(stm__reserve_release(tx, 1));
    (void)stm__watch_set_look(var, &look); /* the commit will look again */
    write->watch_set = stm__watch_set_copy(look.set);
    if (!write->watch_set)
        return stm__doom(tx, STM_ENOMEM);
    if (known && look.version != write->watch_version)
        return stm__doom(tx, STM_CONFLICT);
    write->watch_version = look.version;
    return STM_OK;
}

static enum stm_status begin_watching(struct stm_tx *tx, struct stm_tvar *var,
                                      struct stm_watcher *watcher)
{
    struct stm__write *write;

    STM_TRY(set_to_change(tx, var, &write));
    return stm__watch_set_add(&write->watch_set, watcher)
               ? STM_OK
               : stm__doom(tx, STM_ENOMEM);
}

static enum stm_status cease_watching(struct stm_tx *tx, struct stm_tvar *var,
                                      struct stm_watcher *watcher)
{
    const struct stm_watch *config = &watcher->config;
    struct stm__write *write;

    STM_TRY(set_to_change(tx, var, &write));
    STM_TRY(stm__reserve_release(tx, 2));
    if (!stm__watch_set_remove(write->watch_set, watcher))
        return STM_OK;
    stm__log_discard(&tx->log, config->argument_type, config->argument);
    stm__log_discard(&tx->log, &stm__watcher_type, (stm_value)watcher);
    return STM_OK;
}

/* The variable behind a side, or NULL once it is gone.  This attempt keeps its
 * memory. */
static struct stm_tvar *var_of(struct stm__side *side)
{
    struct stm_tvar *var;

    stm__side_lock(side);
    var = side->var;
    stm__side_unlock(side);
    return var;
}

static int item_by_address(const void *left, const void *right)
{
    const struct stm__watched_item *a = left, *b = right;

    return (a->var > b->var) - (a->var < b->var);
}

/* The same address with another side is another variable. */
static bool contains(const struct stm__watched *watched,
                     const struct stm__watched_item *item)
{
    const struct stm__watched_item *found = NULL;

    if (watched && watched->count)
        found = bsearch(item, watched->items, watched->count, sizeof *item,
                        item_by_address);
    return found && found->side == item->side;
}

static enum stm_status change_sets(struct stm_tx *tx,
                                   struct stm_watcher *watcher,
                                   const struct stm__watched *before,
                                   const struct stm__watched *after)
{
    for (size_t i = 0; before && i < before->count; i++) {
        const struct stm__watched_item *item = &before->items[i];
        struct stm_tvar *var =
            contains(after, item) ? NULL : var_of(item->side);

        if (var)
            STM_TRY(cease_watching(tx, var, watcher));
    }
    for (size_t i = 0; i < after->count; i++)
        if (!contains(before, &after->items[i]))
            STM_TRY(begin_watching(tx, after->items[i].var, watcher));
    return STM_OK;
}

static enum stm_status register_run(struct stm_tx *tx, struct stm__run *run)
{
    struct stm__watched *after;

    if (run->cancelled) {
        run->count = 0;
        run->timing.deadline = run->timing.wall_deadline = STM_FOREVER;
    }
    if (unchanged(tx, run, run->watched))
        return STM_OK;
    STM_TRY(stm__reserve_release(tx, 1));
    after = make_watched(tx, run);
    if (!after)
        return stm__doom(tx, STM_ENOMEM);
    STM_TRY(
        stm__tvar_set_stealing(tx, run->watcher->watched, (stm_value)after));
    STM_TRY(stm__watch_time(tx, run->watched, after));
    return change_sets(tx, run->watcher, run->watched, after);
}

enum stm_status stm__watch_register(struct stm_tx *tx)
{
    for (size_t i = 0; i < tx->runs.count; i++) {
        struct stm__run *run = stm__run_at(tx, i);

        if (run->cancelled && !run->ran)
            STM_TRY(stm__load_watched(tx, run));
        if (run->ran || run->cancelled)
            STM_TRY(register_run(tx, run));
    }
    return STM_OK;
}
