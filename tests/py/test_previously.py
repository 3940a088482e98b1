# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import unittest

import stm
import stm.stats
from stm import TVar, atomically, elapsed, or_else, previously, retry, watch
from stm.datatypes import TList
from stm.utils import atomically_watch, would_block
from support import LIMIT, Case, Notes


class PreviouslyTest(Case):
    def test_sees_what_was_there_before_the_transaction(self):
        var, items = TVar(1), TList([1])

        @atomically
        def _():
            var.set(2)
            items.append(2)
            self.assertEqual(previously(var.get), 1)
            self.assertEqual(previously(lambda: list(items)), [1])
            self.assertEqual((var.get(), list(items)), (2, [1, 2]))

        self.assertEqual(atomically(var.get), 2)

    def test_goes_back_to_the_innermost_nested_transaction(self):
        var = TVar(1)

        @atomically
        def _():
            var.set(2)

            @atomically
            def _():
                var.set(3)
                self.assertEqual(previously(var.get), 2)
                self.assertEqual(previously(var.get, toplevel=True), 1)
                self.assertEqual(previously(var.get, True), 1)

            self.assertEqual(previously(var.get), 1)
            self.assertEqual(var.get(), 3)

    def test_goes_back_to_before_the_branch(self):
        var = TVar(1)

        def first():
            var.set(10)
            retry()

        def second():
            var.set(20)
            return previously(var.get), previously(var.get, toplevel=True)

        @atomically
        def result():
            var.set(2)
            return or_else(first, second)

        self.assertEqual(result, (2, 1))

    def test_what_it_writes_is_seen_by_it_and_undone(self):
        var, other = TVar(1), TVar(1)

        def look():
            self.assertEqual(var.get(), 1)
            var.set(5)
            other.set(5)
            return var.get()

        @atomically
        def _():
            var.set(2)
            self.assertEqual(previously(look), 5)
            self.assertEqual((var.get(), other.get()), (2, 1))

        self.assertEqual(atomically(other.get), 1)

    def test_an_exception_propagates_unchanged(self):
        var = TVar(1)
        error = KeyError("lost")

        def look():
            var.set(7)
            raise error

        @atomically
        def _():
            var.set(2)
            with self.assertRaises(KeyError) as caught:
                previously(look)
            self.assertIs(caught.exception, error)
            self.assertEqual(var.get(), 2)

        self.assertEqual(atomically(var.get), 2)

    def test_a_retry_in_it_waits_for_what_it_read(self):
        var = TVar(0)

        def body():
            var.get() or retry()
            return var.get()

        before = stm.stats.read()["retries"]
        values = []
        thread = self.start(
            lambda: values.append(atomically(lambda: previously(body)))
        )
        self.blocked(1, before)
        atomically(lambda: var.set(3))
        self.join(thread)
        self.assertEqual(values, [3])
        self.assertTrue(would_block(lambda: previously(retry)))

    def test_a_retry_in_it_cannot_be_swallowed(self):
        def body():
            try:
                previously(retry)
            except BaseException:
                pass

        self.assertTrue(would_block(body))

    def test_what_it_read_makes_the_transaction_conflict(self):
        var, seen = TVar(0), TVar(0)

        def work():
            for _ in range(200):

                @atomically
                def _():
                    before = previously(var.get)
                    var.set(before + 1)
                    seen.set(before)

        self.join(self.start(work), self.start(work))
        self.assertEqual(atomically(var.get), 400)
        self.assertEqual(atomically(seen.get), 399)

    def test_the_time_it_asks_for_wakes_the_transaction(self):
        def body():
            if not previously(lambda: elapsed(0.01)):
                retry()
            return "over"

        self.assertEqual(atomically(body), "over")

    def test_can_be_nested(self):
        var = TVar(1)

        def look():
            var.set(8)
            return atomically(lambda: previously(var.get)), previously(var.get)

        @atomically
        def result():
            var.set(2)
            return previously(look)

        self.assertEqual(result, (8, 1))

    def test_in_a_watcher_sees_the_state_before_the_transaction(self):
        var, seen = TVar(1), Notes()
        atomically_watch(lambda: (previously(var.get), var.get()), seen.append)
        atomically(lambda: (var.set(5), atomically(lambda: var.set(6))))
        self.assertEqual(seen, [(1, 1), (1, 6)])

    def test_in_a_callback_sees_the_state_before_the_transaction(self):
        var, seen = TVar(1), Notes()
        atomically_watch(
            var.get, lambda value: seen.append((previously(var.get), value))
        )
        atomically(lambda: var.set(2))
        self.assertEqual(seen, [(1, 1), (1, 2)])

    def test_what_it_watches_or_registers_is_undone(self):
        var, seen = TVar(1), Notes()

        def look():
            watch(var.get, seen.append)
            stm.on_commit(lambda: seen.append("committed"))

        atomically(lambda: previously(look))
        atomically(lambda: var.set(2))
        self.assertEqual(seen, [])

    def test_needs_a_transaction_and_a_function(self):
        with self.assertRaisesRegex(RuntimeError, "stm.previously"):
            previously(int)
        with self.assertRaises(TypeError):
            atomically(lambda: previously(1))
        with self.assertRaises(TypeError):
            atomically(previously)

    def test_does_not_wait_long_for_a_time_that_is_far(self):
        @atomically
        def result():
            return previously(lambda: elapsed(LIMIT))

        self.assertIs(result, False)


if __name__ == "__main__":
    unittest.main()
