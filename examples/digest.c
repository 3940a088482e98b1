/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

enum { BUFFER_SIZE = 128 * 1024 };

/* What one thread hashes with, file after file. */
struct hasher {
    EVP_MD_CTX *context;
    unsigned char buffer[BUFFER_SIZE];
};

static EVP_MD *sha256; /* constant between digest_init and digest_fini */
static _Thread_local struct hasher *hasher;

bool digest_init(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    return sha256 != NULL;
}

void digest_fini(void)
{
    EVP_MD_free(sha256);
    sha256 = NULL;
}

bool digest_thread_init(void)
{
    hasher = malloc(sizeof *hasher);
    if (hasher == NULL)
        return false;
    hasher->context = EVP_MD_CTX_new();
    if (hasher->context != NULL)
        return true;
    free(hasher);
    return false;
}

void digest_thread_fini(void)
{
    EVP_MD_CTX_free(hasher->context);
    free(hasher);
}

/* Returns 0 or an errno value. */
static int hash_open_file(int file, unsigned char *bytes)
{
    if (!EVP_DigestInit_ex2(hasher->context, sha256, NULL))
        return ENOMEM;
    for (;;) {
        ssize_t got = read(file, hasher->buffer, BUFFER_SIZE);

        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            return errno;
        if (got > 0 &&
            !EVP_DigestUpdate(hasher->context, hasher->buffer, (size_t)got))
            return ENOMEM;
    }
    return EVP_DigestFinal_ex(hasher->context, bytes, NULL) ? 0 : ENOMEM;
}

void digest_file(const char *path, struct digest *out)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (file < 0) {
        out->error = errno;
        return;
    }
    out->error = hash_open_file(file, out->bytes);
    close(file);
}

/* A name with one of these is escaped, and its line begins with a backslash. */
static const char escaped[] = "\\\n\r";

static void print_escaped(FILE *stream, const char *path)
{
    for (; *path != '\0'; path++) {
        switch (*path) {
        case '\\':
            fputs("\\\\", stream);
            break;
        case '\n':
            fputs("\\n", stream);
            break;
        case '\r':
            fputs("\\r", stream);
            break;
        default:
            putc(*path, stream);
        }
    }
}

void digest_print(FILE *stream, const struct digest *digest, const char *path)
{
    static const char digits[] = "0123456789abcdef";
    bool odd = path[strcspn(path, escaped)] != '\0';
    char line[2 * DIGEST_SIZE + 3];
    char *end = line;

    for (int i = 0; i < DIGEST_SIZE; i++) {
        *end++ = digits[digest->bytes[i] >> 4];
        *end++ = digits[digest->bytes[i] & 15];
    }
    memcpy(end, "  ", 3);
    if (odd)
        putc('\\', stream);
    fputs(line, stream);
    if (odd)
        print_escaped(stream, path);
    else
        fputs(path, stream);
    putc('\n', stream);
}
