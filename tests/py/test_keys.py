# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Keys of TDict and TSet, and what those do that run the user's code."""

import unittest

import stm
from keyed import Keys, Thing, Undone
from stm import TVar, atomically, elapsed, retry
from stm.datatypes import TDict, TSet
from support import Case


def raising(error):
    def function():
        raise error

    return function


# What looks for a key, by what is looked in.
LOOKUPS = (
    (TDict, lambda items, key: items[key]),
    (TDict, lambda items, key: items.get(key)),
    (TDict, lambda items, key: key in items),
    (TDict, lambda items, key: items.__setitem__(key, 2)),
    (TDict, lambda items, key: items.__delitem__(key)),
    (TDict, lambda items, key: items.setdefault(key, 2)),
    (TDict, lambda items, key: items.pop(key)),
    (TDict, lambda items, key: items.pop(key, None)),
    (TDict, lambda items, key: items.update([(key, 2)])),
    (TDict, lambda items, key: items.update(TDict({key: 2}))),
    (TDict, lambda items, key: items | {key: 2}),
    (TDict, lambda items, key: items == {key: 2}),
    (TDict, lambda items, key: items == TDict({key: 2})),
    (TDict, lambda items, key: key in items.keys()),
    (TDict, lambda items, key: (key, 1) in items.items()),
    (TSet, lambda items, key: key in items),
    (TSet, lambda items, key: items.add(key)),
    (TSet, lambda items, key: items.discard(key)),
    (TSet, lambda items, key: items.remove(key)),
    (TSet, lambda items, key: items.update([key])),
    (TSet, lambda items, key: items.union(TSet([key]))),
    (TSet, lambda items, key: items.intersection([key])),
    (TSet, lambda items, key: items - {key}),
    (TSet, lambda items, key: items ^ TSet([key])),
    (TSet, lambda items, key: items == {key}),
    (TSet, lambda items, key: items <= TSet([key])),
    (TSet, lambda items, key: items.isdisjoint([key])),
    (TSet, lambda items, key: items.issuperset([key])),
)


class RaisingTest(Case):
    def lookups(self, key_of):
        """Yield each lookup of a key in a container with an equal one."""
        for kind, lookup in LOOKUPS:
            line = lookup.__code__.co_firstlineno
            with self.subTest(type=kind.__name__, line=line):
                contained = Keys(1)
                items = kind({contained: 1})
                yield items, lookup, key_of()
                self.assertEqual(
                    atomically(lambda: [*map(id, items)]),
                    [id(contained)],
                    "expected the container as it was",
                )

    def test_what_eq_raises_comes_out_as_it_is(self):
        for error in (KeyError("own"), TypeError("own"), BaseException("own")):
            for items, lookup, key in self.lookups(lambda: Keys(1)):
                key.on_eq = raising(error)

                @atomically
                def _():
                    with self.assertRaises(type(error)) as caught:
                        lookup(items, key)
                    self.assertIs(caught.exception, error)

    def test_it_aborts_the_transaction_and_comes_out_of_that(self):
        error, count = KeyError("own"), TVar(0)
        for items, lookup, key in self.lookups(lambda: Keys(1)):
            key.on_eq = raising(error)

            def body():
                count.set(count.get() + 1)
                lookup(items, key)

            with self.assertRaises(KeyError) as caught:
                atomically(body)
            self.assertIs(caught.exception, error)
        self.assertEqual(atomically(count.get), 0)

    def test_what_hash_raises_comes_out_as_it_is(self):
        error = ValueError("own")

        @atomically
        def _():
            for items in (TDict({1: 1}), TSet([1])):
                key = Keys(2, on_hash=raising(error))
                for kind, lookup in LOOKUPS:
                    if kind is type(items):
                        with self.assertRaises(ValueError) as caught:
                            lookup(items, key)
                        self.assertIs(caught.exception, error)
                self.assertEqual(list(items), [1])

    def test_what_they_raise_comes_out_of_constructors(self):
        error = ValueError("own")
        key = Keys(1, on_eq=raising(error))
        for make in (
            lambda: TDict([(Keys(1), 1), (key, 2)]),
            lambda: TSet([Keys(1), key]),
        ):
            for run in (lambda: make(), lambda: atomically(make)):
                with self.assertRaises(ValueError) as caught:
                    run()
                self.assertIs(caught.exception, error)
        # Also where only the transaction finds out.
        calls = []

        def later():
            calls.append(1)
            if len(calls) > 2:
                raise error

        key = Keys(1, on_hash=later)
        with self.assertRaises(ValueError):
            for make in (TSet, TDict.fromkeys, TSet, TDict.fromkeys):
                make([key])


