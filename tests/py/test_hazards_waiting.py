# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Transactions that wait in odd ways, for much, or beside the collector."""

import gc
import os
import threading
import unittest

from stm import TVar, atomically, retry
from stm.datatypes import TList
from support import Case

SHAKEN = "STM_SHAKE_SEED" in os.environ
SLOW = SHAKEN or "san.so" in os.environ.get("LD_PRELOAD", "")


class HazardsTest(Case):
    def test_bodies_can_wait_for_a_third_threads_commit(self):
        committed = threading.Event()
        inside = threading.Semaphore(0)
        third, seen = TVar(0), TList()

        def wait_inside():
            inside.release()
            committed.wait()
            return third.value

        def waiter():
            value = atomically(wait_inside)
            atomically(lambda: seen.append(value))

        threads = [self.start(waiter) for _ in range(2)]
        inside.acquire()
        inside.acquire()
        atomically(lambda: third.set(1))
        committed.set()
        self.join(*threads)
        self.assertEqual(atomically(lambda: list(seen)), [1, 1])

    def test_a_generator_that_leaves_its_transaction_has_none(self):
        made = atomically(lambda: [self.started(TVar("value"))])[0]
        with self.assertRaisesRegex(RuntimeError, "inside stm.atomically"):
            next(made)

    @unittest.skipIf(SHAKEN, "a conflict ends the generator")
    def test_a_generator_belongs_to_the_transaction_that_resumes_it(self):
        var = TVar("value")
        made = atomically(lambda: [self.started(var)])[0]
        atomically(lambda: var.set("later"))
        self.assertEqual(atomically(lambda: next(made)), "later")

    def started(self, var):
        def generator():
            while True:
                yield var.value

        made = generator()
        next(made)
        return made

    def test_one_can_wait_for_very_many_variables(self):
        count = 5_000 if SLOW else 70_000
        variables = [TVar(0) for _ in range(count)]
        runs = []

        def wait_for_all():
            runs.append(None)
            if not all([var.value for var in variables]):
                retry()
            return len(variables)

        results = []
        waiting = self.start(lambda: results.append(atomically(wait_for_all)))
        self.until(lambda: runs, "the first attempt")
        atomically(lambda: [var.set(1) for var in variables])
        self.join(waiting)
        self.assertEqual(results, [count])
        total = atomically(lambda: sum(var.value for var in variables))
        self.assertEqual(total, count)

    def test_the_collector_waits_for_nobody_and_nobody_for_it(self):
        rounds = 200 if SLOW else 2_000
        turn, total, over = TVar(0), TVar(0), TVar(False)

        def take_turns(number):
            for _ in range(rounds):

                @atomically
                def _():
                    if turn.value != number:
                        retry()
                    turn.value = 1 - number
                    total.value += 1

        def collect():
            while not atomically(over.get):
                gc.collect(0)

        collector = self.start(collect)
        self.join(*[self.start(take_turns, number) for number in range(2)])
        atomically(lambda: over.set(True))
        self.join(collector)
        self.assertEqual(atomically(total.get), 2 * rounds)


if __name__ == "__main__":
    unittest.main()
