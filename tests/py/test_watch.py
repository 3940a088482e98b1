# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import gc
import threading
import time
import unittest
import weakref

import stm
import stm.stats
from stm import TVar, WatchersDiverged, atomically, elapsed, retry, watch
from stm.utils import atomically_watch
from support import LIMIT, Case, Notes, Unraisable


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

    def test_takes_its_arguments_by_name(self):
        var, seen = TVar(1), Notes()
        for call in watch, atomically_watch:
            atomically(lambda: call(function=var.get, callback=seen.append))
            atomically(lambda: call(var.get, callback=None)(seen.append))
        self.assertEqual(seen, [1] * 4)

    def test_needs_callables(self):
        for arguments in ((1, print), (print, 1)):
            with self.assertRaises(TypeError):
                atomically(lambda: watch(*arguments))

    def test_needs_a_transaction(self):
        with self.assertRaisesRegex(RuntimeError, "stm.watch"):
            watch(int, print)
        with self.assertRaisesRegex(RuntimeError, "stm.watch"):
            watch(int)(print)

    def test_a_result_of_the_callback_is_finalized_after_the_attempt(self):
        inside = []

        class Result:
            def __del__(self):
                inside.append(stm.in_transaction())

        atomically_watch(int, lambda _: Result())
        self.assertTrue(inside)
        self.assertFalse(any(inside))

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


class ElapsedTest(Case):
    """Watchers whose function asks for a time."""

    def watch(self, function, callback):
        """Create a watcher whose time is not over in its first run."""

        def body():
            elapsed(LIMIT)  # from here on time stands still
            return watch(function, callback)

        return atomically(body)

    def await_true(self, var):
        def body():
            if not (var.value or elapsed(LIMIT)):
                retry()
            return var.value

        self.assertTrue(atomically(body), "expected the watcher to run")

    def test_runs_again_when_so_many_seconds_have_passed(self):
        over = TVar()
        began = time.monotonic()
        self.watch(lambda: elapsed(0.05), over.set)
        self.await_true(over)
        self.assertGreaterEqual(time.monotonic(), began + 0.05)

    def test_runs_again_at_a_time(self):
        over = TVar()
        moment = time.time() + 0.1
        self.watch(lambda: elapsed(time=moment), over.set)
        self.await_true(over)
        self.assertGreaterEqual(time.time(), moment)

    def test_seconds_count_from_watch(self):
        first, over = TVar(), TVar()

        def body():
            if not elapsed(0.02):
                retry()
            watch(lambda: elapsed(0.02), over.set)
            first.value = False

        atomically(body)
        self.await_true(over)

    def test_what_the_callback_asks_counts_from_the_transaction(self):
        seen = Notes()
        self.watch(int, lambda _: seen.append(elapsed(LIMIT)))
        self.assertEqual(seen, [False])

    def test_runs_for_a_change_and_for_a_time(self):
        seconds, over = TVar(LIMIT), TVar()
        self.watch(lambda: elapsed(seconds.value), over.set)
        self.assertIs(atomically(over.get), False)
        atomically(lambda: seconds.set(0.01))
        self.await_true(over)
        atomically(lambda: seconds.set(LIMIT))
        self.assertIs(atomically(over.get), False)

    def test_ticks(self):
        count = TVar(0)

        def tick(over):
            if over:
                count.value += 1

        self.watch(lambda: elapsed((count.value + 1) / 500), tick)
        atomically(lambda: count.value >= 10 or retry())

    def test_runs_on_a_thread_of_its_own_in_a_transaction(self):
        thread, over = TVar(), TVar()

        def note(result):
            self.assertTrue(stm.in_transaction())
            thread.value = threading.get_ident()
            over.value = result

        self.watch(lambda: elapsed(0.01), note)
        self.await_true(over)
        self.assertNotEqual(atomically(thread.get), threading.get_ident())

    def test_cancelled_does_not_run_and_is_let_go(self):
        over = TVar()

        def function():
            return elapsed(LIMIT)

        reference = weakref.ref(function)
        watcher = self.watch(function, over.set)
        del function
        self.assertIsNotNone(reference())
        watcher.cancel()
        del watcher
        gc.collect()
        self.assertIsNone(reference())
        self.assertFalse(atomically(over.get))

    def test_lives_until_its_time_without_a_handle(self):
        over = TVar()

        def function():
            return elapsed(0.05)

        reference = weakref.ref(function)
        self.watch(function, over.set)
        del function
        gc.collect()
        alive = reference()
        self.assertTrue(alive or atomically(over.get), "expected it to live")
        del alive
        self.await_true(over)
        self.until(lambda: reference() is None, "the watcher to be let go")

    def test_what_it_raises_is_reported_and_others_go_on(self):
        over, error = TVar(), KeyError("late")

        def fail(result):
            over.value = 1
            if result:
                raise error

        with Unraisable() as errors:
            self.watch(lambda: elapsed(0.01), fail)
            atomically(lambda: over.set(None))
            other = TVar()
            self.watch(lambda: elapsed(0.02), other.set)
            self.await_true(other)
            self.until(lambda: errors, "the exception to be reported")
        self.assertEqual(len(errors), 1)
        self.assertIs(errors[0], error)
        self.assertIsNone(atomically(over.get))

    def test_a_retry_in_it_is_reported(self):
        with Unraisable() as errors:
            self.watch(lambda: elapsed(0.01), lambda over: over and retry())
            self.until(lambda: errors, "the retry to be reported")
        self.assertIsInstance(errors[0], RuntimeError)
        self.assertRegex(str(errors[0]), "retry")

    def test_a_cascade_that_does_not_settle_is_reported(self):
        var = TVar(0)

        def restless():
            return var.value + elapsed(0.05)

        with Unraisable() as errors:
            self.watch(
                restless,
                lambda value: value and var.set(value + 1000),
            )
            self.until(lambda: errors, "the cascade to be reported")
        self.assertIsInstance(errors[0], RuntimeError)
        self.assertRegex(str(errors[0]), "restless")
        self.assertEqual(atomically(var.get), 0)


if __name__ == "__main__":
    unittest.main()
