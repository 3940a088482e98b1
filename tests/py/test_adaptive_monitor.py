# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What an adaptive pool is told, by whom, and what it makes of it."""

import gc
import threading
import time
import unittest
import weakref

from stm import TVar, atomically, retry, watch
from stm._governor import LENGTH, Counts, Governor
from stm._load import Load, Reading
from stm._monitor import Monitor
from stm._policy import CPU, LIMITED, QUEUE
from stm._settings import Settings, change
from stm.datatypes import TList
from support import LIMIT, Case, Unraisable, unless_forking_is_barred

QUIET = Load(0.0, None, 1000.0)


class Pool:
    """What is governed, with counts that the test chooses."""

    def __init__(self):
        self.told = TVar(Counts(0, 0, 0, 0, 0, 0, 0, False))
        self.size = TVar(None)
        self.most = TVar(None)

    def counts(self):
        return atomically(self.told.get)

    def resize(self, most, least):
        self.size.set((most, least))

    def cap(self, most):
        self.most.set(most)

    def is_now(self, **counts):
        told = self.told
        atomically(lambda: told.set(told.value._replace(**counts)))

    @property
    def limits(self):
        return atomically(self.size.get)


class Sampler:
    """Reads what the test has said, and counts how often."""

    def __init__(self):
        self.count = 0
        self.memory = 1 << 30
        self.fails = None

    def read(self):
        self.count += 1
        fails = self.fails
        if fails is not None:
            raise fails
        now = time.monotonic()
        return Reading(now, 0, self.count, frozenset(), (), self.memory)


def governor(pool, **changes):
    return Governor(pool, change(Settings(), changes), QUIET)


class GovernorTest(Case):
    def setUp(self):
        self.pool = Pool()
        self.moment = 0.0

    def loaded(self, threads):
        self.pool.is_now(
            submitted=2000, queued=1000, running=threads, live=threads
        )

    def measured(self, governor, load=QUIET, times=1):
        for _ in range(times):
            self.moment += 1
            self.assertTrue(governor.measured(self.moment, load))

    def test_what_is_measured_moves_the_limit(self):
        one = governor(self.pool)
        self.assertEqual(self.pool.limits, (2, 2))
        self.loaded(2)
        self.measured(one, times=2)
        self.assertEqual(self.pool.limits, (3, 2))

    def test_a_task_that_waits_for_another_is_not_busy(self):
        one = governor(self.pool)
        self.pool.is_now(submitted=9, running=5, waiting=2, live=6)
        self.measured(one)
        seen = atomically(one.seen.get)
        self.assertEqual((seen.busy, seen.waiting, seen.threads), (3, 2, 6))

    def test_a_measurement_and_what_comes_of_it_are_one_commit(self):
        one = governor(self.pool)
        seen = TList()

        def note(pair):
            measurement, mood = pair
            if measurement is not None:
                seen.append((measurement.moment, mood.limit, mood.pressed))

        atomically(
            lambda: watch(lambda: (one.seen.value, one.mood.value), note)
        )
        self.loaded(2)
        self.measured(one, times=3)
        settled = {}
        for moment, limit, pressed in atomically(lambda: list(seen)):
            settled[moment] = limit, pressed
        self.assertEqual(settled, {1: (2, 1), 2: (3, 0), 3: (3, 1)})

    def test_a_policy_that_raises_writes_nothing(self):
        one = governor(self.pool)

        def refuse(measurement):
            if measurement is not None:
                raise KeyError(measurement.moment)

        atomically(lambda: watch(one.seen.get, refuse))
        self.loaded(2)
        with self.assertRaises(KeyError):
            one.measured(1.0, QUIET)
        self.assertIsNone(atomically(one.seen.get))
        self.assertEqual(atomically(one.mood.get).pressed, 0)

    def test_an_application_may_veto_what_is_measured_by_a_watcher(self):
        """A policy is one watcher beside others, and they may write, too."""
        one = governor(self.pool)

        def spare(mood):
            if mood.limit > 3:
                one.mood.value = mood._replace(limit=3)

        atomically(lambda: watch(one.mood.get, spare))
        self.loaded(2)
        self.measured(one, times=20)
        self.assertEqual(atomically(one.mood.get).limit, 3)

    def test_changed_limits_hold_in_the_same_commit(self):
        one = governor(self.pool)
        self.loaded(2)
        self.measured(one, times=20)
        self.assertEqual(self.pool.limits, (32, 2))

        def halve():
            one.configure(dict(soft_limit=4, max_threads=4, min_threads=3))

        def undone():
            halve()
            raise ZeroDivisionError

        with self.assertRaises(ZeroDivisionError):
            atomically(undone)
        self.assertEqual(self.pool.limits, (32, 2))
        halve()
        self.assertEqual(self.pool.limits, (4, 3))
        one.configure(dict(hard_limit=5))
        self.assertEqual(atomically(self.pool.most.get), 5)
        decision = atomically(lambda: one.decisions[-1])
        self.assertEqual(
            (decision.before, decision.after, decision.reason),
            (32, 4, LIMITED),
        )

    def test_settings_that_are_wrong_change_nothing(self):
        one = governor(self.pool)
        with self.assertRaises(ValueError):
            one.configure(dict(max_threads=16, soft_limit=20))
        self.assertEqual(atomically(one.settings.get), Settings())

    def test_a_pool_without_a_least_number_keeps_none(self):
        governor(self.pool, min_threads=0)
        self.assertEqual(self.pool.limits, (1, 0))

    def test_what_cannot_be_measured_is_as_it_was(self):
        one = governor(self.pool)
        self.loaded(2)
        self.measured(one, Load(0.95, None, None), times=3)
        self.assertEqual(atomically(one.mood.get).declined, CPU)
        self.measured(one, Load(None, None, None), times=3)
        self.assertEqual(atomically(one.mood.get).limit, 2)

    def test_the_log_is_bounded(self):
        one = governor(self.pool, policy=2)
        for round in range(LENGTH):
            self.loaded(2)
            self.measured(one)
            self.pool.is_now(queued=0, running=0)
            self.measured(one, times=40)
        decisions = atomically(lambda: list(one.decisions))
        self.assertEqual(len(decisions), LENGTH)
        self.assertEqual(
            [one.moment for one in decisions],
            sorted(one.moment for one in decisions),
        )
        self.assertGreater(decisions[0].moment, self.moment / 2)

    def test_a_watcher_can_follow_the_log(self):
        one = governor(self.pool)
        reasons = TList()

        def follow(decision):
            if decision is not None and decision.after > decision.before:
                reasons.append((decision.after, decision.reason))

        def latest():
            return one.decisions[-1] if one.decisions else None

        atomically(lambda: watch(latest, follow))
        self.loaded(2)
        self.measured(one, times=6)
        grown = set(atomically(lambda: list(reasons)))
        self.assertEqual(grown, {(3, QUEUE), (4, QUEUE), (6, QUEUE)})

    def test_one_that_is_let_go_is_gone_at_once(self):
        one = governor(self.pool)
        self.measured(one)
        alive = weakref.ref(one)
        gc.disable()
        try:
            del one
            self.assertIsNone(alive())
        finally:
            gc.enable()


