# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""ThreadPoolExecutor: its threads, its queue, its life and its end."""

import concurrent.futures
import contextvars
import gc
import queue
import threading
import time
import unittest
import weakref

from stm import atomically, datatypes
from stm.datatypes import TList, TPriorityQueue
from stm.futures import ThreadPoolExecutor
from stm.utils import atomically_watch
from support import LIMIT
from support_futures import ExecutorCase, counted

name = contextvars.ContextVar("name", default="nobody")


class WorkersTest(ExecutorCase):
    def test_is_one_of_the_standard_library_s(self):
        executor = self.executor(2)
        self.assertIsInstance(executor, concurrent.futures.Executor)
        with executor as same:
            self.assertIs(same, executor)
            future = same.submit(pow, 2, 3)
        self.assertEqual(future.result(0), 8)
        with self.assertRaises(RuntimeError):
            executor.submit(int)

    def test_have_names(self):
        executor = self.executor(3, "prefix")
        go = self.occupy(executor, 2)
        thread = executor.submit(threading.current_thread).result(LIMIT)
        self.assertIsNot(thread, threading.main_thread())
        self.assertEqual(thread.name, "prefix_2")
        go.set()
        thread = self.executor(1).submit(threading.current_thread).result(LIMIT)
        self.assertRegex(thread.name, r"^ThreadPoolExecutor-\d+_0$")

    def test_are_the_same_threads_from_task_to_task(self):
        executor, local = self.executor(1), threading.local()

        def task():
            local.count = getattr(local, "count", 0) + 1
            return local.count, threading.current_thread()

        found = [executor.submit(task).result(LIMIT) for _ in range(5)]
        self.assertEqual([count for count, _ in found], [1, 2, 3, 4, 5])
        self.assertEqual(len({thread for _, thread in found}), 1)

    def test_are_initialized(self):
        local, lock, made = threading.local(), threading.Lock(), []

        def initialize(*args):
            local.value = args
            with lock:
                made.append(threading.get_ident())

        executor = self.executor(3, initializer=initialize, initargs=(1, "2"))
        barrier = threading.Barrier(3)

        def task():
            barrier.wait(LIMIT)
            return local.value

        futures = [executor.submit(task) for _ in range(3)]
        self.assertEqual([f.result(LIMIT) for f in futures], [(1, "2")] * 3)
        self.assertEqual(len(made), 3)
        with self.assertRaises(TypeError):
            ThreadPoolExecutor(initializer=1)

    def test_whose_initializer_fails_break_the_executor(self):
        def initialize():
            raise ValueError("broken")

        executor = self.executor(2, initializer=initialize)
        with self.assertLogs("concurrent.futures", "CRITICAL") as log:
            future = executor.submit(int)
            with self.assertRaises(concurrent.futures.BrokenExecutor):
                future.result(LIMIT)
        self.assertIn("broken", "".join(log.output))
        with self.assertRaises(concurrent.futures.thread.BrokenThreadPool):
            executor.submit(int)

    def test_run_tasks_outside_transactions(self):
        from stm import in_transaction

        executor = self.executor(1)
        future = atomically(lambda: executor.submit(in_transaction))
        self.assertFalse(future.result(LIMIT))

    def test_start_on_demand_and_are_reused(self):
        executor = self.executor(8)
        self.assertEqual(executor.stats().live, 0)
        for _ in range(5):
            executor.submit(int).result(LIMIT)
            counted(executor, running=0)
        self.assertEqual(executor.stats().live, 1)

    def test_are_there_from_the_beginning_and_stay_if_asked(self):
        executor = self.executor(4, min_workers=2, keep_alive=0)
        counted(executor, live=2, free=2)
        self.occupy(executor, 4).set()
        counted(executor, live=2, free=2)

    def test_that_are_idle_leave(self):
        executor = self.executor(4, keep_alive=0.01)
        self.occupy(executor, 4).set()
        counted(executor, live=0)
        self.assertEqual(executor.submit(int).result(LIMIT), 0)

    def test_may_become_more_or_fewer(self):
        executor = self.executor(1)
        go = self.occupy(executor)
        executor.submit(go.wait, LIMIT)
        executor.resize(3)
        more = self.occupy(executor, 1)
        self.assertEqual(executor.stats().max, 3)
        counted(executor, live=3, running=3)
        executor.resize(1)
        go.set()
        more.set()
        counted(executor, live=1, running=0)
        executor.resize(4, 2)
        counted(executor, live=2)
        self.assertEqual(executor.stats().min, 2)
        for sizes in (0,), (-1,), (1, 2):
            with self.assertRaises(ValueError):
                executor.resize(*sizes)

    def test_wrong_arguments_raise(self):
        for keywords in (
            {"max_workers": 0},
            {"max_workers": -1},
            {"max_workers": 1, "min_workers": 2},
            {"min_workers": -1},
            {"capacity": 0},
            {"rejection": "perhaps"},
        ):
            with self.subTest(keywords), self.assertRaises(ValueError) as error:
                ThreadPoolExecutor(**keywords)
            self.assertIn(list(keywords)[-1], str(error.exception))
        with self.assertRaises(TypeError):
            ThreadPoolExecutor(tasks=[])
        executor = self.executor(1)
        with self.assertRaises(TypeError):
            executor.submit()
        self.assertIsInstance(executor.submit(None).exception(LIMIT), TypeError)

    def test_see_the_submitter_s_context(self):
        executor = self.executor(1)
        self.assertEqual(executor.submit(name.get).result(LIMIT), "nobody")
        token = name.set("submitter")
        self.addCleanup(name.reset, token)
        self.assertEqual(executor.submit(name.get).result(LIMIT), "submitter")
        self.assertEqual(
            list(executor.map(lambda _: name.get(), range(2))),
            ["submitter", "submitter"],
        )
        executor.submit(name.set, "task").result(LIMIT)
        self.assertEqual(name.get(), "submitter")
        self.assertEqual(executor.submit(name.get).result(LIMIT), "submitter")
        future = atomically(lambda: executor.submit(name.get))
        self.assertEqual(future.result(LIMIT), "submitter")


