# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import gc
import time
import unittest
import weakref

import stm
import stm.stats
from stm import TVar, atomically, in_transaction, or_else, retry
from stm.datatypes import TList
from stm.timeout import (
    Timeout,
    make_delay,
    make_timeout,
    wait_for_true,
    wait_then_raise,
    with_delay,
    with_timeout,
)
from stm.utils import atomically_watch, would_block
from support import LIMIT, Case, Notes, Unraisable


class VariableTest(Case):
    """make_delay() and make_timeout()."""

    def test_becomes_true_after_so_many_seconds(self):
        began = time.monotonic()
        var = make_delay(0.05)
        atomically(lambda: wait_for_true(var))
        self.assertIs(atomically(var.get), True)
        self.assertGreaterEqual(time.monotonic(), began + 0.05)

    def test_becomes_true_at_a_time(self):
        moment = time.time() + 0.05
        var = make_timeout(moment)
        atomically(lambda: wait_for_true(var))
        self.assertIs(atomically(var.get), True)
        self.assertGreaterEqual(time.time(), moment)

    def test_is_false_until_then(self):
        for var in (make_delay(LIMIT), make_timeout(time.time() + LIMIT)):
            self.assertIsInstance(var, TVar)
            self.assertIs(atomically(var.get), False)

    def test_is_true_at_once_when_the_time_is_over(self):
        for var in make_delay(0), make_delay(-1), make_timeout(0):
            self.assertIs(atomically(var.get), True)

    def test_without_a_time_stays_false(self):
        self.assertIs(atomically(make_delay(None).get), False)
        self.assertIs(atomically(make_timeout(None).get), False)

    def test_may_be_set_before(self):
        var, seen = make_delay(0.05), Notes()
        atomically_watch(var.get, seen.append)
        atomically(lambda: var.set(True))
        atomically(lambda: wait_for_true(var))
        self.until(
            lambda: seen.items()[-2:] == [True, True], "it to be set again"
        )

    def test_wakes_those_who_wait_and_watch(self):
        begin = make_delay(0.02)
        seen = Notes()
        atomically_watch(begin.get, seen.append)
        threads = [
            self.start(atomically, lambda: wait_for_true(begin))
            for _ in range(3)
        ]
        self.join(*threads)
        # The time may be over before it is watched.
        self.assertIn(seen.items(), ([False, True], [True]))

    def test_cannot_be_made_inside_a_transaction(self):
        for make in (make_delay, make_timeout):
            with self.assertRaisesRegex(RuntimeError, "transaction"):
                atomically(lambda: make(1))

    def test_needs_a_number(self):
        with self.assertRaises(TypeError):
            make_delay("soon")
        with self.assertRaises(ValueError):
            make_timeout(float("nan"))

    def test_that_nobody_needs_leaves_nothing_behind(self):
        def watchers():
            gc.collect()
            return sum(isinstance(it, stm.Watcher) for it in gc.get_objects())

        before = watchers()
        for _ in range(100):
            make_delay(3600)
        self.until(
            lambda: watchers() == before, "the watchers to have been let go"
        )

    def test_dropped_inside_a_transaction_does_no_harm(self):
        var = make_delay(0.05)
        reference = weakref.ref(var)
        holder = [var]
        del var

        @atomically
        def _():
            holder.clear()

        gc.collect()
        self.assertIsNone(reference())
        with Unraisable() as errors:
            atomically(lambda: stm.elapsed(0.1) or retry())
        self.assertEqual(errors, [])

    def test_that_lives_until_exit_does_no_harm(self):
        _, errors, _ = self.script(
            """
            import stm, stm.timeout
            var = stm.timeout.make_delay(3600)
            stm.cycle = [var]
            stm.cycle.append(stm.cycle)
            """
        )
        self.assertEqual(errors, "")

    def test_gives_a_blocking_function_a_limit(self):
        items = TList()
        var = make_delay(0.02)

        def take():
            if items:
                return items.pop(0)
            if var.get():
                raise Timeout
            retry()

        with self.assertRaises(Timeout):
            atomically(take)
        atomically(lambda: items.append("x"))
        self.assertEqual(atomically(take), "x")


class WaitTest(Case):
    def test_wait_for_true_retries_while_it_is_not(self):
        for value in (False, 0, None, ""):
            self.assertTrue(would_block(lambda: wait_for_true(TVar(value))))
        for value in (True, 1, "x"):
            self.assertIsNone(atomically(lambda: wait_for_true(TVar(value))))

    def test_wait_then_raise_raises_what_it_is_told(self):
        var = TVar(False)
        self.assertTrue(would_block(lambda: wait_then_raise(var)))
        atomically(lambda: var.set(True))
        with self.assertRaises(Timeout):
            atomically(lambda: wait_then_raise(var))
        with self.assertRaises(KeyError):
            atomically(lambda: wait_then_raise(var, KeyError))

    def test_need_a_transaction(self):
        for function in (wait_for_true, wait_then_raise):
            with self.assertRaises(RuntimeError):
                function(TVar(True))


class WithTest(Case):
    """with_delay() and with_timeout()."""

    def both(self, seconds, function):
        """Yield calls with a limit that comes in so many seconds."""
        yield lambda: with_delay(seconds, function)
        moment = time.time() + seconds  # the same for every attempt
        yield lambda: with_timeout(moment, function)

    def test_return_what_the_function_returns(self):
        for call in self.both(LIMIT, lambda: 42):
            self.assertEqual(call(), 42)

    def test_run_the_function_in_a_transaction(self):
        for call in self.both(LIMIT, in_transaction):
            self.assertTrue(call())

    def test_raise_timeout_and_undo(self):
        var = TVar(0)

        def body():
            var.set(1)
            retry()

        began = time.monotonic()
        for call in self.both(0.02, body):
            with self.assertRaises(Timeout):
                call()
        self.assertGreaterEqual(time.monotonic(), began + 0.02)
        self.assertEqual(atomically(var.get), 0)

    def test_let_the_function_finish_when_it_need_not_wait(self):
        for call in self.both(-1, lambda: "done"):
            self.assertEqual(call(), "done")

    def test_go_on_when_what_was_read_changes(self):
        var = TVar(None)
        for call in self.both(LIMIT, lambda: var.get() or retry()):
            atomically(lambda: var.set(None))
            before = stm.stats.read()["retries"]
            results = []
            thread = self.start(lambda: results.append(call()))
            self.blocked(1, before)
            atomically(lambda: var.set("now"))
            self.join(thread)
            self.assertEqual(results, ["now"])

    def test_an_exception_propagates(self):
        for call in self.both(LIMIT, lambda: 1 / 0):
            with self.assertRaises(ZeroDivisionError):
                call()

    def test_inside_a_transaction_undo_their_part_alone(self):
        var = TVar(0)

        def wait():
            var.set(2)
            retry()

        for call in self.both(0.01, wait):

            @atomically
            def _():
                var.set(1)
                with self.assertRaises(Timeout):
                    call()
                self.assertEqual(var.get(), 1)

    def test_the_earlier_limit_comes_first(self):
        def limited(seconds):
            def expire():
                try:
                    return with_delay(seconds, retry)
                except Timeout:
                    return seconds

            return expire

        self.assertEqual(
            atomically(lambda: or_else(limited(60), limited(0.01))), 0.01
        )

    def test_for_ever(self):
        self.assertTrue(would_block(lambda: with_delay(None, retry)))
        self.assertTrue(would_block(lambda: with_timeout(None, retry)))


if __name__ == "__main__":
    unittest.main()
