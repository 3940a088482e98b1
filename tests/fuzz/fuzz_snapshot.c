/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "families.h"

#include <string.h>

/* Snapshots of lists, and sequences made otherwise: taken at some point, and
 * compared at any later one, also after what they were taken from is undone. */

static struct snapshot snapshots[SNAPSHOTS];

struct snapshot *snapshot_at(unsigned which) { return &snapshots[which]; }

struct snapshot *snapshot_like(unsigned which, unsigned chooser)
{
    return &snapshots[(chooser * 2 + which % 2) % SNAPSHOTS];
}

static void drop_seq(struct stm_seq *seq)
{
    dropping = true;
    stm_seq_release(seq);
    dropping = false;
}

void snapshot_replace(struct snapshot *snapshot, struct stm_seq *seq,
                      const uint32_t *item, size_t count)
{
    struct stm_seq *before = snapshot->seq;

    snapshot->seq = seq;
    snapshot->model.length = count;
    memmove(snapshot->model.item, item, count * sizeof *item);
    if (before != NULL)
        drop_seq(before);
}

static bool is_there(const struct arguments *a)
{
    return snapshots[a->which].seq != NULL;
}

static unsigned list_like(const struct arguments *a)
{
    return (a->small[0] * 2 + a->which % 2) % TLISTS;
}

static void take(struct stm_tx *tx, const struct arguments *a,
                 struct result *got)
{
    struct stm_seq *seq = NULL;
    const struct list_model *list = tlist_model(list_like(a));

    got->status = stm_tlist_snapshot(tx, tlist_at(list_like(a)), &seq);
    if (got->status == STM_OK)
        snapshot_replace(&snapshots[a->which], seq, list->item, list->length);
}

static void model_nothing(const struct arguments *a, struct result *want,
                          const struct result *got)
{
    (void)a, (void)want, (void)got;
}

/* ---- what needs no transaction ---- */

static void drop(struct stm_tx *tx, const struct arguments *a,
                 struct result *got)
{
    struct stm_seq *seq = snapshots[a->which].seq;

    (void)tx, (void)got;
    snapshots[a->which].seq = NULL;
    drop_seq(seq);
}

/* Up to 255 items, some of which are the same. */
static void make(struct stm_tx *tx, const struct arguments *a,
                 struct result *got)
{
    stm_value values[256];
    uint32_t numbers[256];
    size_t count = a->small[0];
    bool counted = a->which % 2;
    struct stm_seq *seq;

    (void)tx, (void)got;
    for (size_t i = 0; i < count; i++) {
        unsigned class = (unsigned)(i * a->small[1] / 7);

        values[i] = counted ? object_new(class) : class;
        numbers[i] = number_of(counted, values[i]);
    }
    seq = stm_seq_new(type_of(a->which), values, count);
    REQUIRE(seq != NULL, "out of memory");
    for (size_t i = 0; i < count && counted; i++)
        object_drop(values[i]);
    snapshot_replace(&snapshots[a->which], seq, numbers, count);
}

static void slice(struct stm_tx *tx, const struct arguments *a,
                  struct result *got)
{
    const struct snapshot *source = &snapshots[a->which];
    size_t from = a->index[0] % (source->model.length + 1);
    size_t to = from + a->index[1] % (source->model.length - from + 1);
    struct stm_seq *seq = stm_seq_slice(source->seq, from, to);

    (void)tx, (void)got;
    REQUIRE(seq != NULL, "out of memory");
    snapshot_replace(snapshot_like(a->which, a->small[0]), seq,
                     source->model.item + from, to - from);
}

static void concat(struct stm_tx *tx, const struct arguments *a,
                   struct result *got)
{
    static uint32_t items[LIST_MAX];
    const struct snapshot *left = &snapshots[a->which];
    const struct snapshot *right = snapshot_like(a->which, a->small[0]);
    size_t total = left->model.length + right->model.length;
    struct stm_seq *seq;

    (void)tx, (void)got;
    if (right->seq == NULL || total > LIST_MAX)
        return;
    seq = stm_seq_concat(left->seq, right->seq);
    REQUIRE(seq != NULL, "out of memory");
    memcpy(items, left->model.item, left->model.length * sizeof *items);
    memcpy(items + left->model.length, right->model.item,
           right->model.length * sizeof *items);
    snapshot_replace(snapshot_like(a->which, a->small[1]), seq, items, total);
}

static void compare_item(unsigned which, size_t index, stm_value value)
{
    uint32_t want = snapshots[which].model.item[index];

    REQUIRE(number_of(which % 2, value) == want,
            "snapshot %u, item %zu: expected %u, got %u", which, index, want,
            number_of(which % 2, value));
}

/* By index, or run by run. */
static void check_snapshot(unsigned which, bool by_runs)
{
    const struct snapshot *snapshot = &snapshots[which];
    size_t length = stm_seq_length(snapshot->seq), count = 0;

    REQUIRE(length == snapshot->model.length,
            "snapshot %u: expected %zu items, got %zu", which,
            snapshot->model.length, length);
    for (size_t i = 0; i < length && !by_runs; i++)
        compare_item(which, i, stm_seq_get(snapshot->seq, i));
    for (size_t i = 0; i < length && by_runs; i += count) {
        const stm_value *run = stm_seq_run(snapshot->seq, i, &count);

        REQUIRE(run != NULL && count > 0 && count <= length - i,
                "snapshot %u: a run of %zu items at %zu of %zu", which, count,
                i, length);
        for (size_t j = 0; j < count; j++)
            compare_item(which, i + j, run[j]);
    }
    REQUIRE(stm_seq_run(snapshot->seq, length, &count) == NULL && count == 0,
            "snapshot %u: a run beyond its end", which);
}

static void look(struct stm_tx *tx, const struct arguments *a,
                 struct result *got)
{
    (void)tx, (void)got;
    check_snapshot(a->which, a->small[0] % 2);
}

static const struct operation operations[] = {
    {.name = "take", .shape = "on", .run = take, .model = model_nothing},
    {.name = "make", .shape = "onn", .run = make, .plain = true},
    {.name = "drop",
     .shape = "o",
     .run = drop,
     .allowed = is_there,
     .plain = true},
    {.name = "slice",
     .shape = "oiin",
     .run = slice,
     .allowed = is_there,
     .plain = true},
    {.name = "concat",
     .shape = "onn",
     .run = concat,
     .allowed = is_there,
     .plain = true},
    {.name = "look",
     .shape = "on",
     .run = look,
     .allowed = is_there,
     .plain = true},
};

static size_t length(unsigned which) { return snapshots[which].model.length; }

static void start(void)
{
    for (unsigned i = 0; i < SNAPSHOTS; i++) {
        snapshots[i].seq = NULL;
        snapshots[i].model.length = 0;
    }
}

static void stop(void)
{
    for (unsigned i = 0; i < SNAPSHOTS; i++) {
        if (snapshots[i].seq == NULL)
            continue;
        check_snapshot(i, true);
        stm_seq_release(snapshots[i].seq);
    }
}

const struct family snapshot_family = {
    .name = "snapshot",
    .objects = SNAPSHOTS,
    OPERATIONS(operations),
    .start = start,
    .stop = stop,
    .length = length,
};