class QueueTest(ExecutorCase):
    def test_goes_by_priority(self):
        executor, seen = self.executor(1, tasks=TPriorityQueue()), []
        self.assertIsInstance(executor.tasks, TPriorityQueue)
        go = self.occupy(executor)
        for priority in 1, 0, -1, 1, 0, -1:
            executor.schedule(
                lambda priority, *, order: seen.append((priority, order)),
                (priority,),
                {"order": len(seen) + executor.stats().queued},
                priority=priority,
            )
        go.set()
        executor.shutdown()
        self.assertEqual(
            seen, [(-1, 2), (-1, 5), (0, 1), (0, 4), (1, 0), (1, 3)]
        )

    def test_over_a_list_has_no_priorities(self):
        executor = self.executor(1)
        with self.assertRaises(ValueError):
            executor.schedule(int, priority=1)
        self.assertEqual(executor.schedule(int).result(LIMIT), 0)
        self.assertEqual(executor.schedule(int, ["7"]).result(LIMIT), 7)
        future = executor.schedule(dict, kwargs={"a": 1})
        self.assertEqual(future.result(LIMIT), {"a": 1})

    def test_takes_what_is_delayed_later(self):
        executor, seen = self.executor(1), []
        go = self.occupy(executor)
        later, future = atomically(
            lambda: (
                executor.schedule(seen.append, ["later"], delay=0.02),
                executor.submit(seen.append, "sooner"),
            )
        )
        go.set()
        future.result(LIMIT)
        later.result(LIMIT)
        self.assertEqual(seen, ["sooner", "later"])
        future = executor.schedule(seen.append, ["never"], delay=3600)
        self.assertEqual(executor.stats().delayed, 1)
        self.assertTrue(future.cancel())
        self.assertEqual(executor.stats().delayed, 0)

    def test_shutdown_waits_for_what_is_delayed(self):
        executor = self.executor(1)
        future = executor.schedule(int, ["7"], delay=0.05)
        executor.shutdown()
        self.assertTrue(future.done())
        self.assertEqual(future.result(), 7)

    def test_full_makes_submit_wait(self):
        executor, seen = self.executor(1, capacity=2), []
        go = self.occupy(executor)
        for i in range(2):
            executor.submit(seen.append, i)
        thread = self.start(executor.submit, seen.append, 2)
        self.assertEqual(executor.stats().queued, 2)
        go.set()
        self.join(thread)
        executor.shutdown()
        self.assertEqual(seen, [0, 1, 2])

    def test_full_rejects(self):
        executor = self.executor(1, capacity=1, rejection="reject")
        go = self.occupy(executor)
        future = executor.submit(int)
        for full in queue.Full, datatypes.Full:
            with self.assertRaises(full):
                executor.submit(int)
        go.set()
        self.assertEqual(future.result(LIMIT), 0)

    def test_full_has_the_caller_run_it(self):
        executor = self.executor(1, capacity=1, rejection="caller-runs")
        go = self.occupy(executor)
        executor.submit(int)
        here = threading.current_thread()
        future = executor.submit(threading.current_thread)
        self.assertIs(future.result(0), here)
        future = executor.submit(divmod, 1, 0)
        self.assertIsInstance(future.exception(0), ZeroDivisionError)
        go.set()

    def test_full_drops_the_oldest(self):
        executor = self.executor(1, capacity=2, rejection="drop-oldest")
        seen = []
        go = self.occupy(executor)
        futures = [executor.submit(seen.append, i) for i in range(5)]
        go.set()
        executor.shutdown()
        self.assertEqual(seen, [3, 4])
        self.assertEqual(
            [future.cancelled() for future in futures], [True] * 3 + [False] * 2
        )

    def test_can_be_given_and_filled_before(self):
        seen = []
        tasks = TList([lambda: seen.append("before")])
        executor = self.executor(1, tasks=tasks)
        self.assertIs(executor.tasks, tasks)
        executor.submit(seen.append, "after").result(LIMIT)
        self.assertEqual(seen, ["before", "after"])

    def test_can_be_paused(self):
        executor, seen = self.executor(1), []
        executor.pause()
        future = executor.submit(seen.append, 1)
        with self.assertRaises(concurrent.futures.TimeoutError):
            future.result(0.001)
        self.assertTrue(executor.stats().paused)
        executor.resume()
        future.result(LIMIT)
        executor.pause()
        executor.submit(seen.append, 2)
        executor.shutdown()
        self.assertEqual(seen, [1, 2])

    def test_tells_its_counts(self):
        executor = self.executor(2)
        go = self.occupy(executor, 2)
        futures = [executor.submit(int) for _ in range(3)]
        stats = executor.stats()
        self.assertEqual(
            (stats.scheduled, stats.finished, stats.queued, stats.running),
            (5, 0, 3, 2),
        )
        self.assertEqual((stats.live, stats.free, stats.max), (2, 0, 2))
        self.assertFalse(stats.closed or stats.paused)
        futures[0].cancel()
        go.set()
        executor.shutdown()
        stats = executor.stats()
        self.assertEqual((stats.finished, stats.given_up), (4, 1))
        self.assertEqual((stats.queued, stats.live), (0, 0))
        self.assertTrue(stats.closed)


