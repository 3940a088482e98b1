# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What transactions must not do to memory, whatever their kind.

Nothing grows over many of them, what they replace goes at once, and the
collector may run at any moment and finds every cycle.
"""

import copy
import ctypes
import gc
import os
import pickle
import sys
import tracemalloc
import unittest
import weakref

from stm import TVar, atomically, on_commit, or_else, retry
from stm.datatypes import BroadcastQueue, TList, TObject
from stm.utils import atomically_watch
from support import Case

SHAKEN = "STM_SHAKE_SEED" in os.environ
SANITIZED = "san.so" in os.environ.get("LD_PRELOAD", "")
ROUNDS, TRACED = (5_000, 5_000) if SHAKEN or SANITIZED else (100_000, 10_000)
MILLION = 10 * ROUNDS
# More than tables and caches take, and less than what is taken by the smallest
# object that is lost in every round.
MARGIN = 65_536


class Thing:
    pass


class Holder(TObject):
    default = None

    def method(self):
        pass

    @property
    def double(self):
        return (self.kept, self.kept)


class Undone(Exception):
    pass


class MallocInfo(ctypes.Structure):
    """glibc's struct mallinfo2."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks",
            "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    ]


def allocated():
    """How many bytes malloc() has given out; 0 where it does not say."""
    mallinfo = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if mallinfo is None or SANITIZED:
        return 0
    mallinfo.restype = MallocInfo
    info = mallinfo()
    return info.uordblks + info.hblkhd


def undone(body):
    """Run a body in an attempt that aborts."""

    def failing():
        body()
        raise Undone

    try:
        atomically(failing)
    except Undone:
        pass


def branch(body):
    """Run a body in a branch that retries, and another after it."""

    def first():
        body()
        retry()

    atomically(lambda: or_else(first, lambda: None))


class GrowthTest(Case):
    def stays(self, kinds, *watched):
        """Run each kind of transaction many times; check that nothing grows."""
        for name, kind in kinds.items():
            for how in (atomically, undone, branch):
                with self.subTest(kind=name, ended_by=how.__name__):
                    self.check(lambda: how(kind), watched)

    def measure(self, watched):
        gc.collect()
        gc.collect()
        return (
            [sys.getrefcount(thing) for thing in watched],
            tracemalloc.get_traced_memory()[0],
            allocated(),
        )

    def check(self, run, watched, rounds=ROUNDS):
        self.repeat(run, 200)
        counts, traced, malloced = self.measure(watched)
        self.repeat(run, rounds)
        tracemalloc.start()
        try:
            self.repeat(run, 1_000)
            traced = self.measure(watched)[1]
            self.repeat(run, TRACED)
            after, traced_after, malloced_after = self.measure(watched)
        finally:
            tracemalloc.stop()
        for thing, one, two in zip(watched, counts, after):
            self.assertLess(abs(two - one), 10, f"the references to {thing!r}")
        self.assertLess(traced_after - traced, MARGIN)
        self.assertLess(malloced_after - malloced, MARGIN)

    def repeat(self, run, times):
        for _ in range(times):
            run()

    def test_of_variables(self):
        var, other = TVar(), TVar(Thing())
        value, function = Thing(), lambda: None

        def read_and_write():
            var.set((other.get(), value))
            other.set(value)

        def nested():
            atomically(lambda: var.set(value))
            undone(lambda: var.set(Thing()))

        self.stays(
            {
                "read": other.get,
                "write": lambda: var.set(value),
                "write a new object": lambda: var.set(Thing()),
                "read and write": read_and_write,
                "write twice": lambda: (var.set(Thing()), var.set(value)),
                "nested": nested,
                "make": lambda: TVar(value).set(Thing()),
                "on_commit": lambda: on_commit(function),
            },
            *(var, other, value, function, Thing, Undone),
        )

    def test_of_a_million(self):
        var, value = TVar(0), Thing()

        def replace():
            var.set((var.get(), value)[1])

        self.check(lambda: atomically(replace), [var, value, Thing], MILLION)

    def test_of_lists(self):
        value, other = Thing(), Thing()
        items = TList([value] * 100)

        def ends():
            items.append(value)
            items.insert(0, other)
            items.pop()
            items.pop(0)

        def middle():
            items.insert(50, other)
            items[50] = value
            del items[50]

        def slices():
            items[10:20] = items[10:20]
            items.sort(key=id)

        self.stays({"ends": ends, "middle": middle}, value, other, items, Thing)
        for how in (atomically, undone, branch):
            self.check(
                lambda: how(lambda: (items[5], len(items), value in items)),
                [value, items],
            )
        several = {
            "slices": slices,
            "iterate": lambda: list(items),
            "copy": lambda: items + copy.copy(items),
            "make": lambda: TList([value] * 10),
        }
        for name, kind in several.items():
            with self.subTest(kind=name):
                self.check(
                    lambda: atomically(kind), [value, other, items], TRACED
                )

    def test_of_objects(self):
        value, holder = Thing(), Holder()
        name = "".join(["na", "me"])

        def use():
            holder.kept
            holder.default
            holder.method()
            holder.double

        def come_and_go():
            holder.passing = value
            setattr(holder, name, value)
            del holder.passing
            del holder.name

        def make():
            Holder().kept = value

        atomically(lambda: setattr(holder, "kept", value))
        self.stays(
            {
                "use": use,
                "miss": lambda: hasattr(holder, "missing"),
                "write": lambda: setattr(holder, "kept", value),
                "replace": lambda: setattr(holder, "kept", Thing()),
                "come and go": come_and_go,
                "make": make,
            },
            *(value, holder, name, Holder, Thing),
        )
        several = {
            "list": lambda: (vars(holder), dir(holder)),
            "copy": lambda: copy.copy(holder),
            "pickle": lambda: pickle.loads(pickle.dumps(holder)),
        }
        atomically(lambda: setattr(holder, "kept", 1))
        for name, kind in several.items():
            with self.subTest(kind=name):
                self.check(
                    lambda: atomically(kind), [value, holder, Holder], TRACED
                )

    def test_of_watchers(self):
        var, holder, value, seen = TVar(), Holder(), Thing(), TVar()
        atomically(lambda: setattr(holder, "kept", value))
        function = lambda: (var.get(), holder.kept)  # noqa: E731
        callback = lambda result: seen.set(result)  # noqa: E731
        watcher = atomically_watch(function, callback)

        def come_and_go():
            atomically_watch(function, callback).cancel()

        def refused():
            var.set(Undone)

        def refuse():
            if var.get() is Undone:
                raise Undone

        things = [var, holder, value, function, callback, watcher]
        self.stays(
            {
                "a variable's": lambda: var.set(value),
                "an object's": lambda: setattr(holder, "kept", Thing()),
            },
            *things,
        )
        self.check(come_and_go, things, TRACED)
        atomically_watch(refuse, lambda _: None)
        self.check(lambda: undone(refused), things)
        self.check(lambda: self.quietly(refused), things)

    def quietly(self, body):
        try:
            atomically(body)
        except Undone:
            pass


