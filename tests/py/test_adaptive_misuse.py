# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""AdaptiveThreadPool told the wrong thing, at the wrong time or place."""

import gc
import os
import signal
import threading
import unittest
import weakref

import stm.stats
from stm import TVar, atomically, in_transaction
from stm.adaptive import AdaptiveThreadPool
from stm.datatypes import TList
from stm.utils import wait_until
from support import LIMIT
from support_adaptive import AdaptiveCase


class Falsy:
    """A callable that is false, empty, and equal to nothing."""

    def __init__(self):
        self.calls = 0

    def __bool__(self):
        return False

    def __len__(self):
        return 0

    def __eq__(self, other):
        raise ZeroDivisionError("compared")

    __hash__ = None

    def __call__(self, *args):
        self.calls += 1
        return args


class SubmitTest(AdaptiveCase):
    def test_a_callable_may_be_false_and_refuse_to_be_compared(self):
        pool, odd = self.pool(), Falsy()
        self.assertEqual(pool.submit(odd).result(LIMIT), ())
        self.assertEqual(pool.submit(odd, [odd]).result(LIMIT)[0].calls, 2)

    def test_a_task_that_waits_may_be_false(self):
        pool, gate = self.pool(), self.gate()
        self.loaded(pool, gate, 2)
        odd = [Falsy() for _ in range(20)]
        futures = [pool.submit(one, priority=5) for one in odd]
        gate.release()
        for future in futures:
            future.result(LIMIT)
        self.assertEqual([one.calls for one in odd], [1] * 20)

    def test_what_is_no_callable_is_refused(self):
        for wrong in (None, 5, "print", []):
            with self.assertRaisesRegex(TypeError, "callable must be callable"):
                self.pool().submit(wrong)

    def test_args_may_be_a_list_or_anything_that_is_iterated(self):
        pool, args = self.pool(), [2, 5]
        self.assertEqual(pool.submit(pow, args).result(LIMIT), 32)
        self.assertEqual(pool.submit(pow, iter(args)).result(LIMIT), 32)
        with self.assertRaises(TypeError):
            pool.submit(pow, 5)

    def test_args_are_those_of_the_call(self):
        pool, gate = self.pool(), self.gate()
        args, kwargs = ["17"], {"base": 8}
        self.loaded(pool, gate, 2)
        future = pool.submit(int, args, kwargs)
        args.append("8")
        kwargs["base"] = 10
        gate.release()
        self.assertEqual(future.result(LIMIT), 15)

    def test_kwargs_with_keys_that_are_no_strings_are_refused(self):
        pool = self.pool()
        for wrong in ({1: 2}, {None: 1}, {("a",): 1}):
            with self.assertRaisesRegex(TypeError, "strings as keys, not"):
                pool.submit(dict, kwargs=wrong)
        for wrong in (5, [1]):
            with self.assertRaises(TypeError):
                pool.submit(dict, kwargs=wrong)
        with self.assertRaises(TypeError):
            pool.submit(dict, kwargs=None)
        self.assertEqual(pool.get_metrics()["total_submitted"], 0)

    def test_keys_of_a_subclass_of_str_are_strings(self):
        class Key(str):
            pass

        future = self.pool().submit(dict, kwargs={Key("a"): 1})
        self.assertEqual(future.result(LIMIT), {"a": 1})

    def test_a_priority_is_an_integer(self):
        pool = self.pool()
        for wrong in ("1", None, 1.5):
            with self.assertRaises(TypeError):
                pool.submit(int, priority=wrong)
        for wrong in (1 << 63, -(1 << 63) - 1):
            with self.assertRaises(OverflowError):
                pool.submit(int, priority=wrong)
        for extreme in ((1 << 63) - 1, -(1 << 63)):
            future = pool.submit(int, priority=extreme)
            self.assertEqual(future.result(LIMIT), 0)

    def test_arguments_of_which_there_are_none_are_refused(self):
        with self.assertRaises(TypeError):
            self.pool().submit(int, (), {}, 0, 5)
        with self.assertRaises(TypeError):
            self.pool().submit()

    def test_a_task_may_be_anything_that_ends_its_run(self):
        pool = self.pool()
        for kind in (SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError):

            def leave():
                raise kind

            with self.assertRaises(kind):
                pool.submit(leave).result(LIMIT)
        self.assertEqual(pool.submit(int).result(LIMIT), 0)

    def test_a_task_is_in_no_transaction(self):
        self.assertFalse(self.pool().submit(in_transaction).result(LIMIT))

    def test_tasks_may_submit_to_their_own_full_pool(self):
        pool, seen = self.pool(), TVar(0)

        def leaf():
            @atomically
            def _():
                seen.value += 1

        def root():
            for _ in range(100):
                pool.submit(leaf)

        for future in [pool.submit(root) for _ in range(4)]:
            future.result(LIMIT)
        pool.shutdown()
        self.assertEqual(atomically(seen.get), 400)

    def test_tasks_may_wait_for_tasks_of_their_own_pool(self):
        pool = self.pool(
            min_threads=1, soft_limit=1, max_threads=1, hard_limit=1
        )

        def fibonacci(n):
            if n < 2:
                return n
            one = pool.submit(fibonacci, (n - 1,))
            two = pool.submit(fibonacci, (n - 2,))
            return one.result() + two.result()

        self.assertEqual(pool.submit(fibonacci, (7,)).result(LIMIT), 13)


