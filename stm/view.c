/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stm/limbo-internal.h>

/* What the running attempts may look at, by what they have announced. */

#define VIEW_MAX 128

/* What the running attempts may look at. */
struct view {
    size_t count;
    bool overflows; /* there are more attempts than there is room for */
    struct sight {
        struct stm__slot *slot;
        AO_t high;
        AO_t low;
    } sights[VIEW_MAX];
};

static bool within(const struct stm__retired *item, AO_t snapshot)
{
    snapshot &= ~STM__ODD;
    return item->birth <= snapshot && snapshot < item->death;
}

/* `high` is read before `low`: an attempt raises high, validates, and raises
 * low to it, so that whatever lies between the two reads is seen by one. */
static void add_to_view(struct stm__slot *slot, void *context)
{
    struct view *view = context;
    struct sight *sight;

    if (view->count == VIEW_MAX) {
        view->overflows = true;
        return;
    }
    sight = &view->sights[view->count++];
    sight->slot = slot;
    sight->high = AO_load_acquire(&slot->high);
    sight->low = AO_load_acquire(&slot->low);
}

static void take_view(struct view *view)
{
    view->count = 0;
    view->overflows = false;
    stm__fence();
    stm__slot_each_running(add_to_view, view);
}

struct search {
    const struct stm__retired *item;
    struct stm__slot *holder;
};

static void find_holder(struct stm__slot *slot, void *context)
{
    struct search *search = context;

    if (within(search->item, AO_load_acquire(&slot->high)) ||
        within(search->item, AO_load_acquire(&slot->low)))
        search->holder = slot;
}

/* Of more attempts than there is room for, each is asked for each item. */
static struct stm__slot *search_holder(const struct stm__retired *item)
{
    struct search search = {item, NULL};

    stm__slot_each_running(find_holder, &search);
    return search.holder;
}

static struct stm__slot *holder_of(const struct view *view,
                                   const struct stm__retired *item)
{
    for (size_t i = 0; i < view->count; i++)
        if (within(item, view->sights[i].high) ||
            within(item, view->sights[i].low))
            return view->sights[i].slot;
    return STM__UNLIKELY(view->overflows) ? search_holder(item) : NULL;
}

size_t stm__view_partition(struct stm__batch *batch, struct stm__slot **holder,
                           bool *others)
{
    struct view view;
    size_t kept = 0;

    take_view(&view);
    *others = view.count > 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct stm__retired item = batch->items[i];
        struct stm__slot *slot = holder_of(&view, &item);

        if (!slot)
            continue;
        if (kept == 0)
            *holder = slot;
        batch->items[i] = batch->items[kept];
        batch->items[kept++] = item;
    }
    return kept;
}
