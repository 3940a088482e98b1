# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What a ThreadPool takes its tasks from: bounds, priorities and delays."""

import gc
import inspect
import signal
import sysconfig
import threading
import time
import unittest
import weakref

import stm.stats
from stm import TVar, atomically, or_else, retry
from stm.datatypes import Full, TList, TPriorityQueue
from stm.threadutils import ThreadPool
from stm.utils import wait_until
from support import Case, LIMIT, Notes, Unraisable


class PoolCase(Case):
    def pool(self, *args, **kwargs):
        pool = ThreadPool(*args, **kwargs)
        self.addCleanup(pool.shutdown)
        return pool

    def full(self, rejection, *, tasks=None):
        """Return a pool with a busy worker and two queued tasks, which is as
        many as there may be, its notes, and the event on which it goes on."""
        pool = self.pool(1, 1, tasks, capacity=2, rejection=rejection)
        go, seen = threading.Event(), Notes()
        self.addCleanup(go.set)
        pool.schedule(lambda: go.wait(LIMIT))
        wait_until(lambda: pool.stats().running == 1, LIMIT)
        for i in range(2):
            pool.schedule(lambda i=i: seen.append(i))
        return pool, seen, go


class BoundTest(PoolCase):
    def test_schedule_waits_for_room(self):
        pool, seen, go = self.full("block")
        before = stm.stats.read()["retries"]
        thread = self.start(pool.schedule, lambda: seen.append("late"))
        self.blocked(1, before)
        self.assertEqual(pool.queued, 2)
        go.set()
        self.join(thread)
        pool.join(LIMIT)
        self.assertEqual(seen, [0, 1, "late"])

    def test_inside_a_transaction_it_retries(self):
        pool, seen, go = self.full("block")

        def either():
            return or_else(
                lambda: pool.schedule(lambda: seen.append("one")),
                lambda: "full",
            )

        self.assertEqual(atomically(either), "full")
        go.set()
        wait_until(lambda: pool.queued == 0, LIMIT)
        self.assertIsNone(atomically(either))
        pool.join(LIMIT)
        self.assertEqual(seen, [0, 1, "one"])

    def test_the_first_pool_with_room_is_taken(self):
        one, _, _ = self.full("block")
        two, seen = self.pool(1, 1, capacity=1), Notes()

        def task():
            seen.append(1)

        atomically(
            lambda: or_else(
                lambda: one.schedule(task), lambda: two.schedule(task)
            )
        )
        two.join(LIMIT)
        self.assertEqual(seen, [1])

    def test_a_task_that_waits_for_room_in_its_own_pool_gets_it(self):
        pool, seen = self.pool(1, 1, capacity=1), []

        def task():
            for i in range(10):
                pool.schedule(lambda i=i: seen.append(i))

        pool.schedule(task)
        pool.join(LIMIT)
        self.assertEqual(sorted(seen), list(range(10)))

    def test_a_full_pool_that_rejects_raises_full(self):
        pool, seen, go = self.full("reject")
        with self.assertRaises(Full):
            pool.schedule(int)

        @atomically
        def _():
            with self.assertRaises(Full):
                pool.schedule(int)

        self.assertEqual(pool.queued, 2)
        go.set()
        pool.join(LIMIT)
        pool.schedule(lambda: seen.append(2))
        pool.join(LIMIT)
        self.assertEqual(seen, [0, 1, 2])

    def test_the_bound_is_that_of_the_end_of_a_transaction(self):
        pool = self.pool(3, 1, capacity=2, rejection="reject")
        go = threading.Event()
        self.addCleanup(go.set)

        @atomically
        def _():
            for _ in range(5):
                pool.schedule(lambda: go.wait(LIMIT))
            with self.assertRaises(Full):
                pool.schedule(int)

        stats = pool.stats()
        self.assertEqual((stats.running, stats.queued), (3, 2))

    def test_the_caller_runs_what_finds_no_room(self):
        pool, _, go = self.full("caller-runs")
        me, seen = threading.get_ident(), Notes()
        pool.schedule(lambda: seen.append(threading.get_ident()))
        self.assertEqual(seen, [me])
        self.assertEqual((pool.tasks_scheduled, pool.tasks_finished), (4, 1))
        go.set()
        pool.join(LIMIT)
        self.assertEqual(seen, [me])

    def test_the_caller_runs_it_after_its_commit(self):
        pool, _, _ = self.full("caller-runs")
        seen, var = [], TVar(0)

        def body():
            var.set(var.get() + 1)
            pool.schedule(lambda: seen.append(stm.in_transaction()))
            pool.schedule(lambda: seen.append(atomically(var.get)))
            return list(seen)

        self.assertEqual(atomically(body), [])
        self.assertEqual(seen, [False, 1])

        def aborted():
            body()
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(aborted)
        self.assertEqual(seen, [False, 1])
        self.assertEqual(pool.tasks_scheduled, 5)

    def test_what_it_raises_there_is_reported_as_elsewhere(self):
        pool, _, _ = self.full("caller-runs")
        with Unraisable() as errors:
            pool.schedule(lambda: 1 / 0)
        self.assertEqual([type(error) for error in errors], [ZeroDivisionError])
        self.assertEqual(pool.tasks_finished, 1)

    def test_the_oldest_is_dropped(self):
        pool, seen, go = self.full("drop-oldest")
        pool.schedule(lambda: seen.append(2))
        pool.schedule(lambda: seen.append(3))
        stats = pool.stats()
        self.assertEqual((stats.queued, stats.given_up), (2, 2))
        go.set()
        pool.join(LIMIT)
        self.assertEqual(seen, [2, 3])
        self.assertEqual(pool.tasks_scheduled, 3)

    def test_of_priorities_the_oldest_of_the_least_urgent_is_dropped(self):
        pool, seen, go = self.full("drop-oldest", tasks=TPriorityQueue())
        pool.schedule(lambda: seen.append("urgent"), priority=-1)
        pool.schedule(lambda: seen.append("too"), priority=-1)
        pool.schedule(lambda: seen.append("last"), priority=1)
        go.set()
        pool.join(LIMIT)
        self.assertEqual(seen, ["too", "last"])

    def test_what_is_added_to_the_list_is_never_refused(self):
        tasks = TList()
        pool, seen, go = self.full("reject", tasks=tasks)
        atomically(
            lambda: tasks.extend([lambda: seen.append("more") for _ in "abc"])
        )
        self.assertEqual(pool.queued, 5)
        with self.assertRaises(Full):
            pool.schedule(int)
        go.set()
        pool.join(LIMIT)
        self.assertEqual(seen, [0, 1, "more", "more", "more"])

    def test_a_paused_pool_has_room_for_as_many_and_no_more(self):
        pool = self.pool(8, 1, capacity=2, rejection="reject")
        pool.pause()
        pool.schedule(int)
        pool.schedule(int)
        with self.assertRaises(Full):
            pool.schedule(int)
        pool.resume()
        pool.join(LIMIT)

    def test_control_c_ends_the_wait(self):
        output, _, _ = self.script(
            """
            import threading
            from stm.threadutils import ThreadPool
            pool, go = ThreadPool(1, 1, capacity=1), threading.Event()
            for _ in range(2):
                pool.schedule(go.wait)
            try:
                print("full", flush=True)
                pool.schedule(go.wait)
            except KeyboardInterrupt:
                print("interrupted", pool.queued, flush=True)
            finally:
                go.set()
            """,
            signal_after="full",
            signal=signal.SIGINT,
        )
        self.assertEqual(output, "full\ninterrupted 1\n")

    def test_after_shutdown_nothing_waits_for_room(self):
        pool, _, go = self.full("block")
        before = stm.stats.read()["retries"]
        errors = []

        def schedule():
            try:
                pool.schedule(int)
            except RuntimeError as error:
                errors.append(type(error))

        thread = self.start(schedule)
        self.blocked(1, before)
        pool.shutdown()
        self.join(thread)
        self.assertEqual(errors, [RuntimeError])


