# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""AdaptiveThreadPool: what runs, and how many threads it has."""

import functools
import pathlib
import re
import subprocess
import sys
import threading
import unittest

import stm
from stm import TVar, _monitor, atomically, or_else, watch
from stm.adaptive import (
    POLICY_AGGRESSIVE,
    POLICY_BALANCED,
    POLICY_CONSERVATIVE,
    AdaptiveThreadPool,
)
from stm.datatypes import TList
from stm.utils import wait_until, would_block
from support import LIMIT
from support_adaptive import AdaptiveCase

HERE = pathlib.Path(__file__).resolve().parent
MANUAL = HERE.parents[1] / "pymod" / "stm" / "adaptive.md"
SINGLE = dict(min_threads=1, soft_limit=1, max_threads=1, hard_limit=1)
SMALL = dict(min_threads=2, soft_limit=4, max_threads=6, hard_limit=8)


class TasksTest(AdaptiveCase):
    """What is submitted runs, and in which order."""

    def test_a_task_has_a_result(self):
        pool = self.pool()
        self.assertEqual(pool.submit(pow, args=(2, 5)).result(LIMIT), 32)
        by_name = pool.submit(int, ("ff",), kwargs={"base": 16})
        self.assertEqual(by_name.result(LIMIT), 255)

    def test_what_a_task_raises_is_its_futures(self):
        future = self.pool().submit(lambda: 1 / 0)
        with self.assertRaises(ZeroDivisionError):
            future.result(LIMIT)

    def test_lower_priorities_go_first(self):
        pool, gate, seen = self.pool(**SINGLE), self.gate(), TList()
        pool.submit(gate)
        gate.wait(1)
        for name, priority in (("b", 5), ("c", 5), ("d", 10), ("a", -1)):
            body = functools.partial(seen.append, name)
            pool.submit(atomically, (body,), priority=priority)
        gate.release()
        pool.shutdown()
        self.assertEqual(atomically(lambda: list(seen)), list("abcd"))

    def test_a_critical_task_overtakes_a_full_queue(self):
        pool, gate, seen = self.pool(**SINGLE), self.gate(), TList()
        pool.submit(gate)
        gate.wait(1)
        for number in range(127):
            pool.submit(atomically, (functools.partial(seen.append, number),))
        body = functools.partial(seen.append, "critical")
        pool.submit(atomically, (body,), priority=-1)
        gate.release()
        pool.shutdown()
        self.assertEqual(
            atomically(lambda: list(seen)), ["critical", *range(127)]
        )

    def test_128_tasks_are_queued_and_then_submit_waits(self):
        pool, gate = self.pool(), self.gate()
        self.loaded(pool, gate, 2 + 128)
        gate.wait(2)
        self.assertEqual(pool.get_metrics()["queue_depth"], 128)
        blocked = atomically(lambda: would_block(lambda: pool.submit(int)))
        self.assertTrue(blocked)
        before = stm.stats.read()["retries"]
        done = threading.Event()
        thread = self.start(lambda: (pool.submit(gate), done.set()))
        self.blocked(1, before)
        self.assertFalse(done.is_set())
        gate.release()
        self.join(thread)
        pool.shutdown()
        self.assertEqual(pool.get_metrics()["total_completed"], 131)

    def test_who_waits_for_room_holds_nobody_up(self):
        """Not the interpreter either: others run Python meanwhile."""
        pool, gate = self.pool(), self.gate()
        self.loaded(pool, gate, 130)
        before = stm.stats.read()["retries"]
        threads = [self.start(pool.submit, int) for _ in range(3)]
        self.blocked(3, before)
        self.assertEqual(sum(range(10000)), 49995000)
        gate.release()
        self.join(*threads)

    def test_a_transaction_submits_when_it_commits(self):
        pool, seen = self.pool(), TList()

        def body(fails):
            future = pool.submit(atomically, (lambda: seen.append(fails),))
            if fails:
                raise KeyError
            return future

        with self.assertRaises(KeyError):
            atomically(lambda: body(True))
        atomically(lambda: body(False)).result(LIMIT)
        self.assertEqual(atomically(lambda: list(seen)), [False])
        self.assertEqual(pool.get_metrics()["total_submitted"], 1)

    def test_what_does_not_fit_can_go_to_another_pool(self):
        one, two, gate = self.pool(), self.pool(), self.gate()
        self.loaded(one, gate, 130)
        gate.wait(2)
        future = atomically(
            lambda: or_else(
                lambda: one.submit(pow, (2, 3)), lambda: two.submit(pow, (3, 2))
            )
        )
        self.assertEqual(future.result(LIMIT), 9)

    def test_shutdown_drains_the_queue_and_joins_every_thread(self):
        pool, seen = self.pool(), TList()
        before = threading.active_count()
        for number in range(120):
            pool.submit(atomically, (lambda n=number: seen.append(n),))
        pool.shutdown(wait=True)
        self.assertEqual(
            sorted(atomically(lambda: list(seen))), list(range(120))
        )
        metrics = pool.get_metrics()
        self.assertEqual(metrics["total_completed"], 120)
        self.assertEqual(metrics["current_threads"], 0)
        self.assertLessEqual(threading.active_count(), before)
        with self.assertRaises(RuntimeError):
            pool.submit(int)

    def test_shutdown_need_not_wait(self):
        pool, gate = self.pool(), self.gate()
        futures = self.loaded(pool, gate, 5)
        pool.shutdown(wait=False)
        self.assertFalse(any(future.done() for future in futures))
        with self.assertRaises(RuntimeError):
            pool.submit(int)
        gate.release()
        for future in futures:
            future.result(LIMIT)
        pool.wait(current_threads=0)

    def test_a_with_block_ends_in_a_shutdown(self):
        with self.pool() as pool:
            future = pool.submit(int)
        self.assertTrue(future.done())
        self.assertEqual(pool.get_metrics()["current_threads"], 0)