class AtOnceTest(Case):
    """What is replaced is finalized before atomically() returns."""

    def gone(self, hold, replace):
        """Check that what is held is gone when it was replaced."""
        references = []

        class Seen:
            def __del__(self):
                references.append("finalized")

        def make():
            thing = Seen()
            references.append(weakref.ref(thing))
            atomically(lambda: hold(thing))

        make()
        self.assertIsNotNone(references[0]())
        del references[1:]
        atomically(replace)
        self.assertIsNone(references[0]())
        self.assertEqual(references[1:], ["finalized"])

    def test_from_a_variable(self):
        var = TVar()
        self.gone(var.set, lambda: var.set(None))
        self.gone(var.set, lambda: (var.get(), var.set(1), var.set(2)))
        self.gone(
            lambda thing: var.set([{1: thing}]),
            lambda: atomically(lambda: var.set(None)),
        )

    def test_from_a_list(self):
        items = TList(range(100))
        for index in (0, 50, -1):

            def hold(thing, index=index):
                items[index] = thing

            self.gone(hold, lambda: items.__setitem__(index, None))
            self.gone(hold, lambda: items.pop(index))
            self.gone(hold, lambda: items.__setitem__(slice(None), range(100)))
            self.gone(hold, lambda: items.clear())
            atomically(lambda: items.extend(range(100)))

    def test_from_an_object(self):
        holder = Holder()

        def hold(thing):
            holder.kept = thing

        self.gone(hold, lambda: setattr(holder, "kept", None))
        self.gone(hold, lambda: delattr(holder, "kept"))

        def pass_through():
            holder.kept = Thing()
            del holder.kept

        self.gone(hold, pass_through)

    def test_with_what_held_it(self):
        var = TVar()

        def in_an_object(thing):
            holder = Holder()
            holder.kept = thing
            var.set(holder)

        for hold in (
            in_an_object,
            lambda thing: var.set(TList([thing])),
            lambda thing: var.set(TVar(thing)),
            lambda thing: var.set(TList([TVar(TList([thing]))])),
        ):
            self.gone(hold, lambda: var.set(None))

    def test_what_a_watcher_replaced(self):
        var, copied = TVar(), Holder()
        atomically(lambda: setattr(copied, "kept", None))
        atomically_watch(var.get, lambda value: setattr(copied, "kept", value))
        self.gone(var.set, lambda: var.set(None))