class PriorityTest(PoolCase):
    def setUp(self):
        self.tasks, self.seen = TPriorityQueue(), Notes()
        self.one = self.pool(1, 1, self.tasks)
        self.one.pause()

    def note(self, item):
        return lambda: self.seen.append(item)

    def finish(self):
        self.one.resume()
        self.one.join(LIMIT)

    def test_the_lowest_number_goes_first(self):
        self.assertIs(self.one.tasks, self.tasks)
        for number in (5, -3, 0, 2**63 - 1, -(2**63)):
            self.one.schedule(self.note(number), priority=number)
        self.one.schedule(self.note("zero"))
        self.finish()
        self.assertEqual(self.seen, [-(2**63), -3, 0, "zero", 5, 2**63 - 1])

    def test_among_equals_the_first_goes_first(self):
        for i in range(20):
            self.one.schedule(self.note(i), priority=i % 2)
        self.finish()
        self.assertEqual(self.seen, sorted(range(20), key=lambda i: i % 2))

    def test_to_push_is_to_schedule(self):
        @atomically
        def tickets():
            return [
                self.tasks.push(self.note(i), priority=-i) for i in range(4)
            ]

        atomically(lambda: self.tasks.remove(tickets[2]))
        self.assertEqual(self.one.tasks_scheduled, 3)
        self.finish()
        self.assertEqual(self.seen, [3, 1, 0])
        with self.assertRaises(KeyError):
            atomically(lambda: self.tasks.remove(tickets[3]))

    def test_a_push_starts_a_worker(self):
        self.one.resume()
        atomically(lambda: self.tasks.push(self.note(1)))
        self.one.join(LIMIT)
        self.assertEqual(self.seen, [1])

    def test_what_is_there_already_runs(self):
        tasks = TPriorityQueue()
        atomically(lambda: tasks.push(self.note(1)))
        self.pool(2, 1, tasks=tasks).join(LIMIT)
        self.assertEqual(self.seen, [1])

    def test_a_subclass_will_do(self):
        class Tasks(TPriorityQueue):
            pass

        tasks = Tasks()
        pool = self.pool(2, 1, tasks)
        pool.schedule(self.note(1), priority=1)
        pool.join(LIMIT)
        self.assertEqual(self.seen, [1])

    def test_a_wrong_priority_is_named(self):
        for error, number in (
            (OverflowError, 2**63),
            (OverflowError, -(2**63) - 1),
            (TypeError, 1.5),
            (TypeError, None),
        ):
            with self.assertRaises(error):
                self.one.schedule(int, priority=number)
        with self.assertRaisesRegex(ValueError, "priority is 3; expected 0"):
            self.pool(1, 1).schedule(int, priority=3)
        self.pool(1, 1).schedule(int, priority=0)
        self.assertEqual(self.one.tasks_scheduled, 0)

    def test_an_exception_of_a_number_is_let_through(self):
        class Odd:
            def __index__(self):
                raise KeyError("odd")

            __float__ = __index__

        for name in ("priority", "delay"):
            with self.assertRaisesRegex(KeyError, "odd"):
                self.one.schedule(int, **{name: Odd()})

    def test_a_branch_that_retries_schedules_nothing(self):
        def retried():
            self.one.schedule(self.note("no"), priority=-1)
            self.one.schedule(self.note("no"), delay=0.001)
            retry()

        atomically(
            lambda: or_else(
                retried, lambda: self.one.schedule(self.note("yes"))
            )
        )
        self.finish()
        self.assertEqual(self.seen, ["yes"])

    def test_many_threads_schedule_and_none_is_lost(self):
        pool, count, seen = self.pool(3, 1, TPriorityQueue()), 100, []

        def schedule(name):
            for i in range(count):
                pool.schedule(
                    lambda i=i: seen.append((name, i)), priority=i % 3
                )

        self.join(*[self.start(schedule, name) for name in "ab"])
        pool.join(LIMIT)
        self.assertEqual(
            sorted(seen), [(name, i) for name in "ab" for i in range(count)]
        )


