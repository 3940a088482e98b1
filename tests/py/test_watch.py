# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import unittest

import stm
import stm.stats
from stm import TVar, WatchersDiverged, atomically, retry, watch
from stm.utils import atomically_watch
from support import Case, Notes


class WatchTest(Case):
    def test_runs_at_once_and_after_each_change(self):
        var, seen = TVar(1), Notes()
        watcher = atomically_watch(var.get, seen.append)
        self.assertEqual(seen, [1])
        atomically(lambda: var.set(2))
        atomically(lambda: var.set(3))
        self.assertEqual(seen, [1, 2, 3])
        self.assertIsInstance(watcher, stm.Watcher)

    def test_does_not_run_for_what_it_did_not_read(self):
        var, other, seen = TVar(1), TVar(1), Notes()
        atomically_watch(var.get, seen.append)
        atomically(lambda: other.set(2))
        self.assertEqual(seen, [1])

    def test_runs_for_a_write_of_the_same_value(self):
        var, seen = TVar(1), Notes()
        atomically_watch(var.get, seen.append)
        atomically(lambda: var.set(1))
        self.assertEqual(seen, [1, 1])

    def test_runs_within_the_transaction_after_its_body(self):
        var, double = TVar(1), TVar(0)
        atomically_watch(var.get, lambda value: double.set(2 * value))

        @atomically
        def _():
            var.set(2)
            self.assertEqual(double.get(), 2)

        self.assertEqual(atomically(double.get), 4)

    def test_watches_what_another_writes(self):
        first, second, third = TVar(1), TVar(0), TVar(0)
        atomically_watch(second.get, lambda value: third.set(value + 1))
        atomically_watch(first.get, lambda value: second.set(value + 1))
        atomically(lambda: first.set(10))
        self.assertEqual(atomically(second.get), 11)
        self.assertEqual(atomically(third.get), 12)

    def test_two_way_bindings_settle(self):
        left, right = TVar(0), TVar(0)

        def bind(source, target):
            def copy(value):
                if target.value is not value:
                    target.value = value

            atomically_watch(source.get, copy)

        bind(left, right)
        bind(right, left)
        one, two = object(), object()
        atomically(lambda: left.set(one))
        self.assertIs(atomically(right.get), one)
        atomically(lambda: right.set(two))
        self.assertIs(atomically(left.get), two)

    def test_that_raises_aborts_the_transaction(self):
        var = TVar(1)
        error = ValueError("negative")

        def check(value):
            if value < 0:
                raise error

        atomically_watch(var.get, check)
        with self.assertRaises(ValueError) as caught:
            atomically(lambda: var.set(-1))
        self.assertIs(caught.exception, error)
        self.assertEqual(atomically(var.get), 1)
        atomically(lambda: var.set(2))
        self.assertEqual(atomically(var.get), 2)

    def test_whose_function_raises_aborts_as_well(self):
        var = TVar(1)
        atomically_watch(lambda: 1 / var.get(), lambda result: None)
        with self.assertRaises(ZeroDivisionError):
            atomically(lambda: var.set(0))
        self.assertEqual(atomically(var.get), 1)

    def test_of_a_failed_transaction_does_not_exist(self):
        var, seen = TVar(1), Notes()

        def body():
            watch(var.get, seen.append)
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(body)
        atomically(lambda: var.set(2))
        self.assertEqual(seen, [])

    def test_that_retries_makes_the_transaction_wait(self):
        var, limit = TVar(0), TVar(1)

        def wait(value):
            if value > limit.get():
                retry()

        atomically_watch(var.get, wait)
        before = stm.stats.read()["retries"]
        thread = self.start(atomically, lambda: var.set(5))
        self.blocked(1, before)
        self.assertEqual(atomically(var.get), 0)
        atomically(lambda: limit.set(5))
        self.join(thread)
        self.assertEqual(atomically(var.get), 5)

    def test_cascade_that_does_not_settle_is_an_error_that_names_it(self):
        var = TVar(0)

        def restless():
            return var.get()

        with self.assertRaisesRegex(WatchersDiverged, "restless"):
            atomically_watch(restless, lambda value: var.set(value + 1000))
        self.assertTrue(issubclass(WatchersDiverged, RuntimeError))
        self.assertEqual(atomically(var.get), 0)

    def test_cancelled_runs_no_more(self):
        var, seen = TVar(1), Notes()
        watcher = atomically_watch(var.get, seen.append)
        watcher.cancel()
        atomically(lambda: var.set(2))
        watcher.cancel()
        self.assertEqual(seen, [1])

    def test_cancelled_in_a_transaction_that_fails_goes_on(self):
        var, seen = TVar(1), Notes()
        watcher = atomically_watch(var.get, seen.append)

        def body():
            watcher.cancel()
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(body)
        atomically(lambda: var.set(2))
        self.assertEqual(seen, [1, 2])

    def test_as_a_decorator(self):
        var, seen = TVar(1), Notes()

        @atomically
        def _():
            @watch(var.get)
            def watcher(value):
                seen.append(value)

            self.assertIsInstance(watcher, stm.Watcher)

        @atomically_watch(var.get)
        def other(value):
            seen.append(-value)

        atomically(lambda: var.set(2))
        self.assertEqual(seen, [1, -1, 2, -2])
        other.cancel()

    def test_needs_callables(self):
        with self.assertRaises(TypeError):
            atomically(lambda: watch(1, print))

    def test_keeps_a_sum_that_threads_change(self):
        parts = [TVar(0) for _ in range(4)]
        total = TVar(0)
        atomically_watch(lambda: sum(part.get() for part in parts), total.set)

        def work(part):
            for _ in range(300):
                atomically(lambda: part.set(part.get() + 1))

        def check():
            for _ in range(300):
                values, known = atomically(
                    lambda: ([part.get() for part in parts], total.get())
                )
                self.assertEqual(sum(values), known)

        threads = [self.start(work, part) for part in parts]
        self.join(self.start(check), *threads)
        self.assertEqual(atomically(total.get), 1200)


if __name__ == "__main__":
    unittest.main()
