# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Bugs of the two systems that this one follows, each shown to be absent."""

import copy
import os
import sys
import threading
import time
import unittest
from unittest import mock

import stm.stats
from stm import TVar, atomically, datatypes, elapsed, retry, watch
from stm.datatypes import BroadcastQueue, TList, TPriorityQueue, TQueue
from stm.eventloop import schedule
from stm.threadutils import ThreadPool
from stm.utils import changes_only
from support import Case, LIMIT, Unraisable


class Thing:
    pass


class Gauge:
    """Notes each change of its level."""

    def __init__(self):
        self.level = TVar(0)
        self.seen = TVar(())
        watch(self.level.get, self.on_change)

    @changes_only
    def on_change(self, level):
        self.seen.value += (level,)


class WatcherTest(Case):
    def test_changes_only_on_a_method_keeps_a_state_for_each_instance(self):
        gauges = atomically(lambda: [Gauge(), Gauge()])

        @atomically
        def _():
            for gauge in gauges:
                gauge.level.value = 1

        for gauge in gauges:
            self.assertEqual(atomically(gauge.seen.get), (0, 1))

    def test_two_pools_in_one_transaction_lose_no_task(self):
        pools = [ThreadPool(1, 1), ThreadPool(1, 1)]
        done = [threading.Event(), threading.Event()]

        @atomically
        def _():
            for pool, event in zip(pools, done):
                pool.schedule(event.set)

        for pool, event in zip(pools, done):
            self.assertTrue(event.wait(LIMIT), "expected both tasks to run")
            pool.shutdown()


class BlockingTest(Case):
    @unittest.skipUnless(os.path.isdir("/proc/self/fd"), "needs /proc")
    def test_a_blocked_retry_holds_no_descriptors(self):
        def descriptors():
            return len(os.listdir("/proc/self/fd"))

        def body():
            if not var.value:
                retry()

        var = TVar(False)
        counted, before = descriptors(), stm.stats.read()["retries"]
        threads = [self.start(atomically, body) for _ in range(20)]
        self.blocked(20, before)
        self.assertEqual(descriptors(), counted)
        atomically(lambda: var.set(True))
        self.join(*threads)

    def test_elapsed_seconds_do_not_follow_the_wall_clock(self):
        real, asked = time.time, []

        def leaping():
            asked.append(None)
            return real() + 86400 * len(asked)

        with mock.patch("time.time", leaping):
            self.assertFalse(atomically(lambda: elapsed(3600)))

    def test_a_queue_that_blocks_lets_other_threads_run(self):
        queue = TQueue(1)
        atomically(lambda: queue.put(1))
        before = stm.stats.read()["retries"]
        thread = self.start(lambda: atomically(lambda: queue.put(2)))
        self.blocked(1, before)
        self.assertEqual(sum(range(100000)), 4999950000)
        self.assertEqual(atomically(queue.get), 1)
        self.join(thread)


