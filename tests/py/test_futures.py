# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Futures outside transactions: as concurrent.futures has them."""

import concurrent.futures
import gc
import threading
import traceback
import unittest
import unittest.mock
import weakref
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION

from stm.futures import Future
from stm.utils import wait_until
from support import LIMIT, Unraisable
from support_futures import ExecutorCase


class Odd(BaseException):
    pass


def fail(error):
    raise error


class FutureTest(ExecutorCase):
    def test_is_one_of_the_standard_library_s(self):
        future = self.executor(1).submit(int)
        self.assertIsInstance(future, Future)
        self.assertIsInstance(future, concurrent.futures.Future)
        self.assertEqual(future.result(LIMIT), 0)
        self.assertEqual(Future[int].__origin__, Future)

    def test_any_exception_is_the_result(self):
        executor = self.executor(1)
        for error in ValueError(1), Odd(), SystemExit(3), StopIteration(4):
            future = executor.submit(fail, error)
            self.assertIs(future.exception(LIMIT), error)
            with self.assertRaises(type(error)) as caught:
                future.result()
            self.assertIs(caught.exception, error)
        self.assertEqual(executor.submit(int).result(LIMIT), 0)

    def test_an_exception_tells_where_it_was_raised(self):
        def inner():
            return 1 // 0

        future, texts = self.executor(1).submit(lambda: inner()), []
        for _ in range(3):
            try:
                future.result(LIMIT)
            except ZeroDivisionError as error:
                texts.append("".join(traceback.format_exception(error)))
        self.assertIn("return 1 // 0", texts[0])
        self.assertIn("lambda: inner()", texts[0])
        self.assertEqual(texts, texts[:1] * 3)

    def test_a_task_may_return_an_exception_or_a_future(self):
        executor, error, other = self.executor(1), ValueError(), Future()
        future = executor.submit(lambda: error)
        self.assertIs(future.result(LIMIT), error)
        self.assertIsNone(future.exception())
        self.assertIs(executor.submit(lambda: other).result(LIMIT), other)

    def test_waiting_may_take_too_long(self):
        executor = self.executor(1)
        go = self.occupy(executor)
        future = executor.submit(int)
        for wait in future.result, future.exception:
            with self.assertRaises(concurrent.futures.TimeoutError):
                wait(0)
            with self.assertRaises(concurrent.futures.TimeoutError):
                wait(timeout=0.001)
        go.set()
        self.assertEqual(future.result(LIMIT), 0)

    def test_many_threads_may_wait_for_one(self):
        future, seen = Future(), []
        threads = [
            self.start(lambda: seen.append(future.result(LIMIT)))
            for _ in range(5)
        ]
        future.set_result(7)
        self.join(*threads)
        self.assertEqual(seen, [7] * 5)

    def test_ends_once(self):
        for end in (
            lambda: future.set_result(2),
            lambda: future.set_exception(ValueError()),
        ):
            future = Future()
            future.set_result(1)
            with self.assertRaises(concurrent.futures.InvalidStateError):
                end()
            self.assertEqual(future.result(0), 1)
            self.assertFalse(future.cancel())

    def test_runs_without_an_executor(self):
        future = Future()
        self.assertFalse(future.running() or future.done())
        self.assertTrue(future.set_running_or_notify_cancel())
        self.assertTrue(future.running())
        self.assertFalse(future.cancel())
        future.set_exception(ValueError())
        self.assertFalse(future.running())
        self.assertTrue(future.done())
        self.assertIsInstance(future.exception(), ValueError)

    def test_shows_its_state(self):
        future = Future()
        self.assertIn("state=pending", repr(future))
        future.set_running_or_notify_cancel()
        self.assertIn("state=running", repr(future))
        future.set_result("text")
        self.assertIn("state=finished returned str", repr(future))
        future = Future()
        future.cancel()
        self.assertIn("state=cancelled", repr(future))
        future = self.executor(1).submit(fail, ValueError())
        self.assertIsNotNone(future.exception(LIMIT))
        self.assertIn("state=finished raised ValueError", repr(future))

    def test_lets_go_of_task_and_result(self):
        class Thing:
            def __call__(self, argument):
                return Thing()

        executor, thing, argument = self.executor(1), Thing(), Thing()
        future = executor.submit(thing, argument)
        result = weakref.ref(future.result(LIMIT))
        references = weakref.ref(thing), weakref.ref(argument)
        del thing, argument
        self.until(
            lambda: gc.collect() is not None
            and not any(reference() for reference in references),
            "what ran to be let go",
        )
        self.assertIsNotNone(result())
        del future
        self.until(
            lambda: gc.collect() is not None and result() is None,
            "the result to be let go",
        )

    def test_a_cycle_through_a_future_is_collected(self):
        class Thing:
            pass

        executor = self.executor(1)
        for end in (
            lambda future, thing: future.set_result(thing),
            lambda future, thing: future.add_done_callback(thing.call),
            lambda future, thing: future.set_exception(thing.error),
        ):
            future, thing = Future(), Thing()
            thing.future, thing.error = future, ValueError(thing)
            thing.call = lambda _, thing=thing: None
            end(future, thing)
            future.exception(0) if future.done() else None
            reference = weakref.ref(thing)
            del future, thing
            gc.collect()
            self.assertIsNone(reference())
        self.assertEqual(executor.submit(int).result(LIMIT), 0)


