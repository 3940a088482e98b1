# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import collections.abc
import copy
import ctypes
import os
import random
import unittest

import stm
from stm import atomically
from stm.datatypes import TList
from stm.utils import atomically_watch
from support import Case


class TListTest(Case):
    def check(self, items, expected):
        self.assertEqual(atomically(lambda: list(items)), expected)
        self.assertEqual(atomically(lambda: len(items)), len(expected))

    def test_is_a_mutable_sequence(self):
        self.assertIsInstance(TList(), collections.abc.MutableSequence)
        for name in dir(collections.abc.MutableSequence):
            if not name.startswith("_"):
                self.assertTrue(hasattr(TList, name), name)

    def test_is_made_of_any_iterable_without_a_transaction(self):
        self.check(TList(), [])
        self.check(TList([1, 2]), [1, 2])
        self.check(TList(initial_values=iter("ab")), ["a", "b"])
        self.check(TList(range(1000)), list(range(1000)))
        with self.assertRaises(TypeError):
            TList(3)

    def test_is_made_of_another_in_a_transaction(self):
        items = TList([1, 2])
        self.check(atomically(lambda: TList(items)), [1, 2])

    def test_use_outside_a_transaction_raises(self):
        items = TList([1])
        for use in (
            lambda: len(items),
            lambda: items[0],
            lambda: items[:],
            lambda: items.append(1),
            lambda: items.pop(),
            lambda: iter(items),
            lambda: 1 in items,
            lambda: items == [1],
            lambda: items.sort(),
            lambda: items.__setitem__(0, 2),
            lambda: items.__delitem__(0),
            lambda: items.extend([1]),
            lambda: items.remove(1),
            lambda: bool(items),
        ):
            with self.assertRaisesRegex(RuntimeError, r"stm\.atomically\(\)"):
                use()
        self.check(items, [1])

    def test_indices_count_from_either_end(self):
        items = TList([1, 2, 3])

        @atomically
        def _():
            self.assertEqual([items[0], items[-1], items[-3]], [1, 3, 1])
            items[-1] = 4
            del items[-2]
            for index in (2, -3, 10**30):
                with self.assertRaises(IndexError):
                    items[index]
            with self.assertRaises(IndexError):
                items[2] = 1
            with self.assertRaises(IndexError):
                del items[-3]
            with self.assertRaises(TypeError):
                items["1"]

        self.check(items, [1, 4])

    def test_c_code_counts_from_the_end_once(self):
        get = ctypes.pythonapi.PySequence_GetItem
        get.argtypes = [ctypes.py_object, ctypes.c_ssize_t]
        get.restype = ctypes.py_object
        set_ = ctypes.pythonapi.PySequence_SetItem
        set_.argtypes = [ctypes.py_object, ctypes.c_ssize_t, ctypes.py_object]
        delete = ctypes.pythonapi.PySequence_DelItem
        delete.argtypes = [ctypes.py_object, ctypes.c_ssize_t]
        items = TList()

        @atomically
        def _():
            items[:] = [1, 2, 3]
            self.assertEqual([get(items, 0), get(items, -1)], [1, 3])
            set_(items, -1, 4)
            set_(items, 0, 5)
            delete(items, -2)
            for index in (-3, -4, 2):
                with self.assertRaises(IndexError):
                    get(items, index)
                with self.assertRaises(IndexError):
                    set_(items, index, 6)
                with self.assertRaises(IndexError):
                    delete(items, index)

        self.check(items, [5, 4])

    def test_an_iterator_is_a_snapshot(self):
        items = TList([1, 2, 3])
        iterator = atomically(lambda: iter(items))
        self.assertEqual(next(iterator), 1)
        atomically(items.clear)
        self.assertEqual(iterator.__length_hint__(), 2)
        self.assertEqual(list(iterator), [2, 3])
        self.assertEqual(list(iterator), [])

    def test_may_change_while_it_is_iterated(self):
        items = TList([1, 2, 3])

        @atomically
        def _():
            for item in items:
                items.append(item)

        self.check(items, [1, 2, 3, 1, 2, 3])

    def test_slices_and_sums_are_lists_of_their_own(self):
        items = TList(range(10))

        @atomically
        def _():
            part = items[2:5]
            self.assertIsInstance(part, TList)
            part.append("part")
            both = items + part
            both.append("both")
            items.append("items")
            self.assertEqual(list(part), [2, 3, 4, "part"])
            self.assertEqual(
                list(both), [*range(10), 2, 3, 4, "part", "both"]
            )
            self.assertEqual(list(part + ["list"])[-1], "list")
            with self.assertRaises(TypeError):
                items + (1,)
            with self.assertRaises(TypeError):
                [1] + items

        self.check(items, [*range(10), "items"])

    def test_extending_takes_lists_iterables_and_itself(self):
        items = same = TList([1])

        @atomically
        def _():
            nonlocal items
            items += [2]
            items += TList([3])
            items.extend(x for x in (4, 5))
            items.extend(items)
            with self.assertRaises(TypeError):
                items += 3

        self.assertIs(items, same)
        self.check(items, [1, 2, 3, 4, 5] * 2)

    def test_pops_from_anywhere(self):
        items = TList(range(6))

        @atomically
        def _():
            self.assertEqual(
                [items.pop(), items.pop(0), items.pop(-2), items.pop(1)],
                [5, 0, 3, 2],
            )
            with self.assertRaises(IndexError):
                items.pop(5)
            with self.assertRaises(IndexError):
                items.pop(-5)
            items.clear()
            with self.assertRaisesRegex(IndexError, "empty"):
                items.pop()

    def test_finds_by_value(self):
        items = TList([1, 2, 1, float("nan")])

        @atomically
        def _():
            self.assertIn(2, items)
            self.assertNotIn(5, items)
            self.assertIn(items[3], items)
            self.assertEqual(items.index(1), 0)
            self.assertEqual(items.index(1, 1), 2)
            self.assertEqual(items.count(1), 2)
            items.remove(1)
            self.assertEqual(items.index(1), 1)
            for use in (items.index, items.remove):
                with self.assertRaises(ValueError):
                    use(7)

    def test_sorts_and_reverses(self):
        items = TList([3, 1, 2])

        @atomically
        def _():
            items.sort()
            self.assertEqual(items, [1, 2, 3])
            items.reverse()
            self.assertEqual(items, [3, 2, 1])
            items.sort(key=lambda item: -item, reverse=True)
            self.assertEqual(items, [1, 2, 3])
            self.assertEqual(list(reversed(items)), [3, 2, 1])
            items.append("a")
            with self.assertRaises(TypeError):
                items.sort()
            self.assertEqual(items, [1, 2, 3, "a"])

    def test_sorting_what_is_in_order_disturbs_nobody(self):
        items, runs = TList([3, 1, 2]), stm.TVar(0)

        def count(_):
            runs.value += 1

        watcher = atomically_watch(lambda: list(items), count)
        for expected in (2, 2):
            atomically(items.sort)
            self.assertEqual(atomically(runs.get), expected)
        watcher.cancel()

    def test_compares_as_a_list_does(self):
        one, two = TList([1, 2]), TList([1, 3])

        @atomically
        def _():
            self.assertTrue(one == TList([1, 2]) and one == [1, 2])
            self.assertTrue(one != two and one < two and two >= one)
            self.assertTrue([1, 2] == one)
            self.assertFalse(one == (1, 2))
            with self.assertRaises(TypeError):
                one < (1, 2)

        with self.assertRaises(TypeError):
            hash(one)

    def test_truth_is_having_items(self):
        self.assertFalse(atomically(lambda: bool(TList())))
        self.assertTrue(atomically(lambda: bool(TList([None]))))

    def test_copies_are_independent(self):
        items = TList([1])
        for make in (items.copy, lambda: copy.copy(items)):
            other = atomically(make)
            atomically(lambda: other.append(2))
            self.check(other, [1, 2])
        self.check(items, [1])

    def test_repr_works_anywhere(self):
        items = TList([1, "a"])
        self.assertEqual(repr(items), "TList([1, 'a'])")
        self.assertEqual(atomically(lambda: str(items)), "TList([1, 'a'])")
        atomically(lambda: items.append(items))
        self.assertEqual(repr(items), "TList([1, 'a', TList([...])])")

    def test_is_generic_and_matches_sequence_patterns(self):
        self.assertIs(TList[int].__origin__, TList)

        @atomically
        def result():
            match TList([1, 2, 3]):
                case [first, *rest]:
                    return first, rest

        self.assertEqual(result, (1, [2, 3]))

    def test_can_be_subclassed(self):
        class Stack(TList):
            def __init__(self, size):
                super().__init__(range(size))
                self.size = size

        self.check(Stack(3), [0, 1, 2])

    def test_an_abort_undoes_every_change(self):
        items = TList(range(100))

        def body():
            items.reverse()
            items[10:20] = "abc"
            del items[::3]
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(body)
        self.check(items, list(range(100)))

    def test_items_whose_equality_changes_the_list(self):
        items = TList()

        class Odd:
            def __eq__(self, other):
                items.clear()
                return False

        atomically(lambda: items.extend([Odd(), Odd(), 3]))
        self.assertTrue(atomically(lambda: 3 in items))
        self.check(items, [])

    def test_several_threads_may_share_it(self):
        items = TList()

        def work():
            for i in range(300):
                atomically(lambda: items.append(i))

        self.join(*[self.start(work) for _ in range(4)])
        self.assertEqual(
            atomically(lambda: sorted(items)), sorted([*range(300)] * 4)
        )


