# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""TLists whose items' own code changes the list, raises or retries, and what
the collector finds of them."""

import gc
import unittest
import weakref

from stm import TVar, atomically, or_else, retry
from stm.datatypes import TList
from support import Case, Unraisable


class Thing:
    pass


class Acting:
    """An item whose comparisons act first."""

    def __init__(self, act):
        self.act = act

    def __eq__(self, other):
        self.act()
        return NotImplemented

    def __lt__(self, other):
        self.act()
        return False

    __hash__ = None


class ActionTest(Case):
    def test_a_search_goes_over_the_list_as_it_was(self):
        for search in (
            lambda items: items.index(None),
            lambda items: items.remove(None),
        ):
            items = TList()

            @atomically
            def _():
                items[:] = [Acting(items.clear) for _ in range(100)]
                with self.assertRaises(ValueError):
                    search(items)
                items[:] = [Acting(items.clear) for _ in range(100)]
                self.assertNotIn(None, items)
                items[:] = [Acting(items.clear) for _ in range(100)]
                self.assertEqual(items.count(None), 0)
                self.assertEqual(items, [])

    def test_what_is_to_be_removed_may_be_gone(self):
        class Same:
            def __init__(self, victim):
                self.victim = victim

            def __eq__(self, other):
                self.victim.clear()
                return True

        items = TList()

        @atomically
        def _():
            items[:] = [Same(items)]
            items.remove(None)
            self.assertEqual(len(items), 0)

    def test_comparing_lists_that_clear_each_other(self):
        left, right = TList(), TList()

        @atomically
        def _():
            left[:] = [Acting(right.clear)]
            right[:] = [Acting(left.clear)]
            self.assertFalse(left == right)
            left[:] = [Acting(left.clear)]
            self.assertFalse(left == [1])
            self.assertEqual(left, [])
            left[:] = [Acting(left.clear)]
            self.assertFalse(left < [1])

    def test_a_list_changed_while_it_is_sorted_stays_as_it_was_left(self):
        for change, expected in (
            (lambda items: items.append(1), [3, 2, 1, 1, 1, 1]),
            (lambda items: items.clear(), []),
            (lambda items: items.__setitem__(0, items[0]), [3, 2, 1]),
        ):
            items = TList()

            @atomically
            def left():
                items[:] = [3, 2, 1]

                def key(item):
                    change(items)
                    return item

                with self.assertRaisesRegex(ValueError, "during sort"):
                    items.sort(key=key)
                return list(items)

            self.assertEqual(left, expected)

    def test_a_change_undone_while_it_is_sorted_is_none(self):
        items = TList([3, 2, 1])

        def key(item):
            def nested():
                items.clear()
                raise KeyError

            try:
                atomically(nested)
            except KeyError:
                pass
            return item

        atomically(lambda: items.sort(key=key))
        self.assertEqual(atomically(lambda: list(items)), [1, 2, 3])

    def test_a_sort_that_fails_leaves_the_list_as_it_was(self):
        def act():
            raise KeyError

        items = TList([3, 1, 2])

        @atomically
        def _():
            items.append(Acting(act))
            before = list(items)
            with self.assertRaises(KeyError):
                items.sort()
            for item, other in zip(items, before, strict=True):
                self.assertIs(item, other)
            del items[3]
            items.sort()

        self.assertEqual(atomically(lambda: list(items)), [1, 2, 3])

    def test_exceptions_come_through_unchanged(self):
        error = KeyError("the one")

        def act():
            raise error

        items = TList([Acting(act)])
        for use in (
            lambda: 1 in items,
            lambda: items.index(1),
            lambda: items.count(1),
            lambda: items.remove(1),
            lambda: items == [1],
            lambda: items < [1],
            lambda: items.sort(key=lambda item: act()),
        ):
            with self.assertRaises(KeyError) as raised:
                atomically(use)
            self.assertIs(raised.exception, error)

    def test_a_retry_comes_through(self):
        items = TList([Acting(retry)])
        for use in (
            lambda: 1 in items,
            lambda: items.index(1),
            lambda: items == [1],
            lambda: items.sort(key=lambda item: retry()),
            lambda: items.extend(retry() for _ in range(1)),
            lambda: TList(retry() for _ in range(1)),
        ):
            found = atomically(lambda: or_else(use, lambda: "second"))
            self.assertEqual(found, "second")

    def test_an_index_runs_transactions(self):
        seen = TVar(0)

        class Index:
            def __index__(self):
                atomically(lambda: seen.set(seen.get() + 1))
                return 1

        items = TList("abc")

        @atomically
        def found():
            seen.set(0)
            items[:] = "abc"
            items.insert(Index(), "x")
            items[Index()] = "y"
            return items[Index()], items.pop(Index()), items.index("b", Index())

        self.assertEqual(found, ("y", "y", 1))
        self.assertEqual(atomically(seen.get), 5)

    def test_what_an_iterable_gave_before_it_raised_stays(self):
        def give():
            yield 1
            yield 2
            raise KeyError

        items = TList()

        @atomically
        def _():
            items.clear()
            with self.assertRaises(KeyError):
                items.extend(give())

        self.assertEqual(atomically(lambda: list(items)), [1, 2])

    def test_finalizers_of_what_is_taken_out_run_transactions(self):
        count = TVar(0)

        class Final:
            def __del__(self):
                atomically(lambda: count.set(count.get() + 1))

        for take in (
            lambda items: items.clear(),
            lambda items: items.__delitem__(slice(None)),
            lambda items: items.__setitem__(slice(None), []),
            lambda items: items.__imul__(0) and None,
            lambda items: items.__delitem__(slice(None, None, 2))
            or items.pop() and None,
        ):
            items = TList(Final() for _ in range(2))
            atomically(lambda: take(items))
            gc.collect()
        self.assertEqual(atomically(count.get), 10)


class LifeTest(Case):
    def test_an_iterator_keeps_what_it_goes_over_and_no_longer(self):
        for make in (iter, reversed):
            thing = Thing()
            items = TList([1, thing, 2])
            reference = weakref.ref(thing)
            iterator = atomically(lambda: make(items))
            del items, thing
            gc.collect()
            self.assertIsNotNone(reference())
            for _ in iterator:
                pass
            gc.collect()
            self.assertIsNone(reference(), "expected the end to free it")
            self.assertEqual(list(iterator), [])
            self.assertEqual(iterator.__length_hint__(), 0)

    def test_an_iterator_in_what_it_goes_over_is_collected(self):
        for make in (iter, reversed):
            for length in (1, 100, 3000):
                thing = Thing()
                items = TList([thing] * length)
                thing.iterator = atomically(lambda: make(items))
                next(thing.iterator)
                reference = weakref.ref(thing)
                del items, thing
                gc.collect()
                self.assertIsNone(reference(), "expected the cycle collected")

    def test_a_list_of_its_own_iterator_is_collected(self):
        items = TList([1])
        iterator = atomically(lambda: iter(items))
        reference = weakref.ref(items)
        atomically(lambda: items.append(iterator))
        del items, iterator
        gc.collect()
        self.assertIsNone(reference(), "expected the list collected")

    def test_a_product_that_holds_itself_is_collected(self):
        thing = Thing()
        thing.items = atomically(lambda: TList([thing]) * 1000)
        reference = weakref.ref(thing)
        del thing
        gc.collect()
        self.assertIsNone(reference(), "expected the cycle collected")

    def test_a_copy_that_holds_itself_is_collected_once_it_is_alone(self):
        thing = Thing()
        items = TList([thing])
        thing.items = atomically(items.copy)
        reference = weakref.ref(thing)
        del thing
        gc.collect()
        self.assertIsNotNone(reference())
        del items
        gc.collect()
        self.assertIsNone(reference(), "expected the cycle collected")

    def test_a_finalizer_at_an_iterators_end_may_raise(self):
        class Final:
            def __del__(self):
                raise KeyError

        iterator = atomically(lambda: iter(TList([Final()])))
        with Unraisable() as errors:
            for item in iterator:
                del item
            gc.collect()
        self.assertEqual([type(error) for error in errors], [KeyError])

    def test_one_iterator_serves_several_threads(self):
        count = 20000
        for make in (iter, reversed):
            iterator = atomically(lambda: make(TList(range(count))))
            taken = [[] for _ in range(4)]
            threads = [
                self.start(lambda part=part: part.extend(iterator))
                for part in taken
            ]
            self.join(*threads)
            self.assertEqual(sorted(sum(taken, [])), list(range(count)))


if __name__ == "__main__":
    unittest.main()