class CancelTest(ExecutorCase):
    def test_before_it_runs(self):
        executor, seen = self.executor(1), []
        go = self.occupy(executor)
        futures = [executor.submit(seen.append, i) for i in range(3)]
        self.assertTrue(futures[1].cancel())
        self.assertTrue(futures[1].cancel())
        self.assertTrue(futures[1].cancelled() and futures[1].done())
        go.set()
        executor.shutdown()
        self.assertEqual(seen, [0, 2])
        for wait in futures[1].result, futures[1].exception:
            with self.assertRaises(concurrent.futures.CancelledError):
                wait(LIMIT)

    def test_not_while_it_runs_nor_after(self):
        executor, begun = self.executor(1), threading.Event()
        go = threading.Event()
        future = executor.submit(lambda: begun.set() or go.wait(LIMIT))
        self.assertTrue(begun.wait(LIMIT))
        self.assertTrue(future.running())
        self.assertFalse(future.cancel())
        go.set()
        self.assertTrue(future.result(LIMIT))
        self.assertFalse(future.cancel() or future.cancelled())

    def test_wakes_who_waits(self):
        executor = self.executor(1)
        go = self.occupy(executor)
        future, seen = executor.submit(int), []
        callback = threading.Event()
        future.add_done_callback(lambda _: callback.set())

        def waits():
            try:
                future.result(LIMIT)
            except concurrent.futures.CancelledError:
                seen.append("cancelled")

        def sees():
            seen.extend(concurrent.futures.wait([future], LIMIT).done)

        threads = [self.start(waits), self.start(sees)]
        future.cancel()
        self.assertTrue(callback.wait(LIMIT))
        go.set()
        self.join(*threads)
        self.assertCountEqual(seen, ["cancelled", future])

    def test_of_all_that_is_queued(self):
        executor, seen = self.executor(1), []
        go = self.occupy(executor)
        futures = [executor.submit(seen.append, i) for i in range(5)]
        executor.shutdown(wait=False, cancel_futures=True)
        self.assertTrue(all(future.cancelled() for future in futures))
        go.set()
        executor.shutdown()
        self.assertEqual(seen, [])


class CallbackTest(ExecutorCase):
    def test_in_the_order_they_were_added(self):
        executor, seen = self.executor(1), []
        go = self.occupy(executor)
        future = executor.submit(int)
        for i in range(5):
            future.add_done_callback(lambda f, i=i: seen.append((i, f)))
        go.set()
        executor.shutdown()
        self.assertEqual(seen, [(i, future) for i in range(5)])
        future.add_done_callback(lambda f: seen.append(f))
        self.assertEqual(seen[5:], [future])

    def test_are_called_in_spite_of_another_s_exception(self):
        executor, seen = self.executor(1), []
        go = self.occupy(executor)
        future = executor.submit(int)
        future.add_done_callback(lambda f: fail(ValueError("of one")))
        future.add_done_callback(seen.append)
        with self.assertLogs("concurrent.futures", "ERROR") as log:
            go.set()
            executor.shutdown()
        self.assertIn("of one", "".join(log.output))
        self.assertEqual(seen, [future])
        with self.assertLogs("concurrent.futures", "ERROR"):
            future.add_done_callback(lambda f: fail(ValueError()))

    def test_may_use_the_future_and_the_executor(self):
        executor, seen, ended = self.executor(1), [], threading.Event()

        def callback(future):
            seen.append(future.result(0))
            future.add_done_callback(lambda f: seen.append("inner"))
            following = executor.submit(lambda: 2)
            following.add_done_callback(
                lambda f: (seen.append(f.result(0)), ended.set())
            )

        executor.submit(lambda: 1).add_done_callback(callback)
        self.assertTrue(ended.wait(LIMIT))
        self.assertEqual(seen, [1, "inner", 2])

    def test_run_outside_transactions(self):
        from stm import in_transaction

        executor, seen = self.executor(1), []
        go = self.occupy(executor)
        future = executor.submit(int)
        future.add_done_callback(lambda f: seen.append(in_transaction()))
        go.set()
        executor.shutdown()
        self.assertEqual(seen, [False])

    def test_are_called_by_who_ends_it_before_that_returns(self):
        for end in (
            lambda future: future.set_result(1),
            lambda future: future.set_exception(ValueError()),
            lambda future: future.cancel(),
        ):
            future, seen = Future(), []
            future.add_done_callback(
                lambda f: seen.append((f.done(), threading.get_ident()))
            )
            end(future)
            self.assertEqual(seen, [(True, threading.get_ident())])
            future.cancelled() or future.exception()


