# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import functools
import operator
import time
import types
import unittest

import stm
from stm import TVar, atomically, elapsed, retry, watch
from stm.timeout import Timeout
from stm.utils import (
    atomic_function, atomically_watch, changes_only, wait_until, would_block,
)
from support import Case, Notes, LIMIT


class WaitUntilTest(Case):
    def test_returns_when_the_function_is_true(self):
        var = TVar(False)
        thread = self.start(wait_until, var.get)
        atomically(lambda: var.set(True))
        self.join(thread)

    def test_raises_timeout(self):
        var = TVar(False)
        with self.assertRaises(Timeout):
            wait_until(var.get, 0.01)
        with self.assertRaises(Timeout):
            wait_until(var.get, timeout_at=time.time() - 1)
        with self.assertRaises(ValueError):
            wait_until(var.get, 1, 2)
        with self.assertRaises(ValueError):
            wait_until(lambda: True, 1, 2)

    def test_with_no_time_waits_for_ever(self):
        self.assertTrue(would_block(lambda: wait_until(int, None, None)))

    def test_that_is_true_already_needs_no_time(self):
        self.assertIsNone(wait_until(lambda: "yes", timeout_after=-1))

    def test_what_the_function_raises_propagates(self):
        with self.assertRaises(ZeroDivisionError):
            wait_until(lambda: 1 / 0, 1)

    def test_retries_inside_a_transaction(self):
        var = TVar(False)
        self.assertTrue(would_block(lambda: wait_until(var.get)))


class WouldBlockTest(Case):
    def test_tells_and_undoes(self):
        var = TVar(0)

        def body():
            var.set(1)
            if var.get() == 1:
                retry()

        self.assertTrue(would_block(body))
        self.assertFalse(would_block(lambda: var.set(1)))
        self.assertEqual(atomically(var.get), 0)

    def test_an_error_does_not_block_but_an_interrupt_propagates(self):
        def fail(kind):
            raise kind

        self.assertFalse(would_block(lambda: fail(ValueError)))
        with self.assertRaises(KeyboardInterrupt):
            would_block(lambda: fail(KeyboardInterrupt))

    def test_an_error_before_is_forgotten(self):
        @atomically
        def result():
            would_block(lambda: 1 / 0)
            return would_block(lambda: elapsed(LIMIT) or retry())

        self.assertTrue(result)


class ChangesOnlyTest(Case):
    def test_leaves_out_results_that_repeat(self):
        var, seen = TVar(1), Notes()
        atomically_watch(var.get, changes_only(seen.append))
        for value in (1, 2, 2, 1):
            atomically(lambda: var.set(value))
        self.assertEqual(seen, [1, 2, 1])

    def test_compares_as_it_is_told(self):
        var, seen = TVar([1]), Notes()

        @atomically_watch(var.get)
        @changes_only(according_to=operator.eq)
        def watcher(value):
            seen.append(value)

        atomically(lambda: var.set([1]))
        atomically(lambda: var.set([2]))
        self.assertEqual(seen, [[1], [2]])

    def test_remembers_for_each_instance_apart(self):
        class Watching:
            def __init__(self, var):
                self.seen = Notes()
                atomically_watch(var.get, self.note)

            @changes_only(according_to=operator.eq)
            def note(self, value):
                self.seen.append(value)

        one, two = TVar(0), TVar(0)
        first, second = Watching(one), Watching(two)

        @atomically
        def _():
            one.set(1)
            two.set(1)

        self.assertEqual((first.seen, second.seen), ([0, 1], [0, 1]))

    def test_remembers_for_each_watch_apart(self):
        seen = Notes()
        callback = changes_only(seen.append)
        one, two = TVar(0), TVar(0)
        atomically_watch(one.get, callback)
        atomically_watch(two.get, callback)
        self.assertEqual(seen, [0, 0])

    def test_remembers_for_each_class_apart(self):
        class Watching:
            @classmethod
            @changes_only
            def note(cls, value):
                cls.seen.append(value)

        class One(Watching):
            seen = Notes()

        class Two(Watching):
            seen = Notes()

        var = TVar(0)
        for kind in One, Two, One:
            atomically_watch(var.get, kind.note)
        atomically(lambda: var.set(0))
        atomically(lambda: var.set(1))
        self.assertEqual(One.seen, [0, 0, 1, 1])
        self.assertEqual(Two.seen, [0, 1])

    def test_bound_by_hand_remembers_for_each_watch(self):
        @changes_only
        def note(seen, value):
            seen.append(value)

        var, seen = TVar(0), [Notes() for _ in range(3)]
        atomically_watch(var.get, types.MethodType(note, seen[0]))
        atomically_watch(var.get, types.MethodType(note, seen[1]))
        atomically_watch(var.get, functools.partial(note, seen[2]))
        for value in 0, 1:
            atomically(lambda: var.set(value))
        self.assertEqual(seen, [[0, 1]] * 3)

    def test_keeps_what_the_callback_is_called(self):
        @changes_only
        def note(value):
            """Note a value."""

        self.assertEqual(note.__name__, "note")
        self.assertEqual(note.__doc__, "Note a value.")

    def test_an_abort_undoes_what_it_remembers(self):
        var, seen = TVar(0), Notes()
        atomically_watch(var.get, changes_only(seen.append))

        def body():
            var.set(1)
            watch(var.get, lambda value: 1 / 0)

        with self.assertRaises(ZeroDivisionError):
            atomically(body)
        atomically(lambda: var.set(1))
        self.assertEqual(seen, [0, 1])

    def test_needs_something(self):
        with self.assertRaises(ValueError):
            changes_only()


class AtomicFunctionTest(Case):
    def test_is_atomic(self):
        self.assertIs(atomic_function, stm.atomic)
        self.assertTrue(atomic_function(stm.in_transaction)())

    def test_passes_arguments_on_and_keeps_its_name(self):
        @atomic_function
        def pair(left, *, right=2):
            """Return both."""
            return left, right

        self.assertEqual(pair(1), (1, 2))
        self.assertEqual(pair(left=1, right=3), (1, 3))
        self.assertEqual(pair.__name__, "pair")
        self.assertEqual(pair.__doc__, "Return both.")


if __name__ == "__main__":
    unittest.main()
