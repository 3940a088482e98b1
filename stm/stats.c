/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include <stm/ledger-internal.h>

static void convert(const struct stm__counts *counts, struct stm_stats *out)
{
    out->commits = counts->of[STM__COMMIT];
    out->conflicts = counts->of[STM__CONFLICT];
    out->retries = counts->of[STM__RETRY];
    out->aborts = counts->of[STM__ABORT];
    out->attempts = out->commits + out->conflicts + out->retries + out->aborts;
    out->wakeups = counts->of[STM__WAKEUP];
    out->spurious = counts->of[STM__SPURIOUS];
    out->escalations = counts->of[STM__ESCALATION];
}

void stm_stats_read(struct stm_stats *out)
{
    struct stm__counts total;

    stm__counts_total(&total);
    convert(&total, out);
}

static void read_name(const struct stm__name *name, struct stm_stats *out)
{
    struct stm__counts counts = {{0}};

    stm__counts_add(&counts, &name->counts);
    convert(&counts, out);
}

void stm_stats_read_name(const char *name, struct stm_stats *out)
{
    memset(out, 0, sizeof *out);
    for (const struct stm__name *n = stm__names(); n; n = n->next)
        if (strcmp(n->text, name) == 0)
            read_name(n, out);
}

static void print(FILE *stream, const char *name, const struct stm_stats *stats)
{
    const struct {
        const char *word;
        uint64_t count;
    } lines[] = {
        {"attempts", stats->attempts},
        {"commits", stats->commits},
        {"conflicts", stats->conflicts},
        {"retries", stats->retries},
        {"aborts", stats->aborts},
        {"wake-ups", stats->wakeups},
        {"spurious wake-ups", stats->spurious},
        {"escalations", stats->escalations},
    };

    fprintf(stream, "stm: %s\n", name);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        fprintf(stream, "  %-18s %12" PRIu64 "\n", lines[i].word,
                lines[i].count);
}

void stm_stats_print(FILE *stream)
{
    struct stm_stats stats;

    stm_stats_read(&stats);
    print(stream, "all transactions", &stats);
    for (const struct stm__name *n = stm__names(); n; n = n->next) {
        read_name(n, &stats);
        print(stream, n->text, &stats);
    }
}
