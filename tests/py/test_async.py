# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Transactions that await instead of blocking."""

import asyncio
import contextlib
import gc
import sys
import threading
import time
import unittest
import warnings

import stm.stats
from stm import (
    TVar,
    atomically,
    atomically_async,
    elapsed,
    in_transaction,
    on_commit,
    or_else,
    retry,
)
from stm.datatypes import TList
from support_async import SHAKEN, SLOW, AsyncCase, put, run, take


class AwaitTest(AsyncCase):
    def test_returns_what_the_function_does(self):
        var = TVar(7)
        self.assertEqual(run(atomically_async(var.get)), 7)
        self.assertIsNone(run(atomically_async(lambda: var.set(8))))
        self.assertEqual(atomically(var.get), 8)

    def test_waits_for_another_task(self):
        async def main():
            var = TVar()
            task = await self.task(lambda: take(var))
            await atomically_async(lambda: var.set("value"))
            self.assertEqual(await task, "value")

        run(main())

    def test_waits_for_a_thread(self):
        var, answer = TVar(), TVar()

        def echo():
            for _ in range(200):
                value = atomically(lambda: take(var))
                atomically(lambda: put(answer, value + 1))

        async def main():
            value = 0
            for _ in range(200):
                await atomically_async(lambda: put(var, value))
                value = await atomically_async(lambda: take(answer))
            return value

        thread = self.start(echo)
        self.assertEqual(run(main()), 200)
        self.join(thread)

    def test_lets_other_tasks_go_on(self):
        async def main():
            var, steps = TVar(), 0
            task = await self.task(lambda: take(var))
            for _ in range(10):
                await asyncio.sleep(0)
                steps += 1
            self.assertFalse(task.done())
            atomically(lambda: var.set(steps))
            self.assertEqual(await task, 10)

        run(main())

    def test_goes_on_waiting_where_the_change_does_not_help(self):
        async def main():
            var = TVar(0)
            task = await self.task(lambda: var.get() >= 5 or retry())
            for value in range(1, 6):
                self.assertFalse(task.done())
                atomically(lambda: var.set(value))
                await asyncio.sleep(0)
            self.assertIs(await task, True)

        run(main())

    def test_undoes_an_attempt_that_waits(self):
        async def main():
            var, written = TVar(), TVar(0)

            def body():
                written.set(written.get() + 1)
                return take(var)

            task = await self.task(body)
            self.assertEqual(atomically(written.get), 0)
            atomically(lambda: var.set(1))
            await task
            self.assertEqual(atomically(written.get), 1)

        run(main())

    def test_an_exception_undoes_it_and_propagates(self):
        async def main():
            var, written = TVar(), TVar(0)
            error = KeyError("key")

            def body():
                written.set(1)
                take(var)
                raise error

            task = await self.task(body)
            atomically(lambda: var.set(1))
            with self.assertRaises(KeyError) as caught:
                await task
            self.assertIs(caught.exception, error)
            self.assertEqual(atomically(written.get), 0)
            self.assertEqual(atomically(var.get), 1)

        run(main())

    def test_waits_on_what_every_branch_read(self):
        async def main():
            for awaited in range(3):
                places = [TVar() for _ in range(3)]
                branches = [lambda var=var: take(var) for var in places]
                task = await self.task(lambda: or_else(*branches))
                atomically(lambda: places[awaited].set(awaited))
                self.assertEqual(await task, awaited)

        run(main())

    def test_a_retry_that_is_swallowed_waits_nevertheless(self):
        async def main():
            var, written = TVar(), TVar(0)

            def body():
                with contextlib.suppress(BaseException):
                    take(var)
                written.set(1)

            task = await self.task(body)
            self.assertEqual(atomically(written.get), 0)
            atomically(lambda: var.set(1))
            await task
            self.assertEqual(atomically(written.get), 1)

        run(main())

    def test_a_retry_that_nothing_could_wake_is_an_error(self):
        with self.assertRaises(RuntimeError):
            run(atomically_async(retry))

    def test_the_function_is_an_ordinary_one(self):
        async def body():
            raise AssertionError("expected not to run")

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is never awaited
            with self.assertRaises(TypeError):
                run(atomically_async(body))
        with self.assertRaises(TypeError):
            run(atomically_async(5))

    def test_inside_a_transaction_is_an_error(self):
        async def main():
            def body():
                coroutine = atomically_async(lambda: 1)
                with contextlib.closing(coroutine):
                    coroutine.send(None)

            with self.assertRaises(RuntimeError):
                atomically(body)

        run(main())

    def test_without_a_running_loop_is_an_error(self):
        coroutine = atomically_async(lambda: 1)
        with self.assertRaises(RuntimeError):
            coroutine.send(None)

    def test_what_is_for_after_the_commit_runs_then(self):
        async def main():
            var, ran = TVar(), []

            def body():
                on_commit(lambda: ran.append(in_transaction()))
                return take(var)

            task = await self.task(body)
            self.assertEqual(ran, [])
            atomically(lambda: var.set(1))
            await task
            self.assertEqual(ran, [False])

        run(main())

    def test_a_finalizer_may_run_transactions(self):
        var, deaths = TVar(), TVar(0)

        class Mortal:
            def __del__(self):
                atomically(lambda: deaths.set(deaths.get() + 1))

        async def main():
            task = await self.task(lambda: var.get() == "end" or retry())
            for _ in range(50):
                mortal = Mortal()
                atomically(lambda: var.set(mortal))
                del mortal
                await asyncio.sleep(0)
            atomically(lambda: var.set("end"))
            await task

        run(main())
        gc.collect()
        self.assertEqual(atomically(deaths.get), 50)


