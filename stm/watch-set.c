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

void stm__watcher_hold(struct stm_watcher *watcher)
{
    stm_watcher_retain(watcher);
    stm__retain(watcher->config.argument_type, watcher->config.argument);
}

void stm__watcher_let_go(struct stm_watcher *watcher)
{
    stm__release(watcher->config.argument_type, watcher->config.argument);
    stm_watcher_release(watcher);
}

void stm__watch_set_free(struct stm__watch_set *set)
{
    for (size_t i = 0; set && i < set->count; i++)
        stm__watcher_let_go(set->items[i]);
    free(set);
}

bool stm__watch_set_may_free(const struct stm__watch_set *set)
{
    for (size_t i = 0; set && i < set->count; i++) {
        const struct stm_watch *config = &set->items[i]->config;

        if (!stm__may_release(config->argument_type, config->argument))
            return false;
    }
    return true;
}

static void free_dead(stm_value dead)
{
    stm__watch_set_free((struct stm__watch_set *)dead);
}

static bool may_free_dead(stm_value dead)
{
    return stm__watch_set_may_free((const struct stm__watch_set *)dead);
}

const struct stm_type stm__watch_set_unused = {
    .name = "unused watch set",
    .release = free_dead,
    .may_release = may_free_dead,
};

static void bury(stm_value set)
{
    stm__limbo_bury(&((struct stm__watch_set *)set)->dead);
}

const struct stm_type stm__watch_set_used = {
    .name = "watch set",
    .release = bury,
};

int stm__watch_set_traverse(const struct stm__watch_set *set, stm_visit *visit,
                            void *context)
{
    int stop = 0;

    for (size_t i = 0; set && i < set->count && !stop; i++) {
        const struct stm_watch *config = &set->items[i]->config;

        stop = stm__traverse(config->argument_type, config->argument, visit,
                             context);
    }
    return stop;
}

static struct stm__watch_set *resize(struct stm__watch_set *set,
                                     size_t capacity)
{
    set = realloc(set, sizeof *set + capacity * sizeof set->items[0]);
    if (set)
        set->capacity = capacity;
    return set;
}

struct stm__watch_set *stm__watch_set_copy(const struct stm__watch_set *set)
{
    size_t count = set ? set->count : 0;
    struct stm__watch_set *copy = resize(NULL, count + 1);

    if (!copy)
        return NULL;
    copy->dead.next = NULL;
    copy->dead.type = &stm__watch_set_unused;
    copy->count = count;
    for (size_t i = 0; i < count; i++) {
        copy->items[i] = set->items[i];
        stm__watcher_hold(copy->items[i]);
    }
    return copy;
}

bool stm__watch_set_add(struct stm__watch_set **place,
                        struct stm_watcher *watcher)
{
    struct stm__watch_set *set = *place;
    size_t at = set->count;

    if (set->count == set->capacity) {
        set = resize(set, 2 * set->capacity);
        if (!set)
            return false;
        *place = set;
    }
    while (at > 0 && set->items[at - 1]->order > watcher->order)
        at--;
    memmove(&set->items[at + 1], &set->items[at],
            (set->count - at) * sizeof set->items[0]);
    set->items[at] = watcher;
    set->count++;
    stm__watcher_hold(watcher);
    return true;
}

bool stm__watch_set_remove(struct stm__watch_set *set,
                           struct stm_watcher *watcher)
{
    size_t at = 0;

    while (at < set->count && set->items[at] != watcher)
        at++;
    if (at == set->count)
        return false;
    set->count--;
    memmove(&set->items[at], &set->items[at + 1],
            (set->count - at) * sizeof set->items[0]);
    return true;
}

static void release_watcher(stm_value value)
{
    stm_watcher_release((struct stm_watcher *)value);
}

const struct stm_type stm__watcher_type = {
    .name = "watcher",
    .release = release_watcher,
};

/* It is handed to the one variable that ever holds it, so that nobody calls
 * this; but a value that can be released must be one that can be retained. */
static void retain_watched(stm_value value)
{
    (void)AO_fetch_and_add1(&((struct stm__watched *)value)->refs);
}

static void release_watched(stm_value value)
{
    struct stm__watched *watched = (struct stm__watched *)value;

    if (AO_fetch_and_sub1_full(&watched->refs) != 1)
        return;
    for (size_t i = 0; i < watched->count; i++) {
        stm__side_release(watched->items[i].side);
        stm__release(watched->items[i].owner.type,
                     watched->items[i].owner.value);
    }
    free(watched->items);
    free(watched);
}

static bool may_release_watched(stm_value value)
{
    const struct stm__watched *watched = (const struct stm__watched *)value;
    bool may = true;

    for (size_t i = 0; may && i < watched->count; i++)
        may = stm__may_release(watched->items[i].owner.type,
                               watched->items[i].owner.value);
    return may;
}

static int traverse_watched(stm_value value, stm_visit *visit, void *context)
{
    const struct stm__watched *watched = (const struct stm__watched *)value;
    int stop = 0;

    for (size_t i = 0; !stop && i < watched->count; i++)
        stop = stm__traverse(watched->items[i].owner.type,
                             watched->items[i].owner.value, visit, context);
    return stop;
}

const struct stm_type stm__watched_type = {
    .name = "watched variables",
    .retain = retain_watched,
    .release = release_watched,
    .may_release = may_release_watched,
    .traverse = traverse_watched,
};
