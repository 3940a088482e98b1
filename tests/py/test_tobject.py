# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""TObject: attributes of instances and of classes, as object has them."""

import unittest

from stm import atomically, or_else, retry
from stm.datatypes import TObject
from support import Case


class Account(TObject):
    """One of each kind of class attribute."""

    interest = 5

    def __init__(self, owner, balance=0):
        self.owner = owner
        self.balance = balance

    @property
    def rich(self):
        return self.balance > 1000

    @rich.setter
    def rich(self, value):
        self.balance = 2000 if value else 0

    def deposit(self, amount):
        self.balance += amount
        return self.balance

    @classmethod
    def named(cls, owner):
        return cls(owner)

    @staticmethod
    def currency():
        return "crown"


def new(*args, type=Account, **kwargs):
    return atomically(lambda: type(*args, **kwargs))


def get(thing, name, *default):
    return atomically(lambda: getattr(thing, name, *default))


def put(thing, name, value):
    atomically(lambda: setattr(thing, name, value))


def drop(thing, name):
    atomically(lambda: delattr(thing, name))


class AttributeTest(Case):
    def test_holds_what_was_set(self):
        account, value = new("anna", 10), [1]
        self.assertEqual(get(account, "owner"), "anna")
        put(account, "owner", value)
        self.assertIs(get(account, "owner"), value)
        put(account, "note", None)
        self.assertIsNone(get(account, "note"))

    def test_a_missing_one_raises_as_objects_do(self):
        account = new("anna")

        @atomically
        def _():
            for use in (
                lambda: account.nothing,
                lambda: delattr(account, "nothing"),
                lambda: delattr(account, "interest"),
            ):
                with self.assertRaises(AttributeError) as caught:
                    use()
                self.assertIs(caught.exception.obj, account)
                self.assertIn(caught.exception.name, ("nothing", "interest"))
                self.assertRegex(
                    str(caught.exception),
                    "'Account' object has no attribute '(nothing|interest)'",
                )

    def test_hasattr_and_a_default_work(self):
        account = new("anna")

        @atomically
        def _():
            self.assertTrue(hasattr(account, "owner"))
            self.assertFalse(hasattr(account, "nothing"))
            self.assertEqual(getattr(account, "nothing", 7), 7)

    def test_can_be_deleted_and_set_again(self):
        account = new("anna", 10)
        drop(account, "balance")
        self.assertIsNone(get(account, "balance", None))
        with self.assertRaises(AttributeError):
            drop(account, "balance")
        put(account, "balance", 3)
        self.assertEqual(get(account, "balance"), 3)

    def test_what_an_undone_attempt_set_or_deleted_is_undone(self):
        account = new("anna", 10)

        def failing():
            account.balance = 11
            account.note = "new"
            del account.owner
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(failing)
        self.assertEqual(
            atomically(lambda: dict(vars(account))),
            {"owner": "anna", "balance": 10},
        )

        def first():
            account.note = "new"
            retry()

        atomically(lambda: or_else(first, lambda: None))
        self.assertIsNone(get(account, "note", None))

    def test_a_name_may_be_any_string(self):
        class Name(str):
            pass

        account = new("anna")
        names = ["", "two words", "zero\0", "\udc80", "ü", "x" * 300]
        for i, name in enumerate(names):
            put(account, name, i)
            self.assertEqual(get(account, name), i)
        put(account, Name("owner"), "bert")
        self.assertEqual(get(account, "".join(["ow", "ner"])), "bert")
        self.assertEqual(get(account, Name("own" + "er")), "bert")
        self.assertEqual(
            atomically(lambda: list(vars(account))),
            ["owner", "balance", *names],
        )

    def test_a_name_that_is_no_string_is_refused(self):
        account = new("anna")
        for use in (
            lambda: account.__getattribute__(1),
            lambda: account.__setattr__(1, 2),
            lambda: account.__delattr__(1),
        ):
            with self.assertRaises(TypeError):
                atomically(use)

    def test_there_may_be_thousands(self):
        thing = TObject()
        for i in range(3000):
            put(thing, f"field{i}", i)
        for i in range(3000):
            self.assertEqual(get(thing, f"field{i}"), i)
        for i in range(0, 3000, 2):
            drop(thing, f"field{i}")
        self.assertEqual(
            atomically(lambda: list(vars(thing).items())),
            [(f"field{i}", i) for i in range(1, 3000, 2)],
        )

    def test_a_doomed_attempt_raises_again(self):
        account, raised = new("anna"), []
        operations = [
            lambda: account.owner,
            lambda: account.nothing,
            lambda: setattr(account, "owner", 1),
            lambda: setattr(account, "another", 1),
            lambda: delattr(account, "owner"),
            lambda: vars(account),
            lambda: dir(account),
            lambda: hasattr(account, "owner"),
        ]

        def first():
            try:
                retry()
            except BaseException:
                pass
            for operation in operations:
                try:
                    operation()
                except BaseException as error:
                    raised.append(type(error).__name__)

        atomically(lambda: or_else(first, lambda: None))
        self.assertEqual(set(raised), {"_Retry"})
        self.assertEqual(len(raised) % len(operations), 0)


