# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import inspect
import unittest
import weakref

import stm.stats
from stm import TVar, atomically, or_else, watch
from stm.datatypes import TSemaphore
from support import Case


class TSemaphoreTest(Case):
    def check(self, semaphore, available):
        self.assertEqual(atomically(lambda: semaphore.available), available)

    def test_has_one_permit_or_as_many_as_given(self):
        self.check(TSemaphore(), 1)
        self.check(TSemaphore(0), 0)
        self.check(TSemaphore(value=2**63 - 1), 2**63 - 1)
        with self.assertRaises(ValueError):
            TSemaphore(-1)
        with self.assertRaises(OverflowError):
            TSemaphore(2**63)

    def test_permits_are_taken_and_given_back(self):
        semaphore = TSemaphore(3)

        @atomically
        def _():
            self.assertIs(semaphore.acquire(), True)
            self.assertEqual(semaphore.available, 2)
            self.assertIs(semaphore.acquire(n=2), True)
            semaphore.release()

        self.check(semaphore, 1)
        atomically(lambda: semaphore.release(4))
        self.check(semaphore, 5)

    def test_is_false_where_there_are_too_few_and_waiting_is_not_wanted(self):
        semaphore = TSemaphore(1)

        @atomically
        def _():
            self.assertIs(semaphore.acquire(False, n=2), False)
            self.assertIs(semaphore.acquire(block=False, n=1), True)
            self.assertIs(semaphore.acquire(False), False)

        self.assertIs(
            atomically(lambda: semaphore.acquire(timeout=0.01)), False
        )
        self.assertIs(atomically(lambda: semaphore.acquire(True, 0)), False)

    def test_fewer_than_one_permit_raises(self):
        semaphore = TSemaphore(5)
        for number in (0, -1):
            with self.assertRaises(ValueError):
                atomically(lambda: semaphore.acquire(n=number))
            with self.assertRaises(ValueError):
                atomically(lambda: semaphore.release(number))
        with self.assertRaises(OverflowError):
            atomically(lambda: semaphore.acquire(n=2**63))
        self.check(semaphore, 5)

    def test_acquire_waits(self):
        semaphore = TSemaphore(0)
        before = stm.stats.read()["retries"]
        thread = self.start(lambda: atomically(lambda: semaphore.acquire(n=2)))
        self.blocked(1, before)
        atomically(semaphore.release)
        atomically(semaphore.release)
        self.join(thread)
        self.check(semaphore, 0)

    def test_no_more_threads_than_permits_hold_one(self):
        semaphore, inside, most = TSemaphore(2), TVar(0), TVar(0)

        def enter():
            semaphore.acquire()
            inside.value += 1
            most.value = max(most.value, inside.value)

        def leave():
            inside.value -= 1
            semaphore.release()

        def work():
            for _ in range(100):
                atomically(enter)
                atomically(leave)

        self.join(*[self.start(work) for _ in range(4)])
        self.check(semaphore, 2)
        self.assertEqual(atomically(inside.get), 0)
        self.assertLessEqual(atomically(most.get), 2)

    def test_an_abort_gives_back_what_was_taken(self):
        semaphore = TSemaphore(2)

        def nested():
            semaphore.acquire()
            raise KeyError

        @atomically
        def _():
            semaphore.acquire()
            with self.assertRaises(KeyError):
                atomically(nested)
            self.assertEqual(semaphore.available, 1)

        self.check(semaphore, 1)

    def test_composes_with_or_else(self):
        first, second = TSemaphore(0), TSemaphore(1)

        @atomically
        def _():
            or_else(first.acquire, second.acquire)

        self.check(first, 0)
        self.check(second, 0)

        def both():
            first.release()
            second.acquire()

        self.assertEqual(atomically(lambda: or_else(both, lambda: 7)), 7)
        self.check(first, 0)

    def test_waits_for_either_of_two(self):
        first, second, got = TSemaphore(0), TSemaphore(0), []

        def take(semaphore, name):
            semaphore.acquire()
            return name

        before = stm.stats.read()["retries"]
        thread = self.start(
            lambda: got.append(
                atomically(
                    lambda: or_else(
                        lambda: take(first, "first"),
                        lambda: take(second, "second"),
                    )
                )
            )
        )
        self.blocked(1, before)
        atomically(second.release)
        self.join(thread)
        self.assertEqual(got, ["second"])

    def test_a_watcher_sees_the_permits(self):
        semaphore, seen = TSemaphore(1), TVar()
        atomically(lambda: watch(lambda: semaphore.available, seen.set))
        atomically(semaphore.release)
        self.assertEqual(atomically(seen.get), 2)

    def test_use_outside_a_transaction_raises(self):
        semaphore = TSemaphore()
        for use in (
            semaphore.acquire,
            semaphore.release,
            lambda: semaphore.available,
        ):
            with self.assertRaisesRegex(RuntimeError, r"stm\.atomically\(\)"):
                use()

    def test_repr_works_anywhere(self):
        semaphore = TSemaphore(3)
        self.assertEqual(repr(semaphore), "TSemaphore(3)")
        self.assertEqual(atomically(lambda: repr(semaphore)), "TSemaphore(3)")

        class Gate(TSemaphore):
            pass

        self.assertEqual(repr(Gate(0)), "Gate(0)")

    def test_use_before_init_raises(self):
        semaphore = TSemaphore.__new__(TSemaphore)
        repr(semaphore)
        with self.assertRaisesRegex(RuntimeError, "__init__"):
            atomically(semaphore.acquire)
        semaphore.__init__(2)
        with self.assertRaisesRegex(RuntimeError, "already"):
            semaphore.__init__(2)

    def test_can_be_referred_to_weakly(self):
        reference = weakref.ref(TSemaphore())
        self.assertIsNone(reference())

    @unittest.skipUnless(int.__doc__, "the interpreter has no docstrings")
    def test_has_signatures(self):
        self.assertEqual(str(inspect.signature(TSemaphore)), "(value=1)")
        self.assertEqual(
            str(inspect.signature(TSemaphore.acquire)),
            "(self, /, block=True, timeout=None, *, n=1)",
        )


if __name__ == "__main__":
    unittest.main()
