# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What awaiting transactions cost, and what becomes of them with their loop."""

import asyncio
import gc
import inspect
import queue
import select
import signal
import sysconfig
import unittest
import weakref

import stm.stats
from stm import TVar, _stm, atomically, atomically_async, retry
from support import Case, unless_forking_is_barred
from support_async import (
    SLOW,
    AsyncCase,
    Thing,
    descriptors,
    put,
    run,
    take,
    threads,
)


class CostTest(AsyncCase):
    def test_waiters_cost_no_thread_and_no_descriptor(self):
        count = 500 if SLOW else 10000
        gc.collect()
        var, open_before = TVar(), descriptors()

        async def main():
            running, inside = threads(), descriptors()
            tasks = [
                asyncio.create_task(atomically_async(lambda: take(var)))
                for _ in range(count)
            ]
            await asyncio.sleep(0)
            self.assertLessEqual(threads(), running)
            self.assertEqual(
                descriptors(), inside + 1, "expected one for the loop"
            )
            for value in range(count):
                await atomically_async(lambda: put(var, value))
            values = await asyncio.gather(*tasks)
            self.assertEqual(sorted(values), list(range(count)))
            self.assertEqual(descriptors(), inside)

        run(main())
        self.assertEqual(descriptors(), open_before)

    def test_a_change_that_concerns_all_reaches_them_all(self):
        count = 300 if SLOW else 3000
        var = TVar(0)

        async def main():
            tasks = [
                asyncio.create_task(
                    atomically_async(lambda: var.get() or retry())
                )
                for _ in range(count)
            ]
            await asyncio.sleep(0)
            atomically(lambda: var.set(3))
            self.assertEqual(await asyncio.gather(*tasks), [3] * count)

        run(main())


