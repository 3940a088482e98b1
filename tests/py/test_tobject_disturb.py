# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Who is disturbed by a change of a TObject's attributes, and who is not."""

import os
import unittest

import stm.stats
from stm import atomically, retry
from stm.datatypes import TObject
from stm.utils import atomically_watch
from support import Case, Notes

# Attempts also run again without cause there.
SHAKEN = "STM_SHAKE_SEED" in os.environ


class Thing(TObject):
    default = 0

    def __init__(self):
        self.present = 1
        self.other = 1

    def method(self):
        pass

    @property
    def double(self):
        return 2 * self.present


READS = {
    "read": lambda thing: thing.present,
    "missed": lambda thing: getattr(thing, "missing", None),
    "asked": lambda thing: hasattr(thing, "missing"),
    "default": lambda thing: thing.default,
    "method": lambda thing: thing.method(),
    "property": lambda thing: thing.double,
    "listed": lambda thing: sorted(vars(thing)),
    "dir": lambda thing: len(dir(thing)),
}
# What vars() reads besides the names.
ALL = {"listed"}

# What is done, and who is disturbed by it.
CHANGES = [
    (lambda thing: setattr(thing, "other", 2), ALL),
    (lambda thing: setattr(thing, "present", 2), ALL | {"read", "property"}),
    (lambda thing: setattr(thing, "new", 2), ALL | {"dir"}),
    (
        lambda thing: setattr(thing, "missing", 2),
        ALL | {"dir", "missed", "asked"},
    ),
    (lambda thing: setattr(thing, "default", 2), ALL | {"dir", "default"}),
    (lambda thing: setattr(thing, "method", int), ALL | {"dir", "method"}),
    (lambda thing: delattr(thing, "new"), ALL | {"dir"}),
    (lambda thing: delattr(thing, "method"), ALL | {"dir", "method"}),
    (
        lambda thing: delattr(thing, "present"),
        ALL | {"dir", "read", "property"},
    ),
]


class WatchTest(Case):
    def test_a_change_disturbs_those_who_read_missed_or_listed(self):
        thing, seen = atomically(Thing), Notes()
        for name, read in READS.items():
            atomically_watch(
                lambda read=read: self.quietly(read, thing),
                lambda _, name=name: seen.append(name),
            )
        self.assertEqual(seen, list(READS))
        for number, (change, disturbed) in enumerate(CHANGES):
            atomically(lambda: seen._items.clear())
            atomically(lambda: change(thing))
            self.assertEqual(
                set(atomically(lambda: list(seen._items))),
                disturbed,
                f"change {number}",
            )

    def quietly(self, read, thing):
        try:
            read(thing)
        except AttributeError:
            pass

    def test_who_uses_another_object_is_not_disturbed(self):
        one, other, seen = atomically(Thing), atomically(Thing), Notes()
        atomically_watch(
            lambda: [read(one) for read in READS.values()],
            lambda _: seen.append(1),
        )
        for change, _ in CHANGES:
            atomically(lambda: change(other))
        self.assertEqual(seen, [1])


@unittest.skipIf(SHAKEN, "attempts are counted")
class ConflictTest(Case):
    def runs(self, body, change):
        """How often a transaction runs beside which another commits."""
        thing, runs = atomically(Thing), []
        atomically(lambda: setattr(thing, "default", 0))

        def meet():
            runs.append(1)
            body(thing)
            if len(runs) == 1:
                self.join(self.start(atomically, lambda: change(thing)))
            thing.last = len(runs)

        atomically(lambda: setattr(thing, "last", 0))
        atomically(meet)
        return len(runs)

    def often(self, body, change):
        """The same, some times: any attempt may have to run again, but those
        that conflict always do."""
        return (self.runs(body, change) for _ in range(20))

    def test_different_attributes_do_not_conflict(self):
        def write_present(thing):
            thing.present = 5

        def write_other(thing):
            thing.other = 5

        def read_present(thing):
            return thing.present

        def miss(thing):
            return hasattr(thing, "missing")

        def call(thing):
            return thing.method()

        def add(thing):
            thing.new = 1

        def remove(thing):
            del thing.default

        for body in (write_present, read_present, miss, call):
            for change in (write_other, add, remove):
                with self.subTest(body=body.__name__, change=change.__name__):
                    self.assertIn(1, self.often(body, change))

    def test_the_same_attribute_does(self):
        def write(thing):
            thing.present = 5

        def read(thing):
            return thing.present

        def remove(thing):
            del thing.present

        for body in (read, write):
            for change in (write, remove):
                with self.subTest(body=body.__name__, change=change.__name__):
                    runs = self.runs(
                        lambda thing: self.quietly(body, thing), change
                    )
                    self.assertEqual(runs, 2)

    quietly = WatchTest.quietly

    def test_who_missed_or_listed_conflicts_with_who_adds(self):
        def add(thing):
            thing.missing = 1

        for name in ("missed", "asked", "listed", "dir"):
            with self.subTest(body=name):
                self.assertEqual(self.runs(READS[name], add), 2)