class MakingTest(AdaptiveCase):
    def test_not_in_a_transaction(self):
        with self.assertRaisesRegex(RuntimeError, "inside a transaction"):
            atomically(AdaptiveThreadPool)

    def test_wrong_settings_leave_nothing_behind(self):
        before = threading.active_count()
        for wrong in (dict(policy=7), dict(max_threads=4), dict(hard_limit=0)):
            with self.assertRaises(ValueError):
                AdaptiveThreadPool(**wrong)
        self.assertEqual(threading.active_count(), before)

    def test_settings_that_do_not_exist_are_refused(self):
        with self.assertRaises(TypeError):
            AdaptiveThreadPool(most_threads=5)
        with self.assertRaisesRegex(TypeError, "no setting 'most_threads'"):
            self.pool().configure(most_threads=5)

    def test_a_hundred_pools_leave_nothing_behind(self):
        before = threading.active_count()
        files = len(os.listdir("/proc/self/fd"))
        for _ in range(100):
            with AdaptiveThreadPool() as pool:
                pool.submit(int)
        gone = weakref.ref(pool)
        del pool
        gc.collect()
        self.assertIsNone(gone())
        self.until(
            lambda: threading.active_count() <= before, "no more threads"
        )
        self.assertEqual(len(os.listdir("/proc/self/fd")), files)


class EndTest(AdaptiveCase):
    def test_a_busy_pool_that_is_dropped_finishes_what_is_queued(self):
        seen, gate = TVar(0), self.gate()

        def task():
            @atomically
            def _():
                seen.value += 1

        pool = AdaptiveThreadPool()
        self.loaded(pool, gate, 2)
        for _ in range(100):
            pool.submit(task)
        gone = weakref.ref(pool)
        del pool
        gc.collect()
        self.assertIsNone(gone())
        gate.release()
        wait_until(lambda: seen.value == 100, LIMIT)

    def test_a_pool_may_be_dropped_by_its_own_task(self):
        kept, done = [AdaptiveThreadPool()], TVar(False)

        def task():
            kept.clear()
            gc.collect()
            atomically(lambda: done.set(True))

        kept[0].submit(task)
        wait_until(done.get, LIMIT)

    def test_a_task_that_shuts_its_pool_down_cannot_wait_for_itself(self):
        pool, gate = self.pool(), self.gate()
        before = self.loaded(pool, gate, 5)
        gate.wait(2)
        future = pool.submit(pool.shutdown, priority=-1)
        gate.release()
        with self.assertRaisesRegex(RuntimeError, "cannot join"):
            future.result(LIMIT)
        # It has taken effect nevertheless.
        with self.assertRaises(RuntimeError):
            pool.submit(int)
        pool.shutdown()
        self.assertTrue(all(one.done() for one in before))

    def test_a_task_may_shut_its_pool_down_without_waiting(self):
        pool = self.pool()
        pool.submit(pool.shutdown, kwargs={"wait": False}).result(LIMIT)
        with self.assertRaises(RuntimeError):
            pool.submit(int)
        pool.shutdown()
        self.assertEqual(pool.get_metrics()["current_threads"], 0)

    def test_two_threads_may_shut_it_down_and_both_wait(self):
        pool, gate = self.pool(), self.gate()
        futures = self.loaded(pool, gate, 20)
        gate.wait(2)
        before = stm.stats.read()["retries"]
        ended = TList()

        def end():
            pool.shutdown()
            done = all(future.done() for future in futures)
            atomically(lambda: ended.append(done))

        threads = [self.start(end) for _ in range(2)]
        self.blocked(2, before)
        gate.release()
        self.join(*threads)
        self.assertEqual(atomically(lambda: list(ended)), [True, True])

    def test_shutting_down_twice_is_no_error(self):
        pool = self.pool()
        for wait in (False, True, True, False):
            pool.shutdown(wait)

    def test_a_transaction_cannot_wait_for_the_end(self):
        pool = self.pool()
        with self.assertRaisesRegex(RuntimeError, "inside a transaction"):
            atomically(pool.shutdown)
        self.assertEqual(pool.submit(int).result(LIMIT), 0)
        atomically(lambda: pool.shutdown(wait=False))
        with self.assertRaises(RuntimeError):
            pool.submit(int)

    def test_a_signal_handler_may_shut_it_down(self):
        pool, gate, seen = self.pool(), self.gate(), []
        futures = self.loaded(pool, gate, 10)
        gate.wait(2)

        def handle(number, frame):
            gate.release()
            pool.shutdown()
            seen.append(all(future.done() for future in futures))

        old = signal.signal(signal.SIGUSR1, handle)
        self.addCleanup(signal.signal, signal.SIGUSR1, old)
        os.kill(os.getpid(), signal.SIGUSR1)
        self.until(lambda: seen, "the handler to have run")
        self.assertEqual(seen, [True])

    def test_a_signal_handler_may_shut_down_what_the_thread_waits_for(self):
        """The thread is in submit, and finds the pool closed."""
        pool, gate = self.pool(), self.gate()
        self.loaded(pool, gate, 130)
        gate.wait(2)

        def handle(number, frame):
            pool.shutdown(wait=False)

        old = signal.signal(signal.SIGUSR1, handle)
        self.addCleanup(signal.signal, signal.SIGUSR1, old)
        before = stm.stats.read()["retries"]
        main = threading.get_ident()

        def interrupt():
            self.blocked(1, before)
            signal.pthread_kill(main, signal.SIGUSR1)

        thread = self.start(interrupt)
        with self.assertRaisesRegex(RuntimeError, "after shutdown"):
            pool.submit(int)
        self.join(thread)
        gate.release()
        pool.shutdown()
        self.assertEqual(pool.get_metrics()["total_completed"], 130)

    def test_the_collector_may_run_in_a_task_while_submit_waits(self):
        pool, gate = self.pool(), self.gate()
        self.loaded(pool, gate, 1)

        def collect():
            wait_until(gate.open.get)
            for _ in range(5):
                circle = []
                circle.append(circle)
                gc.collect()

        pool.submit(collect)
        gate.wait(1)
        for _ in range(128):
            pool.submit(gc.collect, (0,))
        before = stm.stats.read()["retries"]
        threads = [self.start(pool.submit, int) for _ in range(3)]
        self.blocked(3, before)
        gate.release()
        self.join(*threads)
        pool.shutdown()
        self.assertEqual(pool.get_metrics()["total_completed"], 133)


