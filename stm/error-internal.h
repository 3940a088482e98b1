/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_ERROR_INTERNAL_H
#define STM_ERROR_INTERNAL_H

#include <stm/status.h>

/* Sets the thread's error message and returns the status: what was wrong and
 * what was expected, in the manner of printf. */
enum stm_status stm__error(enum stm_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Ends the process with a message, for failures of the system that cannot
 * happen unless the process is already broken. */
#define STM__MUST(condition)                                                   \
    do {                                                                       \
        if (__builtin_expect(!(condition), 0))                                 \
            stm__die(#condition, __FILE__, __LINE__);                          \
    } while (0)

_Noreturn void stm__die(const char *condition, const char *file, int line);

#endif
