# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import concurrent.futures
import gc
import inspect
import sys
import traceback
import unittest
import weakref

import stm.stats
from stm import TVar, atomically, or_else, retry, watch
from stm.datatypes import TFuture
from stm.timeout import Timeout
from support import Case


class Thing:
    pass


class Failure(Exception):
    pass


def failed(error):
    """A future that has ended with an exception."""
    future = TFuture()
    atomically(lambda: future.set_exception(error))
    return future


class TFutureTest(Case):
    def test_takes_no_arguments(self):
        with self.assertRaises(TypeError):
            TFuture(1)

    def test_is_pending_at_first(self):
        future = TFuture()
        self.assertIs(atomically(future.done), False)
        for ask in (future.result, future.exception):
            with self.assertRaises(Timeout):
                atomically(lambda: ask(timeout=0.01))
            with self.assertRaises(Timeout):
                atomically(lambda: ask(0))

    def test_has_the_result_that_was_set(self):
        for result in (1, None, Failure()):
            future = TFuture()
            atomically(lambda: future.set_result(result))
            self.assertIs(atomically(future.done), True)
            self.assertIs(atomically(future.result), result)
            self.assertIs(atomically(lambda: future.result(0)), result)
            self.assertIsNone(atomically(future.exception))

    def test_raises_the_exception_that_was_set(self):
        for error in (Failure(1), KeyboardInterrupt(), SystemExit(3)):
            future = failed(error)
            self.assertIs(atomically(future.done), True)
            self.assertIs(atomically(future.exception), error)
            with self.assertRaises(type(error)) as caught:
                atomically(future.result)
            self.assertIs(caught.exception, error)

    def test_only_an_exception_can_be_set_as_one(self):
        future = TFuture()
        for thing in (None, 1, Failure):
            with self.assertRaises(TypeError):
                atomically(lambda: future.set_exception(thing))
        self.assertFalse(atomically(future.done))

    def test_ends_once(self):
        for end in (
            lambda future: future.set_result(1),
            lambda future: future.set_exception(Failure(1)),
        ):
            future = TFuture()
            atomically(lambda: end(future))
            for again in (
                lambda: future.set_result(2),
                lambda: future.set_exception(Failure(2)),
            ):
                with self.assertRaises(concurrent.futures.InvalidStateError):
                    atomically(again)

    def test_a_second_end_can_be_caught_in_the_transaction(self):
        future = TFuture()

        @atomically
        def _():
            future.set_result(1)
            with self.assertRaises(concurrent.futures.InvalidStateError):
                future.set_result(2)
            self.assertEqual(future.result(), 1)

        self.assertEqual(atomically(future.result), 1)

    def test_an_abort_leaves_it_pending(self):
        future = TFuture()

        def body():
            future.set_result(1)
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(body)

        @atomically
        def _():
            with self.assertRaises(KeyError):
                atomically(body)
            self.assertFalse(future.done())
            future.set_result(2)

        self.assertEqual(atomically(future.result), 2)

    def test_a_branch_that_retries_leaves_it_pending(self):
        future = TFuture()

        def first():
            future.set_result(1)
            retry()

        atomically(lambda: or_else(first, lambda: future.set_result(2)))
        self.assertEqual(atomically(future.result), 2)

    def test_an_exception_raised_through_undoes_the_transaction(self):
        future, var = failed(Failure()), TVar(0)

        def body():
            var.set(1)
            future.result()

        with self.assertRaises(Failure):
            atomically(body)
        self.assertEqual(atomically(var.get), 0)

    def test_result_and_exception_wait(self):
        for ask in (TFuture.result, TFuture.exception):
            future, results = TFuture(), []
            before = stm.stats.read()["retries"]
            threads = [
                self.start(
                    lambda: results.append(atomically(lambda: ask(future)))
                )
                for _ in range(2)
            ]
            self.blocked(2, before)
            atomically(lambda: future.set_result(5))
            self.join(*threads)
            expected = 5 if ask is TFuture.result else None
            self.assertEqual(results, [expected] * 2)

    def test_waits_for_the_first_of_several(self):
        futures, results = [TFuture() for _ in range(3)], []
        before = stm.stats.read()["retries"]
        thread = self.start(
            lambda: results.append(
                atomically(lambda: or_else(*[each.result for each in futures]))
            )
        )
        self.blocked(1, before)
        atomically(lambda: futures[2].set_result("third"))
        self.join(thread)
        self.assertEqual(results, ["third"])

    def test_one_of_many_threads_ends_it(self):
        future, winners = TFuture(), []

        def work(i):
            try:
                atomically(lambda: future.set_result(i))
            except concurrent.futures.InvalidStateError:
                return
            winners.append(i)

        self.join(*[self.start(work, i) for i in range(8)])
        self.assertEqual(winners, [atomically(future.result)])

    def test_a_watcher_runs_in_the_commit_that_ends_it(self):
        future, log = TFuture(), TVar(())

        @atomically
        def _():
            @watch(future.done)
            def _(done):
                if done:
                    log.value += (future.result(),)

        self.assertEqual(atomically(log.get), ())

        @atomically
        def _():
            future.set_result(7)
            self.assertEqual(log.value, ())

        self.assertEqual(atomically(log.get), (7,))

    def test_a_watcher_that_raises_the_exception_aborts(self):
        future = TFuture()

        @atomically
        def _():
            @watch(future.done)
            def _(done):
                if done:
                    future.result()

        with self.assertRaises(Failure):
            atomically(lambda: future.set_exception(Failure()))
        self.assertFalse(atomically(future.done))

    def test_use_outside_a_transaction_raises(self):
        future = TFuture()
        for use in (
            future.result,
            future.exception,
            future.done,
            lambda: future.set_result(1),
            lambda: future.set_exception(Failure()),
        ):
            with self.assertRaisesRegex(RuntimeError, r"stm\.atomically\(\)"):
                use()

    def test_repr_works_anywhere(self):
        done = TFuture()
        atomically(lambda: done.set_result(done))
        for future, state in (
            (TFuture(), "pending"),
            (done, "done"),
            (failed(Failure()), "failed"),
        ):
            for text in (repr(future), atomically(lambda: str(future))):
                self.assertRegex(
                    text, f"^<stm.datatypes.TFuture at .* state={state}>$"
                )

    def test_is_generic(self):
        self.assertIs(TFuture[int].__origin__, TFuture)

    @unittest.skipUnless(int.__doc__, "the interpreter has no docstrings")
    def test_has_signatures(self):
        self.assertEqual(str(inspect.signature(TFuture)), "()")
        self.assertEqual(
            str(inspect.signature(TFuture.result)), "(self, /, timeout=None)"
        )


