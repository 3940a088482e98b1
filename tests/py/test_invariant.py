# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import functools
import gc
import unittest
import weakref

import stm
import stm.stats
from stm import TVar, atomically, elapsed, invariant, previously, retry, watch
from stm.utils import atomically_watch, would_block
from support import Case, Unraisable


class InvariantTest(Case):
    def hold(self, function):
        return atomically(lambda: invariant(function))

    def test_that_returns_none_or_true_holds(self):
        var = TVar(0)
        self.hold(lambda: None if var.get() % 2 else True)
        for value in (1, 2, 3):
            atomically(lambda: var.set(value))
        self.assertEqual(atomically(var.get), 3)

    def test_that_does_not_hold_aborts_the_transaction(self):
        var, other = TVar(0), TVar(0)

        def small():
            return var.get() < 10

        def body():
            other.set(1)
            var.set(10)

        self.hold(small)
        with self.assertRaises(AssertionError) as caught:
            atomically(body)
        self.assertRegex(str(caught.exception), r"invariant \S*small does not")
        self.assertEqual(atomically(var.get), 0)
        self.assertEqual(atomically(other.get), 0)

    def test_may_be_broken_for_a_while(self):
        var = TVar(0)
        self.hold(lambda: var.get() < 10)

        @atomically
        def _():
            var.set(100)
            var.set(1)

        self.assertEqual(atomically(var.get), 1)

    def test_must_hold_at_once(self):
        var = TVar(10)

        def body():
            var.set(20)
            invariant(lambda: var.get() < 10)

        with self.assertRaises(AssertionError):
            atomically(body)
        atomically(lambda: var.set(30))
        self.assertEqual(atomically(var.get), 30)

    def test_must_hold_at_the_end_of_its_own_transaction(self):
        var = TVar(1)

        def body():
            invariant(lambda: var.get() < 10)
            var.set(10)

        with self.assertRaises(AssertionError):
            atomically(body)
        self.assertEqual(atomically(var.get), 1)

    def test_that_does_not_hold_can_be_caught(self):
        var = TVar(10)

        @atomically
        def caught():
            try:
                invariant(lambda: var.get() < 10)
            except AssertionError:
                var.set(5)
                return True

        self.assertTrue(caught)
        atomically(lambda: var.set(20))
        self.assertEqual(atomically(var.get), 20)

    def test_that_returns_something_else_is_told_apart(self):
        var = TVar(True)

        def odd():
            return var.get()

        self.hold(odd)
        for value in (1, 0, "yes", [], NotImplemented):
            with self.assertRaises(AssertionError) as caught:
                atomically(lambda: var.set(value))
            self.assertIn(
                f"odd returned {value!r}, expected None or True",
                str(caught.exception),
            )
        self.assertIs(atomically(var.get), True)

    def test_is_named_whatever_it_is(self):
        class Callable:
            def __call__(self):
                return False

            def __repr__(self):
                return "<callable \udc80>"

        with self.assertRaisesRegex(AssertionError, "<callable .udc80> does"):
            self.hold(Callable())
        with self.assertRaisesRegex(AssertionError, r"functools\.partial"):
            self.hold(functools.partial(bool))

    def test_an_exception_propagates_unchanged(self):
        var = TVar(1)
        error = LookupError("lost")

        def look():
            if var.get() == 0:
                raise error

        self.hold(look)
        with self.assertRaises(LookupError) as caught:
            atomically(lambda: var.set(0))
        self.assertIs(caught.exception, error)
        atomically(lambda: var.set(2))

        with self.assertRaises(ZeroDivisionError):
            self.hold(lambda: 1 / 0)

    def test_that_cannot_be_named_raises_what_that_raises(self):
        class Unnamed:
            def __call__(self):
                return True

            def __getattribute__(self, name):
                if name == "__qualname__":
                    raise LookupError
                return super().__getattribute__(name)

        with self.assertRaises(LookupError):
            self.hold(Unnamed())

    def test_that_retries_makes_the_transaction_wait(self):
        var, limit = TVar(0), TVar(1)

        def wait():
            if var.get() > limit.get():
                retry()

        self.hold(wait)
        before = stm.stats.read()["retries"]
        thread = self.start(atomically, lambda: var.set(5))
        self.blocked(1, before)
        atomically(lambda: limit.set(5))
        self.join(thread)
        self.assertEqual(atomically(var.get), 5)
        self.assertTrue(would_block(lambda: invariant(retry)))

    def test_a_retry_in_it_cannot_be_swallowed(self):
        var = TVar(0)

        def body():
            var.get()
            try:
                invariant(retry)
            finally:
                return  # the retry is not over

        self.assertTrue(would_block(body))

    def test_that_makes_itself_anew_ends_in_a_recursion_error(self):
        var = TVar(0)

        def endless():
            var.set(var.get() + 1)
            invariant(endless)

        with self.assertRaises(RecursionError):
            self.hold(endless)
        self.assertEqual(atomically(var.get), 0)

    def test_cancelled_need_not_hold(self):
        var = TVar(0)
        handle = self.hold(lambda: var.get() < 10)
        self.assertIsInstance(handle, stm.Watcher)
        handle.cancel()
        atomically(lambda: var.set(20))
        self.assertEqual(atomically(var.get), 20)

    def test_as_a_decorator_the_name_becomes_the_handle(self):
        var = TVar(0)

        @atomically
        def handle():
            @invariant
            def small():
                return var.get() < 10

            return small

        self.assertIsInstance(handle, stm.Watcher)
        with self.assertRaises(AssertionError):
            atomically(lambda: var.set(10))

    def test_of_a_failed_transaction_does_not_exist(self):
        var = TVar(0)

        def body():
            invariant(lambda: var.get() < 10)
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(body)
        atomically(lambda: var.set(20))
        self.assertEqual(atomically(var.get), 20)

    def test_sees_what_watchers_write(self):
        var, double = TVar(1), TVar(2)
        atomically_watch(var.get, lambda value: double.set(2 * value))
        self.hold(lambda: double.get() == 2 * var.get())
        atomically(lambda: var.set(4))
        self.assertEqual(atomically(double.get), 8)
        with self.assertRaises(AssertionError):
            atomically(lambda: double.set(7))
        self.assertEqual(atomically(double.get), 8)

    def test_compares_with_the_state_before(self):
        var = TVar(5)

        @self.hold
        def never_shrinks():
            return var.get() >= previously(var.get)

        atomically(lambda: var.set(7))
        atomically(lambda: (var.set(1), var.set(8)))
        with self.assertRaises(AssertionError):
            atomically(lambda: var.set(6))
        self.assertEqual(atomically(var.get), 8)

    def test_what_it_writes_is_kept(self):
        var, runs = TVar(0), TVar(0)

        def count():
            var.get()
            runs.set(previously(runs.get) + 1)

        self.hold(count)
        atomically(lambda: var.set(1))
        self.assertEqual(atomically(runs.get), 2)

    def test_that_waits_for_a_time_is_reported_when_it_fails(self):
        with Unraisable() as errors:

            @atomically
            def _():
                elapsed(60)  # from here on time stands still
                invariant(lambda: not elapsed(0.01))

            self.until(lambda: errors, "the failure to be reported")
        self.assertIsInstance(errors[0], AssertionError)

    def test_needs_a_function_and_a_transaction(self):
        with self.assertRaises(TypeError):
            atomically(lambda: invariant(1))
        with self.assertRaisesRegex(RuntimeError, "stm.invariant"):
            invariant(lambda: True)

    def test_holds_whatever_threads_do(self):
        left, right = TVar(50), TVar(50)
        self.hold(lambda: left.get() + right.get() == 100)

        def move(source, target):
            for _ in range(200):

                @atomically
                def _():
                    source.value -= 1
                    target.value += 1

                def break_it():
                    target.value += 1

                with self.assertRaises(AssertionError):
                    atomically(break_it)

        self.join(self.start(move, left, right), self.start(move, right, left))
        self.assertEqual(atomically(left.get), 50)

    def test_in_a_cycle_is_collected(self):
        class Pair:
            def __init__(self):
                self.one, self.two = TVar(0), TVar(0)
                atomically(lambda: invariant(self.balanced))

            def balanced(self):
                return self.one.get() == -self.two.get()

        reference = weakref.ref(Pair())
        gc.collect()
        gc.collect()
        self.assertIsNone(reference())

    def test_a_finalizer_that_runs_in_it_does_no_harm(self):
        noted = TVar(0)

        class Result:
            def __init__(self, value):
                self.value = value

            def __eq__(self, other):
                return self.value == other

            def __del__(self):
                atomically(lambda: noted.set(noted.get() + 1))

        var = TVar(0)
        self.hold(lambda: Result(var.get()) == 0)
        with self.assertRaises(AssertionError):
            atomically(lambda: var.set(1))
        self.assertEqual(atomically(var.get), 0)
        self.until(lambda: atomically(noted.get) >= 1, "finalizers to run")

    def test_many_are_all_kept(self):
        items = [TVar(i) for i in range(20)]

        @atomically
        def _():
            for item, after in zip(items, items[1:]):
                invariant(lambda a=item, b=after: a.get() < b.get())

        atomically(lambda: [item.set(2 * item.get()) for item in items])
        for item in items[1:]:
            with self.assertRaises(AssertionError):
                atomically(lambda: item.set(-1))
        watched = []

        @atomically
        def _():
            watched.clear()
            watch(items[0].get, watched.append)

        self.assertEqual(watched[-1:], [0])


if __name__ == "__main__":
    unittest.main()
