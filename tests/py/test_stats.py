# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import functools
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


class NameTest(Case):
    """Names of transactions, each test's its own."""

    def commits(self, name):
        return stm.stats.read(name)["commits"]

    def test_a_decorated_function_has_the_name_it_is_given(self):
        @stm.transaction(name="name-given")
        def add(left, *, right):
            """Add two numbers."""
            self.assertTrue(stm.in_transaction())
            return left + right

        self.assertEqual([add(1, right=2), add(3, right=4)], [3, 7])
        self.assertEqual(self.commits("name-given"), 2)
        self.assertEqual(add.__name__, "add")
        self.assertEqual(add.__doc__, "Add two numbers.")

    def test_a_decorated_function_has_its_own_name_else(self):
        @stm.transaction
        def plain():
            pass

        @stm.transaction()
        def called():
            pass

        plain()
        called()
        for function in plain, called:
            self.assertEqual(self.commits(function.__qualname__), 1)

    def test_a_decorated_object_has_the_name_of_its_class(self):
        before = self.commits("partial")
        self.assertEqual(stm.transaction(functools.partial(int, "3"))(), 3)
        self.assertEqual(self.commits("partial"), before + 1)

    def test_counts_every_attempt_of_the_name(self):
        var = TVar(False)

        @stm.transaction(name="name-waiting")
        def wait():
            return var.get() or retry()

        def retries():
            return stm.stats.read("name-waiting")["retries"]

        thread = self.start(wait)
        self.until(retries, "a retry")
        atomically(lambda: var.set(True))
        self.join(thread)
        with self.assertRaises(TypeError):
            wait("surplus")
        counts = stm.stats.read("name-waiting")
        self.assertEqual((counts["commits"], counts["aborts"]), (1, 1))
        self.assertEqual(
            counts["attempts"],
            sum(counts[key] for key in ("commits", "conflicts", "retries"))
            + counts["aborts"],
        )

    def test_a_nested_call_counts_as_what_it_is_part_of(self):
        @stm.transaction(name="name-inner")
        def inner():
            pass

        @stm.transaction(name="name-outer")
        def outer():
            inner()

        outer()
        atomically(inner)
        self.assertEqual(self.commits("name-outer"), 1)
        self.assertEqual(self.commits("name-inner"), 0)

    def test_the_running_transaction_can_be_named(self):
        def body():
            stm.name_transaction("name-first")
            atomically(lambda: stm.name_transaction("name-last"))

        atomically(body)
        self.assertEqual(self.commits("name-first"), 0)
        self.assertEqual(self.commits("name-last"), 1)

    def test_only_a_running_transaction_can_be_named(self):
        with self.assertRaisesRegex(RuntimeError, "stm.name_transaction"):
            stm.name_transaction("nothing")
        for name in 1, None:
            with self.assertRaises(TypeError):
                atomically(lambda: stm.name_transaction(name))
        with self.assertRaises(ValueError):
            atomically(lambda: stm.name_transaction("a\0b"))
        with self.assertRaisesRegex(TypeError, "name by keyword"):
            stm.transaction("nothing")


if __name__ == "__main__":
    unittest.main()
