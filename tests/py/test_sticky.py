# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Bodies that swallow what the library raises to end an attempt."""

import unittest

from stm import TVar, atomically, elapsed, or_else, retry
from stm.datatypes import TList
from support import Case


def swallowing(function, *args):
    try:
        return function(*args)
    except:  # noqa: E722
        pass


class StickyTest(Case):
    def test_a_swallowed_retry_does_not_commit(self):
        ready, written = TVar(False), TVar(0)

        def body():
            if not swallowing(ready.get):
                swallowing(retry)
                swallowing(written.set, "doomed")
                swallowing(written.get)
                return "doomed"
            written.set("right")
            return "right"

        results = []
        thread = self.start(lambda: results.append(atomically(body)))
        atomically(lambda: ready.set(True))
        self.join(thread)
        self.assertEqual(results, ["right"])
        self.assertEqual(atomically(written.get), "right")

    def test_a_return_in_finally_does_not_commit_a_retry(self):
        written = TVar(0)

        def body():
            over = elapsed(0.01)
            written.set("right" if over else "doomed")
            try:
                if not over:
                    retry()
            finally:
                return "right" if over else "doomed"

        self.assertEqual(atomically(body), "right")
        self.assertEqual(atomically(written.get), "right")

    def test_after_a_retry_every_operation_raises_again(self):
        items, var = TList([1]), TVar(0)
        operations = [
            var.get,
            lambda: var.set(1),
            lambda: items.append(1),
            lambda: len(items),
            lambda: items[0],
            lambda: atomically(lambda: 1),
            lambda: or_else(lambda: 1),
            lambda: elapsed(0),
        ]
        raised = []

        def body():
            if elapsed(0.01):
                return
            swallowing(retry)
            for operation in operations:
                try:
                    operation()
                except BaseException as error:
                    raised.append(type(error).__name__)

        atomically(body)
        self.assertEqual(set(raised), {"_Retry"})
        self.assertEqual(len(raised) % len(operations), 0)
        self.assertGreater(len(raised), 0)

    def test_an_exception_of_a_doomed_attempt_is_dropped(self):
        def body():
            if elapsed(0.01):
                return "right"
            swallowing(retry)
            raise ValueError("must not be seen")

        self.assertEqual(atomically(body), "right")

    def test_a_retry_is_over_where_or_else_undoes_it(self):
        var = TVar(0)

        def first():
            var.set(1)
            swallowing(retry)
            return "doomed"

        self.assertEqual(
            atomically(lambda: or_else(first, var.get)),
            0,
            "expected the first branch to be undone and not to count",
        )

    def test_a_swallowed_conflict_does_not_commit(self):
        left, right, total = TVar(0), TVar(0), TVar(None)
        changed = []

        def change():
            left.value += 1
            right.value -= 1

        def body():
            before = swallowing(left.get)
            if not changed:
                changed.append(1)
                self.join(self.start(atomically, change))
            after = swallowing(right.get)
            swallowing(
                total.set, None if None in (before, after) else before + after
            )
            return before, after

        self.assertEqual(atomically(body), (1, -1))
        self.assertEqual(atomically(total.get), 0)

    def test_bare_excepts_around_every_call_keep_a_sum(self):
        accounts = [TVar(100) for _ in range(4)]

        def move(source, target):
            value = swallowing(source.get)
            other = swallowing(target.get)
            swallowing(source.set, 0 if value is None else value - 1)
            swallowing(target.set, 0 if other is None else other + 1)

        def work(seed):
            for i in range(500):
                source = accounts[(seed + i) % 4]
                target = accounts[(seed + 3 * i + 1) % 4]
                if source is not target:
                    atomically(lambda: move(source, target))

        self.join(*[self.start(work, seed) for seed in range(4)])
        total = atomically(lambda: sum(a.get() for a in accounts))
        self.assertEqual(total, 400, "expected no doomed attempt to commit")


if __name__ == "__main__":
    unittest.main()
