/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_DIGEST_H
#define EXAMPLES_DIGEST_H

#include <stdbool.h>
#include <stdio.h>

enum { DIGEST_SIZE = 32 };

/* What came of one file. */
struct digest {
    int error; /* 0, or the errno value that says why there are no bytes */
    unsigned char bytes[DIGEST_SIZE];
};

/* Before the first and after the last thread hashes.  False: no SHA-256. */
bool digest_init(void);
void digest_fini(void);

/* Before a thread hashes its first file and after its last.  False: no
 * memory. */
bool digest_thread_init(void);
void digest_thread_fini(void);

/* Hashes a file, on a thread that has been set up. */
void digest_file(const char *path, struct digest *out);

/* Prints a line as sha256sum does. */
void digest_print(FILE *stream, const struct digest *digest, const char *path);

#endif
