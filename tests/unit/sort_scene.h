/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_SORT_SCENE_H
#define TESTS_UNIT_SORT_SCENE_H

#include "support.h"

enum { ITEMS = 300 };

struct scene;
typedef enum stm_status acting(struct stm_tx *tx, struct scene *scene);

/* A list of counted objects, and what is done to it. */
struct scene {
    struct stm_tlist *list;
    struct stm_tvar *var;   /* a word */
    acting *act;            /* what compare does besides comparing, or NULL */
    size_t when;            /* in its n-th call of an attempt; 0: in each */
    size_t calls;           /* of compare, in this attempt */
    enum stm_status wanted; /* from stm_tlist_sort */
    size_t acts;            /* by threads of their own, in all attempts */
    stm_value numbers[ITEMS];
    struct generator generator;
};

/* With random numbers. */
void scene_init(struct scene *scene, acting *act, size_t when);

/* The list must hold the numbers, and nothing else may hold its items. */
void scene_fini(struct scene *scene);

/* Puts the numbers in order. */
void sort_numbers(struct scene *scene);
int compare_words(const void *left, const void *right); /* for qsort */

/* A stm_compare by number, which does what the scene says. */
STM_NODISCARD enum stm_status scene_compare(stm_value left, stm_value right,
                                            void *scene, int *out);

/* Bodies: new objects with the numbers into the list; sort it. */
STM_NODISCARD enum stm_status scene_fill(struct stm_tx *tx, void *scene);
STM_NODISCARD enum stm_status scene_sort(struct stm_tx *tx, void *scene);

void expect_sort(enum stm_status wanted, struct scene *scene);

#endif