class DelayTest(PoolCase):
    def test_no_task_comes_early(self):
        pool, came = self.pool(2, 1), []
        begin = time.monotonic()
        for delay in (0.03, 0.01, 0.02):
            pool.schedule(
                lambda delay=delay: came.append((time.monotonic(), delay)),
                delay=delay,
            )
        pool.join(LIMIT)
        for moment, delay in came:
            self.assertGreaterEqual(moment, begin + delay)
        self.assertEqual(len(came), 3)

    def test_they_come_in_the_order_of_their_times(self):
        pool, seen = self.pool(1, 1), Notes()

        @atomically
        def _():
            for delay in (0.03, 0.01, 0.02):
                pool.schedule(lambda d=delay: seen.append(d), delay=delay)

        pool.join(LIMIT)
        self.assertEqual(seen, [0.01, 0.02, 0.03])

    def test_a_task_whose_time_is_to_come_counts_as_scheduled(self):
        pool = self.pool(1, 1)
        pool.schedule(int, delay=3600)
        pool.schedule(int)
        wait_until(lambda: pool.tasks_finished == 1, LIMIT)
        stats = pool.stats()
        self.assertEqual((stats.scheduled, stats.delayed), (2, 1))
        self.assertEqual((stats.queued, stats.running), (0, 0))
        self.assertEqual(pool.tasks_remaining, 1)
        self.assertEqual(
            atomically(lambda: or_else(pool.join, lambda: "busy")), "busy"
        )
        self.assertEqual(pool.cancel_all(), 1)
        pool.join(LIMIT)

    def test_it_is_queued_with_its_priority(self):
        pool, seen = self.pool(1, 1, TPriorityQueue()), Notes()
        pool.pause()
        pool.schedule(lambda: seen.append("usual"))
        pool.schedule(lambda: seen.append("last"), delay=0.001, priority=1)
        pool.schedule(lambda: seen.append("first"), delay=0.001, priority=-1)
        wait_until(lambda: pool.queued == 3, LIMIT)
        pool.resume()
        pool.join(LIMIT)
        self.assertEqual(seen, ["first", "usual", "last"])

    def test_it_finds_room(self):
        pool, seen, go = self.full("reject")
        pool.schedule(lambda: seen.append("late"), delay=0.001)
        wait_until(lambda: pool.queued == 3, LIMIT)
        go.set()
        pool.join(LIMIT)
        self.assertEqual(seen, [0, 1, "late"])

    def test_one_that_is_over_is_none(self):
        pool, seen = self.pool(1, 1), Notes()
        pool.pause()
        for delay in (0, -1, 0.0, -float("inf"), False):
            pool.schedule(lambda: seen.append(1), delay=delay)
        self.assertEqual((pool.queued, pool.stats().delayed), (5, 0))
        pool.resume()
        pool.join(LIMIT)

    def test_a_wrong_delay_is_named(self):
        pool = self.pool(1, 1)
        for error, delay in (
            (ValueError, float("inf")),
            (ValueError, float("nan")),
            (ValueError, 1e300),
            (TypeError, None),
            (TypeError, "1"),
        ):
            with self.assertRaises(error, msg=delay):
                pool.schedule(int, delay=delay)
        self.assertEqual(pool.tasks_scheduled, 0)

    def test_an_abort_schedules_nothing(self):
        pool = self.pool(1, 1)

        def body():
            pool.schedule(int, delay=3600)
            self.assertEqual(pool.stats().delayed, 1)
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(body)
        self.assertEqual(pool.tasks_scheduled, 0)

    def test_a_closed_pool_still_runs_it(self):
        pool, seen = self.pool(1, 0), Notes()
        pool.schedule(lambda: seen.append(1), delay=0.02)
        pool.shutdown()
        pool.join(LIMIT)
        self.assertEqual(seen, [1])
        with self.assertRaises(RuntimeError):
            pool.schedule(int, delay=1)

    def test_so_does_one_that_is_let_go(self):
        done = threading.Event()
        pool = ThreadPool(1, 0)
        pool.schedule(done.set, delay=0.02)
        del pool
        self.assertTrue(done.wait(LIMIT))

    def test_the_interpreter_waits_for_it_at_exit(self):
        for last in ("pool", "del pool"):
            output, errors, _ = self.script(
                f"""
                from stm.threadutils import ThreadPool
                pool = ThreadPool(1, 0)
                pool.schedule(lambda: print("ran"), delay=0.2)
                {last}
                """
            )
            self.assertEqual((output, errors), ("ran\n", ""), last)

    def test_it_waits_for_a_paused_pool_too(self):
        output, errors, _ = self.script(
            """
            from stm.threadutils import ThreadPool
            pool = ThreadPool(1, 0)
            pool.pause()
            pool.schedule(lambda: print("ran"))
            """
        )
        self.assertEqual((output, errors), ("ran\n", ""))


