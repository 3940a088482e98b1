# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What the documentation of the first stm package, for Python 2, promised."""

import operator
import threading
import unittest

import stm
import stm.stats
from stm import (
    TVar,
    atomically,
    elapsed,
    invariant,
    or_else,
    previously,
    retry,
    watch,
)
from stm.datatypes import TList
from stm.eventloop import scheduled_function
from stm.threadutils import ThreadPool
from stm.timeout import Timeout
from stm.utils import (
    atomic_function,
    atomically_watch,
    changes_only,
    wait_until,
    would_block,
)
from support import LIMIT, Case, Notes


def pop(items):
    """Take the last item of a list; wait for one."""
    if len(items) > 0:
        return items.pop()
    retry()


class BlockingTest(Case):
    def test_a_list_makes_a_blocking_queue(self):
        items, got = TList(), []
        before = stm.stats.read()["retries"]
        thread = self.start(lambda: got.append(atomically(lambda: pop(items))))
        self.blocked(1, before)
        atomically(lambda: items.append("item"))
        self.join(thread)
        self.assertEqual(got, ["item"])

    def test_or_else_takes_from_the_first_queue_that_has_something(self):
        first, second, got = TList(), TList(), []

        def take():
            return or_else(lambda: pop(first), lambda: pop(second))

        before = stm.stats.read()["retries"]
        thread = self.start(lambda: got.append(atomically(take)))
        self.blocked(1, before)
        atomically(lambda: second.append(2))
        self.join(thread)
        atomically(lambda: (first.append(1), second.append(3)))
        self.assertEqual((got, atomically(take)), ([2], 1))

    def test_or_else_makes_a_variant_that_does_not_block(self):
        items = TList([1])

        def take():
            return or_else(lambda: pop(items), lambda: None)

        self.assertEqual([atomically(take), atomically(take)], [1, None])

    def test_elapsed_makes_a_variant_with_a_limit(self):
        items = TList(["item"])

        def take():
            if items:
                return items.pop()
            elif elapsed(0.02):
                raise Timeout
            else:
                retry()

        self.assertEqual(atomically(take), "item")
        with self.assertRaises(Timeout):
            atomically(take)

    def test_wait_until_waits_from_outside(self):
        var = TVar(0)
        thread = self.start(wait_until, lambda: var.value == 3)
        for value in range(4):
            atomically(lambda: var.set(value))
        self.join(thread)

    def test_would_block_looks_without_doing(self):
        items = TList([1])

        @atomic_function
        def looks():
            found = would_block(lambda: pop(items))
            return found, len(items)

        self.assertEqual(looks(), (False, 1))


class WatcherTest(Case):
    def test_a_variable_that_must_not_shrink(self):
        var = TVar(3)

        def grows():
            if var.get() < previously(lambda: var.get()):
                raise ValueError("this variable cannot shrink")

        atomically(lambda: invariant(grows))
        atomically(lambda: var.set(5))
        with self.assertRaisesRegex(ValueError, "cannot shrink"):
            atomically(lambda: var.set(4))
        self.assertEqual(atomically(var.get), 5)

    def test_watch_as_a_decorator_in_a_transaction(self):
        var, seen = TVar(1), Notes()

        @atomically
        def _():
            @watch(var.get)
            def _(result):
                seen.append(result)

        atomically(lambda: var.set(2))
        self.assertEqual(seen, [1, 2])

    def test_a_callback_on_the_event_loop_does_what_cannot_be_undone(self):
        var, lines, done = TVar(1), [], threading.Event()

        @atomically_watch(var.get)
        @changes_only(according_to=operator.eq)
        @scheduled_function
        def _(result):
            lines.append((result, stm.in_transaction()))
            if result == 3:
                done.set()

        for value in (1, 2, 2, 3):
            atomically(lambda: var.set(value))
        self.assertTrue(done.wait(LIMIT))
        self.assertEqual(lines, [(1, False), (2, False), (3, False)])

    def test_a_pool_runs_what_is_scheduled_and_can_be_watched(self):
        pool, count, seen = ThreadPool(3, 1), TVar(0), Notes()

        @atomically_watch(lambda: (pool.tasks_scheduled, pool.tasks_finished))
        @changes_only(according_to=operator.eq)
        def watcher(counts):
            seen.append(counts)

        def task():
            atomically(lambda: count.set(count.value + 1))

        for _ in range(20):
            pool.schedule(task)
        pool.join()
        watcher.cancel()
        self.assertEqual(atomically(count.get), 20)
        self.assertEqual(
            atomically(lambda: (seen._items[0], seen._items[-1])),
            ((0, 0), (20, 20)),
        )
        pool.shutdown()


if __name__ == "__main__":
    unittest.main()
