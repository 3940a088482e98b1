# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import collections
import collections.abc
import copy
import inspect
import pickle
import types
import unittest

from stm import atomically
from stm.datatypes import TDict
from support import Case


class Attributed(TDict):
    pass


class TDictTest(Case):
    def check(self, items, expected):
        self.assertEqual(
            atomically(lambda: list(items.items())), list(expected.items())
        )
        self.assertEqual(atomically(lambda: len(items)), len(expected))

    def test_is_a_mutable_mapping(self):
        self.assertIsInstance(TDict(), collections.abc.MutableMapping)
        for name in dir(dict):
            self.assertTrue(hasattr(TDict, name), name)

    def test_is_made_of_what_a_dict_is_without_a_transaction(self):
        self.check(TDict(), {})
        self.check(TDict({1: 2}), {1: 2})
        self.check(TDict([(1, 2), (3, 4)], a=5), {1: 2, 3: 4, "a": 5})
        self.check(TDict(a=1, b=2), {"a": 1, "b": 2})
        self.check(TDict(zip("ab", range(2))), {"a": 0, "b": 1})
        for wrong in (3, [1], [(1, 2, 3)]):
            with self.assertRaises((TypeError, ValueError)):
                TDict(wrong)
        with self.assertRaises(TypeError):
            TDict({}, {})
        with self.assertRaises(TypeError):
            TDict([([], 1)])

    def test_is_made_of_another_in_a_transaction(self):
        items = TDict(a=1)
        self.check(atomically(lambda: TDict(items, b=2)), {"a": 1, "b": 2})
        self.check(items, {"a": 1})
        with self.assertRaisesRegex(RuntimeError, r"stm\.atomically\(\)"):
            TDict(items)

    def test_being_made_again_is_an_update(self):
        items = TDict(a=1)
        items.__init__(b=2)
        self.check(items, {"a": 1, "b": 2})

    def test_use_outside_a_transaction_raises(self):
        items = TDict(a=1)
        for use in (
            lambda: len(items),
            lambda: bool(items),
            lambda: items["a"],
            lambda: items.get("a"),
            lambda: "a" in items,
            lambda: items.__setitem__("a", 2),
            lambda: items.__delitem__("a"),
            lambda: items.setdefault("a"),
            lambda: items.pop("a"),
            lambda: items.popitem(),
            lambda: items.clear(),
            lambda: items.copy(),
            lambda: items.update(),
            lambda: items == {},
            lambda: items | {},
            lambda: {} | items,
            lambda: items.__ior__({}),
            lambda: iter(items),
            lambda: reversed(items),
            lambda: len(items.keys()),
            lambda: iter(items.values()),
            lambda: ("a", 1) in items.items(),
            lambda: items.keys() & {"a"},
            lambda: items.keys().isdisjoint([]),
            lambda: pickle.dumps(items),
        ):
            with self.assertRaisesRegex(RuntimeError, r"stm\.atomically\(\)"):
                use()
        self.check(items, {"a": 1})

    def test_keeps_the_order_of_insertion(self):
        items = TDict()

        @atomically
        def _():
            for key in "hello world":
                items[key] = key.upper()
            del items["e"]
            items["e"] = 1
            items["h"] = 2

        self.check(
            items,
            {"h": 2, "l": "L", "o": "O", " ": " "}
            | {"w": "W", "r": "R", "d": "D", "e": 1},
        )
        self.assertEqual(
            atomically(lambda: "".join(reversed(items))), "edrw olh"
        )

    def test_the_first_of_equal_keys_stays(self):
        items = TDict()

        @atomically
        def _():
            items[1] = "int"
            items[1.0] = "float"

        self.assertEqual(repr(items), "TDict({1: 'float'})")

    def test_missing_keys(self):
        items = TDict(a=1)

        @atomically
        def _():
            for key in ("b", (), (1, 2), None):
                for use in (
                    lambda: items[key],
                    lambda: items.pop(key),
                    lambda: items.__delitem__(key),
                ):
                    with self.assertRaises(KeyError) as caught:
                        use()
                    self.assertEqual(caught.exception.args, (key,))
                self.assertIsNone(items.get(key))
                self.assertEqual(items.pop(key, 5), 5)
            items.clear()
            with self.assertRaisesRegex(KeyError, "empty"):
                items.popitem()

    def test_a_subclass_may_say_what_is_missing(self):
        class Squares(TDict):
            def __missing__(self, key):
                self[key] = key * key
                return self[key]

        items = Squares()

        @atomically
        def _():
            self.assertEqual(items[3], 9)
            self.assertNotIn(4, items)
            self.assertIsNone(items.get(4))

        self.check(items, {3: 9})

    def test_missing_is_looked_for_as_special_methods_are(self):
        class Static(TDict):
            @staticmethod
            def __missing__(key):
                return key

        class OfClass(TDict):
            @classmethod
            def __missing__(cls, key):
                return cls, key

        class OfInstance(TDict):
            pass

        class Meta(type):
            def __missing__(cls, key):
                return key

        class OfMeta(TDict, metaclass=Meta):
            pass

        of_instance = OfInstance()
        of_instance.__missing__ = lambda key: key

        @atomically
        def _():
            self.assertEqual(Static()[1], 1)
            self.assertEqual(OfClass()[1], (OfClass, 1))
            for items in (of_instance, OfMeta()):
                with self.assertRaises(KeyError):
                    items[1]

    def test_a_subclass_that_goes_through_other_keys_is_merged_by_these(self):
        class Other(TDict):
            def __iter__(self):
                return iter(self.keys())

            def __len__(self):
                return 7

            def __getitem__(self, key):
                return key

            def keys(self):
                return ["b"]

        @atomically
        def _():
            other, items = Other(a=1), TDict()
            items.update(other)
            self.assertEqual(items, {"b": "b"})
            self.assertEqual(TDict(other), {"b": "b"})
            self.assertEqual(TDict() | other, {"b": "b"})
            # As a dict's subclass would, it has all the same what it holds.
            self.assertEqual(other, {"a": 1})
            self.assertEqual(copy.copy(other), {"a": 1})
            self.assertEqual(len(other.items()), 1)

    def test_unhashable_keys(self):
        items = TDict()

        @atomically
        def _():
            for use in (
                lambda: items[[]],
                lambda: items.get([]),
                lambda: [] in items,
                lambda: items.setdefault({}),
                lambda: items.update([([], 1)]),
            ):
                with self.assertRaisesRegex(TypeError, "unhashable"):
                    use()
        with self.assertRaises(TypeError):
            hash(items)

    def test_an_iterator_is_a_snapshot(self):
        items = TDict(a=1, b=2, c=3)
        iterator = atomically(lambda: iter(items.items()))
        self.assertEqual(next(iterator), ("a", 1))
        atomically(items.clear)
        self.assertEqual(iterator.__length_hint__(), 2)
        again = pickle.loads(pickle.dumps(iterator))
        self.assertEqual(list(iterator), [("b", 2), ("c", 3)])
        self.assertEqual(list(iterator), [])
        self.assertEqual(list(again), [("b", 2), ("c", 3)])

    def test_may_change_while_it_is_iterated(self):
        items = TDict(a=1, b=2)

        @atomically
        def _():
            for key in items:
                items[key + key] = 0
                del items[key]

        self.check(items, {"aa": 0, "bb": 0})

    def test_update_takes_mappings_pairs_and_itself(self):
        items = same = TDict()

        @atomically
        def _():
            nonlocal items
            items.update({"a": 1})
            items.update([("b", 2)], c=3)
            items |= TDict(d=4)
            items |= [("e", 5)]
            items.update(collections.UserDict(f=6))
            items.update(items)
            with self.assertRaises(TypeError):
                items.update(1)
            with self.assertRaises(TypeError):
                items |= 1

        self.assertIs(items, same)
        self.check(items, dict(zip("abcdef", range(1, 7))))

    def test_unions_are_new(self):
        items = TDict(a=1)

        @atomically
        def _():
            for union in (
                items | {"b": 2},
                {"b": 2} | items,
                items | TDict(b=2),
            ):
                self.assertIs(type(union), TDict)
                self.assertEqual(union, {"a": 1, "b": 2})
            with self.assertRaises(TypeError):
                items | [("b", 2)]

        self.check(items, {"a": 1})

    def test_compares_as_a_dict_does(self):
        nan = float("nan")

        @atomically
        def _():
            items = TDict(a=1, b=nan)
            self.assertEqual(items, {"b": nan, "a": 1})
            self.assertEqual({"b": nan, "a": 1}, items)
            self.assertEqual(items, TDict(b=nan, a=1))
            self.assertNotEqual(items, {"a": 1})
            self.assertNotEqual(items, {"a": 2, "b": nan})
            self.assertNotEqual(items, [("a", 1)])
            with self.assertRaises(TypeError):
                items < {}

    def test_copies_are_independent(self):
        items = TDict(a=[1])
        for make in (items.copy, lambda: copy.copy(items)):
            other = atomically(make)
            atomically(lambda: other.__setitem__("b", 2))
            self.check(other, {"a": [1], "b": 2})
            self.assertIs(atomically(lambda: other["a"] is items["a"]), True)
        deep = atomically(lambda: copy.deepcopy(items))
        self.assertIs(atomically(lambda: deep["a"] is items["a"]), False)
        self.check(items, {"a": [1]})

    def test_subclasses_keep_type_and_attributes(self):
        items = Attributed(a=1)
        items.note = "kept"
        for make in (
            lambda: copy.copy(items),
            lambda: copy.deepcopy(items),
            lambda: pickle.loads(pickle.dumps(items)),
        ):
            other = atomically(make)
            self.assertIs(type(other), Attributed)
            self.assertEqual(other.note, "kept")
            self.check(other, {"a": 1})
        self.assertIs(type(atomically(items.copy)), TDict)

    def test_is_pickled_in_a_transaction_and_read_anywhere(self):
        items = TDict(a=1, b=(2,))
        atomically(lambda: items.__setitem__("self", items))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            text = atomically(lambda: pickle.dumps(items, protocol))
            other = pickle.loads(text)
            self.assertIs(type(other), TDict)
            self.assertEqual(
                atomically(lambda: list(other)), ["a", "b", "self"]
            )
            self.assertIs(atomically(lambda: other["self"]), other)

    def test_fromkeys_works_anywhere(self):
        self.check(TDict.fromkeys("ab", 1), {"a": 1, "b": 1})
        self.check(TDict.fromkeys([]), {})
        self.assertIs(
            type(atomically(lambda: Attributed.fromkeys("a"))), Attributed
        )

    def test_repr_works_anywhere(self):
        items = TDict(a=1)
        self.assertEqual(repr(items), "TDict({'a': 1})")
        self.assertEqual(repr(Attributed()), "Attributed({})")
        self.assertEqual(repr(items.keys()), "TDictKeys(['a'])")
        self.assertEqual(repr(items.values()), "TDictValues([1])")
        self.assertEqual(repr(items.items()), "TDictItems([('a', 1)])")

        @atomically
        def _():
            items["b"] = items
            items["c"] = items.values()

        self.assertEqual(
            repr(items),
            "TDict({'a': 1, 'b': TDict({...}), "
            "'c': TDictValues([1, TDict({...}), ...])})",
        )

    def test_is_generic_and_matches_mapping_patterns(self):
        self.assertIs(TDict[str, int].__origin__, TDict)

        @atomically
        def result():
            match TDict(a=1, b=2):
                case {"a": value, **rest}:
                    return value, rest

        self.assertEqual(result, (1, {"b": 2}))

    def test_becomes_keyword_arguments_and_a_dict(self):
        items = TDict(a=1)
        self.assertEqual(atomically(lambda: dict(**items)), {"a": 1})
        self.assertEqual(atomically(lambda: dict(items)), {"a": 1})

    @unittest.skipUnless(list.append.__doc__, "built without docstrings")
    def test_methods_have_signatures(self):
        for name in dir(TDict):
            member = getattr(TDict, name)
            if isinstance(member, types.MethodDescriptorType):
                with self.subTest(name):
                    inspect.signature(member)
                    self.assertTrue(member.__doc__)
        inspect.signature(TDict)

    def test_an_abort_undoes_every_change(self):
        before = {i: str(i) for i in range(100)}
        items = TDict(before)

        def body():
            for i in range(0, 100, 3):
                del items[i]
            items.update({i: None for i in range(50, 150)})
            items.popitem()
            items.clear()
            items["new"] = 1
            raise LookupError

        with self.assertRaises(LookupError):
            atomically(body)
        self.check(items, before)

    def test_threads_may_add_different_keys(self):
        items = TDict()

        def work(name):
            for i in range(200):

                @atomically
                def _():
                    items[name, i] = i
                    items[name] = items.get(name, 0) + 1

        self.join(*[self.start(work, name) for name in "abcd"])

        @atomically
        def _():
            self.assertEqual(len(items), 804)
            for name in "abcd":
                self.assertEqual(items[name], 200)
                own = [key[1] for key in items if key[0] == name and key[1:]]
                self.assertEqual(own, list(range(200)))


if __name__ == "__main__":
    unittest.main()
