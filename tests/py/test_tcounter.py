# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import inspect
import os
import unittest
import weakref

import stm
import stm.datatypes
import stm.stats
from stm import TCounter, atomically, or_else, retry, watch
from support import Case

LOWEST, HIGHEST = -(2**63), 2**63 - 1


class TCounterTest(Case):
    def check(self, counter, expected):
        self.assertEqual(atomically(counter.get), expected)

    def test_counts_from_zero_or_from_what_it_was_given(self):
        self.check(TCounter(), 0)
        self.check(TCounter(-5), -5)
        self.check(TCounter(initial=HIGHEST), HIGHEST)

    def test_adds_one_or_a_number(self):
        counter = TCounter(10)

        @atomically
        def _():
            counter.add()
            counter.add(5)
            counter.add(n=-20)

        self.check(counter, -4)

    def test_get_and_value_see_own_additions(self):
        counter = TCounter()

        @atomically
        def _():
            counter.add(3)
            self.assertEqual(counter.get(), 3)
            counter.add(4)
            self.assertEqual(counter.value, 7)

    def test_the_value_is_read_only(self):
        with self.assertRaises(AttributeError):
            TCounter().value = 1

    def test_numbers_beyond_64_bits_raise(self):
        counter = TCounter()
        for number in (LOWEST - 1, HIGHEST + 1):
            with self.assertRaises(OverflowError):
                TCounter(number)
            with self.assertRaises(OverflowError):
                atomically(lambda: counter.add(number))
        for number in (1.5, "1", None):
            with self.assertRaises(TypeError):
                atomically(lambda: counter.add(number))
        atomically(lambda: counter.add(LOWEST))
        self.check(counter, LOWEST)

    def test_sums_wrap_around(self):
        counter = TCounter(HIGHEST)
        atomically(counter.add)
        self.check(counter, LOWEST)

    def test_use_outside_a_transaction_raises(self):
        counter = TCounter()
        for use in (counter.add, counter.get, lambda: counter.value):
            with self.assertRaisesRegex(RuntimeError, r"stm\.atomically\(\)"):
                use()
        self.check(counter, 0)

    def test_an_abort_undoes_additions(self):
        counter = TCounter(1)

        def body():
            counter.add(5)
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(body)
        self.check(counter, 1)

    def test_a_nested_abort_undoes_its_own_additions_alone(self):
        counter = TCounter()

        def nested():
            counter.add(100)
            raise KeyError

        @atomically
        def _():
            counter.add(1)
            with self.assertRaises(KeyError):
                atomically(nested)
            counter.add(2)

        self.check(counter, 3)

    def test_a_branch_that_retries_is_undone(self):
        counter = TCounter()

        def first():
            counter.add(100)
            retry()

        atomically(lambda: or_else(first, counter.add))
        self.check(counter, 1)

    @unittest.skipIf(
        os.environ.get("SHAKE") == "yes", "attempts run again without cause"
    )
    def test_additions_of_others_do_not_disturb_one_that_adds(self):
        counter, attempts = TCounter(), []

        def body():
            counter.add()
            attempts.append(None)
            if len(attempts) == 1:
                self.join(self.start(lambda: atomically(counter.add)))
            counter.add()

        atomically(body)
        self.assertEqual(len(attempts), 1)
        self.check(counter, 3)

    def test_additions_of_threads_add_up(self):
        counter = TCounter()

        def work():
            for _ in range(500):
                atomically(counter.add)

        self.join(*[self.start(work) for _ in range(4)])
        self.check(counter, 2000)

    def test_a_reader_waits_for_additions(self):
        counter, results = TCounter(), []

        def body():
            if counter.get() < 3:
                retry()
            return counter.get()

        before = stm.stats.read()["retries"]
        thread = self.start(lambda: results.append(atomically(body)))
        self.blocked(1, before)
        for _ in range(3):
            atomically(counter.add)
        self.join(thread)
        self.assertEqual(results, [3])

    def test_a_watcher_sees_additions(self):
        counter, seen = TCounter(1), stm.TVar()
        atomically(lambda: watch(counter.get, seen.set))
        self.assertEqual(atomically(seen.get), 1)
        atomically(lambda: counter.add(4))
        self.assertEqual(atomically(seen.get), 5)

    def test_repr_works_anywhere(self):
        counter = TCounter(-3)
        self.assertEqual(repr(counter), "TCounter(-3)")

        @atomically
        def text():
            counter.add(4)
            return str(counter)

        self.assertEqual(text, "TCounter(1)")

    def test_use_before_init_raises(self):
        counter = TCounter.__new__(TCounter)
        repr(counter)
        for use in (counter.add, counter.get):
            with self.assertRaisesRegex(RuntimeError, "__init__"):
                atomically(use)
        counter.__init__(2)
        self.check(counter, 2)
        with self.assertRaisesRegex(RuntimeError, "already"):
            counter.__init__(3)

    def test_can_be_referred_to_weakly_and_subclassed(self):
        class Named(TCounter):
            def __init__(self, name):
                super().__init__(7)
                self.name = name

        counter = Named("clicks")
        self.assertEqual(repr(counter), "Named(7)")
        counter.itself = counter
        self.check(counter, 7)
        reference = weakref.ref(TCounter())
        self.assertIsNone(reference())

    def test_has_one_name_in_two_modules(self):
        self.assertIs(stm.datatypes.TCounter, TCounter)
        self.assertEqual(TCounter.__module__, "stm")

    @unittest.skipUnless(int.__doc__, "the interpreter has no docstrings")
    def test_has_signatures(self):
        self.assertEqual(str(inspect.signature(TCounter)), "(initial=0)")
        self.assertEqual(str(inspect.signature(TCounter.add)), "(self, /, n=1)")


if __name__ == "__main__":
    unittest.main()
