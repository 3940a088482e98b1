/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <stm/tx-internal.h>

static AO_t names; /* struct stm__name *; grows at the front */

void stm__counts_add(struct stm__counts *sum, const struct stm__counts *counts)
{
    for (size_t i = 0; i < STM__EVENTS; i++)
        sum->of[i] += AO_load(&counts->of[i]);
}

struct stm__name *stm__names(void)
{
    return (struct stm__name *)AO_load_acquire(&names);
}

static struct stm__name *find(struct stm__name *name, const char *text)
{
    while (name && strcmp(name->text, text) != 0)
        name = name->next;
    return name;
}

struct stm__name *stm__name_of(const char *text)
{
    struct stm__name *head = stm__names();
    struct stm__name *name = find(head, text), *found;
    size_t length = strlen(text) + 1;

    if (name)
        return name;
    name = calloc(1, sizeof *name + length);
    if (!name)
        return NULL;
    memcpy(name->text, text, length);
    for (;;) {
        name->next = head;
        if (AO_compare_and_swap_full(&names, (AO_t)head, (AO_t)name))
            return name;
        head = stm__names();
        found = find(head, text);
        if (found) {
            free(name);
            return found;
        }
    }
}

static void print_at_exit(void) { stm_stats_print(stderr); }

__attribute__((constructor)) static void heed_environment(void)
{
    const char *wish = getenv("STM_STATS");

    if (wish && strcmp(wish, "1") == 0)
        atexit(print_at_exit);
}
