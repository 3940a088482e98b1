# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Weak references: aliveness within a transaction, and lifetimes."""

import gc
import inspect
import sys
import unittest
import weakref

import stm
from stm import TVar, TWeakRef, atomically, or_else, retry
from stm.datatypes import TList
from stm.utils import atomically_watch
from support import Case


class Thing:
    pass


class TWeakRefTest(Case):
    def test_a_referent_is_got_until_it_is_dead(self):
        thing = Thing()
        reference = TWeakRef(thing)
        self.assertIs(atomically(reference.get), thing)
        self.assertIs(atomically(lambda: reference.value), thing)
        self.assertIs(atomically(reference), thing)
        self.assertIs(atomically(lambda: reference.is_alive), True)
        del thing
        self.assertIsNone(atomically(reference.get))
        self.assertIsNone(atomically(lambda: reference.value))
        self.assertIsNone(atomically(reference))
        self.assertIs(atomically(lambda: reference.is_alive), False)

    def test_only_a_transaction_can_ask(self):
        thing = Thing()
        reference = TWeakRef(thing)
        for ask in (
            reference,
            reference.get,
            lambda: reference.value,
            lambda: reference.is_alive,
        ):
            with self.assertRaisesRegex(RuntimeError, "inside stm.atomically"):
                ask()
        self.assertRegex(repr(reference), "<stm.TWeakRef object at 0x.*>")

    def test_what_cannot_be_referred_to_weakly_is_refused(self):
        for value in (None, 1, "text"):
            with self.assertRaisesRegex(TypeError, "weak reference"):
                TWeakRef(value)
            with self.assertRaisesRegex(TypeError, "weak reference"):
                atomically(lambda: TWeakRef(value))

    def test_a_callback_must_be_callable(self):
        thing = Thing()
        with self.assertRaisesRegex(TypeError, "not callable"):
            TWeakRef(thing, 5)
        self.assertEqual(weakref.getweakrefcount(thing), 0)

    def test_it_is_made_once(self):
        thing = Thing()
        reference = TWeakRef(thing, int)
        with self.assertRaises(RuntimeError):
            reference.__init__(Thing())
        self.assertIs(atomically(reference), thing)
        with self.assertRaises(RuntimeError):
            atomically(TWeakRef.__new__(TWeakRef))

    def test_it_can_be_subclassed_and_subscripted(self):
        class Named(TWeakRef):
            def __init__(self, value, name):
                super().__init__(value)
                self.name = name

        thing = Thing()
        self.assertIs(atomically(Named(thing, "name")), thing)
        self.assertIs(TWeakRef[Thing].__origin__, TWeakRef)

    @unittest.skipIf(int.__doc__ is None, "built without docstrings")
    def test_it_tells_its_signature(self):
        self.assertEqual(
            str(inspect.signature(TWeakRef)), "(value, callback=None)"
        )

    def test_what_an_attempt_has_found_alive_lives_to_its_end(self):
        things = [Thing()]
        reference = TWeakRef(things[0])

        def body():
            alive = reference.is_alive
            things.clear()
            gc.collect()
            return alive, reference.is_alive, reference.get() is not None

        self.assertIn(atomically(body), [(True,) * 3, (False,) * 3])
        self.assertFalse(atomically(lambda: reference.is_alive))

    def test_one_that_is_found_dead_stays_dead(self):
        reference = TWeakRef(Thing())
        answers = atomically(lambda: [reference.get() for _ in range(3)])
        self.assertEqual(answers, [None] * 3)

    def test_the_transaction_that_makes_it_keeps_the_referent(self):
        def body():
            reference = TWeakRef(Thing())
            gc.collect()
            return reference, reference.is_alive

        reference, alive = atomically(body)
        self.assertTrue(alive)
        self.assertFalse(atomically(lambda: reference.is_alive))

    def test_one_made_in_an_undone_nested_transaction_is_weak_after_it(self):
        made = []

        def nested():
            made.append(TWeakRef(Thing()))
            raise ValueError

        def body():
            with self.assertRaises(ValueError):
                atomically(nested)
            return made[-1].is_alive

        self.assertTrue(atomically(body))
        self.assertFalse(atomically(lambda: made[-1].is_alive))

    def test_one_who_asks_often_holds_few_references(self):
        thing = Thing()
        reference = TWeakRef(thing)

        def body():
            for _ in range(1000):
                reference.get()
            return sys.getrefcount(thing)

        before = sys.getrefcount(thing)
        self.assertLess(atomically(body), before + 10)
        self.assertEqual(sys.getrefcount(thing), before)

    def test_many_references_to_one_thing_leave_nothing_behind(self):
        thing = Thing()
        references = [TWeakRef(thing, int) for _ in range(1000)]
        self.assertEqual(weakref.getweakrefcount(thing), 1000)
        atomically(lambda: [reference.get() for reference in references])
        del references
        # Not at once where the service thread still tells of other deaths.
        self.until(lambda: weakref.getweakrefcount(thing) == 0, "all to go")

    def test_a_commit_that_frees_it_makes_it_dead(self):
        var = TVar(Thing())
        reference = TWeakRef(atomically(var.get))
        self.assertTrue(atomically(lambda: reference.is_alive))
        atomically(lambda: var.set(None))
        # Not at once while others run: former tests' deaths may still be told.
        self.until(
            lambda: not atomically(lambda: reference.is_alive),
            "the referent to die",
        )

    def test_one_to_what_a_finalizer_revives_is_dead_or_alive_for_good(self):
        saved = []

        class Lazarus:
            def __del__(self):
                saved.append(self)

        reference = TWeakRef(Lazarus())
        before = atomically(lambda: reference.is_alive)
        for _ in range(3):
            self.assertEqual(atomically(lambda: reference.is_alive), before)
        saved.clear()
        self.assertFalse(atomically(lambda: reference.is_alive))


