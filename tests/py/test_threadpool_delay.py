# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What a ThreadPool is to do later, and what the collector makes of it."""

import gc
import threading
import time
import unittest
import weakref

from stm import atomically, or_else
from stm.datatypes import TList, TPriorityQueue
from stm.threadutils import ThreadPool
from stm.utils import wait_until
from support import LIMIT, Notes
from threadpools import PoolCase


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
        for unit in (0.01, 0.1, 1):  # until scheduling takes less than that
            pool, seen = self.pool(1, 1), Notes()

            @atomically
            def took():
                begin = time.monotonic()
                for number in (3, 1, 2):
                    pool.schedule(
                        lambda number=number: seen.append(number),
                        delay=number * unit,
                    )
                return time.monotonic() - begin

            pool.join(LIMIT)
            if took < unit:
                break
        self.assertEqual(seen, [1, 2, 3])

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


if __name__ == "__main__":
    unittest.main()
