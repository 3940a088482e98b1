/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
/* Weak references.
 *
 * To whoever asks, the referent dies at the moment from which on `upgrade`
 * fails; `alive` is written only later, for those who wait.  That moment has a
 * place among the commits:
 *
 *   - An attempt that has found the referent alive holds a reference to its
 *     end, so the moment comes after its commit.
 *   - An attempt that has found it dead moves its snapshot to the present, and
 *     so all that it reads is of after the moment.
 *   - A transaction that blocks lets its references go once it is among the
 *     waiters of `alive`, so a death that follows finds it there. */

#include <stddef.h>
#include <stdlib.h>

#include <stm/error-internal.h>
#include <stm/service-internal.h>
#include <stm/tvar-internal.h>
#include <stm/tweakref.h>
#include <stm/tx-internal.h>

struct stm_tweakref {
    AO_t refs;

    /* The stamp with which an attempt last took a reference to the referent; a
     * hint, so that one which asks again and again holds one reference.
     * Written by any attempt. */
    AO_t holder;

    AO_t told; /* 1: stm_tweakref_died has been called */
    struct stm__task task;

    /* Constant. */
    const struct stm_weak_type *type;
    stm_value link;
    stm_body *callback;
    struct stm__ref argument;
    struct stm_tvar *alive; /* a word: 0 once the death is committed */

    struct stm__dead dead;
};

static struct stm_tweakref *from_dead(stm_value dead)
{
    return (struct stm_tweakref *)((char *)dead -
                                   offsetof(struct stm_tweakref, dead));
}

static void destroy(stm_value dead)
{
    struct stm_tweakref *ref = from_dead(dead);

    stm__release(ref->type->link, ref->link);
    stm__release(ref->argument.type, ref->argument.value);
    stm_tvar_release(ref->alive);
    free(ref);
}

static bool may_destroy(stm_value dead)
{
    const struct stm_tweakref *ref = from_dead(dead);

    return stm__may_release(ref->type->link, ref->link) &&
           stm__may_release(ref->argument.type, ref->argument.value);
}

static const struct stm_type dead_type = {
    .name = "dead weak reference",
    .release = destroy,
    .may_release = may_destroy,
};

void stm_tweakref_retain(struct stm_tweakref *ref)
{
    (void)AO_fetch_and_add1(&ref->refs);
}

void stm_tweakref_release(struct stm_tweakref *ref)
{
    if (ref && AO_fetch_and_sub1_full(&ref->refs) == 1)
        stm__limbo_bury(&ref->dead);
}

/* ---- making ---- */

static void commit_death(struct stm__task *task);

static struct stm_tweakref *make(const struct stm_weak *weak)
{
    struct stm_tweakref *ref = calloc(1, sizeof *ref);

    if (!ref)
        return NULL;
    ref->alive = stm_tvar_new(NULL, 1);
    if (!ref->alive) {
        free(ref);
        return NULL;
    }
    ref->refs = 1;
    ref->task.run = commit_death;
    ref->type = weak->type;
    ref->link = weak->link;
    ref->callback = weak->callback;
    ref->argument.value = weak->argument;
    ref->argument.type = weak->argument_type;
    ref->dead.type = &dead_type;
    stm__retain(ref->type->link, ref->link);
    stm__retain(ref->argument.type, ref->argument.value);
    return ref;
}

static enum stm_status check(const struct stm_weak *weak)
{
    if (weak && weak->type && weak->type->upgrade)
        return STM_OK;
    return stm_error(STM_EMISUSE, "stm_tweakref_new: the type has no upgrade; "
                                  "expected a function that takes a reference");
}

enum stm_status stm_tweakref_new(struct stm_tx *tx, const struct stm_weak *weak,
                                 struct stm_tweakref **out)
{
    struct stm_tweakref *ref;
    stm_value referent;

    STM__CHECK(tx);
    STM_TRY(check(weak));
    STM_TRY(stm__reserve_release(tx, 1));
    ref = make(weak);
    if (!ref)
        return stm__doom(tx, STM_ENOMEM);
    if (!weak->type->upgrade(weak->link, &referent)) {
        stm_tweakref_release(ref);
        return stm_error(STM_EMISUSE, "stm_tweakref_new: the referent is dead; "
                                      "expected one that lives");
    }
    stm__log_discard(&tx->log, weak->type->referent, referent);
    ref->holder = tx->fast.stamp;
    *out = ref;
    return STM_OK;
}

/* ---- reading ---- */

/* Has this attempt a reference to the referent already?  Stamps come in blocks
 * of one thread's; one from an earlier block of this attempt is not told from
 * another thread's. */
static bool held(const struct stm_tx *tx, const struct stm_tweakref *ref)
{
    AO_t holder = AO_load(&ref->holder);

    return holder >= tx->fast.begun && holder <= tx->fast.stamp &&
           tx->fast.begun >> 24 == tx->fast.stamp >> 24;
}

/* The attempt keeps the reference that upgrade took. */
static void hold(struct stm_tx *tx, struct stm_tweakref *ref,
                 stm_value referent)
{
    if (held(tx, ref)) {
        stm__release(ref->type->referent, referent); /* not the last */
        return;
    }
    stm__log_discard(&tx->log, ref->type->referent, referent);
    AO_store(&ref->holder, tx->fast.stamp);
}

enum stm_status stm_tweakref_get(struct stm_tx *tx, struct stm_tweakref *ref,
                                 stm_value *out)
{
    stm_value alive, referent;

    STM__CHECK(tx);
    STM_TRY(stm_tvar_get(tx, ref->alive, &alive));
    STM_TRY(stm__reserve_release(tx, 1));
    if (alive && ref->type->upgrade(ref->link, &referent)) {
        hold(tx, ref, referent);
        *out = referent;
        return STM_OK;
    }
    if (alive) { /* dead, and about to be committed */
        stm__fence();
        STM_TRY(stm__extend_now(tx));
    }
    *out = 0;
    return STM_OK;
}

/* ---- death ---- */

void stm_tweakref_died(struct stm_tweakref *ref)
{
    AO_t refs;

    if (!AO_compare_and_swap_full(&ref->told, 0, 1))
        return;
    do {
        refs = AO_load(&ref->refs);
        if (!refs)
            return; /* nobody is interested any more */
    } while (!AO_compare_and_swap_full(&ref->refs, refs, refs + 1));
    stm__service_post(&ref->task);
}

static enum stm_status write_death(struct stm_tx *tx, void *argument)
{
    const struct stm_tweakref *ref = argument;

    return stm_tvar_set(tx, ref->alive, 0);
}

/* Whoever waits for a death that cannot be committed sees it all the same. */
static void wake_waiters(struct stm_tvar *alive)
{
    if (stm__has_waits(alive))
        stm__wait_notify(stm__wait_all(stm__side_of(alive), NULL));
}

static void commit_death(struct stm__task *task)
{
    struct stm_tweakref *ref =
        (struct stm_tweakref *)((char *)task -
                                offsetof(struct stm_tweakref, task));

    if (stm__service_run(write_death, ref) != STM_OK)
        wake_waiters(ref->alive);
    if (ref->callback)
        (void)stm__service_run(ref->callback, (void *)ref->argument.value);
    stm_tweakref_release(ref); /* what failed has been reported */
}
