# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What an AdaptiveThreadPool tells about itself, and what it can be told."""

import inspect
import unittest

from stm import TVar, atomically, retry, watch
from stm._policy import AT_HARD, CPU, MEMORY, QUOTA
from stm.adaptive import (
    POLICY_AGGRESSIVE,
    POLICY_BALANCED,
    AdaptiveThreadPool,
)
from stm.datatypes import TList
from support import LIMIT
from support_adaptive import AdaptiveCase


class MetricsTest(AdaptiveCase):
    def test_metrics_have_these_names(self):
        self.assertEqual(
            list(self.pool().get_metrics()),
            [
                "cpu_utilization_percent",
                "cpu_quota_percent",
                "memory_available_mb",
                "active_threads",
                "idle_threads",
                "current_threads",
                "thread_limit",
                "queue_depth",
                "avg_task_duration_ms",
                "total_submitted",
                "total_completed",
                "growth_declined",
            ],
        )

    def test_metrics_count(self):
        pool, gate = self.pool(), self.gate()
        pool.submit(int).result(LIMIT)
        self.loaded(pool, gate, 5)
        gate.wait(2)
        metrics = pool.get_metrics()
        expected = dict(
            active_threads=2,
            idle_threads=0,
            current_threads=2,
            thread_limit=2,
            queue_depth=3,
            total_submitted=6,
            total_completed=1,
            growth_declined=None,
        )
        for name, value in expected.items():
            self.assertEqual(metrics[name], value, name)

    def test_metrics_are_of_one_moment(self):
        pool = self.pool()
        wrong = TList()

        def compare(metrics):
            active, idle = metrics["active_threads"], metrics["idle_threads"]
            if active + idle != metrics["current_threads"]:
                wrong.append(metrics)
            left = metrics["total_submitted"] - metrics["total_completed"]
            if left < metrics["queue_depth"]:
                wrong.append(metrics)

        watcher = atomically(lambda: watch(pool.get_metrics, compare))
        for _ in range(200):
            pool.submit(int)
        pool.shutdown()
        atomically(watcher.cancel)
        self.assertEqual(atomically(lambda: list(wrong)), [])

    def test_metrics_can_be_waited_for(self):
        pool, gate = self.pool(), self.gate()
        self.loaded(pool, gate, 3)
        gate.release()

        def idle():
            if pool.get_metrics()["total_completed"] < 3:
                retry()

        atomically(idle)

    def test_the_machine_is_in_the_metrics(self):
        pool = self.pool()
        metrics = pool.get_metrics()
        self.assertEqual(metrics["cpu_utilization_percent"], 0.0)
        self.assertEqual(metrics["memory_available_mb"], 1000.0)
        self.assertIsNone(metrics["cpu_quota_percent"])
        pool.look(cpu=0.25, quota=0.5, memory=17.0)
        metrics = pool.get_metrics()
        self.assertEqual(metrics["cpu_utilization_percent"], 25.0)
        self.assertEqual(metrics["cpu_quota_percent"], 50.0)
        self.assertEqual(metrics["memory_available_mb"], 17.0)

    def test_durations_are_a_mean(self):
        pool = self.pool()
        self.assertEqual(pool.get_metrics()["avg_task_duration_ms"], 0.0)
        pool.submit(sum, (range(100000),)).result(LIMIT)
        with self.assertRaises(ZeroDivisionError):
            pool.submit(lambda: 1 / 0).result(LIMIT)
        spent = atomically(pool._spent.get)
        self.assertGreater(spent, 0)
        pool.wait(total_completed=2)
        pool.submit(self.gate())
        mean = pool.get_metrics()["avg_task_duration_ms"]
        self.assertEqual(mean, spent / 1e6 / 2)

    def test_metrics_say_why_the_pool_did_not_grow(self):
        pool, gate = self.pool(policy=POLICY_AGGRESSIVE), self.gate()
        self.loaded(pool, gate, 100)
        gate.wait(2)
        for expected, load in (
            (CPU, dict(cpu=0.9)),
            (QUOTA, dict(quota=0.9)),
            (MEMORY, dict(memory=1.0)),
        ):
            pool.look(**load)
            self.assertEqual(pool.get_metrics()["growth_declined"], expected)
            self.assertEqual(pool.limit, 2)
        pool.look()
        gate.wait(32)
        pool.look()
        self.assertEqual(pool.get_metrics()["growth_declined"], AT_HARD)

    def test_decisions_can_be_followed(self):
        pool, gate = self.pool(policy=POLICY_AGGRESSIVE), self.gate()
        log = TList()

        def follow(decisions):
            for decision in decisions[-1:]:
                log.append((decision.before, decision.after))

        watcher = atomically(
            lambda: watch(lambda: list(pool.decisions), follow)
        )
        self.loaded(pool, gate, 100)
        gate.wait(2)
        pool.look(cpu=1.0)
        pool.look(cpu=1.0)
        pool.look()
        atomically(watcher.cancel)
        steps = dict.fromkeys(atomically(lambda: list(log)))
        self.assertEqual(list(steps), [(2, 2), (2, 32)])

    def test_the_configuration_can_be_read_and_changed(self):
        pool = self.pool()
        names = set(inspect.signature(AdaptiveThreadPool).parameters)
        config = pool.get_config()
        self.assertEqual(set(config), names)
        pool.configure(policy=POLICY_AGGRESSIVE, soft_limit=9)
        config.update(policy=POLICY_AGGRESSIVE, soft_limit=9)
        self.assertEqual(pool.get_config(), config)
        with self.assertRaisesRegex(ValueError, "^soft_limit is 33, expected"):
            pool.configure(soft_limit=33, cpu_threshold=0.5)
        self.assertEqual(pool.get_config(), config)

    def test_what_is_read_is_a_copy(self):
        pool = self.pool()
        pool.get_config()["policy"] = 7
        pool.get_metrics()["queue_depth"] = 7
        self.assertEqual(pool.get_config()["policy"], POLICY_BALANCED)

    def test_changed_limits_hold_at_once(self):
        pool, gate = self.pool(policy=POLICY_AGGRESSIVE), self.gate()
        self.loaded(pool, gate, 100)
        gate.wait(2)
        pool.look()
        gate.wait(32)
        pool.configure(soft_limit=3, max_threads=3, hard_limit=3)
        self.assertEqual(pool.limit, 3)
        gate.release()
        pool.wait(current_threads=3)
        pool.configure(min_threads=3)
        pool.look(times=100)
        self.assertEqual(pool.get_metrics()["current_threads"], 3)

    def test_signals_of_an_application_can_move_the_thresholds(self):
        pool, gate = self.pool(policy=POLICY_AGGRESSIVE), self.gate()
        pressure = TVar(0.0)
        atomically(
            lambda: watch(
                pressure.get,
                lambda value: pool.configure(cpu_threshold=0.8 - value),
            )
        )
        self.loaded(pool, gate, 100)
        gate.wait(2)
        atomically(lambda: pressure.set(0.5))
        pool.look(cpu=0.4)
        self.assertEqual(pool.limit, 2)
        atomically(lambda: pressure.set(0.0))
        pool.look(cpu=0.4)
        self.assertEqual(pool.limit, 32)

    def test_two_pools_can_be_changed_in_one_transaction(self):
        one, two = self.pool(), self.pool()

        def move():
            one.configure(max_threads=16)
            two.configure(max_threads=40)

        with self.assertRaises(ValueError):
            atomically(move)
        self.assertEqual(one.get_config()["max_threads"], 32)


if __name__ == "__main__":
    unittest.main()