class ExitTest(AdaptiveCase):
    def exits(self, text, expected):
        output, errors, _ = self.script(text)
        self.assertEqual((output, errors), (expected, ""))

    def test_what_is_queued_at_exit_still_runs(self):
        self.exits(
            """
            import os
            from stm.adaptive import AdaptiveThreadPool

            pool = AdaptiveThreadPool(monitor_interval_ms=1)
            for _ in range(100):
                pool.submit(os.write, (1, b"."))
            """,
            "." * 100,
        )

    def test_the_monitor_is_there_until_all_is_done(self):
        self.exits(
            """
            from stm import TVar, atomically
            from stm.adaptive import AdaptiveThreadPool, POLICY_AGGRESSIVE
            from stm.utils import wait_until

            pool = AdaptiveThreadPool(
                policy=POLICY_AGGRESSIVE, monitor_interval_ms=1,
                cpu_threshold=1.0, memory_threshold_mb=0,
            )
            here = TVar(0)

            def task():
                # Goes on when more are here than the pool begins with.
                @atomically
                def _():
                    here.value += 1
                wait_until(lambda: here.value >= 5)

            for _ in range(5):
                pool.submit(task)
            print("end")
            """,
            "end\n",
        )

    def test_the_monitor_ends_before_python_does(self):
        self.exits(
            """
            import atexit

            @atexit.register  # before the package's, and so after it
            def last():
                print(_monitor.default.thread)

            from stm import _monitor
            from stm.adaptive import AdaptiveThreadPool

            pool = AdaptiveThreadPool(monitor_interval_ms=80_000_000)
            print(_monitor.default.thread is not None)
            """,
            "True\nNone\n",
        )

    def test_a_pool_without_tasks_does_not_hold_up_the_exit(self):
        self.exits(
            """
            from stm.adaptive import AdaptiveThreadPool

            pools = [AdaptiveThreadPool() for _ in range(3)]
            more = AdaptiveThreadPool(monitor_interval_ms=80_000_000)
            print("end")
            """,
            "end\n",
        )

    def test_a_task_that_runs_at_exit_finds_the_pool_closed(self):
        self.exits(
            """
            from stm.adaptive import AdaptiveThreadPool

            pool = AdaptiveThreadPool()

            def task():
                while True:
                    try:
                        pool.submit(int)
                    except RuntimeError:
                        print("closed", flush=True)
                        return

            pool.submit(task)
            """,
            "closed\n",
        )

    def test_a_pool_made_and_dropped_at_exit_is_no_error(self):
        self.exits(
            """
            import atexit
            from stm.adaptive import AdaptiveThreadPool

            @atexit.register
            def _():
                try:
                    pool = AdaptiveThreadPool()
                except RuntimeError:
                    pass
                print("end")
            """,
            "end\n",
        )


if __name__ == "__main__":
    unittest.main()
