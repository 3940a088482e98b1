# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Futures and executors inside transactions."""

import concurrent.futures
import threading
import unittest

import stm.stats
from stm import TVar, atomically, in_transaction, or_else, retry
from stm.datatypes import Full, TList, TPriorityQueue
from stm.futures import Future
from stm.utils import atomically_watch, wait_until, would_block
from support import LIMIT, Notes
from support_futures import ExecutorCase, counted, undone


class SubmitTest(ExecutorCase):
    def test_takes_effect_with_the_commit(self):
        executor, seen = self.executor(1), []

        def body():
            futures = [executor.submit(seen.append, i) for i in range(3)]
            self.assertEqual(executor.stats().scheduled, 3)
            self.assertFalse(any(future.done() for future in futures))
            self.assertEqual(seen, [])
            return futures

        futures = atomically(body)
        concurrent.futures.wait(futures, LIMIT)
        self.assertEqual(seen, [0, 1, 2])

    def test_an_abort_submits_nothing(self):
        executor, seen, lost = self.executor(1), [], []
        undone(lambda: lost.append(executor.submit(seen.append, "lost")))
        executor.submit(seen.append, "kept").result(LIMIT)
        self.assertEqual(seen, ["kept"])
        self.assertEqual(executor.stats().scheduled, 1)
        self.assertTrue(all(future.cancelled() for future in lost))

    def test_an_attempt_that_runs_again_submits_once(self):
        executor, var, seen = self.executor(2), TVar(0), []
        before = stm.stats.read()["retries"]

        def body():
            future = executor.submit(seen.append, 1)
            if var.get() == 0:
                retry()
            return future

        thread = self.start(lambda: atomically(body).result(LIMIT))
        self.blocked(1, before)
        atomically(lambda: var.set(1))
        self.join(thread)
        self.assertEqual(seen, [1])
        self.assertEqual(executor.stats().scheduled, 1)

    def test_or_else_takes_back_what_its_first_branch_submitted(self):
        executor, seen = self.executor(1), []

        def first():
            executor.submit(seen.append, "first")
            retry()

        future = atomically(
            lambda: or_else(first, lambda: executor.submit(seen.append, "2nd"))
        )
        future.result(LIMIT)
        executor.shutdown()
        self.assertEqual(seen, ["2nd"])

    def test_the_result_of_the_same_attempt_cannot_be_had(self):
        executor = self.executor(1)
        for wait in (
            lambda future: future.result(),
            lambda future: future.exception(),
            lambda future: atomically(future.result),
            lambda future: or_else(future.result, lambda: None),
        ):
            with self.assertRaises(RuntimeError):
                atomically(lambda: wait(executor.submit(int)))
        self.assertEqual(executor.stats().scheduled, 0)

    def test_its_result_can_be_had_by_whoever_sees_it(self):
        executor, var = self.executor(1), TVar(None)

        def take():
            future = var.get()
            if future is None:
                retry()
            var.set(None)
            return future

        # Before the thread that submits has left its transaction, perhaps.
        def see():
            for i in range(300):
                future = atomically(lambda: var.get() or retry())
                found = atomically(lambda: take().result())
                self.assertEqual((found, future.result(0)), (i, i))

        thread = self.start(see)
        for i in range(300):

            def body():
                wait_until(lambda: var.get() is None, LIMIT)
                var.set(executor.submit(int, i))

            atomically(body)
        self.join(thread)

    def test_to_several_executors_is_all_or_nothing(self):
        roomy = self.executor(1)
        full = self.executor(1, capacity=1, rejection="reject")
        go, seen = self.occupy(full), []
        full.submit(int)

        def body():
            roomy.submit(seen.append, 1)
            full.submit(seen.append, 2)

        with self.assertRaises(Full):
            atomically(body)
        self.assertEqual(roomy.stats().scheduled, 0)
        go.set()
        counted(full, queued=0, running=0)
        atomically(body)
        roomy.shutdown()
        full.shutdown()
        self.assertCountEqual(seen, [1, 2])

    def test_to_the_first_executor_that_has_room(self):
        executors = [self.executor(1, capacity=1) for _ in range(3)]
        goes = [self.occupy(executor) for executor in executors]

        def submit():
            return or_else(
                *(lambda e=e: (e.submit(int), e)[1] for e in executors)
            )

        self.assertEqual(
            [atomically(submit) for _ in range(3)], executors
        )
        self.assertTrue(atomically(lambda: would_block(submit)))
        goes[1].set()
        counted(executors[1], queued=0, running=0)
        self.assertIs(atomically(submit), executors[1])

    def test_after_shutdown_raises_and_shutdown_can_be_undone(self):
        executor = self.executor(1)

        def body():
            executor.shutdown(wait=False)
            executor.submit(int)

        with self.assertRaises(RuntimeError):
            atomically(body)
        self.assertEqual(executor.submit(int).result(LIMIT), 0)

    def test_shutdown_cannot_wait_inside(self):
        executor = self.executor(1)
        executor.submit(int).result(LIMIT)
        with self.assertRaises(RuntimeError):
            atomically(executor.shutdown)
        self.assertEqual(executor.submit(int).result(LIMIT), 0)