class OutsideTest(Case):
    def test_use_raises_and_says_what_to_do(self):
        account = new("anna")
        for use in (
            lambda: account.owner,
            lambda: account.nothing,
            lambda: setattr(account, "owner", 1),
            lambda: setattr(account, "interest", 1),
            lambda: delattr(account, "owner"),
            lambda: hasattr(account, "owner"),
            lambda: account.rich,
            lambda: account.deposit(1),
            lambda: vars(account),
            lambda: dir(account),
            account.__getstate__,
        ):
            with self.assertRaisesRegex(RuntimeError, r"stm\.atomically\(\)"):
                use()
        self.assertEqual(get(account, "owner"), "anna")

    def test_creation_needs_no_transaction_if_nothing_is_set(self):
        self.assertIsInstance(TObject(), TObject)

        class Plain(TObject):
            def __init__(self, seen):
                seen.append(type(self))

        seen = []
        Plain(seen)
        self.assertEqual(seen, [Plain])
        with self.assertRaisesRegex(RuntimeError, r"stm\.atomically\(\)"):
            Account("anna")

    def test_what_the_class_has_is_there(self):
        account = new("anna", 1)
        self.assertEqual(atomically(lambda: account.deposit(1)), 2)
        deposit = account.deposit
        self.assertEqual(atomically(lambda: deposit(1)), 3)
        self.assertEqual(account.interest, 5)
        self.assertEqual(account.currency(), "crown")
        self.assertIs(account.__class__, Account)
        self.assertIsInstance(atomically(lambda: account.named("b")), Account)

    def test_what_is_in_front_of_the_class_is_not_passed_over(self):
        account = new("anna")
        put(account, "interest", 6)
        with self.assertRaisesRegex(RuntimeError, r"stm\.atomically\(\)"):
            account.interest
        self.assertEqual(get(account, "interest"), 6)
        drop(account, "interest")
        self.assertEqual(account.interest, 5)

    def test_repr_and_str_work(self):
        account = new("anna")
        for text in (repr(account), str(account), f"{account}"):
            self.assertRegex(text, "<.*Account object at 0x")

    def test_python_may_ask_for_special_names(self):
        account = new("anna")
        self.assertFalse(hasattr(account, "__wrapped__"))
        self.assertFalse(callable(account))
        put(account, "__wrapped__", 1)
        with self.assertRaises(RuntimeError):
            hasattr(account, "__wrapped__")


class ListingTest(Case):
    def test_vars_is_a_read_only_copy_in_order(self):
        account = new("anna", 1)
        put(account, "note", 2)
        put(account, "owner", "bert")
        seen = atomically(lambda: vars(account))
        self.assertEqual(
            list(seen.items()),
            [("owner", "bert"), ("balance", 1), ("note", 2)],
        )
        drop(account, "owner")
        put(account, "owner", "carl")
        self.assertEqual(seen["owner"], "bert")
        self.assertEqual(
            atomically(lambda: list(vars(account))),
            ["balance", "note", "owner"],
        )
        with self.assertRaises(TypeError):
            seen["owner"] = 1

        def replace():
            account.__dict__ = {}

        for use in (replace, lambda: delattr(account, "__dict__")):
            with self.assertRaises(AttributeError):
                atomically(use)

    def test_dir_has_both_the_class_s_and_the_instance_s(self):
        account = new("anna")
        put(account, "note", 1)
        listed = atomically(lambda: dir(account))
        self.assertEqual(listed, sorted(listed))
        self.assertLessEqual(set(dir(Account)), set(listed))
        self.assertEqual(
            set(listed) - set(dir(Account)), {"owner", "balance", "note"}
        )


    def test_a_class_may_list_what_it_likes(self):
        class Some(TObject):
            def __dir__(self):
                return [name for name in super().__dir__() if name < "b"]

        some = Some()
        put(some, "a", 1)
        put(some, "c", 1)
        listed = atomically(lambda: dir(some))
        self.assertIn("a", listed)
        self.assertIn("__init__", listed)
        self.assertNotIn("c", listed)