class WaitingTasksTest(ExecutorCase):
    """Tasks that wait for tasks of their own executor."""

    def test_for_one(self):
        executor = self.executor(1)

        def outer():
            return executor.submit(int, "7").result(LIMIT)

        self.assertEqual(executor.submit(outer).result(LIMIT), 7)

    def test_for_many_at_once(self):
        executor = self.executor(2)

        def outer(depth):
            if depth == 0:
                return 1
            futures = [executor.submit(outer, depth - 1) for _ in range(3)]
            return sum(future.result(LIMIT) for future in futures)

        self.assertEqual(executor.submit(outer, 4).result(LIMIT), 81)
        counted(executor, waiting=0, running=0)

    def test_in_other_ways(self):
        executor = self.executor(1)
        for wait in (
            lambda f: next(concurrent.futures.as_completed([f], LIMIT)),
            lambda f: concurrent.futures.wait([f], LIMIT),
            lambda f: f.exception(LIMIT),
            lambda f: list(executor.map(int, "123")),
        ):

            def outer():
                future = executor.submit(int)
                wait(future)
                return future.done()

            self.assertTrue(executor.submit(outer).result(LIMIT))

    def test_for_room(self):
        executor, seen = self.executor(1, capacity=1), []

        def outer():
            for i in range(5):
                executor.submit(seen.append, i)

        executor.submit(outer).result(LIMIT)
        executor.shutdown()
        self.assertEqual(seen, list(range(5)))


