# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Reference counts, the collector and finalizers."""

import gc
import sys
import unittest
import weakref

import stm
from stm import TVar, atomically, elapsed, retry
from stm.datatypes import BroadcastQueue, TList
from stm.utils import atomically_watch
from support import Case


class Thing:
    pass


class CycleTest(Case):
    def collect(self, reference, what):
        self.assertIsNotNone(reference())
        gc.collect()
        self.assertIsNone(reference(), f"expected the collector to find {what}")

    def test_a_variable_that_holds_itself_is_collected(self):
        var = TVar()
        atomically(lambda: var.set(var))
        reference = weakref.ref(var)
        del var
        self.collect(reference, "the variable")

    def test_a_cycle_through_several_objects_is_collected(self):
        var, thing = TVar(), Thing()
        thing.var = var
        atomically(lambda: var.set([thing]))
        reference = weakref.ref(thing)
        del var, thing
        self.collect(reference, "the cycle")

    def test_a_list_that_holds_itself_is_collected(self):
        for length in (1, 10, 1000):
            items = TList(range(length))
            atomically(lambda: items.append(items))
            reference = weakref.ref(items)
            del items
            self.collect(reference, f"the list of {length}")

    def test_an_endpoint_that_holds_itself_is_collected(self):
        endpoint = atomically(lambda: BroadcastQueue().new_endpoint())
        atomically(lambda: endpoint.replace(endpoint))
        reference = weakref.ref(endpoint)
        del endpoint
        self.collect(reference, "the endpoint")

    def test_a_watcher_of_a_variable_in_its_closure_is_collected(self):
        var, thing = TVar(0), Thing()
        thing.var = var
        reference = weakref.ref(thing)

        def callback(value, thing=thing):
            thing.seen = value

        atomically_watch(lambda thing=thing: thing.var.get(), callback)
        del var, thing, callback
        self.collect(reference, "the watcher's cycle")

    def test_a_watcher_of_several_variables_is_collected_with_them(self):
        names = [TVar(i) for i in range(3)]
        reference = weakref.ref(names[0])
        watcher = weakref.ref(
            atomically_watch(
                lambda names=names: [var.get() for var in names],
                lambda values: None,
            )
        )
        del names
        self.assertIsNotNone(watcher())
        self.collect(reference, "the variables")
        self.assertIsNone(watcher())

    def test_a_watcher_outlives_its_handle(self):
        var, seen = TVar(0), []
        atomically_watch(var.get, seen.append)
        gc.collect()
        atomically(lambda: var.set(1))
        self.assertEqual(seen, [0, 1])

    def test_what_is_reachable_survives(self):
        var, items, thing = TVar(), TList(), Thing()

        @atomically
        def _():
            var.set([var, thing])
            items.append([items, thing])

        gc.collect()
        self.assertIs(atomically(var.get)[1], thing)
        self.assertIs(atomically(lambda: items[0])[1], thing)

    def test_lists_that_share_nodes_keep_their_items(self):
        items = TList(Thing() for _ in range(500))
        copy = atomically(items.copy)
        atomically(lambda: copy.append(copy))
        gc.collect()
        del items
        gc.collect()
        kinds = atomically(lambda: {type(item) for item in copy})
        self.assertEqual(kinds, {Thing, TList})

    def test_many_cycles_leave_nothing_behind(self):
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(2000):
            var = TVar()
            atomically(lambda: var.set(var))
        del var
        gc.collect()
        self.assertLess(len(gc.get_objects()) - before, 200)


