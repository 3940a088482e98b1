# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""TDict's keys(), values() and items()."""

import collections.abc
import types
import unittest

from stm import atomically
from stm.datatypes import TDict
from support import Case


class ViewTest(Case):
    def test_views_are_live_in_a_transaction(self):
        items = TDict(a=1)
        keys, values, pairs = items.keys(), items.values(), items.items()

        @atomically
        def _():
            items["b"] = 2
            self.assertEqual(list(keys), ["a", "b"])
            self.assertEqual(list(values), [1, 2])
            self.assertEqual(list(pairs), [("a", 1), ("b", 2)])
            self.assertEqual(len(keys), 2)
            self.assertEqual(list(reversed(pairs)), [("b", 2), ("a", 1)])
            self.assertEqual(list(reversed(values)), [2, 1])

    def test_are_views_by_their_abstract_classes(self):
        items = TDict()
        self.assertIsInstance(items.keys(), collections.abc.KeysView)
        self.assertIsInstance(items.values(), collections.abc.ValuesView)
        self.assertIsInstance(items.items(), collections.abc.ItemsView)

    def test_look_for_keys_and_pairs(self):
        items = TDict(a=1, b=[])

        @atomically
        def _():
            self.assertIn("a", items.keys())
            self.assertNotIn("c", items.keys())
            self.assertIn(1, items.values())
            self.assertNotIn(2, items.values())
            self.assertIn(("a", 1), items.items())
            self.assertIn(("b", []), items.items())
            self.assertNotIn(("a", 2), items.items())
            self.assertNotIn(("c", 1), items.items())
            self.assertNotIn("a", items.items())
            with self.assertRaises(TypeError):
                [] in items.keys()

    def test_keys_and_items_are_like_sets(self):
        @atomically
        def _():
            for make in (dict, TDict):
                left = make(a=1, b=2).keys()
                for right in ({"b": 0, "c": 0}.keys(), TDict(b=0, c=0).keys()):
                    self.assertEqual(left & right, {"b"})
                    self.assertEqual(left | right, {"a", "b", "c"})
                    self.assertEqual(left - right, {"a"})
                    self.assertEqual(left ^ right, {"a", "c"})
                    self.assertFalse(left.isdisjoint(right))
                    self.assertFalse(left <= right or left >= right)
                    self.assertFalse(left == right)
            pairs = TDict(a=1, b=2).items()
            self.assertEqual(pairs, {"a": 1, "b": 2}.items())
            self.assertEqual(pairs, {("a", 1), ("b", 2)})
            self.assertTrue(pairs > {("a", 1)})
            self.assertTrue({("a", 1)} < pairs)
            self.assertEqual(pairs & [("a", 1), ("a", 2)], {("a", 1)})
            self.assertEqual({("a", 1)} - pairs, set())
            self.assertTrue(pairs.isdisjoint([("b", 1)]))
            self.assertNotEqual(pairs, [("a", 1), ("b", 2)])
            with self.assertRaises(TypeError):
                pairs & 1

    def test_pairs_need_a_hash_only_where_they_are_put_in_a_set(self):
        @atomically
        def _():
            pairs = TDict(a=1, b=[2], c=3).items()
            for make in (dict, TDict):
                others = make(a=1, b=[2], c=4).items()
                self.assertEqual(pairs ^ others, {("c", 3), ("c", 4)})
            for few in ({("a", 1)}, [("a", 1), ("b", [3])], {("b", 2)}):
                same = {pair for pair in few if pair == ("a", 1)}
                self.assertEqual(pairs & few, same)
                self.assertEqual(few & pairs, same)
            with self.assertRaises(TypeError):
                pairs & [("b", [2])]

    def test_operators_raise_outside_a_transaction(self):
        for view in (TDict(a=1).keys(), TDict(a=1).items()):
            for operate in (
                lambda: view & [],
                lambda: [] & view,
                lambda: view | [],
                lambda: view - set(),
                lambda: set() ^ view,
            ):
                with self.assertRaisesRegex(RuntimeError, r"stm\.atomically"):
                    operate()

    def test_mapping_is_read_only(self):
        items = TDict(a=1)
        for view in (items.keys(), items.values(), items.items()):
            self.assertIsInstance(view.mapping, types.MappingProxyType)
            self.assertEqual(atomically(lambda: view.mapping["a"]), 1)
            with self.assertRaises(TypeError):
                view.mapping["a"] = 2


if __name__ == "__main__":
    unittest.main()
