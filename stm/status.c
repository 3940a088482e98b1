/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <stm/error-internal.h>
#include <stm/fast.h>

static STM__THREAD_LOCAL char message[512] = "no error";

const char *stm_strstatus(enum stm_status status)
{
    switch (status) {
    case STM_OK:
        return "STM_OK: success";
    case STM_RETRY:
        return "STM_RETRY: waits for something it read to change";
    case STM_CONFLICT:
        return "STM_CONFLICT: what was read has changed";
    case STM_BLOCKED:
        return "STM_BLOCKED: the call must wait";
    case STM_ENOMEM:
        return "STM_ENOMEM: out of memory";
    case STM_EMISUSE:
        return "STM_EMISUSE: wrong use";
    case STM_EEMPTY:
        return "STM_EEMPTY: no item";
    case STM_ERANGE:
        return "STM_ERANGE: index out of range";
    case STM_ETIMEOUT:
        return "STM_ETIMEOUT: the time is over";
    case STM_EABORT:
        return "STM_EABORT: undone on request";
    case STM_EDIVERGED:
        return "STM_EDIVERGED: watchers do not settle";
    case STM_EINTERRUPTED:
        return "STM_EINTERRUPTED: a signal handler ran";
    case STM_ETHREAD:
        return "STM_ETHREAD: no thread could be started";
    case STM_ECLOSED:
        return "STM_ECLOSED: closed, takes nothing more";
    case STM_EFULL:
        return "STM_EFULL: no room";
    case STM_ENOTFOUND:
        return "STM_ENOTFOUND: no such key or item";
    case STM_EDONE:
        return "STM_EDONE: ended already";
    case STM_EINVARIANT:
        return "STM_EINVARIANT: an invariant does not hold";
    case STM_EFORKED:
        return "STM_EFORKED: the transaction goes on in the parent process";
    case STM_ECANCELLED:
        return "STM_ECANCELLED: cancelled";
    case STM_EUSER:
        break;
    }
    return (int)status <= STM_EUSER ? "an error of the transaction's body"
                                    : "not a status of this library";
}

const char *stm_error_message(void) { return message; }

enum stm_status stm_error(enum stm_status status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return status;
}

/* GCOVR_EXCL_START: only what the system cannot do comes here. */
_Noreturn void stm__die(const char *condition, const char *file, int line)
{
    fprintf(stderr, "stm: %s:%d: %s does not hold\n", file, line, condition);
    abort();
}
/* GCOVR_EXCL_STOP */
