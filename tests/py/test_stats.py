# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import io
import unittest

import stm.stats
from stm import TVar, atomically, elapsed, retry
from support import Case

KEYS = {
    "attempts", "commits", "conflicts", "retries", "aborts", "wakeups",
    "spurious", "escalations",
}


class StatsTest(Case):
    def changed(self, before):
        after = stm.stats.read()
        return {key: after[key] - before[key] for key in KEYS}

    def test_has_the_counts(self):
        self.assertEqual(set(stm.stats.read()), KEYS)

    def test_counts_each_attempt_once(self):
        before = stm.stats.read()
        var = TVar(0)
        atomically(lambda: atomically(var.get))
        atomically(lambda: elapsed(0.01) or retry())
        with self.assertRaises(ZeroDivisionError):
            atomically(lambda: 1 / 0)
        change = self.changed(before)
        self.assertEqual(change["commits"], 2)
        self.assertGreaterEqual(change["retries"], 1)
        self.assertEqual(change["aborts"], 1)

    def test_the_parts_add_up(self):
        var = TVar(0)

        def add():
            for _ in range(300):
                atomically(lambda: var.set(var.get() + 1))

        self.join(*[self.start(add) for _ in range(4)])
        counts = stm.stats.read()
        parts = ("commits", "conflicts", "retries", "aborts")
        self.assertEqual(
            counts["attempts"], sum(counts[part] for part in parts)
        )

    def test_of_a_name_nobody_has_are_zero(self):
        self.assertEqual(set(stm.stats.read("nobody").values()), {0})

    def test_can_be_printed(self):
        stream = io.StringIO()
        stm.stats.print(stream)
        for key in ("attempts", "commits", "conflicts", "retries", "aborts"):
            self.assertIn(key, stream.getvalue())

    def test_are_printed_at_exit_when_asked(self):
        _, errors, _ = self.script(
            """
            import os, sys
            if "STM_STATS" not in os.environ:
                os.environ["STM_STATS"] = "1"
                os.execv(sys.executable, sys.orig_argv)
            import stm
            stm.atomically(int)
            """
        )
        self.assertIn("commits", errors)


if __name__ == "__main__":
    unittest.main()
