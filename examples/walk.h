/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_WALK_H
#define EXAMPLES_WALK_H

#include <stdbool.h>

/* What a walk reports to. */
struct walker {
    /* A regular file; the path, from malloc, is the callee's from now on.
     * False ends the walk. */
    bool (*found)(char *path, void *context);

    /* A path that cannot be looked at, and the errno value that says why. */
    void (*failed)(const char *path, int error, void *context);

    void *context;
};

/* Goes through a path and everything below it, in no particular order, and
 * spells the paths as `find PATH -type f` does.  Symbolic links are not
 * followed.  Returns false for want of memory, or when found did. */
bool walk(const char *path, const struct walker *walker);

#endif
