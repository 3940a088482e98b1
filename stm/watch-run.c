/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
/* Running watchers to a fix-point.
 *
 * Each round finds the watchers that are due and runs them in order of
 * creation.  A watcher becomes due in one of four ways: it was created in this
 * transaction; the time that it waits for has come, and the transaction is the
 * service thread's; the transaction writes a variable that the committed
 * watcher watches; or it ran already, and something that it read is no longer
 * identical to what it saw.  The first three happen once, and so the cascade
 * ends when values settle: a binding that writes what is there already disturbs
 * no one. */

#include <stdio.h>
#include <stdlib.h>

#include <stm/error-internal.h>
#include <stm/watch-internal.h>

#define ROUNDS_MAX 1000

/* ---- finding who is due ---- */

static struct stm__run *find_run(struct stm_tx *tx,
                                 const struct stm_watcher *watcher)
{
    for (size_t i = 0; i < tx->runs.count; i++)
        if (stm__run_at(tx, i)->watcher == watcher)
            return stm__run_at(tx, i);
    return NULL;
}

static enum stm_status add_run(struct stm_tx *tx, struct stm_watcher *watcher,
                               struct stm__run **out)
{
    struct stm__run *run = find_run(tx, watcher);

    tx->runs.size = sizeof *run;
    if (!run) {
        if (!stm__vec_reserve(&tx->runs, 1))
            return stm__doom(tx, STM_ENOMEM);
        run = stm__vec_push(&tx->runs);
        run->watcher = watcher;
        run->watched = NULL;
        run->first = run->count = 0;
        run->stamp = 0;
        run->round = 0;
        run->cancelled = run->due = run->ran = run->expired = false;
    }
    *out = run;
    return STM_OK;
}

/* Who watches is part of what the attempt sees: it must be as of the snapshot.
 */
static inline enum stm_status look_up(struct stm_tx *tx, struct stm_tvar *var,
                                      struct stm__watch_look *out)
{
    for (unsigned turn = 0;;) {
        if (!stm__watch_set_look(var, out)) {
            if (!stm__look_again(tx, turn++))
                return stm__doom(tx, STM_CONFLICT);
        } else if (out->since <= tx->fast.snapshot) {
            return STM_OK;
        } else {
            STM_TRY(stm__extend_now(tx));
        }
    }
}

/* The watchers of a variable in the write set. */
static __attribute__((noinline)) enum stm_status
add_watchers_of(struct stm_tx *tx, const struct stm__write *write,
                const struct stm__watch_set *set)
{
    stm_value sum;

    if (write->change == STM__ADDS)
        STM_TRY(stm_tvar_get(tx, write->var, &sum)); /* makes it a value */
    for (size_t i = 0; i < set->count; i++) {
        struct stm__run *run;

        STM_TRY(add_run(tx, set->items[i], &run));
        run->due |= !run->ran;
    }
    return STM_OK;
}

/* Most variables that are written nobody watches. */
static inline enum stm_status look_for_watchers(struct stm_tx *tx,
                                                struct stm__write *write)
{
    struct stm__watch_look look;

    STM_TRY(look_up(tx, write->var, &look));
    write->watch_version = look.version;
    return look.set && look.set->count ? add_watchers_of(tx, write, look.set)
                                       : STM_OK;
}

static enum stm_status add_watch_op(struct stm_tx *tx,
                                    const struct stm__watch_op *op)
{
    struct stm__run *run;

    STM_TRY(add_run(tx, op->watcher, &run));
    if (op->kind == STM__CANCEL)
        run->cancelled = true;
    else
        run->due |= !run->ran;
    run->expired |= op->kind == STM__EXPIRE;
    return STM_OK;
}

static bool differs(const struct stm__write *write, stm_value seen)
{
    return write->value != (write->change == STM__ADDS ? 0 : seen);
}

/* Is something that the watcher read no longer what it saw?  Only what this
 * transaction wrote can have changed. */
static bool disturbed(struct stm_tx *tx, const struct stm__run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        const struct stm__capture *seen = stm__capture_at(tx, run->first + i);
        const struct stm__write *write = stm__log_find(&tx->log, seen->var);

        if (write && write->stamp >= run->stamp && differs(write, seen->value))
            return true;
    }
    return false;
}

/* Adds those that are new since `ops` operations were looked at. */
static enum stm_status take_watch_ops(struct stm_tx *tx, size_t *ops)
{
    for (; *ops < tx->watch_ops.count; ++*ops)
        STM_TRY(add_watch_op(
            tx, STM__VEC_AT(&tx->watch_ops, struct stm__watch_op, *ops)));
    return STM_OK;
}

static enum stm_status find_due(struct stm_tx *tx, size_t *ops)
{
    uint64_t latest;

