/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* No timer: a watcher notices each change of the counts and has the event loop
 * print them, unless a line is due already.  So there are as many lines as the
 * terminal can take, and none while nothing happens. */
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>

struct progress {
    struct stm_pool *pool;
    struct stm_eventloop *loop;
    struct stm_watcher *watcher;
    struct stm_tvar *due; /* is a line scheduled that has not been printed? */
};

/* One moment's counts. */
struct moment {
    struct progress *progress;
    size_t finished, scheduled;
};

static enum stm_status read_moment(struct stm_tx *tx, void *argument)
{
    struct moment *moment = argument;

    STM_TRY(stm_tvar_set(tx, moment->progress->due, false));
    STM_TRY(stm_pool_finished(moment->progress->pool, &moment->finished));
    return stm_pool_scheduled(moment->progress->pool, &moment->scheduled);
}

static void print_line(stm_value argument)
{
    struct moment moment = {.progress = (struct progress *)argument};

    if (stm_atomically(read_moment, &moment) == STM_OK)
        fprintf(stderr, "\r%zu of %zu files\033[K", moment.finished,
                moment.scheduled);
}

static enum stm_status count_finished(struct stm_tx *tx, stm_value argument,
                                      stm_value *result)
{
    const struct progress *progress = (const struct progress *)argument;
    size_t scheduled;

    (void)tx; /* the pool's functions join the running transaction */
    STM_TRY(stm_pool_scheduled(progress->pool, &scheduled));
    return stm_pool_finished(progress->pool, result);
}

static enum stm_status schedule_line(struct stm_tx *tx, stm_value argument,
                                     stm_value result)
{
    const struct progress *progress = (const struct progress *)argument;
    stm_value due;

    (void)result; /* the counts are read again when they are printed */
    STM_TRY(stm_tvar_get(tx, progress->due, &due));
    if (due)
        return STM_OK;
    STM_TRY(stm_tvar_set(tx, progress->due, true));
    return stm_eventloop_schedule(tx, progress->loop, print_line, argument,
                                  NULL);
}

static enum stm_status watch_pool(struct stm_tx *tx, void *argument)
{
    struct progress *progress = argument;
    const struct stm_watch watch = {.function = count_finished,
                                    .callback = schedule_line,
                                    .argument = (stm_value)progress,
                                    .name = "progress"};

    if (progress->watcher != NULL) { /* of an attempt that did not commit */
        stm_watcher_release(progress->watcher);
        progress->watcher = NULL;
    }
    return stm_watch(tx, &watch, &progress->watcher);
}

static enum stm_status unwatch_pool(struct stm_tx *tx, void *argument)
{
    const struct progress *progress = argument;

    return stm_watcher_cancel(tx, progress->watcher);
}

static void release(struct progress *progress)
{
    if (progress->loop != NULL)
        stm_eventloop_free(progress->loop);
    if (progress->watcher != NULL)
        stm_watcher_release(progress->watcher);
    if (progress->due != NULL)
        stm_tvar_release(progress->due);
    free(progress);
}

enum stm_status progress_begin(struct stm_pool *pool, struct progress **out)
{
    struct progress *progress = calloc(1, sizeof *progress);
    enum stm_status status = STM_ENOMEM;

    if (progress == NULL)
        return STM_ENOMEM;
    progress->pool = pool;
    progress->due = stm_tvar_new(NULL, false);
    progress->loop = stm_eventloop_new();
    if (progress->due != NULL && progress->loop != NULL)
        status = stm_eventloop_start(progress->loop);
    if (status == STM_OK)
        status = stm_atomically(watch_pool, progress);
    if (status == STM_OK)
        *out = progress;
    else
        release(progress);
    return status;
}

void progress_end(struct progress *progress)
{
    while (stm_atomically(unwatch_pool, progress) != STM_OK)
        continue; /* no memory: it may be there in a moment */
    release(progress);
    fputs("\r\033[K", stderr);
}
