/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "fuzz.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>

/* fuzz_replay FILE...: runs the programs in these files. */
int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s FILE...\n", argv[0]);
        return EXIT_FAILURE;
    }
    for (int i = 1; i < argc; i++) {
        struct stored program = store_read(argv[i]);

        run_program(program.data, program.size);
        free(program.data);
    }
    return EXIT_SUCCESS;
}