class ResultTest(ExecutorCase):
    def test_is_waited_for(self):
        executor, var = self.executor(1), TVar(0)
        go, before = self.occupy(executor), stm.stats.read()["retries"]
        future = executor.submit(pow, 2, 5)

        def body():
            var.value += 1
            return future.result(), future.exception(), var.value

        found = []
        thread = self.start(lambda: found.append(atomically(body)))
        self.blocked(1, before)
        go.set()
        self.join(thread)
        self.assertEqual(found, [(32, None, 1)])

    def test_that_is_an_exception_aborts(self):
        future, var = self.executor(1).submit(divmod, 1, 0), TVar(0)

        def body():
            var.value += 1
            return future.result()

        with self.assertRaises(ZeroDivisionError):
            atomically(body)
        self.assertEqual(atomically(var.get), 0)
        self.assertIsInstance(
            atomically(lambda: future.exception()), ZeroDivisionError
        )

    def test_of_a_cancelled_one_raises(self):
        future = Future()
        future.cancel()
        for wait in future.result, future.exception:
            with self.assertRaises(concurrent.futures.CancelledError):
                atomically(wait)

    def test_the_first_of_several(self):
        executor = self.executor(3)
        goes = [threading.Event() for _ in range(3)]
        futures = [executor.submit(go.wait, LIMIT) for go in goes]
        for go in goes:
            self.addCleanup(go.set)

        def first():
            branches = (
                lambda i=i: futures[i].result() and i for i in range(3)
            )
            return or_else(*branches)

        before, found = stm.stats.read()["retries"], []
        thread = self.start(lambda: found.append(atomically(first)))
        self.blocked(1, before)
        goes[1].set()
        self.join(thread)
        self.assertEqual(found, [1])
        goes[0].set()
        futures[0].result(LIMIT)
        self.assertEqual(atomically(first), 0)

    def test_or_something_else_at_once(self):
        future = Future()
        self.assertEqual(
            atomically(lambda: or_else(future.result, lambda: "pending")),
            "pending",
        )
        self.assertTrue(atomically(lambda: would_block(future.result)))
        future.set_result("done")
        self.assertEqual(
            atomically(lambda: or_else(future.result, lambda: "pending")),
            "done",
        )

    def test_with_a_timeout(self):
        future = Future()
        with self.assertRaises(concurrent.futures.TimeoutError):
            atomically(lambda: future.result(0))
        with self.assertRaises(concurrent.futures.TimeoutError):
            atomically(lambda: future.exception(timeout=0.001))
        future.set_result(1)
        self.assertEqual(atomically(lambda: future.result(0)), 1)

    def test_state_can_be_watched(self):
        executor, seen = self.executor(1), Notes()
        go = self.occupy(executor)
        future = executor.submit(int)
        watcher = atomically_watch(
            lambda: (future.running(), future.done(), future.cancelled()),
            seen.append,
        )
        go.set()
        future.result(LIMIT)
        watcher.cancel()
        self.assertEqual(
            seen,
            [(False, False, False), (True, False, False), (False, True, False)],
        )

    def test_all_of_many(self):
        executor = self.executor(3)
        futures = [executor.submit(pow, i, 2) for i in range(100)]
        self.assertEqual(
            atomically(lambda: sum(future.result() for future in futures)),
            sum(i * i for i in range(100)),
        )

    def test_ending_one_by_hand_wakes_transactions(self):
        future, before = Future(), stm.stats.read()["retries"]
        found = []
        thread = self.start(lambda: found.append(atomically(future.result)))
        self.blocked(1, before)
        future.set_result("by hand")
        self.join(thread)
        self.assertEqual(found, ["by hand"])


