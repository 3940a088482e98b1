# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import collections.abc
import copy
import gc
import inspect
import pickle
import types
import unittest
import weakref

from stm import atomically
from stm.datatypes import TDict, TSet
from support import Case


class Attributed(TSet):
    pass


class TSetTest(Case):
    def check(self, items, expected):
        """Expect these keys in this order."""
        self.assertEqual(atomically(lambda: list(items)), list(expected))
        self.assertEqual(atomically(lambda: len(items)), len(expected))

    def test_is_a_mutable_set(self):
        self.assertIsInstance(TSet(), collections.abc.MutableSet)
        for name in dir(set):
            self.assertTrue(hasattr(TSet, name), name)

    def test_is_made_of_any_iterable_without_a_transaction(self):
        self.check(TSet(), [])
        self.check(TSet("hello"), "helo")
        self.check(TSet(initial_items=iter([2, 1, 2])), [2, 1])
        self.check(TSet({3: 4}), [3])
        for wrong in (3, [[]]):
            with self.assertRaises(TypeError):
                TSet(wrong)

    def test_is_made_of_another_in_a_transaction(self):
        items = TSet("ab")
        self.check(atomically(lambda: TSet(items)), "ab")
        with self.assertRaisesRegex(RuntimeError, r"stm\.atomically\(\)"):
            TSet(items)

    def test_being_made_again_replaces_what_it_holds(self):
        items = TSet("ab")
        items.__init__("cd")
        self.check(items, "cd")
        other = TSet("e")
        atomically(lambda: items.__init__(other))
        self.check(items, "e")
        items.__init__()
        self.check(items, "")

    def test_use_outside_a_transaction_raises(self):
        items = TSet("a")
        for use in (
            lambda: len(items),
            lambda: bool(items),
            lambda: "a" in items,
            lambda: items.add("b"),
            lambda: items.discard("a"),
            lambda: items.remove("a"),
            lambda: items.pop(),
            lambda: items.clear(),
            lambda: items.copy(),
            lambda: iter(items),
            lambda: reversed(items),
            lambda: items == {"a"},
            lambda: items <= {"a"},
            lambda: items | set(),
            lambda: set() | items,
            lambda: items.__ior__(set()),
            lambda: items.__iand__({"a"}),
            lambda: items.update([]),
            lambda: items.union(),
            lambda: items.intersection_update(),
            lambda: items.difference([]),
            lambda: items.symmetric_difference_update([]),
            lambda: items.isdisjoint([]),
            lambda: items.issubset([]),
            lambda: items.issuperset([]),
            lambda: pickle.dumps(items),
        ):
            with self.assertRaisesRegex(RuntimeError, r"stm\.atomically\(\)"):
                use()
        self.check(items, "a")

    def test_keeps_the_order_of_insertion(self):
        items = TSet("hello world")
        self.check(items, "helo wrd")

        @atomically
        def _():
            items.remove("e")
            items.add("e")
            items.add("h")
            self.assertEqual("".join(reversed(items)), "edrw olh")
            self.assertEqual(items.pop(), "h")

        self.check(items, "lo wrde")

    def test_operations_keep_the_order_of_what_stays(self):
        @atomically
        def _():
            items = TSet("abcdef")
            for result, expected in (
                (items | set("d"), "abcdef"),
                (items | TSet("xa"), "abcdefx"),
                (items & set("fcx"), "cf"),
                (items - set("ace"), "bdf"),
                (items ^ TSet("yxa"), "bcdefyx"),
                (items.union("x", "y"), "abcdefxy"),
                (items.intersection("fedc", "dcx"), "cd"),
                (items.difference("a", "b"), "cdef"),
                (items.symmetric_difference("xax"), "bcdefx"),
            ):
                self.assertIs(type(result), TSet)
                self.assertEqual("".join(result), expected)
            self.assertEqual("".join(items), "abcdef")

    def test_operators_take_sets_on_either_side(self):
        @atomically
        def _():
            items = TSet("ab")
            for kind in (set, frozenset, TSet):
                other = kind("bc")
                self.assertEqual(items | other, set("abc"))
                self.assertEqual(other | items, set("abc"))
                self.assertEqual(items & other, {"b"})
                self.assertEqual(other & items, {"b"})
                self.assertEqual(items - other, {"a"})
                self.assertEqual(other - items, {"c"})
                self.assertEqual(items ^ other, set("ac"))
                self.assertEqual(other ^ items, set("ac"))
                self.assertIs(type(other - items), TSet)
            for wrong in ("bc", ["b"], {"b": 1}, 1):
                with self.assertRaises(TypeError):
                    items | wrong
                with self.assertRaises(TypeError):
                    wrong - items
                with self.assertRaises(TypeError):
                    items &= wrong

    def test_operators_take_the_views_of_dictionaries(self):
        for make in (dict, TDict):

            @atomically
            def _():
                items, view = TSet("ab"), make(b=1, c=2).keys()
                for result, expected in (
                    (items | view, "abc"),
                    (items & view, "b"),
                    (items - view, "a"),
                    (items ^ view, "ac"),
                ):
                    self.assertEqual(result, set(expected))
                    self.assertIs(type(result), TSet)
                self.assertEqual(view - items, {"c"})
                same = items
                items |= view
                items &= make(a=0, b=1, c=2, d=3).keys()
                items ^= make(a=0, d=3).keys()
                items -= make(d=3).keys()
                self.assertIs(items, same)
                self.assertEqual(items, set("bc"))
                items |= make(a=1).items()
                self.assertIn(("a", 1), items)
                with self.assertRaises(TypeError):
                    items |= make(a=1).values()

    def test_operators_in_place_change_the_set(self):
        items = same = TSet("abc")

        @atomically
        def _():
            nonlocal items
            items |= set("d")
            items &= TSet("abd")
            items -= frozenset("b")
            items ^= TSet("ax")

        self.assertIs(items, same)
        self.check(items, "dx")

    def test_operations_with_itself(self):
        @atomically
        def _():
            items = TSet("abc")
            items.update(items)
            items.intersection_update(items)
            self.assertEqual(items, set("abc"))
            self.assertEqual(items - items, set())
            items.symmetric_difference_update(items)
            self.assertEqual(items, set())

    def test_compares_as_a_set_does(self):
        @atomically
        def _():
            items = TSet("ab")
            for kind in (set, frozenset, TSet):
                self.assertTrue(items == kind("ba"))
                self.assertTrue(kind("ba") == items)
                self.assertTrue(items != kind("abc"))
                self.assertTrue(items < kind("abc"))
                self.assertTrue(kind("abc") > items)
                self.assertTrue(items <= kind("ab"))
                self.assertFalse(items < kind("ab"))
                self.assertFalse(items < kind("xyz"))
                self.assertFalse(items >= kind("a" "c"))
                self.assertTrue(items > kind())
            self.assertTrue(items == TDict(a=1, b=2).keys())
            self.assertTrue({"a": 1, "b": 2}.keys() == items)
            self.assertFalse(items == "ab")
            with self.assertRaises(TypeError):
                items < "abc"
            self.assertTrue(items.issubset("abc"))
            self.assertTrue(items.issuperset("a"))
            self.assertTrue(items.isdisjoint("xy"))
            self.assertFalse(items.isdisjoint("xyb"))

        with self.assertRaises(TypeError):
            hash(TSet())

    def test_finds_a_set_by_the_frozenset_that_is_equal(self):
        @atomically
        def _():
            items = TSet([frozenset("ab")])
            for key in (set("ab"), TSet("ab")):
                self.assertIn(key, items)
                items.remove(key)
                with self.assertRaises(KeyError) as caught:
                    items.remove(key)
                self.assertIs(caught.exception.args[0], key)
                items.discard(key)
                with self.assertRaises(TypeError):
                    items.add(key)
                items.add(frozenset("ab"))
            with self.assertRaises(TypeError):
                [] in items

    def test_an_iterator_is_a_snapshot(self):
        items = TSet("abc")
        iterator = atomically(lambda: iter(items))
        self.assertEqual(next(iterator), "a")
        atomically(items.clear)
        self.assertEqual(list(iterator), ["b", "c"])
        self.assertEqual(list(iterator), [])

    def test_may_change_while_it_is_iterated(self):
        items = TSet("ab")

        @atomically
        def _():
            for key in items:
                items.add(key + key)
                items.remove(key)

        self.check(items, ["aa", "bb"])

    def test_an_iterator_in_a_cycle_is_collected(self):
        class Thing:
            pass

        thing = Thing()
        reference = weakref.ref(thing)
        items = TSet([thing, 1])
        thing.iterator = atomically(lambda: iter(items))
        del thing, items
        self.assertIsNotNone(reference())
        gc.collect()
        self.assertIsNone(reference(), "expected the cycle to be collected")

    def test_copies_are_independent(self):
        items = TSet("ab")
        for make in (items.copy, lambda: copy.copy(items)):
            other = atomically(make)
            atomically(lambda: other.add("c"))
            self.check(other, "abc")
        self.check(items, "ab")

    def test_subclasses_keep_type_and_attributes(self):
        items = Attributed("ab")
        items.note = "kept"
        for make in (
            lambda: copy.copy(items),
            lambda: copy.deepcopy(items),
            lambda: pickle.loads(pickle.dumps(items)),
        ):
            other = atomically(make)
            self.assertIs(type(other), Attributed)
            self.assertEqual(other.note, "kept")
            self.check(other, "ab")
        self.assertIs(type(atomically(items.copy)), TSet)
        self.assertIs(type(atomically(lambda: items | set())), TSet)

    def test_is_pickled_in_a_transaction_and_read_anywhere(self):
        items = TSet("ab")
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            text = atomically(lambda: pickle.dumps(items, protocol))
            self.check(pickle.loads(text), "ab")

    def test_repr_works_anywhere(self):
        class Holder:
            def __repr__(self):
                return repr(self.items)

        holder = Holder()
        self.assertEqual(repr(TSet("a")), "TSet({'a'})")
        self.assertEqual(repr(TSet()), "TSet()")
        self.assertEqual(atomically(lambda: str(Attributed())), "Attributed()")
        holder.items = TSet([holder])
        self.assertEqual(repr(holder), "TSet({TSet(...)})")

    def test_is_generic(self):
        self.assertIs(TSet[int].__origin__, TSet)

    @unittest.skipUnless(list.append.__doc__, "built without docstrings")
    def test_methods_have_signatures(self):
        for name in dir(TSet):
            member = getattr(TSet, name)
            if isinstance(member, types.MethodDescriptorType):
                with self.subTest(name):
                    inspect.signature(member)
                    self.assertTrue(member.__doc__)
        inspect.signature(TSet)

    def test_an_abort_undoes_every_change(self):
        items = TSet(range(100))

        def body():
            items.difference_update(range(0, 100, 3))
            items.update(range(50, 150))
            items.symmetric_difference_update(range(120, 200))
            items.pop()
            items.intersection_update(range(100))
            raise LookupError

        with self.assertRaises(LookupError):
            atomically(body)
        self.check(items, range(100))

    def test_threads_may_add_different_keys(self):
        items = TSet()

        def work(name):
            for i in range(300):
                atomically(lambda: items.add((name, i)))

        self.join(*[self.start(work, name) for name in "abcd"])
        self.assertEqual(
            atomically(lambda: sorted(items)),
            [(name, i) for name in "abcd" for i in range(300)],
        )


if __name__ == "__main__":
    unittest.main()