class LoopTest(AsyncCase):
    def test_several_loops_hand_values_around(self):
        count, rounds = 4, 20 if SLOW else 100
        places = [TVar() for _ in range(count)]

        async def hand_on(index):
            for _ in range(rounds):
                value = await atomically_async(lambda: take(places[index]))
                following = places[(index + 1) % count]
                await atomically_async(lambda: put(following, value + 1))

        async def main(indexes):
            await asyncio.gather(*map(hand_on, indexes))

        running = [
            self.start(lambda: run(main((0, 2)))),
            self.start(lambda: run(main((1, 3)))),
        ]
        atomically(lambda: places[0].set(0))
        self.join(*running)
        self.assertEqual(atomically(places[0].get), count * rounds)

    def test_one_after_the_other_in_one_thread(self):
        var = TVar()
        for value in range(20):

            async def main():
                task = await self.task(lambda: take(var))
                atomically(lambda: var.set(value))
                return await task

            self.assertEqual(run(main()), value)

    def pending(self, var):
        """A loop with a task that waits, and the task."""
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda *unused: None)
        task = loop.create_task(atomically_async(lambda: take(var)))
        loop.run_until_complete(asyncio.sleep(0))
        return loop, task

    def test_one_that_is_closed_leaves_nothing_behind(self):
        before, thing = descriptors(), Thing()
        loop, task = self.pending(TVar(None))
        task.thing = thing
        loop.close()
        reference = weakref.ref(thing)
        del loop, task, thing
        gc.collect()
        self.assertIsNone(reference(), "expected the task to be collected")
        self.assertEqual(descriptors(), before)

    def test_a_cycle_by_what_was_seen_is_collected(self):
        var, thing = TVar(), Thing()
        atomically(lambda: var.set(thing))
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda *unused: None)
        thing.task = loop.create_task(
            atomically_async(lambda: (var.get(), retry()))
        )
        loop.run_until_complete(asyncio.sleep(0))
        atomically(lambda: var.set(None))  # only the waiter has it now
        loop.close()
        reference = weakref.ref(thing)
        del loop, thing
        gc.collect()
        self.assertIsNone(reference(), "expected the value to be collected")

    def test_a_change_after_it_was_closed_does_no_harm(self):
        var = TVar()
        loop, task = self.pending(var)
        loop.close()
        atomically(lambda: var.set(1))
        self.assertFalse(task.done())
        task.get_coro().close()
        self.assertEqual(atomically(var.get), 1)

    def test_one_that_was_woken_after_it_was_closed_passes_it_on(self):
        var, results = TVar(), []
        loop, task = self.pending(var)
        loop.close()
        before = stm.stats.read()["retries"]
        thread = self.start(
            lambda: results.append(atomically(lambda: take(var)))
        )
        self.blocked(1, before)
        atomically(lambda: var.set("value"))
        task.get_coro().close()
        self.join(thread)
        self.assertEqual(results, ["value"])

    def test_a_coroutine_that_is_dropped_withdraws(self):
        var, before = TVar(), descriptors()

        async def main():
            coroutine = atomically_async(lambda: take(var))
            coroutine.send(None)
            del coroutine
            atomically(lambda: var.set(1))
            await asyncio.sleep(0)

        run(main())
        self.assertEqual(atomically(var.get), 1)
        self.assertEqual(descriptors(), before)

    def test_a_coroutine_that_is_dropped_in_a_transaction_withdraws(self):
        var, before = TVar(), descriptors()
        value = Thing()
        reference = weakref.ref(value)
        atomically(lambda: var.set(value))
        del value

        async def main():
            coroutines = [atomically_async(lambda: (var.get(), retry()))]
            coroutines[0].send(None)

            def body():
                var.set(None)
                coroutines.clear()

            atomically(body)

        run(main())
        self.assertIsNone(reference(), "expected what it saw to be released")
        self.assertEqual(descriptors(), before)

    def test_coroutines_that_other_threads_drop_withdraw(self):
        var, dropped = TVar(), queue.SimpleQueue()
        rounds = 500 if SLOW else 20000

        def drop():
            for coroutine in iter(dropped.get, None):
                coroutine.close()

        async def main():
            before = descriptors()
            threads = [self.start(drop) for _ in range(2)]
            task = await self.task(lambda: take(var))
            for _ in range(rounds):
                coroutine = atomically_async(lambda: (var.get(), retry()))
                coroutine.send(None)
                dropped.put(coroutine)
                del coroutine
            for _ in threads:
                dropped.put(None)
            while any(thread.is_alive() for thread in threads):
                await asyncio.sleep(0)
            self.join(*threads)
            await asyncio.sleep(0)
            atomically(lambda: var.set("value"))
            self.assertEqual(await task, "value")
            self.assertEqual(descriptors(), before)

        run(main())

    def test_a_loop_that_stops_and_goes_on_is_told(self):
        var = TVar()
        loop, task = self.pending(var)
        atomically(lambda: var.set("value"))
        self.assertEqual(loop.run_until_complete(task), "value")
        loop.close()

    def test_a_task_that_nobody_else_knows_goes_on(self):
        var, results = TVar(), []

        async def main():
            async def note():
                results.append(await atomically_async(lambda: take(var)))

            asyncio.create_task(note())
            await asyncio.sleep(0)
            gc.collect()
            atomically(lambda: var.set("value"))
            while not results:
                await asyncio.sleep(0)

        run(main())
        self.assertEqual(results, ["value"])


