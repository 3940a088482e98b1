# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Values whose comparison does anything, that are false, or that lie deep."""

import gc
import unittest
import weakref

import stm
import stm.stats
from stm import TVar, atomically, on_commit, or_else, retry
from stm.datatypes import BroadcastQueue, Empty, TList
from stm.threadutils import ThreadPool
from stm.utils import atomically_watch
from support import Case


class Thing:
    pass


class Contrary:
    """Equal to nothing, after having done something."""

    def __init__(self, action):
        self.action = action

    def __eq__(self, other):
        self.action()
        return False

    def __lt__(self, other):
        self.action()
        return False

    __hash__ = None


class ComparisonTest(Case):
    def operations(self, items):
        return {
            "in": lambda: 5 in items,
            "index": lambda: or_value_error(lambda: items.index(5)),
            "count": lambda: items.count(5),
            "remove": lambda: or_value_error(lambda: items.remove(5)),
            "==": lambda: items == [5] * len(items),
            "<": lambda: items < TList([5] * len(items)),
            "sort": lambda: items.sort(),
            "sort by key": lambda: items.sort(key=lambda item: item),
        }

    def each(self, action):
        for name in self.operations(None):
            items = TList()
            items_action = action(items)
            atomically(
                lambda: items.extend(Contrary(items_action) for _ in range(40))
            )
            with self.subTest(name):
                yield items, self.operations(items)[name]

    def test_what_it_raises_comes_out_unchanged(self):
        for error in (KeyError("raised"), KeyboardInterrupt(), SystemExit(3)):

            def action(items):
                def act():
                    raise error

                return act

            for items, operation in self.each(action):
                with self.assertRaises(type(error)) as caught:
                    atomically(operation)
                self.assertIs(caught.exception, error)
                self.assertEqual(atomically(lambda: len(items)), 40)

    def test_it_may_run_transactions(self):
        count = TVar(0)

        def action(items):
            return lambda: atomically(lambda: count.set(count.get() + 1))

        for items, operation in self.each(action):
            before = atomically(count.get)
            atomically(operation)
            self.assertGreater(atomically(count.get), before)
            self.assertEqual(atomically(lambda: len(items)), 40)

    def test_it_may_empty_the_list(self):
        def action(items):
            return lambda: items.clear()

        for items, operation in self.each(action):
            try:
                atomically(operation)
            except (IndexError, ValueError):
                pass
            else:
                self.assertEqual(atomically(lambda: len(items)), 0)

    def test_it_may_change_the_list_and_collect(self):
        def action(items):
            def act():
                items.append(Thing())
                del items[0]
                gc.collect(0)

            return act

        for items, operation in self.each(action):
            try:
                atomically(operation)
            except (IndexError, ValueError):
                pass

    def test_it_may_retry(self):
        def action(items):
            return retry

        for items, operation in self.each(action):
            self.assertEqual(
                atomically(lambda: or_else(operation, lambda: "second")),
                "second",
            )

    def test_it_may_start_and_await_threads(self):
        count = TVar(0)

        def action(items):
            def act():
                self.join(
                    self.start(
                        atomically, lambda: count.set(count.get() + 1)
                    )
                )

            return act

        for _, operation in self.each(action):
            before = atomically(count.get)
            atomically(operation)
            self.assertGreater(atomically(count.get), before)


def or_value_error(function):
    try:
        return function()
    except ValueError as error:
        return error


class Falsy:
    """A function, and a value, that is false, and equal to everything."""

    def __init__(self, function=int):
        self.function = function

    def __call__(self, *args):
        return self.function(*args)

    def __len__(self):
        return 0

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0


class OddValueTest(Case):
    def test_a_value_that_is_false_is_a_value_like_any_other(self):
        value = Falsy()
        var = TVar(value)
        self.assertIs(atomically(var.get), value)
        items = TList([value])
        self.assertIs(atomically(lambda: items.pop()), value)
        queue = BroadcastQueue()
        endpoint = atomically(queue.new_endpoint)
        atomically(lambda: queue.put(value))
        self.assertFalse(atomically(lambda: endpoint.is_empty))
        self.assertIs(atomically(endpoint.peek), value)
        self.assertIs(atomically(endpoint.get), value)
        with self.assertRaises(Empty):
            atomically(lambda: endpoint.get(block=False))
        self.assertIs(atomically(lambda: value), value)
        self.assertIs(atomically(lambda: or_else(lambda: value)), value)

    def test_a_function_that_is_false_is_called_like_any_other(self):
        called = []
        function = Falsy(lambda *args: called.append(1))
        atomically(function)
        atomically(lambda: on_commit(function) and None)
        atomically(lambda: or_else(function))
        atomically_watch(function, lambda unused: None)
        atomically_watch(lambda: None, function)
        self.assertGreaterEqual(len(called), 5)
        pool, ran = ThreadPool(1, 0), TVar(False)
        pool.schedule(Falsy(lambda: atomically(lambda: ran.set(True))))
        pool.join()
        self.assertTrue(atomically(ran.get))

    def test_what_equals_everything_is_a_change_all_the_same(self):
        var, first, second = TVar(Falsy()), Falsy(), Falsy()
        atomically(lambda: var.set(first))
        before = stm.stats.read()["retries"]
        thread = self.start(
            atomically, lambda: var.get() is second or retry()
        )
        self.blocked(1, before)
        atomically(lambda: var.set(second))
        self.join(thread)

    def test_what_is_changed_in_place_is_not_undone(self):
        var = TVar([])

        def body():
            var.get().append(1)
            raise ValueError

        with self.assertRaises(ValueError):
            atomically(body)
        self.assertIn(1, atomically(var.get))