class WaitingTest(Case):
    def wait_for_death(self, reference, wait):
        before = stm.stats.read()["retries"]
        thread = self.start(atomically, wait)
        self.blocked(1, before)
        return thread

    def test_a_death_wakes_who_waits_for_it(self):
        thing = Thing()
        reference = TWeakRef(thing)
        thread = self.wait_for_death(
            reference, lambda: reference.is_alive and retry()
        )
        del thing
        self.join(thread)

    def test_a_death_wakes_who_has_read_it_in_a_branch(self):
        thing, var = Thing(), TVar(0)
        reference = TWeakRef(thing)

        def body():
            return or_else(
                lambda: reference.is_alive and retry(),
                lambda: var.get() or retry(),
            )

        thread = self.wait_for_death(reference, body)
        del thing
        self.join(thread)

    def test_many_are_woken_by_one_death(self):
        thing = Thing()
        references = [TWeakRef(thing) for _ in range(10)]
        before = stm.stats.read()["retries"]
        threads = [
            self.start(
                atomically, lambda one=one: one.is_alive and retry() or None
            )
            for one in references * 2
        ]
        self.blocked(len(threads), before)
        del thing
        self.join(*threads)

    def test_a_death_runs_watchers_again_inside_a_transaction(self):
        thing, seen = Thing(), TList()
        reference = TWeakRef(thing)
        atomically_watch(lambda: reference.is_alive, seen.append)
        self.assertEqual(atomically(lambda: list(seen)), [True])
        del thing
        atomically(lambda: len(seen) > 1 or retry())
        self.assertEqual(atomically(lambda: list(seen)), [True, False])

    def test_a_change_and_a_death_are_seen_in_their_order(self):
        var, things = TVar(0), [Thing()]
        reference = TWeakRef(things[0])

        def watch():
            while True:
                value, alive = atomically(
                    lambda: (var.get(), reference.is_alive)
                )
                if not alive:
                    self.assertEqual(value, 1, "expected what came before")
                    return

        thread = self.start(watch)
        atomically(lambda: var.set(1))
        things.clear()
        self.join(thread)


class CollectorTest(Case):
    def collected(self, reference):
        self.assertIsNotNone(reference())
        gc.collect()
        self.assertIsNone(reference())

    def test_one_whose_callback_refers_to_it_is_collected(self):
        thing, holder = Thing(), Thing()
        holder.reference = TWeakRef(thing, lambda holder=holder: holder)
        probe = weakref.ref(holder)
        del holder
        self.collected(probe)
        self.assertEqual(weakref.getweakrefcount(thing), 0)

    def test_one_that_its_referent_holds_is_collected_with_it(self):
        called = []
        thing = Thing()
        thing.reference = TWeakRef(thing, lambda: called.append(1))
        thing.itself = thing
        probe = weakref.ref(thing)
        del thing
        self.collected(probe)
        self.after_all_deaths()
        self.assertEqual(called, [])

    def test_one_in_a_cycle_is_collected_after_its_callback_has_run(self):
        thing, holder, ran = Thing(), Thing(), TVar(False)
        holder.reference = TWeakRef(
            thing, lambda holder=holder: ran.set(holder is not None)
        )
        probe = weakref.ref(holder)
        del thing, holder
        atomically(lambda: ran.get() or retry())

        def is_gone():
            gc.collect()
            return probe() is None

        self.until(is_gone, "the collector to find it")

    def test_the_collector_s_deaths_are_deaths(self):
        thing, ran = Thing(), TVar(False)
        thing.itself = thing
        reference = TWeakRef(thing, lambda: ran.set(True))
        del thing
        gc.collect()
        self.assertFalse(atomically(lambda: reference.is_alive))
        atomically(lambda: ran.get() or retry())

    def test_the_collector_may_run_at_every_allocation(self):
        old = gc.get_threshold()
        self.addCleanup(gc.set_threshold, *old)
        gc.set_threshold(1)
        count, references = TVar(0), []

        def is_dead(reference):
            # Returns at once where another thread collects already.
            gc.collect()
            return not atomically(lambda: reference.is_alive)

        def work():
            for _ in range(30):
                thing = Thing()
                thing.itself = thing
                reference = TWeakRef(
                    thing, lambda: count.set(count.get() + 1)
                )
                thing = None
                references.append(reference)
                self.until(lambda: is_dead(reference), "a collection")

        self.join(*[self.start(work) for _ in range(3)])
        atomically(lambda: count.get() == 90 or retry())

    def after_all_deaths(self):
        """Wait until deaths so far have been told of, which is in order."""
        ran = TVar(False)
        reference = TWeakRef(Thing(), lambda: ran.set(True))
        atomically(lambda: ran.get() or retry())
        del reference


if __name__ == "__main__":
    unittest.main()
