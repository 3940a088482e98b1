/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "families.h"

#include <string.h>

/* Watchers.  Each computes something and writes it to a variable of its own,
 * its target, which nothing else writes; it may read the targets of earlier
 * ones.  So there is one state in which all have settled, in whatever order
 * they ran, and the model knows that.  Those that fail read only what no
 * watcher writes; so the oldest of them that fails decides. */

enum {
    WATCHERS = 16, /* made by one program, at most; no place is used twice */
    WATCHER_FAILED = STM_EUSER - 7
};

/* What a watcher's function does. */
enum kind {
    SUM,       /* adds a variable and the size of something; the callback
                  writes */
    WRITES,    /* the same, but the function itself writes */
    CHOOSES,   /* a variable says which of two others it reads */
    FOLLOWS,   /* reads an older watcher's target */
    OBJECT,    /* its result is an object */
    MAKES,     /* its first callback makes another watcher, in the next place */
    CANCELS,   /* its first callback cancels another one */
    FAILS,     /* where a variable's value is one of a kind */
    RETRIES,   /* likewise */
    INVARIANT, /* likewise */
    DIVERGES,  /* its callback disturbs it for ever */
    KINDS
};

struct spec {
    enum kind kind;
    unsigned source; /* a variable, or what else it reads */
    unsigned victim; /* the place of one to cancel */
    bool done;       /* it has made, or cancelled */
};

struct watcher_model {
    bool live[WATCHERS];
    uint32_t target[WATCHERS];
};

static struct stm_tvar *targets[WATCHERS];
static struct stm_watcher *handles[WATCHERS]; /* owned; NULL: none */
static struct spec specs[WATCHERS];
static unsigned used, used_before; /* this transaction */

static struct watcher_model *model(void) { return model_of(&watcher_family); }

/* ---- what they compute: from the library, and from the model ---- */

static unsigned word_source(const struct spec *spec)
{
    return spec->source * 2 % TVARS;
}

static unsigned older(unsigned id)
{
    return specs[id].source % (id > 0 ? id : 1);
}

/* Where watchers that fail do so. */
static bool is_bad(const struct spec *spec, uint32_t value)
{
    return value % 16 == 8 + (unsigned)spec->kind % 8;
}

static enum stm_status read_var(struct stm_tx *tx, unsigned which,
                                uint32_t *out)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, tvar_at(which), &value));
    *out = number_of(which % 2, value);
    return STM_OK;
}

/* How much is in a list, a map, a queue or a counter. */
static enum stm_status read_size(struct stm_tx *tx, unsigned source,
                                 uint32_t *out)
{
    unsigned which = source / 4;
    uint64_t number = 0;
    size_t size = 0;

    if (source % 4 == 0)
        STM_TRY(stm_tlist_length(tx, tlist_at(which % TLISTS), &size));
    else if (source % 4 == 1)
        STM_TRY(map_length(tx, which % MAPS, &size));
    else if (source % 4 == 2)
        STM_TRY(queue_length(tx, which % QUEUES, &size));
    else
        STM_TRY(stm_tcounter_get(tx, tcounter_at(which % COUNTERS), &number));
    *out = (uint32_t)(size + number);
    return STM_OK;
}

static uint32_t model_size(unsigned source)
{
    unsigned which = source / 4;

    if (source % 4 == 0)
        return (uint32_t)tlist_model_length(which % TLISTS);
    if (source % 4 == 1)
        return (uint32_t)map_model(which % MAPS)->length;
    if (source % 4 == 2)
        return (uint32_t)queue_model_length(which % QUEUES);
    return (uint32_t)tcounter_number(which % COUNTERS);
}

static enum stm_status read_target(struct stm_tx *tx, unsigned id,
                                   uint32_t *out)
{
    stm_value value;

    STM_TRY(stm_tvar_get(tx, targets[id], &value));
    *out = (uint32_t)value;
    return STM_OK;
}

static enum stm_status compute(struct stm_tx *tx, unsigned id, uint32_t *out)
{
    const struct spec *spec = &specs[id];
    uint32_t first, second = 0;

    STM_TRY(read_var(tx, word_source(spec), &first));
    if (spec->kind == CHOOSES && first % 2)
        STM_TRY(read_var(tx, 1, &second));
    else if (spec->kind == FOLLOWS && id > 0)
        STM_TRY(read_target(tx, older(id), &second));
    else if (spec->kind == DIVERGES)
        STM_TRY(read_target(tx, id, &second));
    else if (spec->kind < FAILS)
        STM_TRY(read_size(tx, spec->source, &second));
    *out = first * 7 + second + 1;
    return STM_OK;
}

