# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""A ThreadPool is controlled by transactions."""

import gc
import random
import threading
import unittest
import weakref

from stm import TVar, atomically, invariant, retry
from stm.datatypes import TList, TPriorityQueue
from stm.threadutils import PoolStats, ThreadPool
from stm.utils import atomically_watch, wait_until
from support import LIMIT, Notes
from threadpools import PoolCase


class SizeTest(PoolCase):
    def test_the_least_workers_are_there_from_the_beginning_and_stay(self):
        pool = self.pool(4, 0, min_threads=2)
        self.assertEqual(pool.live_threads, 2)
        go = self.busy(pool, 4)
        self.assertEqual(pool.live_threads, 4)
        go.set()
        pool.join(LIMIT)
        wait_until(lambda: pool.live_threads == 2, LIMIT)
        self.assertEqual(pool.free_threads, 2)

    def test_the_least_workers_end_with_the_pool(self):
        pool = ThreadPool(2, None, min_threads=2)
        pool.shutdown()
        wait_until(lambda: pool.live_threads == 0, LIMIT)
        other = ThreadPool(2, None, min_threads=2)
        live = weakref.ref(other)
        del other
        self.assertIsNone(live())

    def test_a_larger_pool_runs_what_waits(self):
        pool, barrier = self.pool(1, 1), threading.Barrier(3)
        for _ in range(3):
            pool.schedule(lambda: barrier.wait(LIMIT))
        wait_until(lambda: pool.queued == 2, LIMIT)
        pool.resize(3)
        pool.join(LIMIT)
        self.assertFalse(barrier.broken)

    def test_a_smaller_pool_lets_free_workers_go_at_once(self):
        pool = self.pool(4, None, min_threads=4)

        @atomically
        def sizes():
            pool.resize(1)
            return pool.stats().max, pool.stats().min

        self.assertEqual(sizes, (1, 1))
        self.assertEqual(pool.live_threads, 1)

    def test_a_smaller_pool_lets_busy_workers_finish(self):
        pool, seen = self.pool(3, None), Notes()
        go = self.busy(pool, 3)
        pool.resize(1)
        for i in range(5):
            pool.schedule(lambda i=i: seen.append(i))
        self.assertEqual((pool.stats().max, pool.live_threads), (1, 3))
        go.set()
        pool.join(LIMIT)
        wait_until(lambda: pool.live_threads == 1, LIMIT)
        self.assertEqual(seen, list(range(5)))

    def test_the_least_number_stays_as_it_was_but_for_the_most(self):
        pool = self.pool(4, 1, min_threads=2)
        for arguments, sizes in (
            ((8,), (2, 8)),
            ((1,), (1, 1)),
            ((8, 3), (3, 8)),
            ((8, None), (3, 8)),
            ((2, 0), (0, 2)),
        ):
            pool.resize(*arguments)
            stats = pool.stats()
            self.assertEqual((stats.min, stats.max), sizes, arguments)
        pool.resize(min_threads=5, max_threads=5)
        self.assertEqual(pool.live_threads, 5)

    def test_a_new_size_can_be_undone(self):
        pool = self.pool(1, None)
        go = self.busy(pool, 1)
        pool.schedule(int)
        self.undo(lambda: pool.resize(5, 4))
        stats = pool.stats()
        self.assertEqual((stats.min, stats.max, stats.live), (0, 1, 1))
        self.assertEqual(stats.queued, 1)
        go.set()
        pool.join(LIMIT)

    def test_a_task_may_resize_its_pool(self):
        pool, seen = self.pool(1, 1), Notes()
        pool.schedule(lambda: pool.resize(2))
        pool.schedule(lambda: pool.resize(1))
        pool.schedule(lambda: seen.append(pool.stats().max))
        pool.join(LIMIT)
        self.assertEqual(pool.stats().max, 1)