class TimeTest(AsyncCase):
    def test_a_time_ends_the_wait(self):
        async def main():
            begin = time.monotonic()
            result = await atomically_async(lambda: elapsed(0.02) or retry())
            self.assertIs(result, True)
            self.assertGreaterEqual(time.monotonic() - begin, 0.02)
            moment = time.time() + 0.01
            await atomically_async(lambda: elapsed(time=moment) or retry())
            self.assertGreaterEqual(time.time(), moment)

        run(main())

    def test_a_change_ends_it_earlier(self):
        async def main():
            var = TVar()
            task = await self.task(
                lambda: or_else(
                    lambda: take(var), lambda: elapsed(3600) or retry()
                )
            )
            atomically(lambda: var.set("changed"))
            self.assertEqual(await task, "changed")

        run(main())

    def test_the_earlier_of_two_times_wins_however_late_the_loop_is(self):
        def after(seconds):
            return lambda: elapsed(seconds) and seconds or retry()

        async def main():
            task = asyncio.create_task(
                atomically_async(lambda: or_else(after(0.02), after(0.01)))
            )
            await asyncio.sleep(0)
            if task.done():
                self.skipTest("the machine is too slow")
            end = time.monotonic() + 0.05
            while time.monotonic() < end:
                pass
            self.assertEqual(await task, 0.01)

        run(main())

    def test_a_time_out_of_asyncio_withdraws_it(self):
        async def main():
            var = TVar()
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(
                    atomically_async(lambda: take(var)), 0.01
                )
            atomically(lambda: var.set(1))
            self.assertEqual(atomically(var.get), 1)

        run(main())


class CancelTest(AsyncCase):
    async def cancel(self, task):
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task

    def test_a_cancelled_task_takes_nothing(self):
        async def main():
            var = TVar()
            await self.cancel(await self.task(lambda: take(var)))
            before = stm.stats.read()["wakeups"]
            atomically(lambda: var.set(1))
            await asyncio.sleep(0)
            self.assertEqual(atomically(var.get), 1)
            if not SHAKEN:
                self.assertEqual(stm.stats.read()["wakeups"], before)

        run(main())

    def test_one_that_is_cancelled_as_it_is_woken_passes_it_on(self):
        async def main():
            var = TVar()
            for value in range(20):
                woken = await self.task(lambda: take(var))
                other = await self.task(lambda: take(var))
                atomically(lambda: var.set(value))
                await self.cancel(woken)
                self.assertEqual(await other, value)

        run(main())

    def test_others_go_on_when_all_that_were_woken_are_cancelled(self):
        async def main():
            var = TVar(0)
            tasks = [
                await self.task(lambda: var.get() or retry())
                for _ in range(20)
            ]
            atomically(lambda: var.set(1))
            for task in tasks[:10]:
                task.cancel()
            self.assertEqual(await asyncio.gather(*tasks[10:]), [1] * 10)
            for task in tasks[:10]:
                with self.assertRaises(asyncio.CancelledError):
                    await task

        run(main())

    def test_beside_a_thread_that_wakes(self):
        var, over = TVar(0), threading.Event()

        def change():
            while not over.is_set():
                atomically(lambda: var.set(var.get() + 1))

        async def main():
            for index in range(20 if SLOW else 100):
                seen = await atomically_async(var.get)
                tasks = [
                    asyncio.create_task(
                        atomically_async(
                            lambda: var.get() > seen + 3 or retry()
                        )
                    )
                    for _ in range(3)
                ]
                for _ in range(index % 4):
                    await asyncio.sleep(0)
                tasks[0].cancel()
                results = await asyncio.gather(*tasks, return_exceptions=True)
                self.assertEqual(results[1:], [True, True])

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        thread = self.start(change)
        try:
            run(main())
        finally:
            sys.setswitchinterval(interval)
            over.set()
            self.join(thread)

    def test_in_a_task_group(self):
        async def main():
            var, ended = TVar(), TList()

            async def child():
                try:
                    await atomically_async(lambda: take(var))
                finally:
                    atomically(lambda: ended.append(1))

            async def fail():
                await asyncio.sleep(0)
                raise ZeroDivisionError

            with self.assertRaises(ExceptionGroup):
                async with asyncio.TaskGroup() as group:
                    for _ in range(3):
                        group.create_task(child())
                    group.create_task(fail())
            self.assertEqual(atomically(lambda: len(ended)), 3)

        run(main())


if __name__ == "__main__":
    unittest.main()
