/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "machine.h"

/* Bodies: what nests, and how a body ends. */

enum {
    BRANCHES_MAX = 3,
    FRESH = 100 /* bytes below it choose a family; others stay with the last */
};

static unsigned nesting;
static unsigned last_slot; /* SLOTS: none yet */

void control_start(void)
{
    nesting = 0;
    last_slot = SLOTS;
}

enum stm_status judged(enum stm_status returned)
{
    if (doom() == STM_OK && returned == STM_RETRY)
        set_doom(STM_RETRY);
    if (doom() != STM_OK)
        return doom();
    return returned > 0 ? STM_EMISUSE : returned;
}

/* ---- bodies within a body ---- */

/* Begins one: a new level. */
static void enter(const char *what)
{
    say("%*s%s {\n", 2 * (int)level_depth() + 2, "", what);
    level_push();
    nesting++;
}

/* Ends it; `undone`: the model goes back to where the body began. */
static void leave(bool undone)
{
    if (undone)
        level_restore();
    level_pop();
    nesting--;
    say("%*s}\n", 2 * (int)level_depth() + 2, "");
}

/* Runs the operations and notes what the body returned. */
static enum stm_status noting_body(struct stm_tx *tx, void *argument)
{
    enum stm_status *returned = argument;

    REQUIRE(doom() == STM_OK, "a body ran in a doomed attempt");
    return *returned = run_body(tx);
}

static enum stm_status run_nested(struct stm_tx *tx)
{
    enum stm_status returned = STM_OK, want, got;

    (void)tx;
    enter("atomically");
    got = stm_atomically(noting_body, &returned);
    want = judged(returned);
    if (!agreed("stm_atomically", want, got))
        return STM_CONFLICT;
    leave(want != STM_OK);
    return got;
}

struct choice {
    unsigned ran;         /* branches so far */
    enum stm_status last; /* what the last one came to */
};

static enum stm_status branch_body(struct stm_tx *tx, void *argument)
{
    struct choice *choice = argument;
    enum stm_status returned;

    if (choice->ran > 0) {
        REQUIRE(choice->last == STM_RETRY,
                "or_else ran another branch after one that returned %d",
                choice->last);
        level_restore();
        set_doom(STM_OK);
        say("%*sor\n", 2 * (int)level_depth(), "");
    }
    choice->ran++;
    returned = run_body(tx);
    choice->last = escaping() ? STM_CONFLICT : judged(returned);
    return returned;
}

static enum stm_status run_or_else(struct stm_tx *tx)
{
    struct choice choice = {0, STM_RETRY};
    const struct stm_branch branches[BRANCHES_MAX] = {
        {branch_body, &choice}, {branch_body, &choice}, {branch_body, &choice}};
    unsigned count = draw() % (BRANCHES_MAX + 1);
    bool doomed = doom() != STM_OK;
    enum stm_status got;

    enter("or_else");
    got = stm_or_else(tx, branches, count);
    if (!agreed("stm_or_else", choice.last, got))
        return STM_CONFLICT;
    REQUIRE(choice.last != STM_RETRY || choice.ran == (doomed ? 0 : count),
            "or_else ran %u branches that retried, expected %u", choice.ran,
            doomed ? 0 : count);
    leave(got != STM_OK);
    if (got == STM_RETRY)
        set_doom(STM_RETRY);
    return got;
}

static enum stm_status run_would_block(struct stm_tx *tx)
{
    enum stm_status returned = STM_OK, want = doom(), got;
    bool blocks = false, retried;

    enter("would_block");
    got = stm_would_block(tx, noting_body, &returned, &blocks);
    if (!agreed("stm_would_block", want, got))
        return STM_CONFLICT;
    retried = want == STM_OK && judged(returned) == STM_RETRY;
    REQUIRE(blocks == retried, "would_block said %d, expected %d", blocks,
            retried);
    set_doom(want);
    leave(true);
    return got;
}

static enum stm_status run_previously(struct stm_tx *tx, enum stm_point point)
{
    enum stm_status returned = STM_OK, want, got;

    enter(point == STM_OUTERMOST ? "previously, outermost" : "previously");
    level_recall(point == STM_OUTERMOST);
    level_push();
    got = stm_previously(tx, noting_body, &returned, point);
    want = judged(returned);
    if (!agreed("stm_previously", want, got))
        return STM_CONFLICT;
    level_pop();
    leave(true);
    return got;
}

/* ---- what is no operation of a family ---- */

/* How a body ends by itself: mostly well. */
static enum stm_status end_body(bool well, bool *ended)
{
    static const enum stm_status ways[] = {STM_EABORT, STM_EUSER - 3, STM_RETRY,
                                           STM_BLOCKED};
    enum stm_status status = well ? STM_OK : ways[draw() % 4];

    *ended = true;
    say("%*sreturn %d\n", 2 * (int)level_depth() + 2, "", status);
    return status;
}

static enum stm_status run_retry(struct stm_tx *tx)
{
    enum stm_status got = stm_retry(tx);

    say("%*sretry\n", 2 * (int)level_depth() + 2, "");
    if (!agreed("stm_retry", STM_RETRY, got))
        return STM_CONFLICT;
    set_doom(STM_RETRY);
    return got;
}

static enum stm_status run_control(struct stm_tx *tx, bool *ended)
{
    unsigned drawn = draw() % 16;

    if (drawn < 9 && nesting == NESTING_MAX)
        return STM_OK;
    if (drawn < 4)
        return run_nested(tx);
    if (drawn < 6)
        return run_or_else(tx);
    if (drawn < 7)
        return run_would_block(tx);
    if (drawn < 9)
        return run_previously(tx, drawn == 7 ? STM_INNERMOST : STM_OUTERMOST);
    if (drawn < 10) {
        check_all(tx);
        return STM_OK;
    }
    if (drawn < 11)
        return run_retry(tx);
    return end_body(drawn < 15, ended);
}

static enum stm_status run_next(struct stm_tx *tx, bool *ended)
{
    unsigned drawn = draw();
    bool same = drawn >= FRESH && last_slot < SLOTS;
    unsigned slot = same ? last_slot : drawn % SLOTS;

    if (families[slot] == NULL)
        return run_control(tx, ended);
    last_slot = slot;
    return run_operation(tx, slot, same);
}

enum stm_status run_body(struct stm_tx *tx)
{
    while (!exhausted() && !escaping()) {
        bool ended = false;
        enum stm_status status = run_next(tx, &ended);

        if (ended)
            return status;
        if (status == STM_RETRY && draw() % 4 != 0)
            return status;
        if (status < 0 && draw() % 16 == 0)
            return status;
    }
    return escaping() ? STM_CONFLICT : STM_OK;
}
