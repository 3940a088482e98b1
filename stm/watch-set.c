/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <stm/watch-set-internal.h>

void stm_watcher_retain(struct stm_watcher *watcher)
{
    (void)AO_fetch_and_add1(&watcher->refs);
}

void stm_watcher_release(struct stm_watcher *watcher)
{
    if (!watcher || AO_fetch_and_sub1_full(&watcher->refs) != 1)
        return;
    stm_tvar_release(watcher->watched);
    free(watcher->name);
    free(watcher);
}

void stm__watch_set_retain(struct stm__watch_set *set)
{
    if (set)
        (void)AO_fetch_and_add1(&set->refs);
}

void stm__watch_set_release(struct stm__watch_set *set)
{
    if (!set || AO_fetch_and_sub1_full(&set->refs) != 1)
        return;
    for (size_t i = 0; i < set->count; i++) {
        const struct stm_watch *config = &set->items[i]->config;

        stm__release(config->argument_type, config->argument);
        stm_watcher_release(set->items[i]);
    }
    free(set);
}

bool stm__watch_set_may_release(const struct stm__watch_set *set)
{
    for (size_t i = 0; set && i < set->count; i++) {
        const struct stm_watch *config = &set->items[i]->config;

        if (!stm__may_release(config->argument_type, config->argument))
            return false;
    }
    return true;
}

int stm__watch_set_traverse(const struct stm__watch_set *set, stm_visit *visit,
                            void *context)
{
    int stop = 0;

    if (!set || AO_load(&set->refs) != 1)
        return 0;
    for (size_t i = 0; i < set->count && !stop; i++) {
        const struct stm_watch *config = &set->items[i]->config;

        stop = stm__traverse(config->argument_type, config->argument, visit,
                             context);
    }
    return stop;
}

static struct stm__watch_set *allocate(size_t count)
{
    struct stm__watch_set *set;

    set = malloc(sizeof *set + count * sizeof set->items[0]);
    if (set) {
        set->refs = 1;
        set->count = 0;
    }
    return set;
}

static void append(struct stm__watch_set *set, struct stm_watcher *watcher)
{
    stm_watcher_retain(watcher);
    stm__retain(watcher->config.argument_type, watcher->config.argument);
    set->items[set->count++] = watcher;
}

struct stm__watch_set *stm__watch_set_with(const struct stm__watch_set *set,
                                           struct stm_watcher *watcher)
{
    size_t count = set ? set->count : 0;
    struct stm__watch_set *result = allocate(count + 1);
    size_t i = 0;

    if (!result)
        return NULL;
    while (i < count && set->items[i]->order < watcher->order)
        append(result, set->items[i++]);
    append(result, watcher);
    for (; i < count; i++)
        if (set->items[i] != watcher)
            append(result, set->items[i]);
    return result;
}

struct stm__watch_set *stm__watch_set_without(const struct stm__watch_set *set,
                                              struct stm_watcher *watcher)
{
    size_t count = set ? set->count : 0;
    struct stm__watch_set *result = allocate(count);

    if (!result)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (set->items[i] != watcher)
            append(result, set->items[i]);
    return result;
}

struct stm__watch_set *stm__watch_set_of(struct stm_tvar *var, AO_t *version)
{
    struct stm__side *side = stm__side_of(var);
    struct stm__watch_set *set;

    *version = 0;
    if (!side || !AO_load_acquire(&side->watch_version))
        return NULL;
    stm__spin_lock(&side->lock);
    *version = AO_load(&side->watch_version);
    set = side->watch_set;
    stm__watch_set_retain(set);
    stm__spin_unlock(&side->lock);
    return set;
}

static void release_set(stm_value value)
{
    stm__watch_set_release((struct stm__watch_set *)value);
}

static bool may_release_set(stm_value value)
{
    return stm__watch_set_may_release((const struct stm__watch_set *)value);
}

const struct stm_type stm__watch_set_type = {
    .name = "watch set",
    .release = release_set,
    .may_release = may_release_set,
};

static void release_watcher(stm_value value)
{
    stm_watcher_release((struct stm_watcher *)value);
}

const struct stm_type stm__watcher_type = {
    .name = "watcher",
    .release = release_watcher,
};

static void retain_watched(stm_value value)
{
    (void)AO_fetch_and_add1(&((struct stm__watched *)value)->refs);
}

static void release_watched(stm_value value)
{
    struct stm__watched *watched = (struct stm__watched *)value;

    if (AO_fetch_and_sub1_full(&watched->refs) != 1)
        return;
    for (size_t i = 0; i < watched->count; i++)
        stm__side_release(watched->items[i].side);
    free(watched);
}

const struct stm_type stm__watched_type = {
    .name = "watched variables",
    .retain = retain_watched,
    .release = release_watched,
};