class CancelTest(ExecutorCase):
    def test_belongs_to_the_transaction(self):
        executor, seen = self.executor(1), []
        go = self.occupy(executor)
        future = executor.submit(seen.append, 1)

        def body():
            self.assertTrue(future.cancel())
            self.assertTrue(future.cancelled())

        undone(body)
        self.assertFalse(future.cancelled())
        go.set()
        future.result(LIMIT)
        self.assertEqual(seen, [1])

    def test_all_or_none(self):
        executor, seen = self.executor(1), []
        begun, go = threading.Event(), threading.Event()
        running = executor.submit(lambda: begun.set() or go.wait(LIMIT))
        self.addCleanup(go.set)
        waiting = executor.submit(seen.append, 1)
        self.assertTrue(begun.wait(LIMIT))

        def both():
            if not (waiting.cancel() and running.cancel()):
                raise KeyError

        with self.assertRaises(KeyError):
            atomically(both)
        go.set()
        waiting.result(LIMIT)
        self.assertEqual(seen, [1])

    def test_callbacks_wait_for_the_commit(self):
        future, seen = Future(), []
        future.add_done_callback(lambda f: seen.append(in_transaction()))
        undone(future.cancel)
        self.assertEqual(seen, [])
        atomically(lambda: self.assertTrue(future.cancel() and seen == []))
        self.assertEqual(seen, [False])

    def test_what_the_same_attempt_submitted(self):
        executor, seen = self.executor(1), []

        def body():
            future = executor.submit(seen.append, 1)
            self.assertTrue(future.cancel())
            return future

        future = atomically(body)
        self.assertTrue(future.cancelled())
        executor.submit(int).result(LIMIT)
        self.assertEqual(seen, [])


