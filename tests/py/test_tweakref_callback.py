# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What runs when the referent of a weak reference has died."""

import os
import unittest

import stm
import stm.stats
import stm.utils
from stm import TVar, TWeakRef, atomically, retry
from stm.datatypes import TList
from support import Case, Notes, Unraisable


class Thing:
    pass


class CallbackCase(Case):
    def after_all_deaths(self):
        """Wait until deaths so far have been told of, which is in order."""
        ran = TVar(False)
        reference = TWeakRef(Thing(), lambda: ran.set(True))
        atomically(lambda: ran.get() or retry())
        del reference


class CallbackTest(CallbackCase):
    def test_it_runs_once_in_a_transaction_that_finds_the_referent_dead(self):
        thing, notes = Thing(), Notes()

        def callback():
            notes.append((stm.in_transaction(), reference.is_alive))

        reference = TWeakRef(thing, callback)
        self.after_all_deaths()
        self.assertEqual(notes, [])
        del thing
        self.after_all_deaths()
        self.after_all_deaths()
        self.assertEqual(notes, [(True, False)])

    def test_it_runs_also_if_the_reference_goes_right_after_the_referent(self):
        notes = Notes()
        for i in range(100):
            thing = Thing()
            reference = TWeakRef(thing, lambda i=i: notes.append(i))
            thing = None
            reference = None
        self.assertIsNone(reference)
        self.after_all_deaths()
        self.assertEqual(notes, list(range(100)))

    def test_it_does_not_run_where_the_reference_goes_first(self):
        notes = Notes()
        for i in range(100):
            thing = Thing()
            reference = TWeakRef(thing, lambda i=i: notes.append(i))
            reference = None
            thing = None
        self.assertIsNone(reference or thing)
        self.after_all_deaths()
        self.assertEqual(notes, [])

    def test_it_does_not_run_if_the_transaction_that_made_it_was_undone(self):
        thing, notes, made = Thing(), Notes(), []

        def body():
            made.append(TWeakRef(thing, lambda: notes.append("undone")))
            raise ValueError

        with self.assertRaises(ValueError):
            atomically(body)

        @atomically
        def _():
            with self.assertRaises(ValueError):
                atomically(body)
            made.append(TWeakRef(thing, lambda: notes.append("done")))

        del thing
        self.after_all_deaths()
        self.assertEqual(notes, ["done"])
        self.assertFalse(atomically(lambda: made[0].is_alive))

    def test_what_it_raises_is_reported_and_undoes_it(self):
        thing, var = Thing(), TVar(0)

        def callback():
            var.set(1)
            raise KeyError("from the callback")

        with Unraisable() as errors:
            reference = TWeakRef(thing, callback)
            del thing
            self.after_all_deaths()
        self.assertEqual([str(e) for e in errors], ["'from the callback'"])
        self.assertEqual(atomically(var.get), 0)
        del reference

    def test_a_retry_is_reported(self):
        thing = Thing()
        with Unraisable() as errors:
            reference = TWeakRef(thing, retry)
            del thing
            self.after_all_deaths()
        self.assertEqual([type(e) for e in errors], [RuntimeError])
        self.assertIn("retry", str(errors[0]))
        del reference

    def test_a_watcher_that_raises_keeps_no_callback_from_running(self):
        thing, notes = Thing(), Notes()

        def watch():
            if not reference.is_alive:
                raise KeyError

        with Unraisable() as errors:
            reference = TWeakRef(thing, lambda: notes.append("ran"))
            stm.utils.atomically_watch(watch, lambda unused: None)
            before = stm.stats.read()["retries"]
            thread = self.start(
                atomically, lambda: reference.is_alive and retry()
            )
            self.blocked(1, before)
            del thing
            self.join(thread)
            self.after_all_deaths()
        self.assertEqual([type(e) for e in errors], [KeyError])
        self.assertEqual(notes, ["ran"])

    def test_it_may_make_and_lose_weak_references_itself(self):
        notes = TList()

        def chain(left):
            notes.append(left)
            if left:
                thing = Thing()
                made.append(TWeakRef(thing, lambda: chain(left - 1)))

        made = []
        atomically(lambda: chain(20))
        atomically(lambda: len(notes) == 21 or retry())
        self.assertEqual(atomically(lambda: notes[-1]), 0)

    def test_it_conflicts_with_others_and_loses_nothing(self):
        var, count = TVar(0), 200
        things = [Thing() for _ in range(count)]

        def add():
            var.value += 1

        references = [TWeakRef(thing, add) for thing in things]

        def work():
            for _ in range(count):
                atomically(add)

        threads = [self.start(work) for _ in range(2)]
        things.clear()
        self.join(*threads)
        atomically(lambda: var.get() >= 3 * count or retry())
        self.assertEqual(atomically(var.get), 3 * count)
        del references

    def test_many_deaths_at_once_need_one_thread(self):
        slowness = int(os.environ.get("STM_TEST_SLOWNESS", "1"))
        total = 100000 // slowness
        things = [Thing() for _ in range(total)]
        count, threads = TVar(0), set()

        def callback():
            count.value += 1
            if count.value % 1000 == 0:
                threads.add(len(os.listdir("/proc/self/task")))

        before = len(os.listdir("/proc/self/task"))
        references = [TWeakRef(thing, callback) for thing in things]
        things.clear()
        threads.add(len(os.listdir("/proc/self/task")))
        atomically(lambda: count.get() == total or retry())
        self.assertLessEqual(max(threads), before + 1)
        del references


