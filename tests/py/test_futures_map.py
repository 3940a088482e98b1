# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""ThreadPoolExecutor.map()."""

import concurrent.futures
import itertools
import operator
import os
import threading
import unittest

from support import LIMIT
from support_futures import ExecutorCase, counted


class MapTest(ExecutorCase):
    def test_gives_results_in_order(self):
        executor = self.executor(4)
        for keywords in (
            {},
            {"chunksize": 1},
            {"chunksize": 7},
            {"chunksize": 1000},
            {"buffersize": 1},
            {"buffersize": 3},
            {"buffersize": 1000},
            {"chunksize": 5, "buffersize": 3},
            {"timeout": LIMIT},
            {"timeout": LIMIT, "buffersize": 2},
        ):
            with self.subTest(keywords):
                found = executor.map(pow, range(100), range(100), **keywords)
                self.assertEqual(
                    list(found), list(map(pow, range(100), range(100)))
                )

    def test_ends_with_the_shortest_iterable(self):
        executor = self.executor(2)
        for keywords in {}, {"buffersize": 2}:
            found = executor.map(
                operator.add, range(5), itertools.count(1), **keywords
            )
            self.assertEqual(list(found), [1, 3, 5, 7, 9])
            self.assertEqual(list(executor.map(int, [], **keywords)), [])
            self.assertEqual(list(executor.map(int, **keywords)), [])

    def test_submits_at_once_whether_asked_or_not(self):
        executor, seen = self.executor(2), []
        executor.map(seen.append, range(10))
        executor.shutdown()
        self.assertCountEqual(seen, range(10))

    def test_wrong_arguments_raise(self):
        executor = self.executor(1)
        for value in 0, -1:
            with self.assertRaises(ValueError):
                executor.map(int, "1", buffersize=value)
        for value in "1", 1.0:
            with self.assertRaises(TypeError):
                executor.map(int, "1", buffersize=value)
        with self.assertRaises(TypeError):
            executor.map(int, 1)

    def test_an_exception_comes_in_its_turn_and_ends_it(self):
        executor = self.executor(1)
        for keywords in {}, {"buffersize": 4}, {"chunksize": 1}:
            found = executor.map(divmod, [4, 4, 4, 4], [2, 4, 0, 1], **keywords)
            self.assertEqual(next(found), (2, 0))
            self.assertEqual(next(found), (1, 0))
            with self.assertRaises(ZeroDivisionError):
                next(found)
            with self.assertRaises(StopIteration):
                next(found)

    def test_an_iterable_s_exception_goes_to_the_caller(self):
        def items():
            yield 1
            raise KeyError

        executor = self.executor(1)
        with self.assertRaises(KeyError):
            executor.map(int, items())
        found = executor.map(int, items(), buffersize=1)
        with self.assertRaises(KeyError):
            list(found)

    def test_what_takes_too_long_is_cancelled(self):
        executor, seen = self.executor(1), []
        go = self.occupy(executor)
        found = executor.map(seen.append, range(3), timeout=0.001)
        with self.assertRaises(concurrent.futures.TimeoutError):
            next(found)
        counted(executor, queued=0)
        go.set()
        executor.shutdown()
        self.assertEqual(seen, [])

    def test_closing_it_cancels_the_rest(self):
        executor, seen = self.executor(1), []
        begun, go = threading.Event(), threading.Event()

        def task(item):
            seen.append(item)
            if item == 1:
                begun.set()
                go.wait(LIMIT)

        found = executor.map(task, range(5))
        next(found)
        self.assertTrue(begun.wait(LIMIT))
        found.close()
        go.set()
        executor.shutdown()
        self.assertEqual(seen, [0, 1])

    def test_works_lazily_through_anything(self):
        executor = self.executor(2)
        found = executor.map(str, itertools.count(), buffersize=3)
        self.assertEqual(
            list(itertools.islice(found, 50)), [str(i) for i in range(50)]
        )
        found.close()

    def test_holds_no_more_than_its_buffer(self):
        for size in 1, 2, 5:
            executor, taken, finished = self.executor(3), [], []

            def items():
                for item in range(40):
                    taken.append(item)
                    held = len(taken) - len(finished)
                    self.assertLessEqual(held, size, "expected to wait")
                    yield item

            def task(item):
                os.sched_yield()
                finished.append(item)
                return item

            found = executor.map(task, items(), buffersize=size)
            self.assertEqual(len(taken), size)
            self.assertEqual(list(found), list(range(40)))

    def test_may_be_used_by_several_threads(self):
        executor, seen = self.executor(2), []
        threads = [
            self.start(
                lambda first: seen.append(
                    list(executor.map(str, range(first, 50)))
                ),
                first,
            )
            for first in range(4)
        ]
        self.join(*threads)
        self.assertCountEqual(
            seen, [[str(i) for i in range(first, 50)] for first in range(4)]
        )


if __name__ == "__main__":
    unittest.main()
