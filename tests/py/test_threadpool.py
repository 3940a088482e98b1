# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import gc
import threading
import time
import unittest
import weakref

import stm
from stm import TVar, atomically
from stm.datatypes import TList
from stm.threadutils import ThreadPool
from stm.timeout import Timeout
from stm.utils import wait_until
from support import Case, LIMIT, Notes, Unraisable


class ThreadPoolTest(Case):
    def pool(self, *args, **kwargs):
        pool = ThreadPool(*args, **kwargs)
        self.addCleanup(pool.shutdown)
        return pool

    def test_runs_what_is_scheduled(self):
        pool, seen = self.pool(2, 0.1), []
        for i in range(100):
            pool.schedule(lambda i=i: seen.append(i))
        pool.join(LIMIT)
        self.assertEqual(sorted(seen), list(range(100)))
        self.assertEqual(
            (pool.tasks_scheduled, pool.tasks_finished, pool.tasks_remaining),
            (100, 100, 0),
        )

    def test_one_worker_runs_in_order(self):
        pool, seen = self.pool(1, 1), []

        @atomically
        def _():
            for i in range(50):
                pool.schedule(lambda i=i: seen.append(i))

        pool.join(LIMIT)
        self.assertEqual(seen, list(range(50)))

    def test_runs_tasks_at_the_same_time(self):
        pool = self.pool(3, 1)
        barrier = threading.Barrier(3)
        for _ in range(3):
            pool.schedule(lambda: barrier.wait(LIMIT))
        pool.join(LIMIT)
        self.assertFalse(barrier.broken)

    def test_has_no_more_threads_than_allowed(self):
        pool, most, lock = self.pool(3, 1), [0, 0], threading.Lock()

        def task():
            with lock:
                most[0] += 1
                most[1] = max(most)
            time.sleep(0.001)
            with lock:
                most[0] -= 1

        for _ in range(60):
            pool.schedule(task)
        self.assertLessEqual(pool.live_threads, 3)
        pool.join(LIMIT)
        self.assertLessEqual(most[1], 3)

    def test_works_on_any_list(self):
        tasks, seen = TList([lambda: seen.append(0)]), []
        pool = self.pool(2, 1, tasks=tasks)
        self.assertIs(pool.tasks, tasks)

        @atomically
        def _():
            tasks.append(lambda: seen.append(1))
            tasks.insert(0, lambda: seen.append(2))

        pool.join(LIMIT)
        self.assertEqual(sorted(seen), [0, 1, 2])
        with self.assertRaises(TypeError):
            ThreadPool(1, 1, tasks=[])

    def test_an_abort_schedules_nothing(self):
        pool, seen = self.pool(1, 1), []

        def body():
            pool.schedule(lambda: seen.append(1))
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(body)
        pool.schedule(lambda: seen.append(2))
        pool.join(LIMIT)
        self.assertEqual(seen, [2])

    def test_two_pools_may_be_fed_in_one_transaction(self):
        seen = []
        for _ in range(50):
            one, two = self.pool(1, 0), self.pool(1, 0)

            @atomically
            def _():
                one.schedule(lambda: seen.append(1))
                two.schedule(lambda: seen.append(2))

            one.join(LIMIT)
            two.join(LIMIT)
        self.assertEqual(sorted(seen), [1] * 50 + [2] * 50)

    def test_runs_a_callable_that_is_false(self):
        class Falsy:
            def __init__(self):
                self.ran = False

            def __len__(self):
                return 0

            def __call__(self):
                self.ran = True

        pool, task = self.pool(1, 1), Falsy()
        pool.schedule(task)
        pool.join(LIMIT)
        self.assertTrue(task.ran)

    def test_goes_on_after_any_exception(self):
        pool, seen = self.pool(1, 1), []

        def leave():
            raise SystemExit

        with Unraisable() as errors:
            pool.schedule(lambda: 1 / 0)
            pool.schedule(leave)
            pool.schedule(lambda: seen.append(1))
            pool.join(LIMIT)
        self.assertEqual(seen, [1])
        self.assertEqual(
            [type(error) for error in errors], [ZeroDivisionError, SystemExit]
        )

    def test_tasks_may_run_transactions_and_wait(self):
        pool, var = self.pool(2, 1), TVar(0)
        pool.schedule(lambda: wait_until(lambda: var.get() == 1))
        pool.schedule(lambda: atomically(lambda: var.set(1)))
        pool.join(LIMIT)

    def test_threads_end_after_keep_alive(self):
        pool = self.pool(4, 0.02)
        for _ in range(20):
            pool.schedule(int)
        pool.join(LIMIT)
        wait_until(lambda: pool.live_threads == 0, LIMIT)
        self.assertEqual(pool.free_threads, 0)
        pool.schedule(int)
        pool.join(LIMIT)

    def test_counts_can_be_waited_for_and_watched(self):
        pool, go, seen = self.pool(1, 1), threading.Event(), Notes()
        watcher = stm.utils.atomically_watch(
            lambda: pool.tasks_finished, seen.append
        )
        pool.schedule(lambda: go.wait(LIMIT))
        pool.schedule(int)
        wait_until(lambda: pool.queued == 1, LIMIT)
        self.assertEqual((pool.live_threads, pool.free_threads), (1, 0))
        go.set()
        wait_until(lambda: pool.tasks_finished == 2, LIMIT)
        self.assertEqual(seen, [0, 1, 2])
        watcher.cancel()

    def test_join_gives_up_after_its_time(self):
        pool, go = self.pool(1, 1), threading.Event()
        pool.schedule(lambda: go.wait(LIMIT))
        with self.assertRaises(Timeout):
            pool.join(0.01)
        with self.assertRaises(Timeout):
            pool.join(timeout_at=time.time() + 0.01)
        with self.assertRaises(ValueError):
            pool.join(1, 2)
        go.set()
        pool.join(timeout_at=time.time() + LIMIT)

    def test_join_composes(self):
        pool, go = self.pool(1, 1), threading.Event()
        pool.schedule(lambda: go.wait(LIMIT))
        busy = atomically(lambda: stm.or_else(pool.join, lambda: "busy"))
        self.assertEqual(busy, "busy")
        go.set()
        pool.join(LIMIT)
        self.assertIsNone(atomically(lambda: stm.or_else(pool.join, lambda: 1)))

    def test_shutdown_runs_what_is_queued_and_takes_no_more(self):
        pool, seen = self.pool(1, 60), []
        for i in range(10):
            pool.schedule(lambda i=i: seen.append(i))
        pool.shutdown()
        pool.shutdown()
        with self.assertRaises(RuntimeError):
            pool.schedule(int)
        pool.join(LIMIT)
        wait_until(lambda: pool.live_threads == 0, LIMIT)
        self.assertEqual(seen, list(range(10)))

    def test_shutdown_belongs_to_the_transaction(self):
        pool = self.pool(1, 1)

        def body():
            pool.shutdown()
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(body)
        pool.schedule(int)
        pool.join(LIMIT)

    def test_a_pool_that_is_let_go_finishes_and_is_freed(self):
        done, go = threading.Event(), threading.Event()
        pool = ThreadPool(1, 60)
        pool.schedule(lambda: go.wait(LIMIT))
        pool.schedule(done.set)
        reference = weakref.ref(pool)
        del pool
        gc.collect()
        self.assertIsNone(reference())
        go.set()
        self.assertTrue(done.wait(LIMIT))

    def test_a_pool_may_be_let_go_in_a_transaction(self):
        done = threading.Event()
        pools = [ThreadPool(1, 60)]
        pools[0].schedule(done.set)
        atomically(pools.clear)
        self.assertTrue(done.wait(LIMIT))

    def test_a_task_that_holds_its_pool_is_collected_after_it_ran(self):
        pool = ThreadPool(1, 60)
        pool.schedule(lambda pool=pool: None)
        pool.join(LIMIT)
        reference = weakref.ref(pool)
        del pool
        self.until(
            lambda: gc.collect() is not None and reference() is None,
            "the pool to be let go",
        )

    def test_wrong_arguments_raise(self):
        with self.assertRaises(ValueError):
            ThreadPool(0, 1)
        with self.assertRaises(TypeError):
            ThreadPool("1", 1)
        with self.assertRaises(TypeError):
            ThreadPool(1, "1")
        with self.assertRaises(RuntimeError):
            atomically(lambda: ThreadPool(1, 1))
        with self.assertRaises(TypeError):
            self.pool(1, 1).schedule(None)
        pool = ThreadPool.__new__(ThreadPool)
        with self.assertRaises(RuntimeError):
            pool.live_threads

    def test_each_worker_keeps_one_thread_state(self):
        pool, seen, local = self.pool(1, 60), [], threading.local()

        def task():
            local.count = getattr(local, "count", 0) + 1
            seen.append(local.count)

        for _ in range(5):
            pool.schedule(task)
        pool.join(LIMIT)
        self.assertEqual(seen, [1, 2, 3, 4, 5])