class Operations:
    """One random operation on a list and on a TList."""

    def __init__(self, draw):
        self.draw = draw

    def index(self, length):
        return self.draw.randint(-length - 2, length + 2)

    def slice(self, length):
        ends = [None, self.index(length), self.index(length)]
        step = self.draw.choice([None, 1, 1, 1, 2, 3, -1, -2, 7])
        return slice(self.draw.choice(ends), self.draw.choice(ends), step)

    def values(self):
        count = self.draw.randint(0, 40)
        return [self.draw.randint(0, 9) for _ in range(count)]

    def apply(self, name, target, index, part, values):
        match name:
            case "append":
                return target.append(index)
            case "insert":
                return target.insert(index, values)
            case "extend":
                return target.extend(values)
            case "add":
                return list(target + type(target)(values))
            case "iadd":
                target += values
            case "get":
                return target[index]
            case "set":
                target[index] = values
            case "delete":
                del target[index]
            case "get slice":
                return list(target[part])
            case "set slice":
                target[part] = values
            case "delete slice":
                del target[part]
            case "pop":
                return target.pop(index)
            case "pop end":
                return target.pop()
            case "pop front":
                return target.pop(0)
            case "remove":
                return target.remove(index)
            case "index":
                return target.index(index)
            case "count":
                return target.count(index)
            case "in":
                return index in target
            case "reverse":
                return target.reverse()
            case "sort":
                return target.sort(key=repr)
            case "copy":
                return list(target.copy())
            case "equal":
                return target == values
            case "clear" if index == 0:
                return target.clear()

    NAMES = (
        "append insert extend add iadd get set delete pop remove index count "
        "in reverse sort copy equal clear"
    ).split() + [
        "get slice", "set slice", "delete slice", "pop end", "pop front",
        "extend", "get slice", "set slice",
    ]