class OrderTest(Case):
    """Which of several attributes of one name counts, as with object."""

    def both(self, *tests, **namespace):
        """Run tests on instances of a plain and a transactional class."""
        for base in (object, TObject):
            thing = type("Thing", (base,), dict(namespace))()
            for test in tests:
                with self.subTest(base=base):
                    atomically(lambda: test(thing))

    def test_an_instance_s_one_hides_a_class_attribute(self):
        def test(thing):
            self.assertEqual(thing.size, 1)
            thing.size = 2
            self.assertEqual((thing.size, type(thing).size), (2, 1))
            del thing.size
            self.assertEqual(thing.size, 1)

        self.both(test, size=1)

    def test_an_instance_s_one_hides_a_method(self):
        def test(thing):
            self.assertEqual(thing.size(), 1)
            thing.size = lambda: 2
            self.assertEqual(thing.size(), 2)

        self.both(test, size=lambda self: 1)

    def test_a_data_descriptor_comes_first(self):
        class Data:
            def __get__(self, instance, owner):
                return "class"

            def __set__(self, instance, value):
                log.append(value)

            def __delete__(self, instance):
                log.append("deleted")

        log = []

        def test(thing):
            del log[:]
            self.assertEqual(thing.size, "class")
            thing.size = 2
            self.assertEqual(thing.size, "class")
            del thing.size
            self.assertEqual(log, [2, "deleted"])
            self.assertNotIn("size", vars(thing))

        self.both(test, size=Data())

    def test_a_non_data_descriptor_comes_after_the_instance(self):
        class NonData:
            def __get__(self, instance, owner):
                return "class"

        def test(thing):
            self.assertEqual(thing.size, "class")
            thing.size = "instance"
            self.assertEqual(thing.size, "instance")

        self.both(test, size=NonData())

    def test_a_property_without_a_setter_cannot_be_set(self):
        def test(thing):
            self.assertEqual(thing.size, 1)
            for use in (
                lambda: setattr(thing, "size", 2),
                lambda: delattr(thing, "size"),
            ):
                with self.assertRaises(AttributeError):
                    use()

        self.both(test, size=property(lambda self: 1))

    def test_getattr_is_asked_last(self):
        def missing(self, name):
            if name == "nothing":
                raise AttributeError(name)
            return f"no {name}"

        def test(thing):
            self.assertEqual(thing.other, "no other")
            thing.other = 1
            self.assertEqual((thing.other, thing.size), (1, 5))
            self.assertFalse(hasattr(thing, "nothing"))

        self.both(test, size=5, __getattr__=missing)

    def test_setattr_and_delattr_can_be_overridden(self):
        def setter(self, name, value):
            super(type(self), self).__setattr__(name, [value])

        def deleter(self, name):
            super(type(self), self).__delattr__(name.lower())

        def test(thing):
            thing.size = 1
            self.assertEqual(thing.size, [1])
            delattr(thing, "SIZE")
            self.assertFalse(hasattr(thing, "size"))

        self.both(test, __setattr__=setter, __delattr__=deleter)

    def test_getattribute_can_be_overridden(self):
        def getter(self, name):
            return (name, super(type(self), self).__getattribute__(name))

        def test(thing):
            thing.size = 1
            self.assertEqual(thing.size, ("size", 1))

        self.both(test, __getattribute__=getter)

    def test_a_change_of_the_class_counts_at_once(self):
        def test(thing):
            cls = type(thing)
            thing.size = "instance"
            self.assertEqual(thing.size, "instance")
            for again in range(3):
                cls.size = "class"
                self.assertEqual(thing.size, "instance")
                cls.size = property(lambda self: "data")
                self.assertEqual(thing.size, "data")
                del cls.size
                self.assertEqual(thing.size, "instance")
            cls.other = 1
            self.assertEqual(thing.other, 1)
            del cls.other
            self.assertFalse(hasattr(thing, "other"))

        self.both(test)

    def test_a_change_of_a_base_or_of_the_bases_counts_at_once(self):
        for root in (object, TObject):

            @atomically
            def _():
                class First(root):
                    pass

                class Second(root):
                    size = property(lambda self: "second")

                class Thing(First):
                    pass

                thing = Thing()
                thing.size = "instance"
                self.assertEqual(thing.size, "instance")
                First.size = property(lambda self: "first")
                self.assertEqual(thing.size, "first")
                Thing.__bases__ = (Second,)
                self.assertEqual(thing.size, "second")
                del Second.size
                self.assertEqual(thing.size, "instance")

    def test_a_change_of_an_object_s_class_counts_at_once(self):
        for root in (object, TObject):

            @atomically
            def made():
                class Before(root):
                    pass

                class After(root):
                    size = property(lambda self: "after")

                thing = Before()
                thing.size = "instance"
                self.assertEqual(thing.size, "instance")
                thing.__class__ = After
                self.assertEqual(thing.size, "after")
                thing.__class__ = Before
                self.assertEqual(thing.size, "instance")
                return thing, After

            thing, after = made
            thing.__class__ = after
            self.assertIs(type(thing), after)


if __name__ == "__main__":
    unittest.main()
