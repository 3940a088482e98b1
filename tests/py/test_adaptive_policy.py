# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""When an adaptive pool grows and shrinks, measurement by measurement."""

import random
import unittest

from stm import _policy
from stm._policy import Mood, Seen, decide, start
from stm._settings import Settings, change
from stm.adaptive import (
    POLICY_AGGRESSIVE,
    POLICY_BALANCED,
    POLICY_CONSERVATIVE,
)

POLICIES = (POLICY_CONSERVATIVE, POLICY_BALANCED, POLICY_AGGRESSIVE)
SEED = 20261123


def settings(**changes):
    return change(Settings(), changes)


def busy(threads, queued=1000, **more):
    """A pool all of whose threads have a task."""
    return Seen(0.0, queued, threads, 0, threads, **more)


def idle(threads, active=0, **more):
    """A pool with nothing queued."""
    return Seen(0.0, 0, active, 0, threads, **more)


class PolicyTest(unittest.TestCase):
    def after(self, configuration, mood, seen, times=1):
        """Return what is remembered after so many measurements alike."""
        for _ in range(times):
            mood, _decision = decide(configuration, mood, seen)
        return mood

    def needed(self, configuration, mood, see, done):
        """Return how many measurements it takes until a limit is reached."""
        for count in range(1000):
            if done(mood.limit):
                return count
            mood, _decision = decide(configuration, mood, see(mood.limit))
        self.fail(f"expected to get there: {mood}")

    def declined(self, expected, seen, *, limit=4, **changes):
        """Check that a pool does not grow, and says so once."""
        before = Mood(limit)
        for policy in POLICIES:
            mood, told = before, []
            for _ in range(5):
                configuration = settings(policy=policy, **changes)
                mood, decision = decide(configuration, mood, seen)
                if decision is not None:
                    told.append((decision.before, decision.after))
                    self.assertEqual(decision.reason, expected)
            self.assertEqual((mood.limit, mood.declined), (limit, expected))
            self.assertEqual(told, [(limit, limit)])

    # ---- how fast ----

    def test_a_pool_starts_with_its_least_number_of_threads(self):
        self.assertEqual(start(settings()).limit, 2)
        self.assertEqual(start(settings(min_threads=0)).limit, 1)

    def test_the_policies_differ_in_how_fast_they_grow(self):
        def count(policy):
            configuration = settings(policy=policy)
            return self.needed(
                configuration, Mood(2), busy, lambda limit: limit == 32
            )

        slow, moderate, quick = map(count, POLICIES)
        self.assertEqual(quick, 1)
        self.assertGreater(moderate, 3 * quick)
        self.assertGreater(slow, 3 * moderate)

    def test_the_policies_differ_in_how_fast_they_shrink(self):
        def count(policy):
            configuration = settings(policy=policy)
            return self.needed(
                configuration, Mood(32), idle, lambda limit: limit == 2
            )

        quick, moderate, slow = map(count, POLICIES)
        self.assertEqual(quick, 2)
        self.assertGreater(moderate, 3 * quick)
        self.assertGreater(slow, moderate)

    def test_the_conservative_policy_grows_by_one(self):
        configuration = settings(policy=POLICY_CONSERVATIVE)
        mood = Mood(4)
        limits = []
        for _ in range(6):
            mood, _decision = decide(configuration, mood, busy(mood.limit))
            limits.append(mood.limit)
        self.assertEqual(limits, [4, 4, 5, 5, 5, 6])

    def test_the_balanced_policy_grows_by_half(self):
        configuration = settings(policy=POLICY_BALANCED)
        mood = self.after(configuration, Mood(4), busy(4), 2)
        self.assertEqual(mood.limit, 6)

    def test_the_aggressive_policy_grows_by_what_is_queued(self):
        configuration = settings(policy=POLICY_AGGRESSIVE)
        mood = self.after(configuration, Mood(2), busy(2, queued=3))
        self.assertEqual(mood.limit, 5)

    def test_no_policy_grows_by_more_than_is_queued(self):
        for policy in POLICIES:
            configuration = settings(policy=policy, soft_limit=32)
            mood = self.after(configuration, Mood(20), busy(20, 25), 2)
            self.assertLessEqual(mood.limit, 45)
            mood = self.after(configuration, Mood(2), busy(2, 2), 3)
            self.assertLessEqual(mood.limit, 8)

    def test_one_quiet_measurement_does_not_shrink_a_pool(self):
        for policy in POLICIES:
            mood = self.after(settings(policy=policy), Mood(8), idle(8))
            self.assertEqual(mood.limit, 8)

    def test_only_measurements_in_a_row_count(self):
        quiet, loaded = idle(8), idle(8, active=4)
        for policy in POLICIES:
            configuration, mood = settings(policy=policy), Mood(8)
            for _ in range(20):
                mood = self.after(configuration, mood, quiet)
                mood = self.after(configuration, mood, loaded)
                mood = self.after(configuration, mood, quiet)
                mood = self.after(configuration, mood, busy(8, cpu=1.0))
            self.assertEqual(mood.limit, 8)
        configuration, mood = settings(policy=POLICY_BALANCED), Mood(4)
        for _ in range(20):
            mood = self.after(configuration, mood, busy(4))
            mood = self.after(configuration, mood, idle(4, active=2))
        self.assertEqual(mood.limit, 4)

    def test_threads_that_are_busy_stay(self):
        for policy in POLICIES:
            configuration = settings(policy=policy)
            mood = self.after(configuration, Mood(32), idle(32, 6), 200)
            self.assertEqual(mood.limit, 6)

    def test_between_the_thresholds_nothing_moves(self):
        for policy in POLICIES:
            mood = self.after(settings(policy=policy), Mood(8), idle(8, 4), 50)
            self.assertEqual(mood.limit, 8)

    # ---- limits ----

    def test_max_threads_is_not_exceeded(self):
        for policy in POLICIES:
            configuration = settings(policy=policy, max_threads=12)
            mood = Mood(2)
            for _ in range(100):
                mood, _decision = decide(configuration, mood, busy(mood.limit))
                self.assertLessEqual(mood.limit, 12)
            self.assertEqual(mood.limit, 12)
            self.assertEqual(mood.declined, _policy.AT_MAX)

    def test_at_the_hard_limit_that_is_the_reason(self):
        self.declined(_policy.AT_HARD, busy(32), limit=32)

    def test_threads_that_wait_count_for_the_hard_limit(self):
        configuration = settings(
            soft_limit=4, max_threads=8, hard_limit=8, policy=POLICY_AGGRESSIVE
        )
        seen = Seen(0.0, 1000, 2, 3, 5)
        mood = self.after(configuration, Mood(2), seen)
        self.assertEqual(mood.limit + seen.waiting, 8)
        seen = seen._replace(busy=5, threads=8)
        mood, decision = decide(configuration, mood, seen)
        self.assertEqual(mood.limit + seen.waiting, 8)
        self.assertEqual(decision.reason, _policy.AT_HARD)

    def test_the_soft_limit_holds_without_overload(self):
        for policy in POLICIES:
            pace = _policy.PACES[policy]
            queued = max(int(8 * pace.overload) - 1, 1)
            self.assertGreaterEqual(queued, 8 * pace.queue - 1)
            configuration = settings(policy=policy)
            mood = self.after(configuration, Mood(8), busy(8, queued), 50)
            self.assertEqual(mood.limit, 8)

    def test_the_soft_limit_is_the_reason_then(self):
        for policy in (POLICY_CONSERVATIVE, POLICY_BALANCED):
            configuration = settings(policy=policy)
            mood, decision = decide(configuration, Mood(8), busy(8, 8))
            self.assertEqual(decision.reason, _policy.AT_SOFT)

    def test_the_soft_limit_gives_way_to_overload(self):
        for policy in POLICIES:
            pace = _policy.PACES[policy]
            configuration = settings(policy=policy)
            queued = int(8 * pace.overload)
            mood, decisions = Mood(8), []
            for _ in range(pace.patience_up):
                mood, decision = decide(configuration, mood, busy(8, queued))
                decisions.append(decision)
            self.assertGreater(mood.limit, 8)
            self.assertEqual(decisions[-1].reason, _policy.OVERLOAD)

    def test_a_thread_without_a_task_is_no_overload(self):
        for policy in POLICIES:
            seen = Seen(0.0, 1000, 7, 0, 8)
            mood = self.after(settings(policy=policy), Mood(8), seen, 50)
            self.assertEqual(mood.limit, 8)

    def test_growth_stops_at_the_soft_limit_first(self):
        configuration = settings(policy=POLICY_BALANCED)
        mood = self.after(configuration, Mood(7), busy(7, 7), 2)
        self.assertEqual(mood.limit, 8)

    def test_a_pool_returns_to_the_soft_limit_when_the_load_is_over(self):
        for policy in POLICIES:
            configuration = settings(policy=policy)
            # More than at the threshold for scaling down, but not needed.
            mood = self.after(configuration, Mood(32), idle(32, 9), 200)
            self.assertEqual(mood.limit, 9)
            mood = self.after(configuration, Mood(32), idle(32, 2), 200)
            self.assertEqual(mood.limit, 2)
            seen = idle(16, 6)
            mood = self.after(configuration, Mood(16), seen, 200)
            self.assertEqual(mood.limit, 8)

    def test_threads_beyond_the_soft_limit_that_are_used_stay(self):
        for policy in POLICIES:
            configuration = settings(policy=policy)
            mood = self.after(configuration, Mood(16), idle(16, 14), 200)
            self.assertEqual(mood.limit, 16)

    def test_a_limit_that_comes_down_holds_at_once(self):
        for policy in POLICIES:
            configuration = settings(
                policy=policy, soft_limit=4, max_threads=4, hard_limit=4
            )
            mood, decision = decide(configuration, Mood(20), busy(20))
            self.assertEqual(mood.limit, 4)
            self.assertEqual(decision.reason, _policy.LIMITED)

    def test_a_least_number_that_goes_up_holds_at_once(self):
        mood, decision = decide(settings(min_threads=6), Mood(3), idle(3))
        self.assertEqual((mood.limit, decision.after), (6, 6))

    # ---- why not ----

    def test_does_not_grow_below_the_threshold_of_activity(self):
        self.declined(_policy.INACTIVE, Seen(0.0, 1000, 3, 0, 4))
        for policy in POLICIES:
            configuration = settings(policy=policy, scale_up_threshold=0.70)
            seen = Seen(0.0, 1000, 3, 0, 4)
            mood = self.after(configuration, Mood(4), seen, 3)
            self.assertGreater(mood.limit, 4)

    def test_a_threshold_of_one_asks_for_every_thread(self):
        configuration = settings(scale_up_threshold=1.0)
        mood = self.after(configuration, Mood(4), busy(4), 2)
        self.assertEqual(mood.limit, 6)
        seen = Seen(0.0, 1000, 99, 0, 100)
        mood = self.after(configuration, Mood(4), seen, 2)
        self.assertEqual(mood.declined, _policy.INACTIVE)

    def test_does_not_grow_above_the_threshold_of_the_processors(self):
        self.declined(_policy.CPU, busy(4, cpu=0.81))
        mood = self.after(settings(), Mood(4), busy(4, cpu=0.80), 2)
        self.assertEqual(mood.limit, 6)
        self.declined(_policy.CPU, busy(4, cpu=0.5), cpu_threshold=0.4)

    def test_does_not_grow_above_the_threshold_of_the_quota(self):
        self.declined(_policy.QUOTA, busy(4, quota=0.95))

    def test_does_not_grow_when_memory_is_short(self):
        self.declined(_policy.MEMORY, busy(4, memory_mb=63))
        self.declined(
            _policy.MEMORY, busy(4, memory_mb=900), memory_threshold_mb=1000
        )
        configuration = settings(memory_threshold_mb=0)
        mood = self.after(configuration, Mood(4), busy(4, memory_mb=0), 2)
        self.assertEqual(mood.limit, 6)

    def test_does_not_grow_for_a_short_queue(self):
        for policy in (POLICY_CONSERVATIVE, POLICY_BALANCED):
            configuration = settings(policy=policy)
            mood, _decision = decide(configuration, Mood(4), busy(4, 1))
            self.assertEqual(mood.declined, _policy.SHORT)

    def test_the_aggressive_policy_grows_for_any_queue(self):
        configuration = settings(policy=POLICY_AGGRESSIVE)
        mood = self.after(configuration, Mood(4), busy(4, 1))
        self.assertEqual(mood.limit, 5)

    def test_before_it_grows_the_reason_is_that_it_is_too_soon(self):
        mood, decision = decide(settings(), Mood(4), busy(4))
        self.assertEqual(mood.declined, _policy.SOON)
        self.assertIsNone(decision)

    def test_a_reason_is_told_again_after_something_else_has_happened(self):
        seen, configuration = busy(4, cpu=1.0), settings()
        mood, first = decide(configuration, Mood(4), seen)
        mood, second = decide(configuration, mood, seen)
        mood, between = decide(configuration, mood, idle(4, 2))
        mood, third = decide(configuration, mood, seen)
        self.assertEqual(
            [decision and decision.reason for decision in
             (first, second, between, third)],
            [_policy.CPU, None, None, _policy.CPU],
        )

    def test_the_reason_stays_until_there_is_another(self):
        configuration = settings()
        mood, _decision = decide(configuration, Mood(4), busy(4, cpu=1.0))
        mood = self.after(configuration, mood, idle(4), 20)
        self.assertEqual(mood.declined, _policy.CPU)

    # ---- everything ----

    def test_whatever_is_measured_the_limits_hold(self):
        chance = random.Random(SEED)
        for _ in range(300):
            low = chance.randrange(0, 4)
            soft = chance.randrange(max(low, 1), 10)
            most = chance.randrange(soft, 20)
            configuration = settings(
                min_threads=low,
                soft_limit=soft,
                max_threads=most,
                hard_limit=chance.randrange(most, 30),
                policy=chance.choice(POLICIES),
            )
            mood = start(configuration)
            for _ in range(60):
                mood = self.step(configuration, mood, chance)

    def step(self, configuration, mood, chance):
        threads = chance.randrange(mood.limit + 1)
        waiting = chance.choice((0, 0, 0, chance.randrange(5)))
        seen = Seen(
            0.0,
            chance.choice((0, 0, 1, chance.randrange(128))),
            chance.randrange(threads + 1),
            waiting,
            threads + waiting,
            cpu=chance.random(),
        )
        new, decision = decide(configuration, mood, seen)
        message = f"seed {SEED}: {configuration} {mood} {seen} {new}"
        least = max(configuration.min_threads, 1)
        self.assertGreaterEqual(new.limit, least, message)
        self.assertLessEqual(new.limit, configuration.max_threads, message)
        if new.limit > max(mood.limit, least):
            most = configuration.hard_limit - waiting
            self.assertLessEqual(new.limit, most, message)
        if new.limit > max(mood.limit, configuration.soft_limit):
            self.assertEqual(seen.busy, threads, message)
            self.assertLessEqual(seen.cpu, 0.80, message)
            self.assertGreater(seen.queued, 0, message)
        if new.limit != mood.limit:
            self.assertEqual(
                (decision.before, decision.after), (mood.limit, new.limit)
            )
        return new


if __name__ == "__main__":
    unittest.main()