class RandomTest(Case):
    def outcome(self, operations, *args):
        try:
            return operations.apply(*args)
        except (IndexError, ValueError) as error:
            return type(error)

    def test_does_what_a_list_does(self):
        seed = int(os.environ.get("STM_TEST_SEED", "0")) or random.randrange(10**9)
        print(f"STM_TEST_SEED={seed}", flush=True)
        draw = random.Random(seed)
        operations = Operations(draw)
        for _ in range(40):
            model, items = [], TList()
            for _ in range(draw.randint(1, 20)):
                self.transaction(draw, operations, model, items, seed)

    def transaction(self, draw, operations, model, items, seed):
        steps = draw.randint(1, 8)
        abort = draw.random() < 0.2
        kept = list(model)

        @stm.atomically
        def _():
            model[:] = kept  # of an attempt that was thrown away
            try:

                @stm.atomically
                def _():
                    for _ in range(steps):
                        self.step(draw, operations, model, items, seed)
                    if abort:
                        raise KeyError

            except KeyError:
                model[:] = kept
            self.assertEqual(list(items), model, f"STM_TEST_SEED={seed}")

        found = atomically(lambda: list(items))
        self.assertEqual(found, model, f"STM_TEST_SEED={seed}")

    def step(self, draw, operations, model, items, seed):
        name = draw.choice(operations.NAMES)
        args = (
            operations.index(len(model)),
            operations.slice(len(model)),
            operations.values(),
        )
        expected = self.outcome(operations, name, model, *args)
        found = self.outcome(operations, name, items, *args)
        self.assertEqual(found, expected, f"{name} {args}, STM_TEST_SEED={seed}")


if __name__ == "__main__":
    unittest.main()
