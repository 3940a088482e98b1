# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Executors and futures where programs end, fork, let go and pretend."""

import asyncio
import concurrent.futures
import copy
import gc
import pickle
import unittest
import weakref

from stm import atomically, or_else, retry
from stm.futures import Future, ThreadPoolExecutor
from support import LIMIT, Notes, Unraisable
from support_futures import ExecutorCase, undone


def failed(error):
    future = Future()
    future.set_exception(error)
    return future


class UnaskedTest(ExecutorCase):
    """A future with an exception goes away inside a transaction."""

    def setUp(self):
        self.error = ValueError("unasked")
        self.box = [failed(self.error)]

    def test_it_is_reported_once(self):
        with Unraisable() as errors:
            atomically(self.box.clear)
        self.assertEqual(errors, [self.error])

    def test_the_attempt_that_lets_it_go_retries(self):
        def first():
            try:
                retry()
            finally:
                self.box.clear()

        with Unraisable() as errors:
            self.assertEqual(atomically(lambda: or_else(first, int)), 0)
        self.assertEqual(errors, [self.error])

    def test_the_attempt_that_lets_it_go_aborts(self):
        with Unraisable() as errors:
            undone(self.box.clear)
        self.assertEqual(errors, [self.error])

    def test_not_if_the_exception_came_to_nothing(self):
        def body():
            self.box[0] = Future()
            self.box[0].set_exception(self.error)
            self.box.clear()

        self.box[0].exception()
        with Unraisable() as errors:
            undone(body)
            gc.collect()
        self.assertEqual(errors, [])

    def test_it_may_be_asked_for_by_a_finalizer(self):
        class Asker(Future):
            def __del__(self):
                said.append(self.exception())

        said = []
        future = Asker()
        future.set_exception(self.error)
        self.box[0].exception()
        with Unraisable() as errors:
            del future
            gc.collect()
        self.assertEqual((said, errors), ([self.error], []))


class ListTest(ExecutorCase):
    """Code that knows no executor empties its list."""

    def test_a_future_taken_out_does_not_keep_the_exit(self):
        output, errors, _ = self.script(
            """
            import stm
            from stm.datatypes import TList
            from stm.futures import ThreadPoolExecutor
            tasks = TList()
            executor = ThreadPoolExecutor(1, tasks=tasks)
            executor.submit(int).result()
            executor.pause()
            future = executor.submit(int)
            stm.atomically(tasks.clear)
            del executor, tasks
            print(future.done())
            """
        )
        self.assertEqual((output, errors), ("False\n", ""))

    def test_it_can_be_cancelled_when_the_executor_is_gone(self):
        executor = ThreadPoolExecutor(1)
        executor.pause()
        futures = [executor.submit(int) for _ in range(3)]
        atomically(executor.tasks.clear)
        self.assertTrue(futures[0].cancel())
        executor.shutdown()
        self.assertTrue(futures[1].cancel())
        del executor
        gc.collect()
        self.assertTrue(futures[2].cancel())
        self.assertTrue(all(future.cancelled() for future in futures))

    def test_a_future_with_nothing_to_do_is_cancelled(self):
        executor, future = self.executor(1), Future()
        atomically(lambda: executor.tasks.append(future))
        done, _ = concurrent.futures.wait([future], LIMIT)
        self.assertEqual(done, {future})
        self.assertTrue(future.cancelled())


class ProcessTest(ExecutorCase):
    def test_an_executor_made_at_exit_takes_nothing(self):
        output, errors, _ = self.script(
            """
            import threading
            import stm
            from stm.futures import ThreadPoolExecutor
            from stm.threadutils import ThreadPool
            exiting = threading.Event()
            threading._register_atexit(exiting.set)
            kept = []

            def late():
                exiting.wait()
                stm.utils.wait_until(lambda: executor.stats().closed)
                kept.append(ThreadPoolExecutor(1, keep_alive=None))
                kept.append(ThreadPool(1, None))
                for use in kept[0].submit, kept[1].schedule:
                    try:
                        use(int)
                    except RuntimeError as error:
                        print(error)

            executor = ThreadPoolExecutor(1)
            executor.submit(late)
            """
        )
        self.assertEqual(
            (output.splitlines(), errors),
            (
                [
                    "cannot schedule new futures after interpreter shutdown",
                    "cannot schedule after shutdown or stop",
                ],
                "",
            ),
        )

    def test_an_exception_nobody_has_asked_for_is_reported_at_exit(self):
        _, errors, _ = self.script(
            """
            import concurrent.futures
            from stm.futures import ThreadPoolExecutor
            executor = ThreadPoolExecutor(1)
            future = executor.submit(divmod, 1, 0)
            concurrent.futures.wait([future])
            """
        )
        self.assertRegex(
            errors, "in: <Future at .* state=finished raised ZeroDivisionError>"
        )

    def test_a_child_leaves_the_executor_of_its_parent(self):
        output, errors, _ = self.script(
            """
            import os, warnings
            from stm.futures import ThreadPoolExecutor
            warnings.simplefilter("ignore")
            with ThreadPoolExecutor(2) as executor:
                executor.submit(int).result()
                child = os.fork()
                if child == 0:
                    try:
                        executor.submit(int)
                    except RuntimeError as error:
                        print(error, flush=True)
                    for thread in executor._threads:
                        thread.join()
                        assert not thread.is_alive()
                else:
                    status = os.waitpid(child, 0)[1]
            if child != 0:
                print("parent", status)
            """
        )
        self.assertEqual(
            (output, errors),
            (
                "cannot schedule new futures in a child of the process that "
                "made the executor\nparent 0\n",
                "",
            ),
        )