class EndTest(ExecutorCase):
    def test_shutdown_waits_for_all_that_was_submitted(self):
        executor, seen = self.executor(2), []
        for i in range(50):
            executor.submit(seen.append, i)
        executor.shutdown()
        self.assertCountEqual(seen, range(50))
        self.assertEqual(executor.stats().live, 0)
        executor.shutdown()

    def test_threading_knows_no_worker_that_is_waited_for_no_more(self):
        executor, seen = self.executor(1, "leaver"), TList()

        def note(members):
            if not members:
                known = [*threading.enumerate(), *threading._dangling]
                seen.append([thread.name for thread in known])

        atomically_watch(executor._crew.members, note)
        executor.submit(int).result(LIMIT)
        executor.shutdown()
        for names in atomically(lambda: list(seen)):
            self.assertNotIn("leaver_0", names)

    def test_shutdown_may_not_wait(self):
        executor, seen = self.executor(1), []
        go = self.occupy(executor)
        executor.submit(seen.append, 1)
        executor.shutdown(wait=False)
        self.assertEqual(seen, [])
        with self.assertRaises(RuntimeError):
            executor.submit(int)
        go.set()
        executor.shutdown()
        self.assertEqual(seen, [1])

    def test_shutdown_waits_for_workers_that_were_sent_away(self):
        # Some of them before they ran.
        for _ in range(20):
            executor, seen = self.executor(8, min_workers=8), []
            executor.resize(1, 0)
            executor._crew.enter = lambda: bool(seen.append(None)) or True
            executor.shutdown()
            count = len(seen)
            time.sleep(0.001)
            self.assertEqual(len(seen), count, "expected no worker to come")

    def test_shutdown_from_several_threads(self):
        executor = self.executor(2)
        go = self.occupy(executor, 2)
        threads = [self.start(executor.shutdown) for _ in range(3)]
        go.set()
        self.join(*threads)
        self.assertEqual(executor.stats().live, 0)

    def test_shutdown_from_within_a_task(self):
        executor, seen = self.executor(1), []
        go = self.occupy(executor)
        future = executor.submit(executor.shutdown, wait=False)
        executor.submit(seen.append, 1)
        go.set()
        future.result(LIMIT)
        executor.shutdown()
        self.assertEqual(seen, [1])

    def test_one_that_is_let_go_finishes(self):
        executor, seen = ThreadPoolExecutor(1), []
        go = self.occupy(executor)
        futures = [executor.submit(seen.append, i) for i in range(3)]
        reference = weakref.ref(executor)
        del executor
        gc.collect()
        self.assertIsNone(reference())
        go.set()
        concurrent.futures.wait(futures, LIMIT)
        self.assertEqual(seen, [0, 1, 2])

    def test_its_threads_end_when_it_is_let_go(self):
        executor = ThreadPoolExecutor(2, keep_alive=None)
        thread = executor.submit(threading.current_thread).result(LIMIT)
        del executor
        gc.collect()
        thread.join(LIMIT)
        self.assertFalse(thread.is_alive())

    def test_a_task_that_holds_it_does_not_keep_it(self):
        executor = ThreadPoolExecutor(1)
        executor.submit(lambda executor=executor: None).result(LIMIT)
        reference = weakref.ref(executor)
        del executor
        self.until(
            lambda: gc.collect() is not None and reference() is None,
            "the executor to be let go",
        )


if __name__ == "__main__":
    unittest.main()
