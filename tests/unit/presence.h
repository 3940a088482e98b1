/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_PRESENCE_H
#define TESTS_UNIT_PRESENCE_H

#include "support.h"

/* A thread that is in an attempt for as long as it is wanted there. */
struct presence {
    struct stm_tvar *var; /* counted, which it has read, or NULL */
    AO_t inside;
    AO_t over;
};

/* Returns once the attempt has read the variable. */
struct crew *presence_enter(struct presence *presence);

/* Lets it end, and waits for that. */
void presence_leave(struct presence *presence, struct crew *crew);

/* A variable that holds a new counted object, 0, as a value of that type. */
struct stm_tvar *var_of(const struct stm_type *type);

/* Yields until so many counted objects are left. */
void await_live(size_t count);

#endif