class RunningTest(Case):
    def test_eq_may_run_a_transaction(self):
        count = TVar(0)

        def step():
            atomically(lambda: count.set(count.get() + 1))

        for items, lookup, key in RaisingTest.lookups(
            self, lambda: Keys(1, on_eq=step)
        ):
            before = atomically(count.get)
            with self.assertRaises(Undone):

                def body():
                    lookup(items, key)
                    self.assertGreater(count.get(), before)
                    raise Undone

                atomically(body)
            self.assertEqual(atomically(count.get), before)

    def test_eq_may_undo_a_transaction_of_its_own(self):
        var = TVar(0)

        def fail():
            var.set(1)
            raise Undone

        def step():
            with self.assertRaises(Undone):
                atomically(fail)

        items = TDict({Keys(1): "value"})

        @atomically
        def _():
            self.assertEqual(items[Keys(1, on_eq=step)], "value")
            items[Keys(2, on_eq=step)] = 2
            self.assertEqual(var.get(), 0)
            self.assertEqual(len(items), 2)

    def test_eq_may_retry(self):
        var, items = TVar(False), TDict({Keys(1): "value"})

        def wait():
            if not var.get():
                retry()

        before = stm.stats.read()["retries"]
        results = []
        thread = self.start(
            lambda: results.append(
                atomically(lambda: items[Keys(1, on_eq=wait)])
            )
        )
        self.blocked(1, before)
        atomically(lambda: var.set(True))
        self.join(thread)
        self.assertEqual(results, ["value"])

    def test_eq_cannot_make_a_retry_vanish(self):
        items = TDict({Keys(1): "value"})

        def swallow():
            try:
                retry()
            except BaseException:
                pass

        def body():
            if elapsed(0.01):
                return "waited"
            return items.get(Keys(1, on_eq=swallow))

        self.assertEqual(atomically(body), "waited")

    def test_eq_may_change_what_is_searched(self):
        for kind in (TDict, TSet):
            items = kind({Keys(1): 1, Keys(2): 2})

            @atomically
            def _():
                key = Keys(2, on_eq=items.clear)
                self.assertNotIn(key, items)
                self.assertEqual(len(items), 0)

        items = TDict({Keys(1): 1})

        @atomically
        def _():
            items.pop(Keys(1), None)
            items[Keys(1)] = 1
            new = Keys(3)

            def move():
                if items.pop(Keys(1), None) is not None:
                    items[new] = 3

            self.assertEqual(items.get(Keys(3, on_eq=move)), 3)
            self.assertEqual(list(items), [new])

    def test_eq_may_delete_the_key_that_is_compared(self):
        items = TDict()

        @atomically
        def _():
            items.clear()
            items[Keys(1)] = Thing()
            key = Keys(1, on_eq=lambda: items.clear())
            with self.assertRaises(KeyError):
                items[key]
            items[key] = 1
            self.assertEqual(len(items), 1)

    def test_eq_that_never_stops_changing_is_an_error(self):
        items = TDict({Keys(1): 1})

        def grow():
            items[object()] = 1

        def body():
            with self.assertRaisesRegex(RuntimeError, "changed the container"):
                items[Keys(1, on_eq=grow)]
            raise Undone

        with self.assertRaises(Undone):
            atomically(body)

    def test_comparison_of_values_may_change_the_dictionaries(self):
        class Odd:
            def __eq__(self, other):
                items.clear()
                other_items.clear()
                return True

        items, other_items = TDict(), TDict()

        @atomically
        def _():
            items.update((i, Odd()) for i in range(50))
            other_items.update((i, Odd()) for i in range(50))
            self.assertTrue(items == other_items)
            self.assertEqual(len(items), 0)

    def test_finalizers_of_keys_and_values_may_run_transactions(self):
        count = TVar(0)

        class Counted:
            def __del__(self):
                atomically(lambda: count.set(count.get() + 1))

        items, keys = TDict(), TSet()

        def put(one, two, three):
            items[one] = two
            keys.add(three)

        for _ in range(20):
            new = [Counted() for _ in range(3)]
            atomically(lambda: put(*new))
        del new

        @atomically
        def _():
            for key in items:
                items[key] = None

        self.assertEqual(atomically(count.get), 20)
        atomically(lambda: (items.clear(), keys.clear()))
        self.assertEqual(atomically(count.get), 60)