class CountsTest(ExecutorCase):
    def test_future_and_counts_change_in_one_commit(self):
        executor, wrong = self.executor(2), Notes()
        go = self.occupy(executor, 2)
        futures = [executor.submit(int) for _ in range(50)]
        futures += [executor.submit(divmod, 1, 0) for _ in range(50)]

        def differs():
            stats = executor.stats()
            ended = sum(f.done() and not f.cancelled() for f in futures)
            running = sum(future.running() for future in futures)
            cancelled = sum(future.cancelled() for future in futures)
            queued = len(futures) - ended - running - cancelled
            # Two tasks are not among those futures.
            others = stats.finished + stats.running - ended - running
            right = (others, stats.queued) == (2, queued)
            return not right, stats, ended, running, cancelled

        def check(found):
            if found[0]:
                wrong.append(found)

        watcher = atomically_watch(differs, check)
        for future in futures[::10]:
            future.cancel()
        go.set()
        concurrent.futures.wait(futures, LIMIT)
        counted(executor, running=0)
        watcher.cancel()
        self.assertEqual(wrong, [])
        for future in futures:
            future.cancelled() or future.exception()

    def test_threads_move_from_one_executor_to_another(self):
        one, two, wrong = self.executor(4), self.executor(4), Notes()

        def total():
            return one.stats().max + two.stats().max

        watcher = atomically_watch(
            lambda: total() == 8, lambda same: same or wrong.append(total())
        )

        def move(count):
            source, target = (one, two) if count > 0 else (two, one)
            source.resize(source.stats().max - abs(count))
            target.resize(target.stats().max + abs(count))

        for count in 3, -2, 1, -4:
            atomically(lambda: move(count))
            one.submit(int).result(LIMIT)
            two.submit(int).result(LIMIT)
        undone(lambda: move(3))
        self.assertEqual((one.stats().max, two.stats().max), (6, 2))
        watcher.cancel()
        self.assertEqual(wrong, [])

    def test_pause_and_resume_belong_to_the_transaction(self):
        executor, seen = self.executor(1), []
        undone(executor.pause)
        executor.submit(seen.append, 0).result(LIMIT)

        def body():
            executor.pause()
            return executor.submit(seen.append, 1)

        future = atomically(body)
        undone(executor.resume)
        self.assertFalse(future.done())
        self.assertTrue(executor.stats().paused)
        executor.resume()
        future.result(LIMIT)
        self.assertEqual(seen, [0, 1])

    def test_tasks_are_a_container_like_any_other(self):
        executor, seen = self.executor(1), []
        self.assertIsInstance(executor.tasks, TList)
        go = self.occupy(executor)
        futures = [executor.submit(seen.append, i) for i in range(4)]
        atomically(executor.tasks.reverse)
        go.set()
        concurrent.futures.wait(futures, LIMIT)
        self.assertEqual(seen, [3, 2, 1, 0])
        atomically(lambda: executor.tasks.append(lambda: seen.append("bare")))
        executor.shutdown()
        self.assertEqual(seen[4:], ["bare"])

    def test_two_executors_may_work_on_one_list(self):
        tasks, seen = TList(), []
        one = self.executor(1, tasks=tasks)
        two = self.executor(1, tasks=tasks)
        goes = self.occupy(one), self.occupy(two)
        futures = [one.submit(seen.append, i) for i in range(5)]
        goes[1].set()
        concurrent.futures.wait(futures, LIMIT)
        self.assertEqual(seen, list(range(5)))
        goes[0].set()

    def test_a_change_of_priority_belongs_to_the_transaction(self):
        executor = self.executor(1, tasks=TPriorityQueue())
        go, seen = self.occupy(executor), []

        def body():
            executor.schedule(seen.append, [1], priority=1)
            executor.schedule(seen.append, [-1], priority=-1)
            return executor.schedule(seen.append, [0])

        undone(body)
        future = atomically(body)
        self.assertEqual(executor.stats().queued, 3)
        go.set()
        future.result(LIMIT)
        executor.shutdown()
        self.assertEqual(seen, [-1, 0, 1])


class RandomTest(ExecutorCase):
    def test_each_task_of_a_transaction_runs_once_or_not_at_all(self):
        executor, turns = self.executor(3), TVar(0)
        ran, lock = {}, threading.Lock()

        def task(key):
            with lock:
                ran[key] = ran.get(key, 0) + 1

        def submitter(number):
            for i in range(40):

                def body():
                    turns.value += 1
                    futures = [
                        executor.submit(task, (number, i, k)) for k in range(3)
                    ]
                    if i % 4 == 0:
                        futures[1].cancel()
                    return futures

                if i % 5 == 0:
                    undone(body)
                else:
                    atomically(body)

        self.join(*(self.start(submitter, number) for number in range(3)))
        executor.shutdown()
        expected = {
            (number, i, k): 1
            for number in range(3)
            for i in range(40)
            for k in range(3)
            if i % 5 != 0 and not (i % 4 == 0 and k == 1)
        }
        self.assertEqual(ran, expected)
        self.assertEqual(atomically(turns.get), 3 * 32)
        wait_until(lambda: executor.stats().live == 0, LIMIT)


if __name__ == "__main__":
    unittest.main()