class MemoryTest(PoolCase):
    """The collector takes for garbage neither a pool with something to do nor
    what it is to do, and everything else that is."""

    def cycle(self, make, **kwargs):
        """Return a weak reference to a pool that only a task of its own holds,
        and the event that this sets."""
        pool, done = ThreadPool(1, 0, make()), threading.Event()
        pool.pause()
        pool.schedule(lambda pool=pool: done.set(), **kwargs)
        reference = weakref.ref(pool)
        del pool
        for _ in range(3):
            gc.collect()
        return reference, done

    def collected(self, reference):
        self.until(
            lambda: gc.collect() is not None and reference() is None,
            "the pool to be let go",
        )

    def test_a_queued_task_that_holds_its_pool_still_runs(self):
        for make in (TList, TPriorityQueue):
            reference, done = self.cycle(make)
            self.assertIsNotNone(reference(), make)
            reference().resume()
            self.assertTrue(done.wait(LIMIT), make)
            self.collected(reference)

    def test_so_does_a_delayed_one(self):
        for make in (TList, TPriorityQueue):
            reference, done = self.cycle(make, delay=0.001)
            self.assertIsNotNone(reference(), make)
            reference().resume()
            self.assertTrue(done.wait(LIMIT), make)
            self.collected(reference)

    def test_a_task_that_is_dropped_lets_its_pool_go(self):
        for make in (TList, TPriorityQueue):
            for kwargs in ({}, {"delay": 3600}):
                reference, _ = self.cycle(make, **kwargs)
                reference().cancel_all()
                self.collected(reference)

    def test_a_priority_queue_is_let_go_with_its_pool(self):
        class Tasks(TPriorityQueue):
            pass

        tasks = Tasks()
        reference = weakref.ref(tasks)
        pool = ThreadPool(1, 0, tasks)
        pool.schedule(int)
        pool.join(LIMIT)
        del tasks, pool
        self.collected(reference)


class SignatureTest(unittest.TestCase):
    @unittest.skipUnless(
        sysconfig.get_config_var("WITH_DOC_STRINGS"),
        "this Python leaves docstrings out",
    )
    def test_methods_have_signatures(self):
        for name, signature in (
            ("schedule", "(self, function, /, *, priority=0, delay=0)"),
            ("resize", "(self, /, max_threads, min_threads=None)"),
            ("pause", "(self, /)"),
            ("cancel_all", "(self, /)"),
        ):
            method = getattr(ThreadPool, name)
            self.assertEqual(str(inspect.signature(method)), signature)

    def test_schedule_takes_one_function(self):
        pool = ThreadPool(1, 0)
        self.addCleanup(pool.shutdown)
        for use in (
            pool.schedule,
            lambda: pool.schedule(int, 1),
            lambda: pool.schedule(function=int),
            lambda: pool.schedule(int, colour=1),
            lambda: pool.schedule(1, delay=1),
        ):
            with self.assertRaises(TypeError):
                use()


if __name__ == "__main__":
    unittest.main()