class CollectorTest(Case):
    def test_runs_at_every_allocation_of_a_mixed_workload(self):
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        gc.set_threshold(1)
        var, items, holder, seen = TVar(0), TList(), Holder(), TVar([])
        endpoint = atomically(lambda: BroadcastQueue().new_endpoint())
        atomically_watch(
            lambda: (len(items), getattr(holder, "count", 0)),
            lambda result: seen.set([result, seen]),
        )

        def step(number):
            var.set(var.get() + 1)
            items.append([number, var, items])
            holder.count = getattr(holder, "count", 0) + 1
            holder.me = holder
            setattr(holder, f"field{number}", [holder, TVar(items)])
            endpoint.replace(Holder())
            if len(items) > 20:
                del items[5:15]
                delattr(holder, f"field{number}")
                vars(holder)

        def work(number):
            for i in range(40):
                if i % 5 == 0:
                    undone(lambda: step(number))
                    branch(lambda: step(number))
                atomically(lambda: step(number))
                endpoint_item = atomically(endpoint.get)
                self.assertIsInstance(endpoint_item, Holder)

        self.join(*[self.start(work, number) for number in range(3)])
        counts = atomically(lambda: (var.get(), holder.count))
        self.assertEqual(counts, (120, 120))
        self.assertEqual(
            atomically(seen.get)[0],
            atomically(lambda: (len(items), holder.count)),
        )

    def found(self, tie):
        """Check that what a function returns is a cycle that is found."""
        tied = tie()
        reference, address, kind = weakref.ref(tied), id(tied), type(tied)
        del tied
        for _ in range(2):
            gc.collect()
        self.assertIsNone(reference(), f"expected to find {tie.__name__}")
        self.assertFalse(
            any(
                id(thing) == address and type(thing) is kind
                for thing in gc.get_objects()
            ),
            f"expected {tie.__name__} to be taken apart",
        )

    def test_finds_a_cycle_in_two_calls(self):
        def through_a_variable():
            var = TVar()
            atomically(lambda: var.set([var]))
            return var

        def through_a_list():
            items = TList(range(200))
            atomically(lambda: items.insert(100, {1: items}))
            return items

        def through_a_list_that_was_sliced():
            items = TList(range(200))
            atomically(lambda: items.append(items))
            atomically(lambda: items[50:])
            return items

        def through_an_object():
            holder = Holder()
            atomically(lambda: setattr(holder, "kept", (holder,)))
            return holder

        def through_several():
            var, items, holder = TVar(), TList(), Holder()

            @atomically
            def _():
                var.set(holder)
                items.append(var)
                holder.items = items

            return holder

        for tie in (
            through_a_variable,
            through_a_list,
            through_a_list_that_was_sliced,
            through_an_object,
            through_several,
        ):
            self.found(tie)

    def test_finds_a_cycle_through_a_watcher_in_two_calls(self):
        def of_a_variable():
            var, thing = TVar(), Thing()
            thing.var = var
            atomically_watch(lambda: thing.var.get(), lambda _: thing)
            return thing

        def of_an_object():
            holder = Holder()
            atomically(lambda: setattr(holder, "kept", 1))
            atomically_watch(
                lambda: holder.kept, lambda value: setattr(holder, "b", value)
            )
            return holder

        def of_what_an_object_lacks():
            holder = Holder()
            atomically_watch(lambda: hasattr(holder, "kept"), lambda _: holder)
            return holder

        def of_the_names_of_an_object():
            holder = Holder()
            atomically_watch(lambda: dir(holder), lambda _: holder)
            return holder

        def of_a_list():
            items = TList()
            atomically_watch(lambda: len(items), lambda _: items)
            return items

        for tie in (
            of_a_variable,
            of_an_object,
            of_what_an_object_lacks,
            of_the_names_of_an_object,
            of_a_list,
        ):
            self.found(tie)

    def test_finds_many_cycles_with_finalizers(self):
        count = TVar(0)

        class Mortal(TObject):
            def __del__(self):
                atomically(lambda: count.set(count.get() + 1))

        for _ in range(1000):
            mortal = Mortal()
            atomically(lambda: setattr(mortal, "me", [mortal]))
        del mortal
        for _ in range(2):
            gc.collect()
        self.assertEqual(atomically(count.get), 1000)


if __name__ == "__main__":
    unittest.main()