class LettingGoTest(ExecutorCase):
    def test_an_initializer_that_holds_the_executor_is_let_go(self):
        class Service:
            def __init__(self, rounds):
                self.executor = ThreadPoolExecutor(2, initializer=self.begin)
                for _ in range(rounds):
                    self.executor.submit(int).result(LIMIT)

            def begin(self):
                pass

        for rounds in 0, 2:
            for wait in True, False:
                service = Service(rounds)
                service.executor.shutdown(wait)
                gone = weakref.ref(service)
                del service
                self.until(
                    lambda: gc.collect() is not None and gone() is None,
                    "the executor to be collected",
                )

    def test_a_child_may_cancel_what_its_parent_has_queued(self):
        _, errors, _ = self.script(
            """
            import os, sys, warnings
            from stm.futures import ThreadPoolExecutor
            warnings.simplefilter("ignore")
            executor = ThreadPoolExecutor(1)
            executor.pause()
            future = executor.submit(int)
            child = os.fork()
            if child == 0:
                executor.shutdown(cancel_futures=True)
                sys.exit(7)
            status = os.waitpid(child, 0)[1]
            assert os.waitstatus_to_exitcode(status) == 7, status
            executor.resume()
            assert future.result() == 0
            """
        )
        self.assertEqual(errors, "")


class StandardTest(ExecutorCase):
    """Programs that know only concurrent.futures."""

    def test_asyncio_takes_it_as_the_default_executor(self):
        ours = []

        async def main():
            loop = asyncio.get_running_loop()
            ours.append(ThreadPoolExecutor(2))
            loop.set_default_executor(ours[0])
            return await asyncio.gather(
                *(asyncio.to_thread(pow, i, 2) for i in range(10))
            )

        self.assertEqual(asyncio.run(main()), [i * i for i in range(10)])
        stats = ours[0].stats()
        self.assertEqual((stats.finished, stats.closed), (10, True))

    def test_many_wait_for_many(self):
        executors = [self.executor(2), self.executor(2)]
        lost = Notes()

        def rounds():
            for number in range(100):
                futures = [
                    executors[i % 2].submit(int) for i in range(number % 9 + 1)
                ]
                for future in concurrent.futures.wait(futures, LIMIT)[1]:
                    lost.append(future)

        self.join(*(self.start(rounds) for _ in range(4)))
        self.assertEqual(lost.items(), [])

    def test_arguments_by_name(self):
        future, called = Future(), []
        future.add_done_callback(fn=called.append)
        future.set_result(result=1)
        self.assertEqual(called, [future])

    def test_no_exception_is_none(self):
        future = Future()
        future.set_exception(None)
        self.assertIsNone(future.exception())
        self.assertIsNone(future.result())

    def test_cannot_be_copied_nor_pickled(self):
        for of in copy.copy, copy.deepcopy, pickle.dumps:
            with self.assertRaises(TypeError):
                of(Future())

    def test_an_exception_is_not_asked_whether_it_is_true(self):
        class Odd(Exception):
            __hash__ = None

            def __bool__(self):
                raise AssertionError("expected not to be called")

            __eq__ = __str__ = __repr__ = __bool__

        def fail():
            raise Odd

        future = self.executor(1).submit(fail)
        done, _ = concurrent.futures.wait([future], LIMIT)
        self.assertEqual(done, {future})
        self.assertIn("raised Odd", repr(future))
        with self.assertRaises(Odd):
            future.result(LIMIT)


if __name__ == "__main__":
    unittest.main()
