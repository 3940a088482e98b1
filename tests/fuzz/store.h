/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_STORE_H
#define TESTS_FUZZ_STORE_H

#include <stddef.h>
#include <stdint.h>

/* Programs in files. */
struct stored {
    uint8_t *data; /* the caller frees it */
    size_t size;
};

/* Ends the process if the file cannot be read. */
struct stored store_read(const char *path);

/* All files of a folder, in the order of their names; *count says how many. */
struct stored *store_read_folder(const char *path, size_t *count);

#endif
