/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
/* Watchers that wait for a time.
 *
 * What a watcher waits for is part of its transactional state, and its timer
 * follows: each commit that changes that state sets the timer afterwards.  Two
 * such commits may get there in either order, and the timer may go off beside a
 * third; so states are numbered, the timer takes no older one, and one that
 * went off does nothing where the watcher is in another state by now. */

#include <stddef.h>

#include <stm/service-internal.h>
#include <stm/watch-internal.h>

static bool wants_time(const struct stm__watched *watched)
{
    return watched && (watched->deadline != STM_FOREVER ||
                       watched->wall_deadline != STM_FOREVER);
}

/* ---- after a commit ---- */

/* A watcher's state as what is passed to set_timer: counted together with the
 * watcher, and with the argument where that must be there. */
static void retain_state(stm_value value)
{
    struct stm__watched *watched = (struct stm__watched *)value;

    stm__watched_type.retain(value);
    if (wants_time(watched))
        stm__watcher_hold(watched->watcher);
    else
        stm_watcher_retain(watched->watcher);
}

static void release_state(stm_value value)
{
    struct stm__watched *watched = (struct stm__watched *)value;

    if (wants_time(watched))
        stm__watcher_let_go(watched->watcher);
    else
        stm_watcher_release(watched->watcher);
    stm__watched_type.release(value);
}

static const struct stm_type state_type = {
    .name = "watcher's state",
    .retain = retain_state,
    .release = release_state,
};

static void set_timer(stm_value value)
{
    const struct stm__watched *watched = (const struct stm__watched *)value;
    struct stm_watcher *watcher = watched->watcher;
    const uint64_t times[STM__CLOCKS] = {
        [STM__MONOTONIC] = watched->deadline,
        [STM__WALL] = watched->wall_deadline,
    };

    if (wants_time(watched))
        stm__watcher_hold(watcher);
    if (stm__service_set(&watcher->timer, watched->generation, times))
        stm__watcher_let_go(watcher);
}

/* Ahead of the user's own actions, which may take their time, or even wait for
 * the watcher to run. */
enum stm_status stm__watch_time(struct stm_tx *tx,
                                const struct stm__watched *before,
                                struct stm__watched *after)
{
    if (!wants_time(before) && !wants_time(after))
        return STM_OK;
    return stm__after_first(tx, set_timer, (stm_value)after, &state_type);
}

/* ---- when the time has come ---- */

struct expiry {
    struct stm_watcher *watcher;
    uint64_t generation;
};

static enum stm_status expire(struct stm_tx *tx, void *argument)
{
    const struct expiry *expiry = argument;
    const struct stm__watched *watched;
    stm_value value;

    STM_TRY(stm_tvar_get(tx, expiry->watcher->watched, &value));
    watched = (const struct stm__watched *)value;
    if (watched->generation != expiry->generation)
        return STM_OK;
    return stm__after_watch(tx, expiry->watcher, STM__EXPIRE);
}

void stm__watch_expire(struct stm__timer *timer, uint64_t generation)
{
    struct expiry expiry = {
        (struct stm_watcher *)((char *)timer -
                               offsetof(struct stm_watcher, timer)),
        generation};

    (void)stm__service_run(expire, &expiry); /* it reports its failure */
    stm__watcher_let_go(expiry.watcher);
}
