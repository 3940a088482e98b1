# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What a ThreadPool takes its tasks from: bounds and priorities."""

import signal
import threading
import unittest

import stm.stats
from stm import TVar, atomically, or_else, retry
from stm.datatypes import Full, TList, TPriorityQueue
from stm.utils import wait_until
from support import LIMIT, Notes, Unraisable
from threadpools import PoolCase


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


if __name__ == "__main__":
    unittest.main()