class WaitTest(ExecutorCase):
    """concurrent.futures.wait() and as_completed(), with any futures mixed."""

    def mixed(self):
        theirs = concurrent.futures.ThreadPoolExecutor(2)
        self.addCleanup(theirs.shutdown)
        return [self.executor(2), theirs]

    def test_for_all(self):
        executors = self.mixed()
        futures = [executors[i % 2].submit(pow, i, 2) for i in range(100)]
        done, rest = concurrent.futures.wait(
            futures, LIMIT, return_when=ALL_COMPLETED
        )
        self.assertEqual((done, rest), (set(futures), set()))
        completed = list(concurrent.futures.as_completed(futures, LIMIT))
        self.assertCountEqual(completed, futures)

    def test_for_the_first(self):
        for which in 0, 1:
            executors = self.mixed()
            goes = [self.occupy(executor, 2) for executor in executors]
            futures = [executor.submit(int) for executor in executors]
            goes[which].set()
            done, rest = concurrent.futures.wait(
                futures, LIMIT, return_when=FIRST_COMPLETED
            )
            self.assertEqual(done, {futures[which]})
            self.assertEqual(rest, {futures[1 - which]})
            goes[1 - which].set()

    def test_for_the_first_exception(self):
        executors = self.mixed()
        goes = [self.occupy(executor, 2) for executor in executors]
        futures = [executors[0].submit(divmod, 1, 0), executors[1].submit(int)]
        goes[0].set()
        done, rest = concurrent.futures.wait(
            futures, LIMIT, return_when=FIRST_EXCEPTION
        )
        self.assertEqual((done, rest), ({futures[0]}, {futures[1]}))
        self.assertIsInstance(futures[0].exception(), ZeroDivisionError)
        goes[1].set()

    def test_for_some_time(self):
        executors = self.mixed()
        goes = [self.occupy(executor, 2) for executor in executors]
        futures = [executor.submit(int) for executor in executors]
        done, rest = concurrent.futures.wait(futures, 0.001)
        self.assertEqual((done, rest), (set(), set(futures)))
        with self.assertRaises(concurrent.futures.TimeoutError):
            next(concurrent.futures.as_completed(futures, 0.001))
        for go in goes:
            go.set()

    def test_as_they_end(self):
        executor = self.executor(1)
        goes = [threading.Event() for _ in range(5)]
        for go in goes:
            self.addCleanup(go.set)
        futures = [executor.submit(go.wait, LIMIT) for go in goes]
        for future in futures[3:]:
            future.cancel()
        completed = concurrent.futures.as_completed(futures, LIMIT)
        order = [next(completed), next(completed)]
        for go in goes[:3]:
            go.set()
            order.append(next(completed))
        self.assertCountEqual(order[:2], futures[3:])
        self.assertEqual(order[2:], futures[:3])

    def test_for_one_that_ends_just_then(self):
        executor, other = self.executor(1), Future()
        for _ in range(200):
            future = executor.submit(divmod, 1, 0)
            done, rest = concurrent.futures.wait(
                [other, future], LIMIT, return_when=FIRST_EXCEPTION
            )
            self.assertEqual((done, rest), ({future}, {other}))
            self.assertIsInstance(future.exception(), ZeroDivisionError)

    def test_who_holds_the_condition_sees_no_change(self):
        future, waiter = Future(), unittest.mock.Mock()
        with future._condition:
            self.assertEqual(future._state, "PENDING")
            thread = self.start(future.set_result, 1)
            wait_until(future.done, LIMIT)
            self.assertEqual(future._state, "PENDING")
            future._waiters.append(waiter)
        self.join(thread)
        waiter.add_result.assert_called_once_with(future)
        self.assertEqual(future._state, "FINISHED")

    def test_the_condition_can_be_waited_for(self):
        future, held = Future(), threading.Event()

        def wait():
            with future._condition:
                held.set()
                while future._state != "FINISHED":
                    self.assertTrue(future._condition.wait(LIMIT))

        thread = self.start(wait)
        self.assertTrue(held.wait(LIMIT))
        future.set_result(1)
        self.join(thread)


class UnaskedTest(ExecutorCase):
    """An exception that nobody asks for is reported when its future goes."""

    def gone(self, use):
        error = ValueError("unasked")
        with Unraisable() as errors:
            executor = self.executor(1)
            use(executor.submit(fail, error))
            executor.shutdown()
            gc.collect()
            gc.collect()
        return errors == [error]

    def test_if_it_was_dropped(self):
        self.assertTrue(self.gone(lambda future: None))

    def test_if_only_waited_for(self):
        self.assertTrue(
            self.gone(lambda future: concurrent.futures.wait([future], LIMIT))
        )

    def test_not_if_asked_for(self):
        for ask in (
            lambda future: future.exception(LIMIT),
            lambda future: self.assertRaises(ValueError, future.result, LIMIT),
            lambda future: future.add_done_callback(lambda f: f.exception()),
        ):
            self.assertFalse(self.gone(ask))


if __name__ == "__main__":
    unittest.main()
