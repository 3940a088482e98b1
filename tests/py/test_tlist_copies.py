# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Products, copies and pickles of TLists, and TLists of subclasses."""

import copy
import pickle
import sys
import unittest

from stm import atomically
from stm.datatypes import TList
from support import Case


class Named(TList):
    """A list with attributes, whose __init__() wants an argument."""

    def __init__(self, name, values=()):
        super().__init__(values)
        self.name = name


class Slotted(TList):
    __slots__ = ("slot", "__dict__")


class Shy(TList):
    """Has nothing of its own to keep."""

    def __getstate__(self):
        return None


class ProductTest(Case):
    def test_a_large_product_has_every_item(self):
        for length, times in ((1, 5000), (3, 1367), (70, 200), (5000, 3)):
            part = list(range(length))
            with self.subTest(length=length, times=times):
                items = TList(part)
                found = atomically(lambda: list(items * times))
                self.assertEqual(found, part * times)

    def test_a_large_product_changes_as_any_list(self):
        items = atomically(lambda: TList([1, 2]) * 10000)

        @atomically
        def _():
            items[777] = "here"
            del items[10000:]
            self.assertEqual(items.index("here"), 777)
            self.assertEqual(items.count(2), 4999)
            self.assertEqual(len(items), 10000)

    def test_a_product_in_place_is_undone(self):
        items = TList([1, 2])

        def body():
            same = items
            same *= 3000
            self.assertIs(same, items)
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(body)
        self.assertEqual(atomically(lambda: list(items)), [1, 2])

    def test_what_is_too_long_is_a_memory_error_and_no_more(self):
        items = TList(range(4))

        @atomically
        def _():
            for times in (sys.maxsize // 4, sys.maxsize // 32 + 1):
                with self.assertRaises(MemoryError):
                    items * times
                with self.assertRaises(MemoryError):
                    items.__imul__(times)
            with self.assertRaises(OverflowError):
                items * (sys.maxsize + 1)
            self.assertEqual(items, [0, 1, 2, 3])

    def test_growing_too_long_is_a_memory_error_and_no_more(self):
        items = TList([1])

        @atomically
        def _():
            long = items * (sys.maxsize // 16 + 1)
            length = len(long)
            with self.assertRaises(MemoryError):
                long.extend(long)
            with self.assertRaises(MemoryError):
                long += long
            with self.assertRaises(MemoryError):
                long + long
            with self.assertRaises(MemoryError):
                long[5:5] = long
            self.assertEqual(len(long), length)
            self.assertEqual(long[length // 2], 1)
            items.append(2)

        self.assertEqual(atomically(lambda: list(items)), [1, 2])


class CopyTest(Case):
    def made_again(self, value):
        """The value, copied in every way there is, in a transaction."""
        yield atomically(lambda: copy.copy(value))
        yield atomically(lambda: copy.deepcopy(value))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            data = atomically(lambda: pickle.dumps(value, protocol))
            yield pickle.loads(data)

    def test_copies_have_the_same_items(self):
        for length in (0, 1, 40, 3000):
            items = TList(range(length))
            for other in self.made_again(items):
                self.assertIs(type(other), TList)
                self.assertIsNot(other, items)
                self.assertEqual(
                    atomically(lambda: list(other)), list(range(length))
                )

    def test_what_an_undone_transaction_lets_out_stays_as_it_was(self):
        items = TList()

        @atomically
        def _():
            let_out = []

            def nested():
                let_out.extend([iter(items), items.copy(), items[:], items * 1])
                raise KeyError

            items[:] = [1]
            items.append(2)
            with self.assertRaises(KeyError):
                atomically(nested)
            items.append(3)
            items[0] = 4
            for other in let_out:
                self.assertEqual(list(other), [1, 2])
            let_out[1].append(5)
            self.assertEqual(list(let_out[1]), [1, 2, 5])
            self.assertEqual(items, [4, 2, 3])

    def test_a_deep_copy_copies_the_items(self):
        items = TList([[1], TList([2])])
        other = atomically(lambda: copy.deepcopy(items))

        @atomically
        def _():
            self.assertEqual(other, items)
            self.assertIsNot(other[0], items[0])
            self.assertIsNot(other[1], items[1])

    def test_a_list_in_itself_is_copied_as_such(self):
        items = TList([1])
        atomically(lambda: items.append(items))
        data = atomically(lambda: pickle.dumps(items))
        for other in (
            pickle.loads(data),
            atomically(lambda: copy.deepcopy(items)),
        ):
            self.assertIs(atomically(lambda: other[1]), other)
            self.assertEqual(atomically(lambda: len(other)), 2)

    def test_copying_outside_a_transaction_raises(self):
        for make in (copy.copy, copy.deepcopy, pickle.dumps):
            with self.assertRaisesRegex(RuntimeError, "stm.atomically"):
                make(TList([1]))

    def test_a_copy_of_a_subclass_has_its_class_and_attributes(self):
        items = Named("a name", [1, 2])
        for other in self.made_again(items):
            self.assertIs(type(other), Named)
            self.assertEqual(other.name, "a name")
            self.assertEqual(atomically(lambda: list(other)), [1, 2])

    def test_a_copy_of_a_subclass_has_its_slots(self):
        items = Slotted([1])
        items.slot = 5
        items.other = 6
        for other in (
            atomically(lambda: copy.copy(items)),
            atomically(lambda: copy.deepcopy(items)),
        ):
            self.assertEqual((other.slot, other.other), (5, 6))

    def test_a_subclass_may_keep_its_attributes_out(self):
        items = Shy([1])
        items.attribute = 2
        for other in self.made_again(items):
            self.assertEqual(atomically(lambda: list(other)), [1])
            self.assertFalse(hasattr(other, "attribute"))

    def test_a_state_of_another_form_is_refused(self):
        items = TList([1])
        for state in (None, 5, (), ([1],), ((1,), None), ([1], 5)):
            with self.assertRaises(TypeError):
                items.__setstate__(state)

    def test_slices_sums_and_products_of_a_subclass_are_plain(self):
        items = Named("a name", [1, 2])

        @atomically
        def _():
            for other in (items[:], items + items, items * 2, items.copy()):
                self.assertIs(type(other), TList)

    def test_an_iterator_is_copied_as_one_over_what_is_to_come(self):
        items = TList(range(100))
        for make, expected in (
            (iter, range(100)),
            (reversed, range(99, -1, -1)),
        ):
            iterator = atomically(lambda: make(items))
            for taken in range(3):
                for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                    data = pickle.dumps(iterator, protocol)
                    self.assertEqual(
                        list(pickle.loads(data)), list(expected)[taken:]
                    )
                self.assertEqual(
                    list(copy.copy(iterator)), list(expected)[taken:]
                )
                next(iterator)
            self.assertEqual(list(iterator), list(expected)[3:])
            self.assertEqual(list(pickle.loads(pickle.dumps(iterator))), [])


class InitTest(Case):
    def test_what_a_list_is_made_with_is_not_undone(self):
        made = []

        def body():
            made[:] = [TList([1]), TList([2])[:], TList([3]) * 2]
            for items in made:
                items.append(5)
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(body)
        found = atomically(lambda: [list(items) for items in made])
        self.assertEqual(found, [[1], [2], [3, 3]])

    def test_other_arguments_are_refused(self):
        for make in (TList, Slotted):
            for args, kwargs in (
                (([], []), {}),
                (([],), {"initial_values": []}),
                ((), {"other": []}),
                ((5,), {}),
            ):
                with self.assertRaises(TypeError):
                    make(*args, **kwargs)
            items = make(initial_values=(1, 2))
            self.assertEqual(atomically(lambda: list(items)), [1, 2])

    def test_init_replaces_what_the_list_has(self):
        items = TList([1, 2, 3])
        items.__init__([4])
        self.assertEqual(atomically(lambda: list(items)), [4])
        items.__init__()
        self.assertEqual(atomically(lambda: list(items)), [])

    def test_a_list_made_without_init_is_empty(self):
        items = TList.__new__(TList)
        self.assertEqual(atomically(lambda: list(items)), [])

    def test_an_overridden_len_is_not_asked_for_an_index(self):
        class Long(TList):
            def __len__(self):
                return 100

        @atomically
        def _():
            items = Long([1, 2])
            self.assertEqual((items[-1], items[-2:]), (2, [1, 2]))
            self.assertEqual(items.pop(-2), 1)
            items[-1] = 3
            self.assertEqual(items, [3])

    def test_an_overridden_iter_fills_the_list(self):
        class Lying(TList):
            def __iter__(self):
                yield 1

        @atomically
        def _():
            self.assertEqual(TList(Lying([2, 3])), [1])
            items = TList()
            items.extend(Lying([2, 3]))
            items[1:] = Lying([2, 3])
            self.assertEqual(items, [1, 1])


if __name__ == "__main__":
    unittest.main()