class ProcessTest(CallbackCase):
    def test_deaths_during_exit_do_no_harm(self):
        _, errors, took = self.script(
            """
            import atexit, stm
            class Thing:
                pass
            var = stm.TVar(0)
            def callback(var=var):
                var.value += 1
            things = [Thing() for _ in range(1000)]
            references = [stm.TWeakRef(thing, callback) for thing in things]
            kept = [Thing() for _ in range(1000)]
            others = [stm.TWeakRef(thing, callback) for thing in kept]
            others.append(others)
            last = [Thing(), Thing()]
            weak = [stm.TWeakRef(thing, callback) for thing in last]
            atexit.register(last.clear)
            things.clear()
            """
        )
        self.assertEqual(errors, "")
        self.assertLess(took, 30)

    def test_a_thread_that_waits_for_a_death_does_not_hold_the_exit_up(self):
        _, errors, took = self.script(
            """
            import os, stm, stm.stats, threading
            class Thing:
                pass
            thing = Thing()
            reference = stm.TWeakRef(thing)
            threading.Thread(
                target=stm.atomically,
                args=(lambda: reference.is_alive and stm.retry(),),
                daemon=True,
            ).start()
            while stm.stats.read()["retries"] < 1:
                os.sched_yield()
            """
        )
        self.assertEqual(errors, "")
        self.assertLess(took, 30)

    @unittest.skipIf(
        "san" in os.environ.get("LD_PRELOAD", ""),
        "after the fork of several threads ThreadSanitizer starts none, and "
        "AddressSanitizer's allocator may be locked for ever",
    )
    def test_a_child_s_deaths_are_its_own(self):
        output, errors, _ = self.script(
            """
            import os, stm, sys, warnings
            warnings.simplefilter("ignore")  # newer ones warn of threads
            class Thing:
                pass
            var = stm.TVar(0)
            def callback():
                var.value += 1
            def make(count):
                things = [Thing() for _ in range(count)]
                return things, [stm.TWeakRef(one, callback) for one in things]
            things, references = make(50)
            lost, told = make(50)
            lost.clear()
            child = os.fork()
            before = stm.atomically(var.get)
            things.clear()
            wanted = before + 50 if child == 0 else 100
            stm.atomically(lambda: var.value >= wanted or stm.retry())
            alive = stm.atomically(
                lambda: [one for one in references + told if one.is_alive]
            )
            if child == 0:
                sys.exit(len(alive))
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            """
        )
        self.assertEqual(output, "0\n")
        self.assertEqual(errors, "")


if __name__ == "__main__":
    unittest.main()
