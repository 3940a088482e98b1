/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The counts of transactions. */

#include "module-internal.h"

#include <stdlib.h>

static PyObject *as_dict(const struct stm_stats *stats)
{
    return Py_BuildValue("{sKsKsKsKsKsKsKsK}", "attempts",
                         (unsigned long long)stats->attempts, "commits",
                         (unsigned long long)stats->commits, "conflicts",
                         (unsigned long long)stats->conflicts, "retries",
                         (unsigned long long)stats->retries, "aborts",
                         (unsigned long long)stats->aborts, "wakeups",
                         (unsigned long long)stats->wakeups, "spurious",
                         (unsigned long long)stats->spurious, "escalations",
                         (unsigned long long)stats->escalations);
}

static PyObject *stats_read(PyObject *module, PyObject *args)
{
    struct stm_stats stats;
    const char *name = NULL;

    (void)module;
    if (!PyArg_ParseTuple(args, "|z:stats_read", &name))
        return NULL;
    if (name == NULL)
        stm_stats_read(&stats);
    else
        stm_stats_read_name(name, &stats);
    return as_dict(&stats);
}

static PyObject *stats_text(PyObject *module, PyObject *unused)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    PyObject *result;

    (void)module;
    (void)unused;
    if (stream == NULL)
        return PyErr_SetFromErrno(PyExc_OSError);
    stm_stats_print(stream);
    if (fclose(stream) != 0)
        result = PyErr_SetFromErrno(PyExc_OSError);
    else
        result = PyUnicode_DecodeUTF8(text, (Py_ssize_t)length, "replace");
    free(text);
    return result;
}

PyDoc_STRVAR(stats_read_doc,
             "stats_read($module, name=None, /)\n--\n\n"
             "Return the counts, of all transactions or of those of one name.");

PyDoc_STRVAR(stats_text_doc, "stats_text($module, /)\n--\n\n"
                             "Return the counts as text, a line each.");

PyMethodDef stm__stats_functions[] = {
    {"stats_read", stats_read, METH_VARARGS, stats_read_doc},
    {"stats_text", stats_text, METH_NOARGS, stats_text_doc},
    {NULL, NULL, 0, NULL},
};