static uint32_t model_compute(unsigned id)
{
    const struct spec *spec = &specs[id];
    uint32_t first = tvar_number(word_source(spec)), second = 0;

    if (spec->kind == CHOOSES && first % 2)
        second = tvar_number(1);
    else if (spec->kind == FOLLOWS && id > 0)
        second = model()->target[older(id)];
    else if (spec->kind < FAILS)
        second = model_size(spec->source);
    return first * 7 + second + 1;
}

/* ---- the watchers' functions ---- */

/* The argument is the watcher's place, or an object of that class. */
static unsigned id_of(stm_value argument)
{
    return argument < WATCHERS ? (unsigned)argument
                               : number_of(true, argument) % CLASSES;
}

static enum stm_status fail(struct stm_tx *tx, const struct spec *spec)
{
    if (spec->kind == RETRIES)
        return stm_retry(tx);
    return (enum stm_status)WATCHER_FAILED;
}

static enum stm_status function(struct stm_tx *tx, stm_value argument,
                                stm_value *result)
{
    unsigned id = id_of(argument);
    const struct spec *spec = &specs[id];
    uint32_t value;

    STM_TRY(compute(tx, id, &value));
    if ((spec->kind == FAILS || spec->kind == RETRIES) &&
        is_bad(spec, (value - 1) / 7))
        return fail(tx, spec);
    if (spec->kind == WRITES)
        STM_TRY(stm_tvar_set(tx, targets[id], value));
    *result = spec->kind == OBJECT ? object_new(value) : value;
    return STM_OK;
}

/* One that ran before, and so is not younger, has settled already.  That is not
 * so of those that follow others. */
static bool can_be_cancelled(unsigned id, unsigned victim)
{
    return victim != id && handles[victim] != NULL &&
           specs[victim].kind != FOLLOWS && specs[victim].kind != DIVERGES;
}

static enum stm_status callback(struct stm_tx *tx, stm_value argument,
                                stm_value result);

static enum stm_status watch(struct stm_tx *tx, unsigned id, stm_value argument,
                             bool counted, struct stm_watcher **out)
{
    const struct spec *spec = &specs[id];
    struct stm_watch config = {
        .function = function,
        .callback = spec->kind == WRITES ? NULL : callback,
        .result_type = spec->kind == OBJECT ? &object_type : NULL,
        .argument = argument,
        .argument_type = counted ? &object_type : NULL,
        .name = "fuzz",
    };

    return stm_watch(tx, &config, out);
}

static enum stm_status callback(struct stm_tx *tx, stm_value argument,
                                stm_value result)
{
    unsigned id = id_of(argument);
    struct spec *spec = &specs[id];

    if (spec->kind == OBJECT)
        result = number_of(true, result) % CLASSES;
    STM_TRY(stm_tvar_set(tx, targets[id], result));
    if (spec->done)
        return STM_OK;
    spec->done = true;
    if (spec->kind == MAKES)
        return watch(tx, id + 1, id + 1, false, NULL);
    if (spec->kind == CANCELS && can_be_cancelled(id, spec->victim))
        return stm_watcher_cancel(tx, handles[spec->victim]);
    return STM_OK;
}

static enum stm_status holds(struct stm_tx *tx, stm_value argument, bool *out)
{
    const struct spec *spec = &specs[id_of(argument)];
    uint32_t value;

    STM_TRY(read_var(tx, word_source(spec), &value));
    *out = !is_bad(spec, value);
    return STM_OK;
}

/* ---- operations ---- */

static enum kind kind_of(const struct arguments *a)
{
    enum kind kind = a->small[0] % KINDS;

    if (kind == DIVERGES && a->small[1] % 8)
        return SUM;
    return kind == MAKES && used + 1 == WATCHERS ? SUM : kind;
}

static bool has_place(const struct arguments *a)
{
    (void)a;
    return used < WATCHERS && objects_left();
}

static enum stm_status invariant(struct stm_tx *tx, stm_value argument,
                                 struct stm_watcher **out)
{
    struct stm_invariant config = {
        .holds = holds,
        .argument = argument,
        .argument_type = &object_type,
        .name = "fuzz",
    };

    return stm_invariant(tx, &config, out);
}

/* The next place's; and the one's behind it, which it may make. */
static void specify(const struct arguments *a)
{
    struct spec *spec = &specs[used];

    spec->kind = kind_of(a);
    spec->source = a->small[1] / 8;
    spec->victim = a->small[1] % WATCHERS;
    spec->done = false;
    if (spec->kind != MAKES)
        return;
    spec[1] = *spec;
    spec[1].kind = SUM;
}

static void make(struct stm_tx *tx, const struct arguments *a,
                 struct result *got)
{
    stm_value argument = object_new(used);
    struct stm_watcher **out = a->small[1] % 3 ? &handles[used] : NULL;

    specify(a);
    if (specs[used].kind == INVARIANT)
        got->status = invariant(tx, argument, out);
    else
        got->status = watch(tx, used, argument, true, out);
    object_drop(argument);
}

