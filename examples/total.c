/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* A watcher that keeps a total: threads change the parts and know nothing of
 * it, and no transaction ever sees parts and a total that do not agree.
 * Whenever another tenth is reached, the watcher has the event loop say so,
 * which it does after the commit and in the order of the commits. */
#include <stdio.h>
#include <stdlib.h>

#include <stm/stm.h>

#include "crew.h"
#include "options.h"

static const char program[] = "total";

struct sheet {
    size_t parts, threads, changes;
    struct stm_tvar **part;
    struct stm_tvar *total;
    struct stm_tvar *tenths; /* that have been said */
    struct stm_eventloop *loop;
    struct stm_watcher *watcher;
};

struct member {
    struct sheet *sheet;
    size_t next; /* the part to change */
};

static size_t goal(const struct sheet *sheet)
{
    return sheet->threads * sheet->changes;
}

static enum stm_status add_up(struct stm_tx *tx, stm_value argument,
                              stm_value *result)
{
    const struct sheet *sheet = (const struct sheet *)argument;
    stm_value sum = 0, part;

    for (size_t i = 0; i < sheet->parts; i++) {
        STM_TRY(stm_tvar_get(tx, sheet->part[i], &part));
        sum += part;
    }
    *result = sum;
    return STM_OK;
}

static void say(stm_value total) { printf("%zu\n", (size_t)total); }

static enum stm_status keep_total(struct stm_tx *tx, stm_value argument,
                                  stm_value sum)
{
    const struct sheet *sheet = (const struct sheet *)argument;
    stm_value tenths = goal(sheet) == 0 ? 0 : sum * 10 / goal(sheet), said;

    STM_TRY(stm_tvar_set(tx, sheet->total, sum));
    STM_TRY(stm_tvar_get(tx, sheet->tenths, &said));
    if (tenths == said)
        return STM_OK;
    STM_TRY(stm_tvar_set(tx, sheet->tenths, tenths));
    return stm_eventloop_schedule(tx, sheet->loop, say, sum, NULL);
}

static enum stm_status watch(struct stm_tx *tx, void *argument)
{
    struct sheet *sheet = argument;
    const struct stm_watch watch = {.function = add_up,
                                    .callback = keep_total,
                                    .argument = (stm_value)sheet,
                                    .name = "total"};

    if (sheet->watcher != NULL) { /* of an attempt that did not commit */
        stm_watcher_release(sheet->watcher);
        sheet->watcher = NULL;
    }
    return stm_watch(tx, &watch, &sheet->watcher);
}

static enum stm_status unwatch(struct stm_tx *tx, void *argument)
{
    const struct sheet *sheet = argument;

    return stm_watcher_cancel(tx, sheet->watcher);
}

static enum stm_status add_one(struct stm_tx *tx, void *argument)
{
    stm_value part;

    STM_TRY(stm_tx_set_name(tx, "add"));
    STM_TRY(stm_tvar_get(tx, argument, &part));
    return stm_tvar_set(tx, argument, part + 1);
}

static void *work(void *argument)
{
    struct member *member = argument;
    const struct sheet *sheet = member->sheet;

    for (size_t i = 0; i < sheet->changes; i++) {
        struct stm_tvar *part = sheet->part[member->next++ % sheet->parts];

        must(program, stm_atomically(add_one, part), "add");
    }
    return NULL;
}

/* Waits for the total, then adds the parts up once more. */
static enum stm_status read_all(struct stm_tx *tx, void *argument)
{
    const struct sheet *sheet = argument;
    stm_value total, sum;

    STM_TRY(stm_tvar_get(tx, sheet->total, &total));
    if (total < goal(sheet))
        return stm_retry(tx);
    STM_TRY(add_up(tx, (stm_value)sheet, &sum));
    return total == sum ? STM_OK : STM_EABORT;
}

static void begin(struct sheet *sheet)
{
    sheet->part =
        must_have(program, calloc(sheet->parts, sizeof(struct stm_tvar *)));
    for (size_t i = 0; i < sheet->parts; i++)
        sheet->part[i] = must_have(program, stm_tvar_new(NULL, 0));
    sheet->total = must_have(program, stm_tvar_new(NULL, 0));
    sheet->tenths = must_have(program, stm_tvar_new(NULL, 0));
    sheet->loop = must_have(program, stm_eventloop_new());
    must(program, stm_eventloop_start(sheet->loop), "start the event loop");
    must(program, stm_atomically(watch, sheet), "watch");
}

/* What was scheduled has been said when this returns. */
static void end(struct sheet *sheet)
{
    must(program, stm_atomically(unwatch, sheet), "end the watcher");
    stm_watcher_release(sheet->watcher);
    stm_eventloop_free(sheet->loop);
    for (size_t i = 0; i < sheet->parts; i++)
        stm_tvar_release(sheet->part[i]);
    stm_tvar_release(sheet->total);
    stm_tvar_release(sheet->tenths);
    free(sheet->part);
}

static void run(struct sheet *sheet)
{
    struct member *members =
        must_have(program, calloc(sheet->threads, sizeof *members));
    struct crew *crew;

    for (size_t i = 0; i < sheet->threads; i++)
        members[i] = (struct member){.sheet = sheet, .next = i};
    crew = crew_start(program, work, members, sheet->threads, sizeof *members);
    must(program, stm_atomically(read_all, sheet), "compare with the parts");
    crew_join(crew);
    free(members);
}

int main(int argc, char **argv)
{
    struct sheet sheet = {.parts = 8, .threads = 4, .changes = 10000};
    const struct count_option options[] = {
        {"parts", &sheet.parts, 1, 100000, "how many parts there are"},
        {"threads", &sheet.threads, 1, 10000, "how many threads change them"},
        {"changes", &sheet.changes, 0, 1000000000, "how often each adds one"}};

    options_parse(program,
                  "Adds to parts on several threads while a watcher keeps "
                  "their total, and prints\nthe total at each tenth of the "
                  "way.\n",
                  options, sizeof options / sizeof options[0], argc, argv);
    begin(&sheet);
    run(&sheet);
    end(&sheet);
    printf("%zu parts add up to %zu\n", sheet.parts, goal(&sheet));
    must_print(program);
    return 0;
}
