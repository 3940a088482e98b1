/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_SOLO_SCENE_H
#define TESTS_UNIT_SOLO_SCENE_H

#include "support.h"

/* Two variables that are always equal, and what a body does with them. */
struct scene {
    struct stm_tvar *x, *y;
    struct stm_tvar *own; /* which nobody else knows */
    size_t runs;
    bool was_solo;
    stm_value got;
    struct stm_tvar *lasting; /* a variable with a counted value, or NULL */
};

/* Makes one, and lets the thread run solo. */
void scene_init(struct scene *scene);
void scene_fini(struct scene *scene);

/* Does the calling thread run solo (stm/solo.c)? */
bool is_solo(void);

/* From here on it does, where the kernel lets it and nobody else runs. */
void run_solo(struct stm_tvar *var);

/* What both hold. */
STM_NODISCARD enum stm_status
read_both(struct stm_tx *tx, const struct scene *scene, stm_value *out);

/* Bodies: add 1 to both; read them. */
STM_NODISCARD enum stm_status raise_both(struct stm_tx *tx, void *scene);
STM_NODISCARD enum stm_status watch_both(struct stm_tx *tx, void *scene);

void expect_both(const struct scene *scene, stm_value wanted);

#endif