class InsideTest(Case):
    def test_a_call_without_a_loop(self):
        var, wakeups = TVar(), _stm.Wakeups()
        call = _stm.AsyncCall(lambda: take(var), wakeups)
        with self.assertRaises(RuntimeError):
            call.result()
        with self.assertRaises(RuntimeError):
            call.timeout()
        number = call.step()
        self.assertGreater(number, 0)
        self.assertIsNone(call.timeout())
        self.assertEqual(wakeups.take(), [])
        atomically(lambda: var.set("value"))
        self.assertEqual(call.timeout(), 0)
        self.assertEqual(wakeups.take(), [number])
        self.assertEqual(wakeups.take(), [])
        self.assertEqual(call.step(), 0)
        self.assertEqual(call.result(), "value")
        call.withdraw()
        for method in (call.step, call.timeout):
            with self.assertRaises(RuntimeError):
                method()

    def test_the_descriptor_tells_of_what_came_before_it_was_open(self):
        var, wakeups = TVar(), _stm.Wakeups()
        calls = [_stm.AsyncCall(lambda: take(var), wakeups) for _ in range(2)]
        numbers = [call.step() for call in calls]
        atomically(lambda: var.set(1))
        for ready in ([numbers[0]], [], [numbers[1]]):
            descriptor = wakeups.open()
            with self.assertRaises(RuntimeError):
                wakeups.open()
            self.assertEqual(
                select.select([descriptor], [], [], 0)[0],
                [descriptor] if ready else [],
            )
            self.assertEqual(wakeups.take(), ready)
            self.assertEqual(select.select([descriptor], [], [], 0)[0], [])
            wakeups.close()
            if not ready:
                calls[0].withdraw()

    def test_a_call_needs_wakeups(self):
        with self.assertRaises(TypeError):
            _stm.AsyncCall(int, None)
        with self.assertRaises(TypeError):
            _stm.Wakeups(1)

    @unittest.skipUnless(
        sysconfig.get_config_var("WITH_DOC_STRINGS"), "built without docstrings"
    )
    def test_signatures(self):
        for function in (
            atomically_async,
            _stm.AsyncCall,
            _stm.AsyncCall.step,
            _stm.AsyncCall.timeout,
            _stm.AsyncCall.result,
            _stm.AsyncCall.withdraw,
            _stm.Wakeups,
            _stm.Wakeups.open,
            _stm.Wakeups.take,
            _stm.Wakeups.close,
        ):
            inspect.signature(function)
            self.assertTrue(function.__doc__)


class ProcessTest(AsyncCase):
    def test_ctrl_c_ends_the_wait(self):
        _, errors, took = self.script(
            """
            import asyncio, stm
            var = stm.TVar()
            async def main():
                asyncio.get_running_loop().call_soon(
                    lambda: print("waiting", flush=True)
                )
                await stm.atomically_async(lambda: var.get() or stm.retry())
            asyncio.run(main())
            """,
            status=-signal.SIGINT,
            signal_after="waiting",
            signal=signal.SIGINT,
        )
        self.assertIn("KeyboardInterrupt", errors)
        self.assertLess(took, 30)

    def test_an_interrupt_in_the_function_propagates(self):
        def body():
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            asyncio.run(atomically_async(body))

    def test_tasks_that_wait_do_not_hold_the_exit_up(self):
        _, errors, took = self.script(
            """
            import asyncio, stm
            var = stm.TVar()
            loop = asyncio.new_event_loop()
            loop.set_exception_handler(lambda *unused: None)
            tasks = [
                loop.create_task(
                    stm.atomically_async(lambda: var.get() or stm.retry())
                )
                for _ in range(10)
            ]
            loop.run_until_complete(asyncio.sleep(0))
            stm.atomically(lambda: var.set(1))
            """
        )
        self.assertNotIn("Traceback", errors)
        self.assertLess(took, 30)

    @unless_forking_is_barred
    def test_a_forked_child_leaves_its_parents_tasks_alone(self):
        output, errors, _ = self.script(
            """
            import asyncio, gc, os, stm, warnings
            warnings.simplefilter("ignore")  # newer ones warn of threads
            var, other = stm.TVar(), stm.TVar()
            def take(var):
                value = var.get()
                if value is None:
                    stm.retry()
                var.set(None)
                return value
            async def hand_over(value):
                task = asyncio.create_task(
                    stm.atomically_async(lambda: take(var))
                )
                await asyncio.sleep(0)
                stm.atomically(lambda: var.set(value))
                return await task
            async def main():
                task = asyncio.create_task(
                    stm.atomically_async(lambda: take(var))
                )
                late = stm.atomically_async(lambda: take(other))
                late.send(None)
                await asyncio.sleep(0)
                child = os.fork()
                if child == 0:
                    late.close()
                    task.get_coro().close()
                    print(asyncio.run(hand_over("child")), flush=True)
                    os._exit(0)
                print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
                stm.atomically(lambda: var.set("parent"))
                print(await task)
                late.close()
            asyncio.run(main())
            """
        )
        self.assertEqual(output, "child\n0\nparent\n")
        self.assertEqual(errors, "")


if __name__ == "__main__":
    unittest.main()
