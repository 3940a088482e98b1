/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <stm/error-internal.h>
#include <stm/watch-internal.h>

static AO_t orders; /* the number of watchers ever made */

/* Before a commit locks: all watchers that are disturbed run, and the variables
 * that they then watch are put into the write set. */
static enum stm_status prepare(struct stm_tx *tx)
{
    tx->runs.count = 0;
    tx->captures.count = 0;
    if (!tx->fast.writes.count && !tx->watch_ops.count)
        return STM_OK;
    STM_TRY(stm__watch_settle(tx));
    STM_TRY(stm__watch_register(tx));
    tx->looked_up = 0;
    return STM_OK;
}

static struct stm_watcher *make_watcher(const struct stm_watch *watch)
{
    struct stm_watcher *watcher = calloc(1, sizeof *watcher);

    if (!watcher)
        return NULL;
    watcher->refs = 1;
    watcher->config = *watch;
    watcher->order = AO_fetch_and_add1_full(&orders);
    watcher->timer.due = stm__watch_expire;
    watcher->watched = stm_tvar_new(&stm__watched_type, 0);
    if (watch->name)
        watcher->name = strdup(watch->name);
    if (watcher->watched && (watcher->name || !watch->name))
        return watcher;
    stm_watcher_release(watcher);
    return NULL;
}

enum stm_status stm_watch(struct stm_tx *tx, const struct stm_watch *watch,
                          struct stm_watcher **out)
{
    struct stm_watcher *watcher;
    enum stm_status status;

    STM__CHECK(tx);
    if (!watch || !watch->function)
        return stm_error(STM_EMISUSE, "stm_watch: function is NULL; expected "
                                      "the function whose reads are watched");
    AO_store_release(&stm__prepare_hook, (AO_t)prepare);
    watcher = make_watcher(watch);
    if (!watcher)
        return stm__doom(tx, STM_ENOMEM);
    watcher->start = stm__moment(tx);
    status = stm__after_watch(tx, watcher, STM__WATCH);
    if (status == STM_OK && out)
        *out = watcher;
    else
        stm_watcher_release(watcher);
    return status;
}

enum stm_status stm_watcher_cancel(struct stm_tx *tx,
                                   struct stm_watcher *watcher)
{
    STM__CHECK(tx);
    if (!watcher)
        return stm_error(
            STM_EMISUSE,
            "stm_watcher_cancel: the watcher is NULL; expected a handle");
    return stm__after_watch(tx, watcher, STM__CANCEL);
}
