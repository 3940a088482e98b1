/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* GLib's GThreadPool in the pools' benchmark. */
#include "poolbench.h"

#include <glib.h>

extern const struct bench_system bench_glib;

static void run(gpointer task, gpointer context)
{
    (void)task, (void)context;
    bench_task_done();
}

/* An exclusive pool starts all its threads when it is made. */
static void *make(size_t threads, bool warm)
{
    GThreadPool *pool = g_thread_pool_new(run, NULL, (gint)threads, warm, NULL);

    if (pool == NULL)
        bench_fail("GLib makes no pool");
    return pool;
}

static void push(void *pool)
{
    if (!g_thread_pool_push(pool, GINT_TO_POINTER(1), NULL))
        bench_fail("GLib takes no task");
}

static void end(void *pool) { g_thread_pool_free(pool, FALSE, TRUE); }

const struct bench_system bench_glib = {"glib", make, push, NULL, end};
