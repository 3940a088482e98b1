/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* A program that has the library's short ways compiled in, in C that is C++,
 * too: two threads count in members of a structure, at first one alone. */

#include <pthread.h>
#include <stdio.h>

#include <stm/inline.h>

enum { ALONE = 1000, TOGETHER = 20000 };

struct pair {
    struct stm_tvar left, right; /* always equal */
};

static enum stm_status raise(struct stm_tx *tx, void *argument)
{
    struct pair *pair = (struct pair *)argument;
    stm_value left, right;

    STM_TRY(stm_tvar_get(tx, &pair->left, &left));
    STM_TRY(stm_tvar_get(tx, &pair->right, &right));
    if (left != right)
        return (enum stm_status)STM_EUSER;
    STM_TRY(stm_tvar_set(tx, &pair->left, left + 1));
    STM_TRY(stm_tvar_set(tx, &pair->right, right + 1));
    STM_TRY(stm_tvar_get(tx, &pair->left, &right));
    return right == left + 1 ? STM_OK : (enum stm_status)STM_EUSER;
}

static enum stm_status look(struct stm_tx *tx, void *argument)
{
    struct pair *pair = (struct pair *)argument;
    stm_value left, right;

    STM_TRY(stm_tvar_get(tx, &pair->left, &left));
    STM_TRY(stm_tvar_get(tx, &pair->right, &right));
    return left == right ? STM_OK : (enum stm_status)STM_EUSER;
}

static bool count(struct pair *pair, int times)
{
    for (int i = 0; i < times; i++)
        if (stm_atomically(raise, pair) != STM_OK ||
            stm_atomically(look, pair) != STM_OK)
            return false;
    return true;
}

static void *count_beside(void *argument)
{
    return count((struct pair *)argument, TOGETHER) ? argument : NULL;
}

static enum stm_status get_left(struct stm_tx *tx, void *argument)
{
    struct pair *pair = (struct pair *)argument;
    stm_value left;

    STM_TRY(stm_tvar_get(tx, &pair->left, &left));
    return left == ALONE + 2 * TOGETHER ? STM_OK : (enum stm_status)STM_EUSER;
}

int main(void)
{
    struct pair pair;
    pthread_t thread;
    void *right = NULL;
    bool so;

    stm_tvar_init(&pair.left, NULL, 0);
    stm_tvar_init(&pair.right, NULL, 0);
    so = count(&pair, ALONE) &&
         pthread_create(&thread, NULL, count_beside, &pair) == 0;
    if (so) {
        so = count(&pair, TOGETHER);
        pthread_join(thread, &right);
    }
    so = so && right && stm_atomically(get_left, &pair) == STM_OK;
    if (!so)
        fprintf(stderr, "expected two equal counts of %d\n",
                ALONE + 2 * TOGETHER);
    stm_tvar_fini(&pair.left);
    stm_tvar_fini(&pair.right);
    return so ? 0 : 1;
}
