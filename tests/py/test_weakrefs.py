# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""The weak references that are built of TWeakRef."""

import gc
import unittest
import weakref

from stm import TVar, TWeakRef, atomically, retry
from stm.datatypes import TMutableWeakRef, TPossiblyWeakRef
from support import Case, Notes


class Thing:
    pass


class WeakCase(Case):
    def after_all_deaths(self):
        """Wait until deaths so far have been told of, which is in order."""
        ran = TVar(False)
        reference = TWeakRef(Thing(), lambda: ran.set(True))
        atomically(lambda: ran.get() or retry())
        del reference

    def assert_refers(self, reference, value):
        def body():
            return reference.get(), reference.value, reference()

        self.assertEqual(atomically(body), (value, value, value))

    def assert_only_inside(self, reference):
        for ask in (
            reference,
            reference.get,
            lambda: reference.value,
            lambda: reference.is_alive,
        ):
            with self.assertRaises(RuntimeError):
                ask()
        self.assertIn(type(reference).__name__, repr(reference))


class TPossiblyWeakRefTest(WeakCase):
    def test_what_allows_it_is_referred_to_weakly(self):
        thing, notes = Thing(), Notes()
        reference = TPossiblyWeakRef(thing, lambda: notes.append("dead"))
        self.assert_only_inside(reference)
        self.assert_refers(reference, thing)
        self.assertTrue(atomically(lambda: reference.is_alive))
        del thing
        self.assert_refers(reference, None)
        self.assertFalse(atomically(lambda: reference.is_alive))
        self.after_all_deaths()
        self.assertEqual(notes, ["dead"])

    def test_what_does_not_is_referred_to_strongly(self):
        for value in (None, 5, "text", (1, 2), [3]):
            with self.subTest(value):
                reference = TPossiblyWeakRef(value, self.fail)
                self.assert_only_inside(reference)
                self.assert_refers(reference, value)
                self.assertTrue(atomically(lambda: reference.is_alive))

    def test_one_that_is_strong_keeps_its_value(self):
        thing = Thing()
        reference, probe = TPossiblyWeakRef([thing]), weakref.ref(thing)
        del thing
        gc.collect()
        self.assertIs(atomically(reference)[0], probe())
        del reference
        self.assertIsNone(probe())

    def test_one_that_is_strong_is_collected_in_a_cycle(self):
        thing = Thing()
        thing.reference = TPossiblyWeakRef([thing])
        probe = weakref.ref(thing)
        del thing
        gc.collect()
        self.assertIsNone(probe())

    def test_a_callback_must_be_callable(self):
        for value in (Thing(), 5):
            with self.assertRaises(TypeError):
                TPossiblyWeakRef(value, 5)


class TMutableWeakRefTest(WeakCase):
    def test_a_callback_must_be_callable(self):
        for value in (Thing(), None):
            with self.assertRaises(TypeError):
                TMutableWeakRef(value, 5)

    def test_it_refers_to_what_it_was_set_to(self):
        one, other = Thing(), Thing()
        reference = TMutableWeakRef(one)
        self.assert_only_inside(reference)
        self.assert_refers(reference, one)
        atomically(lambda: reference.set(other))
        self.assert_refers(reference, other)
        atomically(lambda: setattr(reference, "value", one))
        self.assert_refers(reference, one)
        del one
        self.assert_refers(reference, None)
        self.assertFalse(atomically(lambda: reference.is_alive))
        atomically(lambda: reference.set(other))
        self.assertTrue(atomically(lambda: reference.is_alive))

    def test_none_refers_to_nothing(self):
        reference, thing = TMutableWeakRef(), Thing()
        self.assert_refers(reference, None)
        self.assertFalse(atomically(lambda: reference.is_alive))
        atomically(lambda: reference.set(thing))
        self.assert_refers(reference, thing)
        atomically(lambda: reference.set(None))
        self.assert_refers(reference, None)

    def test_it_can_be_set_only_inside_a_transaction_and_to_what_allows_it(
        self,
    ):
        thing = Thing()
        reference = TMutableWeakRef(thing)
        with self.assertRaises(RuntimeError):
            reference.set(Thing())
        with self.assertRaises(TypeError):
            atomically(lambda: reference.set(5))
        self.assert_refers(reference, thing)

    def test_a_change_is_undone_with_its_transaction(self):
        one, other = Thing(), Thing()
        reference = TMutableWeakRef(one)

        def body():
            reference.set(other)
            self.assertIs(reference.get(), other)
            raise ValueError

        with self.assertRaises(ValueError):
            atomically(body)
        self.assert_refers(reference, one)

    def test_a_change_wakes_who_waits(self):
        thing = Thing()
        reference = TMutableWeakRef()
        thread = self.start(
            atomically, lambda: reference.is_alive or retry()
        )
        atomically(lambda: reference.set(thing))
        self.join(thread)

    def test_the_callback_is_for_the_value_of_the_time(self):
        notes, things = Notes(), [Thing() for _ in range(3)]
        reference = TMutableWeakRef(things[0], lambda: notes.append("dead"))
        atomically(lambda: reference.set(things[1]))
        things[0] = None
        self.after_all_deaths()
        self.assertEqual(notes, [])
        things[1] = None
        self.after_all_deaths()
        self.assertEqual(notes, ["dead"])
        atomically(lambda: reference.set(things[2]))
        things[2] = None
        self.after_all_deaths()
        self.assertEqual(notes, ["dead", "dead"])

    def test_the_callback_is_not_for_a_value_that_was_undone(self):
        notes, one, other = Notes(), Thing(), Thing()
        reference = TMutableWeakRef(one, lambda: notes.append("dead"))

        def body():
            reference.set(other)
            raise ValueError

        with self.assertRaises(ValueError):
            atomically(body)
        del other
        self.after_all_deaths()
        self.assertEqual(notes, [])
        del one
        self.after_all_deaths()
        self.assertEqual(notes, ["dead"])


if __name__ == "__main__":
    unittest.main()
