/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
/* What a watcher read in its last run of the transaction is what it watches from
 * the commit on.  Where that differs from before, the watcher's own variable
 * gets the new list, and each variable that it begins or ceases to watch gets a
 * new watch set: an entry in the write set that the commit installs while it
 * holds the variable. */

#include <stdlib.h>

#include <stm/watch-internal.h>

/* ---- what the watcher reads now ---- */

static int by_address(const void *left, const void *right)
{
    const struct stm__capture *a = left, *b = right;

    return (a->var > b->var) - (a->var < b->var);
}

/* Sorts a run's captures and leaves one for each variable. */
static void make_unique(struct stm_tx *tx, struct stm__run *run)
{
    struct stm__capture *captures = stm__capture_at(tx, run->first);
    size_t kept = 0;

    if (run->count < 2)
        return;
    qsort(captures, run->count, sizeof *captures, by_address);
    for (size_t i = 1; i < run->count; i++)
        if (captures[i].var != captures[kept].var)
            captures[++kept] = captures[i];
    run->count = kept + 1;
}

static bool unchanged(struct stm_tx *tx, const struct stm__run *run,
                      const struct stm__watched *before)
{
    size_t count = before ? before->count : 0;

    if (run->cancelled || count != run->count)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct stm_tvar *var = stm__capture_at(tx, run->first + i)->var;

        if (var != before->items[i].var ||
            stm__side_of(var) != before->items[i].side)
            return false;
    }
    return true;
}

static struct stm__watched *make_watched(struct stm_tx *tx,
                                         const struct stm__run *run)
{
    struct stm__watched *watched;

    watched = malloc(sizeof *watched + run->count * sizeof watched->items[0]);
    if (!watched)
        return NULL;
    watched->refs = 1;
    watched->cancelled = run->cancelled;
    watched->count = 0;
    for (size_t i = 0; i < run->count; i++) {
        struct stm_tvar *var = stm__capture_at(tx, run->first + i)->var;
        struct stm__side *side = stm__side_ensure(var);

        if (!side) {
            stm__watched_type.release((stm_value)watched);
            return NULL;
        }
        stm__side_retain(side);
        watched->items[watched->count].var = var;
        watched->items[watched->count++].side = side;
    }
    return watched;
}

/* ---- the variables' watch sets ---- */

typedef struct stm__watch_set *change(const struct stm__watch_set *set,
                                      struct stm_watcher *watcher);

/* Changes the set that the commit will install for a variable. */
static enum stm_status change_set(struct stm_tx *tx, struct stm_tvar *var,
                                  struct stm_watcher *watcher, change *make)
{
    bool known = stm__log_find(&tx->log, var) != NULL;
    struct stm__write *write = stm__log_entry(&tx->log, var, tx->stamp);
    struct stm__watch_set *before, *after;
    AO_t version;

    if (!write || !stm__log_reserve_garbage(&tx->log, 1))
        return stm__doom(tx, STM_ENOMEM);
    before = write->watch_set;
    if (!before) {
        before = stm__watch_set_of(var, &version);
        if (known && version != write->watch_version) {
            stm__log_discard(&tx->log, &stm__watch_set_type, (stm_value)before);
            return stm__doom(tx, STM_CONFLICT);
        }
        write->watch_version = version;
    }
    after = make(before, watcher);
    stm__log_discard(&tx->log, &stm__watch_set_type, (stm_value)before);
    write->watch_set = after;
    return after ? STM_OK : stm__doom(tx, STM_ENOMEM);
}

/* The variable behind a side, or NULL once it is gone.  This attempt keeps its
 * memory. */
static struct stm_tvar *var_of(struct stm__side *side)
{
    struct stm_tvar *var;

    stm__spin_lock(&side->lock);
    var = side->var;
    stm__spin_unlock(&side->lock);
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
        struct stm_tvar *var = contains(after, item) ? NULL : var_of(item->side);

        if (var)
            STM_TRY(change_set(tx, var, watcher, stm__watch_set_without));
    }
    for (size_t i = 0; i < after->count; i++)
        if (!contains(before, &after->items[i]))
            STM_TRY(change_set(tx, after->items[i].var, watcher,
                               stm__watch_set_with));
    return STM_OK;
}

static enum stm_status register_run(struct stm_tx *tx, struct stm__run *run)
{
    struct stm_tvar *state = run->watcher->watched;
    struct stm__watched *before, *after;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, state, &value));
    before = (struct stm__watched *)value;
    if (run->cancelled)
        run->count = 0;
    make_unique(tx, run);
    if (unchanged(tx, run, before))
        return STM_OK;
    STM_TRY(stm__reserve_release(tx, 1));
    after = make_watched(tx, run);
    if (!after)
        return stm__doom(tx, STM_ENOMEM);
    STM_TRY(stm__tvar_set_stealing(tx, state, (stm_value)after));
    return change_sets(tx, run->watcher, before, after);
}

enum stm_status stm__watch_register(struct stm_tx *tx)
{
    for (size_t i = 0; i < tx->runs.count; i++) {
        struct stm__run *run = stm__run_at(tx, i);

        if (run->ran || run->cancelled)
            STM_TRY(register_run(tx, run));
    }
    return STM_OK;
}
