/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Times as Python gives them. */

#include "module-internal.h"

#include <math.h>

#define NANO 1000000000

/* Nothing is later than this: some 290 years. */
#define LAST_SECOND 9.2e9

static int as_double(PyObject *number, double *out)
{
    *out = PyFloat_AsDouble(number);
    if (*out == -1.0 && PyErr_Occurred() != NULL)
        return -1;
    if (isnan(*out)) {
        PyErr_SetString(PyExc_ValueError, "a time must not be NaN");
        return -1;
    }
    return 0;
}

int stm__nanoseconds(PyObject *seconds, uint64_t *out)
{
    double value;

    *out = STM_FOREVER;
    if (seconds == NULL || seconds == Py_None)
        return 0;
    if (as_double(seconds, &value) < 0)
        return -1;
    if (value <= 0)
        *out = 0;
    else if (value < LAST_SECOND)
        *out = (uint64_t)ceil(value * NANO);
    return 0;
}

int stm__moment(PyObject *time, struct timespec *out)
{
    double value, whole;

    if (as_double(time, &value) < 0)
        return -1;
    value = fmax(0, fmin(value, LAST_SECOND));
    whole = floor(value);
    *out = (struct timespec){.tv_sec = (time_t)whole,
                             .tv_nsec = (long)((value - whole) * NANO)};
    return 0;
}

enum stm_status stm__check_timeout(struct stm_tx *tx, const uint64_t *after,
                                   const struct timespec *at)
{
    bool over = false;

    if (after != NULL)
        STM_TRY(stm_elapsed(tx, *after, &over));
    if (at != NULL && !over)
        STM_TRY(stm_elapsed_at(tx, at, &over));
    return over ? STM_ETIMEOUT : STM_OK;
}