class TwoPoolsTest(PoolCase):
    TOTAL = 6

    def setUp(self):
        half = self.TOTAL // 2
        self.pools = [self.pool(half, None), self.pool(half, None)]

    def moved(self, source, target):
        """Move a thread from one to the other if source can spare it now."""
        size = source.stats()
        if size.max == 1:
            return False
        if size.live == size.max and size.free == 0:
            retry()
        source.resize(size.max - 1)
        target.resize(target.stats().max + 1)
        return True

    def test_their_threads_together_stay_within_a_bound(self):
        one, two = self.pools
        atomically(
            lambda: invariant(
                lambda: one.stats().max + two.stats().max == self.TOTAL
            )
        )
        atomically(
            lambda: invariant(
                lambda: one.live_threads + two.live_threads <= self.TOTAL
            )
        )
        counts = [TVar(0), TVar(0)]

        def task(count):
            atomically(lambda: count.set(count.get() + 1))

        def schedule(pool, count):
            for _ in range(100):
                pool.schedule(lambda: task(count))

        def move(seed):
            draw = random.Random(seed)
            for _ in range(40):
                source, target = draw.sample(self.pools, 2)
                atomically(lambda: self.moved(source, target))

        self.join(
            *map(self.start, [schedule] * 2, self.pools, counts),
            *map(self.start, [move] * 2, range(2)),
        )
        for pool, count in zip(self.pools, counts):
            pool.join(LIMIT)
            self.assertEqual(atomically(count.get), 100)
        self.assertEqual(one.stats().max + two.stats().max, self.TOTAL)

    def test_what_breaks_an_invariant_over_both_is_undone(self):
        one, two = self.pools
        atomically(
            lambda: invariant(
                lambda: one.stats().max + two.stats().max == self.TOTAL
            )
        )
        with self.assertRaises(AssertionError):
            one.resize(5)

        @atomically
        def _():
            one.resize(5)
            two.resize(1)

        self.assertEqual([pool.stats().max for pool in self.pools], [5, 1])

    def test_tasks_move_from_one_to_the_other(self):
        one, two = self.pools
        one.pause()
        for _ in range(10):
            one.schedule(int)

        @atomically
        def moved():
            tasks = list(one.tasks)
            for task in tasks:
                two.schedule(task)
            return len(tasks), one.cancel_all()

        two.join(LIMIT)
        self.assertEqual(moved, (10, 10))
        self.assertEqual(one.tasks_remaining, 0)
        self.assertEqual(two.tasks_finished, 10)


class PauseTest(PoolCase):
    def test_a_paused_pool_hands_no_task_out(self):
        pool, seen = self.pool(2, 1), Notes()
        pool.pause()
        pool.pause()
        for i in range(5):
            pool.schedule(lambda: seen.append(1))
        self.assertEqual((pool.queued, pool.live_threads), (5, 0))
        self.assertTrue(pool.stats().paused)
        pool.resume()
        pool.resume()
        pool.join(LIMIT)
        self.assertFalse(pool.stats().paused)
        self.assertEqual(seen, [1] * 5)

    def test_what_runs_goes_on(self):
        pool = self.pool(2, 1)
        go = self.busy(pool, 1)
        pool.pause()
        pool.schedule(int)
        go.set()
        wait_until(lambda: pool.tasks_finished == 1, LIMIT)
        self.assertEqual(pool.queued, 1)
        pool.resume()
        pool.join(LIMIT)

    def test_a_pause_can_be_undone(self):
        pool = self.pool(1, 1)
        self.undo(pool.pause)
        self.assertFalse(pool.stats().paused)
        pool.schedule(int)
        pool.join(LIMIT)

    def test_so_can_its_end(self):
        pool = self.pool(1, 1)
        pool.pause()
        pool.schedule(int)
        self.undo(pool.resume)
        stats = pool.stats()
        self.assertEqual((stats.paused, stats.queued, stats.live), (True, 1, 0))
        pool.resume()
        pool.join(LIMIT)

    def test_one_transaction_may_pause_two_pools_and_swap_their_tasks(self):
        one, two = TList(), TList()
        pools = [self.pool(1, 1, tasks) for tasks in (one, two)]
        seen = Notes()

        @atomically
        def _():
            for pool in pools:
                pool.pause()
            pools[0].schedule(lambda: seen.append(1))
            one[:], two[:] = list(two), list(one)
            pools[1].resume()

        pools[1].join(LIMIT)
        self.assertEqual(seen, [1])
        self.assertEqual(pools[0].tasks_scheduled, 0)

    def test_a_closed_pool_can_be_resumed_but_not_paused(self):
        pool, seen = self.pool(1, 1), Notes()
        pool.pause()
        pool.schedule(lambda: seen.append(1))
        pool.shutdown()
        pool.join(LIMIT)
        self.assertEqual(seen, [1])
        with self.assertRaises(RuntimeError):
            pool.pause()
        pool.resume()


