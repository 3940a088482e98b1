/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Clerks transfer money between accounts while an auditor adds all of them up,
 * again and again: the total is never wrong.  A transfer is paid from the
 * balance or else overdraws the account or else is refused; each way is a
 * function that retries where it cannot be gone. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <stm/stm.h>

#include "crew.h"
#include "options.h"

static const char program[] = "bank";

enum { BALANCE = 100, OVERDRAFT = 50, MOST_AT_ONCE = 80 };

enum way { PAID, OVERDRAWN, REFUSED, WAYS };

struct bank {
    size_t accounts, clerks, transfers;
    struct stm_tvar **balances;
    struct stm_tvar *working; /* how many clerks */
};

struct clerk {
    struct bank *bank;
    uint64_t random; /* never 0 */
    size_t tally[WAYS];
};

struct transfer {
    struct stm_tvar *source, *target;
    intptr_t amount;
    enum way way; /* that of the last attempt, and so of the commit */
};

static enum stm_status withdraw(struct stm_tx *tx, struct stm_tvar *account,
                                intptr_t amount, intptr_t least)
{
    stm_value balance;

    STM_TRY(stm_tvar_get(tx, account, &balance));
    if ((intptr_t)balance - amount < least)
        return stm_retry(tx);
    return stm_tvar_set(tx, account, balance - (stm_value)amount);
}

static enum stm_status deposit(struct stm_tx *tx, struct stm_tvar *account,
                               intptr_t amount)
{
    stm_value balance;

    STM_TRY(stm_tvar_get(tx, account, &balance));
    return stm_tvar_set(tx, account, balance + (stm_value)amount);
}

/* Where withdraw retries, the deposit is undone with all else. */
static enum stm_status pay(struct stm_tx *tx, struct transfer *transfer,
                           intptr_t least, enum way way)
{
    transfer->way = way;
    STM_TRY(deposit(tx, transfer->target, transfer->amount));
    return withdraw(tx, transfer->source, transfer->amount, least);
}

static enum stm_status pay_from_balance(struct stm_tx *tx, void *argument)
{
    return pay(tx, argument, 0, PAID);
}

static enum stm_status overdraw(struct stm_tx *tx, void *argument)
{
    return pay(tx, argument, -OVERDRAFT, OVERDRAWN);
}

static enum stm_status refuse(struct stm_tx *tx, void *argument)
{
    struct transfer *transfer = argument;

    (void)tx;
    transfer->way = REFUSED;
    return STM_OK;
}

static enum stm_status make_transfer(struct stm_tx *tx, void *argument)
{
    const struct stm_branch ways[WAYS] = {
        {pay_from_balance, argument}, {overdraw, argument}, {refuse, argument}};

    STM_TRY(stm_tx_set_name(tx, "transfer"));
    return stm_or_else(tx, ways, WAYS);
}

/* A number below `limit`, the same ones in every run. */
static size_t draw(struct clerk *clerk, size_t limit)
{
    clerk->random ^= clerk->random << 13;
    clerk->random ^= clerk->random >> 7;
    clerk->random ^= clerk->random << 17;
    return (size_t)(clerk->random % limit);
}

static enum stm_status leave(struct stm_tx *tx, void *argument)
{
    const struct bank *bank = argument;
    stm_value working;

    STM_TRY(stm_tvar_get(tx, bank->working, &working));
    return stm_tvar_set(tx, bank->working, working - 1);
}

static void *work(void *argument)
{
    struct clerk *clerk = argument;
    struct bank *bank = clerk->bank;

    for (size_t i = 0; i < bank->transfers; i++) {
        size_t from = draw(clerk, bank->accounts);
        size_t to = from + 1 + draw(clerk, bank->accounts - 1);
        struct transfer transfer = {
            .source = bank->balances[from],
            .target = bank->balances[to % bank->accounts],
            .amount = 1 + (intptr_t)draw(clerk, MOST_AT_ONCE)};

        must(program, stm_atomically(make_transfer, &transfer), "transfer");
        clerk->tally[transfer.way]++;
    }
    must(program, stm_atomically(leave, bank), "leave");
    return NULL;
}

/* What an auditor sees at one moment. */
struct audit {
    const struct bank *bank;
    intptr_t total;
    stm_value working;
};

static enum stm_status look(struct stm_tx *tx, void *argument)
{
    struct audit *audit = argument;
    stm_value balance;

    STM_TRY(stm_tx_set_name(tx, "audit"));
    audit->total = 0;
    for (size_t i = 0; i < audit->bank->accounts; i++) {
        STM_TRY(stm_tvar_get(tx, audit->bank->balances[i], &balance));
        audit->total += (intptr_t)balance;
    }
    return stm_tvar_get(tx, audit->bank->working, &audit->working);
}

/* Looks until every clerk has left; returns the total. */
static intptr_t audit(const struct bank *bank)
{
    const intptr_t expected = (intptr_t)bank->accounts * BALANCE;
    struct audit audit = {.bank = bank};

    do {
        must(program, stm_atomically(look, &audit), "audit");
        if (audit.total != expected) {
            fprintf(stderr, "%s: the total is %jd, expected %jd\n", program,
                    (intmax_t)audit.total, (intmax_t)expected);
            exit(1);
        }
    } while (audit.working > 0);
    return audit.total;
}

static void run(struct bank *bank)
{
    struct clerk *clerks =
        must_have(program, calloc(bank->clerks, sizeof *clerks));
    size_t tally[WAYS] = {0};
    struct crew *crew;
    intptr_t total;

    for (size_t i = 0; i < bank->clerks; i++)
        clerks[i] = (struct clerk){.bank = bank, .random = i + 1};
    crew = crew_start(program, work, clerks, bank->clerks, sizeof *clerks);
    total = audit(bank);
    crew_join(crew);
    for (size_t i = 0; i < bank->clerks; i++) {
        for (size_t way = 0; way < WAYS; way++)
            tally[way] += clerks[i].tally[way];
    }
    free(clerks);
    printf("%zu paid, %zu overdrawn, %zu refused\n", tally[PAID],
           tally[OVERDRAWN], tally[REFUSED]);
    printf("%zu accounts hold %jd\n", bank->accounts, (intmax_t)total);
}

int main(int argc, char **argv)
{
    struct bank bank = {.accounts = 10, .clerks = 4, .transfers = 10000};
    const struct count_option options[] = {
        {"accounts", &bank.accounts, 2, 1000000, "how many accounts"},
        {"clerks", &bank.clerks, 1, 10000, "how many threads transfer"},
        {"transfers", &bank.transfers, 0, 1000000000, "how many each makes"}};

    options_parse(program,
                  "Transfers money between accounts on several threads, and "
                  "checks all the while\nthat their total stays the same.\n",
                  options, sizeof options / sizeof options[0], argc, argv);
    bank.balances =
        must_have(program, calloc(bank.accounts, sizeof(struct stm_tvar *)));
    for (size_t i = 0; i < bank.accounts; i++)
        bank.balances[i] = must_have(program, stm_tvar_new(NULL, BALANCE));
    bank.working = must_have(program, stm_tvar_new(NULL, bank.clerks));
    run(&bank);
    for (size_t i = 0; i < bank.accounts; i++)
        stm_tvar_release(bank.balances[i]);
    stm_tvar_release(bank.working);
    free(bank.balances);
    must_print(program);
    return 0;
}