class WaitTest(Case):
    def test_who_waits_for_an_attribute_is_woken_when_it_is_added(self):
        thing = atomically(Thing)

        def wait():
            if not hasattr(thing, "missing"):
                retry()
            return thing.missing

        results, before = [], stm.stats.read()["retries"]
        thread = self.start(lambda: results.append(atomically(wait)))
        self.blocked(1, before)
        atomically(lambda: setattr(thing, "other", 2))
        atomically(lambda: setattr(thing, "missing", "there"))
        self.join(thread)
        self.assertEqual(results, ["there"])

    def test_who_waits_for_a_name_among_all_is_woken(self):
        thing = atomically(Thing)

        def wait():
            if len(vars(thing)) < 3:
                retry()
            return list(vars(thing))

        results, before = [], stm.stats.read()["retries"]
        thread = self.start(lambda: results.append(atomically(wait)))
        self.blocked(1, before)
        atomically(lambda: setattr(thing, "new", 1))
        self.join(thread)
        self.assertEqual(results, [["present", "other", "new"]])


class ThreadsTest(Case):
    THREADS, ROUNDS = 3, 300

    def test_threads_that_meet_at_new_names_share_the_fields(self):
        thing = TObject()

        def count(name):
            setattr(thing, name, getattr(thing, name, 0) + 1)

        def work():
            for i in range(self.ROUNDS):
                atomically(lambda: count(f"field{i}"))

        self.join(*[self.start(work) for _ in range(self.THREADS)])
        self.assertEqual(
            atomically(lambda: dict(vars(thing))),
            {f"field{i}": self.THREADS for i in range(self.ROUNDS)},
        )

    def test_a_class_may_change_while_others_use_its_objects(self):
        class Changing(TObject):
            pass

        thing, over = Changing(), []
        atomically(lambda: setattr(thing, "size", "field"))

        def change():
            for i in range(self.ROUNDS):
                Changing.size = property(lambda self: "property")
                Changing.other = i
                del Changing.size
            over.append(True)

        def use():
            while not over:
                self.assertIn(get(), ("field", "property"))
            self.assertEqual(get(), "field")

        def get():
            return atomically(lambda: thing.size)

        self.join(
            self.start(change), *[self.start(use) for _ in range(self.THREADS)]
        )

    def test_a_sum_over_attributes_holds_beside_writers_and_listers(self):
        thing = TObject()
        names = [f"account{i}" for i in range(6)]
        atomically(lambda: [setattr(thing, name, 10) for name in names])

        def move(source, target):
            value = getattr(thing, source, 0)
            if value == 0:
                return
            if value == 1:
                delattr(thing, source)
            else:
                setattr(thing, source, value - 1)
            setattr(thing, target, getattr(thing, target, 0) + 1)

        def work(seed):
            for i in range(self.ROUNDS):
                source = names[(seed + i) % 6]
                target = names[(seed + 3 * i + 1) % 6]
                if source != target:
                    atomically(lambda: move(source, target))

        def look():
            for _ in range(self.ROUNDS):
                values = atomically(lambda: dict(vars(thing))).values()
                self.assertEqual(sum(values), 60)
                self.assertNotIn(0, values)

        self.join(
            *[self.start(work, seed) for seed in range(self.THREADS)],
            self.start(look),
        )


if __name__ == "__main__":
    unittest.main()
