# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What tasks may do to their pool, and what is left of pools."""

import concurrent.futures
import gc
import os
import sys
import threading
import unittest
import weakref

from stm import TCounter, TVar, atomically
from stm.datatypes import TPriorityQueue
from stm.futures import BrokenThreadPool, ThreadPoolExecutor
from stm.threadutils import ThreadPool
from stm.timeout import Timeout
from stm.utils import wait_until
from support import Case, LIMIT, Notes, Unraisable, unless_forking_is_barred
from support_async import SLOW

POOLS = 1000 if SLOW else 10000


class Unusual(BaseException):
    """Not an Exception."""

    def __str__(self) -> str:
        raise Unusual


def leave() -> None:
    sys.exit("a task says")


def interrupt() -> None:
    raise KeyboardInterrupt


def generate() -> None:
    raise GeneratorExit


def surprise() -> None:
    raise Unusual


def recurse() -> None:
    recurse()


RAISING = {
    leave: SystemExit,
    interrupt: KeyboardInterrupt,
    generate: GeneratorExit,
    surprise: Unusual,
    recurse: RecursionError,
}


class TaskTest(Case):
    """What a task does to a ThreadPool."""

    def pool(self, *args, **kwargs):
        pool = ThreadPool(*args, **kwargs)
        self.addCleanup(pool.shutdown)
        return pool

    def test_whatever_is_raised_is_reported_and_the_worker_goes_on(self):
        pool, seen = self.pool(1, None), []
        with Unraisable() as errors:
            for task in RAISING:
                pool.schedule(task)
            pool.schedule(lambda: seen.append(threading.get_ident()))
            pool.join(LIMIT)
        self.assertEqual(
            [type(error) for error in errors], list(RAISING.values())
        )
        self.assertEqual(len(seen), 1)
        stats = pool.stats()
        self.assertEqual((stats.finished, stats.given_up), (6, 0))
        self.assertEqual((stats.live, stats.free), (1, 1))

    def test_a_report_that_fails_itself_ends_nothing(self):
        pool, seen = self.pool(1, None), []

        def hook(info):
            sys.exit()

        with Unraisable():
            sys.unraisablehook = hook
            saved, sys.stderr = sys.stderr, open(os.devnull, "w")
            try:
                pool.schedule(surprise)
                pool.schedule(lambda: seen.append(1))
                pool.join(LIMIT)
            finally:
                sys.stderr.close()
                sys.stderr = saved
        self.assertEqual(seen, [1])

    def test_a_task_whose_end_raises_and_schedules_is_the_last_of_its_kind(
        self,
    ):
        pool, seen = self.pool(1, None), Notes()

        class Task:
            def __call__(self):
                seen.append("called")

            def __del__(self):
                pool.schedule(lambda: seen.append("scheduled by __del__"))
                raise Unusual

        with Unraisable() as errors:
            pool.schedule(Task())
            # Without a GIL this thread, whose object it was, may have to end
            # it: it must not sleep.
            self.until(lambda: pool.tasks_finished == 2, "both to run")
        self.assertEqual(seen, ["called", "scheduled by __del__"])
        self.assertEqual([type(error) for error in errors], [Unusual])

    def test_an_exception_in_a_transaction_of_a_task_undoes_that_alone(self):
        pool, var = self.pool(1, None), TVar(0)

        def body():
            var.value += 1
            pool.schedule(lambda: atomically(lambda: var.set(100)))
            sys.exit()

        with Unraisable() as errors:
            pool.schedule(lambda: atomically(body))
            pool.join(LIMIT)
        self.assertEqual([type(error) for error in errors], [SystemExit])
        self.assertEqual(atomically(var.get), 0)
        self.assertEqual(pool.tasks_scheduled, 1)

    def check_tasks_that_schedule_tasks(self, pool, depth):
        ran = TCounter()

        def task(depth):
            atomically(lambda: ran.add(1))
            if depth > 0:
                for _ in range(2):
                    pool.schedule(lambda: task(depth - 1))

        pool.schedule(lambda: task(depth))
        pool.join(LIMIT)
        self.assertEqual(atomically(ran.get), 2 ** (depth + 1) - 1)

    def test_tasks_schedule_tasks(self):
        self.check_tasks_that_schedule_tasks(self.pool(3, None), 6)

    def test_tasks_schedule_into_their_own_full_pool(self):
        pool = self.pool(1, None, capacity=1)
        self.check_tasks_that_schedule_tasks(pool, 4)

    def test_a_task_may_shut_its_pool_down(self):
        pool, seen, refused = self.pool(1, None), [], []
        pool.pause()
        pool.schedule(pool.shutdown)
        pool.schedule(lambda: seen.append("queued"))

        def late():
            try:
                pool.schedule(int)
            except RuntimeError as error:
                refused.append(error)

        pool.schedule(late)
        pool.resume()
        wait_until(lambda: pool.live_threads == 0, LIMIT)
        self.assertEqual(seen, ["queued"])
        self.assertEqual(len(refused), 1)
        self.assertEqual(pool.tasks_finished, 3)

    def test_a_task_may_give_up_what_is_behind_it(self):
        pool, counts, seen = self.pool(1, None), [], []
        pool.pause()
        pool.schedule(lambda: counts.append(pool.cancel_all()))
        for _ in range(5):
            pool.schedule(lambda: seen.append(1))
        pool.resume()
        pool.join(LIMIT)
        self.assertEqual((counts, seen), ([5], []))

    def test_a_task_that_waits_for_its_whole_pool_waits_in_vain(self):
        pool = self.pool(1, None)
        with Unraisable() as errors:
            pool.schedule(lambda: pool.join(0.01))
            pool.join(LIMIT)
        self.assertEqual([type(error) for error in errors], [Timeout])

    def test_a_task_may_let_its_pool_go(self):
        pools, done = [ThreadPool(2, None)], threading.Event()
        go = threading.Event()
        reference = weakref.ref(pools[0])

        def task():
            go.wait(LIMIT)
            pools.clear()
            gc.collect()
            if reference() is None:
                done.set()

        pools[0].schedule(task)
        go.set()
        self.assertTrue(done.wait(LIMIT))

    def test_a_task_may_resize_and_pause_its_pool(self):
        pool, ran = self.pool(1, None), TCounter()

        def task(number):
            pool.pause()
            pool.resize(1 + number % 3)
            atomically(lambda: ran.add(1))
            pool.resume()

        for number in range(30):
            pool.schedule(lambda number=number: task(number))
        pool.join(LIMIT)
        self.assertEqual(atomically(ran.get), 30)