class CancelTest(PoolCase):
    def test_drops_what_no_worker_has(self):
        pool, seen = self.pool(1, 1), Notes()
        go = self.busy(pool, 1)
        for _ in range(3):
            pool.schedule(lambda: seen.append("queued"))
        pool.schedule(lambda: seen.append("delayed"), delay=3600)
        self.assertEqual(pool.cancel_all(), 4)
        self.assertEqual(pool.cancel_all(), 0)
        stats = pool.stats()
        self.assertEqual((stats.queued, stats.delayed), (0, 0))
        self.assertEqual((stats.given_up, stats.running), (4, 1))
        go.set()
        pool.join(LIMIT)
        self.assertEqual(seen, [])

    def test_lets_the_tasks_go(self):
        class Task:
            def __call__(self):
                pass

        for tasks in (TList(), TPriorityQueue()):
            pool = self.pool(1, 1, tasks)
            pool.pause()
            queued, delayed = Task(), Task()
            references = [weakref.ref(queued), weakref.ref(delayed)]
            pool.schedule(queued)
            pool.schedule(delayed, delay=3600)
            del queued, delayed
            self.assertEqual(pool.cancel_all(), 2)
            self.until(
                lambda: gc.collect() is not None
                and [reference() for reference in references] == [None, None],
                "the tasks to be let go",
            )

    def test_can_be_undone(self):
        pool, seen = self.pool(1, 1), Notes()
        pool.pause()
        for i in range(3):
            pool.schedule(lambda i=i: seen.append(i))
        self.undo(pool.cancel_all)
        self.assertEqual((pool.queued, pool.stats().given_up), (3, 0))
        pool.resume()
        pool.join(LIMIT)
        self.assertEqual(seen, [0, 1, 2])

    def test_with_a_shutdown_nothing_more_begins_to_run(self):
        pool, seen = self.pool(1, 1), Notes()
        go = self.busy(pool, 1)
        for _ in range(3):
            pool.schedule(lambda: seen.append(1))
        pool.schedule(lambda: seen.append(2), delay=3600)

        @atomically
        def dropped():
            pool.shutdown()
            return pool.cancel_all()

        go.set()
        pool.join(LIMIT)
        wait_until(lambda: pool.live_threads == 0, LIMIT)
        self.assertEqual((dropped, pool.tasks_finished), (4, 1))
        self.assertEqual(seen, [])

    def test_a_task_may_close_its_pool(self):
        pool, errors = self.pool(2, 1), Notes()

        def task():
            pool.shutdown()
            try:
                pool.schedule(int)
            except RuntimeError as error:
                errors.append(type(error))

        pool.schedule(task)
        pool.join(LIMIT)
        wait_until(lambda: pool.live_threads == 0, LIMIT)
        self.assertEqual(errors, [RuntimeError])


class StatsTest(PoolCase):
    def test_has_a_name_for_every_number(self):
        pool = self.pool(3, 1, min_threads=1)
        stats = pool.stats()
        self.assertIsInstance(stats, PoolStats)
        self.assertEqual(
            stats._asdict(),
            {
                **dict.fromkeys(PoolStats._fields, 0),
                **{"live": 1, "free": 1, "min": 1, "max": 3},
                **{"paused": False, "closed": False},
            },
        )
        for field in PoolStats._fields:
            kind = bool if field in ("paused", "closed") else int
            self.assertIs(type(getattr(stats, field)), kind, field)

    def test_says_where_every_task_is(self):
        pool = self.pool(2, None)
        go = self.busy(pool, 2)
        for _ in range(3):
            pool.schedule(int)
        pool.schedule(int, delay=3600)
        pool.shutdown()
        stats = pool.stats()
        self.assertEqual(
            (stats.scheduled, stats.finished, stats.queued, stats.delayed),
            (6, 0, 3, 1),
        )
        self.assertEqual((stats.running, stats.live, stats.free), (2, 2, 0))
        self.assertTrue(stats.closed)
        self.assertEqual(atomically(pool.stats), stats)
        pool.cancel_all()
        go.set()
        pool.join(LIMIT)
        stats = pool.stats()
        self.assertEqual((stats.scheduled, stats.finished), (2, 2))
        self.assertEqual((stats.running, stats.given_up), (0, 4))

    def test_a_task_that_waits_for_room_is_told(self):
        pool = self.pool(1, 1, capacity=1)
        go, seen = threading.Event(), Notes()
        self.addCleanup(go.set)

        def task():
            for _ in range(2):
                pool.schedule(lambda: go.wait(LIMIT))
            pool.schedule(lambda: seen.append(1))

        pool.schedule(task)
        wait_until(lambda: pool.stats().waiting == 1, LIMIT)
        self.assertEqual(pool.stats().max, 1)
        go.set()
        pool.join(LIMIT)
        self.assertEqual(seen, [1])

    def test_a_watcher_never_sees_a_task_wait_beside_a_free_worker(self):
        pool, wrong, looks = self.pool(3, 0.001), Notes(), TVar(0)

        def look(stats):
            looks.set(looks.get() + 1)
            if stats.queued and stats.free or stats.live > stats.max:
                wrong.append(stats)
            if stats.scheduled < stats.finished or stats.running > stats.live:
                wrong.append(stats)

        # Made after the pool, so that it looks after the pool's own.
        watcher = atomically_watch(pool.stats, look)
        self.addCleanup(watcher.cancel)

        def schedule():
            for _ in range(100):
                pool.schedule(int)

        self.join(*[self.start(schedule) for _ in range(2)])
        pool.join(LIMIT)
        self.assertEqual(wrong, [])
        self.assertGreaterEqual(atomically(looks.get), 200)
        self.assertEqual(pool.tasks_finished, 200)


if __name__ == "__main__":
    unittest.main()
