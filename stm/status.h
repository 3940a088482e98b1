/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_STATUS_H
#define STM_STATUS_H

/* Every call that can fail says how by one of these.  Zero is success;
 * positive values are control flow, which a transaction's body passes on
 * unchanged; negative values are errors.  A result is written to its
 * out-parameter only with STM_OK. */

#if defined(__GNUC__)
#define STM_NODISCARD __attribute__((warn_unused_result))
#define STM_API __attribute__((visibility("default")))
#else
#define STM_NODISCARD
#define STM_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum stm_status {
    STM_OK = 0,

    /* Control.  RETRY and CONFLICT are sticky: see stm/transaction.h. */
    STM_RETRY = 1,    /* the attempt waits for something it read to change */
    STM_CONFLICT = 2, /* what the attempt read has changed; it runs again */
    STM_BLOCKED = 3,  /* a stepped call must wait: stm_call_wait */

    /* Errors. */
    STM_ENOMEM = -1,       /* out of memory; nothing was changed */
    STM_EMISUSE = -2,      /* wrong use; stm_error_message() says which */
    STM_EEMPTY = -3,       /* the container has no item */
    STM_ERANGE = -4,       /* an index is out of range */
    STM_ETIMEOUT = -5,     /* the time is over */
    STM_EABORT = -6,       /* the body's own "undo all this" */
    STM_EDIVERGED = -7,    /* watchers that disturb each other do not settle */
    STM_EINTERRUPTED = -8, /* a signal handler ran while the call waited */
    STM_ETHREAD = -9,      /* the system would not start a thread */
    STM_ECLOSED = -10,     /* the pool or loop takes nothing more */
    STM_EFULL = -11,       /* the container has no room */
    STM_ENOTFOUND = -12,   /* the container has no such key or item */
    STM_EDONE = -13,       /* the future has ended already */
    STM_EINVARIANT = -14,  /* an invariant does not hold */
    STM_EFORKED = -15,     /* the process was forked in this transaction, which
                              goes on in the parent alone */
    STM_ECANCELLED = -16,  /* the future was cancelled */

    /* STM_EUSER and everything below belong to the user: a body that returns
     * such a value aborts, and stm_atomically returns the value as it is. */
    STM_EUSER = -1000
};

/* Returns the name and meaning of a status, a static string, never NULL. */
STM_API const char *stm_strstatus(enum stm_status status);

/* Returns what the last STM_EMISUSE, STM_EDIVERGED or STM_EINVARIANT on this
 * thread was about: what was wrong and what was expected.  The string belongs
 * to the thread and lasts until its next error. */
STM_API const char *stm_error_message(void);

/* Sets that message, in the manner of printf, and returns the status: for
 * libraries built on this one, and for bodies. */
STM_API enum stm_status stm_error(enum stm_status status, const char *format,
                                  ...) __attribute__((format(printf, 2, 3)));

/* For functions that return a status and own nothing at this point: passes
 * anything but STM_OK on to the caller. */
#define STM_TRY(call)                                                          \
    do {                                                                       \
        enum stm_status stm_try_status_ = (call);                              \
        if (stm_try_status_ != STM_OK)                                         \
            return stm_try_status_;                                            \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