class FinalizerTest(Case):
    def test_what_is_replaced_goes_before_atomically_returns(self):
        var = TVar(Thing())
        reference = weakref.ref(atomically(var.get))
        atomically(lambda: var.set(None))
        self.assertIsNone(reference())

    def test_what_is_taken_out_of_a_list_goes_as_well(self):
        items = TList(Thing() for _ in range(100))
        reference = weakref.ref(atomically(lambda: items[50]))
        atomically(lambda: items.__delitem__(50))
        self.assertIsNone(reference())
        reference = weakref.ref(atomically(lambda: items[0]))
        atomically(items.clear)
        self.assertIsNone(reference())

    def test_what_an_attempt_wrote_goes_with_it(self):
        var, made = TVar(None), []

        def body():
            thing = Thing()
            made.append(weakref.ref(thing))
            var.set(thing)
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(body)
        self.assertIsNone(made[0]())

    def test_what_thrown_away_attempts_returned_goes(self):
        made = []

        def body():
            thing = Thing()
            made.append(weakref.ref(thing))
            if not elapsed(0.01):
                try:
                    retry()
                except BaseException:
                    pass
            return thing

        kept = atomically(body)
        self.assertEqual(
            [reference() for reference in made],
            [None] * (len(made) - 1) + [kept],
        )

    def test_a_finalizer_may_run_transactions(self):
        count = TVar(0)

        class Counted:
            def __del__(self):
                self.seen.append(stm.in_transaction())
                atomically(lambda: count.set(count.get() + 1))

        Counted.seen = seen = []
        var = TVar(Counted())
        for _ in range(100):
            counted = Counted()
            atomically(lambda: var.set(counted))
        self.assertEqual(atomically(count.get), 100)
        del var, counted
        self.assertEqual(atomically(count.get), 101)
        self.assertEqual(set(seen), {False})

    def test_a_finalizer_may_replace_as_much_as_the_commit_before_it(self):
        left = [TVar(Thing()) for _ in range(50)]
        right = [TVar(Thing()) for _ in range(50)]

        def replace(variables):
            for var in variables:
                var.set(Thing())

        class Late:
            def __del__(self):
                atomically(lambda: replace(right))

        passing = TVar()

        def body():
            passing.set(Late())
            passing.set(None)
            replace(left)

        old = [weakref.ref(atomically(var.get)) for var in left + right]
        atomically(body)
        self.assertEqual([reference() for reference in old], [None] * 100)

    def test_a_finalizer_that_raises_does_not_hide_the_body_s_exception(self):
        class Loud:
            def __del__(self):
                try:
                    raise KeyError
                except KeyError:
                    pass

        var = TVar()

        def body():
            var.set(Loud())
            raise ValueError

        with self.assertRaises(ValueError):
            atomically(body)

    def test_a_long_chain_of_variables_is_let_go(self):
        var = None
        for _ in range(100000):
            var = TVar(var)
        del var

    def test_a_variable_goes_in_a_transaction(self):
        reference = []

        @atomically
        def _():
            var = TVar(Thing())
            reference.append(weakref.ref(var.get()))
            var.set(1)

        self.assertIsNone(reference[0]())


class CountTest(Case):
    def test_counts_are_stable_over_ten_thousand_transactions(self):
        var, items, value, other = TVar(), TList(), Thing(), Thing()
        endpoint = atomically(lambda: BroadcastQueue().new_endpoint())

        def body():
            var.set(value)
            items.append(value)
            items.insert(0, other)
            items[0:1] = [value]
            del items[:]
            endpoint.replace(value)
            endpoint.get()
            return var.get()

        def failing():
            body()
            raise ValueError

        def run(times):
            for _ in range(times):
                atomically(body)
                try:
                    atomically(failing)
                except ValueError:
                    pass

        watched = [var, value, other, items, None, ValueError]
        run(10)
        before = [sys.getrefcount(thing) for thing in watched]
        run(5000)
        after = [sys.getrefcount(thing) for thing in watched]
        for thing, one, two in zip(watched, before, after):
            self.assertLess(abs(two - one), 10, f"the count of {thing!r}")

    def test_watchers_that_come_and_go_leave_no_reference(self):
        var, value = TVar(), Thing()
        before = sys.getrefcount(value)
        for _ in range(1000):
            watcher = atomically_watch(
                lambda: (var.get(), value), lambda _: None
            )
            watcher.cancel()
        del watcher
        gc.collect()
        self.assertLess(sys.getrefcount(value) - before, 10)

    def test_the_collector_may_run_at_every_allocation(self):
        old = gc.get_threshold()
        self.addCleanup(gc.set_threshold, *old)
        gc.set_threshold(1)
        var, items = TVar([]), TList()

        def work(number):
            for i in range(50):

                @atomically
                def _():
                    var.set(var.get() + [number])
                    items.append([i, var])
                    if len(items) > 20:
                        del items[5:15]

        atomically_watch(lambda: len(items), lambda length: [length])
        self.join(*[self.start(work, number) for number in range(3)])
        self.assertEqual(len(atomically(var.get)), 150)


if __name__ == "__main__":
    unittest.main()