class ExecutorTaskTest(Case):
    """What a task does to a ThreadPoolExecutor."""

    def test_whatever_is_raised_is_the_future_s(self):
        with ThreadPoolExecutor(1) as executor:
            for task, error in RAISING.items():
                future = executor.submit(task)
                self.assertIs(type(future.exception(LIMIT)), error)
            self.assertEqual(executor.submit(int).result(LIMIT), 0)
            self.assertEqual(executor.stats().live, 1)

    def test_a_task_may_shut_its_executor_down_but_not_wait_for_itself(self):
        executor = ThreadPoolExecutor(1)
        executor.pause()
        futures = [
            executor.submit(executor.shutdown),
            executor.submit(lambda: executor.shutdown(wait=False)),
            executor.submit(pow, 2, 3),
            executor.submit(executor.submit, int),
        ]
        executor.resume()
        self.assertIs(type(futures[0].exception(LIMIT)), RuntimeError)
        self.assertIsNone(futures[1].result(LIMIT))
        self.assertEqual(futures[2].result(LIMIT), 8)
        self.assertIs(type(futures[3].exception(LIMIT)), RuntimeError)
        executor.shutdown()

    def test_a_task_may_cancel_those_behind_it(self):
        executor = ThreadPoolExecutor(1)
        executor.pause()
        first = executor.submit(
            lambda: executor.shutdown(wait=False, cancel_futures=True)
        )
        others = [executor.submit(int) for _ in range(5)]
        executor.resume()
        self.assertIsNone(first.result(LIMIT))
        done, _ = concurrent.futures.wait(others, LIMIT)
        self.assertEqual(done, set(others))
        self.assertTrue(all(future.cancelled() for future in others))
        executor.shutdown()

    def test_a_dropped_executor_ends_its_futures(self):
        executor, go = ThreadPoolExecutor(1), threading.Event()
        first = executor.submit(go.wait, LIMIT)
        second = executor.submit(int)
        del executor
        gc.collect()
        go.set()
        self.assertTrue(first.result(LIMIT))
        self.assertEqual(second.result(LIMIT), 0)

    def test_an_initializer_that_leaves_breaks_the_executor(self):
        with self.assertLogs("concurrent.futures", "CRITICAL"):
            with ThreadPoolExecutor(2, initializer=leave) as executor:
                future = executor.submit(int)
                self.assertIsInstance(future.exception(LIMIT), BrokenThreadPool)
                with self.assertRaises(BrokenThreadPool):
                    wait_until(lambda: executor.stats().closed, LIMIT)
                    executor.submit(int)


