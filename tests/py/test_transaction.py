# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import asyncio
import unittest

import stm
from stm import TVar, atomic, atomically, on_commit
from support import Case, Unraisable


class AtomicallyTest(Case):
    def test_returns_what_the_function_returns(self):
        value = object()
        self.assertIs(atomically(lambda: value), value)

    def test_as_a_decorator_the_name_becomes_the_result(self):
        @atomically
        def answer():
            return 42

        self.assertEqual(answer, 42)

    def test_an_exception_undoes_everything_and_propagates(self):
        var = TVar(1)
        error = ValueError("no")

        def body():
            var.set(2)
            raise error

        with self.assertRaises(ValueError) as caught:
            atomically(body)
        self.assertIs(caught.exception, error)
        self.assertEqual(atomically(var.get), 1)

    def test_the_traceback_reaches_into_the_body(self):
        def body():
            return 1 / 0

        try:
            atomically(body)
        except ZeroDivisionError as error:
            last = error.__traceback__
            while last.tb_next is not None:
                last = last.tb_next
            self.assertEqual(last.tb_frame.f_code.co_name, "body")

    def test_base_exceptions_abort_as_well(self):
        for kind in (KeyboardInterrupt, SystemExit, GeneratorExit):
            var = TVar(1)

            def body():
                var.set(2)
                raise kind

            with self.assertRaises(kind):
                atomically(body)
            self.assertEqual(atomically(var.get), 1)

    def test_a_nested_exception_undoes_the_nested_part_alone(self):
        var, other = TVar(1), TVar(1)

        def nested():
            other.set(2)
            raise KeyError

        @atomically
        def _():
            var.set(2)
            with self.assertRaises(KeyError):
                atomically(nested)
            self.assertEqual(other.get(), 1)

        self.assertEqual(atomically(var.get), 2)

    def test_a_nested_transaction_sees_and_keeps_changes(self):
        var = TVar(1)

        @atomically
        def _():
            var.set(2)
            atomically(lambda: var.set(var.get() + 1))
            self.assertEqual(var.get(), 3)

        self.assertEqual(atomically(var.get), 3)

    def test_a_body_that_defers_its_work_is_refused(self):
        def generator():
            yield 1

        async def coroutine():
            return 1

        async def agenerator():
            yield 1

        class Awaitable:
            def __await__(self):
                return iter(())

        for body in (generator, agenerator, Awaitable):
            with self.assertRaisesRegex(TypeError, "ordinary function"):
                atomically(body)
        with self.assertWarns(RuntimeWarning):
            with self.assertRaisesRegex(TypeError, "coroutine"):
                atomically(coroutine)

    def test_a_deferred_body_changes_nothing(self):
        var = TVar(1)

        def body():
            var.set(2)
            return (i for i in ())

        with self.assertRaises(TypeError):
            atomically(body)
        self.assertEqual(atomically(var.get), 1)

    def test_what_is_not_callable_is_a_type_error(self):
        with self.assertRaises(TypeError):
            atomically(3)

    def test_in_transaction_tells(self):
        self.assertFalse(stm.in_transaction())
        self.assertTrue(atomically(stm.in_transaction))
        self.assertFalse(stm.in_transaction())

    def test_control_functions_outside_a_transaction_raise(self):
        for use in (
            stm.retry,
            lambda: stm.elapsed(1),
            lambda: stm.or_else(int),
            lambda: stm.on_commit(int),
            lambda: stm.watch(int, print),
        ):
            with self.assertRaisesRegex(RuntimeError, r"stm\.atomically\(\)"):
                use()

    def test_deep_recursion_is_an_error_not_a_crash(self):
        def body():
            return atomically(body)

        with self.assertRaises(RecursionError):
            atomically(body)
        self.assertEqual(atomically(lambda: 1), 1)

    def test_an_event_loop_task_may_run_transactions(self):
        async def main():
            return atomically(lambda: 3)

        self.assertEqual(asyncio.run(main()), 3)


class AtomicTest(Case):
    def test_each_call_is_a_transaction(self):
        var = TVar(0)

        @atomic
        def add(amount, *, twice=False):
            """Add."""
            var.set(var.get() + amount * (2 if twice else 1))
            return var.get()

        self.assertEqual(add(1), 1)
        self.assertEqual(add(2, twice=True), 5)
        self.assertEqual((add.__name__, add.__doc__), ("add", "Add."))

    def test_works_on_methods(self):
        class Counter:
            def __init__(self):
                self.count = TVar(0)

            @atomic
            def add(self):
                self.count.value += 1
                return self.count.value

        self.assertEqual(Counter().add(), 1)


class OnCommitTest(Case):
    def test_runs_after_the_commit_in_order_outside_of_a_transaction(self):
        var, seen = TVar(0), []

        @atomically
        def _():
            on_commit(lambda: seen.append((1, stm.in_transaction())))
            on_commit(lambda: seen.append((2, atomically(var.get))))
            var.set(5)
            self.assertEqual(seen, [])

        self.assertEqual(seen, [(1, False), (2, 5)])

    def test_does_not_run_when_undone(self):
        seen = []

        def nested():
            on_commit(lambda: seen.append("nested"))
            raise KeyError

        @atomically
        def _():
            on_commit(lambda: seen.append("outer"))
            try:
                atomically(nested)
            except KeyError:
                pass

        self.assertEqual(seen, ["outer"])

    def test_an_exception_goes_to_the_unraisable_hook_and_the_rest_runs(self):
        seen = []
        with Unraisable() as errors:

            @atomically
            def result():
                on_commit(lambda: 1 / 0)
                on_commit(lambda: seen.append(1))
                return "result"

        self.assertEqual(result, "result")
        self.assertEqual(seen, [1])
        self.assertEqual([type(e) for e in errors], [ZeroDivisionError])

    def test_needs_something_callable(self):
        with self.assertRaises(TypeError):
            atomically(lambda: on_commit(None))


if __name__ == "__main__":
    unittest.main()
