/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_RECORD_INTERNAL_H
#define STM_RECORD_INTERNAL_H

/* The history of what attempts read, wrote and came to, for the torture
 * programs: in a build with STM_RECORD the core passes STM__RECORD wherever
 * there is something to write down, in any other build that is nothing.
 *
 * Each thread writes into chunks of its own and shares no lock and no counter
 * with the others, so that recording orders nothing that was not ordered. */
#ifdef STM_RECORD

#include <stdio.h>

#include <stm/park-internal.h>
#include <stm/value.h>

#define STM__RECORD(what, ...) stm__record_##what(__VA_ARGS__)

/* ---- in the core ---- */

/* Before the snapshot is taken. */
void stm__record_begin(void);

/* After the last unlock and the last wake-up.  An enum stm__outcome. */
void stm__record_end(int outcome);

/* The version with which the attempt publishes; 0 if it does not. */
void stm__record_stamp(uint64_t version);

/* A variable is anything with an address of its own; the programs also record
 * what they read from and write to a container, as if it were one. */
void stm__record_read(const void *var, stm_value value);
void stm__record_write(const void *var, stm_value value);

/* A savepoint, by its address; undoing one undoes those within it. */
void stm__record_nest(const void *savepoint);
void stm__record_merge(const void *savepoint);
void stm__record_undo(const void *savepoint);

/* From here on the attempt looks at what it was before the innermost savepoint,
 * or before everything; and at the present again. */
void stm__record_rewind(bool outermost);
void stm__record_replay(void);

/* The call is about to register with what it has read; it is about to sleep,
 * registered and validated; and it is registered no more, on the same thread.
 */
void stm__record_registers(void);
void stm__record_blocked(const void *call);
void stm__record_awake(const void *call, const struct stm__parker *parker);

/* ---- in the programs ---- */

/* The attempt has scheduled an event, or an action for after its commit; and
 * one has run.  Each number once. */
void stm__record_event(uint64_t number);
void stm__record_action(uint64_t number);
void stm__record_ran(uint64_t number);

/* Forgets what was recorded and begins anew, or stops.  Only threads that run
 * no transaction meanwhile may have recorded before. */
void stm__record_start(void);
void stm__record_stop(void);

/* Has a thread recorded far more than any short history has?  Then nothing more
 * of it is recorded. */
bool stm__record_full(void);

/* A variable that the history is about. */
struct stm__record_name {
    const void *var;
    char name[16];
    stm_value initial;
};

/* Writes the attempts so far, a line of JSON each: tests/torture/history.py
 * tells the format.  Other threads may go on; what they have not finished is
 * written as still running or asleep. */
void stm__record_dump(FILE *stream, const struct stm__record_name *names,
                      size_t count);

#else
#define STM__RECORD(what, ...) ((void)0)
#endif

#endif
