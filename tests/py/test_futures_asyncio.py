# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""The executor and its futures with asyncio."""

import asyncio
import contextvars
import threading
import unittest

from stm import TVar, atomically, atomically_async, retry
from stm.futures import Future
from support_async import run
from support_futures import ExecutorCase

name = contextvars.ContextVar("name", default="nobody")


class AsyncioTest(ExecutorCase):
    def test_run_in_executor(self):
        executor = self.executor(3)

        async def main():
            loop = asyncio.get_running_loop()
            results = await asyncio.gather(
                *(loop.run_in_executor(executor, pow, i, 2) for i in range(50))
            )
            self.assertEqual(results, [i * i for i in range(50)])
            with self.assertRaises(ZeroDivisionError):
                await loop.run_in_executor(executor, divmod, 1, 0)

        run(main())

    def test_run_in_executor_has_the_task_s_context(self):
        executor = self.executor(1)

        async def ask(value):
            name.set(value)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(executor, name.get)

        async def main():
            return await asyncio.gather(ask("one"), ask("two"))

        self.assertEqual(run(main()), ["one", "two"])

    def test_wrap_future(self):
        executor = self.executor(1)

        async def main():
            future = executor.submit(pow, 3, 2)
            self.assertEqual(await asyncio.wrap_future(future), 9)
            self.assertEqual(await asyncio.wrap_future(future), 9)
            future = Future()
            waiter = asyncio.ensure_future(asyncio.wrap_future(future))
            await asyncio.sleep(0)
            thread = self.start(future.set_exception, KeyError(1))
            with self.assertRaises(KeyError):
                await waiter
            self.join(thread)

        run(main())

    def test_cancelling_goes_both_ways(self):
        executor = self.executor(1)
        go = self.occupy(executor)

        async def main():
            future = executor.submit(int)
            waiter = asyncio.wrap_future(future)
            waiter.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await waiter
            await asyncio.sleep(0)  # the loop tells what it wraps
            self.assertTrue(future.cancelled())
            future = executor.submit(int)
            waiter = asyncio.wrap_future(future)
            self.assertTrue(future.cancel())
            with self.assertRaises(asyncio.CancelledError):
                await waiter

        run(main())
        go.set()

    def test_a_loop_that_waits_goes_on(self):
        executor, go = self.executor(1), threading.Event()

        async def main():
            loop = asyncio.get_running_loop()
            future = loop.run_in_executor(executor, go.wait)
            for _ in range(10):
                await asyncio.sleep(0)
            self.assertFalse(future.done())
            go.set()
            self.assertTrue(await future)

        run(main())

    def test_a_coroutine_submitted_to_a_loop_by_a_task(self):
        executor = self.executor(1)

        async def answer():
            return threading.get_ident()

        async def main():
            loop = asyncio.get_running_loop()
            here = await loop.run_in_executor(
                executor,
                lambda: asyncio.run_coroutine_threadsafe(
                    answer(), loop
                ).result(),
            )
            self.assertEqual(here, threading.get_ident())

        run(main())

    def test_an_asynchronous_transaction_waits_for_a_future(self):
        executor, var = self.executor(1), TVar(0)
        go = self.occupy(executor)

        async def main():
            future = executor.submit(pow, 2, 3)

            def body():
                var.value = future.result()
                return var.value

            waiter = asyncio.ensure_future(atomically_async(body))
            other = asyncio.ensure_future(
                atomically_async(lambda: var.value or retry())
            )
            await asyncio.sleep(0)
            go.set()
            self.assertEqual(await asyncio.gather(waiter, other), [8, 8])

        run(main())
        self.assertEqual(atomically(var.get), 8)


if __name__ == "__main__":
    unittest.main()