class DepthTest(Case):
    DEPTH = 100000

    def drop(self, wrap, cyclic=False):
        """Make a chain, and let go of it in each way there is."""
        for let_go in (self.by_name, self.by_commit, self.by_collector):
            with self.subTest(let_go.__name__):
                chain = TVar()
                probe = weakref.ref(chain)
                for _ in range(self.DEPTH):
                    chain = wrap(chain)
                chain = [chain]
                let_go(chain)
                if cyclic:
                    gc.collect()
                self.assertIsNone(probe(), "expected all of it to go")

    def by_name(self, chain):
        chain.clear()

    def by_commit(self, chain):
        var = TVar(chain.pop())
        atomically(lambda: var.set(None))

    def by_collector(self, chain):
        thing = Thing()
        thing.itself = thing
        thing.chain = chain.pop()
        del thing
        gc.collect()

    def test_a_chain_of_variables(self):
        self.drop(TVar)

    def test_a_chain_of_lists_in_variables(self):
        self.drop(lambda value: TVar([value]))

    def test_a_chain_of_transactional_lists(self):
        self.drop(lambda value: TList([value]))

    def test_a_chain_of_long_transactional_lists(self):
        self.DEPTH = 3000
        self.drop(lambda value: TList([0] * 100 + [value] + [0] * 100))

    def test_a_chain_of_endpoints(self):
        self.DEPTH = 20000

        def wrap(value):
            queue = BroadcastQueue()
            endpoint = atomically(queue.new_endpoint)
            atomically(lambda: queue.put(value))
            return endpoint

        self.drop(wrap)

    def test_a_chain_of_all_of_them_with_functions_between(self):
        self.DEPTH = 20000

        def wrap(value):
            return TList([TVar((lambda: value,))])

        self.drop(wrap)

    def test_a_chain_of_watchers(self):
        self.DEPTH = 10000

        def wrap(value):
            var = TVar()
            atomically_watch(lambda: (var.get(), value), lambda unused: None)
            return var

        self.drop(wrap, cyclic=True)

    def test_a_chain_of_weak_references_callbacks(self):
        self.DEPTH = 20000
        thing = Thing()
        self.drop(lambda value: stm.TWeakRef(thing, lambda: value))

    def test_nested_lists_in_a_variable(self):
        nested = []
        for _ in range(self.DEPTH):
            nested = [nested]
        holder = [nested]
        del nested
        self.by_commit(holder)

    def test_a_million_items_that_nobody_has_read(self):
        queue = BroadcastQueue()
        endpoint = atomically(queue.new_endpoint)
        thing = Thing()
        probe = weakref.ref(thing)
        for _ in range(100):
            atomically(lambda: [queue.put(thing) for _ in range(10000)])
        self.assertEqual(atomically(lambda: endpoint.remaining), 1000000)
        del thing, endpoint
        self.assertIsNone(probe())
        del queue

    def test_transactions_nest_to_the_limit_of_recursion(self):
        for make in (
            lambda body: lambda: atomically(body),
            lambda body: lambda: or_else(body),
            lambda body: lambda: stm.atomic(body)(),
        ):
            var, deepest = TVar(0), []

            def body():
                var.value += 1
                deepest.append(var.value)
                nested()

            nested = make(body)
            with self.assertRaises(RecursionError):
                atomically(body)
            self.assertGreater(max(deepest), 20)
            self.assertEqual(atomically(var.get), 0)

    def test_the_limit_of_recursion_undoes_only_what_it_ends(self):
        var = TVar(0)

        def body():
            var.value += 1
            try:
                atomically(body)
            except RecursionError:
                pass

        atomically(body)
        self.assertGreater(atomically(var.get), 10)

    def test_a_deep_stack_runs_transactions_as_long_as_it_can(self):
        var = TVar(0)

        def deeper():
            atomically(lambda: var.set(var.get() + 1))
            deeper()

        with self.assertRaises(RecursionError):
            deeper()
        self.assertGreater(atomically(var.get), 100)


if __name__ == "__main__":
    unittest.main()
