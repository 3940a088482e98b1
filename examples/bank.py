#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Clerks transfer money between accounts while an auditor adds all of them up,
again and again: the total is never wrong.

A transfer is paid from the balance or else overdraws the account or else is
refused; each way is a function that retries where it cannot be gone.
"""

import random
import sys
from collections import Counter
from functools import partial

from options import parse_numbers
from stm import TVar, atomic, atomically, or_else, retry, transaction
from stm.threadutils import Thread

PROGRAM = "bank"
BALANCE, OVERDRAFT, MOST_AT_ONCE = 100, 50, 80
WAYS = ("paid", "overdrawn", "refused")


def pay(source, target, amount, least):
    """Transfer an amount, or retry, which undoes the deposit, too."""
    target.value += amount
    if source.value - amount < least:
        retry()
    source.value -= amount


@transaction(name="transfer")
def transfer(*payment):
    """Transfer an amount; return which way it went."""

    def pay_from_balance():
        pay(*payment, 0)
        return "paid"

    def overdraw():
        pay(*payment, -OVERDRAFT)
        return "overdrawn"

    return or_else(pay_from_balance, overdraw, lambda: "refused")


class Bank:
    def __init__(self, accounts, clerks, transfers):
        self.accounts = [TVar(BALANCE) for _ in range(accounts)]
        self.transfers = transfers
        self.working = TVar(clerks)  # how many clerks

    def work(self, seed, tally):
        """Make a clerk's transfers and count which way they went."""
        draw = random.Random(seed)
        for _ in range(self.transfers):
            source, target = draw.sample(self.accounts, 2)
            tally[transfer(source, target, draw.randint(1, MOST_AT_ONCE))] += 1
        self.leave()

    @atomic
    def leave(self):
        self.working.value -= 1

    @transaction(name="audit")
    def look(self):
        return sum(it.value for it in self.accounts), self.working.value

    def audit(self):
        """Look until every clerk has left; return the total."""
        expected = len(self.accounts) * BALANCE
        working = True
        while working:
            total, working = self.look()
            if total != expected:
                sys.exit(f"{PROGRAM}: the total is {total}, not {expected}")
        return total


def run(arguments):
    bank = Bank(arguments.accounts, arguments.clerks, arguments.transfers)
    tallies = [Counter() for _ in range(arguments.clerks)]
    clerks = [
        Thread(partial(bank.work, seed, tally))
        for seed, tally in enumerate(tallies)
    ]
    atomically(lambda: [clerk.start() for clerk in clerks])
    total = bank.audit()
    for clerk in clerks:
        clerk.join()
    tally = sum(tallies, Counter())
    print(", ".join(f"{tally[way]} {way}" for way in WAYS))
    print(f"{len(bank.accounts)} accounts hold {total}")


def main():
    run(
        parse_numbers(
            PROGRAM,
            "Transfers money between accounts on several threads, and checks "
            "all the while that their total stays the same.",
            ("--accounts", 10, 2, 1000000, "how many accounts"),
            ("--clerks", 4, 1, 10000, "how many threads transfer"),
            ("--transfers", 10000, 0, 1000000000, "how many each makes"),
        )
    )


if __name__ == "__main__":
    main()
