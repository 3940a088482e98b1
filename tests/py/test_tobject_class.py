# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""TObject as a base class: inheritance, copies, pickling, life and death."""

import abc
import copy
import dataclasses
import gc
import inspect
import pickle
import typing
import unittest
import weakref

from stm import TVar, atomically, in_transaction
from stm.datatypes import TList, TObject
from support import Case


class Point(TObject):
    scale = 1

    def __init__(self, x=0, y=0):
        self.x = x
        self.y = y


class Named(TObject):
    """Has its own idea of its state."""

    def __init__(self, name=None):
        self.name = name
        self.cache = "cache"

    def __getstate__(self):
        state = super().__getstate__()
        del state["cache"]
        return state

    def __setstate__(self, state):
        super().__setstate__(state | {"cache": "anew"})


def state(thing):
    return atomically(lambda: dict(vars(thing)))


class InheritanceTest(Case):
    def orders(self, make):
        """Run a test with TObject before and after a plain class."""
        for order in ("first", "last"):
            with self.subTest(tobject=order):
                make(
                    lambda plain: (
                        (TObject, plain)
                        if order == "first"
                        else (plain, TObject)
                    )
                )

    def test_a_plain_class_s_attributes_are_transactional_too(self):
        class Plain:
            kind = "plain"

            def __init__(self, size):
                self.size = size

            def grow(self):
                self.size += 1
                return self.size

        def test(bases):
            both = type("Both", bases(Plain), {})
            thing = atomically(lambda: both(1))

            def failing():
                thing.grow()
                thing.note = 1
                raise KeyError

            with self.assertRaises(KeyError):
                atomically(failing)
            self.assertEqual(state(thing), {"size": 1})
            self.assertEqual(atomically(thing.grow), 2)
            self.assertEqual(thing.kind, "plain")
            with self.assertRaises(RuntimeError):
                thing.size

            @atomically
            def _():
                with self.assertRaises(TypeError):
                    thing.__dict__["size"] = 7
                with self.assertRaises(AttributeError):
                    thing.__dict__ = {}
                self.assertEqual(vars(thing), {"size": 2})

        self.orders(test)

    def test_init_is_cooperative(self):
        class Plain:
            def __init__(self, *, size, **kwargs):
                super().__init__(**kwargs)
                self.size = size

        def test(bases):
            class Both(*bases(Plain)):
                def __init__(self, **kwargs):
                    super().__init__(**kwargs)
                    self.over = True

            self.assertEqual(
                state(atomically(lambda: Both(size=3))),
                {"size": 3, "over": True},
            )
            with self.assertRaises(TypeError):
                atomically(lambda: Both(size=3, other=4))

        self.orders(test)

    def test_arguments_are_refused_as_object_does(self):
        class Empty(TObject):
            pass

        class Strict(TObject):
            def __init__(self, value):
                super().__init__(value)

        class Made(TObject):
            def __new__(cls, value):
                self = super().__new__(cls)
                self.value = value
                return self

        for use in (
            lambda: TObject(1),
            lambda: TObject(x=1),
            lambda: Empty(1),
            lambda: Strict(1),
        ):
            with self.assertRaises(TypeError):
                atomically(use)
        self.assertEqual(state(atomically(lambda: Made(1))), {"value": 1})

    def test_a_diamond_is_searched_in_order(self):
        class Left(Point):
            def name(self):
                return ["left", *super().name()]

        class Right(Point):
            def name(self):
                return ["right"]

        class Both(Left, Right):
            def name(self):
                return ["both", *super().name()]

        both = atomically(Both)
        self.assertEqual(atomically(both.name), ["both", "left", "right"])

    def test_abstract_classes_cannot_be_made(self):
        class Abstract(TObject, abc.ABC):
            @abc.abstractmethod
            def method(self):
                pass

        class Concrete(Abstract):
            def method(self):
                self.done = True

        with self.assertRaisesRegex(TypeError, "abstract"):
            Abstract()
        concrete = Concrete()
        atomically(concrete.method)
        self.assertIsInstance(concrete, Abstract)
        self.assertEqual(state(concrete), {"done": True})

    def test_dataclasses_work(self):
        @dataclasses.dataclass
        class Item(TObject):
            name: str
            tags: list = dataclasses.field(default_factory=list)
            size: int = 1

        @atomically
        def _():
            item = Item("a")
            self.assertEqual(item, Item("a", [], 1))
            item.size += 1
            self.assertEqual(
                dataclasses.asdict(item), {"name": "a", "tags": [], "size": 2}
            )
            self.assertIn("Item(name='a'", repr(item))

    def test_a_generic_class_is_made_anywhere(self):
        kind = typing.TypeVar("kind")

        class Box(TObject, typing.Generic[kind]):
            pass

        self.assertIs(type(Box[int]()), Box)
        box = atomically(Box[int])
        self.assertEqual(atomically(lambda: box.__orig_class__), Box[int])

    def test_slots_are_ordinary(self):
        class Slotted(TObject):
            __slots__ = ("fixed",)

        slotted = Slotted()
        slotted.fixed = 1
        atomically(lambda: setattr(slotted, "free", 2))
        self.assertEqual(slotted.fixed, 1)
        self.assertEqual(state(slotted), {"free": 2})

    def test_equality_and_hash_are_object_s_unless_defined(self):
        one, other = TObject(), TObject()
        self.assertNotEqual(one, other)
        self.assertEqual(len({one, other, one}), 2)

        class Equal(Point):
            def __eq__(self, other):
                return self.x == other.x

            __hash__ = None

        @atomically
        def _():
            self.assertEqual(Equal(1, 2), Equal(1, 3))

    def test_the_type_cannot_be_changed(self):
        with self.assertRaises(TypeError):
            TObject.extra = 1

    @unittest.skipUnless(TObject.__doc__, "there are no docstrings")
    def test_signatures_are_known(self):
        self.assertEqual(str(inspect.signature(TObject)), "()")
        self.assertEqual(str(inspect.signature(Point)), "(x=0, y=0)")
        for name in ("__dir__", "__getstate__", "__setstate__"):
            self.assertTrue(inspect.signature(getattr(TObject, name)))