class ExitTest(Case):
    def test_what_is_queued_still_runs_at_exit(self):
        output, errors, took = self.script(
            """
            import time
            from stm.threadutils import ThreadPool
            pool = ThreadPool(2, 60)
            def task(i):
                time.sleep(0.02)
                print(f"{i} ", end="", flush=True)
            for i in range(5):
                pool.schedule(lambda i=i: task(i))
            """
        )
        self.assertEqual(sorted(output.split()), list("01234"))
        self.assertEqual(errors, "")
        self.assertLess(took, 30)

    def test_so_does_what_a_pool_holds_that_was_let_go(self):
        output, errors, _ = self.script(
            """
            import time
            from stm.threadutils import ThreadPool
            pool = ThreadPool(1, None)
            for i in range(3):
                pool.schedule(lambda i=i: (time.sleep(0.02), print(i)))
            del pool
            """
        )
        self.assertEqual(output.split(), list("012"))
        self.assertEqual(errors, "")

    def test_idle_workers_do_not_hold_the_exit_up(self):
        _, _, took = self.script(
            """
            from stm.threadutils import ThreadPool
            pool = ThreadPool(3, 3600)
            for _ in range(9):
                pool.schedule(int)
            pool.join()
            """
        )
        self.assertLess(took, 30)

    def test_what_a_task_schedules_on_the_event_loop_runs(self):
        output, _, _ = self.script(
            """
            import time
            from stm import eventloop
            from stm.threadutils import ThreadPool
            pool = ThreadPool(1, 60)
            pool.schedule(lambda: (
                time.sleep(0.05), eventloop.schedule(lambda: print("ran"))
            ))
            """
        )
        self.assertEqual(output, "ran\n")

    def test_a_pool_in_a_module_s_globals_is_cleared_quietly(self):
        _, errors, _ = self.script(
            """
            import stm, stm.threadutils, stm.utils
            pool = stm.threadutils.ThreadPool(1, 60)
            tasks = pool.tasks
            watcher = stm.utils.atomically_watch(lambda: pool.queued, int)
            stm.atomically(lambda: tasks.append(int))
            watcher.cancel()
            """
        )
        self.assertEqual(errors, "")


if __name__ == "__main__":
    unittest.main()
