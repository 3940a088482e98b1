# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What TDict and TSet hold on to, and let go."""

import collections
import gc
import sys
import unittest
import weakref

from keyed import Keys, Thing, Undone
from stm import atomically
from stm.datatypes import TDict, TSet
from support import Case


class CycleTest(Case):
    def collected(self, make, *, sizes=(1, 10, 1000)):
        """Expect what make(thing, count) ties to a thing to be collected."""
        for size in sizes:
            thing = Thing()
            reference = weakref.ref(thing)
            make(thing, size)
            del thing
            self.assertIsNotNone(reference())
            gc.collect()
            self.assertIsNone(reference(), f"expected to find {size} keys")

    def test_through_a_value(self):
        def make(thing, size):
            thing.items = TDict.fromkeys(range(size))
            atomically(lambda: thing.items.update(thing=thing))

        self.collected(make)

    def test_through_a_key(self):
        def make(thing, size):
            thing.items = TDict.fromkeys(range(size))
            atomically(lambda: thing.items.update({thing: 1}))

        self.collected(make)

    def test_through_a_set(self):
        def make(thing, size):
            thing.items = TSet([*range(size), thing])

        self.collected(make)

    def test_after_changes(self):
        def make(thing, size):
            thing.items = TDict.fromkeys(range(size), thing)
            for i in range(size):
                atomically(lambda: thing.items.update({i: [thing], -i: thing}))

        self.collected(make, sizes=(1, 100))

    def test_through_a_view(self):
        def make(thing, size):
            items = TDict.fromkeys(range(size), thing)
            thing.views = [items.keys(), items.values(), items.items()]

        self.collected(make)

    def test_through_an_iterator(self):
        def make(thing, size):
            items = TDict.fromkeys(range(size), thing)
            thing.iterator = atomically(lambda: iter(items.items()))

        self.collected(make)

    def test_through_an_attribute_of_a_subclass(self):
        class Attributed(TDict):
            pass

        def make(thing, size):
            thing.items = Attributed.fromkeys([]) if size == 0 else Attributed()
            thing.items.thing = thing

        self.collected(make, sizes=(1,))

    def test_what_is_reachable_survives(self):
        items, keys = TDict(), TSet()
        atomically(lambda: items.update((i, Thing()) for i in range(500)))
        atomically(lambda: keys.update(Thing() for i in range(500)))
        copies = atomically(lambda: [items.copy(), keys.copy()])
        atomically(lambda: (items.update(me=items), copies[0].pop(7)))
        gc.collect()
        del items, keys
        gc.collect()

        @atomically
        def _():
            for contents in copies[0].values(), copies[1]:
                self.assertEqual({type(item) for item in contents}, {Thing})
            self.assertEqual(len(copies[0]), 499)

    def test_weak_references(self):
        for kind in (TDict, TSet):
            items = kind()
            reference = weakref.ref(items)
            self.assertIs(reference(), items)
            del items
            self.assertIsNone(reference())


class CountTest(Case):
    def test_what_is_replaced_or_removed_goes_before_atomically_returns(self):
        things = [Thing() for _ in range(6)]
        references = [weakref.ref(thing) for thing in things]
        items = TDict(enumerate(things[:4]))
        keys = TSet(things[4:])
        del things
        atomically(lambda: items.update({0: None}))
        atomically(lambda: items.__delitem__(1))
        atomically(lambda: items.popitem())
        atomically(lambda: items.clear())
        atomically(lambda: keys.pop())
        atomically(lambda: keys.intersection_update([]))
        self.assertEqual([reference() for reference in references], [None] * 6)

    def test_counts_are_stable_over_many_transactions(self):
        key, value, other = Keys(1), Thing(), Keys(1)
        items, keys = TDict(), TSet()

        def body():
            items[key] = value
            items[other] = value
            items.update({key: 1}, name=value)
            items.setdefault(other, value)
            items.get(other), items.pop(key)
            items.copy()[key] = value
            list(items.items()), items == {key: value}, items | {other: 1}
            keys.add(key)
            keys.update([other], keys)
            keys ^ {other}, keys - keys, keys == {key}
            {key} in keys, keys.intersection([other])
            list(reversed(keys))
            keys.discard(other)
            repr(items), repr(items.keys())

        def failing():
            body()
            raise Undone

        def run(times):
            for _ in range(times):
                atomically(body)
                with self.assertRaises(Undone):
                    atomically(failing)
                with self.assertRaises(KeyError):
                    atomically(lambda: keys.remove(other))

        watched = [key, value, other, items, keys, None, Undone, KeyError]
        run(10)
        before = [sys.getrefcount(thing) for thing in watched]
        run(1000)
        after = [sys.getrefcount(thing) for thing in watched]
        for thing, one, two in zip(watched, before, after):
            self.assertLess(abs(two - one), 20, f"the count of {thing!r}")

    def test_the_collector_may_run_at_every_allocation(self):
        old = gc.get_threshold()
        self.addCleanup(gc.set_threshold, *old)
        gc.set_threshold(1)
        items, keys = TDict(), TSet()

        def work(number):
            for i in range(40):

                @atomically
                def _():
                    items[number, i] = [items]
                    keys.add(Keys(number))
                    if len(items) > 30:
                        items.popitem()
                    sorted(items.keys()), keys | {i}

        self.join(*[self.start(work, number) for number in range(3)])
        self.assertEqual(
            collections.Counter(atomically(lambda: [k.number for k in keys])),
            {0: 1, 1: 1, 2: 1},
        )


if __name__ == "__main__":
    unittest.main()