static bool broken(unsigned id)
{
    return is_bad(&specs[id], tvar_number(word_source(&specs[id])));
}

static void model_make(const struct arguments *a, struct result *want,
                       const struct result *got)
{
    (void)a, (void)got;
    if (specs[used].kind == INVARIANT && broken(used)) {
        want->status = STM_EINVARIANT;
        return;
    }
    model()->live[used] = true;
    used += specs[used].kind == MAKES ? 2 : 1;
}

/* One of the places in use. */
static unsigned drawn_id(const struct arguments *a)
{
    return a->small[0] % (used > 0 ? used : 1);
}

static bool has_handle(const struct arguments *a)
{
    return handles[drawn_id(a)] != NULL;
}

static void cancel(struct stm_tx *tx, const struct arguments *a,
                   struct result *got)
{
    got->status = stm_watcher_cancel(tx, handles[drawn_id(a)]);
}

static void model_cancel(const struct arguments *a, struct result *want,
                         const struct result *got)
{
    (void)want, (void)got;
    model()->live[drawn_id(a)] = false;
}

/* Lets the handle go; the watcher stays. */
static void let_go(struct stm_tx *tx, const struct arguments *a,
                   struct result *got)
{
    (void)tx, (void)got;
    stm_watcher_release(handles[drawn_id(a)]);
    handles[drawn_id(a)] = NULL;
}

static void get_target(struct stm_tx *tx, const struct arguments *a,
                       struct result *got)
{
    uint32_t value = 0;

    got->status = read_target(tx, drawn_id(a), &value);
    got->out[0] = value;
}

static void model_target(const struct arguments *a, struct result *want,
                         const struct result *got)
{
    (void)got;
    want->out[0] = model()->target[drawn_id(a)];
}

static const struct operation operations[] = {
    {"new", "nn", make, model_make, has_place, false},
    {"target", "n", get_target, model_target, NULL, false},
    {"cancel", "n", cancel, model_cancel, has_handle, false},
    {"let_go", "n", let_go, NULL, has_handle, true},
};

/* ---- the end of a transaction ---- */

/* What one does that has settled. */
static void settle_one(unsigned id)
{
    const struct spec *spec = &specs[id];
    uint32_t value = model_compute(id);

    model()->target[id] = spec->kind == OBJECT ? value % CLASSES : value;
    if (id < used_before)
        return;
    if (spec->kind == MAKES)
        model()->live[id + 1] = true;
    if (spec->kind == CANCELS && can_be_cancelled(id, spec->victim))
        model()->live[spec->victim] = false;
}

static enum stm_status failure_of(unsigned id)
{
    if (!broken(id))
        return STM_OK;
    if (specs[id].kind == FAILS)
        return (enum stm_status)WATCHER_FAILED;
    return specs[id].kind == RETRIES ? STM_RETRY : STM_EINVARIANT;
}

static enum stm_status settle(void)
{
    bool diverges = false;

    for (unsigned i = 0; i < used; i++) {
        if (!model()->live[i])
            continue;
        if (specs[i].kind == DIVERGES)
            diverges = true;
        else if (specs[i].kind >= FAILS)
            STM_TRY(failure_of(i));
        if (specs[i].kind != INVARIANT)
            settle_one(i);
    }
    return diverges ? STM_EDIVERGED : STM_OK;
}

static void forget_new(void)
{
    for (unsigned i = used_before; i < WATCHERS; i++) {
        stm_watcher_release(handles[i]);
        handles[i] = NULL;
    }
    used = used_before;
}

static void end(bool committed)
{
    if (committed)
        used_before = used;
    else
        forget_new();
}

static void start(void)
{
    used = used_before = 0;
    memset(handles, 0, sizeof handles);
    for (unsigned i = 0; i < WATCHERS; i++) {
        targets[i] = stm_tvar_new(NULL, 0);
        REQUIRE(targets[i] != NULL, "out of memory");
    }
}

static void stop(void)
{
    for (unsigned i = 0; i < WATCHERS; i++) {
        stm_watcher_release(handles[i]);
        stm_tvar_release(targets[i]);
    }
}

static void check(struct stm_tx *tx)
{
    for (unsigned i = 0; i < used; i++) {
        uint32_t value = 0;

        if (!agreed("stm_tvar_get", STM_OK, read_target(tx, i, &value)))
            return;
        REQUIRE(value == model()->target[i],
                "watcher %u's target: expected %u, got %u", i,
                model()->target[i], value);
    }
}

const struct family watcher_family = {
    .name = "watcher",
    .model_size = sizeof(struct watcher_model),
    OPERATIONS(operations),
    .start = start,
    .stop = stop,
    .check = check,
    .begin = forget_new,
    .settle = settle,
    .end = end,
};
