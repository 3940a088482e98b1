/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_SLEEPER_H
#define TESTS_UNIT_SLEEPER_H

#include "support.h"

#define MILLISECOND UINT64_C(1000000)
#define HOUR (3600 * UINT64_C(1000000000))

/* A watcher whose function asks for a time, and notes whether it has come. */
struct sleeper {
    uint64_t wait;           /* how long */
    struct stm_tvar *waits;  /* not NULL: read for that instead */
    struct timespec moment;  /* not 0: until so many seconds after that, by the
                                wall clock */
    enum stm_status failure; /* of the run that finds that it has come */
    struct stm_tvar *over;   /* set to 1 by that run, else to 0 */
    struct stm_tvar *runs;   /* how often it ran */
    struct stm_watcher *handle;

    /* The watcher's argument, if it has a type; the functions then find the
     * only sleeper that has one. */
    stm_value argument;
    const struct stm_type *type;

    uint64_t asked; /* when the last attempt to create it began */
};

void sleeper_init(struct sleeper *sleeper, uint64_t wait);
void sleeper_fini(struct sleeper *sleeper);

/* Makes the argument a new counted object, of which the caller has a reference.
 */
void sleeper_give_argument(struct sleeper *sleeper);

/* Creates the watcher; and as part of a transaction. */
void sleeper_create(struct sleeper *sleeper);
STM_NODISCARD enum stm_status sleeper_create_body(struct stm_tx *tx,
                                                  void *sleeper);

void sleeper_cancel(struct sleeper *sleeper);

/* A transaction that blocks until the variable holds that. */
void await_value(struct stm_tvar *var, stm_value value);

/* Keeps the service thread from running anything until gate_open; gate_await
 * waits until it is about to. */
void gate_close(void);
void gate_await(void);
void gate_open(void);

/* Yields until no thread is left but this one, and no counted object. */
void await_no_thread(void);
void await_no_counted(void);

#endif
