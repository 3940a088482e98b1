# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import random
import sys
import unittest

from stm import TVar, atomically, or_else, retry
from support import Case

ACCOUNTS = 10
TOTAL = 1000


class BankTest(Case):
    def setUp(self):
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(1e-5)
        self.accounts = [TVar(TOTAL // ACCOUNTS) for _ in range(ACCOUNTS)]

    def total(self):
        return sum(account.get() for account in self.accounts)

    def transfer(self, seed):
        draw = random.Random(seed)
        for _ in range(400):
            source, target = draw.sample(self.accounts, 2)
            amount = draw.randint(1, 20)

            @atomically
            def _():
                if source.get() < amount:
                    return
                source.value -= amount
                target.value += amount

    def test_no_reader_ever_sees_a_wrong_total(self):
        seen, inside = set(), set()

        def body():
            total = self.total()
            inside.add(total)
            return total

        def read():
            for _ in range(300):
                seen.add(atomically(body))

        threads = [self.start(self.transfer, seed) for seed in range(3)]
        self.join(self.start(read), *threads)
        self.assertEqual(seen, {TOTAL})
        self.assertEqual(inside, {TOTAL}, "expected so of every attempt")

    def test_withdrawals_wait_for_deposits(self):
        pockets = [TVar(0), TVar(0)]
        taken = []

        def take(pocket):
            if pocket.get() == 0:
                retry()
            pocket.value -= 1
            return 1

        def withdraw():
            for _ in range(200):
                taken.append(
                    atomically(
                        lambda: or_else(
                            lambda: take(pockets[0]), lambda: take(pockets[1])
                        )
                    )
                )

        def deposit(pocket):
            for _ in range(200):
                atomically(lambda: pocket.set(pocket.get() + 1))

        threads = [self.start(withdraw) for _ in range(2)]
        threads += [self.start(deposit, pocket) for pocket in pockets]
        self.join(*threads)
        self.assertEqual(len(taken), 400)
        self.assertEqual(atomically(lambda: [p.get() for p in pockets]), [0, 0])


if __name__ == "__main__":
    unittest.main()
