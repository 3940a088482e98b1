/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_ERROR_INTERNAL_H
#define STM_ERROR_INTERNAL_H

#include <stm/status.h>

/* Ends the process with a message, for failures of the system that cannot
 * happen unless the process is already broken. */
#define STM__MUST(condition)                                                   \
    do {                                                                       \
        if (__builtin_expect(!(condition), 0))                                 \
            stm__die(#condition, __FILE__, __LINE__);                          \
    } while (0)

_Noreturn void stm__die(const char *condition, const char *file, int line);

#endif
