# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import unittest
import weakref

import stm
from stm import TVar, atomically
from support import Case


class TVarTest(Case):
    def test_holds_none_by_default(self):
        self.assertIsNone(atomically(TVar().get))

    def test_holds_its_initial_value_without_a_transaction(self):
        value = object()
        self.assertIs(atomically(TVar(value).get), value)

    def test_get_set_and_value_agree(self):
        var = TVar(1)

        @atomically
        def _():
            var.set(2)
            self.assertEqual(var.value, 2)
            var.value = 3
            self.assertEqual(var.get(), 3)

        self.assertEqual(atomically(var.get), 3)

    def test_set_keeps_the_very_object(self):
        var, value = TVar(), [1]
        atomically(lambda: var.set(value))
        self.assertIs(atomically(var.get), value)

    def test_use_outside_a_transaction_raises_and_says_what_to_do(self):
        var = TVar(1)
        for use in (var.get, lambda: var.set(2), lambda: var.value):
            with self.assertRaisesRegex(RuntimeError, r"stm\.atomically\(\)"):
                use()
        with self.assertRaisesRegex(RuntimeError, r"stm\.atomically\(\)"):
            var.value = 2
        self.assertEqual(atomically(var.get), 1)

    def test_the_value_cannot_be_deleted(self):
        var = TVar(1)

        def delete():
            del var.value

        with self.assertRaises(AttributeError):
            atomically(delete)

    def test_has_the_name_it_was_given(self):
        self.assertIsNone(TVar(1).name)
        var = TVar(1, name="balance")
        self.assertEqual(var.name, "balance")
        self.assertIn("'balance'", repr(var))
        with self.assertRaises(TypeError):
            TVar(1, name=2)

    def test_repr_works_anywhere(self):
        self.assertTrue(repr(TVar(1)).startswith("<stm.TVar at "))

    def test_is_generic(self):
        self.assertIs(TVar[int].__origin__, TVar)

    def test_can_be_referred_to_weakly(self):
        var = TVar(1)
        reference = weakref.ref(var)
        self.assertIs(reference(), var)
        del var
        self.assertIsNone(reference())

    def test_can_be_subclassed(self):
        class Account(TVar):
            def __init__(self, owner, value):
                super().__init__(value, name=owner)
                self.owner = owner

        account = Account("anna", 5)
        self.assertEqual((account.owner, account.name), ("anna", "anna"))
        self.assertEqual(atomically(account.get), 5)

    def test_use_before_init_raises(self):
        var = TVar.__new__(TVar)
        with self.assertRaises(RuntimeError):
            atomically(var.get)
        repr(var)
        var.__init__(3)
        self.assertEqual(atomically(var.get), 3)
        with self.assertRaises(RuntimeError):
            var.__init__(4)

    def test_the_type_cannot_be_changed(self):
        with self.assertRaises(TypeError):
            TVar.extra = 1

    @unittest.skipUnless(int.__doc__, "the interpreter has no docstrings")
    def test_everything_public_has_a_docstring(self):
        import stm.datatypes, stm.eventloop, stm.stats, stm.threadutils
        import stm.timeout, stm.utils

        for module in (
            stm, stm.datatypes, stm.eventloop, stm.stats, stm.threadutils,
            stm.timeout, stm.utils,
        ):
            self.assertTrue(module.__doc__)
            for name in module.__all__:
                thing = getattr(module, name)
                self.assertTrue(thing.__doc__, f"{module.__name__}.{name}")
                if isinstance(thing, type):
                    for member in set(dir(thing)) - set(dir(Exception)):
                        if not member.startswith("_"):
                            self.assertTrue(
                                getattr(thing, member).__doc__,
                                f"{module.__name__}.{name}.{member}",
                            )


if __name__ == "__main__":
    unittest.main()
