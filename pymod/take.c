/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The arguments block and timeout, which mean the same in every container. */

#include "module-internal.h"

int stm__patience_init(struct stm__patience *patience, int block,
                       PyObject *seconds)
{
    patience->block = block;
    return stm__nanoseconds(seconds, &patience->timeout);
}

enum stm_status stm__wait_instead(struct stm_tx *tx, enum stm_status status,
                                  const struct stm__patience *patience)
{
    const uint64_t *after = &patience->timeout;

    if (!patience->block)
        return status;
    STM_TRY(stm__check_timeout(tx, *after == STM_FOREVER ? NULL : after, NULL));
    return stm_retry(tx);
}

static enum stm_status take_or_wait(const struct stm__taking *taking,
                                    struct stm_tx *tx, PyObject *container,
                                    const struct stm__patience *patience,
                                    stm_value *out)
{
    enum stm_status status = taking->take(tx, container, out);

    return status == STM_EEMPTY ? stm__wait_instead(tx, status, patience)
                                : status;
}

PyObject *stm__take_item(const struct stm__taking *taking, PyObject *container,
                         PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"block", "timeout", NULL};
    struct stm_tx *tx = stm__transaction(taking->what);
    int block = taking->block;
    PyObject *seconds = Py_None;
    struct stm__patience patience;
    enum stm_status status;
    stm_value item;

    if (tx == NULL ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, taking->format, keywords,
                                     &block, &seconds) ||
        stm__patience_init(&patience, block, seconds) < 0)
        return NULL;
    status = take_or_wait(taking, tx, container, &patience, &item);
    if (status != STM_OK)
        return stm__raise(stm__state_of(container), status);
    return Py_NewRef((PyObject *)item);
}
