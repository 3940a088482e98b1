# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import os
import signal
import threading
import time
import unittest

import stm.stats
from stm import TVar, atomically, elapsed, or_else, retry
from support import Case


def take(var):
    """Wait for a value other than None and take it."""
    value = var.get()
    if value is None:
        retry()
    var.set(None)
    return value


class RetryTest(Case):
    def test_waits_for_what_was_read(self):
        var, results = TVar(), []
        thread = self.start(
            lambda: results.append(atomically(lambda: take(var)))
        )
        atomically(lambda: var.set(5))
        self.join(thread)
        self.assertEqual(results, [5])

    def test_undoes_what_the_attempt_wrote(self):
        var, other = TVar(), TVar(0)

        def body():
            other.value += 1
            return take(var)

        thread = self.start(atomically, body)
        atomically(lambda: var.set(1))
        self.join(thread)
        self.assertEqual(atomically(other.get), 1)

    def test_hands_values_back_and_forth(self):
        ping, pong = TVar(), TVar()

        def echo():
            for _ in range(500):
                value = atomically(lambda: take(ping))
                atomically(lambda: pong.set(value + 1))

        thread = self.start(echo)
        value = 0
        for _ in range(500):
            atomically(lambda: ping.set(value))
            value = atomically(lambda: take(pong))
        self.join(thread)
        self.assertEqual(value, 500)

    def test_that_nothing_could_wake_is_an_error(self):
        with self.assertRaises(RuntimeError):
            atomically(retry)

    def test_deprecated_times_end_the_wait(self):
        begin = time.monotonic()
        atomically(lambda: retry(resume_after=0.02))
        self.assertGreaterEqual(time.monotonic() - begin, 0.02)
        atomically(lambda: retry(resume_after=0))
        moment = time.time() + 0.01
        atomically(lambda: retry(resume_at=moment))
        atomically(lambda: retry(None, 0))


class OrElseTest(Case):
    def test_is_the_first_that_does_not_retry(self):
        self.assertEqual(
            atomically(lambda: or_else(retry, lambda: 2, lambda: 3)), 2
        )

    def test_undoes_the_branch_that_retried(self):
        var = TVar(0)

        def first():
            var.set(1)
            retry()

        self.assertEqual(atomically(lambda: or_else(first, var.get)), 0)

    def test_an_exception_propagates_and_undoes_its_branch(self):
        var = TVar(0)

        def first():
            var.set(1)
            raise KeyError

        @atomically
        def _():
            with self.assertRaises(KeyError):
                or_else(first, lambda: 2)
            self.assertEqual(var.get(), 0)

    def test_waits_on_what_every_branch_read(self):
        for awaited in range(3):
            places = [TVar() for _ in range(3)]
            results = []
            branches = [lambda var=var: take(var) for var in places]
            before = stm.stats.read()["retries"]
            thread = self.start(
                lambda: results.append(atomically(lambda: or_else(*branches)))
            )
            self.blocked(1, before)
            atomically(lambda: places[awaited].set(awaited))
            self.join(thread)
            self.assertEqual(results, [awaited])

    def test_without_branches_retries(self):
        self.assertEqual(atomically(lambda: or_else(or_else, lambda: 1)), 1)

    def test_nests(self):
        var = TVar()

        @atomically
        def result():
            return or_else(
                lambda: or_else(lambda: take(var), retry),
                lambda: or_else(retry, lambda: "inner"),
            )

        self.assertEqual(result, "inner")


class ElapsedTest(Case):
    def test_without_a_time_never_passes(self):
        self.assertFalse(atomically(elapsed))
        self.assertFalse(atomically(lambda: elapsed(None, None)))

    def test_with_both_times_raises(self):
        with self.assertRaises(ValueError):
            atomically(lambda: elapsed(1, 2))
        with self.assertRaisesRegex(ValueError, "only one"):
            atomically(lambda: retry(1, 2))

    def test_elapsed_and_retry_need_a_transaction(self):
        for call in elapsed, lambda: elapsed(1), retry, lambda: retry(1):
            with self.assertRaisesRegex(RuntimeError, "atomically"):
                call()

    def test_wakes_when_the_seconds_are_over(self):
        begin = time.monotonic()
        atomically(lambda: elapsed(0.05) or retry())
        self.assertGreaterEqual(time.monotonic() - begin, 0.05)

    def test_wakes_at_the_time(self):
        moment = time.time() + 0.05
        atomically(lambda: elapsed(time=moment) or retry())
        self.assertGreaterEqual(time.time(), moment)

    def test_of_nothing_or_less_has_passed(self):
        self.assertTrue(atomically(lambda: elapsed(0)))
        self.assertTrue(atomically(lambda: elapsed(-5)))
        self.assertTrue(atomically(lambda: elapsed(time=0)))

    def test_of_infinity_does_not_pass(self):
        self.assertFalse(atomically(lambda: elapsed(float("inf"))))
        self.assertFalse(atomically(lambda: elapsed(1e300)))

    def test_of_no_number_raises(self):
        with self.assertRaises(ValueError):
            atomically(lambda: elapsed(float("nan")))
        with self.assertRaises(TypeError):
            atomically(lambda: elapsed("soon"))

    def test_the_sooner_of_two_branches_wins(self):
        def after(seconds):
            return lambda: seconds if elapsed(seconds) else retry()

        first = atomically(lambda: or_else(after(30), after(0.01)))
        self.assertEqual(first, 0.01)