class ForkTest(Case):
    """Tasks that fork: the child has their thread alone."""

    def test_a_child_that_returns_from_the_task_ends(self):
        output, _, _ = self.script(
            """
            import os
            from stm.threadutils import ThreadPool
            pool = ThreadPool(1, 60)
            def task():
                child = os.fork()
                if child != 0:
                    print(os.waitpid(child, 0) == (child, 0), flush=True)
            pool.schedule(task)
            pool.schedule(lambda: print("next", flush=True))
            pool.join(60)
            print(pool.tasks_finished)
            """
        )
        self.assertEqual(output.split(), ["True", "next", "2"])

    @unless_forking_is_barred
    def test_in_the_child_the_pool_refuses_and_a_new_one_works(self):
        output, _, _ = self.script(
            """
            import os
            from stm.threadutils import ThreadPool
            pool = ThreadPool(2, 60)
            def in_child():
                try:
                    pool.schedule(int)
                    return 1
                except RuntimeError:
                    pass
                other = ThreadPool(1, 60)
                other.schedule(lambda: print("child", flush=True))
                other.join(60)
                return 7 if other.tasks_finished == 1 else 2
            def task():
                child = os.fork()
                if child == 0:
                    os._exit(in_child())
                print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            pool.schedule(task)
            pool.join(60)
            """
        )
        self.assertEqual(output.split(), ["child", "7"])

    @unless_forking_is_barred
    def test_the_child_may_let_the_parent_s_pools_go(self):
        output, _, _ = self.script(
            """
            import gc, os, threading, warnings
            from stm import TVar, atomically
            from stm.futures import ThreadPoolExecutor
            from stm.threadutils import ThreadPool
            warnings.simplefilter("ignore")

            # One that goes in the parent, but not before this attempt is over.
            var, inside, go = TVar(0), threading.Event(), threading.Event()
            thread = threading.Thread(
                target=atomically,
                args=(lambda: (var.get(), inside.set(), go.wait(60)),),
            )
            thread.start()
            inside.wait(60)
            pools = [ThreadPool(2, None), ThreadPoolExecutor(2)]
            pools[1].submit(int).result(60)
            let_go = ThreadPool(2, None)
            let_go.schedule(int)
            let_go.join(60)
            del let_go
            child = os.fork()
            if child == 0:
                pools.clear()
                gc.collect()
                for i in range(100):
                    atomically(lambda: var.set([i]))
                raise SystemExit(7)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            go.set()
            """
        )
        self.assertEqual(output.split(), ["7"])

    def test_a_future_whose_task_forks_ends_in_the_parent(self):
        output, _, _ = self.script(
            """
            import os
            from stm.futures import ThreadPoolExecutor
            def task():
                child = os.fork()
                if child == 0:
                    return None
                return os.waitpid(child, 0)[1]
            with ThreadPoolExecutor(1) as executor:
                futures = [executor.submit(task) for _ in range(3)]
                print([future.result(60) for future in futures])
            """
        )
        self.assertEqual(output.strip(), "[0, 0, 0]")


# What is common to the scripts of the exit: how to give either a task, and a
# line that says that the interpreter has begun to exit.
class ManyTest(Case):
    """Many pools leave nothing."""

    def threads(self):
        return len(os.listdir("/proc/self/task"))

    def descriptors(self):
        return len(os.listdir("/proc/self/fd"))

    def expect_nothing_left(self, count, use):
        """Call use(number, task) so often; each time the task is to run once.

        Compare what there is then with what there was after some calls.
        """
        before, ran = self.threads(), TCounter()

        def task():
            atomically(lambda: ran.add(1))

        def settle(number):
            wait_until(lambda: ran.get() == number, LIMIT)
            # One more is the library's own, for what is to come later.
            self.until(lambda: self.threads() <= before + 1, "no thread")
            gc.collect()

        for number in range(count + 100):
            if number == 100:
                settle(number)
                descriptors = self.descriptors()
                blocks = sys.getallocatedblocks()
            use(number, task)
            # The interpreter keeps some thousand blocks once so many threads
            # have been there at a time, as there would be without a GIL.
            self.until(lambda: self.threads() < 300, "fewer threads")
        settle(count + 100)
        self.assertEqual(self.descriptors(), descriptors)
        self.assertLess(sys.getallocatedblocks(), blocks + count // 10)

    def test_ten_thousand_pools(self):
        def use(number, task):
            pool = ThreadPool(
                2,
                None if number % 2 else 0,
                TPriorityQueue() if number % 3 == 0 else None,
                min_threads=number % 5 // 4,
            )
            pool.schedule(task, delay=number % 7 // 6 / 10000)
            if number % 4 < 2:
                pool.shutdown()

        self.expect_nothing_left(POOLS, use)

    def test_thousands_of_executors(self):
        def use(number, task):
            with ThreadPoolExecutor(2) as executor:
                executor.submit(task)
                future = executor.submit(divmod, number, number % 2)
                if number % 2:
                    self.assertEqual(future.result(LIMIT), (number, 0))
                else:
                    self.assertTrue(future.exception(LIMIT))

        self.expect_nothing_left(POOLS // 5, use)

    def test_thousands_of_executors_that_are_dropped(self):
        def use(number, task):
            ThreadPoolExecutor(1).submit(task)

        self.expect_nothing_left(POOLS // 5, use)


if __name__ == "__main__":
    unittest.main()
