/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#include "machine.h"

/* A program: transactions in a row. */

enum { TRANSACTIONS_MAX = 64, WAIT_ENDED = STM_EUSER - 99 };

struct transaction {
    size_t start;         /* of its bytes */
    enum stm_status want; /* what its last attempt must come to */
};

/* What every attempt reads, so that a retry has something to wait for. */
static struct stm_tvar *anchor;

/* One that is blocked while others run, then runs again; NULL: none. */
static struct stm_call *blocked_call;
static struct transaction blocked;

/* ---- one attempt ---- */

static enum stm_status settle(void)
{
    enum stm_status status = STM_OK;

    for (unsigned i = 0; i < SLOTS && status == STM_OK; i++)
        if (families[i] != NULL && families[i]->settle != NULL)
            status = families[i]->settle();
    return status;
}

static void begin(const struct transaction *transaction)
{
    level_begin();
    control_start();
    forget_borrowed();
    go_back(transaction->start);
    for (unsigned i = 0; i < SLOTS; i++)
        if (families[i] != NULL && families[i]->begin != NULL)
            families[i]->begin();
    say("attempt\n");
}

static enum stm_status body(struct stm_tx *tx, void *argument)
{
    struct transaction *transaction = argument;
    enum stm_status returned;
    stm_value value;

    begin(transaction);
    transaction->want = STM_CONFLICT;
    if (!agreed("stm_tvar_get", STM_OK, stm_tvar_get(tx, anchor, &value)))
        return STM_CONFLICT;
    returned = run_body(tx);
    if (escaping())
        return STM_CONFLICT;
    check_borrowed();
    transaction->want = judged(returned);
    if (transaction->want == STM_OK)
        transaction->want = settle();
    say("  end with %d, expecting %d\n", returned, transaction->want);
    return returned;
}

static void end(enum stm_status want, enum stm_status got)
{
    bool committed = got == STM_OK;

    REQUIRE(stm_current() == NULL, "a transaction runs after its end");
    REQUIRE(got == want, "the transaction: expected %d (%s), got %d (%s; %s)",
            want, stm_strstatus(want), got, stm_strstatus(got),
            stm_error_message());
    if (!committed)
        level_begin();
    for (unsigned i = 0; i < SLOTS; i++)
        if (families[i] != NULL && families[i]->end != NULL)
            families[i]->end(committed);
    level_commit();
    say("ended with %d\n", got);
}

/* ---- ways to run one ---- */

/* One that blocks is given up at its first look around. */
static enum stm_status give_up(void *context)
{
    (void)context;
    return (enum stm_status)WAIT_ENDED;
}

static void hook(void *context) { (void)context; }

static void run_at_once(struct transaction *transaction)
{
    static const struct stm_blocking hooks = {
        .enter = hook, .leave = hook, .check = give_up, .check_interval = 1};
    const struct stm_blocking *before = stm_set_blocking(&hooks);
    enum stm_status got = stm_atomically(body, transaction);

    stm_set_blocking(before);
    end(transaction->want == STM_RETRY ? (enum stm_status)WAIT_ENDED
                                       : transaction->want,
        got);
}

static enum stm_status step(struct stm_call *call,
                            const struct transaction *transaction)
{
    enum stm_status got = stm_call_step(call);

    end(transaction->want == STM_RETRY ? STM_BLOCKED : transaction->want, got);
    return got;
}

static void run_by_steps(struct transaction *transaction)
{
    struct transaction *kept = blocked_call == NULL ? &blocked : transaction;
    struct stm_call *call;

    *kept = *transaction;
    call = stm_call_new(body, kept);
    REQUIRE(call != NULL, "out of memory");
    if (step(call, kept) == STM_BLOCKED && kept == &blocked)
        blocked_call = call;
    else
        stm_call_free(call);
}

/* The one that is blocked runs again, on what the others have changed. */
static void run_blocked(void)
{
    size_t at = position();

    say("the blocked one again\n");
    if (step(blocked_call, &blocked) != STM_BLOCKED) {
        stm_call_free(blocked_call);
        blocked_call = NULL;
    }
    go_back(at);
}

/* ---- the program ---- */

static enum stm_status check_body(struct stm_tx *tx, void *argument)
{
    (void)argument;
    level_begin();
    forget_borrowed();
    check_all(tx);
    return escaping() ? STM_CONFLICT : STM_OK;
}

static void check_now(void)
{
    enum stm_status got = stm_atomically(check_body, NULL);

    REQUIRE(got == STM_OK, "the check: expected STM_OK, got %d", got);
}

static void start(void)
{
    values_start();
    anchor = stm_tvar_new(NULL, 0);
    for (unsigned i = 0; i < SLOTS; i++)
        if (families[i] != NULL && families[i]->start != NULL)
            families[i]->start();
    level_commit();
}

static void stop(void)
{
    stm_call_free(blocked_call);
    blocked_call = NULL;
    for (unsigned i = 0; i < SLOTS; i++)
        if (families[i] != NULL && families[i]->stop != NULL)
            families[i]->stop();
    stm_tvar_release(anchor);
    values_stop();
}

void run_program(const uint8_t *data, size_t size)
{
    report_start(data, size);
    machine_start(data, size);
    start();
    for (unsigned i = 0; i < TRANSACTIONS_MAX && !exhausted(); i++) {
        unsigned mode = draw();
        struct transaction transaction = {.start = position()};

        if (mode % 8 == 0 && blocked_call != NULL)
            run_blocked();
        else if (mode % 2 == 0)
            run_by_steps(&transaction);
        else
            run_at_once(&transaction);
        if (mode / 8 % 4 == 0)
            check_now();
    }
    check_now();
    stop();
}