class StateTest(Case):
    def test_a_copy_has_the_same_values_in_fields_of_its_own(self):
        point = atomically(lambda: Point([1], 2))
        for make in (copy.copy, copy.deepcopy):
            twin = atomically(lambda: make(point))
            self.assertIs(type(twin), Point)
            self.assertEqual(state(twin), {"x": [1], "y": 2})
            self.assertEqual(
                state(twin)["x"] is state(point)["x"], make is copy.copy
            )
            atomically(lambda: setattr(twin, "y", 3))
            self.assertEqual(state(point)["y"], 2)

    def test_every_protocol_pickles_in_a_transaction_and_loads_anywhere(self):
        point = atomically(lambda: Point([1], 2))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            data = atomically(lambda: pickle.dumps(point, protocol))
            for twin in (
                pickle.loads(data),
                atomically(lambda: pickle.loads(data)),
            ):
                self.assertIs(type(twin), Point)
                self.assertEqual(state(twin), {"x": [1], "y": 2})
        with self.assertRaisesRegex(RuntimeError, r"stm\.atomically\(\)"):
            pickle.dumps(point)

    def test_an_object_without_attributes_pickles(self):
        twin = atomically(lambda: pickle.loads(pickle.dumps(TObject())))
        self.assertIs(type(twin), TObject)
        self.assertEqual(state(twin), {})
        self.assertIsNone(atomically(TObject().__getstate__))

    def test_a_class_may_have_its_own_state(self):
        named = atomically(lambda: Named("anna"))
        for make in (copy.copy, lambda it: pickle.loads(pickle.dumps(it))):
            twin = atomically(lambda: make(named))
            self.assertEqual(state(twin), {"name": "anna", "cache": "anew"})

    def test_slots_are_not_lost_unnoticed(self):
        class Slotted(Point):
            __slots__ = ("fixed",)

        class Empty(Point):
            __slots__ = ()

        slotted = atomically(Slotted)
        with self.assertRaisesRegex(TypeError, "__slots__"):
            atomically(lambda: copy.copy(slotted))
        empty = atomically(lambda: copy.copy(Empty(1)))
        self.assertEqual(state(empty), {"x": 1, "y": 0})

    def test_what_object_s_setattr_set_is_not_lost_unnoticed(self):
        @dataclasses.dataclass(frozen=True)
        class Frozen(TObject):
            name: str

        try:
            frozen = Frozen("anna")
        except TypeError as error:  # not all versions let it in
            self.assertIn("can't apply this __setattr__", str(error))
            return
        self.assertEqual(state(frozen), {"name": "anna"})
        twin = atomically(lambda: copy.copy(frozen))
        self.assertTrue(atomically(lambda: twin == frozen))
        self.assertIn("name", atomically(lambda: dir(frozen)))

    def test_an_object_that_holds_itself_is_copied_and_pickled(self):
        point = atomically(Point)
        atomically(lambda: setattr(point, "x", point))
        for make in (copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))):
            twin = atomically(lambda: make(point))
            self.assertIsNot(twin, point)
            self.assertIs(state(twin)["x"], twin)

    def test_a_wrong_state_changes_nothing(self):
        point = atomically(lambda: Point(1, 2))
        for wrong in (7, None, {"x": 5, 6: 7}):
            with self.assertRaises(TypeError):
                point.__setstate__(wrong)
        self.assertEqual(state(point), {"x": 1, "y": 2})

    def test_loading_is_undone_with_the_transaction(self):
        point = atomically(lambda: Point(1, 2))

        def failing():
            point.__setstate__({"x": 3, "z": 4})
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(failing)
        self.assertEqual(state(point), {"x": 1, "y": 2})