class PlainKeyTest(Case):
    """Numbers and strings, which no user's code compares."""

    def test_equal_numbers_are_one_key(self):
        big = 10**30

        @atomically
        def _():
            items = TDict({1: "a", big: "b", -1: "c", -2: "d"})
            for key in (1, 1.0, True, 1 + 0j):
                self.assertEqual(items[key], "a")
            self.assertEqual(items[int(str(big))], "b")
            self.assertEqual((items[-1], items[-2]), ("c", "d"))
            del items[-1]
            self.assertEqual((items.get(-1), items[-2]), (None, "d"))
            items[True] = "e"
            self.assertEqual([type(key) for key in items][0], int)

    def test_equal_strings_are_one_key(self):
        @atomically
        def _():
            items = TDict({"key": 1})
            other = "".join(["k", "e", "y"])
            self.assertIsNot(other, "key")
            self.assertEqual(items[other], 1)
            items[other] = 2
            self.assertEqual(len(items), 1)
            self.assertNotIn(b"key", items)

    def test_what_is_not_equal_to_itself_is_found_by_identity(self):
        nan = float("nan")

        @atomically
        def _():
            items = TSet([nan])
            self.assertIn(nan, items)
            self.assertNotIn(float("nan"), items)
            items.add(float("nan"))
            self.assertEqual(len(items), 2)

    def test_a_subclass_of_str_compares_as_it_says(self):
        class Caseless(str):
            def __eq__(self, other):
                return self.lower() == other.lower()

            def __hash__(self):
                return hash(self.lower())

        @atomically
        def _():
            items = TDict({"key": 1})
            self.assertEqual(items[Caseless("KEY")], 1)
            self.assertIsNone(items.get("KEY"))

    def test_many_keys_of_one_hash(self):
        keys = [Keys(i) for i in range(100)]

        @atomically
        def _():
            items = TDict((key, key.number) for key in keys)
            for i in range(0, 100, 7):
                del items[Keys(i)]
            for i in range(100):
                self.assertEqual(items.get(Keys(i)), i if i % 7 else None)
            self.assertEqual([*items], [key for key in keys if key.number % 7])

    def test_one_whose_repr_renames_the_class_is_shown_under_the_new_name(self):
        for base in TDict, TSet:

            class Renamed(base):
                pass

            class Key:
                def __repr__(self, renamed=Renamed):
                    renamed.__name__ = "Other" * 20
                    return "key"

            Renamed.__name__ = "First" * 20
            items = Renamed({Key(): 1})
            self.assertTrue(repr(items).startswith("Other" * 20 + "({key"))


if __name__ == "__main__":
    unittest.main()
