/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

#include "solo_scene.h"

#include <stm/slot-internal.h>

bool is_solo(void) { return stm__slot_own && AO_load(&stm__slot_own->solo); }

void run_solo(struct stm_tvar *var)
{
    for (size_t i = 0; i < 1000 && !is_solo(); i++)
        (void)peek(var);
}

void scene_init(struct scene *scene)
{
    *scene =
        (struct scene){.x = word_var(0), .y = word_var(0), .own = word_var(0)};
    run_solo(scene->own);
}

void scene_fini(struct scene *scene)
{
    stm_tvar_release(scene->x);
    stm_tvar_release(scene->y);
    stm_tvar_release(scene->own);
}

enum stm_status read_both(struct stm_tx *tx, const struct scene *scene,
                          stm_value *out)
{
    stm_value x, y;

    STM_TRY(stm_tvar_get(tx, scene->x, &x));
    STM_TRY(stm_tvar_get(tx, scene->y, &y));
    EXPECT(x == y, "expected equal values, got %zu and %zu", (size_t)x,
           (size_t)y);
    *out = x;
    return STM_OK;
}

enum stm_status raise_both(struct stm_tx *tx, void *argument)
{
    struct scene *scene = argument;
    stm_value value;

    STM_TRY(read_both(tx, scene, &value));
    STM_TRY(stm_tvar_set(tx, scene->x, value + 1));
    return stm_tvar_set(tx, scene->y, value + 1);
}

void expect_both(const struct scene *scene, stm_value wanted)
{
    EXPECT(peek(scene->x) == wanted && peek(scene->y) == wanted,
           "expected %zu twice, got %zu and %zu", (size_t)wanted,
           (size_t)peek(scene->x), (size_t)peek(scene->y));
}

enum stm_status watch_both(struct stm_tx *tx, void *argument)
{
    struct scene *scene = argument;

    return read_both(tx, scene, &scene->got);
}