class SizeTest(AdaptiveCase):
    """How many threads there are."""

    def test_the_least_number_is_there_from_the_beginning_and_stays(self):
        pool = self.pool(min_threads=3)
        self.assertEqual(pool.get_metrics()["current_threads"], 3)
        pool.look(times=100)
        self.assertEqual(pool.get_metrics()["current_threads"], 3)

    def test_a_pool_without_a_least_number_has_none_until_there_is_a_task(self):
        pool = self.pool(min_threads=0)
        self.assertEqual(pool.get_metrics()["current_threads"], 0)
        self.assertEqual(pool.submit(int).result(LIMIT), 0)

    def grown(self):
        """Pools of each policy that have grown under load, and their gates."""
        for policy in (
            POLICY_CONSERVATIVE,
            POLICY_BALANCED,
            POLICY_AGGRESSIVE,
        ):
            pool, gate = self.pool(policy=policy, **SMALL), self.gate()
            self.loaded(pool, gate, 50)
            gate.wait(2)
            pool.look(times=50)
            gate.wait(6)
            yield pool, gate

    def test_grows_while_tasks_are_queued(self):
        for pool, _ in self.grown():
            self.assertEqual(pool.get_metrics()["current_threads"], 6)

    def test_never_more_tasks_run_than_the_limits_allow(self):
        pool, gate = self.pool(policy=POLICY_AGGRESSIVE, **SMALL), self.gate()
        most = TVar(0)

        def task():
            @atomically
            def _():
                gate.inside.value += 1
                most.value = max(most.value, gate.inside.value)

            @atomically
            def _():
                gate.inside.value -= 1

        for _ in range(40):
            for _ in range(10):
                pool.submit(task)
            pool.look()
            self.assertLessEqual(pool.get_metrics()["current_threads"], 6)
        pool.shutdown()
        self.assertLessEqual(atomically(most.get), 6)

    def test_tasks_that_wait_for_tasks_are_counted_against_the_hard_limit(self):
        pool, gate = self.pool(policy=POLICY_AGGRESSIVE, **SMALL), self.gate()
        inner = pool.submit(gate, priority=1)
        gate.wait(1)
        outer = [pool.submit(inner.result) for _ in range(4)]
        wait_until(lambda: pool._pool.counts().waiting == 4, LIMIT)
        self.loaded(pool, gate, 50)
        pool.look(times=50)
        # Four wait, and four is what remains of eight.
        self.assertEqual(pool.limit, 4)
        pool.wait(current_threads=8)
        gate.release()
        for future in outer:
            future.result(LIMIT)

    def test_the_hard_limit_holds_at_every_commit(self):
        pool = self.pool(policy=POLICY_AGGRESSIVE, **SMALL)
        most = TVar(0)
        workers = pool._executor._pool

        def note(live):
            most.value = max(most.value, live)

        watcher = atomically(lambda: watch(lambda: workers.live_threads, note))

        def outer():
            return pool.submit(int, priority=-1).result()

        for _ in range(40):
            futures = [pool.submit(outer) for _ in range(4)]
            futures += [pool.submit(sum, ((1, 2),)) for _ in range(20)]
            pool.look()
            for future in futures:
                future.result(LIMIT)
        atomically(watcher.cancel)
        self.assertGreater(atomically(most.get), 2)
        self.assertLessEqual(atomically(most.get), 8)

    def test_where_all_threads_wait_there_is_one_more(self):
        pool, gate = self.pool(**SMALL), self.gate()

        def outer():
            pool.submit(gate, priority=1).result()

        @atomically
        def futures():
            return [pool.submit(outer) for _ in range(8)]

        gate.wait(1)
        counts = pool._pool.counts()
        self.assertEqual((counts.waiting, counts.live), (8, 9))
        gate.release()
        for future in futures:
            future.result(LIMIT)

    def test_shrinks_when_the_load_is_over(self):
        for pool, gate in self.grown():
            gate.release()
            pool.wait(active_threads=0, queue_depth=0, current_threads=6)
            pool.look(times=200)
            self.assertEqual(pool.limit, 2)
            pool.wait(current_threads=2)

    def test_stays_at_the_soft_limit_without_overload(self):
        pool, gate = self.pool(policy=POLICY_BALANCED, **SMALL), self.gate()
        self.loaded(pool, gate, 4 + 7)
        gate.wait(2)
        pool.look(times=50)
        gate.wait(4)
        self.assertEqual(pool.limit, 4)

    def test_a_measurement_disturbs_nobody_who_looks_at_the_pool(self):
        pool, gate, runs = self.pool(), self.gate(), TVar(0)
        self.loaded(pool, gate, 2)
        gate.wait(2)

        def count(_):
            runs.value += 1

        watcher = atomically(lambda: watch(pool._executor.stats, count))
        before = atomically(runs.get)
        pool.look(times=20)
        self.assertEqual(atomically(runs.get), before)
        atomically(watcher.cancel)


