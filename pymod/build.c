/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* How this module was built, for reports of bugs. */

#include "module-internal.h"

#include <dlfcn.h>
#include <stdint.h>

#define STRING(text) #text
#define DOTTED(major, minor, patch)                                            \
    STRING(major) "." STRING(minor) "." STRING(patch)

#if defined __clang__
#define COMPILER                                                               \
    "clang " DOTTED(__clang_major__, __clang_minor__, __clang_patchlevel__)
#else
#define COMPILER "gcc " DOTTED(__GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__)
#endif

#if defined __has_feature
#define INSTRUMENTED(name) __has_feature(name)
#else
#define INSTRUMENTED(name) 0
#endif
#if defined __SANITIZE_THREAD__ || INSTRUMENTED(thread_sanitizer)
#define SANITIZER "thread"
#elif defined __SANITIZE_ADDRESS__ || INSTRUMENTED(address_sanitizer)
#define SANITIZER "address"
#else
#define SANITIZER NULL
#endif

#if defined __OPTIMIZE__
#define OPTIMIZED Py_True
#else
#define OPTIMIZED Py_False
#endif
#if defined NDEBUG
#define ASSERTIONS Py_False
#else
#define ASSERTIONS Py_True
#endif
#if defined STM_SHAKE
#define SHAKE Py_True
#else
#define SHAKE Py_False
#endif
#if defined Py_GIL_DISABLED
#define FREE_THREADED Py_True
#else
#define FREE_THREADED Py_False
#endif

/* The file from which the running program has the library, or NULL. */
static const char *library_path(void)
{
    Dl_info info;

    if (dladdr((const void *)(uintptr_t)stm_atomically, &info) == 0)
        return NULL;
    return info.dli_fname;
}

PyDoc_STRVAR(build_info_doc, "build_info($module, /)\n--\n\n"
                             "Return how this module was built, as a dict.");

static PyObject *build_info(PyObject *Py_UNUSED(module),
                            PyObject *Py_UNUSED(unused))
{
    return Py_BuildValue("{szszszszsOsOsOsO}", "compiler", COMPILER, "python",
                         PY_VERSION, "library", library_path(), "sanitizer",
                         SANITIZER, "optimized", OPTIMIZED, "assertions",
                         ASSERTIONS, "shake", SHAKE, "free_threaded",
                         FREE_THREADED);
}

PyMethodDef stm__build_functions[] = {
    {"build_info", build_info, METH_NOARGS, build_info_doc},
    {NULL, NULL, 0, NULL},
};