    for (; tx->looked_up < tx->fast.writes.count; tx->looked_up++)
        STM_TRY(
            look_for_watchers(tx, stm__log_write_at(&tx->log, tx->looked_up)));
    STM_TRY(take_watch_ops(tx, ops));
    if (STM__LIKELY(!tx->runs.count))
        return STM_OK;
    latest = stm__log_latest(&tx->log);
    for (size_t i = 0; i < tx->runs.count; i++) {
        struct stm__run *run = stm__run_at(tx, i);

        if (run->ran && latest >= run->stamp)
            run->due |= disturbed(tx, run);
    }
    return STM_OK;
}

/* ---- running ---- */

enum stm_status stm__load_watched(struct stm_tx *tx, struct stm__run *run)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, run->watcher->watched, &value));
    run->watched = (struct stm__watched *)value;
    run->cancelled |= run->watched && run->watched->cancelled;
    return STM_OK;
}

struct invocation {
    const struct stm_watch *config;
    stm_value result;
    bool has_result;
};

/* No savepoint: what a watcher fails with ends the whole attempt.  New stamps,
 * though, before and after, so that no list that it saw is changed in place. */
static enum stm_status run_part(struct stm_tx *tx, stm_body *part,
                                struct invocation *call)
{
    enum stm_status status;

    stm__draw_stamp(tx);
    status = stm__judge(tx, part(tx, call));
    stm__draw_stamp(tx);
    return status;
}

static enum stm_status call_function(struct stm_tx *tx, void *argument)
{
    struct invocation *call = argument;
    enum stm_status status;

    status = call->config->function(tx, call->config->argument, &call->result);
    call->has_result = status == STM_OK;
    return status;
}

static enum stm_status call_callback(struct stm_tx *tx, void *argument)
{
    struct invocation *call = argument;

    return call->config->callback(tx, call->config->argument, call->result);
}

static enum stm_status run_function(struct stm_tx *tx, struct stm__run *run,
                                    struct invocation *call)
{
    enum stm_status status;

    STM_TRY(stm__reserve_release(tx, 1));
    tx->log.promised++;
    run->first = tx->captures.count;
    run->timing.start = run->watcher->start;
    run->timing.deadline = run->timing.wall_deadline = STM_FOREVER;
    tx->timing = &run->timing;
    tx->capture = &tx->captures;
    stm__open_short_ways(tx);
    status = run_part(tx, call_function, call);
    tx->capture = NULL;
    stm__open_short_ways(tx);
    tx->log.promised--;
    if (call->has_result)
        stm__log_discard(&tx->log, call->config->result_type, call->result);
    run->count = tx->captures.count - run->first;
    run->stamp = tx->fast.stamp;
    run->ran = true;
    return status;
}

static enum stm_status run_watcher(struct stm_tx *tx, struct stm__run *run)
{
    struct invocation call = {&run->watcher->config, 0, false};

    run->due = false;
    if (!run->ran)
        STM_TRY(stm__load_watched(tx, run));
    if (run->cancelled)
        return STM_OK;
    STM_TRY(run_function(tx, run, &call));
    return call.config->callback ? run_part(tx, call_callback, &call) : STM_OK;
}

static int by_order(const void *left, const void *right)
{
    const struct stm__run *a = left, *b = right;

    return (a->watcher->order > b->watcher->order) -
           (a->watcher->order < b->watcher->order);
}

/* Runs those that are due; says whether there were any.  A watcher may create
 * others, whose runs are added behind, or cancel one that comes after it. */
static enum stm_status run_round(struct stm_tx *tx, size_t *ops, unsigned round,
                                 bool *any)
{
    size_t count = tx->runs.count;

    *any = false;
    stm__sort(tx->runs.items, count, sizeof(struct stm__run), by_order);
    for (size_t i = 0; i < count; i++) {
        struct stm__run *run = stm__run_at(tx, i);

        if (!run->due || run->cancelled)
            continue;
        *any = true;
        run->round = round;
        STM_TRY(run_watcher(tx, run));
        STM_TRY(take_watch_ops(tx, ops));
    }
    return STM_OK;
}

/* ---- the cascade ---- */

/* Names those that still ran in the second half of the rounds: a cycle has far
 * fewer watchers than that. */
static enum stm_status diverged(struct stm_tx *tx)
{
    char names[384];
    size_t used = 0;

    names[0] = '\0';
    for (size_t i = 0; i < tx->runs.count; i++) {
        const struct stm__run *run = stm__run_at(tx, i);
        const char *name = run->watcher->name;

        if (run->round < ROUNDS_MAX / 2 || used >= sizeof names)
            continue;
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                                 used ? ", " : "", name ? name : "(no name)");
    }
    return stm_error(STM_EDIVERGED,
                     "watchers have not settled after %d rounds: %s",
                     ROUNDS_MAX, names);
}

enum stm_status stm__watch_settle(struct stm_tx *tx)
{
    size_t ops = 0;
    bool any = true;

    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        STM_TRY(find_due(tx, &ops));
        if (STM__LIKELY(!tx->runs.count))
            return STM_OK;
        STM_TRY(run_round(tx, &ops, round, &any));
        if (!any)
            return STM_OK;
    }
    return diverged(tx);
}