class TracebackTest(Case):
    def raise_here(self):
        raise Failure

    def raised(self, future):
        """The names of the functions in the traceback of its exception."""
        try:
            atomically(future.result)
        except Failure as error:
            frames = traceback.extract_tb(error.__traceback__)
            return [frame.name for frame in frames]

    def test_it_shows_where_the_exception_was_raised_first(self):
        try:
            self.raise_here()
        except Failure as caught:
            future = failed(caught)
        names = self.raised(future)
        self.assertEqual(names[0], "raised")
        self.assertEqual(names[-1], "raise_here")

    def test_it_does_not_grow_however_often_the_exception_is_raised(self):
        try:
            self.raise_here()
        except Failure as caught:
            origins = (caught, Failure())
        for error in origins:
            future = failed(error)
            first = self.raised(future)
            for _ in range(100):
                self.assertEqual(self.raised(future), first)

    def test_it_does_not_grow_within_one_transaction(self):
        future = failed(Failure())

        @atomically
        def lengths():
            lengths = set()
            for _ in range(10):
                try:
                    future.result()
                except Failure as error:
                    lengths.add(len(traceback.extract_tb(error.__traceback__)))
            return lengths

        self.assertEqual(len(lengths), 1)

    def test_the_context_of_the_exception_stays(self):
        error = Failure()
        error.__context__ = context = KeyError()
        future = failed(error)
        try:
            raise ValueError
        except ValueError:
            self.raised(future)
        self.assertIs(error.__context__, context)

    def test_the_frames_of_those_who_raised_it_before_are_let_go(self):
        future = failed(Failure())

        def ask():
            thing = Thing()
            things.append(weakref.ref(thing))
            try:
                atomically(future.result)
            except Failure:
                pass

        things = []
        for _ in range(5):
            ask()
        gc.collect()
        alive = [reference() for reference in things]
        self.assertEqual(alive[:-1], [None] * 4)

    def test_nothing_is_left_of_many_raises(self):
        error = Failure()
        future = failed(error)
        self.raised(future)
        before = sys.getrefcount(error)
        for _ in range(100):
            self.raised(future)
        self.assertEqual(sys.getrefcount(error), before)


class MemoryTest(Case):
    def test_a_future_that_is_its_own_result_is_collected(self):
        future = TFuture()
        atomically(lambda: future.set_result(future))
        reference = weakref.ref(future)
        del future
        self.assertIsNotNone(reference())
        gc.collect()
        self.assertIsNone(reference())

    def test_a_future_whose_exception_knows_it_is_collected(self):
        future, error = TFuture(), Failure()
        error.future = future
        atomically(lambda: future.set_exception(error))
        reference = weakref.ref(future)
        del future, error
        self.assertIsNotNone(reference())
        gc.collect()
        self.assertIsNone(reference())

    def test_a_future_that_its_traceback_knows_is_collected(self):
        def make():
            future = TFuture()
            try:
                raise Failure
            except Failure as caught:
                error = caught
            atomically(lambda: future.set_exception(error))
            return weakref.ref(future)

        reference = make()
        gc.collect()
        self.assertIsNone(reference())

    def test_the_result_goes_with_the_future(self):
        future, thing = TFuture(), Thing()
        reference = weakref.ref(thing)
        atomically(lambda: future.set_result(thing))
        del thing
        self.assertIsNotNone(reference())
        del future
        self.assertIsNone(reference())

    def test_what_was_not_set_is_let_go(self):
        future, references = TFuture(), []

        def body():
            error = Failure()
            references.append(weakref.ref(error))
            future.set_exception(error)
            raise KeyError

        for _ in range(2):
            with self.assertRaises(KeyError):
                atomically(body)
        self.assertEqual([each() for each in references], [None] * 2)


if __name__ == "__main__":
    unittest.main()
