# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What people report of concurrent.futures.ThreadPoolExecutor, and ours not.

The numbers are those of issues of python/cpython.
"""

import collections
import contextvars
import gc
import itertools
import threading
import unittest

from stm import atomically
from stm.datatypes import Full, TPriorityQueue
from stm.utils import atomically_watch, wait_until
from support import LIMIT, Notes, Unraisable
from support_futures import ExecutorCase, counted

request = contextvars.ContextVar("request", default=None)


class ReportsTest(ExecutorCase):
    def test_idle_threads_leave(self):
        """Idle threads never leave.

        A burst of tasks leaves the standard pool with max_workers threads until
        it is shut down.
        """
        executor = self.executor(8, keep_alive=0.01)
        self.occupy(executor, 8).set()
        counted(executor, live=0)
        # The thread that was used last takes the next task, so that one which
        # is not needed stays idle.
        executor = self.executor(8, keep_alive=3600)
        self.occupy(executor, 8).set()
        counted(executor, free=8)
        threads = {
            executor.submit(threading.get_ident).result(LIMIT)
            for _ in range(20)
            if counted(executor, free=8) is None
        }
        self.assertEqual(len(threads), 1)

    def test_the_queue_can_be_bounded(self):
        """The queue has no bound: gh-73781.

        A producer that is faster than the threads fills the memory.
        """
        executor = self.executor(1, capacity=2)
        go, seen = self.occupy(executor), Notes()
        watcher = atomically_watch(lambda: executor.stats().queued, seen.append)
        thread = self.start(lambda: [executor.submit(int) for _ in range(10)])
        counted(executor, queued=2)
        go.set()
        self.join(thread)
        executor.shutdown()
        watcher.cancel()
        self.assertLessEqual(max(seen.items()), 2)
        executor = self.executor(1, capacity=1, rejection="reject")
        go = self.occupy(executor)
        executor.submit(int)
        with self.assertRaises(Full):
            executor.submit(int)
        go.set()

    def test_more_urgent_tasks_go_first(self):
        """Tasks go in the order they were submitted in: gh-118852.

        The report wants the last first; others want priorities.
        """
        executor, seen = self.executor(1, tasks=TPriorityQueue()), []
        go = self.occupy(executor)
        for priority in 5, 1, 3, 1:
            executor.schedule(seen.append, [priority], priority=priority)
        go.set()
        executor.shutdown()
        self.assertEqual(seen, [1, 1, 3, 5])
        # Last in, first out: what is submitted is in a list like any other.
        executor, seen = self.executor(1), []
        go = self.occupy(executor)
        for i in range(4):
            executor.submit(seen.append, i)
            atomically(lambda: executor.tasks.insert(0, executor.tasks.pop()))
        go.set()
        executor.shutdown()
        self.assertEqual(seen, [3, 2, 1, 0])

    def test_it_tells_what_it_is_doing(self):
        """One cannot see how many tasks wait and threads are: gh-66477."""
        executor, seen = self.executor(2), Notes()
        watcher = atomically_watch(
            lambda: executor.stats().running > 1, seen.append
        )
        go = self.occupy(executor, 2)
        future = executor.submit(int)
        stats = executor.stats()
        self.assertEqual(
            (stats.live, stats.free, stats.running, stats.queued), (2, 0, 2, 1)
        )
        self.assertIn(future, atomically(lambda: list(executor.tasks)))
        go.set()
        wait_until(lambda: executor.stats().finished == 3, LIMIT)
        watcher.cancel()
        changes = [value for value, _ in itertools.groupby(seen.items())]
        self.assertEqual(changes, [False, True, False])

    def test_tasks_have_the_submitter_s_context(self):
        """Context variables are lost on the way to a thread: gh-78195."""
        executor = self.executor(1)

        def handle(number):
            request.set(number)
            future = executor.submit(request.get)
            # A task has it from the task that submits it.
            inner = executor.submit(
                lambda: executor.submit(request.get).result(LIMIT)
            )
            return future.result(LIMIT), inner.result(LIMIT)

        for number in 1, 2:
            found = contextvars.copy_context().run(handle, number)
            self.assertEqual(found, (number, number))
        self.assertIsNone(executor.submit(request.get).result(LIMIT))

    def test_exceptions_nobody_asks_for_are_reported(self):
        """Exceptions are lost without a trace: gh-120508."""
        with Unraisable() as errors:
            with self.executor(2) as executor:
                futures = [executor.submit(divmod, 1, i - 5) for i in range(10)]
            del futures
            self.until(
                lambda: gc.collect() is not None and errors, "a report"
            )
        self.assertEqual([type(e) for e in errors], [ZeroDivisionError])

    def test_exit_does_not_hang(self):
        """Exit waits for tasks of a pool that was given up: gh-80961.

        What has not begun is dropped when the program ends, if asked for.
        """
        output, errors, took = self.script(
            """
            import threading
            from stm.futures import ThreadPoolExecutor
            executor, go = ThreadPoolExecutor(1), threading.Event()
            executor.submit(go.wait)
            futures = [
                executor.submit(threading.Event().wait, 3600)
                for _ in range(3)
            ]
            executor.shutdown(wait=False, cancel_futures=True)
            print([future.cancelled() for future in futures])
            go.set()
            """
        )
        self.assertEqual((output, errors), ("[True, True, True]\n", ""))
        self.assertLess(took, LIMIT / 2)

    def test_a_task_may_wait_for_another(self):
        """A task that waits for one of the same pool waits for ever."""
        executor = self.executor(1)

        def depth(number):
            if number == 0:
                return 0
            return executor.submit(depth, number - 1).result(LIMIT) + 1

        self.assertEqual(executor.submit(depth, 30).result(LIMIT), 30)
        # They are more threads than max_workers only as long as they wait.
        counted(executor, running=0, live=1, max=1)

    def test_map_holds_no_more_than_its_buffer(self):
        """map() takes one item more than its buffer has room for: gh-131466."""
        executor = self.executor(1)
        for size in 1, 3:
            taken, finished = [], collections.deque()

            def items():
                for item in range(20):
                    taken.append(item)
                    held = len(taken) - len(finished)
                    self.assertLessEqual(held, size, "expected it to wait")
                    yield item

            results = executor.map(finished.append, items(), buffersize=size)
            self.assertEqual(len(taken), size)
            self.assertEqual(len(list(results)), 20)


if __name__ == "__main__":
    unittest.main()
