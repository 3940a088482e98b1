# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What an adaptive pool can be told, and what is said of what it cannot be."""

import fractions
import math
import unittest

from stm._settings import Settings, change, check

DEFAULTS = Settings()


class SettingsTest(unittest.TestCase):
    def refused(self, expected, **changes):
        """Check that settings raise an error of these words."""
        with self.subTest(**changes), self.assertRaises(ValueError) as caught:
            change(DEFAULTS, changes)
        self.assertEqual(str(caught.exception), expected)

    def test_the_defaults_are_as_documented(self):
        self.assertEqual(
            check(DEFAULTS)._asdict(),
            {
                "min_threads": 2,
                "max_threads": 32,
                "soft_limit": 8,
                "hard_limit": 32,
                "policy": 1,
                "monitor_interval_ms": 250,
                "scale_up_threshold": 0.75,
                "scale_down_threshold": 0.25,
                "cpu_threshold": 0.80,
                "memory_threshold_mb": 64,
            },
        )

    def test_a_number_of_threads_is_a_whole_one(self):
        names = ("max_threads", "soft_limit", "hard_limit")
        for name in names:
            for wrong in (0, -1, 1.0, "4", None, True, 1 << 30, math.nan):
                self.refused(
                    f"{name} is {wrong!r}, expected an integer from 1 to "
                    "1048576",
                    **{name: wrong},
                )
        for wrong in (-1, 2.5, "2", None, False):
            self.refused(
                f"min_threads is {wrong!r}, expected an integer from 0 to "
                "1048576",
                min_threads=wrong,
            )

    def test_a_threshold_is_a_part_of_a_whole(self):
        names = ("scale_up_threshold", "scale_down_threshold", "cpu_threshold")
        for name in names:
            for wrong in (-0.1, 1.01, math.nan, math.inf, "0.5", None, True):
                self.refused(
                    f"{name} is {wrong!r}, expected a number from 0 to 1",
                    **{name: wrong},
                )
            self.refused(
                f"{name} is 0, expected a number above 0, and at most 1",
                **{name: 0},
            )

    def test_an_interval_is_a_time(self):
        huge = fractions.Fraction(10**400)
        for wrong in (0, 0.5, -250, math.nan, math.inf, huge, "250", None):
            self.refused(
                f"monitor_interval_ms is {wrong!r}, expected a number from 1 "
                "to 8.64e+07",
                monitor_interval_ms=wrong,
            )

    def test_memory_is_an_amount(self):
        for wrong in (-1, math.nan, math.inf, "64", None):
            self.refused(
                f"memory_threshold_mb is {wrong!r}, expected a number from 0 "
                "to 1.09951e+12",
                memory_threshold_mb=wrong,
            )

    def test_a_policy_is_one_of_three(self):
        for wrong in (-1, 3, "balanced", None, True, 1.0, [], math.nan):
            self.refused(
                f"policy is {wrong!r}, expected one of POLICY_CONSERVATIVE (0),"
                " POLICY_BALANCED (1), POLICY_AGGRESSIVE (2)",
                policy=wrong,
            )

    def test_limits_are_in_order(self):
        self.refused(
            "min_threads is 9, expected at most soft_limit, which is 8",
            min_threads=9,
        )
        self.refused(
            "soft_limit is 33, expected at most max_threads, which is 32",
            soft_limit=33,
        )
        self.refused(
            "max_threads is 33, expected at most hard_limit, which is 32",
            max_threads=33,
        )
        self.refused(
            "max_threads is 32, expected at most hard_limit, which is 16",
            hard_limit=16,
        )

    def test_the_thresholds_are_in_order(self):
        for down, up in ((0.75, 0.75), (0.9, 0.75)):
            self.refused(
                f"scale_down_threshold is {down}, expected less than "
                f"scale_up_threshold, which is {up}",
                scale_down_threshold=down,
                scale_up_threshold=up,
            )

    def test_the_extremes_are_allowed(self):
        same = change(
            DEFAULTS,
            dict(min_threads=1, max_threads=1, soft_limit=1, hard_limit=1),
        )
        self.assertEqual(same[:4], (1, 1, 1, 1))
        change(
            DEFAULTS,
            dict(
                min_threads=0,
                scale_up_threshold=1,
                cpu_threshold=1,
                monitor_interval_ms=1,
                memory_threshold_mb=0,
            ),
        )

    def test_numbers_of_any_kind_become_plain_ones(self):
        class Four:
            def __index__(self):
                return 4

        changed = change(
            DEFAULTS,
            dict(soft_limit=Four(), cpu_threshold=fractions.Fraction(1, 2)),
        )
        self.assertIs(type(changed.soft_limit), int)
        self.assertIs(type(changed.cpu_threshold), float)
        self.assertEqual((changed.soft_limit, changed.cpu_threshold), (4, 0.5))

    def test_a_setting_that_does_not_exist_is_a_type_error(self):
        with self.assertRaisesRegex(TypeError, "no setting 'most_threads'"):
            change(DEFAULTS, {"most_threads": 5})

    def test_what_is_changed_together_is_judged_together(self):
        changed = change(DEFAULTS, dict(max_threads=64, hard_limit=64))
        self.assertEqual((changed.max_threads, changed.hard_limit), (64, 64))


if __name__ == "__main__":
    unittest.main()