class WholeTest(AdaptiveCase):
    """With the real monitor."""

    def test_grows_and_shrinks_by_itself(self):
        pool = self.pool(
            AdaptiveThreadPool,
            policy=POLICY_AGGRESSIVE,
            monitor_interval_ms=5,
            cpu_threshold=1.0,
            memory_threshold_mb=0,
            **SMALL,
        )
        gate = self.gate()
        self.loaded(pool, gate, 50)
        gate.wait(6)
        gate.release()

        def small():
            return pool.get_metrics()["current_threads"] == 2

        wait_until(small, LIMIT)

    def test_goes_on_growing_while_it_drains(self):
        pool = self.pool(
            AdaptiveThreadPool,
            monitor_interval_ms=5,
            cpu_threshold=1.0,
            memory_threshold_mb=0,
            **SMALL,
        )
        gate = self.gate()
        self.loaded(pool, gate, 50)
        pool.shutdown(wait=False)
        gate.wait(6)
        gate.release()
        pool.shutdown()

    def test_a_pool_that_is_shut_down_is_not_measured_any_more(self):
        pool = self.pool(AdaptiveThreadPool, monitor_interval_ms=80_000_000)

        def is_measured():
            entries = _monitor.default._entries.value
            return any(entry.is_for(pool._governor) for entry in entries)

        self.assertTrue(atomically(is_measured))
        pool.shutdown()
        self.assertFalse(atomically(is_measured))

    def test_the_machine_is_measured(self):
        pool = self.pool(AdaptiveThreadPool, monitor_interval_ms=5)
        seen = pool._governor.seen
        wait_until(lambda: seen.value is not None, LIMIT)
        metrics = pool.get_metrics()
        self.assertGreater(metrics["memory_available_mb"], 0)
        self.assertGreaterEqual(metrics["cpu_utilization_percent"], 0)
        self.assertLessEqual(metrics["cpu_utilization_percent"], 100)

    def test_the_check_says_that_all_is_well(self):
        done = subprocess.run(
            [sys.executable, "-m", "stm.adaptive"],
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertEqual(
            re.findall(r"^ok      ([\w ]+): .", done.stdout, re.M),
            [
                "import",
                "creation",
                "execution",
                "scaling under load",
                "shutdown",
                "submit after shutdown",
            ],
        )

    def test_the_check_says_what_fails(self):
        output, _, _ = self.script(
            """
            from stm import _check, adaptive

            adaptive.AdaptiveThreadPool.submit = lambda *args: 1 / 0
            raise SystemExit(_check.main())
            """,
            status=1,
        )
        self.assertIn("FAILED  execution: ZeroDivisionError", output)

    def test_the_example_of_the_manual_runs_as_printed(self):
        text = MANUAL.read_text("utf-8")
        found = re.search(r"^```python\n(.*?)^```", text, re.M | re.S)
        self.assertIsNotNone(found, "expected an example in the manual")
        output, errors, _ = self.script(found[1])
        self.assertEqual(errors, "")
        self.assertRegex(
            output, r"^urgent: 118\nthreads: \d+ of \d+\nmost steps: 118\n$"
        )


class ManualTest(unittest.TestCase):
    def test_the_tests_that_the_manual_names_exist(self):
        known = set()
        for file in HERE.glob("test_*.py"):
            names = re.findall(r"def (test_\w+)\(", file.read_text("utf-8"))
            known.update(f"{file.stem}.{name}" for name in names)
        text = MANUAL.read_text("utf-8")
        named = set(re.findall(r"`(test_\w+\.test_\w+)`", text))
        self.assertGreater(len(named), 30)
        self.assertEqual(named - known, set())


if __name__ == "__main__":
    unittest.main()