class LifeTest(Case):
    def test_can_be_referred_to_weakly(self):
        point = atomically(Point)
        reference = weakref.ref(point)
        self.assertIs(reference(), point)
        del point
        self.assertIsNone(reference())

    def test_a_cycle_through_an_attribute_is_collected(self):
        def in_itself(point):
            point.x = point

        def in_a_list(point):
            point.x = TList([point])

        def in_a_variable(point):
            point.x = [TVar(point)]

        def deleted(point):
            point.x = point.y = point
            del point.x

        for tie in (in_itself, in_a_list, in_a_variable, deleted):
            point = atomically(Point)
            atomically(lambda: tie(point))
            reference = weakref.ref(point)
            del point
            self.assertIsNotNone(reference())
            gc.collect()
            self.assertIsNone(reference(), tie.__name__)
            kinds = {type(thing) for thing in gc.get_objects()}
            self.assertNotIn(Point, kinds, tie.__name__)

    def test_an_attribute_goes_with_its_object_or_when_replaced(self):
        class Thing:
            pass

        def references():
            first, second = Thing(), Thing()
            point = atomically(lambda: Point(first, second))
            return point, weakref.ref(first), weakref.ref(second)

        point, first, second = references()
        atomically(lambda: setattr(point, "x", None))
        self.assertIsNone(first())
        atomically(lambda: delattr(point, "y"))
        self.assertIsNone(second())
        point, first, second = references()
        del point
        self.assertIsNone(first())
        self.assertIsNone(second())

    def test_a_finalizer_may_use_the_attributes(self):
        seen = TList()

        class Mortal(TObject):
            def __del__(self):
                @atomically
                def _():
                    seen.append((self.x, in_transaction()))
                    self.x = None
                    self.late = self

        mortal = Mortal()
        atomically(lambda: setattr(mortal, "x", 1))
        del mortal
        gc.collect()
        mortal = Mortal()

        @atomically
        def _():
            mortal.x = 2
            mortal.me = mortal

        del mortal
        gc.collect()
        self.assertEqual(
            atomically(lambda: list(seen)), [(1, True), (2, True)]
        )

    def test_a_finalizer_may_use_an_object_of_its_cycle(self):
        results = []

        class Last:
            def __init__(self, point):
                self.point = point

            def __del__(self):
                results.append(atomically(self.use))

            def use(self):
                for name in ("x", "y", "z"):
                    setattr(self.point, name, name)
                    delattr(self.point, name)
                    setattr(self.point, name, name)
                del self.point.z
                return len(vars(self.point)), "z" in dir(self.point)

        for name in ("x", "y", "z"):
            point = atomically(Point)
            last = Last(point)
            atomically(lambda: setattr(point, name, last))
            del point, last
            gc.collect()
        self.assertEqual(results, [(2, False)] * 3)

    def test_a_long_chain_is_let_go(self):
        point = None
        for _ in range(50000):
            point = atomically(lambda: Point(point))
        del point

    def test_an_object_may_be_made_and_dropped_in_an_attempt(self):
        for _ in range(100):
            atomically(lambda: Point(Point(1), 2).x.x)


if __name__ == "__main__":
    unittest.main()