class MonitorTest(Case):
    def setUp(self):
        self.sampler = Sampler()
        self.monitor = Monitor(self.sampler)
        self.addCleanup(self.monitor.close)

    def enter(self, pool, **changes):
        one = governor(pool, **{"monitor_interval_ms": 1, **changes})
        reading, load = self.monitor.first()
        self.monitor.enter(one, reading)
        return one

    def wait(self, condition):
        def body():
            if not condition():
                retry()

        atomically(body)

    def measured(self, governor, after=0.0):
        """Wait until one has been measured after a moment."""

        def body():
            seen = governor.seen.value
            if seen is None or seen.moment <= after:
                retry()
            return seen

        return atomically(body)

    def ended(self):
        self.wait(lambda: self.monitor._thread.value is None)
        self.assertIsNone(self.monitor.thread)

    def test_one_thread_measures_for_all_pools(self):
        pools, threads = [], set()
        for _ in range(5):
            pools.append(self.enter(Pool()))
            threads.add(self.monitor.thread)
        for one in pools:
            first = self.measured(one)
            self.measured(one, first.moment)
        threads.add(self.monitor.thread)
        self.assertEqual(len(threads), 1)

    def test_the_first_reading_says_what_memory_there_is(self):
        _reading, load = self.monitor.first()
        self.assertEqual(load, Load(None, None, 1024))

    def test_the_thread_ends_with_the_last_pool(self):
        one, two = self.enter(Pool()), self.enter(Pool())
        thread = self.monitor.thread
        self.monitor.leave(one)
        self.measured(two, time.monotonic())
        self.assertIs(self.monitor.thread, thread)
        self.monitor.leave(two)
        self.ended()
        thread.join(LIMIT)
        self.assertFalse(thread.is_alive())

    def test_the_thread_ends_when_the_last_pool_is_let_go(self):
        one = self.enter(Pool(), monitor_interval_ms=80_000_000)
        thread = self.monitor.thread
        del one
        gc.collect()
        self.ended()
        thread.join(LIMIT)
        self.assertFalse(thread.is_alive())

    def test_one_let_go_in_a_transaction_is_forgotten_when_it_is_due(self):
        kept = [self.enter(Pool())]
        atomically(kept.clear)
        self.ended()

    def test_the_thread_ends_when_the_last_pool_has_nothing_to_do(self):
        pool = Pool()
        one = self.enter(pool)
        pool.is_now(submitted=2, completed=1, closed=True)
        self.measured(one, time.monotonic())
        pool.is_now(completed=2)
        self.ended()

    def test_a_new_thread_starts_when_there_is_need_again(self):
        for _ in range(3):
            one = self.enter(Pool())
            self.measured(one)
            self.monitor.leave(one)
            self.ended()

    def test_a_shorter_interval_holds_at_once(self):
        one = self.enter(Pool(), monitor_interval_ms=80_000_000)
        self.assertIsNone(atomically(one.seen.get))
        one.configure(dict(monitor_interval_ms=1))
        self.measured(one)

    def test_a_pool_is_measured_in_its_own_interval(self):
        seldom = self.enter(Pool(), monitor_interval_ms=80_000_000)
        often = self.enter(Pool())
        first = self.measured(often)
        self.measured(often, first.moment)
        self.assertIsNone(atomically(seldom.seen.get))

    def test_a_longer_interval_begins_with_the_last_measurement(self):
        one, other = self.enter(Pool()), self.enter(Pool())
        self.measured(one)
        one.configure(dict(monitor_interval_ms=80_000_000))
        for _ in range(2):  # what had begun before that is over
            self.measured(other, time.monotonic())
        last = self.measured(one)
        for _ in range(2):
            self.measured(other, time.monotonic())
        self.assertEqual(self.measured(one), last)

    def test_what_goes_wrong_with_one_pool_does_not_stop_the_others(self):
        class Broken(Pool):
            def counts(self):
                raise ZeroDivisionError

        with Unraisable() as errors:
            broken, sound = self.enter(Broken()), self.enter(Pool())
            first = self.measured(sound)
            self.measured(sound, first.moment)
            self.until(lambda: errors, "a report")
            self.monitor.leave(broken)
            self.monitor.leave(sound)
            self.ended()
        self.assertEqual({type(error) for error in errors}, {ZeroDivisionError})

    def test_what_cannot_be_read_is_tried_again_when_it_is_due(self):
        with Unraisable() as errors:
            one = self.enter(Pool())
            self.measured(one)
            self.sampler.fails = MemoryError()
            self.until(lambda: len(errors) > 2, "reports")
            self.sampler.fails = None
            self.measured(one, time.monotonic())
            self.monitor.leave(one)
            self.ended()
        self.assertEqual({type(error) for error in errors}, {MemoryError})

    def test_a_thread_that_cannot_be_had_leaves_nothing_behind(self):
        start = threading.Thread.start

        def refuse(thread):
            raise RuntimeError("can't start new thread")

        threading.Thread.start = refuse
        try:
            with self.assertRaisesRegex(RuntimeError, "can't start"):
                self.enter(Pool())
        finally:
            threading.Thread.start = start
        self.assertIsNone(self.monitor.thread)
        self.assertEqual(atomically(self.monitor._entries.get), ())
        one = self.enter(Pool())
        self.measured(one)

    def test_after_its_end_it_starts_no_thread(self):
        self.monitor.close()
        one = self.enter(Pool())
        self.assertIsNone(self.monitor.thread)
        self.monitor.leave(one)

    def test_closing_waits_for_the_thread(self):
        self.enter(Pool())
        one = self.enter(Pool())
        thread = self.monitor.thread
        self.monitor.close()
        self.assertFalse(thread.is_alive())
        self.monitor.close()
        del one

    @unless_forking_is_barred
    def test_a_forked_child_has_none(self):
        output, errors, _ = self.script(
            """
            import os, warnings
            warnings.simplefilter("ignore")  # newer ones warn of threads
            from stm import _monitor
            from stm.adaptive import AdaptiveThreadPool

            pool = AdaptiveThreadPool()
            pool.submit(int).result()
            child = os.fork()
            if child == 0:
                assert _monitor.default.thread is None
                with AdaptiveThreadPool() as other:
                    assert other.submit(int).result() == 0
                    assert _monitor.default.thread is not None
                os._exit(7)
            status = os.waitpid(child, 0)[1]
            print(os.waitstatus_to_exitcode(status))
            assert _monitor.default.thread is not None
            pool.shutdown()
            """
        )
        self.assertEqual((output, errors), ("7\n", ""))


if __name__ == "__main__":
    unittest.main()
