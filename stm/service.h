/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_SERVICE_H
#define STM_SERVICE_H

#include <stm/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The library's service thread runs watchers whose time has come and commits
 * the deaths of weakly referenced objects.  It exists only while one of these
 * is to be waited for.  It takes no signals.  What it runs should be quick,
 * since the others wait for it meanwhile. */
struct stm_service {
    /* Around a watcher, or some deaths, that the thread deals with, their
     * transactions and what those release, with nothing locked: for instance,
     * attach the thread to an interpreter.  May be NULL. */
    void (*enter)(void *context);
    void (*leave)(void *context);

    /* A transaction of the thread's failed, and no one called it: told what
     * with, between enter and leave, in no transaction.  It is not run again.
     * A retry is a failure here: STM_EMISUSE, with a message that says so.
     * NULL: a line on standard error. */
    void (*unhandled)(void *context, enum stm_status status,
                      const char *message);

    void *context;
};

/* Sets the process's hooks, which the caller keeps (NULL: none), and returns
 * those set before, which the thread may still be about to use: hooks last as
 * long as the process.  Any thread. */
STM_API const struct stm_service *
stm_set_service(const struct stm_service *service);

#ifdef __cplusplus
}
#endif
#endif