class ContainerTest(Case):
    def test_duplicate_returns_an_endpoint(self):
        queue = BroadcastQueue()
        endpoint = atomically(queue.new_endpoint)
        atomically(lambda: queue.put(1))
        for make in (endpoint.duplicate, lambda: copy.copy(endpoint)):
            other = atomically(make)
            self.assertEqual(atomically(other.get), 1)

    def test_a_set_is_not_copied_when_it_changes(self):
        items = [Thing() for _ in range(5000)]
        some = datatypes.TSet(items)

        def counts():
            return [sys.getrefcount(item) for item in items]

        @atomically
        def changed():
            before = counts()
            some.add(1)
            some.discard(items[0])
            return sum(x != y for x, y in zip(before, counts()))

        self.assertLess(changed, 1000, "references to items of a whole copy")

    def test_a_dictionary_needs_no_keys_that_have_an_order(self):
        keys = [1, "a", None, (2, "b"), 3j, frozenset([4]), Thing(), Thing()]
        found = datatypes.TDict()

        @atomically
        def _():
            for number, key in enumerate(keys):
                found[key] = number

        for number, key in enumerate(keys):
            self.assertEqual(atomically(lambda: found[key]), number)
        self.assertEqual(atomically(lambda: len(found)), len(keys))

    def test_a_mutable_weak_reference_can_be_constructed_and_changed(self):
        first, second = Thing(), Thing()
        reference = atomically(lambda: datatypes.TMutableWeakRef(first))
        self.assertIs(atomically(reference.get), first)
        atomically(lambda: reference.set(second))
        self.assertIs(atomically(reference.get), second)
        self.assertIsNone(atomically(lambda: datatypes.TMutableWeakRef().get()))

    def test_slices_have_any_step(self):
        items = TList(range(6))

        @atomically
        def _():
            self.assertEqual(list(items[::2]), [0, 2, 4])
            self.assertEqual(list(items[::-1]), [5, 4, 3, 2, 1, 0])
            items[1::2] = "abc"
            del items[::3]
            self.assertEqual(list(items), ["a", 2, 4, "c"])

    def test_negative_indices_count_from_the_end(self):
        items = TList([1, 2, 3])

        @atomically
        def _():
            self.assertEqual(items[-1], 3)
            items[-1] = 4
            del items[-3]
            items.insert(-1, 5)
            self.assertEqual(list(items), [2, 5, 4])

    def test_priority_insertion_is_not_linear_in_the_queue(self):
        count = 300000
        queue = TPriorityQueue()

        def fill():
            for i in range(count):
                queue.push(i, i % 2)

        # Passing half of the queue or more each time would be 30 thousand
        # million steps, which is more than join() waits for.
        self.join(self.start(atomically, fill))
        first = atomically(
            lambda: [queue.pop() for _ in range(count // 2 + 1)][-2:]
        )
        self.assertEqual(first, [count - 2, 1])


class EventLoopTest(Case):
    def test_exceptions_are_reported_and_the_loop_goes_on(self):
        error, done = ValueError("to be seen"), threading.Event()

        def fail():
            raise error

        with Unraisable() as errors:
            schedule(fail)
            schedule(done.set)
            self.assertTrue(done.wait(LIMIT), "expected the loop to go on")
        self.assertEqual(errors, [error])


class PoolTest(Case):
    def pool(self, *args):
        pool = ThreadPool(*args)
        self.addCleanup(pool.shutdown)
        return pool

    def test_free_workers_do_not_rotate_and_reach_their_keep_alive(self):
        pool, barrier = self.pool(4, 0.1), threading.Barrier(4)
        for _ in range(4):
            pool.schedule(lambda: barrier.wait(LIMIT))
        pool.join(LIMIT)

        # One task after the other keeps one worker, while the others end.
        def one_is_left():
            pool.schedule(lambda: None)
            pool.join(LIMIT)
            return pool.live_threads == 1

        self.until(one_is_left, "the workers without tasks to end")

    def test_references_are_let_go_by_threads_that_may(self):
        # Counted without a transaction, too: without a GIL that of a finalizer
        # may be part of another finalizer's, and undone with it.
        pool, shared, finalized = self.pool(2, 1), Thing(), TVar(0)
        ended, counted = [], sys.getrefcount(shared)

        class Task:
            def __init__(self):
                self.shared = shared

            def __call__(self):
                pass

            def __del__(self):
                try:
                    atomically(lambda: finalized.set(finalized.get() + 1))
                finally:
                    ended.append(None)

        for _ in range(500):
            pool.schedule(Task())
        pool.join(LIMIT)
        self.until(lambda: len(ended) == 500, "500 finalized tasks")
        if not stm._stm.build_info()["free_threaded"]:
            self.assertEqual(atomically(finalized.get), 500)
        self.until(
            lambda: sys.getrefcount(shared) == counted,
            f"{counted} references again",
        )

    def test_shutdown_leaves_no_work_undone(self):
        pool, gate, done = self.pool(2, 1), threading.Event(), TVar(0)

        def task():
            gate.wait(LIMIT)
            atomically(lambda: done.set(done.get() + 1))

        for _ in range(50):
            pool.schedule(task)
        pool.shutdown()
        gate.set()
        pool.join(LIMIT)
        self.assertEqual(atomically(done.get), 50)
        self.until(lambda: pool.live_threads == 0, "the workers to end")


if __name__ == "__main__":
    unittest.main()