class ResourcesTest(Case):
    def test_a_thousand_blocked_transactions_hold_no_descriptor(self):
        go = TVar(False)
        before = stm.stats.read()["retries"]
        threading.stack_size(128 * 1024)
        self.addCleanup(threading.stack_size, 0)
        descriptors = len(os.listdir("/proc/self/fd"))
        threads = [
            self.start(atomically, lambda: go.get() or retry())
            for _ in range(1000)
        ]
        self.blocked(1000, before)
        self.assertEqual(len(os.listdir("/proc/self/fd")), descriptors)
        atomically(lambda: go.set(True))
        self.join(*threads)

    def test_a_blocked_thread_does_not_hold_the_interpreter(self):
        go = TVar(False)
        before = stm.stats.read()["retries"]
        thread = self.start(atomically, lambda: go.get() or retry())
        self.blocked(1, before)
        self.assertEqual(sum(range(1000)), 499500)
        atomically(lambda: go.set(True))
        self.join(thread)


class SignalTest(Case):
    def test_ctrl_c_interrupts_a_blocked_transaction_at_once(self):
        output, _, took = self.script(
            """
            import stm, stm.stats, threading, os
            var = stm.TVar()
            def announce():
                while not stm.stats.read()["retries"]:
                    os.sched_yield()
                print("blocked", flush=True)
            threading.Thread(target=announce).start()
            def body():
                var.get()
                try:
                    stm.retry()
                except KeyboardInterrupt:
                    print("wrong place")
            try:
                stm.atomically(body)
            except KeyboardInterrupt:
                print("interrupted", flush=True)
            stm.atomically(lambda: var.set(3))
            print(stm.atomically(var.get))
            """,
            signal_after="blocked",
            signal=signal.SIGINT,
        )
        self.assertEqual(output, "blocked\ninterrupted\n3\n")
        self.assertLess(took, 10)

    def test_ctrl_c_from_within_reaches_a_blocked_main_thread(self):
        output, _, _ = self.script(
            """
            import os, signal, stm, stm.stats, threading
            var = stm.TVar()
            def interrupt():
                while not stm.stats.read()["retries"]:
                    os.sched_yield()
                os.kill(os.getpid(), signal.SIGINT)
            threading.Thread(target=interrupt).start()
            try:
                stm.atomically(lambda: var.get() or stm.retry())
            except KeyboardInterrupt:
                print("interrupted")
            """
        )
        self.assertEqual(output, "interrupted\n")

    def test_a_handler_runs_while_blocked_and_may_wake_the_transaction(self):
        var = TVar()
        before = stm.stats.read()["retries"]

        def handler(number, frame):
            self.assertFalse(stm.in_transaction())
            atomically(lambda: var.set(number))

        old = signal.signal(signal.SIGUSR1, handler)
        self.addCleanup(signal.signal, signal.SIGUSR1, old)

        def send():
            self.blocked(1, before)
            os.kill(os.getpid(), signal.SIGUSR1)

        thread = self.start(send)
        self.assertEqual(atomically(lambda: take(var)), signal.SIGUSR1)
        self.join(thread)

    def test_a_handler_that_waits_itself_loses_no_wake_up(self):
        first, second = TVar(), TVar()
        before = stm.stats.read()["retries"]

        def handler(number, frame):
            atomically(lambda: elapsed(0.2) or (second.get(), retry()))

        old = signal.signal(signal.SIGUSR1, handler)
        self.addCleanup(signal.signal, signal.SIGUSR1, old)

        def send():
            self.blocked(1, before)
            os.kill(os.getpid(), signal.SIGUSR1)
            self.blocked(2, before)
            atomically(lambda: first.set(5))

        thread = self.start(send)
        self.assertEqual(atomically(lambda: take(first)), 5)
        self.join(thread)

    def test_signals_in_the_midst_of_transactions_abort_whole_ones(self):
        left, right = TVar(0), TVar(0)

        class Interrupted(Exception):
            pass

        def handler(number, frame):
            fired.append(number)
            raise Interrupted

        def body():
            left.value += 1
            right.value += 1

        old = signal.signal(signal.SIGALRM, handler)
        self.addCleanup(signal.signal, signal.SIGALRM, old)

        def run_until_fired(seconds):
            signal.setitimer(signal.ITIMER_REAL, seconds)
            while not fired:
                atomically(body)

        for i in range(300):
            fired = []
            try:
                run_until_fired(0.00002 * (i % 10 + 1))
            except Interrupted:
                pass
        self.assertEqual(atomically(left.get), atomically(right.get))


if __name__ == "__main__":
    unittest.main()
