# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Finalizers and weak references' callbacks that do anything."""

import gc
import sys
import threading
import unittest
import weakref

import stm
import stm.stats
import stm.utils
from stm import TVar, atomically, elapsed, or_else, retry
from stm.datatypes import BroadcastQueue, TList
from stm.utils import atomically_watch
from support import Case, Unraisable


class InVariable:
    def __init__(self):
        self.var = TVar()

    def put(self, value):
        self.var.set(value)

    def drop(self):
        self.var.set(None)


class InList:
    def __init__(self):
        self.items = TList(range(100))

    def put(self, value):
        self.items.insert(50, value)

    def drop(self):
        del self.items[50]


class InQueue:
    def __init__(self):
        self.queue = BroadcastQueue()
        self.endpoint = atomically(self.queue.new_endpoint)

    def put(self, value):
        self.queue.put(value)

    def drop(self):
        self.endpoint.get()


HOLDERS = (InVariable, InList, InQueue)


class Actions:
    """What a finalizer can do; each counts itself in the end."""

    def __init__(self):
        self.count = TVar(0)
        self.inside = []
        self.threads = []
        self.holder = None

    def add(self):
        self.count.value += 1

    def run_a_transaction(self):
        self.inside.append(stm.in_transaction())
        atomically(self.add)

    def use_the_holder(self):
        def body():
            self.holder.put(1)
            self.holder.drop()
            self.add()

        atomically(body)

    def start_a_thread(self):
        thread = threading.Thread(target=atomically, args=(self.add,))
        self.threads.append(thread)
        thread.start()

    def wait_for_a_thread(self):
        thread = threading.Thread(target=atomically, args=(self.add,))
        thread.start()
        thread.join()

    def wait_in_a_transaction(self):
        atomically(lambda: elapsed(0.001) or retry())
        atomically(self.add)

    def collect(self):
        gc.collect()
        atomically(self.add)

    def watch_something(self):
        atomically_watch(lambda: 1, lambda unused: self.add())

    def raise_an_error(self):
        atomically(self.add)
        raise ValueError

    def raise_in_a_transaction(self):
        atomically(self.add)
        atomically(lambda: [self.add(), {}["key"]])

    def retry_for_nothing(self):
        atomically(self.add)
        atomically(retry)

    def exit(self):
        atomically(self.add)
        sys.exit(1)

    QUIET = (
        run_a_transaction,
        use_the_holder,
        start_a_thread,
        wait_for_a_thread,
        wait_in_a_transaction,
        collect,
        watch_something,
    )
    LOUD = (raise_an_error, raise_in_a_transaction, retry_for_nothing, exit)

    def finish(self):
        for thread in self.threads:
            thread.join()
        return atomically(self.count.get)


class Thing:
    pass


class Finalized:
    def __init__(self, action):
        self.action = action

    def __del__(self):
        self.action()


def finalized(action):
    return Finalized(action)


def watched(action):
    """The same by a weak reference's callback."""
    thing = Thing()
    weakrefs.append(weakref.ref(thing, lambda unused: action()))
    return thing


weakrefs = []


class FinalizerTest(Case):
    TIMES = 5

    def each(self):
        for kind in HOLDERS:
            for make in (finalized, watched):
                for function in Actions.QUIET + Actions.LOUD:
                    name = (kind.__name__, make.__name__, function.__name__)
                    with self.subTest(name), Unraisable() as errors:
                        actions = Actions()
                        actions.holder = kind()
                        action = function.__get__(actions)
                        yield actions, lambda: make(action)
                        weakrefs.clear()
                        loud = function in Actions.LOUD
                        self.assertEqual(len(errors), self.TIMES * loud)
                        self.assertNotIn(True, actions.inside)

    def all_ran(self, actions):
        # What a commit replaces goes a moment later where a thread that was
        # started is in an attempt.
        self.until(lambda: actions.finish() == self.TIMES, "all finalizers")
        self.assertEqual(actions.finish(), self.TIMES)

    def test_of_what_a_commit_replaces(self):
        for actions, make in self.each():
            for _ in range(self.TIMES):
                value = [make()]
                atomically(lambda: actions.holder.put(value[0]))
                value.clear()
                atomically(actions.holder.drop)
            self.all_ran(actions)

    def test_of_what_an_attempt_that_fails_wrote(self):
        for actions, make in self.each():

            def body():
                actions.holder.put(value.pop() if value else None)
                raise KeyError

            for _ in range(self.TIMES):
                value = [make()]
                with self.assertRaises(KeyError):
                    atomically(body)
            self.all_ran(actions)

    def test_of_what_a_nested_transaction_or_a_branch_wrote(self):
        for actions, make in self.each():

            def nested():
                actions.holder.put(value.pop() if value else None)
                retry()

            for _ in range(self.TIMES):
                value = [make()]
                atomically(lambda: or_else(nested, lambda: None))
            self.all_ran(actions)

    def test_of_what_goes_with_its_container(self):
        for actions, make in self.each():
            for _ in range(self.TIMES):
                value, holder = [make()], type(actions.holder)()
                atomically(lambda: holder.put(value[0]))
                value.clear()
                del holder
            gc.collect()
            self.all_ran(actions)

    def test_of_what_a_transaction_returns_and_drops(self):
        for actions, make in self.each():
            for _ in range(self.TIMES):
                value = [make()]
                atomically(lambda: value.pop() if value else None)
            self.all_ran(actions)

    def test_several_threads_replace_what_has_finalizers(self):
        # Counted without a transaction: a Python without a GIL runs a finalizer
        # on the thread that made the object, also in the midst of a transaction
        # of that one's, of which it then is a part, undone with it.
        ended, count = [], TVar(0)
        holders = [kind() for kind in HOLDERS]

        def add():
            count.value += 1

        def end():
            try:
                atomically(add)
            finally:
                ended.append(None)

        def work():
            for _ in range(100):
                for holder in holders:
                    value = [Finalized(end)]

                    def body():
                        holder.drop()
                        holder.put(value[0])

                    atomically(body)

        for holder in holders:
            atomically(lambda: holder.put(None))
        threads = [self.start(work) for _ in range(4)]
        self.join(*threads)
        for holder in holders:
            atomically(holder.drop)
        gc.collect()
        self.until(lambda: len(ended) == 1200, "all finalizers")
        if not stm._stm.build_info()["free_threaded"]:
            self.assertEqual(atomically(count.get), 1200)


if __name__ == "__main__":
    unittest.main()
